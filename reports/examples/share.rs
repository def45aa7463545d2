//! The 95 % interval of a share, in percent: `cargo run -p reports --example share -- SUCCESSES TRIALS`.

use reports::statistics::clopper_pearson;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let mut counts = env::args().skip(1);
    let mut next = || Ok::<usize, Box<dyn Error>>(counts.next().ok_or("SUCCESSES TRIALS?")?.parse()?);
    let interval = clopper_pearson(next()?, next()?);
    println!("{:.1} {:.1}", interval.low * 100.0, interval.high * 100.0);
    Ok(())
}

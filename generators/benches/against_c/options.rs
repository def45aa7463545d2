//! The command line.

use crate::Fallible;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
The generator against the same loop written in C: calls per second.

  --repetitions N   how often each loop is run, 1 to 1000 (101 unless said)
  --window MS       milliseconds that a loop counts, 1 to 60000 (60 unless said)
  --loops FOLDER    where the compiled loops are; `just bench-generators` says so itself";

/// How much to measure, and with what.
pub(crate) struct Options {
    pub(crate) repetitions: usize,
    pub(crate) window_ms: u64,
    pub(crate) loops: PathBuf,
}

/// Reads the command line after the program's name; none when only help was asked for.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Fallible<Option<Options>> {
    let (mut repetitions, mut window_ms, mut loops) = (101, 60, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--repetitions" => repetitions = within(&value()?, 1, 1000)?,
            "--window" => window_ms = within(&value()?, 1, 60_000)?,
            "--loops" => loops = Some(PathBuf::from(value()?)),
            "--help" | "-h" => return Ok(None),
            // Cargo's own way of telling a benchmark that it is one.
            "--bench" => {}
            other => return Err(format!("{other} is not an option; --help lists them").into()),
        }
    }
    let loops = loops.ok_or("the compiled loops are missing: start this with `just bench-generators`")?;
    let repetitions = usize::try_from(repetitions)?;
    Ok(Some(Options { repetitions, window_ms, loops }))
}

fn within(text: &str, least: u64, most: u64) -> Fallible<u64> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{text} is not a number from {least} to {most}").into())
}

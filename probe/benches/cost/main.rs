//! What the probe adds to a call, beside what the kernel itself takes to call any BPF program there, and beside what
//! other tools add that watch a process's system calls.
//!
//! `just bench-probe`, or as root `cargo bench -p probe --bench cost -- --help`. Every round times every row, so that
//! a disturbance of the machine falls on all of them; a figure is the median over the rounds, with an interval. What a
//! row adds is its time less the bare call's of the same round; ratios are of the same round, too. The time is the
//! processor's that the caller spent, which leaves out what other processes take.

mod bench;
mod counts;
mod document;
mod machine;
mod options;
mod peers;
mod reading;
mod rows;
mod scaling;
mod statistics;
mod tables;
mod targets;
mod worker;

use document::Document;
use machine::Machine;
use options::{Options, Request, USAGE};
use std::error::Error;
use std::process::ExitCode;

/// What goes wrong here ends a row or the whole benchmark, and is only ever told.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let done = options::parse(std::env::args().skip(1)).and_then(|request| match request {
        Request::Help => {
            println!("{USAGE}");
            Ok(())
        }
        Request::Work(cpu) => worker::serve(cpu),
        Request::Measure(options) => measure(&options),
    });
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure(options: &Options) -> Fallible<()> {
    if let Err(error) = machine::mount_tracing() {
        eprintln!("the peers may find no tracing files: {error}");
    }
    let machine = Machine::prepare()?;
    let found = bench::run(&machine, options)?;
    let document = Document::of(found, machine, options);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        tables::print(&document);
    }
    Ok(())
}

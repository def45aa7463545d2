//! The command line.

use crate::Fallible;
use crate::worker::ROLE;

const DEFAULT_ROUNDS: usize = 31;
/// Fewer give no interval of 95 %.
const LEAST_ROUNDS: usize = 7;
/// More have no binomial probabilities in an f64.
const MOST_ROUNDS: usize = 1_000;
const DEFAULT_CALLS: u32 = 100_000;
const LEAST_CALLS: u32 = 1_000;

pub(crate) const USAGE: &str = "\
What the probe adds to a system call, beside the floor and beside its peers. As root.

  --rounds N   rounds that every row is timed in, 7 to 1000 (31 unless said); a third of them, but 7 at
               least, include the peers
  --calls N    calls of a row in a round, at least 1000 (100000 unless said); a tenth for slow peers
  --json       one JSON document on standard output in place of the tables";

/// What was asked for.
pub(crate) enum Request {
    Help,
    /// To be the worker on a CPU.
    Work(usize),
    Measure(Options),
}

/// How to measure and what to print.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) calls: u32,
    pub(crate) json: bool,
}

impl Options {
    /// Whether peers, which are slow to start, take part in `round`: in a third of the rounds, evenly spread.
    pub(crate) fn includes_peers(&self, round: usize) -> bool {
        let in_all = (self.rounds / 3).max(LEAST_ROUNDS);
        let before = |round| round * in_all / self.rounds;
        before(round + 1) > before(round)
    }
}

/// Reads the command line after the program's name.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Fallible<Request> {
    let mut options = Options { rounds: DEFAULT_ROUNDS, calls: DEFAULT_CALLS, json: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a number"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            ROLE => return Ok(Request::Work(value()?.parse()?)),
            "--rounds" => options.rounds = value()?.parse()?,
            "--calls" => options.calls = value()?.parse()?,
            "--json" => options.json = true,
            // Cargo's own.
            "--bench" => {}
            _ => return Err(format!("unknown argument {argument:?}; see --help").into()),
        }
    }
    if !(LEAST_ROUNDS..=MOST_ROUNDS).contains(&options.rounds) || options.calls < LEAST_CALLS {
        return Err(
            format!("--rounds is {LEAST_ROUNDS} to {MOST_ROUNDS}, --calls at least {LEAST_CALLS}").into()
        );
    }
    Ok(Request::Measure(options))
}

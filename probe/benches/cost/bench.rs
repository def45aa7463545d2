//! The order of things: every round times every row, the scaling and the reading.

use crate::Fallible;
use crate::machine::Machine;
use crate::options::Options;
use crate::peers::PEERS;
use crate::reading::{self, Reading};
use crate::rows::{self, Kind, LeftOut, Row};
use crate::scaling::{self, Pair};
use crate::worker::Worker;
use probe::Backend;
use std::io::{IsTerminal as _, stderr};

/// What was seen, round by round.
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) scaling: Vec<Pair>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Measures in interleaved rounds, so that a disturbance of the machine falls on everything.
pub(crate) fn run(machine: &Machine, options: &Options) -> Fallible<Found> {
    let (rows, left_out) = rows::all(options);
    say_what_is_missing();
    let found = Found { rows, scaling: Vec::new(), readings: Vec::new(), left_out };
    let mut bench = Bench { machine, options, worker: Worker::start(machine.measured_cpu)?, found };
    for round in 0..options.rounds {
        if stderr().is_terminal() {
            eprint!("\rround {} of {}\x1b[K", round + 1, options.rounds);
        }
        bench.time_rows(round)?;
        bench.time_scaling(round);
        bench.time_reading();
    }
    if stderr().is_terminal() {
        eprintln!();
    }
    Ok(bench.found)
}

/// Says before the rounds begin what could be installed to be compared with.
fn say_what_is_missing() {
    let missing = PEERS.iter().filter(|peer| peer.find().is_none());
    let packages: Vec<_> = missing.map(|peer| peer.package).collect();
    if !packages.is_empty() {
        eprintln!("peers are missing, which Debian has: apt-get install {}", packages.join(" "));
    }
}

struct Bench<'a> {
    machine: &'a Machine,
    options: &'a Options,
    worker: Worker,
    found: Found,
}

impl Bench<'_> {
    /// Each round begins with another row, and every other one goes backwards, so that no row has a place or a
    /// predecessor of its own.
    fn time_rows(&mut self, round: usize) -> Fallible<()> {
        let rows = self.found.rows.len();
        let mut order: Vec<_> = (0..rows).map(|place| (place + round) % rows).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut refused = Vec::new();
        for index in order {
            let row = &mut self.found.rows[index];
            if row.peer().is_some() && !self.options.includes_peers(round) {
                continue;
            }
            match row.measure(&mut self.worker)? {
                Ok(timing) => row.rounds[round] = Some(timing),
                Err(reason) if row.kind == Kind::Floor(Backend::RawTracepoint) => {
                    return Err(format!("{}: {reason}", row.name).into());
                }
                Err(reason) => refused.push((index, reason)),
            }
        }
        refused.sort_unstable_by_key(|(index, _)| *index);
        for (removed, (index, reason)) in refused.into_iter().enumerate() {
            let name = self.found.rows.remove(index - removed).name;
            self.leave_out(&name, reason);
        }
        Ok(())
    }

    fn time_scaling(&mut self, round: usize) {
        const NAME: &str = "scaling to two CPUs";
        if self.is_left_out(NAME) {
            return;
        }
        let Some(cpus) = self.machine.two_cpus() else {
            return self.leave_out(NAME, "this process may use one CPU only".into());
        };
        match scaling::measure(&mut self.worker, self.options.calls, &cpus, round.is_multiple_of(2)) {
            Ok(pair) => self.found.scaling.push(pair),
            Err(error) => self.leave_out(NAME, error.to_string()),
        }
    }

    fn time_reading(&mut self) {
        const NAME: &str = "reading";
        if self.is_left_out(NAME) {
            return;
        }
        match reading::measure(&mut self.worker, &self.machine.cpus) {
            Ok(reading) => self.found.readings.push(reading),
            Err(error) => self.leave_out(NAME, error.to_string()),
        }
    }

    fn is_left_out(&self, name: &str) -> bool {
        self.found.left_out.iter().any(|it| it.name == name)
    }

    fn leave_out(&mut self, name: &str, reason: String) {
        self.found.left_out.push(LeftOut { name: name.into(), reason });
    }
}

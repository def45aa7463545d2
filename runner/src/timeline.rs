//! Owns the account of what the runner spends on trials, kept only for `just bench-runner`: a line of JSON for each
//! trial in the file that the environment variable `RUNNER_TIMELINE` names, phases in nanoseconds.

use crate::clock::nanoseconds;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};
use store::TrialRecord;

/// The variable that names the file.
const VARIABLE: &str = "RUNNER_TIMELINE";

/// What the phases of one trial took, in their order.
#[derive(Debug)]
pub(crate) struct Laps {
    last: Instant,
    phases: Vec<(&'static str, Duration)>,
    /// Processor time of the runner, all its threads, within warm-up and window.
    cpu: Duration,
}

impl Default for Laps {
    fn default() -> Self {
        Self { last: Instant::now(), phases: Vec::with_capacity(16), cpu: Duration::ZERO }
    }
}

impl Laps {
    /// Everything since the phase before was this one.
    pub(crate) fn lap(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.phases.push((phase, now - self.last));
        self.last = now;
    }

    /// The runner's processor time within warm-up and window.
    pub(crate) fn spent(&mut self, cpu: Duration) {
        self.cpu = cpu;
    }

    fn line(&self, record: &TrialRecord) -> String {
        let (trial, window_ns, load) = (record.trial, record.window_ns, record.factors.get("load"));
        let phases: serde_json::Map<_, _> = self
            .phases
            .iter()
            .map(|(phase, took)| ((*phase).to_owned(), nanoseconds(*took).into()))
            .collect();
        let cpu = nanoseconds(self.cpu);
        let line = serde_json::json!({"trial": trial, "load": load, "window_ns": window_ns, "cpu_ns": cpu, "phases": phases});
        format!("{line}\n")
    }
}

/// Processor time of this process so far, its ended children aside.
pub(crate) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The file, if there is to be one.
#[derive(Debug)]
pub(crate) struct Timeline(Option<File>);

impl Timeline {
    /// Begins the file that the environment names; none where it names none, or one that cannot be written.
    pub(crate) fn from_environment() -> Self {
        Self(std::env::var_os(VARIABLE).and_then(|path| File::create(path).ok()))
    }

    /// Adds a trial. What cannot be written is left out: nothing that is kept depends on it.
    pub(crate) fn add(&mut self, record: &TrialRecord, laps: &Laps) {
        if let Some(file) = &mut self.0 {
            let _ = file.write_all(laps.line(record).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_told_in_their_order() {
        let mut laps = Laps::default();
        laps.lap("prepare");
        laps.lap("store");
        let phases: Vec<_> = laps.phases.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(phases, ["prepare", "store"]);
    }
}

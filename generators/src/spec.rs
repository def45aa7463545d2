//! What a generator is told to do.

use crate::{Parameter, Workload};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pin {
    /// Thread number i on the i-th CPU that the process may run on, beginning again after the last.
    Spread,
    /// All on this CPU.
    Cpu(u32),
}

/// One generator process of one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorSpec {
    /// What one operation is.
    pub workload: Workload,
    /// Several workloads in its place, each with its weight, 1 to 1,000; empty for one. `workload` is the first of them.
    #[serde(default)]
    pub mix: Vec<(Workload, u32)>,
    /// Decides the order of a mix.
    #[serde(default)]
    pub seed: u64,
    /// Threads that repeat it, 1 to 4,096.
    pub threads: u32,
    /// Bytes per operation, for workloads that take a size.
    pub size_bytes: Option<u64>,
    /// Whether mapped pages are written before they are unmapped.
    pub touch: bool,
    /// How long an operation lasts at least, for workloads that take a duration.
    #[serde(default)]
    pub duration_ns: Option<u64>,
    /// Folders between the scratch folder and a file, for workloads that take a depth.
    #[serde(default)]
    pub depth: Option<u32>,
    /// Threads that wait for each of its threads, for workloads that take waiters.
    #[serde(default)]
    pub waiters: Option<u32>,
    /// Where its threads run; none for wherever the kernel likes. Helpers run where their thread does.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// How long a thread waits after an operation in a closed loop.
    #[serde(default)]
    pub think_ns: u64,
    /// Operations that are issued one right after the other, between two pauses or at each intended start; 0 and 1 are
    /// the same.
    #[serde(default)]
    pub batch: u32,
    /// Operations per second over all threads at fixed intended starts; none for a closed loop.
    pub rate_per_second: Option<f64>,
    /// Operations in all, over the threads; none for as many as fit into the window.
    pub operations: Option<u64>,
    /// An existing folder for the files that the workload needs; the generator removes what it makes there.
    pub scratch: PathBuf,
}

impl GeneratorSpec {
    /// Its workloads: one, or those of its mix.
    #[must_use]
    pub fn workloads(&self) -> Vec<Workload> {
        if self.mix.is_empty() {
            vec![self.workload]
        } else {
            self.mix.iter().map(|(workload, _)| *workload).collect()
        }
    }

    /// Whether any of its workloads can be told this.
    #[must_use]
    pub fn takes(&self, parameter: Parameter) -> bool {
        self.workloads().iter().any(|workload| workload.takes(parameter))
    }

    /// The same for one workload of its mix alone, with what that takes.
    #[must_use]
    pub fn part(&self, workload: Workload) -> Self {
        let takes = |parameter| workload.takes(parameter);
        Self {
            workload,
            mix: Vec::new(),
            size_bytes: self.size_bytes.filter(|_| takes(Parameter::Size)),
            touch: self.touch && takes(Parameter::Touch),
            duration_ns: self.duration_ns.filter(|_| takes(Parameter::Duration)),
            depth: self.depth.filter(|_| takes(Parameter::Depth)),
            ..self.clone()
        }
    }

    /// What it does, for people: `mmap of 65536 bytes, untouched, 2 threads, closed loop`.
    #[must_use]
    pub fn describe(&self) -> String {
        let weighed = self.mix.iter().map(|(workload, weight)| format!("{weight} {}", workload.name()));
        let name = match self.mix.as_slice() {
            [] => self.workload.name().to_owned(),
            _ => format!("mix of {}", weighed.collect::<Vec<_>>().join(" : ")),
        };
        let mut parts = vec![format!("{name}{}", self.parameters())];
        if self.takes(Parameter::Touch) {
            parts.push(if self.touch { "touched" } else { "untouched" }.to_owned());
        }
        parts.push(format!("{} thread{}", self.threads, if self.threads == 1 { "" } else { "s" }));
        parts.extend(self.pin.map(|pin| match pin {
            Pin::Spread => "spread over CPUs".to_owned(),
            Pin::Cpu(cpu) => format!("on CPU {cpu}"),
        }));
        parts.push(match self.rate_per_second {
            Some(rate) => format!("{rate} operations per second"),
            None if self.think_ns > 0 => format!("closed loop with {} ns between operations", self.think_ns),
            None => "closed loop".to_owned(),
        });
        if self.batch > 1 {
            parts.push(format!("in batches of {}", self.batch));
        }
        parts.extend(self.operations.map(|operations| format!("{operations} operations")));
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_tells_what_was_asked_for() {
        let mut spec = GeneratorSpec {
            workload: Workload::Mmap,
            mix: Vec::new(),
            seed: 0,
            threads: 2,
            size_bytes: Some(65536),
            touch: false,
            duration_ns: None,
            depth: None,
            waiters: None,
            pin: None,
            think_ns: 0,
            batch: 0,
            rate_per_second: None,
            operations: None,
            scratch: PathBuf::new(),
        };
        assert_eq!(spec.describe(), "mmap of 65536 bytes, untouched, 2 threads, closed loop");
        assert!(spec.rates().is_empty());
        spec = GeneratorSpec { workload: Workload::Getpid, threads: 1, size_bytes: None, ..spec };
        spec = GeneratorSpec { rate_per_second: Some(500.0), operations: Some(30), ..spec };
        assert_eq!(spec.describe(), "getpid, 1 thread, 500 operations per second, 30 operations");
        assert_eq!(spec.rates(), [500.0]);
        spec.mix = vec![(Workload::Getpid, 4), (Workload::Futex, 1)];
        assert_eq!(spec.rates(), [400.0, 100.0]);
    }
}

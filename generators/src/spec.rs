//! What a generator is told to do.

use crate::{Parameter, Workload};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One generator process of one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorSpec {
    /// What one operation is.
    pub workload: Workload,
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
    /// Operations per second over all threads at fixed intended starts; none for a closed loop.
    pub rate_per_second: Option<f64>,
    /// Operations in all, over the threads; none for as many as fit into the window.
    pub operations: Option<u64>,
    /// An existing folder for the files that the workload needs; the generator removes what it makes there.
    pub scratch: PathBuf,
}

impl GeneratorSpec {
    /// What it does, for people: `mmap of 65536 bytes, untouched, 2 threads, closed loop`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut parts = vec![format!("{}{}", self.workload.name(), self.parameters())];
        if self.workload.takes(Parameter::Touch) {
            parts.push(if self.touch { "touched" } else { "untouched" }.to_owned());
        }
        parts.push(format!("{} thread{}", self.threads, if self.threads == 1 { "" } else { "s" }));
        parts.push(match self.rate_per_second {
            Some(rate) => format!("{rate} operations per second"),
            None => "closed loop".to_owned(),
        });
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
            threads: 2,
            size_bytes: Some(65536),
            touch: false,
            duration_ns: None,
            depth: None,
            rate_per_second: None,
            operations: None,
            scratch: PathBuf::new(),
        };
        assert_eq!(spec.describe(), "mmap of 65536 bytes, untouched, 2 threads, closed loop");
        spec = GeneratorSpec { workload: Workload::Getpid, threads: 1, size_bytes: None, ..spec };
        spec = GeneratorSpec { rate_per_second: Some(500.0), operations: Some(30), ..spec };
        assert_eq!(spec.describe(), "getpid, 1 thread, 500 operations per second, 30 operations");
    }
}

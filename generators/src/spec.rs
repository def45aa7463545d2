//! What a generator is told to do.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The workloads, each one operation that is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workload {
    /// `read(2)` of `size_bytes` from a file in the page cache, then `lseek(2)` back to its start.
    Read,
    /// `mmap(2)` of `size_bytes` of private anonymous memory, each page written if `touch`, then `munmap(2)`.
    Mmap,
    /// `futex(2)` with `FUTEX_WAKE_PRIVATE` on a word that nobody waits for.
    Futex,
    /// `openat(2)` of an existing file, read-only, then `close(2)`.
    Openat,
    /// `getpid(2)`, the null call.
    Getpid,
}

impl Workload {
    /// Every workload, in the order of documentation.
    pub const ALL: [Self; 5] = [Self::Read, Self::Mmap, Self::Futex, Self::Openat, Self::Getpid];

    /// The name in scenarios.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mmap => "mmap",
            Self::Futex => "futex",
            Self::Openat => "openat",
            Self::Getpid => "getpid",
        }
    }

    /// The system calls of one operation, in order, each issued exactly once.
    #[must_use]
    pub const fn syscalls(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["read", "lseek"],
            Self::Mmap => &["mmap", "munmap"],
            Self::Futex => &["futex"],
            Self::Openat => &["openat", "close"],
            Self::Getpid => &["getpid"],
        }
    }

    /// Whether the workload takes a size.
    #[must_use]
    pub const fn takes_size(self) -> bool {
        matches!(self, Self::Read | Self::Mmap)
    }

    /// Whether the workload can touch the memory that it maps.
    #[must_use]
    pub const fn takes_touch(self) -> bool {
        matches!(self, Self::Mmap)
    }
}

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
        let mut parts = vec![match self.size_bytes {
            Some(bytes) => format!("{} of {bytes} bytes", self.workload.name()),
            None => self.workload.name().to_owned(),
        }];
        if self.workload.takes_touch() {
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

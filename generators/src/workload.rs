//! The workloads as data: the only place where it says what each of them issues and takes.
//!
//! How an operation is carried out is the binary's, in one file for each (`workloads/`); what it is, for people, is in
//! `docs/generators`.

use crate::GeneratorSpec;
use serde::{Deserialize, Serialize};

/// The workloads, each one operation that is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each has a row below and a page in docs/generators")]
pub enum Workload {
    Read,
    Pread,
    Write,
    Fsync,
    Mmap,
    MmapPopulate,
    MmapFile,
    MmapHuge,
    Munmap,
    Mprotect,
    Brk,
    Openat,
    OpenatMissing,
    OpenatCreate,
    OpenatCold,
    OpenatDeep,
    Close,
    Stat,
    Getpid,
    Nanosleep,
    Futex,
    FutexPingpong,
    FutexWaiters,
    Pipe,
    PipePingpong,
    Eventfd,
    EventfdPingpong,
    EpollWait,
    Socket,
    Clone,
    Execve,
}

/// What a workload may be told besides what all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Bytes of an operation; required where it is taken, unless there is a default.
    Size,
    /// Whether mapped memory is written to.
    Touch,
    /// How long an operation lasts at least; required where it is taken.
    Duration,
    /// Folders above a file; required where it is taken.
    Depth,
    /// Threads that wait for another; required where it is taken.
    Waiters,
}

/// A row of the table.
struct Row {
    name: &'static str,
    timed: &'static [&'static str],
    untimed: &'static [&'static str],
    takes: &'static [Parameter],
}

const fn row(name: &'static str, timed: &'static [&'static str], takes: &'static [Parameter]) -> Row {
    Row { name, timed, untimed: &[], takes }
}

impl Row {
    /// The same, and calls that nobody times: those of helping threads and children, and those between operations.
    const fn and(mut self, untimed: &'static [&'static str]) -> Self {
        self.untimed = untimed;
        self
    }
}

impl Workload {
    /// Every workload, in the order of documentation.
    pub const ALL: [Self; 31] = [
        Self::Read,
        Self::Pread,
        Self::Write,
        Self::Fsync,
        Self::Mmap,
        Self::MmapPopulate,
        Self::MmapFile,
        Self::MmapHuge,
        Self::Munmap,
        Self::Mprotect,
        Self::Brk,
        Self::Openat,
        Self::OpenatMissing,
        Self::OpenatCreate,
        Self::OpenatCold,
        Self::OpenatDeep,
        Self::Close,
        Self::Stat,
        Self::Getpid,
        Self::Nanosleep,
        Self::Futex,
        Self::FutexPingpong,
        Self::FutexWaiters,
        Self::Pipe,
        Self::PipePingpong,
        Self::Eventfd,
        Self::EventfdPingpong,
        Self::EpollWait,
        Self::Socket,
        Self::Clone,
        Self::Execve,
    ];

    const fn row(self) -> Row {
        use Parameter::{Depth, Duration, Size, Touch, Waiters};
        match self {
            Self::Read => row("read", &["read", "lseek"], &[Size]),
            Self::Pread => row("pread", &["pread64"], &[Size]),
            Self::Write => row("write", &["write", "lseek"], &[Size]),
            Self::Fsync => row("fsync", &["pwrite64", "fsync"], &[Size]),
            Self::Mmap => row("mmap", &["mmap", "munmap"], &[Size, Touch]),
            Self::MmapPopulate => row("mmap_populate", &["mmap", "munmap"], &[Size]),
            Self::MmapFile => row("mmap_file", &["mmap", "munmap"], &[Size, Touch]),
            Self::MmapHuge => row("mmap_huge", &["mmap", "madvise", "munmap"], &[Size, Touch]),
            Self::Munmap => row("munmap", &["munmap"], &[Size, Touch]).and(&["mmap"]),
            Self::Mprotect => row("mprotect", &["mprotect", "mprotect"], &[Size, Touch]),
            Self::Brk => row("brk", &["brk", "brk"], &[Size, Touch]),
            Self::Openat => row("openat", &["openat", "close"], &[]),
            Self::OpenatMissing => row("openat_missing", &["openat"], &[]),
            Self::OpenatCreate => row("openat_create", &["openat", "close", "unlinkat"], &[]),
            Self::OpenatCold => row("openat_cold", &["openat", "close"], &[]),
            Self::OpenatDeep => row("openat_deep", &["openat", "close"], &[Depth]),
            Self::Close => row("close", &["close"], &[]).and(&["dup"]),
            Self::Stat => row("stat", &["newfstatat"], &[]),
            Self::Getpid => row("getpid", &["getpid"], &[]),
            Self::Nanosleep => row("nanosleep", &["clock_nanosleep"], &[Duration]),
            Self::Futex => row("futex", &["futex"], &[]),
            Self::FutexPingpong => row("futex_pingpong", &["futex", "futex"], &[]).and(&["futex", "futex"]),
            Self::FutexWaiters => row("futex_waiters", &["futex"], &[Waiters]).and(&["futex"]),
            Self::Pipe => row("pipe", &["write", "read"], &[Size]),
            Self::PipePingpong => row("pipe_pingpong", &["write", "read"], &[Size]).and(&["read", "write"]),
            Self::Eventfd => row("eventfd", &["write", "read"], &[]),
            Self::EventfdPingpong => row("eventfd_pingpong", &["write", "read"], &[]).and(&["read", "write"]),
            Self::EpollWait => row("epoll_wait", &["epoll_pwait"], &[]),
            Self::Socket => row("socket", &["sendto", "recvfrom"], &[Size]),
            Self::Clone => row("clone", &["clone", "wait4"], &[]),
            Self::Execve => row("execve", &["clone", "wait4"], &[]).and(&["execve"]),
        }
    }

    /// The name in scenarios.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The calls of one operation that its caller times, in order. A name may come more than once.
    #[must_use]
    pub const fn timed(self) -> &'static [&'static str] {
        self.row().timed
    }

    /// The names of all calls that it issues, as far as they are part of its operations.
    pub fn syscalls(self) -> impl Iterator<Item = &'static str> {
        self.timed().iter().chain(self.row().untimed).copied()
    }

    /// Whether nobody but a probe sees these calls of it: those of its children, and those between operations.
    #[must_use]
    pub fn leaves_to_the_probe(self, syscall: &str) -> bool {
        self.row().untimed.contains(&syscall) && !self.timed().contains(&syscall)
    }

    /// Whether its children issue calls that are part of its operations.
    #[must_use]
    pub const fn has_children(self) -> bool {
        matches!(self, Self::Execve)
    }

    /// Whether it can be one of several in a generator: all its calls are its caller's, and timed.
    #[must_use]
    pub const fn can_be_mixed(self) -> bool {
        self.row().untimed.is_empty() && !matches!(self, Self::Clone)
    }

    /// Whether it can be told this.
    #[must_use]
    pub fn takes(self, parameter: Parameter) -> bool {
        self.row().takes.contains(&parameter)
    }

    /// Bytes of an operation that is told no size, where that may be.
    #[must_use]
    pub const fn default_size_bytes(self) -> Option<u64> {
        if self.sends_to_itself() { Some(1) } else { None }
    }

    /// The largest size that it takes; none where memory alone is the limit.
    #[must_use]
    pub const fn most_size_bytes(self) -> Option<u64> {
        // A pipe holds no more unless the machine is told so; nobody reads while a thread writes to itself.
        if self.sends_to_itself() { Some(1 << 20) } else { None }
    }

    const fn sends_to_itself(self) -> bool {
        matches!(self, Self::Pipe | Self::PipePingpong | Self::Socket)
    }

    /// Whether it has to be told a size.
    #[must_use]
    pub fn needs_size(self) -> bool {
        self.takes(Parameter::Size) && self.default_size_bytes().is_none()
    }

    /// Whether each of its threads has memory of `size_bytes` in use.
    #[must_use]
    pub fn fills_memory(self, touch: bool) -> bool {
        match self {
            Self::Read | Self::Pread | Self::Write | Self::Fsync | Self::MmapPopulate => true,
            _ if self.sends_to_itself() => true,
            // The file's pages are there once, and cached.
            Self::MmapFile => false,
            _ => touch && self.takes(Parameter::Size),
        }
    }
}

impl GeneratorSpec {
    /// The calls that go with one operation and are timed by nobody, with how many they are, each name once.
    #[must_use]
    pub fn untimed(&self) -> Vec<(String, u64)> {
        let each = u64::from(self.waiters.unwrap_or(1));
        let mut calls: Vec<(String, u64)> = Vec::new();
        for name in self.workload.row().untimed {
            match calls.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += each,
                None => calls.push(((*name).to_owned(), each)),
            }
        }
        calls
    }

    /// Operations per second that are asked of each of its workloads, in their order; empty in a closed loop.
    #[must_use]
    pub fn rates(&self) -> Vec<f64> {
        let Some(rate) = self.rate_per_second else { return Vec::new() };
        let all: u32 = self.mix.iter().map(|(_, weight)| weight).sum();
        match self.mix.as_slice() {
            [] => vec![rate],
            mix => mix.iter().map(|(_, weight)| rate * f64::from(*weight) / f64::from(all)).collect(),
        }
    }

    /// Threads that help each of its threads.
    #[must_use]
    pub const fn helpers(&self) -> u32 {
        match self.workload {
            Workload::FutexPingpong | Workload::PipePingpong | Workload::EventfdPingpong => 1,
            Workload::FutexWaiters => match self.waiters {
                Some(waiters) => waiters,
                None => 1,
            },
            _ => 0,
        }
    }

    /// The parameters of a workload in words, such as `of 65536 bytes`.
    pub(crate) fn parameters(&self) -> String {
        let size = self.size_bytes.map(|bytes| format!(" of {bytes} bytes"));
        let duration = self.duration_ns.map(|ns| format!(" of {ns} ns"));
        let depth = self.depth.map(|depth| format!(" below {depth} folders"));
        let waiters = self.waiters.map(|waiters| format!(" with {waiters} waiters"));
        [size, duration, depth, waiters].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_description() {
        for workload in Workload::ALL {
            let json = serde_json::to_string(&workload).unwrap();
            assert_eq!(json, format!("\"{}\"", workload.name()));
            assert!(!workload.timed().is_empty());
        }
        let names: std::collections::BTreeSet<_> = Workload::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Workload::ALL.len());
    }
}

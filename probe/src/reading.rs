//! What the probe saw of one target in one window.

use crate::Target;
use probe_abi::Histogram;

/// Counts and latencies of one target in one window.
///
/// `entered = returned + censored + lost`; the first three are counted independently.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The system call.
    pub target: Target,
    /// Latencies of the calls that succeeded, in nanoseconds.
    pub ok: Box<Histogram>,
    /// Latencies of the calls that failed, in nanoseconds.
    pub error: Box<Histogram>,
    /// Calls that were entered in the window.
    pub entered: u64,
    /// Calls that were entered and returned in the window, successfully or not.
    pub returned: u64,
    /// Calls that were entered in the window and still in the kernel when it closed.
    pub censored: u64,
    /// The longest that a censored call had been in the kernel when the window closed, in nanoseconds.
    pub censored_age_max_ns: u64,
    /// Calls of which the return was missed; below zero would mean returns without an entry.
    pub lost: i64,
    /// Failed calls by errno, rising. The kernel's own ones are among them, which callers never see: 512
    /// (`ERESTARTSYS`), 513, 514 and 516 are calls that a signal interrupted, to be restarted or to fail with `EINTR`. 0
    /// stands for numbers beyond those known.
    pub errnos: Vec<(u16, u64)>,
    /// Calls to this target by 32-bit programs of the scope, counted apart and in none of the above; none where the
    /// backend cannot see them.
    pub compat: Option<u64>,
    /// What the kernel itself says its programs for this target missed in the window, of every process; none where it
    /// keeps no such counter.
    pub missed: Option<u64>,
    /// The slowest calls, slowest first; at most as many as asked for.
    pub slowest: Vec<SlowCall>,
}

/// A call that was among the slowest of its target in its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// How long it took, in nanoseconds.
    pub latency_ns: u64,
    /// When it returned, in nanoseconds of `CLOCK_MONOTONIC`.
    pub return_ns: u64,
    /// The process that made it.
    pub pid: u32,
    /// The thread that made it.
    pub tid: u32,
    /// The CPU on which it entered the kernel.
    pub cpu_entry: u32,
    /// The CPU on which it returned.
    pub cpu_return: u32,
    /// Its arguments as the registers had them; none where the backend is not told where they are.
    pub arguments: Option<[u64; 6]>,
    /// What it returned.
    pub value: i64,
    /// How often the thread was taken off the CPU meanwhile.
    pub switches: Option<u32>,
    /// Where in the kernel it last was when it was taken off the CPU, innermost function first; empty where it was not,
    /// or the kernel could not tell.
    pub stack: Vec<String>,
}

impl Reading {
    /// Nothing seen yet.
    pub(crate) fn empty(target: Target) -> Self {
        Self {
            target,
            ok: Box::new(Histogram::EMPTY),
            error: Box::new(Histogram::EMPTY),
            entered: 0,
            returned: 0,
            censored: 0,
            censored_age_max_ns: 0,
            lost: 0,
            errnos: Vec::new(),
            compat: None,
            missed: None,
            slowest: Vec::new(),
        }
    }

    /// Strikes the balance, once everything is counted.
    pub(crate) fn balance(&mut self) {
        self.returned = self.ok.count + self.error.count;
        self.lost = self.entered.cast_signed() - (self.returned + self.censored).cast_signed();
    }
}

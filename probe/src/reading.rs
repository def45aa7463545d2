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
        }
    }

    /// Strikes the balance, once everything is counted.
    pub(crate) fn balance(&mut self) {
        self.returned = self.ok.count + self.error.count;
        self.lost = self.entered.cast_signed() - (self.returned + self.censored).cast_signed();
    }
}

//! The clock that programs, loader and generators share.

use rustix::time::{ClockId, clock_gettime};

/// Now, in nanoseconds of `CLOCK_MONOTONIC`: the clock that the BPF programs read.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at zero with the machine.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// When calls count: `[open_ns, close_ns)`, nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first nanosecond that is in the window.
    pub open_ns: u64,
    /// The first nanosecond after the window; `u64::MAX` for a window that [`crate::Probe::close`] ends.
    pub close_ns: u64,
}

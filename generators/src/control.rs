//! The page of shared memory through which the runner paces a generator.
//!
//! Timed (no `operations`): the generator becomes [`Phase::Ready`]; the runner writes the window's bounds and sets
//! [`Phase::Go`]; the threads run at once, record the calls that lie wholly within the bounds, end at the window's
//! close, park, and the generator sets [`Phase::Done`].
//!
//! Counted (`operations = N`): after [`Phase::Ready`] the runner writes `open_ns`, the end of the warm-up, and sets
//! [`Phase::Warm`]; the threads run until then, park, and the generator sets [`Phase::Warmed`]; the runner arms the
//! probe and sets [`Phase::Go`]; the threads issue exactly N operations and park; the generator sets
//! [`Phase::Done`].
//!
//! Either way the runner reads the probe, which may wait for what a process that ends would begin in the kernel, and
//! sets [`Phase::Release`]; then the report is printed.
//!
//! Whoever waits sleeps in `rt_sigtimedwait(2)` with an empty set, a call that no study measures, so that no call of
//! the conversation is counted as one of the workload's.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How far a generator and its runner are, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Phase {
    /// The generator prepares files, memory and threads.
    Starting = 0,
    /// Set by the generator: everything is prepared.
    Ready = 1,
    /// Set by the runner, counted mode only: warm up until `open_ns`, then park.
    Warm = 2,
    /// Set by the generator, counted mode only: every thread is parked.
    Warmed = 3,
    /// Set by the runner: run.
    Go = 4,
    /// Set by the generator: no further call of the workload will be issued.
    Done = 5,
    /// Set by the runner: the probe is read, threads may end.
    Release = 6,
}

/// The shared page; both sides map it.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Page {
    phase: AtomicU32,
    /// Window's start (timed) or warm-up's end (counted), nanoseconds of `CLOCK_MONOTONIC`.
    open_ns: AtomicU64,
    /// Window's end, nanoseconds of `CLOCK_MONOTONIC`.
    close_ns: AtomicU64,
}

impl Page {
    /// The phase that was set last; an unknown value counts as [`Phase::Starting`].
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            1 => Phase::Ready,
            2 => Phase::Warm,
            3 => Phase::Warmed,
            4 => Phase::Go,
            5 => Phase::Done,
            6 => Phase::Release,
            _ => Phase::Starting,
        }
    }

    /// Goes on to a phase, unless the page is beyond it; what was written to the page before is visible to whoever sees it.
    ///
    /// Both sides set phases: a generator may be done only after it was told that it may end.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.fetch_max(phase as u32, Ordering::Release);
    }

    /// The window's bounds, nanoseconds of `CLOCK_MONOTONIC`: `[open, close)`.
    #[must_use]
    pub fn window_ns(&self) -> (u64, u64) {
        (self.open_ns.load(Ordering::Relaxed), self.close_ns.load(Ordering::Relaxed))
    }

    /// Writes the window's bounds; set a phase afterwards to make them visible.
    pub fn set_window_ns(&self, open_ns: u64, close_ns: u64) {
        self.open_ns.store(open_ns, Ordering::Relaxed);
        self.close_ns.store(close_ns, Ordering::Relaxed);
    }
}

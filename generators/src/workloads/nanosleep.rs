//! `nanosleep`: sleeping for a while.
//!
//! Issues, per operation: `clock_nanosleep(2)` of `CLOCK_MONOTONIC` for `duration`, relative, with no place for what is
//! left. The generator's timers are as exact as the machine's (a slack of 1 ns).
//!
//! Leaves out: sleeping until a point in time. What a call takes beyond `duration` is the timer's interrupt and the way
//! back onto the processor.

use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Nanosleep {
    /// Seconds and nanoseconds, as the kernel reads them.
    time: Box<[u64; 2]>,
}

impl Operation for Nanosleep {
    type Calls = [Call; 1];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let ns = site.spec.duration_ns.unwrap_or(0);
        Ok(Self { time: Box::new([ns / 1_000_000_000, ns % 1_000_000_000]) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        const CLOCK: usize = libc::CLOCK_MONOTONIC as usize;
        let time = self.time.as_ptr().expose_provenance();
        // SAFETY: the time lives as long as `self`, and nothing is to be written.
        [unsafe { timed(libc::SYS_clock_nanosleep, [CLOCK, 0, time, 0, 0, 0]) }]
    }
}

//! Time as the generator reads it and waits for it.
//!
//! Owns the clock, which is the probe's (`CLOCK_MONOTONIC`, read through the vDSO without entering the kernel), and
//! the two ways of waiting, neither of which issues a call that a study measures.

use crate::raw;
use std::time::Duration;

/// How long before its time [`wait_until`] stops sleeping and spins: about what a timer's interrupt and the way back
/// onto the processor take.
const SPIN_NS: u64 = 50_000;

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing. The call cannot fail: the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Sleeps for `ns` nanoseconds or a little longer, or less if a signal comes.
///
/// `rt_sigtimedwait(2)` for an empty set of signals, see [`crate::control`].
pub(crate) fn nap(ns: u64) {
    let nothing = 0u64;
    let time = libc::timespec {
        tv_sec: (ns / 1_000_000_000).cast_signed(),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    };
    let arguments = [(&raw const nothing).addr(), 0, (&raw const time).addr(), size_of_val(&nothing), 0, 0];
    // SAFETY: set and time are valid for reading during the call, and no signal's details are asked for.
    unsafe { raw::syscall(libc::SYS_rt_sigtimedwait, arguments) };
}

/// A span of time in nanoseconds, within what a moment can be from now.
pub(crate) fn span_ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// How long to sleep before looking again at what has been waited for so long: at least `least`, and the longer it lasts,
/// the longer. Each look takes its time from what is waited for, where both are on one CPU: five thousand a second a seventh
/// of it, on a virtual machine.
pub(crate) fn next_look(waited: Duration, least: Duration) -> Duration {
    const MOST: Duration = Duration::from_millis(5);
    (waited / 32).clamp(least, least.max(MOST))
}

/// Waits until `time_ns`, the last part of it spinning, and returns the clock's reading then.
pub(crate) fn wait_until(time_ns: u64) -> u64 {
    loop {
        let now = now_ns();
        if now >= time_ns {
            return now;
        }
        let left = time_ns - now;
        if left > SPIN_NS {
            nap(left - SPIN_NS);
        } else {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_lasts_at_least_its_time() {
        for ns in [0, 10_000, 3_000_000] {
            let until = now_ns() + ns;
            assert!(wait_until(until) >= until);
        }
    }

    #[test]
    fn a_nap_takes_time() {
        let begin = now_ns();
        nap(2_000_000);
        assert!(now_ns() - begin >= 2_000_000);
    }
}

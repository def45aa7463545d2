//! Calls that last: across the bounds of a window, and of known length.

use crate::support::{
    assert_accounted, assert_balanced, block_in_readv, end_child, errno, fork_child, pause_forever, seen,
    wait_until_asleep, wait_until_asleep_in, with_each_backend,
};
use probe::{Scope, Window, monotonic_ns};
use std::io::Write as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn a_call_across_the_close_is_censored_with_its_age() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        thread::scope(|scope| {
            let mut blocked_since = 0;
            let mut thread = None;
            let readings = seen(probe, || {
                let (tell, told) = mpsc::channel();
                thread = Some(scope.spawn(move || block_in_readv(&reader, &tell)));
                wait_until_asleep(told.recv().unwrap());
                blocked_since = monotonic_ns();
                thread::sleep(Duration::from_millis(20));
            });
            let after_ns = monotonic_ns();
            let reading = &readings[0];
            assert_balanced(reading);
            assert_eq!((reading.entered, reading.returned, reading.censored), (1, 0, 1));
            assert!(reading.censored_age_max_ns >= 20_000_000, "{}", reading.censored_age_max_ns);
            assert!(after_ns > blocked_since + 20_000_000);

            // Its return in a later window belongs to none.
            let readings = seen(probe, || {
                writer.write_all(b"x").unwrap();
                thread.take().unwrap().join().unwrap();
            });
            assert_eq!((readings[0].entered, readings[0].returned, readings[0].censored), (0, 0, 0));
        });
    });
}

#[test]
fn a_known_sleep_is_a_lower_bound() {
    with_each_backend(&["nanosleep"], Scope::Generators, |probe| {
        let readings = seen(probe, || {
            let two_ms = libc::timespec { tv_sec: 0, tv_nsec: 2_000_000 };
            for _ in 0..5 {
                // SAFETY: reads the time, which outlives the call; the remaining time is not asked for.
                let slept = unsafe { libc::syscall(libc::SYS_nanosleep, &raw const two_ms, 0) };
                assert_eq!(slept, 0);
            }
        });
        assert_balanced(&readings[0]);
        assert_eq!(readings[0].ok.count, 5);
        assert!(readings[0].ok.min_ns() >= Some(2_000_000), "{:?}", readings[0].ok.min_ns());
    });
}

#[test]
fn a_call_that_began_before_the_window_is_not_in_it() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let thread = scope.spawn(move || block_in_readv(&reader, &tell));
            wait_until_asleep(told.recv().unwrap());
            let readings = seen(probe, || {
                writer.write_all(b"x").unwrap();
                thread.join().unwrap();
            });
            assert_eq!((readings[0].entered, readings[0].returned, readings[0].censored), (0, 0, 0));
        });
    });
}

#[test]
fn a_futex_wait_across_the_close_is_censored_with_its_age() {
    with_each_backend(&["futex"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        // Held back until the probe is armed.
        let child = fork_child(|| {
            // SAFETY: ends at the parent's signal.
            unsafe { libc::raise(libc::SIGSTOP) };
            let word = 0u32;
            // SAFETY: the word outlives the call, which nobody wakes.
            unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAIT, 0, 0, 0, 0) };
        });
        probe.include(child.unsigned_abs()).unwrap();
        let mut asleep_ns = 0;
        let readings = seen(probe, || {
            // SAFETY: a child of this process.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::WUNTRACED) };
            unsafe { libc::kill(child, libc::SIGCONT) };
            wait_until_asleep_in(child, child, libc::SYS_futex);
            asleep_ns = monotonic_ns();
            thread::sleep(Duration::from_millis(20));
        });
        let reading = &readings[0];
        assert_balanced(reading);
        assert_eq!((reading.entered, reading.returned, reading.censored), (1, 0, 1));
        assert!(reading.censored_age_max_ns >= 20_000_000, "{}", reading.censored_age_max_ns);
        end_child(child);
    });
}

#[test]
fn a_timed_futex_wait_is_a_lower_bound() {
    with_each_backend(&["futex"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        let child = fork_child(|| {
            // SAFETY: ends at the parent's signal.
            unsafe { libc::raise(libc::SIGSTOP) };
            let word = 0u32;
            let three_ms = libc::timespec { tv_sec: 0, tv_nsec: 3_000_000 };
            for _ in 0..5 {
                let (word, time) = (&raw const word, &raw const three_ms);
                // SAFETY: word and time outlive the call.
                unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, 0, time, 0, 0) };
            }
            pause_forever();
        });
        probe.include(child.unsigned_abs()).unwrap();
        let readings = seen(probe, || {
            // SAFETY: a child of this process.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::WUNTRACED) };
            unsafe { libc::kill(child, libc::SIGCONT) };
            wait_until_asleep_in(child, child, libc::SYS_ppoll);
        });
        assert_balanced(&readings[0]);
        assert_eq!(readings[0].errnos, [(errno(libc::ETIMEDOUT), 5)]);
        assert!(readings[0].error.min_ns() >= Some(3_000_000), "{:?}", readings[0].error.min_ns());
        end_child(child);
    });
}

#[test]
fn a_window_that_closes_by_itself_balances_whatever_it_cuts() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        let mut returned = 0;
        for _ in 0..20 {
            let open_ns = monotonic_ns() + 1_000_000;
            let close_ns = open_ns + 3_000_000;
            probe.arm(Window { open_ns, close_ns }).unwrap();
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while monotonic_ns() < close_ns + 500_000 {
                            // SAFETY: the call has neither arguments nor effects.
                            unsafe { libc::syscall(libc::SYS_getppid) };
                        }
                    });
                }
            });
            let readings = probe.read().unwrap();
            assert_accounted(probe.backend(), &readings[0]);
            assert!(readings[0].censored <= 2, "{}", readings[0].censored);
            returned += readings[0].returned;
        }
        assert!(returned > 0);
    });
}

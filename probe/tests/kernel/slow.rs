//! The slowest calls.

use crate::support::{assert_balanced, failing_getpgid, seen, with_each_backend};
use probe::{MAX_SLOWEST, Options, Probe, ProbeError, Scope, Target};

const KEPT: usize = 3;

fn sleep_ms(ms: i64) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: ms * 1_000_000 };
    // SAFETY: reads the time, which outlives the call; the remaining time is not asked for.
    assert_eq!(unsafe { libc::syscall(libc::SYS_nanosleep, &raw const time, 0) }, 0);
}

#[test]
fn the_slowest_calls_are_kept_with_what_is_known_of_them() {
    let options = Options { keep_slowest: KEPT, ..Scope::Generators.into() };
    with_each_backend(&["nanosleep", "getpgid"], options, |probe| {
        for _ in 0..2 {
            let readings = seen(probe, || {
                [1, 30, 2, 50, 1, 40, 3].into_iter().for_each(sleep_ms);
                failing_getpgid(100);
            });
            readings.iter().for_each(assert_balanced);
            let slowest = &readings[0].slowest;
            assert_eq!(slowest.len(), KEPT);
            for (call, at_least_ms) in slowest.iter().zip([50, 40, 30]) {
                assert!(call.latency_ns >= at_least_ms * 1_000_000, "{call:?}");
                assert_eq!((call.pid, call.value), (std::process::id(), 0));
                // SAFETY: the call has no arguments.
                assert_eq!(call.tid.cast_signed(), unsafe { libc::gettid() });
                assert!(call.switches >= Some(1), "{call:?}");
                assert!(
                    call.arguments.is_some_and(|arguments| arguments[0] != 0 && arguments[1] == 0),
                    "{call:?}"
                );
                assert!(call.stack.iter().any(|function| function.contains("nanosleep")), "{call:?}");
                assert!(call.stack.iter().all(|function| !function.contains("bpf_prog_")), "{call:?}");
            }
            assert_eq!(slowest[0].latency_ns, readings[0].ok.max_ns);
            let failed = &readings[1].slowest;
            assert_eq!(failed.len(), KEPT);
            assert!(failed.iter().all(|call| call.value == -i64::from(libc::ESRCH)), "{failed:?}");
            assert!(
                failed.iter().all(|call| call.arguments.is_none_or(|it| it[0] == u64::MAX)),
                "{failed:?}"
            );
            assert_eq!(failed[0].latency_ns, readings[1].error.max_ns);
        }
    });
}

#[test]
fn more_than_can_be_kept_are_refused() {
    let options = Options { keep_slowest: MAX_SLOWEST + 1, ..Scope::Generators.into() };
    let attached = Probe::attach(probe::Backend::RawTracepoint, &[Target::named("mmap").unwrap()], options);
    assert!(matches!(attached, Err(ProbeError::KeepSlowest { .. })), "{attached:?}");
}

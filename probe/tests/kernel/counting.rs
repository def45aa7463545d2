//! Counts, scope and windows.

use crate::support::{
    assert_balanced, assert_counts, errno, failing_getpgid, getppid, in_a_child, seen, with_each_backend,
};
use probe::{
    Backend, Callers, MAX_TARGETS, Probe, ProbeError, Scope, Target, Window, monotonic_ns, syscall_names,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{hint, thread};

#[test]
fn counts_are_the_calls_issued_for_any_number_of_threads() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        for threads in [1u64, 2, 64] {
            let readings = seen(probe, || {
                thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| getppid(5_000));
                    }
                });
            });
            let (reading, issued) = (&readings[0], 5_000 * threads);
            assert_counts(probe.backend(), reading, issued);
            assert_eq!(reading.error.count, 0);
        }
    });
}

#[test]
fn targets_and_outcomes_are_kept_apart() {
    with_each_backend(&["getppid", "getpgid", "getsid"], Scope::Generators, |probe| {
        let readings = seen(probe, || {
            getppid(300);
            failing_getpgid(200);
        });
        let counts: Vec<_> =
            readings.iter().map(|it| (it.target.name.as_str(), it.ok.count, it.error.count)).collect();
        assert_eq!(counts, [("getppid", 300, 0), ("getpgid", 0, 200), ("getsid", 0, 0)]);
        let errnos: Vec<_> = readings.iter().map(|it| it.errnos.clone()).collect();
        assert_eq!(errnos, [vec![], vec![(errno(libc::ESRCH), 200)], vec![]]);
        readings.iter().for_each(assert_balanced);
    });
}

#[test]
fn windows_do_not_leak_into_each_other() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        for calls in [1_000, 10, 500, 0, 7] {
            let readings = seen(probe, || getppid(calls));
            getppid(50);
            assert_balanced(&readings[0]);
            assert_eq!((readings[0].entered, readings[0].ok.count), (calls, calls));
        }
    });
}

#[test]
fn whom_all_callers_have_parked_for_need_not_wait() {
    const WINDOWS: u64 = 300;
    const THREADS: u64 = 3;
    const CALLS: u64 = 40;
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        // Windows that were begun, and calls that were done in all of them, by threads that know of nothing else.
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for window in 1..=WINDOWS {
                        while begun.load(Ordering::Acquire) < window {
                            thread::sleep(Duration::from_micros(50));
                        }
                        getppid(CALLS);
                        done.fetch_add(CALLS, Ordering::Release);
                    }
                });
            }
            let readings: Vec<_> = (1..=WINDOWS)
                .map(|window| {
                    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
                    begun.store(window, Ordering::Release);
                    while done.load(Ordering::Acquire) < window * THREADS * CALLS {
                        hint::spin_loop();
                    }
                    probe.read_after(Callers::Parked)
                })
                .collect();
            // Threads that wait for the next window would wait for ever after a failure.
            begun.store(WINDOWS, Ordering::Release);
            for reading in readings {
                assert_counts(probe.backend(), &reading.unwrap()[0], THREADS * CALLS);
            }
        });
    });
}

#[test]
fn calls_out_of_the_bounds_do_not_count() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        let far = monotonic_ns() + 3_600_000_000_000;
        probe.arm(Window { open_ns: far, close_ns: far + 1 }).unwrap();
        getppid(100);
        assert_eq!(probe.read().unwrap()[0].entered, 0, "before the window");

        let open_ns = monotonic_ns();
        let close_ns = open_ns + 1_000_000;
        probe.arm(Window { open_ns, close_ns }).unwrap();
        while monotonic_ns() < close_ns {
            hint::spin_loop();
        }
        getppid(100);
        assert_eq!(probe.read().unwrap()[0].entered, 0, "after the window");
    });
}

#[test]
fn only_included_processes_count() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        let readings = seen(probe, || in_a_child(|| getppid(1_000)));
        assert_eq!(readings[0].entered, 0, "a process that was not included");

        probe.exclude(std::process::id()).unwrap();
        assert_eq!(seen(probe, || getppid(1_000))[0].entered, 0, "a process that was excluded");

        probe.include(std::process::id()).unwrap();
        assert_eq!(seen(probe, || getppid(1_000))[0].entered, 1_000);
    });
}

#[test]
fn the_whole_system_is_every_process_but_this_one() {
    with_each_backend(&["getppid"], Scope::System, |probe| {
        let others = seen(probe, || in_a_child(|| getppid(1_000)));
        assert!(others[0].entered >= 1_000, "{} of 1,000", others[0].entered);
        // Other processes of the machine may issue the call too, but hardly this often.
        let own = seen(probe, || getppid(100_000));
        assert!(own[0].entered < 50_000, "{} of this process's own calls", own[0].entered);
    });
}

#[test]
fn misuse_is_refused() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        assert!(matches!(probe.read(), Err(ProbeError::NotArmed)));
        assert!(matches!(probe.close(1), Err(ProbeError::NotArmed)));
        assert!(matches!(probe.arm(Window { open_ns: 2, close_ns: 2 }), Err(ProbeError::EmptyWindow { .. })));
        assert!(matches!(probe.include(1 << 22), Err(ProbeError::ProcessId { .. })));
        let window = Window { open_ns: monotonic_ns(), close_ns: u64::MAX };
        probe.arm(window).unwrap();
        assert!(matches!(probe.arm(window), Err(ProbeError::AlreadyArmed)));
        probe.read().unwrap();
    });
    let getppid = Target::named("getppid").unwrap();
    let attach = |targets: &[Target]| Probe::attach(Backend::RawTracepoint, targets, Scope::Generators);
    assert!(matches!(attach(&[]), Err(ProbeError::Targets { .. })));
    assert!(matches!(attach(&[getppid.clone(), getppid]), Err(ProbeError::Targets { .. })));
}

/// As many calls as can be probed at once, none of which waits for anything.
const SIXTEEN: [(&str, libc::c_long); MAX_TARGETS] = [
    ("getppid", libc::SYS_getppid),
    ("getpgid", libc::SYS_getpgid),
    ("getsid", libc::SYS_getsid),
    ("getuid", libc::SYS_getuid),
    ("geteuid", libc::SYS_geteuid),
    ("getgid", libc::SYS_getgid),
    ("getegid", libc::SYS_getegid),
    ("getpriority", libc::SYS_getpriority),
    ("sched_getscheduler", libc::SYS_sched_getscheduler),
    ("sched_get_priority_max", libc::SYS_sched_get_priority_max),
    ("sched_get_priority_min", libc::SYS_sched_get_priority_min),
    ("getitimer", libc::SYS_getitimer),
    ("times", libc::SYS_times),
    ("umask", libc::SYS_umask),
    ("timer_getoverrun", libc::SYS_timer_getoverrun),
    ("inotify_rm_watch", libc::SYS_inotify_rm_watch),
];

#[test]
fn sixteen_targets_are_counted_at_once() {
    with_each_backend(&SIXTEEN.map(|(name, _)| name), Scope::Generators, |probe| {
        let readings = seen(probe, || {
            for (calls, (_, number)) in (1..).zip(SIXTEEN) {
                for _ in 0..calls * 10 {
                    // SAFETY: all zeroes are harmless arguments to each of them.
                    unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) };
                }
            }
        });
        for (calls, reading) in (1..).zip(&readings) {
            assert_balanced(reading);
            assert_eq!(reading.entered, calls * 10, "{}", reading.target.name);
        }
    });
}

#[test]
fn every_system_call_can_be_probed_or_is_refused_for_a_reason() {
    let all: Vec<Target> = syscall_names().filter_map(|name| Target::named(name).ok()).collect();
    assert!(all.len() > 250, "{}", all.len());
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        let backend = probe.backend();
        let places = Probe::places(backend, &all).unwrap();
        let (found, refused): (Vec<_>, Vec<_>) = all.iter().zip(places).partition(|(_, place)| place.is_ok());
        let names: Vec<_> = refused.iter().map(|(target, _)| target.name.as_str()).collect();
        eprintln!("{backend}: {} system calls, not {}", found.len(), names.join(" "));
        assert!(backend != Backend::RawTracepoint || refused.is_empty());
        for usual in ["read", "mmap", "futex", "openat", "getpid", "execve", "clone", "ppoll"] {
            assert!(!names.contains(&usual), "{usual}");
        }
        // To attach all of them would take long; these are as many as fit, from everywhere in the list.
        let found = found.iter().step_by(found.len() / (MAX_TARGETS - 1));
        let some: Vec<Target> = found.map(|(target, _)| (*target).clone()).take(MAX_TARGETS).collect();
        Probe::attach(backend, &some, Scope::Generators).unwrap();
    });
}

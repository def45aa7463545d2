//! Returns that are not seen: on purpose, and as kretprobes miss them.

use crate::support::{
    assert_balanced, assert_counts, block_in_readv, getppid, seen, wait_until_asleep, with_backend,
    with_each_backend,
};
use probe::{Backend, MaxActive, Options, Probe, Reading, Scope};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::{hint, thread};

#[test]
fn returns_that_are_not_seen_are_lost_one_by_one() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        let readings = seen_in_part(probe, |probe| {
            probe.see_returns(false).unwrap();
            let (issued, seen) = (AtomicBool::new(false), AtomicBool::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    getppid(100);
                    issued.store(true, Ordering::Release);
                    // Without any call, whose return could be taken for that of the hundredth.
                    while !seen.load(Ordering::Acquire) {
                        hint::spin_loop();
                    }
                    getppid(1);
                });
                while !issued.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                probe.see_returns(true).unwrap();
                seen.store(true, Ordering::Release);
            });
        });
        let reading = &readings[0];
        assert_eq!((reading.entered, reading.returned), (101, 1));
        assert_eq!((reading.lost, reading.censored), (100, 0));

        let readings = seen(probe, || getppid(10));
        assert_balanced(&readings[0]);
        assert_eq!(readings[0].entered, 10);
    });
}

#[test]
fn a_caller_that_is_elsewhere_has_returned_unseen() {
    for backend in [Backend::Kretprobe, Backend::Fentry] {
        with_backend(backend, &["getppid"], Scope::Generators.into(), |probe| {
            let readings = seen_in_part(probe, |probe| {
                probe.see_returns(false).unwrap();
                // Threads that end, so that nothing takes away their starts.
                for _ in 0..5 {
                    thread::spawn(|| getppid(1)).join().unwrap();
                }
            });
            let reading = &readings[0];
            assert_eq!((reading.entered, reading.lost, reading.censored), (5, 5, 0));
            probe.see_returns(true).unwrap();
        });
    }
}

/// What the probe sees while `work` runs, which may do something to the probe.
fn seen_in_part(probe: &mut Probe, work: impl FnOnce(&mut Probe)) -> Vec<Reading> {
    let open_ns = probe::monotonic_ns();
    probe.arm(probe::Window { open_ns, close_ns: u64::MAX }).unwrap();
    work(probe);
    probe.read().unwrap()
}

/// Threads that block in `readv`, all of them before the first returns.
const BLOCKED: u8 = 64;

fn block_many(probe: &mut Probe) -> Reading {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let readings = seen(probe, || {
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            for _ in 0..BLOCKED {
                let (reader, tell) = (reader.try_clone().unwrap(), tell.clone());
                scope.spawn(move || block_in_readv(&reader, &tell));
            }
            for tid in told.iter().take(usize::from(BLOCKED)) {
                wait_until_asleep(tid);
            }
            writer.write_all(&[b'x'; BLOCKED as usize]).unwrap();
        });
    });
    readings.into_iter().next().unwrap()
}

#[test]
fn many_blocked_calls_are_all_seen_to_return() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        let reading = block_many(probe);
        assert_counts(probe.backend(), &reading, u64::from(BLOCKED));
        // Only what interrupts the programs may lose any; what a kretprobe watches is enough.
        assert!(probe.backend() != Backend::Kretprobe || reading.missed.is_none_or(|missed| missed == 0));
    });
}

#[test]
fn kretprobes_that_watch_few_calls_lose_the_others_and_say_so() {
    let options = Options { max_active: MaxActive::Default, ..Scope::Generators.into() };
    with_backend(Backend::Kretprobe, &["readv"], options, |probe| {
        let reading = block_many(probe);
        assert_eq!(reading.entered, u64::from(BLOCKED));
        // The kernel watches ten calls, or two for each CPU.
        assert!(reading.lost > 0, "{reading:?}");
        assert_eq!(reading.censored, 0);
        assert_eq!(reading.returned + reading.lost.unsigned_abs(), reading.entered);
        // Where the kernel counts them, too, it agrees: nothing else calls readv here.
        if let Some(missed) = reading.missed {
            assert_eq!(missed, reading.lost.unsigned_abs());
        }
    });
}

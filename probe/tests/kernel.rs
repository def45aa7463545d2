//! The probe against this machine's kernel: what it counts is what was issued.
//!
//! Every test runs with each backend that the kernel has, the raw tracepoint on any and kretprobe where there are
//! kprobes. Without the right to load BPF programs the tests say that they are skipped.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use probe::{Backend, Probe, ProbeError, Reading, Scope, Target, Window, monotonic_ns};
use std::io::{PipeReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, hint, thread};

/// The tests share one process, whose calls they count: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `test` with each backend that this kernel has.
fn with_each_backend(targets: &[&str], scope: Scope, test: impl Fn(&mut Probe)) {
    let _alone = alone();
    let targets: Vec<_> = targets.iter().map(|name| Target::named(name).unwrap()).collect();
    for backend in [Backend::RawTracepoint, Backend::Kretprobe] {
        if backend == Backend::Kretprobe && !Path::new("/sys/bus/event_source/devices/kprobe").exists() {
            eprintln!("skipped: kretprobe: this kernel has no kprobes");
            continue;
        }
        match Probe::attach(backend, &targets, scope) {
            Ok(mut probe) => {
                eprintln!("with {backend}");
                if scope == Scope::Generators {
                    probe.include(std::process::id()).unwrap();
                }
                test(&mut probe);
            }
            Err(error @ (ProbeError::Load { .. } | ProbeError::Attach { .. }))
                if !rustix::process::geteuid().is_root() =>
            {
                eprintln!("skipped: {error}");
            }
            Err(error) => panic!("{backend}: {error}"),
        }
    }
}

/// What the probe sees while `work` runs.
fn seen(probe: &mut Probe, work: impl FnOnce()) -> Vec<Reading> {
    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX }).unwrap();
    work();
    probe.close(monotonic_ns()).unwrap();
    probe.read().unwrap()
}

/// Issues `calls` of a call that nothing else in this process issues, and that always succeeds.
fn getppid(calls: u64) {
    for _ in 0..calls {
        // SAFETY: the call has neither arguments nor effects.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
}

/// Issues `calls` of a call that always fails: no process has this number.
fn failing_getpgid(calls: u64) {
    for _ in 0..calls {
        // SAFETY: the call has no effects.
        assert_eq!(unsafe { libc::syscall(libc::SYS_getpgid, -1) }, -1);
    }
}

/// Runs `work`, which must be no more than system calls, in a process of its own.
fn in_a_child(work: impl FnOnce()) {
    // SAFETY: the child issues system calls only, and ends without running anything of this process.
    match unsafe { libc::fork() } {
        0 => {
            work();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) }
        }
        child => {
            assert!(child > 0, "fork: {}", std::io::Error::last_os_error());
            // SAFETY: no status is asked for.
            assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
        }
    }
}

fn assert_balanced(reading: &Reading) {
    assert_eq!(reading.lost, 0, "{reading:?}");
    assert_eq!(reading.entered, reading.returned + reading.censored, "{}", reading.target.name);
    assert_eq!(reading.returned, reading.ok.count + reading.error.count, "{}", reading.target.name);
    for histogram in [&reading.ok, &reading.error] {
        assert_eq!(histogram.count, histogram.slots.iter().sum::<u64>(), "{}", reading.target.name);
    }
}

#[test]
fn counts_are_the_calls_issued_for_any_number_of_threads() {
    with_each_backend(&["getppid"], Scope::Generators, |probe| {
        for threads in [1u64, 2, 16] {
            let readings = seen(probe, || {
                thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| getppid(5_000));
                    }
                });
            });
            assert_balanced(&readings[0]);
            assert_eq!((readings[0].entered, readings[0].ok.count), (5_000 * threads, 5_000 * threads));
            assert_eq!(readings[0].censored, 0);
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

/// Tells its thread id and blocks until a byte comes.
fn block_in_readv(reader: &PipeReader, tell: &mpsc::Sender<i32>) {
    let mut byte = 0u8;
    let buffer = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the call has no arguments.
    tell.send(unsafe { libc::gettid() }).unwrap();
    // SAFETY: the buffer has room for the byte and outlives the call.
    let read = unsafe { libc::syscall(libc::SYS_readv, reader.as_raw_fd(), &raw const buffer, 1) };
    assert_eq!((read, byte), (1, b'x'));
}

/// Returns when thread `tid` of this process sleeps in `readv`.
fn wait_until_asleep(tid: i32) {
    let call = format!("{} ", libc::SYS_readv);
    while !fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap().starts_with(&call) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A 32-bit program: calls number 110 a thousand times, which is `iopl` to it and `getppid` to 64-bit programs, then
/// waits for a byte from its standard input.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const PROGRAM_32: [u8; 122] = [
    // The ELF header: an i386 executable that begins at 0x10054 and has one program header, at 52.
    0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0, 1, 0, 52, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    // The program header: the whole file is loaded at 0x10000, readable, writable and executable.
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 122, 0, 0, 0, 122, 0, 0, 0, 7, 0, 0, 0, 0, 16, 0, 0,
    0xbe, 0xe8, 3, 0, 0,          // esi = 1000
    0x31, 0xdb,                   // again: ebx = 0
    0xb8, 110, 0, 0, 0,           // eax = iopl
    0xcd, 0x80,                   // int 0x80
    0x4e,                         // esi -= 1
    0x75, 0xf4,                   // if not zero, again
    0xb8, 3, 0, 0, 0,             // eax = read
    0x89, 0xe1,                   // ecx = esp
    0x6a, 1, 0x5a,                // edx = 1
    0xcd, 0x80,                   // int 0x80
    0xb8, 1, 0, 0, 0,             // eax = exit
    0x31, 0xdb,                   // ebx = 0
    0xcd, 0x80,                   // int 0x80
];

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_32_bit_programs_are_not_mistaken_for_others() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};

    let program = std::env::temp_dir().join(format!("probe-test-32-bit-{}", std::process::id()));
    {
        // A child forked meanwhile would keep the file open for writing, and nobody could run it.
        let _alone = alone();
        fs::write(&program, PROGRAM_32).unwrap();
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = || Command::new(&program).stdin(Stdio::piped()).spawn();
    match run() {
        Err(error) => eprintln!("skipped: this kernel runs no 32-bit programs: {error}"),
        Ok(mut child) => {
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
            with_each_backend(&["getppid"], Scope::System, |probe| {
                let readings =
                    seen(probe, || assert!(run().unwrap().wait_with_output().unwrap().status.success()));
                assert!(readings[0].entered < 1_000, "{} calls", readings[0].entered);
            });
            with_each_backend(&["getppid"], Scope::Generators, |probe| {
                let mut child = run().unwrap();
                // The kernel lets the parent go on a moment before the child is the new program.
                let exe = format!("/proc/{}/exe", child.id());
                let program = fs::canonicalize(&program).unwrap();
                while fs::read_link(&exe).unwrap() != program {
                    std::thread::yield_now();
                }
                let refused = matches!(probe.include(child.id()), Err(ProbeError::ThirtyTwoBit { .. }));
                assert_eq!(refused, probe.backend() == Backend::RawTracepoint);
                drop(child.stdin.take());
                child.wait().unwrap();
            });
        }
    }
    fs::remove_file(&program).unwrap();
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
    assert!(matches!(attach(&[]), Err(ProbeError::Targets)));
    assert!(matches!(attach(&[getppid.clone(), getppid]), Err(ProbeError::Targets)));
}

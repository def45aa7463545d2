//! Probes to test with, and system calls of a known number.

use probe::{Backend, Options, Probe, ProbeError, Reading, Scope, Target, Window, monotonic_ns};
use std::io::PipeReader;
use std::os::fd::AsRawFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, thread};

/// The tests share one process, whose calls they count: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kernel's own word for "not supported", which has no name outside of it.
const ENOTSUPP: i32 = 524;

/// Runs `test` with each backend that this kernel has.
pub(crate) fn with_each_backend(targets: &[&str], options: impl Into<Options>, test: impl Fn(&mut Probe)) {
    let options = options.into();
    for backend in [Backend::RawTracepoint, Backend::Kretprobe, Backend::Fentry] {
        with_backend(backend, targets, options, &test);
    }
}

/// Runs `test` with `backend`, if this kernel has it.
pub(crate) fn with_backend(backend: Backend, targets: &[&str], options: Options, test: impl Fn(&mut Probe)) {
    let _alone = alone();
    let targets: Vec<_> = targets.iter().map(|name| Target::named(name).unwrap()).collect();
    match Probe::attach(backend, &targets, options) {
        Ok(mut probe) => {
            eprintln!("with {backend}");
            if options.scope != Scope::System {
                probe.include(std::process::id()).unwrap();
            }
            test(&mut probe);
        }
        Err(error) if may_be_refused(backend, &error) => eprintln!("skipped: {backend}: {error}"),
        Err(error) => panic!("{backend}: {error}"),
    }
}

/// Whether a backend may be passed over: the kernel does not have it, or nobody but root may load programs.
pub(crate) fn may_be_refused(backend: Backend, error: &ProbeError) -> bool {
    if matches!(error, ProbeError::Unsupported { .. }) {
        return true;
    }
    if !matches!(error, ProbeError::Load { .. } | ProbeError::Attach { .. }) {
        return false;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut unsupported = false;
    while let Some(error) = cause {
        let code = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        // Some kernels say the one, some another.
        unsupported |= [Some(ENOTSUPP), Some(libc::EPERM), Some(libc::EACCES)].contains(&code);
        cause = error.source();
    }
    !rustix::process::geteuid().is_root() || backend == Backend::Fentry && unsupported
}

/// What the probe sees while `work` runs.
pub(crate) fn seen(probe: &mut Probe, work: impl FnOnce()) -> Vec<Reading> {
    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX }).unwrap();
    work();
    probe.close(monotonic_ns()).unwrap();
    probe.read().unwrap()
}

/// Issues `calls` of a call that nothing else in this process issues, and that always succeeds.
pub(crate) fn getppid(calls: u64) {
    for _ in 0..calls {
        // SAFETY: the call has neither arguments nor effects.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
}

/// Issues `calls` of a call that always fails: no process has this number.
pub(crate) fn failing_getpgid(calls: u64) {
    for _ in 0..calls {
        // SAFETY: the call has no effects.
        assert_eq!(unsafe { libc::syscall(libc::SYS_getpgid, -1i64) }, -1);
    }
}

/// Runs `work`, which must be no more than system calls, in a process of its own.
pub(crate) fn in_a_child(work: impl FnOnce()) {
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

pub(crate) fn assert_balanced(reading: &Reading) {
    assert_eq!(reading.lost, 0, "{reading:?}");
    assert_eq!(reading.entered, reading.returned + reading.censored, "{}", reading.target.name);
    assert_eq!(reading.returned, reading.ok.count + reading.error.count, "{}", reading.target.name);
    for histogram in [&reading.ok, &reading.error] {
        assert_eq!(histogram.count, histogram.slots.iter().sum::<u64>(), "{}", reading.target.name);
    }
}

/// Tells its thread id and blocks until a byte comes.
pub(crate) fn block_in_readv(reader: &PipeReader, tell: &mpsc::Sender<i32>) {
    let mut byte = 0u8;
    let buffer = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the call has no arguments.
    tell.send(unsafe { libc::gettid() }).unwrap();
    // SAFETY: the buffer has room for the byte and outlives the call.
    let read = unsafe { libc::syscall(libc::SYS_readv, reader.as_raw_fd(), &raw const buffer, 1) };
    assert_eq!((read, byte), (1, b'x'));
}

/// Returns when thread `tid` of this process sleeps in `readv`.
pub(crate) fn wait_until_asleep(tid: i32) {
    wait_until_asleep_in(std::process::id().cast_signed(), tid, libc::SYS_readv);
}

/// As [`assert_balanced`], but for what the kernel itself says that it did not run the programs for: it may interrupt them,
/// and until they go on it leaves them out for every other thread of that CPU. Such kernels are known to the suite.
pub(crate) fn assert_accounted(backend: Backend, reading: &Reading) {
    assert_counts(backend, reading, reading.entered);
}

/// The same where it is known how many calls were `issued`. A call whose entry was missed is not even lost.
pub(crate) fn assert_counts(backend: Backend, reading: &Reading, issued: u64) {
    let lost = u64::try_from(reading.lost).unwrap();
    let unseen = issued - reading.entered;
    if lost + unseen == 0 {
        return assert_balanced(reading);
    }
    let missed = reading.missed.unwrap_or(0);
    assert!(lost + unseen <= missed, "{lost} lost and {unseen} unseen, {missed} missed");
    assert_eq!(reading.entered, reading.returned + reading.censored + lost);
    assert_eq!(reading.returned, reading.ok.count + reading.error.count);
    eprintln!("missed with {backend}: {} of {issued} calls of {}", lost + unseen, reading.target.name);
}

/// Returns when the thread sleeps in system call `number`.
pub(crate) fn wait_until_asleep_in(pid: i32, tid: i32, number: libc::c_long) {
    let call = format!("{number} ");
    while !fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap().starts_with(&call) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Starts a process that runs `work` and ends; nothing of this process's must be used there that needs its threads.
pub(crate) fn fork_child(work: impl FnOnce()) -> i32 {
    // SAFETY: the child runs `work` only, and ends without running anything else of this process.
    match unsafe { libc::fork() } {
        0 => {
            // Never left behind.
            // SAFETY: takes integers.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            work();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) }
        }
        child => {
            assert!(child > 0, "fork: {}", std::io::Error::last_os_error());
            child
        }
    }
}

/// Kills a child and waits for its end.
pub(crate) fn end_child(child: i32) {
    // SAFETY: a child of this process; no status is asked for.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
    }
}

/// Sleeps in a call that no test counts.
pub(crate) fn pause_forever() {
    loop {
        // SAFETY: waits for nothing.
        unsafe { libc::syscall(libc::SYS_ppoll, 0, 0, 0, 0, 0) };
    }
}

/// An error number as readings list it.
pub(crate) fn errno(number: i32) -> u16 {
    u16::try_from(number).unwrap()
}

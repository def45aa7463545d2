//! Callers that fork, execute another program, are interrupted or die within a call.

use crate::support::{
    assert_balanced, assert_counts, end_child, errno, fork_child, getppid, in_a_child, pause_forever, seen,
    wait_until_asleep_in, with_each_backend,
};
use probe::{Backend, Scope};
use std::ffi::CString;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Kernel-internal: a signal came; restart the call, or fail it with EINTR.
const ERESTARTSYS: u16 = 512;

/// Stops until the parent lets it go on, which it does once the probe is armed.
fn hold() {
    // SAFETY: a signal to itself.
    unsafe { libc::raise(libc::SIGSTOP) };
}

fn let_go(child: i32) {
    // SAFETY: a child of this process.
    unsafe {
        libc::waitpid(child, std::ptr::null_mut(), libc::WUNTRACED);
        libc::kill(child, libc::SIGCONT);
    }
}

/// Whether the backend tells a caller by its thread number, which a program's execution may change.
fn knows_threads_by_number(backend: Backend) -> bool {
    matches!(backend, Backend::Kretprobe | Backend::Fentry)
}

#[test]
fn a_fork_returns_once_to_the_parent() {
    with_each_backend(&["clone"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        let child = fork_child(|| {
            hold();
            for _ in 0..20 {
                // SAFETY: like fork; the grandchild ends at once.
                let grandchild = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
                if grandchild == 0 {
                    unsafe { libc::_exit(0) };
                }
                unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
            }
            pause_forever();
        });
        probe.include(child.unsigned_abs()).unwrap();
        let readings = seen(probe, || {
            let_go(child);
            wait_until_asleep_in(child, child, libc::SYS_ppoll);
        });
        assert_balanced(&readings[0]);
        assert_eq!((readings[0].entered, readings[0].ok.count), (20, 20));
        end_child(child);
    });
}

/// A process that starts one, which starts one and so on; each issues a few calls of its own, and ends.
fn family(generations: u32) {
    getppid(5);
    if generations > 0 {
        in_a_child(|| family(generations - 1));
    }
}

#[test]
fn what_an_included_process_starts_counts_if_families_do() {
    for (scope, expected) in [(Scope::Families, 5 * 4), (Scope::Generators, 5)] {
        with_each_backend(&["getppid"], scope, |probe| {
            probe.exclude_all().unwrap();
            let child = fork_child(|| {
                hold();
                family(3);
                pause_forever();
            });
            let stranger = fork_child(|| {
                hold();
                family(3);
                pause_forever();
            });
            probe.include(child.unsigned_abs()).unwrap();
            let readings = seen(probe, || {
                for process in [child, stranger] {
                    let_go(process);
                    wait_until_asleep_in(process, process, libc::SYS_ppoll);
                }
            });
            assert_balanced(&readings[0]);
            assert_eq!(readings[0].ok.count, expected, "{scope:?}");
            for process in [child, stranger] {
                end_child(process);
            }
        });
    }
}

/// Executes a program; returns only when that fails.
fn execute(path: &CString, argument: &CString) {
    let arguments = [path.as_ptr(), argument.as_ptr(), std::ptr::null()];
    // SAFETY: what it prints is of no interest; strings and list are terminated and outlive the call.
    unsafe {
        libc::close(1);
        libc::syscall(libc::SYS_execve, path.as_ptr(), arguments.as_ptr(), [std::ptr::null::<u8>()].as_ptr())
    };
}

/// This test program itself, told to list its tests: it needs no other program on the machine.
fn other_program() -> (CString, CString) {
    let path = std::env::current_exe().unwrap();
    (CString::new(path.as_os_str().as_encoded_bytes()).unwrap(), CString::new("--list").unwrap())
}

#[test]
fn an_execution_returns_in_the_new_program() {
    with_each_backend(&["execve"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        let (path, argument) = other_program();
        let missing = CString::new("/nowhere").unwrap();
        let child = fork_child(|| {
            hold();
            execute(&missing, &argument);
            execute(&path, &argument);
        });
        probe.include(child.unsigned_abs()).unwrap();
        let readings = seen(probe, || {
            let_go(child);
            // SAFETY: a child of this process.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        });
        assert_balanced(&readings[0]);
        assert_eq!((readings[0].entered, readings[0].ok.count), (2, 1));
        assert_eq!(readings[0].errnos, [(errno(libc::ENOENT), 1)]);
    });
}

#[test]
fn an_execution_by_another_thread_than_the_first_is_counted_or_lost_never_forgotten() {
    with_each_backend(&["execve"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        let (path, argument) = other_program();
        let child = fork_child(|| {
            hold();
            thread::spawn(move || execute(&path, &argument));
            pause_forever();
        });
        probe.include(child.unsigned_abs()).unwrap();
        let readings = seen(probe, || {
            let_go(child);
            // SAFETY: a child of this process.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        });
        let lost = i64::from(knows_threads_by_number(probe.backend()));
        let reading = &readings[0];
        assert_eq!((reading.entered, reading.lost, reading.censored), (1, lost, 0));
    });
}

#[test]
fn threads_that_die_within_a_call_leave_it() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        probe.exclude(std::process::id()).unwrap();
        let (reader, _writer) = std::io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let child = fork_child(|| {
            hold();
            for _ in 0..7 {
                thread::spawn(move || read_a_byte(fd));
            }
            read_a_byte(fd);
        });
        probe.include(child.unsigned_abs()).unwrap();
        let readings = seen(probe, || {
            let_go(child);
            for tid in tasks_of(child, 8) {
                wait_until_asleep_in(child, tid, libc::SYS_readv);
            }
            end_child(child);
        });
        let reading = &readings[0];
        assert_counts(probe.backend(), reading, 8);
        if (reading.entered, reading.lost) == (8, 0) {
            assert_eq!((reading.censored, reading.errnos.as_slice()), (0, &[(ERESTARTSYS, 8)][..]));
        }
    });
}

/// The threads of a process, once there are `count`.
fn tasks_of(pid: i32, count: usize) -> Vec<i32> {
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let tasks: Vec<i32> =
            tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect();
        if tasks.len() >= count {
            return tasks;
        }
        thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn read_a_byte(fd: i32) -> libc::c_long {
    let mut byte = 0u8;
    let buffer = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the buffer has room for the byte and outlives the call.
    unsafe { libc::syscall(libc::SYS_readv, fd, &raw const buffer, 1) }
}

static SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_signal(_: i32) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Handles SIGUSR2 by counting it.
fn handle_signals(flags: i32) {
    // SAFETY: an action that is valid as all zeroes but for the two fields; the handler only adds to an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count_signal as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// Interrupts a thread's `readv`, then lets it go on; what the probe saw of it.
fn interrupted(probe: &mut probe::Probe, flags: i32) -> (probe::Reading, libc::c_long) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    handle_signals(flags);
    let mut returned = 0;
    let readings = seen(probe, || {
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            let fd = reader.as_raw_fd();
            let thread = scope.spawn(move || {
                // SAFETY: the call has no arguments.
                tell.send(unsafe { libc::gettid() }).unwrap();
                read_a_byte(fd)
            });
            let (pid, tid) = (std::process::id().cast_signed(), told.recv().unwrap());
            wait_until_asleep_in(pid, tid, libc::SYS_readv);
            let before = SIGNALS.load(Ordering::Relaxed);
            // SAFETY: a thread of this process.
            unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, libc::SIGUSR2) };
            while SIGNALS.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            writer.write_all(b"x").unwrap();
            returned = thread.join().unwrap();
        });
    });
    (readings.into_iter().next().unwrap(), returned)
}

#[test]
fn an_interrupted_call_fails() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        let (reading, returned) = interrupted(probe, 0);
        assert_eq!(returned, -1);
        assert_balanced(&reading);
        assert_eq!((reading.entered, reading.errnos), (1, vec![(ERESTARTSYS, 1)]));
    });
}

#[test]
fn a_restarted_call_is_two_calls() {
    with_each_backend(&["readv"], Scope::Generators, |probe| {
        let (reading, returned) = interrupted(probe, libc::SA_RESTART);
        assert_eq!(returned, 1);
        assert_balanced(&reading);
        assert_eq!((reading.entered, reading.ok.count), (2, 1));
        assert_eq!(reading.errnos, [(ERESTARTSYS, 1)]);
    });
}

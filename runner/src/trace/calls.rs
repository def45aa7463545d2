//! Which system calls are traced: some by name, or all of them.

use crate::failure::{Failure, chain};
use crate::scenario::did_you_mean;
use probe::{MAX_RAW_TARGETS, ProbeError, TARGET_BYTES, Target, syscall_names};
use reports::trace::OTHER;
use std::collections::BTreeSet;

/// What the kernel's memory for the counts may take where all calls are traced, in bytes.
const MEMORY_BYTES: usize = 512 << 20;

/// Calls that are told apart before all others where there is no room for all: what programs of today spend their time in.
/// Behind them come the rest by number, of which the newest and rarest are counted together.
const COMMON: &str = "\
    read write openat close mmap munmap futex epoll_wait epoll_pwait epoll_pwait2 epoll_ctl epoll_create1 poll ppoll select \
    pselect6 recvmsg sendmsg recvfrom sendto recvmmsg sendmmsg accept accept4 connect bind listen socket socketpair \
    getsockname getpeername setsockopt getsockopt shutdown stat fstat lstat newfstatat statx access faccessat faccessat2 \
    readlink readlinkat getdents64 open openat2 creat lseek pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 \
    sendfile splice copy_file_range fsync fdatasync sync_file_range ftruncate truncate fallocate fadvise64 flock fcntl dup \
    dup2 dup3 pipe pipe2 eventfd2 signalfd4 timerfd_create timerfd_settime timerfd_gettime ioctl mprotect madvise mremap brk \
    msync mlock mincore membarrier clone clone3 fork vfork execve execveat wait4 waitid kill tgkill pidfd_open \
    pidfd_send_signal getpid gettid getppid getuid geteuid getgid getegid setsid setpgid getpgrp prctl arch_prctl \
    set_robust_list set_tid_address rseq rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait rt_sigsuspend sigaltstack \
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getrusage getrlimit setrlimit prlimit64 \
    sched_yield sched_getaffinity sched_setaffinity getcpu getrandom uname sysinfo umask getcwd chdir fchdir mkdir mkdirat \
    rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat chmod fchmod fchmodat chown fchown fchownat \
    utimensat statfs fstatfs inotify_init1 inotify_add_watch inotify_rm_watch io_uring_setup io_uring_enter \
    io_uring_register io_submit io_getevents bpf perf_event_open memfd_create close_range restart_syscall futex_wait \
    futex_wake futex_waitv getxattr lgetxattr fgetxattr setitimer alarm pause shmget shmat shmdt semop semtimedop";

/// The system calls of a trace.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) targets: Vec<Target>,
    /// Whether they were named, so that each has a line even where nothing was seen of it.
    pub(crate) are_named: bool,
    /// Those that are counted as one.
    pub(crate) together: Vec<String>,
}

impl Calls {
    /// Those with these names, each once.
    pub(crate) fn named(names: &[String]) -> Result<Self, Failure> {
        let mut told = BTreeSet::new();
        let names = names.iter().map(|name| name.trim()).filter(|name| told.insert(*name));
        let targets: Result<Vec<Target>, Failure> = names.map(named).collect();
        let targets = targets?;
        if targets.len() > MAX_RAW_TARGETS {
            return Err(Failure::Usage(format!(
                "--syscall takes at most {MAX_RAW_TARGETS} names; --all takes all"
            )));
        }
        Ok(Self { targets, are_named: true, together: Vec::new() })
    }

    /// All that have a latency, on a machine of so many CPUs: as many apart as there is room for, and the others together.
    pub(crate) fn all(cpus: usize) -> Result<Self, Failure> {
        let room = MEMORY_BYTES / (TARGET_BYTES * cpus.max(1));
        let mut names = everything();
        let together = names.split_off(names.len().min(room.clamp(16, MAX_RAW_TARGETS) - 1));
        let failed = |error: ProbeError| Failure::Failed(chain(&error));
        let targets: Result<Vec<Target>, _> = names.iter().map(|name| Target::named(name)).collect();
        let mut targets = targets.map_err(failed)?;
        if !together.is_empty() {
            targets.push(Target::together(OTHER, &together).map_err(failed)?);
        }
        let together = together.into_iter().map(str::to_owned).collect();
        Ok(Self { targets, are_named: false, together })
    }
}

/// Every call that has a latency, the common ones first.
fn everything() -> Vec<&'static str> {
    let all: Vec<&str> = syscall_names().filter(|name| Target::named(name).is_ok()).collect();
    let common: Vec<&str> = COMMON.split_whitespace().filter(|name| all.contains(name)).collect();
    let others = all.iter().filter(|name| !common.contains(name));
    common.iter().chain(others).copied().collect()
}

fn named(name: &str) -> Result<Target, Failure> {
    Target::named(name).map_err(|error| {
        let hint = match error {
            ProbeError::UnknownSyscall { .. } => did_you_mean(name, syscall_names()),
            _ => None,
        };
        let words = chain(&error);
        Failure::Usage(hint.map_or(words.clone(), |hint| format!("{words}; {hint}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_calls_are_told_once_and_known_somewhere() {
        let common: Vec<&str> = COMMON.split_whitespace().collect();
        assert_eq!(common.iter().collect::<BTreeSet<_>>().len(), common.len());
        let unknown: Vec<_> = common.iter().filter(|name| Target::named(name).is_err()).collect();
        assert!(!cfg!(target_arch = "x86_64") || unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn all_calls_are_traced_whatever_room_there_is() {
        let every = everything().len();
        for cpus in [1, 2, 64, 4096] {
            let calls = Calls::all(cpus).unwrap();
            assert!(calls.targets.len() <= MAX_RAW_TARGETS, "{cpus}");
            assert_eq!(calls.targets.len() - 1 + calls.together.len(), every, "{cpus}");
            assert!(calls.targets.iter().any(|target| target.name == "read"), "{cpus}");
            assert!(calls.targets.len() * cpus * TARGET_BYTES <= MEMORY_BYTES.max(16 * cpus * TARGET_BYTES));
        }
        assert!(Calls::all(64).unwrap().together.len() > Calls::all(2).unwrap().together.len());
    }

    #[test]
    fn names_are_taken_once_and_mistyped_ones_are_told() {
        let calls = Calls::named(&["read".to_owned(), " write".to_owned(), "read".to_owned()]).unwrap();
        let names: Vec<&str> = calls.targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["read", "write"]);
        let words = Calls::named(&["raed".to_owned()]).unwrap_err().to_string();
        assert!(words.contains("no system call `raed`") && words.contains("did you mean `read`?"), "{words}");
        let never = Calls::named(&["exit_group".to_owned()]).unwrap_err().to_string();
        assert!(never.contains("never returns"), "{never}");
    }
}

//! The kernel functions that implement system calls.

use crate::{ProbeError, Target};
use std::collections::HashSet;
use std::fs;
use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
const PREFIX: &str = "__x64_sys_";
#[cfg(target_arch = "aarch64")]
const PREFIX: &str = "__arm64_sys_";

/// What the type information of a kernel calls a function without arguments: it knows `__x64_sys_getpid` and its like
/// as another name of this.
const VOID_PREFIX: &str = "__do_sys_";

/// System calls without arguments. The functions of others whose name begins like that do have arguments.
const VOID: [&str; 19] = [
    "fork",
    "getegid",
    "geteuid",
    "getgid",
    "getpgrp",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "inotify_init",
    "munlockall",
    "pause",
    "restart_syscall",
    "rt_sigreturn",
    "sched_yield",
    "setsid",
    "sync",
    "vfork",
    "vhangup",
];

/// System calls whose function has another name than their manual page.
const RENAMED: [(&str, &str); 9] = [
    ("fadvise64", "fadvise64_64"),
    ("fstat", "newfstat"),
    ("lstat", "newlstat"),
    ("sendfile", "sendfile64"),
    ("stat", "newstat"),
    ("statfs", "statfs64"),
    ("sync_file_range2", "sync_file_range"),
    ("umount2", "umount"),
    ("uname", "newuname"),
];

/// The functions of system calls that the kernel lists.
pub(crate) struct Functions(HashSet<String>);

/// Read once: the list is long, and the kernel's own functions stay what they are.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(Functions::read);

impl Functions {
    /// Those of this kernel.
    pub(crate) fn known() -> &'static Self {
        &FUNCTIONS
    }

    /// Empty where the kernel does not let us read the list.
    fn read() -> Self {
        let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
        let names = symbols.lines().filter_map(|line| line.split_ascii_whitespace().nth(2));
        Self(names.filter(|name| name.starts_with(PREFIX)).map(String::from).collect())
    }

    /// The function of `target`; where the kernel lists none at all, the likeliest name.
    pub(crate) fn of(&self, target: &Target) -> Result<String, ProbeError> {
        let candidates = candidates(&target.name);
        let found = candidates.iter().find(|name| self.0.is_empty() || self.0.contains(*name));
        found.cloned().ok_or_else(|| ProbeError::NoFunction {
            name: target.name.clone(),
            looked_for: candidates.join(", "),
        })
    }
}

/// What the function of the call `name` may be called, with the prefix of functions that take the caller's registers.
pub(crate) fn candidates(name: &str) -> Vec<String> {
    let renamed = RENAMED.iter().filter(|(renamed, _)| *renamed == name).map(|(_, function)| *function);
    renamed.chain([name]).map(|name| format!("{PREFIX}{name}")).collect()
}

/// What the function of the call `name` is called if it has no arguments; none if it has.
pub(crate) fn void_candidate(name: &str) -> Option<String> {
    VOID.contains(&name).then(|| format!("{VOID_PREFIX}{name}"))
}

/// Whether the function of the call `name` also serves 32-bit programs. Where they hand over their arguments otherwise,
/// only those without arguments do.
pub(crate) fn is_shared(name: &str) -> bool {
    cfg!(target_arch = "aarch64") || VOID.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Functions {
        Functions(names.iter().map(|name| format!("{PREFIX}{name}")).collect())
    }

    #[test]
    fn a_function_may_have_another_name() {
        let target = Target::named("umount2").unwrap();
        assert_eq!(known(&["umount", "read"]).of(&target).unwrap(), format!("{PREFIX}umount"));
        assert_eq!(known(&["umount2"]).of(&target).unwrap(), format!("{PREFIX}umount2"));
        assert_eq!(known(&[]).of(&target).unwrap(), format!("{PREFIX}umount"));
    }

    #[test]
    fn functions_without_arguments_are_those_of_calls_that_exist() {
        for name in VOID.iter().filter(|name| cfg!(target_arch = "x86_64") || Target::named(name).is_ok()) {
            assert!(Target::named(name).is_ok(), "{name}");
        }
        assert_eq!(
            (void_candidate("getpid").as_deref(), void_candidate("read")),
            (Some("__do_sys_getpid"), None)
        );
    }

    #[test]
    fn a_target_without_function_is_refused_by_name() {
        let target = Target::named("sysfs").unwrap_or_else(|_| Target::named("mmap").unwrap());
        let refused = known(&["read"]).of(&target);
        assert!(matches!(refused, Err(ProbeError::NoFunction { name, .. }) if name == target.name));
    }
}

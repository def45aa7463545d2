//! The kretprobe backend: a pair of programs at the function of each target.

use crate::object::attach_function;
use crate::{ProbeError, Target};
use aya::Ebpf;
use std::collections::HashSet;
use std::fs;

#[cfg(target_arch = "x86_64")]
const PREFIX: &str = "__x64_sys_";
#[cfg(target_arch = "aarch64")]
const PREFIX: &str = "__arm64_sys_";

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

/// Loads and attaches the programs. Returns are attached first: they find no start until the entries are.
pub(crate) fn attach(object: &mut Ebpf, targets: &[Target]) -> Result<(), ProbeError> {
    let known = known_functions();
    let functions = targets.iter().map(|target| function(target, &known)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&str> = functions.iter().map(String::as_str).collect();
    attach_function(object, "kretprobe_leave", &names)?;
    for (index, name) in names.iter().enumerate() {
        attach_function(object, &format!("kprobe_enter_{index}"), &[name])?;
    }
    Ok(())
}

/// The functions of system calls that the kernel lists, empty where it does not let us read the list.
fn known_functions() -> HashSet<String> {
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let names = symbols.lines().filter_map(|line| line.split_ascii_whitespace().nth(2));
    names.filter(|name| name.starts_with(PREFIX)).map(String::from).collect()
}

/// The kernel function of `target`; where the kernel lists none at all, the likeliest name.
fn function(target: &Target, known: &HashSet<String>) -> Result<String, ProbeError> {
    let renamed = RENAMED.iter().filter(|(name, _)| *name == target.name).map(|(_, function)| *function);
    let candidates: Vec<_> =
        renamed.chain([target.name.as_str()]).map(|name| format!("{PREFIX}{name}")).collect();
    let found = candidates.iter().find(|name| known.is_empty() || known.contains(*name));
    found.cloned().ok_or_else(|| ProbeError::NoFunction {
        name: target.name.clone(),
        looked_for: candidates.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| format!("{PREFIX}{name}")).collect()
    }

    #[test]
    fn a_function_may_have_another_name() {
        let target = Target::named("umount2").unwrap();
        assert_eq!(function(&target, &known(&["umount", "read"])).unwrap(), format!("{PREFIX}umount"));
        assert_eq!(function(&target, &known(&["umount2"])).unwrap(), format!("{PREFIX}umount2"));
        assert_eq!(function(&target, &HashSet::new()).unwrap(), format!("{PREFIX}umount"));
    }

    #[test]
    fn a_target_without_function_is_refused_by_name() {
        let refused = function(
            &Target::named("uselib").unwrap_or(Target { name: "uselib".into(), number: 0 }),
            &known(&["read"]),
        );
        assert!(matches!(refused, Err(ProbeError::NoFunction { name, .. }) if name == "uselib"));
    }
}

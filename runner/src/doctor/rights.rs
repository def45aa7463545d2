//! Whether this process may do what a probe takes.

use super::{Finding, Mark, Seen, finding};
use probe::Capabilities;
use reports::html::shell_word;

const GROUP: &str = "rights";
pub(super) const RIGHTS: &str = "root or capabilities";
pub(super) const PERF_EVENTS: &str = "perf events";
pub(super) const LOCKDOWN: &str = "lockdown";
pub(super) const NAMESPACES: &str = "namespaces";

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    vec![rights(seen), perf_events(seen), lockdown(seen), namespaces(seen), container(seen)]
}

fn rights(seen: &Seen) -> Finding {
    let Capabilities { bpf, perfmon, .. } = seen.capabilities;
    let root = seen.environment.root;
    if bpf && perfmon {
        let words = if root { "root" } else { "CAP_BPF and CAP_PERFMON, without being root" };
        return finding(GROUP, RIGHTS, Mark::Ok, words);
    }
    let lacking = match (bpf, perfmon) {
        (false, true) => "CAP_BPF is missing",
        (true, false) => "CAP_PERFMON is missing",
        _ => "neither CAP_BPF nor CAP_PERFMON",
    };
    if root {
        let found = finding(GROUP, RIGHTS, Mark::Missing, format!("root, yet {lacking}: a container's root"));
        return found.remedy("give the container `--cap-add BPF --cap-add PERFMON`, or run on the host");
    }
    if seen.file_capabilities {
        let words = format!("{lacking}, though the file {} has capabilities", seen.program.display());
        let remedy = "move it to a file system that is not mounted nosuid, or run it by sudo";
        return finding(GROUP, RIGHTS, Mark::Missing, words).remedy(remedy);
    }
    let program = shell_word(&seen.program.display().to_string());
    finding(GROUP, RIGHTS, Mark::Missing, format!("not root, {lacking}")).remedy(format!(
        "`sudo setcap cap_bpf,cap_perfmon+ep {program}` (again after each build), or run it by sudo"
    ))
}

/// What kprobes take beyond the rest.
fn perf_events(seen: &Seen) -> Finding {
    let Some(level) = seen.perf_event_paranoid else {
        return finding(
            GROUP,
            PERF_EVENTS,
            Mark::Missing,
            "this kernel has none, so that there are no kprobes",
        );
    };
    let setting = format!("kernel.perf_event_paranoid is {level}");
    if seen.capabilities.admin || level <= 2 {
        return finding(GROUP, PERF_EVENTS, Mark::Ok, setting);
    }
    let words = format!("{setting}: kretprobe needs root, whatever capabilities there are");
    finding(GROUP, PERF_EVENTS, Mark::Missing, words).remedy("`sudo sysctl kernel.perf_event_paranoid=2`")
}

fn lockdown(seen: &Seen) -> Finding {
    match seen.environment.lockdown.as_deref() {
        Some("confidentiality") => {
            let words = "confidentiality: the kernel hides from BPF programs what they would read";
            let remedy = "boot without `lockdown=confidentiality`";
            finding(GROUP, LOCKDOWN, Mark::Missing, words).remedy(remedy)
        }
        Some(mode) => finding(GROUP, LOCKDOWN, Mark::Ok, mode),
        None => {
            let words = "the kernel does not tell: it has none, or securityfs is not mounted";
            finding(GROUP, LOCKDOWN, Mark::Note, words)
        }
    }
}

fn namespaces(seen: &Seen) -> Finding {
    match &seen.namespaces {
        Ok(()) => finding(GROUP, NAMESPACES, Mark::Ok, "process ids and clock are the kernel's own"),
        Err(reason) => finding(GROUP, NAMESPACES, Mark::Missing, reason),
    }
}

fn container(seen: &Seen) -> Finding {
    match &seen.facilities.container {
        None => finding(GROUP, "container", Mark::Ok, "none seen"),
        Some(kind) => {
            let words = format!("in a container ({kind}): the kernel and its neighbours are the host's");
            finding(GROUP, "container", Mark::Note, words)
        }
    }
}

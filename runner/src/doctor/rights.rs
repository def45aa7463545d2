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
        let found = if root { "root" } else { "CAP_BPF and CAP_PERFMON, without being root" };
        return finding(GROUP, RIGHTS, Mark::Ok, found);
    }
    let lacking = match (bpf, perfmon) {
        (false, true) => "CAP_BPF is missing",
        (true, false) => "CAP_PERFMON is missing",
        _ => "neither CAP_BPF nor CAP_PERFMON",
    };
    let missing = |found: String| finding(GROUP, RIGHTS, Mark::Missing, found);
    if root {
        return missing(format!("root, yet {lacking}: a container's root"))
            .remedy("start the container with both, or measure on the host")
            .command("docker run --cap-add BPF --cap-add PERFMON --pid=host IMAGE");
    }
    if seen.file_capabilities {
        return missing(format!("{lacking}, though the file {} has capabilities", seen.program.display()))
            .remedy("move it to a file system that is not mounted nosuid, or start it by sudo")
            .command("sudo \"$(command -v runner)\" run SCENARIO");
    }
    let program = shell_word(&seen.program.display().to_string());
    missing(format!("not root, {lacking}"))
        .remedy("lend both to the runner's file (whoever may execute it can then watch all processes), again after each build, or start it by sudo")
        .command(format!("sudo setcap cap_bpf,cap_perfmon+ep {program}"))
}

/// What kprobes take beyond the rest.
fn perf_events(seen: &Seen) -> Finding {
    let Some(level) = seen.perf_event_paranoid else {
        let found = "this kernel has none, so that there are no kprobes";
        return finding(GROUP, PERF_EVENTS, Mark::Missing, found)
            .remedy("boot a kernel with CONFIG_PERF_EVENTS, as distributions build theirs")
            .command(super::machine::STOCK_KERNEL);
    };
    let setting = format!("kernel.perf_event_paranoid is {level}");
    if seen.capabilities.admin || level <= 2 {
        return finding(GROUP, PERF_EVENTS, Mark::Ok, setting);
    }
    finding(GROUP, PERF_EVENTS, Mark::Missing, format!("{setting}: kretprobe takes root"))
        .remedy("lower it until the next restart, or start the runner by sudo")
        .command("sudo sysctl kernel.perf_event_paranoid=2")
}

fn lockdown(seen: &Seen) -> Finding {
    match seen.environment.lockdown.as_deref() {
        Some("confidentiality") => finding(GROUP, LOCKDOWN, Mark::Missing, "confidentiality")
            .remedy("take it off the kernel's command line, where it stands there, and restart")
            .command("sudo sed -i s/lockdown=confidentiality// /etc/default/grub && sudo update-grub"),
        Some(mode) => finding(GROUP, LOCKDOWN, Mark::Ok, mode),
        None => {
            finding(GROUP, LOCKDOWN, Mark::Note, "the kernel does not tell: it has none, or does not show it")
                .remedy("have it shown, where the kernel has it")
                .command("sudo mount -t securityfs securityfs /sys/kernel/security")
        }
    }
}

fn namespaces(seen: &Seen) -> Finding {
    match &seen.namespaces {
        Ok(()) => finding(GROUP, NAMESPACES, Mark::Ok, "process ids and clock are the kernel's own"),
        Err(reason) => finding(GROUP, NAMESPACES, Mark::Missing, reason)
            .remedy("start the container with the host's process ids, or measure on the host")
            .command("docker run --cap-add BPF --cap-add PERFMON --pid=host IMAGE"),
    }
}

fn container(seen: &Seen) -> Finding {
    match &seen.facilities.container {
        None => finding(GROUP, "container", Mark::Ok, "none seen"),
        Some(kind) => finding(GROUP, "container", Mark::Note, format!("in a container ({kind})"))
            .remedy("measure on the host where it may be had"),
    }
}

//! What kernel, programs, hardware and disk have to offer.

use super::{Finding, Mark, Seen, finding};
use crate::environment::{cpus_warning, governor_warning};
use crate::settings::Pending;
use reports::units;

pub(super) const KPROBES: &str = "kprobes";
pub(super) const BTF: &str = "BTF";

/// Free space, in bytes, below which a long run might not be finished.
const LITTLE_DISK: u64 = 256 << 20;
/// The same for memory: charts and tables of a large run take so much.
const LITTLE_MEMORY: u64 = 512 << 20;

/// A kernel as distributions build theirs, by its name in Debian, or in Ubuntu.
pub(super) const STOCK_KERNEL: &str = "sudo apt-get install linux-image-$(dpkg --print-architecture) || sudo apt-get install linux-image-generic";

pub(super) fn kernel(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "kernel";
    let environment = &seen.environment;
    let release = format!("Linux {} on {}", environment.kernel_release, environment.architecture);
    let kprobes = if seen.facilities.kprobes {
        finding(GROUP, KPROBES, Mark::Ok, "there")
    } else {
        finding(GROUP, KPROBES, Mark::Missing, "this kernel has none; raw_tracepoint needs none")
            .remedy("boot a kernel with CONFIG_KPROBE_EVENTS, as distributions build theirs")
            .command(STOCK_KERNEL)
    };
    let btf = if seen.facilities.btf {
        finding(GROUP, BTF, Mark::Ok, "the kernel describes its types")
    } else {
        finding(GROUP, BTF, Mark::Note, "the kernel does not describe its types")
            .remedy("boot a kernel with CONFIG_DEBUG_INFO_BTF, as distributions build theirs")
            .command(STOCK_KERNEL)
    };
    let pressure = if seen.pressure {
        finding(GROUP, "PSI", Mark::Ok, "the kernel tells how long tasks wait for CPU, memory and disk")
    } else {
        finding(GROUP, "PSI", Mark::Note, "the kernel does not tell how long tasks wait")
            .remedy("put `psi=1` on the kernel's command line and restart")
            .command("sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&psi=1 /' /etc/default/grub && sudo update-grub")
    };
    vec![finding(GROUP, "release", Mark::Ok, release), kprobes, btf, tracefs(seen), pressure]
}

/// Only by way of tracefs can a kretprobe be told how many calls to watch.
fn tracefs(seen: &Seen) -> Finding {
    let found = |mark, words: String| finding("kernel", "tracefs", mark, words);
    match &seen.facilities.tracefs {
        Some(place) if seen.facilities.tracefs_is_open || !seen.facilities.kprobes => {
            found(Mark::Ok, format!("mounted at {place}"))
        }
        Some(place) => found(Mark::Note, format!("{place} is not open to this user"))
            .remedy("start the runner by sudo")
            .command("sudo \"$(command -v runner)\" run SCENARIO"),
        None if !seen.facilities.kprobes => {
            found(Mark::Ok, "not mounted; without kprobes nothing needs it".to_owned())
        }
        None => found(Mark::Note, "not mounted".to_owned())
            .remedy("mount it until the next restart")
            .command("sudo mount -t tracefs tracefs /sys/kernel/tracing"),
    }
}

pub(super) fn programs(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "programs";
    let generator = match &seen.generator {
        Ok(path) => finding(GROUP, "generator", Mark::Ok, path.display().to_string()),
        Err(reason) => finding(GROUP, "generator", Mark::Missing, reason)
            .remedy("install both: from a package, or from the project's folder")
            .command("./justw install"),
    };
    let stress_ng = match &seen.environment.stress_ng_version {
        Some(version) => finding(GROUP, "stress-ng", Mark::Ok, format!("version {version}")),
        None => finding(GROUP, "stress-ng", Mark::Missing, "not installed, or it does not work")
            .remedy("install it (Fedora: `sudo dnf install stress-ng`), or use no load")
            .command("sudo apt-get install stress-ng"),
    };
    vec![generator, stress_ng]
}

const MACHINE: &str = "machine";

pub(super) fn machine(seen: &Seen) -> Vec<Finding> {
    let environment = &seen.environment;
    vec![
        cpus(seen),
        other_work(seen),
        memory(seen),
        swap(seen),
        power(seen),
        clock_source(environment.clocksource.as_deref()),
        governor(environment.governor.as_deref()),
        turbo(environment.turbo.as_deref()),
        smt(environment.smt.as_deref()),
        huge_pages(environment.transparent_huge_pages.as_deref()),
        settings(seen.pending.as_ref()),
        hypervisor(environment.hypervisor.as_deref()),
    ]
}

fn note(check: &'static str, found: impl Into<String>) -> Finding {
    finding(MACHINE, check, Mark::Note, found)
}

fn untold(check: &'static str) -> Finding {
    note(check, "the machine does not tell")
}

fn cpus(seen: &Seen) -> Finding {
    let environment = &seen.environment;
    let model = environment.cpu_model.as_deref().unwrap_or("unknown model");
    let found = format!("{} × {model}", environment.cpus);
    match cpus_warning(environment.cpus) {
        Some(_) => note("CPUs", found).remedy("give a virtual machine two or more, or take another machine"),
        None => finding(MACHINE, "CPUs", Mark::Ok, found),
    }
}

fn other_work(seen: &Seen) -> Finding {
    let (average, cpus) = (seen.conditions.load_average, seen.environment.cpus);
    let found = format!("load average {average:.2} on {cpus} CPUs");
    match seen.conditions.work_warning(cpus) {
        Some(_) => note("other work", found)
            .remedy("see who works, and end it, or have disturbed trials repeated by `--set plan.retry_disturbed=3`")
            .command("ps -eo pcpu,pid,user,args --sort=-pcpu | head"),
        None => finding(MACHINE, "other work", Mark::Ok, found),
    }
}

fn memory(seen: &Seen) -> Finding {
    let (free, all) = (seen.conditions.memory_available_bytes, seen.environment.memory_bytes);
    let found = format!("{} of {} available", units::bytes(free as f64), units::bytes(all as f64));
    if free < LITTLE_MEMORY {
        note("memory", found)
            .remedy("see who has it, and end what is not needed")
            .command("ps -eo rss,pid,user,args --sort=-rss | head")
    } else {
        finding(MACHINE, "memory", Mark::Ok, found)
    }
}

fn swap(seen: &Seen) -> Finding {
    let used = seen.conditions.swap_used_bytes;
    match seen.conditions.swap_warning() {
        Some(_) => note("swap", format!("{} in use", units::bytes(used as f64)))
            .remedy("read everything back, where memory has room for it")
            .command("sudo swapoff --all; sudo swapon --all"),
        None => finding(MACHINE, "swap", Mark::Ok, "none in use"),
    }
}

fn power(seen: &Seen) -> Finding {
    match seen.conditions.battery_warning() {
        Some(_) => note("power", "from the battery").remedy("connect the power supply"),
        None => finding(MACHINE, "power", Mark::Ok, "not from a battery"),
    }
}

/// Every call that the probe times reads the clock twice.
fn clock_source(clock: Option<&str>) -> Finding {
    const PLACE: &str = "/sys/devices/system/clocksource/clocksource0";
    match clock {
        None => untold("clock source"),
        Some(quick @ ("tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter")) => {
            finding(MACHINE, "clock source", Mark::Ok, quick)
        }
        Some(slow) => note("clock source", format!("{slow}, which takes long to read"))
            .remedy(format!("take another one, where {PLACE}/available_clocksource names it"))
            .command(format!("grep -qw tsc {PLACE}/available_clocksource && echo tsc | sudo tee {PLACE}/current_clocksource")),
    }
}

fn governor(governor: Option<&str>) -> Finding {
    match governor {
        None => untold("governor"),
        Some(governor) if governor_warning(governor).is_some() => note("governor", governor)
            .remedy("set another one, or for one run alone by `--set machine.governor=performance`")
            .command("echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"),
        Some(governor) => finding(MACHINE, "governor", Mark::Ok, governor),
    }
}

fn turbo(state: Option<&str>) -> Finding {
    match state {
        None => untold("turbo"),
        Some("on") => note("turbo", "on")
            .remedy("switch it off for the time of a run, which sets it back")
            .command("sudo \"$(command -v runner)\" run SCENARIO --set machine.turbo=false"),
        Some(other) => finding(MACHINE, "turbo", Mark::Ok, other),
    }
}

fn smt(state: Option<&str>) -> Finding {
    match state {
        None => untold("SMT"),
        Some("on") => note("SMT", "on")
            .remedy("switch it off until the next restart")
            .command("echo off | sudo tee /sys/devices/system/cpu/smt/control"),
        Some(other) => finding(MACHINE, "SMT", Mark::Ok, reports::smt_words(other)),
    }
}

fn huge_pages(mode: Option<&str>) -> Finding {
    match mode {
        None => untold("huge pages"),
        Some("always") => note("huge pages", "always")
            .remedy("have them made on request only, or for one run by `--set machine.thp=madvise`")
            .command("echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"),
        Some(other) => finding(MACHINE, "huge pages", Mark::Ok, other),
    }
}

/// What a run has changed, and perhaps left so.
fn settings(pending: Option<&Pending>) -> Finding {
    match pending {
        None => finding(MACHINE, "settings", Mark::Ok, "no run has changed any"),
        Some(Pending { is_held: true, words }) => {
            note("settings", format!("a run that is under way has changed {words}"))
                .remedy("wait for its end, at which it restores them")
        }
        Some(Pending { words, .. }) => {
            note("settings", format!("a run that was killed has left changed: {words}"))
                .remedy("restore them")
                .command("sudo \"$(command -v runner)\" doctor --restore")
        }
    }
}

fn hypervisor(name: Option<&str>) -> Finding {
    match name {
        None => finding(MACHINE, "hypervisor", Mark::Ok, "none seen"),
        Some(name) => note("hypervisor", format!("a virtual machine ({name})"))
            .remedy("take the two sides of a comparison in alternation, so that both meet the same host")
            .command("runner run SCENARIO --against CANDIDATE"),
    }
}

pub(super) fn runs(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "runs";
    const ELSEWHERE: &str = "export RUNNER_RUNS_DIR=FOLDER";
    let folder = seen.runs.folder.display();
    let writable = match &seen.runs.writable {
        Ok(()) => finding(GROUP, "folder", Mark::Ok, format!("{folder} can be written to")),
        Err(reason) => {
            let found = format!("{folder} cannot be written to: {reason}");
            finding(GROUP, "folder", Mark::Missing, found).remedy("keep runs elsewhere").command(ELSEWHERE)
        }
    };
    let space = match seen.runs.free_bytes {
        None => finding(GROUP, "disk space", Mark::Note, "the file system does not tell"),
        Some(free) if free < LITTLE_DISK => {
            let found = format!("only {} free", units::bytes(free as f64));
            let mark = if seen.runs.is_full() { Mark::Missing } else { Mark::Note };
            finding(GROUP, "disk space", mark, found)
                .remedy("make room, or keep runs elsewhere")
                .command(ELSEWHERE)
        }
        Some(free) => finding(GROUP, "disk space", Mark::Ok, format!("{} free", units::bytes(free as f64))),
    };
    vec![writable, space]
}

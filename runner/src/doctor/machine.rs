//! What kernel, programs, hardware and disk have to offer.

use super::{Finding, Mark, Seen, finding};
use crate::environment::{cpus_warning, governor_warning, hypervisor_warning};
use crate::load::LoadError;
use crate::settings::Pending;
use reports::units;

pub(super) const KPROBES: &str = "kprobes";
pub(super) const BTF: &str = "BTF";

/// Free space, in bytes, below which a long run might not be finished.
const LITTLE_DISK: u64 = 256 << 20;
/// The same for memory: charts and tables of a large run take so much.
const LITTLE_MEMORY: u64 = 512 << 20;

pub(super) fn kernel(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "kernel";
    let environment = &seen.environment;
    let release = format!("Linux {} on {}", environment.kernel_release, environment.architecture);
    let kprobes = if seen.facilities.kprobes {
        finding(GROUP, KPROBES, Mark::Ok, "there")
    } else {
        finding(GROUP, KPROBES, Mark::Missing, "this kernel has none; raw_tracepoint needs none")
            .remedy("a kernel with CONFIG_KPROBE_EVENTS, as distributions build theirs")
    };
    let btf = if seen.facilities.btf {
        finding(GROUP, BTF, Mark::Ok, "the kernel describes its types")
    } else {
        finding(GROUP, BTF, Mark::Note, "the kernel does not describe its types, which fentry needs")
            .remedy("a kernel with CONFIG_DEBUG_INFO_BTF")
    };
    let pressure = if seen.pressure {
        finding(GROUP, "PSI", Mark::Ok, "the kernel tells how long tasks wait for CPU, memory and disk")
    } else {
        finding(GROUP, "PSI", Mark::Note, "the kernel does not tell how long tasks wait: reports lack it")
            .remedy("boot with `psi=1`, or a kernel with CONFIG_PSI")
    };
    vec![finding(GROUP, "release", Mark::Ok, release), kprobes, btf, tracefs(seen), pressure]
}

/// Only by way of tracefs can a kretprobe be told how many calls to watch.
fn tracefs(seen: &Seen) -> Finding {
    const FEW: &str = "a kretprobe watches few blocked calls at a time and loses the returns of more";
    let missing = |words: String| finding("kernel", "tracefs", Mark::Note, format!("{words}: {FEW}"));
    match &seen.facilities.tracefs {
        Some(place) if seen.facilities.tracefs_is_open || !seen.facilities.kprobes => {
            finding("kernel", "tracefs", Mark::Ok, format!("mounted at {place}"))
        }
        Some(place) => missing(format!("{place} is not open to this user")).remedy("run it by sudo"),
        None if !seen.facilities.kprobes => {
            finding("kernel", "tracefs", Mark::Note, "not mounted; without kprobes nothing needs it")
        }
        None => {
            missing("not mounted".to_owned()).remedy("`sudo mount -t tracefs tracefs /sys/kernel/tracing`")
        }
    }
}

pub(super) fn programs(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "programs";
    let generator = match &seen.generator {
        Ok(path) => finding(GROUP, "generator", Mark::Ok, path.display().to_string()),
        Err(reason) => finding(GROUP, "generator", Mark::Missing, reason),
    };
    let stress_ng = match &seen.environment.stress_ng_version {
        Some(version) => finding(GROUP, "stress-ng", Mark::Ok, format!("version {version}")),
        None => finding(GROUP, "stress-ng", Mark::Missing, LoadError::NotInstalled.to_string()),
    };
    vec![generator, stress_ng]
}

pub(super) fn machine(seen: &Seen) -> Vec<Finding> {
    let environment = &seen.environment;
    let model = environment.cpu_model.as_deref().unwrap_or("unknown model");
    let cpus = told("CPUs", format!("{} × {model}", environment.cpus), cpus_warning(environment.cpus));
    let work = seen.conditions.work_warning(environment.cpus);
    let load_average = format!("load average {:.2}", seen.conditions.load_average);
    let governor = environment.governor.as_deref();
    vec![
        cpus,
        told("other work", load_average, work),
        memory(seen),
        told("swap", "none in use".to_owned(), seen.conditions.swap_warning()),
        told("power", "not from a battery".to_owned(), seen.conditions.battery_warning()),
        clock_source(environment.clocksource.as_deref()),
        governor.map_or_else(
            || untold("governor"),
            |governor| told("governor", governor.to_owned(), governor_warning(governor)),
        ),
        turbo(environment.turbo.as_deref()),
        smt(environment.smt.as_deref()),
        huge_pages(environment.transparent_huge_pages.as_deref()),
        settings(seen.pending.as_ref()),
        told("hypervisor", "none seen".to_owned(), environment.hypervisor.as_deref().map(hypervisor_warning)),
    ]
}

const MACHINE: &str = "machine";

/// What a run has changed, and perhaps left so.
fn settings(pending: Option<&Pending>) -> Finding {
    match pending {
        None => finding(MACHINE, "settings", Mark::Ok, "no run has changed any"),
        Some(Pending { is_held: true, words }) => {
            finding(MACHINE, "settings", Mark::Note, format!("a run that is under way has changed {words}"))
        }
        Some(Pending { words, .. }) => {
            let words = format!("a run that was killed has left changed: {words}");
            finding(MACHINE, "settings", Mark::Note, words).remedy("`sudo runner doctor --restore`")
        }
    }
}

/// What was found, or what it is a warning of.
fn told(check: &'static str, found: String, warning: Option<String>) -> Finding {
    match warning {
        Some(warning) => finding(MACHINE, check, Mark::Note, warning),
        None => finding(MACHINE, check, Mark::Ok, found),
    }
}

fn untold(check: &'static str) -> Finding {
    finding(MACHINE, check, Mark::Note, "the machine does not tell")
}

fn memory(seen: &Seen) -> Finding {
    let (free, all) = (seen.conditions.memory_available_bytes, seen.environment.memory_bytes);
    let words = format!("{} of {} available", units::bytes(free as f64), units::bytes(all as f64));
    let mark = if free < LITTLE_MEMORY { Mark::Note } else { Mark::Ok };
    finding(MACHINE, "memory", mark, words)
}

/// Every call that the probe times reads the clock twice.
fn clock_source(clock: Option<&str>) -> Finding {
    match clock {
        None => untold("clock source"),
        Some(quick @ ("tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter")) => {
            finding(MACHINE, "clock source", Mark::Ok, quick)
        }
        Some(slow) => {
            let words = format!("{slow}, which takes long to read: it adds to every latency");
            let remedy = "`echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource`, \
                          where that is available";
            finding(MACHINE, "clock source", Mark::Note, words).remedy(remedy)
        }
    }
}

fn turbo(state: Option<&str>) -> Finding {
    match state {
        None => untold("turbo"),
        Some("on") => {
            let words = "on: the frequency varies with temperature and with what other CPUs do";
            finding(MACHINE, "turbo", Mark::Note, words).remedy(
                "`echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo` (Intel), \
                 `echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost` (others)",
            )
        }
        Some(other) => finding(MACHINE, "turbo", Mark::Ok, other),
    }
}

fn smt(state: Option<&str>) -> Finding {
    match state {
        None => untold("SMT"),
        Some("on") => {
            let words = "on: two CPUs share a core, and each is slower while the other works";
            let remedy = "`echo off | sudo tee /sys/devices/system/cpu/smt/control`";
            finding(MACHINE, "SMT", Mark::Note, words).remedy(remedy)
        }
        Some("notsupported" | "notimplemented") => finding(MACHINE, "SMT", Mark::Ok, "none"),
        Some(other) => finding(MACHINE, "SMT", Mark::Ok, other),
    }
}

fn huge_pages(mode: Option<&str>) -> Finding {
    match mode {
        None => untold("huge pages"),
        Some("always") => {
            let words =
                "always: large mappings get pages of 2 MiB when the kernel has some, and else of 4 KiB";
            let remedy = "`echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled`";
            finding(MACHINE, "huge pages", Mark::Note, words).remedy(remedy)
        }
        Some(other) => finding(MACHINE, "huge pages", Mark::Ok, other),
    }
}

pub(super) fn runs(seen: &Seen) -> Vec<Finding> {
    const GROUP: &str = "runs";
    let folder = seen.runs.folder.display();
    let writable = match &seen.runs.writable {
        Ok(()) => finding(GROUP, "folder", Mark::Ok, format!("{folder} can be written to")),
        Err(reason) => {
            let words = format!("{folder} cannot be written to: {reason}");
            finding(GROUP, "folder", Mark::Missing, words).remedy("another one: `--runs-dir FOLDER`")
        }
    };
    let space = match seen.runs.free_bytes {
        None => finding(GROUP, "disk space", Mark::Note, "the file system does not tell"),
        Some(free) if free < LITTLE_DISK => {
            let words = format!("only {} free", units::bytes(free as f64));
            finding(GROUP, "disk space", Mark::Note, words).remedy("another one: `--runs-dir FOLDER`")
        }
        Some(free) => finding(GROUP, "disk space", Mark::Ok, format!("{} free", units::bytes(free as f64))),
    };
    vec![writable, space]
}

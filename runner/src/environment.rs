//! Owns the description of the machine: what a reader must know to judge figures, and what in it calls for caution.
//! It only reads; it changes no setting.

mod facilities;

pub(crate) use facilities::Facilities;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::Environment;

/// Load per CPU above which the machine is taken to be busy with something else.
const BUSY_LOAD: f64 = 0.5;

/// The machine and its kernel, as far as they tell.
pub(crate) fn observe() -> Environment {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Environment {
        kernel_release: text(uname.release()),
        kernel_version: text(uname.version()),
        architecture: text(uname.machine()),
        host: text(uname.nodename()),
        stress_ng_version: crate::load::version().ok(),
        runner_version: env!("CARGO_PKG_VERSION").to_owned(),
        root: rustix::process::geteuid().is_root(),
        ..Machine::under("/").describe()
    }
}

/// A machine's id as runs have it: whoever has the run cannot tell the id from it, which others take for a secret. None where
/// it is no id, as in an image that was not started yet.
fn hashed_id(id: &str) -> Option<String> {
    const CONTEXT: &str = "syscall-lab 2026-11 which machine a run is of";
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = blake3::Hash::from(blake3::derive_key(CONTEXT, id.as_bytes())).to_hex();
    is_id.then(|| hash[..32].to_owned())
}

/// Whether two have the same memory: a kernel reserves a little more or less from boot to boot.
pub(crate) fn is_same_memory(one: &Environment, other: &Environment) -> bool {
    one.memory_bytes.abs_diff(other.memory_bytes) <= one.memory_bytes / 50
}

/// The kernel's boot id, which tells one boot from the next; empty where there is none.
pub(crate) fn boot_id() -> String {
    Machine::under("/").word("proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// One line for each trait of the machine, and of its present state, that makes figures less sure.
pub(crate) fn warnings(environment: &Environment) -> Vec<String> {
    conditions().warnings(environment)
}

/// The machine's present state.
pub(crate) fn conditions() -> Conditions {
    Conditions::observe(&Machine::under("/"))
}

/// What there is for a probe and its monitor to use.
pub(crate) fn facilities() -> Facilities {
    Facilities::of(&Machine::under("/"))
}

/// Why the frequency governor makes figures less sure, if it does, with the remedy.
pub(crate) fn governor_warning(governor: &str) -> Option<String> {
    ["powersave", "ondemand", "conservative", "schedutil"].contains(&governor).then(|| {
        format!(
            "the CPU frequency governor is {governor}, so that latency varies with recent activity \
             (`sudo cpupower frequency-set -g performance`)"
        )
    })
}

/// What turbo means for figures.
fn turbo_warning(state: &str) -> Option<String> {
    (state == "on").then(|| {
        "turbo is on: a CPU is the faster the fewer others are busy, and the cooler it is (`[machine] turbo = false`)"
            .to_owned()
    })
}

/// What a hypervisor means for figures.
pub(crate) fn hypervisor_warning(hypervisor: &str) -> String {
    format!("this is a virtual machine ({hypervisor}): what its host does adds to latency, unseen")
}

/// Whether the CPUs are too few.
pub(crate) fn cpus_warning(cpus: u32) -> Option<String> {
    (cpus == 1).then(|| "there is one CPU: generators, load and runner take turns on it".to_owned())
}

/// What changes by the minute, and therefore is no part of the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions {
    /// Mean number of runnable tasks over the last minute.
    pub(crate) load_average: f64,
    /// Swap in use, in bytes.
    pub(crate) swap_used_bytes: u64,
    /// Memory that can be had without swapping, in bytes.
    pub(crate) memory_available_bytes: u64,
    /// Whether there is a power supply, and no current from it.
    pub(crate) on_battery: bool,
}

impl Conditions {
    fn observe(machine: &Machine) -> Self {
        let memory = machine.text("proc/meminfo").unwrap_or_default();
        let kib = |name| kibibytes(&memory, name).unwrap_or_default();
        let average = machine.word("proc/loadavg").and_then(|line| line.split(' ').next()?.parse().ok());
        Self {
            load_average: average.unwrap_or_default(),
            swap_used_bytes: kib("SwapTotal:").saturating_sub(kib("SwapFree:")) * 1024,
            memory_available_bytes: kib("MemAvailable:") * 1024,
            on_battery: machine.is_on_battery(),
        }
    }

    fn warnings(self, environment: &Environment) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(environment.governor.as_deref().and_then(governor_warning));
        warnings.extend(environment.hypervisor.as_deref().map(hypervisor_warning));
        warnings.extend(cpus_warning(environment.cpus));
        warnings.extend(environment.turbo.as_deref().and_then(turbo_warning));
        warnings.extend(self.swap_warning());
        warnings.extend(self.battery_warning());
        warnings
    }

    /// Whether the machine is busy with something else.
    pub(crate) fn work_warning(self, cpus: u32) -> Option<String> {
        (self.load_average > BUSY_LOAD * f64::from(cpus.max(1))).then(|| {
            format!(
                "the machine was busy before the start: load average {:.2} on {cpus} CPUs",
                self.load_average
            )
        })
    }

    /// Whether the machine saves power.
    pub(crate) fn battery_warning(self) -> Option<String> {
        self.on_battery.then(|| {
            "the machine runs on its battery: it may be slowed down to save power, and differently so each time"
                .to_owned()
        })
    }

    /// Whether pages were written out.
    pub(crate) fn swap_warning(self) -> Option<String> {
        (self.swap_used_bytes > 0).then(|| {
            format!("{} MiB of swap are in use: pages may have to be read back", self.swap_used_bytes >> 20)
        })
    }
}

/// The machine as the files below a folder show it.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn under(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Everything that is read from files; the rest is left at its default.
    fn describe(&self) -> Environment {
        let memory = self.text("proc/meminfo").unwrap_or_default();
        let bytes = |name| kibibytes(&memory, name).unwrap_or_default() * 1024;
        Environment {
            machine_id: self.word("etc/machine-id").as_deref().and_then(hashed_id),
            distribution: self.distribution(),
            kernel_command_line: self.word("proc/cmdline"),
            cpu_model: self.cpu_model(),
            cpus: self.cpus(),
            memory_bytes: bytes("MemTotal:"),
            governor: self.word("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            turbo: self.turbo(),
            smt: self.word("sys/devices/system/cpu/smt/control"),
            transparent_huge_pages: self.chosen("sys/kernel/mm/transparent_hugepage/enabled"),
            clocksource: self.word("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            hypervisor: self.hypervisor(),
            mitigations: self.mitigations(),
            aslr: self.word("proc/sys/kernel/randomize_va_space"),
            swap_bytes: bytes("SwapTotal:"),
            lockdown: self.chosen("sys/kernel/security/lockdown"),
            ..Environment::default()
        }
    }

    /// A file's text.
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = std::fs::read(self.root.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's text, trimmed, if there is any.
    fn word(&self, path: impl AsRef<Path>) -> Option<String> {
        // Device trees end their strings with a zero byte.
        let text = self.text(path)?;
        let word = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// The choice in brackets, as in `always [madvise] never`.
    fn chosen(&self, path: &str) -> Option<String> {
        let text = self.word(path)?;
        let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        Some(chosen.map_or(text.as_str(), |(choice, _)| choice).to_owned())
    }

    /// By the power supplies that are connected to the mains: there is one, and none has current.
    fn is_on_battery(&self) -> bool {
        let folder = Path::new("sys/class/power_supply");
        let entries = self.root.join(folder).read_dir().into_iter().flatten().flatten();
        let supplies = entries.map(|entry| folder.join(entry.file_name()));
        let mains = supplies.filter(|supply| self.word(supply.join("type")).as_deref() == Some("Mains"));
        let online: Vec<bool> =
            mains.filter_map(|supply| Some(self.word(supply.join("online"))? == "1")).collect();
        !online.is_empty() && online.iter().all(|is_online| !is_online)
    }

    fn distribution(&self) -> Option<String> {
        let text = self.text("etc/os-release").or_else(|| self.text("usr/lib/os-release"))?;
        let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim().trim_matches(['"', '\'']).to_owned())
    }

    /// The first value of a key of /proc/cpuinfo.
    fn cpuinfo(&self, key: &str) -> Option<String> {
        let text = self.text("proc/cpuinfo")?;
        let of_key = |line: &str| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        };
        text.lines().find_map(of_key).filter(|value| !value.is_empty())
    }

    fn cpu_model(&self) -> Option<String> {
        // arm64 has no name there, but numbers of maker and part, or a board's name in the device tree.
        let arm = || {
            let (maker, part) = (self.cpuinfo("CPU implementer")?, self.cpuinfo("CPU part")?);
            let board =
                self.word("proc/device-tree/model").map_or_else(String::new, |board| format!(" ({board})"));
            Some(format!("ARM implementer {maker} part {part}{board}"))
        };
        self.cpuinfo("model name")
            .or_else(arm)
            .or_else(|| self.cpuinfo("cpu"))
            .or_else(|| self.cpuinfo("uarch"))
    }

    /// CPUs online, by /sys, else by /proc/stat; at least 1.
    fn cpus(&self) -> u32 {
        let by_sys = || cpus_in(&self.word("sys/devices/system/cpu/online")?);
        let by_stat = || {
            let text = self.text("proc/stat")?;
            let is_cpu = |line: &&str| {
                line.strip_prefix("cpu")
                    .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
            };
            u32::try_from(text.lines().filter(is_cpu).count()).ok()
        };
        by_sys().or_else(by_stat).unwrap_or(1).max(1)
    }

    /// `on` or `off`, by whichever driver tells.
    fn turbo(&self) -> Option<String> {
        let named = |path: &str, on: &str| {
            let state = if self.word(path)? == on { "on" } else { "off" };
            Some(state.to_owned())
        };
        named("sys/devices/system/cpu/intel_pstate/no_turbo", "0")
            .or_else(|| named("sys/devices/system/cpu/cpufreq/boost", "1"))
            .or_else(|| named("sys/devices/system/cpu/cpu0/cpufreq/boost", "1"))
    }

    /// The hypervisor's name by its own interface, the CPU, the firmware or the device tree, in that order.
    fn hypervisor(&self) -> Option<String> {
        let flags = self.cpuinfo("flags").unwrap_or_default();
        let by_cpu = || {
            // Only the machine itself can be asked by instruction, not a description of another one.
            let vendor = if self.root == Path::new("/") { hypervisor_vendor() } else { None };
            let unnamed = || "unnamed".to_owned();
            flags.split(' ').any(|flag| flag == "hypervisor").then(|| vendor.unwrap_or_else(unnamed))
        };
        self.word("sys/hypervisor/type")
            .or_else(by_cpu)
            .or_else(|| self.hypervisor_by_firmware())
            .or_else(|| self.word("proc/device-tree/hypervisor/compatible"))
    }

    fn hypervisor_by_firmware(&self) -> Option<String> {
        const VIRTUAL: [&str; 8] =
            ["QEMU", "KVM", "VMware", "VirtualBox", "innotek", "Xen", "Amazon EC2", "Google Compute Engine"];
        let fields = ["sys/class/dmi/id/product_name", "sys/class/dmi/id/sys_vendor"];
        let is_virtual = |text: &String| VIRTUAL.iter().any(|name| text.contains(name));
        let found = fields.iter().filter_map(|path| self.word(path)).find(is_virtual)?;
        // Amazon's firmware says EC2 on bare metal as well, where the instance's type ends so.
        let product = self.word(fields[0]).unwrap_or_default();
        (product.rsplit('.').next() != Some("metal")).then_some(found)
    }

    fn mitigations(&self) -> BTreeMap<String, String> {
        let folder = Path::new("sys/devices/system/cpu/vulnerabilities");
        let Ok(entries) = self.root.join(folder).read_dir() else {
            return BTreeMap::new();
        };
        let state = |name: String| self.word(folder.join(&name)).map(|state| (name, state));
        entries.flatten().filter_map(|entry| state(entry.file_name().to_str()?.to_owned())).collect()
    }
}

/// The number of CPUs in a list such as `0-3,5`.
fn cpus_in(text: &str) -> Option<u32> {
    let mut count = 0;
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

/// A line of /proc/meminfo, in KiB.
fn kibibytes(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// What the hypervisor calls itself in CPUID leaf `0x4000_0000` (`KVMKVMKVM`). To be asked only under one, since
/// elsewhere that leaf means nothing.
#[cfg(target_arch = "x86_64")]
fn hypervisor_vendor() -> Option<String> {
    let leaf = std::arch::x86_64::__cpuid(0x4000_0000);
    let bytes: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].iter().flat_map(|word| word.to_le_bytes()).collect();
    let name = bytes.split(|byte| *byte == 0).next()?;
    let readable = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    readable.then(|| String::from_utf8_lossy(name).trim().to_owned())
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor_vendor() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of the given files.
    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let machine = Machine::under(root.path());
        (root, machine)
    }

    #[test]
    fn this_machine_is_described() {
        let environment = observe();
        assert!(!environment.kernel_release.is_empty() && !environment.architecture.is_empty());
        assert!(environment.cpus >= 1 && environment.memory_bytes > 1 << 20, "{environment:?}");
        assert_eq!(boot_id().len(), 36);
        assert!(warnings(&environment).iter().all(|line| !line.contains('\n') && !line.contains("  ")));
    }

    #[test]
    fn an_empty_machine_is_no_error() {
        let (_root, machine) = machine(&[]);
        assert_eq!(machine.describe(), Environment { cpus: 1, ..Environment::default() });
        let conditions = Conditions::observe(&machine);
        assert!(conditions.load_average.abs() < f64::EPSILON && !conditions.on_battery);
    }

    #[test]
    fn files_become_fields() {
        let (_root, machine) = machine(&[
            ("etc/os-release", "NAME=\"X\"\nPRETTY_NAME=\"X Linux 1\"\n"),
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu hypervisor vme\n",
            ),
            (
                "proc/meminfo",
                "MemTotal:  2048 kB\nMemAvailable: 512 kB\nSwapTotal: 1024 kB\nSwapFree: 24 kB\n",
            ),
            ("proc/loadavg", "1.50 0.50 0.10 1/200 4711\n"),
            ("sys/devices/system/cpu/online", "0-3,6\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
            ("sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
            ("sys/class/power_supply/AC/type", "Mains\n"),
            ("sys/class/power_supply/AC/online", "0\n"),
            ("sys/class/power_supply/BAT0/type", "Battery\n"),
        ]);
        let environment = machine.describe();
        assert_eq!(environment.distribution.as_deref(), Some("X Linux 1"));
        assert_eq!(environment.cpu_model.as_deref(), Some("Some CPU @ 3 GHz"));
        assert_eq!((environment.cpus, environment.memory_bytes), (5, 2 << 20));
        assert_eq!((environment.turbo.as_deref(), environment.swap_bytes), (Some("off"), 1 << 20));
        assert_eq!(environment.mitigations["meltdown"], "Mitigation: PTI");
        assert_eq!(environment.transparent_huge_pages.as_deref(), Some("madvise"));
        assert_eq!(environment.lockdown.as_deref(), Some("integrity"));
        assert_eq!(environment.hypervisor.as_deref(), Some("unnamed"));
        let conditions = Conditions::observe(&machine);
        assert!((conditions.load_average - 1.5).abs() < f64::EPSILON);
        assert_eq!(conditions.swap_used_bytes, 1000 * 1024);
        assert_eq!(conditions.memory_available_bytes, 512 * 1024);
        assert!(conditions.on_battery);
    }

    #[test]
    fn other_architectures_name_their_cpu_otherwise() {
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n";
        let (_root, board) = machine(&[("proc/cpuinfo", arm), ("proc/device-tree/model", "Some Board\0")]);
        assert_eq!(board.cpu_model().as_deref(), Some("ARM implementer 0x41 part 0xd08 (Some Board)"));
        let (_root, metal) = machine(&[
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
            ("sys/class/dmi/id/product_name", "m7g.metal\n"),
        ]);
        assert_eq!(metal.hypervisor(), None);
        let (_root, guest) = machine(&[("sys/class/dmi/id/sys_vendor", "QEMU\n")]);
        assert_eq!(guest.hypervisor().as_deref(), Some("QEMU"));
    }

    #[test]
    fn a_machine_is_known_again_by_what_does_not_tell_its_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let (_root, one) = machine(&[("etc/machine-id", &format!("{id}\n"))]);
        let known = one.describe().machine_id.unwrap();
        assert_eq!((known.len(), &known), (32, &hashed_id(id).unwrap()));
        assert!(known != id && Some(&known) != hashed_id(&id.replace('0', "1")).as_ref());
        for none in ["", "uninitialized\n", "0123\n"] {
            let (_root, other) = machine(&[("etc/machine-id", none)]);
            assert_eq!(other.describe().machine_id, None, "{none}");
        }
    }

    #[test]
    fn lists_of_cpus_are_counted() {
        assert_eq!(cpus_in("0"), Some(1));
        assert_eq!(cpus_in("0-1,4-7,9"), Some(7));
        assert_eq!(cpus_in("3-1"), None);
        assert_eq!(cpus_in("x"), None);
    }

    #[test]
    fn a_quiet_machine_has_no_warnings_and_a_troubled_one_has_one_each() {
        let quiet =
            Environment { cpus: 4, governor: Some("performance".to_owned()), ..Environment::default() };
        let calm = Conditions { load_average: 1.9, ..Conditions::default() };
        assert_eq!(calm.warnings(&quiet), [] as [String; 0]);
        let troubled = Environment {
            cpus: 1,
            governor: Some("powersave".to_owned()),
            hypervisor: Some("KVMKVMKVM".to_owned()),
            turbo: Some("on".to_owned()),
            ..Environment::default()
        };
        let poor = Conditions { swap_used_bytes: 5 << 20, on_battery: true, ..Conditions::default() };
        let warnings = poor.warnings(&troubled);
        let parts = ["powersave", "KVMKVMKVM", "one CPU", "turbo is on", "5 MiB", "battery"];
        for (line, part) in warnings.iter().zip(parts) {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(warnings.len(), parts.len());
    }
}

//! What of the kernel a probe and its monitor can use here, as far as files tell.

use super::Machine;
use rustix::fs::Access;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facilities {
    /// Whether perf knows kprobes.
    pub(crate) kprobes: bool,
    /// Whether the kernel describes its types.
    pub(crate) btf: bool,
    /// Where tracefs is mounted.
    pub(crate) tracefs: Option<String>,
    /// Whether this process may make kprobes there.
    pub(crate) tracefs_is_open: bool,
    /// The kind of container, where one shows itself.
    pub(crate) container: Option<String>,
}

impl Facilities {
    pub(super) fn of(machine: &Machine) -> Self {
        let tracefs = machine.text("proc/mounts").and_then(|mounts| mount_of(&mounts, "tracefs"));
        let events = tracefs
            .as_ref()
            .map(|place| machine.root.join(place.trim_start_matches('/')).join("kprobe_events"));
        Self {
            kprobes: machine.word("sys/bus/event_source/devices/kprobe/type").is_some(),
            btf: machine.root.join("sys/kernel/btf/vmlinux").exists(),
            tracefs,
            tracefs_is_open: events.is_some_and(|file| rustix::fs::access(file, Access::WRITE_OK).is_ok()),
            container: container(machine),
        }
    }
}

/// Where a file system of this type is mounted.
fn mount_of(mounts: &str, kind: &str) -> Option<String> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    fields.filter(|fields| fields.get(2) == Some(&kind)).find_map(|fields| Some((*fields.get(1)?).to_owned()))
}

/// By the marks that container runtimes leave, as systemd-detect-virt knows them.
fn container(machine: &Machine) -> Option<String> {
    let by_file = |path: &str, name: &str| machine.root.join(path).exists().then(|| name.to_owned());
    machine
        .word("run/systemd/container")
        .or_else(|| by_file("run/.containerenv", "podman"))
        .or_else(|| by_file(".dockerenv", "docker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_are_told_by_files() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::under(root.path());
        assert_eq!(Facilities::of(&machine), Facilities::default());
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sys/bus/event_source/devices/kprobe/type", "8\n");
        write("sys/kernel/btf/vmlinux", "");
        write("proc/mounts", "proc /proc proc rw 0 0\ntracefs /sys/kernel/tracing tracefs rw,nosuid 0 0\n");
        write("sys/kernel/tracing/kprobe_events", "");
        write(".dockerenv", "");
        let facilities = Facilities::of(&machine);
        assert!(facilities.kprobes && facilities.btf);
        assert_eq!(facilities.tracefs.as_deref(), Some("/sys/kernel/tracing"));
        assert!(facilities.tracefs_is_open);
        assert_eq!(facilities.container.as_deref(), Some("docker"));
    }
}

//! What attaching takes of the one who attaches.

use rustix::thread::CapabilitySet;
use std::fs;
use std::marker::PhantomData;

/// The capabilities of this process that count, as they are in effect.
///
/// Creating maps and loading programs takes `CAP_BPF`, and that a program may trace takes `CAP_PERFMON`. A raw
/// tracepoint needs both and no more. A kprobe is a perf event besides: see [`Capabilities::suffice_for_kprobes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `CAP_BPF`, or `CAP_SYS_ADMIN`.
    pub bpf: bool,
    /// `CAP_PERFMON`, or `CAP_SYS_ADMIN`.
    pub perfmon: bool,
    /// `CAP_SYS_ADMIN`, which implies the others; root has it unless a container took it away.
    pub admin: bool,
}

impl Capabilities {
    /// Those of the calling thread.
    #[must_use]
    pub fn held() -> Self {
        let effective =
            rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
        let has = |one| effective.intersects(one | CapabilitySet::SYS_ADMIN);
        Self {
            bpf: has(CapabilitySet::BPF),
            perfmon: has(CapabilitySet::PERFMON),
            admin: has(CapabilitySet::SYS_ADMIN),
        }
    }

    /// Whether they are all that raw tracepoints take.
    #[must_use]
    pub fn suffice(self) -> bool {
        self.bpf && self.perfmon
    }

    /// Whether they are all that kprobes take under this `kernel.perf_event_paranoid`, none where there is no such
    /// setting. Debian and Ubuntu know values above 2, under which only `CAP_SYS_ADMIN` may open a perf event.
    #[must_use]
    pub fn suffice_for_kprobes(self, paranoid: Option<i32>) -> bool {
        self.suffice() && (self.admin || paranoid.is_none_or(|level| level <= 2))
    }
}

/// The setting `kernel.perf_event_paranoid`.
#[must_use]
pub fn perf_event_paranoid() -> Option<i32> {
    fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?.trim().parse().ok()
}

/// Until dropped, the calling thread has the rights to files of the user as whom the process runs, where it has taken on
/// another's for files (`setfsuid`): tracefs and the machine's settings are root's alone, what a command line names is not.
#[derive(Debug)]
pub struct OwnFiles {
    before: u32,
    of_this_thread: PhantomData<*const ()>,
}

impl OwnFiles {
    /// Takes them.
    #[must_use = "they go with the value"]
    pub fn take() -> Self {
        let before = set_file_user(rustix::process::geteuid().as_raw());
        Self { before, of_this_thread: PhantomData }
    }
}

impl Drop for OwnFiles {
    fn drop(&mut self) {
        set_file_user(self.before);
    }
}

/// Sets as whom the calling thread opens files; returns who that was.
fn set_file_user(uid: u32) -> u32 {
    // SAFETY: it takes a number, and what is not permitted changes nothing.
    unsafe { libc::setfsuid(uid) }.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_other_users_again_afterwards() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root may take on another user");
            return;
        }
        let file = std::env::temp_dir().join(format!("syscall-lab-files-{}", std::process::id()));
        fs::write(&file, "root's").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        set_file_user(65_534);
        let before = fs::read(&file);
        let meanwhile = {
            let _files = OwnFiles::take();
            fs::read(&file)
        };
        let afterwards = fs::read(&file);
        set_file_user(0);
        fs::remove_file(&file).unwrap();
        assert!(before.is_err() && afterwards.is_err());
        assert_eq!(meanwhile.unwrap(), b"root's");
    }

    #[test]
    fn perf_events_may_be_for_root_alone() {
        let granted = Capabilities { bpf: true, perfmon: true, admin: false };
        assert!(
            granted.suffice() && granted.suffice_for_kprobes(Some(2)) && granted.suffice_for_kprobes(None)
        );
        assert!(!granted.suffice_for_kprobes(Some(3)));
        assert!(Capabilities { admin: true, ..granted }.suffice_for_kprobes(Some(4)));
        assert!(!Capabilities { perfmon: false, ..granted }.suffice_for_kprobes(Some(-1)));
    }
}

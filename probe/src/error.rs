//! Everything that can go wrong with the probe, in plain words.

use crate::{Backend, Capabilities, MAX_SLOWEST, perf_event_paranoid};
use aya::programs::ProgramError;
use std::{fs, io};
use thiserror::Error;

/// Why the probe could not do what it was asked to.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// [`crate::Target::named`] was given a name that no system call of this architecture has.
    #[error("there is no system call `{name}` on this architecture")]
    UnknownSyscall {
        /// What was asked for.
        name: String,
    },
    /// [`crate::Target::named`] was given a call that has no latency.
    #[error("`{name}` never returns, so that it has no latency")]
    NeverReturns {
        /// What was asked for.
        name: String,
    },
    /// [`crate::Backend`] was parsed from an unknown name.
    #[error("there is no probe backend `{name}`; there are kretprobe, fentry, raw_tracepoint and user")]
    UnknownBackend {
        /// What was asked for.
        name: String,
    },
    /// There were no targets, too many, or one of them twice.
    #[error("the {backend} backend takes 1 to {most} different targets")]
    Targets {
        /// Which one.
        backend: Backend,
        /// How many it takes.
        most: usize,
    },
    /// The backend cannot be attached by this loader.
    #[error("the {backend} backend cannot be attached: {reason}")]
    Unsupported {
        /// Which one.
        backend: Backend,
        /// Why.
        reason: &'static str,
    },
    /// Process ids or clocks here are not those that BPF programs see.
    #[error(
        "this process is in a {kind} namespace of its own, where {differs} differ from the kernel's; \
         run on the host (for a container: `{option}`)"
    )]
    Namespace {
        /// Which namespace.
        kind: &'static str,
        /// What differs.
        differs: &'static str,
        /// The option of container runtimes that shares it.
        option: &'static str,
    },
    /// What a process starts cannot be followed.
    #[error("the kernel does not tell how to follow what a process starts: {reason}")]
    Families {
        /// What is missing.
        reason: String,
    },
    /// The kernel refused the BPF object.
    #[error("the kernel does not accept BPF programs from this process: {reason}")]
    Load {
        /// Why, with the remedy.
        reason: String,
        /// What the library said.
        #[source]
        source: Box<aya::EbpfError>,
    },
    /// A program did not load or attach.
    #[error("the {backend} backend does not attach to `{place}`: {reason}")]
    Attach {
        /// Which backend.
        backend: Backend,
        /// The kernel function or tracepoint.
        place: String,
        /// Why, with the remedy.
        reason: String,
        /// What the library said.
        #[source]
        source: Box<aya::programs::ProgramError>,
    },
    /// The kernel has no function for a target.
    #[error(
        "this kernel has no function for `{name}` (looked for {looked_for}); \
         the raw_tracepoint backend needs none"
    )]
    NoFunction {
        /// The target.
        name: String,
        /// The symbols that it could have.
        looked_for: String,
    },
    /// The kernel's type information does not have a target's function.
    #[error(
        "this kernel's type information has no function for `{name}` (looked for {looked_for}); \
         the kretprobe and raw_tracepoint backends need none"
    )]
    NoFunctionType {
        /// The target.
        name: String,
        /// The functions that it could have.
        looked_for: String,
    },
    /// The embedded object lacks a program or map: the loader and the object are of different versions.
    #[error("the embedded BPF object has no `{name}`; rebuild it with `just bpf`")]
    Object {
        /// The program or map.
        name: String,
    },
    /// A map of the programs could not be mapped into memory.
    #[error("the map `{name}` cannot be mapped into memory; the probe needs Linux 5.5 or newer")]
    Map {
        /// Which map.
        name: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A process id beyond what the kernel hands out.
    #[error("{tgid} is no process id")]
    ProcessId {
        /// What was given.
        tgid: u32,
    },
    /// More slow calls were to be kept than there is room for.
    #[error("{asked} slow calls of each target cannot be kept; {MAX_SLOWEST} can")]
    KeepSlowest {
        /// How many were asked for.
        asked: usize,
    },
    /// The programs could not be told what to do.
    #[error("the BPF programs cannot be given their instructions")]
    Instruct {
        /// What the library said.
        #[source]
        source: Box<aya::maps::MapError>,
    },
    /// A window that is empty or lies backwards.
    #[error("the window ends ({close_ns} ns) before it begins ({open_ns} ns)")]
    EmptyWindow {
        /// Its start.
        open_ns: u64,
        /// Its end.
        close_ns: u64,
    },
    /// The probe was armed while armed.
    #[error("the probe is already armed; it has to be read first")]
    AlreadyArmed,
    /// The probe was closed or read while disarmed.
    #[error("the probe is not armed")]
    NotArmed,
    /// The wait for programs that are still running failed.
    #[error("the kernel does not say when BPF programs have ended, so that counts may still change")]
    Grace(#[source] io::Error),
}

/// What an error of the kernel means for someone who wants to probe, and what they can do about it.
pub(crate) fn plain_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if is_locked_out(error) {
            return LOCKED.to_owned();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // What is not there for anybody under lockdown is refused as if it were misspelt.
            let is_refusal = matches!(io.raw_os_error(), Some(libc::EINVAL | libc::EPERM | libc::EACCES));
            if is_refusal && is_locked_down(&fs::read_to_string(LOCKDOWN).unwrap_or_default()) {
                return LOCKED.to_owned();
            }
            return words_of(io, Capabilities::held(), perf_event_paranoid());
        }
        cause = error.source();
    }
    error.to_string()
}

/// Not there on kernels without lockdown, nor where nobody mounted it.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

const LOCKED: &str = "kernel lockdown (confidentiality) forbids programs to look into the kernel; it ends with a restart \
                      without `lockdown=confidentiality`";

/// Whether the kernel forbids all programs to look into it, by its list of levels with the one that holds in brackets.
fn is_locked_down(levels: &str) -> bool {
    levels.contains("[confidentiality]")
}

/// Whether a program was refused for what it asks the kernel, which under lockdown is as if there were no such question.
fn is_locked_out(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ProgramError::LoadError { verifier_log, .. })
            if ["unknown func bpf_probe_read", "cannot use helper bpf_probe_read"]
                .iter()
                .any(|words| verifier_log.to_string().contains(words))
    )
}

/// The same for whoever holds these capabilities, under this `kernel.perf_event_paranoid`.
fn words_of(error: &io::Error, held: Capabilities, paranoid: Option<i32>) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) if !held.suffice() => {
            "not permitted; run as root, or with CAP_BPF and CAP_PERFMON".into()
        }
        Some(libc::EACCES) if !held.suffice_for_kprobes(paranoid) => {
            "not permitted; kernel.perf_event_paranoid is above 2, so that only root may attach kprobes \
             (`sudo sysctl kernel.perf_event_paranoid=2` lets capabilities do)"
                .into()
        }
        Some(libc::EPERM | libc::EACCES) => {
            "not permitted, though the capabilities are there; kernel lockdown or a container forbids it"
                .into()
        }
        Some(libc::ENOENT) => "this kernel does not have it".into(),
        Some(libc::ENOSYS) => "this kernel was built without the bpf system call".into(),
        Some(libc::ENOMEM | libc::E2BIG) => "the kernel has no memory for the probe's maps".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Capabilities = Capabilities { bpf: true, perfmon: true, admin: true };
    const NONE: Capabilities = Capabilities { bpf: false, perfmon: false, admin: false };
    const LENT: Capabilities = Capabilities { admin: false, ..ALL };

    #[test]
    fn a_refusal_says_who_forbids_what_to_whom() {
        let cases = [
            (libc::EPERM, NONE, None, "run as root, or with CAP_BPF and CAP_PERFMON"),
            (libc::EACCES, Capabilities { perfmon: false, ..LENT }, Some(1), "run as root, or with"),
            (libc::EACCES, LENT, Some(3), "sudo sysctl kernel.perf_event_paranoid=2"),
            // Confidentiality: the capabilities are of no use.
            (libc::EPERM, ALL, Some(2), "kernel lockdown or a container forbids it"),
            (libc::EACCES, ALL, Some(4), "kernel lockdown or a container forbids it"),
            (libc::ENOENT, ALL, None, "this kernel does not have it"),
            // Kernels that are older than BPF, or built without.
            (libc::ENOSYS, ALL, None, "built without the bpf system call"),
            (libc::ENOMEM, ALL, None, "no memory"),
            (libc::EINVAL, ALL, None, "Invalid argument (os error 22)"),
        ];
        for (errno, held, paranoid, words) in cases {
            let found = words_of(&io::Error::from_raw_os_error(errno), held, paranoid);
            assert!(found.contains(words), "{errno}: {found}");
        }
    }

    #[test]
    fn a_kernel_says_whether_it_is_locked_down() {
        for (levels, is_locked) in [
            ("", false),
            ("[none] integrity confidentiality\n", false),
            ("none [integrity] confidentiality\n", false),
            ("none integrity [confidentiality]\n", true),
        ] {
            assert_eq!(is_locked_down(levels), is_locked, "{levels}");
        }
    }

    #[test]
    fn the_cause_is_found_however_deep_it_lies() {
        let cause = io::Error::from_raw_os_error(libc::ENOSYS);
        let error = ProbeError::Map { name: "starts", source: cause };
        let outer = ProbeError::Grace(io::Error::other(error));
        assert_eq!(plain_words(&io::Error::from_raw_os_error(libc::ENOENT)), "this kernel does not have it");
        assert!(plain_words(&outer).contains("cannot be mapped"), "{}", plain_words(&outer));
        let map = ProbeError::Map { name: "starts", source: io::Error::from_raw_os_error(libc::ENOSYS) };
        assert_eq!(plain_words(&map), "this kernel was built without the bpf system call");
        assert!(map.to_string().contains("needs Linux 5.5 or newer"), "{map}");
    }
}

//! The ways to see a system call, and the choice among them.

use crate::{Options, Probe, ProbeError, Target};
use std::fmt;
use std::str::FromStr;

/// How system calls are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// At the functions of the targets, by kprobe and kretprobe.
    Kretprobe,
    /// At the functions of the targets, by BPF trampoline.
    Fentry,
    /// At every entry to and exit from the kernel, by raw tracepoint.
    RawTracepoint,
    /// By the generators only, outside of the kernel: nothing is attached.
    User,
}

impl Backend {
    /// Every backend, in the order in which `auto` prefers them.
    pub const ALL: [Self; 4] = [Self::Kretprobe, Self::Fentry, Self::RawTracepoint, Self::User];

    /// The name in scenarios and manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kretprobe => "kretprobe",
            Self::Fentry => "fentry",
            Self::RawTracepoint => "raw_tracepoint",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = ProbeError;

    fn from_str(name: &str) -> Result<Self, ProbeError> {
        Self::ALL
            .into_iter()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| ProbeError::UnknownBackend { name: name.into() })
    }
}

/// What `auto` chose.
#[derive(Debug)]
pub struct Selection {
    /// Attached; none for [`Backend::User`].
    pub probe: Option<Probe>,
    /// The chosen backend.
    pub backend: Backend,
    /// Why each backend that would have been preferred was not chosen, with the remedy where there is one.
    pub reasons: Vec<String>,
}

/// Attaches the first backend that this machine lets attach: kretprobe, else fentry, else raw
/// tracepoint, else none.
#[must_use]
pub fn select_auto(targets: &[Target], options: impl Into<Options>) -> Selection {
    let options = options.into();
    let mut reasons = Vec::new();
    for backend in [Backend::Kretprobe, Backend::Fentry, Backend::RawTracepoint] {
        match Probe::attach(backend, targets, options) {
            Ok(probe) => {
                return Selection { probe: Some(probe), backend, reasons };
            }
            Err(error) => reasons.push(format!("{backend}: {error}")),
        }
    }
    Selection { probe: None, backend: Backend::User, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_parsed_from_its_name() {
        for backend in Backend::ALL {
            assert_eq!(backend.name().parse::<Backend>().unwrap(), backend);
        }
        assert!("kprobe".parse::<Backend>().is_err());
    }
}

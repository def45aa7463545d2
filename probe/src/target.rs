//! Which system calls can be probed.

use crate::ProbeError;
use probe_abi::SYSCALL_NUMBERS;
use std::str::FromStr;
use syscalls::Sysno;
#[cfg(target_arch = "aarch64")]
use syscalls::arm::Sysno as CompatSysno;
#[cfg(target_arch = "x86_64")]
use syscalls::x86::Sysno as CompatSysno;

pub use probe_abi::MAX_TARGETS;

/// The most targets that raw tracepoints tell apart: they know a target by a byte, and 0 is none.
pub const MAX_RAW_TARGETS: usize = 255;

/// What a target takes of the kernel's memory for each CPU, in bytes.
pub const TARGET_BYTES: usize = 2 * size_of::<probe_abi::Counts>();

/// A probed system call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// As in its manual page.
    pub name: String,
    /// As the kernel of this architecture numbers it.
    pub number: u32,
    /// As it numbers it for 32-bit programs; none if those do not have the call.
    pub compat_number: Option<u32>,
    /// Further system calls that are counted under the same name, by raw tracepoints only; see [`Self::together`].
    pub besides: Vec<Target>,
}

impl Target {
    /// The system call called `name` on this architecture.
    pub fn named(name: &str) -> Result<Self, ProbeError> {
        let Ok(sysno) = Sysno::from_str(name) else {
            return Err(ProbeError::UnknownSyscall { name: name.into() });
        };
        if matches!(sysno, Sysno::exit | Sysno::exit_group) {
            return Err(ProbeError::NeverReturns { name: name.into() });
        }
        let compat_number = CompatSysno::from_str(name).ok().map(|sysno| sysno.id().unsigned_abs());
        let compat_number = compat_number.filter(|number| (*number as usize) < SYSCALL_NUMBERS);
        Ok(Self { name: name.into(), number: sysno.id().unsigned_abs(), compat_number, besides: Vec::new() })
    }

    /// Several system calls, at least one, that are counted under one name.
    pub fn together(name: &str, members: &[&str]) -> Result<Self, ProbeError> {
        let members: Vec<Self> =
            members.iter().map(|member| Self::named(member)).collect::<Result<_, _>>()?;
        let mut members = members.into_iter();
        let first = members.next().ok_or_else(|| ProbeError::UnknownSyscall { name: name.into() })?;
        Ok(Self { name: name.into(), besides: members.collect(), ..first })
    }

    /// Every system call that is counted under the name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.besides)
    }
}

/// The name of every system call of this architecture, by number.
pub fn syscall_names() -> impl Iterator<Item = &'static str> {
    // `Sysno::iter` leaves out the last one.
    (0..=Sysno::last().id().unsigned_abs() as usize).filter_map(|number| Some(Sysno::new(number)?.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_those_of_the_c_library() {
        assert_eq!(Target::named("mmap").unwrap().number, u32::try_from(libc::SYS_mmap).unwrap());
        assert!(syscall_names().any(|name| name == "futex"));
        assert!(syscall_names().any(|name| name == Sysno::last().name()));
        assert!(syscall_names().all(|name| Sysno::from_str(name).is_ok()));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn programs_of_32_bits_have_numbers_of_their_own() {
        let compat = |name| Target::named(name).unwrap().compat_number;
        assert_eq!((compat("read"), compat("getppid"), compat("iopl")), (Some(3), Some(64), Some(110)));
    }

    #[test]
    fn unknown_names_and_calls_without_latency_are_refused() {
        assert!(matches!(Target::named("mnap"), Err(ProbeError::UnknownSyscall { name }) if name == "mnap"));
        assert!(matches!(Target::named("exit_group"), Err(ProbeError::NeverReturns { .. })));
    }
}

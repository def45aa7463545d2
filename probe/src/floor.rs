//! What the kernel itself takes to call BPF programs, to be compared with the probe's cost.

use crate::attachment::{FunctionLink, Link};
use crate::functions::Functions;
use crate::object::{attach_function, attach_raw, load_function, open};
use crate::{Backend, ProbeError, Target, fentry};
use aya::Ebpf;

/// A pair of programs that count nothing, attached until dropped.
#[derive(Debug)]
pub struct Floor {
    /// Keep the programs attached.
    _links: [Box<dyn Link>; 2],
    /// Keeps them loaded.
    _programs: Ebpf,
}

impl Floor {
    /// Programs that do nothing at all, attached as `backend` attaches its own to `target`; there are none for
    /// [`Backend::User`].
    pub fn empty(backend: Backend, target: &Target) -> Result<Self, ProbeError> {
        match backend {
            Backend::RawTracepoint => Self::raw("empty_enter", "empty_leave"),
            Backend::Kretprobe => Self::at_function(target),
            Backend::Fentry => Self::by_trampoline(target),
            Backend::User => Err(ProbeError::Unsupported { backend, reason: "it attaches nothing" }),
        }
    }

    /// Programs on the raw tracepoints that read the clock once each.
    pub fn clocks() -> Result<Self, ProbeError> {
        Self::raw("clock_enter", "clock_leave")
    }

    fn raw(enter: &str, leave: &str) -> Result<Self, ProbeError> {
        let mut programs = open(1, false)?;
        let leave = attach_raw(&mut programs, leave, "sys_exit")?;
        let enter = attach_raw(&mut programs, enter, "sys_enter")?;
        Ok(Self { _links: [leave, enter], _programs: programs })
    }

    fn at_function(target: &Target) -> Result<Self, ProbeError> {
        let mut programs = open(1, false)?;
        let function = Functions::known().of(target)?;
        let mut attach = |name: &str| -> Result<Box<dyn Link>, ProbeError> {
            load_function(&mut programs, name)?;
            Ok(Box::new(FunctionLink::new(attach_function(&mut programs, name, &function)?)))
        };
        let links = [attach("empty_kretprobe")?, attach("empty_kprobe")?];
        Ok(Self { _links: links, _programs: programs })
    }

    fn by_trampoline(target: &Target) -> Result<Self, ProbeError> {
        let mut programs = open(1, false)?;
        let types = fentry::types()?;
        let (function, _) = fentry::function(types, target)?;
        let leave = fentry::attach_exit(&mut programs, "empty_fexit", &function, types)?;
        let enter = fentry::attach_entry(&mut programs, "empty_fentry", &function, types)?;
        Ok(Self { _links: [leave, enter], _programs: programs })
    }
}

//! What the kernel itself takes to call BPF programs, to be subtracted from the probe's cost.

use crate::ProbeError;
use crate::object::{attach_raw, open};
use aya::Ebpf;

/// Programs on both raw tracepoints that count nothing, attached until dropped.
#[derive(Debug)]
pub struct Floor {
    /// Keeps the programs attached.
    _programs: Ebpf,
}

impl Floor {
    /// Programs that do nothing at all.
    pub fn empty() -> Result<Self, ProbeError> {
        Self::attach("empty_enter", "empty_leave")
    }

    /// Programs that read the clock once each.
    pub fn clocks() -> Result<Self, ProbeError> {
        Self::attach("clock_enter", "clock_leave")
    }

    fn attach(enter: &str, leave: &str) -> Result<Self, ProbeError> {
        let mut programs = open(1)?;
        attach_raw(&mut programs, leave, "sys_exit")?;
        attach_raw(&mut programs, enter, "sys_enter")?;
        Ok(Self { _programs: programs })
    }
}

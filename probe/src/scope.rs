//! Whose calls count: the list of processes that the programs look callers up in.

use crate::ProbeError;
use crate::shared::Shared;
use aya::Ebpf;
use probe_abi::{PID_LIMIT, PIDS_PER_WORD, SCOPE_WORDS};
use std::sync::atomic::{AtomicU64, Ordering};

/// Whose calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the processes that were included.
    Generators,
    /// Those of every process but this one and those that were excluded.
    System,
}

/// The list, one bit for each process id.
#[derive(Debug)]
pub(crate) struct Listed(Shared<u64>);

impl Listed {
    pub(crate) fn of(object: &Ebpf) -> Result<Self, ProbeError> {
        Ok(Self(Shared::of(object, "SCOPE", SCOPE_WORDS)?))
    }

    /// Sets or clears the bit of process `tgid`.
    pub(crate) fn set(&self, tgid: u32, listed: bool) -> Result<(), ProbeError> {
        if tgid as usize >= PID_LIMIT {
            return Err(ProbeError::ProcessId { tgid });
        }
        let bit = 1 << (tgid as usize % PIDS_PER_WORD);
        // SAFETY: within the map and aligned; the programs read whole words.
        let word = unsafe { AtomicU64::from_ptr(self.0.at(tgid as usize / PIDS_PER_WORD)) };
        if listed {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
        Ok(())
    }
}

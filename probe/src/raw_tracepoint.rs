//! The raw tracepoint backend: one pair of programs sees every system call and picks the targets by number.

use crate::ProbeError;
use crate::object::attach_raw;
use aya::Ebpf;

/// Loads and attaches the programs. A return is attached first: it finds no start until the entries are.
pub(crate) fn attach(object: &mut Ebpf) -> Result<(), ProbeError> {
    attach_raw(object, "raw_leave", "sys_exit")?;
    attach_raw(object, "raw_enter", "sys_enter")
}

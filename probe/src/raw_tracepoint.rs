//! The raw tracepoint backend: one pair of programs sees every system call and picks the targets by number.

use crate::ProbeError;
use crate::attachment::{Attached, Attachment};
use crate::object::attach_raw;
use aya::Ebpf;

/// Loads and attaches the programs. A return is attached first: it finds no start until the entries are. And those that
/// tell when a remembered judgement is stale are attached before there is any.
pub(crate) fn attach(object: &mut Ebpf) -> Result<Attachment, ProbeError> {
    Ok(Attachment {
        aids: vec![
            attach_raw(object, "scope_fork", "sched_process_fork")?,
            attach_raw(object, "scope_exec", "sched_process_exec")?,
        ],
        leaves: attach_leaves(object)?,
        enters: vec![pair_half(object, "raw_enter", "sys_enter")?],
    })
}

/// Loads and attaches what sees returns.
pub(crate) fn attach_leaves(object: &mut Ebpf) -> Result<Vec<Attached>, ProbeError> {
    Ok(vec![pair_half(object, "raw_leave", "sys_exit")?])
}

fn pair_half(object: &mut Ebpf, program: &str, tracepoint: &str) -> Result<Attached, ProbeError> {
    let link = attach_raw(object, program, tracepoint)?;
    Ok(Attached { target: None, program: program.to_owned(), link })
}

//! What the backends share that are attached to the functions of the targets: the caller is its thread, for what such a
//! program is handed at a function's return is not what it was at its entry.

use crate::count::{self, Caller};
use crate::{control, scope};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use probe_abi::STARTS;

/// Thread ids of a machine are dense.
#[inline(always)]
fn caller(pid_tgid: u64) -> Caller {
    Caller { owner: pid_tgid, place: pid_tgid as u32 as usize % STARTS }
}

/// On entry to the function of `target`. Not inlined, for there are many programs like that.
#[inline(never)]
pub fn enter(target: u32, registers: u64) -> u64 {
    count_entry(target, registers).map_or(0, |()| 1)
}

#[inline(always)]
fn count_entry(target: u32, registers: u64) -> Option<()> {
    let window = control::armed_window()?;
    let pid_tgid = bpf_get_current_pid_tgid();
    if !scope::covers((pid_tgid >> 32) as u32) {
        return None;
    }
    if control::is_shared(target) && !scope::is_native(registers) {
        return count::enter_compat(window, target);
    }
    count::enter(window, target, caller(pid_tgid), registers)
}

/// On return from any target's function.
#[inline(never)]
pub fn leave(value: i64) -> u64 {
    count_return(value).map_or(0, |()| 1)
}

#[inline(always)]
fn count_return(value: i64) -> Option<()> {
    let window = control::armed_window()?;
    count::leave(window, caller(bpf_get_current_pid_tgid()), value)
}

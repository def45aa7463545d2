//! The backend that sees every system call of the machine and picks the targets by number.
//!
//! The caller is its kernel stack: both tracepoints are handed the address of the registers saved at its top, so that
//! no helper call is needed to recognise a return. Stacks are at least 16 KiB apart and packed densely.

use crate::count::{Caller, Window};
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_probe_read_kernel};
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;

/// Base-2 logarithm of the least distance between two kernel stacks.
const STACK_SHIFT: u32 = 14;

/// Bits of a place that dense stacks fill; those above tell apart stacks that lie further away.
const PLACE_BITS: u32 = 16;

/// Where the saved registers say by which interface the call came, in bytes: the code segment.
#[cfg(bpf_target_arch = "x86_64")]
const INTERFACE: usize = 136;
/// Likewise: the processor state.
#[cfg(bpf_target_arch = "aarch64")]
const INTERFACE: usize = 264;

/// Whether the call came from 64-bit code; 32-bit code numbers its calls differently.
#[inline(always)]
fn is_native(registers: u64) -> bool {
    // SAFETY: the helper checks the address.
    let interface = unsafe { bpf_probe_read_kernel((registers as usize + INTERFACE) as *const u64) };
    #[cfg(bpf_target_arch = "x86_64")]
    return interface.is_ok_and(|code_segment| code_segment & 0xffff != 0x23);
    #[cfg(bpf_target_arch = "aarch64")]
    return interface.is_ok_and(|state| state & 0x10 == 0);
}

#[inline(always)]
fn caller(registers: u64) -> Caller {
    let stack = registers >> STACK_SHIFT;
    Caller { owner: registers, place: stack ^ stack >> PLACE_BITS }
}

/// `sys_enter(registers, number)`.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn raw_enter(context: RawTracePointContext) -> i32 {
    enter(&context);
    0
}

#[inline(always)]
fn enter(context: &RawTracePointContext) -> Option<()> {
    let window = Window::armed()?;
    let target = window.target(context.arg(1))?;
    if !window.covers((bpf_get_current_pid_tgid() >> 32) as u32) {
        return None;
    }
    let registers = context.arg(0);
    // The loader includes no 32-bit process, so that only the whole system's calls need the dear look.
    if window.lists_those_left_out() != 0 && !is_native(registers) {
        return None;
    }
    window.enter(target, caller(registers))
}

/// `sys_exit(registers, value)`.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn raw_leave(context: RawTracePointContext) -> i32 {
    leave(&context);
    0
}

#[inline(always)]
fn leave(context: &RawTracePointContext) -> Option<()> {
    Window::armed()?.leave(caller(context.arg(0)), context.arg::<u64>(1) as i64)
}

//! The backend that sees every system call of the machine and picks the targets by number.
//!
//! The caller is its kernel stack: both tracepoints are handed the address of the registers saved at its top, so that
//! no helper call is needed to recognise a return. The registers are at the same place of every stack.

use crate::control;
use crate::count::{self, Caller};
use crate::scope::{self, Verdict};
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;

#[inline(always)]
fn caller(registers: u64) -> Caller {
    Caller { owner: registers, place: scope::place_of(registers) }
}

/// `sys_enter(registers, number)`.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn raw_enter(context: RawTracePointContext) -> i32 {
    enter(&context);
    0
}

#[inline(always)]
fn enter(context: &RawTracePointContext) -> Option<()> {
    let window = control::armed_window()?;
    let numbered = control::numbered(context.arg(1));
    if numbered.native == 0 && numbered.compat == 0 {
        return None;
    }
    let registers = context.arg(0);
    let verdict = scope::judge(registers);
    if verdict == Verdict::Native as u64 {
        count::enter(window, u32::from(numbered.native).checked_sub(1)?, caller(registers), registers)
    } else if verdict == Verdict::Compat as u64 {
        count::enter_compat(window, u32::from(numbered.compat).checked_sub(1)?)
    } else {
        None
    }
}

/// `sys_exit(registers, value)`.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn raw_leave(context: RawTracePointContext) -> i32 {
    leave(&context);
    0
}

#[inline(always)]
fn leave(context: &RawTracePointContext) -> Option<()> {
    let window = control::armed_window()?;
    count::leave(window, caller(context.arg(0)), context.arg::<u64>(1) as i64)
}

//! The backend that is attached to the functions of the targets only, by BPF trampoline.
//!
//! Such a program is loaded for one function, so that each target has programs of its own. Where a return finds the
//! function's value depends on how many arguments the function has: one, the caller's registers, or none.

use crate::function;
use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};

/// Where the caller's registers are saved, which a function without arguments is not told. Needs Linux 5.15.
#[inline(always)]
fn registers() -> u64 {
    // SAFETY: the helpers have no preconditions but that what one returns is what the other takes.
    unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as u64 }
}

macro_rules! programs {
    ($($target:literal: $enter:ident $enter_void:ident $leave:ident $leave_void:ident;)+) => {$(
        #[doc = concat!("On entry to target ", $target, ".")]
        #[fentry]
        pub fn $enter(context: FEntryContext) -> i32 {
            function::enter($target, context.arg(0));
            0
        }

        #[doc = concat!("On entry to target ", $target, ", whose function has no arguments.")]
        #[fentry]
        pub fn $enter_void(_context: FEntryContext) -> i32 {
            function::enter($target, registers());
            0
        }

        #[doc = concat!("On return from target ", $target, ".")]
        #[fexit]
        pub fn $leave(context: FExitContext) -> i32 {
            function::leave(context.arg::<u64>(1) as i64);
            0
        }

        #[doc = concat!("On return from target ", $target, ", whose function has no arguments.")]
        #[fexit]
        pub fn $leave_void(context: FExitContext) -> i32 {
            function::leave(context.arg::<u64>(0) as i64);
            0
        }
    )+};
}

programs! {
    0: fentry_enter_0 fentry_enter_void_0 fexit_leave_0 fexit_leave_void_0;
    1: fentry_enter_1 fentry_enter_void_1 fexit_leave_1 fexit_leave_void_1;
    2: fentry_enter_2 fentry_enter_void_2 fexit_leave_2 fexit_leave_void_2;
    3: fentry_enter_3 fentry_enter_void_3 fexit_leave_3 fexit_leave_void_3;
    4: fentry_enter_4 fentry_enter_void_4 fexit_leave_4 fexit_leave_void_4;
    5: fentry_enter_5 fentry_enter_void_5 fexit_leave_5 fexit_leave_void_5;
    6: fentry_enter_6 fentry_enter_void_6 fexit_leave_6 fexit_leave_void_6;
    7: fentry_enter_7 fentry_enter_void_7 fexit_leave_7 fexit_leave_void_7;
    8: fentry_enter_8 fentry_enter_void_8 fexit_leave_8 fexit_leave_void_8;
    9: fentry_enter_9 fentry_enter_void_9 fexit_leave_9 fexit_leave_void_9;
    10: fentry_enter_10 fentry_enter_void_10 fexit_leave_10 fexit_leave_void_10;
    11: fentry_enter_11 fentry_enter_void_11 fexit_leave_11 fexit_leave_void_11;
    12: fentry_enter_12 fentry_enter_void_12 fexit_leave_12 fexit_leave_void_12;
    13: fentry_enter_13 fentry_enter_void_13 fexit_leave_13 fexit_leave_void_13;
    14: fentry_enter_14 fentry_enter_void_14 fexit_leave_14 fexit_leave_void_14;
    15: fentry_enter_15 fentry_enter_void_15 fexit_leave_15 fexit_leave_void_15;
}

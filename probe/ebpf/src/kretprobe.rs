//! The backend that is attached to the functions of the targets only, by kprobe and kretprobe.
//!
//! Each target has an entry program of its own, which knows its index as a constant; one program serves all returns,
//! since the start says which target it is.

use crate::function;
use aya_ebpf::macros::{kprobe, kretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};

/// On return from any target.
#[kretprobe]
pub fn kretprobe_leave(context: RetProbeContext) -> u32 {
    function::leave(context.ret::<u64>() as i64);
    0
}

macro_rules! entry_programs {
    ($($name:ident = $target:literal),+ $(,)?) => {$(
        #[doc = concat!("On entry to target ", $target, ".")]
        #[kprobe]
        pub fn $name(context: ProbeContext) -> u32 {
            // The function's only argument is where the caller's registers are saved.
            function::enter($target, context.arg::<u64>(0).unwrap_or(0));
            0
        }
    )+};
}

entry_programs! {
    kprobe_enter_0 = 0, kprobe_enter_1 = 1, kprobe_enter_2 = 2, kprobe_enter_3 = 3,
    kprobe_enter_4 = 4, kprobe_enter_5 = 5, kprobe_enter_6 = 6, kprobe_enter_7 = 7,
    kprobe_enter_8 = 8, kprobe_enter_9 = 9, kprobe_enter_10 = 10, kprobe_enter_11 = 11,
    kprobe_enter_12 = 12, kprobe_enter_13 = 13, kprobe_enter_14 = 14, kprobe_enter_15 = 15,
}

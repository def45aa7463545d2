//! The backend that is attached to the functions of the targets only.
//!
//! Each target has an entry program of its own, which knows its index as a constant; one program serves all returns,
//! since the start says which target it is. The caller is its thread id: the thread ids of a machine are dense, and a
//! kretprobe is not handed what a kprobe is.

use crate::count::{Caller, Window};
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::{kprobe, kretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};

#[inline(always)]
fn caller(pid_tgid: u64) -> Caller {
    Caller { owner: pid_tgid, place: pid_tgid & u64::from(u32::MAX) }
}

#[inline(always)]
fn enter(target: u32) -> Option<()> {
    let window = Window::armed()?;
    let pid_tgid = bpf_get_current_pid_tgid();
    if !window.covers((pid_tgid >> 32) as u32) {
        return None;
    }
    window.enter(target, caller(pid_tgid))
}

#[inline(always)]
fn leave(context: &RetProbeContext) -> Option<()> {
    Window::armed()?.leave(caller(bpf_get_current_pid_tgid()), context.ret::<u64>() as i64)
}

/// On return from any target.
#[kretprobe]
pub fn kretprobe_leave(context: RetProbeContext) -> u32 {
    leave(&context);
    0
}

macro_rules! entry_programs {
    ($($name:ident = $target:literal),+ $(,)?) => {$(
        #[doc = concat!("On entry to target ", $target, ".")]
        #[kprobe]
        pub fn $name(context: ProbeContext) -> u32 {
            let _ = context.as_ptr();
            enter($target);
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

//! Programs that count nothing: what remains of the probe's cost is the kernel's own.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::{fentry, fexit, kprobe, kretprobe, raw_tracepoint};
use aya_ebpf::programs::{FEntryContext, FExitContext, ProbeContext, RawTracePointContext, RetProbeContext};

macro_rules! floor_programs {
    ($($name:ident on $tracepoint:literal: $body:expr;)+) => {$(
        #[doc = concat!("On `", $tracepoint, "`.")]
        #[raw_tracepoint(tracepoint = $tracepoint)]
        pub fn $name(_context: RawTracePointContext) -> i32 {
            $body
        }
    )+};
}

floor_programs! {
    empty_enter on "sys_enter": 0;
    empty_leave on "sys_exit": 0;
    // SAFETY: the helper has no preconditions. Its value is returned so that the call is not optimised away.
    clock_enter on "sys_enter": unsafe { bpf_ktime_get_ns() as i32 };
    clock_leave on "sys_exit": unsafe { bpf_ktime_get_ns() as i32 };
}

/// On entry to a function.
#[kprobe]
pub fn empty_kprobe(_context: ProbeContext) -> u32 {
    0
}

/// On return from a function.
#[kretprobe]
pub fn empty_kretprobe(_context: RetProbeContext) -> u32 {
    0
}

/// On entry to a function.
#[fentry]
pub fn empty_fentry(_context: FEntryContext) -> i32 {
    0
}

/// On return from a function.
#[fexit]
pub fn empty_fexit(_context: FExitContext) -> i32 {
    0
}

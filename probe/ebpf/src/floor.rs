//! Programs that count nothing: what remains of the probe's cost is the kernel's own.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;

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

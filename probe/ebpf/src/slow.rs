//! The slowest calls, each with what can be told about it: only when the loader asks for them.
//!
//! A call that is slow was most likely not running: it waited or was preempted. So the kernel stack of interest is not
//! the one at its return but the one with which the thread was last taken off the CPU.

use crate::{control, count, scope};
use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_get_stackid, bpf_ktime_get_ns,
    bpf_probe_read_kernel,
};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{Array, StackTrace};
use aya_ebpf::programs::RawTracePointContext;
use aya_ebpf::{EbpfContext, cty::c_void};
use core::ptr::{addr_of, addr_of_mut};
use probe_abi::{Counts, MAX_SLOWEST, STACKS, STARTS, Slow, Slowest, Start, Switches};

/// Indexed as the count map. The loader sets the number of entries.
#[map(name = "SLOWEST")]
static SLOWEST_MAP: Array<Slowest> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// By thread id, modulo its size: threads that share an entry take it from each other.
#[map(name = "SWITCHES")]
static SWITCHES_MAP: Array<Switches> = Array::with_max_entries(STARTS as u32, BPF_F_MMAPABLE);

#[map(name = "STACKS")]
static STACKS_MAP: StackTrace = StackTrace::with_max_entries(STACKS as u32, 0);

/// Where the saved registers hold the arguments, in bytes: rdi, rsi, rdx, r10, r8, r9.
#[cfg(bpf_target_arch = "x86_64")]
const ARGUMENTS: [usize; 6] = [112, 104, 96, 56, 72, 64];
/// Likewise: the first, which a return overwrites, has a place of its own.
#[cfg(bpf_target_arch = "aarch64")]
const ARGUMENTS: [usize; 6] = [272, 8, 16, 24, 32, 40];

#[inline(always)]
fn switches_of(pid_tgid: u64) -> Option<*mut Switches> {
    SWITCHES_MAP.get_ptr_mut(pid_tgid as u32 % STARTS as u32)
}

/// How often this thread was taken off the CPU.
#[inline(always)]
pub fn switches() -> u64 {
    let pid_tgid = bpf_get_current_pid_tgid();
    let Some(switches) = switches_of(pid_tgid) else { return 0 };
    // SAFETY: the verifier checks that the pointer is to the map's value. Only the thread itself writes to it.
    unsafe { if (*switches).pid_tgid == pid_tgid { (*switches).count } else { 0 } }
}

/// Keeps a call that returned with `value`, in the place of the least slow one if there is none to spare.
#[inline(never)]
pub fn keep(counts: *mut Counts, start: *const Start, latency_ns: u64, value: i64) -> u64 {
    keep_call(counts, start, latency_ns, value).map_or(0, |()| 1)
}

#[inline(always)]
fn keep_call(counts: *mut Counts, start: *const Start, latency_ns: u64, value: i64) -> Option<()> {
    let window = control::armed_window()?;
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    // SAFETY: `counts` and `start` point to their maps' values, as the verifier checks, and so does `slowest`; only
    // this CPU writes to what is its own.
    unsafe {
        let slowest = SLOWEST_MAP.get_ptr_mut(count::index(cpu, (*start).target, window))?;
        let slow = addr_of_mut!((*slowest).calls).cast::<Slow>().add(Slowest::place_of(least(slowest)));
        (*slow).latency_ns = latency_ns;
        (*slow).return_ns = (*start).start_ns + latency_ns;
        (*slow).value = value;
        (*slow).cpu_entry = (*start).cpu;
        (*slow).cpu_return = cpu;
        describe(slow, start);
        (*counts).slow_above_ns = Slowest::latency_of(least(slowest));
    }
    Some(())
}

/// The key of the least slow of the kept calls, or of a free place.
///
/// It goes by way of the map, for the verifier's sake: it would follow every path on which a register came to be an
/// index, and there are billions.
///
/// # Safety
/// `slowest` must point to a value of its map.
#[inline(always)]
unsafe fn least(slowest: *mut Slowest) -> u64 {
    let mut least = u64::MAX;
    for place in 0..MAX_SLOWEST {
        // SAFETY: within the array.
        let latency_ns = unsafe { (*addr_of!((*slowest).calls).cast::<Slow>().add(place)).latency_ns };
        least = least.min(Slowest::key(latency_ns, place));
    }
    // SAFETY: the caller's promise.
    unsafe {
        addr_of_mut!((*slowest).least).write_volatile(least);
        addr_of!((*slowest).least).read_volatile()
    }
}

/// Who made the call, with what arguments, and what befell the thread meanwhile.
///
/// # Safety
/// Both must point to values of their maps.
#[inline(always)]
unsafe fn describe(slow: *mut Slow, start: *const Start) {
    // SAFETY: the caller's promise; the helpers check the addresses they read from.
    unsafe {
        let pid_tgid = bpf_get_current_pid_tgid();
        (*slow).pid_tgid = pid_tgid;
        (*slow).has_arguments = 0;
        let registers = (*start).registers as usize;
        if registers != 0 {
            let mut all = 1;
            for (argument, offset) in ARGUMENTS.into_iter().enumerate() {
                match bpf_probe_read_kernel((registers + offset) as *const u64) {
                    Ok(value) => (*slow).arguments[argument] = value,
                    Err(_) => all = 0,
                }
            }
            (*slow).has_arguments = all;
        }
        (*slow).switches = 0;
        (*slow).stack = -1;
        if let Some(switches) = switches_of(pid_tgid)
            && (*switches).pid_tgid == pid_tgid
            && (*switches).at_ns >= (*start).start_ns
        {
            (*slow).switches = ((*switches).count - (*start).switches) as u32;
            (*slow).stack = (*switches).stack;
        }
    }
}

/// `sched_switch(preempt, previous, next, …)`, in the context of the thread that is taken off the CPU.
#[raw_tracepoint(tracepoint = "sched_switch")]
pub fn slow_switch(context: RawTracePointContext) -> i32 {
    switched(context.as_ptr());
    0
}

#[inline(always)]
fn switched(context: *mut c_void) -> Option<()> {
    control::armed_window()?;
    let pid_tgid = bpf_get_current_pid_tgid();
    if !scope::covers((pid_tgid >> 32) as u32) {
        return None;
    }
    let switches = switches_of(pid_tgid)?;
    // SAFETY: the verifier checks that the pointers are what they should be; only the thread itself writes to its entry.
    unsafe {
        let stack = bpf_get_stackid(context, addr_of!(STACKS_MAP).cast_mut().cast(), 0);
        if (*switches).pid_tgid != pid_tgid {
            (*switches).pid_tgid = pid_tgid;
            (*switches).count = 0;
        }
        (*switches).count += 1;
        (*switches).stack = i64::from(stack as i32);
        (*switches).at_ns = bpf_ktime_get_ns();
    }
    Some(())
}

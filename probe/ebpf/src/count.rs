//! Counting: what happens on entry and on return, whichever way the program was called.
//!
//! A call counts when its entry and its return both fall in the window `[open_ns, close_ns)`. On entry the clock is
//! read as late and on return as early as can be, since what lies between is added to the reading. On entry all that
//! follows the clock are two comparisons and five stores, on return all that precedes it are the window and the
//! caller's start: both are needed to tell a counted call from all others, which pay for no clock.
//!
//! A return after the window's close leaves its start where it is, marked: the loader walks the start table once the
//! window is over and finds it as censored, like the calls that have not returned at all. A start that another call
//! overwrites (its return was missed, or two live callers share an entry of the table) is not found any more, so that
//! the loader's ledger `entered = returned + censored + lost` counts it as lost.
//!
//! Counts are one CPU's own and are added to without atomics: the kernel runs these programs with preemption or at least
//! migration disabled, and they do not nest on a CPU.

use crate::{control, slow};
use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use core::ptr::addr_of_mut;
use probe_abi::{Counts, ERRNOS, LEFT_LATE, LEFT_UNSEEN, STARTS, STILL_OPEN, Start, bank_of, count_index};

/// Errors are the negative numbers from here to -1; other negative values are results.
const LEAST_ERROR: i64 = -4095;

#[map(name = "STARTS")]
static STARTS_MAP: Array<Start> = Array::with_max_entries(STARTS as u32, BPF_F_MMAPABLE);

/// By CPU, then target, then bank. The loader sets the number of entries.
#[map(name = "COUNTS")]
static COUNTS_MAP: Array<Counts> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Who issues a call: the same on its entry and on its return.
#[derive(Clone, Copy)]
pub struct Caller {
    /// No two live callers share it.
    pub owner: u64,
    /// Where in the start table; live callers should not share it.
    pub place: usize,
}

/// Counts an entry of `caller` to `target` in `window`, if that is open. `registers` as in [`Start`].
#[inline(always)]
pub fn enter(window: u32, target: u32, caller: Caller, registers: u64) -> Option<()> {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    let counts = counts(cpu, target, window)?;
    let start = STARTS_MAP.get_ptr_mut((caller.place % STARTS) as u32)?;
    let keep_slowest = control::keep_slowest() != 0;
    let switches = if keep_slowest { slow::switches() } else { 0 };
    let (open_ns, close_ns) = control::bounds_ns();
    // SAFETY: the verifier checks that the pointers are to the maps' values; only this CPU writes to `counts`, and what
    // two callers that share `start` do to each other is the loss that the ledger shows.
    unsafe {
        let now_ns = bpf_ktime_get_ns();
        if now_ns >= close_ns {
            if (*start).window == window && (*start).owner == caller.owner && (*start).fate == STILL_OPEN {
                (*start).fate = LEFT_UNSEEN;
            }
            return None;
        }
        if now_ns < open_ns {
            return None;
        }
        (*start).start_ns = now_ns;
        (*start).owner = caller.owner;
        (*start).target = target;
        (*start).window = window;
        (*start).fate = STILL_OPEN;
        (*counts).entered += 1;
        if keep_slowest {
            (*start).cpu = cpu;
            (*start).registers = registers;
            (*start).switches = switches;
        }
    }
    Some(())
}

/// Counts the return of `caller` with `value` in `window`, if its entry was counted and the window is still open.
#[inline(always)]
pub fn leave(window: u32, caller: Caller, value: i64) -> Option<()> {
    let start = STARTS_MAP.get_ptr_mut((caller.place % STARTS) as u32)?;
    // SAFETY: as in `enter`.
    unsafe {
        if (*start).window != window || (*start).owner != caller.owner {
            return None;
        }
        let now_ns = bpf_ktime_get_ns();
        if now_ns >= control::close_ns() {
            (*start).fate = LEFT_LATE;
            return None;
        }
        let latency_ns = now_ns.saturating_sub((*start).start_ns);
        let cpu = bpf_get_smp_processor_id() as u32;
        let counts = counts(cpu, (*start).target, window)?;
        (*start).window = 0;
        // One copy of the histogram's code for both outcomes, for the verifier's sake.
        let histogram = if value < 0 && value >= LEAST_ERROR {
            let errno = (-value) as usize;
            (*counts).errnos[if errno < ERRNOS { errno } else { 0 }] += 1;
            addr_of_mut!((*counts).error)
        } else {
            addr_of_mut!((*counts).ok)
        };
        (*histogram).record(latency_ns);
        if latency_ns > (*counts).slow_above_ns {
            slow::keep(counts, start, latency_ns, value);
        }
    }
    Some(())
}

/// Counts a call of a 32-bit caller to `target`, whose latency is not measured.
#[inline(always)]
pub fn enter_compat(window: u32, target: u32) -> Option<()> {
    let (open_ns, close_ns) = control::bounds_ns();
    // SAFETY: the helpers have no preconditions; only this CPU writes to the counts.
    unsafe {
        let now_ns = bpf_ktime_get_ns();
        if now_ns >= open_ns && now_ns < close_ns {
            let counts = counts(bpf_get_smp_processor_id() as u32, target, window)?;
            (*counts).compat += 1;
        }
    }
    Some(())
}

/// Where `cpu` counts `target` in the window's bank, among the entries of the count map.
#[inline(always)]
pub fn index(cpu: u32, target: u32, window: u32) -> u32 {
    cpu * control::counts_per_cpu() + count_index(target, bank_of(window))
}

/// The counts of `target` in the window's bank; none on a CPU that came after the loader.
#[inline(always)]
fn counts(cpu: u32, target: u32, window: u32) -> Option<*mut Counts> {
    COUNTS_MAP.get_ptr_mut(index(cpu, target, window))
}

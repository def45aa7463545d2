//! Whose calls count.
//!
//! The loader lists processes. To look a caller up in that list takes a helper call, which would be most of what a call
//! that does not count costs. So the judgement on a caller is remembered, by its kernel stack, which both raw
//! tracepoints are told the address of anyway. A stack changes hands only by way of a fork, and a process becomes a
//! 32-bit one only by way of an exec: either makes every judgement on the machine stale, as does a change of the list.
//! Where processes are born faster than they make calls, that is as dear as having no memory, and no dearer.

use crate::control;
use crate::global::Global;
use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_kernel};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::RawTracePointContext;
use probe_abi::{PID_LIMIT, PIDS_PER_ENTRY, SCOPE_ENTRIES, STARTS, ScopeEntry};

#[map(name = "SCOPE")]
static SCOPE_MAP: Array<ScopeEntry> = Array::with_max_entries(SCOPE_ENTRIES as u32, BPF_F_MMAPABLE);

/// When the machine's latest fork or exec was. A time rather than a number, for it needs no atomic addition: two that
/// coincide cannot lead back to a state of the world that had been left.
static TURNOVER_NS: Global<u64> = Global::new(0);

/// By place of the stack: the latest judgement on it, see [`mark`].
static JUDGEMENTS: Global<[u64; STARTS]> = Global::new([0; STARTS]);

/// Bits of a judgement.
const VERDICT_BITS: u32 = 2;
/// Bits of the state of the world in which it was passed.
const AGE_BITS: u32 = 39;

/// Base-2 logarithm of the least distance between two kernel stacks.
const STACK_SHIFT: u32 = 14;

/// Whether and how a caller's calls count.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Verdict {
    /// They do not.
    Foreign = 0,
    /// They count.
    Native = 1,
    /// They count, apart: the process is a 32-bit one.
    Compat = 2,
}

/// Where in a table of [`STARTS`] entries the stack with these saved registers is found. Stacks are packed densely.
#[inline(always)]
pub fn place_of(registers: u64) -> usize {
    (registers >> STACK_SHIFT) as usize % STARTS
}

/// Judges the caller whose registers are saved at `registers`.
#[inline(always)]
pub fn judge(registers: u64) -> u64 {
    // One word, so that it cannot be half one caller's and half another's.
    // SAFETY: see `judgement`.
    let remembered = unsafe { judgement(registers).read_volatile() };
    if remembered & !(Verdict::Native as u64 | Verdict::Compat as u64) == mark(registers) {
        return remembered & (Verdict::Native as u64 | Verdict::Compat as u64);
    }
    judge_anew(registers)
}

/// Where the judgement on the caller is kept.
#[inline(always)]
fn judgement(registers: u64) -> *mut u64 {
    // SAFETY: a place is within the array.
    unsafe { JUDGEMENTS.get().cast::<u64>().add(place_of(registers)) }
}

/// Which stack and which state of the world a judgement is about. The bits of the stack that its place does not tell
/// are at the top.
#[inline(always)]
fn mark(registers: u64) -> u64 {
    // SAFETY: a static.
    let turnover_ns = unsafe { TURNOVER_NS.get().read_volatile() };
    let age = turnover_ns.wrapping_add(control::scope_changes());
    let stack = registers >> STACK_SHIFT;
    (stack / STARTS as u64) << (AGE_BITS + VERDICT_BITS) | (age & ((1 << AGE_BITS) - 1)) << VERDICT_BITS
}

#[inline(never)]
fn judge_anew(registers: u64) -> u64 {
    // Before anything is looked at: what changes meanwhile makes this judgement stale.
    let mark = mark(registers);
    let verdict = if !covers((bpf_get_current_pid_tgid() >> 32) as u32) {
        Verdict::Foreign
    } else if is_native(registers) {
        Verdict::Native
    } else {
        Verdict::Compat
    } as u64;
    // SAFETY: see `judgement`.
    unsafe { judgement(registers).write_volatile(mark | verdict) };
    verdict
}

/// Whether the calls of process `tgid` count.
#[inline(always)]
pub fn covers(tgid: u32) -> bool {
    let Some(listed) = listed(tgid) else { return false };
    // SAFETY: the verifier checks that it points into the map's value; others may write to it at any time.
    (unsafe { listed.read_volatile() } != 0) != control::lists_those_left_out()
}

/// Where it says whether process `tgid` is listed.
#[inline(always)]
fn listed(tgid: u32) -> Option<*mut u8> {
    let tgid = tgid % PID_LIMIT as u32;
    let entry = SCOPE_MAP.get_ptr_mut(tgid / PIDS_PER_ENTRY as u32)?;
    // SAFETY: within the entry.
    Some(unsafe { entry.cast::<u8>().add(tgid as usize % PIDS_PER_ENTRY) })
}

/// Where the saved registers say by which interface the call came, in bytes: the code segment.
#[cfg(bpf_target_arch = "x86_64")]
const INTERFACE: usize = 136;
/// Likewise: the processor state.
#[cfg(bpf_target_arch = "aarch64")]
const INTERFACE: usize = 264;

/// Whether the caller runs 64-bit code; 32-bit code numbers its calls differently.
#[inline(always)]
pub fn is_native(registers: u64) -> bool {
    // SAFETY: the helper checks the address.
    let interface = unsafe { bpf_probe_read_kernel((registers as usize + INTERFACE) as *const u64) };
    #[cfg(bpf_target_arch = "x86_64")]
    return interface.is_ok_and(|code_segment| code_segment & 0xffff != 0x23);
    #[cfg(bpf_target_arch = "aarch64")]
    return interface.is_ok_and(|state| state & 0x10 == 0);
}

#[inline(always)]
fn turn_over() -> i32 {
    // SAFETY: a static; the helper has no preconditions.
    unsafe { TURNOVER_NS.get().write_volatile(bpf_ktime_get_ns()) };
    0
}

/// On `sched_process_fork(parent, child)`, which the parent issues before the child runs.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn scope_fork(context: RawTracePointContext) -> i32 {
    let offset = control::child_tgid_offset();
    if offset != 0 && covers((bpf_get_current_pid_tgid() >> 32) as u32) {
        list_child(context.arg::<u64>(1) as usize + offset as usize);
    }
    turn_over()
}

/// Lists the process whose id is at this address; for a new thread that is its own process, which is listed already.
#[inline(always)]
fn list_child(address: usize) {
    // SAFETY: the helper checks the address.
    if let Ok(tgid) = unsafe { bpf_probe_read_kernel(address as *const u32) }
        && let Some(listed) = listed(tgid)
    {
        // SAFETY: as in `covers`.
        unsafe { listed.write_volatile(1) };
    }
}

/// On `sched_process_exec`.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn scope_exec(_context: RawTracePointContext) -> i32 {
    turn_over()
}

//! Counting: what happens on entry and on return, whichever way the program was called.
//!
//! A call counts when its entry and its return both fall in the window `[open_ns, close_ns)`. On entry the clock is
//! read as late and on return as early as can be, since what lies between is added to the reading. On entry all that
//! follows the clock are two comparisons and five stores, on return all that precedes it are the window and the
//! caller's start: both are needed to tell a counted call from all others, which pay for no clock.
//!
//! A return after the window's close leaves its start where it is: the loader walks the start table once the window is
//! over and finds it as censored, like the calls that have not returned at all. A start that another caller overwrites
//! (two live callers share an entry of the table) is not found on its return, so that the loader's ledger
//! `entered = returned + censored + lost` counts it as lost.
//!
//! Counts are one CPU's own and are added to without atomics: the kernel runs these programs with preemption disabled,
//! and they do not nest on a CPU.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use core::ptr::{addr_of, addr_of_mut};
use probe_abi::{
    Control, Counts, PID_LIMIT, PIDS_PER_WORD, SCOPE_WORDS, STARTS, SYSCALL_NUMBERS, Start, bank_of, count_index,
};

/// Errors are the negative numbers from here to -1; other negative values are results.
const LEAST_ERROR: i64 = -4095;

#[map(name = "CONTROL")]
static CONTROL_MAP: Array<Control> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// One bit for each process id.
#[map(name = "SCOPE")]
static SCOPE_MAP: Array<u64> = Array::with_max_entries(SCOPE_WORDS as u32, BPF_F_MMAPABLE);

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
    /// Where in the start table, modulo its size; live callers should not share it.
    pub place: u64,
}

/// The window that is armed.
#[derive(Clone, Copy)]
pub struct Window {
    id: u32,
    control: *const Control,
}

impl Window {
    /// None when the probe is disarmed.
    #[inline(always)]
    pub fn armed() -> Option<Self> {
        let control = CONTROL_MAP.get_ptr(0)?;
        // SAFETY: the verifier checks that `control` points to the map's value. The loader may write to it at any
        // time, hence volatile, here and below.
        let id = unsafe { addr_of!((*control).window).read_volatile() };
        (id != 0).then_some(Self { id, control })
    }

    /// The target that has this system call number, if one does.
    #[inline(always)]
    pub fn target(self, number: u64) -> Option<u32> {
        if number >= SYSCALL_NUMBERS as u64 {
            return None;
        }
        // SAFETY: within the array, as just checked.
        let target = unsafe { addr_of!((*self.control).targets).cast::<u8>().add(number as usize).read() };
        u32::from(target).checked_sub(1)
    }

    /// Whether the calls of process `tgid` count.
    #[inline(always)]
    pub fn covers(self, tgid: u32) -> bool {
        let tgid = tgid % PID_LIMIT as u32;
        let Some(word) = SCOPE_MAP.get_ptr(tgid / PIDS_PER_WORD as u32) else { return false };
        // SAFETY: the verifier checks that `word` points to the map's value.
        let word = unsafe { word.read_volatile() };
        word >> (tgid % PIDS_PER_WORD as u32) & 1 != u64::from(self.lists_those_left_out())
    }

    /// Whether every process counts but those whose bit is set.
    #[inline(always)]
    pub fn lists_those_left_out(self) -> u32 {
        // SAFETY: `control` points to the map's value, see `armed`.
        unsafe { (*self.control).listed_are_left_out }
    }

    /// Counts an entry of `caller` to `target`, if the window is open.
    #[inline(always)]
    pub fn enter(self, target: u32, caller: Caller) -> Option<()> {
        let counts = self.counts(target)?;
        let start = STARTS_MAP.get_ptr_mut(caller.place as u32 % STARTS as u32)?;
        // SAFETY: the verifier checks that the pointers are to the maps' values; only this CPU writes to `counts`, and
        // what two callers that share `start` do to each other is the loss that the ledger shows.
        unsafe {
            let open_ns = addr_of!((*self.control).open_ns).read_volatile();
            let close_ns = addr_of!((*self.control).close_ns).read_volatile();
            let now_ns = bpf_ktime_get_ns();
            if now_ns < open_ns || now_ns >= close_ns {
                return None;
            }
            (*start).start_ns = now_ns;
            (*start).owner = caller.owner;
            (*start).target = target;
            (*start).window = self.id;
            (*counts).entered += 1;
        }
        Some(())
    }

    /// Counts the return of `caller` with `value`, if its entry was counted and the window is still open.
    #[inline(always)]
    pub fn leave(self, caller: Caller, value: i64) -> Option<()> {
        let start = STARTS_MAP.get_ptr_mut(caller.place as u32 % STARTS as u32)?;
        // SAFETY: as in `enter`.
        unsafe {
            if (*start).window != self.id || (*start).owner != caller.owner {
                return None;
            }
            let now_ns = bpf_ktime_get_ns();
            if now_ns >= addr_of!((*self.control).close_ns).read_volatile() {
                return None;
            }
            let latency_ns = now_ns.saturating_sub((*start).start_ns);
            let counts = self.counts((*start).target)?;
            (*start).window = 0;
            // One copy of the histogram's code for both outcomes, for the verifier's sake.
            let histogram = if value < 0 && value >= LEAST_ERROR {
                addr_of_mut!((*counts).error)
            } else {
                addr_of_mut!((*counts).ok)
            };
            (*histogram).record(latency_ns);
        }
        Some(())
    }

    /// This CPU's counts of `target` in the window's bank; none on a CPU that came after the loader.
    #[inline(always)]
    fn counts(self, target: u32) -> Option<*mut Counts> {
        // SAFETY: the helper has no preconditions, and `control` points to the map's value.
        let (cpu, stride) = unsafe { (bpf_get_smp_processor_id() as u32, (*self.control).counts_per_cpu) };
        COUNTS_MAP.get_ptr_mut(cpu * stride + count_index(target, bank_of(self.id)))
    }
}

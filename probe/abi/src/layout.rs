//! The layout of the maps that the BPF programs and their loader share.
//!
//! Each type is valid when all its bytes are zero, which is how the kernel makes a map. All but [`Control`] are arrays
//! that the loader maps into its memory, so that it includes a process and reads without a system call of its own.
//! [`Control`] is a global variable of the programs: they need it on every call, traced or not, and reach a global by
//! its address, an array by a lookup.

use crate::Histogram;

/// The most targets that can be probed at once.
pub const MAX_TARGETS: usize = 16;

/// Entries of [`Control::targets`]; no architecture numbers a system call this high.
pub const SYSCALL_NUMBERS: usize = 1024;

/// Entries of the start table, a power of two.
pub const STARTS: usize = 1 << 16;

/// The greatest error number that is counted by itself, and one more; the kernel's own ones (`ERESTARTSYS` and its like,
/// which callers never see) are among them.
pub const ERRNOS: usize = 544;

/// The most slow calls that can be kept of each target.
pub const MAX_SLOWEST: usize = 32;

/// Kernel stacks that can be kept in one window.
pub const STACKS: usize = 4096;

/// Process ids lie below this on every kernel (`PID_MAX_LIMIT`).
pub const PID_LIMIT: usize = 1 << 22;

/// Process ids that one entry of the scope map is about.
pub const PIDS_PER_ENTRY: usize = 64;

/// Entries of the scope map.
pub const SCOPE_ENTRIES: usize = PID_LIMIT / PIDS_PER_ENTRY;

/// An entry of the scope map: for each process id a byte, 1 where the process is listed and 0 where it is not. Bytes
/// rather than bits, so that processes can be listed on several CPUs at a time without atomics.
pub type ScopeEntry = [u8; PIDS_PER_ENTRY];

/// What the loader tells the programs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Control {
    /// The window's start: the first nanosecond of `CLOCK_MONOTONIC` that is in it.
    pub open_ns: u64,
    /// The window's end: the first nanosecond of `CLOCK_MONOTONIC` that is no longer in it.
    pub close_ns: u64,
    /// Counts the changes of the scope, each of which makes every remembered judgement stale.
    pub scope_changes: u64,
    /// What being listed in the scope map means: 0 "its calls count", 1 "its calls do not".
    pub listed_are_left_out: u32,
    /// Entries of the count map that each CPU has: two banks for each target.
    pub counts_per_cpu: u32,
    /// How many slow calls of each target are kept, up to [`MAX_SLOWEST`]; with 0 nothing is done for it.
    pub keep_slowest: u32,
    /// One bit for each target whose function also serves the calls of 32-bit programs.
    pub shared_functions: u32,
    /// The window that is armed, counted from 1; 0 when none is, and every program returns at once.
    pub window: u32,
    /// Where in the kernel's description of a thread the id of its process is, in bytes, if the children of processes
    /// that are listed are to be listed, too; else 0.
    pub child_tgid_offset: u32,
    /// For each system call number, which target it is.
    pub targets: [Numbered; SYSCALL_NUMBERS],
}

impl Control {
    /// Disarmed, without targets.
    pub const EMPTY: Self = Self {
        open_ns: 0,
        close_ns: 0,
        scope_changes: 0,
        listed_are_left_out: 0,
        counts_per_cpu: 0,
        keep_slowest: 0,
        shared_functions: 0,
        window: 0,
        child_tgid_offset: 0,
        targets: [Numbered { native: 0, compat: 0 }; SYSCALL_NUMBERS],
    };
}

/// Which targets a system call number means, each an index + 1, or 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Numbered {
    /// To 64-bit callers.
    pub native: u8,
    /// To 32-bit callers, whose calls are numbered differently.
    pub compat: u8,
}

/// A call that has been entered and has not returned.
///
/// Aligned to a cache line: threads of neighbouring ids run on different CPUs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Start {
    /// Who issued the call; what it is depends on the backend, and no two live callers share one.
    pub owner: u64,
    /// Time of the entry, nanoseconds of `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    /// The window in which it was entered; 0 when the entry is free.
    pub window: u32,
    /// Index of the target.
    pub target: u32,
    /// What was seen of the caller after the window closed: one of [`STILL_OPEN`], [`LEFT_LATE`], [`LEFT_UNSEEN`].
    pub fate: u32,
    /// The CPU of the entry.
    pub cpu: u32,
    /// Where the kernel saved the caller's registers, for the arguments; 0 where unknown. Only for slow calls.
    pub registers: u64,
    /// How often the caller had been taken off the CPU. Only for slow calls.
    pub switches: u64,
    /// Fills the cache line.
    pub reserved: [u64; 2],
}

/// Nothing was seen of the caller since.
pub const STILL_OPEN: u32 = 0;
/// The call returned after the window had closed.
pub const LEFT_LATE: u32 = 1;
/// The caller made another call after the window had closed: its return must have been missed.
pub const LEFT_UNSEEN: u32 = 2;

/// What one CPU counted of one target in one bank.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Counts {
    /// Calls that were entered in the window.
    pub entered: u64,
    /// Calls of 32-bit callers in the window, which are in none of the other counts.
    pub compat: u64,
    /// Calls that took longer than this are kept as slow ones; all ones where none are.
    pub slow_above_ns: u64,
    /// Latencies of the calls that returned in the window and succeeded.
    pub ok: Histogram,
    /// Latencies of the calls that returned in the window and failed.
    pub error: Histogram,
    /// Failed calls by error number; those from [`ERRNOS`] on under 0.
    pub errnos: [u64; ERRNOS],
}

/// The slowest calls that one CPU saw of one target in one bank, in no order.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slowest {
    /// The least slow of them, see [`Slowest::key`].
    pub least: u64,
    /// As many as are to be kept. A place that is still free has a latency of 0, one that is not to be used
    /// [`NEVER_LEAST_NS`].
    pub calls: [Slow; MAX_SLOWEST],
}

/// More than any latency, and small enough for [`Slowest::key`].
pub const NEVER_LEAST_NS: u64 = 1 << 58;

impl Slowest {
    /// One number that tells a latency and a place, and sorts by latency.
    #[inline(always)]
    #[must_use]
    pub const fn key(latency_ns: u64, place: usize) -> u64 {
        latency_ns << 5 | place as u64
    }

    /// The place in a key.
    #[inline(always)]
    #[must_use]
    pub const fn place_of(key: u64) -> usize {
        key as usize % MAX_SLOWEST
    }

    /// The latency in a key.
    #[inline(always)]
    #[must_use]
    pub const fn latency_of(key: u64) -> u64 {
        key >> 5
    }
}

/// A slow call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slow {
    /// How long it took, in nanoseconds.
    pub latency_ns: u64,
    /// Time of its return, nanoseconds of `CLOCK_MONOTONIC`.
    pub return_ns: u64,
    /// Its process and thread, as `bpf_get_current_pid_tgid` gives them.
    pub pid_tgid: u64,
    /// What it returned.
    pub value: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// Whether `arguments` could be read.
    pub has_arguments: u32,
    /// The CPU of its entry.
    pub cpu_entry: u32,
    /// The CPU of its return.
    pub cpu_return: u32,
    /// How often the caller was taken off the CPU meanwhile.
    pub switches: u32,
    /// Its kernel stack when it was last taken off the CPU, an entry of the stack map; negative for none.
    pub stack: i64,
}

/// How a thread was taken off the CPU.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Switches {
    /// The thread, as `bpf_get_current_pid_tgid` gives it.
    pub pid_tgid: u64,
    /// How often, since the entry was taken.
    pub count: u64,
    /// When last, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// With which kernel stack, an entry of the stack map; negative where it was not to be had.
    pub stack: i64,
}

/// The bank in which a window is counted.
#[inline(always)]
#[must_use]
pub const fn bank_of(window: u32) -> u32 {
    window & 1
}

/// The entry of the count map, among those of one CPU, for `target` in `bank`.
#[inline(always)]
#[must_use]
pub const fn count_index(target: u32, bank: u32) -> u32 {
    target << 1 | bank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_fills_one_cache_line() {
        assert_eq!(size_of::<Start>(), 64);
    }

    #[test]
    fn targets_and_banks_share_no_entry() {
        let indices =
            (0..MAX_TARGETS as u32).flat_map(|target| [count_index(target, 0), count_index(target, 1)]);
        assert!(indices.eq(0..2 * MAX_TARGETS as u32));
    }
}

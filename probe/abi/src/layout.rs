//! The layout of the maps that the BPF programs and their loader share.
//!
//! Every map is an array that the loader maps into its memory, so that it arms, includes a process and reads without
//! a system call of its own. Each type is valid when all its bytes are zero, which is how the kernel makes it.

use crate::Histogram;

/// The most targets that can be probed at once.
pub const MAX_TARGETS: usize = 16;

/// Entries of [`Control::targets`]; no architecture numbers a system call this high.
pub const SYSCALL_NUMBERS: usize = 1024;

/// Entries of the start table, a power of two.
pub const STARTS: usize = 1 << 16;

/// Process ids lie below this on every kernel (`PID_MAX_LIMIT`).
pub const PID_LIMIT: usize = 1 << 22;

/// Process ids for which one word of the scope map has a bit.
pub const PIDS_PER_WORD: usize = 64;

/// Words of the scope map, one bit for each process id.
pub const SCOPE_WORDS: usize = PID_LIMIT / PIDS_PER_WORD;

/// What the loader tells the programs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Control {
    /// The window that is armed, counted from 1; 0 when none is, and every program returns at once.
    pub window: u32,
    /// What a set bit of the scope map means: 0 "its calls count", 1 "its calls do not".
    pub listed_are_left_out: u32,
    /// The window's start: the first nanosecond of `CLOCK_MONOTONIC` that is in it.
    pub open_ns: u64,
    /// The window's end: the first nanosecond of `CLOCK_MONOTONIC` that is no longer in it.
    pub close_ns: u64,
    /// Entries of the count map that each CPU has: two banks for each target.
    pub counts_per_cpu: u32,
    /// Keeps the layout free of implicit padding.
    pub reserved: u32,
    /// For each system call number, its target's index + 1; 0 for those that are not probed.
    pub targets: [u8; SYSCALL_NUMBERS],
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
    /// Fills the cache line.
    pub reserved: [u64; 5],
}

/// What one CPU counted of one target in one bank.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Counts {
    /// Calls that were entered in the window.
    pub entered: u64,
    /// Latencies of the calls that returned in the window and succeeded.
    pub ok: Histogram,
    /// Latencies of the calls that returned in the window and failed.
    pub error: Histogram,
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

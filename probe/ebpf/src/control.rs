//! What the loader tells the programs: a global variable, reached by its address.

use crate::global::Global;
use core::ptr::addr_of;
use probe_abi::{Control, Numbered, SYSCALL_NUMBERS};

// A section of its own is a map of its own, which the loader can write as a whole.
#[unsafe(link_section = ".data.control")]
static CONTROL: Global<Control> = Global::new(Control::EMPTY);

/// Reads a field. The loader may write it at any time, hence volatile.
macro_rules! read {
    ($field:ident) => {
        // SAFETY: a field of a static.
        unsafe { addr_of!((*CONTROL.get()).$field).read_volatile() }
    };
}

/// The window that is armed; none when the probe is disarmed.
#[inline(always)]
pub fn armed_window() -> Option<u32> {
    let window = read!(window);
    (window != 0).then_some(window)
}

/// The window's bounds, nanoseconds of `CLOCK_MONOTONIC`.
#[inline(always)]
pub fn bounds_ns() -> (u64, u64) {
    (read!(open_ns), read!(close_ns))
}

/// The window's end.
#[inline(always)]
pub fn close_ns() -> u64 {
    read!(close_ns)
}

/// Which targets a system call number means.
#[inline(always)]
pub fn numbered(number: u64) -> Numbered {
    if number >= SYSCALL_NUMBERS as u64 {
        return Numbered { native: 0, compat: 0 };
    }
    // SAFETY: within the array, as just checked.
    unsafe { addr_of!((*CONTROL.get()).targets).cast::<Numbered>().add(number as usize).read() }
}

/// How often the scope has changed.
#[inline(always)]
pub fn scope_changes() -> u64 {
    read!(scope_changes)
}

/// Whether every process counts but those whose bit is set.
#[inline(always)]
pub fn lists_those_left_out() -> bool {
    read!(listed_are_left_out) != 0
}

/// Where the process id of a thread is found, if children of listed processes are to be listed; else 0.
#[inline(always)]
pub fn child_tgid_offset() -> u32 {
    read!(child_tgid_offset)
}

/// Entries of the count map that each CPU has.
#[inline(always)]
pub fn counts_per_cpu() -> u32 {
    read!(counts_per_cpu)
}

/// How many slow calls of each target are kept.
#[inline(always)]
pub fn keep_slowest() -> u32 {
    read!(keep_slowest)
}

/// Whether the function of `target` also serves the calls of 32-bit programs.
#[inline(always)]
pub fn is_shared(target: u32) -> bool {
    read!(shared_functions) >> target & 1 != 0
}

//! `clone`: starting a process that ends at once, and waiting for it.
//!
//! Issues, per operation: `clone(2)` with no flag but `SIGCHLD`, which is what `fork` does, and `wait4(2)` for the
//! child, which does nothing but `exit_group(2)`. The child gets a copy of the generator's address space: a few
//! megabytes, mapped in some dozens of pieces.
//!
//! Leaves out: large address spaces, `CLONE_VM` (see `execve`), threads.

use super::{Operation, Site, timed};
use crate::clock::now_ns;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Clone;

impl Operation for Clone {
    type Calls = [Call; 2];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        Ok(Self)
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const FLAGS: usize = libc::SIGCHLD as usize;
        let begin_ns = now_ns();
        // SAFETY: the child has its own copy of everything, and does nothing but end.
        let result = unsafe { raw::syscall(libc::SYS_clone, [FLAGS, 0, 0, 0, 0, 0]) };
        if result == 0 {
            end_process();
        }
        let clone = Call { begin_ns, end_ns: now_ns(), result };
        [clone, wait_for(&clone)]
    }
}

/// Ends the calling process, without anything that the C library would do before.
pub(super) fn end_process() -> ! {
    loop {
        // SAFETY: takes no pointer.
        unsafe { raw::syscall(libc::SYS_exit_group, [0; 6]) };
    }
}

/// Waits for the child that was started; where none was, there is none to wait for, and the call says so.
#[inline(always)]
pub(super) fn wait_for(clone: &Call) -> Call {
    // SAFETY: nothing is to be written.
    unsafe { timed(libc::SYS_wait4, [clone.result.cast_unsigned(), 0, 0, 0, 0, 0]) }
}

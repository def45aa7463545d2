//! `brk`: growing and shrinking the heap.
//!
//! Issues, per operation: `brk(2)` with an address `size_bytes` above a fixed one; with `touch`, one write to each page
//! of what was gained; then `brk(2)` with the fixed one. The fixed address lies 64 MiB above the heap that the process
//! has, so that its own allocations stay where they are.
//!
//! Leaves out: the page faults of `touch`, which lie between the calls (their undoing is part of the second). The heap's
//! end is one for all threads: with several, a call may find it where it wants it, or moved by another; so `touch` is
//! for one thread only.

use super::mmap::touch;
use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;

/// Between the heap in use and the end that is moved.
const DISTANCE: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct Brk {
    base: usize,
    size_bytes: usize,
    touch_every: Option<usize>,
}

impl Operation for Brk {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        if site.spec.touch && site.spec.threads > 1 {
            let message =
                "the brk workload can touch memory with one thread only: others move the heap's end";
            return Err(Failure::Usage(message.into()));
        }
        // SAFETY: an address below the heap changes nothing; the present end is returned.
        let end = unsafe { raw::syscall(libc::SYS_brk, [0; 6]) }.cast_unsigned();
        let base = end.next_multiple_of(rustix::param::page_size()) + DISTANCE;
        Ok(Self { base, size_bytes: site.size_bytes()?, touch_every: site.touch_every() })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let up = move_end(self.base.saturating_add(self.size_bytes));
        let gained = Call { result: if up.result < 0 { up.result } else { self.base.cast_signed() }, ..up };
        touch(&gained, self.size_bytes, self.touch_every);
        [up, move_end(self.base)]
    }
}

/// The call returns where the end is, moved or not; where it is elsewhere, that is a failure for want of memory.
#[inline(always)]
fn move_end(address: usize) -> Call {
    // SAFETY: the end stays above the memory that the process uses.
    let call = unsafe { timed(libc::SYS_brk, [address, 0, 0, 0, 0, 0]) };
    if call.result.cast_unsigned() == address {
        call
    } else {
        Call { result: -(libc::ENOMEM as isize), ..call }
    }
}

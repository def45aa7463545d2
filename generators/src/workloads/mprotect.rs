//! `mprotect`: taking the right to write away from memory, and giving it back.
//!
//! Issues, per operation: `mprotect(2)` of `size_bytes` with `PROT_READ`, then the same with `PROT_READ | PROT_WRITE`.
//! The memory is private, anonymous and each thread's own, mapped before the window between two pages that are out of
//! bounds, so that its mapping is neither split nor merged. With `touch` its pages are there, and the kernel changes the
//! entries of each; without, there are none.
//!
//! Leaves out: page faults after the change (nobody writes), and parts of a mapping. Threads share the address space,
//! and so its lock.

use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::ffi::c_void;
use std::ptr;

#[derive(Debug)]
pub(crate) struct Mprotect {
    /// The whole mapping, with both guards.
    whole: *mut c_void,
    whole_bytes: usize,
    address: usize,
    size_bytes: usize,
}

impl Operation for Mprotect {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let page = rustix::param::page_size();
        let inner = site.size_bytes()?.checked_next_multiple_of(page);
        let lengths = inner.and_then(|inner| Some((inner, inner.checked_add(2 * page)?)));
        let (size_bytes, whole_bytes) =
            lengths.ok_or_else(|| Failure::Usage("the size does not fit into memory".into()))?;
        let (none, private) = (ProtFlags::empty(), MapFlags::PRIVATE);
        // SAFETY: new memory at an address of the kernel's choice.
        let whole = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), whole_bytes, none, private) };
        let whole = whole.map_err(Failure::system("map memory"))?;
        let operation = Self { whole, whole_bytes, address: whole.expose_provenance() + page, size_bytes };
        let start = ptr::with_exposed_provenance_mut::<u8>(operation.address);
        // SAFETY: within what was just mapped.
        unsafe { rustix::mm::mprotect(start.cast(), size_bytes, MprotectFlags::READ | MprotectFlags::WRITE) }
            .map_err(Failure::system("make memory writable"))?;
        for offset in site.touch_every().into_iter().flat_map(|stride| (0..size_bytes).step_by(stride)) {
            // SAFETY: within what was just made writable.
            unsafe { start.add(offset).write_volatile(1) };
        }
        Ok(operation)
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const READ: usize = libc::PROT_READ as usize;
        const WRITE: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        // SAFETY: nobody uses the memory.
        [READ, WRITE].map(|protection| unsafe {
            timed(libc::SYS_mprotect, [self.address, self.size_bytes, protection, 0, 0, 0])
        })
    }
}

impl Drop for Mprotect {
    fn drop(&mut self) {
        // SAFETY: mapped by `prepare`, used by nobody else. A failure leaves it until the process ends.
        let _ = unsafe { rustix::mm::munmap(self.whole, self.whole_bytes) };
    }
}

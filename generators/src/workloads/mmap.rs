//! `mmap`: mapping and unmapping memory.
//!
//! Issues, per operation: `mmap(2)` of `size_bytes` of private anonymous memory, readable and writable, at an address
//! of the kernel's choice; with `touch`, one write to each page, which makes the kernel provide it (in huge pages
//! where the machine gives them unasked); then `munmap(2)` of the whole.
//!
//! Leaves out: the page faults of `touch`, which lie between the calls and in neither's latency (their undoing is part
//! of `munmap`), files, `MAP_POPULATE`, and an address space with many mappings. Threads share the address space, and
//! so its lock.

use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Mmap {
    size_bytes: usize,
    /// Bytes from one touched byte to the next.
    touch_every: Option<usize>,
}

const PROTECTION: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
const FLAGS: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
/// What anonymous memory has for a file.
const NO_FILE: usize = usize::MAX;

impl Operation for Mmap {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let touch_every = site.spec.touch.then(rustix::param::page_size);
        Ok(Self { size_bytes: site.size_bytes()?, touch_every })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        // SAFETY: new memory at an address of the kernel's choice replaces none in use.
        let mmap = unsafe { timed(libc::SYS_mmap, [0, self.size_bytes, PROTECTION, FLAGS, NO_FILE, 0]) };
        let address = mmap.result.cast_unsigned();
        if let Some(stride) = self.touch_every
            && mmap.result > 0
        {
            for offset in (0..self.size_bytes).step_by(stride) {
                // SAFETY: within what was just mapped writable. Volatile, since nobody reads it.
                unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address + offset).write_volatile(1) };
            }
        }
        // SAFETY: just mapped and used by nobody else. After a failure the address is a negative error number, which is
        // not a multiple of the page size and so refused.
        let munmap = unsafe { timed(libc::SYS_munmap, [address, self.size_bytes, 0, 0, 0, 0]) };
        [mmap, munmap]
    }
}

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
    touch_every: Option<usize>,
}

/// Flags of private anonymous memory.
pub(super) const ANONYMOUS: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
/// What anonymous memory has for a file.
pub(super) const NO_FILE: usize = usize::MAX;

impl Operation for Mmap {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { size_bytes: site.size_bytes()?, touch_every: site.touch_every() })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let mmap = map(self.size_bytes, ANONYMOUS, NO_FILE);
        touch(&mmap, self.size_bytes, self.touch_every);
        [mmap, unmap(&mmap, self.size_bytes)]
    }
}

/// Maps memory, readable and writable, at an address of the kernel's choice.
#[inline(always)]
pub(super) fn map(size_bytes: usize, flags: usize, file: usize) -> Call {
    const PROTECTION: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: new memory at an address of the kernel's choice replaces none in use.
    unsafe { timed(libc::SYS_mmap, [0, size_bytes, PROTECTION, flags, file, 0]) }
}

/// Writes to what was mapped, unless that failed, one byte in each `stride`.
#[inline(always)]
pub(super) fn touch(mmap: &Call, size_bytes: usize, stride: Option<usize>) {
    if let Some(stride) = stride
        && mmap.result > 0
    {
        for offset in (0..size_bytes).step_by(stride) {
            let address = mmap.result.cast_unsigned() + offset;
            // SAFETY: within what was just mapped writable. Volatile, since nobody reads it.
            unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
        }
    }
}

/// Unmaps what was mapped.
#[inline(always)]
pub(super) fn unmap(mmap: &Call, size_bytes: usize) -> Call {
    // SAFETY: just mapped and used by nobody else. After a failure the address is a negative error number, which is
    // not a multiple of the page size and so refused.
    unsafe { timed(libc::SYS_munmap, [mmap.result.cast_unsigned(), size_bytes, 0, 0, 0, 0]) }
}

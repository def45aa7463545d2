//! `munmap`: unmapping memory, and nothing else that counts.
//!
//! Issues, per operation: `munmap(2)` of the whole of `size_bytes` of private anonymous memory, which with `touch` was
//! written to, page by page. Between operations it is mapped anew by one untimed `mmap(2)` at an address of the kernel's
//! choice, and touched again; the first time in preparation.
//!
//! Leaves out: parts of a mapping, and an address space with many of them. Threads share the address space, and so its
//! lock.

use super::mmap::{ANONYMOUS, NO_FILE, map, touch, unmap};
use super::{Operation, Site};
use crate::failure::Failure;
use crate::recorder::Call;
use std::io;

#[derive(Debug)]
pub(crate) struct Munmap {
    size_bytes: usize,
    touch_every: Option<usize>,
    /// What mapped the memory; where that failed, so does the next operation.
    mapped: Call,
}

impl Munmap {
    fn map(size_bytes: usize, touch_every: Option<usize>) -> Call {
        let mapped = map(size_bytes, ANONYMOUS, NO_FILE);
        touch(&mapped, size_bytes, touch_every);
        mapped
    }
}

impl Operation for Munmap {
    type Calls = [Call; 1];
    const IS_RENEWED: bool = true;

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let (size_bytes, touch_every) = (site.size_bytes()?, site.touch_every());
        let mapped = Self::map(size_bytes, touch_every);
        if let Ok(error @ 1..) = i32::try_from(-mapped.result) {
            return Err(Failure::system("map memory")(io::Error::from_raw_os_error(error)));
        }
        Ok(Self { size_bytes, touch_every, mapped })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        [unmap(&self.mapped, self.size_bytes)]
    }

    #[inline]
    fn renew(&mut self) {
        self.mapped = Self::map(self.size_bytes, self.touch_every);
    }
}

impl Drop for Munmap {
    fn drop(&mut self) {
        unmap(&self.mapped, self.size_bytes);
    }
}

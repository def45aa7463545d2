//! `mmap_populate`: mapping memory with its pages.
//!
//! Issues, per operation: `mmap(2)` of `size_bytes` of private anonymous memory with `MAP_POPULATE`, readable and
//! writable, then `munmap(2)` of the whole. The kernel provides every page within `mmap`.
//!
//! Leaves out: page faults, of which there are none.

use super::mmap::{ANONYMOUS, NO_FILE, map, unmap};
use super::{Operation, Site};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct MmapPopulate {
    size_bytes: usize,
}

impl Operation for MmapPopulate {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { size_bytes: site.size_bytes()? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const FLAGS: usize = ANONYMOUS | libc::MAP_POPULATE as usize;
        let mmap = map(self.size_bytes, FLAGS, NO_FILE);
        [mmap, unmap(&mmap, self.size_bytes)]
    }
}

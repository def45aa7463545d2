//! `mmap_huge`: mapping memory and asking for huge pages.
//!
//! Issues, per operation: `mmap(2)` of `size_bytes` of private anonymous memory, readable and writable; `madvise(2)` of
//! the whole with `MADV_HUGEPAGE`; with `touch`, one write to each (small) page; then `munmap(2)` of the whole. What is
//! given are transparent huge pages, where the machine's setting is `madvise` or `always` and a whole, aligned one
//! fits; with `never` it is small ones, without a word.
//!
//! Leaves out: as `mmap`, the page faults of `touch`; and reserved huge pages (`MAP_HUGETLB`), which an administrator
//! would have to provide.

use super::mmap::{ANONYMOUS, NO_FILE, map, touch, unmap};
use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct MmapHuge {
    size_bytes: usize,
    touch_every: Option<usize>,
}

impl Operation for MmapHuge {
    type Calls = [Call; 3];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { size_bytes: site.size_bytes()?, touch_every: site.touch_every() })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 3] {
        const ADVICE: usize = libc::MADV_HUGEPAGE as usize;
        let mmap = map(self.size_bytes, ANONYMOUS, NO_FILE);
        let arguments = [mmap.result.cast_unsigned(), self.size_bytes, ADVICE, 0, 0, 0];
        // SAFETY: changes no content, and after a failure there is no memory at the address.
        let madvise = unsafe { timed(libc::SYS_madvise, arguments) };
        touch(&mmap, self.size_bytes, self.touch_every);
        [mmap, madvise, unmap(&mmap, self.size_bytes)]
    }
}

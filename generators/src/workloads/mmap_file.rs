//! `mmap_file`: mapping and unmapping a file that is in the page cache.
//!
//! Issues, per operation: `mmap(2)` of the `size_bytes` of a file of that size, shared, readable and writable, at an
//! address of the kernel's choice; with `touch`, one write to each page; then `munmap(2)` of the whole. The file is one
//! for all threads.
//!
//! Leaves out: as `mmap`, the page faults of `touch`, which lie between the calls; and the disk, to which the kernel
//! writes touched pages when it sees fit.

use super::mmap::{map, touch, unmap};
use super::{Operation, Site, raw_fd};
use crate::failure::Failure;
use crate::recorder::Call;
use std::fs::File;

#[derive(Debug)]
pub(crate) struct MmapFile {
    /// Keeps the descriptor open.
    _file: File,
    descriptor: usize,
    size_bytes: usize,
    touch_every: Option<usize>,
}

impl Operation for MmapFile {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let path = site.file()?.path();
        let file = File::options().read(true).write(true).open(path);
        let file = file.map_err(Failure::system(format!("open {}", path.display())))?;
        let touch_every = site.touch_every();
        Ok(Self { descriptor: raw_fd(&file), _file: file, size_bytes: site.size_bytes()?, touch_every })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let mmap = map(self.size_bytes, libc::MAP_SHARED as usize, self.descriptor);
        touch(&mmap, self.size_bytes, self.touch_every);
        [mmap, unmap(&mmap, self.size_bytes)]
    }
}

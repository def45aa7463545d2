//! `pread`: reading the start of a file that is in the page cache, without a position.
//!
//! Issues, per operation: `pread64(2)` of `size_bytes` at offset 0 of a file of that size. File, descriptions and
//! buffers are as those of `read`.
//!
//! Leaves out: what `read` does, and `lseek(2)`, which is not needed.

use super::buffer::{all_of, buffer};
use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::fs::File;

#[derive(Debug)]
pub(crate) struct Pread {
    /// Keeps the descriptor open.
    _file: File,
    descriptor: usize,
    buffer: Vec<u8>,
}

impl Operation for Pread {
    type Calls = [Call; 1];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let path = site.file()?.path();
        let file = File::open(path).map_err(Failure::system(format!("open {}", path.display())))?;
        Ok(Self { descriptor: raw_fd(&file), buffer: buffer(site)?, _file: file })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        let buffer = self.buffer.as_mut_ptr().expose_provenance();
        // SAFETY: the buffer is valid for writing its length.
        [unsafe { timed(libc::SYS_pread64, [self.descriptor, buffer, self.buffer.len(), 0, 0, 0]) }]
    }

    fn verify(&self, calls: &[Call; 1]) -> Result<(), Failure> {
        all_of(&self.buffer, &calls[0])
    }
}

//! `read`: reading a file that is in the page cache.
//!
//! Issues, per operation: `read(2)` of `size_bytes` from the start of a file of that size into a buffer that is always
//! the same, then `lseek(2)` back to the start. Each thread has its own open file description (so that positions are
//! not shared) and its own buffer; the file is one for all.
//!
//! Leaves out: opening, closing, the disk (the file was just written, and nobody else drops it from the cache unless
//! memory is short), page faults on the buffer (touched before the window), and the end of the file (no read crosses
//! it).

use super::buffer::{all_of, buffer};
use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::fs::File;

#[derive(Debug)]
pub(crate) struct Read {
    /// Keeps the descriptor open.
    _file: File,
    /// As the call takes it.
    descriptor: usize,
    buffer: Vec<u8>,
}

impl Operation for Read {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let path = site.file()?.path();
        let file = File::open(path).map_err(Failure::system(format!("open {}", path.display())))?;
        Ok(Self { descriptor: raw_fd(&file), buffer: buffer(site)?, _file: file })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let descriptor = self.descriptor;
        let buffer = self.buffer.as_mut_ptr().expose_provenance();
        // SAFETY: the buffer is valid for writing its length.
        let read = unsafe { timed(libc::SYS_read, [descriptor, buffer, self.buffer.len(), 0, 0, 0]) };
        // SAFETY: takes no pointer; whence 0 is SEEK_SET.
        let lseek = unsafe { timed(libc::SYS_lseek, [descriptor, 0, 0, 0, 0, 0]) };
        [read, lseek]
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        all_of(&self.buffer, &calls[0])
    }
}

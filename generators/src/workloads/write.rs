//! `write`: writing to a file that is in the page cache.
//!
//! Issues, per operation: `write(2)` of `size_bytes` to the start of a file of that size, then `lseek(2)` back to the
//! start. Each thread has a file and a buffer of its own.
//!
//! Leaves out: growing the file, and waiting for the disk. The kernel writes the pages back when it sees fit, and a
//! call may then have to wait for a page that is on its way.

use super::buffer::{all_of, buffer};
use super::scratch::ScratchFile;
use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::fs::File;

#[derive(Debug)]
pub(crate) struct Write {
    file: OwnFile,
}

/// A file of one thread's own, and what is written to it.
#[derive(Debug)]
pub(super) struct OwnFile {
    /// Keeps the descriptor open.
    _file: File,
    /// Removes the file.
    _scratch: ScratchFile,
    pub(super) descriptor: usize,
    pub(super) buffer: Vec<u8>,
}

impl OwnFile {
    pub(super) fn create(site: &Site) -> Result<Self, Failure> {
        let scratch = site.own_file(site.size_bytes()?)?;
        let path = scratch.path();
        let file = File::options().write(true).open(path);
        let file = file.map_err(Failure::system(format!("open {}", path.display())))?;
        Ok(Self { descriptor: raw_fd(&file), buffer: buffer(site)?, _file: file, _scratch: scratch })
    }
}

impl Operation for Write {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { file: OwnFile::create(site)? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let OwnFile { descriptor, buffer, .. } = &self.file;
        let start = buffer.as_ptr().expose_provenance();
        // SAFETY: the buffer is valid for reading its length.
        let write = unsafe { timed(libc::SYS_write, [*descriptor, start, buffer.len(), 0, 0, 0]) };
        // SAFETY: takes no pointer; whence 0 is SEEK_SET.
        let lseek = unsafe { timed(libc::SYS_lseek, [*descriptor, 0, 0, 0, 0, 0]) };
        [write, lseek]
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        all_of(&self.file.buffer, &calls[0])
    }
}

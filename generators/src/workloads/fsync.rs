//! `fsync`: writing to a file and waiting until the disk has it.
//!
//! Issues, per operation: `pwrite64(2)` of `size_bytes` at offset 0 of a file of that size, then `fsync(2)`. Each
//! thread has a file and a buffer of its own.
//!
//! Leaves out: growing the file. What `fsync` waits for is the file system's and the disk's affair; where the scratch
//! folder is in memory (tmpfs) it waits for nothing.

use super::buffer::all_of;
use super::write::OwnFile;
use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Fsync {
    file: OwnFile,
}

impl Operation for Fsync {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { file: OwnFile::create(site)? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let OwnFile { descriptor, buffer, .. } = &self.file;
        let start = buffer.as_ptr().expose_provenance();
        // SAFETY: the buffer is valid for reading its length.
        let pwrite = unsafe { timed(libc::SYS_pwrite64, [*descriptor, start, buffer.len(), 0, 0, 0]) };
        // SAFETY: takes no pointer.
        let fsync = unsafe { timed(libc::SYS_fsync, [*descriptor, 0, 0, 0, 0, 0]) };
        [pwrite, fsync]
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        all_of(&self.file.buffer, &calls[0])
    }
}

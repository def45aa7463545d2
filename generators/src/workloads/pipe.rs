//! `pipe`: a byte through a pipe.
//!
//! Issues, per operation: `write(2)` of one byte to a pipe, then `read(2)` of one byte from it, in one thread. Neither
//! ever waits. Each thread has a pipe of its own.
//!
//! Leaves out: waking somebody who waits (`pipe_pingpong` does), and more than a byte.

use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::pipe::PipeFlags;
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(crate) struct Pipe {
    /// Keeps the descriptors open.
    _ends: (OwnedFd, OwnedFd),
    reading: usize,
    writing: usize,
    byte: Box<u8>,
}

impl Operation for Pipe {
    type Calls = [Call; 2];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        let ends = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Failure::system("make a pipe"))?;
        Ok(Self { reading: raw_fd(&ends.0), writing: raw_fd(&ends.1), _ends: ends, byte: Box::new(1) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let byte = (&raw mut *self.byte).expose_provenance();
        // SAFETY: the byte is valid for reading.
        let write = unsafe { timed(libc::SYS_write, [self.writing, byte, 1, 0, 0, 0]) };
        // SAFETY: it is valid for writing.
        let read = unsafe { timed(libc::SYS_read, [self.reading, byte, 1, 0, 0, 0]) };
        [write, read]
    }
}

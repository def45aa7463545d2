//! `pipe`: bytes through a pipe.
//!
//! Issues, per operation: `write(2)` of `size_bytes`, one unless said, to a pipe, then `read(2)` of as many from it, in one
//! thread. Neither ever waits: the pipe is made as large as that. Each thread has a pipe of its own.
//!
//! Leaves out: waking somebody who waits (`pipe_pingpong` does).

use super::buffer::{all_of, buffer};
use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size};
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(crate) struct Pipe {
    /// Keeps the descriptors open.
    _ends: (OwnedFd, OwnedFd),
    reading: usize,
    writing: usize,
    buffer: Vec<u8>,
}

/// A pipe that holds so many bytes, its reading end first.
pub(super) fn pipe_for(bytes: usize) -> Result<(OwnedFd, OwnedFd), Failure> {
    let ends = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Failure::system("make a pipe"))?;
    let is_large_enough = fcntl_getpipe_size(&ends.1).is_ok_and(|capacity| capacity >= bytes);
    if !is_large_enough {
        let action = format!("make a pipe hold {bytes} bytes (see /proc/sys/fs/pipe-max-size)");
        fcntl_setpipe_size(&ends.1, bytes).map_err(Failure::system(action))?;
    }
    Ok(ends)
}

impl Operation for Pipe {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let buffer = buffer(site)?;
        let ends = pipe_for(buffer.len())?;
        Ok(Self { reading: raw_fd(&ends.0), writing: raw_fd(&ends.1), _ends: ends, buffer })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let (start, length) = (self.buffer.as_mut_ptr().expose_provenance(), self.buffer.len());
        // SAFETY: the buffer is valid for reading its length.
        let write = unsafe { timed(libc::SYS_write, [self.writing, start, length, 0, 0, 0]) };
        // SAFETY: it is valid for writing it.
        let read = unsafe { timed(libc::SYS_read, [self.reading, start, length, 0, 0, 0]) };
        [write, read]
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        calls.iter().try_for_each(|call| all_of(&self.buffer, call))
    }
}

//! `eventfd`: adding to a counter and taking it back.
//!
//! Issues, per operation: `write(2)` of the number 1 (8 bytes) to an `eventfd`, then `read(2)` of 8 bytes from it, in
//! one thread. Neither ever waits. Each thread has its own.
//!
//! Leaves out: waking somebody who waits (`eventfd_pingpong` does).

use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::event::EventfdFlags;
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(crate) struct Eventfd {
    /// Keeps the descriptor open.
    _counter: OwnedFd,
    descriptor: usize,
    number: Box<u64>,
}

impl Operation for Eventfd {
    type Calls = [Call; 2];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        let counter = rustix::event::eventfd(0, EventfdFlags::CLOEXEC);
        let counter = counter.map_err(Failure::system("make an eventfd"))?;
        Ok(Self { descriptor: raw_fd(&counter), _counter: counter, number: Box::new(1) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let number = (&raw mut *self.number).expose_provenance();
        // SAFETY: the number is valid for reading 8 bytes.
        let write = unsafe { timed(libc::SYS_write, [self.descriptor, number, 8, 0, 0, 0]) };
        // SAFETY: it is valid for writing them. What comes is what was written.
        let read = unsafe { timed(libc::SYS_read, [self.descriptor, number, 8, 0, 0, 0]) };
        [write, read]
    }
}

//! What the workloads in which two threads answer each other by messages have in common.

use super::helper::Helper;
use super::{raw_fd, timed};
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use std::os::fd::OwnedFd;

/// A way from one thread to the other: where it is written to and read from. Both may be one file.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) reading: OwnedFd,
    pub(super) writing: OwnedFd,
}

/// Two threads that answer each other with numbers, of which so many bytes are sent.
#[derive(Debug)]
pub(super) struct Pingpong {
    pub(super) helper: Helper,
    /// Keep the descriptors open; dropped after the helper, which uses them.
    _ways: [Way; 2],
    writing: usize,
    reading: usize,
    number: Box<u64>,
    bytes: usize,
}

impl Pingpong {
    pub(super) fn over(there: Way, back: Way, bytes: usize) -> Result<Self, Failure> {
        let (asked, answers) = (raw_fd(&there.reading), raw_fd(&back.writing));
        let (writing, reading) = (raw_fd(&there.writing), raw_fd(&back.reading));
        let mut number = Box::new(1_u64);
        let helper = Helper::start(move || {
            let number = (&raw mut *number).expose_provenance();
            // SAFETY: the number is valid for writing and reading `bytes`, of which it has as many or more; the
            // descriptors are open as long as this thread lives.
            unsafe {
                raw::syscall(libc::SYS_read, [asked, number, bytes, 0, 0, 0]);
                raw::syscall(libc::SYS_write, [answers, number, bytes, 0, 0, 0]);
            }
        })?;
        Ok(Self { helper, _ways: [there, back], writing, reading, number: Box::new(1), bytes })
    }

    /// Asks, and waits for the answer.
    #[inline(always)]
    pub(super) fn perform(&mut self) -> [Call; 2] {
        let number = (&raw mut *self.number).expose_provenance();
        // SAFETY: the number is valid for reading so many bytes.
        let write = unsafe { timed(libc::SYS_write, [self.writing, number, self.bytes, 0, 0, 0]) };
        // SAFETY: it is valid for writing them.
        let read = unsafe { timed(libc::SYS_read, [self.reading, number, self.bytes, 0, 0, 0]) };
        self.helper.count();
        [write, read]
    }
}

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

/// Two threads that answer each other with a message.
#[derive(Debug)]
pub(super) struct Pingpong {
    pub(super) helper: Helper,
    /// Keep the descriptors open; dropped after the helper, which uses them.
    _ways: [Way; 2],
    writing: usize,
    reading: usize,
    pub(super) message: Vec<u8>,
}

impl Pingpong {
    pub(super) fn over(there: Way, back: Way, message: Vec<u8>) -> Result<Self, Failure> {
        let (asked, answers) = (raw_fd(&there.reading), raw_fd(&back.writing));
        let (writing, reading) = (raw_fd(&there.writing), raw_fd(&back.reading));
        let mut answer = message.clone();
        let helper = Helper::start(move || {
            let (start, length) = (answer.as_mut_ptr().expose_provenance(), answer.len());
            // SAFETY: the answer is valid for writing and reading its length; the descriptors are open as long as this
            // thread lives.
            unsafe {
                raw::syscall(libc::SYS_read, [asked, start, length, 0, 0, 0]);
                raw::syscall(libc::SYS_write, [answers, start, length, 0, 0, 0]);
            }
        })?;
        Ok(Self { helper, _ways: [there, back], writing, reading, message })
    }

    /// Asks, and waits for the answer.
    #[inline(always)]
    pub(super) fn perform(&mut self) -> [Call; 2] {
        let (start, length) = (self.message.as_mut_ptr().expose_provenance(), self.message.len());
        // SAFETY: the message is valid for reading its length.
        let write = unsafe { timed(libc::SYS_write, [self.writing, start, length, 0, 0, 0]) };
        // SAFETY: it is valid for writing it.
        let read = unsafe { timed(libc::SYS_read, [self.reading, start, length, 0, 0, 0]) };
        self.helper.count();
        [write, read]
    }
}

//! `epoll_wait`: asking for what is ready.
//!
//! Issues, per operation: `epoll_pwait(2)` (the number that every architecture has) without a set of signals, for one
//! event, with a timeout of 0, on an epoll instance with one descriptor: an `eventfd` that is always ready to be read.
//! Each thread has its own.
//!
//! Leaves out: waiting, and many descriptors.

use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::event::{EventfdFlags, epoll};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

pub(crate) struct EpollWait {
    /// Keep the descriptors open.
    _instance: OwnedFd,
    _ready: OwnedFd,
    descriptor: usize,
    event: Box<MaybeUninit<libc::epoll_event>>,
}

impl Operation for EpollWait {
    type Calls = [Call; 1];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        let make = || {
            let ready = rustix::event::eventfd(1, EventfdFlags::CLOEXEC)?;
            let instance = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&instance, &ready, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
            rustix::io::Result::Ok((instance, ready))
        };
        let (instance, ready) = make().map_err(Failure::system("make an epoll instance"))?;
        let event = Box::new(MaybeUninit::zeroed());
        Ok(Self { descriptor: raw_fd(&instance), _instance: instance, _ready: ready, event })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        let event = self.event.as_mut_ptr().expose_provenance();
        // SAFETY: there is room for one event, and no set of signals.
        [unsafe { timed(libc::SYS_epoll_pwait, [self.descriptor, event, 1, 0, 0, 0]) }]
    }

    /// Returns how many are ready.
    fn is_expected(_place: usize, result: isize) -> bool {
        result == 1
    }
}

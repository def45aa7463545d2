//! `eventfd_pingpong`: a number to another thread and back, through two eventfds.
//!
//! Issues, per operation: `write(2)` of the number 1 (8 bytes) to an `eventfd`, then `read(2)` of 8 bytes from another,
//! which waits until a second thread has read the first and written to the second. So two calls of either name are
//! issued, of which those of the first thread are timed. Each thread has a partner and two eventfds of its own.
//!
//! Leaves out: processes.

use super::pingpong::{Pingpong, Way};
use super::{Operation, Site};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::event::EventfdFlags;

#[derive(Debug)]
pub(crate) struct EventfdPingpong(Pingpong);

fn way() -> Result<Way, Failure> {
    let make = || {
        let reading = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
        let writing = rustix::io::fcntl_dupfd_cloexec(&reading, 0)?;
        rustix::io::Result::Ok(Way { reading, writing })
    };
    make().map_err(Failure::system("make an eventfd"))
}

impl Operation for EventfdPingpong {
    type Calls = [Call; 2];
    const IS_HELPED: bool = true;

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        Pingpong::over(way()?, way()?, 1_u64.to_ne_bytes().to_vec()).map(Self)
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        self.0.perform()
    }

    fn begin(&mut self) {
        self.0.helper.begin();
    }

    fn announce_last(&mut self) {
        self.0.helper.announce_last();
    }

    fn end(&mut self) {
        self.0.helper.end();
    }
}

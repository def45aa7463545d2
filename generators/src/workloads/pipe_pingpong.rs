//! `pipe_pingpong`: a byte to another thread and back, through two pipes.
//!
//! Issues, per operation: `write(2)` of one byte to a pipe, then `read(2)` of one byte from another, which waits until a
//! second thread has read the first byte and written the second. So two calls of either name are issued, of which those
//! of the first thread are timed. Each thread has a partner and two pipes of its own.
//!
//! Leaves out: more than a byte, and processes.

use super::pingpong::{Pingpong, Way};
use super::{Operation, Site};
use crate::failure::Failure;
use crate::recorder::Call;
use rustix::pipe::PipeFlags;

#[derive(Debug)]
pub(crate) struct PipePingpong(Pingpong);

fn way() -> Result<Way, Failure> {
    let (reading, writing) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Failure::system("make a pipe"))?;
    Ok(Way { reading, writing })
}

impl Operation for PipePingpong {
    type Calls = [Call; 2];
    const IS_HELPED: bool = true;

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        Pingpong::over(way()?, way()?, 1).map(Self)
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

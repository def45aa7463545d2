//! `pipe_pingpong`: bytes to another thread and back, through two pipes.
//!
//! Issues, per operation: `write(2)` of `size_bytes`, one unless said, to a pipe, then `read(2)` of as many from another,
//! which waits until a second thread has read the first and written the second. So two calls of either name are issued, of
//! which those of the first thread are timed. Each thread has a partner and two pipes of its own, as large as a message, so
//! that each is written and read at once.
//!
//! Leaves out: processes.

use super::buffer::{all_of, buffer};
use super::pingpong::{Pingpong, Way};
use super::pipe::pipe_for;
use super::{Operation, Site};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct PipePingpong(Pingpong);

fn way(bytes: usize) -> Result<Way, Failure> {
    let (reading, writing) = pipe_for(bytes)?;
    Ok(Way { reading, writing })
}

impl Operation for PipePingpong {
    type Calls = [Call; 2];
    const IS_HELPED: bool = true;

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let message = buffer(site)?;
        let ways = (way(message.len())?, way(message.len())?);
        Pingpong::over(ways.0, ways.1, message).map(Self)
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        self.0.perform()
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        calls.iter().try_for_each(|call| all_of(&self.0.message, call))
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

//! `getpid`: the null call.
//!
//! Issues, per operation: `getpid(2)`, which does next to nothing in the kernel. What it takes is the way in and out,
//! and the two clock readings around it: the floor under every other workload's figures.
//!
//! Leaves out: everything else.

use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Getpid;

impl Operation for Getpid {
    type Calls = [Call; 1];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        Ok(Self)
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        // SAFETY: the call takes no argument.
        [unsafe { timed(libc::SYS_getpid, [0; 6]) }]
    }
}

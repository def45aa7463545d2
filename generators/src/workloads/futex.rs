//! `futex`: waking nobody.
//!
//! Issues, per operation: `futex(2)` with `FUTEX_WAKE_PRIVATE` for one waiter on a word that nobody waits for. Each
//! thread has a word and a cache line of its own.
//!
//! Leaves out: waiting, waking, contention for the word, and words that processes share. What remains is the entry,
//! the hashing of the address and a look into an empty bucket.

use super::futex_pingpong::{Word, wake};
use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;

#[derive(Debug)]
pub(crate) struct Futex {
    word: Box<Word>,
}

impl Operation for Futex {
    type Calls = [Call; 1];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        Ok(Self { word: Box::default() })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        // SAFETY: the word lives as long as `self`, and waking does not change it.
        [unsafe { timed(libc::SYS_futex, wake(&self.word, 1)) }]
    }
}

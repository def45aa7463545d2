//! `futex_pingpong`: waking another thread and waiting for its answer.
//!
//! Issues, per operation: `futex(2)` with `FUTEX_WAKE_PRIVATE` for one waiter on a word that was just changed, then
//! `futex(2)` with `FUTEX_WAIT_PRIVATE` on another, which a second thread changes and wakes when it has seen the first.
//! That thread waits and wakes in turn: four calls in all, of which the two of the first thread are timed. A wait that
//! finds its word changed already fails with `EAGAIN`, which is how it should be. Each thread has a partner of its own.
//!
//! Leaves out: contention for a word, processes, and a lock's fast path.

use super::helper::Helper;
use super::{Operation, Site, timed};
use crate::clock::nap;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A word in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Word(pub(super) AtomicU32);

#[derive(Debug)]
pub(crate) struct FutexPingpong {
    helper: Helper,
    /// What the first thread changes, and what the second does.
    words: Arc<[Word; 2]>,
    round: u32,
}

impl Operation for FutexPingpong {
    type Calls = [Call; 2];
    const IS_HELPED: bool = true;

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        let words = Arc::<[Word; 2]>::default();
        let own = Arc::clone(&words);
        let mut round = 0_u32;
        let helper = Helper::start(move || {
            let [request, answer] = &*own;
            // SAFETY: the word outlives the call.
            unsafe { raw::syscall(libc::SYS_futex, wait(request, round)) };
            await_change(request, round);
            round = round.wrapping_add(1);
            answer.0.store(round, Ordering::Release);
            // SAFETY: the word outlives the call.
            unsafe { raw::syscall(libc::SYS_futex, wake(answer, 1)) };
        })?;
        Ok(Self { helper, words, round: 0 })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let [request, answer] = &*self.words;
        request.0.store(self.round.wrapping_add(1), Ordering::Release);
        // SAFETY: the word outlives the call.
        let woken = unsafe { timed(libc::SYS_futex, wake(request, 1)) };
        // SAFETY: the word outlives the call.
        let waited = unsafe { timed(libc::SYS_futex, wait(answer, self.round)) };
        await_change(answer, self.round);
        self.round = self.round.wrapping_add(1);
        self.helper.count();
        [woken, waited]
    }

    fn is_expected(place: usize, result: isize) -> bool {
        result >= 0 || (place == 1 && result == -(libc::EAGAIN as isize))
    }

    fn begin(&mut self) {
        self.helper.begin();
    }

    fn announce_last(&mut self) {
        self.helper.announce_last();
    }

    fn end(&mut self) {
        self.helper.end();
    }
}

/// The arguments of a wake.
#[inline(always)]
pub(super) fn wake(word: &Word, waiters: u32) -> [usize; 6] {
    const WAKE: usize = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    [word.0.as_ptr().expose_provenance(), WAKE, waiters as usize, 0, 0, 0]
}

/// The arguments of a wait, without a limit, for a change from this value.
#[inline(always)]
pub(super) fn wait(word: &Word, value: u32) -> [usize; 6] {
    const WAIT: usize = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    [word.0.as_ptr().expose_provenance(), WAIT, value as usize, 0, 0, 0]
}

/// Returns once the word has another value: a wait may end too early, by a wake that was meant for the one before it,
/// and is not repeated, for the sake of exact numbers.
#[inline(always)]
pub(super) fn await_change(word: &Word, value: u32) {
    let mut looks = 0_u32;
    while word.0.load(Ordering::Acquire) == value {
        looks += 1;
        if looks < 1000 {
            std::hint::spin_loop();
        } else {
            nap(20_000);
        }
    }
}

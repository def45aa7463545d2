//! `futex_waiters`: waking many threads at once.
//!
//! Issues, per operation: `futex(2)` with `FUTEX_WAKE_PRIVATE` for `waiters` waiters on one word. As many threads wait
//! for it, each with one `futex(2)` with `FUTEX_WAIT_PRIVATE`, which are not timed. An operation begins when all are on
//! their way to wait, and 50 µs later, so that they sleep; one that comes too late nevertheless finds the word changed
//! and fails with `EAGAIN`. Each thread has a word and waiters of its own.
//!
//! Leaves out: that the waiters then run, which they do beside and after the call; requeueing; and locks.

use super::futex_pingpong::{Word, await_change, wait, wake};
use super::helper::Helper;
use super::{Operation, Site, timed};
use crate::clock::nap;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long a thread on its way to wait is given to fall asleep.
const ASLEEP_NS: u64 = 50_000;

#[derive(Debug, Default)]
struct Shared {
    word: Word,
    /// How often a waiter was about to wait.
    arrivals: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct FutexWaiters {
    helpers: Vec<Helper>,
    shared: Arc<Shared>,
    waiters: u32,
    round: u32,
    /// Arrivals before the next wake.
    awaited: u64,
}

impl Operation for FutexWaiters {
    type Calls = [Call; 1];
    const IS_HELPED: bool = true;

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let shared = Arc::<Shared>::default();
        let waiters = site.spec.waiters.unwrap_or(1);
        let start = |_| {
            let own = Arc::clone(&shared);
            let mut round = 0_u32;
            Helper::start(move || {
                own.arrivals.fetch_add(1, Ordering::Release);
                // SAFETY: the word outlives the call.
                unsafe { raw::syscall(libc::SYS_futex, wait(&own.word, round)) };
                await_change(&own.word, round);
                round = round.wrapping_add(1);
            })
        };
        let helpers = (0..waiters).map(start).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { helpers, shared, waiters, round: 0, awaited: u64::from(waiters) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        while self.shared.arrivals.load(Ordering::Acquire) < self.awaited {
            nap(ASLEEP_NS);
        }
        nap(ASLEEP_NS);
        self.round = self.round.wrapping_add(1);
        self.shared.word.0.store(self.round, Ordering::Release);
        // SAFETY: the word outlives the call.
        let woken = unsafe { timed(libc::SYS_futex, wake(&self.shared.word, self.waiters)) };
        self.awaited += u64::from(self.waiters);
        self.helpers.iter_mut().for_each(Helper::count);
        [woken]
    }

    fn begin(&mut self) {
        self.helpers.iter().for_each(Helper::begin);
    }

    fn announce_last(&mut self) {
        self.helpers.iter().for_each(Helper::announce_last);
    }

    fn end(&mut self) {
        self.helpers.iter().for_each(Helper::end);
    }
}

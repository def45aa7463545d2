//! A thread that takes part in another one's operations.
//!
//! Owns when it does: between legs a helper is parked and has no call open, so that the calls of a number of operations
//! are exactly those of that many. While parked it naps as everybody here does who waits. What it does in an operation
//! is its workload's.

use crate::clock::nap;
use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

const STACK_BYTES: usize = 64 * 1024;
const NAP_NS: u64 = 200_000;

#[derive(Debug, Default)]
struct Shared {
    /// The operations, counted from the first, after which the helper parks.
    until: AtomicU64,
    is_serving: AtomicBool,
    quits: AtomicBool,
}

/// A helper of one thread; its thread ends when this value is dropped, which takes that it is parked.
#[derive(Debug)]
pub(super) struct Helper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Operations so far, as the thread that is helped counts them.
    performed: u64,
}

impl Helper {
    /// A parked helper that will do `serve` in each operation. It runs where the calling thread may run.
    pub(super) fn start(mut serve: impl FnMut() + Send + 'static) -> Result<Self, Failure> {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = Builder::new().stack_size(STACK_BYTES).spawn(move || own.live(&mut serve));
        let thread = thread.map_err(Failure::system("start a helping thread"))?;
        Ok(Self { shared, thread: Some(thread), performed: 0 })
    }

    /// Returns when the helper serves.
    pub(super) fn begin(&self) {
        self.shared.until.store(u64::MAX, Ordering::Release);
        while !self.shared.is_serving.load(Ordering::Acquire) {
            nap(NAP_NS);
        }
    }

    /// The next operation is the last before the helper parks. Said before it begins, hence before the helper can be
    /// done with it.
    pub(super) fn announce_last(&self) {
        self.shared.until.store(self.performed + 1, Ordering::Release);
    }

    /// Counts an operation.
    #[inline(always)]
    pub(super) fn count(&mut self) {
        self.performed += 1;
    }

    /// Returns when the helper is parked, all its calls done.
    pub(super) fn end(&self) {
        while self.shared.is_serving.load(Ordering::Acquire) {
            nap(NAP_NS);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.shared.quits.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has no result, and a panic has been told of.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn live(&self, serve: &mut impl FnMut()) {
        let mut served = 0;
        loop {
            while self.until.load(Ordering::Acquire) <= served {
                if self.quits.load(Ordering::Acquire) {
                    return;
                }
                nap(NAP_NS);
            }
            self.is_serving.store(true, Ordering::Release);
            while served < self.until.load(Ordering::Acquire) {
                serve();
                served += 1;
            }
            self.is_serving.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_helper_serves_exactly_as_often_as_it_is_asked_to() {
        let (ask, asked) = mpsc::channel::<()>();
        let (answer, answered) = mpsc::channel();
        let mut helper = Helper::start(move || {
            asked.recv().unwrap();
            answer.send(()).unwrap();
        })
        .unwrap();
        for operations in [1, 3, 100] {
            helper.begin();
            for left in (0..operations).rev() {
                if left == 0 {
                    helper.announce_last();
                }
                ask.send(()).unwrap();
                answered.recv().unwrap();
                helper.count();
            }
            helper.end();
            // Parked, it does not take what is asked now.
            assert!(!helper.shared.is_serving.load(Ordering::Acquire));
        }
        drop(helper);
        assert!(ask.send(()).is_err(), "its end of the channel is gone");
    }
}

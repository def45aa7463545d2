//! Several workloads in one generator, their operations interleaved by weight.
//!
//! Owns which comes next: each thread goes through rounds of as many operations as the weights add up to, each workload
//! as often as its weight says, in an order that is drawn anew for every round. The seed decides all of them. What an
//! operation is, is the workloads' own.

use super::{
    Brk, EpollWait, Eventfd, Fsync, Futex, Getpid, Mmap, MmapFile, MmapHuge, MmapPopulate, Mprotect,
    Nanosleep, Openat, OpenatCold, OpenatCreate, OpenatDeep, OpenatMissing, Operation, Pipe, Pread, Read,
    Site, Socket, Stat, Write, prepare_and_try,
};
use crate::Workload;
use crate::failure::Failure;
use crate::recorder::Call;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most calls of one operation of any workload.
const MOST_CALLS: usize = 4;

/// The calls of an operation, and whose it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MixedCalls {
    calls: [Call; MOST_CALLS],
    length: usize,
    kind: usize,
}

impl AsRef<[Call]> for MixedCalls {
    #[inline(always)]
    fn as_ref(&self) -> &[Call] {
        &self.calls[..self.length]
    }
}

/// An operation of any workload.
trait Any {
    fn perform_into(&mut self, calls: &mut [Call; MOST_CALLS]) -> usize;
}

impl<O: Operation> Any for O {
    #[inline]
    fn perform_into(&mut self, into: &mut [Call; MOST_CALLS]) -> usize {
        let calls = self.perform();
        let calls = calls.as_ref();
        into[..calls.len()].copy_from_slice(calls);
        calls.len()
    }
}

/// The mix of one thread.
pub(crate) struct Mixed {
    operations: Vec<Box<dyn Any>>,
    round: Vec<usize>,
    /// Place in the round.
    next: usize,
    random: Random,
}

impl Operation for Mixed {
    type Calls = MixedCalls;

    fn prepare(site: &Site) -> Result<Self, Failure> {
        /// Threads are prepared in any order, and each has numbers of its own.
        static THREADS: AtomicU64 = AtomicU64::new(0);
        let operations = site.parts.iter().map(prepared).collect::<Result<_, _>>()?;
        let weights = site.spec.mix.iter().enumerate();
        let round = weights.flat_map(|(kind, (_, weight))| std::iter::repeat_n(kind, *weight as usize));
        let thread = THREADS.fetch_add(1, Ordering::Relaxed);
        let mut mixed =
            Self { operations, round: round.collect(), next: 0, random: Random::new(site.spec.seed, thread) };
        mixed.random.shuffle(&mut mixed.round);
        Ok(mixed)
    }

    #[inline]
    fn perform(&mut self) -> MixedCalls {
        if self.next == self.round.len() {
            self.next = 0;
            self.random.shuffle(&mut self.round);
        }
        let kind = self.round[self.next];
        self.next += 1;
        let mut calls = [Call { begin_ns: 0, end_ns: 0, result: 0 }; MOST_CALLS];
        let length = self.operations[kind].perform_into(&mut calls);
        MixedCalls { calls, length, kind }
    }

    #[inline(always)]
    fn kind(calls: &MixedCalls) -> usize {
        calls.kind
    }

    /// Each workload was tried by itself.
    fn is_expected(_place: usize, _result: isize) -> bool {
        true
    }
}

/// The operation of a workload that is part of a mix, tried once.
fn prepared(site: &Site) -> Result<Box<dyn Any>, Failure> {
    fn boxed<O: Operation + 'static>(site: &Site) -> Result<Box<dyn Any>, Failure> {
        Ok(Box::new(prepare_and_try::<O>(site)?))
    }
    match site.spec.workload {
        Workload::Read => boxed::<Read>(site),
        Workload::Pread => boxed::<Pread>(site),
        Workload::Write => boxed::<Write>(site),
        Workload::Fsync => boxed::<Fsync>(site),
        Workload::Mmap => boxed::<Mmap>(site),
        Workload::MmapPopulate => boxed::<MmapPopulate>(site),
        Workload::MmapFile => boxed::<MmapFile>(site),
        Workload::MmapHuge => boxed::<MmapHuge>(site),
        Workload::Mprotect => boxed::<Mprotect>(site),
        Workload::Brk => boxed::<Brk>(site),
        Workload::Openat => boxed::<Openat>(site),
        Workload::OpenatMissing => boxed::<OpenatMissing>(site),
        Workload::OpenatCreate => boxed::<OpenatCreate>(site),
        Workload::OpenatCold => boxed::<OpenatCold>(site),
        Workload::OpenatDeep => boxed::<OpenatDeep>(site),
        Workload::Stat => boxed::<Stat>(site),
        Workload::Getpid => boxed::<Getpid>(site),
        Workload::Nanosleep => boxed::<Nanosleep>(site),
        Workload::Futex => boxed::<Futex>(site),
        Workload::Pipe => boxed::<Pipe>(site),
        Workload::Eventfd => boxed::<Eventfd>(site),
        Workload::EpollWait => boxed::<EpollWait>(site),
        Workload::Socket => boxed::<Socket>(site),
        other => Err(Failure::Usage(format!(
            "the {} workload cannot be mixed: it has helpers, children or untimed calls",
            other.name()
        ))),
    }
}

/// Random numbers that a seed decides: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn new(seed: u64, thread: u64) -> Self {
        let mut seeded = Self(seed);
        Self(seeded.next() ^ Self(thread).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Fisher–Yates; a round is so short that the bias of a remainder is below 2⁻⁴⁸.
    fn shuffle(&mut self, round: &mut [usize]) {
        for last in (1..round.len()).rev() {
            let place = usize::try_from(self.next() % (last as u64 + 1)).unwrap_or(0);
            round.swap(last, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_what_there_is_and_the_seed_decides_it() {
        let order = |seed, thread| {
            let mut round: Vec<usize> = (0..100).collect();
            Random::new(seed, thread).shuffle(&mut round);
            round
        };
        let mut sorted = order(1, 0);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 0), order(1, 1));
    }
}

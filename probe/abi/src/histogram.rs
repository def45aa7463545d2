//! The dense histogram: what a BPF map value and a generator thread hold.

use crate::{SLOTS, slot_of};

/// Counts by slot with exact count, sum and extremes.
///
/// All-zero bytes are a valid empty histogram, so that a map value needs no initialisation: the least value is kept
/// as its complement.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Histogram {
    /// Recorded values.
    pub count: u64,
    /// Sum of the recorded values, in nanoseconds.
    pub sum_ns: u64,
    /// Bitwise complement of the least recorded value, so that zero means "none yet".
    pub min_ns_complement: u64,
    /// Greatest recorded value, in nanoseconds.
    pub max_ns: u64,
    /// Counts by slot, see [`slot_of`].
    pub slots: [u64; SLOTS],
}

impl Histogram {
    /// A histogram without values.
    #[expect(clippy::large_stack_arrays, reason = "a constant; whoever copies it boxes it")]
    pub const EMPTY: Self = Self { count: 0, sum_ns: 0, min_ns_complement: 0, max_ns: 0, slots: [0; SLOTS] };

    /// Records one value of `ns` nanoseconds.
    #[inline(always)]
    pub fn record(&mut self, ns: u64) {
        self.count += 1;
        self.sum_ns = self.sum_ns.wrapping_add(ns);
        if !ns > self.min_ns_complement {
            self.min_ns_complement = !ns;
        }
        if ns > self.max_ns {
            self.max_ns = ns;
        }
        let slot = slot_of(ns);
        // The bound is always met; the BPF verifier wants to see it.
        if slot < SLOTS {
            self.slots[slot] += 1;
        }
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
        self.min_ns_complement = self.min_ns_complement.max(other.min_ns_complement);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (mine, theirs) in self.slots.iter_mut().zip(&other.slots) {
            *mine += theirs;
        }
    }

    /// The least recorded value in nanoseconds, none when empty.
    #[must_use]
    pub fn min_ns(&self) -> Option<u64> {
        (self.count > 0).then_some(!self.min_ns_complement)
    }
}

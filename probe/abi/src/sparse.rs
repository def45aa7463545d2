//! The sparse histogram: what travels through pipes and files, and what reports compute with.

use crate::{Histogram, SLOTS, slot_lower_ns, slot_upper_ns};
use serde::{Deserialize, Serialize};

/// A histogram that lists only the slots with a count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparseHistogram {
    /// Recorded values.
    pub count: u64,
    /// Sum of the recorded values, in nanoseconds.
    pub sum_ns: u64,
    /// Least recorded value, in nanoseconds; 0 when there is none.
    pub min_ns: u64,
    /// Greatest recorded value, in nanoseconds; 0 when there is none.
    pub max_ns: u64,
    /// `(slot, count)` in rising order of slot, counts above zero.
    pub slots: Vec<(u16, u64)>,
}

impl From<&Histogram> for SparseHistogram {
    fn from(dense: &Histogram) -> Self {
        let slots = (0u16..).zip(&dense.slots).filter(|(_, count)| **count > 0);
        Self {
            count: dense.count,
            sum_ns: dense.sum_ns,
            min_ns: dense.min_ns().unwrap_or(0),
            max_ns: dense.max_ns,
            slots: slots.map(|(slot, count)| (slot, *count)).collect(),
        }
    }
}

impl SparseHistogram {
    /// Arithmetic mean in nanoseconds, exact up to rounding; none when empty.
    #[must_use]
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ns as f64 / self.count as f64)
    }

    /// The `q`-quantile (0 ≤ q ≤ 1) in nanoseconds, none when empty.
    ///
    /// The value of rank ⌈q·n⌉, estimated by the middle of its slot and kept within the exact extremes.
    #[must_use]
    pub fn quantile_ns(&self, q: f64) -> Option<f64> {
        #[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let slot = self.slots.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        let slot = usize::from(slot.0);
        let middle = f64::midpoint(slot_lower_ns(slot) as f64, (slot_upper_ns(slot) - 1) as f64);
        let estimate = if slot == SLOTS - 1 { self.max_ns as f64 } else { middle };
        Some(estimate.clamp(self.min_ns as f64, self.max_ns as f64))
    }

    /// The `q`-quantile, but only when at least `calls_beyond` recorded values lie beyond it.
    #[must_use]
    pub fn supported_quantile_ns(&self, q: f64, calls_beyond: u64) -> Option<f64> {
        // A rounding error of the product must not hide a quantile with exactly enough calls beyond it.
        let beyond = (self.count as f64 * (1.0 - q) + 1e-6).floor();
        (beyond >= calls_beyond as f64).then(|| self.quantile_ns(q))?
    }

    /// What was recorded since it was as `earlier`. Least and greatest value are exact where they are new, else as exact as
    /// a slot.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |slot: u16| {
            let place = earlier.slots.binary_search_by_key(&slot, |(slot, _)| *slot);
            place.map_or(0, |place| earlier.slots[place].1)
        };
        let added = self.slots.iter().map(|(slot, count)| (*slot, count.saturating_sub(before(*slot))));
        let slots: Vec<(u16, u64)> = added.filter(|(_, count)| *count > 0).collect();
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Self::default() };
        let (lower, upper) = (slot_lower_ns(usize::from(first.0)), slot_upper_ns(usize::from(last.0)));
        let is_least_new = earlier.count == 0 || self.min_ns < earlier.min_ns;
        let is_greatest_new = self.max_ns > earlier.max_ns;
        Self {
            count: slots.iter().map(|(_, count)| count).sum(),
            sum_ns: self.sum_ns.wrapping_sub(earlier.sum_ns),
            min_ns: if is_least_new { self.min_ns } else { lower.max(self.min_ns) },
            max_ns: if is_greatest_new { self.max_ns } else { (upper - 1).min(self.max_ns) },
            slots,
        }
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min_ns = if self.count == 0 { other.min_ns } else { self.min_ns.min(other.min_ns) };
        self.max_ns = self.max_ns.max(other.max_ns);
        self.count += other.count;
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
        self.slots.extend_from_slice(&other.slots);
        self.slots.sort_unstable_by_key(|(slot, _)| *slot);
        self.slots.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> SparseHistogram {
        let mut dense = Box::new(Histogram::EMPTY);
        for ns in values {
            dense.record(*ns);
        }
        SparseHistogram::from(&*dense)
    }

    #[test]
    fn an_empty_histogram_has_no_figures() {
        let empty = of(&[]);
        assert_eq!((empty.mean_ns(), empty.quantile_ns(0.5)), (None, None));
        assert_eq!(empty, SparseHistogram::default());
    }

    #[test]
    fn a_quantile_needs_calls_beyond_it() {
        let thousand = of(&(0..1000).collect::<Vec<_>>());
        assert!(thousand.supported_quantile_ns(0.9, 100).is_some());
        assert!(thousand.supported_quantile_ns(0.99, 100).is_none());
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_slot_of_the_exact_ones(
            mut values in prop::collection::vec(0u64..1 << 40, 1..200), q in 0.0..=1.0f64,
        ) {
            let estimate = of(&values).quantile_ns(q).unwrap();
            values.sort_unstable();
            #[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            prop_assert!((estimate - exact).abs() <= exact * 0.008 + 1e-9, "{} for {}", estimate, exact);
        }

        #[test]
        fn what_came_later_is_what_was_added(
            a in prop::collection::vec(0u64..1 << 40, 0..50), b in prop::collection::vec(0u64..1 << 40, 0..50),
        ) {
            let (earlier, later) = (of(&a), of(&[a.clone(), b.clone()].concat()));
            let (since, added) = (later.since(&earlier), of(&b));
            prop_assert_eq!((since.count, since.sum_ns, &since.slots), (added.count, added.sum_ns, &added.slots));
            // As exact as the slot that they are in.
            for (found, exact) in [(since.min_ns, added.min_ns), (since.max_ns, added.max_ns)] {
                prop_assert!(found.abs_diff(exact) * 64 <= exact, "{} for {}", found, exact);
            }
        }

        #[test]
        fn merging_equals_recording_together(
            a in prop::collection::vec(any::<u64>(), 0..50), b in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}

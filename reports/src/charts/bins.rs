//! Slots pooled into bins that are equally wide on a logarithmic axis.

use probe_abi::{SLOTS, SparseHistogram, slot_lower_ns, slot_upper_ns};
use std::sync::OnceLock;

/// Bins that meet, from a first one upwards: bin `n` reaches from 2 to the power of `n / per_octave` to that of
/// `(n + 1) / per_octave` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bins {
    per_octave: usize,
    first: usize,
    pub(super) count: usize,
}

impl Bins {
    /// The bins that the calls of all `histograms` lie in; none where there are no calls.
    pub(super) fn of<'a>(
        per_octave: usize,
        histograms: impl Iterator<Item = &'a SparseHistogram>,
    ) -> Option<Self> {
        let ends = histograms.filter_map(|it| Some((it.slots.first()?.0, it.slots.last()?.0)));
        let (low, high) = ends.reduce(|(low, high), (first, last)| (low.min(first), high.max(last)))?;
        let first = floor(edge(low) * per_octave as f64);
        let end = floor((edge(high + 1) * per_octave as f64).ceil()).max(first + 1);
        Some(Self { per_octave, first, count: end - first })
    }

    /// The lower end of bin `index`, and so the upper one of the bin below.
    pub(super) fn edge_ns(self, index: usize) -> f64 {
        ((self.first + index) as f64 / self.per_octave as f64).exp2()
    }

    /// Adds a histogram's calls; those of a slot that straddles bins are split by its width on the axis.
    pub(super) fn add(self, histogram: &SparseHistogram, bins: &mut [f64]) {
        for (slot, calls) in &histogram.slots {
            let place = |edge: f64| edge * self.per_octave as f64 - self.first as f64;
            let (low, high) = (place(edge(*slot)), place(edge(slot + 1)));
            let (from, to) = (floor(low), floor(high.ceil()).max(floor(low) + 1));
            for (index, bin) in bins.iter_mut().enumerate().take(to).skip(from) {
                let left = index as f64;
                let share =
                    if high > low { (high.min(left + 1.0) - low.max(left)) / (high - low) } else { 1.0 };
                *bin += *calls as f64 * share;
            }
        }
    }

    /// The shares of a histogram's calls.
    pub(super) fn shares(self, histogram: &SparseHistogram) -> Vec<f64> {
        let mut bins = vec![0.0; self.count];
        self.add(histogram, &mut bins);
        for bin in &mut bins {
            *bin /= histogram.count as f64;
        }
        bins
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places are positive and few")]
fn floor(place: f64) -> usize {
    place.floor() as usize
}

/// The binary logarithm of the lower end of a slot, and of the upper end of the last.
fn edge(slot: u16) -> f64 {
    static EDGES: OnceLock<Vec<f64>> = OnceLock::new();
    let edges = EDGES.get_or_init(|| {
        let lower = (0..SLOTS).map(slot_lower_ns).chain([slot_upper_ns(SLOTS - 1)]);
        lower.map(|ns| (ns.max(1) as f64).log2()).collect()
    });
    edges[usize::from(slot).min(SLOTS)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_hold_every_call_once(
            values in prop::collection::vec(0u64..1 << 40, 1..100),
            per_octave in 1usize..32,
        ) {
            let mut dense = Box::new(probe_abi::Histogram::EMPTY);
            for ns in &values {
                dense.record(*ns);
            }
            let histogram = SparseHistogram::from(&*dense);
            let bins = Bins::of(per_octave, std::iter::once(&histogram)).unwrap();
            let shares = bins.shares(&histogram);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
            prop_assert!(shares[0] > 0.0 && shares[bins.count - 1] > 0.0);
        }
    }
}

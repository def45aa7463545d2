//! The k-th of all differences between two samples, without making them.

use super::sorted;

/// All n·m differences of a value of one sample and a value of another, in order.
pub(super) struct Differences {
    baseline: Vec<f64>,
    candidate: Vec<f64>,
}

impl Differences {
    /// Of `candidate` less `baseline`.
    pub(super) fn new(baseline: &[f64], candidate: &[f64]) -> Self {
        Self { baseline: sorted(baseline), candidate: sorted(candidate) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.baseline.len() * self.candidate.len()
    }

    /// The one of rank `k`, from 0 for the least; none beyond the greatest.
    ///
    /// With both samples sorted, the differences are the entries of a matrix whose rows and columns are sorted. How many
    /// are at most some value is counted along a staircase of n + m steps (Johnson & Mizoguchi, *SIAM Journal on
    /// Computing* 7, 1978, have the idea); the value is found by bisecting the floats themselves in at most 64 rounds, so
    /// that it is exactly what sorting all of them would give.
    pub(super) fn at(&self, k: usize) -> Option<f64> {
        if k >= self.len() {
            return None;
        }
        let (first, last) = (self.candidate.first()?, self.candidate.last()?);
        let mut low = place(first - self.baseline.last()?);
        let mut high = place(last - self.baseline.first()?);
        while low < high {
            // Half-way without overflow, towards the lower one.
            let middle = (low & high) + ((low ^ high) >> 1);
            if self.count_up_to(middle) > k { high = middle } else { low = middle + 1 }
        }
        Some(float(low))
    }

    fn count_up_to(&self, limit: i64) -> usize {
        let (mut from, mut count) = (0, 0);
        for value in &self.candidate {
            while self.baseline.get(from).is_some_and(|base| place(value - base) > limit) {
                from += 1;
            }
            count += self.baseline.len() - from;
        }
        count
    }
}

/// Whole numbers in the order of floats: that of [`f64::total_cmp`].
fn place(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63) & i64::MAX)
}

fn float(place: i64) -> f64 {
    f64::from_bits((place ^ ((place >> 63) & i64::MAX)).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// With values in common, as slots of a histogram give them, and without.
    fn samples() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        let value =
            || prop_oneof![(-9i8..9).prop_map(|it| f64::from(it) / 4.0), -1e9..1e9f64, -1e-9..1e-9f64];
        (prop::collection::vec(value(), 1..40), prop::collection::vec(value(), 1..40))
    }

    proptest! {
        #[test]
        fn every_rank_is_that_of_all_differences_sorted((baseline, candidate) in samples()) {
            let mut plain: Vec<f64> =
                candidate.iter().flat_map(|c| baseline.iter().map(move |b| c - b)).collect();
            plain.sort_by(f64::total_cmp);
            let differences = Differences::new(&baseline, &candidate);
            prop_assert_eq!(differences.len(), plain.len());
            for (k, expected) in plain.iter().enumerate() {
                prop_assert_eq!(differences.at(k).map(f64::to_bits), Some(expected.to_bits()));
            }
            prop_assert_eq!(differences.at(plain.len()), None);
        }

        #[test]
        fn floats_and_their_places_go_together(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(float(place(a)).to_bits(), a.to_bits());
            prop_assert_eq!(place(a).cmp(&place(b)), a.total_cmp(&b));
        }
    }

    #[test]
    fn nothing_has_no_ranks() {
        assert_eq!(Differences::new(&[], &[1.0]).at(0), None);
    }
}

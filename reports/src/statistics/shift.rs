//! How far apart two samples are.

use super::binomial::choose;
use super::select::Differences;
use super::{CONFIDENCE, Interval, normal_quantile};

/// A ratio of two samples' locations.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct RatioEstimate {
    /// Candidate to baseline.
    pub ratio: f64,
    /// Its 95 % interval; none where so few repetitions cannot give one.
    pub interval: Option<Interval>,
}

impl RatioEstimate {
    /// The same with an interval that holds however far, up to these shares of themselves, the values of baseline and candidate
    /// are off: half a slot of each side is added at either end.
    #[must_use]
    pub fn widened(self, (base, candidate): (f64, f64)) -> Self {
        let interval = self.interval.map(|it| Interval {
            low: it.low * (1.0 - candidate) / (1.0 + base),
            high: it.high * (1.0 + candidate) / (1.0 - base),
        });
        Self { interval, ..self }
    }
}

/// A difference of two samples' locations, in their unit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// Candidate less baseline.
    pub difference: f64,
    /// Its 95 % interval; none where so few repetitions cannot give one.
    pub interval: Option<Interval>,
}

/// The Hodges–Lehmann estimate of candidate ÷ baseline with the interval got by inverting Mann and Whitney's test.
///
/// On logarithms a ratio is a shift: the estimate is the median of the n·m differences ln cⱼ − ln bᵢ, the interval
/// reaches from the k-th smallest to the k-th largest, where k is the greatest with P(U ≤ k − 1) ≤ 2.5 % under the
/// null hypothesis. So the interval excludes 1 exactly when the test, without ties, rejects at 5 %. Sources: Hodges &
/// Lehmann, *Annals of Mathematical Statistics* 34 (1963); Lehmann, *Nonparametrics* (1975), 2.6. Values must be
/// positive; none when a sample is empty or has others.
#[must_use]
pub fn ratio(baseline: &[f64], candidate: &[f64]) -> Option<RatioEstimate> {
    difference(&logarithms(baseline)?, &logarithms(candidate)?).map(ratio_of)
}

/// The values' logarithms; none where one has none.
pub(super) fn logarithms(values: &[f64]) -> Option<Vec<f64>> {
    let are_positive = values.iter().all(|value| value.is_finite() && *value > 0.0);
    are_positive.then(|| values.iter().map(|value| value.ln()).collect())
}

/// A difference of logarithms as a ratio.
pub(super) fn ratio_of(Difference { difference, interval }: Difference) -> RatioEstimate {
    let interval = interval.map(|it| Interval { low: it.low.exp(), high: it.high.exp() });
    RatioEstimate { ratio: difference.exp(), interval }
}

/// The same estimate of candidate − baseline: [`ratio`] without the logarithms. None when a sample is empty.
///
/// The n·m differences are not made: each rank that is asked for is found in some 64·(n + m) steps.
#[must_use]
pub fn difference(baseline: &[f64], candidate: &[f64]) -> Option<Difference> {
    let differences = Differences::new(baseline, candidate);
    let all = differences.len();
    let (lower, upper) = (differences.at(all.checked_sub(1)? / 2)?, differences.at(all / 2)?);
    let cut = tail_rank(baseline.len(), candidate.len(), (1.0 - CONFIDENCE) / 2.0);
    let interval = cut.checked_sub(1).and_then(|index| {
        Some(Interval { low: differences.at(index)?, high: differences.at(all - 1 - index)? })
    });
    Some(Difference { difference: f64::midpoint(lower, upper), interval })
}

/// Above so many pairs of values the distribution of U is taken for normal.
pub(super) const EXACT_UP_TO_PAIRS: usize = 2_500;

/// The greatest k with P(U ≤ k − 1) ≤ `tail`; 0 when not even P(U = 0) is that small.
pub(super) fn tail_rank(n: usize, m: usize, tail: f64) -> usize {
    if n * m > EXACT_UP_TO_PAIRS {
        // U is close to normal by then (Lehmann, appendix 4); the half is the test's correction for continuity.
        let spread = ((n * m) as f64 * (n + m + 1) as f64 / 12.0).sqrt();
        let rank = ((n * m) as f64 / 2.0 + normal_quantile(tail) * spread + 0.5).floor().max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n·m")]
        return rank as usize;
    }
    let all = choose(n + m, n);
    let mut below = 0.0;
    let counts = counts_of_u(n, m);
    counts
        .iter()
        .take_while(|ways| {
            below += *ways / all;
            below <= tail
        })
        .count()
}

/// In how many of the C(n+m, n) orders of two samples U takes each value 0..=n·m: the coefficients of the Gaussian
/// binomial, Π (1 − q^(m+i)) / (1 − q^i) over i = 1..=n.
pub(super) fn counts_of_u(n: usize, m: usize) -> Vec<f64> {
    let mut counts = vec![0.0; n * m + 1];
    counts[0] = 1.0;
    for i in 1..=n {
        for u in (m + i..counts.len()).rev() {
            counts[u] -= counts[u - m - i];
        }
        for u in i..counts.len() {
            counts[u] += counts[u - i];
        }
    }
    counts
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values, or the same computation twice")]
mod tests {
    use super::*;
    use crate::statistics::mann_whitney;
    use proptest::prelude::*;

    // Reference figures: numpy 2.4.6; the null distribution of U by its recursion, N(u; n, m) = N(u−m; n−1, m) + N(u; n, m−1).
    #[test]
    fn ratio_and_interval_of_seven_against_seven() {
        let a = [1.10, 1.12, 1.08, 1.15, 1.11, 1.09, 1.13];
        let b = [1.21, 1.18, 1.25, 1.14, 1.22, 1.19, 1.30];
        let estimate = ratio(&a, &b).unwrap();
        let interval = estimate.interval.unwrap();
        assert!((estimate.ratio - 1.089_285_714_285_714_2).abs() < 1e-9);
        assert!((interval.low - 1.045_871_559_632_027_2).abs() < 1e-9);
        assert!((interval.high - 1.136_363_636_363_636_3).abs() < 1e-9);
    }

    #[test]
    fn a_shift_is_found_with_its_interval() {
        let bare = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0];
        let probed: Vec<f64> = bare.iter().map(|ns| ns + 240.0).collect();
        let found = difference(&bare, &probed).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!(found.difference, 240.0);
        assert!(interval.contains(240.0) && 235.0 < interval.low && interval.high < 245.0, "{interval:?}");
        assert_eq!(difference(&bare, &[]), None);
    }

    #[test]
    fn three_against_three_cannot_give_an_interval() {
        assert_eq!(ratio(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap().interval, None);
        assert_eq!(ratio(&[0.0], &[1.0]), None);
    }

    #[test]
    fn counts_of_u_sum_to_all_orders() {
        assert_eq!(counts_of_u(7, 7).iter().sum::<f64>(), 3432.0);
        assert_eq!(counts_of_u(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
    }

    /// Not by making all six million differences: this would take minutes, not a moment.
    #[test]
    fn thousands_of_repetitions_are_compared() {
        let sample =
            |step: usize| (0..2_500).map(|i| 1_000.0 + ((i * step) % 997) as f64).collect::<Vec<_>>();
        let estimate = ratio(&sample(37), &sample(41)).unwrap();
        let interval = estimate.interval.unwrap();
        assert!(interval.contains(1.0) && interval.low > 0.96 && interval.high < 1.04, "{interval:?}");
        let p = mann_whitney(&sample(37), &sample(41));
        assert!(p > 0.05 && p <= 1.0, "{p}");
    }

    proptest! {
        #[test]
        fn so_it_does_for_larger_samples(
            a in prop::collection::vec(1.0..2.0f64, 12..70), b in prop::collection::vec(1.1..2.1f64, 12..70),
        ) {
            let interval = ratio(&a, &b).unwrap().interval.unwrap();
            prop_assert_eq!(!interval.contains(1.0), mann_whitney(&a, &b) <= 0.05);
        }

        #[test]
        fn the_interval_excludes_one_exactly_when_the_test_rejects(
            a in prop::collection::vec(1.0..2.0f64, 4..9), b in prop::collection::vec(1.2..2.4f64, 4..9),
        ) {
            let interval = ratio(&a, &b).unwrap().interval;
            if let Some(interval) = interval {
                prop_assert_eq!(!interval.contains(1.0), mann_whitney(&a, &b) <= 0.05);
            }
        }
    }
}

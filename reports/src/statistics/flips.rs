//! The sign-flip test of pairs, and the interval that belongs to it.

use super::shift::{logarithms, ratio_of};
use super::{CONFIDENCE, Difference, Interval, RatioEstimate, exponent, normal_cdf, normal_quantile};

/// Up to this many pairs every pattern of signs is looked at.
pub const EXACT_PAIRS: usize = 16;

/// The two-sided p of the sign-flip test on paired differences: the share of the 2ⁿ sign patterns whose sum is
/// at least as far from zero as the observed one. For runs taken in alternation.
///
/// Source: Fisher, *The Design of Experiments* (1935), §21. 1 of nothing; exact up to [`EXACT_PAIRS`]. Above, the sum is
/// approximated by the normal distribution with variance Σd², without a correction for continuity.
#[must_use]
pub fn sign_flip(differences: &[f64]) -> f64 {
    let observed: f64 = differences.iter().sum::<f64>().abs();
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    if scale <= 0.0 {
        return 1.0;
    }
    if differences.len() > EXACT_PAIRS {
        let variance: f64 = differences.iter().map(|d| d * d).sum();
        // Φ is approximated, and of differences that cancel out twice that would be a little more than 1.
        return (2.0 * normal_cdf(-observed / variance.sqrt())).min(1.0);
    }
    // Sums are compared with some allowance for their rounding.
    let least = observed - scale * 1e-12;
    let total: f64 = differences.iter().sum();
    let extreme = subsets(differences).iter().filter(|(sum, _)| (total - 2.0 * sum).abs() >= least).count();
    extreme as f64 / 2f64.powi(exponent(differences.len()))
}

/// The mean of paired differences with the interval got by inverting [`sign_flip`]. None of nothing.
///
/// A shift θ is rejected where the signs of d − θ are too much of one kind; flipping a set S of them changes the sum by
/// −2·Σ(dᵢ − θ) over S, so that what counts is how many of the 2ⁿ − 1 means of a set lie on one side of θ. The interval
/// reaches from the k-th smallest of these means to the k-th largest, with k the greatest with 2·k/2ⁿ ≤ 5 %: Hartigan's
/// typical values (*JASA* 64, 1969). It leaves out 0 exactly when the test rejects at 5 %, ties and zeros included. Above 16
/// pairs, |n·(d̄ − θ)| = z·√Σ(d − θ)² is solved for θ instead. Every pair has the same weight, so that one that was
/// disturbed widens the interval rather than being left out of it.
#[must_use]
pub fn paired_difference(differences: &[f64]) -> Option<Difference> {
    let n = differences.len();
    let mean = (n > 0).then(|| differences.iter().sum::<f64>() / n as f64)?;
    if n > EXACT_PAIRS {
        let z = normal_quantile(f64::midpoint(1.0, CONFIDENCE));
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n as f64;
        let half = z * (variance / (n as f64 - z * z)).sqrt();
        return Some(Difference {
            difference: mean,
            interval: Some(Interval { low: mean - half, high: mean + half }),
        });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let cut = ((1.0 - CONFIDENCE) / 2.0 * 2f64.powi(exponent(n)) + 1e-9) as usize;
    let interval = cut.checked_sub(1).map(|index| {
        let sums = subsets(differences);
        let mut means: Vec<f64> =
            sums.iter().filter(|(_, count)| *count > 0).map(|(sum, count)| sum / f64::from(*count)).collect();
        let last = means.len() - 1 - index;
        let low = *means.select_nth_unstable_by(index, f64::total_cmp).1;
        let high = *means.select_nth_unstable_by(last, f64::total_cmp).1;
        // A mean that is nought but for rounding is nought, as it is for the test.
        let scale: f64 = differences.iter().map(|d| d.abs()).sum::<f64>() * 1e-12;
        let settled = |end: f64| if end.abs() <= scale { 0.0 } else { end };
        Interval { low: settled(low), high: settled(high) }
    });
    Some(Difference { difference: mean, interval })
}

/// The geometric mean of candidate ÷ baseline over `pairs` of (baseline, candidate), with the interval of
/// [`paired_difference`] on logarithms. Values must be positive; none when there is no pair or one has others.
#[must_use]
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<RatioEstimate> {
    paired_difference(&log_ratios(pairs)?).map(ratio_of)
}

/// p of [`sign_flip`] on the logarithms of the pairs' ratios; 1 where one has no logarithm.
#[must_use]
pub fn paired_p(pairs: &[(f64, f64)]) -> f64 {
    log_ratios(pairs).map_or(1.0, |ratios| sign_flip(&ratios))
}

fn log_ratios(pairs: &[(f64, f64)]) -> Option<Vec<f64>> {
    let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (base, candidate) = (logarithms(&base)?, logarithms(&candidate)?);
    Some(base.iter().zip(candidate).map(|(base, candidate)| candidate - base).collect())
}

/// Sum and size of each of the 2ⁿ sets of values.
fn subsets(values: &[f64]) -> Vec<(f64, u32)> {
    let mut sets = Vec::with_capacity(1 << values.len());
    sets.push((0.0, 0));
    for value in values {
        for index in 0..sets.len() {
            let (sum, count) = sets[index];
            sets.push((sum + value, count + 1));
        }
    }
    sets
}

/// The least two-sided p that [`sign_flip`] can reach with `n` pairs, which all differ by the same: 2/2ⁿ up to
/// [`EXACT_PAIRS`], 2Φ(−√n) above. So 17 pairs reach 0.000037, a little more than 16.
#[must_use]
pub fn smallest_paired_p(n: usize) -> f64 {
    if n > EXACT_PAIRS {
        return 2.0 * normal_cdf(-(n as f64).sqrt());
    }
    2f64.powi(1 - exponent(n)).min(1.0)
}

/// The least number of pairs from which on one effect can still be found at `alpha` in a `family` of tests adjusted by
/// Holm: with so many, and with any larger number.
#[must_use]
pub fn pairs_to_detect(family: usize, alpha: f64) -> usize {
    let is_enough = |n: usize| smallest_paired_p(n) * family as f64 <= alpha;
    // The least p rises once, where the exact test ends.
    (2..1000).find(|n| is_enough(*n) && is_enough(n + 1)).unwrap_or(1000)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values, or the same computation twice")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Reference figure: stats.permutation_test(permutation_type="samples"), every pattern.
    #[test]
    fn sign_flips_agree_with_scipy() {
        assert_eq!(sign_flip(&[0.1, 0.2, -0.05, 0.3, 0.25, 0.12]), 0.0625);
        assert_eq!(sign_flip(&[0.1; 8]), 2.0 / 256.0);
    }

    #[test]
    fn what_so_many_pairs_can_reach() {
        assert_eq!(
            (smallest_paired_p(6), smallest_paired_p(0), sign_flip(&[1.0; 6])),
            (0.03125, 1.0, 0.03125)
        );
        assert_eq!((pairs_to_detect(1, 0.05), pairs_to_detect(30, 0.05)), (6, 11));
        // 2Φ(−√17) = 3.738e-5 is more than the 2/2¹⁶ = 3.052e-5 of 16 pairs, 2Φ(−√18) = 2.209e-5 is less (scipy's norm.cdf).
        assert!(
            (smallest_paired_p(17) - 3.738e-5).abs() < 1e-7
                && (smallest_paired_p(18) - 2.209e-5).abs() < 1e-7
        );
        assert_eq!((pairs_to_detect(1_300, 0.05), pairs_to_detect(1_500, 0.05)), (16, 18));
        assert_eq!(paired_difference(&[1.0; 5]).unwrap().interval, None);
        assert_eq!(paired_difference(&[]), None);
        assert_eq!(paired_ratio(&[(1.0, 0.0)]), None);
        assert_eq!(paired_p(&[(1.0, 0.0)]), 1.0);
    }

    #[test]
    fn many_differences_that_cancel_out_have_a_p_of_one() {
        let cancelling: Vec<f64> = (0..20).map(|at| if at % 2 == 0 { 0.25 } else { -0.25 }).collect();
        assert_eq!(sign_flip(&cancelling), 1.0);
    }

    /// What is said to be the least p is the test's own where all pairs differ by the same, exact or not.
    #[test]
    fn the_least_p_is_what_the_test_gives_at_best() {
        for n in 1..60 {
            let (p, least) = (sign_flip(&vec![0.25; n]), smallest_paired_p(n));
            assert!((p / least - 1.0).abs() < 1e-9, "{n}: {p} and not {least}");
        }
    }

    /// With zeros and values in common, as slots of a histogram give them, and without.
    fn differences(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![(-3i8..9).prop_map(|it| f64::from(it) / 8.0), -0.5..1.0f64];
        prop::collection::vec(value, count)
    }

    proptest! {
        #[test]
        fn the_interval_leaves_out_nought_exactly_when_the_test_rejects(values in differences(6..24)) {
            let interval = paired_difference(&values).unwrap().interval.unwrap();
            prop_assert_eq!(!interval.contains(0.0), sign_flip(&values) <= 0.05, "{:?}", interval);
        }

        /// The interval is that of every shift: what lies just within it is not rejected, what lies just outside is.
        #[test]
        fn the_ends_are_where_the_test_begins_to_reject(values in differences(6..12)) {
            let interval = paired_difference(&values).unwrap().interval.unwrap();
            let p = |shift: f64| sign_flip(&values.iter().map(|d| d - shift).collect::<Vec<_>>());
            let step = 1e-7;
            prop_assert!(p(interval.low - step) <= 0.05 && p(interval.high + step) <= 0.05);
            prop_assert!(p(interval.low) > 0.05 && p(interval.high) > 0.05);
        }
    }
}

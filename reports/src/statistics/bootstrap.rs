//! The bootstrap interval of a median over repetitions.

use super::{Interval, choose, median, normal_cdf, student_t_975};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Fewer repetitions than this have no interval.
pub const LEAST_REPETITIONS: usize = 3;

/// Fewer repetitions than this have their range instead of a 95 % interval.
pub const FULL_REPETITIONS: usize = 6;

/// Resamples where the distribution is drawn rather than computed.
const RESAMPLES: usize = 2_000;

/// The 95 % bootstrap interval of the median over blocks.
///
/// `boots` holds one list for each boot of the machine, with one value for each block taken in it. None with fewer
/// than [`LEAST_REPETITIONS`] blocks in all.
///
/// The ends are percentiles of the median's bootstrap distribution. As few repetitions make plain percentiles too
/// narrow, the level is Φ(−√(n/(n−1))·t₀.₉₇₅(n−1)) instead of 2.5 % on each side: Hesterberg's *expanded percentile
/// interval* (*The American Statistician* 69, 2015). With one boot the distribution is computed exactly, not drawn:
/// the median of n draws from n values has a closed form (Maritz & Jarrett, *JASA* 73, 1978). With several, boots are
/// drawn first and blocks within them, from a fixed seed.
///
/// No interval can exceed the range of the values, which covers the true median with probability 1 − 2¹⁻ⁿ: 75 % for
/// three repetitions, 94 % for five, above 95 % from six on.
#[must_use]
pub fn median_interval(boots: &[Vec<f64>]) -> Option<Interval> {
    let repetitions: usize = boots.iter().map(Vec::len).sum();
    if repetitions < LEAST_REPETITIONS {
        return None;
    }
    let distribution = match boots {
        [only] => exact_distribution(only),
        several => drawn_distribution(several),
    };
    let n = repetitions as f64;
    let tail = normal_cdf(-(n / (n - 1.0)).sqrt() * student_t_975(repetitions - 1));
    Some(percentiles(&distribution, tail))
}

/// Every value that the median of a resample can take, with its probability, in rising order of value.
fn exact_distribution(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut distribution = if n % 2 == 1 { odd(&sorted) } else { even(&sorted) };
    distribution.retain(|(_, probability)| *probability > 0.0);
    distribution.sort_by(|a, b| a.0.total_cmp(&b.0));
    distribution
}

/// P(at least `least` of n draws fall among the `below` smallest of n values).
fn at_least(n: usize, below: usize, least: usize) -> f64 {
    let share = below as f64 / n as f64;
    (least..=n).map(|k| choose(n, k) * share.powi(exponent(k)) * (1.0 - share).powi(exponent(n - k))).sum()
}

fn exponent(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn odd(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let middle = n / 2 + 1;
    let probability = |i| at_least(n, i + 1, middle) - at_least(n, i, middle);
    (0..n).map(|i| (sorted[i], probability(i))).collect()
}

/// Of an even number of draws the middle two count: the joint distribution of the order statistics m and m + 1.
fn even(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let half = n / 2;
    let power = |count: usize| (count as f64 / n as f64).powi(exponent(half));
    let mut pairs = Vec::new();
    for i in 0..n {
        // Exactly half of the draws are at most the i-th value, and i is the greatest of them; the least of the
        // other half is the j-th.
        let lower_is_i = power(i + 1) - power(i);
        let mut apart = 0.0;
        for j in i + 1..n {
            let joint = choose(n, half) * lower_is_i * (power(n - j) - power(n - j - 1));
            apart += joint;
            pairs.push((f64::midpoint(sorted[i], sorted[j]), joint));
        }
        let lower_marginal = at_least(n, i + 1, half) - at_least(n, i, half);
        pairs.push((sorted[i], (lower_marginal - apart).max(0.0)));
    }
    pairs
}

fn drawn_distribution(boots: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let mut random = ChaCha12Rng::seed_from_u64(0x6d65_6469_616e);
    let share = 1.0 / RESAMPLES as f64;
    let boots: Vec<&Vec<f64>> = boots.iter().filter(|boot| !boot.is_empty()).collect();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let mut drawn = Vec::new();
            for _ in 0..boots.len() {
                let boot = boots[random.random_range(0..boots.len())];
                drawn.extend((0..boot.len()).map(|_| boot[random.random_range(0..boot.len())]));
            }
            median(&drawn)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    medians.into_iter().map(|value| (value, share)).collect()
}

/// The values below and above which `tail` of the distribution lies.
fn percentiles(distribution: &[(f64, f64)], tail: f64) -> Interval {
    let forward = distribution.iter().copied();
    Interval { low: past(forward.clone(), tail), high: past(forward.rev(), tail) }
}

/// The first value up to which more than `tail` has been passed.
fn past(points: impl Iterator<Item = (f64, f64)>, tail: f64) -> f64 {
    let mut passed = 0.0;
    let mut last = f64::NAN;
    for (value, probability) in points {
        passed += probability;
        last = value;
        if passed > tail {
            break;
        }
    }
    last
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values, or the same computation twice")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Reference figures: every resample of the five values enumerated (5⁵) with numpy 2.4.6.
    #[test]
    fn the_distribution_of_an_odd_number_is_exact() {
        let expected = [(1.0, 0.05792), (2.0, 0.25952), (4.0, 0.36512), (7.0, 0.25952), (11.0, 0.05792)];
        for (actual, expected) in exact_distribution(&[4.0, 1.0, 2.0, 11.0, 7.0]).iter().zip(expected) {
            assert_eq!(actual.0, expected.0);
            assert!((actual.1 - expected.1).abs() < 1e-12, "{actual:?}");
        }
    }

    // The same for six values (6⁶), a few of the nineteen medians.
    #[test]
    fn the_distribution_of_an_even_number_is_exact() {
        let distribution = exact_distribution(&[1.0, 2.0, 4.0, 7.0, 11.0, 20.0]);
        let probability =
            |value: f64| distribution.iter().filter(|(v, _)| *v == value).map(|(_, p)| p).sum::<f64>();
        let expected = [
            (1.0, 0.008_701_989_026_063_1),
            (1.5, 0.026_148_834_019_204_39),
            (5.5, 0.154_749_657_064_471_9),
            (6.0, 0.003_000_685_871_056_2),
            (11.0, 0.068_287_037_037_037_03),
        ];
        for (value, p) in expected {
            assert!((probability(value) - p).abs() < 1e-12, "{value}: {}", probability(value));
        }
        assert!((distribution.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn few_repetitions_have_no_interval_and_several_boots_are_drawn_reproducibly() {
        assert_eq!(median_interval(&[vec![1.0, 2.0]]), None);
        let boots = [vec![1.0, 1.1, 1.2, 0.9], vec![2.0, 2.1, 1.9, 2.2]];
        let interval = median_interval(&boots).unwrap();
        assert_eq!(median_interval(&boots), Some(interval));
        // Between boots lies more than within them: an interval of blocks alone would not reach into both.
        assert!(interval.low < 1.3 && interval.high > 1.8, "{interval:?}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_median_and_stays_in_the_range(
            values in prop::collection::vec(1.0..1e6f64, 3..25),
        ) {
            let interval = median_interval(std::slice::from_ref(&values)).unwrap();
            prop_assert!(interval.contains(median(&values).unwrap()));
            prop_assert!(values.iter().any(|v| *v <= interval.low) && values.iter().any(|v| *v >= interval.high));
        }
    }
}

//! Bootstrap intervals: of a median over repetitions, and of the ratio of two such medians. Calls are never resampled.

use super::binomial::{at_least, choose, incomplete_beta};
use super::{Interval, exponent, normal_cdf, sorted, student_t_975};

/// Fewer repetitions than this have no interval, and of several boots fewer boots.
pub const LEAST_REPETITIONS: usize = 3;

/// Fewer repetitions than this have their range instead of a 95 % interval, and of several boots fewer boots.
pub const FULL_REPETITIONS: usize = 6;

/// Resamples where the distribution is drawn rather than computed…
const RESAMPLES: usize = 2_000;

/// …fewer of them where they would take more than so many values in all.
const VALUES: usize = 1_000_000;

/// Of an even number of values up to this one the distribution is exact.
const EXACT_EVEN: usize = 100;

/// The 95 % bootstrap interval of the median over blocks.
///
/// `boots` holds one list for each boot of the machine, with one value for each block taken in it. What counts are the
/// boots where there are several, else the blocks: none with fewer than [`LEAST_REPETITIONS`] of them.
///
/// The ends are percentiles of the median's bootstrap distribution. As few units make plain percentiles too
/// narrow, the level is Φ(−√(n/(n−1))·t₀.₉₇₅(n−1)) instead of 2.5 % on each side: Hesterberg's *expanded percentile
/// interval* (*The American Statistician* 69, 2015). With one boot the distribution is computed exactly, not drawn:
/// the median of n draws from n values has a closed form (Maritz & Jarrett, *JASA* 73, 1978): in terms of the incomplete
/// beta function for an odd number, as a sum over pairs for an even one up to 100; beyond that the former's form stands
/// for the latter's, which moves an end by less than the gap between two neighbouring values. With several boots, they are
/// drawn first and blocks within them, from a fixed seed: 2,000 times, less often where there are more than 500 values.
///
/// No interval can exceed the range of the values, which covers the true median with probability 1 − 2¹⁻ⁿ: 75 % for
/// three repetitions, 94 % for five, above 95 % from six on.
#[must_use]
pub fn median_interval(boots: &[Vec<f64>]) -> Option<Interval> {
    let units = units(boots, boots.len() > 1);
    if units < LEAST_REPETITIONS {
        return None;
    }
    Some(percentiles(&distribution(boots), expanded_tail(units)))
}

/// What the level of an interval is that of: boots, or the blocks of one.
pub(super) fn units(boots: &[Vec<f64>], of_boots: bool) -> usize {
    if of_boots { boots.len() } else { boots.iter().map(Vec::len).sum() }
}

/// The level on each side of Hesterberg's expanded percentile interval of so many values, at least two.
pub(super) fn expanded_tail(count: usize) -> f64 {
    let n = count as f64;
    normal_cdf(-(n / (n - 1.0)).sqrt() * student_t_975(count - 1))
}

/// The 95 % bootstrap interval of the ratio of the medians, candidate to baseline, over the blocks of each: a check beside
/// the interval that a test gives.
///
/// Each side is resampled as by [`median_interval`], boots first where it has several. The level is that of the side with
/// fewer boots, where one has several, else with fewer repetitions; none with fewer than [`LEAST_REPETITIONS`] of them.
#[must_use]
pub fn ratio_bootstrap(baseline: &[Vec<f64>], candidate: &[Vec<f64>]) -> Option<Interval> {
    let of_boots = baseline.len() > 1 || candidate.len() > 1;
    let fewest = units(baseline, of_boots).min(units(candidate, of_boots));
    if fewest < LEAST_REPETITIONS {
        return None;
    }
    let [before, after] = [baseline, candidate].map(distribution);
    let tail = expanded_tail(fewest);
    Some(Interval {
        low: least_ratio(&before, &after, tail)?,
        high: 1.0 / least_ratio(&after, &before, tail)?,
    })
}

/// The ratio up to which `tail` of the ratios lie that a value of `after` has to one of `before`: found by bisection,
/// with as many steps each time as there are values.
fn least_ratio(before: &[(f64, f64)], after: &[(f64, f64)], tail: f64) -> Option<f64> {
    let share_up_to = |ratio: f64| {
        let (mut from, mut beyond, mut share) = (0, 1.0, 0.0);
        for (value, probability) in after {
            while before.get(from).is_some_and(|(base, _)| base * ratio < *value) {
                beyond -= before[from].1;
                from += 1;
            }
            share += probability * f64::max(beyond, 0.0);
        }
        share
    };
    let mut low = after.first()?.0 / before.last()?.0 * (1.0 - 1e-9);
    let mut high = after.last()?.0 / before.first()?.0;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if share_up_to(middle) > tail { high = middle } else { low = middle }
    }
    Some(high)
}

/// The same for runs that were taken in alternation: `pairs` of (baseline, candidate) are resampled, one for each block.
#[must_use]
pub fn paired_ratio_bootstrap(pairs: &[(f64, f64)]) -> Option<Interval> {
    if pairs.len() < LEAST_REPETITIONS {
        return None;
    }
    let (before, after): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let pools = [sorted(&before), sorted(&after)];
    let places = [ranks(&before, &pools[0]), ranks(&after, &pools[1])];
    let mut counts = [vec![0; pairs.len()], vec![0; pairs.len()]];
    let mut draws = Draws(0x7061_6972);
    let ratios = (0..resamples(pairs.len())).map(|_| {
        for side in &mut counts {
            side.fill(0);
        }
        for _ in 0..pairs.len() {
            let pair = draws.below(pairs.len());
            counts[0][places[0][pair]] += 1;
            counts[1][places[1][pair]] += 1;
        }
        median_of_counts(&counts[1], &pools[1]) / median_of_counts(&counts[0], &pools[0])
    });
    Some(percentiles(&equally_likely(ratios), expanded_tail(pairs.len())))
}

pub(super) fn resamples(values: usize) -> usize {
    (VALUES / values.max(1)).clamp(200, RESAMPLES)
}

pub(super) fn equally_likely(values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    let values = sorted(&values.collect::<Vec<f64>>());
    let share = 1.0 / values.len().max(1) as f64;
    values.into_iter().map(|value| (value, share)).collect()
}

fn distribution(boots: &[Vec<f64>]) -> Vec<(f64, f64)> {
    match boots {
        [only] => exact_distribution(only),
        several => drawn_distribution(several),
    }
}

/// Every value that the median of a resample can take, with its probability, in rising order of value.
fn exact_distribution(values: &[f64]) -> Vec<(f64, f64)> {
    let sorted = sorted(values);
    let is_small = sorted.len() <= EXACT_EVEN;
    let mut distribution =
        if sorted.len().is_multiple_of(2) && is_small { even(&sorted) } else { odd(&sorted) };
    distribution.retain(|(_, probability)| *probability > 0.0);
    distribution.sort_by(|a, b| a.0.total_cmp(&b.0));
    distribution
}

/// The middle one of n draws is at most the i-th value where at least (n + 1)/2 of them are: I(i/n; (n + 1)/2, (n + 1)/2).
fn odd(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len() as f64;
    let middle = f64::midpoint(n, 1.0);
    let up_to = |i: usize| incomplete_beta(i as f64 / n, middle, middle);
    sorted.iter().enumerate().map(|(i, value)| (*value, up_to(i + 1) - up_to(i))).collect()
}

/// Of an even number of draws the middle two count: the joint distribution of the order statistics m and m + 1.
fn even(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let half = n / 2;
    let orders = choose(n, half);
    let powers: Vec<f64> = (0..=n).map(|count| (count as f64 / n as f64).powi(exponent(half))).collect();
    let mut pairs = Vec::with_capacity(n * (n + 1) / 2);
    for i in 0..n {
        // Exactly half of the draws are at most the i-th value, and i is the greatest of them; the least of the
        // other half is the j-th.
        let lower_is_i = orders * (powers[i + 1] - powers[i]);
        let mut apart = 0.0;
        for j in i + 1..n {
            let joint = lower_is_i * (powers[n - j] - powers[n - j - 1]);
            apart += joint;
            pairs.push((f64::midpoint(sorted[i], sorted[j]), joint));
        }
        let share = |count: usize| count as f64 / n as f64;
        let lower_marginal = at_least(n, half, share(i + 1)) - at_least(n, half, share(i));
        pairs.push((sorted[i], (lower_marginal - apart).max(0.0)));
    }
    pairs
}

fn drawn_distribution(boots: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let pool = sorted(&boots.concat());
    let boots = boots.iter().filter(|boot| !boot.is_empty());
    let boots: Vec<Vec<usize>> = boots.map(|boot| ranks(boot, &pool)).collect();
    let mut draws = Draws(0x6d65_6469_616e);
    let mut counts = vec![0; pool.len()];
    let medians = (0..resamples(pool.len())).map(|_| {
        counts.fill(0);
        for _ in 0..boots.len() {
            let boot = &boots[draws.below(boots.len())];
            for _ in 0..boot.len() {
                counts[boot[draws.below(boot.len())]] += 1;
            }
        }
        median_of_counts(&counts, &pool)
    });
    equally_likely(medians)
}

/// The median of one resample, boots first where there are several; `pool` has all of their values, sorted.
pub(super) fn draw_median(boots: &[Vec<f64>], pool: &[f64], draws: &mut Draws) -> f64 {
    let boots: Vec<&Vec<f64>> = boots.iter().filter(|boot| !boot.is_empty()).collect();
    let mut counts = vec![0; pool.len()];
    for _ in 0..boots.len() {
        let boot = boots[draws.below(boots.len())];
        for _ in 0..boot.len() {
            let value = boot[draws.below(boot.len())];
            counts[pool.partition_point(|other| other.total_cmp(&value).is_lt())] += 1;
        }
    }
    median_of_counts(&counts, pool)
}

/// The place of each value among those sorted.
fn ranks(values: &[f64], pool: &[f64]) -> Vec<usize> {
    let place = |value: &f64| pool.partition_point(|other| other.total_cmp(value).is_lt());
    values.iter().map(place).collect()
}

/// The median of a sample that has each value of the sorted pool so often: resamples are many, and need not be sorted.
fn median_of_counts(counts: &[u32], pool: &[f64]) -> f64 {
    let all: u32 = counts.iter().sum();
    let (mut seen, mut lower) = (0, None);
    for (count, value) in counts.iter().zip(pool) {
        seen += count;
        if 2 * seen >= all && lower.is_none() && all > 0 {
            lower = Some(*value);
        }
        if let Some(lower) = lower.filter(|_| 2 * seen > all) {
            return f64::midpoint(lower, *value);
        }
    }
    f64::NAN
}

/// Pseudorandom numbers from a fixed seed: `SplitMix64` (Steele, Lea & Flood, OOPSLA 2014), a few operations each.
pub(super) struct Draws(u64);

impl Draws {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// One of 0, 1, …, `count` − 1, which are below 2³².
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(((mixed >> 32) * count as u64) >> 32).unwrap_or(0)
    }
}

/// The values below and above which `tail` of the distribution lies.
pub(super) fn percentiles(distribution: &[(f64, f64)], tail: f64) -> Interval {
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
    use crate::statistics::median;
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
        let boots = [vec![1.0, 1.1, 1.2, 0.9], vec![2.0, 2.1, 1.9, 2.2], vec![1.5, 1.6, 1.4]];
        assert_eq!(median_interval(&boots[..2]), None, "two boots tell nothing of what differs between them");
        let interval = median_interval(&boots).unwrap();
        assert_eq!(median_interval(&boots), Some(interval));
        // Between boots lies more than within them: an interval of blocks alone would not reach into both.
        assert!(interval.low < 1.3 && interval.high > 1.8, "{interval:?}");
    }

    /// Boots that differ from one another by more than their blocks do, and how often the interval covers the median of all
    /// boots: by a level of blocks it would in 91 of 100.
    #[test]
    fn of_six_boots_the_interval_covers_as_often_as_it_says() {
        const RUNS: usize = 800;
        let mut draws = Draws(11);
        let mut normal =
            || (0..12).map(|_| draws.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0;
        let covering = (0..RUNS).filter(|_| {
            let boots: Vec<Vec<f64>> = (0..6)
                .map(|_| {
                    let boot = 100.0 + normal();
                    (0..6).map(|_| boot + 0.3 * normal()).collect()
                })
                .collect();
            median_interval(&boots).unwrap().contains(100.0)
        });
        let covering = covering.count();
        assert!(covering * 100 > RUNS * 93, "{covering} of {RUNS}");
    }

    /// Where the exact form of an even number ends, the ends of the interval go on where they were.
    #[test]
    fn large_even_numbers_are_close_to_exact_and_thousands_are_finite() {
        let values: Vec<f64> = (0..100).map(|i| 1_000.0 + f64::from(i * i % 211)).collect();
        let tail = expanded_tail(100);
        let sorted = sorted(&values);
        let exact = percentiles(&exact_distribution(&values), tail);
        let form = percentiles(&odd(&sorted), tail);
        let gap = sorted.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(
            (exact.low - form.low).abs() <= gap && (exact.high - form.high).abs() <= gap,
            "{exact:?} {form:?}"
        );
        let many: Vec<f64> = (0..5_000).map(f64::from).collect();
        let interval = median_interval(&[many]).unwrap();
        assert!(
            (2_400.0..2_500.0).contains(&interval.low) && interval.high - 2_500.0 < 100.0,
            "{interval:?}"
        );
    }

    #[test]
    fn counts_have_the_median_of_what_they_count() {
        let pool = [1.0, 2.0, 4.0, 8.0];
        let of = |counts: &[u32]| median_of_counts(counts, &pool);
        assert_eq!((of(&[1, 1, 1, 1]), of(&[2, 0, 0, 2]), of(&[0, 3, 0, 0])), (3.0, 4.5, 2.0));
        assert_eq!((of(&[1, 0, 2, 0]), of(&[0, 0, 0, 1]), of(&[2, 1, 1, 0])), (4.0, 8.0, 1.5));
        let mut draws = Draws(1);
        let mut seen = [0_u32; 5];
        (0..50_000).for_each(|_| seen[draws.below(5)] += 1);
        assert!(seen.iter().all(|count| count.abs_diff(10_000) < 400), "{seen:?}");
    }

    #[test]
    fn ratios_are_resampled_by_boot_block_and_pair() {
        let side = |by: f64| (0..12).map(|i| (1_000.0 + f64::from(i * 7 % 12)) * by).collect::<Vec<_>>();
        let interval = ratio_bootstrap(&[side(1.0)], &[side(1.1)]).unwrap();
        assert!(interval.contains(1.1) && interval.low > 1.09 && interval.high < 1.11, "{interval:?}");
        assert_eq!(ratio_bootstrap(&[side(1.0)], &[side(1.1)]), Some(interval));
        // Two boots a side are too few, whatever they hold.
        let boots = |by: f64| vec![side(by), side(1.2 * by)];
        assert_eq!(ratio_bootstrap(&boots(1.0), &boots(1.1)), None);
        let pairs: Vec<(f64, f64)> = side(1.0).into_iter().zip(side(1.1)).collect();
        let interval = paired_ratio_bootstrap(&pairs).unwrap();
        assert!((interval.low - 1.1).abs() < 1e-9 && (interval.high - 1.1).abs() < 1e-9, "{interval:?}");
        assert_eq!(paired_ratio_bootstrap(&pairs[..2]), None);
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

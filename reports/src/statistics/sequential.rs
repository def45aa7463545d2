//! When enough repetitions have been taken: looking several times without stopping too early.
//!
//! An interval of 95 % that is looked at again and again until it is narrow misses more often than once in twenty: the
//! looks add up. Here the looks are few and fixed beforehand, and each is made with a confidence so much higher that
//! all of them together miss at most as often as one interval may (Bonferroni). The interval is that of the median by
//! order statistics, which holds for every distribution. What counts as narrow is the caller's business.

use super::binomial::of_halves;
use super::{CONFIDENCE, Interval, sorted};

/// The factor by which repetitions grow from look to look.
const GROWTH: f64 = 1.5;

/// The numbers of repetitions at which one looks, and how sure each look has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    numbers: Vec<usize>,
}

impl Looks {
    /// The looks from `least` to `most` repetitions: each half as many again as the one before, the last at `most`.
    /// Those at which so sure an interval does not exist are left out; the last never is.
    #[must_use]
    pub fn between(least: usize, most: usize) -> Self {
        let (least, most) = (least.max(1), most.max(least).max(1));
        let mut numbers = Vec::new();
        let mut next = least;
        while next < most {
            numbers.push(next);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small positive number"
            )]
            let grown = (next as f64 * GROWTH).ceil() as usize;
            next = grown;
        }
        // A look shortly before the last would cost confidence and save nothing.
        numbers.retain(|number| *number == least || *number * 5 <= most * 4);
        numbers.push(most);
        // The fewer looks there are, the fewer values each of them needs.
        let exists = |first: &usize| numbers[*first] >= repetitions_for(miss(numbers.len() - first));
        let first = (0..numbers.len()).find(exists).unwrap_or(numbers.len() - 1);
        Self { numbers: numbers.split_off(first) }
    }

    /// The numbers of repetitions, rising; at least one.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// The confidence of the interval at each look, at least 95 %.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        1.0 - miss(self.numbers.len())
    }
}

/// How often one of so many looks may miss.
fn miss(looks: usize) -> f64 {
    (1.0 - CONFIDENCE) / looks.max(1) as f64
}

/// The least number of values of which the whole range is an interval of their median that misses at most so often.
#[must_use]
pub fn repetitions_for(miss: f64) -> usize {
    (2..64).find(|n| 0.5_f64.powi(*n - 1) <= miss).and_then(|n| usize::try_from(n).ok()).unwrap_or(64)
}

/// The interval of the median by order statistics: from the k-th smallest to the k-th largest value, k the greatest with
/// 2·P(Binomial(n, ½) < k) ≤ 1 − `confidence`. It covers the median of any distribution at least so often (David &
/// Nagaraja, *Order Statistics* (2003), 7.1). None where the values are too few for that.
#[must_use]
pub fn order_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let n = values.len();
    let sorted = sorted(values);
    let allowed = (1.0 - confidence) / 2.0 * (1.0 + 1e-9);
    let (mut below, mut cut) = (0.0, 0);
    while cut < n / 2 {
        below += of_halves(n, cut);
        if below > allowed {
            break;
        }
        cut += 1;
    }
    let index = cut.checked_sub(1)?;
    Some(Interval { low: sorted[index], high: sorted[n - 1 - index] })
}

#[cfg(test)]
mod tests {
    use super::super::median;
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    #[test]
    fn looks_grow_and_end_at_the_last() {
        assert_eq!(Looks::between(7, 40).numbers(), [11, 17, 26, 40]);
        assert_eq!(Looks::between(10, 40).numbers(), [10, 15, 23, 40]);
        assert_eq!(Looks::between(8, 8).numbers(), [8]);
        assert_eq!(Looks::between(3, 6).numbers(), [6]);
        assert_eq!(Looks::between(2, 40).numbers(), [8, 12, 18, 27, 40]);
        assert!((Looks::between(10, 40).confidence() - 0.9875).abs() < 1e-12);
    }

    // Reference figures: scipy 1.17.1, stats.binom.cdf(k - 1, n, 0.5).
    #[test]
    fn order_statistics_have_the_ranks_of_the_binomial() {
        let values: Vec<f64> = (1..=31).map(f64::from).collect();
        assert_eq!(order_interval(&values, 0.95), Some(Interval { low: 10.0, high: 22.0 }));
        assert_eq!(order_interval(&values[..6], 0.95), Some(Interval { low: 1.0, high: 6.0 }));
        assert_eq!(order_interval(&values[..5], 0.95), None);
        assert_eq!(order_interval(&values[..7], 0.99), None);
        assert_eq!(order_interval(&values[..8], 0.99), Some(Interval { low: 1.0, high: 8.0 }));
        assert_eq!((repetitions_for(0.05), repetitions_for(0.01), repetitions_for(0.0125)), (6, 8, 8));
        let many: Vec<f64> = (1..=2001).map(f64::from).collect();
        assert_eq!(order_interval(&many, 0.95), Some(Interval { low: 957.0, high: 1045.0 }));
    }

    /// One value of a skewed distribution with occasional far outliers, whose median is 1.
    fn draw(random: &mut ChaCha12Rng) -> f64 {
        // Three uniform numbers are nearly enough normal, and symmetric, so that the exponential's median is 1.
        let spread: f64 = (0..3).map(|_| random.random::<f64>() - 0.5).sum();
        let outlier = if random.random::<f64>() < 0.05 { spread * 8.0 } else { spread };
        (outlier * 0.3).exp()
    }

    /// How often the interval at which a rule stops misses the true median, and how many repetitions that takes.
    fn misses(looks: &[usize], confidence: f64, width: f64) -> (f64, f64) {
        const RUNS: usize = 4_000;
        let mut random = ChaCha12Rng::seed_from_u64(20);
        let (mut missed, mut taken) = (0, 0);
        for _ in 0..RUNS {
            let mut values = Vec::new();
            for number in looks {
                values.extend((values.len()..*number).map(|_| draw(&mut random)));
                let Some(interval) = order_interval(&values, confidence) else { continue };
                let half = (interval.high - interval.low) / 2.0 / median(&values).unwrap();
                if half <= width || number == looks.last().unwrap() {
                    missed += usize::from(!interval.contains(1.0));
                    taken += values.len();
                    break;
                }
            }
        }
        (missed as f64 / RUNS as f64, taken as f64 / RUNS as f64)
    }

    /// The rule keeps its promise; the same intervals at 95 % each, looked at after every repetition, would not.
    #[test]
    fn stopping_by_the_rule_misses_at_most_once_in_twenty() {
        let each: Vec<usize> = (6..=40).collect();
        for width in [0.06, 0.1, 0.16] {
            let looks = Looks::between(6, 40);
            let (missed, _) = misses(looks.numbers(), looks.confidence(), width);
            // Three standard errors above 5 %.
            assert!(missed <= 0.05 + 3.0 * (0.05 * 0.95 / 4_000.0_f64).sqrt(), "{width}: {missed}");
        }
        let (naive, _) = misses(&each, 0.95, 0.08);
        let (fixed, _) = misses(&[40], 0.95, 0.08);
        assert!(naive > 0.065 && fixed < 0.05, "each look: {naive}, one look: {fixed}");
    }

    #[test]
    fn stopping_early_saves_repetitions() {
        let looks = Looks::between(6, 40);
        let (_, wide) = misses(looks.numbers(), looks.confidence(), 0.2);
        let (_, narrow) = misses(looks.numbers(), looks.confidence(), 0.02);
        assert!(wide < 20.0 && narrow > 39.0, "{wide} {narrow}");
    }

    proptest! {
        #[test]
        fn looks_are_within_their_bounds_and_rise(least in 1_usize..200, more in 0_usize..10_000) {
            let looks = Looks::between(least, least + more);
            let numbers = looks.numbers();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(numbers[0] >= least && *numbers.last().unwrap() == least + more);
            prop_assert!(numbers.len() <= 24 && looks.confidence() >= 0.95);
        }

        #[test]
        fn an_interval_holds_the_median(values in prop::collection::vec(1.0..1e6f64, 8..60), confidence in 0.8..0.99f64) {
            let interval = order_interval(&values, confidence).unwrap();
            prop_assert!(interval.contains(median(&values).unwrap()));
        }
    }
}

//! Exact tests of whether two samples differ.

use super::binomial::choose;
use super::shift::{EXACT_UP_TO_PAIRS, counts_of_u};
use super::{normal_cdf, sorted};

/// Up to this many values in both samples together the distribution is enumerated where values are tied.
const EXACT_UP_TO: usize = 32;

/// The two-sided p of Mann and Whitney's test that two samples come from one distribution.
///
/// Ties get mid-ranks. The null distribution of the rank sum over all C(n+m, n) splits of these very ranks is counted
/// exactly: with ties up to 32 values in all, without up to n·m = 2,500. Beyond that it is approximated by the normal
/// distribution with corrections for ties and continuity. Sources: Mann & Whitney, *Annals of Mathematical Statistics* 18 (1947); Lehmann, *Nonparametrics*
/// (1975), ch. 1. 1 when either sample is empty.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let ranks = doubled_ranks(a, b);
    let observed: usize = ranks[..a.len()].iter().sum();
    if ranks.len() <= EXACT_UP_TO {
        exact_p(&ranks, a.len(), observed)
    } else if a.len() * b.len() <= EXACT_UP_TO_PAIRS && has_no_ties(&ranks) {
        untied_p((a.len(), b.len()), observed)
    } else {
        approximate_p(&ranks, a.len(), observed)
    }
}

/// Twice the mid-ranks (so that they are whole) of `a`, then of `b`, in the pooled sample.
fn doubled_ranks(a: &[f64], b: &[f64]) -> Vec<usize> {
    let pooled = sorted(&[a, b].concat());
    let rank = |value: f64| {
        let below = pooled.partition_point(|other| other.total_cmp(&value).is_lt());
        let up_to = pooled.partition_point(|other| other.total_cmp(&value).is_le());
        below + up_to + 1
    };
    a.iter().chain(b).map(|value| rank(*value)).collect()
}

/// Ranks of their own are even, for they are doubled; and so are mid-ranks of an odd number of values, but not alone.
fn has_no_ties(ranks: &[usize]) -> bool {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

/// The same as [`exact_p`] where no values are tied: from the distribution of U, which depends on the sizes alone.
fn untied_p((n, m): (usize, usize), observed: usize) -> f64 {
    let u = observed / 2 - n * (n + 1) / 2;
    let tail = u.min(n * m - u);
    let below: f64 = counts_of_u(n, m)[..=tail].iter().sum();
    (2.0 * below / choose(n + m, n)).min(1.0)
}

/// P(|rank sum − its mean| ≥ what was observed), by counting the subsets of each size and sum.
fn exact_p(ranks: &[usize], n: usize, observed: usize) -> f64 {
    let total: usize = ranks.iter().sum();
    let width = total + 1;
    // Row k: how many choices of k ranks have each sum.
    let mut counts = vec![0.0f64; (n + 1) * width];
    counts[0] = 1.0;
    for (seen, rank) in ranks.iter().enumerate() {
        for size in (1..=n.min(seen + 1)).rev() {
            let (smaller, this) = counts.split_at_mut(size * width);
            let smaller = &smaller[(size - 1) * width..];
            this[*rank..width].iter_mut().zip(smaller).for_each(|(count, ways)| *count += ways);
        }
    }
    // Distances from the mean n·total/N are compared in units of 1/N, where they are whole.
    let distance = |sum: usize| (sum * ranks.len()).abs_diff(n * total);
    let sums = &counts[n * width..];
    let extreme: f64 =
        sums.iter().enumerate().filter(|(sum, _)| distance(*sum) >= distance(observed)).map(|(_, c)| c).sum();
    (extreme / choose(ranks.len(), n)).min(1.0)
}

fn approximate_p(ranks: &[usize], n: usize, observed: usize) -> f64 {
    let all = ranks.len() as f64;
    let mean = n as f64 * ranks.iter().sum::<usize>() as f64 / all;
    // The variance of a sum of n ranks drawn without replacement; ties are in the ranks themselves.
    let average = mean / n as f64;
    let spread = ranks.iter().map(|rank| (*rank as f64 - average).powi(2)).sum::<f64>() / all;
    let variance = n as f64 * spread * (all - n as f64) / (all - 1.0);
    if variance <= 0.0 {
        return 1.0;
    }
    // Doubled ranks move in steps of two, so half a step is one.
    let distance = ((observed as f64 - mean).abs() - 1.0).max(0.0);
    (2.0 * normal_cdf(-distance / variance.sqrt())).min(1.0)
}

/// The least two-sided p that [`mann_whitney`] can reach with `n` and `m` values: 2/C(n+m, n).
#[must_use]
pub fn smallest_p(n: usize, m: usize) -> f64 {
    if n == 0 || m == 0 { 1.0 } else { (2.0 / choose(n + m, n)).min(1.0) }
}

/// The least number of repetitions on each side with which one effect can still be found at `alpha` in a `family` of
/// tests adjusted by Holm.
#[must_use]
pub fn repetitions_to_detect(family: usize, alpha: f64) -> usize {
    (2..1000).find(|n| smallest_p(*n, *n) * family as f64 <= alpha).unwrap_or(1000)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values, or the same computation twice")]
mod tests {
    use super::*;

    // Reference figures: scipy 1.17.1, stats.mannwhitneyu(method="exact").
    #[test]
    fn without_ties_p_agrees_with_scipy() {
        let a = [1.10, 1.12, 1.08, 1.15, 1.11, 1.09, 1.13];
        let b = [1.21, 1.18, 1.25, 1.14, 1.22, 1.19, 1.30];
        assert!((mann_whitney(&a, &b) - 0.001_165_501_165_501_165_5).abs() < 1e-12);
        assert_eq!(mann_whitney(&a, &b), mann_whitney(&b, &a));
    }

    // Reference figure: all 462 splits of the mid-ranks (stats.rankdata) enumerated.
    #[test]
    fn with_ties_p_agrees_with_enumeration() {
        let p = mann_whitney(&[3.0, 1.0, 4.0, 1.0, 5.0], &[9.0, 2.0, 6.0, 5.0, 3.0, 5.0]);
        assert!((p - 0.140_692_640_692_640_7).abs() < 1e-12, "{p}");
        assert_eq!(mann_whitney(&[1.0; 5], &[1.0; 5]), 1.0);
    }

    // Reference figure: stats.mannwhitneyu(method="asymptotic", use_continuity=True).
    #[test]
    fn large_samples_agree_with_scipy() {
        let sample = |start: f64, step: usize, modulus: usize| -> Vec<f64> {
            (0..30).map(|i| start + ((i * step) % modulus) as f64 * 0.5).collect()
        };
        let p = mann_whitney(&sample(100.0, 37, 41), &sample(103.0, 29, 43));
        assert!((p - 0.108_591_539_289).abs() < 1e-6, "{p}");
    }

    /// Both ways of counting say the same where both can.
    #[test]
    fn without_ties_the_distribution_of_u_says_what_enumeration_says() {
        let a: Vec<f64> = (0..9).map(|i| f64::from(i * 37 % 101)).collect();
        let b: Vec<f64> = (0..12).map(|i| f64::from(i * 29 % 103) + 20.5).collect();
        let ranks = doubled_ranks(&a, &b);
        assert!(has_no_ties(&ranks) && !has_no_ties(&doubled_ranks(&a, &a)));
        let observed = ranks[..9].iter().sum();
        assert!((untied_p((9, 12), observed) - exact_p(&ranks, 9, observed)).abs() < 1e-12);
    }

    #[test]
    fn what_n_repetitions_can_reach() {
        let reach: Vec<f64> = (4..=8).map(|n| (smallest_p(n, n) * 1e5).round() / 1e5).collect();
        assert_eq!(reach, [0.02857, 0.00794, 0.00216, 0.00058, 0.00016]);
        assert_eq!((repetitions_to_detect(1, 0.05), repetitions_to_detect(30, 0.05)), (4, 7));
    }
}

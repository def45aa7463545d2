//! How small a change so many repetitions can find.

use super::select::Differences;
use super::shift::tail_rank;
use super::{CONFIDENCE, repetitions_to_detect};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// A change counts as found when it is found so often.
pub const POWER: f64 = 0.8;

/// Pairs of samples that are drawn.
const DRAWS: usize = 400;

/// Up to this many repetitions samples are drawn; what more of them find follows from their number.
const MOST_DRAWN: usize = 60;

/// The least ratio that a comparison of `n` with `n` repetitions finds in 4 of 5 cases, in a `family` of tests adjusted
/// by Holm, if values vary as these did; at least 1, and as good downwards. None where `n` cannot find any, or where
/// there are fewer than three values or one that is not positive.
///
/// Samples are drawn from the values' logarithms by the smoothed bootstrap with their own variance (Silverman & Young,
/// *Biometrika* 74, 1987). Of each pair of samples the least shift is computed at which Mann and Whitney's test rejects
/// at 5 % / `family`, which is what Holm asks of the first: the shift that leaves U in its tail is one of the n² pairwise
/// differences (see [`super::ratio`]). The answer is the quantile of these shifts.
#[must_use]
pub fn detectable_ratio(values: &[f64], n: usize, family: usize) -> Option<f64> {
    let alpha = 1.0 - CONFIDENCE;
    if values.len() < 3 || values.iter().any(|it| !(it.is_finite() && *it > 0.0)) {
        return None;
    }
    if n < repetitions_to_detect(family.max(1), alpha) {
        return None;
    }
    let source = Smooth::of(values);
    let drawn = n.min(MOST_DRAWN);
    let rank = tail_rank(drawn, drawn, alpha / 2.0 / family.max(1) as f64).max(1);
    let mut random = ChaCha12Rng::seed_from_u64(0x0070_6f77_6572);
    let mut shifts: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let [a, b] = [0, 1].map(|_| (0..drawn).map(|_| source.draw(&mut random)).collect::<Vec<f64>>());
            let apart = Differences::new(&b, &a);
            apart.at(apart.len().saturating_sub(rank)).unwrap_or(0.0)
        })
        .collect();
    shifts.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
    let shift = shifts[(DRAWS as f64 * POWER) as usize] * (drawn as f64 / n as f64).sqrt();
    Some(shift.max(0.0).exp())
}

/// Values' logarithms, to be drawn from.
struct Smooth {
    logarithms: Vec<f64>,
    mean: f64,
    deviation: f64,
    /// Width of the kernel, in standard deviations.
    width: f64,
}

impl Smooth {
    fn of(values: &[f64]) -> Self {
        let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        let n = logarithms.len() as f64;
        let mean = logarithms.iter().sum::<f64>() / n;
        let squares: f64 = logarithms.iter().map(|it| (it - mean).powi(2)).sum();
        Self { logarithms, mean, deviation: (squares / (n - 1.0)).sqrt(), width: 1.06 * n.powf(-0.2) }
    }

    /// One value: a kept one, moved by the kernel, and drawn in so that the variance is that of the sample.
    fn draw(&self, random: &mut ChaCha12Rng) -> f64 {
        let n = self.logarithms.len() as f64;
        let kept = self.logarithms[random.random_range(0..self.logarithms.len())];
        // Box and Muller's normal number.
        let (radius, angle) = (random.random::<f64>(), random.random::<f64>());
        let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        let spread = ((n - 1.0) / n + self.width.powi(2)).sqrt();
        self.mean + (kept - self.mean + self.width * self.deviation * normal) / spread
    }
}

#[cfg(test)]
mod tests {
    use super::super::mann_whitney;
    use super::*;

    /// Logarithms spread evenly: what varies by about `spread`.
    fn values(spread: f64) -> Vec<f64> {
        (0..21).map(|i| (spread * (f64::from(i) - 10.0) / 6.0).exp() * 1000.0).collect()
    }

    #[test]
    fn what_varies_less_or_is_repeated_more_shows_smaller_changes() {
        let at = |spread, n, family| detectable_ratio(&values(spread), n, family).unwrap();
        assert!(at(0.01, 7, 1) < at(0.02, 7, 1) && at(0.02, 20, 1) < at(0.02, 7, 1));
        assert!(at(0.02, 7, 30) > at(0.02, 7, 1));
        assert!(at(0.02, 200, 1) < at(0.02, 60, 1) && at(0.02, 200, 1) > 1.0);
        assert!((detectable_ratio(&[5.0; 7], 7, 1).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_no_test_can_find_is_not_found() {
        assert_eq!(detectable_ratio(&values(0.01), 3, 1), None);
        assert_eq!(detectable_ratio(&values(0.01), 6, 30), None);
        assert_eq!(detectable_ratio(&[1.0, 2.0], 7, 1), None);
        assert_eq!(detectable_ratio(&[1.0, 0.0, 2.0], 7, 1), None);
    }

    /// The promise itself: of pairs that differ by so much about four in five are found.
    #[test]
    fn a_change_of_that_size_is_found_four_times_in_five() {
        let values = values(0.03);
        for (n, family) in [(5, 1), (7, 10), (12, 30)] {
            let ratio = detectable_ratio(&values, n, family).unwrap();
            let source = Smooth::of(&values);
            let mut random = ChaCha12Rng::seed_from_u64(9);
            let found = (0..1_000).filter(|_| {
                let mut sample = |ratio: f64| -> Vec<f64> {
                    (0..n).map(|_| source.draw(&mut random).exp() * ratio).collect()
                };
                mann_whitney(&sample(1.0), &sample(ratio)) <= 0.05 / family as f64
            });
            let found = found.count();
            assert!((720..=880).contains(&found), "{n} repetitions, {family} tests: {found} of 1000");
        }
    }
}

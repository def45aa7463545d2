//! Statistics on the values of repetitions.
//!
//! Pure functions of plain numbers. The unit is the repetition, never the single call: who calls these passes one
//! value per repetition. Knows nothing of runs, cells or rendering.

mod adjust;
mod bootstrap;
mod normal;
mod power;
mod rank;
mod sequential;
mod shift;

pub use adjust::{benjamini_hochberg, holm};
pub use bootstrap::{FULL_REPETITIONS, LEAST_REPETITIONS, median_interval};
pub use normal::{normal_cdf, normal_quantile, student_t_975};
pub use power::{POWER, detectable_ratio};
pub use rank::{mann_whitney, repetitions_to_detect, sign_flip, smallest_p};
pub use sequential::{Looks, order_interval, repetitions_for};
pub use shift::{Difference, RatioEstimate, difference, ratio};

use serde::Serialize;

/// Confidence level of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// A closed interval, in the unit of the value that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Whether all of it lies within `outer`.
    #[must_use]
    pub fn is_within(self, outer: Self) -> bool {
        outer.low <= self.low && self.high <= outer.high
    }
}

/// The median: the middle value, or the mean of the two middle ones; none of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// The binomial coefficient, as a float: exact while it fits 53 bits.
fn choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn binomial_coefficients() {
        assert_eq!((choose(14, 7), choose(5, 0), choose(5, 5)), (3432.0, 1.0, 1.0));
    }
}

//! Statistics on the values of repetitions.
//!
//! Pure functions of plain numbers. The unit is the repetition, never the single call: who calls these passes one
//! value per repetition. Knows nothing of runs, cells or rendering.

mod adjust;
mod binomial;
mod bootstrap;
mod fleet;
mod flips;
mod normal;
mod power;
mod rank;
mod select;
mod sequential;
mod shift;

pub use adjust::{benjamini_hochberg, holm};
pub use binomial::clopper_pearson;
pub use bootstrap::{
    FULL_REPETITIONS, LEAST_REPETITIONS, median_interval, paired_ratio_bootstrap, ratio_bootstrap,
};
pub use fleet::{LEAST_MEMBERS, OUTLYING, Standing, standings};
pub use flips::{
    EXACT_PAIRS, paired_difference, paired_p, paired_ratio, pairs_to_detect, sign_flip, smallest_paired_p,
};
pub use normal::{normal_cdf, normal_quantile, student_t_975};
pub use power::{POWER, detectable_ratio};
pub use rank::{mann_whitney, repetitions_to_detect, smallest_p};
pub use sequential::{Looks, order_interval, repetitions_for};
pub use shift::{Difference, RatioEstimate, difference, ratio};

use serde::{Deserialize, Serialize};

/// Confidence level of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// A closed interval, in the unit of the value that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// A count as an exponent.
fn exponent(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The values in rising order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
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
}

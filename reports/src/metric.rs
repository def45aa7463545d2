//! The figures that a trial's histogram is reduced to.

use crate::statistics::{Difference, Interval, RatioEstimate};
use probe_abi::{SparseHistogram, slot_lower_ns, slot_of, slot_upper_ns};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A quantile is shown only where at least this many calls lie beyond it.
pub const CALLS_BEYOND: u64 = 100;

/// One figure of a latency distribution, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Arithmetic mean, exact.
    Mean,
    /// Median of the calls.
    P50,
    /// 90 % quantile.
    P90,
    /// 99 % quantile.
    P99,
    /// 99.9 % quantile.
    P999,
    /// The slowest call, exact.
    Max,
}

impl Metric {
    /// Every metric, in the order of tables.
    pub const ALL: [Self; 6] = [Self::Mean, Self::P50, Self::P90, Self::P99, Self::P999, Self::Max];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
        }
    }

    /// The name in tables and charts.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::P999 => "p99.9",
            other => other.name(),
        }
    }

    /// What it is called in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::P50 => "median",
            Self::Max => "maximum",
            other => other.label(),
        }
    }

    /// Which quantile it is, if one.
    #[must_use]
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Mean | Self::Max => None,
        }
    }

    /// Its value in one histogram, in nanoseconds: none without calls, or with fewer than [`CALLS_BEYOND`] calls
    /// beyond the quantile.
    #[must_use]
    pub fn of(self, histogram: &SparseHistogram) -> Option<f64> {
        match self.quantile() {
            Some(q) => histogram.supported_quantile_ns(q, CALLS_BEYOND),
            None if histogram.count == 0 => None,
            None if self == Self::Mean => histogram.mean_ns(),
            None => Some(histogram.max_ns as f64),
        }
    }

    /// How far a call may lie from the value by which its slot stands for it, in nanoseconds; 0 for exact figures.
    #[must_use]
    pub fn resolution_ns(self, value_ns: f64) -> f64 {
        if self.quantile().is_none() {
            return 0.0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "latencies are positive and below 2^63 ns"
        )]
        let slot = slot_of(value_ns as u64);
        (slot_upper_ns(slot) - 1 - slot_lower_ns(slot)) as f64 / 2.0
    }

    /// Half a slot of the values, the widest in proportion to what `of` makes of its value; 0 for exact figures.
    fn widest(self, values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
        values.iter().map(|ns| self.resolution_ns(*ns) / of(*ns)).fold(0.0, f64::max)
    }

    /// Half a slot of these values as a share of the value, the widest; 0 for exact figures.
    #[must_use]
    pub fn slot_share(self, values: &[f64]) -> f64 {
        self.widest(values, |ns| ns)
    }

    /// The ratio of two samples of this figure with an interval that holds wherever in their slots the values lie.
    pub(crate) fn widened(self, estimate: RatioEstimate, base: &[f64], candidate: &[f64]) -> RatioEstimate {
        estimate.widened((self.slot_share(base), self.slot_share(candidate)))
    }

    /// The same of a difference of two samples, in nanoseconds.
    pub(crate) fn widened_difference(
        self,
        estimate: Difference,
        base: &[f64],
        candidate: &[f64],
    ) -> Difference {
        let reach = self.widest(base, |_| 1.0) + self.widest(candidate, |_| 1.0);
        let interval = estimate.interval.map(|it| Interval { low: it.low - reach, high: it.high + reach });
        Difference { interval, ..estimate }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.label())
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A word that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no metric; one of mean, p50, p90, p99, p999, max is")]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(word: &str) -> Result<Self, UnknownMetric> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == word || metric.label() == word);
        found.ok_or_else(|| UnknownMetric(word.to_owned()))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values, or the same computation twice")]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_understood() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert_eq!(metric.label().parse(), Ok(metric));
            assert_eq!(Metric::ALL[metric.index()], metric);
        }
        assert_eq!("p5".parse::<Metric>(), Err(UnknownMetric("p5".to_owned())));
    }

    #[test]
    fn a_slot_is_uncertain_by_half_its_width() {
        assert_eq!(Metric::P50.resolution_ns(100.0), 0.0);
        assert_eq!(Metric::P50.resolution_ns(1024.0 * 64.0), 511.5);
        assert_eq!(Metric::Max.resolution_ns(1e6), 0.0);
    }

    #[test]
    fn a_ratio_of_slots_is_as_uncertain_as_both_of_its_sides() {
        let estimate = RatioEstimate { ratio: 1.05, interval: Some(Interval { low: 1.04, high: 1.06 }) };
        assert_eq!(Metric::Mean.widened(estimate, &[1031.5], &[1079.5]), estimate);
        // Slots of 16 ns: their calls lie within 7.5 ns of the middle.
        let wider = Metric::P50.widened(estimate, &[1031.5, 4031.5], &[1079.5]);
        let (base, candidate) = (7.5 / 1031.5, 7.5 / 1079.5);
        let interval = wider.interval.unwrap();
        assert_eq!(wider.ratio, 1.05);
        assert!((interval.low - 1.04 * (1.0 - candidate) / (1.0 + base)).abs() < 1e-12, "{interval:?}");
        assert!((interval.high - 1.06 * (1.0 + candidate) / (1.0 - base)).abs() < 1e-12, "{interval:?}");
    }
}

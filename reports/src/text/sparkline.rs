//! A histogram in one line of a table.

use crate::summary::{MeasureSummary, Summary};
use crate::units;
use probe_abi::{slot_lower_ns, slot_upper_ns};
use store::Vantage;

/// A bar, and from which share of a cell's calls on it is used.
const BARS: [(char, f64); 8] = [
    ('▁', 0.0),
    ('▂', 0.000_1),
    ('▃', 0.001),
    ('▄', 0.003),
    ('▅', 0.01),
    ('▆', 0.03),
    ('▇', 0.1),
    ('█', 0.3),
];

/// The scale that the histograms of a target share: equal steps of a logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sparkline {
    low_ns: u64,
    high_ns: u64,
    columns: usize,
}

impl Sparkline {
    /// From the fastest call of any cell to the slowest; none where there are no calls.
    pub(super) fn of(summary: &Summary, target: (&str, Vantage), columns: usize) -> Option<Self> {
        let measures = summary.cells.iter().filter_map(|cell| cell.measure(target.0, target.1));
        let called = measures.map(|measure| &measure.histogram).filter(|histogram| histogram.count > 0);
        let (low_ns, high_ns) = called
            .map(|histogram| (histogram.min_ns, histogram.max_ns))
            .reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))?;
        Some(Self { low_ns, high_ns, columns })
    }

    /// A bar for each step, blank where there was no call.
    pub(super) fn row(self, measure: &MeasureSummary) -> String {
        let mut shares = vec![0.0; self.columns];
        for (slot, calls) in &measure.histogram.slots {
            shares[self.column(usize::from(*slot))] += *calls as f64 / measure.histogram.count as f64;
        }
        let bar = |share: &f64| {
            let tallest = BARS.iter().rfind(|(_, from)| share >= from);
            tallest.filter(|_| *share > 0.0).map_or(' ', |(bar, _)| *bar)
        };
        shares.iter().map(bar).collect()
    }

    fn column(self, slot: usize) -> usize {
        let log = |ns: f64| ns.max(1.0).log2();
        let (low, high) = (log(self.low_ns as f64), log(self.high_ns as f64));
        let middle = log(f64::midpoint(slot_lower_ns(slot) as f64, slot_upper_ns(slot) as f64));
        let place = (middle - low) / (high - low).max(f64::MIN_POSITIVE) * self.columns as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and columns")]
        let column = place.clamp(0.0, (self.columns - 1) as f64) as usize;
        column
    }

    /// What the bars are.
    pub(super) fn legend(self) -> String {
        let shares: Vec<String> = BARS[1..]
            .iter()
            .map(|(bar, from)| format!("{bar}{}{}", units::NO_BREAK, units::asked_percent(*from)))
            .collect();
        format!(
            "histogram: all calls of a cell, from {} to {} in equal steps of a logarithm; ▁ any call, {} of them or more.",
            units::duration(self.low_ns as f64),
            units::duration(self.high_ns as f64),
            shares.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_equal_and_reach_from_the_fastest_call_to_the_slowest() {
        let scale = Sparkline { low_ns: 100, high_ns: 100_000, columns: 3 };
        let column = |ns| scale.column(probe_abi::slot_of(ns));
        assert_eq!([100, 990, 1_010, 9_900, 10_100, 100_000].map(column), [0, 0, 1, 1, 2, 2]);
        assert!(scale.legend().contains("from 100 ns to 100 µs") && scale.legend().contains("▂\u{a0}0.01 %"));
        let one = Sparkline { low_ns: 7, high_ns: 7, columns: 5 };
        assert!(one.column(7) < 5);
    }
}

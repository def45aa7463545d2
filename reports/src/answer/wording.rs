//! Changes in words.
//!
//! Owns when a sentence may call a change a rise or a fall, and when there is none that is clear.

use crate::statistics::{FULL_REPETITIONS, Interval, RatioEstimate};
use crate::units;

/// A change whose whole interval is this close to 1 is hardly any, and that is known.
const HARDLY: Interval = Interval { low: 0.95, high: 1.05 };

/// By more than this the ratio of the medians shown differs from the estimate, and readers would take one for an error.
const ROUNDING: f64 = 0.01;

/// What becomes of a figure from one cell to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) estimate: RatioEstimate,
    /// The two cells' figures, which are medians over repetitions.
    pub(super) medians_ns: Option<(f64, f64)>,
    /// Of the cell that has fewer.
    pub(super) repetitions: usize,
}

impl Change {
    /// `rises from 1.10 µs to 2.31 µs (× 2.10 [1.90, 2.40])`.
    pub(super) fn moved(&self) -> Option<String> {
        let (from, to) = self.medians_ns?;
        let verb = match self.direction() {
            // The estimate goes another way than the medians do.
            Direction::Up if to < from => "moves",
            Direction::Down if to > from => "moves",
            Direction::Up => "rises",
            Direction::Down => "falls",
            other => other.verb(),
        };
        let comma = if verb.contains(' ') { "," } else { "" };
        let apart = (self.estimate.ratio / (to / from)).ln().abs() > ROUNDING;
        let whose = if apart { ", over pairs of repetitions" } else { "" };
        let (from, to) = (units::duration(from), units::duration(to));
        Some(format!("{verb}{comma} from {from} to {to} ({}{whose})", self.figures()))
    }

    /// `grows (× 2.10 [1.90, 2.40])`; of too few repetitions `comes to × 2.10`.
    pub(super) fn clause(&self) -> String {
        if self.is_hint() {
            return format!("comes to {}", self.figures());
        }
        format!("{} ({})", self.direction().verb(), self.figures())
    }

    fn is_hint(&self) -> bool {
        self.repetitions < FULL_REPETITIONS
    }

    fn direction(&self) -> Direction {
        let RatioEstimate { ratio, interval } = self.estimate;
        match interval {
            _ if self.is_hint() => Direction::Unjudged,
            Some(interval) if interval.is_within(HARDLY) => Direction::Hardly,
            Some(interval) if interval.contains(1.0) => Direction::Unknown,
            None if HARDLY.contains(ratio) => Direction::Unknown,
            _ if ratio > 1.0 => Direction::Up,
            _ => Direction::Down,
        }
    }

    fn figures(&self) -> String {
        let interval = self.estimate.interval.filter(|_| !self.is_hint());
        figures_of(RatioEstimate { interval, ..self.estimate })
    }
}

/// Which way a figure goes, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
    Hardly,
    /// The interval includes no change, and more than hardly any.
    Unknown,
    /// Too few repetitions to judge.
    Unjudged,
}

impl Direction {
    const fn verb(self) -> &'static str {
        match self {
            Self::Up => "grows",
            Self::Down => "falls",
            Self::Hardly => "hardly moves",
            Self::Unknown => "shows no clear change",
            Self::Unjudged => "went",
        }
    }
}

/// `× 2.10 [1.90, 2.40]`, with what is to be said where it may be no change at all.
pub(super) fn ratio_words(estimate: RatioEstimate) -> String {
    let is_unclear = estimate.interval.is_some_and(|it| it.contains(1.0) && !it.is_within(HARDLY));
    format!("{}{}", figures_of(estimate), if is_unclear { ", no clear change" } else { "" })
}

fn figures_of(estimate: RatioEstimate) -> String {
    let interval = estimate.interval.map_or_else(String::new, |i| format!(" {}", units::ratio_interval(i)));
    format!("{}{interval}", units::ratio(estimate.ratio))
}

/// `a, b and c`.
pub(super) fn joined(clauses: &[String]) -> String {
    match clauses {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change((from, to): (f64, f64), (ratio, low, high): (f64, f64, f64), repetitions: usize) -> Change {
        let estimate = RatioEstimate { ratio, interval: Some(Interval { low, high }) };
        Change { estimate, medians_ns: Some((from, to)), repetitions }
    }

    #[test]
    fn changes_in_words() {
        let cases = [
            (
                change((100.0, 210.0), (2.1, 1.9, 2.4), 7),
                "rises from 100 ns to 210 ns (× 2.10 [1.90, 2.40])",
                "grows (× 2.10 [1.90, 2.40])",
            ),
            (
                change((100.0, 80.0), (0.8, 0.6, 1.1), 7),
                "shows no clear change, from 100 ns to 80.0 ns (× 0.800 [0.600, 1.10])",
                "shows no clear change (× 0.800 [0.600, 1.10])",
            ),
            (
                change((1320.0, 1280.0), (0.998, 0.97, 1.02), 7),
                "hardly moves, from 1.32 µs to 1.28 µs (× 0.998 [0.970, 1.02], over pairs of repetitions)",
                "hardly moves (× 0.998 [0.970, 1.02])",
            ),
            (
                change((100.0, 101.0), (1.01, 0.9, 1.1), 7),
                "shows no clear change, from 100 ns to 101 ns (× 1.01 [0.900, 1.10])",
                "shows no clear change (× 1.01 [0.900, 1.10])",
            ),
            (
                change((100.0, 96.0), (1.04, 1.01, 1.2), 7),
                "moves from 100 ns to 96.0 ns (× 1.04 [1.01, 1.20], over pairs of repetitions)",
                "grows (× 1.04 [1.01, 1.20])",
            ),
        ];
        for (change, from_to, clause) in cases {
            assert_eq!((change.moved().as_deref(), change.clause().as_str()), (Some(from_to), clause));
        }
    }

    #[test]
    fn a_ratio_that_may_be_no_change_is_no_clear_one() {
        let words = |(ratio, low, high)| ratio_words(change((1.0, 1.0), (ratio, low, high), 7).estimate);
        assert_eq!(words((1.1, 0.9, 1.3)), "× 1.10 [0.900, 1.30], no clear change");
        assert_eq!(words((1.01, 0.98, 1.03)), "× 1.01 [0.980, 1.03]");
        assert_eq!(words((2.0, 1.9, 2.1)), "× 2.00 [1.90, 2.10]");
    }

    #[test]
    fn few_repetitions_make_no_finding() {
        let few = change((100.0, 210.0), (2.1, 1.9, 2.4), 5);
        assert_eq!(few.moved().as_deref(), Some("went from 100 ns to 210 ns (× 2.10)"));
        assert_eq!(few.clause(), "comes to × 2.10");
    }

    #[test]
    fn clauses_are_joined_as_in_a_sentence() {
        assert_eq!(joined(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}

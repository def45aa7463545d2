//! Medians with intervals. A value is one round's; what was timed inside a round is the rows' affair.

use serde::Serialize;

/// The chance that the interval may miss the median by on either side.
const TAIL: f64 = 0.025;

/// The median over rounds, with an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Values that it is the median of.
    pub(crate) rounds: usize,
}

/// The figure of `values`; none of none.
///
/// The interval is exact for any continuous distribution: David and Nagaraja, Order Statistics, 3rd edition, section
/// 7.1. Below 6 values even the range of all of them covers less than 95 %; it is given all the same.
pub(crate) fn figure(mut values: Vec<f64>) -> Option<Figure> {
    let rounds = values.len();
    let last = rounds.checked_sub(1)?;
    values.sort_unstable_by(f64::total_cmp);
    let median = f64::midpoint(values[last / 2], values[rounds / 2]);
    let outside = outside(rounds);
    Some(Figure { median, low: values[outside], high: values[last - outside], rounds })
}

/// How many of `rounds` sorted values lie outside the interval, at either end: k - 1.
fn outside(rounds: usize) -> usize {
    // The chance that `below` of the rounds lie below the median, and that as many or fewer do.
    let mut chance = 0.5f64.powi(i32::try_from(rounds).unwrap_or(i32::MAX));
    let mut or_fewer = chance;
    let mut below = 0;
    while or_fewer <= TAIL {
        chance *= (rounds - below) as f64 / (below + 1) as f64;
        or_fewer += chance;
        below += 1;
    }
    below.saturating_sub(1)
}

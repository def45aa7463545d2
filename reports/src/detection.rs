//! How small a change a planned run can find, judged by how much a kept one varied.

use crate::statistics::{detectable_ratio, median};
use crate::{Metric, Summary};
use serde::Serialize;

/// One figure of the kept run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detectable {
    /// Its cell, in words: `size 4KiB, load high`.
    pub cell: String,
    /// Its target.
    pub syscall: String,
    /// The least ratio that is found in 4 of 5 cases; none where the planned repetitions cannot find any.
    pub ratio: Option<f64>,
}

/// Of every figure of `summary` that one of the `targets` has, in the vantage that gates look at, the least change of
/// `metric` that `repetitions` on each side find, when `family` figures are looked at. Least first.
#[must_use]
pub fn detectable(
    summary: &Summary,
    targets: &[String],
    metric: Metric,
    (repetitions, family): (usize, usize),
) -> Vec<Detectable> {
    let names = summary.manifest.scenario.factors.iter().map(|factor| &factor.name);
    let names: Vec<&String> = names.collect();
    let mut all: Vec<Detectable> = Vec::new();
    for cell in &summary.cells {
        for syscall in targets {
            let Some(measure) = cell.measure(syscall, summary.primary_vantage_in(cell, syscall)) else {
                continue;
            };
            let values = measure.values(metric);
            if values.len() < 3 {
                continue;
            }
            let words: Vec<String> =
                names.iter().zip(&cell.levels).map(|(name, level)| format!("{name} {level}")).collect();
            // No change within a slot is seen, however little the values vary.
            let slot = median(&values).filter(|_| metric.quantile().is_some());
            let slot = slot.map_or(1.0, |value| 1.0 + (2.0 * metric.resolution_ns(value) + 1.0) / value);
            let ratio = detectable_ratio(&values, repetitions, family).map(|ratio| ratio.max(slot));
            all.push(Detectable { cell: words.join(", "), syscall: syscall.clone(), ratio });
        }
    }
    let key = |it: &Detectable| it.ratio.unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| key(a).total_cmp(&key(b)));
    all
}

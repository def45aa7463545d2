//! What the probe costs those whose calls it counts, where it is a factor: their own view under each backend, set
//! against the same cell without a probe.

use super::cells::{CellSummary, Figure, MeasureSummary};
use crate::Metric;
use crate::statistics::{Difference, RatioEstimate, difference, ratio};
use crate::view::without_probe;
use serde::Serialize;
use store::{Manifest, ProbeFactor, Vantage};

/// One target in one cell as its callers saw it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeCost {
    /// The target.
    pub syscall: String,
    /// One level for each factor.
    pub levels: Vec<String>,
    /// Whether this is the cell without a probe, which the others are set against.
    pub is_bare: bool,
    /// The median of the calls.
    pub p50: Option<CostFigure>,
    /// Their mean.
    pub mean: Option<CostFigure>,
}

/// A figure, and what the probe makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostFigure {
    /// The callers' figure.
    pub figure: Figure,
    /// What it has more than the same cell without a probe, in nanoseconds; none where there is no such cell.
    pub added_ns: Option<Difference>,
    /// The same as a ratio.
    pub ratio: Option<RatioEstimate>,
}

/// The costs of every target in every cell; none where the probe is no factor.
pub(super) fn costs(manifest: &Manifest, cells: &[CellSummary]) -> Vec<ProbeCost> {
    let factor = manifest.probe.factor.as_ref().filter(|factor| factor.levels.len() > 1);
    let place = factor.and_then(|factor| {
        let mut factors = manifest.scenario.factors.iter();
        Some((factors.position(|declared| declared.name == factor.name)?, factor))
    });
    let Some((place, factor)) = place else { return Vec::new() };
    let is_issued = |cell: &CellSummary, syscall: &str| {
        cell.measures.is_empty() || cell.measure(syscall, Vantage::User).is_some()
    };
    let of_target = |syscall: &String| {
        let issued = cells.iter().filter(|cell| is_issued(cell, syscall));
        issued.map(|cell| cost(syscall, cell, (cells, place, factor))).collect::<Vec<_>>()
    };
    manifest.scenario.syscalls.iter().flat_map(of_target).collect()
}

fn cost(
    syscall: &str,
    cell: &CellSummary,
    (cells, place, factor): (&[CellSummary], usize, &ProbeFactor),
) -> ProbeCost {
    let is_bare = |cell: &CellSummary| without_probe(factor, &cell.levels[place]);
    let is_alike = |other: &&CellSummary| {
        let mut pairs = other.levels.iter().zip(&cell.levels).enumerate();
        pairs.all(|(index, (mine, theirs))| index == place || mine == theirs)
    };
    let bare = cells.iter().filter(is_alike).find(|other| is_bare(other));
    let bare = bare.and_then(|bare| bare.measure(syscall, Vantage::User));
    let measure = cell.measure(syscall, Vantage::User);
    let figure = |metric| figure(metric, measure?, bare.filter(|_| !is_bare(cell)));
    ProbeCost {
        syscall: syscall.to_owned(),
        levels: cell.levels.clone(),
        is_bare: is_bare(cell),
        p50: figure(Metric::P50),
        mean: figure(Metric::Mean),
    }
}

fn figure(metric: Metric, measure: &MeasureSummary, bare: Option<&MeasureSummary>) -> Option<CostFigure> {
    let values = bare.map(|bare| (bare.values(metric), measure.values(metric)));
    let (added_ns, ratio) = values.map_or((None, None), |(bare, probed)| {
        let added = difference(&bare, &probed).map(|it| metric.widened_difference(it, &bare, &probed));
        (added, ratio(&bare, &probed).map(|it| metric.widened(it, &bare, &probed)))
    });
    Some(CostFigure { figure: measure.figure(metric)?, added_ns, ratio })
}

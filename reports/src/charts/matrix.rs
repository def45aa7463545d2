//! Which cells go into which chart.
//!
//! One factor is the series (colours in a chart): load, where it varies. Every combination of the other factors is a
//! view: a set of charts of its own.

use super::palette::{Colour, MOST_SERIES};
use super::panel::Key;
use crate::summary::{CellSummary, MeasureSummary, Summary};
use crate::view::LOAD;
use std::collections::BTreeMap;
use store::{Factor, Vantage};

/// Up to this many views of a target are all shown; more are thinned to the first, middle and last.
const MOST_VIEWS: usize = 6;

/// Views over all targets and vantages, so that a page stays below two megabytes.
const MOST_VIEWS_IN_ALL: usize = 24;

/// The division of a run's factors into series and views.
pub(super) struct Matrix<'a> {
    pub(super) summary: &'a Summary,
    /// The factor whose levels are the series.
    pub(super) series: usize,
    /// Places of the shown levels of that factor.
    levels: Vec<usize>,
}

/// One combination of the other factors' levels.
pub(super) struct ViewCell<'a> {
    /// `size 1MiB`; empty where nothing else varies.
    pub(super) label: String,
    /// Its cells with figures of the target, of which each is in one view.
    cells: Vec<&'a CellSummary>,
}

/// A series within a view.
pub(super) struct Line<'a> {
    pub(super) key: Key,
    pub(super) measure: &'a MeasureSummary,
}

impl<'a> Matrix<'a> {
    pub(super) fn of(summary: &'a Summary) -> Self {
        let factors = &summary.manifest.scenario.factors;
        let varies = |factor: &Factor| factor.levels.len() > 1;
        let load = factors.iter().position(|factor| factor.name == LOAD);
        let varying_load = load.filter(|index| varies(&factors[*index]));
        let series = varying_load.or_else(|| factors.iter().position(varies)).or(load).unwrap_or(0);
        let count = factors.get(series).map_or(0, |factor| factor.levels.len());
        Self { summary, series, levels: spread(count, MOST_SERIES) }
    }

    pub(super) fn factors(&self) -> &'a [Factor] {
        &self.summary.manifest.scenario.factors
    }

    /// The factor whose levels are the series; none in a run without factors.
    pub(super) fn series_factor(&self) -> Option<&'a Factor> {
        self.factors().get(self.series)
    }

    /// Labels and colours of the series.
    pub(super) fn keys(&self) -> Vec<Key> {
        let levels = self.series_factor().map_or(&[][..], |factor| &factor.levels);
        let count = self.levels.len();
        let key = |(place, index): (usize, &usize)| Key {
            label: levels[*index].label.clone(),
            colour: Colour::of_series(place, count),
        };
        self.levels.iter().enumerate().map(key).collect()
    }

    /// The views of a target that are shown.
    pub(super) fn views(&self, target: (&str, Vantage)) -> Vec<ViewCell<'a>> {
        let all = self.all_views(target);
        let most = (MOST_VIEWS_IN_ALL / self.summary.series().len().max(1)).clamp(1, MOST_VIEWS);
        let shown = spread(all.len(), if all.len() > most { most.min(3) } else { most });
        let telling = self.summary.telling_factors(target);
        let view = |index: usize| {
            let cells = all[index].clone();
            let levels = cells.first().map_or(&[][..], |cell| &cell.levels);
            ViewCell { label: self.summary.cell_words(levels, &[self.series], &telling), cells }
        };
        shown.into_iter().map(view).collect()
    }

    /// The target's cells by view, each looked at once: runs may have thousands.
    fn all_views(&self, target: (&str, Vantage)) -> Vec<Vec<&'a CellSummary>> {
        let mut views: Vec<Vec<&CellSummary>> = Vec::new();
        let mut places: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        for cell in self.summary.cells.iter().filter(|cell| cell.measure(target.0, target.1).is_some()) {
            let others = cell.levels.iter().enumerate().filter(|(place, _)| *place != self.series);
            let place =
                *places.entry(others.map(|(_, level)| level.as_str()).collect()).or_insert(views.len());
            if place == views.len() {
                views.push(Vec::new());
            }
            views[place].push(cell);
        }
        views
    }

    /// The series of a view that have latencies: those of its successes, or where every call failed of its failures.
    pub(super) fn lines(&self, view: &ViewCell<'a>, target: (&str, Vantage)) -> Vec<Line<'a>> {
        let line = |key: Key| {
            let is_it =
                |cell: &&&CellSummary| cell.levels.get(self.series).is_none_or(|level| *level == key.label);
            let measure = view.cells.iter().find(is_it)?.measure(target.0, target.1)?;
            (measure.histogram.count > 0).then_some(Line { key, measure })
        };
        self.keys().into_iter().filter_map(line).collect()
    }
}

/// Which of the lines are of calls that failed, as the end of a title: `, of calls that failed`; empty where none is.
pub(super) fn of_failures(lines: &[Line<'_>]) -> String {
    let failures = lines.iter().filter(|line| line.measure.of_failures);
    let labels: Vec<&str> = failures.map(|line| line.key.label.as_str()).collect();
    match labels.len() {
        0 => String::new(),
        all if all == lines.len() => ", of calls that failed".to_owned(),
        _ => format!(", at {} of calls that failed", labels.join(", ")),
    }
}

/// At most `most` of `count` places, evenly spread, the first and last among them.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|place| place * (count - 1) / (most - 1).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_from_first_to_last() {
        assert_eq!(spread(3, 6), [0, 1, 2]);
        assert_eq!(spread(9, 3), [0, 4, 8]);
        assert_eq!(spread(1, 3), [0]);
    }
}

//! The tables of cells.

use crate::charts::series_colours;
use crate::statistics::LEAST_REPETITIONS;
use crate::summary::{CellSummary, MeasureSummary, Summary};
use crate::text::{COST_HEADINGS, cost_row};
use crate::{Metric, units, view::seen};
use store::Vantage;

/// A table of every cell of one target from one vantage.
pub(super) struct CellTable {
    pub(super) title: String,
    /// What the brackets below a figure are; empty where there are none.
    pub(super) brackets: String,
    pub(super) words: Vec<String>,
    pub(super) numbers: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    /// Whether the first factor's level is another than in the row above.
    pub(super) group: bool,
    pub(super) levels: Vec<LevelCell>,
    pub(super) cells: Vec<NumberCell>,
}

pub(super) struct LevelCell {
    pub(super) text: String,
    pub(super) class: String,
    pub(super) repeated: bool,
}

pub(super) struct NumberCell {
    pub(super) value: String,
    pub(super) interval: String,
}

/// The table of a target from one vantage; cells whose generators do not issue the target have no row.
pub(super) fn of_cells(summary: &Summary, (syscall, vantage): (&str, Vantage)) -> CellTable {
    let factors = &summary.manifest.scenario.factors;
    let measures = || summary.cells.iter().filter_map(|cell| cell.measure(syscall, vantage));
    let shown = Shown {
        errors: measures().any(|measure| measure.errors > 0),
        metrics: Metric::ALL
            .into_iter()
            .filter(|metric| measures().any(|measure| measure.figure(*metric).is_some()))
            .collect(),
    };
    let colours = series_colours(summary);
    let mut rows: Vec<Row> = Vec::new();
    let mut above: Option<&Vec<String>> = None;
    let issued = |cell: &&CellSummary| cell.measures.is_empty() || cell.measure(syscall, vantage).is_some();
    for cell in summary.cells.iter().filter(issued) {
        let shared =
            above.map_or(0, |above| cell.levels.iter().zip(above).take_while(|(a, b)| a == b).count());
        let levels = cell.levels.iter().enumerate().map(|(place, level)| LevelCell {
            text: level.clone(),
            class: colours.class(place, level),
            repeated: place < shared,
        });
        rows.push(Row {
            group: above.is_some() && shared == 0,
            levels: levels.collect(),
            cells: shown.cells(cell.measure(syscall, vantage)),
        });
        above = Some(&cell.levels);
    }
    CellTable {
        title: format!("Every cell of {syscall}, {}", seen(vantage)),
        brackets: match summary.most_units() {
            Some(..LEAST_REPETITIONS) => String::new(),
            _ => summary.brackets(),
        },
        words: factors.iter().map(|factor| factor.name.clone()).collect(),
        numbers: shown.headings(),
        rows,
    }
}

/// What the probe costs its callers, by target and cell.
pub(super) struct CostTable {
    pub(super) words: Vec<String>,
    pub(super) numbers: [&'static str; 8],
    pub(super) rows: Vec<CostRow>,
}

pub(super) struct CostRow {
    /// Whether the target is another than in the row above.
    pub(super) group: bool,
    pub(super) words: Vec<String>,
    pub(super) cells: [String; 8],
}

/// The table of costs; none where the probe is no factor.
pub(super) fn of_costs(summary: &Summary) -> Option<CostTable> {
    let factors = summary.manifest.scenario.factors.iter().map(|factor| factor.name.clone());
    let mut above: Option<&str> = None;
    let rows = summary.costs.iter().map(|cost| CostRow {
        group: above.replace(&cost.syscall).is_some_and(|above| above != cost.syscall),
        words: [vec![cost.syscall.clone()], cost.levels.clone()].concat(),
        cells: cost_row(cost),
    });
    let rows: Vec<CostRow> = rows.collect();
    (!rows.is_empty()).then(|| CostTable {
        words: ["target".to_owned()].into_iter().chain(factors).collect(),
        numbers: COST_HEADINGS,
        rows,
    })
}

/// The columns for which any cell has a value.
struct Shown {
    errors: bool,
    metrics: Vec<Metric>,
}

impl Shown {
    fn headings(&self) -> Vec<&'static str> {
        let metrics = self.metrics.iter().map(|metric| metric.label());
        metrics.chain(["calls"]).chain(self.errors.then_some("errors")).chain(["repetitions"]).collect()
    }

    fn cells(&self, measure: Option<&MeasureSummary>) -> Vec<NumberCell> {
        let plain = |value: String| NumberCell { value, interval: String::new() };
        let Some(measure) = measure else {
            return self.headings().iter().map(|_| plain("–".to_owned())).collect();
        };
        let metrics = self.metrics.iter().map(|metric| match measure.figure(*metric) {
            None => plain("–".to_owned()),
            Some(figure) => {
                let interval = figure.interval_ns.map(|it| units::duration_interval(it, figure.value_ns));
                NumberCell { value: units::duration(figure.value_ns), interval: interval.unwrap_or_default() }
            }
        });
        let errors = self.errors.then(|| plain(units::count(measure.errors.into())));
        let counts = [plain(units::count(measure.calls.into()))].into_iter().chain(errors);
        metrics.chain(counts).chain([plain(measure.repetitions.len().to_string())]).collect()
    }
}

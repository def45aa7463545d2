//! A run's figures in formats of others: JSON, `OpenMetrics`, and the five lines of an older tool.
//!
//! Owns how they are written; counts and sums are those of the run, and nothing is estimated but where a format has
//! coarser buckets than the run. Pure: values in, text out to whatever writes it.

mod classic;
mod document;
mod openmetrics;

pub use classic::classic;
pub use document::document;
pub use openmetrics::openmetrics;

use crate::RunView;
use probe_abi::SparseHistogram;
use std::collections::BTreeMap;
use store::{Factor, Measure, Status, TrialRecord, Vantage};

/// What all trials of a cell that are ok saw of one target together.
#[derive(Debug, Default)]
struct Total {
    trials: u64,
    ok: SparseHistogram,
    error: SparseHistogram,
    /// Entered, censored, lost; none where no ledger was kept.
    ledger: Option<(u64, u64, i64)>,
}

/// The levels of a cell, one for each factor of the manifest.
type Cell = Vec<String>;

/// Cell, target and vantage.
type Key = (Cell, String, Vantage);

/// Where a key stands: the places of its levels and of its target in the manifest, and the vantage.
type Place<'a> = (Vec<usize>, usize, &'a str);

/// Totals by cell, target and vantage. Cells come as the manifest's levels do, targets as it has them.
fn totals(run: &RunView<'_>) -> Vec<(Key, Total)> {
    let mut totals: BTreeMap<Place<'_>, (Key, Total)> = BTreeMap::new();
    let targets = &run.manifest.scenario.syscalls;
    for trial in run.trials.iter().filter(|trial| trial.status == Status::Ok) {
        let (places, cell) = cell_of(run, trial);
        for measure in &trial.measures {
            let target = targets.iter().position(|it| *it == measure.syscall).unwrap_or(usize::MAX);
            let place = (places.clone(), target, measure.vantage.name());
            let key = || (cell.clone(), measure.syscall.clone(), measure.vantage);
            totals.entry(place).or_insert_with(|| (key(), Total::default())).1.add(measure);
        }
    }
    totals.into_values().collect()
}

/// A trial's levels, with their places among their factors'.
fn cell_of(run: &RunView<'_>, trial: &TrialRecord) -> (Vec<usize>, Cell) {
    let level = |factor: &Factor| {
        let label = trial.factors.get(&factor.name).cloned().unwrap_or_default();
        let place = factor.levels.iter().position(|level| level.label == label);
        (place.unwrap_or(usize::MAX), label)
    };
    run.manifest.scenario.factors.iter().map(level).unzip()
}

impl Total {
    fn add(&mut self, measure: &Measure) {
        self.trials += 1;
        self.ok.merge(&measure.ok);
        self.error.merge(&measure.error);
        if let Some(ledger) = measure.ledger {
            let (entered, censored, lost) = self.ledger.get_or_insert_default();
            *entered += ledger.entered;
            *censored += ledger.censored;
            *lost += ledger.lost;
        }
    }
}

/// `size=4KiB load=high`.
fn cell_words(run: &RunView<'_>, cell: &Cell) -> String {
    let factors = run.manifest.scenario.factors.iter();
    let words = factors.zip(cell).map(|(factor, level)| format!("{}={level}", factor.name));
    words.collect::<Vec<_>>().join(" ")
}

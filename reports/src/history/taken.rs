//! What a history takes of a run, small enough to be kept of ten thousand.

use crate::Metric;
use crate::summary::{CellSummary, Figure, MeasureSummary, Summary};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::Vantage;

/// A run's figures, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    pub(super) run: Taken,
    pub(super) targets: Vec<TargetFigures>,
}

/// A run in a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) kernel: String,
    pub(super) host: String,
    /// Its scenario's.
    pub(super) name: String,
    /// The hash of its scenario's text, and what was replaced in it.
    pub(super) scenario: (String, Vec<String>),
    pub(super) backend: String,
    /// How sure its intervals are, such as `95 %`; none where they are ranges.
    pub(super) confidence: Option<String>,
    pub(super) label: Option<String>,
}

/// One target in one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TargetFigures {
    pub(super) syscall: String,
    /// `size=4KiB load=high`.
    pub(super) cell: String,
    /// In the order of [`Metric::ALL`].
    pub(super) figures: [Option<Figure>; Metric::ALL.len()],
}

impl RunFigures {
    /// Another one stands for other figures of the same run, or more of them.
    pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " 2");

    /// Of each target of each cell what the probe saw, else what its caller did.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        let manifest = &summary.manifest;
        let run = Taken {
            id: manifest.id.clone(),
            started_at: manifest.started_at,
            kernel: manifest.environment.kernel_release.clone(),
            host: manifest.environment.host.clone(),
            name: manifest.scenario.name.clone(),
            scenario: (manifest.scenario.hash.clone(), manifest.scenario.overrides.clone()),
            backend: manifest.probe.backend.clone(),
            confidence: summary.confidence_words(),
            label: manifest.label.clone(),
        };
        let names: Vec<&str> = manifest.scenario.factors.iter().map(|factor| factor.name.as_str()).collect();
        let of_cell = |cell: &CellSummary| {
            let words = names.iter().zip(&cell.levels).map(|(name, level)| format!("{name}={level}"));
            let words = words.collect::<Vec<_>>().join(" ");
            let shown = cell.measures.iter().filter(|measure| is_shown(cell, measure));
            let figures = shown.map(|measure| TargetFigures {
                syscall: measure.syscall.clone(),
                cell: words.clone(),
                figures: Metric::ALL.map(|metric| measure.figure(metric)),
            });
            figures.collect::<Vec<_>>()
        };
        Self { run, targets: summary.cells.iter().flat_map(of_cell).collect() }
    }
}

/// Whether a measure is the one of its target that is shown.
fn is_shown(cell: &CellSummary, measure: &MeasureSummary) -> bool {
    let by_probe = |it: &MeasureSummary| {
        it.syscall == measure.syscall && it.vantage == Vantage::Kernel && has_latencies(it)
    };
    measure.vantage == Vantage::Kernel && has_latencies(measure) || !cell.measures.iter().any(by_probe)
}

/// Of its successes, or where every call failed of its failures.
fn has_latencies(measure: &MeasureSummary) -> bool {
    measure.histogram.count > 0
}

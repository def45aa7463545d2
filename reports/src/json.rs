//! Figures for programs.
//!
//! Owns the versioned shape: a reader checks `kind` and `version`, which rises with every incompatible change; there may be
//! more in it with the same version. `schema/report.json` says what is there.

use crate::comparison::{Comparison, Gate, Series, Trend};
use crate::fleet::Fleet;
use crate::summary::{
    CellSummary, DisturbedTrial, ErrorCount, Figure, GeneratorSummary, LevelLoad, MeasureSummary, ProbeCost,
    Progress, SlowestCalls, Summary, TargetLedger, TrialFailure,
};
use crate::{Metric, ReportError, answer, calibration};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Manifest;

/// Version of the shape of a run's figures.
pub const VERSION: u32 = 1;

/// Version of the shape of comparisons, which `schema/diff.json` describes.
pub const COMPARISON_VERSION: u32 = 2;

#[derive(Serialize)]
struct SummaryDocument<'a> {
    kind: &'static str,
    version: u32,
    /// What the probe costs, in words; the figures are in the manifest.
    calibration: Vec<String>,
    answer: Vec<String>,
    warnings: &'a [String],
    progress: Progress,
    cells: Vec<CellDocument<'a>>,
    /// Empty unless the probe is a factor.
    costs: &'a [ProbeCost],
    ledgers: &'a [TargetLedger],
    errors: &'a [ErrorCount],
    slowest: &'a [SlowestCalls],
    failures: &'a [TrialFailure],
    disturbed: &'a [DisturbedTrial],
    /// Empty where no generator has a rate or a mix.
    generators: &'a [GeneratorSummary],
    load: &'a [LevelLoad],
    /// Machines or kernels against their median; null where they are no factor.
    fleet: Option<&'a Fleet>,
    manifest: &'a Manifest,
}

#[derive(Serialize)]
struct CellDocument<'a> {
    factors: BTreeMap<&'a str, &'a str>,
    trials: u32,
    measures: Vec<MeasureDocument<'a>>,
}

#[derive(Serialize)]
struct MeasureDocument<'a> {
    syscall: &'a str,
    vantage: &'static str,
    calls: u64,
    errors: u64,
    /// Whether every call failed: then the figures are those of the failures.
    of_failures: bool,
    /// By name of the metric; null where too few calls support it.
    figures: BTreeMap<&'static str, Option<Figure>>,
    repetitions: Vec<RepetitionDocument<'a>>,
}

#[derive(Serialize)]
struct RepetitionDocument<'a> {
    trial: u32,
    block: u32,
    boot: &'a str,
    /// Where cells have repetitions of several machines: which it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<&'a str>,
    calls: u64,
    values_ns: BTreeMap<&'static str, Option<f64>>,
}

#[derive(Serialize)]
struct ComparisonDocument<'a> {
    kind: &'static str,
    version: u32,
    headline: String,
    /// What was tested over what.
    method: String,
    gate_crossed: bool,
    /// What a gate makes of it.
    gate: Gate,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

#[derive(Serialize)]
struct TrendDocument<'a> {
    kind: &'static str,
    version: u32,
    headline: String,
    /// Ids in order.
    runs: Vec<&'a str>,
    comparisons: Vec<ComparisonDocument<'a>>,
    series: &'a [Series],
}

/// The summary of a run as one JSON document.
pub fn render(summary: &Summary) -> Result<String, ReportError> {
    let document = SummaryDocument {
        kind: "summary",
        version: VERSION,
        calibration: calibration::sentences(&summary.manifest),
        answer: answer::paragraphs(summary),
        warnings: &summary.warnings,
        progress: summary.progress,
        cells: summary.cells.iter().map(|cell| cell_document(&summary.manifest, cell)).collect(),
        costs: &summary.costs,
        ledgers: &summary.ledgers,
        errors: &summary.errors,
        slowest: &summary.slowest,
        failures: &summary.failures,
        disturbed: &summary.disturbed,
        generators: &summary.generators,
        load: &summary.load,
        fleet: summary.fleet.as_ref(),
        manifest: &summary.manifest,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// A comparison as one JSON document.
pub fn render_comparison(comparison: &Comparison) -> Result<String, ReportError> {
    Ok(serde_json::to_string_pretty(&comparison_document(comparison))? + "\n")
}

/// Several runs in order as one JSON document.
pub fn render_trend(trend: &Trend) -> Result<String, ReportError> {
    let document = TrendDocument {
        kind: "trend",
        version: COMPARISON_VERSION,
        headline: trend.headline(),
        runs: trend.runs(),
        comparisons: trend.comparisons.iter().map(comparison_document).collect(),
        series: &trend.series,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn comparison_document(comparison: &Comparison) -> ComparisonDocument<'_> {
    ComparisonDocument {
        kind: "comparison",
        version: COMPARISON_VERSION,
        headline: comparison.headline(),
        method: comparison.unit_sentence(),
        gate_crossed: comparison.gate_crossings().next().is_some(),
        gate: comparison.gate(),
        comparison,
    }
}

fn cell_document<'a>(manifest: &'a Manifest, cell: &'a CellSummary) -> CellDocument<'a> {
    let names = manifest.scenario.factors.iter().map(|factor| factor.name.as_str());
    CellDocument {
        factors: names.zip(cell.levels.iter().map(String::as_str)).collect(),
        trials: cell.trials,
        measures: cell.measures.iter().map(measure_document).collect(),
    }
}

fn measure_document(measure: &MeasureSummary) -> MeasureDocument<'_> {
    let repetitions = measure.repetitions.iter().map(|repetition| RepetitionDocument {
        trial: repetition.trial,
        block: repetition.block,
        boot: &repetition.boot,
        machine: repetition.machine.as_deref(),
        calls: repetition.calls,
        values_ns: Metric::ALL
            .iter()
            .map(|metric| (metric.name(), repetition.values_ns[metric.index()]))
            .collect(),
    });
    MeasureDocument {
        syscall: &measure.syscall,
        vantage: measure.vantage.name(),
        calls: measure.calls,
        errors: measure.errors,
        of_failures: measure.of_failures,
        figures: Metric::ALL.iter().map(|metric| (metric.name(), measure.figure(*metric))).collect(),
        repetitions: repetitions.collect(),
    }
}

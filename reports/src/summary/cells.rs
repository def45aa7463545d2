//! Figures of each cell, target and vantage.

use super::metrics_of;
use crate::statistics::{Interval, median, median_interval, order_interval};
use crate::{Metric, RunView};
use probe_abi::SparseHistogram;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Factor, Manifest, Measure, ShardBy, Status, TrialRecord, Vantage};

/// Maxima are set against each other only where the numbers of calls are at most this many times apart.
pub(crate) const ALIKE_CALLS: f64 = 2.0;

/// A cell with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellSummary {
    /// One level for each factor of the manifest, in its order.
    pub levels: Vec<String>,
    /// Trials of the cell that are ok.
    pub trials: u32,
    /// Its targets by vantage, in the order of the trials' measures.
    pub measures: Vec<MeasureSummary>,
}

impl CellSummary {
    /// What `vantage` saw of `syscall` in this cell.
    #[must_use]
    pub fn measure(&self, syscall: &str, vantage: Vantage) -> Option<&MeasureSummary> {
        self.measures.iter().find(|measure| measure.syscall == syscall && measure.vantage == vantage)
    }
}

/// One target of one cell from one vantage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureSummary {
    /// Name of the system call.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Calls that succeeded, over all repetitions.
    pub calls: u64,
    /// Calls that failed, over all repetitions.
    pub errors: u64,
    /// Whether every call failed: then the figures are those of the failures.
    pub of_failures: bool,
    /// The repetitions' own figures.
    pub repetitions: Vec<Repetition>,
    /// Latencies of successful calls, all repetitions together.
    #[serde(skip)]
    pub histogram: SparseHistogram,
    /// Figures in the order of [`Metric::ALL`].
    #[serde(skip)]
    figures: [Option<Figure>; 6],
}

impl MeasureSummary {
    /// The cell's figure: none where a repetition has none, so that slow repetitions, which have fewer calls, are
    /// never left out of it.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<Figure> {
        self.figures[metric.index()]
    }

    /// Whether a repetition has about as many calls here as there: a maximum grows with their number.
    pub(crate) fn has_calls_like(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.calls_each(), other.calls_each());
        mine.max(theirs) <= ALIKE_CALLS * mine.min(theirs)
    }

    /// How many calls a repetition has, of those that the figures are of.
    pub(crate) fn calls_each(&self) -> f64 {
        self.histogram.count as f64 / self.repetitions.len().max(1) as f64
    }

    /// What its intervals are over: machines where a cell has several, else boots where it has several, else repetitions.
    #[must_use]
    pub fn units(&self) -> usize {
        let origins: BTreeSet<&str> = self.repetitions.iter().map(Repetition::origin).collect();
        if origins.len() > 1 { origins.len() } else { self.repetitions.len() }
    }

    /// The values of each machine where there are several, else of each boot; none where a repetition has none.
    pub(crate) fn by_origin(&self, metric: Metric) -> Option<Vec<Vec<f64>>> {
        by_origin(metric, &self.repetitions)
    }

    /// The value of each repetition, in nanoseconds; empty where a repetition has none.
    #[must_use]
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        let values: Option<Vec<f64>> =
            self.repetitions.iter().map(|repetition| repetition.values_ns[metric.index()]).collect();
        values.unwrap_or_default()
    }
}

/// A median over repetitions, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The median.
    pub value_ns: f64,
    /// Its 95 % interval over blocks, widened by half a slot; with fewer than six repetitions only their range, with
    /// fewer than three none. Of several boots their number counts instead. Where a rule decided how many repetitions
    /// there are, the interval has the confidence of each of its looks instead, and with too few repetitions for that
    /// there is none.
    pub interval_ns: Option<Interval>,
}

/// One repetition's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repetition {
    /// The trial.
    pub trial: u32,
    /// Its block.
    pub block: u32,
    /// The kernel's boot id.
    pub boot: String,
    /// The machine, where cells have repetitions of several; none where each cell is of one.
    pub machine: Option<String>,
    /// Calls that succeeded.
    pub calls: u64,
    /// Values in the order of [`Metric::ALL`], in nanoseconds.
    pub values_ns: [Option<f64>; 6],
}

impl Repetition {
    /// What it has in common with others that vary less among themselves than those of elsewhere: the machine where cells
    /// have several, else the boot.
    pub(crate) fn origin(&self) -> &str {
        self.machine.as_deref().unwrap_or(&self.boot)
    }
}

/// The values of repetitions by their origin; none where one has none.
fn by_origin(metric: Metric, repetitions: &[Repetition]) -> Option<Vec<Vec<f64>>> {
    let mut origins: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for repetition in repetitions {
        origins.entry(repetition.origin()).or_default().push(repetition.values_ns[metric.index()]?);
    }
    Some(origins.into_values().collect())
}

/// The summaries of every cell of the matrix, in the manifest's order.
pub(super) fn cells(run: &RunView<'_>) -> Vec<CellSummary> {
    let pooled = run.manifest.pooled_machines();
    let mut by_cell: BTreeMap<Vec<&str>, Vec<&TrialRecord>> = BTreeMap::new();
    for trial in run.trials.iter().filter(|trial| trial.status == Status::Ok) {
        by_cell.entry(levels_of(run, trial)).or_default().push(trial);
    }
    let summarised = matrix(run).into_iter().map(|levels| {
        let mut trials = by_cell.remove(&levels).unwrap_or_default();
        trials.sort_by_key(|trial| trial.trial);
        cell(&levels, (run.manifest, &pooled), &trials)
    });
    summarised.collect()
}

/// One level for each factor of the manifest.
pub(super) fn levels_of<'a>(run: &RunView<'a>, trial: &'a TrialRecord) -> Vec<&'a str> {
    let factors = run.manifest.scenario.factors.iter();
    factors.map(|factor| trial.factors.get(&factor.name).map_or("", String::as_str)).collect()
}

/// The levels of every cell: those that the plan names, or the product of all factors' levels, the last factor moving
/// fastest.
fn matrix<'a>(run: &RunView<'a>) -> Vec<Vec<&'a str>> {
    let shard = run.manifest.plan.shard;
    if shard.is_some_and(|shard| shard.by == ShardBy::Cell) {
        // The other cells are other parts'.
        let there: BTreeSet<Vec<&str>> = run.trials.iter().map(|trial| levels_of(run, trial)).collect();
        return whole_matrix(run).into_iter().filter(|cell| there.contains(cell)).collect();
    }
    whole_matrix(run)
}

fn whole_matrix<'a>(run: &RunView<'a>) -> Vec<Vec<&'a str>> {
    let factors = &run.manifest.scenario.factors;
    let planned = &run.manifest.plan.design.cells;
    if !planned.is_empty() {
        let label = |factor: &'a Factor, level: u32| {
            factor.levels.get(level as usize).map_or("", |level| level.label.as_str())
        };
        let cell = |levels: &Vec<u32>| factors.iter().zip(levels).map(|(f, l)| label(f, *l)).collect();
        return planned.iter().map(cell).collect();
    }
    factors.iter().fold(vec![Vec::new()], |cells, factor| {
        let extended = cells.iter().flat_map(|cell: &Vec<&str>| {
            factor.levels.iter().map(move |level| {
                let mut longer = cell.clone();
                longer.push(&level.label);
                longer
            })
        });
        extended.collect()
    })
}

/// A target and who saw it.
type Key<'a> = (&'a str, Vantage);

/// A measure and the trial that it is of.
type Observed<'a> = (&'a TrialRecord, &'a Measure);

/// A run's manifest, and the machine of each boot where cells are of several.
pub(super) type Origins<'a> = (&'a Manifest, &'a BTreeMap<&'a str, &'a str>);

fn cell(levels: &[&str], origins: Origins<'_>, trials: &[&TrialRecord]) -> CellSummary {
    let mut measures: Vec<(Key<'_>, Vec<Observed<'_>>)> = Vec::new();
    for trial in trials {
        for measure in &trial.measures {
            let key = (measure.syscall.as_str(), measure.vantage);
            match measures.iter_mut().find(|(known, _)| *known == key) {
                Some((_, observed)) => observed.push((trial, measure)),
                None => measures.push((key, vec![(trial, measure)])),
            }
        }
    }
    CellSummary {
        levels: levels.iter().map(|level| (*level).to_owned()).collect(),
        trials: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        measures: measures.iter().map(|(key, observed)| measure_summary(*key, observed, origins)).collect(),
    }
}

fn measure_summary(
    key: Key<'_>,
    observed: &[Observed<'_>],
    (manifest, pooled): Origins<'_>,
) -> MeasureSummary {
    let confidence = manifest.plan.design.stop.as_ref().map(|stop| stop.confidence);
    // A call that only ever fails, such as the opening of a file that is not there, has no other latency.
    let of_failures = observed.iter().all(|(_, measure)| measure.ok.count == 0)
        && observed.iter().any(|(_, measure)| measure.error.count > 0);
    let latencies =
        |measure: &'_ Measure| if of_failures { measure.error.clone() } else { measure.ok.clone() };
    let mut histogram = SparseHistogram::default();
    let mut repetitions = Vec::with_capacity(observed.len());
    for (trial, measure) in observed {
        let latencies = latencies(measure);
        histogram.merge(&latencies);
        repetitions.push(Repetition {
            trial: trial.trial,
            block: trial.block,
            boot: trial.boot.clone(),
            machine: pooled.get(trial.boot.as_str()).map(|machine| (*machine).to_owned()),
            calls: latencies.count,
            values_ns: metrics_of(&latencies),
        });
    }
    MeasureSummary {
        syscall: key.0.to_owned(),
        vantage: key.1,
        calls: observed.iter().map(|(_, measure)| measure.ok.count).sum(),
        of_failures,
        errors: observed.iter().map(|(_, measure)| measure.error.count).sum(),
        figures: Metric::ALL.map(|metric| figure(metric, &repetitions, confidence)),
        repetitions,
        histogram,
    }
}

/// Where a rule decided how many repetitions there are, intervals are those that it looked at, with its confidence.
pub(super) fn figure(metric: Metric, repetitions: &[Repetition], confidence: Option<f64>) -> Option<Figure> {
    let boots = by_origin(metric, repetitions)?;
    let value_ns = median(&boots.concat())?;
    let interval = match confidence {
        Some(confidence) => order_interval(&boots.concat(), confidence),
        None => median_interval(&boots),
    };
    let interval_ns = interval.map(|interval| Interval {
        low: interval.low - metric.resolution_ns(interval.low),
        high: interval.high + metric.resolution_ns(interval.high),
    });
    Some(Figure { value_ns, interval_ns })
}

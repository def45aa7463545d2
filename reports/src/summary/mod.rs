//! What a run says, as plain values.
//!
//! Owns the reduction of trials to figures; every rendering starts from here. A figure is the median over
//! repetitions, with an interval over blocks; only trials that are ok count. Knows nothing of formats.

mod account;
mod calls;
mod cells;
mod cost;
mod generators;
mod load;
mod off_cpu;

pub use account::{DisturbedTrial, Progress, TargetLedger, TrialFailure};
pub(crate) use account::{FailedTrials, failed_alike};
pub use calls::{ErrorCount, KeptCall, SlowestCalls};
pub(crate) use cells::ALIKE_CALLS;
pub use cells::{CellSummary, Figure, MeasureSummary, Repetition};
pub use cost::{CostFigure, ProbeCost};
pub use generators::GeneratorSummary;
pub use load::{LevelLoad, StressorLoad};
pub(crate) use off_cpu::BINS_PER_OCTAVE as OFF_CPU_BINS;
pub use off_cpu::{OffCpu, Place};

use crate::fleet::{self, Fleet};
use crate::statistics::{CONFIDENCE, FULL_REPETITIONS, LEAST_REPETITIONS};
use crate::view::LOAD;
use crate::{Metric, RunView, units};
use probe_abi::SparseHistogram;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Display;
use store::{Manifest, Vantage};

/// A summarised run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The run's manifest, as it was kept.
    pub manifest: Manifest,
    /// How much of the plan there is.
    pub progress: Progress,
    /// Every cell of the matrix, the last factor moving fastest; cells without a trial are there, without figures.
    pub cells: Vec<CellSummary>,
    /// The account of each target's calls.
    pub ledgers: Vec<TargetLedger>,
    /// Failed calls by error number; empty where none failed.
    pub errors: Vec<ErrorCount>,
    /// The slowest calls of each target; empty where none were kept.
    pub slowest: Vec<SlowestCalls>,
    /// Trials without figures, in the order in which they ran.
    pub failures: Vec<TrialFailure>,
    /// Trials during which more went on besides the run than the scenario allows, in the order in which they ran.
    pub disturbed: Vec<DisturbedTrial>,
    /// Where the probe is a factor: what its backends cost the callers, by target and cell.
    pub costs: Vec<ProbeCost>,
    /// What generators did that have a rate or a mix of workloads; empty where none has.
    pub generators: Vec<GeneratorSummary>,
    /// The load that each level achieved.
    pub load: Vec<LevelLoad>,
    /// Machines or kernels, each against the median of all; none where they are no factor of a merged run.
    pub fleet: Option<Fleet>,
    /// What the reader should know before the figures.
    pub warnings: Vec<String>,
}

/// Reduces a run to its figures. Pure, and the same for the same run.
#[must_use]
pub fn summarise(run: &RunView<'_>) -> Summary {
    let progress = account::progress(run);
    let cells = cells::cells(run);
    let ledgers = account::ledgers(run);
    Summary {
        manifest: run.manifest.clone(),
        progress,
        costs: cost::costs(run.manifest, &cells),
        generators: generators::generators(
            run,
            &cells.iter().map(|cell| cell.levels.clone()).collect::<Vec<_>>(),
        ),
        fleet: fleet::of(run.manifest, &cells, Metric::P50),
        cells,
        errors: calls::errors(run, &ledgers),
        ledgers,
        slowest: calls::slowest(run),
        failures: account::failures(run),
        disturbed: account::disturbed_trials(run),
        load: load::levels(run),
        warnings: account::warnings(run, progress),
    }
}

impl Summary {
    /// The same with this figure of machines or kernels, instead of p50.
    #[must_use]
    pub fn with_fleet_by(self, metric: Metric) -> Self {
        let fleet = fleet::of(&self.manifest, &self.cells, metric);
        Self { fleet, ..self }
    }

    /// The vantage that charts and gates look at: the kernel's where the probe saw the target, else the user's.
    #[must_use]
    pub fn primary_vantage(&self, syscall: &str) -> Vantage {
        let seen = |vantage| self.cells.iter().any(|cell| cell.measure(syscall, vantage).is_some());
        if seen(Vantage::Kernel) { Vantage::Kernel } else { Vantage::User }
    }

    /// The same in one cell: where the probe is a factor, a cell without one has the user's vantage alone.
    #[must_use]
    pub fn primary_vantage_in(&self, cell: &CellSummary, syscall: &str) -> Vantage {
        let primary = self.primary_vantage(syscall);
        let seen = |vantage| cell.measure(syscall, vantage).is_some();
        if seen(primary) || !seen(Vantage::User) { primary } else { Vantage::User }
    }

    /// Every target with every vantage that has seen it, in the scenario's order.
    #[must_use]
    pub fn series(&self) -> Vec<(&str, Vantage)> {
        let measures = || self.cells.iter().flat_map(|cell| &cell.measures);
        let seen: BTreeSet<(&str, Vantage)> =
            measures().map(|measure| (measure.syscall.as_str(), measure.vantage)).collect();
        let syscalls = self.manifest.scenario.syscalls.iter().map(String::as_str);
        let mut named = BTreeSet::new();
        let syscalls = syscalls.chain(measures().map(|measure| measure.syscall.as_str()));
        let each = syscalls.filter(|syscall| named.insert(*syscall));
        let keys = each.flat_map(|syscall| [(syscall, Vantage::Kernel), (syscall, Vantage::User)]);
        keys.filter(|key| seen.contains(key)).collect()
    }

    /// Whether in some cell every call of the target failed.
    pub(crate) fn has_only_failures(&self, (syscall, vantage): (&str, Vantage)) -> bool {
        self.cells.iter().filter_map(|cell| cell.measure(syscall, vantage)).any(|measure| measure.of_failures)
    }

    /// The targets, each once, in the order of [`Self::series`].
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> = self.series().into_iter().map(|(syscall, _)| syscall).collect();
        targets.dedup();
        targets
    }

    /// Whether so few repetitions were taken, or of several boots so few boots, that what stands beside a figure is their range
    /// and no 95 % interval.
    #[must_use]
    pub fn has_ranges(&self) -> bool {
        self.most_units().is_some_and(|most| most < FULL_REPETITIONS)
    }

    /// Whether cells were executed on different machines, so that what differs between two may be the machines' doing.
    pub(crate) fn is_confounded(&self) -> bool {
        self.manifest.merged.as_ref().is_some_and(store::Merged::confounds)
    }

    /// Whether so few repetitions were taken that cells are not judged against one another: cells have their boots in common.
    pub(crate) fn is_hint(&self) -> bool {
        self.most_repetitions().is_some_and(|most| most < FULL_REPETITIONS)
    }

    /// `12 of 12 trials ok`, and how many were disturbed, where any was.
    pub(crate) fn progress_words(&self) -> String {
        let disturbed = match self.disturbed.len() {
            0 => String::new(),
            disturbed => format!(", {disturbed} disturbed"),
        };
        format!("{} of {} trials ok{disturbed}", self.progress.ok, self.progress.planned)
    }

    /// How sure the intervals beside figures are, such as `95 %`: with a rule for repetitions as sure as each of its looks.
    /// None where they are ranges instead.
    pub(crate) fn confidence_words(&self) -> Option<String> {
        let rule = self.manifest.plan.design.stop.as_ref();
        // A rule's intervals are by order statistics: there is one or there is none, and never a range.
        let confidence = match rule {
            Some(rule) => Some(rule.confidence),
            None => (!self.has_ranges()).then_some(CONFIDENCE),
        };
        confidence.map(units::asked_percent)
    }

    /// What stands beside figures: `95 % interval`, or `range`.
    pub(crate) fn interval_words(&self) -> String {
        self.confidence_words().map_or_else(|| "range".to_owned(), |it| format!("{it} interval"))
    }

    /// What the brackets beside a figure are, as a heading: `[95 %]`, `[range]`.
    pub(crate) fn brackets(&self) -> String {
        format!("[{}]", self.confidence_words().unwrap_or_else(|| "range".to_owned()))
    }

    /// What the brackets of cells are that have too few repetitions for what the heading says; none without such cells.
    pub(crate) fn brackets_note(&self) -> Option<&'static str> {
        let measures = || self.cells.iter().flat_map(|cell| &cell.measures);
        let short =
            || measures().filter(|measure| (LEAST_REPETITIONS..FULL_REPETITIONS).contains(&measure.units()));
        let has_range = !self.has_ranges() && self.manifest.plan.design.stop.is_none();
        let of_boots = short().any(|measure| measure.units() < measure.repetitions.len());
        let of_machines = short().any(|measure| measure.repetitions.iter().any(|it| it.machine.is_some()));
        let note = if of_machines {
            "Where there are fewer than six machines, the brackets have their range."
        } else if of_boots {
            "Where there are fewer than six boots, or of one boot fewer than six repetitions, the brackets have their range."
        } else {
            "Where fewer than six repetitions are ok, the brackets have their range."
        };
        (has_range && short().next().is_some()).then_some(note)
    }

    /// How many units the intervals of the best-measured cell are over: boots where it has several, else repetitions. None
    /// without figures.
    #[must_use]
    pub(crate) fn most_units(&self) -> Option<usize> {
        let measures = self.cells.iter().flat_map(|cell| &cell.measures);
        measures.map(MeasureSummary::units).max()
    }

    /// How many repetitions the best-measured cell has; none without figures.
    #[must_use]
    pub fn most_repetitions(&self) -> Option<usize> {
        let measures = self.cells.iter().flat_map(|cell| &cell.measures);
        measures.map(|measure| measure.repetitions.len()).max()
    }

    /// Places of the levels of the factor at `place` under which the target has figures: a level may belong to other
    /// targets' generators.
    pub(crate) fn levels_with(&self, place: usize, (syscall, vantage): (&str, Vantage)) -> Vec<usize> {
        let Some(factor) = self.manifest.scenario.factors.get(place) else { return Vec::new() };
        let cells = self.cells.iter().filter(|cell| cell.measure(syscall, vantage).is_some());
        let seen: BTreeSet<&str> = cells.map(|cell| cell.levels[place].as_str()).collect();
        let levels = factor.levels.iter().enumerate();
        levels.filter(|(_, level)| seen.contains(level.label.as_str())).map(|(index, _)| index).collect()
    }

    /// Places of the factors of which more than one level has figures of the target: those that tell its cells apart.
    pub(crate) fn telling_factors(&self, (syscall, vantage): (&str, Vantage)) -> Vec<usize> {
        let mut cells = self.cells.iter().filter(|cell| cell.measure(syscall, vantage).is_some());
        let Some(first) = cells.next() else { return Vec::new() };
        let mut differs = vec![false; first.levels.len()];
        for cell in cells {
            let pairs = first.levels.iter().zip(&cell.levels);
            differs.iter_mut().zip(pairs).for_each(|(differs, (one, other))| *differs |= one != other);
        }
        (0..differs.len()).filter(|place| differs[*place]).collect()
    }

    /// The levels of a cell by which it is told from others: `size 1MiB, threads 2`. They are those of the factors at the
    /// places `telling`, without those at the places `but`.
    pub(crate) fn cell_words<T: Display>(&self, levels: &[T], but: &[usize], telling: &[usize]) -> String {
        let factors = self.manifest.scenario.factors.iter().zip(levels).enumerate();
        let words: Vec<String> = factors
            .filter(|(place, _)| !but.contains(place) && telling.contains(place))
            .map(|(_, (factor, level))| format!("{} {level}", factor.name))
            .collect();
        words.join(", ")
    }

    /// The factors whose levels go along with those of the one at `place`, without it.
    pub(crate) fn zipped_with(&self, place: usize) -> Vec<usize> {
        let factors = &self.manifest.scenario.factors;
        let Some(name) = factors.get(place).map(|factor| &factor.name) else { return Vec::new() };
        let zip = self.manifest.plan.design.zip.iter().find(|zip| zip.contains(name));
        let others = zip.into_iter().flatten().filter(|other| *other != name);
        others.filter_map(|other| factors.iter().position(|factor| factor.name == *other)).collect()
    }

    /// What goes along when the factor at `place` moves from its first to its last level: `, with threads 1 to 8,`.
    pub(crate) fn along_words(&self, place: usize) -> String {
        let words = |other: usize| {
            let factor = &self.manifest.scenario.factors[other];
            let ends = factor.levels.first().zip(factor.levels.last());
            ends.map(|(first, last)| format!("{} {} to {}", factor.name, first.label, last.label))
        };
        let words: Vec<String> = self.zipped_with(place).into_iter().filter_map(words).collect();
        if words.is_empty() { String::new() } else { format!(", with {},", words.join(" and ")) }
    }

    /// The levels of a cell with the factor at `place` moved to the level at `index`, and what goes along with it.
    pub(crate) fn moved<'a>(&'a self, levels: &[&'a str], place: usize, index: usize) -> Vec<&'a str> {
        let mut moved = levels.to_vec();
        for axis in self.zipped_with(place).into_iter().chain([place]) {
            let level = self.manifest.scenario.factors[axis].levels.get(index);
            moved[axis] = level.map_or("", |level| level.label.as_str());
        }
        moved
    }

    /// The place of the load among the factors.
    pub(crate) fn load_place(&self) -> Option<usize> {
        self.manifest.scenario.factors.iter().position(|factor| factor.name == LOAD)
    }

    /// The cell with these levels, one for each factor.
    #[must_use]
    pub fn cell(&self, levels: &[&str]) -> Option<&CellSummary> {
        self.cells.iter().find(|cell| cell.levels.iter().map(String::as_str).eq(levels.iter().copied()))
    }
}

/// The values of a histogram's metrics, in the order of [`Metric::ALL`].
fn metrics_of(histogram: &SparseHistogram) -> [Option<f64>; 6] {
    Metric::ALL.map(|metric| metric.of(histogram))
}

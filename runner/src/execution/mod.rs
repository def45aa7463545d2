//! A plan becomes trials, in order, each stored before the next one begins.
//!
//! Owns the order and the bookkeeping: load levels come and go around their trials, a failed trial is kept with its
//! reason and the run goes on, a failed store stops the run. What a trial does on the machine is the [`Rig`]'s, the
//! only seam for tests.

mod linux;
mod observed;
mod probes;
mod programs;
mod stopping;
#[cfg(test)]
mod tests;
mod unsettled;

pub(crate) use linux::{LinuxRig, Parts};
pub(crate) use probes::Probes;
pub(crate) use stopping::stop_rule;

use crate::progress::Progress;
use crate::scenario::{Plan, PlannedTrial, Scenario};
use crate::timeline::{Laps, Timeline};
use chrono::Utc;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use stopping::Stopping;
use store::{
    GeneratorRecord, LoadMetric, Measure, MonitorSample, RunWriter, SlowCall, State, Status, StoreError,
    TrialRecord,
};
use unsettled::Unsettled;

/// What touches the machine.
pub(crate) trait Rig {
    /// Brings the load to the level of `trial` and waits until it is steady. Returns what was not when it was waited
    /// for no longer; the error says why the level cannot be had.
    fn start_load(&mut self, trial: &PlannedTrial) -> Result<Option<String>, String>;

    /// Ends the load and everything that belongs to it.
    fn stop_load(&mut self) -> Result<Vec<LoadMetric>, String>;

    /// Executes one trial under the load that was started.
    fn measure(&mut self, trial: &PlannedTrial) -> Outcome;
}

/// What a trial came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The window was measured.
    Measured(Measured),
    /// It was not, and why.
    Failed(String),
    /// A signal ended it; it counts as not begun.
    Interrupted,
}

/// What was observed in a window.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Length of the window, in nanoseconds.
    pub(crate) window_ns: u64,
    /// Operations that the generators completed in it.
    pub(crate) operations: u64,
    /// What each vantage saw of each target.
    pub(crate) measures: Vec<Measure>,
    /// The machine's state meanwhile.
    pub(crate) monitor: Vec<MonitorSample>,
    /// The slowest calls of each target, slowest first.
    pub(crate) slowest: Vec<SlowCall>,
    /// What each workload of each generator did.
    pub(crate) generators: Vec<GeneratorRecord>,
    /// Why the figures are not to be trusted, if they are not.
    pub(crate) doubt: Option<String>,
    /// What the runner spent on it.
    pub(crate) laps: Laps,
}

/// A run under way: where its trials go and how they are told of.
pub(crate) struct Execution<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) writer: &'a mut RunWriter,
    pub(crate) progress: &'a mut Progress,
    /// Set by a signal: finish storing, then stop.
    pub(crate) stop: &'a AtomicBool,
    /// The kernel's boot id.
    pub(crate) boot: String,
    /// Reasons of trials without figures that the user was told: each of them once.
    pub(crate) told: BTreeSet<String>,
    pub(crate) timeline: Timeline,
}

/// Executes the trials of `plan` in order; those that are `done`, which are its first, are there already.
///
/// Returns [`State::Complete`], or [`State::Interrupted`] when `stop` was set; the error is of the store alone.
pub(crate) fn execute(
    (plan, done): (&Plan, &[TrialRecord]),
    rig: &mut impl Rig,
    execution: &mut Execution,
) -> Result<State, StoreError> {
    let mut state = State::Complete;
    let mut stopping = Stopping::of(execution.scenario);
    let mut blocks = 0;
    if let Some(stopping) = &mut stopping {
        let ok = plan.trials.iter().zip(done).filter(|(_, record)| record.status == Status::Ok);
        ok.for_each(|(trial, record)| stopping.note(trial, &record.measures));
    }
    let left = plan.trials.get(done.len()..).unwrap_or_default();
    let mut unsettled = Unsettled::within(execution.scenario.plan.ramp);
    let scenario = execution.scenario;
    let is_alike = |a: &PlannedTrial, b: &PlannedTrial| {
        (a.block, a.load) == (b.block, b.load) && scenario.is_same_load(a.load, a.cell, b.cell)
    };
    for group in left.chunk_by(is_alike) {
        if execution.stopped() {
            state = State::Interrupted;
            break;
        }
        if group[0].block > blocks {
            blocks = group[0].block;
            if stopping.as_mut().is_some_and(|stopping| stopping.is_to_stop(blocks)) {
                break;
            }
        }
        let level = execution.scenario.loads[group[0].load].name.to_string();
        execution.progress.settling(group[0].block, &level);
        let load = rig.start_load(&group[0]);
        if let Some(warning) = unsettled.note(&level, load.as_ref().ok().and_then(Option::as_ref)) {
            execution.progress.warn(&warning);
        }
        let outcome = execution.group(group, rig, (load.err().as_deref(), stopping.as_mut()));
        let metrics = rig.stop_load();
        match metrics {
            Ok(metrics) => {
                execution.writer.append_load(&metrics)?;
                execution.doubt_idle(group, &metrics)?;
            }
            Err(reason) => execution.progress.warn(&format!("load {level}: {reason}")),
        }
        if outcome? == State::Interrupted {
            state = State::Interrupted;
            break;
        }
    }
    execution.progress.end();
    if let (Some(stopping), State::Complete) = (stopping, state) {
        let plan = stopping.plan(&execution.writer.manifest().plan);
        execution.progress.note(&format!("stopped after {} repetitions", plan.repetitions));
        execution.writer.replan(plan);
    }
    execution.writer.warn(unsettled.warnings());
    Ok(state)
}

impl Execution<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Makes the trials invalid during which a stressor did nothing: only its end tells.
    fn doubt_idle(&mut self, group: &[PlannedTrial], metrics: &[LoadMetric]) -> Result<(), StoreError> {
        for stressor in crate::load::idle(metrics) {
            let reason = format!("stress-ng's {stressor} did not complete one operation while it ran");
            self.progress.warn(&format!("the trials before this are invalid: {reason}"));
            for trial in group {
                self.writer.doubt_trial(trial.trial, &reason)?;
            }
        }
        Ok(())
    }

    /// The trials of one load level of one block; all of them fail when the level could not be had.
    fn group(
        &mut self,
        group: &[PlannedTrial],
        rig: &mut impl Rig,
        (no_load, mut stopping): (Option<&str>, Option<&mut Stopping>),
    ) -> Result<State, StoreError> {
        for trial in group {
            if self.stopped() {
                return Ok(State::Interrupted);
            }
            let labels = self.scenario.labels(&self.scenario.cell(trial.cell), trial.load);
            let cell = cell_name(&labels);
            self.progress.begins(&cell);
            let (started_at, started) = (Utc::now(), Instant::now());
            let outcome = match no_load {
                Some(reason) => Outcome::Failed(reason.to_owned()),
                None => rig.measure(trial),
            };
            let mut laps = Laps::default();
            let mut record = TrialRecord {
                trial: trial.trial,
                block: trial.block,
                position: trial.position,
                repetition: trial.repetition,
                factors: labels,
                status: Status::Ok,
                reason: None,
                started_at,
                boot: self.boot.clone(),
                window_ns: 0,
                wall_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
                operations: 0,
                measures: Vec::new(),
                monitor: Vec::new(),
                slowest: Vec::new(),
                generators: Vec::new(),
            };
            match outcome {
                Outcome::Interrupted => return Ok(State::Interrupted),
                // Ctrl-C reaches generators and load as well, and may end them first.
                Outcome::Failed(_) if self.stopped() => return Ok(State::Interrupted),
                Outcome::Measured(mut measured) => {
                    laps = std::mem::take(&mut measured.laps);
                    measured.fill(&mut record);
                }
                Outcome::Failed(reason) => {
                    record.status = Status::Failed;
                    record.reason = Some(reason);
                }
            }
            if let Some(reason) = &record.reason
                && self.told.insert(reason.clone())
            {
                let (number, what) = (trial.trial + 1, record.status.name());
                self.progress.warn(&format!("trial {number} ({cell}) {what}: {reason}"));
            }
            laps.lap("clear up");
            self.writer.append_trial(&record)?;
            laps.lap("store");
            self.timeline.add((trial.trial, record.window_ns), &laps);
            if let (Some(stopping), Status::Ok) = (&mut stopping, record.status) {
                stopping.note(trial, &record.measures);
            }
            self.progress.stored(&cell, record.status);
        }
        Ok(State::Complete)
    }
}

/// A cell for people: `size=4KiB load=high`.
fn cell_name(labels: &BTreeMap<String, String>) -> String {
    let (load, factors): (Vec<_>, Vec<_>) = labels.iter().partition(|(factor, _)| *factor == "load");
    let levels = factors.into_iter().chain(load).map(|(factor, level)| format!("{factor}={level}"));
    levels.collect::<Vec<_>>().join(" ")
}

impl Measured {
    /// Adds a reason not to trust the figures, if there is one.
    fn doubt(&mut self, reason: Option<String>) {
        if let Some(reason) = reason {
            self.doubt = Some(self.doubt.take().map_or(reason.clone(), |first| format!("{first}; {reason}")));
        }
    }

    fn fill(self, record: &mut TrialRecord) {
        record.status = if self.doubt.is_some() { Status::Invalid } else { Status::Ok };
        record.reason = self.doubt;
        record.window_ns = self.window_ns;
        record.operations = self.operations;
        record.measures = self.measures;
        record.monitor = self.monitor;
        record.slowest = self.slowest;
        record.generators = self.generators;
    }
}

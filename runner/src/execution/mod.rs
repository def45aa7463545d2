//! A plan becomes trials, in order, each stored before the next one begins.
//!
//! Owns the order and the bookkeeping: load levels come and go around their trials, a failed trial is kept with its
//! reason and the run goes on, a failed store stops the run. Two runs are executed in alternation, block by block. What a
//! trial does on the machine is the [`Rig`]'s, the only seam for tests.

mod linux;
mod observed;
mod probes;
mod programs;
mod stopping;
#[cfg(test)]
pub(crate) mod tests;
mod unsettled;

pub(crate) use linux::{GLANCE, LinuxRig, Parts};
pub(crate) use observed::kernel_measure;
pub(crate) use probes::Probes;
pub(crate) use stopping::stop_rule;

use crate::clock::{Clock, nanoseconds};
use crate::progress::Progress;
use crate::scenario::{LoadLevel, Plan, PlannedTrial, Scenario, second_begins};
use crate::timeline::{Laps, Timeline};
use chrono::Utc;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use stopping::Stopping;
use store::{
    GeneratorRecord, LoadMetric, Measure, MonitorSample, Noise, Role, RunWriter, SlowCall, State, Status,
    StoreError, TrialRecord,
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

    /// Makes room for another run's trials: what this one has attached would slow their calls. `is_quiet` says that the
    /// other does not leave the machine to come to rest after it.
    fn stand_aside(&mut self, is_quiet: bool);
}

/// What a trial came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The window was measured.
    Measured(Box<Measured>),
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
    /// What else went on meanwhile.
    pub(crate) noise: Option<Noise>,
    /// Why the figures are not to be trusted, if they are not.
    pub(crate) doubt: Option<String>,
    /// What the runner spent on it.
    pub(crate) laps: Laps,
}

/// A run that is to be executed, or to be gone on with.
pub(crate) struct Party<'a, R> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) plan: &'a Plan,
    /// The plan's first trials, as far as they are there already.
    pub(crate) done: &'a [TrialRecord],
    pub(crate) rig: &'a mut R,
    pub(crate) writer: &'a mut RunWriter,
}

/// What the runs have in common that are executed together.
pub(crate) struct Session<'a> {
    pub(crate) progress: &'a mut Progress,
    /// Set by a signal: finish storing, then stop.
    pub(crate) stop: &'a AtomicBool,
    /// The kernel's boot id.
    pub(crate) boot: String,
    /// Reasons of trials without figures that the user was told: each of them once.
    pub(crate) told: BTreeSet<String>,
    pub(crate) timeline: Timeline,
    pub(crate) clock: Clock,
}

/// A run under way: where its trials go and how they are told of.
struct Execution<'a, 'b> {
    scenario: &'a Scenario,
    writer: &'a mut RunWriter,
    session: &'a mut Session<'b>,
    /// Which of two runs it is, as words before a cell's; empty for the only one.
    whose: &'static str,
}

/// Executes what is left of each party's plan, in order. Two of them take turns by block, and who begins is drawn for each
/// block: so whatever happens meanwhile is as likely to fall on one as on the other.
///
/// Returns [`State::Complete`], or [`State::Interrupted`] when a signal came; the error is of the store alone.
pub(crate) fn execute<R: Rig>(
    parties: Vec<Party<'_, R>>,
    session: &mut Session,
) -> Result<State, StoreError> {
    let count = parties.len();
    let is_quiet = parties.iter().all(|party| party.scenario.loads.iter().all(LoadLevel::is_quiet));
    let mut courses: Vec<_> = parties.into_iter().map(Course::of).collect();
    let most = courses.iter().map(Course::blocks).max().unwrap_or(0);
    let seed = courses.first().map_or(0, |course| course.party.plan.seed);
    let (mut state, mut latest) = (State::Complete, 0);
    for (number, place) in (0..most).flat_map(|number| turns(seed, number, count)) {
        if latest != place {
            courses[latest].party.rig.stand_aside(is_quiet);
        }
        latest = place;
        match courses[place].block(number, session)? {
            Step::Executed => {}
            Step::Enough => break,
            Step::Interrupted => {
                state = State::Interrupted;
                break;
            }
        }
    }
    session.progress.end();
    for course in courses {
        course.end(state, session);
    }
    Ok(state)
}

/// Whose turn it is in block `number`, as places among so many parties.
pub(crate) fn turns(seed: u64, number: u32, parties: usize) -> Vec<(u32, usize)> {
    let mut turns: Vec<_> = (0..parties).map(|place| (number, place)).collect();
    if second_begins(seed, number) {
        turns.reverse();
    }
    turns
}

/// What became of a block's turn.
enum Step {
    /// All of it is there.
    Executed,
    /// It was not begun, for the scenario's rule says that those before it are enough.
    Enough,
    /// A signal ended it.
    Interrupted,
}

/// A party on its way through its plan.
struct Course<'a, R> {
    party: Party<'a, R>,
    /// The plan's trials, block by block, each with how many come before it.
    blocks: Vec<(usize, &'a [PlannedTrial])>,
    stopping: Option<Stopping>,
    unsettled: Unsettled,
}

impl<'a, R: Rig> Course<'a, R> {
    fn of(party: Party<'a, R>) -> Self {
        let mut before = 0;
        let blocks = party.plan.trials.chunk_by(|a, b| a.block == b.block);
        let counted = |block: &'a [PlannedTrial]| {
            let first = before;
            before += block.len();
            (first, block)
        };
        let blocks = blocks.map(counted).collect();
        let stopping = Stopping::of(party.scenario, party.done);
        let unsettled = Unsettled::within(party.scenario.plan.ramp);
        Self { party, blocks, stopping, unsettled }
    }

    fn blocks(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)
    }

    /// Executes what is left of the plan's block at this place, from 0, if there is one.
    fn block(&mut self, number: u32, session: &mut Session) -> Result<Step, StoreError> {
        let Some(&(first, block)) = self.blocks.get(number as usize) else { return Ok(Step::Executed) };
        let done = self.party.done;
        let mut records = done.get(first..).unwrap_or_default();
        records = records.get(..block.len()).unwrap_or(records);
        if done.len() > first + block.len() {
            self.note(block, records);
            return Ok(Step::Executed);
        }
        let is_new = number > 0 && records.is_empty();
        if is_new && self.stopping.as_mut().is_some_and(|stopping| stopping.is_to_stop(number)) {
            return Ok(Step::Enough);
        }
        let mut block = Block { trials: block, records: records.to_vec() };
        let Party { scenario, rig, writer, .. } = &mut self.party;
        let whose = whose(writer);
        let mut execution = Execution { scenario, writer, session, whose };
        if execution.block(&mut block, *rig, &mut self.unsettled)? == State::Interrupted {
            return Ok(Step::Interrupted);
        }
        self.note(block.trials, &block.records);
        Ok(Step::Executed)
    }

    fn note(&mut self, block: &[PlannedTrial], records: &[TrialRecord]) {
        if let Some(stopping) = &mut self.stopping {
            stopping.note_block(block, records);
        }
    }

    /// Writes down what only the end of the execution tells.
    fn end(self, state: State, session: &mut Session) {
        let writer = self.party.writer;
        if let (Some(stopping), State::Complete) = (self.stopping, state) {
            let plan = stopping.plan(&writer.manifest().plan);
            session.progress.note(&format!("stopped after {} repetitions", plan.repetitions));
            writer.replan(plan);
        }
        writer.warn(self.unsettled.warnings());
    }
}

/// Which of two runs a writer's is.
fn whose(writer: &RunWriter) -> &'static str {
    match writer.manifest().against.as_ref().map(|against| against.role) {
        None => "",
        Some(Role::Baseline) => "baseline ",
        Some(Role::Candidate) => "candidate ",
    }
}

/// A block, and what was stored of it so far: its first trials.
struct Block<'a> {
    trials: &'a [PlannedTrial],
    records: Vec<TrialRecord>,
}

impl Block<'_> {
    /// Places of the trials that were disturbed, of which there may be another attempt.
    fn disturbed(&self, retries: u32) -> Vec<usize> {
        let is_to_repeat = |record: &TrialRecord| {
            record.attempt <= retries && record.noise.as_ref().is_some_and(|noise| noise.disturbed.is_some())
        };
        (0..self.records.len()).filter(|place| is_to_repeat(&self.records[*place])).collect()
    }
}

impl Execution<'_, '_> {
    fn stopped(&self) -> bool {
        self.session.stop.load(Ordering::Relaxed)
    }

    /// Makes the trials invalid during which a stressor did nothing: only its end tells.
    fn doubt_idle(
        &mut self,
        (block, places): (&mut Block<'_>, &[usize]),
        metrics: &[LoadMetric],
    ) -> Result<(), StoreError> {
        for stressor in crate::load::idle(metrics) {
            let reason = format!("stress-ng's {stressor} did not complete one operation while it ran");
            self.session.progress.warn(&format!("the trials before this are invalid: {reason}"));
            for place in places {
                if let Some(record) = block.records.get_mut(*place)
                    && record.doubt(&reason)
                {
                    self.writer.append_trial(record)?;
                }
            }
        }
        Ok(())
    }

    /// What is left of a block, then once more the trials that were disturbed, as often as the scenario says.
    fn block(
        &mut self,
        block: &mut Block<'_>,
        rig: &mut impl Rig,
        unsettled: &mut Unsettled,
    ) -> Result<State, StoreError> {
        let mut places: Vec<usize> = (block.records.len()..block.trials.len()).collect();
        loop {
            let is_alike = |a: &usize, b: &usize| {
                let (a, b) = (&block.trials[*a], &block.trials[*b]);
                a.load == b.load && self.scenario.is_same_load(a.load, a.cell, b.cell)
            };
            for group in places.chunk_by(is_alike) {
                if self.stopped() || self.group((block, group), rig, unsettled)? == State::Interrupted {
                    return Ok(State::Interrupted);
                }
            }
            places = block.disturbed(self.scenario.plan.retry_disturbed);
            if places.is_empty() {
                return Ok(State::Complete);
            }
            self.session
                .progress
                .note(&format!("{} trials of this block were disturbed and are repeated", places.len()));
        }
    }

    /// Trials of a block that go under one load, by their places, with that load around them.
    fn group(
        &mut self,
        (block, places): (&mut Block<'_>, &[usize]),
        rig: &mut impl Rig,
        unsettled: &mut Unsettled,
    ) -> Result<State, StoreError> {
        let first = &block.trials[places[0]];
        let level = self.scenario.loads[first.load].name.to_string();
        self.session.progress.settling(first.block, &level);
        let load = rig.start_load(first);
        if let Some(warning) = unsettled.note(&level, load.as_ref().ok().and_then(Option::as_ref)) {
            self.session.progress.warn(&warning);
        }
        let outcome = self.under_load((&mut *block, places), rig, load.err().as_deref());
        let metrics = rig.stop_load();
        // A store that failed is told of by what failed first.
        let outcome = outcome?;
        match metrics {
            Ok(metrics) => {
                self.writer.append_load(&metrics)?;
                self.doubt_idle((&mut *block, places), &metrics)?;
            }
            Err(reason) => {
                let words = format!("load {level}: {reason}");
                self.session.progress.warn(&words);
                self.writer.warn(vec![words]);
            }
        }
        Ok(outcome)
    }

    /// The trials of one group; all of them fail when the load could not be had.
    fn under_load(
        &mut self,
        (block, places): (&mut Block<'_>, &[usize]),
        rig: &mut impl Rig,
        no_load: Option<&str>,
    ) -> Result<State, StoreError> {
        for place in places {
            if self.stopped() {
                return Ok(State::Interrupted);
            }
            let trial = &block.trials[*place];
            let mut record = self.begin(trial);
            let earlier = block.records.get(*place);
            record.attempt = earlier.map_or(1, |earlier| earlier.attempt + 1);
            let started = Instant::now();
            let outcome = match no_load {
                Some(reason) => Outcome::Failed(reason.to_owned()),
                None => rig.measure(trial),
            };
            record.wall_ns = nanoseconds(started.elapsed());
            let mut laps = Laps::default();
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
            if let (Some(earlier), true) = (earlier, record.status != Status::Ok) {
                // Figures of a disturbed trial are better than none.
                record = TrialRecord { attempt: record.attempt, ..earlier.clone() };
            }
            self.store(&record, laps)?;
            match block.records.get_mut(*place) {
                Some(earlier) => *earlier = record,
                None => block.records.push(record),
            }
        }
        Ok(State::Complete)
    }

    /// The record of a trial that begins now.
    fn begin(&mut self, trial: &PlannedTrial) -> TrialRecord {
        if let Some(words) = self.session.clock.step() {
            let words = format!("before trial {}, {words}", trial.trial + 1);
            self.session.progress.warn(&words);
            self.writer.warn(vec![words]);
        }
        let factors = self.scenario.labels(&self.scenario.cell(trial.cell), trial.load);
        self.session.progress.begins(&format!("{}{}", self.whose, cell_name(&factors)));
        TrialRecord {
            trial: trial.trial,
            block: trial.block,
            position: trial.position,
            repetition: trial.repetition,
            factors,
            boot: self.session.boot.clone(),
            ..TrialRecord::begun(Utc::now())
        }
    }

    /// Makes a trial durable, and tells why it has no figures where it has none.
    fn store(&mut self, record: &TrialRecord, mut laps: Laps) -> Result<(), StoreError> {
        let cell = format!("{}{}", self.whose, cell_name(&record.factors));
        if let Some(reason) = &record.reason
            && self.session.told.insert(reason.clone())
        {
            let (number, what) = (record.trial + 1, record.status.name());
            self.session.progress.warn(&format!("trial {number} ({cell}) {what}: {reason}"));
        }
        laps.lap("clear up");
        self.writer.append_trial(record)?;
        laps.lap("store");
        self.session.timeline.add(record, &laps);
        self.session.progress.measured(&cell, record);
        if record.attempt == 1 {
            self.session.progress.stored(&cell, record.status);
        }
        Ok(())
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
        record.noise = self.noise;
    }
}

//! Whether enough blocks have been executed, where the scenario has a rule for that.
//!
//! Owns the figures that the rule looks at, and when it looks. What an interval is, and how sure each look has to be, is
//! `reports::statistics`'; what is done about it is the caller's.

use crate::clock::nanoseconds;
use crate::scenario::{PlannedTrial, Scenario, StopRule};
use reports::Metric;
use reports::statistics::{Looks, median, order_interval};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use store::{Design, Measure, PlanInfo, Status, StopReason, TrialRecord, Vantage};

/// The cell with its load, and the target.
type Key = (usize, usize, String);

/// The figure's value in each repetition, of the calls that succeeded and of those that failed; none where a repetition has
/// none.
#[derive(Debug, Default)]
struct Observed {
    ok: Vec<Option<f64>>,
    error: Vec<Option<f64>>,
    /// Whether any call succeeded.
    has_success: bool,
}

impl Observed {
    fn note(&mut self, metric: Metric, measure: &Measure) {
        self.ok.push(metric.of(&measure.ok));
        self.error.push(metric.of(&measure.error));
        self.has_success |= measure.ok.count > 0;
    }

    /// The values that reports show: a call that only ever fails has the latencies of its failures.
    fn values(&self) -> &[Option<f64>] {
        if self.has_success { &self.ok } else { &self.error }
    }
}

/// A rule at work.
#[derive(Debug)]
pub(super) struct Stopping {
    rule: StopRule,
    least: u32,
    looks: Looks,
    /// What was seen in each repetition that is ok.
    values: BTreeMap<Key, Observed>,
    /// What trials took that are there already.
    spent: Duration,
    began: Instant,
    blocks: u32,
    reason: Option<StopReason>,
}

impl Stopping {
    /// The scenario's rule, where what these trials took is spent already; none where it has none.
    pub(super) fn of(scenario: &Scenario, done: &[TrialRecord]) -> Option<Self> {
        Some(Self { spent: spent(done, scenario.plan.ramp), ..Self::new(scenario)? })
    }

    fn new(scenario: &Scenario) -> Option<Self> {
        let (rule, least) = (scenario.plan.until?, scenario.plan.repetitions);
        let looks = Looks::between(least as usize, rule.max_repetitions as usize);
        let values = BTreeMap::new();
        let (spent, began) = (Duration::ZERO, Instant::now());
        Some(Self { rule, least, looks, values, spent, began, blocks: 0, reason: None })
    }

    /// Takes note of the first trials of a block, as far as they are ok.
    pub(super) fn note_block(&mut self, trials: &[PlannedTrial], records: &[TrialRecord]) {
        let ok = trials.iter().zip(records).filter(|(_, record)| record.status == Status::Ok);
        ok.for_each(|(trial, record)| self.note(trial, &record.measures));
    }

    /// Takes note of a trial that is ok: of each target what the probe saw, else what the caller saw, as reports do.
    fn note(&mut self, trial: &PlannedTrial, measures: &[Measure]) {
        let in_kernel =
            |syscall: &str| measures.iter().any(|it| it.syscall == syscall && it.vantage == Vantage::Kernel);
        let headline = |it: &&Measure| it.vantage == Vantage::Kernel || !in_kernel(&it.syscall);
        for measure in measures.iter().filter(headline) {
            let key = (trial.cell, trial.load, measure.syscall.clone());
            self.values.entry(key).or_default().note(self.rule.metric, measure);
        }
    }

    /// Whether no more blocks are to be executed after so many.
    pub(super) fn is_to_stop(&mut self, blocks: u32) -> bool {
        self.blocks = blocks;
        self.reason = self.judge(self.spent + self.began.elapsed());
        self.reason.is_some()
    }

    fn judge(&self, elapsed: Duration) -> Option<StopReason> {
        if self.looks.numbers().contains(&(self.blocks as usize)) && self.is_sure() {
            return Some(StopReason::Sure);
        }
        if self.blocks >= self.rule.max_repetitions {
            return Some(StopReason::Repetitions);
        }
        let next = elapsed + elapsed / self.blocks.max(1);
        let is_late = self.rule.max_time.is_some_and(|limit| next > limit);
        (self.blocks >= self.least && is_late).then_some(StopReason::Time)
    }

    fn is_sure(&self) -> bool {
        !self.values.is_empty() && self.unsure() == 0
    }

    /// How many figures are not as sure as asked.
    fn unsure(&self) -> usize {
        self.values.values().filter(|observed| !self.is_narrow(observed.values())).count()
    }

    fn is_narrow(&self, values: &[Option<f64>]) -> bool {
        let Some(values) = values.iter().copied().collect::<Option<Vec<f64>>>() else { return false };
        let interval = order_interval(&values, self.looks.confidence());
        let (Some(interval), Some(median)) = (interval, median(&values)) else { return false };
        // As wide as reports show it.
        let resolution = |value| self.rule.metric.resolution_ns(value);
        let width = interval.high + resolution(interval.high) - interval.low + resolution(interval.low);
        width / 2.0 <= self.rule.relative_interval * median
    }

    /// The plan that the rule has made of the planned one, when the run has ended by itself.
    pub(super) fn plan(mut self, planned: &PlanInfo) -> PlanInfo {
        if self.reason.is_none() {
            // The plan was executed to its end, after which nothing has looked yet.
            self.is_to_stop(self.rule.max_repetitions);
        }
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let stop = planned.design.stop.as_ref().map(|stop| store::StopRule {
            reason: self.reason,
            figures: count(self.values.len()),
            unsure: count(self.unsure()),
            ..stop.clone()
        });
        PlanInfo {
            repetitions: self.blocks,
            trials: self.blocks * planned.cells,
            design: Design { stop, ..planned.design.clone() },
            ..planned.clone()
        }
    }
}

/// What a change of load takes at most besides the wait for it, about.
const CHANGE: Duration = Duration::from_secs(5);

/// How long trials took, with the changes of load between them. Where a run was stopped and gone on with, the pause counts
/// as no more than such a change.
fn spent(done: &[TrialRecord], ramp: Duration) -> Duration {
    let wall = |record: &TrialRecord| Duration::from_nanos(record.wall_ns);
    let between = |pair: &[TrialRecord]| {
        let pause = pair[1].started_at - pair[0].started_at;
        pause.to_std().unwrap_or_default().saturating_sub(wall(&pair[0])).min(ramp + CHANGE)
    };
    done.iter().map(wall).sum::<Duration>() + done.windows(2).map(between).sum::<Duration>()
}

/// The rule for the manifest, before anything is measured.
pub(crate) fn stop_rule(scenario: &Scenario) -> Option<store::StopRule> {
    let stopping = Stopping::new(scenario)?;
    let looks = stopping.looks.numbers().iter().map(|number| u32::try_from(*number).unwrap_or(u32::MAX));
    Some(store::StopRule {
        metric: stopping.rule.metric.name().to_owned(),
        relative_interval: stopping.rule.relative_interval,
        least: stopping.least,
        most: stopping.rule.max_repetitions,
        max_time_ns: stopping.rule.max_time.map(nanoseconds),
        looks: looks.collect(),
        confidence: stopping.looks.confidence(),
        reason: None,
        figures: 0,
        unsure: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trial that began so many seconds after the first, and took five.
    fn trial(seconds: i64) -> TrialRecord {
        let started_at = chrono::DateTime::from_timestamp(1_000_000_000 + seconds, 0).unwrap();
        TrialRecord { wall_ns: 5_000_000_000, ..TrialRecord::begun(started_at) }
    }

    #[test]
    fn what_was_spent_has_changes_of_load_and_no_pause_of_the_user() {
        let spent = |begun: &[i64]| {
            let done: Vec<TrialRecord> = begun.iter().copied().map(trial).collect();
            super::spent(&done, Duration::from_secs(2)).as_secs()
        };
        assert_eq!(spent(&[]), 0);
        assert_eq!(spent(&[0, 5, 10]), 15);
        assert_eq!(spent(&[0, 8]), 13, "with the change of load between them");
        assert_eq!(spent(&[0, 8, 80_000]), 25, "a night's pause is one change");
        assert_eq!(spent(&[100, 0]), 10, "a clock that was set back");
    }
}

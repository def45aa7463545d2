//! What was planned, what came of it, and where every call went.

use crate::{RunView, units};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use store::{Noise, State, Status, TrialRecord, Vantage};

/// How much of the plan there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Trials of the plan.
    pub planned: u32,
    /// Trials with figures.
    pub ok: u32,
    /// Trials that could not be measured.
    pub failed: u32,
    /// Trials that are not to be trusted.
    pub invalid: u32,
    /// Trials that were never executed.
    pub missing: u32,
    /// Whether they are being executed now.
    pub is_under_way: bool,
}

/// The account of a target's calls over every measured trial, invalid ones included; where only some trials had a
/// probe, over those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetLedger {
    /// The target.
    pub syscall: String,
    /// Trials in which it was measured.
    pub trials: u32,
    /// Calls that entered within a window, as the probe counted them; none without a kernel vantage.
    pub entered: Option<u64>,
    /// Calls that returned, as the probe counted them.
    pub returned: Option<u64>,
    /// Of these, calls that failed.
    pub errors: u64,
    /// Calls still under way when a window closed.
    pub censored: u64,
    /// Age of the oldest of them, in nanoseconds.
    pub censored_age_max_ns: u64,
    /// Entries of which neither return nor open start was seen.
    pub lost: i64,
    /// The greatest number lost in one trial.
    pub lost_max: i64,
    /// What the kernel itself says its programs missed, of every process; none where it does not tell.
    pub missed: Option<u64>,
    /// Calls by 32-bit programs, counted apart; none where the backend cannot see them.
    pub compat: Option<u64>,
    /// Calls that the generators counted; none where they did not look.
    pub user_calls: Option<u64>,
}

impl TargetLedger {
    /// Lost share of the entered calls; none where nothing entered.
    #[must_use]
    pub fn lost_share(&self) -> Option<f64> {
        self.entered.filter(|entered| *entered > 0).map(|entered| self.lost as f64 / entered as f64)
    }

    /// Calls that the kernel saw return beyond those that the generators counted; none where one of them did not look.
    #[must_use]
    pub fn kernel_minus_user(&self) -> Option<i128> {
        Some(i128::from(self.returned?) - i128::from(self.user_calls?))
    }
}

/// A trial without figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialFailure {
    /// The trial.
    pub trial: u32,
    /// Its block.
    pub block: u32,
    /// `factor level` for each factor, in the manifest's order.
    pub cell: String,
    /// `failed` or `invalid`.
    pub status: Status,
    /// Why.
    pub reason: String,
}

/// Trials without figures that have cell and reason in common.
pub(crate) struct FailedTrials<'a> {
    /// `3, 8, 12`: for readers trials count from 1.
    pub(crate) trials: String,
    /// What they have in common: the first of them.
    pub(crate) first: &'a TrialFailure,
}

/// Groups of failed trials that are told of at most: reasons may have counts in them, which are hardly ever the same.
const MOST_GROUPS: usize = 60;

/// Groups what failed in the same cell for the same reason, in the order of each group's first trial, and says how many
/// trials more there are of which nothing is told.
pub(crate) fn failed_alike(failures: &[TrialFailure]) -> (Vec<FailedTrials<'_>>, usize) {
    let mut groups: Vec<FailedTrials<'_>> = Vec::new();
    let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut more = 0;
    for failure in failures {
        let common = (failure.cell.as_str(), failure.status.name(), failure.reason.as_str());
        let number = failure.trial + 1;
        if let Some(place) = places.get(&common) {
            let _ = write!(groups[*place].trials, ", {number}");
        } else if groups.len() < MOST_GROUPS {
            places.insert(common, groups.len());
            groups.push(FailedTrials { trials: number.to_string(), first: failure });
        } else {
            more += 1;
        }
    }
    (groups, more)
}

pub(super) fn progress(run: &RunView<'_>) -> Progress {
    let of = |status: Status| {
        u32::try_from(run.trials.iter().filter(|trial| trial.status == status).count()).unwrap_or(u32::MAX)
    };
    let (ok, failed, invalid) = (of(Status::Ok), of(Status::Failed), of(Status::Invalid));
    let planned = run.manifest.plan.trials;
    let missing = planned.saturating_sub(ok + failed + invalid);
    Progress { planned, ok, failed, invalid, missing, is_under_way: run.is_under_way }
}

pub(super) fn failures(run: &RunView<'_>) -> Vec<TrialFailure> {
    let mut failures: Vec<TrialFailure> = run
        .trials
        .iter()
        .filter(|trial| trial.status != Status::Ok)
        .map(|trial| failure(run, trial))
        .collect();
    failures.sort_by_key(|failure| failure.trial);
    failures
}

/// A trial that was disturbed; its figures count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisturbedTrial {
    /// The trial.
    pub trial: u32,
    /// Its block.
    pub block: u32,
    /// `factor level` for each factor, in the manifest's order.
    pub cell: String,
    /// Which attempt it is, from 1: earlier ones were disturbed as well.
    pub attempt: u32,
    /// Why.
    pub reason: String,
}

pub(super) fn disturbed_trials(run: &RunView<'_>) -> Vec<DisturbedTrial> {
    let disturbed = run.trials.iter().filter_map(|trial| {
        Some(DisturbedTrial {
            trial: trial.trial,
            block: trial.block,
            cell: cell_words(run, trial),
            attempt: trial.attempt,
            reason: trial.noise.as_ref()?.disturbed.clone()?,
        })
    });
    let mut disturbed: Vec<DisturbedTrial> = disturbed.collect();
    disturbed.sort_by_key(|trial| trial.trial);
    disturbed
}

fn cell_words(run: &RunView<'_>, trial: &TrialRecord) -> String {
    let factors = run.manifest.scenario.factors.iter();
    let level = |name: &String| trial.factors.get(name).map_or("?", String::as_str);
    factors.map(|factor| format!("{} {}", factor.name, level(&factor.name))).collect::<Vec<_>>().join(", ")
}

fn failure(run: &RunView<'_>, trial: &TrialRecord) -> TrialFailure {
    TrialFailure {
        trial: trial.trial,
        block: trial.block,
        cell: cell_words(run, trial),
        status: trial.status,
        reason: trial.reason.clone().unwrap_or_else(|| "no reason was kept".to_owned()),
    }
}

/// The trials that the account covers: those that had a probe, since of others there is nothing to set the generators'
/// counts against; all of them where none had one.
pub(super) fn accounted<'a>(run: &RunView<'a>) -> impl Iterator<Item = &'a TrialRecord> {
    let has_probe = |trial: &TrialRecord| trial.measures.iter().any(|it| it.vantage == Vantage::Kernel);
    let any_has_probe = run.trials.iter().any(has_probe);
    run.trials.iter().filter(move |trial| has_probe(trial) || !any_has_probe)
}

pub(super) fn ledgers(run: &RunView<'_>) -> Vec<TargetLedger> {
    let mut ledgers: Vec<TargetLedger> =
        run.manifest.scenario.syscalls.iter().map(|name| empty(name)).collect();
    for trial in accounted(run) {
        let mut counted: Vec<usize> = Vec::new();
        for measure in &trial.measures {
            let index =
                ledgers.iter().position(|ledger| ledger.syscall == measure.syscall).unwrap_or_else(|| {
                    ledgers.push(empty(&measure.syscall));
                    ledgers.len() - 1
                });
            add(&mut ledgers[index], measure);
            if !counted.contains(&index) {
                ledgers[index].trials += 1;
                counted.push(index);
            }
        }
    }
    ledgers
}

fn empty(syscall: &str) -> TargetLedger {
    TargetLedger {
        syscall: syscall.to_owned(),
        trials: 0,
        entered: None,
        returned: None,
        errors: 0,
        censored: 0,
        censored_age_max_ns: 0,
        lost: 0,
        lost_max: 0,
        missed: None,
        compat: None,
        user_calls: None,
    }
}

fn add(ledger: &mut TargetLedger, measure: &store::Measure) {
    let calls = measure.ok.count + measure.error.count;
    if measure.vantage == Vantage::User {
        *ledger.user_calls.get_or_insert(0) += calls;
        return;
    }
    *ledger.returned.get_or_insert(0) += calls;
    ledger.errors += measure.error.count;
    if let Some(account) = measure.ledger {
        *ledger.entered.get_or_insert(0) += account.entered;
        ledger.censored += account.censored;
        ledger.censored_age_max_ns = ledger.censored_age_max_ns.max(account.censored_age_max_ns);
        ledger.lost += account.lost;
        ledger.lost_max = ledger.lost_max.max(account.lost);
        for (sum, count) in [(&mut ledger.missed, account.missed), (&mut ledger.compat, account.compat)] {
            *sum = sum.map_or(count, |sum| Some(sum + count.unwrap_or(0)));
        }
    }
}

/// How many trials were disturbed, and the worst of it.
fn disturbed(run: &RunView<'_>) -> Option<String> {
    let noise = |trial: &TrialRecord| trial.noise.clone().filter(|noise| noise.disturbed.is_some());
    let disturbed: Vec<_> =
        run.trials.iter().filter_map(|trial| Some((trial.trial, noise(trial)?))).collect();
    let weight = |noise: &Noise| noise.others.unwrap_or(0.0) + noise.steal;
    let (trial, worst) = disturbed.iter().max_by(|a, b| weight(&a.1).total_cmp(&weight(&b.1)))?;
    let (count, executed) = (disturbed.len(), run.trials.len());
    let (were, so) = if count == 1 { ("was", "") } else { ("were", "most of all ") };
    Some(format!(
        "{count} of {executed} trials {were} disturbed, {so}trial {}: {}.",
        trial + 1,
        worst.disturbed.as_deref().unwrap_or_default()
    ))
}

/// The manifest's warnings, after what is wrong with the run as a whole.
pub(super) fn warnings(run: &RunView<'_>, progress: Progress) -> Vec<String> {
    let mut warnings = Vec::new();
    let state = match run.manifest.state {
        State::Running if run.is_under_way => Some("The run is under way"),
        State::Running => Some("The run was cut off"),
        State::Interrupted => Some("The run was interrupted"),
        State::Aborted => Some("The run was stopped by an error"),
        State::Complete => None,
    };
    let executed = progress.planned - progress.missing.min(progress.planned);
    match state {
        Some(state) => {
            warnings.push(format!("{state}: {executed} of {} trials were executed.", progress.planned));
        }
        None if progress.missing > 0 => {
            warnings.push(format!("{} of {} trials are missing.", progress.missing, progress.planned));
        }
        None => {}
    }
    let without_figures = progress.failed + progress.invalid;
    if without_figures > 0 {
        let share = units::percent(f64::from(without_figures) / f64::from(executed.max(1)));
        warnings.push(format!(
            "{without_figures} of {executed} trials ({share}) have no figures: failed {}, invalid {}.",
            progress.failed, progress.invalid
        ));
    }
    warnings.extend(disturbed(run));
    warnings.extend(crate::stopping::warning(run.manifest));
    let ok = run.trials.iter().filter(|trial| trial.status == Status::Ok);
    let boots: BTreeSet<&str> = ok.map(|trial| trial.boot.as_str()).collect();
    warnings.extend(crate::stopping::boots_warning(run.manifest, boots.len()));
    warnings.extend(run.manifest.warnings.iter().cloned());
    warnings
}

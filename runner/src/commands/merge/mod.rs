//! `runner merge`: one run of the parts of a plan, or of runs of one scenario from several machines or kernels.
//!
//! Every part is looked at before anything is written: by its manifest, then, one after the other, by all that `runner
//! verify` looks at. Then its trials are copied, again part by part, into a draft that becomes a run in one step.

mod design;
mod machines;
mod manifest;
mod refusals;

use super::conclusion::conclude;
use super::in_command;
use super::verify::{is_as_planned, other_limit, plan, stray};
use crate::cli::MergeArguments;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::progress::say_beside;
use crate::signals::{self, INTERRUPTED};
use chrono::{DateTime, TimeDelta, Utc};
use design::Design;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Draft, Manifest, Merged, Run, read_manifest};

/// A run that is to become part of another.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    manifest: Manifest,
    /// The boots in which it has trials, in the order of its trials.
    boots: Vec<Boot>,
}

/// A boot of a machine, and when it surely was up: from the first of its trials to the last.
#[derive(Debug)]
pub(super) struct Boot {
    id: String,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// Makes the run, and renders its report.
pub(crate) fn merge(arguments: &MergeArguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop()?;
    let mut parts = refusals::in_order(named(arguments)?)?;
    let count = parts.len();
    for (number, part) in parts.iter_mut().enumerate() {
        say(arguments, &format!("looking at run {} of {count}: {}", number + 1, part.manifest.id));
        part.boots = boots_of(&looked_at(part)?);
        if stop.load(Ordering::Relaxed) {
            return Ok(given_up());
        }
    }
    let design = Design::of(&parts)?;
    for warning in &design.manifest.warnings {
        super::warn(warning);
    }
    let Some(path) = written(&parts, design, arguments, &stop)? else { return Ok(given_up()) };
    conclude(&[path], (arguments.json, arguments.quiet), &stop)
}

/// The runs that are named, each once: of a folder of runs, `*` also names the link `latest`.
fn named(arguments: &MergeArguments) -> Result<Vec<Part>, Failure> {
    let mut folders = BTreeSet::new();
    let mut parts = Vec::new();
    for name in &arguments.runs {
        let path = store::resolve(&arguments.runs_dir.runs_dir, name)?;
        if folders.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
            parts.push(Part { manifest: read_manifest(&path)?, path, boots: Vec::new() });
        }
    }
    Ok(parts)
}

/// The part, whole and unharmed; an error says what is wrong with it.
fn looked_at(part: &Part) -> Result<Run, Failure> {
    let (mut findings, run) = store::verify(&part.path);
    findings.extend(run.iter().flat_map(super::verify::check_order));
    let (id, path) = (&part.manifest.id, in_command(&part.path));
    match (run, findings.first()) {
        (Some(run), None) if run.manifest == part.manifest => Ok(run),
        (Some(_), None) => Err(Failure::Failed(format!("{id} was changed meanwhile; merge again"))),
        (_, finding) => Err(Failure::Usage(format!(
            "{id} is not what was measured: {}; `runner verify {path}` tells all, and nothing was written",
            finding.map_or("it cannot be read", String::as_str)
        ))),
    }
}

fn boots_of(run: &Run) -> Vec<Boot> {
    let mut boots: Vec<Boot> = Vec::new();
    for trial in &run.trials {
        let first = trial.started_at;
        let took = TimeDelta::nanoseconds(i64::try_from(trial.wall_ns).unwrap_or(0));
        let last = first.checked_add_signed(took).unwrap_or(first);
        match boots.iter_mut().find(|boot| boot.id == trial.boot) {
            Some(boot) => (boot.first, boot.last) = (boot.first.min(first), boot.last.max(last)),
            None => boots.push(Boot { id: trial.boot.clone(), first, last }),
        }
    }
    boots
}

/// Copies the parts' trials into a new run; none when a signal came, and then nothing is left of it.
fn written(
    parts: &[Part],
    design: Design,
    arguments: &MergeArguments,
    stop: &AtomicBool,
) -> Result<Option<PathBuf>, Failure> {
    let Design { manifest, merged, cells } = design;
    let runs_dir = &arguments.runs_dir.runs_dir;
    let id = store::run_id(runs_dir, chrono::Utc::now(), &manifest.scenario.name);
    let manifest = Manifest { id, label: arguments.label.clone(), merged: Some(merged.clone()), ..manifest };
    let ended_at = parts.iter().filter_map(|part| part.manifest.ended_at).max();
    let scenario = Run::scenario_in(&parts[0].path)?;
    let owner = super::owner(Credentials::of_invoker().as_ref());
    let mut draft = Draft::create(runs_dir, manifest, &scenario, owner)?;
    for (number, part) in parts.iter().enumerate() {
        let run = Run::open(&part.path)?;
        if run.manifest != part.manifest {
            let id = &part.manifest.id;
            return Err(Failure::Failed(format!("{id} was changed meanwhile; merge again")));
        }
        for mut trial in run.trials {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            merged.place(&mut trial, number, cells);
            draft.add_trial(&trial)?;
        }
        draft.add_load(&run.load)?;
    }
    say(arguments, "putting the tables together");
    Ok(Some(draft.finish(ended_at)?))
}

fn given_up() -> ExitCode {
    say_beside("nothing was merged; the runs are as they were");
    INTERRUPTED.into()
}

fn say(arguments: &MergeArguments, words: &str) {
    if !arguments.quiet && !arguments.json {
        say_beside(words);
    }
}

/// The order of a merged run's trials against what scenario and seed make of each of its parts; the error says why that
/// cannot be made.
pub(super) fn check_order(run: &Run, merged: &Merged, text: &str) -> Result<Vec<String>, String> {
    let mut there: BTreeSet<u32> = run.trials.iter().map(|trial| trial.trial).collect();
    let mut findings = Vec::new();
    let factor = merged.factor.as_deref();
    // Of what they have in common once, and not again with all parts for each of them.
    let common = manifest::without_parts(&run.manifest);
    for (number, part) in merged.parts.iter().enumerate() {
        let planned = manifest::as_it_was(&common, part);
        let (scenario, plan) = plan(&planned, text)?;
        findings.extend(other_limit(&run.manifest, &scenario).filter(|_| number == 0));
        let cells = u32::try_from(scenario.cells_with_load()).unwrap_or(u32::MAX);
        if plan.trials.len() != part.trials as usize {
            let (made, kept) = (plan.trials.len(), part.trials);
            findings.push(format!("scenario and seed make {made} trials of {}, which had {kept}", part.run));
        }
        for trial in &plan.trials {
            let place = merged.number_of((trial.trial, trial.block, trial.position), number, cells);
            let Ok(found) = run.trials.binary_search_by_key(&place, |it| it.trial) else { continue };
            let found = &run.trials[found];
            let mut own = found.clone();
            let level = factor.and_then(|factor| own.factors.remove(factor));
            own.position = trial.position;
            let is_of_part = level == part.level && part.boots.contains(&found.boot);
            if !there.remove(&place) || !is_of_part || !is_as_planned(&scenario, trial, &own) {
                findings.push(stray(found));
            }
        }
    }
    let strays = run.trials.iter().filter(|trial| there.contains(&trial.trial));
    findings.extend(strays.map(stray));
    Ok(findings)
}

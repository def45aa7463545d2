//! `runner verify`: whether a run is what was measured, to the bit.

use super::print;
use crate::cli::VerifyArguments;
use crate::failure::Failure;
use crate::scenario::{MAX_TRIALS, Machine, Override, Plan, PlannedTrial, ProbeRequest, Scenario};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use store::{Manifest, Run, State, TrialRecord};

/// Most lines that are printed; of more, the number is told.
const MOST: usize = 50;

/// One line for each thing that is wrong; exit code 1 where something is.
pub(crate) fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let path = store::resolve(&arguments.runs_dir.runs_dir, &arguments.run)?;
    let (mut findings, run) = store::verify(&path);
    if let Some(run) = &run {
        findings.extend(check_order(run));
    }
    let mut text = String::new();
    for finding in findings.iter().take(MOST) {
        let _ = writeln!(text, "{}: {finding}", path.display());
    }
    if findings.len() > MOST {
        let _ = writeln!(text, "and {} more", findings.len() - MOST);
    }
    if let (Some(run), true) = (&run, findings.is_empty()) {
        let _ = writeln!(text, "{}: {}", path.display(), verdict(run));
    }
    print(&text)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an intact run is.
fn verdict(run: &Run) -> String {
    let trials = format!("{} of {} trials", run.trials.len(), run.manifest.plan.trials);
    match run.manifest.state {
        State::Complete => format!("intact: {trials}, {} files", run.manifest.checksums.len() + 1),
        State::Interrupted | State::Aborted => format!("intact as far as it came: {trials}"),
        State::Running if store::executed_by(&run.path).is_some() => {
            format!("under way, and intact so far: {trials}")
        }
        State::Running => format!("cut off, and intact as far as it came: {trials}"),
    }
}

/// The order of trials, and by what they are valid, against what scenario and seed make of it.
pub(super) fn check_order(run: &Run) -> Vec<String> {
    match run.scenario() {
        Ok(text) => order_by(run, &text),
        Err(error) => vec![format!("the order of trials cannot be made anew: {error}")],
    }
}

/// The same by this text of the scenario.
pub(super) fn order_by(run: &Run, text: &str) -> Vec<String> {
    let manifest = &run.manifest;
    if manifest.trace.is_some() {
        return check_windows(run);
    }
    let (scenario, plan) = match plan(manifest, text) {
        Ok(planned) => planned,
        Err(reason) => return vec![format!("the order of trials cannot be made anew: {reason}")],
    };
    let mut findings = Vec::new();
    let (said, limit) = (manifest.scenario.loss_limit, scenario.measure.loss_limit);
    if (said - limit).abs() > f64::EPSILON {
        findings.push(format!("the run says that its limit of loss is {said}, and its scenario has {limit}"));
    }
    // Where a rule ended the run, the plan goes on beyond its end.
    let (made, kept) = (plan.trials.len(), manifest.plan.trials as usize);
    let has_rule = manifest.plan.design.stop.is_some();
    if made < kept || made > kept && !has_rule {
        findings.push(format!(
            "scenario and seed make {} trials, and {} were planned",
            plan.trials.len(),
            manifest.plan.trials
        ));
    }
    for trial in &run.trials {
        // By its number: where one is missing, those behind it are still where they belong.
        let Some(planned) = plan.trials.get(trial.trial as usize) else { continue };
        let is_as_planned = |planned: &PlannedTrial| {
            let place = (planned.block, planned.position, planned.repetition);
            place == (trial.block, trial.position, trial.repetition)
                && scenario.labels(&scenario.cell(planned.cell), planned.load) == trial.factors
        };
        if !is_as_planned(planned) {
            findings.push(format!(
                "trial {} is not the one that scenario and seed have at its place",
                trial.trial
            ));
        }
    }
    findings
}

/// The windows of a trace come one after the other, each a block of its own.
fn check_windows(run: &Run) -> Vec<String> {
    let is_in_order = |(number, trial): &(u32, &TrialRecord)| {
        (trial.block, trial.position, trial.repetition) == (*number, 0, *number)
    };
    let strays = (0..).zip(&run.trials).filter(|it| !is_in_order(it));
    strays.map(|(number, _)| format!("window {number} of the trace is not at its place")).collect()
}

/// The plan of a run, made anew.
pub(super) fn plan(manifest: &Manifest, text: &str) -> Result<(Scenario, Plan), String> {
    let overrides: Vec<Override> = manifest.scenario.overrides.iter().map(|it| Override::set(it)).collect();
    let machine = Machine {
        cpus: manifest.environment.cpus.max(1) as usize,
        memory_bytes: manifest.environment.memory_bytes,
    };
    let parsed = Scenario::parse(Path::new("scenario.toml"), text, &overrides, &machine);
    let mut scenario = parsed.map_err(|found| format!("its scenario is none to this runner: {found}"))?;
    let is_kept = |name: &str| manifest.scenario.factors.iter().any(|factor| factor.name == name);
    if scenario.probe_factor().is_some_and(|factor| !is_kept(factor.name.as_str())) {
        // One backend was put in its place.
        scenario = scenario.with_probe(ProbeRequest::Auto);
    }
    // Blocks that were added follow those of the scenario, in the order that more repetitions would have had.
    let added: u32 = manifest.extensions.iter().map(|extension| extension.repetitions).sum();
    let blocks = scenario.plan.most_repetitions().saturating_add(added);
    if scenario.cells_with_load().saturating_mul(blocks as usize) > MAX_TRIALS {
        return Err(format!("it has more than {MAX_TRIALS} trials"));
    }
    let mut plan = Plan::of_blocks(&scenario, manifest.plan.seed, blocks);
    if scenario.plan.until.is_some() {
        // A rule ended the run after one of its blocks.
        plan.trials.retain(|trial| trial.block < manifest.plan.repetitions);
    }
    Ok((scenario, plan))
}

//! `runner run`: from a scenario to a kept run and its report, or from two to two.

use super::conclusion::conclude;
use super::{against, append, check_load, generator, in_command, machine, manifest, scratch, shard};
use crate::calibration::Calibrated;
use crate::cli::RunArguments;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::execution::{LinuxRig, Parts, Party, Probes, Session, execute};
use crate::failure::{Failure, chain};
use crate::monitor::CpuTimes;
use crate::noise::Listener;
use crate::progress::{Progress, brief};
use crate::scenario::{Machine, Overheads, Plan, ProbeRequest, Scenario, counted, longest, shard_words};
use crate::scratch::Scratch;
use crate::settings::{self, Settings};
use crate::signals::{self, INTERRUPTED};
use crate::timeline::Timeline;
use crate::turn::Turn;
use crate::{environment, live, load};
use probe::Backend;
use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{MachineSetting, Manifest, Owner, ProbeInfo, Role, RunWriter, State, StoreError, TrialRecord};

/// Executes the scenario, or two in alternation; ends by rendering the report and printing its path.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    if let Some(name) = &arguments.append {
        shard::refuse_append(arguments.shard)?;
        return append::append(arguments, name);
    }
    let Some((paths, _turn)) = measure(arguments)? else { return Ok(INTERRUPTED.into()) };
    conclude(&paths, (arguments.json, arguments.quiet), &*signals::stop()?)
}

/// Executes the scenario, or two in alternation, and keeps what was measured: the folders, and the turn, as [`carry_out`]
/// has them. None when a signal came before anything was begun.
pub(super) fn measure(arguments: &RunArguments) -> Result<Option<(Vec<PathBuf>, Turn)>, Failure> {
    let stop = signals::stop()?;
    let machine = machine();
    let request = arguments.probe.as_deref().map(request).transpose()?;
    let read = against::sides((&arguments.scenario, &arguments.against), request, &machine);
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let sides = shard::of_sides(read?, arguments.shard)?;
    let Some(stage) = Stage::prepare(&sides, machine)? else { return Ok(None) };
    let (settings, machine_settings) = set_machine(&sides)?;
    let (probes, drafts) = probed(&sides)?;
    let manifests = calibrated(drafts, &probes, (&sides, &stage));
    if stage.is_stopped() {
        // Nothing is begun of which something could be kept.
        return Ok(None);
    }
    let runs_dir = &arguments.runs_dir.runs_dir;
    let manifests = manifests.into_iter().map(|manifest| Manifest {
        label: arguments.label.clone(),
        ..manifest::with_settings(manifest, machine_settings.clone())
    });
    let manifests = against::named(manifests.collect(), &sides, runs_dir);
    let mut progress = Progress::new(manifests.iter().map(|it| it.plan.trials).sum(), arguments.quiet);
    announce(&progress, &sides, &manifests);
    let title = manifests.iter().map(|it| it.scenario.name.as_str()).collect::<Vec<_>>().join(" against ");
    let owner = super::owner(stage.credentials.as_ref());
    let writers = created(runs_dir, manifests, &sides, owner)?;
    let tools = probes.into_iter().zip(writers).collect();
    if arguments.live {
        go_live(&mut progress, title, &stage);
    }
    carry_out(&sides, tools, (stage, settings), &mut progress).map(Some)
}

/// Shows the figures as they come, where there is a terminal for it.
fn go_live(progress: &mut Progress, title: String, stage: &Stage) {
    if !live::is_possible() {
        progress.warn("--live takes a terminal for keys and figures; without one there are lines");
    } else if let Err(error) = progress.go_live(title, stage.scratch.keeper()) {
        progress.warn(&format!("there is no live view: the terminal cannot be taken: {error}"));
    }
}

/// What each side's trials are observed with, tried and detached again, and the manifests that say so.
fn probed(sides: &[Side]) -> Result<(Vec<Probes>, Vec<Manifest>), Failure> {
    let (mut probes, mut drafts) = (Vec::new(), Vec::new());
    for Side { scenario, plan, .. } in sides {
        let mut tried = Probes::of(scenario)?;
        tried.detach();
        drafts.push(manifest::draft(scenario, plan, tried.info(scenario)));
        probes.push(tried);
    }
    against::check_comparable(&drafts)?;
    Ok((probes, drafts))
}

/// The manifests with what the probe costs, which is found out once for both sides where it is the same.
fn calibrated(drafts: Vec<Manifest>, probes: &[Probes], (sides, stage): (&[Side], &Stage)) -> Vec<Manifest> {
    let mut known: Vec<((Vec<Backend>, usize), Calibrated)> = Vec::new();
    let with_costs = |((draft, probes), side): ((Manifest, &Probes), &Side)| {
        let what = (probes.backends(), side.scenario.measure.keep_slowest);
        let place = known.iter().position(|(it, _)| *it == what).unwrap_or_else(|| {
            let calibrated = calibrate(&what.0, &side.scenario, stage);
            known.push((what, calibrated));
            known.len() - 1
        });
        manifest::with_costs(draft, &known[place].1)
    };
    drafts.into_iter().zip(probes).zip(sides).map(with_costs).collect()
}

/// The folders of the runs; where one cannot be made, none stays.
fn created(
    runs_dir: &Path,
    manifests: Vec<Manifest>,
    sides: &[Side],
    owner: Option<Owner>,
) -> Result<Vec<RunWriter>, Failure> {
    let mut writers: Vec<RunWriter> = Vec::new();
    for (manifest, side) in manifests.into_iter().zip(sides) {
        match RunWriter::create(runs_dir, manifest, &side.scenario.source, owner) {
            Ok(writer) => writers.push(writer),
            Err(error) => {
                writers.into_iter().for_each(RunWriter::discard);
                return Err(error.into());
            }
        }
    }
    Ok(writers)
}

/// One of the runs that are executed together: there is one, or there are two in alternation.
pub(super) struct Side {
    pub(super) scenario: Scenario,
    pub(super) plan: Plan,
    /// The plan's first trials, as far as they are there already.
    pub(super) done: Vec<TrialRecord>,
}

/// What trials need besides a scenario: all of it there, and this machine's turn taken.
pub(super) struct Stage {
    machine: Machine,
    /// Path of the `generator` binary.
    generator: PathBuf,
    /// Whom generators and load run as, when not as the runner.
    pub(super) credentials: Option<Credentials>,
    scratch: Scratch,
    /// Set by a signal.
    pub(super) stop: Arc<AtomicBool>,
    turn: Turn,
}

impl Stage {
    /// Makes sure of what the scenario executes, and waits for the turn; none when a signal came first.
    pub(super) fn prepare(sides: &[Side], machine: Machine) -> Result<Option<Self>, Failure> {
        let stop = signals::stop()?;
        let prepared = Self::made_sure(sides, machine, Arc::clone(&stop));
        // A key on the terminal reaches those that are asked as well, and their answers mean nothing then.
        if stop.load(Ordering::Relaxed) { Ok(None) } else { prepared }
    }

    /// Whether a signal came.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn made_sure(sides: &[Side], machine: Machine, stop: Arc<AtomicBool>) -> Result<Option<Self>, Failure> {
        let scenarios = || sides.iter().map(|side| &side.scenario);
        let generator = generator()?;
        let credentials = Credentials::of_invoker();
        let scratch = scratch(credentials.as_ref())?;
        if scenarios().any(Scenario::needs_stress_ng) {
            load::version().map_err(|error| Failure::failed(&error))?;
        }
        for scenario in scenarios() {
            super::check_programs(scenario)?;
            check_load(scenario, &machine, (&scratch, credentials.as_ref()))?;
        }
        let Some(turn) = take_turn(&stop)? else { return Ok(None) };
        // Now that nobody else's load fills it.
        scenarios().try_for_each(|scenario| super::check_memory(scenario, &machine))?;
        Ok(Some(Self { machine, generator, credentials, scratch, stop, turn }))
    }
}

/// Executes the trials of the plans that are not done, and finishes the runs; returns their folders, and the turn: whoever
/// is next must not measure what putting the files together and drawing the report takes.
pub(super) fn carry_out(
    sides: &[Side],
    tools: Vec<(Probes, RunWriter)>,
    (stage, mut settings): (Stage, Settings),
    progress: &mut Progress,
) -> Result<(Vec<PathBuf>, Turn), Failure> {
    let Stage { machine, generator, credentials, scratch, stop, turn } = stage;
    let (mut rigs, mut writers) = (Vec::new(), Vec::new());
    for (Side { scenario, plan, .. }, (probes, writer)) in sides.iter().zip(tools) {
        let (generator, credentials) = (generator.clone(), credentials.clone());
        let (seed, scratch, stop) = (plan.seed, &scratch, &*stop);
        let parts = Parts { scenario, seed, machine, probes, generator, credentials, scratch, stop };
        rigs.push(LinuxRig::new(parts).map_err(|error| Failure::failed(&error))?);
        writers.push(writer);
    }
    let mut session = Session {
        progress: &mut *progress,
        stop: &stop,
        boot: environment::boot_id(),
        told: BTreeSet::new(),
        timeline: Timeline::from_environment(),
        clock: Clock::start(),
    };
    let parties = sides.iter().zip(&mut rigs).zip(&mut writers).map(|((side, rig), writer)| {
        let Side { scenario, plan, done } = side;
        Party { scenario, plan, done, rig, writer }
    });
    let outcome = execute(parties.collect(), &mut session);
    // Everything that disturbs ends before the files are put together.
    drop(rigs);
    drop(scratch);
    for words in settings.restore() {
        progress.warn(&words);
    }
    Ok((finished(writers, outcome)?, turn))
}

/// Ends the runs, all of them whatever becomes of one; returns their folders.
fn finished(writers: Vec<RunWriter>, outcome: Result<State, StoreError>) -> Result<Vec<PathBuf>, Failure> {
    let state = *outcome.as_ref().unwrap_or(&State::Aborted);
    let folders: Vec<PathBuf> = writers.iter().map(|writer| writer.path().to_owned()).collect();
    let ended: Vec<_> = writers.into_iter().map(|writer| writer.finish(state)).collect();
    // The first error is the one to tell; whether the rest can still be put together depends on it.
    let failed = |error| kept(&error, &folders[0]);
    outcome.map_err(failed)?;
    ended.into_iter().collect::<Result<_, _>>().map_err(failed)
}

/// A failure after which the run can be gone on with.
fn kept(error: &StoreError, folder: &Path) -> Failure {
    let (words, folder, named) = (chain(error), folder.display(), in_command(folder));
    Failure::Failed(format!(
        "{words}\nwhat was finished is kept in {folder}, and `runner resume {named}` goes on with it"
    ))
}

/// Sets the machine as the scenarios ask, which is the same for both, after what a killed runner may have left is
/// restored. Refuses what cannot be set and is required.
pub(super) fn set_machine(sides: &[Side]) -> Result<(Settings, Vec<MachineSetting>), Failure> {
    let root = settings::root();
    settings::restore_left(&root);
    let scenario = &sides[0].scenario;
    let applied = Settings::apply(&root, &scenario.machine).map_err(|error| Failure::failed(&error))?;
    let cannot = applied.1.iter().filter_map(|it| Some((it.name.clone(), it.cannot.clone()?)));
    let checked = scenario.check_required(&cannot.collect::<Vec<_>>());
    checked.map_err(|found| Failure::Failed(found.render(super::colour(&std::io::stderr()))))?;
    Ok(applied)
}

/// What the backends cost, and what else went on while that was found out: then the machine is not at rest.
fn calibrate(backends: &[Backend], scenario: &Scenario, stage: &Stage) -> Calibrated {
    let mut listener = Listener::new(u32::try_from(stage.machine.cpus).unwrap_or(u32::MAX));
    let (quiet, before) = (listener.look(), CpuTimes::read());
    let mut calibrated = Calibrated::of(backends, scenario.measure.keep_slowest, &stage.stop);
    let cpu_use = CpuTimes::read().zip(before).map(|(now, before)| now.since(before));
    let steal = cpu_use.map_or(0.0, |cpu_use| cpu_use.steal);
    let noise = listener.since(&quiet, steal, scenario.measure.noise_limit);
    let words = |reason| format!("the machine was not at rest before the start: {reason}");
    calibrated.warnings.extend(noise.disturbed.map(words));
    calibrated
}

/// Waits until no other runner measures on this machine; none when a signal came first.
pub(super) fn take_turn(stop: &AtomicBool) -> Result<Option<Turn>, Failure> {
    let waits = |pid: Option<i32>| {
        let whom = pid.map_or_else(
            || "another runner".to_owned(),
            |pid| format!("the runner with process number {pid}"),
        );
        let _ = writeln!(stderr(), "waiting for {whom}: two would measure each other's load");
    };
    let failed =
        |error| Failure::Failed(format!("cannot tell whether another runner measures here: {error}"));
    Turn::wait(stop, waits).map_err(failed)
}

pub(super) fn request(name: &str) -> Result<ProbeRequest, Failure> {
    let known = ProbeRequest::NAMES.iter().find(|(known, _)| *known == name);
    let names = || ProbeRequest::NAMES.map(|(known, _)| known).join(", ");
    let unknown = || Failure::Usage(format!("--probe {name}: no such backend; there are {}", names()));
    known.map(|(_, request)| *request).ok_or_else(unknown)
}

/// Says what is about to happen: the plan, the backend and why it is this one, what to mind.
fn announce(progress: &Progress, sides: &[Side], manifests: &[Manifest]) {
    for (side, manifest) in sides.iter().zip(manifests) {
        let whose = match manifest.against.as_ref().map(|against| against.role) {
            None => "",
            Some(Role::Baseline) => "baseline ",
            Some(Role::Candidate) => "candidate ",
        };
        progress.note(&format!("{whose}{}", plan_words(side, manifest)));
        for reason in &manifest.probe.reasons {
            progress.note(&format!("  {reason}"));
        }
        for sentence in reports::calibration::sentences(manifest) {
            progress.note(&format!("  {sentence}"));
        }
    }
    let mut told = BTreeSet::new();
    for warning in manifests.iter().flat_map(|manifest| &manifest.warnings) {
        if told.insert(warning) {
            progress.warn(warning);
        }
    }
}

/// `NAME: 8 trials (4 cells × 2 repetitions), about 3 s; seed 1; probe: user`.
fn plan_words(Side { scenario, plan, .. }: &Side, manifest: &Manifest) -> String {
    let estimate = plan.estimate(scenario, Overheads::TYPICAL);
    let probe = match &manifest.probe {
        ProbeInfo { factor: Some(factor), .. } => format!("by factor {}", factor.name),
        ProbeInfo { backend, .. } => backend.clone(),
    };
    let about = if estimate.is_lower_bound { "more than" } else { "about" };
    let at_most = if scenario.plan.until.is_some() { "at most " } else { "" };
    let most = longest(scenario, Overheads::TYPICAL);
    let most = most.map_or_else(String::new, |most| format!(" to {}", brief(most)));
    let part =
        plan.shard.map_or_else(String::new, |shard| format!(", of which {} has these", shard_words(shard)));
    format!(
        "{}: {at_most}{} ({} × {}{part}), {about} {}{most}; seed {}; probe: {probe}",
        scenario.name,
        counted(manifest.plan.trials as usize, "trial"),
        counted(manifest.plan.cells as usize, "cell"),
        counted(manifest.plan.repetitions as usize, "repetition"),
        brief(estimate.total()),
        manifest.plan.seed,
    )
}

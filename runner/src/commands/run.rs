//! `runner run`: from a scenario to a kept run and its report.

use super::{check_load, generator, machine, print, report, scenario, scratch};
use crate::calibration::Calibrated;
use crate::cli::RunArguments;
use crate::clock::{Clock, nanoseconds};
use crate::credentials::Credentials;
use crate::execution::{Execution, LinuxRig, Parts, Probes, execute, stop_rule};
use crate::failure::{Failure, chain};
use crate::monitor::CpuTimes;
use crate::noise::Listener;
use crate::progress::{Progress, brief};
use crate::scenario::{
    Cell, Estimate, Given, Machine, Overheads, Plan, ProbeRequest, Scenario, Window, counted, longest,
};
use crate::scratch::Scratch;
use crate::settings::{self, Settings};
use crate::signals::{self, INTERRUPTED};
use crate::timeline::Timeline;
use crate::turn::Turn;
use crate::{environment, load};
use probe::Backend;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{
    Design, Factor, Level, MachineSetting, Manifest, PlanInfo, ProbeInfo, Run, RunWriter, ScenarioInfo,
    State, Status, StoreError, TrialRecord,
};

/// Executes the scenario; ends by rendering the report and printing its path.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop()?;
    let machine = machine();
    let read = scenario(&arguments.scenario, &machine);
    if stop.load(Ordering::Relaxed) {
        return Ok(INTERRUPTED.into());
    }
    let mut scenario = read?;
    if let Some(backend) = &arguments.probe {
        scenario = scenario.with_probe(request(backend)?);
    }
    let Some(stage) = Stage::prepare(&scenario, machine)? else { return Ok(INTERRUPTED.into()) };
    let plan = Plan::of(&scenario, scenario.plan.seed);
    let (settings, machine_settings) = set_machine(&scenario)?;
    let mut probes = Probes::of(&scenario)?;
    let calibrated = calibrate(&probes.detach(), &scenario, &stage);
    if stage.is_stopped() {
        // Nothing is begun of which something could be kept.
        return Ok(INTERRUPTED.into());
    }
    let manifest = manifest(&scenario, &plan, (probes.info(&scenario), calibrated), arguments);
    let manifest = with_settings(manifest, machine_settings);
    let mut progress = Progress::new(manifest.plan.trials, arguments.quiet);
    announce(&progress, &scenario, &manifest);

    let owner = super::owner(stage.credentials.as_ref());
    let writer = RunWriter::create(&arguments.runs_dir.runs_dir, manifest, &scenario.source, owner)?;
    let stop = Arc::clone(&stage.stop);
    let (path, _turn) =
        carry_out((&scenario, &plan), (stage, probes, settings), (writer, &[]), &mut progress)?;
    conclude(&path, (arguments.json, arguments.quiet), &stop)
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
    pub(super) fn prepare(scenario: &Scenario, machine: Machine) -> Result<Option<Self>, Failure> {
        let stop = crate::signals::stop()?;
        let prepared = Self::made_sure(scenario, machine, Arc::clone(&stop));
        // A key on the terminal reaches those that are asked as well, and their answers mean nothing then.
        if stop.load(Ordering::Relaxed) { Ok(None) } else { prepared }
    }

    /// Whether a signal came.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn made_sure(
        scenario: &Scenario,
        machine: Machine,
        stop: Arc<AtomicBool>,
    ) -> Result<Option<Self>, Failure> {
        let generator = generator()?;
        let credentials = Credentials::of_invoker();
        let scratch = scratch(credentials.as_ref())?;
        if scenario.needs_stress_ng() {
            load::version().map_err(|error| Failure::failed(&error))?;
        }
        super::check_programs(scenario)?;
        check_load(scenario, &machine, (&scratch, credentials.as_ref()))?;
        let Some(turn) = take_turn(&stop)? else { return Ok(None) };
        // Now that nobody else's load fills it.
        super::check_memory(scenario, &machine)?;
        Ok(Some(Self { machine, generator, credentials, scratch, stop, turn }))
    }
}

/// Executes the trials of the plan that are not done, and finishes the run; returns its folder, and the turn: whoever is
/// next must not measure what putting the files together and drawing the report takes.
pub(super) fn carry_out(
    (scenario, plan): (&Scenario, &Plan),
    (stage, probes, mut settings): (Stage, Probes, Settings),
    (mut writer, done): (RunWriter, &[TrialRecord]),
    progress: &mut Progress,
) -> Result<(PathBuf, Turn), Failure> {
    let folder = writer.path().to_owned();
    let Stage { machine, generator, credentials, scratch, stop, turn } = stage;
    let parts =
        Parts { scenario, seed: plan.seed, machine, probes, generator, credentials, scratch, stop: &stop };
    let mut rig = LinuxRig::new(parts).map_err(|error| Failure::failed(&error))?;
    let mut execution = Execution {
        scenario,
        writer: &mut writer,
        progress: &mut *progress,
        stop: &stop,
        boot: environment::boot_id(),
        told: BTreeSet::new(),
        timeline: Timeline::from_environment(),
        clock: Clock::start(),
    };
    let outcome = execute((plan, done), &mut rig, &mut execution);
    // Everything that disturbs ends before the files are put together.
    drop(rig);
    for words in settings.restore() {
        progress.warn(&words);
    }
    let finished = match outcome {
        Ok(end) => writer.finish(end),
        // The first error is the one to tell; whether the rest can still be put together depends on it.
        Err(error) => {
            let _ = writer.finish(State::Aborted);
            Err(error)
        }
    };
    Ok((finished.map_err(|error| kept(&error, &folder))?, turn))
}

/// A failure after which the run can be gone on with.
fn kept(error: &StoreError, folder: &Path) -> Failure {
    let (words, folder) = (chain(error), folder.display());
    Failure::Failed(format!(
        "{words}\nwhat was finished is kept in {folder}, and `runner resume {folder}` goes on with it"
    ))
}

/// Sets the machine as the scenario asks, after what a killed runner may have left is restored. Refuses what cannot be
/// set and is required.
pub(super) fn set_machine(scenario: &Scenario) -> Result<(Settings, Vec<MachineSetting>), Failure> {
    let root = settings::root();
    settings::restore_left(&root);
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

/// The manifest with how the machine is set, and a warning for each thing that it cannot be.
fn with_settings(mut manifest: Manifest, settings: Vec<MachineSetting>) -> Manifest {
    let cannot = settings.iter().filter_map(|it| Some((it, it.cannot.as_ref()?)));
    let warnings = cannot.map(|(it, reason)| format!("{} is not {} as asked: {reason}", it.name, it.asked));
    manifest.warnings.extend(warnings);
    manifest.machine = settings;
    manifest
}

/// Waits until no other runner measures on this machine; none when a signal came first.
fn take_turn(stop: &AtomicBool) -> Result<Option<Turn>, Failure> {
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

/// Says how the run went and renders its report, which is left for later where a signal wants the runner to end.
pub(super) fn conclude(
    path: &Path,
    (json, quiet): (bool, bool),
    stop: &AtomicBool,
) -> Result<ExitCode, Failure> {
    let later = format!("the run is kept, and `runner report {}` draws its report", path.display());
    signals::end_at_once(format!("interrupted: {later}"));
    let run = Run::open(path)?;
    if stop.load(Ordering::Relaxed) {
        // Whoever sent the signal may have taken the terminal along: what cannot be said any more is not a failure.
        let _ = if json { print_document(&run, None) } else { print(&format!("{}\n", left(&run, &later))) };
        return Ok(INTERRUPTED.into());
    }
    let summary = reports::summarise(&report::view(&run));
    let page = report::write_html(&run, &summary, None);
    if json {
        print_document(&run, page.as_deref().ok())?;
    } else {
        if !quiet {
            print(&reports::text::render(&summary, &report::text_options()))?;
            print("\n")?;
        }
        if let Ok(page) = &page {
            print(&format!("report: {}\n", page.display()))?;
        }
    }
    page.map_err(|error| {
        let (words, path) = (chain(&error), path.display());
        Failure::Failed(format!("{words}; the run is kept, and `runner report {path}` tries again"))
    })?;
    Ok(if without_figures(&run) > 0 { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// What a signal left of a run, and how it goes on.
fn left(run: &Run, later: &str) -> String {
    let (done, planned, path) = (run.trials.len(), run.manifest.plan.trials, run.path.display());
    match run.manifest.state {
        State::Complete => later.to_owned(),
        _ => format!("{done} of {planned} trials are kept: `runner resume {path}` goes on; {later}"),
    }
}

/// Trials that failed or are invalid.
fn without_figures(run: &Run) -> usize {
    run.trials.iter().filter(|trial| trial.status != Status::Ok).count()
}

fn print_document(run: &Run, page: Option<&Path>) -> Result<(), Failure> {
    let document = RunDocument {
        format: "syscall_lab.run",
        version: 1,
        id: &run.manifest.id,
        path: &run.path,
        report: page,
        state: run.manifest.state,
        trials: run.trials.len(),
        failed_or_invalid: without_figures(run),
        backend: &run.manifest.probe.backend,
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::failed(&error))?;
    print(&format!("{text}\n"))
}

/// What `--json` prints.
#[derive(Serialize)]
struct RunDocument<'a> {
    format: &'a str,
    version: u32,
    id: &'a str,
    path: &'a Path,
    /// None when it could not be written, or a signal came first.
    report: Option<&'a Path>,
    state: State,
    trials: usize,
    failed_or_invalid: usize,
    backend: &'a str,
}

fn request(name: &str) -> Result<ProbeRequest, Failure> {
    let known = ProbeRequest::NAMES.iter().find(|(known, _)| *known == name);
    let names = || ProbeRequest::NAMES.map(|(known, _)| known).join(", ");
    let unknown = || Failure::Usage(format!("--probe {name}: no such backend; there are {}", names()));
    known.map(|(_, request)| *request).ok_or_else(unknown)
}

/// Says what is about to happen: the plan, the backend and why it is this one, what to mind.
fn announce(progress: &Progress, scenario: &Scenario, manifest: &Manifest) {
    let estimate = Estimate::of(scenario, Overheads::TYPICAL);
    let probe = match &manifest.probe {
        ProbeInfo { factor: Some(factor), .. } => format!("by factor {}", factor.name),
        ProbeInfo { backend, .. } => backend.clone(),
    };
    let about = if estimate.is_lower_bound { "more than" } else { "about" };
    let at_most = if scenario.plan.until.is_some() { "at most " } else { "" };
    let most = longest(scenario, Overheads::TYPICAL);
    let most = most.map_or_else(String::new, |most| format!(" to {}", brief(most)));
    progress.note(&format!(
        "{}: {at_most}{} ({} × {}), {about} {}{most}; seed {}; probe: {probe}",
        scenario.name,
        counted(manifest.plan.trials as usize, "trial"),
        counted(manifest.plan.cells as usize, "cell"),
        counted(manifest.plan.repetitions as usize, "repetition"),
        brief(estimate.total()),
        manifest.plan.seed,
    ));
    for reason in &manifest.probe.reasons {
        progress.note(&format!("  {reason}"));
    }
    for sentence in reports::calibration::sentences(manifest) {
        progress.note(&format!("  {sentence}"));
    }
    for warning in &manifest.warnings {
        progress.warn(warning);
    }
}

fn manifest(
    scenario: &Scenario,
    plan: &Plan,
    (probe, calibrated): (ProbeInfo, Calibrated),
    arguments: &RunArguments,
) -> Manifest {
    let started_at = chrono::Utc::now();
    let environment = environment::observe();
    let cells = scenario.cells_with_load();
    let mut warnings = environment::warnings(&environment);
    warnings.extend(probe_warnings(&probe));
    warnings.extend(crate::scenario::warnings(scenario));
    warnings.extend(calibrated.warnings);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Manifest {
        format_version: store::FORMAT_VERSION,
        id: store::run_id(&arguments.runs_dir.runs_dir, started_at, scenario.name.as_str()),
        state: State::Running,
        started_at,
        ended_at: None,
        label: arguments.label.clone(),
        command: std::env::args().collect(),
        scenario: scenario_info(scenario),
        plan: PlanInfo {
            order: scenario.plan.order.name().to_owned(),
            seed: plan.seed,
            repetitions: scenario.plan.most_repetitions(),
            cells: count(cells),
            trials: count(plan.trials.len()),
            design: design(scenario),
        },
        probe: ProbeInfo { calibrations: calibrated.calibrations, ..probe },
        environment,
        against: None,
        warnings,
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// What a reader of the figures should know of the probe beforehand.
fn probe_warnings(probe: &ProbeInfo) -> Vec<String> {
    if probe.backend == Backend::User.name() {
        let words = "without a probe only the callers' own view is measured: it includes the way into and out of the \
                     kernel, and no ledger can tell what is missing";
        return vec![words.to_owned()];
    }
    let levels = probe.factor.iter().flat_map(|factor| &factor.levels);
    let missing = levels.filter(|level| level.backend.is_none());
    missing.map(|level| format!("probe {} cannot be attached here: its trials fail", level.label)).collect()
}

fn scenario_info(scenario: &Scenario) -> ScenarioInfo {
    let measure = &scenario.measure;
    ScenarioInfo {
        name: scenario.name.to_string(),
        summary: scenario.summary.clone(),
        hash: blake3::hash(scenario.source.as_bytes()).to_hex().to_string(),
        overrides: scenario.overrides.clone(),
        syscalls: measure.targets.clone(),
        scope: measure.scope.name().to_owned(),
        warmup_ns: measure.warmup.values().iter().copied().map(nanoseconds).max().unwrap_or(0),
        window_ns: match measure.window {
            Given::Fixed(Window::Timed(window)) => Some(nanoseconds(window)),
            Given::Fixed(Window::Operations) | Given::Factor { .. } => None,
        },
        factors: factors(scenario),
        generators: generator_lines(scenario),
        loss_limit: measure.loss_limit,
        noise_limit: Some(measure.noise_limit),
        keep_slowest: u32::try_from(measure.keep_slowest).unwrap_or(u32::MAX),
    }
}

/// Where the plan is more than every combination of levels.
fn design(scenario: &Scenario) -> Design {
    // Of the levels that the manifest has, which are those of some cell.
    let factors = (0..scenario.factors.len()).map(|factor| scenario.used_levels(factor));
    let used: Vec<Vec<usize>> = factors.chain([scenario.used_loads()]).collect();
    let index = |(used, level): (&Vec<usize>, usize)| {
        used.iter()
            .position(|it| *it == level)
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or(u32::MAX)
    };
    let combination = |cell: &Cell, load: usize| {
        used.iter().zip(cell.levels.iter().copied().chain([load])).map(index).collect()
    };
    let cells = scenario.cells.iter().filter(|_| !scenario.is_full());
    let name = |factor: usize| scenario.factors[factor].name.to_string();
    Design {
        zip: scenario.zips.clone(),
        cells: cells.flat_map(|cell| cell.loads.iter().map(move |load| combination(cell, *load))).collect(),
        warmup_factor: scenario.measure.warmup.factor().map(name),
        window_factor: scenario.measure.window.factor().map(name),
        stop: stop_rule(scenario),
    }
}

/// The factors with those of their levels that some cell has.
fn factors(scenario: &Scenario) -> Vec<Factor> {
    let declared = scenario.factors.iter().enumerate().map(|(index, factor)| {
        let level = |level: usize| Level {
            label: factor.levels[level].label.to_string(),
            value: factor.levels[level].value,
            arguments: Vec::new(),
            command: Vec::new(),
        };
        let levels = scenario.used_levels(index).into_iter().map(level).collect();
        Factor { name: factor.name.to_string(), levels }
    });
    let machine = machine();
    let load = scenario.used_loads().into_iter().map(|index| &scenario.loads[index]).map(|level| Level {
        label: level.name.to_string(),
        value: None,
        arguments: level.arguments(&machine),
        command: level.program.as_ref().map(|program| program.command.clone()).unwrap_or_default(),
    });
    declared.chain([Factor { name: "load".to_owned(), levels: load.collect() }]).collect()
}

/// One line on each generator: what it does, with the factors that it follows.
fn generator_lines(scenario: &Scenario) -> Vec<String> {
    let cells: Vec<_> = (0..scenario.cell_count()).map(|index| scenario.cell(index)).collect();
    let scratch = Path::new("");
    let lines = scenario.generators.iter().enumerate().map(|(place, declared)| {
        let spec = |cell| scenario.generators_of(cell, scratch).swap_remove(place).1;
        let mut seen: Vec<String> = Vec::new();
        for text in cells.iter().map(|cell| spec(cell).describe()) {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        format!("{}: {}", declared.name, seen.join("; "))
    });
    let factor = |index: usize| scenario.factors[index].name.to_string();
    let programs = scenario.programs.iter();
    lines.chain(programs.map(|program| format!("{}: {}", program.name, program.describe(factor)))).collect()
}

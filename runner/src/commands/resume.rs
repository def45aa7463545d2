//! `runner resume`: goes on where a run stopped that did not come to its end.
//!
//! What is left of the same plan is executed, in its order, and only on the same machine by the same runner: half a run
//! of one and half of another would be compared with itself in every report.

use super::conclusion::conclude;
use super::run::{Side, Stage, carry_out};
use super::verify::plan;
use super::{machine, print};
use crate::cli::ResumeArguments;
use crate::environment;
use crate::execution::Probes;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::scenario::ProbeRequest;
use crate::signals::{self, INTERRUPTED};
use crate::turn::Turn;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{
    Environment, Extension, Manifest, Role, Run, RunWriter, State, StoreError, TrialRecord, read_manifest,
};

/// What a machine tells of itself.
type Fact = fn(&Environment) -> &Option<String>;

/// Executes what is left of the run's plan, and of the one's that was executed in alternation with it, then renders their
/// reports anew.
pub(crate) fn resume(arguments: &ResumeArguments) -> Result<ExitCode, Failure> {
    let path = store::resolve(&arguments.runs_dir.runs_dir, &arguments.run)?;
    // Before all that a run needs is prepared.
    let paths = together(path)?;
    match carry_on(&paths, arguments)? {
        Carried::Stopped => Ok(INTERRUPTED.into()),
        Carried::Complete => Ok(ExitCode::SUCCESS),
        Carried::On(_turn) => conclude(&paths, (arguments.json, arguments.quiet), &*signals::stop()?),
    }
}

/// What became of a run that was to be gone on with.
pub(super) enum Carried {
    /// A signal came before anything was begun.
    Stopped,
    /// There was nothing left to execute, which was said.
    Complete,
    /// It was gone on with, as far as it came.
    On(Turn),
}

/// Executes what is left of these runs' plans.
pub(super) fn carry_on(paths: &[PathBuf], arguments: &ResumeArguments) -> Result<Carried, Failure> {
    let kept = paths.iter().map(|path| Run::open(path)).collect::<Result<Vec<_>, _>>()?;
    if are_complete(paths)? {
        return Ok(Carried::Complete);
    }
    let sides = kept.iter().map(planned).collect::<Result<Vec<_>, _>>()?;
    paths.iter().try_for_each(|path| refuse_under_way(path))?;
    let Some(stage) = Stage::prepare(&sides, machine())? else { return Ok(Carried::Stopped) };
    // Whoever had the turn may have been executing just this run.
    if are_complete(paths)? {
        return Ok(Carried::Complete);
    }
    let others = otherwise(&kept[0].manifest, &environment::observe());
    if !others.is_empty() && !arguments.force {
        return Err(Failure::Failed(format!(
            "{} was begun otherwise: {}; `--force` goes on in spite of it, and marks the run",
            kept[0].manifest.id,
            others.join("; ")
        )));
    }
    let how = How { others, extension: None, json: arguments.json, quiet: arguments.quiet };
    Ok(executed(paths, sides, stage, &how)?.map_or(Carried::Stopped, Carried::On))
}

/// How runs are gone on with.
pub(super) struct How {
    /// What is not as it was when they were begun, and was accepted.
    pub(super) others: Vec<String>,
    /// What is added to them first.
    pub(super) extension: Option<Extension>,
    pub(super) json: bool,
    pub(super) quiet: bool,
}

/// Executes what the runs in these folders lack of their plans, and says what they came to.
pub(super) fn go_on(
    paths: &[PathBuf],
    sides: Vec<Side>,
    stage: Stage,
    how: &How,
) -> Result<ExitCode, Failure> {
    let Some(_turn) = executed(paths, sides, stage, how)? else { return Ok(INTERRUPTED.into()) };
    conclude(paths, (how.json, how.quiet), &*signals::stop()?)
}

/// Executes what the runs in these folders lack of their plans; none when a signal came before anything was begun.
fn executed(
    paths: &[PathBuf],
    mut sides: Vec<Side>,
    stage: Stage,
    how: &How,
) -> Result<Option<Turn>, Failure> {
    let (settings, machine_settings) = super::run::set_machine(&sides)?;
    let warnings: Vec<String> = super::manifest::unset(&machine_settings)
        .chain(crate::environment::warnings(&crate::environment::observe()))
        .collect();
    let probes = tried(&sides)?;
    if stage.is_stopped() {
        return Ok(None);
    }
    let mut tools = Vec::new();
    for ((path, probes), side) in paths.iter().zip(probes).zip(&mut sides) {
        let (mut writer, done) = RunWriter::reopen(path, super::owner(stage.credentials.as_ref()))?;
        writer.warn(how.others.iter().map(|other| format!("gone on with although {other}")).collect());
        let (blocks, known) = (behind(&done), writer.manifest().warnings.clone());
        let fresh = warnings.iter().filter(|warning| !known.contains(warning));
        writer.warn(fresh.map(|warning| format!("{blocks}: {warning}")).collect());
        if let Some(extension) = &how.extension {
            writer.extend(extension.clone())?;
        }
        side.done = done;
        tools.push((probes, writer));
    }
    let mut progress = begun(&sides, &tools, how.quiet);
    let (_, turn) = carry_out(&sides, tools, (stage, settings), &mut progress)?;
    Ok(Some(turn))
}

/// The blocks that are still to come, in words.
fn behind(done: &[TrialRecord]) -> String {
    let latest = done.iter().map(|trial| trial.block).max();
    latest.map_or("all blocks".to_owned(), |block| format!("behind block {}", block + 1))
}

/// What is left is observed with, tried and detached again.
fn tried(sides: &[Side]) -> Result<Vec<Probes>, Failure> {
    let tried = sides.iter().map(|side| {
        let mut probes = Probes::of(&side.scenario)?;
        probes.detach();
        Ok(probes)
    });
    tried.collect()
}

/// Says what is there.
fn begun(sides: &[Side], tools: &[(Probes, RunWriter)], quiet: bool) -> Progress {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut progress = Progress::new(count(sides.iter().map(|side| side.plan.trials.len()).sum()), quiet);
    progress.go_on_after(count(sides.iter().map(|side| side.done.len()).sum()));
    for (side, (_, writer)) in sides.iter().zip(tools) {
        let manifest = writer.manifest();
        progress.note(&format!(
            "{}: {} of {} trials are there",
            manifest.id,
            side.done.len(),
            manifest.plan.trials
        ));
    }
    progress
}

/// The run's folder, and where it was executed in alternation with another, both, the baseline's first.
fn together(path: PathBuf) -> Result<Vec<PathBuf>, Failure> {
    store::check_writable(&path)?;
    let manifest = read_manifest(&path)?;
    let Some(against) = manifest.against else { return Ok(vec![path]) };
    let failed = |reason: &str| {
        let (run, other) = (&manifest.id, &against.run);
        Failure::Failed(format!("{run} was executed in alternation with {other}, {reason}"))
    };
    let folder = path.canonicalize().map_err(|source| StoreError::Read { path: path.clone(), source })?;
    // As it was named, unless that was by a link.
    let named = if path.file_name() == folder.file_name() { &path } else { &folder };
    let other = named.with_file_name(&against.run);
    if !other.is_dir() {
        return Err(failed(
            "which is not beside it: its blocks have no partners, and it cannot be gone on with",
        ));
    }
    store::check_writable(&other)?;
    let back = read_manifest(&other)?.against;
    if back.is_none_or(|back| back.run != manifest.id || back.role == against.role) {
        return Err(failed("which does not say so: one of them is not what it was"));
    }
    Ok(match against.role {
        Role::Baseline => vec![path, other],
        Role::Candidate => vec![other, path],
    })
}

/// Fails where another runner executes the run now, rather than to wait for its turn to do nothing.
pub(super) fn refuse_under_way(path: &Path) -> Result<(), Failure> {
    let refused = |runner| Failure::Store(StoreError::UnderWay { run: path.to_owned(), runner });
    store::executed_by(path).map_or(Ok(()), |runner| Err(refused(runner)))
}

/// Whether there is nothing to go on with, which is said.
fn are_complete(paths: &[PathBuf]) -> Result<bool, Failure> {
    let manifests = paths.iter().map(|path| read_manifest(path)).collect::<Result<Vec<_>, _>>()?;
    let are_complete = manifests.iter().all(|manifest| manifest.state == State::Complete);
    if are_complete {
        let ids: Vec<&str> = manifests.iter().map(|manifest| manifest.id.as_str()).collect();
        let is = if ids.len() > 1 { "are" } else { "is" };
        print(&format!("{} {is} complete: there is nothing left to execute\n", ids.join(" and ")))?;
    }
    Ok(are_complete)
}

/// The run's scenario, with the backend that it was begun with, and its plan.
pub(super) fn planned(run: &Run) -> Result<Side, Failure> {
    let failed =
        |reason: String| Failure::Failed(format!("{} cannot be gone on with: {reason}", run.manifest.id));
    if run.manifest.trace.is_some() {
        return Err(failed("it is a trace; trace anew".to_owned()));
    }
    let text = run.scenario()?;
    let (mut scenario, plan) = plan(&run.manifest, &text).map_err(failed)?;
    let backend = ProbeRequest::NAMES.iter().find(|(name, _)| *name == run.manifest.probe.backend);
    // A factor that says the backend, be it of one level, stays one of the trials'.
    if let (Some((_, backend)), None) = (backend, scenario.probe_factor()) {
        scenario = scenario.with_probe(*backend);
    }
    Ok(Side { scenario, plan, done: Vec::new() })
}

/// What is not as it was when the run was begun, in words: machine, runner, kernel, and how that was started and set.
fn otherwise(manifest: &Manifest, now: &Environment) -> Vec<String> {
    let then = &manifest.environment;
    let others = differences(then, now).into_iter().chain(of_build(then, now));
    others.chain(of_boot(manifest, now)).collect()
}

/// Another kernel of the same release, in words.
pub(super) fn of_build(then: &Environment, now: &Environment) -> Option<String> {
    text("the kernel's build", &then.kernel_version, &now.kernel_version)
}

/// What another boot may have otherwise without being another kernel or machine, in words. What the run itself sets and
/// could set is not looked at: it is set again.
pub(super) fn of_boot(manifest: &Manifest, now: &Environment) -> Vec<String> {
    let then = &manifest.environment;
    let told = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
    let facts: [(&str, &str, Fact); 7] = [
        ("the kernel's command line", "", |it| &it.kernel_command_line),
        ("the governor", "governor", |it| &it.governor),
        ("turbo", "turbo", |it| &it.turbo),
        ("SMT", "", |it| &it.smt),
        ("huge pages", "thp", |it| &it.transparent_huge_pages),
        ("the clock source", "", |it| &it.clocksource),
        ("ASLR", "aslr", |it| &it.aslr),
    ];
    let is_set = |key: &str| manifest.machine.iter().any(|it| it.name == key && it.cannot.is_none());
    let states = |it: &Environment| {
        it.mitigations.iter().map(|(name, state)| format!("{name}: {state}")).collect::<Vec<_>>().join(", ")
    };
    let found = facts.iter().filter(|(_, key, _)| !is_set(key));
    let found = found.filter_map(|(what, _, fact)| text(what, &told(fact(then)), &told(fact(now))));
    found.chain(text("mitigations", &states(then), &states(now))).collect()
}

/// What is not as it was when the run was begun, in words.
pub(super) fn differences(then: &Environment, now: &Environment) -> Vec<String> {
    let unknown = "unknown".to_owned();
    let model = |environment: &Environment| environment.cpu_model.clone().unwrap_or_else(|| unknown.clone());
    let memory = || format!("memory was {} bytes and is {}", then.memory_bytes, now.memory_bytes);
    [
        text("the runner", &then.runner_version, &now.runner_version),
        text("the kernel", &then.kernel_release, &now.kernel_release),
        text("the machine", &then.host, &now.host),
        then.machine_id
            .as_ref()
            .zip(now.machine_id.as_ref())
            .and_then(|(then, now)| text("the machine's id", then, now)),
        text("the processor", &model(then), &model(now)),
        text("the number of CPUs", &then.cpus.to_string(), &now.cpus.to_string()),
        (!environment::is_same_memory(then, now)).then(memory),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn text(what: &str, then: &str, now: &str) -> Option<String> {
    (then != now).then(|| format!("{what} was {then} and is {now}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A restart between the two halves of a run may have brought another kernel of the same release, or the same one
    /// started or set otherwise.
    #[test]
    fn another_build_or_boot_option_is_a_difference_unless_the_run_sets_it_itself() {
        let environment = Environment {
            kernel_release: "6.12.0".into(),
            kernel_version: "#1".into(),
            governor: Some("performance".into()),
            ..Environment::default()
        };
        let begun = Manifest { environment: environment.clone(), ..crate::execution::tests::manifest() };
        assert_eq!(otherwise(&begun, &environment), [""; 0]);
        for (now, words) in [
            (Environment { kernel_version: "#2".into(), ..environment.clone() }, "the kernel's build was #1"),
            (
                Environment { kernel_command_line: Some("mitigations=off".into()), ..environment.clone() },
                "the kernel's command line was unknown and is mitigations=off",
            ),
            (Environment { smt: Some("off".into()), ..environment.clone() }, "SMT was unknown and is off"),
            (
                Environment {
                    mitigations: [("l1tf".into(), "Vulnerable".into())].into(),
                    ..environment.clone()
                },
                "mitigations was  and is l1tf: Vulnerable",
            ),
        ] {
            let found = otherwise(&begun, &now);
            assert!(found.len() == 1 && found[0].starts_with(words), "{found:?}");
        }
        let powersave = Environment { governor: Some("powersave".into()), ..environment };
        assert_eq!(otherwise(&begun, &powersave), ["the governor was performance and is powersave"]);
        let set = store::MachineSetting {
            name: "governor".into(),
            asked: "performance".into(),
            before: Some("powersave".into()),
            cannot: None,
        };
        let itself = Manifest { machine: vec![set], ..begun };
        assert_eq!(otherwise(&itself, &powersave), [""; 0]);
    }

    #[test]
    fn another_kernel_or_machine_is_a_difference_and_a_little_memory_is_none() {
        let then = Environment { memory_bytes: 1 << 34, cpus: 2, ..Environment::default() };
        assert_eq!(
            differences(&then, &Environment { memory_bytes: (1 << 34) - 5000, ..then.clone() }),
            [""; 0]
        );
        let now =
            Environment { kernel_release: "6.1".to_owned(), cpus: 4, memory_bytes: 1 << 33, ..then.clone() };
        let found = differences(&then, &now);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("the kernel was  and is 6.1"), "{found:?}");
        // Of one name, as `localhost` is; of one of them nothing is known, as of what earlier versions measured.
        let of_id = |id: &str| Environment { machine_id: Some(id.into()), ..then.clone() };
        assert_eq!(differences(&of_id("ab"), &of_id("cd")), ["the machine's id was ab and is cd"]);
        assert_eq!(differences(&then, &of_id("cd")), [""; 0]);
    }
}

//! `runner run SCENARIO --append RUN`: adds blocks to a run that is complete, after a restart of the machine or whenever.
//!
//! One run is of one scenario, kernel, machine and backend: whatever else it had would be compared with itself in every
//! report. What may differ is the boot, which is what blocks are added for.

use super::resume::{How, differences, go_on, of_boot, of_build, planned, refuse_under_way, text};
use super::run::{Side, Stage, request};
use super::{load, machine, overrides};
use crate::cli::RunArguments;
use crate::environment;
use crate::failure::Failure;
use crate::scenario::{MAX_TRIALS, Override, Plan, Scenario};
use crate::signals::INTERRUPTED;
use std::process::ExitCode;
use store::{Environment, Extension, Manifest, Run, State, read_manifest};

/// What a run's number of repetitions is replaced with: it is told apart from the rest.
const REPETITIONS: &str = "plan.repetitions=";
/// Of plans that were divided.
const NO_PLACE: &str = "no place for more blocks; execute the plan anew with more `--repetitions`";

/// Adds the blocks, executes them, and renders the report anew.
pub(super) fn append(arguments: &RunArguments, name: &str) -> Result<ExitCode, Failure> {
    let path = store::resolve(&arguments.runs_dir.runs_dir, name)?;
    store::check_writable(&path)?;
    let kept = Run::open(&path)?;
    refuse_under_way(&path)?;
    check_run(&kept.manifest)?;
    let wanted = wanted(arguments)?;
    let mut side = planned(&kept)?;
    check_scenario(&kept.manifest, (&side.scenario, &wanted))?;
    if let Some(probe) = &arguments.probe {
        request(probe)?;
        check_backend(&kept.manifest, probe)?;
    }
    let repetitions = repetitions(arguments)?.unwrap_or(side.scenario.plan.repetitions);
    side.plan = longer(&kept.manifest, &side, repetitions)?;
    let sides = vec![side];
    let Some(stage) = Stage::prepare(&sides, machine())? else { return Ok(INTERRUPTED.into()) };
    if read_manifest(&path)? != kept.manifest {
        return refused(&kept.manifest, "another runner has changed it meanwhile");
    }
    let others = check_machine(&kept.manifest, &environment::observe(), arguments.force)?;
    let extension = Extension {
        started_at: chrono::Utc::now(),
        boot: environment::boot_id(),
        first_block: kept.manifest.plan.repetitions,
        repetitions,
        command: std::env::args().collect(),
    };
    let (json, quiet) = (arguments.json, arguments.quiet);
    go_on(&[path], sides, stage, &How { others, extension: Some(extension), json, quiet })
}

fn refused<T>(manifest: &Manifest, reason: &str) -> Result<T, Failure> {
    Err(Failure::Failed(format!("nothing can be added to {}: {reason}", manifest.id)))
}

/// Whether it is a run that takes blocks.
fn check_run(manifest: &Manifest) -> Result<(), Failure> {
    if manifest.trace.is_some() {
        return refused(manifest, "it is a trace, which no scenario says how to go on with; trace anew");
    }
    if manifest.state != State::Complete {
        return refused(
            manifest,
            &format!("it is not complete; `runner resume {}` goes on with it", manifest.id),
        );
    }
    if let Some(shard) = manifest.plan.shard {
        return refused(manifest, &format!("it is part {shard} of a plan, which has {NO_PLACE}"));
    }
    if let Some(merged) = &manifest.merged {
        let reason = if merged.parts.iter().any(|part| part.shard.is_some()) {
            format!("it was made of the parts of a plan, which have {NO_PLACE}")
        } else {
            "it was made of other runs; add blocks to each of these, and merge again".to_owned()
        };
        return refused(manifest, &reason);
    }
    if let Some(against) = &manifest.against {
        return refused(
            manifest,
            &format!(
                "it was executed in alternation with {}, and a block more would have no partner",
                against.run
            ),
        );
    }
    if manifest.plan.design.stop.is_some() {
        return refused(manifest, "its rule (`plan.until`) has said that there are enough");
    }
    Ok(())
}

/// The scenario as it is now, with what the command line replaces in it but the number of repetitions.
fn wanted(arguments: &RunArguments) -> Result<Scenario, Failure> {
    let given = overrides(&arguments.scenario);
    let given: Vec<Override> = given.into_iter().filter(|it| it.option != "--repetitions").collect();
    load(&arguments.scenario.scenario, &given, &machine())
}

/// How many blocks are to be added, where that is said: told by the reader of scenarios when it is no number.
fn repetitions(arguments: &RunArguments) -> Result<Option<u32>, Failure> {
    if arguments.scenario.overrides.iter().any(|it| it.starts_with(REPETITIONS)) {
        let remedy = "how many blocks are to be added says `--repetitions N`";
        return Err(Failure::Usage(format!("--set {}: {remedy}", REPETITIONS.trim_end_matches('='))));
    }
    if arguments.scenario.repetitions.is_none() {
        return Ok(None);
    }
    let scenario = load(&arguments.scenario.scenario, &overrides(&arguments.scenario), &machine())?;
    Ok(Some(scenario.plan.repetitions))
}

/// Whether the scenario is the run's: its text, and what was replaced in it.
fn check_scenario(manifest: &Manifest, (kept, wanted): (&Scenario, &Scenario)) -> Result<(), Failure> {
    if kept.source != wanted.source {
        return refused(
            manifest,
            "its scenario has another text; the run's own is in its folder, scenario.toml",
        );
    }
    let sets = |scenario: &Scenario| {
        let sets = scenario.overrides.iter().filter(|it| !it.starts_with(REPETITIONS));
        sets.map(|it| format!("--set {it}")).collect::<Vec<_>>().join(" ")
    };
    let (then, now) = (sets(kept), sets(wanted));
    let words =
        |sets: String| if sets.is_empty() { "nothing replaced".to_owned() } else { format!("`{sets}`") };
    match text("it was begun otherwise: the scenario", &words(then), &words(now)) {
        Some(difference) => refused(manifest, &difference),
        None => Ok(()),
    }
}

fn check_backend(manifest: &Manifest, asked: &str) -> Result<(), Failure> {
    let backend = &manifest.probe.backend;
    if asked == "auto" || asked == backend {
        return Ok(());
    }
    refused(manifest, &format!("its probe is {backend}, and {asked} is asked for"))
}

/// The run's plan with so many more blocks.
fn longer(manifest: &Manifest, side: &Side, repetitions: u32) -> Result<Plan, Failure> {
    let blocks = manifest.plan.repetitions.saturating_add(repetitions);
    if side.scenario.cells_with_load().saturating_mul(blocks as usize) > MAX_TRIALS {
        return refused(manifest, &format!("it would have more than {MAX_TRIALS} trials"));
    }
    Ok(Plan::of_blocks(&side.scenario, manifest.plan.seed, blocks))
}

/// What is not as it was and is accepted, in words. Kernel and machine have to be the same whatever is forced.
fn check_machine(manifest: &Manifest, now: &Environment, force: bool) -> Result<Vec<String>, Failure> {
    let then = &manifest.environment;
    // All but the runner's version.
    let same_runner = Environment { runner_version: then.runner_version.clone(), ..now.clone() };
    let mut hard = differences(then, &same_runner);
    hard.extend(of_build(then, now));
    if !hard.is_empty() {
        let words = hard.join("; ");
        return refused(
            manifest,
            &format!("{words}; one run is of one kernel on one machine: begin another run"),
        );
    }
    let runner = text("the runner", &then.runner_version, &now.runner_version);
    let soft: Vec<String> = runner.into_iter().chain(of_boot(manifest, now)).collect();
    if !soft.is_empty() && !force {
        let words = soft.join("; ");
        return refused(
            manifest,
            &format!("{words}; `--force` adds blocks in spite of it, and marks the run"),
        );
    }
    Ok(soft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::manifest;

    fn environment() -> Environment {
        Environment {
            kernel_release: "6.12.0".into(),
            kernel_version: "#1".into(),
            host: "machine".into(),
            runner_version: "1".into(),
            memory_bytes: 1 << 34,
            ..Environment::default()
        }
    }

    #[test]
    fn another_kernel_is_refused_whatever_is_forced_and_another_runner_unless_it_is() {
        let manifest = Manifest { environment: environment(), ..manifest() };
        let checked = |now: Environment, force| check_machine(&manifest, &now, force);
        assert_eq!(checked(environment(), false).unwrap(), [""; 0]);
        for (now, words) in [
            (Environment { kernel_release: "6.13.0".into(), ..environment() }, "the kernel was 6.12.0"),
            (Environment { kernel_version: "#2".into(), ..environment() }, "the kernel's build was #1"),
            (Environment { host: "other".into(), ..environment() }, "the machine was machine"),
        ] {
            for force in [false, true] {
                let refused = checked(now.clone(), force).unwrap_err().to_string();
                assert!(refused.contains(words) && refused.contains("begin another run"), "{refused}");
            }
        }
        for now in [
            Environment { runner_version: "2".into(), ..environment() },
            Environment { kernel_command_line: Some("mitigations=off".into()), ..environment() },
            Environment { governor: Some("powersave".into()), ..environment() },
            Environment { transparent_huge_pages: Some("never".into()), ..environment() },
            Environment { mitigations: [("l1tf".into(), "Vulnerable".into())].into(), ..environment() },
        ] {
            assert!(checked(now.clone(), false).unwrap_err().to_string().contains("--force"));
            assert_eq!(checked(now, true).unwrap().len(), 1);
        }
    }

    #[test]
    fn only_complete_runs_that_stand_alone_take_blocks() {
        let complete = Manifest { state: State::Complete, ..manifest() };
        assert!(check_run(&complete).is_ok());
        let running = check_run(&manifest()).unwrap_err().to_string();
        assert!(running.contains("runner resume"), "{running}");
        let against = Some(store::Against { run: "other".into(), role: store::Role::Baseline });
        let paired = check_run(&Manifest { against, ..complete }).unwrap_err().to_string();
        assert!(paired.contains("no partner"), "{paired}");
    }
}

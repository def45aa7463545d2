//! `runner resume`: goes on where a run stopped that did not come to its end.
//!
//! What is left of the same plan is executed, in its order, and only on the same machine by the same runner: half a run
//! of one and half of another would be compared with itself in every report.

use super::run::{Stage, carry_out, conclude};
use super::verify::plan;
use super::{machine, print};
use crate::cli::ResumeArguments;
use crate::environment;
use crate::execution::Probes;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::scenario::{Plan, ProbeRequest, Scenario};
use crate::signals::INTERRUPTED;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use store::{Environment, Manifest, Run, RunWriter, State, StoreError, read_manifest};

/// Executes what is left of the run's plan, then renders its report anew.
pub(crate) fn resume(arguments: &ResumeArguments) -> Result<ExitCode, Failure> {
    let path = store::resolve(&arguments.runs_dir.runs_dir, &arguments.run)?;
    let kept = Run::open(&path)?;
    if is_complete(&kept.manifest)? {
        return Ok(ExitCode::SUCCESS);
    }
    let (scenario, plan) = planned(&kept)?;
    refuse_under_way(&path)?;
    let Some(stage) = Stage::prepare(&scenario, machine())? else { return Ok(INTERRUPTED.into()) };
    // Whoever had the turn may have been executing just this run.
    if is_complete(&read_manifest(&path)?)? {
        return Ok(ExitCode::SUCCESS);
    }
    let others = differences(&kept.manifest.environment, &environment::observe());
    if !others.is_empty() && !arguments.force {
        return Err(Failure::Failed(format!(
            "{} was begun otherwise: {}; `--force` goes on in spite of it, and marks the run",
            kept.manifest.id,
            others.join("; ")
        )));
    }
    let (settings, _) = super::run::set_machine(&scenario)?;
    let mut probes = Probes::of(&scenario)?;
    probes.detach();
    if stage.is_stopped() {
        return Ok(INTERRUPTED.into());
    }
    let (mut writer, done) = RunWriter::reopen(&path, super::owner(stage.credentials.as_ref()))?;
    writer.warn(others.iter().map(|other| format!("gone on with although {other}")).collect());
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut progress = Progress::new(count(plan.trials.len()), arguments.quiet);
    progress.go_on_after(count(done.len()));
    progress.note(&format!(
        "{}: {} of {} trials are there",
        kept.manifest.id,
        done.len(),
        kept.manifest.plan.trials
    ));
    let stop = Arc::clone(&stage.stop);
    let (path, _turn) =
        carry_out((&scenario, &plan), (stage, probes, settings), (writer, &done), &mut progress)?;
    conclude(&path, (arguments.json, arguments.quiet), &stop)
}

/// Fails where another runner executes the run now, rather than to wait for its turn to do nothing.
fn refuse_under_way(path: &Path) -> Result<(), Failure> {
    let refused = |runner| Failure::Store(StoreError::UnderWay { run: path.to_owned(), runner });
    store::executed_by(path).map_or(Ok(()), |runner| Err(refused(runner)))
}

/// Whether there is nothing to go on with, which is said.
fn is_complete(manifest: &Manifest) -> Result<bool, Failure> {
    let is_complete = manifest.state == State::Complete;
    if is_complete {
        print(&format!("{} is complete: there is nothing left to execute\n", manifest.id))?;
    }
    Ok(is_complete)
}

/// The run's scenario, with the backend that it was begun with, and its plan.
fn planned(run: &Run) -> Result<(Scenario, Plan), Failure> {
    let failed = |reason| Failure::Failed(format!("{} cannot be gone on with: {reason}", run.manifest.id));
    let text = run.scenario()?;
    let (mut scenario, plan) = plan(&run.manifest, &text).map_err(failed)?;
    let backend = ProbeRequest::NAMES.iter().find(|(name, _)| *name == run.manifest.probe.backend);
    if let Some((_, backend)) = backend {
        scenario = scenario.with_probe(*backend);
    }
    Ok((scenario, plan))
}

/// What is not as it was when the run was begun, in words.
fn differences(then: &Environment, now: &Environment) -> Vec<String> {
    let text =
        |what: &str, then: &str, now: &str| (then != now).then(|| format!("{what} was {then} and is {now}"));
    let unknown = "unknown".to_owned();
    let model = |environment: &Environment| environment.cpu_model.clone().unwrap_or_else(|| unknown.clone());
    // A kernel reserves a little more or less from boot to boot.
    let is_same_memory = then.memory_bytes.abs_diff(now.memory_bytes) <= then.memory_bytes / 50;
    let memory = || format!("memory was {} bytes and is {}", then.memory_bytes, now.memory_bytes);
    [
        text("the runner", &then.runner_version, &now.runner_version),
        text("the kernel", &then.kernel_release, &now.kernel_release),
        text("the machine", &then.host, &now.host),
        text("the processor", &model(then), &model(now)),
        text("the number of CPUs", &then.cpus.to_string(), &now.cpus.to_string()),
        (!is_same_memory).then(memory),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}

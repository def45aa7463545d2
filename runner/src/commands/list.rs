//! `runner list`: the runs that are kept.

use super::print;
use crate::cli::RunsDir;
use crate::failure::{Failure, chain};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use store::{Manifest, Run, State, StoreError, executed_by, read_manifest, run_ids};

/// One line a run, oldest first. A run that cannot be read is listed with the reason.
pub(crate) fn list(arguments: &RunsDir) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let ids = run_ids(&arguments.runs_dir)?;
    let width = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0);
    for id in ids {
        let path = arguments.runs_dir.join(&id);
        let line = read_manifest(&path)
            .and_then(|manifest| Ok(line(&manifest, executed(&path, &manifest)?, executed_by(&path))))
            .unwrap_or_else(|error| chain(&error));
        let _ = writeln!(text, "{id:width$}  {line}");
    }
    if text.is_empty() {
        text = format!("no runs in {}\n", arguments.runs_dir.display());
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Trials that were executed.
fn executed(path: &Path, manifest: &Manifest) -> Result<usize, StoreError> {
    match manifest.state {
        State::Complete => Ok(manifest.plan.trials as usize),
        _ => Run::open(path).map(|run| run.trials.len()),
    }
}

fn line(manifest: &Manifest, executed: usize, runner: Option<u32>) -> String {
    let state = match manifest.state {
        State::Running if runner.is_some() => "under way",
        State::Running => "cut off",
        State::Interrupted => "interrupted",
        State::Aborted => "aborted",
        State::Complete => "complete",
    };
    let label = manifest.label.as_deref().unwrap_or_default();
    let trials = format!("{executed} of {} trials", manifest.plan.trials);
    format!("{state:11}  {trials:>18}  {:14}  {label}", manifest.probe.backend).trim_end().to_owned()
}

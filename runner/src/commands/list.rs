//! `runner list`: the runs that are kept.

use super::print;
use crate::cli::RunsDir;
use crate::failure::Failure;
use std::fmt::Write;
use std::process::ExitCode;
use store::{Manifest, State, read_manifest, run_ids};

/// One line a run, oldest first. A run that cannot be read is listed with the reason.
pub(crate) fn list(arguments: &RunsDir) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    for id in run_ids(&arguments.runs_dir)? {
        let line = read_manifest(&arguments.runs_dir.join(&id))
            .map_or_else(|error| error.to_string(), |it| line(&it));
        let _ = writeln!(text, "{id}  {line}");
    }
    if text.is_empty() {
        text = format!("no runs in {}\n", arguments.runs_dir.display());
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(manifest: &Manifest) -> String {
    let state = match manifest.state {
        State::Running => "running or cut off",
        State::Interrupted => "interrupted",
        State::Aborted => "aborted",
        State::Complete => "complete",
    };
    let label = manifest.label.as_deref().unwrap_or_default();
    format!("{state:11}  {:5} trials planned  {:14}  {label}", manifest.plan.trials, manifest.probe.backend)
}

//! `runner fleet fetch`: what a fleet has measured, in the folder of runs.

use super::super::{owner, print, report};
use super::named;
use crate::cli::FetchArguments;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::fleet::{FleetFolder, runs_in};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{Run, Status};

/// Copies the merged run, or the finished shards, checks the copies, and draws their reports.
pub(crate) fn fetch(arguments: &FetchArguments) -> Result<ExitCode, Failure> {
    let folder = named(&arguments.fleet)?;
    let found = if arguments.shards { shards(&folder)? } else { vec![merged(&folder)?] };
    let mut are_whole = true;
    for run in found {
        let kept = fetched(&run, &arguments.fleet.runs_dir.runs_dir)?;
        are_whole &= kept.trials.iter().all(|trial| trial.status == Status::Ok);
        let page = report::write_html(&kept, &reports::summarise(&report::view(&kept)), None)?;
        let (path, trials) = (kept.path.display(), kept.trials.len());
        print(&format!("run: {path} ({trials} trials)\nreport: {}\n", page.display()))?;
    }
    Ok(if are_whole { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn merged(folder: &FleetFolder) -> Result<PathBuf, Failure> {
    let missing = || {
        let path = folder.handle();
        Failure::Failed(format!(
            "{} is not merged yet: `runner fleet status {path}` says how far it is, and --shards fetches the shards that \
             are done",
            folder.fleet.id
        ))
    };
    runs_in(&folder.merged()).pop().ok_or_else(missing)
}

fn shards(folder: &FleetFolder) -> Result<Vec<PathBuf>, Failure> {
    let runs: Vec<PathBuf> = folder.shards().filter_map(|shard| runs_in(&folder.done(shard)).pop()).collect();
    if runs.is_empty() {
        return Err(Failure::Failed(format!("no shard of {} is done yet", folder.fleet.id)));
    }
    Ok(runs)
}

/// The copy of a run, which is what was measured.
fn fetched(run: &Path, runs_dir: &Path) -> Result<Run, Failure> {
    let credentials = Credentials::of_invoker();
    let copy = store::copy_run(run, runs_dir, owner(credentials.as_ref()))?;
    let (findings, kept) = store::verify(&copy);
    match (kept, findings.first()) {
        (Some(run), None) => Ok(run),
        (_, finding) => Err(Failure::Failed(format!(
            "{} is not what was measured: {}",
            copy.display(),
            finding.map_or("it cannot be read", String::as_str)
        ))),
    }
}

//! `runner list`: the runs that are kept.

use super::{owner, print};
use crate::cli::{ListArguments, Sort, StateName};
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Brief, Listed, State};

/// One line a run, oldest first unless they are to be sorted otherwise. A run that cannot be read is listed with the reason,
/// where all are asked for.
pub(crate) fn list(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let runs_dir = &arguments.runs_dir.runs_dir;
    let mut runs = if arguments.no_index {
        store::list_without_index(runs_dir)?
    } else {
        store::list(runs_dir, owner(Credentials::of_invoker().as_ref()))?
    };
    let are_any = !runs.is_empty();
    runs.retain(|run| is_meant(arguments, run));
    runs.sort_by_cached_key(|run| key(arguments.sort, run));
    if arguments.json {
        let document = ListDocument {
            format: "syscall_lab.list",
            version: 1,
            runs: runs.iter().map(|run| document(arguments, run)).collect(),
        };
        let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::failed(&error))?;
        print(&format!("{text}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match (runs.is_empty(), are_any) {
        (true, true) => format!("no such runs in {}\n", runs_dir.display()),
        (true, false) => format!("no runs in {}\n", runs_dir.display()),
        _ => lines(&runs),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn is_meant(arguments: &ListArguments, run: &Listed) -> bool {
    let Ok(brief) = &run.brief else { return arguments.selection.is_all() && arguments.state.is_none() };
    let state = state(brief, run.runner);
    arguments.selection.has(brief) && arguments.state.is_none_or(|wanted| wanted == state)
}

/// Runs that are alike in it stay as they are.
fn key(sort: Sort, run: &Listed) -> Option<String> {
    let brief = run.brief.as_ref().ok()?;
    match sort {
        Sort::Time => None,
        Sort::Scenario => Some(brief.scenario.clone()),
        Sort::Label => brief.label.clone(),
        Sort::State => Some(name(state(brief, run.runner)).to_owned()),
        Sort::Kernel => Some(brief.kernel.clone()),
    }
}

fn lines(runs: &[Listed]) -> String {
    let width = runs.iter().map(|run| run.id.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for run in runs {
        let line = match &run.brief {
            Ok(brief) => line(brief, run.runner),
            Err(error) => chain(error),
        };
        let _ = writeln!(text, "{:width$}  {line}", run.id);
    }
    text
}

fn line(run: &Brief, runner: Option<u32>) -> String {
    let state = name(state(run, runner));
    let label = run.label.as_deref().unwrap_or_default();
    let trials = format!("{} of {} trials", run.executed, run.trials);
    format!("{state:11}  {trials:>18}  {:14}  {label}", run.backend).trim_end().to_owned()
}

fn state(run: &Brief, runner: Option<u32>) -> StateName {
    match run.state {
        State::Running if runner.is_some() => StateName::UnderWay,
        State::Running => StateName::CutOff,
        State::Interrupted => StateName::Interrupted,
        State::Aborted => StateName::Aborted,
        State::Complete => StateName::Complete,
    }
}

fn name(state: StateName) -> &'static str {
    match state {
        StateName::Complete => "complete",
        StateName::Interrupted => "interrupted",
        StateName::Aborted => "aborted",
        StateName::UnderWay => "under way",
        StateName::CutOff => "cut off",
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct ListDocument<'a> {
    format: &'a str,
    version: u32,
    runs: Vec<RunDocument<'a>>,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    id: &'a str,
    path: PathBuf,
    /// `complete`, `interrupted`, `aborted`, `under way`, `cut off`; none where it cannot be read.
    state: Option<&'a str>,
    /// Everything else that is known; none where it cannot be read.
    run: Option<&'a Brief>,
    /// Why it cannot be read.
    error: Option<String>,
}

fn document<'a>(arguments: &ListArguments, run: &'a Listed) -> RunDocument<'a> {
    let brief = run.brief.as_ref().ok();
    RunDocument {
        id: &run.id,
        path: arguments.runs_dir.runs_dir.join(&run.id),
        state: brief.map(|brief| name(state(brief, run.runner))),
        run: brief,
        error: run.brief.as_ref().err().map(|error| chain(error)),
    }
}

//! `runner list`: the runs that are kept.

use super::{owner, print};
use crate::cli::{Kind, ListArguments, Sort, StateName};
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Brief, BriefMerged, Listed, Shard, State};

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
    let Ok(brief) = &run.brief else {
        return arguments.selection.is_all() && arguments.state.is_none() && arguments.kind.is_none();
    };
    let state = state(brief, run.runner);
    arguments.selection.has(brief)
        && arguments.state.is_none_or(|wanted| wanted == state)
        && arguments.kind.is_none_or(|wanted| wanted == kind(brief))
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
        Sort::Kind => Some(kind_key(brief)),
    }
}

fn kind(run: &Brief) -> Kind {
    match (&run.merged, run.shard) {
        (Some(_), _) => Kind::Merged,
        (None, Some(_)) => Kind::Shard,
        (None, None) => Kind::Whole,
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Whole => "whole",
        Kind::Shard => "shard",
        Kind::Merged => "merged",
    }
}

/// Whole runs first, then shards by their plan's division and number, so that a gap is seen, then what was merged.
fn kind_key(run: &Brief) -> String {
    match (&run.merged, run.shard) {
        (Some(merged), _) => format!("2 {:07}", merged.parts),
        (None, Some(Shard { number, of, .. })) => format!("1 {} {of:07} {number:07}", run.scenario),
        (None, None) => "0".to_owned(),
    }
}

/// `shard 2/4`, `merged of 4`, `of 4 machines`; nothing of a run that was executed as a whole.
fn kind_words(run: &Brief) -> String {
    match (&run.merged, run.shard) {
        (Some(BriefMerged { parts, factor: Some(factor) }), _) => {
            format!("of {parts} {factor}{}", if *parts == 1 { "" } else { "s" })
        }
        (Some(BriefMerged { parts, factor: None }), _) => format!("merged of {parts}"),
        (None, Some(shard)) => format!("shard {shard}"),
        (None, None) => String::new(),
    }
}

fn lines(runs: &[Listed]) -> String {
    let width = runs.iter().map(|run| run.id.chars().count()).max().unwrap_or(0);
    let kinds = runs.iter().filter_map(|run| run.brief.as_ref().ok()).map(|brief| kind_words(brief).len());
    let kinds = kinds.max().unwrap_or(0);
    let mut text = String::new();
    for run in runs {
        let line = match &run.brief {
            Ok(brief) => line(brief, run.runner, kinds),
            Err(error) => chain(error),
        };
        let _ = writeln!(text, "{:width$}  {line}", run.id);
    }
    text
}

/// Where no run has a word for its kind, there is no room for it.
fn line(run: &Brief, runner: Option<u32>, kinds: usize) -> String {
    let state = name(state(run, runner));
    let label = run.label.as_deref().unwrap_or_default();
    let trials = format!("{} of {} trials", run.executed, run.trials);
    let kind = if kinds == 0 { String::new() } else { format!("{:kinds$}  ", kind_words(run)) };
    format!("{state:11}  {trials:>18}  {:14}  {kind}{label}", run.backend).trim_end().to_owned()
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
    /// `whole`, `shard`, `merged`; none where it cannot be read.
    kind: Option<&'a str>,
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
        kind: brief.map(|brief| kind_name(kind(brief))),
        run: brief,
        error: run.brief.as_ref().err().map(|error| chain(error)),
    }
}

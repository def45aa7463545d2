//! `runner report --since … --scenario …`: one figure over the runs of a scenario.

use super::report::{text_options, view};
use super::{owner, print};
use crate::cli::ReportArguments;
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use crate::progress::say_beside;
use reports::{History, Metric, UnknownMetric};
use std::collections::BTreeSet;
use std::process::ExitCode;
use store::{Brief, Run, State};

/// Where the page is put, in the folder of runs.
const FOLDER: &str = ".history";

/// Whether a history is asked for, and not a run.
pub(super) fn is_asked(arguments: &ReportArguments) -> bool {
    !arguments.selection.is_all()
}

/// The figure that is asked for, if one is.
pub(super) fn metric(arguments: &ReportArguments) -> Result<Option<Metric>, Failure> {
    let metric = arguments.metric.as_deref().map(str::parse).transpose();
    metric.map_err(|error: UnknownMetric| Failure::Usage(format!("--metric: {}", chain(&error))))
}

/// Prints a table of the figure over the complete runs that are meant, and writes a page with a picture of it.
pub(super) fn history(arguments: &ReportArguments) -> Result<ExitCode, Failure> {
    let metric = metric(arguments)?.unwrap_or(Metric::P50);
    let runs_dir = &arguments.runs_dir.runs_dir;
    let owner = owner(Credentials::of_invoker().as_ref());
    let mut runs: Vec<_> = store::list(runs_dir, owner)?
        .into_iter()
        .filter_map(|run| match run.brief {
            Ok(brief) => Some((run.id, brief)),
            Err(error) => {
                say_beside(&format!("warning: {} is left out: {}", run.id, chain(&error)));
                None
            }
        })
        .filter(|(_, brief)| brief.state == State::Complete && arguments.selection.has(brief))
        .collect();
    runs.sort_by_key(|(_, brief)| brief.started_at);
    leave_out_shards(&mut runs, |(_, brief)| brief);
    check_one_scenario(runs.iter().map(|(_, brief)| brief.scenario.as_str()))?;
    let mut history = History::of(metric);
    for (id, _) in &runs {
        match Run::open(&runs_dir.join(id)) {
            Ok(run) => history.add(&reports::summarise(&view(&run))),
            // One that is damaged does not keep the others from being shown.
            Err(error) => say_beside(&format!("warning: {id} is left out: {}", chain(&error))),
        }
    }
    if history.runs() == 0 {
        return Err(Failure::Failed(format!("no complete runs are meant in {}", runs_dir.display())));
    }
    for warning in history.warnings() {
        say_beside(&format!("warning: {}", super::harmless(&warning)));
    }
    print(&history.text(&text_options()))?;
    let folder = arguments.out.clone().unwrap_or_else(|| runs_dir.join(FOLDER));
    let files = [("index.html".to_owned(), history.html().into_bytes())];
    let folder = store::write_files(&folder, &files, owner)?;
    print(&format!("\nhistory: {}\n", folder.join("index.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Leaves out the parts of plans, which are no measurements beside the run that is made of them, and says how many.
fn leave_out_shards<T>(runs: &mut Vec<T>, brief: impl Fn(&T) -> &Brief) {
    let all = runs.len();
    runs.retain(|run| brief(run).shard.is_none());
    let words = match all - runs.len() {
        0 => return,
        1 => "1 part of a plan is".to_owned(),
        count => format!("{count} parts of plans are"),
    };
    say_beside(&format!(
        "note: {words} left out: `runner merge` makes one run of all parts, and that counts"
    ));
}

/// Cells of different scenarios may have the same names and mean something else.
fn check_one_scenario<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let names: BTreeSet<&str> = names.collect();
    if names.len() > 1 {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!(
            "these are runs of several scenarios: {names}; --scenario names one"
        )));
    }
    Ok(())
}

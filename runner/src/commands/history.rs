//! `runner report --since … --scenario …`: one figure over the runs of a scenario.

use super::report::{text_options, view};
use super::{owner, print};
use crate::cli::ReportArguments;
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use crate::progress::say_beside;
use reports::{History, Metric, RunFigures, UnknownMetric};
use std::collections::BTreeSet;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use store::{Brief, Memory, Owner, Run, State, StoreError};

/// Where the page is put, in the folder of runs.
const FOLDER: &str = ".history";
/// Where in there the figures of each run are kept.
const FIGURES: &str = "figures";
/// The figures that are drawn, beside the page.
const DATA: &str = "figures.csv";
/// Runs whose figures are in memory at a time: of a scenario of hundreds of cells a run has megabytes.
const RUNS_AT_A_TIME: usize = 128;
/// Each thread has a whole run in memory.
const MOST_THREADS: usize = 8;

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
    let history = of_runs(metric, arguments, owner)?;
    if history.runs() == 0 {
        return Err(Failure::Failed(format!("no complete runs are meant in {}", runs_dir.display())));
    }
    for warning in history.warnings() {
        super::warn(&warning);
    }
    print(&history.text(&text_options()))?;
    let folder = arguments.out.clone().unwrap_or_else(|| runs_dir.join(FOLDER));
    let files = [
        ("index.html".to_owned(), history.html(DATA).into_bytes()),
        (DATA.to_owned(), history.csv().into_bytes()),
    ];
    let folder = store::write_files(&folder, &files, owner)?;
    print(&format!("\nhistory: {}\n", folder.join("index.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The history of the complete runs that are meant. What is taken of each is kept, so that it has to be read only once.
fn of_runs(metric: Metric, arguments: &ReportArguments, owner: Option<Owner>) -> Result<History, Failure> {
    let runs_dir = &arguments.runs_dir.runs_dir;
    let all = store::list(runs_dir, owner)?;
    let mut runs = Vec::new();
    for run in &all {
        match &run.brief {
            Ok(brief) if brief.state == State::Complete && arguments.selection.has(brief) => {
                runs.push((brief, run));
            }
            Ok(_) => {}
            Err(error) => left_out(&run.id, error),
        }
    }
    runs.sort_by_key(|(brief, _)| brief.started_at);
    leave_out_shards(&mut runs, |(brief, _)| brief);
    check_one_scenario(runs.iter().map(|(brief, _)| brief.scenario.as_str()))?;
    let memory = Memory::at(runs_dir, &[FOLDER, FIGURES], RunFigures::VERSION, owner);
    memory.forget_others(&all.iter().map(|run| run.id.as_str()).collect());
    let mut history = History::of(metric);
    for some in runs.chunks(RUNS_AT_A_TIME) {
        let taken = each(some, |(_, run)| memory.recall(run, figures));
        for ((_, run), taken) in some.iter().zip(taken) {
            match taken {
                Ok(figures) => history.add(figures),
                // One that is damaged does not keep the others from being shown.
                Err(error) => left_out(&run.id, &error),
            }
        }
    }
    Ok(history)
}

fn figures(run: &Path) -> Result<RunFigures, StoreError> {
    Ok(RunFigures::of(&reports::summarise(&view(&Run::open_latencies(run)?))))
}

fn left_out(id: &str, error: &StoreError) {
    say_beside(&format!("warning: {id} is left out: {}", chain(error)));
}

/// What `work` makes of each of them, in their order, by a few threads: of ten thousand runs most have to be read only once,
/// and then on every CPU.
fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let share = all.len().div_ceil(cpus.min(MOST_THREADS)).max(1);
    thread::scope(|scope| {
        let work = &work;
        let parts =
            all.chunks(share).map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()));
        let parts: Vec<_> = parts.collect();
        let done = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect()
    })
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

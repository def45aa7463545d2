//! How `run` and `resume` end: the report, of two runs also the comparison, and where all of it is.

use super::against;
use super::{in_command, print, report};
use crate::failure::{Failure, chain};
use crate::signals::{self, INTERRUPTED};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Run, State, Status};

/// Says how the runs went and renders their reports, which are left for later where a signal wants the runner to end.
pub(super) fn conclude(
    paths: &[PathBuf],
    (json, quiet): (bool, bool),
    stop: &AtomicBool,
) -> Result<ExitCode, Failure> {
    let later = later(paths);
    signals::end_at_once(format!("interrupted: {later}"));
    let runs = paths.iter().map(|path| Run::open(path)).collect::<Result<Vec<_>, _>>()?;
    if stop.load(Ordering::Relaxed) {
        let left: String = runs.iter().map(|run| left(run, &later) + "\n").collect();
        // Whoever sent the signal may have taken the terminal along: what cannot be said any more is not a failure.
        let _ = if json { print_document(&runs, &[]) } else { print(&left) };
        return Ok(INTERRUPTED.into());
    }
    let mut pages = Vec::new();
    for run in &runs {
        let summary = reports::summarise(&report::view(run));
        pages.push(report::write_html(run, &summary, None));
        if !json && !quiet {
            print(&reports::text::render(&summary, &report::text_options()))?;
            print("\n")?;
        } else {
            warn_of(&summary);
        }
    }
    if json {
        print_document(&runs, &pages)?;
    } else {
        if let ([base, candidate], false) = (paths, quiet) {
            // Where every trial of one failed there is nothing to compare; that is told with the others, by the exit code.
            let compared = against::print_diff(base, candidate);
            print(&compared.map_or_else(|error| format!("{}\n", chain(&error)), |()| "\n".to_owned()))?;
        }
        for page in pages.iter().flatten() {
            print(&format!("report: {}\n", page.display()))?;
        }
    }
    for (page, path) in pages.into_iter().zip(paths) {
        page.map_err(|error| {
            let (words, path) = (chain(&error), in_command(path));
            Failure::Failed(format!("{words}; the run is kept, and `runner report {path}` tries again"))
        })?;
    }
    let are_whole = runs.iter().all(|run| without_figures(run) == 0);
    Ok(if are_whole { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// What the report that is not printed warns of, but for what was said while the run was executed.
fn warn_of(summary: &reports::Summary) {
    for warning in summary.warnings.iter().filter(|it| !summary.manifest.warnings.contains(it)) {
        super::warn(warning);
    }
}

/// How the reports are had that were not drawn.
fn later(paths: &[PathBuf]) -> String {
    let reports = paths.iter().map(|path| format!("`runner report {}`", in_command(path)));
    let reports = reports.collect::<Vec<_>>().join(" and ");
    if paths.len() > 1 {
        format!("the runs are kept, and {reports} draw their reports")
    } else {
        format!("the run is kept, and {reports} draws its report")
    }
}

/// What a signal left of a run, and how it goes on.
fn left(run: &Run, later: &str) -> String {
    let (done, planned, path) = (run.trials.len(), run.manifest.plan.trials, in_command(&run.path));
    let both = if run.manifest.against.is_some() { " with both runs" } else { "" };
    match run.manifest.state {
        State::Complete => later.to_owned(),
        _ => {
            format!("{done} of {planned} trials are kept: `runner resume {path}` goes on{both}; {later}")
        }
    }
}

/// Trials that failed or are invalid.
fn without_figures(run: &Run) -> usize {
    run.trials.iter().filter(|trial| trial.status != Status::Ok).count()
}

fn print_document(runs: &[Run], pages: &[Result<PathBuf, Failure>]) -> Result<(), Failure> {
    let page = |place: usize| pages.get(place).and_then(|page| page.as_deref().ok());
    let documents: Vec<_> = runs.iter().enumerate().map(|(place, run)| document(run, page(place))).collect();
    let text = match (&documents[..], runs) {
        ([baseline, candidate], [base, other]) => serde_json::to_string_pretty(&PairDocument {
            format: "syscall_lab.pair",
            version: 1,
            baseline,
            candidate,
            comparison: against::comparison_document(base, other),
        }),
        _ => serde_json::to_string_pretty(&documents[0]),
    };
    print(&format!("{}\n", text.map_err(|error| Failure::failed(&error))?))
}

fn document<'a>(run: &'a Run, page: Option<&'a Path>) -> RunDocument<'a> {
    RunDocument {
        format: "syscall_lab.run",
        version: 1,
        id: &run.manifest.id,
        path: &run.path,
        report: page,
        state: run.manifest.state,
        trials: run.trials.len(),
        failed_or_invalid: without_figures(run),
        backend: &run.manifest.probe.backend,
    }
}

/// What `--json` prints of a run.
#[derive(Serialize)]
struct RunDocument<'a> {
    format: &'a str,
    version: u32,
    id: &'a str,
    path: &'a Path,
    /// None when it could not be written, or a signal came first.
    report: Option<&'a Path>,
    state: State,
    trials: usize,
    failed_or_invalid: usize,
    backend: &'a str,
}

/// What `--json` prints of two runs in alternation.
#[derive(Serialize)]
struct PairDocument<'a> {
    format: &'a str,
    version: u32,
    baseline: &'a RunDocument<'a>,
    candidate: &'a RunDocument<'a>,
    /// As `runner diff --format json` has it; none where there is nothing to compare.
    comparison: Option<serde_json::Value>,
}

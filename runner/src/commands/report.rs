//! `runner report`: a kept run's figures as tables, and its report as a page.

use super::{history, plain, print};
use crate::cli::{Format, ReportArguments};
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use reports::html::Kept;
use reports::{RunView, Summary, TextOptions};
use std::fs;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{Manifest, Run};

/// Renders a run in the format asked for.
pub(crate) fn report(arguments: &ReportArguments) -> Result<ExitCode, Failure> {
    if history::is_asked(arguments) {
        return history::history(arguments);
    }
    let metric = history::metric(arguments)?;
    let run = Run::open(&store::resolve(&arguments.runs_dir.runs_dir, &arguments.run)?)?;
    let view = view(&run);
    let mut summary = reports::summarise(&view);
    if let Some(metric) = metric {
        check_fleet(&summary)?;
        summary = summary.with_fleet_by(metric);
    }
    let out = arguments.out.as_deref();
    match arguments.format {
        Format::Html => {
            let path = write_html(&run, &summary, out)?;
            print(&format!("{}\n", path.display()))?;
        }
        Format::Text if out.is_none() => {
            print(&reports::text::render(&summary, &text_options()))?;
            let path = write_html(&run, &summary, None)?;
            print(&format!("\nreport: {}\n", path.display()))?;
        }
        Format::Text => {
            emit(&reports::text::render(&summary, &TextOptions { width: 100, colour: false }), out)?;
        }
        Format::Markdown => emit(&reports::markdown::render(&summary), out)?,
        Format::Json => emit(&reports::json::render(&summary)?, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// One figure is asked for of many runs, or of the machines or kernels of one.
fn check_fleet(summary: &Summary) -> Result<(), Failure> {
    if summary.fleet.is_some() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--metric is over many runs, and says which with --scenario, --label, --since or --kernel; or it is of machines or \
         kernels that are set against each other, and {} was not merged of whole runs of several",
        summary.manifest.id
    )))
}

/// The run as reports see it.
pub(crate) fn view(run: &Run) -> RunView<'_> {
    let is_under_way = store::executed_by(&run.path).is_some();
    RunView { manifest: &run.manifest, trials: &run.trials, load: &run.load, is_under_way }
}

/// For this terminal, or plain at 100 columns for a pipe.
pub(crate) fn text_options() -> TextOptions {
    let width = rustix::termios::tcgetwinsize(stdout()).map_or(100, |size| usize::from(size.ws_col));
    let width = if stdout().is_terminal() { width.max(60) } else { 100 };
    TextOptions { width, colour: super::colour(&stdout()) }
}

/// Writes the page and its charts, into the run's `report/` unless another folder is named; returns the page's path.
pub(crate) fn write_html(run: &Run, summary: &Summary, out: Option<&Path>) -> Result<PathBuf, Failure> {
    let (folder, other) = (folder_of(run), other_of(run));
    let other = other.as_ref().map(|(manifest, folder)| (manifest, folder.as_str()));
    let rendered = reports::html::render_kept(&view(run), summary, &Kept { folder: &folder, other })?;
    let mut files = rendered.files;
    files.push(("index.html".to_owned(), rendered.html.into_bytes()));
    let owner = super::owner(Credentials::of_invoker().as_ref());
    let folder = match out {
        None => store::write_report(&run.path, &files, owner)?,
        Some(folder) => store::write_files(folder, &files, owner)?,
    };
    Ok(folder.join("index.html"))
}

/// The run's folder as a command names it: by a path that stays the run's when `latest` leads elsewhere.
fn folder_of(run: &Run) -> String {
    let is_named_so = run.path.file_name().is_some_and(|name| name == run.manifest.id.as_str());
    let path =
        if is_named_so { run.path.clone() } else { run.path.canonicalize().unwrap_or(run.path.clone()) };
    path.display().to_string()
}

/// The run that it was executed in alternation with, where that is beside it.
fn other_of(run: &Run) -> Option<(Manifest, String)> {
    let folder = Path::new(&folder_of(run)).with_file_name(&run.manifest.against.as_ref()?.run);
    Some((store::read_manifest(&folder).ok()?, folder.display().to_string()))
}

/// Prints, or writes to the file that was named.
pub(crate) fn emit(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = out else { return print(text) };
    fs::write(path, plain(text))
        .map_err(|error| Failure::Failed(format!("cannot write {}: {}", path.display(), chain(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_nothing_that_a_terminal_would_obey() {
        let path = std::env::temp_dir().join(format!("syscall-lab-emit-{}", std::process::id()));
        emit("a\u{1b}]0;title\u{7}\n", Some(&path)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(text, "a\u{fffd}]0;title\u{fffd}\n");
    }
}

//! `runner lab submit`: the file that a student hands in.

use super::super::scratch;
use super::workplace::Workplace;
use super::{files_of, listed, observed, print, size, text_of};
use crate::cli::SubmitArguments;
use crate::credentials::Credentials;
use crate::failure::Failure;
use ::lab::bundle::{Content, EXTENSION, Index, Kind, pack};
use ::lab::{ANSWERS, Names, RUNS, Submission, SubmittedRun, anonymise, answers_in, backends};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use store::{Run, State};

/// Puts together runs, answers and what they are, and shows it.
pub(super) fn submit(arguments: &SubmitArguments) -> Result<ExitCode, Failure> {
    let place = Workplace::open(&arguments.folder)?;
    let sheet = text_of(&place.folder.join(ANSWERS))?;
    let unanswered = unanswered(&place, &sheet);
    if !unanswered.is_empty() && !arguments.incomplete {
        return Err(Failure::Usage(format!(
            "{}: no answer to {}; write it between the comments below the question, or hand in without by --incomplete",
            place.folder.join(ANSWERS).display(),
            unanswered.join(", ")
        )));
    }
    let runs = runs(&place, arguments.incomplete)?;
    let scratch = scratch(None)?;
    let (runs, sheet) = if arguments.anonymise {
        anonymised(&place, (&runs, &sheet), scratch.path())?
    } else {
        (runs, sheet)
    };
    let mut submission = Submission::new(place.note.student.clone(), place.note.assignment_file.clone());
    submission.recorded = place.note.recorded;
    submission.anonymised = arguments.anonymise;
    submission.unanswered = unanswered;
    submission.runs = runs.iter().map(announced).collect();
    let mut files = vec![(ANSWERS.to_owned(), Content::Bytes(sheet.into_bytes()))];
    files.extend(runs.iter().flat_map(|run| files_of(run, RUNS)));
    let name = format!("{}-{}{EXTENSION}", place.note.assignment.name, place.note.student);
    let out = arguments.out.clone().unwrap_or_else(|| place.folder.join(name));
    let assignment = place.note.assignment.clone();
    let index = Index::new(Kind::Submission, env!("CARGO_PKG_VERSION"), assignment, Some(submission));
    let index = pack(&out, index, &files)?;
    if let Some(credentials) = Credentials::of_invoker() {
        credentials.give(&out).map_err(|error| Failure::failed(&error))?;
    }
    print(&told(&runs, &index, &out))?;
    Ok(ExitCode::SUCCESS)
}

fn unanswered(place: &Workplace, sheet: &str) -> Vec<String> {
    let answers = answers_in(sheet);
    let questions = place.unpacked.assignment.questions.iter().map(|it| it.id.clone());
    questions.filter(|id| answers.get(id).is_none_or(String::is_empty)).collect()
}

/// The run of each scenario that has ended.
fn runs(place: &Workplace, may_be_incomplete: bool) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    if place.note.recorded {
        return Ok(runs);
    }
    for name in &place.unpacked.assignment.scenarios {
        let found = place.run_of(name)?;
        let is_complete = found.as_ref().is_some_and(|(_, manifest)| manifest.state == State::Complete);
        if !is_complete && !may_be_incomplete {
            let words = match &found {
                None => format!("{name} was not executed"),
                Some((path, _)) => format!("{} did not come to its end", path.display()),
            };
            return Err(Failure::Usage(format!(
                "{words}: `runner lab start` with the assignment's file goes on, or hand in without by --incomplete"
            )));
        }
        // One that was cut off has no tables yet.
        let ended = found.filter(|(_, manifest)| manifest.state != State::Running);
        if let Some((path, _)) = ended {
            runs.push(Run::open(&path)?);
        }
    }
    Ok(runs)
}

/// Runs and answers without what tells whose machine it was.
fn anonymised(
    place: &Workplace,
    (runs, sheet): (&[Run], &str),
    scratch: &Path,
) -> Result<(Vec<Run>, String), Failure> {
    let mut names = names(place);
    names.0.extend(runs.iter().map(|run| run.manifest.environment.host.clone()));
    let names = Names::new(&names.0, &names.1);
    let clean = runs.iter().map(|run| Ok(Run::open(&anonymise(run, &names, &scratch.join(RUNS))?)?));
    Ok((clean.collect::<Result<_, Failure>>()?, names.without(sheet)))
}

/// Names of host and user, and folders that are theirs.
fn names(place: &Workplace) -> (Vec<String>, Vec<String>) {
    let variable = |name: &&str| std::env::var(name).ok();
    let user = Credentials::of_invoker().unwrap_or_else(|| {
        Credentials::of_user(rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    });
    let words = ["USER", "LOGNAME", "SUDO_USER", "HOSTNAME"].iter().filter_map(variable);
    let host = crate::environment::observe().host;
    let short = host.split('.').next().unwrap_or_default().to_owned();
    let words = words.chain(user.name).chain([short, host]).collect();
    let paths = ["HOME", "PWD", "TMPDIR"].iter().filter_map(variable);
    let here = place.folder.canonicalize().ok().map(|path| path.display().to_string());
    (words, paths.chain(here).collect())
}

fn announced(run: &Run) -> SubmittedRun {
    let manifest = &run.manifest;
    SubmittedRun {
        scenario: manifest.scenario.name.clone(),
        run: manifest.id.clone(),
        backends: backends(manifest),
        state: manifest.state,
    }
}

/// What is in it, and what it tells of the machine.
fn told(runs: &[Run], index: &Index, out: &Path) -> String {
    let mut text = format!("In it are {} files:\n{}", index.files.len(), listed(index));
    for run in runs {
        let (manifest, environment) = (&run.manifest, &run.manifest.environment);
        text.push_str(&observed(run));
        let _ = writeln!(
            text,
            "  it tells of the machine: host {}, kernel {}, processor {}, kernel command line {}, the runner's command {}",
            environment.host,
            environment.kernel_release,
            environment.cpu_model.as_deref().unwrap_or("not known"),
            environment.kernel_command_line.as_deref().unwrap_or("none"),
            manifest.command.join(" ")
        );
    }
    let submission = index.submission.as_ref();
    if submission.is_some_and(|it| it.recorded) {
        text.push_str("No run: the recorded data are meant.\n");
    } else if submission.is_some_and(|it| !it.anonymised) {
        text.push_str("`--anonymise` leaves out host name, user, paths and kernel command line.\n");
    }
    if let Some(unanswered) = submission.map(|it| &it.unanswered).filter(|it| !it.is_empty()) {
        let _ = writeln!(text, "No answer to {}.", unanswered.join(", "));
    }
    let _ = writeln!(text, "Hand in {}, {}", out.display(), size(out));
    text
}

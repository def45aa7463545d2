//! `runner lab start`: from an assignment's file to its runs; called again, on from where it stopped.

use super::super::conclusion::conclude;
use super::super::resume::{Carried, carry_on};
use super::super::run::measure;
use super::super::{check_load_only, generator, here, in_command};
use super::workplace::Workplace;
use super::{machine, print, recorded_runs, scenario};
use crate::cli::{
    AgainstArguments, ResumeArguments, RunArguments, RunsDir, ScenarioArguments, ShardArguments,
    StartArguments,
};
use crate::doctor::{Examination, Seen};
use crate::failure::Failure;
use crate::progress::brief;
use crate::scenario::{Estimate, Overheads};
use crate::signals::{self, INTERRUPTED};
use ::lab::{ANSWERS, Student};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::State;

/// Unpacks, looks at the machine, says how long it takes, and executes what is not there yet.
pub(super) fn start(arguments: &StartArguments) -> Result<ExitCode, Failure> {
    let student = arguments.student.as_deref().map(Student::new).transpose()?;
    let whose = (student.as_ref(), arguments.recorded);
    let place = Workplace::make(&arguments.file, arguments.into.as_deref(), whose)?;
    print(&greeting(&place))?;
    if place.note.recorded {
        let mut text = "\nNothing is measured: claims are held against the recorded data.\n".to_owned();
        for run in recorded_runs(&place.unpacked.assignment, &place.unpacked.folder)? {
            let _ = writeln!(text, "`runner report {}` shows them", in_command(&run));
        }
        print(&(text + &next(&place)))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&machine_words(&place)?)?;
    print(&format!("\n{}", times(&place)?))?;
    let mut paths = Vec::new();
    for name in &place.unpacked.assignment.scenarios {
        let Some(path) = executed(&place, name, arguments.quiet)? else { return Ok(INTERRUPTED.into()) };
        paths.push(path);
        if signals::stop()?.load(Ordering::Relaxed) {
            break;
        }
    }
    let (stop, quiet) = (signals::stop()?, arguments.quiet);
    // Drawn only now: a signal would from then on end whatever is executed.
    let mut worst = ExitCode::SUCCESS;
    for path in &paths {
        let code = conclude(std::slice::from_ref(path), (false, quiet), &stop)?;
        if code != ExitCode::SUCCESS {
            worst = code;
        }
    }
    if stop.load(Ordering::Relaxed) {
        print("`runner lab start` with the same file goes on with it\n")?;
        return Ok(INTERRUPTED.into());
    }
    print(&next(&place))?;
    Ok(worst)
}

fn greeting(place: &Workplace) -> String {
    let (note, assignment) = (&place.note, &place.unpacked.assignment);
    let values = note.student.overrides(&note.assignment, &assignment.parameters).join(", ");
    let values = if values.is_empty() { String::new() } else { format!(", {values}") };
    let (runner, tested) = (env!("CARGO_PKG_VERSION"), &assignment.tested_with);
    let is_tested = tested.is_empty() || tested.iter().any(|version| version == runner);
    let version =
        format!("this is runner {runner}, and the assignment was tested with {}\n", tested.join(", "));
    let version = if is_tested { "" } else { &version };
    format!(
        "{}\n{} for {}: seed {}{values}\n{version}the hand-out is {}\n",
        assignment.title,
        note.assignment.name,
        note.student,
        note.student.seed(&note.assignment),
        place.folder.join(&assignment.handout).display(),
    )
}

/// What this machine can measure, and what is missing with its remedy.
fn machine_words(place: &Workplace) -> Result<String, Failure> {
    let seen = Seen::here(&place.runs_dir(), generator())?;
    let examination = Examination::of(&seen);
    let mut text = String::from("\n");
    for line in examination.missing() {
        let _ = writeln!(text, "missing: {line}");
    }
    match examination.backends() {
        [] => {
            let recorded = if place.unpacked.assignment.recorded.is_some() {
                "; claims that this cannot decide are held against the recorded data"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "This machine cannot probe the kernel: the callers' own view is measured{recorded}."
            );
        }
        backends => {
            let _ = writeln!(text, "This machine can probe the kernel, by {}.", backends.join(", "));
        }
    }
    Ok(text)
}

/// How long what is left takes, and what this machine lacks of it.
fn times(place: &Workplace) -> Result<String, Failure> {
    let (mut text, mut all) = (String::new(), Duration::ZERO);
    let machine = machine();
    for name in &place.unpacked.assignment.scenarios {
        if let Some((_, manifest)) = place.run_of(name)? {
            if manifest.state == State::Complete {
                let _ = writeln!(text, "{name}: executed");
                continue;
            }
            let _ = writeln!(text, "{name}: begun, {} trials in all", manifest.plan.trials);
        }
        let scenario = scenario(&place.unpacked.folder, name, &values(place), &machine)?;
        check_load_only(&scenario, &machine)?;
        here::warn(&scenario, &machine);
        let time = Estimate::of(&scenario, Overheads::TYPICAL).total();
        all += time;
        let _ = writeln!(text, "{name}: about {}", brief(time));
    }
    if all > Duration::ZERO {
        let _ = writeln!(
            text,
            "about {} in all; meanwhile leave the machine alone, and on mains power",
            brief(all)
        );
    }
    Ok(text)
}

/// What is replaced in the scenarios for this student, without the seed.
fn values(place: &Workplace) -> Vec<String> {
    place.note.student.overrides(&place.note.assignment, &place.unpacked.assignment.parameters)
}

/// The folder of the scenario's run, executed as far as it was not; none when a signal came first.
fn executed(place: &Workplace, name: &str, quiet: bool) -> Result<Option<PathBuf>, Failure> {
    let runs_dir = RunsDir { runs_dir: place.runs_dir() };
    let Some((path, manifest)) = place.run_of(name)? else {
        let scenario = ScenarioArguments {
            scenario: place.unpacked.folder.join(format!("{name}.toml")),
            overrides: values(place),
            repetitions: None,
            seed: Some(place.note.student.seed(&place.note.assignment).to_string()),
        };
        let arguments = RunArguments {
            scenario,
            against: AgainstArguments { against: None, against_set: Vec::new() },
            shard: ShardArguments::default(),
            probe: None,
            append: None,
            force: false,
            label: None,
            runs_dir,
            live: false,
            quiet,
            json: false,
        };
        // The turn is given back before the next scenario takes it.
        return Ok(measure(&arguments)?.and_then(|(paths, _turn)| paths.into_iter().next()));
    };
    if manifest.state == State::Complete {
        return Ok(Some(path));
    }
    let run = path.display().to_string();
    let arguments = ResumeArguments { run, runs_dir, force: false, quiet, json: false };
    Ok(match carry_on(std::slice::from_ref(&path), &arguments)? {
        Carried::Stopped => None,
        Carried::Complete | Carried::On(_) => Some(path),
    })
}

/// What the student does next.
fn next(place: &Workplace) -> String {
    let (folder, answers) = (in_command(&place.folder), place.folder.join(ANSWERS));
    format!("\nNext: answer the questions in {}, then `runner lab submit {folder}`.\n", answers.display())
}

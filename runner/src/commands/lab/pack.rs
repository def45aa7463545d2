//! `runner lab pack`: from a folder to an assignment's file.

use super::{
    ASSIGNMENT, assignment_in, facts, files_of, listed, machine, print, recorded_runs, scenario, size,
};
use crate::cli::PackArguments;
use crate::failure::Failure;
use crate::progress::brief;
use crate::scenario::{Estimate, Overheads, Scenario};
use ::lab::bundle::{Content, EXTENSION, Index, Kind, pack as pack_bundle};
use ::lab::{Assignment, LabError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{Run, State};

/// Checks all that the assignment consists of, and packs it.
pub(super) fn pack(arguments: &PackArguments) -> Result<ExitCode, Failure> {
    let folder = &arguments.folder;
    let (assignment, text) = assignment_in(folder)?;
    let scenarios = scenarios(&assignment, folder)?;
    let facts: Vec<_> = scenarios.iter().map(facts).collect();
    let name = folder.join(ASSIGNMENT).display().to_string();
    assignment.check((&name, &text), &facts).map_err(LabError::from)?;
    let recorded = recorded(&assignment, folder)?;
    let mut files: Vec<(String, Content)> = vec![];
    let own = assignment.scenarios.iter().map(|name| format!("{name}.toml"));
    let texts = [ASSIGNMENT.to_owned(), assignment.handout.clone(), assignment.answers.clone()];
    for name in texts.into_iter().chain(own) {
        let content = Content::File(folder.join(&name));
        files.push((name, content));
    }
    let below = assignment.recorded.as_ref().map_or("", |it| it.folder.as_str());
    files.extend(recorded.iter().flat_map(|run| files_of(run, below)));
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}-assignment{EXTENSION}", assignment.id.name)));
    let index = Index::new(Kind::Assignment, env!("CARGO_PKG_VERSION"), assignment.id.clone(), None);
    let index = pack_bundle(&out, index, &files)?;
    print(&told(&assignment, &scenarios, (&out, &index)))?;
    Ok(ExitCode::SUCCESS)
}

/// The scenarios with each parameter's first value, after every value was tried.
fn scenarios(assignment: &Assignment, folder: &Path) -> Result<Vec<Scenario>, Failure> {
    let machine = machine();
    let first: Vec<String> =
        assignment.parameters.iter().map(|it| format!("{}={}", it.path, it.values[0])).collect();
    for (place, parameter) in assignment.parameters.iter().enumerate() {
        for value in &parameter.values {
            let mut values = first.clone();
            values[place] = format!("{}={value}", parameter.path);
            for name in &assignment.scenarios {
                scenario(folder, name, &values, &machine)?;
            }
        }
    }
    assignment.scenarios.iter().map(|name| scenario(folder, name, &first, &machine)).collect()
}

/// The recorded runs, each whole and of one of the scenarios.
fn recorded(assignment: &Assignment, folder: &Path) -> Result<Vec<Run>, Failure> {
    let paths = recorded_runs(assignment, folder)?;
    if let (Some(recorded), true) = (&assignment.recorded, paths.is_empty()) {
        return Err(Failure::Usage(format!(
            "{} has no run: copy one there, made by `runner lab submit --anonymise`, or leave `[recorded]` out",
            folder.join(&recorded.folder).display()
        )));
    }
    paths.iter().map(|path| checked(assignment, path)).collect()
}

fn checked(assignment: &Assignment, path: &Path) -> Result<Run, Failure> {
    let refused = |words: &str| Failure::Usage(format!("{}: {words}", path.display()));
    let (findings, run) = store::verify(path);
    if let Some(finding) = findings.first() {
        return Err(refused(finding));
    }
    let run = run.filter(|run| run.manifest.state == State::Complete);
    let run = run.ok_or_else(|| refused("the run is not complete"))?;
    if !assignment.scenarios.contains(&run.manifest.scenario.name) {
        return Err(refused("it is a run of none of the assignment's scenarios"));
    }
    Ok(run)
}

fn told(assignment: &Assignment, scenarios: &[Scenario], (out, index): (&Path, &Index)) -> String {
    let time: std::time::Duration =
        scenarios.iter().map(|it| Estimate::of(it, Overheads::TYPICAL).total()).sum();
    let number = reports::units::short;
    format!(
        "{}: {}, edition {}\n{}{} claims for {} points, {} questions for {} points; a student needs about {}\n{}, {}\n",
        assignment.id.name,
        assignment.title,
        assignment.id.edition,
        listed(index),
        assignment.claims.len(),
        number(assignment.points()),
        assignment.questions.len(),
        number(assignment.points_by_hand()),
        brief(time),
        out.display(),
        size(out),
    )
}

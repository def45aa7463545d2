//! `runner lab`: assignments for courses. What they are and how they are judged is the crate `lab`'s; here they meet the
//! machine, the scenarios and the file system.

mod calibrate;
mod grade;
mod pack;
mod received;
mod start;
mod submit;
mod verify;
mod workplace;

use super::{load, machine, print, scratch};
use crate::cli::LabVerb;
use crate::failure::Failure;
use crate::scenario::{Cell, Machine, Override, Scenario};
use crate::scratch::Scratch;
use ::lab::bundle::{Index, Kind, Limits, unpack};
use ::lab::{Assignment, Evidence, LabError, ScenarioFacts, backends};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::Run;
use tempfile::TempDir;

/// The name of an assignment's text in its folder.
const ASSIGNMENT: &str = "assignment.toml";
/// The largest text of an assignment, in bytes.
const MOST_TEXT: u64 = 1 << 20;
/// What everybody is told who checks or grades.
const FORGERY: &str = "Checksums, order and ledgers catch accidents and careless changes. They do not catch forgery: whoever \
                       has this program can make up a run.";

/// How much of a run there is, and how it was seen: a line.
fn observed(Run { manifest, trials, .. }: &Run) -> String {
    let (name, planned, backends) =
        (&manifest.scenario.name, manifest.plan.trials, backends(manifest).join(", "));
    format!("{name}: {} of {planned} trials, observed by {backends}\n", trials.len())
}

/// Carries out what is asked.
pub(crate) fn lab(verb: &LabVerb) -> Result<ExitCode, Failure> {
    match verb {
        LabVerb::Pack(arguments) => pack::pack(arguments),
        LabVerb::Start(arguments) => start::start(arguments),
        LabVerb::Submit(arguments) => submit::submit(arguments),
        LabVerb::Verify(arguments) => verify::verify(arguments),
        LabVerb::Grade(arguments) => grade::grade(arguments),
        LabVerb::Calibrate(arguments) => calibrate::calibrate(arguments),
    }
}

/// An assignment in a folder.
struct Unpacked {
    assignment: Assignment,
    folder: PathBuf,
    /// BLAKE3 of its bundle.
    file: String,
    /// Goes with it, where the folder is nobody's.
    _place: Option<Scratch>,
}

impl Unpacked {
    /// Unpacks a bundle into a folder that goes again.
    fn of_bundle(bundle: &Path) -> Result<Self, Failure> {
        let place = scratch(None)?;
        unpack(bundle, place.path(), Kind::Assignment, Limits::USUAL)?;
        let folder = place.path().to_owned();
        let (assignment, _) = assignment_in(&folder)?;
        Ok(Self { assignment, folder, file: checksum(bundle)?, _place: Some(place) })
    }

    /// The recorded data.
    fn recorded(&self) -> Result<Evidence, Failure> {
        let runs = recorded_runs(&self.assignment, &self.folder)?;
        let runs = runs.iter().map(|path| Run::open(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Evidence::of(runs))
    }
}

/// The folders of the recorded runs, in order; none where none are recorded.
fn recorded_runs(assignment: &Assignment, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Some(recorded) = &assignment.recorded else { return Ok(Vec::new()) };
    let place = folder.join(&recorded.folder);
    Ok(store::run_ids(&place)?.into_iter().map(|id| place.join(id)).collect())
}

/// The assignment in a folder, with its text.
fn assignment_in(folder: &Path) -> Result<(Assignment, String), Failure> {
    let path = folder.join(ASSIGNMENT);
    let text = text_of(&path)?;
    let assignment = Assignment::parse(&path.display().to_string(), &text).map_err(LabError::from)?;
    Ok((assignment, text))
}

/// A text that is not too long.
fn text_of(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::Lab(LabError::Read { path: path.to_owned(), source });
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MOST_TEXT + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > MOST_TEXT {
        return Err(Failure::Usage(format!(
            "{} is larger than 1 MiB, which no such text needs to be",
            path.display()
        )));
    }
    Ok(text)
}

/// BLAKE3 of a file.
fn checksum(path: &Path) -> Result<String, Failure> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|source| LabError::Read { path: path.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// A folder that goes again, beside where its files are to be.
fn temporary(parent: &Path) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix(".syscall-lab-").tempdir_in(parent);
    made.map_err(|source| Failure::Lab(LabError::Write { path: parent.to_owned(), source }))
}

/// A scenario of an assignment with these values.
fn scenario(folder: &Path, name: &str, values: &[String], machine: &Machine) -> Result<Scenario, Failure> {
    let values: Vec<Override> = values.iter().map(|value| Override::set(value)).collect();
    load(&folder.join(format!("{name}.toml")), &values, machine)
}

/// What claims may speak of in a scenario.
fn facts(scenario: &Scenario) -> ScenarioFacts {
    let of_factor = |place: usize| {
        let factor = &scenario.factors[place];
        let levels = scenario.used_levels(place);
        (factor.name.to_string(), levels.into_iter().map(|it| factor.levels[it].label.to_string()).collect())
    };
    let loads = scenario.used_loads().into_iter().map(|it| scenario.loads[it].name.to_string()).collect();
    ScenarioFacts {
        name: scenario.name.to_string(),
        syscalls: scenario.measure.targets.clone(),
        factors: (0..scenario.factors.len()).map(of_factor).chain([("load".to_owned(), loads)]).collect(),
        cells: scenario.cells.iter().flat_map(|cell| labels(scenario, cell)).collect(),
    }
}

/// The levels of a cell under each of its loads.
fn labels(scenario: &Scenario, cell: &Cell) -> impl Iterator<Item = BTreeMap<String, String>> {
    cell.loads.iter().map(|load| scenario.labels(cell, *load))
}

/// The files of a run that has ended, by the name that they have in a bundle.
fn files_of(run: &Run, below: &str) -> Vec<(String, ::lab::bundle::Content)> {
    let names = run.manifest.checksums.keys().map(String::as_str).chain(["manifest.json"]);
    let id = &run.manifest.id;
    let file =
        |name: &str| (format!("{below}/{id}/{name}"), ::lab::bundle::Content::File(run.path.join(name)));
    names.map(file).collect()
}

/// A table of what is in a bundle.
fn listed(index: &Index) -> String {
    let width = index.files.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |(name, file): (&String, &::lab::bundle::Listed)| {
        format!("  {name:<width$}  {}\n", reports::units::bytes(file.bytes as f64))
    };
    index.files.iter().map(line).collect()
}

/// The size of a file in words.
fn size(path: &Path) -> String {
    reports::units::bytes(fs::metadata(path).map_or(0, |it| it.len()) as f64)
}

//! The folder that a student works in: made once, found again.

use super::{Unpacked, assignment_in, checksum, temporary, text_of};
use crate::credentials::Credentials;
use crate::failure::Failure;
use ::lab::bundle::{Kind, Limits, unpack};
use ::lab::{ANSWERS, AssignmentId, LabError, RUNS, Student, sheet};
use serde::{Deserialize, Serialize};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use store::{Manifest, read_manifest};

/// What the folder is for: the file that says so.
const NOTE: &str = "lab.json";
const FORMAT: &str = "syscall_lab.workplace";
/// The folder with the assignment as it was unpacked.
const COPY: &str = "assignment";

/// What a student's folder says of itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    format: String,
    version: u32,
    pub(super) student: Student,
    pub(super) assignment: AssignmentId,
    /// BLAKE3 of the assignment's bundle.
    pub(super) assignment_file: String,
    /// Whether nothing is to be measured.
    pub(super) recorded: bool,
}

/// A student's folder.
pub(super) struct Workplace {
    pub(super) folder: PathBuf,
    pub(super) note: Note,
    pub(super) unpacked: Unpacked,
}

impl Workplace {
    /// The folder that was made before.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NOTE);
        if !path.is_file() {
            let words = "it is no folder of an assignment: `runner lab start FILE --student ID` makes one";
            return Err(Failure::Usage(format!("{}: {words}", folder.display())));
        }
        let wrong = |words: String| Failure::Failed(format!("{}: {words}", path.display()));
        let note: Note = serde_json::from_str(&text_of(&path)?).map_err(|error| wrong(error.to_string()))?;
        if (note.format.as_str(), note.version) != (FORMAT, 1) {
            return Err(wrong("another version of the runner made this folder".to_owned()));
        }
        let copy = folder.join(COPY);
        let (assignment, _) = assignment_in(&copy)?;
        let unpacked =
            Unpacked { assignment, folder: copy, file: note.assignment_file.clone(), _place: None };
        Ok(Self { folder: folder.to_owned(), note, unpacked })
    }

    /// Unpacks an assignment for a student, into a folder of its own first: either all of it is there afterwards or nothing.
    /// A folder that was made before for the same is opened again.
    pub(super) fn make(
        bundle: &Path,
        into: Option<&Path>,
        (student, recorded): (Option<&Student>, bool),
    ) -> Result<Self, Failure> {
        let parent = into.and_then(Path::parent).filter(|it| !it.as_os_str().is_empty());
        let place = temporary(parent.unwrap_or(Path::new(".")))?;
        let copy = place.path().join(COPY);
        fs::create_dir(&copy).map_err(|source| LabError::Write { path: copy.clone(), source })?;
        unpack(bundle, &copy, Kind::Assignment, Limits::USUAL)?;
        let (assignment, _) = assignment_in(&copy)?;
        let folder = into.map_or_else(|| PathBuf::from(&assignment.id.name), Path::to_owned);
        let file = checksum(bundle)?;
        if folder.symlink_metadata().is_ok() {
            return Self::again(&folder, (&file, student, recorded));
        }
        let Some(student) = student else {
            let words = "`--student ID` says who executes it: order and parameters follow from it";
            return Err(Failure::Usage(words.to_owned()));
        };
        if recorded && assignment.recorded.is_none() {
            return Err(Failure::Usage("--recorded: this assignment has no recorded data".to_owned()));
        }
        let note = Note {
            format: FORMAT.to_owned(),
            version: 1,
            student: student.clone(),
            assignment: assignment.id.clone(),
            assignment_file: file,
            recorded,
        };
        let template = text_of(&copy.join(&assignment.answers))?;
        let handout = text_of(&copy.join(&assignment.handout))?;
        let note = serde_json::to_string_pretty(&note).map_err(|error| Failure::failed(&error))? + "\n";
        for (name, text) in [
            (NOTE, note),
            (ANSWERS, sheet(&template, &assignment, student)),
            (assignment.handout.as_str(), handout),
        ] {
            let path = place.path().join(name);
            fs::write(&path, text).map_err(|source| LabError::Write { path: path.clone(), source })?;
        }
        hand_over(place.path()).map_err(|source| LabError::Write { path: folder.clone(), source })?;
        fs::rename(place.path(), &folder)
            .map_err(|source| LabError::Write { path: folder.clone(), source })?;
        // What it was made in has another name now.
        let _ = place.keep();
        Self::open(&folder)
    }

    /// A folder that was made before, where it is for the same.
    fn again(
        folder: &Path,
        (file, student, recorded): (&str, Option<&Student>, bool),
    ) -> Result<Self, Failure> {
        let refused = |words: String| {
            let words = format!("{}: {words}; `--into FOLDER` names another one", folder.display());
            Err(Failure::Usage(words))
        };
        if !folder.join(NOTE).is_file() {
            return refused("there is something else of this name".to_owned());
        }
        let found = Self::open(folder)?;
        if found.note.assignment_file != file {
            return refused("it was made of another assignment's file".to_owned());
        }
        if student.is_some_and(|student| *student != found.note.student) {
            return refused(format!("it is {}'s", found.note.student));
        }
        if recorded && !found.note.recorded {
            return refused("it was made to measure, and not for the recorded data".to_owned());
        }
        Ok(found)
    }

    /// Where its runs are kept.
    pub(super) fn runs_dir(&self) -> PathBuf {
        self.folder.join(RUNS)
    }

    /// The newest run of a scenario in the student's order, with what it says of itself.
    pub(super) fn run_of(&self, scenario: &str) -> Result<Option<(PathBuf, Manifest)>, Failure> {
        let seed = self.note.student.seed(&self.note.assignment);
        for id in store::run_ids(&self.runs_dir())?.iter().rev() {
            let path = self.runs_dir().join(id);
            let manifest = read_manifest(&path)?;
            if manifest.scenario.name == scenario && manifest.plan.seed == seed {
                return Ok(Some((path, manifest)));
            }
        }
        Ok(None)
    }
}

/// Gives everything in a folder to the user who called the runner by sudo, and lets everybody look: what is in a folder before
/// the folder, so that nobody but root can put something else in its place meanwhile.
fn hand_over(folder: &Path) -> std::io::Result<()> {
    if folder.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(folder)? {
            hand_over(&entry?.path())?;
        }
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    } else {
        fs::set_permissions(folder, Permissions::from_mode(0o644))?;
    }
    match Credentials::of_invoker() {
        Some(credentials) => credentials.give(folder),
        None => Ok(()),
    }
}

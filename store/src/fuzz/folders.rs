//! Whole folders of runs, of which one thing is not as it was: changed, swapped, or no file at all.

use super::mutate::{Mutator, Random, changed_text};
use super::{Outcome, everything};
use crate::writer::MANIFEST;
use crate::{Manifest, Run, RunWriter, State, parts, seal, verify};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where some links lead: beside the run's folder.
const OUTSIDE: &str = "../outside";
/// What is there, and stays.
const SECRET: &str = "nobody reads or writes this";

/// Runs in each state, and a place for changed ones.
pub(super) struct Folders {
    place: TempDir,
    runs: Vec<PathBuf>,
}

impl Folders {
    pub(super) fn new() -> Self {
        // In memory where that can be had: each case is some hundred files.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        fs::write(place.path().join("outside"), SECRET).unwrap();
        let kept = place.path().join("kept");
        let ended = [State::Complete, State::Interrupted].into_iter().zip(["complete", "interrupted"]);
        let mut runs: Vec<PathBuf> =
            ended.map(|(state, id)| everything::everything(&kept, id).finish(state).unwrap()).collect();
        runs.push(everything::everything(&kept, "under_way").path().to_owned());
        Self { place, runs }
    }

    /// Copies a run, changes it, and does with it what commands do.
    pub(super) fn case(&mut self, mutator: &mut Mutator<'_>, random: &mut Random) -> Outcome {
        let run = &self.runs[random.below(self.runs.len())];
        let copy = self.place.path().join(run.file_name().unwrap());
        let _ = fs::remove_dir_all(&copy);
        copy_folder(run, &copy);
        for _ in 0..=random.below(2) {
            change(mutator, random, &copy);
        }
        if random.is_one_of(2) {
            seal_anew(&copy);
        }
        let _ = verify(&copy);
        let read = Run::open(&copy).map(drop);
        if random.is_one_of(8) {
            // Going on with it writes all of it anew, or refuses to.
            let _ = RunWriter::reopen(&copy, None).and_then(|(writer, _)| writer.finish(State::Complete));
            let _ = verify(&copy);
        }
        assert_eq!(
            fs::read_to_string(self.place.path().join("outside")).unwrap(),
            SECRET,
            "no link is followed"
        );
        read
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Files of a run and its parts.
fn files(run: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = [run.to_owned(), run.join(parts::FOLDER)]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .collect();
    // In an order that is the same each time.
    files.sort();
    files
}

/// Whether it is a file, and no link to one: whatever is written here stays within the run.
fn is_plain(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok_and(|found| found.is_file())
}

fn change(mutator: &mut Mutator<'_>, random: &mut Random, run: &Path) {
    let files = files(run);
    let file = &files[random.below(files.len())];
    if !is_plain(file) {
        return;
    }
    match random.below(10) {
        0 => fs::remove_file(file).unwrap(),
        1 => {
            fs::remove_file(file).unwrap();
            let targets = [OUTSIDE, "/etc/hostname", "/dev/zero", "manifest.json", "..", "nowhere", "/"];
            symlink(targets[random.below(targets.len())], file).unwrap();
        }
        2 => {
            fs::remove_file(file).unwrap();
            rustix::fs::mkfifoat(rustix::fs::CWD, file, 0o644.into()).unwrap();
        }
        3 => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }
        4 => {
            let other = &files[random.below(files.len())];
            if is_plain(other) {
                let content = fs::read(other).unwrap();
                fs::copy(file, other).unwrap();
                fs::write(file, content).unwrap();
            }
        }
        5 => {
            let (_, table) = mutator.table(random);
            fs::write(file, table).unwrap();
        }
        _ => {
            let content = fs::read(file).unwrap();
            fs::write(file, changed_text(random, &content, b"[],{},,,\"\"")).unwrap();
        }
    }
}

/// Makes checksums and seal fit what is there, as far as that can be had.
fn seal_anew(run: &Path) {
    let file = run.join(MANIFEST);
    if !is_plain(&file) {
        return;
    }
    let Ok(content) = fs::read(&file) else { return };
    let Ok(mut manifest) = serde_json::from_slice::<Manifest>(&content) else { return };
    for (name, sum) in &mut manifest.checksums {
        let path = run.join(name);
        if is_plain(&path) {
            *sum = blake3::hash(&fs::read(path).unwrap()).to_hex().to_string();
        }
    }
    manifest.seal = Some(seal::blank());
    let mut text = serde_json::to_vec_pretty(&manifest).unwrap();
    seal::put(&mut text);
    fs::write(file, text).unwrap();
}

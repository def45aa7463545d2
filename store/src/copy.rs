//! A run in another folder of runs: its files, as they are.

use crate::becoming::{Becoming, remove_left};
use crate::files::{Folder, Owner, create_folders};
use crate::runs::run_ids;
use crate::writer::MANIFEST;
use crate::{State, StoreError, limits, read_manifest};
use std::io;
use std::path::{Path, PathBuf};

/// How the name of a copy ends that is being made.
const SUFFIX: &str = ".copying";

/// Copies a run that has ended into the folder `runs_dir`, under its own id, and points `latest` at the newest run there;
/// returns the copy's folder. The report is left out, since it can be drawn anew. Has the copy its name, it is whole; where this
/// fails, nothing of it stays.
///
/// The same run is there already: then that is the copy. Fails where another is there by this id, where the run is under way,
/// or a file is not what its manifest says.
pub fn copy_run(run: &Path, runs_dir: &Path, owner: Option<Owner>) -> Result<PathBuf, StoreError> {
    let manifest = read_manifest(run)?;
    if manifest.state == State::Running {
        return Err(StoreError::damaged(run, "it has not ended, and only what has ended is copied"));
    }
    let from = Folder::open(run)?;
    let text = from.read(MANIFEST, limits::MANIFEST_BYTES)?;
    let runs = create_folders(runs_dir, owner)?;
    if let Some(there) = there(&runs, &manifest.id, &text)? {
        return Ok(there);
    }
    remove_left(runs_dir, SUFFIX)?;
    // Nobody else's: two may copy it at a time.
    let suffix = format!(".{}{SUFFIX}", std::process::id());
    let (becoming, into) = Becoming::begin(runs_dir, &manifest.id, &suffix, owner)?;
    for (name, sum) in &manifest.checksums {
        into.replace(name, owner, |file| {
            let mut content = from.file(name, limits::TABLE_BYTES)?;
            let copied = io::copy(&mut content, file).map(drop);
            copied.map_err(|source| StoreError::Write { path: into.path().join(name), source })
        })?;
        if into.checksum(name, limits::TABLE_BYTES)?.0.to_hex().as_str() != sum {
            return Err(StoreError::damaged(run.join(name), "it is not as it was written"));
        }
    }
    into.replace_with(MANIFEST, owner, &text)?;
    let newest = run_ids(runs_dir)?.pop().filter(|newest| *newest > manifest.id);
    match becoming.end(newest.as_deref().unwrap_or(&manifest.id)) {
        Ok(copy) => Ok(copy.path().to_owned()),
        // The other was first.
        Err(error) => there(&runs, &manifest.id, &text)?.ok_or(error),
    }
}

/// The run of this id that is there already, with this manifest; an error where that is another.
fn there(runs: &Folder, id: &str, manifest: &[u8]) -> Result<Option<PathBuf>, StoreError> {
    let Ok(there) = runs.inner(id) else { return Ok(None) };
    if there.read(MANIFEST, limits::MANIFEST_BYTES)? == manifest {
        return Ok(Some(there.path().to_owned()));
    }
    Err(StoreError::damaged(there.path(), "another run is there by the id that was to be copied"))
}

//! A run that is written as a whole, out of others that are kept: until all of it is there nobody takes it for a run.
//!
//! It is in a folder whose name begins with a dot, which gets its own as the last step. So whatever ends the writing leaves
//! either the run or nothing that counts. What a kill has left is removed before the next draft is made: who writes a draft
//! holds a lock on its folder, which the kernel takes back.

use crate::files::{Folder, Owner, create_folders};
use crate::writer::LATEST;
use crate::{LoadMetric, Manifest, RunWriter, State, StoreError, TrialRecord};
use chrono::{DateTime, Utc};
use std::fs;
use std::path::{Path, PathBuf};

/// How the name of a draft ends.
const SUFFIX: &str = ".merging";

/// A run that is being put together.
#[derive(Debug)]
pub struct Draft {
    runs: Folder,
    /// The folder's name before it is the run's.
    name: String,
    owner: Option<Owner>,
    /// None once it is a run, or given up.
    writer: Option<RunWriter>,
    /// Its folder, locked.
    _lock: Folder,
}

impl Draft {
    /// Begins the run `manifest.id` below `runs_dir`.
    pub fn create(
        runs_dir: &Path,
        manifest: Manifest,
        scenario: &str,
        owner: Option<Owner>,
    ) -> Result<Self, StoreError> {
        let runs = create_folders(runs_dir, owner)?;
        remove_left(&runs)?;
        let name = format!(".{}{SUFFIX}", manifest.id);
        let folder = runs.make_inner(&name, owner)?;
        let lock = runs.inner(&name)?;
        // A file system without locks leaves what was killed, which is no run either.
        lock.try_lock();
        let mut draft = Self { runs, name, owner, writer: None, _lock: lock };
        // Where this fails, dropping the draft removes its folder.
        draft.writer = Some(RunWriter::draft(folder, manifest, scenario, owner)?);
        Ok(draft)
    }

    /// Adds a trial, at the place that its number says.
    pub fn add_trial(&mut self, trial: &TrialRecord) -> Result<(), StoreError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.append_trial(trial))
    }

    /// Adds metrics of load instances.
    pub fn add_load(&mut self, metrics: &[LoadMetric]) -> Result<(), StoreError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.append_load(metrics))
    }

    /// Makes it a run that is complete and ended at `ended_at`, durable, and the latest of its folder; returns its folder.
    pub fn finish(mut self, ended_at: Option<DateTime<Utc>>) -> Result<PathBuf, StoreError> {
        let Some(writer) = self.writer.take() else {
            return Err(StoreError::damaged(self.runs.path(), "there is no draft"));
        };
        let id = writer.manifest().id.clone();
        writer.finish_at(State::Complete, ended_at)?;
        let folder = self.runs.rename(&self.name, &id)?;
        self.name.clone_from(&id);
        self.runs.point(LATEST, &id, self.owner)?;
        self.name.clear();
        Ok(folder.path().to_owned())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.writer = None;
        if !self.name.is_empty() {
            // Best effort: what matters is what led here.
            let _ = fs::remove_dir_all(self.runs.path().join(&self.name));
        }
    }
}

/// Removes drafts whose writer was killed: nobody holds their lock.
fn remove_left(runs: &Folder) -> Result<(), StoreError> {
    let is_draft = |name: &String| name.starts_with('.') && name.ends_with(SUFFIX);
    for name in runs.names()?.into_iter().filter(is_draft) {
        if runs.inner(&name).is_ok_and(|folder| folder.try_lock()) {
            let _ = fs::remove_dir_all(runs.path().join(&name));
        }
    }
    Ok(())
}

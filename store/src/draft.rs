//! A run that is written as a whole, out of others that are kept: until all of it is there nobody takes it for a run.
//!
//! It is in a folder whose name begins with a dot, which gets its own as the last step. So whatever ends the writing leaves
//! either the run or nothing that counts. What a kill has left is removed before the next draft is made: who writes a draft
//! holds a lock on its folder, which the kernel takes back.

use crate::becoming::{Becoming, remove_left};
use crate::files::Owner;
use crate::{LoadMetric, Manifest, RunWriter, State, StoreError, TrialRecord};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};

/// How the name of a draft ends.
const SUFFIX: &str = ".merging";

/// A run that is being put together.
#[derive(Debug)]
pub struct Draft {
    // In this order they go: nothing is written any more when the folder is removed.
    writer: RunWriter,
    becoming: Becoming,
}

impl Draft {
    /// Begins the run `manifest.id` below `runs_dir`.
    pub fn create(
        runs_dir: &Path,
        manifest: Manifest,
        scenario: &str,
        owner: Option<Owner>,
    ) -> Result<Self, StoreError> {
        remove_left(runs_dir, SUFFIX)?;
        let (becoming, folder) = Becoming::begin(runs_dir, &manifest.id, SUFFIX, owner)?;
        let writer = RunWriter::draft(folder, manifest, scenario, owner)?;
        Ok(Self { writer, becoming })
    }

    /// Adds a trial, at the place that its number says.
    pub fn add_trial(&mut self, trial: &TrialRecord) -> Result<(), StoreError> {
        self.writer.append_trial(trial)
    }

    /// Adds metrics of load instances.
    pub fn add_load(&mut self, metrics: &[LoadMetric]) -> Result<(), StoreError> {
        self.writer.append_load(metrics)
    }

    /// Makes it a run that is complete and ended at `ended_at`, durable, and the latest of its folder; returns its folder.
    pub fn finish(self, ended_at: Option<DateTime<Utc>>) -> Result<PathBuf, StoreError> {
        let Self { writer, becoming } = self;
        let id = writer.manifest().id.clone();
        writer.finish_at(State::Complete, ended_at)?;
        Ok(becoming.end(&id)?.path().to_owned())
    }
}

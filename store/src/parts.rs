//! Parts: what is stored of each trial before the next one begins.
//!
//! A part is one JSON file, so that one write, one sync and one rename make a trial durable; Parquet is written once,
//! from all parts, when the run ends.

use crate::files::{Owner, create_folders, replace_with};
use crate::{FORMAT_VERSION, LoadMetric, StoreError, TrialRecord};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = ".parts";
const TRIAL_PREFIX: &str = "trial-";
const LOAD_PREFIX: &str = "load-";

#[derive(Serialize, Deserialize)]
struct Part<T> {
    format_version: u32,
    content: T,
}

/// The folder of parts of one run.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: PathBuf,
}

impl Parts {
    pub(crate) fn of(run: &Path) -> Self {
        Self { folder: run.join(FOLDER) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn create(&self, owner: Option<Owner>) -> Result<(), StoreError> {
        create_folders(&self.folder, owner)
    }

    pub(crate) fn write_trial(&self, record: &TrialRecord, owner: Option<Owner>) -> Result<(), StoreError> {
        self.write(&trial_name(record.trial), record, owner)
    }

    pub(crate) fn write_load(
        &self,
        number: usize,
        metrics: &[LoadMetric],
        owner: Option<Owner>,
    ) -> Result<(), StoreError> {
        self.write(&format!("{LOAD_PREFIX}{number:06}.json"), &metrics, owner)
    }

    fn write<T: Serialize>(&self, name: &str, content: &T, owner: Option<Owner>) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        let part = Part { format_version: FORMAT_VERSION, content };
        let bytes = serde_json::to_vec(&part).map_err(|error| StoreError::damaged(&path, error))?;
        replace_with(&path, owner, &bytes)
    }

    /// Paths of the trials' parts in the order of trials.
    pub(crate) fn trials(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.named(TRIAL_PREFIX)
    }

    /// The load metrics of all parts, in order.
    pub(crate) fn load(&self) -> Result<Vec<LoadMetric>, StoreError> {
        let mut metrics = Vec::new();
        for path in self.named(LOAD_PREFIX)? {
            metrics.extend(read::<Vec<LoadMetric>>(&path)?);
        }
        Ok(metrics)
    }

    /// The number of the latest part with load metrics; 0 where there is none.
    pub(crate) fn load_parts(&self) -> Result<usize, StoreError> {
        let latest = self.named(LOAD_PREFIX)?.pop();
        let number = latest.as_ref().and_then(|path| {
            let name = path.file_stem()?.to_str()?;
            name.strip_prefix(LOAD_PREFIX)?.parse().ok()
        });
        Ok(number.unwrap_or(0))
    }

    fn named(&self, prefix: &str) -> Result<Vec<PathBuf>, StoreError> {
        let failed = |source| StoreError::Read { path: self.folder.clone(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                paths.push(entry.path());
            }
        }
        paths.sort_unstable();
        Ok(paths)
    }

    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        fs::remove_dir_all(&self.folder)
            .map_err(|source| StoreError::Write { path: self.folder.clone(), source })
    }
}

/// The file of a trial's part.
fn trial_name(trial: u32) -> String {
    format!("{TRIAL_PREFIX}{trial:06}.json")
}

/// Reads one part.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let part: Part<T> = serde_json::from_slice(&bytes).map_err(|error| StoreError::damaged(path, error))?;
    crate::check_version(path, part.format_version)?;
    Ok(part.content)
}

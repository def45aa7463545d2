//! Parts: what is stored of each trial before the next one begins.
//!
//! A part is one JSON file, so that one write, one sync and one rename make a trial durable; Parquet is written once,
//! from all parts, when the run ends.

use crate::files::{Folder, Owner};
use crate::{FORMAT_VERSION, LoadMetric, StoreError, TrialRecord, limits, sound};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The folder of parts, in that of the run.
pub(crate) const FOLDER: &str = ".parts";
const TRIAL_PREFIX: &str = "trial-";
const LOAD_PREFIX: &str = "load-";
const SUFFIX: &str = ".json";

#[derive(Serialize, Deserialize)]
struct Part<T> {
    format_version: u32,
    content: T,
}

/// The folder of parts of one run.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: Folder,
    /// Whether each is durable before the next one: what can be written anew need not be.
    are_durable: bool,
}

impl Parts {
    pub(crate) fn of(run: &Folder) -> Result<Self, StoreError> {
        Ok(Self { folder: run.inner(FOLDER)?, are_durable: true })
    }

    pub(crate) fn create(run: &Folder, owner: Option<Owner>) -> Result<Self, StoreError> {
        Ok(Self { folder: run.make_inner(FOLDER, owner)?, are_durable: true })
    }

    /// The same for parts that nobody misses after a crash.
    pub(crate) fn create_for_now(run: &Folder, owner: Option<Owner>) -> Result<Self, StoreError> {
        Ok(Self { are_durable: false, ..Self::create(run, owner)? })
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A reason is cut to what is read again: a program may say anything in the end.
    pub(crate) fn write_trial(&self, record: &TrialRecord, owner: Option<Owner>) -> Result<(), StoreError> {
        if let Some(long) = record.reason.as_ref().filter(|reason| reason.len() > limits::TEXT_BYTES) {
            let cut = long[..long.floor_char_boundary(limits::TEXT_BYTES / 2)].to_owned();
            return self
                .write_trial(&TrialRecord { reason: Some(format!("{cut} …")), ..record.clone() }, owner);
        }
        self.write(&trial_name(record.trial), record, owner)
    }

    pub(crate) fn write_load(
        &self,
        number: usize,
        metrics: &[LoadMetric],
        owner: Option<Owner>,
    ) -> Result<(), StoreError> {
        self.write(&format!("{LOAD_PREFIX}{number:06}{SUFFIX}"), &metrics, owner)
    }

    fn write<T: Serialize>(&self, name: &str, content: &T, owner: Option<Owner>) -> Result<(), StoreError> {
        let part = Part { format_version: FORMAT_VERSION, content };
        let bytes = serde_json::to_vec(&part);
        let bytes = bytes.map_err(|error| StoreError::damaged(self.folder.path().join(name), error))?;
        if self.are_durable {
            self.folder.replace_with(name, owner, &bytes)
        } else {
            self.folder.write_for_now(name, owner, &bytes)
        }
    }

    /// Names of the trials' parts in the order of trials.
    pub(crate) fn trial_names(&self) -> Result<Vec<String>, StoreError> {
        self.named(TRIAL_PREFIX)
    }

    /// Reads the trial in a part.
    pub(crate) fn read_trial(&self, name: &str) -> Result<TrialRecord, StoreError> {
        trial_of(&self.folder.path().join(name), &self.folder.read(name, limits::PART_BYTES)?)
    }

    /// The trials of all parts, in order.
    pub(crate) fn trials(&self) -> Result<Vec<TrialRecord>, StoreError> {
        self.trial_names()?.iter().map(|name| self.read_trial(name)).collect()
    }

    /// The load metrics of all parts, in order.
    pub(crate) fn load(&self) -> Result<Vec<LoadMetric>, StoreError> {
        let mut metrics = Vec::new();
        for name in self.named(LOAD_PREFIX)? {
            let bytes = self.folder.read(&name, limits::PART_BYTES)?;
            metrics.extend(load_of(&self.folder.path().join(name), &bytes)?);
        }
        Ok(metrics)
    }

    /// Removes what an earlier end of the run has left of load metrics.
    pub(crate) fn forget_load(&self) -> Result<(), StoreError> {
        self.named(LOAD_PREFIX)?.iter().try_for_each(|name| self.folder.remove(name))
    }

    /// The number of the latest part with load metrics; 0 where there is none.
    pub(crate) fn load_parts(&self) -> Result<usize, StoreError> {
        let latest = self.named(LOAD_PREFIX)?.pop();
        let number = latest.as_deref().and_then(|name| {
            let number = name.strip_prefix(LOAD_PREFIX)?.strip_suffix(SUFFIX)?;
            number.parse().ok().filter(|number| *number < limits::FILES)
        });
        Ok(number.unwrap_or(0))
    }

    fn named(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.folder.names()?;
        names.retain(|name| name.starts_with(prefix));
        let mut bytes = 0_u64;
        for name in &names {
            bytes = bytes.saturating_add(self.folder.size(name)?);
        }
        // What is put together of runs within the limit is read anew from tables, which have limits of their own.
        if self.are_durable && bytes > limits::PARTS_BYTES {
            let reason = format!("its files have {bytes} bytes, of at most {}", limits::PARTS_BYTES);
            return Err(StoreError::damaged(self.folder.path(), reason));
        }
        Ok(names)
    }

    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        let path = self.folder.path();
        // Where it is a link meanwhile, the link goes, and not what it leads to.
        fs::remove_dir_all(path).map_err(|source| StoreError::Write { path: path.to_owned(), source })
    }
}

/// The file of a trial's part.
fn trial_name(trial: u32) -> String {
    format!("{TRIAL_PREFIX}{trial:06}{SUFFIX}")
}

/// The trial that a part's content is.
pub(crate) fn trial_of(path: &Path, bytes: &[u8]) -> Result<TrialRecord, StoreError> {
    let record: TrialRecord = content(path, bytes)?;
    sound::check_record(&record).map_err(|reason| StoreError::damaged(path, reason))?;
    if path.file_name().is_none_or(|name| name != trial_name(record.trial).as_str()) {
        return Err(StoreError::damaged(path, format!("it is that of trial {}", record.trial)));
    }
    Ok(record)
}

/// The load metrics that a part's content is.
pub(crate) fn load_of(path: &Path, bytes: &[u8]) -> Result<Vec<LoadMetric>, StoreError> {
    let load: Vec<LoadMetric> = content(path, bytes)?;
    sound::check_load(&load).map_err(|reason| StoreError::damaged(path, reason))?;
    Ok(load)
}

fn content<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, StoreError> {
    crate::reader::check_text_version(path, bytes)?;
    let part: Part<T> = serde_json::from_slice(bytes).map_err(|error| StoreError::damaged(path, error))?;
    Ok(part.content)
}

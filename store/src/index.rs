//! What a list of runs says of each, kept in one file, so that thousands of runs are listed without reading every manifest.
//!
//! The index is a memory of manifests, and never more: an entry counts as long as the manifest's file is the one that it was
//! made of, by inode, size and times. Whatever is wrong with it, it is done without, and written anew; where it cannot be
//! written, that is no failure either.

use crate::files::{Folder, Owner};
use crate::writer::MANIFEST;
use crate::{Manifest, Run, Shard, State, StoreError, executed_by, limits, read_manifest, run_ids, sound};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The index, in the folder of runs.
const FILE: &str = ".index.json";
/// Another shape of it has another version.
const VERSION: u32 = 2;
/// Most bytes of it: some hundred for each run.
const BYTES: u64 = 256 << 20;

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Name of the scenario.
    pub scenario: String,
    /// `--label`.
    pub label: Option<String>,
    /// How far it came.
    pub state: State,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it is under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// `uname -r`.
    pub kernel: String,
    /// With what it was observed.
    pub backend: String,
    /// Trials of the plan.
    pub trials: u32,
    /// Those that were executed.
    pub executed: u32,
    /// The run that it was executed in alternation with.
    pub against: Option<String>,
    /// Which part of its plan it is; none where it is all of it.
    pub shard: Option<Shard>,
    /// Of what it was made; none where it was executed.
    pub merged: Option<BriefMerged>,
}

/// Of what a run was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BriefMerged {
    /// Of how many runs.
    pub parts: u32,
    /// The factor that tells them apart, `machine` or `kernel`; none where they are the shards of one plan.
    pub factor: Option<String>,
}

/// A run of the folder, and what is known of it.
#[derive(Debug)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Why nothing is known, else what.
    pub brief: Result<Brief, StoreError>,
    /// Who executes it now; none where nobody does. A number of 0 is one that cannot be read.
    pub runner: Option<u32>,
    /// Its manifest's file, looked at before it was read; none where that is no file.
    pub(crate) stamp: Option<Stamp>,
}

/// By what a manifest's file is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Of the file's place and owner, too, and not to be set by anybody.
    changed: (i64, i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    brief: Brief,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Index {
    version: u32,
    runs: BTreeMap<String, Entry>,
}

/// The runs in `runs_dir`, oldest first, each as its manifest has it now. With `owner` the index is written for that user.
pub fn list(runs_dir: &Path, owner: Option<Owner>) -> Result<Vec<Listed>, StoreError> {
    let (listed, index) = look(runs_dir)?;
    if let Some(index) = index {
        // The list is there without it.
        let _ = write(runs_dir, &index, owner);
    }
    Ok(listed)
}

/// The same without writing anything, for what only wants to find a run.
pub(crate) fn list_unwritten(runs_dir: &Path) -> Result<Vec<Listed>, StoreError> {
    look(runs_dir).map(|(listed, _)| listed)
}

/// The runs, and the index as it should be, where it is not. Of what the index knows nothing but the file's stamp is looked
/// at.
fn look(runs_dir: &Path) -> Result<(Vec<Listed>, Option<Index>), StoreError> {
    let kept = read(runs_dir).unwrap_or_default();
    let (mut listed, mut index) = (Vec::new(), Index { version: VERSION, ..Index::default() });
    for id in run_ids(runs_dir)? {
        let stamp = stamp(runs_dir, &id);
        let known = kept.runs.get(&id).filter(|entry| Some(entry.stamp) == stamp);
        let one = match known {
            Some(entry) => Listed { id, brief: Ok(entry.brief.clone()), runner: None, stamp },
            None => read_one(runs_dir, id, stamp),
        };
        // What is under way, or was cut off there, changes without its manifest.
        let lasting = one.brief.as_ref().ok().filter(|brief| brief.state != State::Running);
        if let (Some(brief), Some(stamp)) = (lasting, stamp) {
            index.runs.insert(one.id.clone(), Entry { stamp, brief: brief.clone() });
        }
        listed.push(one);
    }
    let is_other = index != kept && (!index.runs.is_empty() || !kept.runs.is_empty());
    Ok((listed, is_other.then_some(index)))
}

/// The same by reading every manifest, and nothing else.
pub fn list_without_index(runs_dir: &Path) -> Result<Vec<Listed>, StoreError> {
    let read = |id: String| {
        let stamp = stamp(runs_dir, &id);
        read_one(runs_dir, id, stamp)
    };
    Ok(run_ids(runs_dir)?.into_iter().map(read).collect())
}

fn read_one(runs_dir: &Path, id: String, stamp: Option<Stamp>) -> Listed {
    let path = runs_dir.join(&id);
    let brief = read_manifest(&path).and_then(|manifest| {
        let executed = executed(&path, &manifest)?;
        Ok(brief(manifest, executed))
    });
    let is_running = brief.as_ref().is_ok_and(|brief| brief.state == State::Running);
    let runner = if is_running { executed_by(&path) } else { None };
    Listed { id, brief, runner, stamp }
}

/// Trials that were executed.
fn executed(path: &Path, manifest: &Manifest) -> Result<u32, StoreError> {
    match manifest.state {
        State::Complete => Ok(manifest.plan.trials),
        _ => Run::open(path).map(|run| u32::try_from(run.trials.len()).unwrap_or(u32::MAX)),
    }
}

fn brief(manifest: Manifest, executed: u32) -> Brief {
    Brief {
        scenario: manifest.scenario.name,
        label: manifest.label,
        state: manifest.state,
        started_at: manifest.started_at,
        ended_at: manifest.ended_at,
        kernel: manifest.environment.kernel_release,
        backend: manifest.probe.backend,
        trials: manifest.plan.trials,
        executed,
        against: manifest.against.map(|against| against.run),
        shard: manifest.plan.shard,
        merged: manifest.merged.map(|merged| BriefMerged {
            parts: u32::try_from(merged.parts.len()).unwrap_or(u32::MAX),
            factor: merged.factor,
        }),
    }
}

fn stamp(runs_dir: &Path, id: &str) -> Option<Stamp> {
    let found = fs::symlink_metadata(runs_dir.join(id).join(MANIFEST)).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp {
        inode: found.ino(),
        size: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

/// Whether what `owner` has written beside the runs may be believed as much as they are: it is whose the folder is, root or
/// the user who asks.
pub(crate) fn is_believed(runs_dir: &Path, owner: u32) -> bool {
    let is_of_folder = fs::metadata(runs_dir).is_ok_and(|folder| folder.uid() == owner);
    is_of_folder || [0, rustix::process::geteuid().as_raw()].contains(&owner)
}

/// The index, where there is one that may be believed.
fn read(runs_dir: &Path) -> Option<Index> {
    let owner = fs::symlink_metadata(runs_dir.join(FILE)).ok()?.uid();
    if !is_believed(runs_dir, owner) {
        return None;
    }
    let text = Folder::open(runs_dir).and_then(|folder| folder.read(FILE, BYTES)).ok()?;
    let index: Index = serde_json::from_slice(&text).ok()?;
    let is_sound = |brief: &Brief| {
        let texts = [&brief.scenario, &brief.kernel, &brief.backend];
        let factor = brief.merged.as_ref().and_then(|merged| merged.factor.as_ref());
        let texts = texts.into_iter().chain(&brief.label).chain(&brief.against).chain(factor);
        brief.executed <= limits::TRIALS && texts.into_iter().all(|text| sound::check_text(text).is_ok())
    };
    (index.version == VERSION && index.runs.values().all(|entry| is_sound(&entry.brief))).then_some(index)
}

fn write(runs_dir: &Path, index: &Index, owner: Option<Owner>) -> Result<(), StoreError> {
    let path = runs_dir.join(FILE);
    let text = serde_json::to_vec(index).map_err(|error| StoreError::damaged(path, error))?;
    let folder = Folder::open(runs_dir)?;
    // Two writers would have the same temporary file. What somebody else writes now is as good, or is mended by the next
    // list. The lock goes with the folder; where there are no locks there is no index.
    if folder.try_lock() { folder.replace_with(FILE, owner, &text) } else { Ok(()) }
}

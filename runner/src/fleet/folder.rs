//! The folder of a fleet: which files it has, and what its manifest says.
//!
//! | name | what it is |
//! |---|---|
//! | `fleet.json` | the manifest: scenario, number of shards, jobs that were submitted |
//! | `scenario.toml` | the scenario as it was when the fleet was made |
//! | `shard.sh`, `merge.sh` | what nodes execute |
//! | `logs/` | what the jobs said: `shard-K.log`, `merge.log` |
//! | `attempts/` | a folder of runs for each attempt, which is nobody else's: `SHARD-JOB-RESTARTS`, `merge-JOB-RESTARTS` |
//! | `done/K`, `merged` | the attempt that was the first to be whole, by one rename |

use super::scripts::quoted_path;
use crate::failure::{Failure, chain};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where fleets are, in the folder of runs.
const FLEETS: &str = ".fleets";
const MANIFEST: &str = "fleet.json";
const FORMAT: &str = "syscall_lab.fleet";
/// Another shape of the manifest has another version.
const VERSION: u32 = 1;
/// Longest manifest, in bytes.
const MOST_BYTES: u64 = 16 << 20;
/// Folders that a fleet begins with.
const FOLDERS: [&str; 3] = ["logs", "attempts", "done"];

/// What a fleet is; `fleet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fleet {
    pub(crate) format: String,
    pub(crate) version: u32,
    pub(crate) id: String,
    pub(crate) created_at: DateTime<Utc>,
    /// Of the runner that made it.
    pub(crate) runner_version: String,
    /// Name of the scenario.
    pub(crate) scenario: String,
    pub(crate) shards: u32,
    /// `block` or `cell`.
    pub(crate) shard_by: String,
    /// By which Slurm knows all jobs of this fleet, and no others.
    pub(crate) job_name: String,
    /// What `sbatch` is told for each array of shards besides what it always is.
    pub(crate) shard_options: Vec<String>,
    /// The same for the job that merges.
    pub(crate) merge_options: Vec<String>,
    /// What was submitted, oldest first. One whose submitter was killed may be missing: the queue has it by its name.
    pub(crate) jobs: Vec<Job>,
}

/// A job that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Slurm's number.
    pub(crate) id: u64,
    /// Its shards, from 1; none where it merges.
    pub(crate) shards: Vec<u32>,
    pub(crate) submitted_at: DateTime<Utc>,
    /// When `fleet cancel` took away what was still to come of it. Slurm need not keep a word of a job that never began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
}

impl Fleet {
    /// A fleet of which nothing is submitted yet.
    pub(crate) fn new(id: String, scenario: String, (shards, shard_by): (u32, String)) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            job_name: format!("syscall-lab-{id}"),
            id,
            created_at: Utc::now(),
            runner_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario,
            shards,
            shard_by,
            shard_options: Vec::new(),
            merge_options: Vec::new(),
            jobs: Vec::new(),
        }
    }
}

impl Job {
    /// What was submitted now.
    pub(crate) fn new(id: u64, shards: &[u32]) -> Self {
        Self { id, shards: shards.to_vec(), submitted_at: Utc::now(), cancelled_at: None }
    }

    /// Whether it has this shard, or is one that merges where that is none.
    pub(crate) fn is_for(&self, shard: Option<u32>) -> bool {
        shard.map_or(self.shards.is_empty(), |shard| self.shards.contains(&shard))
    }
}

/// A fleet and its folder.
#[derive(Debug)]
pub(crate) struct FleetFolder {
    pub(crate) path: PathBuf,
    pub(crate) fleet: Fleet,
}

impl FleetFolder {
    /// Makes the folder with everything in it in one step; refuses one that is there and has anything in it.
    pub(crate) fn create(path: PathBuf, fleet: Fleet, files: &[(String, Vec<u8>)]) -> Result<Self, Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let folder = Self { path: draft.clone(), fleet };
        let made = (|| {
            store::write_files(&draft, files, None)?;
            for name in FOLDERS {
                store::write_files(&draft.join(name), &[], None)?;
            }
            folder.save()?;
            fs::rename(&draft, &path).map_err(|error| match error.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                    let path = path.display();
                    Failure::Usage(format!(
                        "{path} is there already: `runner fleet status {path}` shows the fleet, and --fleet-dir names \
                         another folder"
                    ))
                }
                _ => Failure::Failed(format!("cannot make {}: {}", path.display(), chain(&error))),
            })
        })();
        if let Err(failure) = made {
            let _ = fs::remove_dir_all(&draft);
            return Err(failure);
        }
        Ok(Self { path, fleet: folder.fleet })
    }

    /// Reads the fleet in a folder.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = path.join(MANIFEST);
        let failed = |words: String| {
            let path = quoted_path(path);
            Failure::Failed(format!(
                "{}: {words}; shards that are done lie in {path}/done, and `runner merge {path}/done/*/latest` makes one run of \
                 them where all are there",
                file.display()
            ))
        };
        let size = fs::metadata(&file).map_err(|error| failed(chain(&error)))?.len();
        if size > MOST_BYTES {
            return Err(failed("it is too long for a fleet's manifest".to_owned()));
        }
        let text = fs::read(&file).map_err(|error| failed(chain(&error)))?;
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| failed(chain(&error)))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version > u64::from(VERSION) => {
                return Err(failed(format!("it has version {version}, which a newer runner reads")));
            }
            _ if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) => {
                return Err(failed("it is not a fleet's manifest".to_owned()));
            }
            _ => {}
        }
        let fleet = serde_json::from_value(value).map_err(|error| failed(chain(&error)))?;
        Ok(Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), fleet })
    }

    /// Writes the manifest, durable and in one step.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(&self.fleet).map_err(|error| Failure::failed(&error))?;
        text.push(b'\n');
        store::write_files(&self.path, &[(MANIFEST.to_owned(), text)], None)?;
        Ok(())
    }

    /// How it is called on a command line, wherever that is.
    pub(crate) fn handle(&self) -> String {
        quoted_path(&self.path)
    }

    /// The right to submit for this fleet, until dropped: two at a time would both submit what is missing.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        let path = self.path.join(".lock");
        let failed = |error| Failure::Failed(format!("cannot write {}: {}", path.display(), chain(&error)));
        // Of a link in its place nothing is made or lost elsewhere.
        let options = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .clone();
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(Failure::Failed(format!("another runner submits jobs of {} now", self.fleet.id)))
            }
            // A file system without locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Numbers of all shards.
    pub(crate) fn shards(&self) -> impl Iterator<Item = u32> + use<> {
        1..=self.fleet.shards
    }

    /// Where a shard is once it is done.
    pub(crate) fn done(&self, shard: u32) -> PathBuf {
        self.path.join("done").join(shard.to_string())
    }

    /// Where the merged run is once it is there.
    pub(crate) fn merged(&self) -> PathBuf {
        self.path.join("merged")
    }

    pub(crate) fn attempts(&self) -> PathBuf {
        self.path.join("attempts")
    }

    /// What a shard's jobs said.
    pub(crate) fn log(&self, shard: u32) -> PathBuf {
        self.path.join("logs").join(format!("shard-{shard}.log"))
    }

    /// What the jobs that merge said.
    pub(crate) fn merge_log(&self) -> PathBuf {
        self.path.join("logs/merge.log")
    }
}

/// The folder of fleets beside these runs.
pub(crate) fn fleets_in(runs_dir: &Path) -> PathBuf {
    runs_dir.join(FLEETS)
}

/// A name for a fleet beside these runs, which sorts behind that of the newest there, also after the clock was set back.
pub(crate) fn fresh_id(runs_dir: &Path, scenario: &str) -> String {
    let newest = ids_in(&fleets_in(runs_dir)).pop().unwrap_or_default();
    store::run_id_behind(&newest, Utc::now(), scenario)
}

/// Names of fleets in the order in which they were made, by the time that they begin with.
fn ids_in(fleets: &Path) -> Vec<String> {
    let entries = fs::read_dir(fleets).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut ids: Vec<String> = names.filter(|id| !id.starts_with('.')).collect();
    ids.sort_unstable();
    ids
}

/// Leaves a link to a fleet elsewhere beside these runs, so that it has its place among the others. Best effort: without it the
/// fleet is called by its path.
pub(crate) fn link(runs_dir: &Path, folder: &FleetFolder) {
    let fleets = fleets_in(runs_dir);
    let _ = fs::create_dir_all(&fleets).and_then(|()| symlink(&folder.path, fleets.join(&folder.fleet.id)));
}

/// The fleet that `name` means: `latest`, an id, a unique prefix of one, or a path.
pub(crate) fn named(runs_dir: &Path, name: &str) -> Result<FleetFolder, Failure> {
    let is_fleet = |path: &Path| path.join(MANIFEST).is_file();
    // Without its manifest it still is one, and what is the matter with it is for `open` to say.
    if is_fleet(Path::new(name)) || Path::new(name).join("attempts").is_dir() {
        return FleetFolder::open(Path::new(name));
    }
    let fleets = fleets_in(runs_dir);
    let mut ids = ids_in(&fleets);
    ids.retain(|id| is_fleet(&fleets.join(id)));
    if name == "latest" {
        ids = ids.pop().into_iter().collect();
    } else {
        ids.retain(|id| id.starts_with(name));
    }
    match &ids[..] {
        // What a variable that is not set leaves of a command line means no fleet, be there only one.
        _ if name.is_empty() => {
            Err(Failure::Usage("a fleet's name is empty; `latest` is the newest".to_owned()))
        }
        [id] => {
            let place = fleets.join(id);
            // One that is elsewhere, by the name that nodes know.
            FleetFolder::open(&fs::read_link(&place).unwrap_or(place))
        }
        [] => Err(Failure::Usage(format!(
            "no fleet is called `{name}` in {}; one elsewhere is named by its path",
            fleets.display()
        ))),
        several => Err(Failure::Usage(format!("`{name}` could be any of {}", several.join(", ")))),
    }
}

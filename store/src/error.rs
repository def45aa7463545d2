//! What can go wrong with a run on disk.

use std::io;
use std::path::PathBuf;

/// An action on the run on disk that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be created or written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A table could not be written as Parquet or read back.
    #[error("{} is not the table that it should be", path.display())]
    Table {
        /// The table's file.
        path: PathBuf,
        /// What polars says.
        #[source]
        source: polars::error::PolarsError,
    },
    /// A file's content is not what the format says.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The run was written by a newer version.
    #[error("{} has format version {found}, this program reads versions up to {known}", path.display())]
    NewerFormat {
        /// The file that names its version.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version that this code knows.
        known: u32,
    },
    /// The run is being executed by another process.
    #[error(
        "{} is under way: the runner with process number {runner} executes it; wait for its end, or end it \
         (`kill {runner}`)",
        run.display()
    )]
    UnderWay {
        /// Its folder.
        run: PathBuf,
        /// The other's process number; 0 where it cannot be read.
        runner: u32,
    },
    /// No run has this name.
    #[error(
        "no run is called `{name}` in {}; `runner list` shows those there are, --runs-dir or RUNNER_RUNS_DIR names \
         another folder",
        runs_dir.display()
    )]
    NoSuchRun {
        /// As asked for.
        name: String,
        /// Where it was looked for.
        runs_dir: PathBuf,
    },
    /// A prefix fits several runs.
    #[error("`{name}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// As asked for.
        name: String,
        /// Ids that it fits.
        candidates: Vec<String>,
    },
}

impl StoreError {
    pub(crate) fn damaged(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Damaged { path: path.into(), reason: reason.to_string() }
    }
}

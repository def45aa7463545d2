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
        source: polars_core::error::PolarsError,
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
    #[error(
        "{} has format version {found}, and this runner knows versions up to {known}: a newer runner reads it",
        path.display()
    )]
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
    /// The name of a run is a link that leads out of its folder, and something was to be written there.
    #[error(
        "{} is a link to {}, and nothing is written by way of it: name that run by its own path",
        path.display(), target.display()
    )]
    Elsewhere {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
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
        Self::Damaged { path: path.into(), reason: printable(&reason.to_string()) }
    }
}

/// Words that quote a file, with nothing in them that a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

//! What can go wrong with assignments and submissions.

use crate::Problems;
use std::io;
use std::path::{Path, PathBuf};
use store::StoreError;

/// An action on an assignment or a submission that failed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// An assignment's text is not valid.
    #[error(transparent)]
    Invalid(#[from] Problems),
    /// A bundle is not taken.
    #[error("{} is refused: {reason}", path.display())]
    Refused {
        /// The bundle's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A text names no student.
    #[error(
        "{0:?} is no student's id: an id is 1 to 64 letters, digits, `.`, `_`, `-`, `+` or `@` of ASCII, and begins with a \
         letter or a digit"
    )]
    Student(String),
    /// A file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A run could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LabError {
    /// Whether what was given is wrong, and not what became of it on the way.
    #[must_use]
    pub fn is_of_input(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Refused { .. } | Self::Student(_))
    }

    pub(crate) fn refused(path: &Path, reason: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}

/// A text from a bundle for a message: on one line, nothing that a terminal would obey, not long.
pub(crate) fn printable(text: &str) -> String {
    const MOST: usize = 120;
    let shown: String =
        text.chars().take(MOST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > MOST { shown + "…" } else { shown }
}

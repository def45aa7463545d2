//! The file that assignments and submissions travel in: a tar archive, compressed by zstd, whose first entry is an index.
//!
//! Owns the format, its limits, and which names may be in it. A bundle comes from somebody else: it is read as if an enemy
//! had written it, and nothing of it is written outside the folder that it is unpacked in.

mod read;
mod write;

pub use read::{Limits, unpack};
pub use write::{Content, pack};

use crate::{AssignmentId, Submission};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of bundles that this code writes and reads.
pub const VERSION: u32 = 1;

/// The name of the index, which comes first.
pub const INDEX: &str = "bundle.json";

/// What a bundle's name ends with.
pub const EXTENSION: &str = ".tar.zst";

const FORMAT: &str = "syscall_lab.bundle";

/// What a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What an instructor hands out.
    Assignment,
    /// What a student hands in.
    Submission,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Assignment => "an assignment",
            Self::Submission => "a submission",
        }
    }
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    format: String,
    version: u32,
    /// What it is.
    pub kind: Kind,
    /// The version of the runner that made it.
    pub runner: String,
    /// The assignment that it is, or belongs to.
    pub assignment: AssignmentId,
    /// Of a submission: whose, of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<Submission>,
    /// Every other file in it.
    pub files: BTreeMap<String, Listed>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// How long it is.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub blake3: String,
}

impl Index {
    /// The index of a bundle to be packed.
    #[must_use]
    pub fn new(kind: Kind, runner: &str, assignment: AssignmentId, submission: Option<Submission>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind,
            runner: runner.to_owned(),
            assignment,
            submission,
            files: BTreeMap::new(),
        }
    }
}

/// Most bytes of a name in a bundle.
const NAME_BYTES: usize = 240;
/// Deepest folder.
const DEPTH: usize = 6;

/// Whether a name may be that of a file in a bundle: relative, of plain parts, of what every system takes. The error says
/// what is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("the name {:?} {what}", crate::error::printable(name)));
    if name.starts_with('/') {
        return wrong("is an absolute path");
    }
    if name.len() > NAME_BYTES || name.split('/').count() > DEPTH {
        return wrong("is too long or too deep");
    }
    if name.split('/').any(|part| part == "..") {
        return wrong("leads out of the folder");
    }
    if name.split('/').any(|part| part.is_empty() || part == ".") {
        return wrong("has an empty part");
    }
    if name.contains(|c: char| c.is_control() || "\\:".contains(c)) {
        return wrong("has characters that no name in a bundle has");
    }
    Ok(())
}

/// A number of bytes in words.
pub(crate) fn size(bytes: u64) -> String {
    reports::units::bytes(bytes as f64)
}

#[cfg(test)]
mod tests;

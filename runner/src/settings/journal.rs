//! What was changed and what it was before, kept until it is restored, and the lock of whoever changed it.

use super::{Restored, SettingsError, knobs};
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FOLDER: &str = "run/syscall-lab";
const JOURNAL: &str = "settings.json";
const LOCK: &str = "settings.lock";
const BOOT: &str = "proc/sys/kernel/random/boot_id";

/// One file that was changed, by its path below the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) path: String,
    /// What it was.
    pub(super) before: String,
    /// What it was set to.
    pub(super) set: String,
}

/// Everything that one runner changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Its process number.
    pub(super) runner: u32,
    /// The kernel's boot id: after a restart nothing is left to be restored.
    boot: String,
    pub(super) changes: Vec<Change>,
}

impl Journal {
    /// Of changes that this process is about to make.
    pub(super) fn of(changes: Vec<Change>) -> Self {
        Self { runner: std::process::id(), boot: String::new(), changes }
    }

    /// Makes it durable: once this returns, it is read by whoever comes after this process, however that ends.
    pub(super) fn write(mut self, root: &Path) -> Result<(), SettingsError> {
        self.boot = knobs::read(root, BOOT).unwrap_or_default();
        let path = place(root);
        let partial = path.with_extension("partial");
        let text = serde_json::to_vec_pretty(&self).map_err(io::Error::from);
        let written = text.and_then(|text| write_durably(&partial, &text));
        let written = written.and_then(|()| fs::rename(&partial, &path));
        // The new name is the folder's.
        let written = written.and_then(|()| fs::File::open(root.join(FOLDER))?.sync_all());
        written.map_err(|source| SettingsError::Journal { path, source })
    }

    /// The journal there is. One of another boot, or one that is no journal, is none.
    pub(super) fn read(root: &Path) -> Option<Self> {
        let journal: Self = serde_json::from_slice(&fs::read(place(root)).ok()?).ok()?;
        (journal.boot == knobs::read(root, BOOT).unwrap_or_default()).then_some(journal)
    }
}

fn write_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    // Whoever could write to it could have root write anywhere.
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn place(root: &Path) -> PathBuf {
    root.join(FOLDER).join(JOURNAL)
}

/// Undoes what the journal says, the last change first, and removes it once all is undone. To be called by the holder
/// of the lock.
pub(super) fn restore(root: &Path) -> Vec<Restored> {
    let Some(journal) = Journal::read(root) else {
        let _ = fs::remove_file(place(root));
        return Vec::new();
    };
    let restored: Vec<Restored> = journal.changes.iter().rev().map(|change| undo(root, change)).collect();
    if restored.iter().all(|it| it.restored) {
        let _ = fs::remove_file(place(root));
    }
    restored
}

/// What somebody else has changed meanwhile is theirs, and left as it is.
fn undo(root: &Path, change: &Change) -> Restored {
    let Change { path, before, set } = change;
    let now = knobs::read(root, path);
    if now.as_ref() != Some(set) {
        let words = match now {
            Some(now) if now == *before => format!("/{path} is {before} again"),
            Some(now) => format!("/{path} was changed by somebody else, and stays {now}"),
            None => format!("/{path} is gone"),
        };
        return Restored { restored: true, words };
    }
    let written = fs::write(root.join(path), before);
    match (written, knobs::read(root, path)) {
        (Ok(()), Some(now)) if now == *before => {
            Restored { restored: true, words: format!("/{path} is {before} again") }
        }
        (written, _) => {
            let why = written.err().map_or("it is not taken".to_owned(), |error| error.to_string());
            Restored { restored: false, words: format!("/{path} could not be set to {before} again: {why}") }
        }
    }
}

/// Held by whoever has changed something; goes with its process.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is the lock by being open")] OwnedFd);

impl Lock {
    /// Takes the lock; none where somebody else has it.
    pub(super) fn take(root: &Path) -> Result<Option<Self>, SettingsError> {
        let folder = root.join(FOLDER);
        let failed = |source: io::Error| SettingsError::Journal { path: place(root), source };
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder).map_err(failed)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(folder.join(LOCK), flags, Mode::from_raw_mode(0o600));
        let file = file.map_err(|errno| failed(errno.into()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

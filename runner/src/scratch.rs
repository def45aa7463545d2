//! Owns the folder of a run for files that nobody keeps, and sees to it that it goes away whatever ends the runner: it
//! goes with the value, else the keeper removes it, else the next start does.

use crate::credentials::Credentials;
use crate::keeper::Keeper;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tempfile::TempDir;

/// What the names of these folders begin with; the runner's process number and random characters follow.
const PREFIX: &str = "syscall-lab-";

/// The folder, as long as it is needed.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    /// Ends after the folder is gone.
    keeper: Keeper,
    /// Locked as long as somebody has a use for the folder. A process number alone would not do: the folder may be
    /// shared with a container that counts its processes itself.
    _lock: OwnedFd,
}

impl Scratch {
    /// Makes a folder that belongs to the invoking user, after removing those that killed runners have left.
    pub(crate) fn new(credentials: Option<&Credentials>) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        let owner = credentials.map_or_else(rustix::process::geteuid, |user| user.uid);
        remove_stale(&parent, owner.as_raw());
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?;
        let lock = lock(folder.path())?;
        if let Some(user) = credentials {
            user.give(folder.path())?;
        }
        let keeper = Keeper::start(folder.path())?;
        Ok(Self { folder, keeper, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Who ends what the runner leaves behind.
    pub(crate) fn keeper(&self) -> &Keeper {
        &self.keeper
    }
}

/// Removes the folders of this user in `parent` whose runner is gone. What cannot be removed is left alone.
fn remove_stale(parent: &Path, owner: u32) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == owner);
        let runner = entry.file_name().to_str().and_then(runner_of);
        let is_gone = runner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if is_ours && is_gone && lock(&entry.path()).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a folder is named as this module names them.
pub(crate) fn is_scratch(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).and_then(runner_of).is_some()
}

/// The process number in the name of such a folder.
fn runner_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

/// Locks the folder for as long as the descriptor is open; fails where somebody else has it locked.
fn lock(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(folder, flags | OFlags::RDONLY, Mode::empty())?;
    rustix::fs::flock(&open, FlockOperation::NonBlockingLockExclusive)?;
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_runner_that_is_gone_has_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = parent.path().join(name);
            fs::create_dir_all(folder.join("inside")).unwrap();
            folder
        };
        let mine = rustix::process::geteuid().as_raw();
        // No process has a number beyond the kernel's own limit.
        let left = make("syscall-lab-4194305-abc");
        let others = ["syscall-lab-abc", "syscall-lab-4194305", "lab-4194305-a"].map(make);
        let running = make(&format!("syscall-lab-{}-abc", std::process::id()));
        let locked = make("syscall-lab-4194306-abc");
        let held = lock(&locked).unwrap();
        remove_stale(parent.path(), mine + 1);
        assert!(left.exists(), "a folder of somebody else was removed");
        remove_stale(parent.path(), mine);
        assert!(!left.exists());
        assert!(others.iter().all(|other| other.exists()));
        assert!(running.exists() && locked.exists());
        drop(held);
        remove_stale(parent.path(), mine);
        assert!(!locked.exists());
    }
}

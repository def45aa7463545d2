//! Durable files: written under a temporary name, synced, renamed, the folder synced; owned by the invoking user.

use crate::StoreError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{chown, fchown, symlink};
use std::path::Path;

/// The user to whom files of a run belong when the runner is root on somebody's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Replaces `path` by what `write` writes: after a crash either the old or the whole new content is there.
pub(crate) fn replace(
    path: &Path,
    owner: Option<Owner>,
    write: impl FnOnce(&mut File) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let outcome = (|| {
        let mut file = File::create(&temporary).map_err(failed)?;
        write(&mut file)?;
        give_file(&file, owner).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&temporary, path).map_err(failed)?;
        sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed)
    })();
    if outcome.is_err() {
        // Best effort: what matters is the error that led here, and a leftover begins with a dot.
        let _ = fs::remove_file(&temporary);
    }
    outcome
}

/// Like [`replace`], for content at hand.
pub(crate) fn replace_with(path: &Path, owner: Option<Owner>, content: &[u8]) -> Result<(), StoreError> {
    replace(path, owner, |file| {
        file.write_all(content).map_err(|source| StoreError::Write { path: path.to_owned(), source })
    })
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Creates the folder and those above it, each new one given to `owner`.
pub(crate) fn create_folders(path: &Path, owner: Option<Owner>) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let failed = |source| StoreError::Write { path: path.to_owned(), source };
    // What has the name, be it a link to nothing.
    if path.symlink_metadata().is_ok() {
        let what = if path.exists() { "it is no folder" } else { "it is a link to what is not there" };
        return Err(failed(io::Error::new(io::ErrorKind::NotADirectory, what)));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folders(parent, owner)?;
    }
    let made = fs::create_dir(path).and_then(|()| give(path, owner));
    made.map_err(failed)
}

/// Points the symlink at `target`, in one step.
pub(crate) fn point(link: &Path, target: &Path, owner: Option<Owner>) -> io::Result<()> {
    let temporary = link.with_file_name(format!(".latest-{}.tmp", std::process::id()));
    let outcome = (|| {
        symlink(target, &temporary)?;
        if let Some(Owner { uid, gid }) = owner {
            std::os::unix::fs::lchown(&temporary, Some(uid), Some(gid))?;
        }
        fs::rename(&temporary, link)
    })();
    if outcome.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    outcome
}

fn give(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    owner.map_or(Ok(()), |Owner { uid, gid }| chown(path, Some(uid), Some(gid)))
}

pub(crate) fn give_file(file: &File, owner: Option<Owner>) -> io::Result<()> {
    owner.map_or(Ok(()), |Owner { uid, gid }| fchown(file, Some(uid), Some(gid)))
}

//! A folder that becomes a run by a rename: until then its name begins with a dot, and nobody takes it for one.

use crate::StoreError;
use crate::files::{Folder, Owner, create_folders};
use crate::writer::LATEST;
use std::fs;
use std::path::Path;

/// A run's folder under another name. Dropped before it is the run's, it is removed with all that is in it.
#[derive(Debug)]
pub(crate) struct Becoming {
    runs: Folder,
    /// What it is called now; empty once it is the run's.
    name: String,
    id: String,
    owner: Option<Owner>,
    /// It, locked: what nobody has locked was left by who was killed. A file system without locks keeps that, which is no run
    /// either.
    _lock: Folder,
}

impl Becoming {
    /// Makes the folder of what will be the run `id` below `runs_dir`; its name ends with `suffix` meanwhile.
    pub(crate) fn begin(
        runs_dir: &Path,
        id: &str,
        suffix: &str,
        owner: Option<Owner>,
    ) -> Result<(Self, Folder), StoreError> {
        let runs = create_folders(runs_dir, owner)?;
        // Locked before it has the name by which it is known for one that may have been left.
        let (fresh, name) = (format!(".{id}.{}.new", std::process::id()), format!(".{id}{suffix}"));
        let lock = runs.make_inner(&fresh, owner)?;
        lock.try_lock();
        let mut becoming = Self { runs, name: fresh, id: id.to_owned(), owner, _lock: lock };
        let folder = becoming.runs.rename(&becoming.name, &name)?;
        becoming.name = name;
        Ok((becoming, folder))
    }

    /// Gives it the run's name, points `latest` at the run of this id, and returns it. Where that fails, nothing of it stays.
    pub(crate) fn end(mut self, latest: &str) -> Result<Folder, StoreError> {
        let folder = self.runs.rename(&self.name, &self.id)?;
        self.name.clone_from(&self.id);
        self.runs.point(LATEST, latest, self.owner)?;
        self.name.clear();
        Ok(folder)
    }
}

/// Removes what was to become a run and was left by who was killed; its name ends with `suffix`.
pub(crate) fn remove_left(runs_dir: &Path, suffix: &str) -> Result<(), StoreError> {
    let Ok(runs) = Folder::open(runs_dir) else { return Ok(()) };
    let is_left = |name: &String| name.starts_with('.') && name.ends_with(suffix);
    for name in runs.names()?.into_iter().filter(is_left) {
        if runs.inner(&name).is_ok_and(|folder| folder.try_lock()) {
            let _ = fs::remove_dir_all(runs.path().join(&name));
        }
    }
    Ok(())
}

impl Drop for Becoming {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // Best effort: what matters is what led here.
            let _ = fs::remove_dir_all(self.runs.path().join(&self.name));
        }
    }
}

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
        let name = format!(".{id}{suffix}");
        let folder = runs.make_inner(&name, owner)?;
        Ok((Self { runs, name, id: id.to_owned(), owner }, folder))
    }

    /// The folder once more, as it is called now.
    pub(crate) fn folder(&self) -> Result<Folder, StoreError> {
        self.runs.inner(&self.name)
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

impl Drop for Becoming {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // Best effort: what matters is what led here.
            let _ = fs::remove_dir_all(self.runs.path().join(&self.name));
        }
    }
}

//! The folder of runs: which there are, and which one a name on the command line means.

use crate::writer::{LATEST, MANIFEST};
use crate::{StoreError, read_manifest};
use std::fs;
use std::path::{Path, PathBuf};

/// Ids of the runs in `runs_dir`, oldest first. A folder that does not exist holds none.
pub fn run_ids(runs_dir: &Path) -> Result<Vec<String>, StoreError> {
    if !runs_dir.exists() {
        return Ok(Vec::new());
    }
    let failed = |source| StoreError::Read { path: runs_dir.to_owned(), source };
    let mut ids = Vec::new();
    for entry in fs::read_dir(runs_dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != LATEST && has_manifest(&entry.path()) {
            ids.push(name);
        }
    }
    // Ids begin with the time of their creation.
    ids.sort_unstable();
    Ok(ids)
}

/// The folder of the run that `name` means: `latest`, `latest~N`, `SCENARIO@latest`, an id, a unique prefix of one, the
/// label of one where no id begins so, or a path.
pub fn resolve(runs_dir: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let path = Path::new(name);
    if has_manifest(path) {
        return Ok(path.to_owned());
    }
    let ids = run_ids(runs_dir)?;
    let missing = || StoreError::NoSuchRun { name: name.to_owned(), runs_dir: runs_dir.to_owned() };
    if let Some(back) = steps_back(name) {
        let id = ids.iter().rev().nth(back);
        return id.map(|id| runs_dir.join(id)).ok_or_else(missing);
    }
    if let Some(scenario) = name.strip_suffix("@latest") {
        let of_scenario = |id: &&String| {
            read_manifest(&runs_dir.join(id)).is_ok_and(|manifest| manifest.scenario.name == scenario)
        };
        return ids.iter().rev().find(of_scenario).map(|id| runs_dir.join(id)).ok_or_else(missing);
    }
    let mut fitting: Vec<&String> = ids.iter().filter(|id| id.starts_with(name)).collect();
    if fitting.is_empty() {
        let has_label = |id: &&String| {
            let manifest = read_manifest(&runs_dir.join(id));
            manifest.is_ok_and(|manifest| manifest.label.as_deref() == Some(name))
        };
        fitting = ids.iter().filter(has_label).collect();
    }
    match fitting.as_slice() {
        [] => Err(missing()),
        [id] => Ok(runs_dir.join(id)),
        several => Err(StoreError::Ambiguous {
            name: name.to_owned(),
            candidates: several.iter().map(|id| (*id).clone()).collect(),
        }),
    }
}

/// Whether a folder has a manifest, of whatever kind: what is wrong with it is for those to say who read it.
fn has_manifest(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(MANIFEST)).is_ok()
}

/// 0 for `latest`, N for `latest~N`.
fn steps_back(name: &str) -> Option<usize> {
    match name.strip_prefix(LATEST)? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

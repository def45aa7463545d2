//! The folder of runs: which there are, and which one a name on the command line means.

use crate::files::is_plain;
use crate::index::list_unwritten;
use crate::writer::{LATEST, MANIFEST};
use crate::{Listed, StoreError, read_manifest};
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
    // A whole id is one run's, also where others begin so.
    if is_plain(name) && !name.starts_with('.') && name != LATEST && has_manifest(&runs_dir.join(name)) {
        return Ok(runs_dir.join(name));
    }
    let ids = run_ids(runs_dir)?;
    let missing = || StoreError::NoSuchRun { name: name.to_owned(), runs_dir: runs_dir.to_owned() };
    if let Some(back) = steps_back(name) {
        let id = ids.iter().rev().nth(back);
        return id.map(|id| runs_dir.join(id)).ok_or_else(missing);
    }
    if let Some(scenario) = name.strip_suffix("@latest") {
        let newest = of_which(runs_dir, |its, _| its == scenario)?.pop();
        return newest.map(|id| runs_dir.join(id)).ok_or_else(missing);
    }
    // What a variable that is not set leaves of a command line means no run, be there only one.
    if name.is_empty() {
        return Err(missing());
    }
    let mut fitting: Vec<String> = ids.into_iter().filter(|id| id.starts_with(name)).collect();
    if fitting.is_empty() {
        fitting = of_which(runs_dir, |_, label| label == Some(name))?;
    }
    match fitting.as_slice() {
        [] => Err(missing()),
        [id] => Ok(runs_dir.join(id)),
        several => Err(StoreError::Ambiguous { name: name.to_owned(), candidates: several.to_vec() }),
    }
}

/// Ids of the runs whose scenario and label are so, oldest first: as the index has them, for a folder may have ten thousand
/// manifests. What is damaged besides its manifest has a name nevertheless.
fn of_which(runs_dir: &Path, is_so: impl Fn(&str, Option<&str>) -> bool) -> Result<Vec<String>, StoreError> {
    let is_it = |run: &Listed| match &run.brief {
        Ok(brief) => is_so(&brief.scenario, brief.label.as_deref()),
        Err(_) => read_manifest(&runs_dir.join(&run.id))
            .is_ok_and(|manifest| is_so(&manifest.scenario.name, manifest.label.as_deref())),
    };
    Ok(list_unwritten(runs_dir)?.into_iter().filter(is_it).map(|run| run.id).collect())
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

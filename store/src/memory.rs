//! What was made of runs, kept beside them, so that it need not be made of thousands of runs again.
//!
//! As the index is of manifests, it is a memory and never more: what is kept of a run counts as long as the manifest's file is
//! the one that it was made of, and the manifest's change goes with every change of the tables. There is a file for each run,
//! so that one run more is one file more, and nobody waits for anybody. Whatever is wrong with such a file, it is done
//! without, and written anew; where it cannot be written, that is no failure either.

use crate::files::Folder;
use crate::index::{Stamp, is_believed};
use crate::{Listed, Owner, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most bytes of what is kept of a run.
const BYTES: u64 = 16 << 20;
/// How the names of its files end, behind the run's id.
const SUFFIX: &str = ".json";

/// A folder of what was made of the runs beside it.
#[derive(Debug)]
pub struct Memory {
    runs_dir: PathBuf,
    /// None where there cannot be one: then everything is made anew each time.
    folder: Option<Folder>,
    version: String,
    owner: Option<Owner>,
}

/// A file of it, as it is written.
#[derive(Serialize)]
struct Keeping<'a, T> {
    version: &'a str,
    stamp: Stamp,
    made: &'a T,
}

/// The same, as it is read.
#[derive(Deserialize)]
struct Kept<T> {
    version: String,
    stamp: Stamp,
    made: T,
}

impl Memory {
    /// What is kept below `place` in `runs_dir`, by those who make the same of the same: another `version` makes it anew. With
    /// `owner` files are written for that user.
    #[must_use]
    pub fn at(runs_dir: &Path, place: &[&str], version: &str, owner: Option<Owner>) -> Self {
        let inner = |folder: Folder, name: &&str| folder.make_inner(name, owner);
        let folder = Folder::open(runs_dir).and_then(|runs| place.iter().try_fold(runs, inner)).ok();
        Self { runs_dir: runs_dir.to_owned(), folder, version: version.to_owned(), owner }
    }

    /// What `work` makes of the run in a folder, or has made of it when it was as it is now.
    pub fn recall<T: Serialize + DeserializeOwned>(
        &self,
        run: &Listed,
        work: impl FnOnce(&Path) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(made) = self.kept(run) {
            return Ok(made);
        }
        let made = work(&self.runs_dir.join(&run.id))?;
        self.keep(run, &made);
        Ok(made)
    }

    /// Removes what is kept of other runs than these, which there are.
    pub fn forget_others(&self, runs: &BTreeSet<&str>) {
        let Some(folder) = &self.folder else { return };
        let is_gone = |name: &String| name.strip_suffix(SUFFIX).is_none_or(|id| !runs.contains(id));
        for name in folder.names().unwrap_or_default().iter().filter(|name| is_gone(name)) {
            // What stays is read by nobody.
            let _ = folder.remove(name);
        }
    }

    fn kept<T: DeserializeOwned>(&self, run: &Listed) -> Option<T> {
        let folder = self.folder.as_ref()?;
        let file = folder.file(&format!("{}{SUFFIX}", run.id), BYTES).ok()?;
        if !is_believed(&self.runs_dir, file.metadata().ok()?.uid()) {
            return None;
        }
        let mut text = Vec::new();
        file.take(BYTES).read_to_end(&mut text).ok()?;
        let kept: Kept<T> = serde_json::from_slice(&text).ok()?;
        (kept.version == self.version && Some(kept.stamp) == run.stamp).then_some(kept.made)
    }

    /// Half of a file, as a crash leaves it, is none: so nothing waits for the disk.
    fn keep<T: Serialize>(&self, run: &Listed, made: &T) {
        let (Some(folder), Some(stamp)) = (&self.folder, run.stamp) else { return };
        let text = serde_json::to_vec(&Keeping { version: &self.version, stamp, made });
        if let Some(text) = text.ok().filter(|text| text.len() as u64 <= BYTES) {
            let _ = folder.write_for_now(&format!("{}{SUFFIX}", run.id), self.owner, &text);
        }
    }
}

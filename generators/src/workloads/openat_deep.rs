//! `openat_deep`: opening a file at the end of a long path.
//!
//! Issues, per operation: `openat(2)` of an existing, empty file by its path, with `depth` folders between the
//! workload's own folder and the file, read-only and close-on-exec, then `close(2)` of the descriptor. Each folder's name
//! is one letter.
//!
//! Leaves out: what `openat` does, symbolic links, and mount points on the way.

use super::scratch::{ScratchFolder, c_path};
use super::{Operation, Site, open_and_close};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct OpenatDeep {
    path: CString,
}

/// From the workload's own folder to the file's.
fn folders(depth: u32) -> PathBuf {
    (0..depth).map(|_| "d").collect()
}

/// The folder with its folders and the file.
pub(super) fn fill(scratch: &Path, depth: u32) -> Result<ScratchFolder, Failure> {
    let folder = ScratchFolder::create(scratch)?;
    folder.add_folders(&folders(depth))?;
    folder.add_file(&folders(depth).join("file"))?;
    Ok(folder)
}

impl Operation for OpenatDeep {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let relative = folders(site.spec.depth.unwrap_or(1)).join("file");
        Ok(Self { path: c_path(&site.folder()?.path().join(relative))? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        open_and_close(&self.path)
    }
}

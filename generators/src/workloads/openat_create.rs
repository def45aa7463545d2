//! `openat_create`: creating, closing and removing a file.
//!
//! Issues, per operation: `openat(2)` with `O_CREAT | O_EXCL`, write-only and close-on-exec, of a name that is not
//! there; `close(2)`; `unlinkat(2)` of the name. Each thread has a folder of its own, and its name is always the same.
//!
//! Leaves out: writing, and the disk, unless the file system waits for it.

use super::scratch::{ScratchFolder, c_path};
use super::{CURRENT_FOLDER, Operation, Site, close, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;

#[derive(Debug)]
pub(crate) struct OpenatCreate {
    /// Removes the folder.
    _folder: ScratchFolder,
    path: CString,
}

impl Operation for OpenatCreate {
    type Calls = [Call; 3];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let folder = ScratchFolder::create(&site.spec.scratch)?;
        Ok(Self { path: c_path(&folder.path().join("created"))?, _folder: folder })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 3] {
        const FLAGS: usize = (libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC) as usize;
        const MODE: usize = 0o600;
        let path = self.path.as_ptr().expose_provenance();
        // SAFETY: the path ends with a zero and lives as long as `self`.
        let openat = unsafe { timed(libc::SYS_openat, [CURRENT_FOLDER, path, FLAGS, MODE, 0, 0]) };
        let close = close(openat.result);
        // SAFETY: as above; the file is this thread's own.
        let unlinkat = unsafe { timed(libc::SYS_unlinkat, [CURRENT_FOLDER, path, 0, 0, 0, 0]) };
        [openat, close, unlinkat]
    }
}

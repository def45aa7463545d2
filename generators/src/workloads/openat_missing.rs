//! `openat_missing`: opening a file that is not there.
//!
//! Issues, per operation: `openat(2)` of a name in an empty folder, read-only and close-on-exec, which fails with
//! `ENOENT`. The name is always the same, so the kernel remembers that it is missing.
//!
//! Leaves out: closing, since nothing is opened, and asking the file system, which the kernel does for the first only.

use super::scratch::c_path;
use super::{CURRENT_FOLDER, Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;

#[derive(Debug)]
pub(crate) struct OpenatMissing {
    path: CString,
}

impl Operation for OpenatMissing {
    type Calls = [Call; 1];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { path: c_path(&site.folder()?.path().join("missing"))? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        const FLAGS: usize = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        let path = self.path.as_ptr().expose_provenance();
        // SAFETY: the path ends with a zero and lives as long as `self`.
        [unsafe { timed(libc::SYS_openat, [CURRENT_FOLDER, path, FLAGS, 0, 0, 0]) }]
    }

    fn is_expected(_place: usize, result: isize) -> bool {
        result == -(libc::ENOENT as isize)
    }
}

//! `openat`: opening and closing a file.
//!
//! Issues, per operation: `openat(2)` of an existing, empty file in the scratch folder, by its path, read-only and
//! close-on-exec, then `close(2)` of the descriptor.
//!
//! Leaves out: creating, truncating, and names that are not in the kernel's cache. The cost of the walk depends on the
//! path's length and on the file system of the scratch folder. Threads open the same file and share the table of
//! descriptors.

use super::{Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;

#[derive(Debug)]
pub(crate) struct Openat {
    path: CString,
}

/// The kernel looks at 32 bits of the argument; extending the sign is what a C caller does.
const CURRENT_FOLDER: usize = (libc::AT_FDCWD as isize).cast_unsigned();
const FLAGS: usize = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;

impl Operation for Openat {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { path: site.file()?.c_path()? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let path = self.path.as_ptr().expose_provenance();
        // SAFETY: the path ends with a zero and lives as long as `self`.
        let openat = unsafe { timed(libc::SYS_openat, [CURRENT_FOLDER, path, FLAGS, 0, 0, 0]) };
        // SAFETY: the descriptor was just opened and nobody else uses it; a negative error number is no descriptor.
        let close = unsafe { timed(libc::SYS_close, [openat.result.cast_unsigned(), 0, 0, 0, 0, 0]) };
        [openat, close]
    }
}

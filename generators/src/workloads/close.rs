//! `close`: closing a descriptor, and nothing else that counts.
//!
//! Issues, per operation: `close(2)` of a descriptor that one untimed `dup(2)` made between operations, the first time in
//! preparation. It stands for an empty file in the scratch folder that each thread has open by another descriptor, too.
//!
//! Leaves out: the end of an open file, since it stays open by the other descriptor; `openat` has that. Threads share the
//! table of descriptors.

use super::{Operation, Site, close, raw_fd};
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use std::fs::File;

#[derive(Debug)]
pub(crate) struct Close {
    file: File,
    /// What is closed next: a descriptor, or why there is none, and then the next operation fails, too.
    duplicate: isize,
}

/// Another descriptor of an open file.
#[inline(always)]
fn duplicate(file: &File) -> isize {
    // SAFETY: takes no pointer.
    unsafe { raw::syscall(libc::SYS_dup, [raw_fd(file), 0, 0, 0, 0, 0]) }
}

impl Operation for Close {
    type Calls = [Call; 1];
    const IS_RENEWED: bool = true;

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let path = site.file()?.path();
        let file = File::open(path).map_err(Failure::system(format!("open {}", path.display())))?;
        Ok(Self { duplicate: duplicate(&file), file })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        [close(self.duplicate)]
    }

    #[inline]
    fn renew(&mut self) {
        self.duplicate = duplicate(&self.file);
    }
}

impl Drop for Close {
    fn drop(&mut self) {
        close(self.duplicate);
    }
}

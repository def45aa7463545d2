//! `stat`: asking for what is known of a file.
//!
//! Issues, per operation: `newfstatat(2)` of an existing, empty file in the scratch folder, by its path, without flags.
//!
//! Leaves out: `statx(2)`, which newer programs call; names that are not in the kernel's cache. Threads ask for the same
//! file.

use super::scratch::c_path;
use super::{CURRENT_FOLDER, Operation, Site, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;
use std::mem::MaybeUninit;

pub(crate) struct Stat {
    path: CString,
    /// What the kernel writes to.
    answer: Box<MaybeUninit<libc::stat>>,
}

impl Operation for Stat {
    type Calls = [Call; 1];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { path: c_path(site.file()?.path())?, answer: Box::new(MaybeUninit::zeroed()) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 1] {
        let path = self.path.as_ptr().expose_provenance();
        let answer = self.answer.as_mut_ptr().expose_provenance();
        // SAFETY: the path ends with a zero, and the answer is valid for writing; both live as long as `self`.
        [unsafe { timed(libc::SYS_newfstatat, [CURRENT_FOLDER, path, answer, 0, 0, 0]) }]
    }
}

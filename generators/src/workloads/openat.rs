//! `openat`: opening and closing a file.
//!
//! Issues, per operation: `openat(2)` of an existing, empty file in the scratch folder, by its path, read-only and
//! close-on-exec, then `close(2)` of the descriptor.
//!
//! Leaves out: creating, truncating, and names that are not in the kernel's cache. The cost of the walk depends on the
//! path's length and on the file system of the scratch folder. Threads open the same file and share the table of
//! descriptors.

use super::scratch::c_path;
use super::{Operation, Site, open_and_close};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;

#[derive(Debug)]
pub(crate) struct Openat {
    path: CString,
}

impl Operation for Openat {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        Ok(Self { path: c_path(site.file()?.path())? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        open_and_close(&self.path)
    }
}

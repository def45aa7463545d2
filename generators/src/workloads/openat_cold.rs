//! `openat_cold`: opening many files in turn.
//!
//! Issues, per operation: `openat(2)` of one of 4,096 existing, empty files in one folder, by its path, read-only and
//! close-on-exec, then `close(2)` of the descriptor. The files are taken in a fixed order without a pattern, each once
//! before one comes again; threads begin at different files.
//!
//! What is cold are the processor's caches, from which 4,096 names and inodes, some megabytes, drive each other. The
//! kernel's caches of names and inodes are warm: only root can drop them.
//!
//! Leaves out: what `openat` does, and the disk.

use super::scratch::{ScratchFolder, c_path};
use super::{Operation, Site, open_and_close};
use crate::failure::Failure;
use crate::recorder::Call;
use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const FILES: usize = 4096;
/// From one file to the next. Odd, so that all come in turn; about as many files as the golden section of all.
const STRIDE: usize = 2531;

#[derive(Debug)]
pub(crate) struct OpenatCold {
    paths: Vec<CString>,
    next: usize,
}

/// The folder with its files.
pub(super) fn fill(scratch: &Path) -> Result<ScratchFolder, Failure> {
    let folder = ScratchFolder::create(scratch)?;
    (0..FILES).try_for_each(|number| folder.add_file(Path::new(&number.to_string())).map(drop))?;
    Ok(folder)
}

impl Operation for OpenatCold {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        let folder = site.folder()?.path();
        let paths = (0..FILES).map(|number| c_path(&folder.join(number.to_string())));
        // Far apart, so that no thread finds warm what the one before it has just opened.
        let first = THREADS.fetch_add(1, Ordering::Relaxed).wrapping_mul(STRIDE).wrapping_mul(STRIDE);
        Ok(Self { paths: paths.collect::<Result<_, _>>()?, next: first % FILES })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        let path = &self.paths[self.next];
        self.next = (self.next + STRIDE) % FILES;
        open_and_close(path)
    }
}

//! The files that a generator makes: each is removed when its value is dropped.

use crate::failure::Failure;
use std::ffi::CString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A name in `folder` that no other file of this process has, nor one of another generator.
fn unused(folder: &Path) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("generator-{}-{number}", std::process::id()))
}

/// The path as system calls take it.
pub(crate) fn c_path(path: &Path) -> Result<CString, Failure> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Failure::Usage("the scratch folder's path contains a zero byte".into()))
}

fn cannot(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    Failure::system(format!("{what} {}", path.display()))
}

/// A file in the scratch folder, removed when dropped.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    path: PathBuf,
}

impl ScratchFile {
    /// A file of this size in `folder`, filled and in the page cache.
    pub(crate) fn create(folder: &Path, size_bytes: u64) -> Result<Self, Failure> {
        let path = unused(folder);
        let file = create(&path)?;
        // From here on the file is removed, whatever fails.
        let scratch = Self { path };
        fill(file, size_bytes).map_err(cannot("fill", &scratch.path))?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // The folder's owner removes what is left of it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A folder in the scratch folder, removed with all that is in it when dropped.
#[derive(Debug)]
pub(crate) struct ScratchFolder {
    path: PathBuf,
}

impl ScratchFolder {
    /// An empty folder in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Failure> {
        let path = unused(folder);
        DirBuilder::new().mode(0o700).create(&path).map_err(cannot("create", &path))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty file at this path below it.
    pub(crate) fn add_file(&self, relative: &Path) -> Result<PathBuf, Failure> {
        let path = self.path.join(relative);
        create(&path)?;
        Ok(path)
    }

    /// A folder at this path below it, with those above it.
    pub(crate) fn add_folders(&self, relative: &Path) -> Result<(), Failure> {
        let path = self.path.join(relative);
        DirBuilder::new().mode(0o700).recursive(true).create(&path).map_err(cannot("create", &path))
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // As for a file.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map_err(cannot("create", path))
}

/// Writes the file and waits for the disk, so that writing back does not disturb the window.
fn fill(mut file: File, size_bytes: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0x5a), size_bytes), &mut file)?;
    file.sync_data()
}

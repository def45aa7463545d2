//! The one file that a generator makes.

use crate::failure::Failure;
use generators::{GeneratorSpec, Workload};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file in the scratch folder, removed when dropped. All threads of a process share it.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    path: PathBuf,
}

impl ScratchFile {
    /// The file that the workload needs, filled and in the page cache; none when it needs no file.
    pub(crate) fn for_workload(spec: &GeneratorSpec) -> Result<Option<Self>, Failure> {
        let size_bytes = match spec.workload {
            Workload::Read => spec.size_bytes.unwrap_or(0),
            Workload::Openat => 0,
            Workload::Mmap | Workload::Futex | Workload::Getpid => return Ok(None),
        };
        let path = spec.scratch.join(format!("generator-{}.data", std::process::id()));
        let cannot = |what: &str| Failure::system::<io::Error>(format!("{what} {}", path.display()));
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = created.map_err(cannot("create"))?;
        // From here on the file is removed, whatever fails.
        let scratch = Self { path: path.clone() };
        fill(file, size_bytes).map_err(cannot("fill"))?;
        Ok(Some(scratch))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path as system calls take it.
    pub(crate) fn c_path(&self) -> Result<CString, Failure> {
        CString::new(self.path.as_os_str().as_bytes())
            .map_err(|_| Failure::Usage("the scratch folder's path contains a zero byte".into()))
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // The folder's owner removes what is left of it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes the file and waits for the disk, so that writing back does not disturb the window.
fn fill(mut file: File, size_bytes: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0x5a), size_bytes), &mut file)?;
    file.sync_data()
}

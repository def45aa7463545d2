//! Whether somebody executes a run: a lock beside its parts, which the kernel takes back whatever ends its holder.

use crate::StoreError;
use crate::files::{Folder, Owner};
use crate::parts::{self, Parts};
use std::fs::{File, TryLockError};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// The file that is locked; it says who does, and goes with the parts.
const FILE: &str = "writer";
/// It holds a number.
const MOST_BYTES: u64 = 64;
/// Attempts at the lock: who only asks whether it is held, holds it for a moment.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// The right to write a run, until dropped. Where the file system has no locks, it is had without one.
#[derive(Debug)]
#[expect(dead_code, reason = "it is had by being held")]
pub(crate) struct Hold(File);

impl Hold {
    /// Takes the run in the folder `run`, by the folder of its parts; fails where another process has it.
    pub(crate) fn take(run: &Path, parts: &Parts, owner: Option<Owner>) -> Result<Self, StoreError> {
        let file = parts.folder().lock_file(FILE, owner)?;
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Ok(()) | Err(TryLockError::Error(_)) => {
                    // Always as long, so that no reader finds half of another's.
                    let number = format!("{:10}\n", std::process::id());
                    let path = parts.folder().path().join(FILE);
                    let written = file.write_all_at(number.as_bytes(), 0);
                    written.map_err(|source| StoreError::Write { path, source })?;
                    return Ok(Self(file));
                }
            }
        }
        Err(StoreError::UnderWay { run: run.to_owned(), runner: number_in(file) })
    }
}

/// The process number of the runner that executes the run in the folder `run`; none where nobody does, as when it was
/// killed. A number of 0 is one that cannot be read.
#[must_use]
pub fn executed_by(run: &Path) -> Option<u32> {
    let parts = Folder::open(run).and_then(|run| run.inner(parts::FOLDER)).ok()?;
    let file = parts.file(FILE, MOST_BYTES).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| number_in(file))
}

fn number_in(file: File) -> u32 {
    let mut text = String::new();
    let read = file.take(MOST_BYTES).read_to_string(&mut text);
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

//! Whether somebody executes a run: a lock beside its parts, which the kernel takes back whatever ends its holder.

use crate::files::Owner;
use crate::parts::Parts;
use crate::{StoreError, files};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is locked; it says who does, and goes with the parts.
const FILE: &str = "writer";
/// Attempts at the lock: who only asks whether it is held, holds it for a moment.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// The right to write a run, until dropped. Where the file system has no locks, it is had without one.
#[derive(Debug)]
#[expect(dead_code, reason = "it is had by being held")]
pub(crate) struct Hold(File);

impl Hold {
    /// Takes the run in the folder `run`, whose parts have a folder; fails where another process has it.
    pub(crate) fn take(run: &Path, owner: Option<Owner>) -> Result<Self, StoreError> {
        let path = place(run);
        let failed = |source| StoreError::Write { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Ok(()) | Err(TryLockError::Error(_)) => {
                    // Always as long, so that no reader finds half of another's.
                    let number = format!("{:10}\n", std::process::id());
                    file.write_all_at(number.as_bytes(), 0).map_err(failed)?;
                    files::give_file(&file, owner).map_err(failed)?;
                    return Ok(Self(file));
                }
            }
        }
        Err(StoreError::UnderWay { run: run.to_owned(), runner: number_in(&path) })
    }
}

/// The process number of the runner that executes the run in the folder `run`; none where nobody does, as when it was
/// killed. A number of 0 is one that cannot be read.
#[must_use]
pub fn executed_by(run: &Path) -> Option<u32> {
    let path = place(run);
    let is_held = File::open(&path).is_ok_and(|file| is_held(&file));
    is_held.then(|| number_in(&path))
}

fn is_held(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn number_in(path: &Path) -> u32 {
    let text: io::Result<String> = fs::read_to_string(path);
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn place(run: &Path) -> PathBuf {
    Parts::of(run).folder().join(FILE)
}

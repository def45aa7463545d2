//! What there was to see of a machine, as plain values.

use crate::environment::{self, Conditions, Facilities};
use crate::failure::Failure;
use crate::settings::{self, Pending};
use probe::{Backend, Capabilities, Probe, Scope, Target};
use std::path::{Path, PathBuf};
use store::Environment;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(super) environment: Environment,
    pub(super) conditions: Conditions,
    pub(super) facilities: Facilities,
    /// Each backend that is attached to the kernel, and why it cannot be.
    pub(super) backends: Vec<(Backend, Result<(), String>)>,
    pub(super) capabilities: Capabilities,
    pub(super) perf_event_paranoid: Option<i32>,
    /// Whether process ids and clock are the kernel's, and how they are not.
    pub(super) namespaces: Result<(), String>,
    /// Whether the kernel tells of pressure.
    pub(super) pressure: bool,
    /// This program.
    pub(super) program: PathBuf,
    /// Whether its file has capabilities, in effect or not.
    pub(super) file_capabilities: bool,
    /// The generator, or where it was looked for.
    pub(super) generator: Result<PathBuf, String>,
    pub(super) runs: RunsFolder,
    /// Settings of the machine that a run has changed.
    pub(super) pending: Option<Pending>,
}

/// Less than this is no room for a run, in bytes.
const LEAST_DISK: u64 = 1 << 20;

/// Where runs would be kept.
#[derive(Clone, Debug)]
pub(super) struct RunsFolder {
    pub(super) folder: PathBuf,
    /// Whether it, or the folder in which it would be made, can be written to; else why not.
    pub(super) writable: Result<(), String>,
    /// Free for this user, in bytes.
    pub(super) free_bytes: Option<u64>,
}

impl RunsFolder {
    /// Whether hardly a run has room.
    pub(super) fn is_full(&self) -> bool {
        self.free_bytes.is_some_and(|free| free < LEAST_DISK)
    }
}

impl Seen {
    /// This machine, now. Backends are attached to getpid for a moment; nothing else is touched.
    pub(crate) fn here(runs_dir: &Path, generator: Result<PathBuf, Failure>) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::failed(&error))?;
        let target = [Target::named("getpid").map_err(|error| Failure::failed(&error))?];
        let attach = |backend: Backend| {
            // Detached at once, so that each is tried alone.
            let attached = Probe::attach(backend, &target, Scope::Generators);
            (backend, attached.map(drop).map_err(|error| error.to_string()))
        };
        let kernel_side = Backend::ALL.into_iter().filter(|backend| *backend != Backend::User);
        Ok(Self {
            environment: environment::observe(),
            conditions: environment::conditions(),
            facilities: environment::facilities(),
            backends: kernel_side.map(attach).collect(),
            capabilities: Capabilities::held(),
            perf_event_paranoid: probe::perf_event_paranoid(),
            namespaces: probe::check_namespaces().map_err(|error| error.to_string()),
            pressure: crate::monitor::tells_pressure(),
            file_capabilities: has_capabilities(&program),
            program,
            generator: generator.map_err(|failure| failure.to_string()),
            runs: RunsFolder::at(runs_dir),
            pending: settings::pending(&settings::root()),
        })
    }
}

/// Whether a file lends capabilities to whoever executes it.
fn has_capabilities(program: &Path) -> bool {
    let mut attribute = [0_u8; 64];
    rustix::fs::getxattr(program, "security.capability", &mut attribute).is_ok_and(|length| length > 0)
}

impl RunsFolder {
    fn at(folder: &Path) -> Self {
        // A run makes the folder if need be; the doctor only looks where that would happen.
        let existing = folder.ancestors().find(|it| it.is_dir()).unwrap_or(Path::new("."));
        // Without a name, so that nothing of it can be left behind.
        let writable = tempfile::tempfile_in(existing).map(drop).map_err(|error| error.to_string());
        let space = rustix::fs::statvfs(existing).ok();
        Self {
            folder: folder.to_owned(),
            writable,
            free_bytes: space.map(|space| space.f_bavail.saturating_mul(space.f_frsize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above_and_not_made() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("not/yet");
        let seen = RunsFolder::at(&folder);
        assert_eq!(seen.writable, Ok(()));
        assert!(seen.free_bytes.is_some_and(|bytes| bytes > 0));
        assert_eq!(above.path().read_dir().unwrap().count(), 0);
        // Not even root may write there.
        assert!(RunsFolder::at(Path::new("/proc/none")).writable.is_err());
    }
}

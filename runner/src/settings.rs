//! Owns the machine's settings for the time of a run: what is changed is journalled first, and restored exactly.
//!
//! The journal lies in a fixed place that root alone may write to, and that a restart of the machine empties, as it does
//! the settings. Who holds the lock beside it has changed something and lives; a journal without a holder was left by a
//! runner that was killed, and is carried out backwards by its keeper, by `runner doctor --restore`, and by the next run.
//!
//! What a runner by sudo opens otherwise is the invoking user's; here it is root's ([`OwnFiles`]).
//!
//! Everything is below a root folder that is a parameter: `/`, except in tests.

mod cpus;
mod journal;
mod knobs;
#[cfg(test)]
mod tests;

use cpus::missing;
pub(crate) use cpus::{can_pin, stay_on, within};

use crate::scenario::MachineRequest;
use journal::{Journal, Lock};
use knobs::Knob;
use probe::OwnFiles;
use std::io;
use std::path::{Path, PathBuf};
use store::MachineSetting;

/// Names another folder than `/`: for tests of the whole program.
const ROOT: &str = "RUNNER_MACHINE_ROOT";

/// Where the machine's files are.
pub(crate) fn root() -> PathBuf {
    std::env::var_os(ROOT).map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// Why settings could not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Another runner has.
    #[error("another run has changed this machine's settings; wait for its end, or leave `[machine]` out")]
    Busy,
    /// There would be no way back.
    #[error("cannot note in {path} what the machine's settings were, so none was changed")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

/// Settings that are in force. Dropping it restores what was before.
#[derive(Debug)]
pub(crate) struct Settings {
    root: PathBuf,
    /// Held as long as something is changed.
    lock: Option<Lock>,
}

impl Settings {
    /// Changes what the scenario asks for as far as this machine can. What it cannot is told, setting by setting.
    pub(crate) fn apply(
        root: &Path,
        asked: &MachineRequest,
    ) -> Result<(Self, Vec<MachineSetting>), SettingsError> {
        let _files = OwnFiles::take();
        let mut knobs = Knob::of(root, asked);
        let mut settings = Self { root: root.to_owned(), lock: None };
        if knobs.iter().any(|(_, knob)| knob.as_ref().is_ok_and(Knob::would_change)) {
            settings.lock = Some(Lock::take(root)?.ok_or(SettingsError::Busy)?);
            // Whatever is there was left by a runner that is gone.
            journal::restore(root);
            knobs = Knob::of(root, asked);
            let changes = knobs.iter().filter_map(|(_, knob)| knob.as_ref().ok());
            Journal::of(changes.flat_map(Knob::changes).collect()).write(root)?;
        }
        let told = knobs.into_iter().map(|(told, knob)| match knob {
            Ok(knob) => MachineSetting { cannot: knob.turn(root).err(), before: Some(knob.before()), ..told },
            Err(reason) => MachineSetting { cannot: Some(reason), ..told },
        });
        let told = told.chain(others(root, asked)).collect();
        Ok((settings, told))
    }

    /// Restores what was; says what could not be.
    pub(crate) fn restore(&mut self) -> Vec<String> {
        if self.lock.is_none() {
            return Vec::new();
        }
        let _files = OwnFiles::take();
        let left = journal::restore(&self.root);
        self.lock = None;
        left.into_iter().filter(|it| !it.restored).map(|it| it.words).collect()
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        self.restore();
    }
}

/// What is asked for, each with the reason where it cannot be had. Changes nothing.
pub(crate) fn cannot(root: &Path, asked: &MachineRequest) -> Vec<MachineSetting> {
    let _files = OwnFiles::take();
    let knobs = Knob::of(root, asked).into_iter();
    let told = knobs.map(|(told, knob)| MachineSetting { cannot: knob.err(), ..told });
    told.chain(others(root, asked)).collect()
}

/// What is asked for besides files with one value.
fn others(root: &Path, asked: &MachineRequest) -> Vec<MachineSetting> {
    let told = |name: &str, asked: String, cannot| MachineSetting {
        name: name.to_owned(),
        asked,
        before: None,
        cannot,
    };
    let mut all: Vec<MachineSetting> = asked
        .cpus
        .named()
        .into_iter()
        .map(|(whose, list)| told("cpus", format!("{whose} on {list}"), missing(list)))
        .collect();
    if asked.drop_caches {
        all.push(told("drop_caches", "before each trial".to_owned(), knobs::unwritable(root, DROP_CACHES)));
    }
    all
}

/// Where the kernel is told to drop its caches.
const DROP_CACHES: &str = "proc/sys/vm/drop_caches";

/// Has the kernel write out what is dirty, then drop the page cache, inodes and directory entries.
pub(crate) fn drop_caches(root: &Path) -> io::Result<()> {
    let _files = OwnFiles::take();
    rustix::fs::sync();
    std::fs::write(root.join(DROP_CACHES), "3")
}

/// Whether a runner that is gone, or one that runs, has changed settings: in words.
pub(crate) fn pending(root: &Path) -> Option<Pending> {
    let _files = OwnFiles::take();
    let journal = Journal::read(root)?;
    let is_alive = || Path::new(&format!("/proc/{}", journal.runner)).exists();
    let is_held = match Lock::take(root) {
        Ok(lock) => lock.is_none(),
        // Only root can tell for certain.
        Err(_) => is_alive(),
    };
    let what: Vec<&str> = journal.changes.iter().map(|change| change.path.as_str()).collect();
    Some(Pending { is_held, words: what.join(", ") })
}

/// Settings that are not as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// By a run that is under way.
    pub(crate) is_held: bool,
    /// Which.
    pub(crate) words: String,
}

/// Restores what a runner that is gone has left changed; says what was done, a sentence for each setting. Does nothing
/// while a run is under way that has changed something.
pub(crate) fn restore_left(root: &Path) -> Vec<Restored> {
    let _files = OwnFiles::take();
    match (Journal::read(root), Lock::take(root)) {
        (Some(_), Ok(Some(_lock))) => journal::restore(root),
        _ => Vec::new(),
    }
}

/// The same for the keeper of a runner with this process number, which may not be quite gone yet.
pub(crate) fn restore_after(root: &Path, runner: u32) {
    for _ in 0..100 {
        if Journal::read(root).is_none_or(|journal| journal.runner != runner) {
            return;
        }
        restore_left(root);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// What became of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Whether it is as it was.
    pub(crate) restored: bool,
    /// What was done, or why it was not.
    pub(crate) words: String,
}

//! Owns the process that clears up after a runner which could not do so itself: killed, or ended by a second Ctrl-C.
//!
//! The kernel kills the generators and stress-ng with the runner. But stress-ng's workers only hear that their parent
//! is gone, and one that is filling gigabytes looks up rarely: it would live on for seconds. So a small process of its
//! own waits for the runner's end on a pipe, which comes however the runner ends, then gives the terminal back if a view
//! had it, kills the load that was running and removes the scratch folder. (The probe's kretprobe events have a keeper as well; that one is forked to write a
//! few lines and knows no processes, this one is the runner's own program and can do what the runner can.)

use crate::live::Modes;
use crate::{load, settings};
use rustix::process::Pid;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the keeper tries to remove the folder while the last of those who write into it die.
const PERSISTENCE: Duration = Duration::from_secs(10);

/// What it is told when it is no longer needed.
const END: &str = "end";

/// The keeper as the runner sees it. Dropping it lets it end.
#[derive(Debug)]
pub(crate) struct Keeper {
    process: Child,
    /// Its end is the keeper's sign to clear up.
    line: Option<ChildStdin>,
}

impl Keeper {
    /// Starts the keeper of a scratch folder.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        // By this name it is found even where a newer build has taken the place of the program.
        let mut process = Command::new("/proc/self/exe")
            .arg0("runner")
            .arg("keep")
            .arg(folder)
            // Not to be ended by a key that is meant for the runner.
            .process_group(0)
            .stdin(Stdio::piped())
            // Whoever reads the runner's output must not wait for the keeper's end.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let line = process.stdin.take();
        Ok(Self { process, line })
    }

    /// Where it hears, for whoever takes the terminal: `terminal` and how it was, then `terminal` alone once it is given
    /// back. None where that cannot be had.
    pub(crate) fn line(&self) -> Option<File> {
        let line = self.line.as_ref()?.as_fd().try_clone_to_owned();
        line.ok().map(File::from)
    }

    /// Names the stress-ng that runs now; none when it has ended.
    pub(crate) fn watch(&self, leader: Option<Pid>) {
        let leader = leader.map_or(0, Pid::as_raw_pid);
        if let Some(mut line) = self.line.as_ref() {
            // Should the keeper be gone, the run is none the worse for it.
            let _ = writeln!(line, "{leader}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut line) = self.line.take() {
            // Whoever has the terminal may have this line as well.
            let _ = writeln!(line, "{END}");
        }
        let _ = self.process.wait();
    }
}

/// The life of a keeper: reads from `line` what runs, and clears up at its end. Only a scratch folder is kept.
pub(crate) fn keep(folder: &Path, line: impl BufRead) {
    if !crate::scratch::is_scratch(folder) {
        return;
    }
    give_up_capabilities();
    let runner = rustix::process::getppid().map_or(0, |pid| pid.as_raw_pid().cast_unsigned());
    let (mut leader, mut terminal) = (None, None);
    for line in line.lines().map_while(Result::ok).take_while(|line| line != END) {
        match line.strip_prefix("terminal") {
            Some(modes) => terminal = Modes::parse(modes),
            None => leader = line.parse().ok().and_then(Pid::from_raw),
        }
    }
    if let Some(modes) = terminal {
        // SAFETY: a signal is ignored, by which the kernel would else stop who changes a terminal from its background.
        unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
        // It may have been closed.
        let _ = modes.restore();
    }
    if let Some(leader) = leader {
        load::kill(leader);
    }
    settings::restore_after(&settings::root(), runner);
    let began = Instant::now();
    while folder.exists() && fs::remove_dir_all(folder).is_err() && began.elapsed() < PERSISTENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a runner has begun this process, as far as can be seen. By a rule of sudo somebody else may, who would have root end any
/// process for them; with no more than a user's own rights it is all the same.
pub(crate) fn is_begun_by_a_runner() -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    let program = |process: &str| {
        fs::metadata(format!("/proc/{process}/exe")).map(|file| (file.dev(), file.ino())).ok()
    };
    let parent = rustix::process::getppid().and_then(|parent| program(&parent.to_string()));
    parent.is_none() || parent == program("self")
}

/// Gives up what the runner's file may have given an ordinary user's keeper, too: it loads no BPF programs.
fn give_up_capabilities() {
    if !rustix::process::geteuid().is_root() {
        let none = CapabilitySet::empty();
        // What fails here leaves the keeper with what its runner had.
        let _ =
            set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn what_was_named_last_is_killed_and_the_folder_removed() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("syscall-lab-1-abc");
        fs::create_dir_all(folder.join("load-1")).unwrap();
        let spawn = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let (mut ended, mut runs) = (spawn(), spawn());
        keep(&folder, format!("{}\n0\n{}\n", ended.id(), runs.id()).as_bytes());
        assert!(!folder.exists());
        assert_eq!(runs.wait().unwrap().signal(), Some(9));
        assert_eq!(
            ended.try_wait().unwrap(),
            None,
            "a process was killed whose number may be another's by now"
        );
        ended.kill().unwrap();
        ended.wait().unwrap();
    }

    #[test]
    fn a_folder_that_is_no_scratch_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &b""[..]);
        assert!(folder.path().exists());
    }
}

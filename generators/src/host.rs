//! The runner's side: a generator process as a guard.
//!
//! Owns the life of the process, from its start to its report, and guarantees that it ends with the value, or with
//! the thread that started it if the runner is killed. When which phase is due is the runner's to decide.

use crate::clock::next_look;
use crate::control::{Page, Phase};
use crate::shared_page::{SharedPage, memory_file};
use crate::{GeneratorReport, GeneratorSpec};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a wait looks at the page.
const POLL_INTERVAL: Duration = Duration::from_micros(200);

/// Why a generator gave no report.
#[derive(Debug, thiserror::Error)]
pub enum GeneratorError {
    /// The memory that is shared with the generator could not be set up.
    #[error("cannot create memory to share with a generator")]
    Memory(#[source] io::Error),
    /// The description cannot be written as JSON, for instance because a path is not Unicode.
    #[error("cannot describe the generator")]
    Describe(#[source] serde_json::Error),
    /// The process could not be started.
    #[error("cannot start {}", binary.display())]
    Start {
        /// The binary that was to be run.
        binary: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process could not be asked whether it still runs.
    #[error("cannot wait for the generator")]
    Wait(#[source] io::Error),
    /// The process ended before it had come as far as it should, or with a failure.
    #[error("the generator ended with {status}: {}", if stderr.is_empty() { "it said nothing" } else { stderr })]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error, trimmed.
        stderr: String,
    },
    /// The process runs but did not come to a phase in time; it may still.
    #[error("the generator did not reach {awaited:?} within {} ms", after.as_millis())]
    Late {
        /// The phase that was waited for.
        awaited: Phase,
        /// How long.
        after: Duration,
    },
    /// The process did not end in time.
    #[error("the generator did not end within {} ms", after.as_millis())]
    Lingers {
        /// How long it was waited for.
        after: Duration,
    },
    /// What the process printed could not be read.
    #[error("cannot read the generator's output")]
    Output(#[source] io::Error),
    /// What the process printed is no report.
    #[error("the generator's report is not valid")]
    Report(#[source] serde_json::Error),
}

impl GeneratorError {
    /// The same where it was waited for in several pieces, which were so long together.
    #[must_use]
    pub fn after(self, whole: Duration) -> Self {
        match self {
            Self::Late { awaited, .. } => Self::Late { awaited, after: whole },
            Self::Lingers { .. } => Self::Lingers { after: whole },
            other => other,
        }
    }
}

/// The user that a generator runs as; it keeps no supplementary group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A running generator. Dropping it kills its process group and waits for the end.
#[derive(Debug)]
pub struct Generator {
    child: Child,
    page: SharedPage,
    stdout: File,
    stderr: File,
    status: Option<ExitStatus>,
}

impl Generator {
    /// Starts `binary`, as another user if `credentials` say so (which takes root).
    ///
    /// The process is the leader of its own group, has an empty environment, and asks the kernel to be killed when the
    /// calling thread ends, or ends by itself if this process has ended before it could: call from a thread that lives as
    /// long as the generator is wanted.
    pub fn spawn(
        binary: &Path,
        spec: &GeneratorSpec,
        credentials: Option<Credentials>,
    ) -> Result<Self, GeneratorError> {
        let description = serde_json::to_string(spec).map_err(GeneratorError::Describe)?;
        let (page, page_file) = SharedPage::create().map_err(GeneratorError::Memory)?;
        let stdout = memory_file("report").map_err(GeneratorError::Memory)?;
        let stderr = memory_file("messages").map_err(GeneratorError::Memory)?;
        let mut command = Command::new(binary);
        // Of whom it is to outlive nothing. Were that arranged between fork and exec, it would take a fork of all that
        // the runner has in memory; without, the standard library asks for a process that shares it until its exec.
        let runner = std::process::id().to_string();
        command.args([description, runner]).env_clear().process_group(0).stdin(Stdio::from(page_file));
        command.stdout(stdout.try_clone().map_err(GeneratorError::Memory)?);
        command.stderr(stderr.try_clone().map_err(GeneratorError::Memory)?);
        if let Some(Credentials { uid, gid }) = credentials {
            // As root this also empties the supplementary groups, before the ids change.
            command.gid(gid).uid(uid);
        }
        let child = command
            .spawn()
            .map_err(|source| GeneratorError::Start { binary: binary.to_path_buf(), source })?;
        Ok(Self { child, page, stdout, stderr, status: None })
    }

    /// The process id, which is also that of its group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The page that paces the generator.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Waits until the generator has come to `awaited` or beyond.
    ///
    /// After [`GeneratorError::Late`] one may go on waiting.
    pub fn wait_phase(&mut self, awaited: Phase, deadline: Duration) -> Result<(), GeneratorError> {
        let start = Instant::now();
        while self.page.phase() < awaited {
            if let Some(status) = self.ended()? {
                // It may have come that far and ended since the page was looked at.
                if self.page.phase() >= awaited && status.success() {
                    return Ok(());
                }
                return Err(self.ended_early(status));
            }
            if start.elapsed() >= deadline {
                return Err(GeneratorError::Late { awaited, after: deadline });
            }
            std::thread::sleep(next_look(start.elapsed(), POLL_INTERVAL));
        }
        Ok(())
    }

    /// Lets the generator end once it is done.
    pub fn release(&self) {
        // One that is done has nothing more to say before its end.
        self.page.set_phase(Phase::Release);
    }

    /// Waits until the generator has ended, with success or without.
    ///
    /// It ends only after [`Phase::Release`] was set. After [`GeneratorError::Lingers`] one
    /// may go on waiting.
    pub fn wait_end(&mut self, deadline: Duration) -> Result<(), GeneratorError> {
        let start = Instant::now();
        while self.ended()?.is_none() {
            if start.elapsed() >= deadline {
                return Err(GeneratorError::Lingers { after: deadline });
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Lets the generator end once it is done, waits for that and reads its report. When the deadline passes, the generator
    /// is killed.
    pub fn finish(mut self, deadline: Duration) -> Result<GeneratorReport, GeneratorError> {
        self.release();
        self.wait_end(deadline)?;
        if let Some(status) = self.ended()?.filter(|status| !status.success()) {
            return Err(self.ended_early(status));
        }
        let report = contents(&mut self.stdout).map_err(GeneratorError::Output)?;
        serde_json::from_slice(&report).map_err(GeneratorError::Report)
    }

    /// How it ended, if it has; what it may have started is killed then.
    fn ended(&mut self) -> Result<Option<ExitStatus>, GeneratorError> {
        if self.status.is_none() && self.has_ended() {
            // As long as it is not collected, its number names no other group.
            self.kill_group();
            self.status = self.child.try_wait().map_err(GeneratorError::Wait)?;
        }
        Ok(self.status)
    }

    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let found = self.group().map(|pid| rustix::process::waitid(WaitId::Pid(pid), options));
        // What cannot be asked so, the collection tells.
        !matches!(found, Some(Ok(None)))
    }

    fn group(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    fn kill_group(&self) {
        if let Some(group) = self.group() {
            // All of it may have ended, which is as good.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    fn ended_early(&mut self, status: ExitStatus) -> GeneratorError {
        match contents(&mut self.stderr) {
            Ok(bytes) => {
                GeneratorError::Ended { status, stderr: String::from_utf8_lossy(&bytes).trim().to_owned() }
            }
            Err(source) => GeneratorError::Output(source),
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // Once the process was waited for, its id may belong to another.
        if self.status.is_some() {
            return;
        }
        self.kill_group();
        let _ = self.child.wait();
    }
}

/// All that was written to a memory file.
pub(crate) fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

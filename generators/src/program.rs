//! The runner's side of a program that somebody else wrote: described, started, held, let go, ended.
//!
//! The program runs below a supervisor, which is the `generator` binary: a process that adopts everything the program
//! starts, and ends all of it when the runner closes the line to it, also by being killed. The two say to each other,
//! line by line: `ready PID` once the program stands before its first instruction, `go` to let it run, `ended STATUS`.

use crate::host::{Credentials, contents};
use crate::shared_page::memory_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a wait looks up.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long the supervisor may take until it holds the program.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// How long it may take to end: longer than it waits itself for what does not die.
const END_DEADLINE: Duration = Duration::from_secs(15);

/// The variable in which a supervisor is told the numbers of the streams that its program is to have.
pub const STREAMS: &str = "SYSCALL_LAB_STREAMS";

/// How much of what a program wrote to standard error is told, in characters, from its end.
const LAST_WORDS: usize = 400;

/// A program and what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    /// The program and its arguments, as they are: no shell looks at them.
    pub command: Vec<String>,
    /// The folder that it starts in.
    pub cwd: PathBuf,
    /// Its environment, all of it.
    pub env: BTreeMap<String, String>,
    /// What it reads as standard input, relative to `cwd`; nothing unless given.
    pub stdin: Option<PathBuf>,
    /// Whether it also has the environment of who holds it, which `env` adds to, and the streams that it is held with.
    #[serde(default)]
    pub is_theirs: bool,
}

impl ProgramSpec {
    /// What a program finds in its environment, whatever the runner happened to be started with: the runner's PATH, one
    /// language, and `home` for all that is the user's or temporary.
    #[must_use]
    pub fn environment(home: &Path) -> BTreeMap<String, String> {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
        let home = home.display().to_string();
        let all = [("PATH", path), ("LANG", "C.UTF-8".to_owned()), ("HOME", home.clone()), ("TMPDIR", home)];
        all.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Why a program is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// What it needs could not be set up.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It did not come as far as its first instruction.
    #[error("`{program}` cannot be started: {words}")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        words: String,
    },
    /// It ended with a failure.
    #[error("`{program}` ended with {status}: {words}")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error.
        words: String,
    },
}

fn io_error(action: &'static str) -> impl Fn(io::Error) -> ProgramError {
    move |source| ProgramError::Io { action, source }
}

/// A program and everything that it started. Dropping it ends all of that.
#[derive(Debug)]
pub struct Program {
    supervisor: Child,
    /// Its closing is the supervisor's sign to end everything.
    line: Option<ChildStdin>,
    answers: ChildStdout,
    /// Of an answer that has not come as a whole.
    partial: Vec<u8>,
    stderr: File,
    name: String,
    pid: u32,
    status: Option<ExitStatus>,
}

impl Program {
    /// Starts the program by way of `binary`, as another user if `credentials` say so (which takes root), and holds it
    /// before its first instruction.
    pub fn hold(
        binary: &Path,
        spec: &ProgramSpec,
        credentials: Option<Credentials>,
    ) -> Result<Self, ProgramError> {
        let mut command = Command::new(binary);
        command.env_clear();
        Self::held(command, spec, credentials)
    }

    /// The same with the caller's own environment, and with these as its standard input, output and error; its last words
    /// are its supervisor's alone then.
    pub fn hold_as_own(
        binary: &Path,
        spec: &ProgramSpec,
        (credentials, streams): (Option<Credentials>, [BorrowedFd<'_>; 3]),
    ) -> Result<Self, ProgramError> {
        // Numbers of their own that an exec leaves open; closed again here once the supervisor has them.
        let lent = streams.map(rustix::io::dup);
        let mut numbers = Vec::new();
        for stream in &lent {
            let number = stream.as_ref().map_err(|errno| io_error("hand over streams")((*errno).into()))?;
            numbers.push(number.as_raw_fd().to_string());
        }
        let mut command = Command::new(binary);
        command.env(STREAMS, numbers.join(" "));
        Self::held(command, &ProgramSpec { is_theirs: true, ..spec.clone() }, credentials)
    }

    fn held(
        mut command: Command,
        spec: &ProgramSpec,
        credentials: Option<Credentials>,
    ) -> Result<Self, ProgramError> {
        let description =
            serde_json::to_string(spec).map_err(|error| io_error("describe a program")(error.into()))?;
        let stderr = memory_file("messages").map_err(io_error("keep a program's messages"))?;
        command.arg("program").arg(description).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(stderr.try_clone().map_err(io_error("keep a program's messages"))?);
        if let Some(Credentials { uid, gid }) = credentials {
            command.gid(gid).uid(uid);
        }
        let mut supervisor = command.spawn().map_err(io_error("start the generator"))?;
        let line = supervisor.stdin.take();
        let answers = supervisor.stdout.take().ok_or(io::ErrorKind::BrokenPipe.into());
        let name = spec.command.first().cloned().unwrap_or_default();
        let answers = answers.map_err(io_error("hear of a program"))?;
        let mut program =
            Self { supervisor, line, answers, partial: Vec::new(), stderr, name, pid: 0, status: None };
        // What the supervisor does between its start and this answer takes milliseconds.
        rustix::io::ioctl_fionbio(&program.answers, true)
            .map_err(|errno| io_error("hear of a program")(errno.into()))?;
        let ready = program.first_answer()?;
        program.pid = match ready.as_deref().and_then(|answer| answer.strip_prefix("ready ")?.parse().ok()) {
            Some(pid) => pid,
            None => return Err(program.not_started()),
        };
        Ok(program)
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets the program run.
    pub fn go(&mut self) -> Result<(), ProgramError> {
        let line = self.line.as_mut().ok_or(io::ErrorKind::BrokenPipe.into());
        line.and_then(|line| line.write_all(b"go\n")).map_err(io_error("let a program run"))
    }

    /// How the program ended, if it has; what it started may still run.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, ProgramError> {
        if self.status.is_none()
            && let Some(answer) = self.next_answer()?
        {
            let status = answer.strip_prefix("ended ").and_then(|status| status.parse().ok());
            self.status = Some(ExitStatus::from_raw(status.unwrap_or(libc::SIGKILL)));
        }
        Ok(self.status)
    }

    /// Fails unless the program, which has ended, did so with success.
    pub fn check(&mut self) -> Result<(), ProgramError> {
        match self.ended()? {
            Some(status) if !status.success() => {
                Err(ProgramError::Failed { program: self.name.clone(), status, words: self.last_words() })
            }
            _ => Ok(()),
        }
    }

    /// Waits until the program has ended, at most until `deadline`; whether it has.
    pub fn wait(&mut self, deadline: Instant) -> Result<bool, ProgramError> {
        while self.ended()?.is_none() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(true)
    }

    /// The end of what it and its supervisor wrote to standard error.
    pub fn last_words(&mut self) -> String {
        let bytes = contents(&mut self.stderr).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        let skipped = text.chars().count().saturating_sub(LAST_WORDS);
        if text.is_empty() { "it said nothing".to_owned() } else { text.chars().skip(skipped).collect() }
    }

    /// The answer that comes when the program is held; none where the supervisor ended, or does not answer.
    fn first_answer(&mut self) -> Result<Option<String>, ProgramError> {
        let began = Instant::now();
        loop {
            let has_ended = self.supervisor.try_wait().map_err(io_error("wait for the generator"))?.is_some();
            let answer = self.next_answer()?;
            if answer.is_some() || has_ended || began.elapsed() >= ANSWER_DEADLINE {
                return Ok(answer);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// The next line from the supervisor; none where there is none yet, or no supervisor any more.
    fn next_answer(&mut self) -> Result<Option<String>, ProgramError> {
        loop {
            if let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.partial.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            let mut bytes = [0; 256];
            match self.answers.read(&mut bytes) {
                // It has been killed, and what it watched over with it.
                Ok(0) if self.pid != 0 => return Ok(Some(format!("ended {}", libc::SIGKILL))),
                Ok(0) => return Ok(None),
                Ok(read) => self.partial.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("hear of a program")(error)),
            }
        }
    }

    fn not_started(&mut self) -> ProgramError {
        self.end();
        // Who could not start it is the generator, and nobody has to know.
        let words = self.last_words();
        let words = words.strip_prefix("generator: ").unwrap_or(&words).to_owned();
        ProgramError::Start { program: self.name.clone(), words }
    }

    /// Ends everything: the supervisor does once nothing is left of what it watched over. One that does not is killed.
    fn end(&mut self) {
        drop(self.line.take());
        let began = Instant::now();
        while let Ok(None) = self.supervisor.try_wait() {
            if began.elapsed() >= END_DEADLINE {
                let _ = self.supervisor.kill();
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_survives_its_way() {
        let spec = ProgramSpec {
            command: vec!["sort".to_owned(), "-r".to_owned()],
            cwd: PathBuf::from("/tmp"),
            env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
            stdin: Some(PathBuf::from("numbers")),
            is_theirs: false,
        };
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ProgramSpec>(&text).unwrap(), spec);
    }
}

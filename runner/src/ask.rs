//! Owns the short questions to programs of others: asked once, with a limit of time. Whatever ends the wait, nothing of the
//! program goes on that is still in its group.

use crate::credentials::{Credentials, guard_child};
use crate::signals;
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often to look whether there is an answer.
const LOOK: Duration = Duration::from_millis(10);
/// Most bytes of an answer: ten thousand lines of a queue.
const MOST_BYTES: u64 = 16 << 20;

/// What a program said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    /// On its standard output.
    pub(crate) said: String,
    /// On its standard error.
    pub(crate) complained: String,
}

/// A question: a program, its arguments, and as whom it is asked, who need not be the runner's user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) program: &'a str,
    pub(crate) words: &'a [String],
    /// How the names of variables begin that it is not to have; empty where it is to have all.
    pub(crate) without: &'a str,
    pub(crate) credentials: Option<&'a Credentials>,
    /// How long it may take to answer.
    pub(crate) patience: Duration,
}

impl Question<'_> {
    /// Asks; none where the answer takes too long, or a signal wants the runner to end: then the program is killed.
    pub(crate) fn ask(self) -> io::Result<Option<Answer>> {
        let (mut said, mut complained) = (file()?, file()?);
        let mut command = Command::new(self.program);
        command
            .args(self.words)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(complained.try_clone()?);
        let names = std::env::vars_os().map(|(name, _)| name).filter(|_| !self.without.is_empty());
        for name in names.filter(|name| name.to_string_lossy().starts_with(self.without)) {
            command.env_remove(name);
        }
        // With whatever it starts; and a key on the terminal is not to end it half-way.
        command.process_group(0);
        guard_child(&mut command, self.credentials);
        let mut child = command.spawn()?;
        let Some(status) = self.waited(&mut child)? else { return Ok(None) };
        Ok(Some(Answer { status, said: read(&mut said)?, complained: read(&mut complained)? }))
    }

    fn waited(self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let asked = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if asked.elapsed() >= self.patience || signals::have_come() {
                if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                    let _ = rustix::process::kill_process_group(group, Signal::KILL);
                }
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Files instead of pipes: what a program leaves behind may hold a pipe open for ever. In memory, for a disk may be full.
fn file() -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create("answer", MemfdFlags::CLOEXEC)?))
}

fn read(file: &mut File) -> io::Result<String> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(script: &str, patience: Duration) -> Option<Answer> {
        let words = ["-c".to_owned(), script.to_owned()];
        Question { program: "sh", words: &words, without: "", credentials: None, patience }.ask().unwrap()
    }

    #[test]
    fn what_is_said_and_complained_of_is_told_apart() {
        let answer = asked("echo one; echo two >&2; exit 3", Duration::from_mins(1)).unwrap();
        assert_eq!((answer.said.as_str(), answer.complained.as_str()), ("one\n", "two\n"));
        assert_eq!(answer.status.code(), Some(3));
        let missing = Question {
            program: "/nowhere/at/all",
            words: &[],
            without: "",
            credentials: None,
            patience: LOOK,
        };
        assert_eq!(missing.ask().unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn who_does_not_answer_is_killed_with_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! >{}; wait", file.display());
        assert!(asked(&script, Duration::from_millis(500)).is_none());
        let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        // Dead, or not taken away yet by whoever inherited it; the signal takes effect when it has the processor next.
        let began = Instant::now();
        loop {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{state}");
            std::thread::sleep(LOOK);
        }
    }
}

//! Owns the short questions to programs of others: asked once, with a limit of time, and in words where they fail.

use crate::failure::{Failure, chain};
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often to look whether there is an answer.
const LOOK: Duration = Duration::from_millis(10);
/// Most bytes of an answer: ten thousand lines of a queue.
const MOST_BYTES: u64 = 16 << 20;

/// What a program prints that has none of the variables `without`; fails with its own words where it does not succeed, or does
/// not answer in time.
pub(super) fn ask(
    program: &str,
    (words, without): (&[String], &[OsString]),
    patience: Duration,
) -> Result<String, Failure> {
    let failed = |words: String| Failure::Failed(format!("{program} {words}"));
    let (mut answer, mut complaint) =
        files().map_err(|error| failed(format!("cannot be asked: {}", chain(&error))))?;
    let status = match run(program, (words, without), (&answer, &complaint), patience) {
        Ok(Some(status)) => status,
        Ok(None) => {
            let seconds = patience.as_secs();
            return Err(failed(format!("did not answer within {seconds} seconds; is the controller there?")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(failed(
                "is not on the PATH: call this where jobs are submitted, with Slurm's programs (on Debian the package \
                 slurm-client)"
                    .to_owned(),
            ));
        }
        Err(error) => return Err(failed(format!("cannot be executed: {}", chain(&error)))),
    };
    let read = |file: &mut File| {
        let mut text = Vec::new();
        let _ = file.rewind().and_then(|()| file.take(MOST_BYTES).read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    };
    if !status.success() {
        let words = read(&mut complaint);
        let words = words.trim();
        let words = if words.is_empty() { "it gave no reason" } else { words };
        return Err(failed(format!("failed ({status}): {words}")));
    }
    Ok(read(&mut answer))
}

/// Files instead of pipes: what a program leaves behind may hold a pipe open for ever.
fn files() -> io::Result<(File, File)> {
    Ok((tempfile::tempfile()?, tempfile::tempfile()?))
}

/// How it ended; none where that takes too long, and then it is killed.
fn run(
    program: &str,
    (words, without): (&[String], &[OsString]),
    (answer, complaint): (&File, &File),
    patience: Duration,
) -> io::Result<Option<ExitStatus>> {
    let mut command = Command::new(program);
    for name in without {
        command.env_remove(name);
    }
    let mut child = command
        .args(words)
        .stdin(Stdio::null())
        .stdout(answer.try_clone()?)
        .stderr(complaint.try_clone()?)
        // With whatever it starts; and a key on the terminal is not to end it half-way.
        .process_group(0)
        .spawn()?;
    let asked = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if asked.elapsed() >= patience {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

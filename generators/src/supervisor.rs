//! The process between the runner and a program: holds the program until it may run, and sees to it that nothing of
//! it stays.
//!
//! Owns the program's life as the system sees it. Whatever the program starts is this process's to collect: orphans
//! come to it, since it is a subreaper. It ends all of them when its standard input is closed, which the runner's end
//! does, whatever that is.

use crate::failure::Failure;
use crate::{ProgramSpec, STREAMS};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Access;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions};
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long what was asked to end may take to do so.
const COURTESY: Duration = Duration::from_millis(300);
/// How long what was killed may take to be dead. What is stuck in the kernel is left to it then.
const DYING: Duration = Duration::from_secs(10);

/// Exit code of a child that could not become the program, as shells have it.
const NOT_EXECUTED: libc::c_int = 127;

/// Runs the program that `description` is of, as far as the runner says; returns when nothing of it is left.
pub(crate) fn supervise(description: &str) -> Result<(), Failure> {
    let spec: ProgramSpec = serde_json::from_str(description)?;
    rustix::process::set_child_subreaper(rustix::process::getpid().into())
        .map_err(Failure::system("adopt what the program starts"))?;
    let prepared = Prepared::of(&spec)?;
    let program = prepared.start()?;
    drop(prepared);
    let outcome = watch(program);
    end_everything(program);
    outcome
}

/// All that the child needs, so that between its `go` and the program's first instruction lies one call.
struct Prepared {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    cwd: CString,
    stdin: OwnedFd,
    stdout: OwnedFd,
    /// None for this process's own, which the runner keeps.
    stderr: Option<OwnedFd>,
}

impl Prepared {
    fn of(spec: &ProgramSpec) -> Result<Self, Failure> {
        let name = spec.command.first().ok_or_else(|| Failure::Usage("the command is empty".into()))?;
        let environment = environment(spec);
        let path = find(name, &spec.cwd, &environment)?;
        let (stdin, stdout, stderr) = match streams(spec)? {
            Some([stdin, stdout, stderr]) => (stdin, stdout, Some(stderr)),
            None => (input(spec)?, nowhere()?, None),
        };
        Ok(Self {
            path: c_string(path.as_os_str().as_bytes())?,
            arguments: spec.command.iter().map(|word| c_string(word.as_bytes())).collect::<Result<_, _>>()?,
            environment: environment
                .iter()
                .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
                .collect::<Result<_, _>>()?,
            cwd: c_string(spec.cwd.as_os_str().as_bytes())?,
            stdin,
            stdout,
            stderr,
        })
    }

    /// Starts the child, which stops itself before it becomes the program, and tells the runner once it has.
    fn start(&self) -> Result<Pid, Failure> {
        let pointers = |list: &[CString]| {
            list.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        // SAFETY: this process has one thread; the child makes system calls only.
        let child = match unsafe { libc::fork() } {
            // SAFETY: every pointer is to a terminated string or list that lives on.
            0 => unsafe { self.become_the_program(&arguments, &environment) },
            child => Pid::from_raw(child).filter(|_| child > 0),
        };
        let child = child.ok_or_else(io::Error::last_os_error).map_err(Failure::system("fork"))?;
        let status = rustix::process::waitpid(Some(child), WaitOptions::UNTRACED)
            .map_err(Failure::system("wait for the program"))?;
        if status.is_some_and(|(_, status)| status.stopped()) {
            say(&format!("ready {}", child.as_raw_pid()))?;
            return Ok(child);
        }
        Err(Failure::Usage("the folder to start in cannot be entered".into()))
    }

    /// Never returns.
    ///
    /// # Safety
    /// To be called in a child that `fork` has just made; both lists end with a null pointer.
    unsafe fn become_the_program(
        &self,
        arguments: &[*const libc::c_char],
        environment: &[*const libc::c_char],
    ) -> ! {
        // SAFETY: system calls on numbers and terminated strings.
        unsafe {
            libc::setpgid(0, 0);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::dup2(self.stdin.as_raw_fd(), 0);
            libc::dup2(self.stdout.as_raw_fd(), 1);
            if let Some(stderr) = &self.stderr {
                libc::dup2(stderr.as_raw_fd(), 2);
            }
            if libc::chdir(self.cwd.as_ptr()) != 0 {
                libc::_exit(NOT_EXECUTED);
            }
            // Not `raise`, which is four calls.
            libc::kill(libc::getpid(), libc::SIGSTOP);
            libc::execve(self.path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            libc::_exit(NOT_EXECUTED)
        }
    }
}

/// What the program finds in its environment.
fn environment(spec: &ProgramSpec) -> BTreeMap<OsString, OsString> {
    let theirs = std::env::vars_os().filter(|(name, _)| spec.is_theirs && name != STREAMS);
    let own = spec.env.iter().map(|(name, value)| (name.into(), value.into()));
    theirs.chain(own).collect()
}

/// The streams that were handed over for it, if so: numbers of descriptors, which nobody else is to inherit.
fn streams(spec: &ProgramSpec) -> Result<Option<[OwnedFd; 3]>, Failure> {
    if !spec.is_theirs {
        return Ok(None);
    }
    let told = std::env::var(STREAMS).unwrap_or_default();
    let numbers: Vec<i32> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    let numbers = <[i32; 3]>::try_from(numbers).ok().filter(|numbers| numbers.iter().all(|it| *it > 2));
    let numbers = numbers.ok_or_else(|| Failure::Usage(format!("{STREAMS} does not name three streams")))?;
    // SAFETY: who started this process has opened them for this place alone.
    let streams = numbers.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
    for stream in &streams {
        rustix::io::fcntl_setfd(stream, rustix::io::FdFlags::CLOEXEC)
            .map_err(Failure::system("take over the program's streams"))?;
    }
    Ok(Some(streams))
}

/// What it reads.
fn input(spec: &ProgramSpec) -> Result<OwnedFd, Failure> {
    let path = match &spec.stdin {
        Some(file) => spec.cwd.join(file),
        None => PathBuf::from("/dev/null"),
    };
    let file = File::open(&path).map_err(Failure::system(format!("open {} as its input", path.display())))?;
    Ok(file.into())
}

/// Where what it says goes.
fn nowhere() -> Result<OwnedFd, Failure> {
    let nowhere = File::options().write(true).open("/dev/null");
    Ok(nowhere.map_err(Failure::system("open /dev/null"))?.into())
}

fn c_string(bytes: &[u8]) -> Result<CString, Failure> {
    CString::new(bytes).map_err(|_| Failure::Usage("a word of the program contains a zero byte".into()))
}

/// The file of a program: a path is relative to where it will start, a bare name is looked up in its PATH.
fn find(name: &str, cwd: &Path, environment: &BTreeMap<OsString, OsString>) -> Result<PathBuf, Failure> {
    let is_program = |path: &PathBuf| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
    if name.contains('/') {
        let path = cwd.join(name);
        let missing = || Failure::Usage(format!("{} is no program that may be executed", path.display()));
        return Some(path.clone()).filter(is_program).ok_or_else(missing);
    }
    let folders = environment.get(OsStr::new("PATH")).map(std::env::split_paths);
    let folders = folders.into_iter().flatten().filter(|folder| !folder.as_os_str().is_empty());
    let mut candidates = folders.map(|folder| folder.join(name));
    candidates
        .find(is_program)
        .ok_or_else(|| Failure::Usage("it is not installed, or not on the PATH".into()))
}

/// Carries on between the runner and the program until the runner closes the line.
fn watch(program: Pid) -> Result<(), Failure> {
    let pidfd = rustix::process::pidfd_open(program, PidfdFlags::empty())
        .map_err(Failure::system("watch the program"))?;
    let stdin = io::stdin();
    let mut has_ended = false;
    loop {
        let mut events = vec![PollFd::new(&stdin, PollFlags::IN)];
        if !has_ended {
            events.push(PollFd::new(&pidfd, PollFlags::IN));
        }
        match poll(&mut events, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Failure::system("wait for the runner")(errno)),
        }
        let (is_told, is_over) =
            (!events[0].revents().is_empty(), events.get(1).is_some_and(|it| !it.revents().is_empty()));
        if is_over {
            has_ended = true;
            say(&format!("ended {}", status_of(program)))?;
        }
        if is_told {
            let mut bytes = [0; 16];
            match stdin.lock().read(&mut bytes) {
                Ok(0) => return Ok(()),
                // The only thing that is ever said.
                Ok(_) => {
                    let _ = rustix::process::kill_process(program, Signal::CONT);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::system("hear the runner")(error)),
            }
        }
    }
}

/// How the program ended, as the kernel encodes it. It stays uncollected, so that its number remains its group's.
fn status_of(program: Pid) -> i32 {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status = rustix::process::waitid(WaitId::Pid(program), options).ok().flatten();
    let exited = status.as_ref().and_then(WaitIdStatus::exit_status).map(|code| code << 8);
    exited.or_else(|| status?.terminating_signal()).unwrap_or(libc::SIGKILL)
}

/// Ends the program and all that it started: asks its process group, then kills one generation after the other, since
/// the orphans of each come here.
fn end_everything(program: Pid) {
    let _ = rustix::process::kill_process_group(program, Signal::TERM);
    // A stopped process hears nothing.
    let _ = rustix::process::kill_process_group(program, Signal::CONT);
    let asked = Instant::now();
    while asked.elapsed() < DYING {
        match rustix::process::wait(WaitOptions::NOHANG) {
            // Nobody is left.
            Err(_) => return,
            Ok(Some(_)) => {}
            Ok(None) => {
                if asked.elapsed() >= COURTESY {
                    for child in children() {
                        let _ = rustix::process::kill_process(child, Signal::KILL);
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Whose parent this process is.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_pid();
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(own)).filter_map(Pid::from_raw).collect()
}

/// The fourth field of a process's `stat`, behind a name that may contain anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_whitespace().nth(1)?.parse().ok()
}

fn say(line: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(Failure::system("answer the runner"))
}

//! Whose calls a trace counts, and when that is over.

use super::output::Output;
use crate::credentials::Credentials;
use crate::failure::{Failure, chain};
use generators::{Program, ProgramSpec};
use probe::Probe;
use procfs::process::{Process, all_processes};
use reports::trace::{Kind, Subject as Described};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::Timespec;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{IsTerminal, stderr, stdin};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A thread of the kernel (include/linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;
/// Most rounds in which children are looked for that were started meanwhile.
const ROUNDS: usize = 10;
/// How long the news of a program's end may take from its supervisor.
const NEWS: Duration = Duration::from_secs(1);

/// Whose calls count. Dropping it ends a program that was started for it, with all that it started.
#[derive(Debug)]
pub(crate) struct Subject {
    described: Described,
    /// Tells of the end; none for the machine.
    end: Option<OwnedFd>,
    program: Option<Program>,
    output: Option<Output>,
}

impl Subject {
    /// The whole machine.
    pub(crate) fn system() -> Self {
        let words = "the whole machine".to_owned();
        let described = Described { kind: Kind::System, words, pid: None, with_children: true };
        Self { described, end: None, program: None, output: None }
    }

    /// A process that is there.
    pub(crate) fn process(pid: u32, with_children: bool) -> Result<Self, Failure> {
        let gone = || Failure::Failed(format!("there is no process {pid}; it may have ended"));
        if pid == std::process::id() {
            return Err(Failure::Usage(format!("process {pid} is this runner, which does not trace itself")));
        }
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        let process = Process::new(number.as_raw_pid()).map_err(|_| gone())?;
        let (stat, status) =
            process.stat().and_then(|stat| Ok((stat, process.status()?))).map_err(|_| gone())?;
        if status.tgid != number.as_raw_pid() {
            return Err(Failure::Usage(format!(
                "{pid} is a thread of process {0}; --pid {0} traces it with all its threads",
                status.tgid
            )));
        }
        if stat.flags & PF_KTHREAD != 0 {
            return Err(Failure::Usage(format!(
                "process {pid} ({}) is a thread of the kernel, which makes no system calls",
                stat.comm
            )));
        }
        if stat.state == 'Z' {
            return Err(Failure::Failed(format!(
                "process {pid} ({}) has ended, and is still listed",
                stat.comm
            )));
        }
        let end = pidfd_open(number, PidfdFlags::empty()).map_err(|_| gone())?;
        let described = Described { kind: Kind::Process, words: stat.comm, pid: Some(pid), with_children };
        Ok(Self { described, end: Some(end), program: None, output: None })
    }

    /// A program that is started for the trace, and held until that begins. Where a view has the terminal, its output is
    /// kept for later; else all of it goes to standard error, since standard output is for figures.
    pub(crate) fn command(
        words: &[String],
        (with_children, has_view): (bool, bool),
        (generator, user): (&Path, Option<&Credentials>),
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Failed(format!("cannot start `{}`: {error}", words[0]));
        let spec = ProgramSpec {
            command: words.to_vec(),
            cwd: std::env::current_dir().map_err(failed)?,
            env: identity(user),
            stdin: None,
            is_theirs: true,
        };
        let nothing = File::open("/dev/null").map_err(failed)?;
        // Who is not in a terminal's foreground would be stopped for reading from it.
        let stdin = stdin();
        let input = if has_view || stdin.is_terminal() { nothing.as_fd() } else { stdin.as_fd() };
        let (output, pipe) =
            if has_view { Some(Output::listen().map_err(failed)?).unzip() } else { (None, None) };
        let stderr = stderr();
        let said = pipe.as_ref().map_or(stderr.as_fd(), AsFd::as_fd);
        let credentials = user.map(Credentials::ids);
        let program = Program::hold_as_own(generator, &spec, (credentials, [input, said, said]));
        let program = program.map_err(|error| Failure::Failed(chain(&error)))?;
        drop(pipe);
        let number = i32::try_from(program.pid()).ok().and_then(Pid::from_raw);
        let end = number.map(|number| pidfd_open(number, PidfdFlags::empty())).transpose();
        let end = end.map_err(|errno| failed(errno.into()))?;
        let pid = Some(program.pid());
        let described = Described { kind: Kind::Command, words: words.join(" "), pid, with_children };
        Ok(Self { described, end, program: Some(program), output })
    }

    /// In words and numbers.
    pub(crate) fn described(&self) -> &Described {
        &self.described
    }

    /// Has the probe count its calls: those of a process that is there with what it has started already, unless that is not
    /// to count.
    pub(crate) fn include(&self, probe: &mut Probe) -> Result<(), Failure> {
        let Some(pid) = self.described.pid else { return Ok(()) };
        let mut known = BTreeSet::new();
        let mut found = BTreeSet::from([pid]);
        // What one of them starts from now on is followed by the probe; what it started just before shows up here.
        for _ in 0..ROUNDS {
            for new in found.difference(&known) {
                probe.include(*new).map_err(|error| Failure::failed(&error))?;
            }
            if found.len() == known.len()
                || self.described.kind != Kind::Process
                || !self.described.with_children
            {
                break;
            }
            known = std::mem::take(&mut found);
            found = family(&known);
        }
        Ok(())
    }

    /// Lets it run, if it is held.
    pub(crate) fn begin(&mut self) -> Result<(), Failure> {
        let begun = self.program.as_mut().map_or(Ok(()), Program::go);
        begun.map_err(|error| Failure::failed(&error))
    }

    /// Waits for its end, at most so long; whether it has ended.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let Some(end) = &self.end else {
            thread::sleep(limit);
            return false;
        };
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(limit.subsec_nanos()) };
        let mut events = [PollFd::new(end, PollFlags::IN)];
        matches!(poll(&mut events, Some(&limit)), Ok(1..))
    }

    /// How its program ended; none where there is none, or it runs on.
    pub(crate) fn status(&mut self) -> Option<String> {
        let program = self.program.as_mut()?;
        let has_ended = self.end.as_ref().is_some_and(|end| {
            let mut events = [PollFd::new(end, PollFlags::IN)];
            matches!(poll(&mut events, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
        });
        if !has_ended {
            return None;
        }
        program.wait(Instant::now() + NEWS).ok()?;
        program.ended().ok().flatten().map(|status| status.to_string())
    }

    /// Ends its program, if there is one, with all that it started; returns what was kept of its output.
    pub(crate) fn end(self) -> Option<String> {
        let Self { program, output, .. } = self;
        drop(program);
        output.map(Output::words)
    }
}

/// These processes with all that they have started, at any remove; this one and what it started are not among them.
fn family(of: &BTreeSet<u32>) -> BTreeSet<u32> {
    let own = std::process::id();
    let mut parents: BTreeMap<u32, u32> = BTreeMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        if let Ok(stat) = process.stat() {
            parents.insert(stat.pid.cast_unsigned(), stat.ppid.cast_unsigned());
        }
    }
    let mut family = of.clone();
    loop {
        let is_child =
            |(pid, parent): &(&u32, &u32)| **pid != own && family.contains(*parent) && !family.contains(*pid);
        let children: Vec<u32> = parents.iter().filter(is_child).map(|(pid, _)| *pid).collect();
        if children.is_empty() {
            return family;
        }
        family.extend(children);
    }
}

/// Who the user is, as programs ask their environment.
fn identity(user: Option<&Credentials>) -> BTreeMap<String, String> {
    let name = user.and_then(|user| user.name.clone());
    let names =
        name.iter().flat_map(|name| ["USER", "LOGNAME"].map(|variable| (variable.to_owned(), name.clone())));
    // sudo says where the user is at home, in recent versions.
    let home = user.and_then(|_| std::env::var("SUDO_HOME").ok());
    names.chain(home.map(|home| ("HOME".to_owned(), home))).collect()
}

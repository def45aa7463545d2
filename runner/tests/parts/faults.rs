//! What the tests of faults have in common: a runner at some moment of a run, and that nothing of it is left.

use super::{own_turn, text};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A scenario that would take long, whose load levels and plan follow.
pub(super) const LONG: &str = r#"schema = 1
name = "long"
[measure]
syscalls = ["getpid"]
warmup = "1ms"
window = "20ms"
[generators.caller]
workload = "getpid"
"#;

/// Many repetitions.
pub(super) const MANY: &str = "[plan]\nrepetitions = 5000\n";

/// A runner that executes the scenario in this folder, where its runs and its temporary files are, too.
pub(super) fn command(folder: &Path, scenario: &str, arguments: &[&str]) -> Command {
    fs::write(folder.join("scenario.toml"), scenario).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(folder).env_remove("RUNNER_RUNS_DIR");
    command.env("SYSCALL_LAB_TURN", own_turn()).env("TMPDIR", folder);
    command.args(["run", "scenario.toml"]).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("stderr")).unwrap());
    command
}

/// What it said on standard error.
pub(super) fn said(folder: &Path) -> String {
    text(&fs::read(folder.join("stderr")).unwrap())
}

/// Waits until something has come about, a minute at most.
pub(super) fn until(mut condition: impl FnMut() -> bool) -> bool {
    (0..6000).any(|_| {
        condition() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }
    })
}

/// The folders of the runs below `folder`.
pub(super) fn runs(folder: &Path) -> Vec<PathBuf> {
    let runs = folder.join("runs");
    store::run_ids(&runs).unwrap().into_iter().map(|id| runs.join(id)).collect()
}

/// How many trials of the only run are stored.
pub(super) fn stored(folder: &Path) -> usize {
    let parts = runs(folder).into_iter().flat_map(|run| fs::read_dir(run.join(".parts"))).flatten().flatten();
    parts.filter(|part| text(part.file_name().as_encoded_bytes()).starts_with("trial-")).count()
}

pub(super) fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// A process, told from a later one with the same number by its start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) pid: u32,
    start: u64,
    pub(super) name: String,
}

/// Living processes with their parents.
fn processes() -> Vec<(Process, u32)> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let process = |pid: u32| {
        let stat = text(&fs::read(format!("/proc/{pid}/stat")).ok()?);
        // The name is in parentheses and may hold anything.
        let (head, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let name = head.split_once('(')?.1.to_owned();
        let is_dead = matches!(fields[0], "Z" | "X" | "x");
        let process = Process { pid, start: fields[19].parse().ok()?, name };
        (!is_dead).then_some((process, fields[1].parse().ok()?))
    };
    pids.filter_map(process).collect()
}

/// The children of a process, theirs, and so on.
pub(super) fn descendants(ancestor: u32) -> BTreeSet<Process> {
    let all = processes();
    let mut family = BTreeSet::from([ancestor]);
    while all
        .iter()
        .fold(false, |grew, (it, parent)| (family.contains(parent) && family.insert(it.pid)) || grew)
    {}
    all.into_iter().map(|it| it.0).filter(|it| it.pid != ancestor && family.contains(&it.pid)).collect()
}

/// Whether one of the runner's descendants has a name that begins so.
pub(super) fn has_descendant(runner: u32, name: &str) -> bool {
    descendants(runner).iter().any(|it| it.name.starts_with(name))
}

/// Every process that has this folder on its command line, in its environment, or works in it.
fn at_work_in(folder: &Path) -> Vec<Process> {
    let marker = folder.as_os_str().as_encoded_bytes();
    let mentions = |path: String| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(marker.len()).any(|window| window == marker))
    };
    let is_it = |pid: u32| {
        mentions(format!("/proc/{pid}/cmdline"))
            || mentions(format!("/proc/{pid}/environ"))
            || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    processes().into_iter().map(|it| it.0).filter(|it| is_it(it.pid)).collect()
}

/// The folders of temporary files that runners have left.
pub(super) fn scratch_left(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let is_scratch = |it: &fs::DirEntry| text(it.file_name().as_encoded_bytes()).starts_with("syscall-lab-");
    entries.filter(is_scratch).map(|it| it.path()).collect()
}

/// The runner's family and whoever else works in its folder are gone, or are soon: the kernel delivers the death signal at
/// once, the table of processes follows, and the keeper clears up.
pub(super) fn assert_no_process(folder: &Path, family: &BTreeSet<Process>, what: &str) {
    let left = || {
        let all = processes();
        let mut left: Vec<Process> =
            all.into_iter().map(|it| it.0).filter(|it| family.contains(it)).collect();
        left.extend(at_work_in(folder));
        left
    };
    assert!(until(|| left().is_empty()), "{what} left {:?}", left());
}

/// The same, and no temporary files.
pub(super) fn assert_nothing_left(folder: &Path, family: &BTreeSet<Process>, what: &str) {
    assert_no_process(folder, family, what);
    assert!(until(|| scratch_left(folder).is_empty()), "{what} left {:?}", scratch_left(folder));
}

/// A runner that has come to some moment of its run.
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) family: BTreeSet<Process>,
}

/// Starts it and waits for the moment.
pub(super) fn begin(mut command: Command, folder: &Path, is_moment: impl Fn(u32) -> bool) -> Begun {
    let mut child = command.spawn().unwrap();
    let pid = child.id();
    let mut ended = None;
    let reached = until(|| {
        ended = child.try_wait().unwrap();
        ended.is_some() || is_moment(pid)
    });
    assert!(reached && ended.is_none(), "the moment did not come: {ended:?} {}", said(folder));
    Begun { family: descendants(pid), child }
}

impl Begun {
    /// Sends it signals, one right after the other, and collects it.
    pub(super) fn end(&mut self, signals: &[Signal]) -> ExitStatus {
        for signal in signals {
            if self.child.try_wait().unwrap().is_none() {
                send(self.child.id(), *signal);
            }
            // Two that come at once are one to whom they are sent.
            std::thread::sleep(Duration::from_millis(2));
        }
        self.family.extend(descendants(self.child.id()));
        self.child.wait().unwrap()
    }
}

/// Whether it ended by SIGKILL.
pub(super) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

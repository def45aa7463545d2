//! Signals at every moment of a run: INT, TERM and HUP end it with 130 and keep what is finished, a second INT ends it at
//! once, and whatever ends it, KILL included, nothing of it is left.

use super::faults::{
    LONG, MANY, assert_no_process, assert_nothing_left, begin, command, descendants, has_descendant, runs,
    said, scratch_left, send, stored, until, was_killed,
};
use super::{has_stress_ng, own_turn};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use store::{Run, State, read_manifest};

/// A moment: how to get there, and what is left of the run when a signal ended it then.
struct Moment<'a> {
    name: &'a str,
    scenario: String,
    arguments: &'a [&'a str],
    /// Whether the runner, of which the process number is told, is there.
    is_it: &'a dyn Fn(u32, &Path) -> bool,
    /// What becomes of the run; none where none has begun.
    state: Option<State>,
    adjust: &'a dyn Fn(&mut Command),
}

impl Default for Moment<'_> {
    fn default() -> Self {
        Self {
            name: "",
            scenario: format!("{LONG}{MANY}"),
            arguments: &["--probe", "user"],
            is_it: &|_, folder| stored(folder) >= 2,
            state: Some(State::Interrupted),
            adjust: &|_| {},
        }
    }
}

impl Moment<'_> {
    fn check(&self) {
        let int = Signal::INT;
        for signals in [&[int][..], &[Signal::TERM], &[Signal::HUP], &[int, int, int], &[Signal::KILL]] {
            let folder = tempfile::tempdir().unwrap();
            let mut command = command(folder.path(), &self.scenario, self.arguments);
            (self.adjust)(&mut command);
            let mut begun = begin(command, folder.path(), |pid| (self.is_it)(pid, folder.path()));
            let asked = Instant::now();
            let status = begun.end(signals);
            let what = format!("{signals:?} {}", self.name);
            eprintln!("{what}: {status} after {:?}", asked.elapsed());
            if signals == [Signal::KILL] {
                assert!(was_killed(status), "{what}: {status}");
            } else {
                assert_eq!(status.code(), Some(130), "{what}: {}", said(folder.path()));
            }
            assert_nothing_left(folder.path(), &begun.family, &what);
            if signals.len() == 1 && signals != [Signal::KILL] {
                self.assert_kept(folder.path(), &what);
            }
        }
    }

    /// What was finished when one signal ended the run can be read.
    fn assert_kept(&self, folder: &Path, what: &str) {
        let kept: Vec<Run> = runs(folder).iter().map(|run| Run::open(run).unwrap()).collect();
        let states: Vec<State> = kept.iter().map(|run| run.manifest.state).collect();
        assert_eq!(states, Vec::from_iter(self.state), "{what}");
        assert!(said(folder).contains("interrupted: "), "{what}: {}", said(folder));
        let drafts = fs::read_dir(folder.join("runs")).into_iter().flatten().flatten();
        let drafts: Vec<_> = drafts.filter(|it| it.file_name().as_encoded_bytes()[0] == b'.').collect();
        assert!(drafts.is_empty(), "{what}: {drafts:?}");
    }
}

#[test]
fn while_it_measures() {
    Moment { name: "while it measures", ..Moment::default() }.check();
}

#[test]
fn under_load_that_fills_memory() {
    if !has_stress_ng() {
        return;
    }
    let load = "ramp = \"200ms\"\n[load.high]\nvm = 2\nvm-bytes = \"256m\"\nvm-keep = true\ncpu = 4\n";
    let scenario = format!("{LONG}{MANY}{load}");
    Moment { name: "under load", scenario, ..Moment::default() }.check();
}

#[test]
fn while_the_load_settles() {
    if !has_stress_ng() {
        return;
    }
    // The first second of a ramp that has a minute.
    let scenario = format!("{LONG}{MANY}ramp = \"60s\"\n[load.busy]\ncpu = 2\n");
    // A stress-ng that is asked whether it takes the options, before the run, may have the name as well.
    let is_it = |pid: u32, folder: &Path| !runs(folder).is_empty() && has_descendant(pid, "stress-ng-cpu");
    Moment { name: "while the load settles", scenario, is_it: &is_it, ..Moment::default() }.check();
}

/// Programs that do not care for being asked to end, with children, and something to clear up after them.
#[test]
fn while_a_program_runs() {
    if !geteuid().is_root() {
        eprintln!("skipped: programs are seen by a probe only");
        return;
    }
    let program = r#"[generators.stubborn]
command = ["sh", "-c", "trap '' TERM; (while :; do sleep 0.01; done) & while :; do sleep 0.01; done"]
teardown = ["sh", "-c", "sleep 0.1"]
"#;
    let scenario = format!("{}{MANY}{program}", LONG.replace("window = \"20ms\"\n", ""))
        .replace("workload = \"getpid\"\n", "workload = \"getpid\"\noperations = 10\n");
    let is_it = |pid: u32, _: &Path| has_descendant(pid, "sleep");
    Moment { name: "while a program runs", scenario, arguments: &[], is_it: &is_it, ..Moment::default() }
        .check();
}

#[test]
fn while_it_calibrates() {
    if !geteuid().is_root() {
        eprintln!("skipped: there is nothing to calibrate without a probe");
        return;
    }
    let has_thread = |pid: u32| {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        threads.filter_map(|it| fs::read(it.path().join("comm")).ok()).any(|name| name == b"calibration\n")
    };
    let is_it = |pid: u32, _: &Path| has_thread(pid);
    let moment = Moment {
        name: "while it calibrates",
        arguments: &[],
        is_it: &is_it,
        state: None,
        ..Moment::default()
    };
    moment.check();
}

#[test]
fn while_it_waits_for_its_turn() {
    let turn = own_turn();
    let address = SocketAddr::from_abstract_name(format!("syscall-lab/{turn}")).unwrap();
    let _taken = UnixListener::bind_addr(&address).unwrap();
    let is_it = |_: u32, folder: &Path| said(folder).contains("waiting for the runner with process number");
    let adjust = |command: &mut Command| {
        command.env("SYSCALL_LAB_TURN", &turn);
    };
    let moment =
        Moment { name: "while it waits", is_it: &is_it, adjust: &adjust, state: None, ..Moment::default() };
    moment.check();
}

#[test]
fn while_the_report_is_drawn() {
    // A runner that is stopped takes as long as one wants; it is let go on once the signal is there.
    let is_it = |pid: u32, folder: &Path| {
        let is_complete =
            |run: &PathBuf| read_manifest(run).is_ok_and(|manifest| manifest.state == State::Complete);
        let Some(run) = runs(folder).pop().filter(is_complete) else { return false };
        send(pid, Signal::STOP);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            // It may be no more.
            let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::CONT);
        });
        assert!(!run.join("report/index.html").exists(), "it was drawn before anybody looked");
        true
    };
    let moment = Moment {
        name: "while the report is drawn",
        scenario: format!("{LONG}[plan]\nrepetitions = 30\n"),
        is_it: &is_it,
        state: Some(State::Complete),
        ..Moment::default()
    };
    moment.check();
}

#[test]
fn what_a_killed_runner_and_its_killed_keeper_leave_the_next_start_removes() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let load = "ramp = \"200ms\"\n[load.high]\nvm = 1\nvm-bytes = \"64m\"\n";
    let long = command(folder, &format!("{LONG}{MANY}{load}"), &["--probe", "user"]);
    let mut begun = begin(long, folder, |_| stored(folder) >= 1);
    let is_keeper = |pid: u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).nth(1) == Some(b"keep")
    };
    let keepers: Vec<u32> =
        descendants(begun.child.id()).into_iter().map(|it| it.pid).filter(|pid| is_keeper(*pid)).collect();
    assert_eq!(keepers.len(), 1);
    send(keepers[0], Signal::KILL);
    assert!(was_killed(begun.end(&[Signal::KILL])));
    assert_no_process(folder, &begun.family, "both killed");
    assert_eq!(scratch_left(folder).len(), 1);
    let next =
        command(folder, &format!("{LONG}[plan]\nrepetitions = 1\n"), &["--probe", "user"]).status().unwrap();
    assert_eq!(next.code(), Some(0), "{}", said(folder));
    assert!(until(|| scratch_left(folder).is_empty()));
}

//! Readers that are gone: the terminal closed, a pipe without its other end, a full disk behind standard output; and what
//! other commands say of a run that somebody executes.

use super::faults::{LONG, MANY, assert_nothing_left, begin, command, runs, said, stored, was_killed};
use super::{COUNTED, run, runner, text};
use rustix::process::Signal;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use store::{Run, State};

/// A pipe whose reader is gone.
fn broken_pipe() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

/// The verb in this folder with such streams.
fn with_streams(folder: &Path, verb: &[&str], stdout: Stdio, stderr: Stdio) -> ExitStatus {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(folder).env_remove("RUNNER_RUNS_DIR").args(verb);
    command
        .env("SYSCALL_LAB_TURN", super::own_turn())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .status()
        .unwrap()
}

const VERBS: [&[&str]; 12] = [
    &["list"],
    &["report", "latest"],
    &["report", "latest", "--format", "json"],
    &["diff", "latest", "latest"],
    &["verify", "latest"],
    &["resume", "latest"],
    &["plan", "scenario.toml"],
    &["check", "scenario.toml"],
    &["schema"],
    &["man"],
    &["completions", "bash"],
    &["--help"],
];

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_of_any_command() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    for verb in VERBS {
        let errors = File::create(folder.path().join("stderr")).unwrap();
        let status = with_streams(folder.path(), verb, broken_pipe(), errors.into());
        assert_eq!((status.code(), said(folder.path()).as_str()), (Some(0), ""), "{verb:?}");
    }
}

#[test]
fn a_run_goes_on_whatever_became_of_those_who_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("scenario.toml"), COUNTED).unwrap();
    let verb = ["run", "scenario.toml", "--probe", "user"];
    let assert_complete = |number: usize| {
        let kept = runs(folder);
        assert_eq!(kept.len(), number);
        let kept = Run::open(kept.last().unwrap()).unwrap();
        assert_eq!((kept.manifest.state, kept.trials.len()), (State::Complete, 4));
        assert!(kept.path.join("report/index.html").exists());
    };
    assert_eq!(with_streams(folder, &verb, broken_pipe(), broken_pipe()).code(), Some(0));
    assert_complete(1);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(
        with_streams(folder, &verb, Stdio::null(), full()).code(),
        Some(0),
        "progress is lost, figures are not"
    );
    assert_complete(2);
    let errors = File::create(folder.join("stderr")).unwrap();
    assert_eq!(
        with_streams(folder, &verb, full(), errors.into()).code(),
        Some(1),
        "the figures could not be printed"
    );
    assert!(
        said(folder).contains("cannot write to standard output: No space left on device"),
        "{}",
        said(folder)
    );
    assert_complete(3);
    // Both closed from the start.
    let mut closed = Command::new("sh");
    closed.args(["-c", "exec \"$0\" \"$@\" >&- 2>&-", env!("CARGO_BIN_EXE_runner")]).args(verb);
    let closed =
        closed.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", super::own_turn());
    assert_eq!(closed.status().unwrap().code(), Some(0));
    assert_complete(4);
}

/// Both ends of a terminal: its own, and that of the processes in it.
pub(super) fn terminal() -> (File, File) {
    let (mut outer, mut inner) = (0, 0);
    let nothing = std::ptr::null_mut();
    // SAFETY: both numbers are written to places of ours, and a terminal without a name or settings is asked for.
    let made =
        unsafe { libc::openpty(&raw mut outer, &raw mut inner, nothing, nothing.cast(), nothing.cast()) };
    assert_eq!(made, 0, "no terminal to be had");
    // SAFETY: the descriptors were made just now, and nobody else has them.
    let [outer, inner] = [outer, inner].map(|number| unsafe { OwnedFd::from_raw_fd(number) });
    // Else the runner would keep its own terminal open.
    rustix::io::fcntl_setfd(&outer, rustix::io::FdFlags::CLOEXEC).unwrap();
    (outer.into(), inner.into())
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outer, inner) = terminal();
    let runner = command(folder.path(), &format!("{LONG}{MANY}"), &["--probe", "user"]);
    // The runner leads a session of its own, whose terminal this is.
    let mut session = Command::new("setsid");
    session.arg("--ctty").arg(runner.get_program()).args(runner.get_args()).current_dir(folder.path());
    for (name, value) in runner.get_envs() {
        match value {
            Some(value) => session.env(name, value),
            None => session.env_remove(name),
        };
    }
    session.stdin(inner.try_clone().unwrap()).stdout(inner.try_clone().unwrap()).stderr(inner);
    let mut begun = begin(session, folder.path(), |_| stored(folder.path()) >= 3);
    let mut shown = vec![0; 65536];
    let read = outer.read(&mut shown).unwrap();
    assert!(text(&shown[..read]).contains("trials"), "{}", text(&shown[..read]));
    drop(outer);
    let status = begun.end(&[]);
    assert_eq!(status.code(), Some(130), "{status}");
    assert_nothing_left(folder.path(), &begun.family, "the closed terminal");
    let [kept] = &runs(folder.path())[..] else { panic!("{:?}", runs(folder.path())) };
    let kept = Run::open(kept).unwrap();
    assert_eq!(kept.manifest.state, State::Interrupted);
    assert!(kept.trials.len() >= 3);
}

/// What a verb says of the only run, and how it ends.
fn answer(folder: &Path, verb: &[&str]) -> (Option<i32>, String) {
    let output = runner().current_dir(folder).args(verb).output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_run_under_way_is_told_from_one_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let long = command(folder, &format!("{LONG}{MANY}"), &["--probe", "user"]);
    let mut begun = begin(long, folder, |_| stored(folder) >= 1);
    let (code, list) = answer(folder, &["list"]);
    assert!(code == Some(0) && list.contains("  under way  "), "{list}");
    let (code, report) = answer(folder, &["report", "latest", "--format", "markdown"]);
    assert!(code == Some(0) && report.contains("The run is under way: "), "{report}");
    assert!(answer(folder, &["verify", "latest"]).1.contains("under way, and intact so far"));
    let (code, refusal) = answer(folder, &["resume", "latest"]);
    let pid = begun.child.id();
    assert!(
        code == Some(1) && refusal.contains(&format!("is under way: the runner with process number {pid} ")),
        "{refusal}"
    );
    assert!(begun.child.try_wait().unwrap().is_none(), "the other runner is none the worse for it");
    assert!(was_killed(begun.end(&[Signal::KILL])));
    assert_nothing_left(folder, &begun.family, "KILL");
    let (_, list) = answer(folder, &["list"]);
    assert!(list.contains("  cut off  "), "{list}");
    let (_, report) = answer(folder, &["report", "latest", "--format", "markdown"]);
    assert!(report.contains("The run was cut off: "), "{report}");
    let before = Run::open(&runs(folder)[0]).unwrap().trials.len();
    // It can be resumed, and is under way again.
    let mut resume = Command::new(env!("CARGO_BIN_EXE_runner"));
    resume.current_dir(folder).env("TMPDIR", folder).env("SYSCALL_LAB_TURN", super::own_turn());
    resume.env_remove("RUNNER_RUNS_DIR").args(["resume", "latest", "--quiet"]).stdout(Stdio::null());
    resume.stderr(File::create(folder.join("stderr")).unwrap());
    let mut begun = begin(resume, folder, |_| stored(folder) > before);
    assert!(answer(folder, &["list"]).1.contains("  under way  "));
    assert_eq!(begun.end(&[Signal::INT]).code(), Some(130));
    assert!(answer(folder, &["list"]).1.contains("  interrupted  "));
    assert_eq!(answer(folder, &["verify", "latest"]).0, Some(0));
}

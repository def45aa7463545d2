//! Programs below the real supervisor, driven as the runner drives them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers as well")]

use generators::{Program, ProgramError, ProgramSpec};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a machine that is busy with everything else; reached only by a failure.
const DEADLINE: Duration = Duration::from_mins(1);

fn spec(folder: &TempDir, command: &[&str]) -> ProgramSpec {
    ProgramSpec {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        cwd: folder.path().to_owned(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        stdin: None,
        is_theirs: false,
    }
}

fn hold(spec: &ProgramSpec) -> Result<Program, ProgramError> {
    Program::hold(Path::new(env!("CARGO_BIN_EXE_generators")), spec, None)
}

fn run_to_end(spec: &ProgramSpec) -> Program {
    let mut program = hold(spec).unwrap();
    program.go().unwrap();
    assert!(program.wait(Instant::now() + DEADLINE).unwrap(), "it does not end");
    program
}

/// Waits until something holds.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_alive(pid: &str) -> bool {
    // A zombie has no program.
    fs::read_link(format!("/proc/{}/exe", pid.trim())).is_ok()
}

#[test]
fn nothing_of_it_runs_before_it_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = hold(&spec(&folder, &["touch", "made"])).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(!folder.path().join("made").exists());
    assert_eq!(program.ended().unwrap(), None);
    program.go().unwrap();
    assert!(program.wait(Instant::now() + DEADLINE).unwrap());
    program.check().unwrap();
    assert!(folder.path().join("made").exists());
}

#[test]
fn it_gets_its_arguments_environment_and_input() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in"), "from the file\n").unwrap();
    let script = r#"read -r line; printf '%s|%s|%s|%s' "$0" "$1" "$GREETING" "$line" >out; test -z "$HOME""#;
    let mut spec = spec(&folder, &["sh", "-c", script, "a b", "$PATH;c"]);
    spec.env.insert("GREETING".to_owned(), "good day".to_owned());
    spec.stdin = Some(PathBuf::from("in"));
    run_to_end(&spec).check().unwrap();
    let out = fs::read_to_string(folder.path().join("out")).unwrap();
    assert_eq!(out, "a b|$PATH;c|good day|from the file");
}

#[test]
fn a_failure_comes_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = run_to_end(&spec(&folder, &["sh", "-c", "echo it was me >&2; exit 3"]));
    let message = program.check().unwrap_err().to_string();
    assert_eq!(message, "`sh` ended with exit status: 3: it was me");
    let mut program = run_to_end(&spec(&folder, &["sh", "-c", "kill -SEGV $$"]));
    let message = program.check().unwrap_err().to_string();
    assert!(message.contains("signal: 11"), "{message}");
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |spec: &ProgramSpec| hold(spec).unwrap_err().to_string();
    let message = refusal(&spec(&folder, &["no-such-program"]));
    assert!(
        message.contains("`no-such-program` cannot be started") && message.contains("not installed"),
        "{message}"
    );
    fs::write(folder.path().join("plain"), "").unwrap();
    let message = refusal(&spec(&folder, &["./plain"]));
    assert!(message.contains("no program that may be executed"), "{message}");
    let mut missing = spec(&folder, &["true"]);
    missing.cwd = folder.path().join("nowhere");
    assert!(refusal(&missing).contains("cannot be entered"), "{}", refusal(&missing));
    let mut missing = spec(&folder, &["true"]);
    missing.stdin = Some(PathBuf::from("nowhere"));
    assert!(refusal(&missing).contains("as its input"), "{}", refusal(&missing));
}

/// A program that leaves a process in a session of its own, whose parent is gone and which hears no request to end.
const LEAVES_A_DAEMON: &str = "setsid sh -c 'trap \"\" TERM; echo $$ >daemon.new; mv daemon.new daemon; while :; do sleep 1; done' & exec sleep 60";

#[test]
fn whatever_it_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = hold(&spec(&folder, &["sh", "-c", LEAVES_A_DAEMON])).unwrap();
    program.go().unwrap();
    let path = folder.path().join("daemon");
    eventually("the daemon runs", || path.exists());
    let daemon = fs::read_to_string(&path).unwrap();
    assert!(is_alive(&daemon));
    let pid = program.pid().to_string();
    drop(program);
    assert!(!is_alive(&daemon) && !is_alive(&pid));
}

#[test]
fn it_ends_with_a_runner_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    // This program again, as a runner that never gets to its end.
    let mut runner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_program", "--ignored", "--nocapture"])
        .env("FOLDER", folder.path())
        .spawn()
        .unwrap();
    let path = folder.path().join("daemon");
    eventually("the daemon runs", || path.exists());
    let daemon = fs::read_to_string(&path).unwrap();
    runner.kill().unwrap();
    runner.wait().unwrap();
    eventually("the daemon ends", || !is_alive(&daemon));
}

#[test]
#[ignore = "the process that another test kills"]
fn hold_a_program() {
    let folder = std::env::var_os("FOLDER").unwrap();
    let spec = ProgramSpec {
        command: ["sh", "-c", LEAVES_A_DAEMON].map(str::to_owned).to_vec(),
        cwd: folder.into(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        stdin: None,
        is_theirs: false,
    };
    let mut program = hold(&spec).unwrap();
    program.go().unwrap();
    program.wait(Instant::now() + DEADLINE).unwrap();
}

//! Blocks that are added to a run that is complete.

use super::{COUNTED, latest, own_turn, run, runner, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use store::{Run, State};

/// A complete run of COUNTED, four trials.
fn begun(folder: &Path) -> Run {
    assert!(run(folder, COUNTED, &["--probe", "user"]).status.success());
    latest(folder)
}

fn append(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = runner();
    command.current_dir(folder).args(["run", "scenario.toml", "--append", "latest", "--quiet"]);
    command.args(arguments).output().unwrap()
}

fn assert_verified(path: &Path) {
    let verified = runner().arg("verify").arg(path).output().unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stdout));
}

#[test]
fn blocks_are_added_as_if_there_had_always_been_more() {
    let folder = tempfile::tempdir().unwrap();
    let before = begun(folder.path());
    let output = append(folder.path(), &["--repetitions", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let after = latest(folder.path());
    assert_eq!(after.manifest.id, before.manifest.id);
    assert_eq!((after.manifest.state, after.trials.len()), (State::Complete, 10));
    assert_eq!(after.trials[..4], before.trials, "what was there is as it was");
    assert!(after.trials.iter().all(|trial| !trial.boot.is_empty()));
    let plan = &after.manifest.plan;
    assert_eq!((plan.repetitions, plan.trials), (5, 10));
    let [extension] = &after.manifest.extensions[..] else { panic!("{:?}", after.manifest.extensions) };
    assert_eq!((extension.first_block, extension.repetitions), (2, 3));
    assert_eq!(extension.boot, after.trials[4].boot);
    assert_verified(&after.path);

    let other = tempfile::tempdir().unwrap();
    assert!(run(other.path(), COUNTED, &["--probe", "user", "--repetitions", "5"]).status.success());
    let order = |run: &Run| run.trials.iter().map(|it| (it.block, it.factors.clone())).collect::<Vec<_>>();
    assert_eq!(order(&after), order(&latest(other.path())));

    // As many as the scenario says, and once more.
    assert!(append(folder.path(), &[]).status.success());
    let after = latest(folder.path());
    assert_eq!((after.trials.len(), after.manifest.extensions.len()), (14, 2));
    assert_verified(&after.path);
    let page = runner().current_dir(&folder).args(["report", "latest"]).output().unwrap();
    assert!(text(&page.stdout).contains("14 of 14 trials ok"), "{}", text(&page.stdout));
}

#[test]
fn what_is_not_the_same_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let before = begun(folder.path());
    for (arguments, words) in [
        (&["--set", "generators.waker.operations=10"][..], "`--set generators.waker.operations=10`"),
        (&["--probe", "raw_tracepoint"], "its probe is user"),
        (&["--repetitions", "60000"], "plan.repetitions"),
        (&["--repetitions", "0"], "plan.repetitions"),
    ] {
        let output = append(folder.path(), arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    fs::write(folder.path().join("scenario.toml"), format!("{COUNTED}# a word\n")).unwrap();
    let output = append(folder.path(), &[]);
    assert!(text(&output.stderr).contains("its scenario has another text"), "{output:?}");
    for other in ["--label", "--against", "--seed"] {
        assert_eq!(append(folder.path(), &[other, "1"]).status.code(), Some(2), "{other}");
    }
    assert_eq!(latest(folder.path()).manifest, before.manifest, "nothing of it has changed");
}

#[test]
fn a_run_of_another_kernel_takes_no_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = begun(folder.path());
    other.manifest.environment.kernel_release = "2.6.32".to_owned();
    let path = super::cut_down(&other, &folder.path().join("other"), 4, Some(State::Complete));
    let mut command = runner();
    command.current_dir(&folder).args(["run", "scenario.toml", "--force", "--append"]).arg(&path);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("the kernel was 2.6.32") && message.contains("begin another run"), "{message}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A runner that adds blocks, killed after so long.
fn killed(folder: &Path, path: &Path, after: Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", own_turn());
    command.args(["run", "scenario.toml", "--quiet", "--append"]).arg(path);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let _ = child.kill();
    child.wait().unwrap();
}

/// Whenever it is killed, the figures that were there can be read, and `resume` or another attempt finishes.
#[test]
fn nothing_that_was_there_is_lost_whenever_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let before = begun(folder.path());
    let place = |n: u64| -> PathBuf { folder.path().join(n.to_string()).join(&before.manifest.id) };
    let mut states = Vec::new();
    for n in (10..).step_by(80) {
        let path = place(n);
        copy(&before.path, &path);
        killed(folder.path(), &path, Duration::from_millis(n));
        let left = Run::open(&path).unwrap();
        assert_eq!(left.trials[..4], before.trials, "killed after {n} ms");
        states.push((left.manifest.state, left.trials.len()));
        let resumed = runner().args(["resume", "--quiet"]).arg(&path).output().unwrap();
        assert!(resumed.status.success(), "killed after {n} ms: {}", text(&resumed.stderr));
        let after = Run::open(&path).unwrap();
        assert_eq!(after.trials[..4], before.trials, "killed after {n} ms");
        assert_eq!(after.trials.len(), after.manifest.plan.trials as usize);
        assert_verified(&path);
        if states.last() == Some(&(State::Complete, 8)) {
            break;
        }
    }
    // Before, within and behind.
    for state in [(State::Complete, 4), (State::Complete, 8)] {
        assert!(states.contains(&state), "{states:?}");
    }
    assert!(states.iter().any(|(state, _)| *state == State::Running), "{states:?}");
}

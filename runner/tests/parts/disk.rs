//! A disk that is full or cannot be written to, at every stage of a run: a small file system of the test's own.

use super::faults::{LONG, command, runs, said};
use super::{COUNTED, runner, text};
use rustix::process::geteuid;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use store::{Run, State, Status, TrialRecord};

/// A file system in memory, gone with the value.
pub(super) struct Mount(PathBuf);

impl Mount {
    /// None, with a word, for whoever may not mount.
    pub(super) fn new(path: PathBuf, options: &str) -> Option<Self> {
        if !geteuid().is_root() {
            eprintln!("skipped: only root may mount");
            return None;
        }
        fs::create_dir_all(&path).unwrap();
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &path);
        Some(Self(path))
    }

    fn change(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }

    fn bytes_used(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.0).unwrap();
        (found.f_blocks - found.f_bfree) * found.f_frsize
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) {
    assert!(Command::new("mount").args(arguments).arg(path).status().unwrap().success(), "{arguments:?}");
}

/// A scenario of few, short trials.
fn short() -> String {
    COUNTED.replace("operations = 1000", "operations = 20").replace("operations = 500", "operations = 10")
}

fn executed(folder: &Path) -> Output {
    let mut command = command(folder, &short(), &["--probe", "user"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).output().unwrap()
}

/// Another verb on the run.
fn asked(run: &Path, verb: &[&str]) -> Output {
    let mut runner = runner();
    runner.args(verb).arg(run).output().unwrap()
}

/// What a message is about: the last part of the path that it names first, made general.
fn stage_of(message: &str) -> String {
    let path = message.split("cannot write ").nth(1).unwrap_or_else(|| panic!("names no file: {message}"));
    let path = path.split(": ").next().unwrap();
    let name = path.rsplit('/').next().unwrap();
    let is_draft = path.contains("Z-counted-") && path.contains("/.2");
    match name {
        _ if path.contains("/report") => "report".to_owned(),
        _ if is_draft => "creation".to_owned(),
        "latest" => "creation".to_owned(),
        _ if name.starts_with("trial-") => "a trial".to_owned(),
        _ if name.starts_with("load-") => "a load".to_owned(),
        _ if name.ends_with(".parquet") => "a table".to_owned(),
        _ => name.to_owned(),
    }
}

/// The trials of the only run in the folder; none where there is no run.
fn kept(folder: &Path) -> Option<Run> {
    runs(folder).pop().map(|run| Run::open(&run).unwrap())
}

/// The run, of which this is left, is gone on with once there is room, and has everything that it had.
fn assert_is_gone_on_with(mount: &Mount, before: &Run, stage: &str) {
    let list = runner().args(["list", "--runs-dir"]).arg(&mount.0).output().unwrap();
    let word = match before.manifest.state {
        State::Running => "cut off",
        State::Aborted => "aborted",
        _ => "complete",
    };
    assert!(text(&list.stdout).contains(word), "{stage}: {list:?}");
    mount.change("size=64m");
    let report = asked(&before.path, &["report"]);
    assert_eq!(report.status.code(), Some(0), "{stage}: {}", text(&report.stderr));
    let resume = asked(&before.path, &["resume", "--quiet"]);
    assert_eq!(resume.status.code(), Some(0), "{stage}: {}", text(&resume.stderr));
    let after = Run::open(&before.path).unwrap();
    assert_eq!((after.manifest.state, after.trials.len()), (State::Complete, 4), "{stage}");
    assert_eq!(after.trials[..before.trials.len()], before.trials, "{stage}");
    let verify = asked(&before.path, &["verify"]);
    assert_eq!(verify.status.code(), Some(0), "{stage}: {}", text(&verify.stdout));
}

/// Disks a page larger each time: every step of a run is the one that finds no room.
#[test]
fn a_full_disk_is_told_at_every_stage_and_costs_nothing_that_was_finished() {
    const PAGE: u64 = 4096;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(mount) = Mount::new(folder.join("runs"), "size=64m") else { return };
    // What a run with its report takes in the end.
    assert_eq!(executed(folder).status.code(), Some(0));
    let whole = mount.bytes_used() / PAGE;
    drop(mount);
    let mut stages = BTreeSet::new();
    let (mut pages, mut most) = (1, 0);
    loop {
        let mount = Mount::new(folder.join("runs"), &format!("size={}", pages * PAGE)).unwrap();
        let output = executed(folder);
        let message = text(&output.stderr);
        if output.status.success() {
            assert_eq!(kept(folder).unwrap().manifest.state, State::Complete);
            break;
        }
        assert_eq!(output.status.code(), Some(1), "{pages} pages: {message}");
        assert!(message.contains("No space left on device (os error 28); make room there"), "{message}");
        let stage = stage_of(&message);
        let Some(run) = kept(folder) else {
            assert_eq!(stage, "creation", "{message}");
            assert_eq!(fs::read_dir(&mount.0).unwrap().count(), 0, "{pages} pages left something: {message}");
            stages.insert(stage);
            pages += 1;
            continue;
        };
        // With more room a run comes at least as far; trials before the one without room are there.
        assert!(run.trials.len() >= most, "{pages} pages: {} after {most}", run.trials.len());
        most = run.trials.len();
        assert!(run.trials.iter().all(|trial| trial.status == Status::Ok));
        let remedy = if stage == "report" { "`runner report " } else { "`runner resume " };
        assert!(
            message.contains(remedy) && message.contains(run.path.file_name().unwrap().to_str().unwrap())
        );
        let is_new = stages.insert(stage.clone());
        if is_new {
            assert_is_gone_on_with(&mount, &run, &stage);
        }
        // Nearly all that is written in the end are the report's pictures.
        pages = if stage == "report" && !is_new { whole.max(pages) * 2 } else { pages + 1 };
    }
    let all = ["a load", "a table", "a trial", "creation", "manifest.json", "report"];
    assert_eq!(stages.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn without_room_for_temporary_files_trials_fail_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scenario = LONG.replace("workload = \"getpid\"", "workload = \"read\"\nsize = \"64KiB\"");
    let scenario = scenario.replace("getpid", "read") + "[plan]\nrepetitions = 2\n";
    // The folder itself is the first; then the runner's, the trial's, the generator's file.
    let Some(mount) = Mount::new(folder.join("tmp"), "nr_inodes=2") else { return };
    let run = || {
        let mut command = command(folder, &scenario, &["--probe", "user", "--quiet"]);
        command.env("TMPDIR", &mount.0).status().unwrap().code()
    };
    mount.change("nr_inodes=1");
    assert_eq!(run(), Some(1));
    let message = said(folder);
    let place = mount.0.to_str().unwrap();
    assert!(message.contains(place) && message.contains("TMPDIR names another place"), "{message}");
    assert!(message.contains("make room there"), "{message}");
    assert_eq!(runs(folder), [""; 0].map(PathBuf::from));
    for inodes in [2, 3, 4] {
        mount.change(&format!("nr_inodes={inodes}"));
        fs::remove_dir_all(folder.join("runs")).unwrap_or_default();
        let code = run();
        let trials: Vec<TrialRecord> = kept(folder).unwrap().trials;
        let reasons: Vec<_> = trials.iter().filter_map(|trial| trial.reason.clone()).collect();
        if inodes < 4 {
            assert_eq!((code, reasons.len()), (Some(3), 2), "{inodes}: {}", said(folder));
            assert!(reasons.iter().all(|it| it.contains("No space left on device")), "{reasons:?}");
        } else {
            assert_eq!((code, reasons), (Some(0), vec![]), "{inodes}: {}", said(folder));
        }
        assert_eq!(fs::read_dir(&mount.0).unwrap().count(), 0, "{inodes}");
    }
    // Room for the files, and none for what is in them.
    mount.change("nr_inodes=100,size=4096");
    assert_eq!(run(), Some(3), "{}", said(folder));
    let reason = kept(folder).unwrap().trials[0].reason.clone().unwrap();
    assert!(reason.contains("No space left on device"), "{reason}");
}

#[test]
fn a_folder_for_runs_that_is_none_or_cannot_be_written_is_told_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refused = |reason: &str| {
        let output = executed(folder);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("runs") && message.contains(reason), "{message}");
        assert!(message.contains("--runs-dir or RUNNER_RUNS_DIR"), "{message}");
        assert!(!message.contains("trial 1/"), "{message}");
    };
    fs::write(folder.join("runs"), "").unwrap();
    refused("it is no folder");
    fs::remove_file(folder.join("runs")).unwrap();
    symlink("nowhere", folder.join("runs")).unwrap();
    refused("it is a link to what is not there");
    assert!(!folder.join("nowhere").exists());
    fs::remove_file(folder.join("runs")).unwrap();
    let Some(mount) = Mount::new(folder.join("runs"), "size=1m,ro") else { return };
    refused("Read-only file system (os error 30)");
    drop(mount);
    // Across a link, on another file system than that of the temporary files.
    fs::remove_dir(folder.join("runs")).unwrap();
    let elsewhere = Mount::new(folder.join("elsewhere"), "size=64m").unwrap();
    symlink("elsewhere", folder.join("runs")).unwrap();
    assert_eq!(executed(folder).status.code(), Some(0));
    let run = kept(folder).unwrap();
    assert_eq!((run.manifest.state, run.trials.len()), (State::Complete, 4));
    assert!(
        fs::canonicalize(&run.path).unwrap().starts_with(fs::canonicalize(folder.join("elsewhere")).unwrap())
    );
    // A disk that became read-only costs reading nothing.
    elsewhere.change("ro");
    for verb in [&["verify"][..], &["report", "--format", "markdown"]] {
        assert_eq!(asked(&run.path, verb).status.code(), Some(0), "{verb:?}");
    }
    let report = asked(&run.path, &["report"]);
    assert_eq!(report.status.code(), Some(1));
    assert!(
        text(&report.stdout).contains("munmap") && text(&report.stderr).contains("Read-only file system")
    );
}

/// Two runs in alternation: neither is there without the other, and both are gone on with once there is room.
#[test]
fn a_full_disk_costs_neither_of_two_runs_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut stages = BTreeSet::new();
    for pages in (1..).step_by(4) {
        let Some(mount) = Mount::new(folder.join("runs"), &format!("size={}", pages * 4096)) else { return };
        let mut command = command(folder, &short(), &["--probe", "user", "--against-set", "plan.ramp=1s"]);
        let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
        let message = text(&output.stderr);
        let stage = if output.status.success() { "none".to_owned() } else { stage_of(&message) };
        if stage == "creation" {
            assert_eq!(fs::read_dir(&mount.0).unwrap().count(), 0, "{pages} pages left something: {message}");
        } else if stages.insert(stage.clone()) {
            let before: [Run; 2] = runs(folder)
                .iter()
                .map(|run| Run::open(run).unwrap())
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            mount.change("size=64m");
            let resume = asked(&before[0].path, &["resume", "--quiet"]);
            assert_eq!(resume.status.code(), Some(0), "{stage}: {}", text(&resume.stderr));
            for before in before {
                let after = Run::open(&before.path).unwrap();
                assert_eq!((after.manifest.state, after.trials.len()), (State::Complete, 4), "{stage}");
                assert_eq!(after.trials[..before.trials.len()], before.trials, "{stage}");
                let verify = asked(&before.path, &["verify"]);
                assert_eq!(verify.status.code(), Some(0), "{stage}: {}", text(&verify.stdout));
            }
        }
        // What is written behind the tables is the reports.
        if stage == "report" || stage == "none" {
            break;
        }
    }
    assert!(["a trial", "a table"].iter().all(|stage| stages.contains(*stage)), "{stages:?}");
}

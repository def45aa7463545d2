//! The machine's clock set back while a run is under way, and CPUs that are not there.

use super::faults::{LONG, begin, command, said, stored, until};
use super::{COUNTED, latest, run, runner, text};
use chrono::TimeDelta;
use std::fs;
use std::path::{Path, PathBuf};
use store::{Manifest, RunWriter, State, Status};

/// Everything that a report says of the run, but for its manifest, which says when it was.
fn figures(run: &Path) -> serde_json::Value {
    let output = runner().args(["report", "--format", "json"]).arg(run).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told.as_object_mut().unwrap().remove("manifest").is_some());
    assert!(!told["cells"].as_array().unwrap().is_empty());
    told
}

/// Times of day say when something was and are computed with nowhere: a run whose clock went backwards at every trial has
/// the figures that it has otherwise.
#[test]
fn a_clock_that_is_set_back_changes_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let whole = latest(folder.path());
    let mut back = whole.clone();
    for (trial, hours) in back.trials.iter_mut().zip(1..) {
        trial.started_at -= TimeDelta::hours(hours);
    }
    let manifest = Manifest { state: State::Running, ended_at: None, ..back.manifest.clone() };
    let manifest = Manifest { started_at: manifest.started_at + TimeDelta::days(2), ..manifest };
    let manifest = Manifest { checksums: std::collections::BTreeMap::new(), ..manifest };
    let scenario = whole.scenario().unwrap();
    let mut writer = RunWriter::create(&folder.path().join("back"), manifest, &scenario, None).unwrap();
    back.trials.iter().for_each(|trial| writer.append_trial(trial).unwrap());
    writer.append_load(&back.load).unwrap();
    let path = writer.finish(State::Complete).unwrap();
    back = store::Run::open(&path).unwrap();
    assert!(back.manifest.ended_at.unwrap() < back.manifest.started_at, "it ended before it began");
    assert_eq!(figures(&path), figures(&whole.path));
    for verb in ["verify", "report", "resume"] {
        let output = runner().arg(verb).arg(&path).output().unwrap();
        assert!(output.status.success(), "{verb}: {}", text(&output.stderr));
    }
}

#[test]
fn a_cpu_that_is_not_there_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    // To the kernel a CPU that is offline and one that was never there are the same.
    let pinned = LONG.to_owned() + "pin = 1000\n[plan]\nrepetitions = 1\n";
    let output = run(folder.path(), &pinned, &["--probe", "user"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let trial = latest(folder.path()).trials.remove(0);
    let reason = trial.reason.unwrap();
    assert_eq!(trial.status, Status::Failed);
    assert!(
        reason.contains("thread 1 cannot be pinned to CPU 1000: it is not online, or not one"),
        "{reason}"
    );
    assert!(reason.contains("/sys/devices/system/cpu/online"), "{reason}");
    let set = LONG.to_owned() + "[plan]\nrepetitions = 1\n[machine]\ncpus = { generators = \"1000\" }\n";
    let output = run(folder.path(), &set, &["--probe", "user"]);
    let told = "cpus is not generators on 1000 as asked: the runner may not run on CPU 1000";
    assert!(output.status.success() && text(&output.stderr).contains(told), "{}", text(&output.stderr));
    let required = format!("{set}required = [\"cpus\"]\n");
    let output = run(folder.path(), &required, &["--probe", "user"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

/// A CPU that is offline, and online again when this is dropped.
struct Offline(PathBuf);

impl Offline {
    fn take() -> Self {
        let cpus = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
        let last = cpus.trim().rsplit([',', '-']).next().unwrap();
        let switch = PathBuf::from(format!("/sys/devices/system/cpu/cpu{last}/online"));
        fs::write(&switch, "0").unwrap_or_else(|error| panic!("no CPU can be taken offline here: {error}"));
        Self(switch)
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        fs::write(&self.0, "1").unwrap();
    }
}

/// Counts are kept for each CPU: those of one that is gone are read as well.
#[test]
#[ignore = "takes a CPU from everybody on the machine for some seconds; for root, by hand"]
fn a_cpu_that_goes_offline_within_a_run_costs_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scenario = LONG.replace("window = \"20ms\"\n", "")
        + "threads = 2\noperations = 1000000\n[plan]\nrepetitions = 8\n";
    let run = command(folder, &scenario, &["--quiet"]);
    let mut begun = begin(run, folder, |_| stored(folder) >= 2);
    let offline = Offline::take();
    assert!(until(|| stored(folder) >= 5 || begun.child.try_wait().unwrap().is_some()));
    drop(offline);
    assert_eq!(begun.child.wait().unwrap().code(), Some(0), "{}", said(folder));
    let kept = latest(folder);
    assert_ne!(kept.manifest.probe.backend, "user");
    for trial in &kept.trials {
        assert_eq!(trial.reason, None);
        let counts: Vec<u64> = trial.measures.iter().map(|it| it.ok.count).collect();
        assert_eq!(counts, [1_000_000, 1_000_000], "as probe and callers count them");
        assert!(trial.measures.iter().filter_map(|it| it.ledger).all(|it| it.lost == 0 && it.censored == 0));
    }
}

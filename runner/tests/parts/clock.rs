//! The machine's clock set back while a run is under way, and CPUs that are not there.

use super::faults::LONG;
use super::{COUNTED, latest, run, runner, text};
use chrono::TimeDelta;
use std::path::Path;
use store::{Manifest, RunWriter, State, Status};

/// The run's figures: its report without what says when it was, and which run.
fn figures(run: &Path, id: &str, started_at: &str) -> String {
    let output = runner().args(["report", "--format", "json"]).arg(run).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let all = text(&output.stdout);
    assert!(all.contains(id));
    let told = |line: &&str| !line.contains(id) && !line.contains("started_at") && !line.contains("ended_at");
    all.lines().filter(told).filter(|line| !line.contains(started_at)).collect::<Vec<_>>().join("\n")
}

/// Times of day say when something was and are computed with nowhere: a run whose clock went backwards at every trial has
/// the figures that it has otherwise.
#[test]
fn a_clock_that_is_set_back_changes_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let whole = latest(folder.path());
    let day = |run: &store::Run| run.manifest.started_at.format("%Y-%m-%d").to_string();
    let before = figures(&whole.path, &whole.manifest.id, &day(&whole));
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
    assert_eq!(figures(&path, &back.manifest.id, &day(&back)), before);
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
    assert!(reason.contains("thread 1 cannot be pinned to CPU 1000: it is not online, or not one"), "{reason}");
    assert!(reason.contains("/sys/devices/system/cpu/online"), "{reason}");
    let set = LONG.to_owned() + "[plan]\nrepetitions = 1\n[machine]\ncpus = { generators = \"1000\" }\n";
    let output = run(folder.path(), &set, &["--probe", "user"]);
    let told = "cpus is not generators on 1000 as asked: the runner may not run on CPU 1000";
    assert!(output.status.success() && text(&output.stderr).contains(told), "{}", text(&output.stderr));
    let required = format!("{set}required = [\"cpus\"]\n");
    let output = run(folder.path(), &required, &["--probe", "user"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

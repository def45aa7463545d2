//! Two runs in alternation.

use super::faults::{begin, command, runs, send, stored};
use super::{COUNTED, has_stress_ng, latest, runner, text};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use store::{Role, Run, State, Status};

/// Executes COUNTED against itself with this changed, without a probe.
fn against(folder: &Path, scenario: &str, arguments: &[&str]) -> Output {
    fs::write(folder.join("scenario.toml"), scenario).unwrap();
    let mut command = runner();
    command.current_dir(folder).args(["run", "scenario.toml", "--probe", "user", "--quiet"]);
    command.args(arguments).output().unwrap()
}

const LARGER: [&str; 2] = ["--against-set", "generators.mapper.size=128KiB"];

/// Baseline and candidate.
fn both(folder: &Path) -> [Run; 2] {
    let runs: Vec<Run> = runs(folder).iter().map(|run| Run::open(run).unwrap()).collect();
    runs.try_into().unwrap()
}

/// Both are whole, each in itself, and each block of one came right beside the other's.
fn assert_alternated(folder: &Path, blocks: u32) {
    let pair = both(folder);
    for (run, (other, role)) in pair.iter().zip([(&pair[1], Role::Baseline), (&pair[0], Role::Candidate)]) {
        assert_eq!(run.manifest.state, State::Complete);
        assert_eq!(run.trials.len(), blocks as usize * 2);
        let against = run.manifest.against.as_ref().unwrap();
        assert_eq!((&against.run, against.role), (&other.manifest.id, role));
        let verified = runner().arg("verify").arg(&run.path).output().unwrap();
        assert!(verified.status.success(), "{}", text(&verified.stdout));
    }
    let mut order: Vec<_> = pair
        .iter()
        .zip(["A", "B"])
        .flat_map(|(run, name)| {
            run.trials.iter().map(move |it| (it.started_at, format!("{name}{}", it.block)))
        })
        .collect();
    order.sort();
    let mut order: Vec<String> = order.into_iter().map(|(_, block)| block).collect();
    order.dedup();
    for (number, turns) in order.chunks(2).enumerate() {
        let mut turns = turns.to_vec();
        turns.sort();
        assert_eq!(turns, [format!("A{number}"), format!("B{number}")]);
    }
    assert_eq!(order.len(), blocks as usize * 2);
    let cells = |run: &Run| run.trials.iter().map(|it| it.factors.clone()).collect::<Vec<_>>();
    assert_eq!(cells(&pair[0]), cells(&pair[1]), "within a block both have the same order");
}

#[test]
fn a_scenario_and_the_same_with_a_change_are_executed_in_alternation() {
    let folder = tempfile::tempdir().unwrap();
    let output = against(folder.path(), COUNTED, &[&LARGER[..], &["--label", "sizes", "--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_alternated(folder.path(), 2);
    assert!(
        text(&output.stderr).contains("2 pairs cannot show any change between the two"),
        "{}",
        text(&output.stderr)
    );
    let pair = both(folder.path());
    assert_eq!(latest(folder.path()).manifest.id, pair[1].manifest.id, "latest is the candidate");
    assert!(pair.iter().all(|run| run.manifest.label.as_deref() == Some("sizes")));
    assert_eq!(pair[0].manifest.scenario.overrides, [""; 0]);
    assert_eq!(pair[1].manifest.scenario.overrides, ["generators.mapper.size=128KiB"]);
    assert!(pair.iter().all(|run| run.trials.iter().all(|trial| trial.status == Status::Ok)));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["format"], &document["version"]), (&"syscall_lab.pair".into(), &1.into()));
    for (role, run) in ["baseline", "candidate"].into_iter().zip(&pair) {
        assert_eq!(document[role]["id"], run.manifest.id.as_str());
        let page = document[role]["report"].as_str().unwrap();
        assert!(folder.path().join(page).is_file());
    }
    assert!(document["comparison"].is_object(), "{document}");
}

#[test]
fn two_scenarios_say_what_they_show_and_take_a_dozen_blocks_where_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let unsaid = COUNTED.replace("repetitions = 2", "");
    fs::write(folder.path().join("other.toml"), unsaid.replace("counted", "other")).unwrap();
    fs::write(folder.path().join("scenario.toml"), &unsaid).unwrap();
    let mut command = runner();
    command.current_dir(&folder).args(["run", "scenario.toml", "--probe", "user", "--against", "other.toml"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_alternated(folder.path(), 12);
    let names = both(folder.path()).map(|run| run.manifest.scenario.name);
    assert_eq!(names, ["counted", "other"]);
    let [base, candidate] = both(folder.path());
    let printed = text(&output.stdout);
    let diff = runner().arg("diff").args([&base.path, &candidate.path]).output().unwrap();
    assert!(printed.contains(text(&diff.stdout).trim()), "{printed}");
    assert_eq!(printed.lines().filter(|line| line.starts_with("report: ")).count(), 2, "{printed}");
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    for (change, words) in [
        ("factors.threads=[1, 2]", "threads (1, 2)"),
        ("measure.syscalls=[\"mmap\", \"munmap\"]", "futex"),
        ("plan.repetitions=3", "`--repetitions N` sets both"),
        ("plan.order=sequential", "order is random_blocks"),
        ("plan.until={ max_repetitions = 20 }", "each block needs its partner"),
        ("machine.aslr=false", "`[machine]`"),
        ("generators.mapper.size=nonsense", "--against-set"),
    ] {
        let output = against(folder.path(), COUNTED, &["--against-set", change]);
        let complaints = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{change}: {complaints}");
        assert!(complaints.contains(words), "{change}: {complaints}");
        assert!(!folder.path().join("runs").exists(), "{change}");
    }
}

/// What only the probe sees in one of the runs has no partner in the other's callers.
#[test]
fn a_call_that_one_of_them_leaves_to_a_program_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let candidate = COUNTED.replace("workload = \"futex\"\noperations = 500\n", "command = [\"true\"]\n");
    assert_ne!(candidate, COUNTED);
    fs::write(folder.path().join("candidate.toml"), candidate).unwrap();
    let output = against(folder.path(), COUNTED, &["--against", "candidate.toml"]);
    let complaints = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaints}");
    let told = "a generator of the baseline calls futex and times it, and none of the candidate does";
    assert!(complaints.contains(told), "{complaints}");
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn the_plan_of_two_runs_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, COUNTED).unwrap();
    let plan = |more: &[&str]| {
        let output = runner().arg("plan").arg(&file).args(LARGER).args(more).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(plan(&[]).starts_with("baseline counted, candidate counted, in alternation"), "{}", plan(&[]));
    let document: serde_json::Value = serde_json::from_str(&plan(&["--json"])).unwrap();
    let blocks: Vec<_> = document["blocks"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        blocks,
        [r#"["baseline",0]"#, r#"["candidate",0]"#, r#"["baseline",1]"#, r#"["candidate",1]"#],
        "as the seed draws it, which is 1"
    );
    assert_eq!(document["baseline"]["trials"], document["candidate"]["trials"]);
}

/// A runner that executes two runs in alternation and was ended by this signal after so many trials of both.
fn cut_off(folder: &Path, signal: Signal) -> [PathBuf; 2] {
    let scenario = COUNTED.replace("repetitions = 2", "repetitions = 8");
    let arguments = [&["--probe", "user", "--quiet"], &LARGER[..]].concat();
    let command = command(folder, &scenario, &arguments);
    let mut begun = begin(command, folder, |_| stored(folder) >= 9);
    begun.end(&[signal]);
    runs(folder).try_into().unwrap()
}

#[test]
fn both_are_gone_on_with_by_either_after_whatever_ended_them() {
    for (signal, which) in [(Signal::KILL, 0), (Signal::KILL, 1), (Signal::INT, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let pair = cut_off(folder.path(), signal);
        let before: Vec<Run> = pair.iter().map(|run| Run::open(run).unwrap()).collect();
        assert!(before.iter().all(|run| run.manifest.state != State::Complete), "{signal:?}");
        let output = runner().args(["resume", "--quiet"]).arg(&pair[which]).output().unwrap();
        assert!(output.status.success(), "{signal:?}: {}", text(&output.stderr));
        assert_alternated(folder.path(), 8);
        for (before, after) in before.iter().zip(both(folder.path())) {
            assert_eq!(before.trials, after.trials[..before.trials.len()], "{signal:?}");
        }
        let again = runner().arg("resume").arg(&pair[which]).output().unwrap();
        assert!(text(&again.stdout).contains("are complete: there is nothing left"), "{again:?}");
    }
}

#[test]
fn one_without_the_other_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let [base, candidate] = cut_off(folder.path(), Signal::KILL);
    fs::rename(&candidate, folder.path().join("away")).unwrap();
    let output = runner().arg("resume").arg(&base).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("its blocks have no partners"), "{}", text(&output.stderr));
    assert_eq!(Run::open(&base).unwrap().manifest.state, State::Running);
}

#[test]
fn both_are_under_way_while_they_are_executed() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scenario = COUNTED.replace("repetitions = 2", "repetitions = 5000");
    let scenario = format!("{scenario}[load.none]\n[load.busy]\ncpu = 1\n");
    let arguments = [&["--probe", "user", "--quiet"], &LARGER[..]].concat();
    let command = command(folder.path(), &scenario, &arguments);
    let mut begun = begin(command, folder.path(), |_| stored(folder.path()) >= 1);
    for run in runs(folder.path()) {
        let refused = runner().arg("resume").arg(&run).output().unwrap();
        assert!(text(&refused.stderr).contains("is under way"), "{refused:?}");
    }
    send(begun.child.id(), Signal::TERM);
    assert_eq!(begun.end(&[]).code(), Some(130));
    assert!(both(folder.path()).iter().all(|run| run.manifest.state == State::Interrupted));
}

//! Parts of a plan, and one run of several.

use super::disk::Mount;
use super::faults::{runs, until};
use super::{COUNTED, latest, own_turn, run, runner, text};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use store::{MACHINE, Manifest, Run, RunWriter, State, Status, TrialRecord};

const FOUR: [&str; 4] = ["--probe", "user", "--repetitions", "4"];

/// Executes one part of COUNTED, four blocks of two cells.
fn part(folder: &Path, shard: &str, arguments: &[&str]) -> Run {
    let output = run(folder, COUNTED, &[&FOUR[..], &["--shard", shard], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    latest(folder)
}

fn merge(folder: &Path, parts: &[&Path]) -> Output {
    let mut command = runner();
    command
        .current_dir(folder)
        .arg("merge")
        .args(parts)
        .args(["--quiet", "--label", "whole"])
        .output()
        .unwrap()
}

/// The merged run, which `verify` finds nothing in. The parts are named as by `*`, which takes in the link `latest`.
fn merged(folder: &Path, parts: &[&Run]) -> Run {
    let link = folder.join("runs/latest");
    let is_part = |run: &&&Run| run.path.canonicalize().unwrap() == link.canonicalize().unwrap();
    let named =
        parts.iter().map(|run| run.path.as_path()).chain(parts.iter().find(is_part).map(|_| link.as_path()));
    let output = merge(folder, &named.collect::<Vec<_>>());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("report: "), "{}", text(&output.stdout));
    let run = latest(folder);
    assert_verified(&run.path);
    let said = text(&output.stderr);
    assert!(run.manifest.warnings.iter().all(|it| said.contains(&format!("warning: {it}\n"))), "{said}");
    run
}

fn assert_verified(path: &Path) {
    let verified = runner().arg("verify").arg(path).output().unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stdout));
}

/// Where each trial stands, and of which cell it is.
fn order(run: &Run) -> Vec<([u32; 4], BTreeMap<String, String>)> {
    let place = |it: &TrialRecord| ([it.trial, it.block, it.position, it.repetition], it.factors.clone());
    run.trials.iter().map(place).collect()
}

/// The run as if it had been executed on another machine, and with another change.
fn elsewhere(run: &Run, host: &str, change: impl Fn(&mut Manifest, &mut Vec<TrialRecord>)) -> Run {
    let mut manifest = Manifest { state: State::Running, ended_at: None, ..run.manifest.clone() };
    manifest.checksums.clear();
    manifest.id = format!("{}-on-{host}", manifest.id);
    host.clone_into(&mut manifest.environment.host);
    let mut trials = run.trials.clone();
    for trial in &mut trials {
        trial.boot = format!("boot of {host}");
    }
    change(&mut manifest, &mut trials);
    let runs = run.path.parent().unwrap();
    let mut writer = RunWriter::create(runs, manifest, &run.scenario().unwrap(), None).unwrap();
    for trial in &trials {
        writer.append_trial(trial).unwrap();
    }
    Run::open(&writer.finish_at(State::Complete, run.manifest.ended_at).unwrap()).unwrap()
}

fn unchanged(_: &mut Manifest, _: &mut Vec<TrialRecord>) {}

#[test]
fn parts_make_the_run_that_would_have_been_executed_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run(folder, COUNTED, &FOUR).status.success());
    let whole = latest(folder);
    for by in ["block", "cell"] {
        let parts = ["2/2", "1/2"].map(|shard| part(folder, shard, &["--shard-by", by]));
        assert!(parts.iter().all(|part| part.trials.len() == 4 && part.manifest.plan.trials == 4), "{by}");
        for part in &parts {
            assert_verified(&part.path);
        }
        let merged = merged(folder, &[&parts[0], &parts[1]]);
        assert_eq!(order(&merged), order(&whole), "{by}");
        assert_eq!((merged.manifest.state, &merged.manifest.plan), (State::Complete, &whole.manifest.plan));
        assert_eq!(merged.manifest.scenario, whole.manifest.scenario);
        assert_eq!(merged.manifest.label.as_deref(), Some("whole"));
        let made = merged.manifest.merged.unwrap();
        assert_eq!((made.factor.as_deref(), made.machines().len()), (None, 1));
        let of: Vec<_> =
            made.parts.iter().map(|part| (part.run.as_str(), part.seal.clone(), part.trials)).collect();
        let expected =
            [&parts[1], &parts[0]].map(|it| (it.manifest.id.as_str(), it.manifest.seal.clone(), 4));
        assert_eq!(of, expected, "{by}");
        let mut trials: Vec<&TrialRecord> = parts.iter().flat_map(|part| &part.trials).collect();
        trials.sort_by_key(|trial| trial.trial);
        assert!(trials.into_iter().eq(&merged.trials), "every trial as it was");
    }
    let report = runner().arg("report").current_dir(folder).output().unwrap();
    let said = text(&report.stdout);
    assert!(said.contains("This run was made of the 2 parts of one plan, executed on "), "{said}");
    let history = runner().args(["report", "--scenario", "counted"]).current_dir(folder).output().unwrap();
    let (told, noted) = (text(&history.stdout), text(&history.stderr));
    assert!(told.contains(", 3 runs, "), "the whole and both merged: {told}");
    assert!(noted.contains("note: 4 parts of plans are left out"), "{noted}");
}

#[test]
fn a_part_is_planned_resumed_and_told_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = part(folder, "2/3", &[]);
    assert_eq!(whole.trials.iter().map(|it| (it.trial, it.block)).collect::<Vec<_>>(), [(2, 1), (3, 1)]);
    let plan = runner()
        .current_dir(folder)
        .args(["plan", "scenario.toml", "--repetitions", "4", "--shard", "2/3"])
        .output()
        .unwrap();
    let plan = text(&plan.stdout);
    assert!(plan.contains("shard 2 of 3, whole blocks: 2 trials\n"), "{plan}");
    let rows = plan.lines().skip_while(|line| !line.starts_with("trial  block")).skip(1);
    let rows = rows.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    assert_eq!(rows.collect::<Vec<_>>(), [["3", "2"], ["4", "2"]], "{plan}");
    let cut = super::cut_down(&whole, &folder.join("cut"), 1, None);
    let resumed = runner().args(["resume", "--quiet"]).arg(&cut).output().unwrap();
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    let resumed = Run::open(&cut).unwrap();
    assert_eq!((order(&resumed), resumed.manifest.state), (order(&whole), State::Complete));
    assert_eq!(resumed.trials[0], whole.trials[0]);
    assert_verified(&cut);
    let report = runner().arg("report").arg(&whole.path).output().unwrap();
    assert!(
        text(&report.stdout).contains("This is part 2/3 of its plan, in whole blocks"),
        "{}",
        text(&report.stdout)
    );
}

#[test]
fn whole_runs_of_several_machines_have_the_machine_as_a_factor() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run(folder, COUNTED, &["--probe", "user"]).status.success());
    let here = latest(folder);
    let other = elsewhere(&here, "b", |_, trials| {
        trials[1].doubt("a test says so");
    });
    let mut third = elsewhere(&here, "b", |manifest, trials| {
        manifest.id.push_str("-again");
        for trial in trials {
            "another machine of that name".clone_into(&mut trial.boot);
        }
    });
    let merge = |parts: &[&Run]| merge(folder, &parts.iter().map(|it| it.path.as_path()).collect::<Vec<_>>());
    let output = merge(&[&here, &other, &third]);
    assert_eq!(output.status.code(), Some(3), "a trial is invalid: {}", text(&output.stderr));
    let all = latest(folder);
    assert_verified(&all.path);
    let host = &here.manifest.environment.host;
    let levels: Vec<&str> =
        all.manifest.scenario.factors[0].levels.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(
        (all.manifest.scenario.factors[0].name.as_str(), levels),
        (MACHINE, vec![host.as_str(), "b-1", "b-2"])
    );
    let plan = &all.manifest.plan;
    assert_eq!((plan.cells, plan.repetitions, plan.trials, all.trials.len()), (6, 2, 12, 12));
    assert_eq!(all.trials.iter().filter(|trial| trial.status == Status::Invalid).count(), 1);
    for (level, run) in [host.as_str(), "b-1", "b-2"].into_iter().zip([&here, &other, &mut third]) {
        let mut own: Vec<TrialRecord> = all.trials.clone();
        own.retain(|trial| trial.factors[MACHINE] == level);
        assert!(own.iter().map(|it| &it.measures).eq(run.trials.iter().map(|it| &it.measures)), "{level}");
        assert!(own.iter().map(|it| it.block).eq(run.trials.iter().map(|it| it.block)), "{level}");
    }
    // Each block has every cell once, machine by machine.
    let block: Vec<&str> = all.trials[..6].iter().map(|trial| trial.factors[MACHINE].as_str()).collect();
    assert_eq!(block, [host, host, "b-1", "b-1", "b-2", "b-2"]);
    let csv = runner().args(["export", "--format", "csv"]).arg(&all.path).output().unwrap();
    assert!(text(&csv.stdout).lines().next().unwrap().contains("factor_machine"));
    let report = runner().arg("report").args(["--format", "json"]).arg(&all.path).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(document["fleet"]["factor"], "machine");
    assert_eq!(document["fleet"]["rows"].as_array().unwrap().len(), 3 * 2 * 3, "machines × cells × targets");
    let by = |metric: &str, run: &Path| {
        let mut command = runner();
        command.args(["report", "--format", "json", "--metric", metric]).arg(run).output().unwrap()
    };
    let document: serde_json::Value = serde_json::from_slice(&by("p90", &all.path).stdout).unwrap();
    assert_eq!(document["fleet"]["metric"], "p90");
    for (metric, run, words) in [
        ("p5", &all.path, "--metric: `p5` is no metric; one of mean, p50, p90, p99, p999, max is"),
        ("p90", &here.path, "was not merged of whole runs of several"),
    ] {
        let output = by(metric, run);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    // The fleet is compared with itself cell by cell.
    let diff = runner().arg("diff").args([&all.path, &all.path]).output().unwrap();
    assert!(text(&diff.stdout).contains("The unit is the repetition"), "{}", text(&diff.stdout));
    refused_beside_its_part(&all, &here);
}

/// The same trials would be on both sides.
fn refused_beside_its_part(whole: &Run, part: &Run) {
    let diff = runner().arg("diff").args([&whole.path, &part.path]).output().unwrap();
    let said = text(&diff.stderr);
    assert!(diff.status.code() == Some(2) && said.contains("is on both sides"), "{said}");
}

#[test]
fn of_one_machine_the_kernel_becomes_the_factor() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run(folder, COUNTED, &["--probe", "user"]).status.success());
    let old = latest(folder);
    let host = old.manifest.environment.host.clone();
    // The day before: a machine has one boot at a time.
    let new = elsewhere(&old, &host, |manifest, trials| {
        manifest.environment.kernel_release = "7.0.0".to_owned();
        let days = chrono::TimeDelta::days(1);
        manifest.started_at -= days;
        for trial in trials {
            trial.started_at -= days;
        }
    });
    let both = merged(folder, &[&old, &new]);
    let factor = &both.manifest.scenario.factors[0];
    let levels: Vec<&str> = factor.levels.iter().map(|level| level.label.as_str()).collect();
    assert_eq!(
        (factor.name.as_str(), levels),
        ("kernel", vec![old.manifest.environment.kernel_release.as_str(), "7.0.0"])
    );
    assert_eq!(both.manifest.environment.kernel_release, "varies");
}

#[test]
fn cells_on_different_machines_are_warned_of_and_blocks_are_resampled_by_machine() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (by, warned) in [("cell", true), ("block", false)] {
        let first = part(folder, "1/2", &["--shard-by", by]);
        let second = elsewhere(&part(folder, "2/2", &["--shard-by", by]), "b", unchanged);
        let both = merged(folder, &[&first, &second]);
        let is_told =
            both.manifest.warnings.iter().any(|it| it.contains("cells were executed on different machines"));
        assert_eq!(is_told, warned, "{by}: {:?}", both.manifest.warnings);
        let report = runner().arg("report").arg(&both.path).output().unwrap();
        let said = text(&report.stdout).replace('\n', " ");
        assert_eq!(said.contains("none of them is judged"), warned, "{said}");
        assert_eq!(said.contains("Intervals are over machines, not over repetitions"), !warned, "{said}");
        let diff = runner().arg("diff").args([&both.path, &both.path]).output().unwrap();
        assert_eq!(text(&diff.stdout).contains("The unit is the machine"), !warned, "{}", text(&diff.stdout));
    }
}

/// What is said of each refusal, which ends with 2 and writes nothing.
struct Refusals<'a> {
    folder: &'a Path,
    /// Names that are others on each machine and each time, with what stands for them.
    names: Vec<(String, &'static str)>,
    told: String,
}

impl<'a> Refusals<'a> {
    fn of(folder: &'a Path, known: &Run) -> Self {
        let names = vec![
            (known.manifest.environment.kernel_release.clone(), "<kernel>"),
            (known.manifest.environment.runner_version.clone(), "<version>"),
        ];
        Self { folder, names, told: String::new() }
    }

    fn name(&mut self, run: &Run, place: &'static str) {
        self.names.push((run.path.display().to_string(), place));
        self.names.push((run.manifest.id.clone(), place));
        self.names.push((run.manifest.scenario.hash.clone(), "<hash>"));
    }

    fn refused(&mut self, what: &str, parts: &[&Run]) {
        let runs = self.folder.join("runs");
        let before = store::run_ids(&runs).unwrap();
        let output = merge(self.folder, &parts.iter().map(|it| it.path.as_path()).collect::<Vec<_>>());
        let mut said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{what}: {said}");
        assert_eq!((store::run_ids(&runs).unwrap(), drafts(self.folder).len()), (before, 0), "{what}");
        for (part, place) in parts.iter().zip(["<1>", "<2>", "<3>", "<4>"]) {
            self.name(part, place);
        }
        // What is part of another goes after it, and what came last counts.
        let mut names = self.names.clone();
        names.reverse();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, place) in &names {
            said = said.replace(name, place);
        }
        let _ = write!(self.told, "{what}:\n  {said}");
    }
}

#[test]
fn parts_of_different_plans_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/3", "2/3"].map(|shard| part(folder, shard, &[]));
    let mut refusals = Refusals::of(folder, &one);
    let again = part(folder, "2/3", &[]);
    refusals.refused("a part missing", &[&one]);
    refusals.refused("a part twice", &[&one, &two, &again]);
    let copy = folder.join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(&two.path).unwrap().flatten().filter(|file| file.path().is_file()) {
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    refusals.refused("the same run in two folders", &[&one, &two, &Run::open(&copy).unwrap()]);
    let of_two = part(folder, "2/2", &[]);
    refusals.refused("parts of another number", &[&one, &of_two]);
    refusals.refused("parts of another kind", &[&of_two, &part(folder, "2/2", &["--shard-by", "cell"])]);
    refusals.refused("another seed", &[&one, &two, &part(folder, "3/3", &["--seed", "7"])]);
    let replaced = part(folder, "3/3", &["--set", "measure.warmup=6ms"]);
    refusals.refused("something replaced", &[&one, &two, &replaced]);
    let other = COUNTED.replace("counted", "other");
    assert!(run(folder, &other, &[&FOUR[..], &["--shard", "3/3"]].concat()).status.success());
    refusals.refused("another scenario", &[&one, &two, &latest(folder)]);
    assert!(
        run(folder, &format!("{COUNTED}# a word\n"), &[&FOUR[..], &["--shard", "3/3"]].concat())
            .status
            .success()
    );
    refusals.refused("another text", &[&one, &two, &latest(folder)]);
    assert!(run(folder, COUNTED, &FOUR).status.success());
    let whole = latest(folder);
    refusals.refused("a part and a whole", &[&one, &whole]);
    insta::assert_snapshot!(refusals.told);
    let diff = runner().arg("diff").args([&whole.path, &one.path]).output().unwrap();
    let said = text(&diff.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("The candidate is part 1/3 of its plan") && !said.contains("The baseline is part"),
        "{said}"
    );
}

/// Word for word, but for the scenario's name.
#[test]
fn the_remedy_for_a_part_that_is_missing_makes_one_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let one = part(folder, "1/2", &["--seed", "5", "--set", "measure.warmup=6ms", "--shard-by", "cell"]);
    let refused = text(&merge(folder, &[&one.path]).stderr);
    let command = refused.split('`').nth(1).unwrap().replace("SCENARIO", "scenario.toml");
    let words: Vec<&str> = command.strip_prefix("runner run ").unwrap().split(' ').skip(1).collect();
    let output = run(folder, COUNTED, &words);
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    assert_eq!(merged(folder, &[&one, &latest(folder)]).trials.len(), 8);
}

#[test]
fn parts_that_are_not_whole_or_not_alike_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    let mut refusals = Refusals::of(folder, &one);
    let cut = Run::open(&super::cut_down(&two, &folder.join("cut"), 1, None)).unwrap();
    refusals.refused("cut off", &[&one, &cut]);
    let interrupted = super::cut_down(&two, &folder.join("interrupted"), 1, Some(State::Interrupted));
    refusals.refused("interrupted", &[&one, &Run::open(&interrupted).unwrap()]);
    let other = elsewhere(&two, "other-kernel", |manifest, _| {
        "7.0".clone_into(&mut manifest.environment.kernel_release);
    });
    refusals.refused("another kernel", &[&one, &other]);
    let other = elsewhere(&two, "other-runner", |manifest, _| {
        "9".clone_into(&mut manifest.environment.runner_version);
    });
    refusals.refused("another runner", &[&one, &other]);
    let other = elsewhere(&two, "other-backend", |manifest, _| {
        "fentry".clone_into(&mut manifest.probe.backend);
    });
    refusals.refused("another backend", &[&one, &other]);
    let harmed = elsewhere(&two, "harmed", unchanged);
    fs::write(harmed.path.join("load.parquet"), "PAR1").unwrap();
    refusals.refused("harmed", &[&one, &harmed]);
    insta::assert_snapshot!(refusals.told);
}

#[test]
fn whole_runs_that_nothing_tells_apart_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    assert!(run(folder, COUNTED, &FOUR).status.success());
    let whole = latest(folder);
    let mut refusals = Refusals::of(folder, &whole);
    refusals.name(&one, "<one>");
    refusals.name(&two, "<two>");
    refusals.refused("whole and alone", &[&whole]);
    let b = elsewhere(&whole, "other", unchanged);
    let again = elsewhere(&whole, "other", |manifest, _| manifest.id.push_str("-again"));
    refusals.refused("two of one machine", &[&whole, &b, &again]);
    refusals.refused("two of one kernel", &[&b, &again]);
    let pair = elsewhere(&whole, "pair", |manifest, _| {
        manifest.against = Some(store::Against { run: "another".to_owned(), role: store::Role::Baseline });
    });
    refusals.refused("of a pair", &[&whole, &pair]);
    let both = merged(folder, &[&one, &two]);
    refusals.refused("merged already", &[&both, &whole]);
    insta::assert_snapshot!(refusals.told);
}

#[test]
fn parts_that_make_no_sense_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("scenario.toml"), COUNTED).unwrap();
    let refused = |arguments: &[&str]| {
        let mut command = runner();
        let output =
            command.current_dir(folder).args(["run", "scenario.toml"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!folder.join("runs").exists());
        format!("{}:\n  {}", arguments.join(" "), text(&output.stderr))
    };
    let until = "plan.until={ max_repetitions = 20 }";
    insta::assert_snapshot!(
        [
            refused(&["--shard", "3/3"]),
            refused(&["--shard", "3/3", "--shard-by", "cell"]),
            refused(&["--shard", "1/2", "--against-set", "plan.ramp=1s"]),
            refused(&["--shard", "1/2", "--append", "latest"]),
            refused(&["--shard", "1/2", "--set", until]),
            refused(&["--shard", "0/2"]),
            refused(&["--shard-by", "cell"]),
        ]
        .concat()
    );
}

#[test]
fn neither_a_part_nor_a_merged_run_takes_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    let both = merged(folder, &[&one, &two]);
    for (run, words) in [(&one, "it is part 1/2 of a plan"), (&both, "it was made of the parts of a plan")] {
        let mut command = runner();
        command.current_dir(folder).args(["run", "scenario.toml", "--append"]).arg(&run.path);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    let resumed = runner().arg("resume").arg(&both.path).output().unwrap();
    assert!(resumed.status.success() && text(&resumed.stdout).contains("nothing left to execute"));
}

#[test]
fn a_list_says_which_part_a_run_is_and_of_what_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = |arguments: &[&str]| -> Vec<String> {
        let output = runner().current_dir(folder).arg("list").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect()
    };
    let two = part(folder, "2/2", &[]);
    let backend_alone = list(&[]);
    assert!(backend_alone[0].ends_with("user            shard 2/2"), "{backend_alone:?}");
    let one = part(folder, "1/2", &[]);
    merged(folder, &[&one, &two]);
    assert!(run(folder, COUNTED, &[&FOUR[..], &["--label", "alone"]].concat()).status.success());
    let whole = latest(folder);
    let other = elsewhere(&whole, "b", unchanged);
    merged(folder, &[&whole, &other]);
    // By time, then by kind: whole runs, shards by number, merged ones.
    let kinds = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split_once("user  ").unwrap().1.trim().to_owned()).collect()
    };
    let (of_plan, of_machines) = ("merged of 2    whole", "of 2 machines  whole");
    let all = kinds(list(&[]));
    assert_eq!(all.len(), 6, "{all:?}");
    assert_eq!([&all[0], &all[1], &all[2]], ["shard 2/2", "shard 1/2", of_plan]);
    let sorted = kinds(list(&["--sort", "kind"]));
    assert_eq!(sorted[2..4], ["shard 1/2", "shard 2/2"]);
    assert_eq!((sorted[0].as_str(), sorted[4].as_str(), sorted[5].as_str()), ("alone", of_plan, of_machines));
    for (kind, count) in [("whole", 2), ("shard", 2), ("merged", 2)] {
        assert_eq!(list(&["--kind", kind]).len(), count, "{kind}");
    }
    let document: serde_json::Value =
        serde_json::from_str(&list(&["--json", "--kind", "shard"]).join("\n")).unwrap();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["kind"], &runs[0]["run"]["shard"]["number"]), (&"shard".into(), &2.into()));
    assert!(runs[0]["run"]["merged"].is_null());
    let document: serde_json::Value =
        serde_json::from_str(&list(&["--json", "--kind", "merged"]).join("\n")).unwrap();
    let made: Vec<_> = document["runs"].as_array().unwrap().iter().map(|it| &it["run"]["merged"]).collect();
    assert_eq!(made[0], &serde_json::json!({ "parts": 2, "factor": null }));
    assert_eq!(made[1], &serde_json::json!({ "parts": 2, "factor": "machine" }));
}

/// What is changed in a run.
type Change<'a> = &'a dyn Fn(&mut Manifest, &mut Vec<TrialRecord>);

/// Whatever is changed in a merged run, its own words about where it comes from included.
#[test]
fn what_was_changed_in_a_merged_run_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = part(folder, "1/2", &[]);
    let second = elsewhere(&part(folder, "2/2", &[]), "b", unchanged);
    let both = merged(folder, &[&first, &second]);
    let manifest = fs::read_to_string(both.path.join("manifest.json")).unwrap();
    let seal = first.manifest.seal.clone().unwrap();
    fs::write(both.path.join("manifest.json"), manifest.replace(&seal, &"0".repeat(64))).unwrap();
    let verified = runner().arg("verify").arg(&both.path).output().unwrap();
    assert_eq!(verified.status.code(), Some(1));
    assert!(text(&verified.stdout).contains("its seal is broken"), "{}", text(&verified.stdout));
    // Whoever seals anew has to make up what fits together.
    let changes: [(Change<'_>, &str); 3] = [
        (&|_, trials| trials.swap(0, 1), "is not the one that scenario and seed have at its place"),
        (&|manifest, _| manifest.merged.as_mut().unwrap().parts[1].trials = 3, "had 7 trials, and it has 8"),
        (
            &|manifest, _| manifest.merged.as_mut().unwrap().parts[1].boots.clear(),
            "in a boot of none of its parts",
        ),
    ];
    for (number, (change, words)) in changes.into_iter().enumerate() {
        let forged = elsewhere(&both, "z", |manifest, trials| {
            manifest.id.push_str(&number.to_string());
            trials.clone_from(&both.trials);
            change(manifest, trials);
            (0..).zip(trials.iter_mut()).for_each(|(number, trial)| trial.trial = number);
        });
        let verified = runner().arg("verify").arg(&forged.path).output().unwrap();
        assert!(text(&verified.stdout).contains(words), "{words}: {}", text(&verified.stdout));
    }
}

fn drafts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("runs")).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().ends_with(".merging")).collect()
}

/// A merge that was killed leaves either the run or nothing that counts, and the next one clears up.
#[test]
fn a_merge_that_is_killed_leaves_a_run_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    let (mut was_none, mut was_all) = (false, false);
    for after in (0..).step_by(40) {
        let before = runs(folder).len();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", own_turn());
        command.arg("merge").args([&one.path, &two.path]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        let _ = child.kill();
        child.wait().unwrap();
        let kept = runs(folder);
        was_none |= kept.len() == before;
        for path in &kept[before..] {
            assert_verified(path);
            assert_eq!(Run::open(path).unwrap().trials.len(), 8);
            was_all = true;
        }
        let list = runner().current_dir(folder).arg("list").output().unwrap();
        assert!(!text(&list.stdout).contains("cut off"), "{}", text(&list.stdout));
        if was_all {
            break;
        }
    }
    assert!(was_none, "it was killed before it was done");
    assert!(until(|| merge(folder, &[&one.path, &two.path]).status.success()));
    assert_eq!(drafts(folder), [""; 0].map(PathBuf::from));
}

/// Disks a little larger each time: every step of a merge is the one that finds no room.
#[test]
fn a_full_disk_leaves_nothing_of_a_merge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    let mut failed = 0;
    for pages in (1..).step_by(3) {
        let Some(mount) = Mount::new(folder.join("full"), &format!("size={}", pages * 4096)) else { return };
        let mut command = runner();
        command
            .current_dir(folder)
            .args(["merge", "--quiet", "--runs-dir", "full"])
            .args([&one.path, &two.path]);
        let output = command.output().unwrap();
        let message = text(&output.stderr);
        if output.status.success() || message.contains("the run is kept") {
            break;
        }
        failed += 1;
        assert_eq!(output.status.code(), Some(1), "{pages} pages: {message}");
        assert!(message.contains("No space left on device (os error 28); make room there"), "{message}");
        assert_eq!(fs::read_dir(folder.join("full")).unwrap().count(), 0, "{pages} pages left something");
        drop(mount);
    }
    assert!(failed > 3, "{failed}");
    assert_verified(&one.path);
}

#[test]
fn a_signal_to_a_merge_leaves_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = ["1/2", "2/2"].map(|shard| part(folder, shard, &[]));
    // More trials, so that there is time for it.
    let mut codes = Vec::new();
    for after in (0..).step_by(25) {
        let before = runs(folder).len();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", own_turn());
        command.arg("merge").args([&one.path, &two.path]).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        super::faults::send(child.id(), rustix::process::Signal::INT);
        let output = child.wait_with_output().unwrap();
        let kept = runs(folder);
        if output.status.code() == Some(130) {
            codes.push(kept.len() - before);
            assert_eq!(drafts(folder), [""; 0].map(PathBuf::from), "after {after} ms");
        }
        kept[before..].iter().for_each(|path| assert_verified(path));
        if kept.len() > before {
            break;
        }
    }
    assert!(codes.contains(&0), "it was interrupted before it was done: {codes:?}");
}

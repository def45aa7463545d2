//! Many runs: found again, and a figure over them.

use super::{COUNTED, cut_down, latest, run, runner, text};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use store::{Manifest, Run, State};

/// Runs like a kept one, of other days, kernels and labels; one that was cut off, and something that is no run.
fn many(folder: &Path) {
    assert!(run(folder, COUNTED, &["--probe", "user"]).status.success());
    let kept = latest(folder);
    for (day, (kernel, label, scenario)) in
        (1..).zip([("6.1.5", "old", "counted"), ("6.12.1", "new", "counted"), ("6.12.2", "new", "other")])
    {
        let mut manifest = kept.manifest.clone();
        manifest.id = format!("2020-01-0{day}T000000Z-{scenario}-aaaa");
        manifest.started_at = format!("2020-01-0{day}T00:00:00Z").parse().unwrap();
        manifest.environment.kernel_release = kernel.into();
        manifest.label = Some(label.into());
        manifest.scenario.name = scenario.into();
        let other = Run { manifest: Manifest { ..manifest }, ..kept.clone() };
        cut_down(&other, &folder.join("runs"), 4, Some(State::Complete));
    }
    let mut manifest = kept.manifest.clone();
    manifest.id = "2020-01-09T000000Z-counted-aaaa".into();
    cut_down(&Run { manifest, ..kept }, &folder.join("runs"), 1, None);
    fs::create_dir(folder.join("runs/2020-01-10T000000Z-counted-aaaa")).unwrap();
    fs::write(folder.join("runs/2020-01-10T000000Z-counted-aaaa/manifest.json"), "{}").unwrap();
}

fn asked(folder: &Path, arguments: &[&str]) -> String {
    let output = runner().current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The days of January 2020 of the runs that are listed, in their order; 0 for the one of today.
fn days(folder: &Path, arguments: &[&str]) -> Vec<u32> {
    let listed = asked(folder, &[&["list"], arguments].concat());
    let day = |line: &str| line.strip_prefix("2020-01-").map_or(0, |rest| rest[..2].parse().unwrap());
    listed.lines().filter(|line| line.starts_with("20")).map(day).collect()
}

#[test]
fn runs_are_chosen_sorted_and_listed_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    many(folder);
    // With the index or without, and when it is there already.
    for index in [&["--no-index"][..], &[], &[]] {
        let days = |arguments: &[&str]| days(folder, &[arguments, index].concat());
        assert_eq!(days(&[]), [1, 2, 3, 9, 10, 0]);
        assert_eq!(days(&["--scenario", "other"]), [3]);
        assert_eq!(days(&["--label", "new"]), [2, 3]);
        assert_eq!(days(&["--kernel", "6.12"]), [2, 3]);
        assert_eq!(days(&["--kernel", "6.1."]), [1]);
        assert_eq!(days(&["--state", "cut-off"]), [9]);
        assert_eq!(days(&["--state", "complete", "--scenario", "counted"]), [1, 2, 0]);
        assert_eq!(days(&["--since", "2020-01-02", "--label", "new"]), [2, 3]);
        assert_eq!(days(&["--since", "1w", "--state", "complete"]), [0]);
        assert_eq!(days(&["--state", "complete", "--sort", "scenario"]), [1, 2, 0, 3]);
        assert_eq!(days(&["--label", "nobody"]), [0; 0]);
    }
    assert!(asked(folder, &["list", "--label", "nobody"]).contains("no such runs in"));
    let document: serde_json::Value = serde_json::from_str(&asked(folder, &["list", "--json"])).unwrap();
    assert_eq!((&document["format"], &document["version"]), (&"syscall_lab.list".into(), &1.into()));
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 6);
    assert_eq!((&runs[0]["run"]["kernel"], &runs[0]["state"]), (&"6.1.5".into(), &"complete".into()));
    assert_eq!((&runs[3]["state"], &runs[3]["run"]["executed"]), (&"cut off".into(), &1.into()));
    assert!(runs[4]["error"].is_string() && runs[4]["run"].is_null());
    let wrong = runner().args(["list", "--since", "yesterday"]).output().unwrap();
    assert!(text(&wrong.stderr).contains("2026-11-01"), "{wrong:?}");
}

#[test]
fn a_figure_is_drawn_over_the_runs_of_a_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    many(folder);
    let told = asked(folder, &["report", "--scenario", "counted", "--metric", "mean"]);
    assert!(told.starts_with("mean, 3 runs, 2020-01-01 00:00 to "), "{told}");
    let lines = told.lines().filter(|line| line.contains("threads="));
    assert_eq!(lines.count(), 6, "a line for each cell and target: {told}");
    let page = told.lines().find_map(|line| line.strip_prefix("history: ")).unwrap();
    assert_eq!(page, "runs/.history/index.html");
    let html = fs::read_to_string(folder.join(page)).unwrap();
    assert_eq!((html.matches("<svg").count(), html.matches("</title></path>").count()), (3, 18));
    assert!(!asked(folder, &["list"]).contains(".history"));
    let of_two = ["--since", "2020-01-02", "--scenario", "counted", "--metric", "mean"];
    asked(folder, &[&["report", "--out", "elsewhere"][..], &of_two].concat());
    assert!(folder.join("elsewhere/index.html").is_file());

    let csv = fs::read_to_string(folder.join("elsewhere/figures.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 2 * 6, "a row for each run, cell and target: {csv}");

    let refused = |arguments: &[&str]| {
        let output = runner().current_dir(folder).arg("report").args(arguments).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, words) = refused(&["--since", "2020-01-01"]);
    assert!(code == Some(2) && words.contains("counted, other; --scenario names one"), "{words}");
    let (code, words) = refused(&["--scenario", "nobody"]);
    assert!(code == Some(1) && words.contains("no complete runs are meant"), "{words}");
    assert_eq!(refused(&["latest", "--scenario", "counted"]).0, Some(2));
    assert_eq!(refused(&["--scenario", "counted", "--metric", "p7"]).0, Some(2));
}

/// What a history keeps of a run: nothing else that is asked is to show that it was read.
fn kept(folder: &Path, day: u32) -> PathBuf {
    folder.join(format!("runs/.history/figures/2020-01-0{day}T000000Z-counted-aaaa.json"))
}

#[test]
fn a_history_reads_a_run_once_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    many(folder);
    let told = || asked(folder, &["report", "--scenario", "counted", "--metric", "max"]);
    let page = || fs::read_to_string(folder.join("runs/.history/index.html")).unwrap();
    let first = (told(), page());
    assert_eq!((told(), page()), first, "what is kept is what was computed");
    let sound = fs::read_to_string(kept(folder, 1)).unwrap();
    // The host stands in no list, and in nothing that this history reads but the run or what was kept of it.
    let lie = |day| {
        let text = fs::read_to_string(kept(folder, day)).unwrap();
        let host = "\"host\":\"";
        assert!(text.contains(host), "{text}");
        fs::write(kept(folder, day), text.replace(host, "\"host\":\"kept-")).unwrap();
    };
    let from_memory = || {
        told();
        page().matches("<td>kept-").count()
    };
    [1, 2].into_iter().for_each(lie);
    assert_eq!(from_memory(), 2);
    // As large, and another file: this run alone is read again.
    let manifest = folder.join("runs/2020-01-01T000000Z-counted-aaaa/manifest.json");
    let text = fs::read(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, text).unwrap();
    assert_eq!(from_memory(), 1);
    for other in
        ["", "[]", &sound[..sound.len() / 2], &sound.replace("\"version\":\"", "\"version\":\"other ")]
    {
        fs::write(kept(folder, 2), other).unwrap();
        assert_eq!((told(), page()), first, "{other:.40}");
        assert!(
            fs::read_to_string(kept(folder, 2)).unwrap().starts_with("{\"version\""),
            "it is written anew"
        );
    }
    lie(2);
    let elsewhere = folder.join("elsewhere.json");
    fs::rename(kept(folder, 2), &elsewhere).unwrap();
    symlink(&elsewhere, kept(folder, 2)).unwrap();
    assert_eq!(from_memory(), 0, "links are not followed");
    fs::remove_dir_all(folder.join("runs/2020-01-01T000000Z-counted-aaaa")).unwrap();
    told();
    assert!(!kept(folder, 1).exists() && kept(folder, 2).exists(), "it goes with its run");
    fs::remove_dir_all(folder.join("runs/.history")).unwrap();
    symlink(folder, folder.join("runs/.history")).unwrap();
    let output =
        runner().current_dir(folder).args(["report", "--scenario", "counted", "--out", "here"]).output();
    assert!(output.unwrap().status.success(), "where nothing can be kept, it is done without");
    assert!(!folder.join("figures").exists(), "and nothing is written by way of a link");
}

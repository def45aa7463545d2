//! A run in formats of others.

use super::{COUNTED, latest, run, runner, text};
use std::fs;
use std::path::Path;

fn export(folder: &Path, arguments: &[&str]) -> String {
    let output = runner().current_dir(folder).args(["export", "latest"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The fields of a line, quotes and all.
fn fields(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let separates = |character: char| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    line.split(separates).collect()
}

#[test]
fn every_format_has_every_call() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let kept = latest(folder.path());
    let calls: u64 = kept.trials.iter().flat_map(|trial| &trial.measures).map(|it| it.ok.count).sum();
    assert_eq!(calls, 4 * 2500);

    let csv = export(folder.path(), &["--format", "csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(fields).collect();
    let place = rows[0].iter().position(|name| *name == "count").unwrap();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    assert_eq!(rows.len(), 1 + 4 * 3, "a row for each trial and system call");
    assert_eq!(rows[1..].iter().map(|row| row[place].parse::<u64>().unwrap()).sum::<u64>(), calls);
    let slots = export(folder.path(), &["--format", "csv", "--table", "histograms"]);
    let counts = slots.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), calls);

    let classic = export(folder.path(), &["--format", "classic"]);
    let lines: Vec<&str> = classic.lines().filter(|line| !line.starts_with("# ")).collect();
    assert_eq!(lines.len(), 2 * 3 * 5, "five lines for each cell and target");
    for five in lines.chunks(5) {
        assert!(five[0].contains("sys_"), "{five:?}");
        let buckets: Vec<u64> = five[4].split(' ').map(|count| count.parse().unwrap()).collect();
        assert_eq!((buckets.len(), buckets.iter().sum::<u64>()), (16, five[1].parse().unwrap()));
    }
    assert_eq!(lines.iter().skip(1).step_by(5).map(|it| it.parse::<u64>().unwrap()).sum::<u64>(), calls);

    let metrics = export(folder.path(), &["--format", "openmetrics"]);
    assert!(metrics.ends_with("# EOF\n"));
    let counts = metrics.lines().filter(|line| line.starts_with("syscall_lab_latency_seconds_count{"));
    let counts = counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), calls);

    let file = folder.path().join("run.json");
    export(folder.path(), &["--format", "json", "--out", file.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!((&document["format"], &document["version"]), (&"syscall_lab.export".into(), &1.into()));
    assert_eq!(document["manifest"]["id"], kept.manifest.id.as_str());
    let trials = document["trials"].as_array().unwrap();
    let measures = trials.iter().flat_map(|trial| trial["measures"].as_array().unwrap());
    let slots = measures.flat_map(|measure| measure["ok"]["slots"].as_array().unwrap());
    assert_eq!(slots.map(|slot| slot[2].as_u64().unwrap()).sum::<u64>(), calls);
}

#[test]
fn what_cannot_be_exported_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user", "--repetitions", "1"]).status.success());
    let asked = |arguments: &[&str]| {
        let mut command = runner();
        command.current_dir(&folder).args(["export", "latest"]).args(arguments).output().unwrap()
    };
    for (arguments, code, words) in [
        (&["--format", "json", "--table", "load"][..], 2, "only csv is one at a time"),
        (&["--format", "csv", "--table", "nothing"], 2, "histograms"),
        (&["--format", "csv", "--out", "/nowhere/run.csv"], 1, "cannot write /nowhere/run.csv"),
        (&["--format", "xml"], 2, "openmetrics"),
    ] {
        let output = asked(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
}

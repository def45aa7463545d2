//! Scenarios that go by their names, in a folder where nothing of the project is.

use super::{has_stress_ng, latest, runner, shipped, text};
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn say(folder: &Path, words: &[&str]) -> Output {
    runner().current_dir(folder).args(words).output().unwrap()
}

#[test]
fn shipped_scenarios_are_found_by_name_and_kept_with_their_text() {
    let folder = tempdir().unwrap();
    for path in shipped() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let checked = say(folder.path(), &["check", name]);
        assert!(checked.status.success(), "{name}: {}", text(&checked.stderr));
    }
    let planned = say(folder.path(), &["plan", "quick"]);
    assert!(text(&planned.stdout).contains("quick"), "{}", text(&planned.stderr));
    if !has_stress_ng() {
        return;
    }
    let short = ["--probe", "user", "--quiet", "--repetitions", "1", "--set", "measure.window=30ms"];
    let ran = say(folder.path(), &[&["run", "quick", "--set", "plan.ramp=200ms"], &short[..]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let kept = fs::read_to_string(latest(folder.path()).path.join("scenario.toml")).unwrap();
    let file = shipped().into_iter().find(|path| path.ends_with("quick.toml")).unwrap();
    assert_eq!(kept, fs::read_to_string(file).unwrap());
}

#[test]
fn a_file_here_is_meant_before_a_shipped_scenario() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    assert!(say(folder.path(), &["new", "other", "--from", "null_call"]).status.success());
    fs::rename(folder.path().join("other.toml"), folder.path().join("scenarios/quick.toml")).unwrap();
    let checked = say(folder.path(), &["check", "quick"]);
    assert!(text(&checked.stdout).contains("other"), "{}", text(&checked.stdout));
    fs::write(folder.path().join("quick.toml"), "").unwrap();
    let refused = say(folder.path(), &["run", "quick"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("may be quick.toml or scenarios/quick.toml"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn an_unknown_name_ends_with_2_and_what_may_have_been_meant() {
    let folder = tempdir().unwrap();
    for verb in ["run", "plan", "check"] {
        let refused = say(folder.path(), &[verb, "quik"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("did you mean `quick`?"), "{}", text(&refused.stderr));
    }
    let refused = say(folder.path(), &["new", "mine", "--from", "quik"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("did you mean `quick`?"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_list_names_every_shipped_scenario_with_what_it_is_about() {
    let folder = tempdir().unwrap();
    let listed = text(&say(folder.path(), &["new", "--list"]).stdout);
    assert_eq!(listed.lines().count(), shipped().len());
    assert!(
        listed.lines().all(|line| line.split_once("  ").is_some_and(|(_, what)| what.trim().len() > 10)),
        "{listed}"
    );
    assert_eq!(say(folder.path(), &["new"]).status.code(), Some(2));
}

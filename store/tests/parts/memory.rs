//! What was made of a run is made once, until the run changes.

use crate::sample::{measured, write};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use store::{Memory, Run, State, StoreError, list};

/// Two runs that are complete.
fn runs() -> tempfile::TempDir {
    let runs = tempfile::tempdir().unwrap();
    for (id, trials) in [("a", 1), ("b", 2)] {
        let trials: Vec<_> = (0..trials).map(measured).collect();
        write(runs.path(), id, &trials).finish(State::Complete).unwrap();
    }
    runs
}

/// How many trials each run has, and of which that was made now.
fn recalled(runs: &Path, version: &str) -> (Vec<usize>, Vec<String>) {
    let memory = Memory::at(runs, &[".made", "trials"], version, None);
    let mut made = Vec::new();
    let listed = list(runs, None).unwrap();
    let trials = listed.iter().map(|run| {
        let work = |path: &Path| {
            made.push(run.id.clone());
            Ok(Run::open(path)?.trials.len())
        };
        memory.recall(run, work).unwrap()
    });
    (trials.collect(), made)
}

fn file(runs: &Path, id: &str) -> PathBuf {
    runs.join(format!(".made/trials/{id}.json"))
}

#[test]
fn what_was_made_of_a_run_is_made_again_only_when_it_changes() {
    let runs = runs();
    let runs = runs.path();
    assert_eq!(recalled(runs, "1"), (vec![1, 2], vec!["a".into(), "b".into()]));
    assert_eq!(recalled(runs, "1"), (vec![1, 2], vec![]));
    let manifest = runs.join("a/manifest.json");
    let text = fs::read(&manifest).unwrap();
    fs::write(runs.join("a/new"), text).unwrap();
    fs::rename(runs.join("a/new"), manifest).unwrap();
    assert_eq!(recalled(runs, "1"), (vec![1, 2], vec!["a".into()]), "as large, and another file");
    fs::rename(runs.join("b"), runs.join("c")).unwrap();
    assert_eq!(recalled(runs, "1"), (vec![1, 2], vec!["c".into()]), "another name");
    assert_eq!(recalled(runs, "2").1.len(), 2, "another version");
    assert_eq!(recalled(runs, "2").1.len(), 0);
    let memory = Memory::at(runs, &[".made", "trials"], "2", None);
    memory.forget_others(&BTreeSet::from(["a", "c"]));
    assert!(file(runs, "a").exists() && file(runs, "c").exists() && !file(runs, "b").exists());
}

#[test]
fn what_is_no_memory_is_done_without() {
    let runs = runs();
    let runs = runs.path();
    recalled(runs, "1");
    let kept = file(runs, "b");
    let sound = fs::read_to_string(&kept).unwrap();
    let wrong = sound.replace("\"made\":2", "\"made\":7");
    fs::write(&kept, &wrong).unwrap();
    assert_eq!(recalled(runs, "1"), (vec![1, 7], vec![]), "it is read at all");
    for other in [
        "",
        "7",
        &wrong[..wrong.len() - 1],
        &wrong.replace("\"made\":7", "\"made\":\"seven\""),
        &"[".repeat(1 << 20),
    ] {
        fs::write(&kept, other).unwrap();
        assert_eq!(recalled(runs, "1"), (vec![1, 2], vec!["b".into()]), "{other:.40}");
        assert_eq!(fs::read_to_string(&kept).unwrap(), sound);
    }
    let elsewhere = runs.join(".elsewhere");
    fs::write(&elsewhere, &wrong).unwrap();
    fs::remove_file(&kept).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &kept).unwrap();
    assert_eq!(recalled(runs, "1").0, [1, 2], "links are not followed");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), wrong);
    fs::remove_dir_all(runs.join(".made")).unwrap();
    fs::write(runs.join(".made"), "").unwrap();
    assert_eq!(recalled(runs, "1").1.len(), 2, "where nothing can be kept");
    fs::remove_file(runs.join(".made")).unwrap();

    recalled(runs, "1");
    fs::write(&kept, &wrong).unwrap();
    if std::os::unix::fs::chown(&kept, Some(54_321), None).is_err() {
        eprintln!("left out: only root gives files to others");
        return;
    }
    assert_eq!(recalled(runs, "1"), (vec![1, 2], vec!["b".into()]), "somebody else's");
}

#[test]
fn a_run_that_cannot_be_read_is_an_error_and_not_kept() {
    let runs = runs();
    let runs = runs.path();
    fs::write(runs.join("a/trials.parquet"), "").unwrap();
    let memory = Memory::at(runs, &[".made", "trials"], "1", None);
    let listed = list(runs, None).unwrap();
    let found = memory.recall(&listed[0], |path| Ok(Run::open(path)?.trials.len()));
    assert!(matches!(found, Err(StoreError::Damaged { .. } | StoreError::Table { .. })), "{found:?}");
    assert!(!file(runs, "a").exists());
}

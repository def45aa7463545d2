//! The list of runs by way of the index is the one without it, whatever becomes of the index.

use crate::sample::{measured, write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use store::{Brief, State, list, list_without_index};

/// Three runs that ended, and one that was cut off.
fn runs() -> tempfile::TempDir {
    let runs = tempfile::tempdir().unwrap();
    for (id, state) in [("a", State::Complete), ("b", State::Interrupted), ("c", State::Complete)] {
        write(runs.path(), id, &[measured(0), measured(1)]).finish(state).unwrap();
    }
    drop(write(runs.path(), "d", &[measured(0)]));
    runs
}

fn listed(runs: &Path) -> Vec<(String, Brief)> {
    list(runs, None).unwrap().into_iter().map(|run| (run.id, run.brief.unwrap())).collect()
}

fn truth(runs: &Path) -> Vec<(String, Brief)> {
    list_without_index(runs).unwrap().into_iter().map(|run| (run.id, run.brief.unwrap())).collect()
}

fn file(runs: &Path) -> PathBuf {
    runs.join(".index.json")
}

/// What no manifest says, for the index to say.
fn lie(runs: &Path) {
    let text = fs::read_to_string(file(runs)).unwrap();
    let label = "\"label\":null";
    assert!(text.contains(label), "{text}");
    fs::write(file(runs), text.replace(label, "\"label\":\"from the index\"")).unwrap();
}

fn are_from_index(runs: &Path) -> Vec<bool> {
    listed(runs).iter().map(|(_, brief)| brief.label.as_deref() == Some("from the index")).collect()
}

#[test]
fn what_has_ended_is_listed_from_the_index_until_its_manifest_changes() {
    let runs = runs();
    let runs = runs.path();
    assert_eq!(listed(runs), truth(runs));
    assert_eq!(listed(runs), truth(runs));
    lie(runs);
    assert_eq!(are_from_index(runs), [true, true, true, false], "what was cut off is looked at each time");
    let manifest = runs.join("a/manifest.json");
    let text = fs::read(&manifest).unwrap();
    fs::write(runs.join("a/new"), text).unwrap();
    fs::rename(runs.join("a/new"), manifest).unwrap();
    assert_eq!(are_from_index(runs), [false, true, true, false], "as large, and another file");
    fs::remove_dir_all(runs.join("b")).unwrap();
    fs::rename(runs.join("c"), runs.join("e")).unwrap();
    assert_eq!(are_from_index(runs), [false; 3], "one is gone, one has another name");
    assert_eq!(listed(runs), truth(runs));
    assert!(!fs::read_to_string(file(runs)).unwrap().contains("from the index"));
}

#[test]
fn an_index_that_is_none_is_done_without_and_made_anew() {
    let runs = runs();
    let runs = runs.path();
    let truth = truth(runs);
    listed(runs);
    let sound = fs::read_to_string(file(runs)).unwrap();
    let mut others = vec![
        String::new(),
        sound[..sound.len() / 2].to_owned(),
        "{\"version\":2,\"runs\":{\"a\":{}}}".to_owned(),
        sound.replace("\"version\":2", "\"version\":1"),
        sound.replace("\"label\":null", &format!("\"label\":\"{}\"", "x".repeat(1 << 19))),
        "[".repeat(1 << 20),
    ];
    others.push(sound.replace("\"executed\":2", "\"executed\":4000000000"));
    for other in others {
        fs::write(file(runs), &other).unwrap();
        assert_eq!(listed(runs), truth, "{}", &other[..other.len().min(40)]);
        assert_eq!(fs::read_to_string(file(runs)).unwrap(), sound, "it is as it was");
    }
}

#[test]
fn an_index_that_leads_elsewhere_or_is_somebody_elses_is_not_read() {
    let runs = runs();
    let runs = runs.path();
    let truth = truth(runs);
    listed(runs);
    lie(runs);
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().join("index");
    fs::rename(file(runs), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, file(runs)).unwrap();
    assert_eq!(listed(runs), truth);
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("from the index"), "nothing is written there");
    assert!(fs::symlink_metadata(file(runs)).unwrap().is_file(), "a link is replaced");

    fs::remove_file(file(runs)).unwrap();
    fs::create_dir(file(runs)).unwrap();
    assert_eq!(listed(runs), truth, "where it cannot be written, it is done without");
    fs::remove_dir(file(runs)).unwrap();
    listed(runs);
    lie(runs);
    if std::os::unix::fs::chown(file(runs), Some(54_321), None).is_err() {
        eprintln!("left out: only root gives files to others");
        return;
    }
    assert_eq!(listed(runs), truth);
}

#[test]
fn a_folder_without_runs_gets_no_index() {
    let runs = tempfile::tempdir().unwrap();
    assert_eq!(listed(runs.path()), []);
    assert_eq!(listed(&runs.path().join("none")), []);
    assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 0);
}

#[test]
fn one_run_more_costs_one_reading() {
    let runs = runs();
    let runs = runs.path();
    listed(runs);
    lie(runs);
    write(runs, "e", &[measured(0)]).finish(State::Complete).unwrap();
    assert_eq!(are_from_index(runs), [true, true, true, false, false], "the others' manifests are not read");
    lie(runs);
    assert_eq!(are_from_index(runs), [true, true, true, false, true], "and it is in the index now");
}

#[test]
fn lists_at_the_same_time_leave_a_whole_index() {
    const LISTS: usize = 15;
    let runs = runs();
    let runs = runs.path();
    listed(runs);
    let is_over = AtomicBool::new(false);
    let change_and_list = |id: &str| {
        let manifest = runs.join(id).join("manifest.json");
        for _ in 0..LISTS {
            // Another file each time, so that there is something to write.
            fs::copy(&manifest, runs.join(id).join("new")).unwrap();
            fs::rename(runs.join(id).join("new"), &manifest).unwrap();
            assert_eq!(list(runs, None).unwrap().len(), 4);
        }
    };
    let read = || {
        while !is_over.load(Ordering::Relaxed) {
            let text = fs::read(file(runs)).unwrap();
            serde_json::from_slice::<serde_json::Value>(&text).unwrap();
        }
    };
    thread::scope(|scope| {
        let reader = scope.spawn(read);
        let writers = ["a", "b", "c"].map(|id| scope.spawn(move || change_and_list(id)));
        let written = writers.map(|writer| writer.join().is_ok());
        is_over.store(true, Ordering::Relaxed);
        assert_eq!((written, reader.join().is_ok()), ([true; 3], true));
    });
    assert_eq!(listed(runs), truth(runs));
    lie(runs);
    assert_eq!(are_from_index(runs), [true, true, true, false]);
    assert!(!runs.join("..index.json.tmp").exists());
}

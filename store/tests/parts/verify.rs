//! What was written is found intact, and nothing that was changed since is.

use crate::sample::{failed, measured, write};
use std::fs;
use std::path::{Path, PathBuf};
use store::{State, TrialRecord, verify};

fn finished(runs: &Path, id: &str, records: &[TrialRecord]) -> PathBuf {
    write(runs, id, records).finish(State::Complete).unwrap()
}

/// Numbers that look random and are the same each time (Knuth's linear congruences).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn a_run_is_intact_in_every_state() {
    let runs = tempfile::tempdir().unwrap();
    let records = [measured(0), failed(1)];
    let complete = finished(runs.path(), "complete", &records);
    assert_eq!(verify(&complete).0, [""; 0]);
    assert_eq!(verify(&complete).1.unwrap().trials, records);
    let interrupted = write(runs.path(), "interrupted", &records[..1]).finish(State::Interrupted).unwrap();
    assert_eq!(verify(&interrupted).0, [""; 0]);
    let under_way = write(runs.path(), "under_way", &records).path().to_owned();
    assert_eq!(verify(&under_way).0, [""; 0]);
    // Cut off while its tables were written.
    for name in ["trials.parquet", ".monitor.parquet.tmp", ".manifest.json.tmp"] {
        std::fs::write(under_way.join(name), "half of").unwrap();
    }
    assert_eq!(verify(&under_way).0, [""; 0]);
    std::fs::write(under_way.join(".else.tmp"), "foreign").unwrap();
    assert_eq!(verify(&under_way).0, [".else.tmp does not belong to the run"]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/first_columns");
    let (findings, run) = verify(&golden);
    assert!(findings.iter().all(|found| found.contains("the folder is called")), "{findings:?}");
    assert!(run.is_some() || !findings.is_empty());
}

#[test]
fn a_changed_bit_and_a_missing_end_are_found_wherever_they_are() {
    let runs = tempfile::tempdir().unwrap();
    let path = finished(runs.path(), "a", &[measured(0), failed(1)]);
    let mut files: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 10);
    let mut random = Random(1);
    for round in 0..1_200 {
        let file = &files[round % files.len()];
        let content = fs::read(file).unwrap();
        let mut changed = content.clone();
        if round % 3 == 0 {
            changed.truncate(random.below(content.len()));
        } else {
            let bit = random.below(content.len() * 8);
            changed[bit / 8] ^= 1 << (bit % 8);
        }
        fs::write(file, &changed).unwrap();
        assert!(!verify(&path).0.is_empty(), "{}, round {round}", file.display());
        fs::write(file, &content).unwrap();
    }
    assert_eq!(verify(&path).0, [""; 0]);
}

/// Somebody was about to go on with it, and was killed before the manifest said so.
#[test]
fn what_is_left_of_an_attempt_to_go_on_belongs_to_a_run_that_had_ended() {
    let runs = tempfile::tempdir().unwrap();
    let complete = finished(runs.path(), "complete", &[measured(0), failed(1)]);
    std::fs::write(complete.join(".manifest.json.tmp"), "half of").unwrap();
    assert_eq!(verify(&complete).0, [".manifest.json.tmp does not belong to the run"]);
    std::fs::create_dir(complete.join(".parts")).unwrap();
    assert_eq!(verify(&complete).0, [""; 0]);
    std::fs::write(complete.join(".trials.parquet.tmp"), "half of").unwrap();
    assert_eq!(verify(&complete).0, [".trials.parquet.tmp does not belong to the run"]);
}

#[test]
fn swapped_missing_and_foreign_files_are_named() {
    let runs = tempfile::tempdir().unwrap();
    let (a, b) = (
        finished(runs.path(), "a", &[measured(0), failed(1)]),
        finished(runs.path(), "b", &[measured(0), failed(1)]),
    );
    let swap = |one: &Path, other: &Path| {
        let aside = runs.path().join("aside");
        fs::rename(one, &aside).unwrap();
        fs::rename(other, one).unwrap();
        fs::rename(&aside, other).unwrap();
    };
    swap(&a.join("trials.parquet"), &a.join("histograms.parquet"));
    let (findings, _) = verify(&a);
    assert_eq!(findings.len(), 2, "{findings:?}");
    swap(&a.join("trials.parquet"), &a.join("histograms.parquet"));
    swap(&a.join("manifest.json"), &b.join("manifest.json"));
    assert!(verify(&a).0.iter().any(|found| found.contains("its manifest is that of b")));
    swap(&a.join("manifest.json"), &b.join("manifest.json"));
    fs::write(a.join("notes.txt"), "mine").unwrap();
    assert_eq!(verify(&a).0, ["notes.txt does not belong to the run"]);
    fs::remove_file(a.join("notes.txt")).unwrap();
    fs::remove_file(b.join("load.parquet")).unwrap();
    assert!(verify(&b).0[0].starts_with("load.parquet cannot be read"));
    assert_eq!(verify(&a).0, [""; 0]);
}

/// Makes a trial one that cannot be right.
type Change = fn(&mut TrialRecord);

/// What is wrong with a run of this one trial, which was written as it is.
fn findings_of(change: impl FnOnce(&mut TrialRecord)) -> String {
    let runs = tempfile::tempdir().unwrap();
    let mut record = measured(0);
    change(&mut record);
    verify(&finished(runs.path(), "a", &[record, failed(1)])).0.join("\n")
}

#[test]
fn figures_that_cannot_be_right_are_found() {
    assert_eq!(findings_of(|_| {}), "");
    let cases: [(&str, Change); 6] = [
        ("are accounted for", |it| it.measures[0].ledger.as_mut().unwrap().lost += 1),
        ("in the histogram", |it| it.measures[1].ok.count += 1),
        ("in the outermost slots", |it| it.measures[1].ok.max_ns /= 2),
        ("less than the slots allow", |it| it.measures[1].ok.sum_ns = 1),
        ("have an error number", |it| it.measures[0].errnos.push((3, 1))),
        ("generator open: ", |it| it.generators[1].response.as_mut().unwrap().min_ns = 1),
    ];
    for (words, change) in cases {
        let findings = findings_of(change);
        assert!(findings.contains(words), "{words}: {findings}");
    }
    let runs = tempfile::tempdir().unwrap();
    let few = finished(runs.path(), "few", &[measured(0)]);
    assert_eq!(verify(&few).0, ["the run is complete, and has 1 of 2 trials"]);
    let gap = finished(runs.path(), "gap", &[measured(0), measured(3)]);
    assert_eq!(verify(&gap).0, ["trials 1 to 2 are missing"]);
}

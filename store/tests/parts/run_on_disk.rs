//! A run is written, ended, read back; and read after ends that were no ends.

use crate::sample::{failed, load, manifest, measured, write};
use polars_io::prelude::{ParquetReader, SerReader};
use std::fs;
use std::path::Path;
use store::*;

#[test]
fn what_was_written_is_read_back_from_parquet() {
    let runs = tempfile::tempdir().unwrap();
    let records = [measured(0), failed(1), measured(2)];
    let path = write(runs.path(), "a", &records).finish(State::Complete).unwrap();
    let run = Run::open(&path).unwrap();
    assert_eq!(run.trials, records);
    assert_eq!(run.load, load());
    assert_eq!(run.manifest.state, State::Complete);
    assert_eq!(run.manifest.probe, manifest("a").probe);
    assert_eq!(run.manifest.checksums.len(), 9);
    assert_eq!(run.scenario().unwrap(), "schema = 1\n");
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn where_the_probe_varies_a_trial_has_the_vantages_of_its_level() {
    let runs = tempfile::tempdir().unwrap();
    let level = |label: &str, backend: Option<&str>| ProbeLevel {
        label: label.into(),
        backend: backend.map(Into::into),
        reasons: vec![],
    };
    let levels =
        vec![level("auto", Some("raw_tracepoint")), level("fentry", None), level("user", Some("user"))];
    let mut manifest = manifest("a");
    manifest.probe.backend = VARIES.into();
    manifest.probe.factor = Some(ProbeFactor { name: "size".into(), levels });
    let mut writer = RunWriter::create(runs.path(), manifest, "schema = 1\n", None).unwrap();
    for (trial, label) in (0..).zip(["auto", "fentry", "user"]) {
        let mut record = failed(trial);
        record.factors.insert("size".into(), label.into());
        writer.append_trial(&record).unwrap();
    }
    let path = writer.finish(State::Complete).unwrap();
    let file = fs::File::open(path.join("trials.parquet")).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let (levels, vantages) = (table.column("factor_size").unwrap(), table.column("vantage").unwrap());
    let rows = levels.str().unwrap().iter().zip(vantages.str().unwrap().iter());
    let rows: Vec<String> =
        rows.map(|(level, vantage)| format!("{} {}", level.unwrap(), vantage.unwrap())).collect();
    let of_one_call = ["auto kernel", "auto user", "fentry kernel", "fentry user", "user user"];
    // Each for mmap and munmap.
    for row in of_one_call {
        assert_eq!(rows.iter().filter(|it| *it == row).count(), 2, "{row}: {rows:?}");
    }
    assert_eq!(rows.len(), 2 * of_one_call.len(), "{rows:?}");
}

#[test]
fn a_manifest_from_before_the_probe_could_vary_is_read() {
    let runs = tempfile::tempdir().unwrap();
    let path = write(runs.path(), "a", &[measured(0)]).finish(State::Complete).unwrap();
    let file = path.join("manifest.json");
    let mut older: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    older["probe"].as_object_mut().unwrap().remove("factor").unwrap();
    fs::write(&file, older.to_string()).unwrap();
    assert_eq!(Run::open(&path).unwrap().manifest.probe.factor, None);
}

#[test]
fn a_run_of_more_than_one_row_group_is_read_back() {
    let runs = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..600).map(measured).collect();
    let path = write(runs.path(), "a", &records).finish(State::Complete).unwrap();
    assert_eq!(Run::open(&path).unwrap().trials, records);
}

#[test]
fn a_run_without_trials_is_read_back() {
    let runs = tempfile::tempdir().unwrap();
    let path = write(runs.path(), "a", &[]).finish(State::Interrupted).unwrap();
    assert!(Run::open(&path).unwrap().trials.is_empty());
}

#[test]
fn a_reason_of_any_length_can_be_read_again() {
    let runs = tempfile::tempdir().unwrap();
    let reason = Some("é\u{1b}[31m".repeat(1 << 17));
    let path = write(runs.path(), "a", &[store::TrialRecord { reason, ..failed(0) }]).path().to_owned();
    let kept = Run::open(&path).unwrap().trials[0].reason.clone().unwrap();
    assert!(
        kept.starts_with("é\u{1b}[31m") && kept.ends_with(" …") && kept.len() > 1 << 16,
        "{}",
        kept.len()
    );
    assert_eq!(verify(&path).0, [""; 0]);
}

#[test]
fn an_unfinished_run_is_read_from_its_parts() {
    let runs = tempfile::tempdir().unwrap();
    let records = [measured(0), failed(1)];
    let writer = write(runs.path(), "a", &records);
    let path = writer.path().to_owned();
    drop(writer);
    // A half-written part is not a part.
    fs::write(path.join(".parts/.trial-000002.json.tmp"), "{").unwrap();
    let run = Run::open(&path).unwrap();
    assert_eq!((run.trials.as_slice(), run.manifest.state), (&records[..], State::Running));
}

/// Killed between its last manifest and the removal of its parts, a run has some of them besides its tables.
#[test]
fn load_of_which_parts_are_left_is_not_taken_twice() {
    let runs = tempfile::tempdir().unwrap();
    let records = [measured(0), failed(1)];
    let mut writer = write(runs.path(), "killed", &records);
    writer.append_load(&load()).unwrap();
    let parts = writer.path().join(".parts");
    let left = fs::read(parts.join("load-000002.json")).unwrap();
    let path = writer.finish(State::Interrupted).unwrap();
    let whole = Run::open(&path).unwrap();
    fs::create_dir(&parts).unwrap();
    fs::write(parts.join("load-000002.json"), left).unwrap();
    let (writer, _) = RunWriter::reopen(&path, None).unwrap();
    let again = Run::open(&writer.finish(State::Interrupted).unwrap()).unwrap();
    assert_eq!((again.load, again.trials), (whole.load, whole.trials));
}

#[test]
fn a_run_that_did_not_end_is_gone_on_with() {
    let runs = tempfile::tempdir().unwrap();
    let records = [measured(0), failed(1)];
    let cut_off = write(runs.path(), "cut_off", &records[..1]).path().to_owned();
    let interrupted = write(runs.path(), "interrupted", &records[..1]).finish(State::Interrupted).unwrap();
    for path in [cut_off, interrupted] {
        let (mut writer, trials) = RunWriter::reopen(&path, None).unwrap();
        assert_eq!(trials, records[..1]);
        assert_eq!(Run::open(&path).unwrap().manifest.state, State::Running);
        assert_eq!(verify(&path).0, [""; 0]);
        writer.append_trial(&records[1]).unwrap();
        writer.append_load(&load()).unwrap();
        writer.finish(State::Complete).unwrap();
        let run = Run::open(&path).unwrap();
        assert_eq!((run.trials.as_slice(), run.load), (&records[..], [load(), load()].concat()));
        assert_eq!(verify(&path).0, [""; 0]);
    }
}

/// The records as they were written before errors were kept by number, with slow calls and what the kernel missed.
fn of_the_first_columns() -> Vec<TrialRecord> {
    let mut records = vec![measured(0), failed(1)];
    for record in &mut records {
        record.started_at = "2026-11-23T07:35:41Z".parse().unwrap();
        record.slowest.clear();
        record.generators.clear();
        (record.attempt, record.noise) = (1, None);
        for measure in &mut record.measures {
            measure.errnos.clear();
            measure.ledger = measure.ledger.map(|ledger| Ledger { missed: None, compat: None, ..ledger });
        }
    }
    records
}

#[test]
fn runs_of_earlier_writers_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let run = Run::open(&golden.join("first_columns")).unwrap();
    assert_eq!((run.manifest.state, run.trials), (State::Complete, of_the_first_columns()));
    assert_eq!(run.manifest.probe.calibrations, []);
    let run = Run::open(&golden.join("first_columns_under_way")).unwrap();
    assert_eq!((run.manifest.state, run.trials), (State::Running, of_the_first_columns()));
}

#[test]
fn a_table_that_the_manifest_names_has_to_be_there() {
    let runs = tempfile::tempdir().unwrap();
    for table in ["errors.parquet", "slowest.parquet", "generators.parquet", "responses.parquet"] {
        let path = write(runs.path(), table, &[measured(0)]).finish(State::Complete).unwrap();
        fs::remove_file(path.join(table)).unwrap();
        assert!(matches!(Run::open(&path), Err(StoreError::Read { .. })), "{table}");
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let runs = tempfile::tempdir().unwrap();
    let path = write(runs.path(), "a", &[measured(0)]).finish(State::Complete).unwrap();
    fs::write(path.join("manifest.json"), r#"{"format_version": 99, "unheard": "of"}"#).unwrap();
    let refusal = Run::open(&path).unwrap_err();
    assert!(matches!(refusal, StoreError::NewerFormat { found: 99, .. }), "{refusal}");
}

#[test]
fn damage_is_an_error() {
    let runs = tempfile::tempdir().unwrap();
    let path = write(runs.path(), "a", &[measured(0)]).finish(State::Complete).unwrap();
    let file = path.join("trials.parquet");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    assert!(Run::open(&path).is_err());
}

#[test]
fn latencies_alone_are_those_of_the_whole_run() {
    let runs = tempfile::tempdir().unwrap();
    let path = write(runs.path(), "a", &[measured(0), measured(1)]).finish(State::Complete).unwrap();
    let (whole, some) = (Run::open(&path).unwrap(), Run::open_latencies(&path).unwrap());
    let latencies = |run: &Run| {
        let of_trial = |trial: &TrialRecord| {
            let measures =
                trial.measures.iter().map(|it| (it.syscall.clone(), it.ok.clone(), it.error.clone()));
            (trial.trial, trial.factors.clone(), trial.boot.clone(), measures.collect::<Vec<_>>())
        };
        run.trials.iter().map(of_trial).collect::<Vec<_>>()
    };
    assert_eq!((latencies(&some), some.manifest), (latencies(&whole), whole.manifest));
    for beside in ["errors", "slowest", "generators", "responses", "monitor", "load"] {
        fs::remove_file(path.join(format!("{beside}.parquet"))).unwrap();
    }
    assert_eq!(Run::open_latencies(&path).unwrap().trials, some.trials, "the others are not read");
    fs::remove_file(path.join("histograms.parquet")).unwrap();
    assert!(Run::open_latencies(&path).is_err());
    drop(write(runs.path(), "b", &[measured(0)]));
    let cut_off = Run::open_latencies(&runs.path().join("b")).unwrap();
    assert_eq!(cut_off.trials.len(), 1, "what was cut off has no tables");
}

#[test]
fn names_mean_runs() {
    let runs = tempfile::tempdir().unwrap();
    for id in
        ["2026-01-01T000000Z-sweep-aaaa", "2026-01-02T000000Z-sweep-aaaa", "2026-02-01T000000Z-sweep-aaaa"]
    {
        write(runs.path(), id, &[]).finish(State::Complete).unwrap();
    }
    let named = |name: &str| resolve(runs.path(), name).map(|path| path.file_name().unwrap().to_owned());
    assert_eq!(named("latest").unwrap(), "2026-02-01T000000Z-sweep-aaaa");
    assert_eq!(named("latest~2").unwrap(), "2026-01-01T000000Z-sweep-aaaa");
    assert_eq!(named("sweep@latest").unwrap(), "2026-02-01T000000Z-sweep-aaaa");
    assert_eq!(named("2026-01-02").unwrap(), "2026-01-02T000000Z-sweep-aaaa");
    assert!(matches!(named("2026-01"), Err(StoreError::Ambiguous { .. })));
    assert!(matches!(named("latest~3"), Err(StoreError::NoSuchRun { .. })));
    assert!(matches!(named("other@latest"), Err(StoreError::NoSuchRun { .. })));
    let with_label = |id: &str, label: &str| {
        let manifest = Manifest { label: Some(label.into()), ..manifest(id) };
        RunWriter::create(runs.path(), manifest, "", None).unwrap();
    };
    with_label("2026-01-03T000000Z-sweep-aaaa", "before");
    with_label("2026-01-04T000000Z-sweep-aaaa", "2026-01-05");
    with_label("2026-01-05T000000Z-sweep-aaaa", "twice");
    with_label("2026-01-06T000000Z-sweep-aaaa", "twice");
    with_label("2026-01-02T000000Z-sweep-aaaa-more", "longer");
    assert_eq!(named("before").unwrap(), "2026-01-03T000000Z-sweep-aaaa");
    assert_eq!(named("2026-01-05").unwrap(), "2026-01-05T000000Z-sweep-aaaa", "ids come first");
    assert!(matches!(named("2026-01-02"), Err(StoreError::Ambiguous { .. })));
    assert_eq!(
        named("2026-01-02T000000Z-sweep-aaaa").unwrap(),
        "2026-01-02T000000Z-sweep-aaaa",
        "a whole id is one"
    );
    assert!(matches!(named("twice"), Err(StoreError::Ambiguous { .. })));
    assert!(matches!(named("befor"), Err(StoreError::NoSuchRun { .. })), "a label is given whole");
    let link = fs::read_link(runs.path().join("latest")).unwrap();
    assert_eq!(link, Path::new("2026-01-02T000000Z-sweep-aaaa-more"));
}

#[test]
fn the_name_of_a_run_is_a_name_for_a_folder() {
    let id = |name: &str| run_id(Path::new("nowhere"), chrono::Utc::now(), name);
    let long = id(&"\u{1d4d0}".repeat(64));
    assert!(long.len() < 240 && long.contains(&"\u{1d4d0}".repeat(50)), "{long}");
    assert!(id("sweep").contains("Z-sweep-"));
}

#[test]
fn the_newest_run_is_the_one_created_last_whatever_the_clock_says() {
    let runs = tempfile::tempdir().unwrap();
    let mut created = Vec::new();
    // The same second twice, then two hours back, then a leap forward, then back again.
    for time in ["10:00:00.9", "10:00:00.9", "08:00:00", "08:00:01", "12:00:00", "09:00:00"] {
        let time = format!("2026-01-01T{time}Z").parse().unwrap();
        let id = run_id(runs.path(), time, "sweep");
        let manifest = Manifest { id: id.clone(), started_at: time, ..manifest("a") };
        let mut writer = RunWriter::create(runs.path(), manifest, "schema = 1\n", None).unwrap();
        writer.append_trial(&TrialRecord { started_at: time, ..measured(0) }).unwrap();
        let path = writer.finish(State::Interrupted).unwrap();
        assert_eq!(Run::open(&path).unwrap().manifest.started_at, time, "what the clock said is kept");
        created.push(id);
        assert_eq!(run_ids(runs.path()).unwrap(), created);
        assert_eq!(&resolve(runs.path(), "latest").unwrap(), &runs.path().join(created.last().unwrap()));
        assert_eq!(fs::read_link(runs.path().join("latest")).unwrap(), Path::new(created.last().unwrap()));
    }
    assert!(created[4].starts_with("2026-01-01T120000Z-sweep-"), "{created:?}");
    assert!(created[5].starts_with("2026-01-01T120001Z-sweep-"), "{created:?}");
}

#[test]
fn times_that_go_backwards_within_a_run_are_kept_and_verified() {
    let runs = tempfile::tempdir().unwrap();
    let at = |trial, time: &str| TrialRecord { started_at: time.parse().unwrap(), ..measured(trial) };
    let records =
        [at(0, "2026-01-01T10:00:00Z"), at(1, "2026-01-01T08:00:00Z"), at(2, "2026-01-01T08:00:01Z")];
    let path = write(runs.path(), "a", &records).finish(State::Interrupted).unwrap();
    assert_eq!(Run::open(&path).unwrap().trials, records);
    assert_eq!(verify(&path).0, [""; 0]);
}

#[test]
fn a_run_has_one_writer_until_that_is_gone() {
    let runs = tempfile::tempdir().unwrap();
    let writer = write(runs.path(), "a", &[measured(0)]);
    let path = writer.path().to_owned();
    assert_eq!(executed_by(&path), Some(std::process::id()));
    let refused = RunWriter::reopen(&path, None).unwrap_err().to_string();
    assert!(refused.contains(&format!("the runner with process number {} executes it", std::process::id())));
    drop(writer);
    assert_eq!(executed_by(&path), None, "cut off");
    let (writer, _) = RunWriter::reopen(&path, None).unwrap();
    assert_eq!(executed_by(&path), Some(std::process::id()));
    writer.finish(State::Interrupted).unwrap();
    assert_eq!(executed_by(&path), None);
}

#[test]
fn a_run_that_cannot_be_created_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let create = || RunWriter::create(&runs, manifest("a"), "schema = 1\n", None);
    // What is to be a link is a folder that is in use.
    fs::create_dir_all(runs.join("latest/own")).unwrap();
    let refused = create().unwrap_err();
    assert!(refused.to_string().ends_with("runs/latest"), "{refused}");
    let left: Vec<_> = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["latest"]);
    fs::remove_dir_all(&runs).unwrap();
    std::os::unix::fs::symlink("nowhere", &runs).unwrap();
    let reason = |error: StoreError| std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(reason(create().unwrap_err()), "it is a link to what is not there");
    fs::remove_file(&runs).unwrap();
    fs::write(&runs, "").unwrap();
    assert_eq!(reason(create().unwrap_err()), "it is no folder");
}

#[test]
fn trials_that_are_all_alike_are_not_taken_for_a_claim() {
    let runs = tempfile::tempdir().unwrap();
    let mut alike = measured(0);
    alike.measures = vec![Measure { errnos: vec![(1, 1); 10_000], ..alike.measures[0].clone() }];
    alike.monitor = vec![alike.monitor[0]; 10_000];
    let records: Vec<_> = (0..4).map(|trial| TrialRecord { trial, ..alike.clone() }).collect();
    let path = write(runs.path(), "a", &records).finish(State::Complete).unwrap();
    // More rows than bytes.
    for table in ["errors.parquet", "monitor.parquet"] {
        assert!(fs::metadata(path.join(table)).unwrap().len() < 40_000, "{table}");
    }
    assert_eq!(Run::open(&path).unwrap().trials, records);
}

#[test]
fn a_name_can_be_made_behind_that_of_a_run_that_is_not_there_yet() {
    let runs = tempfile::tempdir().unwrap();
    let now = chrono::Utc::now();
    let first = run_id(runs.path(), now, "a");
    let second = run_id_behind(&first, now, "a");
    assert!(first < second, "{first} {second}");
    let earlier = run_id_behind(&second, now - chrono::TimeDelta::days(1), "a");
    assert!(second < earlier, "whatever the clock says");
}

#[test]
fn a_run_that_is_given_up_leaves_latest_with_the_one_before() {
    let runs = tempfile::tempdir().unwrap();
    let create = |id: &str| RunWriter::create(runs.path(), manifest(id), "schema = 1\n", None).unwrap();
    create("a").discard();
    assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 0);
    let kept = create("a").finish(State::Complete).unwrap();
    create("b").discard();
    assert_eq!(run_ids(runs.path()).unwrap(), ["a"]);
    assert_eq!(fs::canonicalize(runs.path().join("latest")).unwrap(), fs::canonicalize(kept).unwrap());
}

#[test]
fn a_run_is_copied_as_it_is_and_under_its_name_only_when_it_is_whole() {
    let (runs, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = write(runs.path(), "a", &[measured(0), failed(1)]).finish(State::Complete).unwrap();
    fs::create_dir(path.join("report")).unwrap();
    let into = other.path().join("new");
    let copy = copy_run(&path, &into, None).unwrap();
    assert_eq!(copy, into.join("a"));
    let (findings, run) = verify(&copy);
    assert_eq!(findings, [""; 0]);
    assert_eq!(run.unwrap().trials, Run::open(&path).unwrap().trials);
    assert!(!copy.join("report").exists());
    assert_eq!(fs::read_link(into.join("latest")).unwrap(), Path::new("a"));
    // Again: it is there.
    assert_eq!(copy_run(&path, &into, None).unwrap(), copy);
    // Another one by this name.
    let changed = write(other.path(), "a", &[measured(0)]).finish(State::Complete).unwrap();
    let refused = copy_run(&changed, &into, None).unwrap_err().to_string();
    assert!(refused.contains("another run is there"), "{refused}");
    // One that is not as it was written, and one that has not ended.
    fs::write(changed.join("load.parquet"), "short").unwrap();
    let third = other.path().join("third");
    let refused = copy_run(&changed, &third, None).unwrap_err().to_string();
    assert!(refused.contains("load.parquet is damaged: it is not as it was written"), "{refused}");
    let under_way = write(runs.path(), "b", &[measured(0)]);
    assert!(copy_run(under_way.path(), &third, None).is_err());
    assert_eq!(fs::read_dir(&third).unwrap().count(), 0, "nothing of it is left");
    // An older one does not become the latest.
    let older = write(runs.path(), "0", &[measured(0)]).finish(State::Complete).unwrap();
    copy_run(&older, &into, None).unwrap();
    assert_eq!(fs::read_link(into.join("latest")).unwrap(), Path::new("a"));
}

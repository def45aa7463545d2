//! Runs as earlier writers left them are read as what they were: `golden/README.md` says which there are.

use crate::everything::{FULL_SCENARIO, everything, full_manifest, moment};
use crate::sample::measured;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{Debug, Write};
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use store::{
    Against, Design, Draft, Extension, Factor, Level, MACHINE, Manifest, Merged, MergedPart,
    PARTS_FORMAT_VERSION, PlanInfo, Role, Run, RunWriter, Shard, ShardBy, State, Status, TrialRecord,
    run_ids, verify,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// One line for each.
fn lines(text: &mut String, all: &[impl Debug]) {
    for one in all {
        writeln!(text, "{one:?}").unwrap();
    }
}

/// What was read of a run, in lines.
fn summary(run: Run) -> String {
    // Checksums are for `verify`.
    let manifest = Manifest { checksums: BTreeMap::new(), seal: None, ..run.manifest };
    let mut text = format!("{manifest:#?}\n");
    for trial in run.trials {
        lines(&mut text, &trial.measures);
        lines(&mut text, &trial.monitor);
        lines(&mut text, &trial.slowest);
        lines(&mut text, &trial.generators);
        let rest =
            TrialRecord { measures: vec![], monitor: vec![], slowest: vec![], generators: vec![], ..trial };
        lines(&mut text, &[rest]);
    }
    lines(&mut text, &run.load);
    text
}

#[test]
fn every_golden_run_is_read_as_what_it_was() {
    let entries = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    runs.sort();
    assert!(runs.len() >= 5, "{runs:?}");
    for path in runs {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        insta::assert_snapshot!(name.clone(), summary(Run::open(&path).unwrap()));
        let (findings, _) = verify(&path);
        // The first two were written by hand out of a run with another scenario.
        assert!(findings.is_empty() || name.starts_with("first_columns"), "{name}: {findings:?}");
    }
}

/// The candidate of two runs in alternation, to which a block was added after it was complete.
fn turns(runs: &Path) -> RunWriter {
    let full = full_manifest("turns");
    let against = Against { run: "turns_baseline".into(), role: Role::Candidate };
    let plan = PlanInfo { repetitions: 1, trials: 3, ..full.plan.clone() };
    let plan = PlanInfo { design: Design { stop: None, ..plan.design.clone() }, ..plan };
    let manifest = Manifest { against: Some(against), plan, ..full };
    let mut writer = RunWriter::create(runs, manifest, FULL_SCENARIO, None).unwrap();
    for trial in 0..6 {
        if trial == 3 {
            let extension = Extension {
                started_at: moment() + chrono::TimeDelta::days(1),
                boot: "another boot".into(),
                first_block: 1,
                repetitions: 1,
                command: vec!["runner".into(), "run".into()],
            };
            writer.extend(extension).unwrap();
        }
        let (size, load) = [("4KiB", "baseline"), ("1MiB", "high"), ("4KiB", "high")][trial as usize % 3];
        let days = chrono::TimeDelta::days(i64::from(trial / 3));
        let record = TrialRecord {
            block: trial / 3,
            position: trial % 3,
            repetition: trial / 3,
            factors: BTreeMap::from([("size".into(), size.into()), ("load".into(), load.into())]),
            boot: ["a boot", "another boot"][trial as usize / 3].into(),
            started_at: moment() + days + chrono::TimeDelta::seconds(trial.into()),
            ..measured(trial)
        };
        writer.append_trial(&record).unwrap();
    }
    writer
}

/// The second of two parts of a plan of two blocks.
fn shard(runs: &Path) -> RunWriter {
    let full = full_manifest("shard");
    let shard = Some(Shard { number: 2, of: 2, by: ShardBy::Block });
    let plan = PlanInfo { repetitions: 2, trials: 3, shard, ..full.plan.clone() };
    let plan = PlanInfo { design: Design { stop: None, ..plan.design.clone() }, ..plan };
    let manifest = Manifest { format_version: PARTS_FORMAT_VERSION, plan, ..full };
    let mut writer = RunWriter::create(runs, manifest, FULL_SCENARIO, None).unwrap();
    for position in 0..3 {
        writer.append_trial(&in_block(1, position)).unwrap();
    }
    writer
}

/// One block of two machines.
fn merged(runs: &Path) -> RunWriter {
    let full = full_manifest("merged");
    let part = |machine: &str| MergedPart {
        run: format!("run of {machine}"),
        label: (machine == "a").then(|| "first".to_owned()),
        seal: Some("5ea1".repeat(16)),
        shard: None,
        level: Some(machine.to_owned()),
        machine: machine.to_owned(),
        boots: vec![format!("boot of {machine}")],
        trials: 3,
        started_at: moment(),
        ended_at: Some(moment() + chrono::TimeDelta::minutes(1)),
        command: vec!["runner".to_owned(), "run".to_owned()],
        probe: full.probe.clone(),
        environment: full.environment.clone(),
        extensions: Vec::new(),
        settings: full.machine.clone(),
    };
    let merged = Merged { factor: Some(MACHINE.to_owned()), parts: vec![part("a"), part("b")] };
    let level = |label: &str| Level { label: label.into(), value: None, arguments: vec![], command: vec![] };
    let mut manifest = Manifest { format_version: PARTS_FORMAT_VERSION, ..full.clone() };
    let factor = Factor { name: MACHINE.to_owned(), levels: vec![level("a"), level("b")] };
    manifest.scenario.factors.insert(0, factor);
    let cells = std::mem::take(&mut manifest.plan.design.cells);
    let cell = |machine: u32| cells.iter().map(move |cell| [vec![machine], cell.clone()].concat());
    manifest.plan.design.cells = (0..2).flat_map(cell).collect();
    manifest.plan.design.stop = None;
    (manifest.plan.repetitions, manifest.plan.cells, manifest.plan.trials) = (1, 6, 6);
    manifest.probe.calibrations.clear();
    manifest.merged = Some(merged.clone());
    let mut writer = RunWriter::create(runs, manifest, FULL_SCENARIO, None).unwrap();
    for (number, part) in merged.parts.iter().enumerate() {
        for position in 0..3 {
            let mut record = TrialRecord { boot: part.boots[0].clone(), ..in_block(0, position) };
            merged.place(&mut record, number, 3);
            writer.append_trial(&record).unwrap();
        }
    }
    writer
}

/// A trial of a plan with blocks of three.
fn in_block(block: u32, position: u32) -> TrialRecord {
    let (size, load) = [("4KiB", "baseline"), ("1MiB", "high"), ("4KiB", "high")][position as usize];
    let trial = block * 3 + position;
    TrialRecord {
        block,
        position,
        repetition: block,
        factors: BTreeMap::from([("size".into(), size.into()), ("load".into(), load.into())]),
        started_at: moment() + chrono::TimeDelta::seconds(trial.into()),
        ..measured(trial)
    }
}

/// Writes the golden runs that are not there: see `golden/README.md`. One that is there is never written again.
#[test]
#[ignore = "writes files that are to be committed"]
fn write_golden_runs() {
    let kept = golden();
    let latest = kept.join("latest");
    let is_missing = |id: &str| !kept.join(id).exists();
    // Those of other names were written before there was what these have besides.
    if is_missing("rates") {
        everything(&kept, "rates").finish(State::Complete).unwrap();
    }
    if is_missing("rates_interrupted") {
        everything(&kept, "rates_interrupted").finish(State::Interrupted).unwrap();
    }
    if is_missing("rates_under_way") {
        drop(everything(&kept, "rates_under_way"));
    }
    if is_missing("turns") {
        turns(&kept).finish(State::Complete).unwrap();
    }
    if is_missing("shard") {
        shard(&kept).finish(State::Complete).unwrap();
    }
    if is_missing("merged") {
        merged(&kept).finish(State::Complete).unwrap();
    }
    let _ = fs::remove_file(latest);
}

/// Writes a run that nobody measured, of as many trials as are wanted: block by block, each cell's is drawn from those that
/// a kept run has of the same cell. Its figures are as those of a run that would have had so many.
///
/// `RESAMPLE_RUN` is the kept run, `RESAMPLE_INTO` the folder of runs, `RESAMPLE_AS` the new run's name, `RESAMPLE_TRIALS`
/// the trials.
#[test]
#[ignore = "a tool of the benchmarks"]
fn resample() {
    let given = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let kept = Run::open(Path::new(&given("RESAMPLE_RUN"))).unwrap();
    let trials: usize = given("RESAMPLE_TRIALS").parse().unwrap();
    let mut cells: BTreeMap<&BTreeMap<String, String>, Vec<&TrialRecord>> = BTreeMap::new();
    for trial in &kept.trials {
        cells.entry(&trial.factors).or_default().push(trial);
    }
    let blocks = trials.div_ceil(cells.len());
    let count = |number: usize| u32::try_from(number).unwrap();
    let mut manifest = kept.manifest.clone();
    manifest.id = given("RESAMPLE_AS");
    manifest.state = State::Running;
    manifest.checksums.clear();
    manifest.plan.repetitions = count(blocks);
    manifest.plan.trials = count(blocks * cells.len());
    let into = given("RESAMPLE_INTO");
    let mut writer = RunWriter::create(Path::new(&into), manifest, &kept.scenario().unwrap(), None).unwrap();
    for block in 0..blocks {
        for (position, drawn) in cells.values().enumerate() {
            // The same run whenever it is made.
            let mut draw = DefaultHasher::new();
            (block, position).hash(&mut draw);
            let drawn = drawn[usize::try_from(draw.finish() % drawn.len() as u64).unwrap()];
            let (trial, block, position) =
                (count(block * cells.len() + position), count(block), count(position));
            let trial = TrialRecord { trial, block, position, repetition: block, ..drawn.clone() };
            writer.append_trial(&trial).unwrap();
        }
    }
    writer.finish(State::Complete).unwrap();
}

/// Writes an archive of runs that nobody measured, an hour apart: each has the plan of a kept run, and at each place of it a
/// trial that kept runs have of the same cell. In the last third the first cell is drawn from its slower trials. Kernels come
/// one after the other, every tenth run is another machine's, and some have labels.
///
/// `ARCHIVE_OF` is a folder of kept runs of one scenario and seed, `ARCHIVE_INTO` the folder of runs, `ARCHIVE_RUNS` how many.
#[test]
#[ignore = "a tool of the benchmarks"]
fn archive() {
    let given = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (of, into) = (PathBuf::from(given("ARCHIVE_OF")), PathBuf::from(given("ARCHIVE_INTO")));
    let count: u32 = given("ARCHIVE_RUNS").parse().unwrap();
    let kept = run_ids(&of).unwrap().into_iter().map(|id| Run::open(&of.join(id)).unwrap());
    let archive = Archive::of(kept.collect(), count);
    let threads = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (archive, into) = (&archive, &into);
            // A folder of few runs, for whoever begins a draft looks for those that were left.
            let drafts = into.join(format!(".making-{thread}"));
            scope.spawn(move || {
                for number in (thread..count).step_by(threads as usize) {
                    let run = archive.write(number, &drafts);
                    fs::rename(&run, into.join(run.file_name().unwrap())).unwrap();
                }
                let _ = fs::remove_dir_all(&drafts);
            });
        }
    });
}

struct Archive {
    count: u32,
    plan: Run,
    scenario: String,
    /// The trials of each cell, the fastest first.
    cells: BTreeMap<BTreeMap<String, String>, Vec<TrialRecord>>,
}

impl Archive {
    fn of(kept: Vec<Run>, count: u32) -> Self {
        let plan = kept[0].clone();
        let mut cells: BTreeMap<_, Vec<TrialRecord>> = BTreeMap::new();
        let trials = kept.into_iter().flat_map(|run| run.trials);
        for trial in trials.filter(|trial| trial.status == Status::Ok) {
            cells.entry(trial.factors.clone()).or_default().push(trial);
        }
        let median = |trial: &TrialRecord| trial.measures[0].ok.quantile_ns(0.5).unwrap();
        for trials in cells.values_mut() {
            trials.sort_by(|a, b| median(a).total_cmp(&median(b)));
        }
        Self { count, scenario: plan.scenario().unwrap(), plan, cells }
    }

    /// The same run whenever it is made.
    fn write(&self, number: u32, drafts: &Path) -> PathBuf {
        let before = chrono::TimeDelta::hours(i64::from(self.count - number));
        let third = number * 3 / self.count;
        let mut manifest = self.plan.manifest.clone();
        let ended_at = manifest.ended_at.map(|it| it - before);
        (manifest.state, manifest.ended_at) = (State::Running, None);
        manifest.checksums.clear();
        manifest.started_at -= before;
        let (time, name) = (manifest.started_at.format("%Y-%m-%dT%H%M%SZ"), &manifest.scenario.name);
        manifest.id = format!("{time}-{name}-made");
        manifest.label = number.is_multiple_of(7).then(|| format!("week-{}", number / 168));
        manifest.environment.kernel_release =
            ["6.1.0-made", "6.12.0-made", "6.18.0-made"][third as usize].into();
        manifest.environment.host = if number % 10 == 9 { "second" } else { "first" }.into();
        let mut draft = Draft::create(drafts, manifest, &self.scenario, None).unwrap();
        for place in &self.plan.trials {
            let drawn = &self.cells[&place.factors];
            let is_first = Some(&place.factors) == self.cells.keys().next();
            let half = drawn.len() / 2;
            let drawn = match (is_first, third) {
                (true, 2) => &drawn[half..],
                (true, _) => &drawn[..half],
                _ => &drawn[..],
            };
            let mut draw = DefaultHasher::new();
            (number, place.trial).hash(&mut draw);
            let drawn = &drawn[usize::try_from(draw.finish() % drawn.len() as u64).unwrap()];
            let (trial, block, position) = (place.trial, place.block, place.position);
            let (repetition, started_at) = (place.repetition, place.started_at - before);
            let boot = format!("boot-{}", number / 24);
            let trial = TrialRecord { trial, block, position, repetition, started_at, boot, ..drawn.clone() };
            draft.add_trial(&trial).unwrap();
        }
        draft.add_load(&self.plan.load).unwrap();
        draft.finish(ended_at).unwrap()
    }
}

/// One part of a plan after the other, with trials of a kept run in the places that the plan has: what a merge takes can so be
/// measured without measuring for an hour. `RESAMPLE_PLANS` names the files that `runner plan --shard I/N --json` prints.
#[test]
#[ignore = "a tool of the benchmarks"]
fn made_up_parts() {
    let given = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let kept = Run::open(Path::new(&given("RESAMPLE_RUN"))).unwrap();
    let mut cells: BTreeMap<&BTreeMap<String, String>, Vec<&TrialRecord>> = BTreeMap::new();
    for trial in &kept.trials {
        cells.entry(&trial.factors).or_default().push(trial);
    }
    for plan in given("RESAMPLE_PLANS").split_whitespace() {
        let plan: serde_json::Value = serde_json::from_str(&fs::read_to_string(plan).unwrap()).unwrap();
        let count = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let planned = plan["trials"].as_array().unwrap();
        let shard: Shard = serde_json::from_value(plan["shard"].clone()).unwrap();
        let mut manifest = kept.manifest.clone();
        manifest.id = format!("{}-part-{:04}", kept.manifest.id, shard.number);
        manifest.state = State::Running;
        manifest.checksums.clear();
        manifest.plan.repetitions = count(&plan["repetitions"]);
        manifest.plan.trials = u32::try_from(planned.len()).unwrap();
        manifest.plan.shard = Some(shard);
        manifest.scenario.overrides = vec![format!("plan.repetitions={}", plan["repetitions"])];
        manifest.format_version = PARTS_FORMAT_VERSION;
        let into = given("RESAMPLE_INTO");
        let mut draft = Draft::create(Path::new(&into), manifest, &kept.scenario().unwrap(), None).unwrap();
        for place in planned {
            let factors: BTreeMap<String, String> = serde_json::from_value(place["factors"].clone()).unwrap();
            let trial = count(&place["trial"]);
            let drawn = cells[&factors][trial as usize % cells[&factors].len()];
            let (block, position) = (count(&place["block"]), count(&place["position"]));
            let repetition = count(&place["repetition"]);
            draft.add_trial(&TrialRecord { trial, block, position, repetition, ..drawn.clone() }).unwrap();
        }
        draft.finish(kept.manifest.ended_at).unwrap();
    }
}

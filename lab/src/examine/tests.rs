//! Submissions as they come in, and runs that were made up for them.

use super::*;
use crate::assignment::tests::{SMALL, small};
use crate::bundle::Kind;
use probe_abi::{Histogram, SparseHistogram};
use std::path::PathBuf;
use store::{
    Design, Environment, Factor, Ledger, Level, Measure, PlanInfo, ProbeInfo, RunWriter, ScenarioInfo,
    TrialRecord, Vantage,
};
use tempfile::TempDir;

/// What a made-up run is like.
pub(crate) struct Made {
    pub(crate) blocks: u32,
    pub(crate) probe: bool,
    pub(crate) student: &'static str,
    pub(crate) host: &'static str,
}

impl Default for Made {
    fn default() -> Self {
        Self { blocks: 2, probe: true, student: "s1", host: "somewhere" }
    }
}

const SIZES: [(&str, u64); 3] = [("4KiB", 1000), ("64KiB", 4000), ("1MiB", 2000)];
const LOADS: [(&str, u64); 2] = [("baseline", 2), ("high", 3)];

/// A run of the small assignment: high load takes half as long again, and the middle size longest.
pub(crate) fn made(made: &Made) -> Run {
    let manifest = manifest(made);
    let mut trials = Vec::new();
    for block in 0..made.blocks {
        let mut position = 0;
        for (load, times) in LOADS {
            for (size, ns) in SIZES {
                let ns = ns * times / 2 + u64::from(block % 3) * 20;
                trials.push(trial((trials.len(), block, position), (size, load), (ns, made.probe)));
                position += 1;
            }
        }
    }
    Run { path: PathBuf::new(), manifest, trials, load: vec![] }
}

fn trial(
    (number, block, position): (usize, u32, u32),
    (size, load): (&str, &str),
    (ns, probe): (u64, bool),
) -> TrialRecord {
    let measure = |vantage: Vantage, ns: u64| {
        let mut dense = Box::new(Histogram::EMPTY);
        (0..12_000_u64).for_each(|call| dense.record(ns + call % 50));
        let ledger = Ledger {
            entered: 12_000,
            censored: 0,
            censored_age_max_ns: 0,
            lost: 0,
            missed: None,
            compat: None,
        };
        Measure {
            syscall: "mmap".to_owned(),
            vantage,
            ok: SparseHistogram::from(&*dense),
            error: SparseHistogram::default(),
            errnos: vec![],
            ledger: (vantage == Vantage::Kernel).then_some(ledger),
        }
    };
    let kernel = probe.then(|| measure(Vantage::Kernel, ns));
    TrialRecord {
        trial: u32::try_from(number).unwrap(),
        block,
        position,
        repetition: block,
        factors: [("size", size), ("load", load)].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        boot: "boot".to_owned(),
        window_ns: 1_000_000,
        operations: 12_000,
        measures: kernel.into_iter().chain([measure(Vantage::User, ns + 100)]).collect(),
        ..TrialRecord::begun(chrono::Utc::now())
    }
}

pub(crate) const SCENARIO: &str = "schema = 1\nname = \"calls\"\n";

fn manifest(made: &Made) -> Manifest {
    let level = |label: &str| Level { label: label.into(), value: None, arguments: vec![], command: vec![] };
    let student = Student::new(made.student).unwrap();
    let assignment = small();
    let seed = student.seed(&assignment.id);
    let mut overrides = student.overrides(&assignment.id, &assignment.parameters);
    overrides.push(format!("plan.seed={seed}"));
    let backend = if made.probe { "raw_tracepoint" } else { "user" };
    Manifest {
        format_version: store::FORMAT_VERSION,
        id: "2026-01-01T000000Z-calls-aaaa".to_owned(),
        state: State::Running,
        started_at: chrono::Utc::now(),
        ended_at: None,
        label: None,
        command: vec!["/home/ada/bin/runner".into(), "lab".into()],
        scenario: ScenarioInfo {
            name: "calls".into(),
            summary: String::new(),
            hash: blake3::hash(SCENARIO.as_bytes()).to_hex().to_string(),
            overrides,
            syscalls: vec!["mmap".into()],
            scope: "generators".into(),
            warmup_ns: 1,
            window_ns: Some(1_000_000),
            factors: vec![
                Factor { name: "size".into(), levels: SIZES.iter().map(|(it, _)| level(it)).collect() },
                Factor { name: "load".into(), levels: LOADS.iter().map(|(it, _)| level(it)).collect() },
            ],
            generators: vec![],
            loss_limit: 0.001,
            noise_limit: Some(0.05),
            keep_slowest: 0,
        },
        plan: PlanInfo {
            order: "random_blocks".into(),
            seed,
            repetitions: made.blocks,
            cells: 6,
            trials: made.blocks * 6,
            design: Design::default(),
        },
        probe: ProbeInfo { requested: "auto".into(), backend: backend.into(), ..ProbeInfo::default() },
        environment: Environment {
            host: made.host.to_owned(),
            kernel_command_line: Some("root=/dev/secret quiet".to_owned()),
            ..Environment::default()
        },
        against: None,
        trace: None,
        extensions: vec![],
        warnings: vec!["cannot read /home/ada/x on somewhere".to_owned()],
        machine: vec![],
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// Puts a run on disk, as its writer does.
pub(crate) fn written(run: &Run, runs: &Path, state: State) -> PathBuf {
    let mut writer = RunWriter::create(runs, run.manifest.clone(), SCENARIO, None).unwrap();
    run.trials.iter().for_each(|trial| writer.append_trial(trial).unwrap());
    let path = writer.finish(state).unwrap();
    let _ = fs::remove_file(runs.join("latest"));
    path
}

/// An assignment in one folder, a submission in another.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) assignment: Assignment,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("assignment")).unwrap();
        fs::create_dir_all(folder.path().join("submission/runs")).unwrap();
        fs::write(folder.path().join("assignment/calls.toml"), SCENARIO).unwrap();
        let sheet = "<!-- answer: why -->\nBecause.\n<!-- end of answer -->\n";
        fs::write(folder.path().join("submission/answers.md"), sheet).unwrap();
        Self { folder, assignment: Assignment::parse("assignment.toml", SMALL).unwrap() }
    }

    pub(crate) fn with(self, run: &Run, state: State) -> Self {
        written(run, &self.folder.path().join("submission/runs"), state);
        self
    }

    pub(crate) fn submission(&self) -> PathBuf {
        self.folder.path().join("submission")
    }

    pub(crate) fn examined_as(&self, submission: Submission, order: Order<'_>) -> Examination {
        let index = Index::new(Kind::Submission, "0.1.0", self.assignment.id.clone(), None);
        let copy = self.folder.path().join("assignment");
        examine(&self.submission(), (&index, submission), Some((&self.assignment, &copy, "file")), order)
    }

    pub(crate) fn examined(&self) -> Examination {
        self.examined_as(of("s1"), &|_, _| vec![])
    }
}

pub(crate) fn of(student: &str) -> Submission {
    Submission::new(Student::new(student).unwrap(), "file".to_owned())
}

fn told(examination: &Examination) -> String {
    let lines = examination.findings.iter().map(|it| format!("{}: {}", it.standing.words(), it.words));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn one_that_is_right_is_sound() {
    let examined = Place::new().with(&made(&Made::default()), State::Complete).examined();
    assert_eq!(examined.standing(), Standing::Sound, "{}", told(&examined));
    assert_eq!((examined.runs.len(), examined.answers["why"].as_str()), (1, "Because."));
    assert_eq!(examined.findings, []);
}

#[test]
fn another_students_run_is_refused() {
    let place = Place::new().with(&made(&Made { student: "s2", ..Made::default() }), State::Complete);
    let examined = place.examined();
    assert_eq!(examined.standing(), Standing::Refused);
    assert!(told(&examined).contains("another student's"), "{}", told(&examined));
    // Their word alone is worth as much.
    let examined = place.examined_as(of("s2"), &|_, _| vec![]);
    assert_eq!(examined.standing(), Standing::Sound, "{}", told(&examined));
}

#[test]
fn an_order_that_the_seed_does_not_make_is_refused() {
    let place = Place::new().with(&made(&Made::default()), State::Complete);
    let examined = place.examined_as(of("s1"), &|_, text| {
        assert_eq!(text, SCENARIO);
        vec!["trial 1 is not the one".to_owned()]
    });
    assert_eq!(examined.standing(), Standing::Refused);
    assert!(told(&examined).contains("trial 1 is not the one"), "{}", told(&examined));
}

#[test]
fn missing_trials_and_runs_make_it_incomplete() {
    let examined = Place::new().examined();
    assert_eq!(examined.standing(), Standing::Incomplete);
    assert!(told(&examined).contains("there is no run of calls"), "{}", told(&examined));
    let mut run = made(&Made::default());
    run.trials.remove(4);
    for state in [State::Complete, State::Interrupted] {
        let examined = Place::new().with(&run, state).examined();
        assert_eq!(examined.standing(), Standing::Incomplete, "{}", told(&examined));
        assert!(told(&examined).contains("1 of 12 trials are missing: 5"), "{}", told(&examined));
        assert_eq!(examined.findings.len(), 1, "{}", told(&examined));
    }
    // It does not hide what else is wrong.
    run.trials[2].measures[0].ok.count += 1;
    let examined = Place::new().with(&run, State::Complete).examined();
    assert_eq!(examined.standing(), Standing::Refused, "{}", told(&examined));
    assert!(told(&examined).contains("in the histogram"), "{}", told(&examined));
    assert!(told(&examined).contains("1 of 12 trials are missing: 5"), "{}", told(&examined));
}

#[test]
fn other_values_scenarios_and_copies_are_found() {
    let mut run = made(&Made::default());
    run.manifest.scenario.overrides[0] = "generators.caller.size=1GiB".to_owned();
    let examined = Place::new().with(&run, State::Complete).examined();
    assert!(
        told(&examined).contains("refused: 2026-01-01T000000Z-calls-aaaa: its values are not s1's"),
        "{}",
        told(&examined)
    );
    let place = Place::new().with(&made(&Made::default()), State::Complete);
    fs::write(place.folder.path().join("assignment/calls.toml"), "schema = 1\n").unwrap();
    assert!(told(&place.examined()).contains("is not the assignment's calls.toml"));
    let place = Place::new().with(&made(&Made::default()), State::Complete);
    let copy = Submission { assignment_file: "other".to_owned(), ..of("s1") };
    let examined = place.examined_as(copy, &|_, _| vec![]);
    assert_eq!(examined.standing(), Standing::Sound);
    assert!(told(&examined).contains("another copy"), "{}", told(&examined));
}

#[test]
fn edited_tables_and_ledgers_are_refused() {
    let place = Place::new().with(&made(&Made::default()), State::Complete);
    let table = place.submission().join("runs/2026-01-01T000000Z-calls-aaaa/trials.parquet");
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    let examined = place.examined();
    assert_eq!((examined.standing(), examined.runs.len()), (Standing::Refused, 0));
    assert!(told(&examined).contains("trials.parquet"), "{}", told(&examined));
    assert!(!told(&examined).contains(place.folder.path().to_str().unwrap()), "{}", told(&examined));
    let mut run = made(&Made::default());
    for measure in &mut run.trials[2].measures {
        if let Some(ledger) = &mut measure.ledger {
            ledger.entered += 500;
            ledger.lost += 500;
        }
    }
    let examined = Place::new().with(&run, State::Complete).examined();
    assert!(told(&examined).contains("trial 3 is said to be ok, and 500 of 12500"), "{}", told(&examined));
}

#[test]
fn one_of_another_assignment_is_refused_and_recorded_data_are_named() {
    let place = Place::new().with(&made(&Made::default()), State::Complete);
    let id = AssignmentId { edition: "2".to_owned(), ..place.assignment.id.clone() };
    let index = Index::new(Kind::Submission, "9.9.9", id, None);
    let folder = place.folder.path().join("assignment");
    let copy = Some((&place.assignment, folder.as_path(), "file"));
    let examined = examine(&place.submission(), (&index, of("s1")), copy, &|_, _| vec![]);
    assert!(told(&examined).contains("it belongs to small of edition 2"), "{}", told(&examined));
    let recorded = Submission { recorded: true, ..of("s1") };
    let examined = Place::new().examined_as(recorded, &|_, _| vec![]);
    assert_eq!(examined.standing(), Standing::Sound);
    assert!(told(&examined).contains("nothing was measured"), "{}", told(&examined));
    let (folder, id) = (place.submission(), place.assignment.id.clone());
    let index = Index::new(Kind::Submission, "0.1.0", id, None);
    let examined = examine(&folder, (&index, of("s1")), None, &|_, _| vec![]);
    assert!(told(&examined).contains("only the assignment can tell"), "{}", told(&examined));
}

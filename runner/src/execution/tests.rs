//! Order, clean-up and storing, with a rig that touches no machine.

mod alternation;

use super::{Measured, Outcome, Party, Rig, Session, execute, stop_rule};
use crate::progress::Progress;
use crate::scenario::{Machine, Override, Plan, PlannedTrial, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use store::{
    Environment, FORMAT_VERSION, Factor, LoadMetric, Manifest, Measure, PlanInfo, ProbeInfo, Run, RunWriter,
    ScenarioInfo, State, Status, StopReason, TrialRecord, Vantage,
};

const SCENARIO: &str = r#"schema = 1
name = "fake"
summary = ""
[measure]
syscalls = ["getpid"]
[plan]
repetitions = 2
[factors]
threads = [1, 2]
[generators.caller]
workload = "getpid"
threads = "$threads"
[load.baseline]
[load.high]
cpu = 1
"#;

/// Notes what it is asked for; fails, breaks off or spoils the store where it is told to.
#[derive(Default)]
struct FakeRig {
    log: Vec<String>,
    no_load: Option<&'static str>,
    /// Of load 1, what is not steady in block 1.
    unsteady: Option<&'static str>,
    fails_at: Option<u32>,
    doubtful_at: Option<u32>,
    stop_at: Option<u32>,
    stops_with_failure: bool,
    /// Of block 1, a stressor that did nothing.
    idle: Option<&'static str>,
    /// Block of the load that runs.
    block: u32,
    folder_to_remove_at: Option<(u32, PathBuf)>,
    stop: std::sync::Arc<AtomicBool>,
    /// The latency of every call of a trial, where it is to have a figure.
    latency: Option<fn(&PlannedTrial) -> u64>,
    /// The same of calls that fail.
    failing: Option<fn(&PlannedTrial) -> u64>,
    /// The trial that is disturbed, and in how many attempts.
    disturbed: Option<(u32, u32)>,
    /// The trial whose second attempt fails.
    fails_again: Option<u32>,
    /// Whether a trial takes time.
    slow: bool,
    running: bool,
    stored_before: Vec<usize>,
    parts: PathBuf,
}

impl Rig for FakeRig {
    fn start_load(&mut self, trial: &PlannedTrial) -> Result<Option<String>, String> {
        assert!(!std::mem::replace(&mut self.running, true), "a load was started above another");
        self.log.push(format!("load {}", trial.load));
        self.block = trial.block;
        let unsteady = self.unsteady.filter(|_| (trial.load, trial.block) == (1, 1)).map(str::to_owned);
        self.no_load.filter(|_| trial.load == 1).map_or(Ok(unsteady), |reason| Err(reason.to_owned()))
    }

    fn stop_load(&mut self) -> Result<Vec<LoadMetric>, String> {
        assert!(std::mem::replace(&mut self.running, false), "a load was stopped that was not started");
        self.log.push("stop".to_owned());
        let idle = self.idle.filter(|_| self.block == 1);
        let metric = |stressor: &str| LoadMetric {
            block: self.block,
            level: "high".to_owned(),
            stressor: stressor.to_owned(),
            instances: 1,
            bogo_ops: Some(0),
            bogo_ops_per_second: Some(0.0),
            wall_seconds: Some(2.0),
            user_seconds: Some(0.0),
            system_seconds: Some(0.0),
            rss_max_kib: None,
        };
        Ok(idle.map(metric).into_iter().collect())
    }

    fn measure(&mut self, trial: &PlannedTrial) -> Outcome {
        self.stored_before.push(std::fs::read_dir(&self.parts).map_or(0, |entries| {
            entries
                .filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().starts_with("trial-"))
                .count()
        }));
        self.log.push(format!("trial {}", trial.trial));
        let name = format!("trial {}", trial.trial);
        let attempts = u32::try_from(self.log.iter().filter(|entry| **entry == name).count()).unwrap();
        if self.slow {
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        if let Some((at, folder)) = &self.folder_to_remove_at
            && *at == trial.trial
        {
            std::fs::remove_dir_all(folder).unwrap();
        }
        if self.stop_at == Some(trial.trial) {
            self.stop.store(true, Ordering::Relaxed);
            return Outcome::Interrupted;
        }
        if self.fails_at == Some(trial.trial) {
            self.stop.store(self.stops_with_failure, Ordering::Relaxed);
            return Outcome::Failed("the generator ended early".to_owned());
        }
        if self.fails_again == Some(trial.trial) && attempts == 2 {
            return Outcome::Failed("the generator ended early".to_owned());
        }
        let noise = self.disturbed.map(|(at, times)| store::Noise {
            disturbed: (at == trial.trial && attempts <= times).then(|| "other programs ran".to_owned()),
            ..store::Noise::default()
        });
        let doubt = (self.doubtful_at == Some(trial.trial)).then(|| "lost too many".to_owned());
        let failed = |measure: Measure| Measure {
            error: measure.ok,
            ok: probe_abi::SparseHistogram::default(),
            ..measure
        };
        let failing = self.failing.map(|latency| failed(measure(latency(trial))));
        let measures = self.latency.map(|latency| measure(latency(trial))).or(failing);
        let measures = measures.into_iter().collect();
        Outcome::Measured(Box::new(Measured {
            window_ns: 5,
            operations: 7,
            measures,
            noise,
            doubt,
            ..Measured::default()
        }))
    }

    fn stand_aside(&mut self, is_quiet: bool) {
        assert!(!self.running, "another run's turn came while a load ran");
        self.log.push(format!("aside {is_quiet}"));
    }
}

/// Many calls of one latency, as the caller saw them.
fn measure(latency_ns: u64) -> Measure {
    let mut histogram = probe_abi::Histogram::EMPTY;
    (0..1000).for_each(|_| histogram.record(latency_ns));
    Measure {
        syscall: "getpid".to_owned(),
        vantage: Vantage::User,
        ok: probe_abi::SparseHistogram::from(&histogram),
        error: probe_abi::SparseHistogram::default(),
        errnos: Vec::new(),
        ledger: None,
    }
}

fn scenario(overrides: &[&str]) -> Scenario {
    let machine = Machine { cpus: 2, memory_bytes: 1 << 30 };
    let overrides: Vec<Override> = overrides.iter().map(|it| Override::set(it)).collect();
    Scenario::parse(Path::new("fake.toml"), SCENARIO, &overrides, &machine).unwrap()
}

pub(crate) fn manifest() -> Manifest {
    let factor = |name: &str| Factor { name: name.to_owned(), levels: Vec::new() };
    Manifest {
        format_version: FORMAT_VERSION,
        id: "fake-run".to_owned(),
        state: State::Running,
        started_at: chrono::Utc::now(),
        ended_at: None,
        label: None,
        command: Vec::new(),
        scenario: ScenarioInfo {
            name: "fake".to_owned(),
            summary: String::new(),
            hash: String::new(),
            overrides: vec![],
            syscalls: vec!["getpid".to_owned()],
            scope: "generators".to_owned(),
            warmup_ns: 0,
            window_ns: Some(5),
            factors: vec![factor("threads"), factor("load")],
            generators: Vec::new(),
            loss_limit: 0.0,
            noise_limit: Some(0.05),
            keep_slowest: 0,
        },
        plan: PlanInfo {
            order: "random_blocks".to_owned(),
            seed: 1,
            repetitions: 2,
            cells: 4,
            trials: 8,
            design: store::Design::default(),
        },
        probe: ProbeInfo {
            requested: "user".to_owned(),
            backend: "user".to_owned(),
            reasons: Vec::new(),
            factor: None,
            calibrations: Vec::new(),
        },
        environment: Environment::default(),
        against: None,
        trace: None,
        extensions: Vec::new(),
        warnings: Vec::new(),
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// Executes the scenario on the rig; returns the outcome and the run as it can be read afterwards.
fn executed(rig: &mut FakeRig) -> (Result<State, store::StoreError>, Option<Run>) {
    executed_with(rig, &[])
}

/// The same with overrides of the scenario.
fn executed_with(rig: &mut FakeRig, overrides: &[&str]) -> (Result<State, store::StoreError>, Option<Run>) {
    executed_after(rig, overrides, &[])
}

/// The same after trials that are there already.
fn executed_after(
    rig: &mut FakeRig,
    overrides: &[&str],
    done: &[TrialRecord],
) -> (Result<State, store::StoreError>, Option<Run>) {
    let runs = tempfile::tempdir().unwrap();
    let scenario = scenario(overrides);
    let mut manifest = manifest();
    manifest.plan.design.stop = stop_rule(&scenario);
    let mut writer = RunWriter::create(runs.path(), manifest, SCENARIO, None).unwrap();
    let folder = writer.path().to_owned();
    rig.parts = folder.join(".parts");
    for record in done {
        writer.append_trial(record).unwrap();
    }
    if let Some((_, to_remove)) = &mut rig.folder_to_remove_at {
        *to_remove = rig.parts.clone();
    }
    let stop = std::sync::Arc::clone(&rig.stop);
    let plan = Plan::of(&scenario, 1);
    let outcome = {
        let party = Party { scenario: &scenario, plan: &plan, done, rig, writer: &mut writer };
        execute(vec![party], &mut session(&mut Progress::new(8, true), &stop))
    };
    if let Ok(state) = &outcome {
        writer.finish(*state).unwrap();
    }
    let run = outcome.is_ok().then(|| Run::open(&folder).unwrap());
    (outcome, run)
}

fn session<'a>(progress: &'a mut Progress, stop: &'a AtomicBool) -> Session<'a> {
    Session {
        progress,
        stop,
        boot: "boot".to_owned(),
        told: BTreeSet::new(),
        timeline: crate::timeline::Timeline::from_environment(),
        clock: crate::clock::Clock::start(),
    }
}

#[test]
fn load_comes_and_goes_once_per_block_and_level_and_trials_are_in_order() {
    let mut rig = FakeRig::default();
    let (outcome, run) = executed(&mut rig);
    assert_eq!(outcome.unwrap(), State::Complete);
    assert_eq!(rig.log.iter().filter(|entry| *entry == "stop").count(), 4);
    assert_eq!(rig.log.iter().filter(|entry| entry.starts_with("load")).count(), 4);
    assert!(!rig.running);
    assert_eq!(trials(&rig), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    let run = run.unwrap();
    assert_eq!(run.trials.len(), 8);
    assert!(run.trials.iter().all(|trial| trial.status == Status::Ok && trial.operations == 7));
    assert_eq!(run.trials[0].factors.keys().collect::<Vec<_>>(), ["load", "threads"]);
}

#[test]
fn a_stressor_that_did_nothing_makes_its_trials_invalid_afterwards() {
    let (outcome, run) =
        executed(&mut FakeRig { idle: Some("io"), doubtful_at: Some(5), ..FakeRig::default() });
    assert_eq!(outcome.unwrap(), State::Complete);
    let run = run.unwrap();
    for trial in &run.trials {
        let reason = trial.reason.as_deref().unwrap_or_default();
        assert_eq!(trial.status == Status::Invalid, trial.block == 1, "{trial:?}");
        assert_eq!(reason.contains("stress-ng's io did not complete one operation"), trial.block == 1);
        assert_eq!(reason.starts_with("lost too many; "), trial.trial == 5);
    }
    let (_, run) = executed(&mut FakeRig { idle: Some("vm"), ..FakeRig::default() });
    assert!(run.unwrap().trials.iter().all(|trial| trial.status == Status::Ok));
}

/// The order of trials.
fn trials(rig: &FakeRig) -> Vec<&str> {
    rig.log.iter().filter_map(|entry| entry.strip_prefix("trial ")).collect()
}

const TWICE: &[&str] = &["plan.retry_disturbed=2"];

#[test]
fn a_disturbed_trial_is_repeated_at_the_end_of_its_block_as_often_as_asked() {
    let mut rig = FakeRig { disturbed: Some((1, 1)), ..FakeRig::default() };
    let (_, run) = executed_with(&mut rig, TWICE);
    assert_eq!(trials(&rig), ["0", "1", "2", "3", "1", "4", "5", "6", "7"]);
    let run = run.unwrap();
    let repeated = &run.trials[1];
    assert_eq!((run.trials.len(), repeated.attempt), (8, 2));
    assert_eq!(repeated.noise.as_ref().unwrap().disturbed, None);
    assert!(run.trials.iter().all(|trial| trial.trial == 1 || trial.attempt == 1));

    let mut rig = FakeRig { disturbed: Some((6, 9)), ..FakeRig::default() };
    let (_, run) = executed_with(&mut rig, TWICE);
    assert_eq!(trials(&rig), ["0", "1", "2", "3", "4", "5", "6", "7", "6", "6"]);
    let kept = run.unwrap().trials[6].clone();
    assert_eq!((kept.attempt, kept.status), (3, Status::Ok));
    assert!(kept.noise.unwrap().disturbed.is_some(), "it was, to the last");

    let mut rig = FakeRig { disturbed: Some((1, 1)), ..FakeRig::default() };
    let (_, run) = executed(&mut rig);
    assert_eq!(trials(&rig).len(), 8, "nobody asked for more");
    assert!(run.unwrap().trials[1].noise.as_ref().unwrap().disturbed.is_some());
}

#[test]
fn a_repetition_that_fails_leaves_the_figures_of_the_one_before() {
    let mut rig = FakeRig { disturbed: Some((1, 1)), fails_again: Some(1), ..FakeRig::default() };
    let (_, run) = executed_with(&mut rig, &["plan.retry_disturbed=1"]);
    let kept = run.unwrap().trials[1].clone();
    assert_eq!((kept.status, kept.operations, kept.attempt), (Status::Ok, 7, 2));
    assert!(kept.noise.unwrap().disturbed.is_some());
}

#[test]
fn a_run_that_is_gone_on_with_repeats_what_was_disturbed_before() {
    let (_, run) = executed(&mut FakeRig { disturbed: Some((1, 1)), ..FakeRig::default() });
    let before = run.unwrap().trials;
    let mut rig = FakeRig { disturbed: Some((99, 0)), ..FakeRig::default() };
    let (_, run) = executed_after(&mut rig, TWICE, &before[..4]);
    assert_eq!(trials(&rig), ["1", "4", "5", "6", "7"]);
    assert_eq!(run.unwrap().trials[1].attempt, 2);
    let mut rig = FakeRig { disturbed: Some((99, 0)), ..FakeRig::default() };
    executed_after(&mut rig, TWICE, &before[..6]).0.unwrap();
    assert_eq!(trials(&rig), ["6", "7"], "the block after it was begun");
}

#[test]
fn each_trial_is_stored_before_the_next_begins() {
    let mut rig = FakeRig::default();
    executed(&mut rig).0.unwrap();
    assert_eq!(rig.stored_before, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_failed_trial_is_kept_with_its_reason_and_the_run_goes_on() {
    let mut rig = FakeRig { fails_at: Some(3), doubtful_at: Some(5), ..FakeRig::default() };
    let (outcome, run) = executed(&mut rig);
    assert_eq!(outcome.unwrap(), State::Complete);
    let run = run.unwrap();
    assert_eq!(run.trials[3].status, Status::Failed);
    assert_eq!(run.trials[3].reason.as_deref(), Some("the generator ended early"));
    assert_eq!(run.trials[5].status, Status::Invalid);
    assert_eq!(run.trials.iter().filter(|trial| trial.status == Status::Ok).count(), 6);
}

#[test]
fn a_load_that_cannot_be_had_fails_its_trials_and_no_others() {
    let mut rig = FakeRig { no_load: Some("stress-ng: no memory"), ..FakeRig::default() };
    let (outcome, run) = executed(&mut rig);
    assert_eq!(outcome.unwrap(), State::Complete);
    for trial in run.unwrap().trials {
        let expected = if trial.factors["load"] == "high" { Status::Failed } else { Status::Ok };
        assert_eq!(trial.status, expected);
    }
    assert!(!rig.running, "what could not be had was not cleared away");
}

#[test]
fn a_load_that_had_not_settled_is_measured_under_and_told_of() {
    let mut rig = FakeRig { unsteady: Some("memory was still growing"), ..FakeRig::default() };
    let (_, run) = executed(&mut rig);
    let run = run.unwrap();
    assert!(run.trials.iter().all(|trial| trial.status == Status::Ok));
    let told = "load high had not settled within 2 s, 1 of 2 times: memory was still growing";
    assert_eq!(run.manifest.warnings, [told]);
}

#[test]
fn a_trial_that_fails_while_the_run_is_to_stop_counts_as_not_begun() {
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let mut rig = FakeRig { fails_at: Some(2), stops_with_failure: true, stop, ..FakeRig::default() };
    let (outcome, run) = executed(&mut rig);
    assert_eq!(outcome.unwrap(), State::Interrupted);
    assert_eq!(run.unwrap().trials.len(), 2);
}

#[test]
fn a_signal_ends_the_run_with_what_was_finished_and_without_load() {
    let mut rig = FakeRig { stop_at: Some(5), ..FakeRig::default() };
    let (outcome, run) = executed(&mut rig);
    assert_eq!(outcome.unwrap(), State::Interrupted);
    assert_eq!(run.unwrap().trials.len(), 5);
    assert!(!rig.running);
}

#[test]
fn a_failed_store_stops_the_run_and_the_load() {
    let mut rig = FakeRig { folder_to_remove_at: Some((2, PathBuf::new())), ..FakeRig::default() };
    let (outcome, _) = executed(&mut rig);
    assert!(outcome.is_err());
    assert!(!rig.running);
    assert_eq!(rig.log.last().map(String::as_str), Some("stop"));
}

/// What became of the plan under a rule: repetitions, trials, why, figures that are not sure.
fn stopped(rig: &mut FakeRig, rule: &str) -> (u32, usize, Option<StopReason>, u32) {
    let (outcome, run) = executed_with(rig, &[&format!("plan.until = {{ {rule} }}")]);
    assert_eq!(outcome.unwrap(), State::Complete);
    let run = run.unwrap();
    let plan = &run.manifest.plan;
    assert_eq!(plan.trials as usize, run.trials.len());
    assert_eq!(run.trials.len(), plan.repetitions as usize * 4, "a block is whole");
    let stop = plan.design.stop.as_ref().unwrap();
    assert!(stop.confidence >= 0.95 && stop.looks.last() == Some(&stop.most));
    (plan.repetitions, run.trials.len(), stop.reason, stop.unsure)
}

#[test]
fn blocks_are_added_until_every_figure_is_sure() {
    let mut rig = FakeRig { latency: Some(|_| 1_000), ..FakeRig::default() };
    // Sure at the first look at which so sure an interval exists.
    assert_eq!(stopped(&mut rig, "max_repetitions = 40"), (8, 32, Some(StopReason::Sure), 0));
    // One cell that varies has all others measured on.
    let wild = |trial: &PlannedTrial| match (trial.load, trial.cell) {
        (1, 1) => 1_000 + 200 * u64::from(trial.block % 5),
        _ => 1_000,
    };
    let mut rig = FakeRig { latency: Some(wild), ..FakeRig::default() };
    assert_eq!(stopped(&mut rig, "max_repetitions = 20"), (20, 80, Some(StopReason::Repetitions), 1));
    let mut rig = FakeRig { latency: Some(wild), ..FakeRig::default() };
    assert_eq!(stopped(&mut rig, "relative_interval = 0.5"), (8, 32, Some(StopReason::Sure), 0));
}

/// As the opening of a file that is not there: its figures are those of the failures, here as in reports.
#[test]
fn a_target_that_only_ever_fails_ends_a_run_by_its_rule_as_well() {
    let mut rig = FakeRig { failing: Some(|_| 1_000), ..FakeRig::default() };
    assert_eq!(stopped(&mut rig, "max_repetitions = 40"), (8, 32, Some(StopReason::Sure), 0));
}

/// Trials of block 1 became invalid by the end of their load: at 8 blocks there are 7 values of each figure.
#[test]
fn trials_that_became_invalid_make_no_figure_sure() {
    let mut rig = FakeRig { latency: Some(|_| 1_000), idle: Some("io"), ..FakeRig::default() };
    assert_eq!(stopped(&mut rig, "max_repetitions = 40"), (12, 48, Some(StopReason::Sure), 0));
}

#[test]
fn a_rule_ends_with_its_time_but_not_before_the_least() {
    let wild = |trial: &PlannedTrial| 1_000 * u64::from(trial.block % 3 + 1);
    let mut rig = FakeRig { latency: Some(wild), slow: true, ..FakeRig::default() };
    let (repetitions, _, reason, unsure) = stopped(&mut rig, "max_time = \"1s\"");
    assert_eq!((reason, unsure), (Some(StopReason::Time), 4));
    assert!((2..40).contains(&repetitions), "{repetitions}");
}

/// A run that was stopped has spent its time; but a block that was begun is executed to its end.
#[test]
fn the_time_of_a_rule_goes_on_where_a_run_is_gone_on_with() {
    const RULE: &str = "plan.until = { max_time = \"60s\" }";
    let wild = |trial: &PlannedTrial| 1_000 * u64::from(trial.block % 3 + 1);
    let gone_on_with = |after: u32, seconds_each: u64| {
        let stop = || std::sync::Arc::new(AtomicBool::new(false));
        let mut rig =
            FakeRig { latency: Some(wild), stop_at: Some(after), stop: stop(), ..FakeRig::default() };
        let mut done = executed_with(&mut rig, &[RULE]).1.unwrap().trials;
        for trial in &mut done {
            trial.wall_ns = seconds_each * 1_000_000_000;
        }
        let mut rig = FakeRig { latency: Some(wild), stop: stop(), ..FakeRig::default() };
        let (outcome, run) = executed_after(&mut rig, &[RULE], &done);
        assert_eq!(outcome.unwrap(), State::Complete);
        let run = run.unwrap();
        let plan = run.manifest.plan;
        assert_eq!(run.trials.len(), plan.trials as usize);
        (plan.repetitions, plan.design.stop.unwrap().reason)
    };
    assert_eq!(gone_on_with(12, 5), (3, Some(StopReason::Time)));
    assert_eq!(gone_on_with(13, 5), (4, Some(StopReason::Time)));
    assert_eq!(gone_on_with(12, 0), (40, Some(StopReason::Repetitions)));
}

#[test]
fn figures_that_no_repetition_has_are_never_sure() {
    let rule = "plan.until = { metric = \"p999\", max_repetitions = 6 }";
    let (outcome, run) = executed_with(&mut FakeRig::default(), &[rule]);
    outcome.unwrap();
    let stop = run.unwrap().manifest.plan.design.stop.unwrap();
    assert_eq!((stop.reason, stop.figures), (Some(StopReason::Repetitions), 0));
    let mut rig = FakeRig { latency: Some(|_| 1_000), ..FakeRig::default() };
    // A thousand calls do not support a p99.9.
    let outcome = stopped(&mut rig, "metric = \"p999\", max_repetitions = 6");
    assert_eq!(outcome, (6, 24, Some(StopReason::Repetitions), 4));
}

#[test]
fn an_interrupted_run_keeps_the_plan_that_it_had() {
    let mut rig = FakeRig { stop_at: Some(5), latency: Some(|_| 1_000), ..FakeRig::default() };
    let (outcome, run) = executed_with(&mut rig, &["plan.until = {}"]);
    assert_eq!(outcome.unwrap(), State::Interrupted);
    let plan = run.unwrap().manifest.plan;
    assert_eq!((plan.trials, plan.design.stop.unwrap().reason), (8, None));
}

//! A small run, as tests write it.

use chrono::Utc;
use probe_abi::{Histogram, SparseHistogram};
use std::collections::BTreeMap;
use std::path::Path;
use store::*;

/// The scenario's text.
pub(crate) const SCENARIO: &str = "schema = 1\n";

pub(crate) fn manifest(id: &str) -> Manifest {
    let level = |label: &str| Level { label: label.into(), value: None, arguments: vec![], command: vec![] };
    Manifest {
        format_version: FORMAT_VERSION,
        id: id.into(),
        state: State::Running,
        started_at: Utc::now(),
        ended_at: None,
        label: None,
        command: vec!["runner".into()],
        scenario: ScenarioInfo {
            name: "sweep".into(),
            summary: String::new(),
            hash: blake3::hash(SCENARIO.as_bytes()).to_hex().to_string(),
            overrides: vec![],
            syscalls: vec!["mmap".into(), "munmap".into()],
            scope: "generators".into(),
            warmup_ns: 1,
            window_ns: Some(2),
            factors: vec![
                Factor { name: "size".into(), levels: vec![level("4KiB"), level("1MiB")] },
                Factor { name: "load".into(), levels: vec![level("baseline")] },
            ],
            generators: vec![],
            loss_limit: 0.001,
            noise_limit: Some(0.05),
            keep_slowest: 3,
        },
        plan: PlanInfo {
            order: "random_blocks".into(),
            seed: 1,
            repetitions: 1,
            cells: 2,
            trials: 2,
            design: Design::default(),
            shard: None,
        },
        probe: ProbeInfo {
            requested: "auto".into(),
            backend: "raw_tracepoint".into(),
            reasons: vec![],
            factor: None,
            calibrations: vec![calibration()],
        },
        environment: Environment::default(),
        against: None,
        trace: None,
        extensions: Vec::new(),
        merged: None,
        warnings: vec![],
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

fn calibration() -> Calibration {
    Calibration {
        backend: "raw_tracepoint".into(),
        call: "getpid".into(),
        rounds: 11,
        calls_per_round: 10_000,
        bare_ns: 142.25,
        added_ns: Estimated { value: 240.0, low: 235.5, high: 246.0 },
        reads_ns: Estimated { value: 115.0, low: 113.0, high: 117.0 },
    }
}

pub(crate) fn histogram(values: &[u64]) -> SparseHistogram {
    let mut dense = Box::new(Histogram::EMPTY);
    for ns in values {
        dense.record(*ns);
    }
    SparseHistogram::from(&*dense)
}

pub(crate) fn measured(trial: u32) -> TrialRecord {
    let measure = |syscall: &str, vantage: Vantage| Measure {
        syscall: syscall.into(),
        vantage,
        ok: histogram(&[500, 700, 1 << 35, u64::from(trial)]),
        error: histogram(&[90]),
        errnos: vec![(512, 1)],
        ledger: (vantage == Vantage::Kernel).then_some(Ledger {
            entered: 7,
            censored: 1,
            censored_age_max_ns: 9,
            lost: 1,
            missed: (trial == 0).then_some(2),
            compat: (syscall == "mmap").then_some(0),
        }),
    };
    TrialRecord {
        trial,
        block: 0,
        position: trial,
        repetition: 0,
        factors: BTreeMap::from([("size".into(), "4KiB".into()), ("load".into(), "baseline".into())]),
        status: Status::Ok,
        reason: None,
        started_at: Utc::now(),
        boot: "boot".into(),
        window_ns: 500,
        wall_ns: 600,
        operations: 4,
        measures: vec![
            measure("mmap", Vantage::Kernel),
            measure("mmap", Vantage::User),
            measure("munmap", Vantage::Kernel),
        ],
        monitor: vec![MonitorSample {
            at_ns: 5,
            cpu_busy: 0.5,
            psi_io_some: Some(0.1),
            ..Default::default()
        }],
        slowest: vec![slow("mmap", 1 << 35), slow("mmap", 700), slow("munmap", 9)],
        generators: vec![generator("closed", None), generator("open", Some(2))],
        attempt: 1 + trial % 2,
        noise: Some(Noise {
            others: Some(0.25),
            busiest: (trial > 0).then(|| "make (7)".into()),
            steal: 0.125,
            throttled: (trial > 0).then_some(3),
            disturbed: (trial > 0).then(|| "other programs took 25 % of the processor time".into()),
        }),
    }
}

pub(crate) fn generator(name: &str, late: Option<u64>) -> GeneratorRecord {
    GeneratorRecord {
        generator: name.into(),
        workload: "mmap".into(),
        rate_per_second: late.map(|_| 4000.5),
        operations: 2,
        late,
        response: late.map(|_| histogram(&[900, 1 << 36])),
    }
}

pub(crate) fn slow(syscall: &str, latency_ns: u64) -> SlowCall {
    let is_known = latency_ns > 9;
    SlowCall {
        syscall: syscall.into(),
        latency_ns,
        at_ns: 400,
        pid: 11,
        tid: 12,
        cpu_entry: 0,
        cpu_return: 1,
        arguments: is_known.then_some([0, 1, u64::MAX, 3, 4, 5]),
        value: -12,
        switches: is_known.then_some(2),
        stack: if is_known { vec!["schedule+0x1f".into(), "do_mmap+0x4".into()] } else { vec![] },
    }
}

pub(crate) fn failed(trial: u32) -> TrialRecord {
    TrialRecord {
        status: Status::Failed,
        reason: Some("stress-ng: no memory".into()),
        measures: vec![],
        monitor: vec![],
        slowest: vec![],
        generators: vec![],
        noise: None,
        operations: 0,
        ..measured(trial)
    }
}

/// The figures of one stressor, and a stressor whose workers were killed.
pub(crate) fn load() -> Vec<LoadMetric> {
    let cpu = LoadMetric {
        block: 0,
        level: "high".into(),
        stressor: "cpu".into(),
        instances: 1,
        bogo_ops: Some(12),
        bogo_ops_per_second: Some(1.5),
        wall_seconds: Some(8.0),
        user_seconds: Some(1.0),
        system_seconds: Some(2.0),
        rss_max_kib: None,
    };
    let killed = LoadMetric {
        stressor: "vm".into(),
        bogo_ops: None,
        bogo_ops_per_second: None,
        wall_seconds: None,
        user_seconds: None,
        system_seconds: None,
        ..cpu.clone()
    };
    vec![cpu, killed]
}

pub(crate) fn write(runs: &Path, id: &str, records: &[TrialRecord]) -> RunWriter {
    let mut writer = RunWriter::create(runs, manifest(id), SCENARIO, None).unwrap();
    for record in records {
        writer.append_trial(record).unwrap();
    }
    writer.append_load(&load()).unwrap();
    writer
}

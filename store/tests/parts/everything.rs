//! A run that has everything that a run can have.

use super::sample::{failed, generator, load, manifest, measured};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::path::Path;
use store::*;

/// A run with everything that a run can have: see `tests/golden/README.md`. The same each time, its folder's name apart.
pub(crate) fn everything(runs: &Path, id: &str) -> RunWriter {
    let mut writer = RunWriter::create(runs, full_manifest(id), FULL_SCENARIO, None).unwrap();
    let levels = [("4KiB", "baseline"), ("1MiB", "high"), ("4KiB", "high")];
    for (trial, (size, load)) in (0..6).zip(levels.into_iter().cycle()) {
        let (block, position) = (trial / 3, trial % 3);
        let mut record = match trial {
            2 => failed(trial),
            4 => {
                TrialRecord { status: Status::Invalid, reason: Some("loss of 3 %".into()), ..measured(trial) }
            }
            _ => measured(trial),
        };
        if record.status != Status::Failed {
            // A mix is several workloads of one generator.
            let populate = GeneratorRecord { workload: "mmap_populate".into(), ..generator("closed", None) };
            record.generators.insert(1, populate);
        }
        record.factors = BTreeMap::from([("size".into(), size.into()), ("load".into(), load.into())]);
        writer
            .append_trial(&TrialRecord {
                block,
                position,
                repetition: block,
                started_at: moment() + chrono::TimeDelta::seconds(trial.into()),
                ..record
            })
            .unwrap();
    }
    writer.append_load(&load()).unwrap();
    writer.warn(vec!["the governor is powersave".into()]);
    writer
}

/// The scenario of [`everything`].
pub(crate) const FULL_SCENARIO: &str = include_str!("everything.toml");

/// When its runs began.
pub(crate) fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub(crate) fn full_manifest(id: &str) -> Manifest {
    let plain = manifest(id);
    Manifest {
        started_at: moment(),
        label: Some("before".into()),
        scenario: ScenarioInfo {
            name: "everything".into(),
            summary: "a run that has everything".into(),
            hash: blake3::hash(FULL_SCENARIO.as_bytes()).to_hex().to_string(),
            overrides: vec!["plan.seed=7".into()],
            factors: factors(),
            generators: vec!["closed: mmap, munmap".into(), "open: mmap, 100 a second".into()],
            ..plain.scenario.clone()
        },
        plan: PlanInfo {
            order: "random_blocks".into(),
            seed: 7,
            repetitions: 2,
            cells: 3,
            trials: 6,
            // 1MiB without load is left out.
            design: Design {
                cells: vec![vec![0, 0], vec![0, 1], vec![1, 1]],
                stop: Some(stop_rule()),
                ..Design::default()
            },
            shard: None,
        },
        environment: Environment {
            kernel_release: "6.12.0".into(),
            host: "machine".into(),
            cpus: 2,
            memory_bytes: 1 << 34,
            mitigations: BTreeMap::from([("meltdown".into(), "Not affected".into())]),
            ..Environment::default()
        },
        machine: settings(),
        ..plain
    }
}

fn factors() -> Vec<Factor> {
    let level = |label: &str, value: f64| Level {
        label: label.into(),
        value: Some(value),
        arguments: vec![],
        command: vec![],
    };
    let load = |label: &str, arguments: &[&str], command: &[&str]| Level {
        label: label.into(),
        value: None,
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
    };
    vec![
        Factor { name: "size".into(), levels: vec![level("4KiB", 4096.0), level("1MiB", 1_048_576.0)] },
        Factor {
            name: "load".into(),
            levels: vec![
                load("baseline", &[], &[]),
                load("high", &["--cpu", "1"], &["dd", "if=/dev/zero", "of=/dev/null"]),
            ],
        },
    ]
}

fn stop_rule() -> StopRule {
    StopRule {
        metric: "p50".into(),
        relative_interval: 0.05,
        least: 2,
        most: 12,
        max_time_ns: Some(60_000_000_000),
        looks: vec![6, 9, 12],
        confidence: 0.983,
        reason: Some(StopReason::Time),
        figures: 6,
        unsure: 1,
    }
}

fn settings() -> Vec<MachineSetting> {
    let setting = |name: &str, asked: &str, before: Option<&str>, cannot: Option<&str>| MachineSetting {
        name: name.into(),
        asked: asked.into(),
        before: before.map(str::to_owned),
        cannot: cannot.map(str::to_owned),
    };
    vec![
        setting("governor", "performance", Some("powersave"), None),
        setting("turbo", "off", None, Some("this machine does not tell")),
    ]
}

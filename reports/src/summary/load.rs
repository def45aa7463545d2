//! The load that was achieved, as opposed to asked for.

use super::cells::Figure;
use crate::statistics::{Interval, median, median_interval};
use crate::{RunView, view::LOAD};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{LoadMetric, MonitorSample, Status, TrialRecord};

/// What a load level did to the machine, over the windows of its trials: medians over trials of each trial's mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelLoad {
    /// The level.
    pub level: String,
    /// The stress-ng options of the level; empty for none.
    pub arguments: Vec<String>,
    /// The program that is load, word by word; empty for none.
    pub command: Vec<String>,
    /// Trials with samples.
    pub trials: u32,
    /// Busy share of all CPUs, 0 to 1.
    pub cpu_busy: Option<f64>,
    /// Lowest and highest trial's busy share.
    pub cpu_busy_range: Option<Interval>,
    /// Share of the time in which some task waited for a CPU, 0 to 1.
    pub psi_cpu: Option<f64>,
    /// Share in which some task waited for memory.
    pub psi_memory: Option<f64>,
    /// Share in which some task waited for I/O.
    pub psi_io: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Option<f64>,
    /// Context switches of the machine each second.
    pub context_switches_per_second: Option<f64>,
    /// Interrupts of the machine each second.
    pub interrupts_per_second: Option<f64>,
    /// stress-ng's own account.
    pub stressors: Vec<StressorLoad>,
}

/// One stressor of a level over its instances.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StressorLoad {
    /// Its name.
    pub stressor: String,
    /// Workers asked for.
    pub instances: u32,
    /// How often it was started.
    pub runs: u32,
    /// In how many of these its workers ended by themselves, so that stress-ng has figures.
    pub reported: u32,
    /// Bogus operations each second, median over the runs with figures; none without any.
    pub bogo_ops_per_second: Option<f64>,
    /// The interval of the same; none in a run that was made of several machines'.
    pub interval: Option<Interval>,
}

pub(super) fn levels(run: &RunView<'_>) -> Vec<LevelLoad> {
    let factor = run.manifest.scenario.factors.iter().find(|factor| factor.name == LOAD);
    let levels = factor.map(|factor| factor.levels.as_slice()).unwrap_or_default();
    levels.iter().flat_map(|level| by_value(run, level)).collect()
}

/// A level, or where it goes along with factors, which are named in its arguments, what it was at each of their values.
fn by_value(run: &RunView<'_>, level: &store::Level) -> Vec<LevelLoad> {
    let is_named = |name: &str| level.arguments.iter().any(|word| word.strip_prefix('$') == Some(name));
    let names: Vec<&str> = run
        .manifest
        .scenario
        .factors
        .iter()
        .map(|it| it.name.as_str())
        .filter(|name| is_named(name))
        .collect();
    if names.is_empty() {
        return vec![level_load(run, level, &[])];
    }
    let at_level = run.trials.iter().filter(|trial| is_at(trial, &level.label));
    let values = at_level.map(|trial| {
        let value = |name| (name, trial.factors.get(name).map_or("", String::as_str));
        names.iter().copied().map(value).collect::<Vec<(&str, &str)>>()
    });
    let mut all: Vec<Vec<(&str, &str)>> = Vec::new();
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all.sort_unstable();
    all.iter().map(|values| level_load(run, level, values)).collect()
}

fn level_load(run: &RunView<'_>, level: &store::Level, values: &[(&str, &str)]) -> LevelLoad {
    let has_values = |trial: &&TrialRecord| {
        values.iter().all(|(name, value)| trial.factors.get(*name).is_some_and(|level| level == value))
    };
    let samples: Vec<&[MonitorSample]> = run
        .trials
        .iter()
        .filter(|trial| trial.status == Status::Ok && is_at(trial, &level.label))
        .filter(has_values)
        .map(|trial| trial.monitor.as_slice())
        .filter(|samples| !samples.is_empty())
        .collect();
    let over_trials = |of: &dyn Fn(&[MonitorSample]) -> Option<f64>| {
        samples.iter().filter_map(|samples| of(samples)).collect::<Vec<f64>>()
    };
    let share =
        |field: fn(&MonitorSample) -> Option<f64>| median(&over_trials(&|samples| mean(samples, field)));
    let rate = |field: fn(&MonitorSample) -> u64| median(&over_trials(&|samples| per_second(samples, field)));
    let busy = over_trials(&|samples| mean(samples, |sample| Some(sample.cpu_busy)));
    let argument = |word: &String| {
        let value = values.iter().find(|(name, _)| word.strip_prefix('$') == Some(name));
        value.map_or_else(|| word.clone(), |(_, value)| (*value).to_owned())
    };
    let words: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
    LevelLoad {
        level: if words.is_empty() {
            level.label.clone()
        } else {
            format!("{}, {}", level.label, words.join(", "))
        },
        arguments: level.arguments.iter().map(argument).collect(),
        command: level.command.clone(),
        trials: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        cpu_busy: median(&busy),
        cpu_busy_range: range(&busy),
        psi_cpu: share(|sample| sample.psi_cpu_some),
        psi_memory: share(|sample| sample.psi_memory_some),
        psi_io: share(|sample| sample.psi_io_some),
        memory_used_bytes: share(|sample| Some(sample.memory_used_bytes as f64)),
        context_switches_per_second: rate(|sample| sample.context_switches),
        interrupts_per_second: rate(|sample| sample.interrupts),
        // stress-ng's own account says of which level it is, not at which value.
        stressors: if values.is_empty() { stressors(run, &level.label) } else { Vec::new() },
    }
}

fn is_at(trial: &TrialRecord, level: &str) -> bool {
    trial.factors.get(LOAD).is_some_and(|label| label == level)
}

fn mean(samples: &[MonitorSample], field: fn(&MonitorSample) -> Option<f64>) -> Option<f64> {
    let values: Option<Vec<f64>> = samples.iter().map(field).collect();
    values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
}

/// Counts are per interval, and the last sample's time is the length of all intervals.
fn per_second(samples: &[MonitorSample], field: fn(&MonitorSample) -> u64) -> Option<f64> {
    let length_ns = samples.iter().map(|sample| sample.at_ns).max().filter(|length| *length > 0)?;
    Some(samples.iter().map(field).sum::<u64>() as f64 / (length_ns as f64 / 1e9))
}

fn range(values: &[f64]) -> Option<Interval> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some(Interval { low, high })
}

fn stressors(run: &RunView<'_>, level: &str) -> Vec<StressorLoad> {
    let (load, merged) = (run.load, run.manifest.merged.as_ref());
    // Nobody tells which instance was on which machine, and those of one are more alike.
    let has_one_machine = merged.is_none_or(|merged| merged.machines().len() < 2);
    let mut by_stressor: BTreeMap<&str, Vec<&LoadMetric>> = BTreeMap::new();
    for metric in load.iter().filter(|metric| metric.level == level) {
        by_stressor.entry(&metric.stressor).or_default().push(metric);
    }
    let summarised = by_stressor.into_iter().filter_map(|(stressor, runs)| {
        let rates: Vec<f64> = runs.iter().filter_map(|run| run.bogo_ops_per_second).collect();
        let count = |runs: usize| u32::try_from(runs).unwrap_or(u32::MAX);
        Some(StressorLoad {
            stressor: stressor.to_owned(),
            instances: runs.iter().map(|run| run.instances).max()?,
            runs: count(runs.len()),
            reported: count(rates.len()),
            bogo_ops_per_second: median(&rates),
            interval: median_interval(&[rates]).filter(|_| has_one_machine),
        })
    });
    summarised.collect()
}

impl Figure {
    /// The interval's ends, or the value itself twice.
    #[must_use]
    pub fn ends_ns(&self) -> Interval {
        self.interval_ns.unwrap_or(Interval { low: self.value_ns, high: self.value_ns })
    }
}

//! A run's trials in the order in which they ran, with what the machine did meanwhile.

use crate::RunView;
use crate::units;
use probe_abi::SparseHistogram;
use store::{MonitorSample, Status, TrialRecord, Vantage};

/// Beyond this many trials neighbours share a column of a picture.
const MOST_COLUMNS: usize = 220;

/// What the monitor saw of the machine during a window.
pub(crate) struct Reading {
    /// What it is, to people.
    pub(crate) label: &'static str,
    /// The column's name in a table, with its unit.
    pub(crate) column: &'static str,
    /// A trial's value; none where nobody looked.
    pub(crate) of: fn(&[MonitorSample]) -> Option<f64>,
    /// The value as people read it.
    pub(crate) words: fn(f64) -> String,
    /// The top of its axis; none where that is the greatest value.
    pub(crate) most: Option<f64>,
}

/// What is shown below the latencies.
pub(crate) const READINGS: [Reading; 7] = [
    Reading {
        label: "CPU busy",
        column: "cpu_busy_share",
        of: |samples| mean(samples, |it| Some(it.cpu_busy)),
        words: units::percent,
        most: Some(1.0),
    },
    Reading {
        label: "CPU stolen by the hypervisor",
        column: "cpu_steal_share",
        of: |samples| mean(samples, |it| Some(it.cpu_steal)),
        words: units::percent,
        most: None,
    },
    Reading {
        label: "some task waits for a CPU (PSI)",
        column: "psi_cpu_some_share",
        of: |samples| mean(samples, |it| it.psi_cpu_some),
        words: units::percent,
        most: Some(1.0),
    },
    Reading {
        label: "some task waits for memory (PSI)",
        column: "psi_memory_some_share",
        of: |samples| mean(samples, |it| it.psi_memory_some),
        words: units::percent,
        most: Some(1.0),
    },
    Reading {
        label: "some task waits for I/O (PSI)",
        column: "psi_io_some_share",
        of: |samples| mean(samples, |it| it.psi_io_some),
        words: units::percent,
        most: Some(1.0),
    },
    Reading {
        label: "memory in use",
        column: "memory_used_bytes",
        of: |samples| mean(samples, |it| Some(it.memory_used_bytes as f64)),
        words: units::bytes,
        most: None,
    },
    Reading {
        label: "context switches each second",
        column: "context_switches_per_second",
        of: |samples| {
            let length_ns = samples.iter().map(|it| it.at_ns).max().filter(|it| *it > 0)?;
            Some(samples.iter().map(|it| it.context_switches).sum::<u64>() as f64 * 1e9 / length_ns as f64)
        },
        words: units::short,
        most: None,
    },
];

fn mean(samples: &[MonitorSample], field: fn(&MonitorSample) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = samples.iter().filter_map(field).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The trials of a run that were executed, in their order.
pub(crate) struct Timeline<'a> {
    pub(crate) trials: Vec<&'a TrialRecord>,
    /// How many trials one column of a picture has.
    pub(crate) each: usize,
}

impl<'a> Timeline<'a> {
    pub(crate) fn of(run: &RunView<'a>) -> Self {
        let mut trials: Vec<&TrialRecord> = run.trials.iter().collect();
        trials.sort_by_key(|trial| trial.trial);
        let each = trials.len().div_ceil(MOST_COLUMNS).max(1);
        Self { trials, each }
    }

    /// The trials of each column.
    pub(crate) fn columns(&self) -> std::slice::Chunks<'_, &'a TrialRecord> {
        self.trials.chunks(self.each)
    }

    /// The place of each block's first trial, with the block's number from 0.
    pub(crate) fn blocks(&self) -> Vec<(usize, u32)> {
        let mut blocks: Vec<(usize, u32)> = Vec::new();
        for (index, trial) in self.trials.iter().enumerate() {
            if blocks.last().is_none_or(|(_, block)| *block != trial.block) {
                blocks.push((index, trial.block));
            }
        }
        blocks
    }

    /// The readings of which any trial has one: of what the hypervisor takes only where it took something.
    pub(crate) fn readings(&self) -> Vec<&'static Reading> {
        let values = |reading: &Reading| {
            self.trials.iter().filter_map(|trial| (reading.of)(&trial.monitor)).collect::<Vec<f64>>()
        };
        let is_shown = |reading: &&Reading| {
            let values = values(reading);
            if reading.column == "cpu_steal_share" {
                values.iter().any(|value| *value > 0.0)
            } else {
                !values.is_empty()
            }
        };
        READINGS.iter().filter(is_shown).collect()
    }
}

/// The latencies that a trial's figures are of: those of successes, or where it had none those of failures.
pub(crate) fn latencies<'a>(
    trial: &'a TrialRecord,
    (syscall, vantage): (&str, Vantage),
) -> Option<&'a SparseHistogram> {
    if trial.status == Status::Failed {
        return None;
    }
    let measure = trial.measures.iter().find(|it| it.syscall == syscall && it.vantage == vantage)?;
    let latencies = if measure.ok.count == 0 { &measure.error } else { &measure.ok };
    (latencies.count > 0).then_some(latencies)
}

/// Why a trial counts as disturbed, if it does.
pub(crate) fn disturbed(trial: &TrialRecord) -> Option<&str> {
    trial.noise.as_ref()?.disturbed.as_deref()
}

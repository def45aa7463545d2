//! The tables of a finished run: their columns, and how records become rows.
//!
//! Row order is the order of trials. Columns that do not apply are null, never zero.

use crate::{
    GeneratorRecord, LoadMetric, Measure, MonitorSample, Noise, SlowCall, TrialRecord, Vantage, errno_name,
};
use polars_core::prelude::*;
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};

/// A quantile is kept only when at least this many calls lie beyond it.
pub const CALLS_BEYOND_QUANTILE: u64 = 100;

/// Prefix of the columns that name a trial's level on a factor.
pub(crate) const FACTOR_PREFIX: &str = "factor_";

/// What the tables need to know of the run besides its records.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Names of the factors, in order.
    pub(crate) factors: Vec<String>,
    /// Names of the targets, in order.
    pub(crate) syscalls: Vec<String>,
    /// Vantages of the run.
    pub(crate) vantages: Vec<Vantage>,
    /// Where a factor says the probe: its name, and its levels under which the kernel's vantage sees nothing.
    pub(crate) without_probe: Option<(String, Vec<String>)>,
}

impl Shape {
    /// The vantages that a trial has, if it has any.
    fn vantages(&self, record: &TrialRecord) -> impl Iterator<Item = Vantage> {
        let has_probe = self.without_probe.as_ref().is_none_or(|(factor, levels)| {
            record.factors.get(factor).is_none_or(|level| !levels.contains(level))
        });
        self.vantages.iter().copied().filter(move |vantage| has_probe || *vantage == Vantage::User)
    }
}

/// One row of trials.parquet.
struct Row<'a> {
    record: &'a TrialRecord,
    syscall: &'a str,
    vantage: Vantage,
    measure: Option<&'a Measure>,
}

impl Row<'_> {
    fn noise(&self) -> Option<&Noise> {
        self.record.noise.as_ref()
    }

    fn ok<T>(&self, figure: impl Fn(&SparseHistogram) -> Option<T>) -> Option<T> {
        self.measure.and_then(|measure| figure(&measure.ok))
    }

    fn error<T>(&self, figure: impl Fn(&SparseHistogram) -> Option<T>) -> Option<T> {
        self.measure.and_then(|measure| figure(&measure.error))
    }
}

fn rows<'a>(records: &'a [TrialRecord], shape: &'a Shape) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for record in records {
        for syscall in &shape.syscalls {
            for vantage in shape.vantages(record) {
                let mut measures = record.measures.iter();
                let measure = measures.find(|it| it.syscall == *syscall && it.vantage == vantage);
                // A generator does not issue every target: then there is nothing that its vantage could have seen.
                if measure.is_some() || record.measures.is_empty() {
                    rows.push(Row { record, syscall, vantage, measure });
                }
            }
        }
    }
    rows
}

fn column<'a, R, T>(name: &str, rows: &'a [R], value: impl Fn(&'a R) -> T) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
{
    Series::new(name.into(), rows.iter().map(value).collect::<Vec<T>>()).into()
}

/// trials.parquet: one row per trial × syscall × vantage.
pub(crate) fn trials(records: &[TrialRecord], shape: &Shape) -> PolarsResult<DataFrame> {
    let rows = &rows(records, shape);
    let quantile = |q: f64| move |row: &Row| row.ok(|it| it.supported_quantile_ns(q, CALLS_BEYOND_QUANTILE));
    let some = |histogram: &SparseHistogram, value: u64| (histogram.count > 0).then_some(value);
    let ledger = |row: &Row| row.measure.and_then(|it| it.ledger);
    let mut columns = vec![
        column("trial", rows, |it| it.record.trial),
        column("block", rows, |it| it.record.block),
        column("position", rows, |it| it.record.position),
        column("repetition", rows, |it| it.record.repetition),
        column("syscall", rows, |it| it.syscall.to_owned()),
        column("vantage", rows, |it| it.vantage.name().to_owned()),
        column("status", rows, |it| it.record.status.name().to_owned()),
        column("reason", rows, |it| it.record.reason.clone()),
        column("count", rows, |it| it.ok(|ok| Some(ok.count))),
        column("errors", rows, |it| it.error(|error| Some(error.count))),
        column("returned", rows, |it| it.measure.map(|it| it.ok.count + it.error.count)),
        column("sum_ns", rows, |it| it.ok(|ok| some(ok, ok.sum_ns))),
        column("min_ns", rows, |it| it.ok(|ok| some(ok, ok.min_ns))),
        column("max_ns", rows, |it| it.ok(|ok| some(ok, ok.max_ns))),
        column("p50_ns", rows, quantile(0.5)),
        column("p90_ns", rows, quantile(0.9)),
        column("p99_ns", rows, quantile(0.99)),
        column("p999_ns", rows, quantile(0.999)),
        column("error_sum_ns", rows, |it| it.error(|error| some(error, error.sum_ns))),
        column("error_min_ns", rows, |it| it.error(|error| some(error, error.min_ns))),
        column("error_max_ns", rows, |it| it.error(|error| some(error, error.max_ns))),
        column("entered", rows, |it| ledger(it).map(|it| it.entered)),
        column("censored", rows, |it| ledger(it).map(|it| it.censored)),
        column("censored_age_max_ns", rows, |it| ledger(it).map(|it| it.censored_age_max_ns)),
        column("lost", rows, |it| ledger(it).map(|it| it.lost)),
        column("missed", rows, |it| ledger(it)?.missed),
        column("compat", rows, |it| ledger(it)?.compat),
        column("window_ns", rows, |it| it.record.window_ns),
        column("wall_ns", rows, |it| it.record.wall_ns),
        column("started_at", rows, |it| it.record.started_at.to_rfc3339()),
        column("boot", rows, |it| it.record.boot.clone()),
        column("ops", rows, |it| it.record.operations),
        column("attempt", rows, |it| Some(it.record.attempt)),
        column("noise_others", rows, |it| it.noise()?.others),
        column("noise_busiest", rows, |it| it.noise()?.busiest.clone()),
        column("noise_steal", rows, |it| it.noise().map(|it| it.steal)),
        column("noise_throttled", rows, |it| it.noise()?.throttled),
        column("disturbed", rows, |it| it.noise()?.disturbed.clone()),
    ];
    for factor in &shape.factors {
        let level = |row: &Row| row.record.factors.get(factor).cloned();
        columns.push(column(&format!("{FACTOR_PREFIX}{factor}"), rows, level));
    }
    DataFrame::new_infer_height(columns)
}

/// histograms.parquet: one row per trial × syscall × vantage × outcome × slot with a count.
pub(crate) fn histograms(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let mut rows = Vec::new();
    for record in records {
        for measure in &record.measures {
            for (outcome, histogram) in [("ok", &measure.ok), ("error", &measure.error)] {
                rows.extend(histogram.slots.iter().map(|slot| (record.trial, measure, outcome, *slot)));
            }
        }
    }
    let rows = &rows;
    DataFrame::new_infer_height(vec![
        column("trial", rows, |it| it.0),
        column("syscall", rows, |it| it.1.syscall.clone()),
        column("vantage", rows, |it| it.1.vantage.name().to_owned()),
        column("outcome", rows, |it| it.2.to_owned()),
        column("lower_ns", rows, |it| slot_lower_ns(usize::from(it.3.0))),
        column("upper_ns", rows, |it| slot_upper_ns(usize::from(it.3.0))),
        column("count", rows, |it| it.3.1),
    ])
}

/// errors.parquet: one row per trial × syscall × vantage × error number.
pub(crate) fn errors(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let mut rows = Vec::new();
    for record in records {
        for measure in &record.measures {
            rows.extend(measure.errnos.iter().map(|(errno, count)| (record.trial, measure, *errno, *count)));
        }
    }
    let rows = &rows;
    DataFrame::new_infer_height(vec![
        column("trial", rows, |it| it.0),
        column("syscall", rows, |it| it.1.syscall.clone()),
        column("vantage", rows, |it| it.1.vantage.name().to_owned()),
        column("errno", rows, |it| u32::from(it.2)),
        column("name", rows, |it| errno_name(it.2).map(str::to_owned)),
        column("count", rows, |it| it.3),
    ])
}

/// Columns of the six registers that hold arguments.
pub(crate) const ARGUMENTS: [&str; 6] = ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"];

/// slowest.parquet: one row per trial × syscall × rank, from 1 for the slowest.
pub(crate) fn slowest(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let mut rows: Vec<(u32, u32, &SlowCall)> = Vec::new();
    for record in records {
        for call in &record.slowest {
            let rank = match rows.last() {
                Some((trial, rank, above)) if (*trial, &above.syscall) == (record.trial, &call.syscall) => {
                    rank + 1
                }
                _ => 1,
            };
            rows.push((record.trial, rank, call));
        }
    }
    let rows = &rows;
    let mut columns = vec![
        column("trial", rows, |it| it.0),
        column("syscall", rows, |it| it.2.syscall.clone()),
        column("rank", rows, |it| it.1),
        column("latency_ns", rows, |it| it.2.latency_ns),
        column("at_ns", rows, |it| it.2.at_ns),
        column("pid", rows, |it| it.2.pid),
        column("tid", rows, |it| it.2.tid),
        column("cpu_entry", rows, |it| it.2.cpu_entry),
        column("cpu_return", rows, |it| it.2.cpu_return),
    ];
    for (place, name) in ARGUMENTS.iter().enumerate() {
        columns.push(column(name, rows, |it| it.2.arguments.map(|arguments| arguments[place])));
    }
    columns.extend([
        column("value", rows, |it| it.2.value),
        column("switches", rows, |it| it.2.switches),
        column("stack", rows, |it| (!it.2.stack.is_empty()).then(|| it.2.stack.join("\n"))),
    ]);
    DataFrame::new_infer_height(columns)
}

/// Every workload of every generator with the trial that it is of.
fn generator_rows(records: &[TrialRecord]) -> Vec<(u32, &GeneratorRecord)> {
    records.iter().flat_map(|record| record.generators.iter().map(|it| (record.trial, it))).collect()
}

/// generators.parquet: one row per trial × generator × workload.
pub(crate) fn generators(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let rows = &generator_rows(records);
    let response = |row: &(u32, &GeneratorRecord), value: fn(&SparseHistogram) -> u64| {
        row.1.response.as_ref().filter(|response| response.count > 0).map(value)
    };
    let quantile = |q: f64| {
        move |row: &(u32, &GeneratorRecord)| {
            row.1.response.as_ref().and_then(|it| it.supported_quantile_ns(q, CALLS_BEYOND_QUANTILE))
        }
    };
    DataFrame::new_infer_height(vec![
        column("trial", rows, |it| it.0),
        column("generator", rows, |it| it.1.generator.clone()),
        column("workload", rows, |it| it.1.workload.clone()),
        column("rate_per_second", rows, |it| it.1.rate_per_second),
        column("operations", rows, |it| it.1.operations),
        column("late", rows, |it| it.1.late),
        column("responses", rows, |it| it.1.response.as_ref().map(|response| response.count)),
        column("response_sum_ns", rows, |it| response(it, |response| response.sum_ns)),
        column("response_min_ns", rows, |it| response(it, |response| response.min_ns)),
        column("response_max_ns", rows, |it| response(it, |response| response.max_ns)),
        column("response_p50_ns", rows, quantile(0.5)),
        column("response_p90_ns", rows, quantile(0.9)),
        column("response_p99_ns", rows, quantile(0.99)),
        column("response_p999_ns", rows, quantile(0.999)),
    ])
}

/// responses.parquet: one row per trial × generator × workload × slot with a count.
pub(crate) fn responses(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let mut rows = Vec::new();
    for (trial, record) in generator_rows(records) {
        let slots = record.response.iter().flat_map(|response| &response.slots);
        rows.extend(slots.map(|slot| (trial, record, *slot)));
    }
    let rows = &rows;
    DataFrame::new_infer_height(vec![
        column("trial", rows, |it| it.0),
        column("generator", rows, |it| it.1.generator.clone()),
        column("workload", rows, |it| it.1.workload.clone()),
        column("lower_ns", rows, |it| slot_lower_ns(usize::from(it.2.0))),
        column("upper_ns", rows, |it| slot_upper_ns(usize::from(it.2.0))),
        column("count", rows, |it| it.2.1),
    ])
}

/// monitor.parquet: one row per trial × sample.
pub(crate) fn monitor(records: &[TrialRecord]) -> PolarsResult<DataFrame> {
    let samples = records.iter().flat_map(|record| record.monitor.iter().map(|it| (record.trial, *it)));
    let rows: &Vec<(u32, MonitorSample)> = &samples.collect();
    DataFrame::new_infer_height(vec![
        column("trial", rows, |it| it.0),
        column("at_ns", rows, |it| it.1.at_ns),
        column("cpu_busy", rows, |it| it.1.cpu_busy),
        column("cpu_steal", rows, |it| it.1.cpu_steal),
        column("memory_used_bytes", rows, |it| it.1.memory_used_bytes),
        column("psi_cpu_some", rows, |it| it.1.psi_cpu_some),
        column("psi_memory_some", rows, |it| it.1.psi_memory_some),
        column("psi_io_some", rows, |it| it.1.psi_io_some),
        column("context_switches", rows, |it| it.1.context_switches),
        column("interrupts", rows, |it| it.1.interrupts),
        column("frequency_mhz", rows, |it| it.1.frequency_mhz),
        column("temperature_celsius", rows, |it| it.1.temperature_celsius),
    ])
}

/// load.parquet: one row per load instance × stressor.
pub(crate) fn load(rows: &[LoadMetric]) -> PolarsResult<DataFrame> {
    DataFrame::new_infer_height(vec![
        column("block", rows, |it| it.block),
        column("level", rows, |it| it.level.clone()),
        column("stressor", rows, |it| it.stressor.clone()),
        column("instances", rows, |it| it.instances),
        column("bogo_ops", rows, |it| it.bogo_ops),
        column("bogo_ops_per_second", rows, |it| it.bogo_ops_per_second),
        column("wall_seconds", rows, |it| it.wall_seconds),
        column("user_seconds", rows, |it| it.user_seconds),
        column("system_seconds", rows, |it| it.system_seconds),
        column("rss_max_kib", rows, |it| it.rss_max_kib),
    ])
}

//! A whole run as one JSON document, for whoever reads no Parquet.

use crate::RunView;
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use store::{LoadMetric, Manifest, MonitorSample, Noise, SlowCall, TrialRecord, Vantage, errno_name};

/// Version of this shape.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    manifest: &'a Manifest,
    #[serde(serialize_with = "trials")]
    trials: &'a [TrialRecord],
    load: &'a [LoadMetric],
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "names of the columns")]
struct Trial<'a> {
    trial: u32,
    block: u32,
    position: u32,
    repetition: u32,
    factors: &'a std::collections::BTreeMap<String, String>,
    status: &'static str,
    reason: Option<&'a str>,
    started_at: String,
    boot: &'a str,
    attempt: u32,
    window_ns: u64,
    wall_ns: u64,
    operations: u64,
    measures: Vec<Measure<'a>>,
    generators: Vec<Generator<'a>>,
    slowest: &'a [SlowCall],
    monitor: &'a [MonitorSample],
    noise: Option<&'a Noise>,
}

#[derive(Serialize)]
struct Measure<'a> {
    syscall: &'a str,
    vantage: Vantage,
    /// Of calls that succeeded.
    ok: Latencies,
    /// Of calls that failed.
    error: Latencies,
    errors: Vec<Errors>,
    ledger: Option<store::Ledger>,
}

#[derive(Serialize)]
struct Errors {
    errno: u16,
    name: Option<&'static str>,
    count: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "names of the columns")]
struct Generator<'a> {
    generator: &'a str,
    workload: &'a str,
    rate_per_second: Option<f64>,
    operations: u64,
    late: Option<u64>,
    /// From the intended start.
    response: Option<Latencies>,
}

/// Latencies; extremes are none where there are no calls.
#[derive(Serialize)]
struct Latencies {
    count: u64,
    sum_ns: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    /// `[lower_ns, upper_ns, count]` of each slot that has calls: at least the one, below the other.
    slots: Vec<(u64, u64, u64)>,
}

/// Everything that the run has, with what its numbers mean spelled out.
pub fn document(run: &RunView<'_>, out: &mut impl Write) -> io::Result<()> {
    let RunView { manifest, trials, load, .. } = *run;
    let document = Document { format: "syscall_lab.export", version: VERSION, manifest, trials, load };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}

/// One after the other, so that not all of them are there twice.
fn trials<S: Serializer>(trials: &[TrialRecord], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(trials.iter().map(trial))
}

fn trial(record: &TrialRecord) -> Trial<'_> {
    let measure = |it: &'_ store::Measure| -> (Latencies, Latencies, Vec<Errors>) {
        let errors = it.errnos.iter().map(|(errno, count)| Errors {
            errno: *errno,
            name: errno_name(*errno),
            count: *count,
        });
        (latencies(&it.ok), latencies(&it.error), errors.collect())
    };
    let measures = record.measures.iter().map(|it| {
        let (ok, error, errors) = measure(it);
        Measure { syscall: &it.syscall, vantage: it.vantage, ok, error, errors, ledger: it.ledger }
    });
    let generators = record.generators.iter().map(|it| Generator {
        generator: &it.generator,
        workload: &it.workload,
        rate_per_second: it.rate_per_second,
        operations: it.operations,
        late: it.late,
        response: it.response.as_ref().map(latencies),
    });
    Trial {
        trial: record.trial,
        block: record.block,
        position: record.position,
        repetition: record.repetition,
        factors: &record.factors,
        status: record.status.name(),
        reason: record.reason.as_deref(),
        started_at: record.started_at.to_rfc3339(),
        boot: &record.boot,
        attempt: record.attempt,
        window_ns: record.window_ns,
        wall_ns: record.wall_ns,
        operations: record.operations,
        measures: measures.collect(),
        generators: generators.collect(),
        slowest: &record.slowest,
        monitor: &record.monitor,
        noise: record.noise.as_ref(),
    }
}

fn latencies(histogram: &SparseHistogram) -> Latencies {
    let some = |value: u64| (histogram.count > 0).then_some(value);
    let slots = histogram.slots.iter().map(|(slot, count)| {
        let slot = usize::from(*slot);
        (slot_lower_ns(slot), slot_upper_ns(slot), *count)
    });
    Latencies {
        count: histogram.count,
        sum_ns: histogram.sum_ns,
        min_ns: some(histogram.min_ns),
        max_ns: some(histogram.max_ns),
        slots: slots.collect(),
    }
}

//! A whole run as one JSON document, for whoever reads no Parquet.

use crate::RunView;
use crate::spelled::{Errors, Latencies};
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use store::{LoadMetric, Manifest, MonitorSample, Noise, SlowCall, TrialRecord, Vantage};

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
    let measures = record.measures.iter().map(|it| Measure {
        syscall: &it.syscall,
        vantage: it.vantage,
        ok: Latencies::of(&it.ok),
        error: Latencies::of(&it.error),
        errors: Errors::of(&it.errnos),
        ledger: it.ledger,
    });
    let generators = record.generators.iter().map(|it| Generator {
        generator: &it.generator,
        workload: &it.workload,
        rate_per_second: it.rate_per_second,
        operations: it.operations,
        late: it.late,
        response: it.response.as_ref().map(Latencies::of),
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

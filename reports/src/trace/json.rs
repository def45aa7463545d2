//! Traces for programs: `schema/trace.json` says what is there.

use super::{End, Interval, Subject, Trace, ledger, max_ns, quantile_ns, returned};
use crate::ReportError;
use crate::spelled::{Errors, Latencies};
use serde::Serialize;
use std::path::Path;
use store::{Ledger, Measure};

/// Version of this shape.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    version: u32,
    subject: &'a Subject,
    backend: &'a str,
    reasons: &'a [String],
    started_at: &'a str,
    window_ns: u64,
    windows: u32,
    ended: End,
    status: Option<&'a str>,
    targets: Vec<Target<'a>>,
    together: &'a [String],
    intervals: Vec<Part<'a>>,
    run: Option<&'a Path>,
}

#[derive(Serialize)]
struct Target<'a> {
    syscall: &'a str,
    figures: Figures,
    ok: Latencies,
    error: Latencies,
    errors: Vec<Errors>,
    ledger: Ledger,
}

#[derive(Serialize)]
struct Figures {
    calls: u64,
    errors: u64,
    of_failures: bool,
    p50_ns: Option<f64>,
    p99_ns: Option<f64>,
    max_ns: Option<u64>,
}

#[derive(Serialize)]
struct Part<'a> {
    from_ns: u64,
    to_ns: u64,
    targets: Vec<PartTarget<'a>>,
}

#[derive(Serialize)]
struct PartTarget<'a> {
    syscall: &'a str,
    entered: u64,
    under_way: u64,
    #[serde(flatten)]
    figures: Figures,
}

/// The trace as one JSON document.
pub fn render(trace: &Trace) -> Result<String, ReportError> {
    let document = Document {
        kind: "trace",
        version: VERSION,
        subject: &trace.subject,
        backend: &trace.backend,
        reasons: &trace.reasons,
        started_at: &trace.started_at,
        window_ns: trace.window_ns,
        windows: trace.windows,
        ended: trace.ended,
        status: trace.status.as_deref(),
        targets: trace.totals.iter().map(target).collect(),
        together: &trace.together,
        intervals: trace.intervals.iter().map(part).collect(),
        run: trace.run.as_deref(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn target(measure: &Measure) -> Target<'_> {
    Target {
        syscall: &measure.syscall,
        figures: figures(measure),
        ok: Latencies::of(&measure.ok),
        error: Latencies::of(&measure.error),
        errors: Errors::of(&measure.errnos),
        ledger: ledger(measure),
    }
}

fn figures(measure: &Measure) -> Figures {
    Figures {
        calls: returned(measure),
        errors: measure.error.count,
        of_failures: measure.ok.count == 0 && measure.error.count > 0,
        p50_ns: quantile_ns(measure, 0.5),
        p99_ns: quantile_ns(measure, 0.99),
        max_ns: max_ns(measure),
    }
}

fn part(interval: &Interval) -> Part<'_> {
    let seen = interval.measures.iter().filter(|it| returned(it) > 0 || ledger(it).censored > 0);
    let targets = seen.map(|measure| PartTarget {
        syscall: &measure.syscall,
        entered: ledger(measure).entered,
        under_way: ledger(measure).censored,
        figures: figures(measure),
    });
    Part { from_ns: interval.from_ns, to_ns: interval.to_ns, targets: targets.collect() }
}

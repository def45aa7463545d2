//! Traces for programs: `schema/trace.json` says what is there.

use super::{End, Interval, Subject, Trace, ledger, max_ns, quantile_ns, returned};
use crate::ReportError;
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};
use serde::Serialize;
use std::path::Path;
use store::{Ledger, Measure, errno_name};

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
    errors: Vec<Failed>,
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
struct Latencies {
    count: u64,
    sum_ns: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    /// `[lower_ns, upper_ns, count]`.
    slots: Vec<(u64, u64, u64)>,
}

#[derive(Serialize)]
struct Failed {
    errno: u16,
    name: Option<&'static str>,
    count: u64,
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
    let errors = measure.errnos.iter();
    let errors =
        errors.map(|(errno, count)| Failed { errno: *errno, name: errno_name(*errno), count: *count });
    Target {
        syscall: &measure.syscall,
        figures: figures(measure),
        ok: spelled(&measure.ok),
        error: spelled(&measure.error),
        errors: errors.collect(),
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

fn spelled(histogram: &SparseHistogram) -> Latencies {
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

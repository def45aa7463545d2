//! What probe and generators saw, put together and held against each other. Pure.

use super::Measured;
use crate::scenario::{Scenario, Scope};
use generators::GeneratorReport;
use probe::Reading;
use probe_abi::SparseHistogram;
use store::{Ledger, Measure, Vantage};

/// The two vantages of one window.
pub(crate) struct Seen {
    /// The probe's, one per target; none without a probe.
    pub(crate) readings: Option<Vec<Reading>>,
    /// The generators'.
    pub(crate) reports: Vec<GeneratorReport>,
    /// Threads of all generators.
    pub(crate) threads: u64,
}

/// The measures of the cell's targets, and what makes them doubtful. Window and monitor are left empty.
pub(crate) fn measured(scenario: &Scenario, targets: &[&str], seen: &Seen) -> Measured {
    let mut measures = Vec::new();
    let mut doubts = Vec::new();
    for &target in targets {
        let user = user_measure(target, &seen.reports);
        let reading = seen.readings.iter().flatten().find(|reading| reading.target.name == target);
        if let Some(reading) = reading {
            doubts.extend(loss(reading, scenario.measure.loss_limit));
            if scenario.measure.scope == Scope::Generators {
                doubts.extend(contradiction(reading, &user, seen.threads));
            }
            measures.push(kernel_measure(reading));
        }
        // Under scope `system` a target need not be one of the generators' calls.
        if issued(target, &seen.reports) {
            measures.push(user);
        }
    }
    Measured {
        operations: seen.reports.iter().map(|report| report.operations).sum(),
        measures,
        doubt: (!doubts.is_empty()).then(|| doubts.join("; ")),
        ..Measured::default()
    }
}

fn issued(target: &str, reports: &[GeneratorReport]) -> bool {
    reports.iter().flat_map(|report| &report.calls).any(|call| call.syscall == target)
}

fn kernel_measure(reading: &Reading) -> Measure {
    Measure {
        syscall: reading.target.name.clone(),
        vantage: Vantage::Kernel,
        ok: SparseHistogram::from(&*reading.ok),
        error: SparseHistogram::from(&*reading.error),
        ledger: Some(Ledger {
            entered: reading.entered,
            censored: reading.censored,
            censored_age_max_ns: reading.censored_age_max_ns,
            lost: reading.lost,
        }),
    }
}

fn user_measure(target: &str, reports: &[GeneratorReport]) -> Measure {
    let (mut ok, mut error) = (SparseHistogram::default(), SparseHistogram::default());
    for call in reports.iter().flat_map(|report| &report.calls).filter(|call| call.syscall == target) {
        ok.merge(&call.ok);
        error.merge(&call.error);
    }
    Measure { syscall: target.to_owned(), vantage: Vantage::User, ok, error, ledger: None }
}

/// A loss past the limit. A negative one, more returns than entries, is a fault of the same kind.
fn loss(reading: &Reading, limit: f64) -> Option<String> {
    let (lost, entered) = (reading.lost, reading.entered);
    (lost.unsigned_abs() as f64 > limit * entered as f64).then(|| {
        format!(
            "the probe lost {lost} of {entered} calls of {}, more than the limit of {} %",
            reading.target.name,
            limit * 100.0
        )
    })
}

/// Counts of probe and generators that cannot both be right.
///
/// The generator's clock readings enclose the probe's. So every call that the generator counts lies within the window
/// for the probe, too; the probe alone may count those that straddle an edge for the generator: for each thread one at
/// either edge, of each call of an operation. Lost and censored calls are missing on the probe's side only.
fn contradiction(reading: &Reading, user: &Measure, threads: u64) -> Option<String> {
    let issued = user.ok.count + user.error.count;
    let accounted = reading.returned + reading.censored + reading.lost.unsigned_abs();
    let edges = 2 * threads;
    (accounted < issued || reading.returned > issued + edges).then(|| {
        format!(
            "the probe counted {} returns of {}, its generators issued {issued}",
            reading.returned, reading.target.name
        )
    })
}

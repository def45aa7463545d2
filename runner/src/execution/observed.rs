//! What probe and generators saw, put together and held against each other. Pure.

use super::Measured;
use crate::scenario::{Name, Scenario, Scope};
use generators::{GeneratorReport, GeneratorSpec, MixReport};
use probe::Reading;
use probe_abi::SparseHistogram;
use std::collections::BTreeMap;
use store::{GeneratorRecord, Ledger, Measure, SlowCall, Vantage};

/// The two vantages of one window.
pub(crate) struct Seen {
    /// The probe's, one per target; none without a probe.
    pub(crate) readings: Option<Vec<Reading>>,
    /// The generators', with whose each is.
    pub(crate) reports: Vec<(Whose, GeneratorReport)>,
    /// Threads of all generators.
    pub(crate) threads: u64,
    /// When the window opened, in nanoseconds of the monotonic clock.
    pub(crate) open_ns: u64,
}

/// The generator of a report, and what was asked of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Whose {
    pub(crate) generator: String,
    /// Its workload, or the first of its mix.
    pub(crate) workload: &'static str,
    /// Operations per second that were asked of each of its workloads; empty in a closed loop.
    pub(crate) rates: Vec<f64>,
}

impl Whose {
    /// The generator of this name that does what `spec` describes.
    pub(crate) fn of(name: &Name, spec: &GeneratorSpec) -> Self {
        Self { generator: name.to_string(), workload: spec.workload.name(), rates: spec.rates() }
    }
}

/// The measures of the cell's targets, and what makes them doubtful. Window and monitor are left empty.
pub(crate) fn measured(scenario: &Scenario, targets: &[&str], seen: &Seen) -> Measured {
    let (mut measures, mut slowest) = (Vec::new(), Vec::new());
    let mut doubts: Vec<String> =
        seen.reports.iter().flat_map(|(whose, report)| idle(whose, report)).collect();
    for &target in targets {
        let user = user_measure(target, &seen.reports);
        let reading = seen.readings.iter().flatten().find(|reading| reading.target.name == target);
        if let Some(reading) = reading {
            doubts.extend(loss(reading, scenario.measure.loss_limit));
            if scenario.measure.scope == Scope::Generators {
                // What programs call besides, nobody knows.
                let edges = scenario.programs.is_empty().then_some(2 * seen.threads);
                doubts.extend(contradiction(reading, &user, &Aside::of(target, seen), edges));
            }
            measures.push(kernel_measure(reading));
            slowest.extend(slow_calls(reading, seen.open_ns));
        }
        // Under scope `system` a target need not be one of the generators' calls.
        if issued(target, &seen.reports) {
            measures.push(user);
        }
    }
    Measured {
        operations: seen.reports.iter().map(|(_, report)| report.operations).sum(),
        generators: seen.reports.iter().flat_map(|(whose, report)| generator(whose, report)).collect(),
        measures,
        slowest,
        doubt: (!doubts.is_empty()).then(|| doubts.join("; ")),
        ..Measured::default()
    }
}

/// What each workload of a generator did.
fn generator(whose: &Whose, report: &GeneratorReport) -> Vec<GeneratorRecord> {
    let alone = MixReport {
        workload: whose.workload.to_owned(),
        operations: report.operations,
        late: report.late,
        from_intended: report.from_intended.clone(),
    };
    let parts = if report.mix.is_empty() { vec![alone] } else { report.mix.clone() };
    let record = |(place, part): (usize, MixReport)| GeneratorRecord {
        generator: whose.generator.clone(),
        workload: part.workload,
        rate_per_second: whose.rates.get(place).copied(),
        operations: part.operations,
        late: part.from_intended.is_some().then_some(part.late),
        response: part.from_intended,
    };
    parts.into_iter().enumerate().map(record).collect()
}

/// Workloads of which the window has no operation: their figures would be missing, and others' not what was asked for.
fn idle(whose: &Whose, report: &GeneratorReport) -> Vec<String> {
    let idle = generator(whose, report).into_iter().filter(|record| record.operations == 0);
    idle.map(|record| {
        format!(
            "generator {} did no operation of {} within the window, which is too short for it",
            record.generator, record.workload
        )
    })
    .collect()
}

fn issued(target: &str, reports: &[(Whose, GeneratorReport)]) -> bool {
    reports.iter().flat_map(|(_, report)| &report.calls).any(|call| call.syscall == target)
}

/// What the probe saw of one target.
pub(crate) fn kernel_measure(reading: &Reading) -> Measure {
    Measure {
        syscall: reading.target.name.clone(),
        vantage: Vantage::Kernel,
        ok: SparseHistogram::from(&*reading.ok),
        error: SparseHistogram::from(&*reading.error),
        errnos: reading.errnos.clone(),
        ledger: Some(Ledger {
            entered: reading.entered,
            censored: reading.censored,
            censored_age_max_ns: reading.censored_age_max_ns,
            lost: reading.lost,
            missed: reading.missed,
            compat: reading.compat,
        }),
    }
}

fn slow_calls(reading: &Reading, open_ns: u64) -> impl Iterator<Item = SlowCall> {
    reading.slowest.iter().map(move |call| SlowCall {
        syscall: reading.target.name.clone(),
        latency_ns: call.latency_ns,
        at_ns: call.return_ns.saturating_sub(open_ns),
        pid: call.pid,
        tid: call.tid,
        cpu_entry: call.cpu_entry,
        cpu_return: call.cpu_return,
        arguments: call.arguments,
        value: call.value,
        switches: call.switches,
        stack: call.stack.clone(),
    })
}

fn user_measure(target: &str, reports: &[(Whose, GeneratorReport)]) -> Measure {
    let (mut ok, mut error) = (SparseHistogram::default(), SparseHistogram::default());
    let mut errnos: BTreeMap<u16, u64> = BTreeMap::new();
    for call in reports.iter().flat_map(|(_, report)| &report.calls).filter(|call| call.syscall == target) {
        ok.merge(&call.ok);
        error.merge(&call.error);
        for (errno, count) in &call.errnos {
            *errnos.entry(*errno).or_default() += count;
        }
    }
    let errnos = errnos.into_iter().collect();
    Measure { syscall: target.to_owned(), vantage: Vantage::User, ok, error, errnos, ledger: None }
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

/// Calls that go with operations and that nobody times: those of helping threads and children, and those between operations.
#[derive(Clone, Copy, Debug, Default)]
struct Aside {
    /// Those of the operations that count.
    calls: u64,
    /// The most of those that do not, cut by an edge of the window.
    cut: u64,
}

impl Aside {
    fn of(target: &str, seen: &Seen) -> Self {
        let mut aside = Self::default();
        for (_, report) in &seen.reports {
            let of_target = report.untimed.iter().filter(|(syscall, _)| syscall == target);
            for (_, each) in of_target {
                aside.calls += each * report.operations;
                aside.cut += each * 2 * seen.threads;
            }
        }
        aside
    }
}

/// Counts of probe and generators that cannot both be right.
///
/// The generator's clock readings enclose the probe's. So every call that the generator counts lies within the window
/// for the probe, too; the probe alone may count those that straddle an edge for the generator: for each thread one at
/// either edge, of each call of an operation: `edges` in all, or none where others count, too. What goes untimed
/// with an operation that is cut by an edge may lie on either side of it. Lost and censored calls are missing
/// on the probe's side only.
fn contradiction(reading: &Reading, user: &Measure, aside: &Aside, edges: Option<u64>) -> Option<String> {
    let issued = user.ok.count + user.error.count + aside.calls;
    let accounted = reading.returned + reading.censored + reading.lost.unsigned_abs();
    let is_too_many = edges.is_some_and(|edges| reading.returned > issued + aside.cut + edges);
    (accounted + aside.cut < issued || is_too_many).then(|| {
        format!(
            "the probe counted {} returns of {}, its generators issued {issued}",
            reading.returned, reading.target.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::CallReport;
    use probe::{SlowCall as Slow, Target};
    use probe_abi::Histogram;

    fn reading() -> Reading {
        let (mut ok, mut error) = (Box::new(Histogram::EMPTY), Box::new(Histogram::EMPTY));
        ok.record(70);
        error.record(30);
        Reading {
            target: Target::named("getpid").unwrap(),
            ok,
            error,
            entered: 3,
            returned: 2,
            censored: 1,
            censored_age_max_ns: 9,
            lost: 0,
            errnos: vec![(2, 1)],
            compat: Some(4),
            missed: None,
            slowest: vec![Slow {
                latency_ns: 70,
                return_ns: 1_500,
                tid: 12,
                pid: 11,
                cpu_entry: 0,
                cpu_return: 1,
                arguments: None,
                value: 11,
                switches: Some(2),
                stack: vec!["schedule".to_owned()],
            }],
        }
    }

    #[test]
    fn everything_that_the_probe_read_is_kept() {
        let measure = kernel_measure(&reading());
        assert_eq!(measure.errnos, [(2, 1)]);
        let ledger = measure.ledger.unwrap();
        assert_eq!((ledger.entered, ledger.censored, ledger.lost), (3, 1, 0));
        assert_eq!((ledger.missed, ledger.compat), (None, Some(4)));
        let slow: Vec<SlowCall> = slow_calls(&reading(), 1_000).collect();
        assert_eq!((slow[0].syscall.as_str(), slow[0].at_ns, slow[0].latency_ns), ("getpid", 500, 70));
        assert_eq!((slow[0].tid, slow[0].pid, slow[0].cpu_return, slow[0].value), (12, 11, 1, 11));
        assert_eq!((slow[0].switches, slow[0].stack.as_slice()), (Some(2), &["schedule".to_owned()][..]));
    }

    #[test]
    fn a_loss_past_the_limit_is_a_reason_for_doubt() {
        let mut reading = reading();
        (reading.entered, reading.returned, reading.censored) = (10_000, 9_990, 0);
        reading.lost = 10;
        assert_eq!(loss(&reading, 0.001), None);
        reading.lost = 11;
        let words = loss(&reading, 0.001).unwrap();
        assert!(words.starts_with("the probe lost 11 of 10000 calls of getpid"), "{words}");
    }

    #[test]
    fn what_helpers_call_is_expected_of_the_probe() {
        let mut reading = reading();
        (reading.returned, reading.censored) = (30, 0);
        let user = Measure {
            ok: SparseHistogram { count: 10, ..SparseHistogram::default() },
            ..kernel_measure(&reading)
        };
        let user = Measure { error: SparseHistogram::default(), ..user };
        let report = GeneratorReport {
            operations: 10,
            untimed: vec![("getpid".to_owned(), 2), ("read".to_owned(), 9)],
            ..GeneratorReport::default()
        };
        let whose = Whose { generator: "g".to_owned(), workload: "w", rates: Vec::new() };
        let seen = Seen { readings: None, reports: vec![(whose, report)], threads: 1, open_ns: 0 };
        let aside = Aside::of("getpid", &seen);
        assert_eq!((aside.calls, aside.cut), (20, 4));
        assert_eq!(contradiction(&reading, &user, &aside, Some(2)), None);
        // Without what they are known to call, these are too many; with more than that as well; and with fewer.
        assert!(contradiction(&reading, &user, &Aside::default(), Some(2)).is_some());
        reading.returned = 37;
        assert!(contradiction(&reading, &user, &aside, Some(2)).is_some());
        assert!(contradiction(&reading, &user, &aside, None).is_none(), "others count, too");
        reading.returned = 25;
        assert!(contradiction(&reading, &user, &aside, Some(2)).is_some());
    }

    #[test]
    fn a_workload_without_an_operation_is_a_reason_for_doubt() {
        let whose = Whose { generator: "files".to_owned(), workload: "read", rates: vec![300.0, 100.0] };
        let mut report = GeneratorReport { operations: 1, ..GeneratorReport::default() };
        assert!(idle(&whose, &report).is_empty());
        let part = |workload: &str, operations| MixReport {
            workload: workload.to_owned(),
            operations,
            ..MixReport::default()
        };
        report.mix = vec![part("read", 1), part("openat", 0)];
        let words = "generator files did no operation of openat within the window, which is too short for it";
        assert_eq!(idle(&whose, &report), [words]);
        let rates = generator(&whose, &report).into_iter().map(|record| record.rate_per_second);
        assert!(rates.eq([Some(300.0), Some(100.0)]));
        report = GeneratorReport::default();
        assert_eq!(idle(&whose, &report), [words.replace("openat", "read")]);
    }

    #[test]
    fn error_numbers_of_several_generators_add_up() {
        let report = |errnos: &[(u16, u64)]| GeneratorReport {
            calls: vec![CallReport {
                syscall: "openat".to_owned(),
                errnos: errnos.to_vec(),
                ..CallReport::default()
            }],
            ..GeneratorReport::default()
        };
        let whose = Whose { generator: "opener".to_owned(), workload: "openat", rates: Vec::new() };
        let measure = user_measure(
            "openat",
            &[report(&[(2, 3), (24, 1)]), report(&[(13, 1), (24, 5)])].map(|it| (whose.clone(), it)),
        );
        assert_eq!(measure.errnos, [(2, 3), (13, 1), (24, 6)]);
    }
}

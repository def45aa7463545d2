use super::*;
use crate::TextOptions;
use probe_abi::Histogram;
use store::Vantage;

fn histogram(values: &[u64]) -> SparseHistogram {
    let mut dense = Box::new(Histogram::EMPTY);
    for ns in values {
        dense.record(*ns);
    }
    SparseHistogram::from(&*dense)
}

fn measure(name: &str, ok: &[u64], error: &[u64]) -> Measure {
    let errnos = if error.is_empty() { Vec::new() } else { vec![(2, error.len() as u64)] };
    Measure {
        syscall: name.to_owned(),
        vantage: Vantage::Kernel,
        ok: histogram(ok),
        error: histogram(error),
        errnos,
        ledger: Some(Ledger {
            entered: (ok.len() + error.len()) as u64 + 1,
            censored: 1,
            censored_age_max_ns: 7,
            lost: 0,
            missed: None,
            compat: Some(2),
        }),
    }
}

fn many(ns: u64, count: u64) -> Vec<u64> {
    (0..count).map(|call| ns + call % 50 + if call % 20 == 0 { 30 * ns } else { 0 }).collect()
}

fn traced() -> Trace {
    let before = vec![measure("read", &many(300, 500), &[])];
    let totals = vec![
        measure("read", &many(300, 2_000), &[]),
        measure("openat", &many(2_000, 40), &[900; 3]),
        measure("stat", &[], &[700, 800]),
        measure(OTHER, &[1_000_000], &[]),
    ];
    let first = Interval { from_ns: 0, to_ns: 1_000_000_000, measures: since(&before, &[]) };
    let second = Interval { from_ns: 1_000_000_000, to_ns: 1_500_000_000, measures: since(&totals, &before) };
    Trace {
        subject: Subject {
            kind: Kind::Command,
            words: "ls -l | x".to_owned(),
            pid: Some(42),
            with_children: true,
        },
        backend: "raw_tracepoint".to_owned(),
        reasons: Vec::new(),
        started_at: "2026-01-01T00:00:00+00:00".to_owned(),
        window_ns: 1_500_000_000,
        windows: 1,
        ended: End::Subject,
        status: Some("exit status: 0".to_owned()),
        together: vec!["quotactl".to_owned(), "swapon".to_owned()],
        totals,
        intervals: vec![first, second],
        run: None,
    }
}

#[test]
fn a_trace_is_told_in_every_format() {
    let trace = traced();
    insta::assert_snapshot!("trace_text", text(&trace, &TextOptions { width: 100, colour: false }));
    insta::assert_snapshot!("trace_text_narrow", text(&trace, &TextOptions { width: 60, colour: false }));
    insta::assert_snapshot!("trace_markdown", markdown(&trace));
    insta::assert_snapshot!("trace_json", json(&trace).unwrap());
    let empty = Trace { totals: Vec::new(), intervals: Vec::new(), ..trace };
    insta::assert_snapshot!("trace_of_nothing", text(&empty, &TextOptions::default()));
}

#[test]
fn lines_have_the_same_columns_and_no_blanks_within_them() {
    let trace = traced();
    let mut lines = vec![heading()];
    for interval in &trace.intervals {
        lines.extend(interval.measures.iter().map(|measure| line(interval, measure)));
    }
    insta::assert_snapshot!("trace_lines", lines.join("\n"));
    assert!(lines.iter().all(|line| line.split_whitespace().count() == 9), "{lines:#?}");
    assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{lines:#?}");
}

#[test]
fn intervals_add_up_to_the_whole() {
    let trace = traced();
    let sum = |name: &str| {
        let measures = trace.intervals.iter().flat_map(|it| &it.measures);
        measures.filter(|it| it.syscall == name).map(returned).sum::<u64>()
    };
    for total in &trace.totals {
        assert_eq!(sum(&total.syscall), returned(total), "{}", total.syscall);
    }
}

#[test]
fn windows_add_up_and_keep_their_accounts() {
    let mut totals = vec![measure("read", &[10, 20], &[5])];
    add(&mut totals, &[measure("read", &[30], &[6, 7]), measure("write", &[1], &[])]);
    let read = &totals[0];
    assert_eq!((read.ok.count, read.error.count, read.errnos.clone()), (3, 3, vec![(2, 3)]));
    let ledger = ledger(read);
    assert_eq!((ledger.entered, ledger.censored, ledger.compat), (8, 2, Some(4)));
    assert_eq!(totals[1].syscall, "write");
}

#[test]
fn bars_hold_every_call_in_few_lines() {
    let histogram = histogram(&[0, 1, 3, 100, 100, 5_000, 1 << 39]);
    for most in [1, 2, 3, 7, 40, 100] {
        let bars = bars(&histogram, most);
        assert!(bars.len() <= most, "{most}: {bars:?}");
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 7, "{most}");
        assert!(bars.windows(2).all(|pair| pair[0].upper_ns == pair[1].lower_ns), "{most}: {bars:?}");
    }
    assert_eq!(bars(&histogram, 100)[0], Bar { lower_ns: 0, upper_ns: 2, count: 2 });
    assert!(bars(&SparseHistogram::default(), 5).is_empty());
}

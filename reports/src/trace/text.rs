//! Traces for people.

use super::{CALLS_BEYOND, Interval, Trace, bars, latencies, ledger, max_ns, quantile_ns, returned, time_ns};
use crate::text::{Column, Grid, TextOptions, wrap};
use crate::{rows, units};
use store::{Measure, errno_name};

/// Most histograms below a table: of more calls there would be more to scroll than to read.
const HISTOGRAMS: usize = 4;
/// Most bars of one.
const BARS: usize = 16;
/// Columns of the longest bar.
const BAR_WIDTH: u64 = 40;

/// What stands above the lines of intervals.
#[must_use]
pub fn heading() -> String {
    columns("seconds", "syscall", &["calls", "per_s", "errors", "p50", "p99", "max", "under_way"])
}

/// One system call in one interval: columns that have the same places in every line, each a single word.
#[must_use]
pub fn line(interval: &Interval, measure: &Measure) -> String {
    let calls = returned(measure);
    let word = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), |ns| units::duration(ns).replace(' ', ""));
    let figures = [
        calls.to_string(),
        format!("{:.0}", calls as f64 / interval.seconds().max(1e-9)),
        measure.error.count.to_string(),
        word(quantile_ns(measure, 0.5)),
        word(quantile_ns(measure, 0.99)),
        word(max_ns(measure).map(|ns| ns as f64)),
        ledger(measure).censored.to_string(),
    ];
    columns(
        &format!("{:.3}", interval.to_ns as f64 / 1e9),
        &measure.syscall,
        &figures.each_ref().map(String::as_str),
    )
}

fn columns(seconds: &str, syscall: &str, figures: &[&str; 7]) -> String {
    let [calls, rate, errors, p50, p99, max, under_way] = figures;
    format!(
        "{seconds:>9}  {syscall:<18} {calls:>10} {rate:>10} {errors:>8} {p50:>8} {p99:>8} {max:>8} {under_way:>9}"
    )
}

/// The table at the end of a trace, errors by their names, and the histograms where they are few.
#[must_use]
pub fn render(trace: &Trace, options: &TextOptions) -> String {
    let wrapped = |text: &str| wrap(text, options.width);
    let bold = |text: String| if options.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text };
    let mut sections = vec![format!("{}\n{}", bold(wrapped(&title(trace))), wrapped(&facts(trace)))];
    let shown: Vec<&Measure> = sorted(trace);
    if shown.is_empty() {
        sections.push(wrapped("No call was seen."));
    } else {
        sections.push(table(trace, &shown, options.width));
        sections.push(wrapped(&notes(trace, &shown).join("\n")));
    }
    if shown.len() <= HISTOGRAMS {
        sections.extend(
            shown
                .iter()
                .filter_map(|measure| histogram(measure))
                .map(|(heading, bars)| format!("{}\n{bars}", bold(wrapped(&heading)))),
        );
    }
    sections.join("\n\n") + "\n"
}

/// Those of which something was seen, most calls first.
pub(super) fn sorted(trace: &Trace) -> Vec<&Measure> {
    let mut shown: Vec<&Measure> = trace.totals.iter().filter(|measure| super::is_seen(measure)).collect();
    shown.sort_by_key(|measure| std::cmp::Reverse(returned(measure)));
    shown
}

/// `dd bs=1 (process 12): 2,003 calls in 1.02 s`.
pub(super) fn title(trace: &Trace) -> String {
    let calls: u64 = trace.totals.iter().map(returned).sum();
    let calls = units::count(i128::from(calls));
    format!("{}: {calls} calls in {}", trace.subject.name(), units::duration(trace.window_ns as f64))
}

/// How it was seen, whose calls count, how it ended.
pub(super) fn facts(trace: &Trace) -> String {
    let whose = match (trace.subject.kind, trace.subject.with_children) {
        (super::Kind::System, _) => "every process but the runner",
        (_, true) => "with all that it starts",
        (_, false) => "without what it starts",
    };
    let windows = (trace.windows > 1).then(|| format!("{} windows in a row", trace.windows));
    let status = trace.status.as_ref().map(|status| format!("it ended with {status}"));
    let facts = [Some(format!("seen by {}", trace.backend)), Some(whose.to_owned()), windows, status];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Those that tables have.
const QUANTILES: [f64; 2] = [0.5, 0.99];

pub(super) const HEADINGS: [&str; 10] =
    ["syscall", "calls", "per s", "errors", "mean", "p50", "p99", "max", "time in it", "under way"];

/// The cells of a row.
pub(super) fn row(trace: &Trace, measure: &Measure) -> [String; 10] {
    let duration = |ns: Option<f64>| ns.map_or_else(|| "–".to_owned(), units::duration);
    let seconds = (trace.window_ns as f64 / 1e9).max(1e-9);
    let calls = returned(measure);
    let [p50, p99] = QUANTILES.map(|q| quantile_ns(measure, q));
    [
        measure.syscall.clone(),
        units::count(i128::from(calls)),
        units::short(calls as f64 / seconds),
        units::count(i128::from(measure.error.count)),
        duration(latencies(measure).mean_ns()),
        duration(p50),
        duration(p99),
        duration(max_ns(measure).map(|ns| ns as f64)),
        units::duration(time_ns(measure) as f64),
        units::count(i128::from(ledger(measure).censored)),
    ]
}

fn table(trace: &Trace, shown: &[&Measure], width: usize) -> String {
    let mut grid = Grid::new(Column::all(&HEADINGS, &[2, 4, 8]));
    for measure in shown {
        grid.push(row(trace, measure).to_vec());
    }
    grid.render(width)
}

/// The account of all calls, and what needs words.
pub(super) fn notes(trace: &Trace, shown: &[&Measure]) -> Vec<String> {
    let sum = |of: fn(&Measure) -> i128| units::count(shown.iter().map(|measure| of(measure)).sum());
    let mut notes = Vec::from_iter(legend(shown));
    notes.push(format!(
        "{} entered = {} returned + {} censored (under way when their window closed) + {} lost.",
        sum(|it| ledger(it).entered.into()),
        sum(|it| returned(it).into()),
        sum(|it| ledger(it).censored.into()),
        sum(|it| ledger(it).lost.into()),
    ));
    notes.extend(shown.iter().filter_map(|measure| errors(measure)));
    let only_failed = shown.iter().filter(|it| it.ok.count == 0 && it.error.count > 0);
    let only_failed: Vec<&str> = only_failed.map(|it| it.syscall.as_str()).collect();
    if !only_failed.is_empty() {
        notes.push(format!(
            "Only failed, so that the latencies are those of failures: {}.",
            only_failed.join(", ")
        ));
    }
    let compat: u64 = shown.iter().filter_map(|it| ledger(it).compat).sum();
    if compat > 0 {
        notes.push(format!("Besides, 32-bit programs made {compat} calls, which are not timed."));
    }
    if shown.iter().any(|measure| measure.syscall == super::OTHER) {
        notes.push(format!("`other` is {} system calls that are rare.", trace.together.len()));
    }
    notes
}

/// What the dashes in place of quantiles are, where there are any.
fn legend(shown: &[&Measure]) -> Option<String> {
    let lacks = |measure: &&Measure| QUANTILES.into_iter().any(|q| quantile_ns(measure, q).is_none());
    let words = || format!("–: {}", rows::quantiles_note("there are", CALLS_BEYOND));
    shown.iter().any(lacks).then(words)
}

/// `read failed: 12 × EAGAIN, 3 × EINTR`.
fn errors(measure: &Measure) -> Option<String> {
    let name = |errno: u16| errno_name(errno).map_or_else(|| format!("error {errno}"), str::to_owned);
    let words = measure
        .errnos
        .iter()
        .map(|(errno, count)| format!("{} × {}", units::count((*count).into()), name(*errno)));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("{} failed: {}.", measure.syscall, words.join(", ")))
}

/// A heading and a line for each bar.
fn histogram(measure: &Measure) -> Option<(String, String)> {
    let bars = bars(latencies(measure), BARS);
    let most = bars.iter().map(|bar| bar.count).max()?;
    let lines = bars.iter().map(|bar| {
        let length = usize::try_from((bar.count * BAR_WIDTH).div_ceil(most.max(1))).unwrap_or(0);
        let (from, to) = (units::duration(bar.lower_ns as f64), units::duration(bar.upper_ns as f64));
        let line =
            format!("{from:>10} – {to:<10} {:>12}  {}", units::count(bar.count.into()), "█".repeat(length));
        line.trim_end().to_owned()
    });
    Some((format!("{}, latency", measure.syscall), lines.collect::<Vec<_>>().join("\n")))
}

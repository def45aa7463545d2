//! Tables that every format has: their headings, and their cells as text.
//!
//! Owns what is shown of the account, of failures and of slow calls, and in what words; how a table looks is its
//! format's business.

mod load;

pub(crate) use load::{LOAD_HEADINGS, LOAD_NOTE, load, load_remark};

use crate::Metric;
use crate::summary::{ErrorCount, GeneratorSummary, KeptCall, Summary, TargetLedger};
use crate::units;
use store::errno_name;

/// Headings and rows; the first column is words, the others are figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) headings: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// A column: its heading and the cell of each row.
type Column<'a, T> = (&'static str, &'a dyn Fn(&T) -> String);

impl Rows {
    fn of<T>(values: &[T], columns: &[Column<'_, T>]) -> Self {
        Self {
            headings: columns.iter().map(|(heading, _)| *heading).collect(),
            rows: values.iter().map(|it| columns.iter().map(|(_, cell)| cell(it)).collect()).collect(),
        }
    }
}

fn known<T: Into<i128>>(count: Option<T>) -> String {
    count.map_or_else(|| "–".to_owned(), |count| units::count(count.into()))
}

/// What the kernel's own counters missed, and calls by 32-bit programs: whether any ledger has some.
pub(crate) fn has_missed(ledgers: &[TargetLedger]) -> bool {
    ledgers.iter().any(|ledger| ledger.missed.is_some_and(|missed| missed > 0))
}

/// See [`has_missed`].
pub(crate) fn has_compat(ledgers: &[TargetLedger]) -> bool {
    ledgers.iter().any(|ledger| ledger.compat.is_some_and(|compat| compat > 0))
}

/// What is to be known of cells in which every call failed.
pub(crate) const FAILURES_NOTE: &str = "Where no call succeeded, times are those of the calls that failed.";

/// Why a quantile may have no figure; whose calls are counted are words such as `every repetition has`.
pub(crate) fn quantiles_note(whose: &str, calls_beyond: u64) -> String {
    format!("A quantile is shown only where {whose} at least {calls_beyond} calls beyond it.")
}

/// What stands in the ledger's place where no probe has counted anything.
pub(crate) const NO_LEDGER: &str =
    "No trial has a probe's counts. Callers count what they issued, and no more is known.";

/// Whether any ledger has something of a probe's in it.
pub(crate) fn has_ledger(ledgers: &[TargetLedger]) -> bool {
    ledgers.iter().any(|ledger| ledger.entered.is_some())
}

/// Where the calls went. Columns that say nothing are left out.
pub(crate) fn ledger(ledgers: &[TargetLedger], with_share: bool) -> Rows {
    let only_with_probe = |ledger: &TargetLedger, count: i128| known(ledger.entered.map(|_| count));
    let lost = |it: &TargetLedger| only_with_probe(it, it.lost.into());
    let censored = |it: &TargetLedger| only_with_probe(it, it.censored.into());
    let share = |it: &TargetLedger| it.lost_share().map_or_else(|| "–".to_owned(), units::percent);
    let mut columns: Vec<Column<'_, TargetLedger>> = vec![
        ("target", &|it| it.syscall.clone()),
        ("entered", &|it| known(it.entered)),
        ("returned", &|it| known(it.returned)),
        ("failed", &|it| units::count(it.errors.into())),
        ("censored", &censored),
        ("lost", &lost),
    ];
    if with_share {
        columns.push(("lost share", &share));
    }
    if has_missed(ledgers) {
        columns.push(("missed", &|it| known(it.missed)));
    }
    if has_compat(ledgers) {
        columns.push(("32-bit", &|it| known(it.compat)));
    }
    columns.push(("kernel − user", &|it| known(it.kernel_minus_user())));
    Rows::of(ledgers, &columns)
}

/// What the columns `missed` and `32-bit` are, where they are shown.
pub(crate) fn ledger_notes(ledgers: &[TargetLedger]) -> Vec<&'static str> {
    let missed = "Missed is what the kernel itself says its programs missed, of every process.";
    let compat = "Calls of 32-bit programs are counted apart, and in no other column.";
    [(has_missed(ledgers), missed), (has_compat(ledgers), compat)]
        .into_iter()
        .filter_map(|(shown, note)| shown.then_some(note))
        .collect()
}

/// Failed calls by error number. The first two columns are words.
pub(crate) fn errors(errors: &[ErrorCount]) -> Rows {
    let columns: [Column<'_, ErrorCount>; 6] = [
        ("target", &|it| it.syscall.clone()),
        ("error", &ErrorCount::label),
        ("errno", &|it| it.errno.to_string()),
        ("kernel", &|it| known(it.kernel)),
        ("caller", &|it| known(it.user)),
        ("share of calls", &|it| it.share().map_or_else(|| "–".to_owned(), units::percent)),
    ];
    Rows::of(errors, &columns)
}

/// A table of which the first columns are words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worded {
    pub(crate) words: Vec<String>,
    pub(crate) figures: Vec<&'static str>,
    /// Words and figures.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Worded {
    /// All headings.
    pub(crate) fn headings(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).chain(self.figures.iter().copied()).collect()
    }
}

/// What generators with a rate or a mix did; none where none has.
pub(crate) fn generators(summary: &Summary) -> Option<Worded> {
    let all = &summary.generators;
    let figures = generator_figures(all);
    let rows = all.iter().zip(figures.rows).map(|(it, figures)| {
        let words = [it.generator.clone(), it.workload.clone()].into_iter().chain(it.levels.iter().cloned());
        words.chain(figures).collect()
    });
    let factors = summary.manifest.scenario.factors.iter().map(|factor| factor.name.clone());
    let table = Worded {
        words: ["generator", "workload"].map(str::to_owned).into_iter().chain(factors).collect(),
        figures: figures.headings,
        rows: rows.collect(),
    };
    (!all.is_empty()).then_some(table)
}

fn generator_figures(all: &[GeneratorSummary]) -> Rows {
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), units::percent);
    let response = |metric: Metric| {
        move |it: &GeneratorSummary| {
            it.response(metric).map_or_else(|| "–".to_owned(), |figure| units::duration(figure.value_ns))
        }
    };
    let late = |it: &GeneratorSummary| share(it.late_share);
    let mix = |it: &GeneratorSummary| share(Some(it.share));
    let (p50, p99) = (response(Metric::P50), response(Metric::P99));
    let (p999, max) = (response(Metric::P999), response(Metric::Max));
    let asked = |it: &GeneratorSummary| it.asked_per_second.map_or_else(|| "–".to_owned(), units::short);
    let done = |it: &GeneratorSummary| units::short(it.operations_per_second);
    let mut columns: Vec<Column<'_, GeneratorSummary>> = if all.iter().any(|it| it.asked_per_second.is_some())
    {
        vec![("asked/s", &asked), ("done/s", &done)]
    } else {
        vec![("operations/s", &done)]
    };
    if all.iter().any(|it| it.share < 1.0) {
        columns.push(("share", &mix));
    }
    if all.iter().any(|it| it.response.is_some()) {
        columns.extend([
            ("late", &late as _),
            ("p50", &p50 as _),
            ("p99", &p99 as _),
            ("p99.9", &p999 as _),
            ("max", &max as _),
        ]);
    }
    Rows::of(all, &columns)
}

/// What the columns of [`generators`] are.
pub(crate) const GENERATORS_NOTE: &str = "Medians over repetitions. Where a rate is set, it stands beside the operations \
    that were done, and times are those of whole \
    operations from when they were to begin, not from when they did; late ones began late since those before them had \
    not ended.";

/// Slow calls, without the levels of their cells.
pub(crate) fn slowest(calls: &[KeptCall]) -> Rows {
    let columns: [Column<'_, KeptCall>; 7] = [
        ("latency", &|it| units::duration(it.call.latency_ns as f64)),
        ("returned at", &|it| units::duration(it.call.at_ns as f64)),
        ("trial", &|it| it.trial.to_string()),
        ("thread", &|it| it.call.tid.to_string()),
        ("CPU", &|it| cpus(it.call.cpu_entry, it.call.cpu_return)),
        ("times off CPU", &|it| known(it.call.switches)),
        ("value", &|it| value(it.call.value)),
    ];
    Rows::of(calls, &columns)
}

fn cpus(entry: u32, returned: u32) -> String {
    if entry == returned { entry.to_string() } else { format!("{entry} → {returned}") }
}

/// What a call returned: the name of its error, an address in hexadecimal, or a number.
fn value(value: i64) -> String {
    const ADDRESSES: i64 = 1 << 16;
    match u16::try_from(-i128::from(value)) {
        Ok(errno @ 1..4096) => errno_name(errno).map_or_else(|| value.to_string(), str::to_owned),
        _ if value >= ADDRESSES => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

/// `munmap(0x7f1c2a400000, 0x1000, …)`; none where the arguments are not known.
pub(crate) fn call_text(call: &store::SlowCall) -> Option<String> {
    let arguments = call.arguments?.map(|argument| format!("{argument:#x}"));
    Some(format!("{}({})", call.syscall, arguments.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_what_they_are() {
        let expected = [
            (-2, "ENOENT"),
            (-512, "ERESTARTSYS"),
            (-4000, "-4000"),
            (-5000, "-5000"),
            (i64::MIN, "-9223372036854775808"),
            (0, "0"),
            (4096, "4096"),
            (0x7f1c_2a40_0000, "0x7f1c2a400000"),
        ];
        for (number, text) in expected {
            assert_eq!(value(number), text);
        }
    }

    #[test]
    fn a_call_that_moved_names_both_cpus() {
        assert_eq!((cpus(1, 1).as_str(), cpus(0, 3).as_str()), ("1", "0 → 3"));
    }
}

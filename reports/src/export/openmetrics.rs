//! `OpenMetrics` text 1.0: histograms with `le` in seconds, counters, and what the run is.

use super::{Key, Total, cell_words, totals};
use crate::RunView;
use probe_abi::{SparseHistogram, slot_lower_ns};
use std::fmt::Write as _;
use std::io::{self, Write};
use store::Status;

/// The bounds of buckets, in nanoseconds: 64 ns to 17 s, two to the octave. Each is where a slot of the run begins, so that
/// no call is on the wrong side of one.
fn bounds_ns() -> impl Iterator<Item = u64> {
    (6..34).flat_map(|octave| [1_u64 << octave, 3 << (octave - 1)]).chain([1 << 34])
}

/// The totals of every cell × target × vantage, over the trials that are ok. Ends with `# EOF`.
pub fn openmetrics(run: &RunView<'_>, out: &mut impl Write) -> io::Result<()> {
    let totals: Vec<_> = totals(run);
    let names = factor_names(run.manifest.scenario.factors.iter().map(|factor| factor.name.as_str()));
    let labelled: Vec<(String, &Total)> =
        totals.iter().map(|(key, total)| (labels(run, &names, key), total)).collect();
    about_run(run, out)?;
    family(
        out,
        "latency_seconds",
        "histogram",
        "Latency of system calls that entered and returned in a window",
    )?;
    writeln!(out, "# UNIT syscall_lab_latency_seconds seconds")?;
    for (labels, total) in &labelled {
        for (outcome, histogram) in [("ok", &total.ok), ("error", &total.error)] {
            buckets(out, &format!("{labels},outcome=\"{outcome}\""), histogram)?;
        }
    }
    family(out, "trials_measured", "counter", "Trials that the other figures are of")?;
    for (labels, total) in &labelled {
        writeln!(out, "syscall_lab_trials_measured_total{{{labels}}} {}", total.trials)?;
    }
    let ledgers = || labelled.iter().filter_map(|(labels, total)| Some((labels, total.ledger?)));
    family(out, "entered_calls", "counter", "Calls whose entry fell in a window")?;
    for (labels, (entered, ..)) in ledgers() {
        writeln!(out, "syscall_lab_entered_calls_total{{{labels}}} {entered}")?;
    }
    family(out, "censored_calls", "counter", "Calls that were still under way when their window closed")?;
    for (labels, (_, censored, _)) in ledgers() {
        writeln!(out, "syscall_lab_censored_calls_total{{{labels}}} {censored}")?;
    }
    // It may be below zero, where returns were seen without their entry.
    family(out, "lost_calls", "gauge", "Calls that entered and of which nothing more was seen")?;
    for (labels, (.., lost)) in ledgers() {
        writeln!(out, "syscall_lab_lost_calls{{{labels}}} {lost}")?;
    }
    writeln!(out, "# EOF")
}

/// Which run it is, and what became of its trials.
fn about_run(run: &RunView<'_>, out: &mut impl Write) -> io::Result<()> {
    let manifest = run.manifest;
    family(out, "run", "info", "What was measured, on what")?;
    let facts = [
        ("run", &manifest.id),
        ("scenario", &manifest.scenario.name),
        ("kernel", &manifest.environment.kernel_release),
        ("host", &manifest.environment.host),
        ("backend", &manifest.probe.backend),
    ];
    let facts = facts.map(|(name, value)| label(name, value)).join(",");
    writeln!(out, "syscall_lab_run_info{{{facts}}} 1")?;
    family(out, "trials", "counter", "Trials that were executed")?;
    for status in [Status::Ok, Status::Failed, Status::Invalid] {
        let count = run.trials.iter().filter(|trial| trial.status == status).count();
        writeln!(out, "syscall_lab_trials_total{{status=\"{}\"}} {count}", status.name())?;
    }
    Ok(())
}

fn family(out: &mut impl Write, name: &str, kind: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# TYPE syscall_lab_{name} {kind}\n# HELP syscall_lab_{name} {help}")
}

fn buckets(out: &mut impl Write, labels: &str, histogram: &SparseHistogram) -> io::Result<()> {
    let mut slots = histogram.slots.iter().peekable();
    let mut below = 0;
    for bound in bounds_ns() {
        while let Some((_, count)) = slots.next_if(|(slot, _)| slot_lower_ns(usize::from(*slot)) < bound) {
            below += count;
        }
        let le = bound as f64 / 1e9;
        writeln!(out, "syscall_lab_latency_seconds_bucket{{{labels},le=\"{le:?}\"}} {below}")?;
    }
    let (count, sum) = (histogram.count, histogram.sum_ns as f64 / 1e9);
    writeln!(out, "syscall_lab_latency_seconds_bucket{{{labels},le=\"+Inf\"}} {count}")?;
    writeln!(out, "syscall_lab_latency_seconds_count{{{labels}}} {count}")?;
    writeln!(out, "syscall_lab_latency_seconds_sum{{{labels}}} {sum:?}")
}

/// `cell="size=4KiB load=high",factor_size="4KiB",factor_load="high",syscall="mmap",vantage="kernel"`.
fn labels(run: &RunView<'_>, names: &[String], (cell, target, vantage): &Key) -> String {
    let mut labels = label("cell", &cell_words(run, cell));
    for (name, level) in names.iter().zip(cell) {
        let _ = write!(labels, ",{}", label(name, level));
    }
    let (target, vantage) = (label("syscall", target), label("vantage", vantage.name()));
    format!("{labels},{target},{vantage}")
}

/// The names that factors have as labels. Where several factors would have the same (`page-size`, `page_size`), each has
/// its place in the scenario behind it.
fn factor_names<'a>(factors: impl Iterator<Item = &'a str>) -> Vec<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let all: Vec<String> =
        factors.map(|factor| format!("factor_{}", factor.chars().map(plain).collect::<String>())).collect();
    let mut names: Vec<String> = Vec::with_capacity(all.len());
    for (place, name) in (1..).zip(&all) {
        let mut own = name.clone();
        if all.iter().filter(|other| *other == name).count() > 1 {
            // Another factor may be called just so.
            while all.contains(&own) || names.contains(&own) {
                own = format!("{own}_{place}");
            }
        }
        names.push(own);
    }
    names
}

/// A label, its value quoted, and without what a terminal would obey.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let value = value.replace(|it: char| it.is_control() && it != '\t', "\u{fffd}");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use probe_abi::{Histogram, slot_of};

    #[test]
    fn every_bound_is_where_a_slot_begins() {
        let bounds: Vec<u64> = bounds_ns().collect();
        assert!(bounds.is_sorted() && bounds.len() == 57);
        for bound in bounds {
            assert_eq!(slot_lower_ns(slot_of(bound)), bound);
        }
    }

    #[test]
    fn buckets_add_up_to_the_count() {
        let mut histogram = Box::new(Histogram::EMPTY);
        for ns in [10, 64, 95, 96, 1_000, u64::MAX >> 1] {
            histogram.record(ns);
        }
        let mut text = Vec::new();
        buckets(&mut text, "x=\"y\"", &SparseHistogram::from(&*histogram)).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("le=\"6.4e-8\"} 1"), "{}", lines[0]);
        assert!(lines[1].ends_with("le=\"9.6e-8\"} 3"), "{}", lines[1]);
        assert!(lines[2].ends_with("le=\"1.28e-7\"} 4"), "{}", lines[2]);
        assert!(text.contains("le=\"17.179869184\"} 5\n") && text.contains("le=\"+Inf\"} 6\n"), "{text}");
    }

    #[test]
    fn labels_are_quoted() {
        assert_eq!(label("factor_load", "a\"b\\c\nd"), "factor_load=\"a\\\"b\\\\c\\nd\"");
        assert_eq!(label("host", "\u{1b}]0;x\u{7}\r\u{9b}"), "host=\"\u{fffd}]0;x\u{fffd}\u{fffd}\u{fffd}\"");
    }

    #[test]
    fn each_factor_has_a_label_of_its_own() {
        let names = |factors: &[&str]| factor_names(factors.iter().copied());
        assert_eq!(names(&["two-words", "load"]), ["factor_two_words", "factor_load"]);
        assert_eq!(
            names(&["page-size", "load", "page_size"]),
            ["factor_page_size_1", "factor_load", "factor_page_size_3"]
        );
        assert_eq!(
            names(&["a-b", "a_b", "a_b_1", "é", "è"]),
            ["factor_a_b_1_1", "factor_a_b_2", "factor_a_b_1", "factor___4", "factor___5"]
        );
    }
}

//! The document for people.

use crate::document::{Cost, Document, ReadingFigures, ScalingFigures};
use crate::statistics::Figure;
use crate::targets::{Bound, Verdict};

/// Prints everything to standard output.
pub(crate) fn print(document: &Document) {
    println!("{}", document.machine.line());
    println!("{} rounds of {} calls; medians with 95 % intervals", document.rounds, document.calls);
    costs(&document.costs);
    if let Some(figures) = &document.scaling {
        scaling(figures);
    }
    if let Some(figures) = &document.reading {
        reading(figures);
    }
    left_out(document);
    println!("\ntargets");
    document.targets.iter().for_each(target);
}

fn costs(costs: &[Cost]) {
    println!(
        "\n{:<26} {:^23} {:^23} {:^20} {:>8} {:>7} {:>6}  what it keeps of each call",
        "ns per getpid", "processor time", "added", "× the floor", "wall", "counted", "rounds"
    );
    for cost in costs {
        let line = format!(
            "{:<26} {:>23} {:>23} {:>20} {:>8.1} {:>7} {:>6}  {}",
            cost.name,
            shown(cost.processor_ns, 1),
            cost.added_ns.map_or_else(String::new, |it| shown(it, 1)),
            cost.times_floor.map_or_else(String::new, |it| shown(it, 2)),
            cost.wall_ns.median,
            cost.counted.map_or_else(String::new, share_shown),
            cost.processor_ns.rounds,
            kept(cost),
        );
        println!("{}", line.trim_end());
    }
}

fn kept(cost: &Cost) -> String {
    let version = cost.version.as_ref().map_or_else(String::new, |version| format!(" ({version})"));
    cost.keeps.map_or_else(String::new, |keeps| format!("{keeps}{version}"))
}

fn scaling(figures: &ScalingFigures) {
    println!("\ntwo threads on CPUs {:?}: throughput over one thread's", figures.cpus);
    println!("{:<26} {}", "bare", shown(figures.bare, 3));
    println!("{:<26} {}", "probed", shown(figures.probed, 3));
    println!("{:<26} {}", "probed / bare", shown(figures.ratio, 3));
    println!("{:<26} {}", "by processor time", shown(figures.processor_ratio, 3));
}

fn reading(figures: &ReadingFigures) {
    println!("\nµs of Probe::read with {} targets on {} CPUs", figures.targets, figures.cpus);
    println!("{:<26} {}", "the whole call", shown(figures.whole_us, 1));
    println!("{:<26} {}", "waiting for a grace period", shown(figures.grace_us, 1));
    println!("{:<26} {}", "walking the start table", shown(figures.starts_us, 1));
    println!("{:<26} {}", "reading all banks", shown(figures.banks_us, 1));
}

fn left_out(document: &Document) {
    if document.left_out.is_empty() {
        return;
    }
    println!("\nleft out");
    for absent in &document.left_out {
        println!("{:<26} {}", absent.name, absent.reason);
    }
}

fn target(verdict: &Verdict) {
    let outcome = match verdict.met {
        Some(true) => "met",
        Some(false) => "not met",
        None => "not measured",
    };
    let bound = match verdict.bound {
        Bound::AtMost(limit) => format!("≤ {limit}"),
        Bound::AtLeast(limit) => format!("≥ {limit}"),
        Bound::Below(limit) => format!("< {limit}"),
    };
    let figure = verdict.figure.map_or_else(String::new, |it| shown(it, 3));
    println!("{outcome:<12} {bound:<7} {figure:<22} {}", verdict.what);
}

/// With at most `decimals` digits after the point, and fewer where the figure is long as it is.
fn shown(figure: Figure, decimals: usize) -> String {
    let Figure { median, low, high, .. } = figure;
    let spare = [1e1, 1e2, 1e3].iter().filter(|power| median.abs() < **power).count();
    let decimals = decimals.min(spare);
    format!("{median:.decimals$} ({low:.decimals$}–{high:.decimals$})")
}

/// Whole only if all or nothing was counted.
fn share_shown(share: f64) -> String {
    if share > 0.0 && share < 1.0 {
        format!("{:.2} %", (share * 1e4).floor() / 1e2)
    } else {
        format!("{:.0} %", share * 1e2)
    }
}

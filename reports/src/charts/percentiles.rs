//! Latency by percentile, the tail stretched out.

use super::canvas::{Canvas, Frame, Point, Stroke, Type};
use super::data::Table;
use super::matrix::Line;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL, LEFT, RIGHT};
use super::scale::{Scale, log_range};
use crate::{CALLS_BEYOND, Metric, units};
use probe_abi::{SLOTS, SparseHistogram, slot_lower_ns, slot_upper_ns};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 380.0;

/// Name, title and description of the chart.
pub(super) fn frame(name: String, of: &str, lines: &[Line<'_>]) -> Frame {
    let figures: Vec<String> = lines
        .iter()
        .map(|line| {
            let known = [Metric::P50, Metric::P99, Metric::P999].into_iter().filter_map(|metric| {
                Some(format!("{metric} {}", units::duration(metric.of(&line.measure.histogram)?)))
            });
            format!("{}: {}", line.key.label, known.collect::<Vec<_>>().join(", "))
        })
        .collect();
    Frame {
        name,
        title: format!("Latency by percentile of {of}"),
        description: figures.join("; "),
        size: (WIDTH, HEIGHT),
        parts: Vec::new(),
        is_by_column: false,
    }
}

/// One curve for each series, from the calls of all repetitions.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, (name, lines): (&str, &[Line<'_>])) {
    let keys: Vec<_> = lines.iter().map(|line| line.key.clone()).collect();
    panel::heading(canvas, &frame.title, name, &keys);
    let bounds = Bounds { left: LEFT + 66.0, top: 64.0, right: WIDTH - RIGHT, bottom: HEIGHT - 52.0 };
    let extremes = lines.iter().flat_map(|line| {
        [line.measure.histogram.min_ns.max(1) as f64, line.measure.histogram.max_ns.max(1) as f64]
    });
    let Some(range) = log_range(extremes, 1.15, 4.0) else { return };
    let most = lines.iter().map(|line| line.measure.histogram.count).max().unwrap_or(1) as f64;
    let x = Scale::logarithmic((1.0, most.max(10.0) * 1.3), bounds.across());
    let y = Scale::logarithmic(range, bounds.upwards());
    panel::y_axis(canvas, bounds, &panel::marks(&y, 8, units::duration_tick));
    panel::x_axis(canvas, bounds, &percentile_marks(&x, most), true);
    for line in lines {
        let curve = draw_curve(canvas, (x, y), (&line.measure.histogram, line.key.colour));
        tell(canvas, (x, y), (&line.key.label, &curve));
    }
    let note = format!("thin: fewer than {CALLS_BEYOND} calls lie beyond");
    canvas.text(&note, (bounds.left, bounds.bottom + 34.0), Type::plain(LABEL, Colour::Muted));
    panel::x_name(canvas, bounds, "share of the calls that are faster");
}

/// The curve of a histogram's calls, thin where too few calls lie beyond; its points.
pub(super) fn draw_curve(
    canvas: &Canvas<'_>,
    (x, y): (Scale, Scale),
    (histogram, colour): (&SparseHistogram, Colour),
) -> Vec<Point> {
    let curve = curve(histogram);
    let supported = curve.iter().filter(|(beyond, _)| *beyond <= sure_beyond(histogram)).count();
    let (sure, unsure) = (&curve[..supported], &curve[supported.saturating_sub(1)..]);
    let place = |(beyond, ns): &Point| (x.pixel(*beyond), y.pixel(*ns));
    let path = |points: &[Point]| panel::thinned(&points.iter().map(place).collect::<Vec<_>>());
    canvas.line(&path(sure), Stroke::new(colour, 2.25));
    canvas.line(&path(unsure), Stroke::new(colour, 1.25).faint(0.55));
    curve
}

/// How far from 1 the share of faster calls may be, as one in so many, for enough calls to lie beyond.
fn sure_beyond(histogram: &SparseHistogram) -> f64 {
    histogram.count as f64 / CALLS_BEYOND as f64
}

/// Tells of a curve at round percentiles.
pub(super) fn tell(canvas: &Canvas<'_>, (x, y): (Scale, Scale), (name, curve): (&str, &[Point])) {
    const PERCENTILES: [f64; 17] = [
        1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.995, 99.999,
        99.9999,
    ];
    for percentile in PERCENTILES {
        let beyond = 100.0 / (100.0 - percentile);
        let Some((_, ns)) = curve.iter().find(|(at, _)| *at >= beyond * (1.0 - 1e-9)) else { break };
        let words = format!("{name}: p{} {}", units::plain(percentile), units::duration(*ns));
        canvas.tell((x.pixel(beyond), y.pixel(*ns)), words);
    }
    if let Some((beyond, ns)) = curve.last() {
        canvas.tell((x.pixel(*beyond), y.pixel(*ns)), format!("{name}: slowest {}", units::duration(*ns)));
    }
}

/// A row for each point of each curve.
pub(super) fn table(name: &str, lines: &[Line<'_>]) -> Table {
    let mut table = Table::new([name, "enough_calls_beyond", "share_of_slower_calls", "latency_ns"]);
    for line in lines {
        add(&mut table, &[&line.key.label], &line.measure.histogram);
    }
    table
}

/// Adds the points of a histogram's curve.
pub(super) fn add(table: &mut Table, words: &[&str], histogram: &SparseHistogram) {
    for (beyond, ns) in curve(histogram) {
        let is_sure = if beyond <= sure_beyond(histogram) { "yes" } else { "no" };
        table.push(&[words, &[is_sure]].concat(), &[Some(1.0 / beyond), Some(ns)]);
    }
}

/// 0 %, 50 %, 90 %, 99 % and so on, as far as there are calls.
pub(super) fn percentile_marks(x: &Scale, calls: f64) -> Vec<(f64, String)> {
    let decades = (1..=12).map(|nines| {
        let label = match nines {
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            more => format!("99.{} %", "9".repeat(more - 2)),
        };
        (10f64.powi(i32::try_from(nines).unwrap_or(0)), label)
    });
    let first = [(1.0, "0 %".to_owned()), (2.0, "50 %".to_owned())];
    let marks = first.into_iter().chain(decades).filter(|(beyond, _)| *beyond <= calls.max(10.0));
    marks.map(|(beyond, label)| (x.pixel(beyond), label)).collect()
}

/// `(1 / share of slower calls, latency)` in rising order: the middle of each slot over the calls that it holds.
fn curve(histogram: &SparseHistogram) -> Vec<Point> {
    let calls = histogram.count as f64;
    let mut curve = Vec::with_capacity(2 * histogram.slots.len());
    let mut faster = 0.0;
    for (slot, count) in &histogram.slots {
        let slot = usize::from(*slot);
        let middle = f64::midpoint(slot_lower_ns(slot) as f64, (slot_upper_ns(slot) - 1) as f64);
        let value = if slot == SLOTS - 1 { histogram.max_ns as f64 } else { middle };
        let value = value.clamp(histogram.min_ns as f64, histogram.max_ns as f64);
        curve.push((calls / (calls - faster), value));
        faster += *count as f64;
        // Beyond the last call lies none; its place is that of one call.
        curve.push((calls / (calls - faster).max(1.0), value));
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_to_the_slowest_call() {
        let mut dense = Box::new(probe_abi::Histogram::EMPTY);
        (0..1000u64).for_each(|ns| dense.record(ns * ns));
        let curve = curve(&SparseHistogram::from(&*dense));
        assert!(curve.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        let (beyond, slowest) = curve[curve.len() - 1];
        assert!((beyond - 1000.0).abs() < 1e-9 && slowest > 980_000.0, "{beyond} {slowest}");
    }
}

//! Histograms of the load levels, one below the other on the same logarithmic axes.

use super::bins::Bins;
use super::canvas::{Canvas, Frame, Point, Stroke, Type};
use super::data::{self, BinRow, Table};
use super::matrix::Line;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL, LEFT, RIGHT};
use super::scale::{Scale, log_range, share_tick};
use crate::{Metric, units};

const WIDTH: f64 = 880.0;
const ROW: f64 = 132.0;
const TOP: f64 = 52.0;

/// Bins for each power of two: coarse enough to be read, fine enough for two modes to stay two.
const BINS_PER_OCTAVE: usize = 12;

/// Name, title and description of the chart.
pub(super) fn frame(name: String, of: &str, lines: &[Line<'_>]) -> Frame {
    let figures: Vec<String> = lines
        .iter()
        .map(|line| {
            let histogram = &line.measure.histogram;
            let (low, high) =
                (units::duration(histogram.min_ns as f64), units::duration(histogram.max_ns as f64));
            format!("{}: {} calls from {low} to {high}", line.key.label, units::count(histogram.count.into()))
        })
        .collect();
    Frame {
        name,
        title: format!("Histograms of {of}"),
        description: format!("Histograms on logarithmic axes. {}", figures.join("; ")),
        size: (WIDTH, TOP + ROW * lines.len() as f64 + 44.0),
        parts: Vec::new(),
        is_by_column: false,
    }
}

/// One row for each series.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, lines: &[Line<'_>]) {
    panel::heading(canvas, &frame.title, "", &[]);
    panel::caption(canvas, "share of the calls in each twelfth of a power of two; both axes logarithmic");
    let extremes = lines.iter().flat_map(|line| {
        let histogram = &line.measure.histogram;
        [histogram.min_ns.max(1) as f64, histogram.max_ns.max(1) as f64]
    });
    let Some(range) = log_range(extremes, 1.1, 4.0) else { return };
    let most = lines.iter().map(|line| line.measure.histogram.count).max().unwrap_or(1) as f64;
    for (index, line) in lines.iter().enumerate() {
        let top = TOP + ROW * index as f64 + 14.0;
        let bounds = Bounds { left: LEFT + 66.0, top, right: WIDTH - RIGHT, bottom: top + ROW - 22.0 };
        let x = Scale::logarithmic(range, bounds.across());
        // Room above the highest bin for the labels of the quantiles.
        let y = Scale::logarithmic((0.4 / most, 6.0), bounds.upwards());
        let shares: Vec<_> =
            panel::marks(&y, 5, share_tick).into_iter().filter(|(at, _)| *at > y.pixel(0.5)).collect();
        panel::y_axis(canvas, bounds, &shares);
        let marks = panel::marks(&x, 11, units::duration_tick);
        let unlabelled: Vec<_> = marks.iter().map(|(at, _)| (*at, String::new())).collect();
        let last = index + 1 == lines.len();
        panel::x_axis(canvas, bounds, if last { &marks } else { &unlabelled }, true);
        if let Some((bins, shares)) = binned(line) {
            draw_bins(canvas, (bins, &shares), (x, y, line.key.colour));
            tell_bins(canvas, (bins, &shares), (&line.key.label, bounds, x, y));
        }
        draw_labels(canvas, (bounds, x), line);
        if last {
            panel::x_name(canvas, bounds, "latency");
        }
    }
}

/// A step outline over a light filling; bins without a call interrupt it.
fn draw_bins(canvas: &Canvas<'_>, (bins, shares): (Bins, &[f64]), (x, y, colour): (Scale, Scale, Colour)) {
    let floor = y.pixel(0.0);
    let mut outline: Vec<Point> = Vec::new();
    for (index, share) in shares.iter().chain([&0.0]).enumerate() {
        let left = x.pixel(bins.edge_ns(index));
        if *share > 0.0 {
            if outline.is_empty() {
                outline.push((left, floor));
            }
            let top = y.pixel(*share);
            outline.extend([(left, top), (x.pixel(bins.edge_ns(index + 1)), top)]);
        } else if !outline.is_empty() {
            outline.push((left, floor));
            canvas.filled(&outline, Stroke::new(colour, 1.25), 0.22);
            outline.clear();
        }
    }
}

fn tell_bins(
    canvas: &Canvas<'_>,
    (bins, shares): (Bins, &[f64]),
    (name, bounds, x, y): (&str, Bounds, Scale, Scale),
) {
    let left = x.pixel(bins.edge_ns(0));
    canvas.tell_bins(BinRow {
        name: name.to_owned(),
        left,
        width: x.pixel(bins.edge_ns(1)) - left,
        whole: y.pixel(1.0),
        decade: y.pixel(0.1) - y.pixel(1.0),
        top: bounds.top,
        bottom: bounds.bottom,
        first: bins.edge_ns(0).log2(),
        per_octave: BINS_PER_OCTAVE,
        shares: shares.iter().map(|share| data::short(*share)).collect(),
    });
}

/// A row for each bin with calls.
pub(super) fn table(name: &str, lines: &[Line<'_>]) -> Table {
    let mut table = Table::new([name, "lower_ns", "upper_ns", "share_of_calls"]);
    for line in lines {
        let Some((bins, shares)) = binned(line) else { continue };
        for (index, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let numbers = [Some(bins.edge_ns(index)), Some(bins.edge_ns(index + 1)), Some(*share)];
            table.push(&[&line.key.label], &numbers);
        }
    }
    table
}

fn binned(line: &Line<'_>) -> Option<(Bins, Vec<f64>)> {
    let bins = Bins::of(BINS_PER_OCTAVE, std::iter::once(&line.measure.histogram))?;
    Some((bins, bins.shares(&line.measure.histogram)))
}

fn draw_labels(canvas: &Canvas<'_>, (bounds, x): (Bounds, Scale), line: &Line<'_>) {
    let mut y = bounds.top + 9.0;
    for metric in [Metric::P50, Metric::P99] {
        if let Some(value) = metric.of(&line.measure.histogram) {
            let at = x.pixel(value);
            canvas.line(&[(at, y - 6.0), (at, bounds.bottom)], Stroke::new(Colour::Ink, 1.0).faint(0.75));
            let text = format!("pooled {metric} {}", units::duration(value));
            canvas.text(&text, (at + 5.0, y), Type::plain(LABEL, Colour::Ink));
            y += 16.0;
        }
    }
    let name = Type::plain(13.0, Colour::Ink).bold().at(super::canvas::Anchor::Right);
    canvas.text(&line.key.label, (bounds.right - 4.0, bounds.top + 9.0), name);
}

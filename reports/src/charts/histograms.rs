//! Histograms of the load levels, one below the other on the same logarithmic axes.

use super::canvas::{Canvas, Frame, Point, Stroke, Type};
use super::matrix::Line;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL, LEFT, RIGHT};
use super::scale::{Scale, log_range, share_tick};
use crate::{Metric, units};
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};

const WIDTH: f64 = 880.0;
const ROW: f64 = 132.0;
const TOP: f64 = 52.0;

/// Bins for each power of two: coarse enough to be read, fine enough for two modes to stay two.
const BINS_PER_OCTAVE: f64 = 12.0;

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
    }
}

/// One row for each series.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, lines: &[Line<'_>]) {
    panel::heading(canvas, &frame.title, "", &[]);
    let caption = "share of the calls in each twelfth of a power of two; both axes logarithmic";
    canvas.text(caption, (LEFT, 40.0), Type::plain(LABEL, Colour::Muted));
    let extremes = lines.iter().flat_map(|line| {
        let histogram = &line.measure.histogram;
        [histogram.min_ns.max(1) as f64, histogram.max_ns.max(1) as f64]
    });
    let Some(range) = log_range(extremes, 1.1, 4.0) else { return };
    let binned: Vec<Vec<Bin>> = lines.iter().map(|line| bins(&line.measure.histogram)).collect();
    let most = lines.iter().map(|line| line.measure.calls).max().unwrap_or(1) as f64;
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
        draw_bins(canvas, &binned[index], (x, y, line.key.colour));
        draw_labels(canvas, (bounds, x), line);
        if last {
            panel::x_name(canvas, bounds, "latency");
        }
    }
}

/// A step outline over a light filling; bins without a call interrupt it.
fn draw_bins(canvas: &Canvas<'_>, bins: &[Bin], (x, y, colour): (Scale, Scale, Colour)) {
    let floor = y.pixel(0.0);
    for stretch in bins.split(|bin| bin.share <= 0.0).filter(|stretch| !stretch.is_empty()) {
        let steps = stretch.iter().flat_map(|bin| {
            let top = y.pixel(bin.share);
            [(x.pixel(bin.low), top), (x.pixel(bin.high), top)]
        });
        let ends = (x.pixel(stretch[0].low), x.pixel(stretch[stretch.len() - 1].high));
        let outline: Vec<Point> =
            std::iter::once((ends.0, floor)).chain(steps).chain(std::iter::once((ends.1, floor))).collect();
        canvas.area(&outline, Stroke::new(colour, 0.0).faint(0.22));
        canvas.line(&outline, Stroke::new(colour, 1.25));
    }
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

/// A stretch of latencies and the share of all calls in it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    low: f64,
    high: f64,
    share: f64,
}

/// Pools slots into bins of equal width on the logarithmic axis; a slot that straddles bins is split by that width.
fn bins(histogram: &SparseHistogram) -> Vec<Bin> {
    let place = |ns: f64| ns.max(1.0).log2() * BINS_PER_OCTAVE;
    let edges = |slot: u16| {
        let slot = usize::from(slot);
        (place(slot_lower_ns(slot) as f64), place(slot_upper_ns(slot) as f64))
    };
    let (Some(first), Some(last)) = (histogram.slots.first(), histogram.slots.last()) else {
        return Vec::new();
    };
    let (start, end) = (edges(first.0).0.floor(), edges(last.0).1.ceil());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 40 octaves of bins")]
    let count = (end - start).max(1.0) as usize;
    let edge = |index: usize| ((start + index as f64) / BINS_PER_OCTAVE).exp2();
    let mut bins: Vec<Bin> =
        (0..count).map(|index| Bin { low: edge(index), high: edge(index + 1), share: 0.0 }).collect();
    for (slot, calls) in &histogram.slots {
        let (low, high) = edges(*slot);
        let share = *calls as f64 / histogram.count as f64;
        for (index, bin) in bins.iter_mut().enumerate() {
            let left = start + index as f64;
            let overlap = high.min(left + 1.0) - low.max(left);
            if overlap > 0.0 {
                bin.share += share * overlap / (high - low);
            } else if high <= low && low >= left && low < left + 1.0 {
                bin.share += share;
            }
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_hold_every_call_once(values in prop::collection::vec(0u64..1 << 40, 1..100)) {
            let mut dense = Box::new(probe_abi::Histogram::EMPTY);
            for ns in &values {
                dense.record(*ns);
            }
            let bins = bins(&SparseHistogram::from(&*dense));
            let total: f64 = bins.iter().map(|bin| bin.share).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
            prop_assert!(bins.windows(2).all(|pair| pair[0].high.total_cmp(&pair[1].low).is_eq()));
        }
    }
}

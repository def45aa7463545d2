//! The same calls as the kernel and as their caller saw them, by percentile: what the way into the kernel and back adds.

use super::canvas::{Canvas, Frame, Stroke, Type};
use super::data::Table;
use super::matrix::{Matrix, ViewCell};
use super::palette::Colour;
use super::panel::{self, Bounds, Key, LABEL, LEFT, RIGHT};
use super::percentiles;
use super::scale::{Scale, log_range};
use crate::summary::MeasureSummary;
use crate::{Metric, units};
use store::Vantage;

const WIDTH: f64 = 880.0;
const ROW: f64 = 340.0;
/// Height of the panel that has the ratio.
const RATIO: f64 = 70.0;
const IN_A_ROW: usize = 3;
const COLOURS: [Colour; 2] = [Colour::Series(0), Colour::Series(2)];

/// One level of the series: its name, what the kernel saw, and what the caller did.
pub(super) type Pair<'a> = (String, [&'a MeasureSummary; 2]);

/// The levels of a view that both vantages have seen.
pub(super) fn pairs<'a>(matrix: &Matrix<'a>, view: &ViewCell<'a>, syscall: &str) -> Vec<Pair<'a>> {
    let kernel = matrix.lines(view, (syscall, Vantage::Kernel));
    let user = matrix.lines(view, (syscall, Vantage::User));
    let pair = |line: super::matrix::Line<'a>| {
        let of_caller = user.iter().find(|other| other.key.label == line.key.label)?;
        Some((line.key.label, [line.measure, of_caller.measure]))
    };
    kernel.into_iter().filter_map(pair).collect()
}

/// Name, title and description of the chart.
pub(super) fn frame(name: String, of: &str, pairs: &[Pair<'_>]) -> Frame {
    let figures: Vec<String> =
        pairs.iter().map(|(label, pair)| format!("{label}: {}", medians(pair))).collect();
    Frame {
        name,
        title: format!("{of}, in the kernel and as the caller saw it{}", of_failures(pairs)),
        description: format!("Latency by percentile from both vantages. {}", figures.join("; ")),
        size: (WIDTH, 62.0 + ROW * pairs.len().div_ceil(IN_A_ROW) as f64),
        parts: if pairs.len() > 1 { parts(pairs.len()) } else { Vec::new() },
        is_by_column: false,
    }
}

/// That some of it are calls that failed, as the end of a title.
fn of_failures(pairs: &[Pair<'_>]) -> &'static str {
    let mut measures = pairs.iter().flat_map(|(_, pair)| pair);
    let of_failures = measures.clone().filter(|measure| measure.of_failures).count();
    match of_failures {
        0 => "",
        _ if measures.all(|measure| measure.of_failures) => ", of calls that failed",
        _ => ", some of calls that failed",
    }
}

fn medians(pair: &[&MeasureSummary; 2]) -> String {
    let median = |measure: &MeasureSummary| Metric::P50.of(&measure.histogram).map(units::duration);
    match (median(pair[0]), median(pair[1])) {
        (Some(kernel), Some(caller)) => format!("median {kernel} in the kernel, {caller} for the caller"),
        _ => "too few calls for a median".to_owned(),
    }
}

/// `p50 956 ns, 1.10 µs`, in the order of the legend.
fn medians_short(pair: &[&MeasureSummary; 2]) -> String {
    let medians = pair.map(|measure| Metric::P50.of(&measure.histogram).map(units::duration));
    let [Some(kernel), Some(caller)] = medians else { return String::new() };
    format!("p50 {kernel}, {caller}")
}

/// The legend, then each panel.
fn parts(count: usize) -> Vec<[f64; 4]> {
    let legend = [0.0, 32.0, WIDTH / 2.0, 22.0];
    let panel = |index: usize| {
        let (left, top) = corner(index, count);
        [left, top, width(count), ROW]
    };
    std::iter::once(legend).chain((0..count).map(panel)).collect()
}

/// Width of a panel with its axis, of so many.
fn width(count: usize) -> f64 {
    (WIDTH - LEFT - RIGHT + 14.0) / count.clamp(1, IN_A_ROW) as f64
}

fn corner(index: usize, count: usize) -> (f64, f64) {
    (LEFT + width(count) * (index % IN_A_ROW) as f64, 56.0 + ROW * (index / IN_A_ROW) as f64)
}

/// One panel for each level of the series, on the same axes.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, (name, pairs): (&str, &[Pair<'_>])) {
    let keys = ["in the kernel", "as the caller saw it"].map(str::to_owned).into_iter().zip(COLOURS);
    let keys: Vec<Key> = keys.map(|(label, colour)| Key { label, colour }).collect();
    panel::heading(canvas, &frame.title, "vantage", &keys);
    let histograms = || pairs.iter().flat_map(|(_, pair)| pair).map(|measure| &measure.histogram);
    let extremes = histograms().flat_map(|it| [it.min_ns.max(1) as f64, it.max_ns.max(1) as f64]);
    let Some(range) = log_range(extremes, 1.15, 4.0) else { return };
    let most = histograms().map(|it| it.count).max().unwrap_or(1) as f64;
    let ratios: Vec<Vec<(f64, f64)>> = pairs.iter().map(|(_, pair)| ratios(pair)).collect();
    let all = ratios.iter().flatten().map(|(_, ratio)| *ratio).chain([1.0]);
    let Some(range_of_ratios) = log_range(all, 1.05, 1.3) else { return };
    for (index, (label, pair)) in pairs.iter().enumerate() {
        let (left, top) = corner(index, pairs.len());
        let bounds = Bounds {
            left: left + 58.0,
            top: top + 36.0,
            right: left + width(pairs.len()) - 14.0,
            bottom: top + ROW - 48.0 - RATIO - 34.0,
        };
        let title = if pairs.len() > 1 { format!("{name} {label}") } else { label.clone() };
        panel::subtitle(canvas, bounds, &title);
        let x = Scale::logarithmic((1.0, most.max(10.0) * 1.3), bounds.across());
        let y = Scale::logarithmic(range, bounds.upwards());
        panel::y_axis(canvas, bounds, &panel::marks(&y, 7, units::duration_tick));
        let marks = percentiles::percentile_marks(&x, most);
        let unlabelled: Vec<_> = marks.iter().map(|(at, _)| (*at, String::new())).collect();
        panel::x_axis(canvas, bounds, &unlabelled, true);
        let below = Bounds { top: bounds.bottom + 34.0, bottom: bounds.bottom + 34.0 + RATIO, ..bounds };
        panel::x_axis(canvas, below, &marks, true);
        panel::x_name(canvas, below, "share of the calls that are faster");
        draw_ratio(canvas, below, (x, &ratios[index], range_of_ratios));
        let look = Type::plain(LABEL, Colour::Muted).at(super::canvas::Anchor::Right);
        canvas.text(&medians_short(pair), (bounds.right, bounds.top - 13.0), look);
        // The kernel's, which is lower, comes last: else the other one would hide it where they are close.
        for (key, measure) in keys.iter().zip(pair).rev() {
            let curve = percentiles::draw_curve(canvas, (x, y), (&measure.histogram, key.colour));
            percentiles::tell(canvas, (x, y), (&key.label, &curve));
        }
    }
}

/// What the caller saw as a multiple of what the kernel did, by one in how many calls is slower: as far as there are
/// enough calls beyond on both sides.
fn ratios(pair: &[&MeasureSummary; 2]) -> Vec<(f64, f64)> {
    const STEPS_PER_DECADE: i32 = 20;
    let beyond =
        (1..STEPS_PER_DECADE * 12).map(|step| 10f64.powf(f64::from(step) / f64::from(STEPS_PER_DECADE)));
    let at = |beyond: f64| {
        let quantile = |measure: &MeasureSummary| {
            measure.histogram.supported_quantile_ns(1.0 - 1.0 / beyond, crate::CALLS_BEYOND)
        };
        Some((beyond, quantile(pair[1])? / quantile(pair[0])?))
    };
    beyond.map_while(at).filter(|(_, ratio)| ratio.is_finite() && *ratio > 0.0).collect()
}

fn draw_ratio(canvas: &Canvas<'_>, bounds: Bounds, (x, ratios, range): (Scale, &[(f64, f64)], (f64, f64))) {
    panel::subtitle(canvas, bounds, "caller / kernel");
    let y = Scale::logarithmic(range, bounds.upwards());
    panel::y_axis(canvas, bounds, &panel::rungs(range, &y));
    let path: Vec<(f64, f64)> =
        ratios.iter().map(|(beyond, ratio)| (x.pixel(*beyond), y.pixel(*ratio))).collect();
    canvas.line(&path, Stroke::new(Colour::Ink, 1.75));
    // Told of at a third of them: every point would be a thicket.
    for ((beyond, ratio), place) in ratios.iter().zip(&path).step_by(3) {
        let faster = units::percent(1.0 - 1.0 / beyond);
        canvas.tell(*place, format!("at {faster}: caller / kernel {}", units::ratio(*ratio)));
    }
}

/// A row for each point of each curve.
pub(super) fn table(name: &str, pairs: &[Pair<'_>]) -> Table {
    let mut table =
        Table::new([name, "vantage", "enough_calls_beyond", "share_of_slower_calls", "latency_ns"]);
    for (label, pair) in pairs {
        for (measure, vantage) in pair.iter().zip([Vantage::Kernel, Vantage::User]) {
            percentiles::add(&mut table, &[label, vantage.name()], &measure.histogram);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fill_the_width_however_few_they_are() {
        for count in 1..=4 {
            let right = parts(count).into_iter().map(|[left, _, width, _]| left + width).fold(0.0, f64::max);
            assert!((right - (WIDTH - RIGHT + 14.0)).abs() < 1e-9, "{count}: {right}");
        }
    }
}

//! Average and maximum by load level: the first picture to look at.

use super::canvas::{Canvas, Frame, Stroke, Type};
use super::data::Table;
use super::matrix::Line;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL, LEFT, RIGHT};
use super::scale::{Scale, log_range};
use crate::summary::Summary;
use crate::{Metric, units};

const METRICS: [Metric; 2] = [Metric::Mean, Metric::Max];
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 316.0;
/// Where the panels begin, below title and caption.
const TOP: f64 = 60.0;

/// What points are and, where there are any, bars.
pub(super) fn caption(summary: &Summary, lines: &[Line<'_>]) -> String {
    let mut figures =
        lines.iter().flat_map(|line| METRICS.into_iter().filter_map(|metric| line.measure.figure(metric)));
    let bars = if figures.any(|figure| figure.interval_ns.is_some()) {
        format!("; bars: their {}", summary.interval_words())
    } else {
        String::new()
    };
    format!("medians over repetitions{bars}")
}

/// Name, title and description of the chart; none without figures.
pub(super) fn frame(name: String, of: &str, (lines, caption): (&[Line<'_>], &str)) -> Frame {
    let figures: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let value = |metric| line.measure.figure(metric).map(|figure| units::duration(figure.value_ns));
            Some(format!(
                "{}: average {}, maximum {}",
                line.key.label,
                value(Metric::Mean)?,
                value(Metric::Max)?
            ))
        })
        .collect();
    let panels = [0.0, WIDTH / 2.0].map(|left| [left, TOP, WIDTH / 2.0, HEIGHT - TOP]);
    Frame {
        name,
        title: format!("Average and maximum latency of {of}"),
        description: format!("{}; {caption}", figures.join("; ")),
        size: (WIDTH, HEIGHT),
        parts: [&[[0.0, 28.0, WIDTH / 2.0, 22.0]][..], &panels].concat(),
        is_by_column: false,
    }
}

/// A row for each point.
pub(super) fn table(name: &str, lines: &[Line<'_>]) -> Table {
    let ends = ["value_ns", "interval_low_ns", "interval_high_ns", "repetitions"];
    let mut table = Table::new(["metric", name].into_iter().chain(ends));
    for metric in METRICS {
        for line in lines {
            let Some(figure) = line.measure.figure(metric) else { continue };
            let numbers = [
                Some(figure.value_ns),
                figure.interval_ns.map(|it| it.low),
                figure.interval_ns.map(|it| it.high),
            ];
            let repetitions = Some(line.measure.repetitions.len() as f64);
            table.push(&[metric.name(), &line.key.label], &[&numbers[..], &[repetitions]].concat());
        }
    }
    table
}

/// Two panels: the average from zero, the maximum on a logarithmic axis.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, caption: &str, (name, lines): (&str, &[Line<'_>])) {
    panel::heading(canvas, &frame.title, "", &[]);
    panel::caption(canvas, caption);
    let half = (WIDTH - LEFT - RIGHT) / 2.0;
    let panels = [(Metric::Mean, "Average", LEFT), (Metric::Max, "Maximum (log scale)", LEFT + half + 16.0)];
    for (metric, title, left) in panels {
        let bounds =
            Bounds { left: left + 62.0, top: TOP + 22.0, right: left + half - 8.0, bottom: HEIGHT - 52.0 };
        panel::subtitle(canvas, bounds, title);
        draw_panel(canvas, (bounds, metric), lines);
        panel::x_name(canvas, bounds, name);
    }
}

fn draw_panel(canvas: &Canvas<'_>, (bounds, metric): (Bounds, Metric), lines: &[Line<'_>]) {
    let figures: Vec<_> = lines.iter().map(|line| line.measure.figure(metric)).collect();
    let ends = || figures.iter().flatten().flat_map(|figure| [figure.ends_ns().low, figure.ends_ns().high]);
    let Some((low, high)) = log_range(ends(), 1.0, 4.0) else { return };
    let scale = if metric == Metric::Max {
        Scale::logarithmic((low / 1.6, high * 2.5), bounds.upwards())
    } else {
        Scale::linear((0.0, ends().fold(0.0, f64::max) * 1.18), bounds.upwards())
    };
    panel::y_axis(canvas, bounds, &panel::marks(&scale, 5, units::duration_tick));
    let step = (bounds.right - bounds.left) / lines.len() as f64;
    let x = |index: usize| bounds.left + (index as f64 + 0.5) * step;
    let marks: Vec<(f64, String)> =
        lines.iter().enumerate().map(|(i, line)| (x(i), line.key.label.clone())).collect();
    panel::x_axis(canvas, bounds, &marks, false);
    let placed = figures.iter().enumerate().filter_map(|(index, figure)| Some((index, figure.as_ref()?)));
    let path: Vec<_> =
        placed.clone().map(|(index, figure)| (x(index), scale.pixel(figure.value_ns))).collect();
    canvas.line(&path, Stroke::new(Colour::Axis, 1.5));
    for (index, figure) in placed {
        let (colour, y) = (lines[index].key.colour, scale.pixel(figure.value_ns));
        let ends = figure.ends_ns();
        if figure.interval_ns.is_some() {
            panel::whisker(canvas, x(index), (scale.pixel(ends.low), scale.pixel(ends.high)), colour);
        }
        canvas.tell(
            (x(index), y),
            format!("{}: {}", lines[index].key.label, panel::figure_words(metric, figure)),
        );
        canvas.dot((x(index), y), 4.5, Stroke::new(colour, 0.0));
        // On the side of the point on which the line to the next one does not run.
        let next = path.iter().find(|(at, _)| *at > x(index));
        let beside = if next.is_some_and(|(_, next)| *next < y) { 12.0 } else { -12.0 };
        let look = Type::plain(LABEL, Colour::Ink).bold();
        canvas.text(&units::duration(figure.value_ns), (x(index) + 10.0, y + beside), look);
    }
}

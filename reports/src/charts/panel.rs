//! What all charts share: a title, a legend, and panels with axes and grid.

use super::canvas::{Anchor, Canvas, Point, Stroke, Type};
use super::font;
use super::palette::Colour;
use super::scale::Scale;
use crate::summary::Figure;
use crate::{Metric, units};

/// Text sizes in logical pixels.
const TITLE: f64 = 15.0;
const SUBTITLE: f64 = 12.5;
pub(super) const LABEL: f64 = 12.0;

/// Space that every chart keeps free at its right edge.
pub(super) const RIGHT: f64 = 32.0;

/// Where every chart's title begins.
pub(super) const LEFT: f64 = 16.0;

/// A series in a legend.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) label: String,
    pub(super) colour: Colour,
}

/// The rectangle within a panel's axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Bounds {
    /// From left to right.
    pub(super) const fn across(self) -> (f64, f64) {
        (self.left, self.right)
    }

    /// From bottom to top, as values rise.
    pub(super) const fn upwards(self) -> (f64, f64) {
        (self.bottom, self.top)
    }
}

/// Writes the title with the legend below it.
pub(super) fn heading(canvas: &Canvas<'_>, title: &str, name: &str, keys: &[Key]) {
    canvas.text(title, (LEFT, 20.0), Type::plain(TITLE, Colour::Ink).bold());
    let mut x = LEFT;
    if !keys.is_empty() && !name.is_empty() {
        canvas.text(name, (x, 43.0), Type::plain(LABEL, Colour::Muted));
        x += font::width(name, LABEL) + 12.0;
    }
    for key in keys {
        canvas.rectangle([(x, 38.0), (x + 14.0, 48.0)], Stroke::new(key.colour, 0.0));
        canvas.text(&key.label, (x + 20.0, 43.0), Type::plain(LABEL, Colour::Ink));
        x += 20.0 + font::width(&key.label, LABEL) + 18.0;
    }
}

/// What the whole picture shows, in the place of a legend.
pub(super) fn caption(canvas: &Canvas<'_>, text: &str) {
    canvas.text(text, (LEFT, 40.0), Type::plain(LABEL, Colour::Muted));
}

/// Names a panel above its upper left corner.
pub(super) fn subtitle(canvas: &Canvas<'_>, bounds: Bounds, text: &str) {
    canvas.text(text, (bounds.left, bounds.top - 13.0), Type::plain(SUBTITLE, Colour::Ink).bold());
}

/// Horizontal grid lines with labels at the left.
pub(super) fn y_axis(canvas: &Canvas<'_>, bounds: Bounds, marks: &[(f64, String)]) {
    for (y, label) in marks {
        canvas.line(&[(bounds.left, *y), (bounds.right, *y)], Stroke::new(Colour::Grid, 1.0));
        canvas.text(label, (bounds.left - 8.0, *y), Type::plain(LABEL, Colour::Muted).at(Anchor::Right));
    }
}

/// The base line, with labels and small ticks below it; vertical grid lines where `grid`.
pub(super) fn x_axis(canvas: &Canvas<'_>, bounds: Bounds, marks: &[(f64, String)], grid: bool) {
    for (x, _) in marks.iter().filter(|_| grid) {
        canvas.line(&[(*x, bounds.top), (*x, bounds.bottom)], Stroke::new(Colour::Grid, 1.0));
    }
    canvas
        .line(&[(bounds.left, bounds.bottom), (bounds.right, bounds.bottom)], Stroke::new(Colour::Axis, 1.0));
    for (x, label) in sparse(marks) {
        canvas.line(&[(x, bounds.bottom), (x, bounds.bottom + 4.0)], Stroke::new(Colour::Axis, 1.0));
        canvas.text(label, (x, bounds.bottom + 15.0), Type::plain(LABEL, Colour::Muted).at(Anchor::Middle));
    }
}

/// What the horizontal axis shows, below its right end.
pub(super) fn x_name(canvas: &Canvas<'_>, bounds: Bounds, name: &str) {
    let place = (bounds.right, bounds.bottom + 34.0);
    canvas.text(name, place, Type::plain(LABEL, Colour::Muted).at(Anchor::Right));
}

/// The marks whose labels do not run into the one before.
fn sparse(marks: &[(f64, String)]) -> impl Iterator<Item = (f64, &str)> {
    let mut free = f64::NEG_INFINITY;
    marks.iter().filter_map(move |(x, label)| {
        let half = font::width(label, LABEL) / 2.0;
        (x - half >= free).then(|| {
            free = x + half + 6.0;
            (*x, label.as_str())
        })
    })
}

/// The marks of a scale.
pub(super) fn marks(scale: &Scale, most: usize, label: fn(f64) -> String) -> Vec<(f64, String)> {
    scale.ticks(most).into_iter().map(|tick| (scale.pixel(tick), label(tick))).collect()
}

/// A vertical bar from `low` to `high` with short ends: an interval.
pub(super) fn whisker(canvas: &Canvas<'_>, x: f64, (low, high): (f64, f64), colour: Colour) {
    let stroke = Stroke::new(colour, 1.25);
    canvas.line(&[(x, low), (x, high)], stroke);
    for y in [low, high] {
        canvas.line(&[(x - 4.0, y), (x + 4.0, y)], stroke);
    }
}

/// Marks of ratios: the grid of a logarithmic axis is too coarse for a few per cent, so that rungs are chosen, the most
/// telling first.
pub(super) fn rungs(range: (f64, f64), y: &Scale) -> Vec<(f64, String)> {
    let rungs = [
        1.0, 2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 100.0, 0.01, 50.0, 0.02, 20.0, 0.05, 1.5, 0.7, 3.0, 0.3, 1.25,
        0.8, 1.1, 0.9, 1.05, 0.95,
    ];
    let mut marks: Vec<(f64, String)> = Vec::new();
    for rung in rungs.into_iter().filter(|rung| *rung >= range.0 && *rung <= range.1) {
        let at = y.pixel(rung);
        if marks.iter().all(|(other, _)| (other - at).abs() >= 14.0) {
            marks.push((at, format!("× {}", units::plain(rung))));
        }
    }
    marks
}

/// `p99 10.0 µs [9.34, 10.2]`.
pub(super) fn figure_words(metric: Metric, figure: &Figure) -> String {
    let value = units::duration(figure.value_ns);
    let interval = figure.interval_ns.map(|it| format!(" {}", units::duration_interval(it, figure.value_ns)));
    format!("{metric} {value}{}", interval.unwrap_or_default())
}

/// Leaves out points that lie within half a pixel of the one before.
pub(super) fn thinned(points: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for (index, point) in points.iter().enumerate() {
        let near =
            kept.last().is_some_and(|last: &Point| (last.0 - point.0).abs() + (last.1 - point.1).abs() < 0.5);
        if !near || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_reach_to_the_upper_part_of_an_axis() {
        for high in [1.3, 1.49, 1.7, 1.99, 2.9, 4.9, 9.9, 19.0, 49.0, 99.0] {
            let y = Scale::logarithmic((0.95, high), (70.0, 0.0));
            let highest = rungs((0.95, high), &y).into_iter().map(|(at, _)| at).fold(70.0, f64::min);
            assert!(highest < 32.0, "{high}: the highest at {highest}");
        }
    }
}

//! Figures in the order in which the trials ran: drift shows as a slope.

use super::canvas::{Canvas, Frame, Stroke, Type};
use super::matrix::Matrix;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL, LEFT, RIGHT};
use super::scale::{Scale, log_range};
use crate::view::seen;
use crate::{Metric, units};
use store::Vantage;

const WIDTH: f64 = 880.0;
const ROW: f64 = 132.0;
const TOP: f64 = 70.0;
const METRICS: [Metric; 2] = [Metric::P50, Metric::P99];

/// A trial's figure as a multiple of its cell's.
#[derive(Clone, Copy, Debug)]
struct Deviation {
    trial: u32,
    ratio: f64,
    colour: Colour,
}

/// Name, title and description of the chart.
pub(super) fn frame(name: String, (target, vantage): (&str, Vantage)) -> Frame {
    Frame {
        name,
        title: format!("{target} in the order in which the trials ran, {}", seen(vantage)),
        description:
            "Each trial's p50 and p99 as a multiple of its cell's median over repetitions, over the run's \
                      order. A slope would be drift of the machine."
                .to_owned(),
        size: (WIDTH, TOP + ROW * METRICS.len() as f64 + 8.0),
        parts: Vec::new(),
    }
}

/// One row for each metric.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, (matrix, target): (&Matrix<'_>, (&str, Vantage))) {
    let name = matrix.series_factor().map_or("", |factor| factor.name.as_str());
    panel::heading(canvas, &frame.title, name, &matrix.keys());
    let repetitions = || {
        let measures = matrix.summary.cells.iter().filter_map(|cell| cell.measure(target.0, target.1));
        measures.flat_map(|measure| &measure.repetitions)
    };
    let last = repetitions().map(|repetition| repetition.trial).max().unwrap_or(0);
    let mut starts: Vec<(u32, u32)> = Vec::new();
    for repetition in repetitions() {
        match starts.iter_mut().find(|(block, _)| *block == repetition.block) {
            Some((_, first)) => *first = repetition.trial.min(*first),
            None => starts.push((repetition.block, repetition.trial)),
        }
    }
    for (index, metric) in METRICS.into_iter().enumerate() {
        let top = TOP + ROW * index as f64 + 16.0;
        let bounds = Bounds { left: LEFT + 66.0, top, right: WIDTH - RIGHT, bottom: top + ROW - 40.0 };
        let x = Scale::linear((-0.5, f64::from(last) + 0.5), bounds.across());
        panel::subtitle(canvas, bounds, &format!("{metric}, as a multiple of its cell's median"));
        let blocks: Vec<(f64, String)> = starts
            .iter()
            .map(|(block, first)| (x.pixel(f64::from(*first) - 0.5), format!("block {}", block + 1)))
            .collect();
        draw_row(canvas, (bounds, x), (&deviations(matrix, target, metric), &blocks));
        if index + 1 == METRICS.len() {
            for (at, label) in labelled(&blocks) {
                canvas.text(label, (at, bounds.bottom + 15.0), Type::plain(LABEL, Colour::Muted));
            }
        }
    }
}

/// Every second, third … block, so that labels do not touch.
fn labelled(blocks: &[(f64, String)]) -> impl Iterator<Item = (f64, &str)> {
    let every = blocks.len().div_ceil(12).max(1);
    blocks.iter().step_by(every).map(|(at, label)| (*at, label.as_str()))
}

fn deviations(matrix: &Matrix<'_>, (syscall, vantage): (&str, Vantage), metric: Metric) -> Vec<Deviation> {
    let keys = matrix.keys();
    let mut deviations = Vec::new();
    for cell in &matrix.summary.cells {
        let Some(measure) = cell.measure(syscall, vantage) else { continue };
        let Some(figure) = measure.figure(metric).filter(|figure| figure.value_ns > 0.0) else { continue };
        let key = keys.iter().find(|key| cell.levels.get(matrix.series) == Some(&key.label));
        let colour = key.map_or(Colour::Axis, |key| key.colour);
        for repetition in &measure.repetitions {
            if let Some(value) = repetition.values_ns[metric.index()] {
                deviations.push(Deviation {
                    trial: repetition.trial,
                    ratio: value / figure.value_ns,
                    colour,
                });
            }
        }
    }
    deviations
}

fn draw_row(
    canvas: &Canvas<'_>,
    (bounds, x): (Bounds, Scale),
    (trials, blocks): (&[Deviation], &[(f64, String)]),
) {
    let ratios = trials.iter().map(|trial| trial.ratio).chain([1.0]);
    let Some(range) = log_range(ratios, 1.03, 1.15) else { return };
    let y = Scale::logarithmic(range, bounds.upwards());
    let label = |ratio: f64| format!("× {}", units::plain(ratio));
    // The grid of a logarithmic axis is too coarse for a few per cent, so that rungs are chosen, the most telling first.
    let rungs = [1.0, 2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 1.25, 0.8, 1.1, 0.9, 1.05, 0.95];
    let mut marks: Vec<(f64, String)> = Vec::new();
    for rung in rungs.into_iter().filter(|rung| *rung >= range.0 && *rung <= range.1) {
        let at = y.pixel(rung);
        if marks.iter().all(|(other, _)| (other - at).abs() >= 14.0) {
            marks.push((at, label(rung)));
        }
    }
    panel::y_axis(canvas, bounds, &marks);
    for (at, _) in blocks {
        canvas.line(&[(*at, bounds.top), (*at, bounds.bottom)], Stroke::new(Colour::Grid, 1.0));
    }
    canvas.line(&[(bounds.left, y.pixel(1.0)), (bounds.right, y.pixel(1.0))], Stroke::new(Colour::Axis, 1.0));
    if trials.is_empty() {
        canvas.text(
            "too few calls",
            (bounds.left + 4.0, bounds.top + 12.0),
            Type::plain(LABEL, Colour::Muted),
        );
    }
    for trial in trials {
        canvas.dot(
            (x.pixel(f64::from(trial.trial)), y.pixel(trial.ratio)),
            3.0,
            Stroke::new(trial.colour, 0.0),
        );
    }
}

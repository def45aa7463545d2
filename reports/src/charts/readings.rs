//! What the monitor saw of the machine, in the order of the trials.

use super::canvas::{Canvas, Point, Stroke};
use super::palette::Colour;
use super::panel::{self, Bounds};
use super::scale::Scale;
use crate::timeline::{Reading, Timeline};
use store::TrialRecord;

/// The mean over a column's trials; none where none has a value.
pub(super) fn of_column(trials: &[&TrialRecord], reading: &Reading) -> Option<f64> {
    let values: Vec<f64> = trials.iter().filter_map(|trial| (reading.of)(&trial.monitor)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Steps from zero, one for each column; columns without a value interrupt them.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    bounds: Bounds,
    (timeline, reading, x): (&Timeline<'_>, &Reading, Scale),
) {
    panel::subtitle(canvas, bounds, reading.label);
    let values: Vec<Option<f64>> = timeline.columns().map(|trials| of_column(trials, reading)).collect();
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    let most = reading.most.unwrap_or(greatest);
    let y = Scale::linear((0.0, most.max(f64::MIN_POSITIVE)), bounds.upwards());
    let ends = if most > 0.0 { vec![0.0, most] } else { vec![0.0] };
    let marks: Vec<(f64, String)> = ends.into_iter().map(|it| (y.pixel(it), (reading.words)(it))).collect();
    panel::y_axis(canvas, bounds, &marks);
    let mut steps: Vec<Point> = Vec::new();
    for (column, value) in values.iter().chain([&None]).enumerate() {
        let from = column * timeline.each;
        let left = x.pixel(from as f64);
        let right = x.pixel((from + timeline.each).min(timeline.trials.len()) as f64);
        if let Some(value) = value {
            if steps.is_empty() {
                steps.push((left, bounds.bottom));
            }
            steps.extend([(left, y.pixel(*value)), (right, y.pixel(*value))]);
        } else if !steps.is_empty() {
            steps.push((left.max(steps[steps.len() - 1].0), bounds.bottom));
            canvas.filled(&steps, Stroke::new(Colour::Series(6), 1.0), 0.3);
            steps.clear();
        }
    }
}

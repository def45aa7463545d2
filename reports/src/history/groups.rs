//! Many runs as few points: what is drawn does not grow with the runs.

use super::{History, Series, Taken};
use crate::statistics::{Interval, median};
use crate::summary::Figure;
use std::collections::{BTreeMap, BTreeSet};

/// Most points of a picture's line, which is some 800 pixels wide.
pub(super) const MOST_POINTS: usize = 300;

/// A history whose points are so many successive runs each: the median of their figures, from the lowest to the highest.
pub(super) fn grouped(history: &History, runs: usize) -> History {
    let series = history.series.iter().map(|series| Series {
        syscall: series.syscall.clone(),
        cell: series.cell.clone(),
        figures: series.figures.chunks(runs).map(figure).collect(),
    });
    History {
        metric: history.metric,
        runs: history.runs.chunks(runs).filter_map(taken).collect(),
        series: series.collect(),
        places: BTreeMap::new(),
    }
}

/// The runs of a point as if they were one.
fn taken(runs: &[Taken]) -> Option<Taken> {
    let (first, others) = runs.split_first()?;
    let together = |of: fn(&Taken) -> &str| {
        let names: BTreeSet<&str> = runs.iter().map(of).filter(|name| !name.is_empty()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let id = match others.len() {
        0 => first.id.clone(),
        more => format!("{} and {more} more", first.id),
    };
    Some(Taken {
        id,
        kernel: together(|run| &run.kernel),
        host: together(|run| &run.host),
        label: Some(together(|run| run.label.as_deref().unwrap_or_default())),
        ..first.clone()
    })
}

fn figure(figures: &[Option<Figure>]) -> Option<Figure> {
    let values: Vec<f64> = figures.iter().flatten().map(|figure| figure.value_ns).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    Some(Figure { value_ns: median(&values)?, interval_ns: Some(Interval { low, high }) })
}

//! Every cell's figures for the page's own script, which draws those that a reader asks for.

use crate::Metric;
use crate::charts::series_factor;
use crate::summary::{Figure, MeasureSummary, Summary};
use crate::view::seen;
use serde::Serialize;

/// Figures beyond which the script gets none: a page is to stay small.
const MOST_MEASURES: usize = 1_500;

#[derive(Serialize)]
struct Explored<'a> {
    metrics: [&'static str; 6],
    factors: Vec<Axis<'a>>,
    /// The factor that the charts' colours stand for.
    series: usize,
    targets: Vec<String>,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Axis<'a> {
    name: &'a str,
    levels: Vec<&'a str>,
}

/// A target in a cell: places of the levels, the target, and each metric's value with the ends of its interval.
#[derive(Serialize)]
struct Cell(Vec<usize>, usize, [Option<Vec<f64>>; 6]);

/// JSON that a page may have within a script; without cells where there are too many.
pub(super) fn cells(summary: &Summary) -> String {
    let factors = &summary.manifest.scenario.factors;
    let series = summary.series();
    let mut cells = Vec::new();
    for cell in &summary.cells {
        let place = |(factor, label): (&store::Factor, &String)| {
            factor.levels.iter().position(|it| it.label == *label)
        };
        let Some(levels) = factors.iter().zip(&cell.levels).map(place).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        for (index, (syscall, vantage)) in series.iter().enumerate() {
            let Some(measure) = cell.measure(syscall, *vantage) else { continue };
            cells.push(Cell(levels.clone(), index, figures(measure)));
        }
    }
    if cells.len() > MOST_MEASURES {
        cells.clear();
    }
    let explored = Explored {
        metrics: Metric::ALL.map(Metric::label),
        factors: factors
            .iter()
            .map(|it| Axis {
                name: &it.name,
                levels: it.levels.iter().map(|level| level.label.as_str()).collect(),
            })
            .collect(),
        series: series_factor(summary),
        targets: series.iter().map(|(syscall, vantage)| format!("{syscall}, {}", seen(*vantage))).collect(),
        cells,
    };
    serde_json::to_string(&explored).unwrap_or_default().replace('<', "\\u003c")
}

fn figures(measure: &MeasureSummary) -> [Option<Vec<f64>>; 6] {
    let short = |ns: f64| (ns * 100.0).round() / 100.0;
    let numbers = |figure: Figure| {
        let ends = figure.interval_ns.map(|it| vec![short(it.low), short(it.high)]).unwrap_or_default();
        [vec![short(figure.value_ns)], ends].concat()
    };
    Metric::ALL.map(|metric| measure.figure(metric).map(numbers))
}

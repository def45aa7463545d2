//! What a factor does: figures over its levels, one line for each load level.

use super::canvas::{Canvas, Frame, Part, Point, Stroke};
use super::data::Table;
use super::matrix::spread;
use super::palette::{Colour, MOST_SERIES};
use super::panel::{self, Bounds, Key, LEFT, RIGHT};
use super::scale::{Scale, log_range};
use crate::summary::{CellSummary, Figure, Summary};
use crate::view::{LOAD, seen};
use crate::{Metric, units};
use store::{Factor, Vantage};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 310.0;
/// Width of a panel with its axis.
const THIRD: f64 = (WIDTH - LEFT - RIGHT + 14.0) / 3.0;
/// Sweeps over all targets and vantages, so that a page stays a page however many factors there are.
const MOST_SWEEPS_IN_ALL: usize = 24;
const METRICS: [Metric; 3] = [Metric::P50, Metric::Mean, Metric::P99];

/// One factor's effect on one target, everything but load held at one level.
pub(super) struct Sweep<'a> {
    pub(super) factor: &'a Factor,
    /// What goes along with it: `, with threads 1 to 8,`; empty where nothing does.
    along: String,
    /// What the other factors are held at: `threads 2`; empty where none varies.
    pub(super) held: String,
    series: Vec<(Key, Vec<Option<&'a CellSummary>>)>,
    target: (&'a str, Vantage),
}

impl<'a> Sweep<'a> {
    /// The sweeps of a target: each factor but load of which several levels have figures, with all others at their first
    /// levels, and with all at their last. And how many are left out where there would be too many: those at the last levels
    /// go first.
    pub(super) fn all(summary: &'a Summary, target: (&'a str, Vantage)) -> (Vec<Self>, usize) {
        let factors = &summary.manifest.scenario.factors;
        // Of factors that go along with each other the first is drawn for all; what goes along with the load is its.
        let speaks = |index: usize| {
            let others = summary.zipped_with(index);
            others.iter().all(|other| *other > index && factors[*other].name != LOAD)
        };
        let swept = factors
            .iter()
            .enumerate()
            .filter(|(index, factor)| factor.name != LOAD && factor.levels.len() > 1 && speaks(*index));
        let mut sweeps: Vec<((usize, usize), Self)> = Vec::new();
        for (index, _) in swept {
            let ends = Self::of_factor(summary, index, target).into_iter().enumerate();
            let drawn = ends.filter(|(_, sweep)| sweep.goes_across());
            sweeps.extend(drawn.map(|(end, sweep)| ((end, index), sweep)));
        }
        sweeps.sort_by_key(|(place, _)| *place);
        let most = (MOST_SWEEPS_IN_ALL / summary.series().len().max(1)).max(1);
        let left_out = sweeps.len().saturating_sub(most);
        sweeps.truncate(most);
        sweeps.sort_by_key(|((end, index), _)| (*index, *end));
        (sweeps.into_iter().map(|(_, sweep)| sweep).collect(), left_out)
    }

    /// Whether any line has two points: else there is nothing that the factor does.
    fn goes_across(&self) -> bool {
        let points = |cells: &[_], metric| self.figures(cells, metric).iter().flatten().count();
        let mut lines = self.series.iter().map(|(_, cells)| cells);
        lines.any(|cells| METRICS.into_iter().any(|metric| points(cells, metric) > 1))
    }

    fn of_factor(summary: &'a Summary, index: usize, target: (&'a str, Vantage)) -> Vec<Self> {
        let factors = &summary.manifest.scenario.factors;
        let along = summary.zipped_with(index);
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (place, factor) in factors.iter().enumerate() {
            let free = place == index || along.contains(&place) || factor.name == LOAD;
            let there = if free { vec![0] } else { summary.levels_with(place, target) };
            let label = |level: &usize| factor.levels.get(*level).map_or("", |level| level.label.as_str());
            first.push(there.first().map_or("", label));
            last.push(there.last().map_or("", label));
        }
        let ends = if first == last { vec![first] } else { vec![first, last] };
        ends.into_iter().map(|levels| Self::held_at(summary, (index, levels), target)).collect()
    }

    fn held_at(
        summary: &'a Summary,
        (index, levels): (usize, Vec<&'a str>),
        target: (&'a str, Vantage),
    ) -> Self {
        let factors = &summary.manifest.scenario.factors;
        let load = factors.iter().position(|factor| factor.name == LOAD);
        let loads = load.map_or(&[][..], |load| &factors[load].levels);
        let shown = spread(loads.len(), MOST_SERIES);
        let line = |label: &'a str| {
            let cells = (0..factors[index].levels.len()).map(|level| {
                let mut levels = summary.moved(&levels, index, level);
                if let Some(load) = load {
                    levels[load] = label;
                }
                summary.cell(&levels)
            });
            cells.collect()
        };
        let key = |place, label: &str| Key {
            label: label.to_owned(),
            colour: Colour::of_series(place, shown.len()),
        };
        let mut series: Vec<(Key, Vec<Option<&CellSummary>>)> = shown
            .iter()
            .enumerate()
            .map(|(place, level)| (key(place, &loads[*level].label), line(&loads[*level].label)))
            .collect();
        if series.is_empty() {
            series.push((key(0, "all"), line("")));
        }
        let held = held_words(summary, (index, &levels), target);
        Self { factor: &factors[index], along: summary.along_words(index), held, series, target }
    }

    /// Name, title and description of the chart.
    pub(super) fn frame(&self, name: String) -> Frame {
        let target = self.target.0;
        let at = if self.held.is_empty() { String::new() } else { format!(" at {}", self.held) };
        let medians = self.series.iter().map(|(key, cells)| {
            let figures: Vec<String> = self
                .figures(cells, Metric::P50)
                .iter()
                .zip(&self.factor.levels)
                .filter_map(|(figure, level)| {
                    Some(format!("{} {}", level.label, units::duration(figure.as_ref()?.value_ns)))
                })
                .collect();
            format!("{}: {}", key.label, figures.join(", "))
        });
        Frame {
            name,
            title: format!(
                "What {}{} does to {target}{at}, {}",
                self.factor.name,
                self.along,
                seen(self.target.1)
            ),
            description: format!(
                "Medians by {}. {}",
                self.factor.name,
                medians.collect::<Vec<_>>().join("; ")
            ),
            size: (WIDTH, HEIGHT),
            parts: self.parts(),
            is_by_column: false,
        }
    }

    /// A row for each point.
    pub(super) fn table(&self) -> Table {
        let numbers = ["value_ns", "interval_low_ns", "interval_high_ns"];
        let mut table = Table::new(["metric", LOAD, self.factor.name.as_str()].into_iter().chain(numbers));
        for metric in METRICS {
            for (key, cells) in &self.series {
                for (figure, level) in self.figures(cells, metric).iter().zip(&self.factor.levels) {
                    let Some(figure) = figure else { continue };
                    let ends = figure.interval_ns;
                    let numbers = [Some(figure.value_ns), ends.map(|it| it.low), ends.map(|it| it.high)];
                    table.push(&[metric.name(), &key.label, &level.label], &numbers);
                }
            }
        }
        table
    }

    /// The legend, where there is one, and the three panels.
    fn parts(&self) -> Vec<Part> {
        let legend = [0.0, 32.0, if self.series.len() > 4 { WIDTH } else { WIDTH / 2.0 }, 22.0];
        let legend = (self.series.len() > 1).then_some(legend);
        let panels =
            (0..METRICS.len()).map(|index| [LEFT + THIRD * index as f64, 68.0, THIRD, HEIGHT - 68.0]);
        legend.into_iter().chain(panels).collect()
    }

    fn figures(&self, cells: &[Option<&CellSummary>], metric: Metric) -> Vec<Option<Figure>> {
        let (syscall, vantage) = self.target;
        cells
            .iter()
            .map(|cell| cell.and_then(|cell| cell.measure(syscall, vantage)?.figure(metric)))
            .collect()
    }

    /// Three panels with axes of their own.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) {
        let keys: Vec<Key> = self.series.iter().map(|(key, _)| key.clone()).collect();
        panel::heading(canvas, &frame.title, LOAD, if keys.len() > 1 { &keys } else { &[] });
        for (index, metric) in METRICS.into_iter().enumerate() {
            let left = LEFT + THIRD * index as f64;
            let bounds =
                Bounds { left: left + 58.0, top: 92.0, right: left + THIRD - 14.0, bottom: HEIGHT - 52.0 };
            panel::subtitle(canvas, bounds, if metric == Metric::Mean { "average" } else { metric.label() });
            self.draw_panel(canvas, bounds, metric);
        }
    }

    fn draw_panel(&self, canvas: &Canvas<'_>, bounds: Bounds, metric: Metric) {
        let lines: Vec<_> =
            self.series.iter().map(|(key, cells)| (key, self.figures(cells, metric))).collect();
        let ends = lines.iter().flat_map(|(_, figures)| figures.iter().flatten());
        let ends = ends.flat_map(|figure| [figure.ends_ns().low, figure.ends_ns().high]);
        let Some(range) = log_range(ends, 1.06, 1.6) else {
            let look = super::canvas::Type::plain(panel::LABEL, Colour::Muted);
            canvas.text("too few calls", (bounds.left, bounds.top + 12.0), look);
            return;
        };
        let y = Scale::logarithmic(range, bounds.upwards());
        panel::y_axis(canvas, bounds, &panel::marks(&y, 6, units::duration_tick));
        let places = places(self.factor, bounds);
        let marks: Vec<_> =
            places.iter().zip(&self.factor.levels).map(|(x, level)| (*x, level.label.clone())).collect();
        panel::x_axis(canvas, bounds, &marks, false);
        panel::x_name(canvas, bounds, &self.factor.name);
        for (key, figures) in &lines {
            let points: Vec<(f64, &Figure)> =
                places.iter().zip(figures).filter_map(|(x, figure)| Some((*x, figure.as_ref()?))).collect();
            let upper = points.iter().map(|(x, figure)| (*x, y.pixel(figure.ends_ns().high)));
            let lower = points.iter().rev().map(|(x, figure)| (*x, y.pixel(figure.ends_ns().low)));
            canvas
                .area(&upper.chain(lower).collect::<Vec<Point>>(), Stroke::new(key.colour, 0.0).faint(0.16));
        }
        for (key, figures) in &lines {
            let mut path: Vec<Point> = Vec::new();
            for ((x, level), figure) in places.iter().zip(&self.factor.levels).zip(figures) {
                let Some(figure) = figure else { continue };
                path.push((*x, y.pixel(figure.value_ns)));
                let figure = panel::figure_words(metric, figure);
                canvas.tell(path[path.len() - 1], format!("{}, {}: {figure}", key.label, level.label));
            }
            canvas.line(&path, Stroke::new(key.colour, 2.0));
            for point in &path {
                canvas.dot(*point, 3.25, Stroke::new(key.colour, 0.0));
            }
        }
    }
}

/// What is held while the factor at `index` moves; the load has its lines.
fn held_words(summary: &Summary, (index, levels): (usize, &[&str]), target: (&str, Vantage)) -> String {
    let but: Vec<usize> =
        summary.zipped_with(index).into_iter().chain([index]).chain(summary.load_place()).collect();
    summary.cell_words(levels, &but, &summary.telling_factors(target))
}

/// Where the levels lie: by their numbers on a logarithmic axis where all have one and rise, else evenly.
fn places(factor: &Factor, bounds: Bounds) -> Vec<f64> {
    let values: Option<Vec<f64>> =
        factor.levels.iter().map(|level| level.value.filter(|value| *value > 0.0)).collect();
    let inner = (bounds.left + 14.0, bounds.right - 20.0);
    match values {
        Some(values) if values.windows(2).all(|pair| pair[0] < pair[1]) => {
            let scale = Scale::logarithmic((values[0], values[values.len() - 1]), inner);
            values.into_iter().map(|value| scale.pixel(value)).collect()
        }
        _ => {
            let step = (inner.1 - inner.0) / (factor.levels.len().max(2) - 1) as f64;
            (0..factor.levels.len()).map(|index| inner.0 + step * index as f64).collect()
        }
    }
}

//! A run in the order in which its trials ran: where their calls lay, how far figures were from their cell's, and what
//! the machine did meanwhile. Drift shows as a slope or as a shift of the shade.

use super::canvas::{Canvas, Frame, Point, Stroke, Type};
use super::data::Table;
use super::heat::Heat;
use super::matrix::Matrix;
use super::palette::Colour;
use super::panel::{self, Bounds, Key, LABEL, LEFT, RIGHT};
use super::readings;
use super::scale::{Scale, log_range};
use crate::timeline::{READINGS, Reading, Timeline, disturbed, latencies};
use crate::view::seen;
use crate::{Metric, units};
use std::collections::BTreeMap;
use store::{Status, TrialRecord, Vantage};

const WIDTH: f64 = 880.0;
const TOP: f64 = 98.0;
const METRICS: [Metric; 2] = [Metric::P50, Metric::P99];
/// Heights of a row's content, and of what stands above it.
const HEAT: f64 = 190.0;
const DEVIATION: f64 = 84.0;
const READING: f64 = 34.0;
const ABOVE: f64 = 30.0;
/// Beyond this many blocks their edges would be a grey area.
const MOST_EDGES: usize = 60;

/// What is drawn of a target from one vantage.
pub(super) struct Order<'a> {
    timeline: &'a Timeline<'a>,
    keys: Vec<Key>,
    /// The factor whose levels the keys are.
    series: String,
    target: (&'a str, Vantage),
    heat: Option<Heat>,
    /// By trial: its p50 and p99, in nanoseconds, and as multiples of its cell's.
    figures: BTreeMap<u32, [Option<(f64, f64)>; METRICS.len()]>,
    readings: Vec<&'static Reading>,
    factors: Vec<&'a str>,
}

impl<'a> Order<'a> {
    pub(super) fn of(
        (timeline, matrix): (&'a Timeline<'a>, &Matrix<'a>),
        target: (&'a str, Vantage),
    ) -> Self {
        Self {
            timeline,
            keys: matrix.keys(),
            series: matrix.series_factor().map_or_else(String::new, |factor| factor.name.clone()),
            target,
            heat: Heat::of(timeline, target),
            figures: figures(matrix, target),
            readings: timeline.readings(),
            factors: matrix.factors().iter().map(|factor| factor.name.as_str()).collect(),
        }
    }

    /// Name, title and description of the chart.
    pub(super) fn frame(&self, name: String) -> Frame {
        let readings: Vec<&str> = self.readings.iter().map(|reading| reading.label).collect();
        Frame {
            name,
            title: format!("{} in the order in which the trials ran, {}", self.target.0, seen(self.target.1)),
            description: format!(
                "For each trial the share of its calls by latency; its p50 and p99 as a multiple of its cell's median \
                 over repetitions, where a slope would be drift of the machine; and below: {}.",
                readings.join(", ")
            ),
            size: (WIDTH, self.end() + 44.0),
            parts: Vec::new(),
            is_by_column: true,
        }
    }

    /// Where the lowest row ends.
    fn end(&self) -> f64 {
        let rows =
            METRICS.len() as f64 * (ABOVE + DEVIATION) + self.readings.len() as f64 * (ABOVE + READING);
        TOP + 10.0 + HEAT + rows
    }

    fn across(&self) -> Scale {
        Scale::linear((0.0, self.timeline.trials.len() as f64), (LEFT + 66.0, WIDTH - RIGHT))
    }

    /// The middle of each column.
    fn middle(&self, column: usize) -> f64 {
        let first = column * self.timeline.each;
        let last = (first + self.timeline.each).min(self.timeline.trials.len());
        self.across().pixel(f64::midpoint(first as f64, last as f64))
    }

    /// Every row, on one axis.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) {
        panel::heading(canvas, &frame.title, &self.series, &self.keys);
        Heat::draw_legend(canvas, (LEFT, 66.0));
        let x = self.across();
        self.draw_marks(canvas);
        let mut top = TOP + 10.0;
        let row = |top: f64, height: f64| Bounds {
            left: LEFT + 66.0,
            top,
            right: WIDTH - RIGHT,
            bottom: top + height,
        };
        let blocks: Vec<(f64, u32)> =
            self.timeline.blocks().into_iter().map(|(at, block)| (x.pixel(at as f64), block)).collect();
        let edges = blocks.iter().filter(|_| blocks.len() <= MOST_EDGES);
        let edges: Vec<[Point; 2]> = edges.map(|(at, _)| [(*at, TOP), (*at, self.end())]).collect();
        canvas.lines(&edges, Stroke::new(Colour::Grid, 1.0));
        if let Some(heat) = &self.heat {
            let columns = self.timeline.columns().len();
            heat.draw(
                canvas,
                row(top, HEAT),
                (self.timeline.trials.len() as f64 / self.timeline.each as f64, columns),
            );
        }
        top += HEAT;
        for (index, metric) in METRICS.into_iter().enumerate() {
            let bounds = row(top + ABOVE, DEVIATION);
            panel::subtitle(canvas, bounds, &format!("{metric}, as a multiple of its cell's median"));
            self.draw_deviations(canvas, bounds, index);
            top = bounds.bottom;
        }
        for reading in &self.readings {
            let bounds = row(top + ABOVE, READING);
            readings::draw(canvas, bounds, (self.timeline, reading, x));
            top = bounds.bottom;
        }
        draw_blocks(canvas, &blocks, (top, WIDTH - RIGHT));
        if self.timeline.each > 1 {
            let words = format!("each column: {} trials, their median and range", self.timeline.each);
            canvas.text(&words, (LEFT + 66.0, top + 32.0), Type::plain(LABEL, Colour::Muted));
        }
        self.tell(canvas);
    }

    /// Above everything the series' colours; and what became of trials that are not ok, or were disturbed.
    fn draw_marks(&self, canvas: &Canvas<'_>) {
        let x = self.across();
        let (mut has_failed, mut has_disturbed) = (false, false);
        let all_disturbed = self.timeline.trials.iter().filter(|trial| disturbed(trial).is_some()).count();
        // Bands behind most trials would set none of them off.
        let has_bands = all_disturbed * 3 < self.timeline.trials.len();
        for (column, trials) in self.timeline.columns().enumerate() {
            let first = column * self.timeline.each;
            let (left, right) = (x.pixel(first as f64), x.pixel((first + trials.len()) as f64));
            if let (1, Some(colour)) = (self.timeline.each, self.colour(trials[0])) {
                canvas.rectangle([(left, TOP + 1.0), (right, TOP + 7.0)], Stroke::new(colour, 0.0));
            }
            let failed = trials.iter().any(|trial| trial.status != Status::Ok);
            let is_disturbed = trials.iter().any(|trial| disturbed(trial).is_some());
            (has_failed, has_disturbed) = (has_failed || failed, has_disturbed || is_disturbed);
            if !failed && !is_disturbed {
                continue;
            }
            let (colour, opacity) = if failed { (Colour::Bad, 0.13) } else { (Colour::Warn, 0.10) };
            if failed || has_bands {
                let band = [(left, TOP + 10.0), (right, self.end())];
                canvas.rectangle(band, Stroke::new(colour, 0.0).faint(opacity));
            }
            draw_mark(canvas, (f64::midpoint(left, right), TOP - 8.0), failed);
        }
        let mut at = WIDTH - RIGHT;
        for (is_there, failed, words) in
            [(has_disturbed, false, "disturbed"), (has_failed, true, "failed or invalid")]
        {
            if is_there {
                let look = Type::plain(LABEL, Colour::Muted).at(super::canvas::Anchor::Right);
                canvas.text(words, (at, 66.0), look);
                at -= super::font::width(words, LABEL) + 10.0;
                draw_mark(canvas, (at, 66.0), failed);
                at -= 22.0;
            }
        }
    }

    fn colour(&self, trial: &TrialRecord) -> Option<Colour> {
        let level = trial.factors.get(&self.series)?;
        self.keys.iter().find(|key| key.label == *level).map(|key| key.colour)
    }

    /// One dot for each trial; where trials share a column the median, and a line over the range.
    fn draw_deviations(&self, canvas: &Canvas<'_>, bounds: Bounds, metric: usize) {
        let ratio = |trial: &TrialRecord| Some(self.figures.get(&trial.trial)?[metric]?.1);
        let ratios = || self.timeline.trials.iter().filter_map(|trial| ratio(trial));
        let Some(range) = log_range(ratios().chain([1.0]), 1.03, 1.15) else { return };
        let y = Scale::logarithmic(range, bounds.upwards());
        panel::y_axis(canvas, bounds, &panel::rungs(range, &y));
        canvas.line(
            &[(bounds.left, y.pixel(1.0)), (bounds.right, y.pixel(1.0))],
            Stroke::new(Colour::Axis, 1.0),
        );
        if ratios().next().is_none() {
            let place = (bounds.left + 4.0, bounds.top + 12.0);
            canvas.text("too few calls", place, Type::plain(LABEL, Colour::Muted));
        }
        let mut dots: Vec<(Colour, Vec<Point>)> = Vec::new();
        let mut ranges: Vec<[Point; 2]> = Vec::new();
        for (column, trials) in self.timeline.columns().enumerate() {
            let mut values: Vec<f64> = trials.iter().filter_map(|trial| ratio(trial)).collect();
            values.sort_by(f64::total_cmp);
            let (Some(low), Some(high)) = (values.first(), values.last()) else { continue };
            let x = self.middle(column);
            if trials.len() > 1 {
                ranges.push([(x, y.pixel(*low)), (x, y.pixel(*high))]);
            }
            let own = (self.timeline.each == 1).then(|| self.colour(trials[0])).flatten();
            let place = (x, y.pixel(values[values.len() / 2]));
            let colour = own.unwrap_or(Colour::Series(0));
            match dots.iter_mut().find(|(other, _)| *other == colour) {
                Some((_, places)) => places.push(place),
                None => dots.push((colour, vec![place])),
            }
        }
        let radius = if self.timeline.trials.len() > 150 { 2.0 } else { 3.0 };
        canvas.lines(&ranges, Stroke::new(Colour::Axis, 1.0));
        for (colour, places) in &dots {
            canvas.dots(places, radius, *colour);
        }
    }

    /// What a reader is told of a column.
    fn tell(&self, canvas: &Canvas<'_>) {
        for (column, trials) in self.timeline.columns().enumerate() {
            let first = trials[0];
            let mut lines = vec![match trials.len() {
                1 => format!("trial {}, block {}", first.trial + 1, first.block + 1),
                more => format!("trials {} to {}", first.trial + 1, trials[more - 1].trial + 1),
            }];
            if trials.len() == 1 {
                lines.push(self.cell_words(first));
                let found = self.figures.get(&first.trial).into_iter().flatten().zip(METRICS);
                lines.extend(found.filter_map(|(figure, metric)| {
                    figure.map(|(ns, ratio)| {
                        format!("{metric} {}, {}", units::duration(ns), units::ratio(ratio))
                    })
                }));
                if first.status != Status::Ok {
                    lines.push(format!(
                        "{}: {}",
                        first.status.name(),
                        first.reason.as_deref().unwrap_or_default()
                    ));
                }
                lines.extend(disturbed(first).map(|reason| format!("disturbed: {reason}")));
            }
            lines.extend(self.readings.iter().filter_map(|reading| {
                let value = readings::of_column(trials, reading)?;
                Some(format!("{}: {}", reading.label, (reading.words)(value)))
            }));
            canvas.tell((self.middle(column), TOP + 10.0), lines.join("\n"));
        }
    }

    fn cell_words(&self, trial: &TrialRecord) -> String {
        let level = |name: &&str| Some(format!("{name} {}", trial.factors.get(*name)?));
        self.factors.iter().filter_map(level).collect::<Vec<_>>().join(", ")
    }

    /// A row for each trial.
    pub(super) fn table(&self) -> Table {
        let words = ["trial", "block", "started_at", "status", "disturbed"];
        let figures = ["calls", "p50_ns", "p50_to_its_cell", "p99_ns", "p99_to_its_cell"];
        let readings = READINGS.iter().map(|reading| reading.column);
        let headings = words.into_iter().chain(self.factors.iter().copied()).chain(figures).chain(readings);
        let mut table = Table::new(headings);
        for trial in &self.timeline.trials {
            let (number, block) = ((trial.trial + 1).to_string(), (trial.block + 1).to_string());
            let began = trial.started_at.to_rfc3339();
            let mut words =
                vec![number.as_str(), &block, &began, trial.status.name(), disturbed(trial).unwrap_or("")];
            words.extend(self.factors.iter().map(|name| trial.factors.get(*name).map_or("", String::as_str)));
            let own = self.figures.get(&trial.trial);
            let figures = (0..METRICS.len()).flat_map(|metric| {
                let figure = own.and_then(|own| own[metric]);
                [figure.map(|it| it.0), figure.map(|it| it.1)]
            });
            let calls = latencies(trial, self.target).map(|latencies| latencies.count as f64);
            let readings = READINGS.iter().map(|reading| (reading.of)(&trial.monitor));
            let numbers: Vec<Option<f64>> = [calls].into_iter().chain(figures).chain(readings).collect();
            table.push(&words, &numbers);
        }
        table
    }

    /// A row for each tile of the heat map.
    pub(super) fn heat_table(&self) -> Option<Table> {
        self.heat.as_ref().map(|heat| heat.table(self.timeline))
    }
}

/// A cross for what failed, a triangle for what was disturbed.
fn draw_mark(canvas: &Canvas<'_>, (x, y): Point, failed: bool) {
    if failed {
        for rise in [-3.5, 3.5] {
            canvas.line(&[(x - 3.5, y - rise), (x + 3.5, y + rise)], Stroke::new(Colour::Bad, 2.0));
        }
    } else {
        canvas.area(&[(x - 4.0, y + 3.5), (x, y - 4.0), (x + 4.0, y + 3.5)], Stroke::new(Colour::Warn, 0.0));
    }
}

/// Names of blocks below the last row: every second, third … one, so that they do not touch.
fn draw_blocks(canvas: &Canvas<'_>, blocks: &[(f64, u32)], (bottom, right): (f64, f64)) {
    let mut free = f64::NEG_INFINITY;
    for (at, block) in blocks {
        let label = if *at <= free { continue } else { format!("block {}", block + 1) };
        let end = at + super::font::width(&label, LABEL);
        if end <= right + 8.0 {
            canvas.text(&label, (*at, bottom + 15.0), Type::plain(LABEL, Colour::Muted));
            free = end + 8.0;
        }
    }
    let look = Type::plain(LABEL, Colour::Muted).at(super::canvas::Anchor::Right);
    canvas.text("trials in the order in which they ran", (right, bottom + 32.0), look);
}

fn figures(
    matrix: &Matrix<'_>,
    (syscall, vantage): (&str, Vantage),
) -> BTreeMap<u32, [Option<(f64, f64)>; METRICS.len()]> {
    let mut figures = BTreeMap::new();
    for measure in matrix.summary.cells.iter().filter_map(|cell| cell.measure(syscall, vantage)) {
        let of_cell = METRICS.map(|metric| measure.figure(metric).filter(|figure| figure.value_ns > 0.0));
        for repetition in &measure.repetitions {
            let mut own = [None; METRICS.len()];
            for (index, metric) in METRICS.into_iter().enumerate() {
                let value = repetition.values_ns[metric.index()];
                own[index] = value.zip(of_cell[index]).map(|(value, cell)| (value, value / cell.value_ns));
            }
            figures.insert(repetition.trial, own);
        }
    }
    figures
}

//! Small drawings of ratios: an interval against the threshold's band, and a line over runs. One for each row of a table,
//! so that words stay words; looks are in `assets/comparison.css`.

use crate::comparison::{Comparison, Effect, Series, Verdict};
use crate::statistics::Interval;
use crate::units;
use std::fmt::Write as _;

/// Size of a row's drawing.
const WIDTH: f64 = 230.0;
const HEIGHT: f64 = 36.0;
/// Room beside the scale, for arrows and the outer labels.
const MARGIN: f64 = 16.0;
/// Room that a label needs.
const APART: f64 = 38.0;
/// Beyond this factor either way intervals are cut off and end in arrows.
const MOST: f64 = 8.0;

/// A logarithmic scale of ratios, the same for all rows.
pub(super) struct Scale {
    low: f64,
    high: f64,
    band: Interval,
}

impl Scale {
    /// Wide enough for every interval, the bootstrap's as well, and at least twice the threshold either way.
    pub(super) fn of(comparison: &Comparison) -> Self {
        let ends = comparison.effects.iter().flat_map(|effect| {
            let intervals = [effect.ratio.interval, effect.bootstrap].into_iter().flatten();
            intervals.flat_map(|it| [it.low, it.high]).chain([effect.ratio.ratio])
        });
        Self::holding(ends, comparison.threshold)
    }

    /// The same for the lines of several runs.
    pub(super) fn of_series<'a>(series: impl IntoIterator<Item = &'a Series>, threshold: f64) -> Self {
        Self::holding(series.into_iter().flat_map(Series::ratios).flatten(), threshold)
    }

    fn holding(ends: impl Iterator<Item = f64>, threshold: f64) -> Self {
        let band = Interval { low: 1.0 - threshold, high: 1.0 + threshold };
        let (mut low, mut high) = ((1.0 - threshold).powi(2), (1.0 + threshold).powi(2));
        for end in ends {
            low = low.min(end.max(1.0 / MOST));
            high = high.max(end.min(MOST));
        }
        Self { low, high, band }
    }

    fn x(&self, ratio: f64) -> f64 {
        let share = (ratio.ln() - self.low.ln()) / (self.high.ln() - self.low.ln());
        MARGIN + share.clamp(0.0, 1.0) * (WIDTH - 2.0 * MARGIN)
    }

    /// Labels of the axis, 1 among them, none closer to another than it has room.
    fn ticks(&self) -> Vec<f64> {
        const WANTED: [f64; 24] = [
            1.0, 0.5, 2.0, 4.0, 0.25, 0.9, 1.1, 0.8, 1.2, 1.5, 0.7, 0.95, 1.05, 3.0, 8.0, 0.125, 0.98, 1.02,
            1.3, 0.6, 0.99, 1.01, 0.97, 1.03,
        ];
        let mut ticks: Vec<f64> = Vec::new();
        for tick in WANTED.into_iter().filter(|tick| self.low <= *tick && *tick <= self.high) {
            if ticks.iter().all(|other| (self.x(*other) - self.x(tick)).abs() >= APART) {
                ticks.push(tick);
            }
        }
        ticks
    }

    fn ground(&self, height: f64) -> String {
        let (from, to, one) = (self.x(self.band.low), self.x(self.band.high), self.x(1.0));
        format!(
            r#"<rect class="band" x="{from:.1}" y="0" width="{:.1}" height="{height}"/><line class="one" x1="{one:.1}" x2="{one:.1}" y1="0" y2="{height}"/>"#,
            to - from
        )
    }

    /// The axis above the rows.
    pub(super) fn axis(&self) -> String {
        let mut labels = String::new();
        for tick in self.ticks() {
            let _ = write!(
                labels,
                r#"<text x="{0:.1}" y="12" text-anchor="middle">× {1}</text><line class="tick" x1="{0:.1}" x2="{0:.1}" y1="16" y2="20"/>"#,
                self.x(tick),
                units::plain(tick)
            );
        }
        svg("Scale of the ratios", 20.0, &labels)
    }

    /// A ratio with its interval.
    pub(super) fn row(&self, effect: &Effect) -> String {
        let middle = HEIGHT / 2.0;
        let class = class(effect.verdict);
        let mut marks = self.ground(HEIGHT);
        if let Some(Interval { low, high }) = effect.ratio.interval {
            let (from, to) = (self.x(low), self.x(high));
            let _ = write!(
                marks,
                r#"<line class="reach {class}" x1="{from:.1}" x2="{to:.1}" y1="{middle}" y2="{middle}"/>"#
            );
            for (end, x) in [(low, from), (high, to)] {
                marks.push_str(&match self.outside(end) {
                    0 => stroke(x, class),
                    outside => arrow((x, middle), outside, &format!("mark {class}")),
                });
            }
        }
        if let Some(Interval { low, high }) = effect.bootstrap {
            let y = middle + 8.0;
            let (from, to) = (self.x(low), self.x(high));
            let _ = write!(marks, r#"<line class="check" x1="{from:.1}" x2="{to:.1}" y1="{y}" y2="{y}"/>"#);
            for (end, x) in [(low, from), (high, to)] {
                let outside = self.outside(end);
                if outside != 0 {
                    marks.push_str(&arrow((x, y), outside, "check-end"));
                }
            }
        }
        let (x, size) = (self.x(effect.ratio.ratio), 4.0);
        let _ = write!(
            marks,
            r#"<rect class="mark {class}" x="{:.1}" y="{:.1}" width="{2}" height="{2}" rx="1"/>"#,
            x - size,
            middle - size,
            2.0 * size
        );
        let interval = effect.ratio.interval.map_or_else(String::new, units::ratio_interval);
        svg(
            &format!("{} {interval}, {}", units::ratio(effect.ratio.ratio), effect.verdict.name()),
            HEIGHT,
            &marks,
        )
    }

    /// On which side of the scale a ratio lies: −1 below it, 1 above, 0 within.
    fn outside(&self, ratio: f64) -> i8 {
        if ratio < self.low * 0.999 { -1 } else { i8::from(ratio > self.high * 1.001) }
    }

    /// The ratios of several runs to the first, one after another; here higher is slower.
    pub(super) fn line(&self, series: &Series) -> String {
        let (height, ratios) = (44.0, series.ratios());
        let step = (WIDTH - 2.0 * MARGIN) / (ratios.len().max(2) - 1) as f64;
        let y = |ratio: f64| {
            let share = (self.x(ratio) - MARGIN) / (WIDTH - 2.0 * MARGIN);
            height - 7.0 - share * (height - 14.0)
        };
        let (top, bottom, one) = (y(self.band.high), y(self.band.low), y(1.0));
        let mut marks = format!(
            r#"<rect class="band" x="0" y="{top:.1}" width="{WIDTH}" height="{:.1}"/><line class="one" x1="0" x2="{WIDTH}" y1="{one:.1}" y2="{one:.1}"/>"#,
            bottom - top
        );
        let mut path = String::new();
        let mut pen = 'M';
        for (place, ratio) in ratios.iter().enumerate() {
            let Some(ratio) = ratio else {
                pen = 'M';
                continue;
            };
            let _ = write!(path, "{pen}{:.1} {:.1}", MARGIN + step * place as f64, y(*ratio));
            pen = 'L';
        }
        let _ = write!(marks, r#"<path class="line" d="{path}"/>"#);
        for (place, ratio) in ratios.iter().enumerate() {
            let Some(ratio) = ratio else { continue };
            let point = place.checked_sub(1).and_then(|place| series.points[place]);
            let class = class(point.map_or(Verdict::Same, |point| point.verdict));
            let (x, y) = (MARGIN + step * place as f64, y(*ratio));
            let _ = write!(marks, r#"<circle class="mark {class}" cx="{x:.1}" cy="{y:.1}" r="3.5"/>"#);
        }
        let words: Vec<String> =
            ratios.iter().map(|ratio| ratio.map_or_else(|| "none".to_owned(), units::ratio)).collect();
        svg(&words.join(", "), height, &marks)
    }
}

/// Where an interval ends.
fn stroke(x: f64, class: &str) -> String {
    let (top, bottom) = (HEIGHT / 2.0 - 3.0, HEIGHT / 2.0 + 3.0);
    format!(r#"<line class="reach {class}" x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{bottom}"/>"#)
}

/// Where one goes on beyond the scale.
fn arrow((x, y): (f64, f64), outside: i8, class: &str) -> String {
    let (tip, top, bottom) = (x + 9.0 * f64::from(outside), y - 4.0, y + 4.0);
    format!(r#"<path class="{class}" d="M{x:.1} {top}L{tip:.1} {y}L{x:.1} {bottom}Z"/>"#)
}

pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "is-worse",
        Verdict::Better => "is-better",
        Verdict::Inconclusive => "is-inconclusive",
        Verdict::Same => "is-same",
    }
}

/// `title` is made of numbers and words of ours alone.
fn svg(title: &str, height: f64, marks: &str) -> String {
    format!(
        r#"<svg class="forest" role="img" aria-label="{title}" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"><title>{title}</title>{marks}</svg>"#
    )
}

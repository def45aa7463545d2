//! One figure over many runs: a table with a line of blocks for a terminal, and a page with a picture of each target.
//!
//! Owns what is shown of a history. It tells nothing of whether something changed: runs of another day differ by the day,
//! and that is for a comparison. Pure: values in, text out.

use crate::summary::{CellSummary, Figure, MeasureSummary, Summary};
use crate::text::TextOptions;
use crate::{Metric, units};
use chrono::{DateTime, Utc};
use std::fmt::Write;
use store::Vantage;

mod page;

/// The runs of a history, oldest first, with one figure of each.
#[derive(Clone, Debug)]
pub struct History {
    metric: Metric,
    runs: Vec<Taken>,
    series: Vec<Series>,
}

/// A run in a history.
#[derive(Clone, Debug)]
struct Taken {
    id: String,
    started_at: DateTime<Utc>,
    kernel: String,
    label: Option<String>,
}

/// What became of one target in one cell.
#[derive(Clone, Debug)]
struct Series {
    syscall: String,
    /// `size=4KiB load=high`.
    cell: String,
    /// One for each run; none where it has no such figure.
    figures: Vec<Option<Figure>>,
}

impl History {
    /// A history of this figure, without runs yet.
    #[must_use]
    pub fn of(metric: Metric) -> Self {
        Self { metric, runs: Vec::new(), series: Vec::new() }
    }

    /// How many runs it has.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Adds a run, which is later than those before: of each target what the probe saw, else what its caller did.
    pub fn add(&mut self, summary: &Summary) {
        let manifest = &summary.manifest;
        let before = self.runs.len();
        self.runs.push(Taken {
            id: manifest.id.clone(),
            started_at: manifest.started_at,
            kernel: manifest.environment.kernel_release.clone(),
            label: manifest.label.clone(),
        });
        let names: Vec<&str> = manifest.scenario.factors.iter().map(|factor| factor.name.as_str()).collect();
        for cell in &summary.cells {
            let words = names.iter().zip(&cell.levels).map(|(name, level)| format!("{name}={level}"));
            let words = words.collect::<Vec<_>>().join(" ");
            for measure in cell.measures.iter().filter(|measure| is_shown(cell, measure)) {
                let is_it = |it: &Series| it.syscall == measure.syscall && it.cell == words;
                let place = self.series.iter().position(is_it).unwrap_or_else(|| {
                    let (syscall, cell) = (measure.syscall.clone(), words.clone());
                    self.series.push(Series { syscall, cell, figures: vec![None; before] });
                    self.series.len() - 1
                });
                self.series[place].figures.push(measure.figure(self.metric));
            }
        }
        for series in &mut self.series {
            series.figures.resize(before + 1, None);
        }
    }

    /// A line for each target and cell: its first and last value, their extremes, and all of them as blocks.
    #[must_use]
    pub fn text(&self, options: &TextOptions) -> String {
        let cells = self.series.iter().map(|series| series.cell.chars().count()).max().unwrap_or(0);
        let names = self.series.iter().map(|series| series.syscall.chars().count()).max().unwrap_or(0);
        let room = options.width.saturating_sub(names + cells + 44).clamp(8, 60);
        let mut text = format!("{}, {}", self.metric.words(), self.counted());
        if let [first, .., last] = &self.runs[..] {
            let day = |run: &Taken| run.started_at.format("%Y-%m-%d %H:%M").to_string();
            let _ = write!(text, ", {} to {}", day(first), day(last));
        }
        text.push_str("\n\n");
        let _ = writeln!(
            text,
            "{:names$}  {:cells$}  {:>9}  {:>9}  {:>9}  {:>9}",
            "target", "cell", "first", "last", "low", "high"
        );
        for series in &self.series {
            let values = series.values();
            let Some((first, last)) = values.first().zip(values.last()) else { continue };
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(0.0, f64::max);
            let figures = [*first, *last, low, high].map(|value| format!("{:>9}", units::duration(value)));
            let (name, cell, blocks) = (&series.syscall, &series.cell, series.blocks(room));
            let _ = writeln!(text, "{name:names$}  {cell:cells$}  {}  {blocks}", figures.join("  "));
        }
        text
    }

    /// A page on its own, with a picture for each target.
    #[must_use]
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// `1 run`, `5 runs`.
    fn counted(&self) -> String {
        let plural = if self.runs.len() == 1 { "" } else { "s" };
        format!("{} run{plural}", self.runs.len())
    }

    /// Targets, each once.
    fn targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> = Vec::new();
        for series in &self.series {
            if !targets.contains(&series.syscall.as_str()) {
                targets.push(&series.syscall);
            }
        }
        targets
    }
}

/// Whether a measure is the one of its target that is shown.
fn is_shown(cell: &CellSummary, measure: &MeasureSummary) -> bool {
    let by_probe =
        |it: &MeasureSummary| it.syscall == measure.syscall && it.vantage == Vantage::Kernel && it.calls > 0;
    measure.vantage == Vantage::Kernel && measure.calls > 0 || !cell.measures.iter().any(by_probe)
}

impl Series {
    fn values(&self) -> Vec<f64> {
        self.figures.iter().flatten().map(|figure| figure.value_ns).collect()
    }

    /// The latest of its values as blocks from the least to the greatest; a gap where there is none.
    fn blocks(&self, room: usize) -> String {
        const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let shown = &self.figures[self.figures.len().saturating_sub(room)..];
        let values = || shown.iter().flatten().map(|figure| figure.value_ns);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        let block = |figure: &Option<Figure>| {
            let Some(figure) = figure else { return ' ' };
            let share = if high > low { (figure.value_ns - low) / (high - low) } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
            let place = (share * 7.0).round() as usize;
            BLOCKS[place.min(7)]
        };
        shown.iter().map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[Option<f64>]) -> Series {
        let figure = |value: &Option<f64>| value.map(|value_ns| Figure { value_ns, interval_ns: None });
        let figures = values.iter().map(figure).collect();
        Series { syscall: "mmap".into(), cell: "load=<b>".into(), figures }
    }

    fn history(values: &[Option<f64>]) -> History {
        let run = |number: i64| Taken {
            id: format!("run-{number}"),
            started_at: DateTime::from_timestamp(1_790_000_000 + 86_400 * number, 0).unwrap(),
            kernel: "6.12".into(),
            label: None,
        };
        let runs = (0..).zip(values).map(|(number, _)| run(number)).collect();
        History { metric: Metric::P50, runs, series: vec![series(values)] }
    }

    #[test]
    fn values_are_blocks_from_the_least_to_the_greatest() {
        let blocks = |values: &[Option<f64>], room| series(values).blocks(room);
        assert_eq!(blocks(&[Some(100.0), None, Some(200.0), Some(800.0)], 10), "▁ ▂█");
        assert_eq!(blocks(&[Some(100.0), Some(100.0)], 10), "▁▁");
        assert_eq!(blocks(&[Some(1.0), Some(100.0), Some(200.0)], 2), "▁█", "the latest");
        assert_eq!(blocks(&[None], 10), " ");
    }

    #[test]
    fn the_table_has_first_last_and_extremes() {
        let options = TextOptions { width: 100, colour: false };
        let text = history(&[Some(200.0), None, Some(100.0), Some(300.0), Some(250.0)]).text(&options);
        assert!(text.starts_with("median, 5 runs, 2026-09-21 "), "{text}");
        let line = text.lines().last().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], ["mmap", "load=<b>"]);
        assert_eq!([words[2], words[4], words[6], words[8]], ["200", "250", "100", "300"], "{line}");
    }

    #[test]
    fn the_page_has_a_picture_of_each_target_and_no_markup_of_others() {
        let html = history(&[Some(200.0), None, Some(100.0), Some(300.0)]).html();
        assert_eq!(html.matches("<svg").count(), 1);
        assert_eq!(html.matches("<path").count(), 3, "one for each figure");
        assert_eq!(html.matches("<polyline").count(), 2, "no line across a run without the figure");
        assert!(html.contains("load=&lt;b&gt;") && !html.contains("<b>"), "{html}");
        assert!(history(&[]).html().contains("no runs"));
    }

    #[test]
    fn whoever_cannot_see_the_picture_has_its_name_and_figures() {
        let html = history(&[Some(200.0), None]).html();
        assert!(html.contains("role=\"img\" aria-label=\"median of mmap over 2 runs;"), "{html}");
        assert!(html.contains("<tr><th scope=\"row\">run-0<td>200 ns\n"), "{html}");
        assert!(html.contains("<tr><th scope=\"row\">run-1<td>–\n"), "{html}");
    }

    #[test]
    fn cells_of_one_colour_differ_in_mark_and_dashes() {
        let mut history = history(&[Some(200.0), Some(100.0)]);
        history.series = (0..8)
            .map(|number| Series { cell: format!("load={number}"), ..history.series[0].clone() })
            .collect();
        let html = history.html();
        let lines = html.split("<polyline").skip(1).filter_map(|part| part.split("points").next());
        let blue: Vec<&str> = lines.filter(|line| line.contains("#0072B2")).collect();
        assert_eq!(blue.len(), 2);
        assert_ne!(blue[0], blue[1]);
        for mark in ["color:#0072B2\">●", "color:#0072B2\">■"] {
            assert_eq!(html.matches(mark).count(), 1, "{mark}");
        }
        for mark in ["m-3 0a3 ", "m-3-3h6"] {
            assert!(html.contains(mark), "{mark}");
        }
    }
}

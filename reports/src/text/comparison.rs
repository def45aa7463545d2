//! Comparisons for the terminal.

use super::table::{Column, Grid};
use super::{Page, TextOptions};
use crate::comparison::{Comparison, Difference, Effect, Insisted, Series, Trend, Verdict};
use crate::units;
use std::collections::BTreeSet;

/// How long words in a table may be, until it fits.
const WORDS: [usize; 5] = [64, 24, 16, 12, 8];

/// Heights of a series' points, from lowest to highest.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The comparison, for the terminal: its headline, then what differs, then every effect that a gate looks at.
#[must_use]
pub fn render_comparison(comparison: &Comparison, options: &TextOptions) -> String {
    let page = Page { options: *options };
    let mut sections = vec![page.heading(&page.wrapped(&comparison.headline()))];
    sections.extend(page.insisted(comparison.insisted.iter().map(Insisted::sentence)));
    sections.push(page.what(comparison));
    sections.extend(page.differences(&comparison.differences));
    sections.extend(page.remarks(&comparison.remarks));
    if !comparison.effects.is_empty() {
        sections.push(page.effects(comparison));
        sections.push(page.wrapped(
            "ratio: candidate to baseline, 95 % interval; p: raw, then adjusted by Holm (for gates) and by Benjamini and Hochberg (BH, for looking around)",
        ));
    }
    sections.join("\n\n") + "\n"
}

/// Several runs in order, for the terminal: the newest against the first, and a small line for each figure.
#[must_use]
pub fn render_trend(trend: &Trend, options: &TextOptions) -> String {
    let page = Page { options: *options };
    let mut sections = vec![page.heading(&page.wrapped(&trend.headline()))];
    let runs: Vec<String> =
        trend.runs().iter().enumerate().map(|(place, id)| format!("{}: {id}", place + 1)).collect();
    sections.push(runs.join("\n"));
    if let Some(last) = trend.last() {
        sections.extend(page.insisted(trend.insisted().into_iter()));
        sections.push(page.wrapped(&format!(
            "{}, threshold {}. {}",
            last.metric_words(),
            units::asked_percent(last.threshold),
            last.unit_sentence()
        )));
        sections.extend(page.differences(&trend.differences()));
        sections.extend(page.remarks(&trend.remarks()));
        sections.push(page.series(trend, last));
        sections.push(page.wrapped(
            "ratio: last run to first, 95 % interval; line: the ratio of each run to the first, on a scale of its own",
        ));
    }
    sections.join("\n\n") + "\n"
}

impl Page {
    fn insisted(self, sentences: impl Iterator<Item = String>) -> Vec<String> {
        sentences.map(|line| self.heading(&self.wrapped(&format!("warning: {line}")))).collect()
    }

    fn what(self, comparison: &Comparison) -> String {
        let asked = format!(
            "{}, threshold {}. {}",
            comparison.metric_words(),
            units::asked_percent(comparison.threshold),
            comparison.unit_sentence()
        );
        let mut lines = vec![
            format!("baseline  {}", comparison.base),
            format!("candidate {}", comparison.candidate),
            self.wrapped(&asked),
        ];
        lines.extend(same_levels(comparison).map(|words| self.wrapped(&words)));
        lines.join("\n")
    }

    fn differences(self, differences: &[Difference]) -> Option<String> {
        let line = |it: &Difference| self.wrapped(&format!("{}: {} → {}", it.what, it.base, it.candidate));
        let lines: Vec<String> = differences.iter().map(line).collect();
        (!lines.is_empty()).then(|| self.headed("The runs also differ in", &lines.join("\n")))
    }

    fn remarks(self, remarks: &[String]) -> Option<String> {
        let lines: Vec<String> = remarks.iter().map(|it| self.wrapped(&format!("warning: {it}"))).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn effects(self, comparison: &Comparison) -> String {
        let telling = comparison.telling_factors();
        let has_vantages = has_several(comparison, Effect::seen_words);
        let has_metrics = comparison.metrics.len() > 1;
        let grid = |words: usize| {
            let mut columns = word_columns(comparison, telling);
            columns.extend(has_vantages.then(|| Column::text("seen")));
            columns.extend(has_metrics.then(|| Column::text("metric")));
            let figures =
                [("base", 3), ("cand.", 3), ("ratio", 0), ("[95 %]", 1), ("p", 5), ("Holm", 2), ("BH", 4)];
            columns.extend(figures.map(|(heading, keep)| Column::number(heading, keep)));
            columns.push(Column::text("verdict"));
            let mut grid = Grid::new(columns);
            for effect in comparison.gated() {
                let mut row = level_cells(telling, &effect.syscall, &effect.levels, words);
                row.extend(has_vantages.then(|| shortened(&effect.seen_words(), words)));
                row.extend(has_metrics.then(|| effect.metric.label().to_owned()));
                row.extend(figures_of(effect));
                grid.push(row);
            }
            grid
        };
        self.fitted(grid)
    }

    fn series(self, trend: &Trend, last: &Comparison) -> String {
        let (has_metrics, telling) = (last.metrics.len() > 1, trend.telling_factors());
        let grid = |words: usize| {
            let mut columns = word_columns(last, &telling);
            columns.extend(has_metrics.then(|| Column::text("metric")));
            columns.extend(
                [("first", 3), ("last", 3), ("ratio", 0), ("[95 %]", 2)]
                    .map(|(heading, keep)| Column::number(heading, keep)),
            );
            columns.extend([Column::text("line"), Column::text("verdict")]);
            let mut grid = Grid::new(columns);
            for series in &trend.series {
                let mut row = level_cells(&telling, &series.syscall, &series.levels, words);
                row.extend(has_metrics.then(|| series.metric.label().to_owned()));
                row.extend(points_of(series, last.threshold));
                grid.push(row);
            }
            grid
        };
        self.fitted(grid)
    }

    /// The table with the longest words with which it fits, its verdicts coloured.
    fn fitted(self, grid: impl Fn(usize) -> Grid) -> String {
        let width = self.options.width;
        let fitting = WORDS.into_iter().map(&grid).find(|grid| grid.fits(width));
        let table = fitting.unwrap_or_else(|| grid(WORDS[WORDS.len() - 1])).render(width);
        if !self.options.colour {
            return table;
        }
        table.lines().map(coloured).collect::<Vec<_>>().join("\n")
    }
}

/// A row with its verdict, which is its last word, in colour.
fn coloured(line: &str) -> String {
    for (verdict, colour) in Verdict::ALL.into_iter().zip(["1;31", "32", "33", "2"]) {
        if let Some(rest) = line.strip_suffix(verdict.name()) {
            return format!("{rest}\u{1b}[{colour}m{}\u{1b}[0m", verdict.name());
        }
    }
    line.to_owned()
}

/// The levels that all effects have in common: `All at load baseline.`
fn same_levels(comparison: &Comparison) -> Option<String> {
    let telling = comparison.telling_factors();
    let levels = &comparison.effects.first()?.levels;
    let same =
        comparison.factors.iter().zip(levels).enumerate().filter(|(place, _)| !telling.contains(place));
    let words: Vec<String> = same.map(|(_, (factor, level))| format!("{factor} {level}")).collect();
    (!words.is_empty()).then(|| format!("All at {}.", words.join(", ")))
}

fn has_several(comparison: &Comparison, of: impl Fn(&Effect) -> String) -> bool {
    comparison.gated().map(of).collect::<BTreeSet<_>>().len() > 1
}

fn word_columns(comparison: &Comparison, telling: &[usize]) -> Vec<Column> {
    let factors = telling.iter().map(|place| Column::text(&comparison.factors[*place]));
    std::iter::once(Column::text("target")).chain(factors).collect()
}

fn level_cells(telling: &[usize], syscall: &str, levels: &[String], words: usize) -> Vec<String> {
    let levels = telling.iter().map(|place| shortened(&levels[*place], words));
    std::iter::once(shortened(syscall, words.max(16))).chain(levels).collect()
}

fn shortened(word: &str, most: usize) -> String {
    if word.chars().count() <= most {
        return word.to_owned();
    }
    word.chars().take(most - 1).chain(['…']).collect()
}

fn figures_of(effect: &Effect) -> [String; 8] {
    [
        units::duration(effect.base.value_ns),
        units::duration(effect.candidate.value_ns),
        units::ratio(effect.ratio.ratio),
        effect.ratio.interval.map_or_else(|| "–".to_owned(), units::ratio_interval),
        units::p_value(effect.p),
        units::p_value(effect.p_holm),
        units::p_value(effect.p_bh),
        effect.verdict.name().to_owned(),
    ]
}

fn points_of(series: &Series, threshold: f64) -> [String; 6] {
    let dash = || "–".to_owned();
    let last = series.last();
    [
        units::duration(series.base.value_ns),
        last.map_or_else(dash, |it| units::duration(it.figure.value_ns)),
        last.map_or_else(dash, |it| units::ratio(it.ratio.ratio)),
        last.and_then(|it| it.ratio.interval).map_or_else(dash, units::ratio_interval),
        line(&series.ratios(), threshold),
        last.map_or_else(dash, |it| it.verdict.name().to_owned()),
    ]
}

/// The ratios as a small line, at least as high as the threshold is wide; a blank where there is none.
fn line(ratios: &[Option<f64>], threshold: f64) -> String {
    let logarithms = || ratios.iter().flatten().map(|ratio| ratio.ln());
    let low = logarithms().fold((1.0 - threshold).ln(), f64::min);
    let high = logarithms().fold((1.0 + threshold).ln(), f64::max);
    let height = |ratio: f64| {
        let share = (ratio.ln() - low) / (high - low);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let index = (share * (HEIGHTS.len() - 1) as f64).round() as usize;
        HEIGHTS[index.min(HEIGHTS.len() - 1)]
    };
    ratios.iter().map(|ratio| ratio.map_or(' ', height)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_where_the_ratio_went() {
        assert_eq!(line(&[Some(1.0), Some(1.0), Some(2.0), None, Some(1.5)], 0.05), "▁▁█ ▅");
        assert_eq!(line(&[Some(1.0), Some(1.01)], 0.05), "▅▅");
    }

    #[test]
    fn verdicts_are_coloured_where_they_end_a_row() {
        assert_eq!(coloured("mmap  worse"), "mmap  \u{1b}[1;31mworse\u{1b}[0m");
        assert_eq!(coloured("target  verdict"), "target  verdict");
        assert_eq!(shortened("abcdefghij", 8), "abcdefg…");
    }
}

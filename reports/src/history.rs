//! One figure over many runs: a table with a line of blocks for a terminal, and a page with a picture of each target.
//!
//! Owns what is shown of a history. It tells nothing of whether something changed: runs of another day differ by the day,
//! and that is for a comparison. Pure: values in, text out.

use crate::charts::Table;
use crate::summary::Figure;
use crate::text::TextOptions;
use crate::{Metric, units};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

mod groups;
mod page;
mod taken;

pub use taken::RunFigures;
use taken::Taken;

/// The runs of a history, oldest first, with one figure of each.
#[derive(Clone, Debug)]
pub struct History {
    metric: Metric,
    runs: Vec<Taken>,
    series: Vec<Series>,
    /// Where among the series a target of a cell is.
    places: BTreeMap<(String, String), usize>,
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
        Self { metric, runs: Vec::new(), series: Vec::new(), places: BTreeMap::new() }
    }

    /// How many runs it has.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Adds a run, which is later than those before.
    pub fn add(&mut self, run: RunFigures) {
        let before = self.runs.len();
        self.runs.push(run.run);
        for target in run.targets {
            let place = match self.places.entry((target.syscall, target.cell)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let (syscall, cell) = new.key().clone();
                    self.series.push(Series { syscall, cell, figures: vec![None; before] });
                    *new.insert(self.series.len() - 1)
                }
            };
            self.series[place].figures.push(target.figures[self.metric.index()]);
        }
        for series in &mut self.series {
            series.figures.resize(before + 1, None);
        }
    }

    /// What makes a step that is nobody's doing: where the runs are not of one machine, one scenario and one backend.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let several = |of: fn(&Taken) -> &str| {
            let names: BTreeSet<&str> = self.runs.iter().map(of).collect();
            (names.len() > 1).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
        };
        let texts: BTreeSet<&str> = self.runs.iter().map(|run| run.scenario.0.as_str()).collect();
        let replaced: BTreeSet<&[String]> = self.runs.iter().map(|run| run.scenario.1.as_slice()).collect();
        let texts = (texts.len() > 1).then_some(texts.len());
        [
            several(|run| &run.backend).map(|names| {
                format!("these runs were observed by several backends ({names}), whose latencies do not mean the same: a step may be theirs")
            }),
            several(|run| &run.host).map(|names| {
                format!("these runs were taken on several machines ({names}): a step may be theirs")
            }),
            texts.map(|count| {
                format!("the scenario has {count} texts in these runs: a step may be the scenario's")
            }),
            (replaced.len() > 1).then(|| {
                "what is replaced in the scenario differs among these runs: a step may come of that".to_owned()
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What the interval of each figure is, as the end of a sentence.
    fn interval_words(&self) -> String {
        let levels: BTreeSet<Option<&str>> = self.runs.iter().map(|run| run.confidence.as_deref()).collect();
        let words = |level: Option<&str>| match level {
            Some(level) => format!("an interval of {level}"),
            None => "the range of so few repetitions".to_owned(),
        };
        levels.into_iter().rev().map(words).collect::<Vec<_>>().join(", or ")
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
        let _ = writeln!(text, "\nOn the page each run has {}.", self.interval_words());
        text
    }

    /// The figures of each run as CSV, one row for each target and cell.
    #[must_use]
    pub fn csv(&self) -> String {
        let words = ["run", "began", "host", "kernel", "label", "syscall", "cell"];
        let numbers = ["value_ns", "low_ns", "high_ns"];
        let mut table = Table::new(words.iter().chain(&numbers));
        for (place, run) in self.runs.iter().enumerate() {
            let began = run.started_at.to_rfc3339();
            let label = run.label.as_deref().unwrap_or_default();
            for series in &self.series {
                let Some(figure) = series.figures[place] else { continue };
                let interval = figure.interval_ns;
                let of_run: [&str; 5] = [&run.id, &began, &run.host, &run.kernel, label];
                let words = [&of_run[..], &[&series.syscall, &series.cell]].concat();
                let ends = [interval.map(|it| it.low), interval.map(|it| it.high)];
                table.push(&words, &[&[Some(figure.value_ns)][..], &ends].concat());
            }
        }
        table.csv().to_owned()
    }

    /// A page on its own, with a picture for each target; of very many runs each point is several. `data` is where what
    /// [`Self::csv`] gives is to be found from there.
    #[must_use]
    pub fn html(&self, data: &str) -> String {
        page::html(self, data)
    }

    /// `1 run`, `5 runs`.
    fn counted(&self) -> String {
        let plural = if self.runs.len() == 1 { "" } else { "s" };
        format!("{} run{plural}", self.runs.len())
    }

    /// Targets, each once.
    fn targets(&self) -> Vec<&str> {
        let mut known = BTreeSet::new();
        let targets = self.series.iter().map(|series| series.syscall.as_str());
        targets.filter(|target| known.insert(*target)).collect()
    }
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
    use crate::statistics::Interval;
    use chrono::DateTime;

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
            host: "lab".into(),
            name: "sweep".into(),
            scenario: ("0".into(), Vec::new()),
            backend: "user".into(),
            confidence: Some("95 %".into()),
            label: None,
        };
        let runs = (0..).zip(values).map(|(number, _)| run(number)).collect();
        History { runs, series: vec![series(values)], ..History::of(Metric::P50) }
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
        assert!(text.ends_with("\nOn the page each run has an interval of 95 %.\n"), "{text}");
        let line = text.lines().find(|line| line.starts_with("mmap")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], ["mmap", "load=<b>"]);
        assert_eq!([words[2], words[4], words[6], words[8]], ["200", "250", "100", "300"], "{line}");
    }

    #[test]
    fn runs_that_are_not_of_one_kind_are_warned_of() {
        let mut mixed = history(&[Some(200.0), Some(100.0), Some(150.0)]);
        assert_eq!(mixed.warnings(), [""; 0]);
        mixed.runs[1].host = "other".into();
        mixed.runs[1].scenario.0 = "1".into();
        mixed.runs[2].scenario.1 = vec!["generators.caller.size=1MiB".into()];
        mixed.runs[2].backend = "kretprobe".into();
        mixed.runs[2].confidence = None;
        let warnings = mixed.warnings();
        for (warning, words) in warnings.iter().zip([
            "several backends (kretprobe, user)",
            "several machines (lab, other)",
            "2 texts",
            "what is replaced in the scenario differs",
        ]) {
            assert!(warning.contains(words), "{warnings:?}");
        }
        assert_eq!(warnings.len(), 4);
        let html = mixed.html("figures.csv");
        for words in [
            "<th scope=\"col\">host",
            "<td>other<td>",
            "several machines (lab, other)",
            "an interval of 95 %, or the range",
        ] {
            assert!(html.contains(words), "{words}: {html}");
        }
    }

    #[test]
    fn the_page_has_a_picture_of_each_target_and_no_markup_of_others() {
        let html = history(&[Some(200.0), None, Some(100.0), Some(300.0)]).html("figures.csv");
        assert_eq!(html.matches("<svg").count(), 1);
        assert_eq!(html.matches("<path").count(), 3, "one for each figure");
        assert_eq!(html.matches("<polyline").count(), 2, "no line across a run without the figure");
        assert!(html.contains("load=&lt;b&gt;") && !html.contains("<b>"), "{html}");
        assert!(history(&[]).html("figures.csv").contains("no runs"));
    }

    #[test]
    fn of_many_runs_each_point_is_several() {
        let values: Vec<Option<f64>> = (0..1_000).map(|run| Some(f64::from(100 + run % 4))).collect();
        let history = history(&values);
        let html = history.html("figures.csv");
        assert!(
            html.contains("<h1>sweep: median over 1000 runs</h1>")
                && html.contains("of mmap over 1000 runs;"),
            "{html}"
        );
        assert!(html.contains("Each point is 4 successive runs"), "{html}");
        assert_eq!(html.matches("<path").count(), 250);
        // The median of 100, 101, 102 and 103, from the lowest to the highest.
        assert_eq!(html.matches(": 102 ns at").count() + html.matches(": 101 ns at").count(), 250, "{html}");
        assert!(html.contains("<th scope=\"row\">run-996 and 3 more<td>"), "{html}");
        assert!(!html.contains("run-997"), "{html}");
        assert_eq!(history.csv().lines().count(), 1_001, "what is left to the figures' file");
    }

    #[test]
    fn as_many_runs_as_fit_are_points_of_their_own() {
        let html = history(&[Some(100.0); groups::MOST_POINTS]).html("figures.csv");
        assert!(html.contains("Each point is a run"), "{html}");
        assert_eq!(html.matches("<path").count(), groups::MOST_POINTS);
    }

    #[test]
    fn the_figures_of_runs_are_rows_for_other_programs() {
        let mut history = history(&[Some(200.0), None, Some(100.5)]);
        history.runs[2].label = Some("=1+1, \"two\"".into());
        history.series[0].figures[2] = history.series[0].figures[2]
            .map(|figure| Figure { interval_ns: Some(Interval { low: 99.0, high: 102.25 }), ..figure });
        let csv = history.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "run,began,host,kernel,label,syscall,cell,value_ns,low_ns,high_ns");
        assert_eq!(lines[1], "run-0,2026-09-21T14:13:20+00:00,lab,6.12,,mmap,load=<b>,200,,");
        let label = "\"'=1+1, \"\"two\"\"\"";
        let expected =
            format!("run-2,2026-09-23T14:13:20+00:00,lab,6.12,{label},mmap,load=<b>,100.5,99,102.25");
        assert_eq!(lines[2], expected);
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn what_is_kept_of_a_run_is_what_was_taken_of_it() {
        let figure = Figure { value_ns: 100.5, interval_ns: Some(Interval { low: 99.0, high: 102.25 }) };
        let target =
            |cell: &str, figures| taken::TargetFigures { syscall: "mmap".into(), cell: cell.into(), figures };
        let mut sparse = [None; Metric::ALL.len()];
        sparse[Metric::P99.index()] = Some(Figure { interval_ns: None, ..figure });
        let run =
            |number: usize, targets| RunFigures { run: history(&[None, None]).runs[number].clone(), targets };
        let kept = run(0, vec![target("a", [Some(figure); Metric::ALL.len()]), target("b", sparse)]);
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<RunFigures>(&text).unwrap(), kept);
        let mut history = History::of(Metric::P99);
        history.add(kept);
        history.add(run(1, vec![target("b", sparse), target("c", sparse)]));
        let figures = |cell: &str| {
            let series = history.series.iter().find(|series| series.cell == cell).unwrap();
            series.figures.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!([figures("a"), figures("b"), figures("c")], [[true, false], [true, true], [false, true]]);
    }

    #[test]
    fn whoever_cannot_see_the_picture_has_its_name_and_figures() {
        let html = history(&[Some(200.0), None]).html("figures.csv");
        assert!(html.contains("role=\"img\" aria-label=\"median of mmap over 2 runs;"), "{html}");
        assert!(html.contains("<tr><th scope=\"row\">run-0<td>200 ns\n"), "{html}");
        assert!(html.contains("<tr><th scope=\"row\">run-1<td>–\n"), "{html}");
    }

    #[test]
    fn neighbours_differ_in_mark_and_dashes_and_no_two_of_twenty_eight_look_the_same() {
        let mut history = history(&[Some(200.0), Some(100.0)]);
        history.series = (0..28)
            .map(|number| Series { cell: format!("load={number}"), ..history.series[0].clone() })
            .collect();
        let html = history.html("figures.csv");
        let lines = html.split("<polyline").skip(1).filter_map(|part| part.split("points").next());
        let lines: Vec<&str> = lines.collect();
        let dashes = |line: &'_ str| line.split("dasharray").nth(1).map(str::to_owned);
        assert!(lines.windows(2).all(|pair| dashes(pair[0]) != dashes(pair[1])), "{lines:?}");
        assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), 28);
        for mark in ["class=\"c0\">●", "class=\"c0\">◆", "m-3 0a3 ", "m-3-3h6"] {
            assert!(html.contains(mark), "{mark}");
        }
    }

    #[test]
    fn runs_of_one_day_are_told_apart_by_the_time() {
        let mut history = history(&[Some(190.0), Some(100.0)]);
        let html = history.html("figures.csv");
        assert!(html.contains(">2026-09-21</text>") && html.contains(">2026-09-22</text>"), "{html}");
        history.runs[1].started_at = history.runs[0].started_at + chrono::TimeDelta::seconds(80);
        let html = history.html("figures.csv");
        for began in ["14:13:20", "14:14:40"] {
            assert!(html.contains(&format!(">2026-09-21 {began} UTC</text>")), "{html}");
        }
    }

    #[test]
    fn the_grid_is_at_round_figures() {
        let html = history(&[Some(190.0), Some(180.0)]).html("figures.csv");
        for tick in ["0 ns", "50 ns", "100 ns", "150 ns"] {
            assert!(html.contains(&format!("text-anchor=\"end\">{tick}</text>")), "{tick}: {html}");
        }
    }

    /// By the formula of WCAG 2: what is not text has to stand out by three to one, and text by four and a half.
    #[test]
    fn colours_stand_out_from_their_paper() {
        let channel = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |hex: &str| {
            let part = |at: usize| channel(u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let contrast = |one: &str, other: &str| {
            let (one, other) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for (light, dark) in page::colours() {
            let found = (contrast(&light, "#ffffff"), contrast(dark, "#181818"));
            assert!(found.0 >= 3.0 && found.1 >= 3.0, "{light} {dark}: {found:?}");
        }
        let (light, dark) = page::LINKS;
        let found = (contrast(light, "#ffffff"), contrast(dark, "#181818"));
        assert!(found.0 >= 4.5 && found.1 >= 4.5, "{light} {dark}: {found:?}");
        let html = history(&[Some(100.0)]).html("figures.csv");
        assert!(
            html.contains(&format!("a{{color:{light}}}")) && html.contains(&format!("a{{color:{dark}}}"))
        );
    }
}

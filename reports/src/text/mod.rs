//! Reports for the terminal.
//!
//! Owns their layout: tables that drop their least figures rather than exceed the width. Returns strings; prints
//! nothing.

mod calls;
mod comparison;
mod sparkline;
mod table;

pub use comparison::{render_comparison, render_trend};

use crate::summary::{CostFigure, FailedTrials, MeasureSummary, ProbeCost, Summary, failed_alike};
use crate::view::{cpus_words, memory_words, probe_words, seen};
use crate::{CALLS_BEYOND, Metric, answer, calibration, fleet, merged, rows, units};
use sparkline::Sparkline;
use store::Vantage;
pub(crate) use table::{Column, Grid, wrap};

/// Columns of a terminal that has room for the intervals of bogo-ops.
const WIDE: usize = 110;
/// Columns of a terminal for what a load level asks for.
const ASKED_WIDTH: usize = 24;

/// Heading of the cells' histograms.
const HISTOGRAM: &str = "histogram";

/// How a text report is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether headings may be coloured with ANSI sequences.
    pub colour: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, colour: false }
    }
}

/// The summary of a run, for the terminal.
#[must_use]
pub fn render(summary: &Summary, options: &TextOptions) -> String {
    let page = Page { options: *options };
    let mut sections = vec![page.title(summary), page.wrapped(&answer::paragraphs(summary).join("\n\n"))];
    sections.extend(page.warnings(summary));
    sections.extend(page.fleet(summary));
    for target in summary.targets() {
        sections.extend(page.costs(summary, target));
        sections.push(page.figures(summary, target));
    }
    sections.push(page.ledger(summary));
    sections.extend(page.generators(summary));
    sections.extend(page.failed_calls(summary));
    sections.extend(page.slow_calls(summary));
    sections.extend(page.failures(summary));
    sections.extend(page.load(summary));
    sections.push(page.machine(summary));
    sections.join("\n\n") + "\n"
}

/// What all sections share.
#[derive(Clone, Copy)]
struct Page {
    options: TextOptions,
}

impl Page {
    /// Bars of a histogram that a line has room for.
    const fn bars(self) -> usize {
        match self.options.width {
            ..100 => 10,
            100..130 => 16,
            130..160 => 24,
            _ => 32,
        }
    }

    fn heading(self, text: &str) -> String {
        if self.options.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn wrapped(self, text: &str) -> String {
        table::wrap(text, self.options.width)
    }

    /// A heading, wrapped like everything else.
    fn headed(self, heading: &str, body: &str) -> String {
        format!("{}\n{body}", self.heading(&self.wrapped(heading)))
    }

    fn title(self, summary: &Summary) -> String {
        let manifest = &summary.manifest;
        let title = match manifest.scenario.summary.as_str() {
            "" => manifest.scenario.name.clone(),
            summary => format!("{}: {summary}", manifest.scenario.name),
        };
        let facts = format!(
            "{} · {} · {} repetitions · {}",
            manifest.id,
            summary.progress_words(),
            manifest.plan.repetitions,
            probe_words(&manifest.probe)
        );
        let rule = crate::stopping::sentence(manifest).into_iter().collect();
        let notes = [merged::sentences(manifest), rule, calibration::sentences(manifest)];
        let facts = [vec![facts], notes.concat()].concat();
        self.headed(&title, &self.wrapped(&facts.join("\n")))
    }

    fn warnings(self, summary: &Summary) -> Option<String> {
        let lines: Vec<String> =
            summary.warnings.iter().map(|warning| self.wrapped(&format!("warning: {warning}"))).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Machines, or kernels, each against the median of all.
    fn fleet(self, summary: &Summary) -> Option<String> {
        let fleet = summary.fleet.as_ref()?;
        let rows = fleet::rows(fleet);
        let words = rows.words.iter().map(String::as_str).map(Column::text);
        let figures = rows.figures.iter().zip([1, 5, 0, 2, 3, 4]);
        let mut grid =
            Grid::new(words.chain(figures.map(|(heading, keep)| Column::number(heading, keep))).collect());
        rows.rows.into_iter().for_each(|row| grid.push(row));
        let sentences = fleet::sentences(fleet).into_iter().map(|it| self.wrapped(&it));
        let body: Vec<String> = sentences.chain([grid.render(self.options.width)]).collect();
        Some(self.headed(&fleet::heading(fleet), &body.join("\n")))
    }

    /// The figures from the vantage that counts; the other one's are in the other formats.
    fn figures(self, summary: &Summary, target: &str) -> String {
        let vantage = summary.primary_vantage(target);
        let sparkline = Sparkline::of(summary, (target, vantage), self.bars());
        let mut grid = Grid::new(figure_columns(summary));
        for cell in &summary.cells {
            let mut row = cell.levels.clone();
            match cell.measure(target, vantage) {
                Some(measure) => {
                    row.extend(figure_row(measure));
                    row.extend(sparkline.map(|it| it.row(measure)));
                }
                None if cell.measures.is_empty() => row.extend(std::iter::repeat_n("–".to_owned(), 9)),
                // The cell's generators do not issue this target, or its trials had no probe.
                None => continue,
            }
            grid.push(row);
        }
        let mut body = grid.render(self.options.width);
        if let Some(sparkline) = sparkline.filter(|_| grid.shows(HISTOGRAM, self.options.width)) {
            body = format!("{body}\n{}", self.wrapped(&sparkline.legend()));
        }
        if self.lacks_quantiles(summary, &grid, (target, vantage)) {
            let note = rows::quantiles_note("every repetition has", CALLS_BEYOND);
            body = format!("{body}\n{}", self.wrapped(&format!("–: {note}")));
        }
        if summary.has_only_failures((target, vantage)) {
            body = format!("{body}\n{}", self.wrapped(rows::FAILURES_NOTE));
        }
        if let Some(note) = summary.brackets_note() {
            body = format!("{body}\n{}", self.wrapped(note));
        }
        let beside = summary.interval_words();
        let seen = seen(vantage);
        self.headed(&format!("{target}, {seen}: medians over repetitions, {beside} of p50"), &body)
    }

    /// Whether in a column that is shown there is a dash for too few calls beyond a quantile.
    fn lacks_quantiles(self, summary: &Summary, grid: &Grid, (target, vantage): (&str, Vantage)) -> bool {
        let measures = || summary.cells.iter().filter_map(|cell| cell.measure(target, vantage));
        let quantiles = Metric::ALL.into_iter().filter(|metric| metric.quantile().is_some());
        let mut shown = quantiles.filter(|metric| grid.shows(metric.label(), self.options.width));
        shown.any(|metric| measures().any(|measure| measure.figure(metric).is_none()))
    }

    /// Where the probe is a factor: the callers' view of each cell, and what the probe makes of it.
    fn costs(self, summary: &Summary, target: &str) -> Option<String> {
        let factors = summary.manifest.scenario.factors.iter().map(|factor| Column::text(&factor.name));
        let expendable = [0, 0, 2, 0, 3, 4, 5, 5];
        let figures = COST_HEADINGS.into_iter().zip(expendable);
        let figures = figures.map(|(heading, expendable)| Column::number(heading, expendable));
        let mut grid = Grid::new(factors.chain(figures).collect());
        for cost in summary.costs.iter().filter(|cost| cost.syscall == target) {
            grid.push([cost.levels.clone(), cost_row(cost).to_vec()].concat());
        }
        let heading = format!("{target}, {}: what the probe adds", seen(Vantage::User));
        (!grid.is_empty()).then(|| self.headed(&heading, &grid.render(self.options.width)))
    }

    fn ledger(self, summary: &Summary) -> String {
        if !rows::has_ledger(&summary.ledgers) {
            return self.headed("Where the calls went", &self.wrapped(rows::NO_LEDGER));
        }
        let rows = rows::ledger(&summary.ledgers, false);
        let mut grid = Grid::new(Column::all(&rows.headings, &[3]));
        rows.rows.into_iter().for_each(|row| grid.push(row));
        let mut body = grid.render(self.options.width);
        let oldest = summary.ledgers.iter().max_by_key(|ledger| ledger.censored_age_max_ns);
        if let Some(oldest) = oldest.filter(|ledger| ledger.censored_age_max_ns > 0) {
            let age = units::duration(oldest.censored_age_max_ns as f64);
            let note = format!(
                "The oldest censored call, of {}, had lasted {age} when its window closed.",
                oldest.syscall
            );
            body = format!("{body}\n{}", self.wrapped(&note));
        }
        for note in rows::ledger_notes(&summary.ledgers) {
            body = format!("{body}\n{}", self.wrapped(note));
        }
        self.headed("Where the calls went (entered = returned + censored + lost)", &body)
    }

    fn failures(self, summary: &Summary) -> Option<String> {
        let (alike, more) = failed_alike(&summary.failures);
        let lines = alike.iter().map(failure_line).chain(more_failures(more));
        let lines: Vec<String> = lines.map(|line| self.wrapped(&line)).collect();
        (!lines.is_empty()).then(|| self.headed("Trials without figures", &lines.join("\n")))
    }

    fn load(self, summary: &Summary) -> Option<String> {
        // In a narrow terminal interrupts go first, then switches, then waits for I/O and for memory.
        let mut columns = Column::all(&rows::LOAD_HEADINGS, &[9, 8, 5, 4]);
        columns[1] = Column::text(rows::LOAD_HEADINGS[1]);
        let mut grid = Grid::new(columns);
        for level in &summary.load {
            let mut row = rows::load(level, self.options.width >= WIDE);
            row[1] = table::wrap(&row[1], ASKED_WIDTH);
            grid.push(row.to_vec());
        }
        let remarks = summary.load.iter().filter_map(rows::load_remark);
        let remarks = remarks.chain([rows::LOAD_NOTE.to_owned()]).map(|line| self.wrapped(&line));
        let body = [vec![grid.render(self.options.width)], remarks.collect()].concat().join("\n");
        (!summary.load.is_empty()).then(|| self.headed("Load achieved, beside what was asked for", &body))
    }

    fn machine(self, summary: &Summary) -> String {
        let environment = &summary.manifest.environment;
        let facts = [
            Some(format!("Linux {} {}", environment.kernel_release, environment.architecture)),
            environment.cpu_model.clone(),
            Some(format!("{} CPUs", cpus_words(&summary.manifest))),
            Some(memory_words(&summary.manifest)),
            environment.hypervisor.as_ref().map(|name| format!("in a virtual machine ({name})")),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        self.headed("Machine", &self.wrapped(&facts.join(" · ")))
    }
}

/// The factors, then nine figures and the histogram; the ones that a narrow terminal drops first are numbered last.
fn figure_columns(summary: &Summary) -> Vec<Column> {
    let factors = summary.manifest.scenario.factors.iter().map(|factor| Column::text(&factor.name));
    let brackets = summary.brackets();
    let figures = [
        ("calls", 5),
        ("mean", 0),
        ("p50", 0),
        (brackets.as_str(), 1),
        ("p90", 4),
        ("p99", 0),
        ("p99.9", 3),
        ("max", 0),
        ("errors", 6),
    ];
    let figures = figures.map(|(heading, keep)| Column::number(heading, keep));
    factors.chain(figures).chain([Column::text(HISTOGRAM).dropped(2)]).collect()
}

fn figure_row(measure: &MeasureSummary) -> Vec<String> {
    let value =
        |metric| measure.figure(metric).map_or_else(|| "–".to_owned(), |f| units::duration(f.value_ns));
    let interval = measure
        .figure(Metric::P50)
        .and_then(|figure| Some(units::duration_interval(figure.interval_ns?, figure.value_ns)));
    vec![
        units::short(measure.calls as f64),
        value(Metric::Mean),
        value(Metric::P50),
        interval.unwrap_or_else(|| "–".to_owned()),
        value(Metric::P90),
        value(Metric::P99),
        value(Metric::P999),
        value(Metric::Max),
        units::count(i128::from(measure.errors)),
    ]
}

/// `trials 3, 8 (size 4KiB, load high) failed: no memory`.
pub(crate) fn failure_line(FailedTrials { trials, first }: &FailedTrials<'_>) -> String {
    let plural = if trials.contains(',') { "s" } else { "" };
    format!("trial{plural} {trials} ({}) {}: {}", first.cell, first.status.name(), first.reason)
}

/// That more trials failed than are told of; none where none did.
pub(crate) fn more_failures(more: usize) -> Option<String> {
    let trials = if more == 1 { "trial, which is" } else { "trials, which are" };
    (more > 0).then(|| format!("and {more} more {trials} in `trials.parquet`"))
}

/// What stands above the cells of [`cost_row`].
pub(crate) const COST_HEADINGS: [&str; 8] =
    ["p50", "added", "[95 %]", "ratio", "[95 %]", "mean", "added", "ratio"];

/// The cells of what the probe costs, behind target and levels, for every tabular format.
pub(crate) fn cost_row(cost: &ProbeCost) -> [String; 8] {
    let dash = || "–".to_owned();
    let value = |it: Option<CostFigure>| it.map_or_else(dash, |it| units::duration(it.figure.value_ns));
    let added = |it: Option<CostFigure>| it.and_then(|it| it.added_ns);
    let ratio = |it: Option<CostFigure>| it.and_then(|it| it.ratio);
    let added_words = |it| added(it).map_or_else(dash, |it| units::added(it.difference));
    let ratio_words = |it| ratio(it).map_or_else(dash, |it| units::ratio(it.ratio));
    let added_ends = added(cost.p50).and_then(|it| Some(units::added_interval(it.interval?, it.difference)));
    let ratio_ends = ratio(cost.p50).and_then(|it| it.interval).map(units::ratio_interval);
    [
        value(cost.p50),
        added_words(cost.p50),
        added_ends.unwrap_or_else(dash),
        ratio_words(cost.p50),
        ratio_ends.unwrap_or_else(dash),
        value(cost.mean),
        added_words(cost.mean),
        ratio_words(cost.mean),
    ]
}

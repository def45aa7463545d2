//! The report as one page.
//!
//! Owns the page's content and order: the answer, what to mind, each target's charts and tables, the account, the
//! machine, how to repeat it. One self-contained file that loads nothing; looks are in `assets/report.css`.

mod calls;
mod comparison;
mod explore;
mod facts;
mod forest;
mod tables;

use crate::charts::{Chart, Rasteriser, TargetCharts, draw};
use crate::rows::{self, Rows};
use crate::summary::{DisturbedTrial, FailedTrials, Summary, failed_alike};
use crate::text::more_failures;
use crate::view::{probe_words, seen};
use crate::{
    CALLS_BEYOND, ReportError, RunView, answer, calibration, fleet, markup, merged, stopping, units,
};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use calls::{ErrorRow, SlowTable};
use facts::{Badge, Fact};

pub use comparison::{render_comparison, render_trend};
pub use facts::shell_word;
use std::fmt::Write as _;
use std::thread;
use store::{Manifest, Vantage};
use tables::{CellTable, CostTable};

const REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular.woff2");
const SEMI_BOLD: &[u8] = include_bytes!("../../assets/Inter-SemiBold.woff2");
const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");

/// Disturbed trials that are listed at most.
const MOST_DISTURBED: usize = 60;

/// A finished page and the pictures that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The page; it needs none of the files.
    pub html: String,
    /// Every chart by file name, as SVG, as PNG, and what it draws as CSV.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Where a run is kept, so that the page's commands find it.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Its folder, as a path.
    pub folder: &'a str,
    /// The run that it was executed in alternation with, and that one's folder.
    pub other: Option<(&'a Manifest, &'a str)>,
}

/// The report of a run as a page, with its charts. Its commands look for it in `runs`.
pub fn render(run: &RunView<'_>, summary: &Summary) -> Result<Rendered, ReportError> {
    let folder = facts::usual_folder(run.manifest);
    render_kept(run, summary, &Kept { folder: &folder, other: None })
}

/// The same, with commands that find the run where it is kept.
pub fn render_kept(run: &RunView<'_>, summary: &Summary, kept: &Kept<'_>) -> Result<Rendered, ReportError> {
    let targets = draw(run, summary)?;
    let html = page(run, summary, (&targets, kept)).render()?;
    let charts = targets
        .iter()
        .flat_map(|target| target.views.iter().flat_map(|view| &view.charts).chain(&target.across));
    Ok(Rendered { html, files: files(&charts.collect::<Vec<_>>())? })
}

/// The pictures, drawn by as many threads as there are CPUs.
fn files(charts: &[&Chart]) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let rasteriser = Rasteriser::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = charts.len().div_ceil(threads).max(1);
    let images: Vec<Result<Vec<u8>, ReportError>> = thread::scope(|scope| {
        let workers: Vec<_> = charts
            .chunks(share)
            .map(|charts| {
                scope.spawn(|| charts.iter().map(|chart| rasteriser.png(chart)).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let mut files = Vec::with_capacity(2 * charts.len());
    for (chart, image) in charts.iter().zip(images) {
        files.push((format!("{}.svg", chart.name), chart.svg.clone().into_bytes()));
        files.push((format!("{}.png", chart.name), image?));
        files.extend(chart.data.iter().map(|(name, csv)| (format!("{name}.csv"), csv.clone().into_bytes())));
    }
    Ok(files)
}

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    name: &'a str,
    id: &'a str,
    summary: &'a str,
    badges: Vec<Badge>,
    /// What the probe costs.
    calibration: Vec<String>,
    /// Markup: escaped, with ratios set off.
    answer: Vec<String>,
    warnings: &'a [String],
    targets: Vec<TargetSection>,
    ledger: Option<Rows>,
    oldest: String,
    ledger_notes: Vec<&'static str>,
    generators: Option<rows::Worded>,
    fleet: Option<FleetSection>,
    errors: Vec<ErrorRow>,
    error_headings: Vec<&'static str>,
    /// Of which calls the latencies are.
    latencies_of: &'static str,
    /// Whether every process's calls counted.
    of_system: bool,
    slowest: Vec<SlowTable>,
    costs: Option<CostTable>,
    failures: Vec<FailedTrials<'a>>,
    /// That there are more of them; empty where there are none.
    more_failures: String,
    /// The first of them.
    disturbed: &'a [DisturbedTrial],
    more_disturbed: usize,
    /// JSON for the script.
    cells: String,
    load: Vec<[String; 10]>,
    load_remarks: Vec<String>,
    machine: Vec<Fact>,
    mitigations: Vec<Fact>,
    command: String,
    reproduction: Vec<Fact>,
    /// When a quantile is shown.
    quantiles: String,
    /// What the numbers in brackets are, and what they are of few repetitions.
    intervals: String,
    few: &'static str,
    probe: String,
    runner_version: &'a str,
    regular: String,
    semi_bold: String,
    style: &'static str,
    script: &'static str,
}

/// Machines, or kernels, each against the median of all.
struct FleetSection {
    heading: String,
    link: &'static str,
    sentences: Vec<String>,
    table: rows::Worded,
    /// Of each row whether it is that of an outlier.
    outliers: Vec<bool>,
}

impl FleetSection {
    fn of(fleet: &fleet::Fleet) -> Self {
        Self {
            heading: fleet::heading(fleet),
            link: if fleet.factor == store::KERNEL { "Kernels" } else { "Machines" },
            sentences: fleet::sentences(fleet).iter().map(|it| units::glued(it)).collect(),
            table: fleet::rows(fleet),
            outliers: fleet.rows.iter().map(fleet::FleetRow::stands_out).collect(),
        }
    }
}

struct TargetSection {
    anchor: String,
    name: String,
    link: String,
    seen: &'static str,
    views: Vec<View>,
    /// Markup.
    across: Vec<String>,
    /// Sweeps that are not among them.
    left_out: usize,
    table: CellTable,
    /// Whether in some cell every call failed.
    has_only_failures: bool,
}

struct View {
    label: String,
    open: bool,
    /// Markup.
    charts: Vec<String>,
}

fn page<'a>(
    run: &RunView<'a>,
    summary: &'a Summary,
    (targets, kept): (&[TargetCharts], &Kept<'_>),
) -> Page<'a> {
    let manifest = run.manifest;
    let rule = stopping::sentence(manifest).into_iter();
    let made = merged::sentences(manifest).into_iter();
    let notes: Vec<String> = made.chain(rule).chain(calibration::sentences(manifest)).collect();
    let (failures, more) = failed_alike(&summary.failures);
    Page {
        name: &manifest.scenario.name,
        id: &manifest.id,
        summary: &manifest.scenario.summary,
        badges: facts::badges(summary),
        calibration: notes.iter().map(|it| units::glued(it)).collect(),
        answer: answer::paragraphs(summary).iter().map(|paragraph| set_off(paragraph)).collect(),
        warnings: &summary.warnings,
        targets: targets.iter().map(|target| section(summary, target)).collect(),
        ledger: rows::has_ledger(&summary.ledgers).then(|| rows::ledger(&summary.ledgers, true)),
        oldest: oldest(summary),
        ledger_notes: rows::ledger_notes(&summary.ledgers),
        generators: rows::generators(summary),
        fleet: summary.fleet.as_ref().map(FleetSection::of),
        errors: calls::errors(summary),
        error_headings: calls::error_headings(),
        latencies_of: latencies_of(summary),
        of_system: manifest.scenario.scope == "system",
        slowest: calls::slowest(summary),
        costs: tables::of_costs(summary),
        failures,
        more_failures: more_failures(more).unwrap_or_default().replace('`', ""),
        disturbed: &summary.disturbed[..summary.disturbed.len().min(MOST_DISTURBED)],
        more_disturbed: summary.disturbed.len().saturating_sub(MOST_DISTURBED),
        cells: explore::cells(summary),
        load: summary.load.iter().map(|level| rows::load(level, true)).collect(),
        load_remarks: summary.load.iter().filter_map(rows::load_remark).collect(),
        machine: facts::machine(manifest),
        mitigations: facts::mitigations(manifest),
        command: facts::commands(manifest, kept),
        reproduction: facts::reproduction(manifest),
        quantiles: rows::quantiles_note("every repetition has", CALLS_BEYOND),
        intervals: facts::intervals(summary),
        few: facts::few(summary),
        probe: probe_words(&manifest.probe),
        runner_version: &manifest.environment.runner_version,
        regular: BASE64.encode(REGULAR),
        semi_bold: BASE64.encode(SEMI_BOLD),
        style: STYLE,
        script: SCRIPT,
    }
}

fn latencies_of(summary: &Summary) -> &'static str {
    let mut measures = summary.cells.iter().flat_map(|cell| &cell.measures);
    if measures.any(|measure| measure.of_failures) {
        "The latencies above are those of calls that succeeded, and of cells in which every call failed those of the failures."
    } else {
        "The latencies above are those of calls that succeeded."
    }
}

fn section(summary: &Summary, charts: &TargetCharts) -> TargetSection {
    // The view that the answer speaks of is open at first: the middle one.
    let middle = charts.views.len() / 2;
    let views = charts.views.iter().enumerate().map(|(index, view)| View {
        label: view.label.clone(),
        open: index == middle,
        charts: view.charts.iter().map(Chart::inline).collect(),
    });
    TargetSection {
        anchor: format!("{}-{}", charts.vantage.name(), charts.syscall),
        name: charts.syscall.clone(),
        link: match charts.vantage {
            Vantage::Kernel => charts.syscall.clone(),
            Vantage::User => format!("{} (caller)", charts.syscall),
        },
        seen: seen(charts.vantage),
        views: views.collect(),
        across: charts.across.iter().map(Chart::inline).collect(),
        left_out: charts.left_out,
        table: tables::of_cells(summary, (&charts.syscall, charts.vantage)),
        has_only_failures: summary.has_only_failures((&charts.syscall, charts.vantage)),
    }
}

fn oldest(summary: &Summary) -> String {
    let age = summary.ledgers.iter().map(|ledger| ledger.censored_age_max_ns).max().unwrap_or(0);
    if age == 0 { String::new() } else { format!(", the oldest after {}", units::duration(age as f64)) }
}

/// Text as markup, with `× 2.10` set off and numbers tied to their units.
fn set_off(text: &str) -> String {
    let text = units::glued(&markup::text(text));
    let mark = format!("×{}", units::NO_BREAK);
    let mut parts = text.split(mark.as_str());
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(part.len());
        // A sentence may end right behind the number.
        let end = part[..end].trim_end_matches('.').len();
        let _ = write!(out, "<b>{mark}{}</b>{}", &part[..end], &part[end..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_set_off_and_markup_is_escaped() {
        assert_eq!(set_off("<a> grows × 2.1."), "&lt;a&gt; grows <b>×\u{a0}2.1</b>.");
    }
}

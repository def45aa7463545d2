//! The report as one page that needs nothing else: no request leaves it, and without scripts it shows everything.
//!
//! Owns what stands on the page and in which order; `templates/index.html` owns how it looks.

use crate::charts::{self, Chart, Rasteriser, TargetCharts};
use crate::summary::{MeasureSummary, Summary};
use crate::text::{ledger_row, load_row, stressor_line};
use crate::{Metric, ReportError, RunView, answer, units};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use store::Vantage;

const REGULAR: &[u8] = include_bytes!("../assets/Inter-Regular.woff2");
const SEMI_BOLD: &[u8] = include_bytes!("../assets/Inter-SemiBold.woff2");

/// A rendered report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The page.
    pub html: String,
    /// Its charts as files of their own, name and content: each as SVG and as PNG.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Renders the page and its charts.
pub fn render(run: &RunView<'_>, summary: &Summary) -> Result<Rendered, ReportError> {
    let drawn = charts::draw(summary)?;
    let targets = drawn.iter().map(|target| Target::of(summary, target)).collect();
    let page = Page {
        name: &run.manifest.scenario.name,
        purpose: &run.manifest.scenario.summary,
        facts: facts(summary),
        answer: answer::sentences(summary),
        warnings: &summary.warnings,
        targets,
        ledger: summary.ledgers.iter().map(|ledger| ledger_row(ledger).to_vec()).collect(),
        failures: failures(summary),
        load: summary.load.iter().map(|level| load_row(level).to_vec()).collect(),
        stressors: summary.load.iter().filter_map(stressor_line).collect(),
        probe: probe(summary),
        environment: environment(summary),
        origin: origin(summary),
        command: reproduce(summary),
        regular: STANDARD.encode(REGULAR),
        semi_bold: STANDARD.encode(SEMI_BOLD),
    };
    Ok(Rendered { html: page.render()?, files: files(&drawn)? })
}

fn files(drawn: &[TargetCharts]) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let rasteriser = Rasteriser::default();
    let mut files = Vec::new();
    for chart in drawn.iter().flat_map(charts_of) {
        files.push((format!("{}.svg", chart.name), chart.svg.clone().into_bytes()));
        files.push((format!("{}.png", chart.name), rasteriser.png(chart)?));
    }
    Ok(files)
}

fn charts_of(target: &TargetCharts) -> impl Iterator<Item = &Chart> {
    target.views.iter().flat_map(|view| &view.charts).chain(&target.across)
}

/// A table row: cells as text.
type Row = Vec<String>;

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    name: &'a str,
    purpose: &'a str,
    facts: Vec<String>,
    answer: Vec<String>,
    warnings: &'a [String],
    targets: Vec<Target<'a>>,
    ledger: Vec<Row>,
    failures: Vec<Row>,
    load: Vec<Row>,
    stressors: Vec<String>,
    probe: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    origin: Vec<(String, String)>,
    command: String,
    regular: String,
    semi_bold: String,
}

/// The part of the page on a target from one vantage.
struct Target<'a> {
    charts: &'a TargetCharts,
    seen: &'static str,
    figures: Figures,
}

/// The figures of a target from one vantage.
struct Figures {
    headings: Row,
    factors: usize,
    rows: Vec<Vec<FigureCell>>,
}

/// A value, and under it its interval.
struct FigureCell {
    value: String,
    interval: String,
}

impl From<String> for FigureCell {
    fn from(value: String) -> Self {
        Self { value, interval: String::new() }
    }
}

impl<'a> Target<'a> {
    fn of(summary: &Summary, charts: &'a TargetCharts) -> Self {
        let seen = match charts.vantage {
            Vantage::Kernel => "in the kernel, by the probe",
            Vantage::User => "as the caller saw it",
        };
        Self { charts, seen, figures: figures(summary, &charts.syscall, charts.vantage) }
    }
}

fn figures(summary: &Summary, syscall: &str, vantage: Vantage) -> Figures {
    let factors = &summary.manifest.scenario.factors;
    let mut headings: Row = factors.iter().map(|factor| factor.name.clone()).collect();
    headings.extend(["calls", "errors"].map(str::to_owned));
    headings.extend(Metric::ALL.map(|metric| metric.label().to_owned()));
    let row = |levels: &[String], measure: &MeasureSummary| {
        let mut row: Vec<FigureCell> = levels.iter().cloned().map(FigureCell::from).collect();
        row.push(units::short(measure.calls as f64).into());
        row.push(units::count(measure.errors.into()).into());
        row.extend(Metric::ALL.map(|metric| figure(measure, metric)));
        row
    };
    Figures {
        headings,
        factors: factors.len(),
        rows: summary
            .cells
            .iter()
            .filter_map(|cell| Some(row(&cell.levels, cell.measure(syscall, vantage)?)))
            .collect(),
    }
}

fn figure(measure: &MeasureSummary, metric: Metric) -> FigureCell {
    measure.figure(metric).map_or_else(
        || "–".to_owned().into(),
        |figure| FigureCell {
            value: units::duration(figure.value_ns),
            interval: figure
                .interval_ns
                .map_or_else(String::new, |interval| units::duration_interval(interval, figure.value_ns)),
        },
    )
}

fn facts(summary: &Summary) -> Vec<String> {
    let (manifest, progress) = (&summary.manifest, summary.progress);
    vec![
        manifest.started_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        format!("{} of {} trials", progress.ok, progress.planned),
        format!("{} repetitions", manifest.plan.repetitions),
        format!("probe: {}", manifest.probe.backend),
        format!("Linux {}", manifest.environment.kernel_release),
    ]
}

fn failures(summary: &Summary) -> Vec<Row> {
    let row = |failure: &crate::TrialFailure| {
        let (trial, status) = (failure.trial.to_string(), failure.status.name().to_owned());
        vec![trial, failure.cell.clone(), status, failure.reason.clone()]
    };
    summary.failures.iter().map(row).collect()
}

fn pair(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn probe(summary: &Summary) -> Vec<(String, String)> {
    let (probe, scenario) = (&summary.manifest.probe, &summary.manifest.scenario);
    let mut rows = vec![
        pair("backend", &probe.backend),
        pair("asked for", &probe.requested),
        pair("scope", &scenario.scope),
        pair("targets", scenario.syscalls.join(", ")),
        pair("loss limit", units::percent(scenario.loss_limit)),
    ];
    rows.extend(probe.reasons.iter().map(|reason| pair("not taken", reason)));
    rows.extend(scenario.generators.iter().map(|generator| pair("generator", generator)));
    rows
}

fn environment(summary: &Summary) -> Vec<(String, String)> {
    let it = &summary.manifest.environment;
    let known = |name: &str, value: &Option<String>| value.as_ref().map(|value| pair(name, value));
    let mitigations: Vec<String> =
        it.mitigations.iter().map(|(name, state)| format!("{name}: {state}")).collect();
    let rows = [
        Some(pair("kernel", format!("{} {} {}", it.kernel_release, it.kernel_version, it.architecture))),
        known("distribution", &it.distribution),
        known("CPU", &it.cpu_model),
        Some(pair("CPUs online", it.cpus)),
        Some(pair("memory", units::bytes(it.memory_bytes as f64))),
        Some(pair("swap", units::bytes(it.swap_bytes as f64))),
        known("hypervisor", &it.hypervisor),
        known("governor", &it.governor),
        known("turbo", &it.turbo),
        known("SMT", &it.smt),
        known("transparent huge pages", &it.transparent_huge_pages),
        known("clock source", &it.clocksource),
        known("ASLR", &it.aslr),
        known("lockdown", &it.lockdown),
        known("stress-ng", &it.stress_ng_version),
        Some(pair("runner", &it.runner_version)),
        (!mitigations.is_empty()).then(|| pair("mitigations", mitigations.join("; "))),
        known("kernel command line", &it.kernel_command_line),
    ];
    rows.into_iter().flatten().collect()
}

fn origin(summary: &Summary) -> Vec<(String, String)> {
    let manifest = &summary.manifest;
    let mut rows = vec![
        pair("run", &manifest.id),
        pair("order", format!("{}, seed {}", manifest.plan.order, manifest.plan.seed)),
        pair("scenario, BLAKE3", &manifest.scenario.hash),
    ];
    rows.extend(manifest.label.iter().map(|label| pair("label", label)));
    for level in manifest.scenario.factors.iter().flat_map(|factor| &factor.levels) {
        if !level.arguments.is_empty() {
            rows.push(pair(
                &format!("load {}", level.label),
                format!("stress-ng {}", level.arguments.join(" ")),
            ));
        }
    }
    rows
}

/// The command that does the same again, from the run's own copy of the scenario.
fn reproduce(summary: &Summary) -> String {
    let manifest = &summary.manifest;
    let mut command = format!(
        "runner run runs/{}/scenario.toml --probe {} --seed {}",
        manifest.id, manifest.probe.backend, manifest.plan.seed
    );
    for change in &manifest.scenario.overrides {
        let _ = write!(command, " --set '{change}'");
    }
    command
}

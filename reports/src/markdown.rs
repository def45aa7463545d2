//! Reports in Markdown, for issues and hand-ins.

mod comparison;

pub use comparison::{render_comparison, render_trend};

use crate::summary::{MeasureSummary, ProbeCost, Summary, failed_alike};
use crate::text::{COST_HEADINGS, cost_row, failure_line};
use crate::view::{probe_words, seen};
use crate::{Metric, answer, calibration, rows, stopping, units};
use std::fmt::Write as _;
use store::Vantage;

/// The summary of a run in Markdown.
#[must_use]
pub fn render(summary: &Summary) -> String {
    let manifest = &summary.manifest;
    let mut page =
        format!("# {}\n\n{}\n\n", escape(&manifest.scenario.name), escape(&manifest.scenario.summary));
    for sentence in stopping::sentence(manifest).into_iter().chain(calibration::sentences(manifest)) {
        paragraph(&mut page, &escape(&sentence));
    }
    for answer in answer::paragraphs(summary) {
        paragraph(&mut page, &escape(&answer));
    }
    for warning in &summary.warnings {
        paragraph(&mut page, &format!("**Warning:** {}", escape(warning)));
    }
    costs(&mut page, summary);
    for (target, vantage) in summary.series() {
        figures(&mut page, summary, (target, vantage));
    }
    page.push_str("## Where the calls went\n\n");
    if rows::has_ledger(&summary.ledgers) {
        let ledger = rows::ledger(&summary.ledgers, false);
        table(&mut page, &ledger.headings, &ledger.rows);
        for note in rows::ledger_notes(&summary.ledgers) {
            paragraph(&mut page, note);
        }
    } else {
        paragraph(&mut page, rows::NO_LEDGER);
    }
    generators(&mut page, summary);
    failed_calls(&mut page, summary);
    slow_calls(&mut page, summary);
    if !summary.failures.is_empty() {
        page.push_str("## Trials without figures\n\n");
        for trials in failed_alike(&summary.failures) {
            let _ = writeln!(page, "- {}", escape(&failure_line(&trials)));
        }
        page.push('\n');
    }
    load(&mut page, summary);
    origin(&mut page, summary);
    page
}

fn figures(page: &mut String, summary: &Summary, (target, vantage): (&str, Vantage)) {
    let seen = seen(vantage);
    let beside =
        summary.confidence_words().map_or_else(|| "their range".to_owned(), |it| format!("{it} intervals"));
    let note = summary.brackets_note().map_or_else(String::new, |note| format!(" {note}"));
    let _ =
        write!(page, "## {}, {seen}\n\nMedians over repetitions with {beside}.{note}\n\n", escape(target));
    let mut headings: Vec<&str> =
        summary.manifest.scenario.factors.iter().map(|factor| factor.name.as_str()).collect();
    headings.extend(["repetitions", "calls", "errors"]);
    headings.extend(Metric::ALL.map(Metric::label));
    let rows: Vec<Vec<String>> = summary
        .cells
        .iter()
        .filter_map(|cell| Some([cell.levels.clone(), figure_row(cell.measure(target, vantage)?)].concat()))
        .collect();
    table(page, &headings, &rows);
    if summary.has_only_failures((target, vantage)) {
        paragraph(page, rows::FAILURES_NOTE);
    }
}

fn figure_row(measure: &MeasureSummary) -> Vec<String> {
    let mut row = vec![
        measure.repetitions.len().to_string(),
        units::count(measure.calls.into()),
        units::count(measure.errors.into()),
    ];
    row.extend(Metric::ALL.map(|metric| {
        measure.figure(metric).map_or_else(
            || "–".to_owned(),
            |figure| {
                let value = units::duration(figure.value_ns);
                let interval =
                    figure.interval_ns.map(|interval| units::duration_interval(interval, figure.value_ns));
                interval.map_or_else(|| value.clone(), |interval| format!("{value} {interval}"))
            },
        )
    }));
    row
}

fn costs(page: &mut String, summary: &Summary) {
    if summary.costs.is_empty() {
        return;
    }
    page.push_str("## What the probe adds, as the caller sees it\n\n");
    let factors = summary.manifest.scenario.factors.iter().map(|factor| factor.name.as_str());
    let headings: Vec<&str> = ["target"].into_iter().chain(factors).chain(COST_HEADINGS).collect();
    let row = |cost: &ProbeCost| {
        [vec![cost.syscall.clone()], cost.levels.clone(), cost_row(cost).to_vec()].concat()
    };
    table(page, &headings, &summary.costs.iter().map(row).collect::<Vec<_>>());
}

fn generators(page: &mut String, summary: &Summary) {
    let Some(generators) = rows::generators(summary) else { return };
    page.push_str("## What the generators did\n\n");
    table(page, &generators.headings(), &generators.rows);
    paragraph(page, rows::GENERATORS_NOTE);
}

fn failed_calls(page: &mut String, summary: &Summary) {
    if summary.errors.is_empty() {
        return;
    }
    page.push_str("## Calls that failed\n\n");
    let rows = rows::errors(&summary.errors);
    table(page, &rows.headings, &rows.rows);
}

fn slow_calls(page: &mut String, summary: &Summary) {
    for slowest in &summary.slowest {
        let _ = write!(page, "## {}, {}\n\n", escape(&slowest.syscall), slowest.heading());
        let rows = rows::slowest(&slowest.calls);
        let factors = summary.manifest.scenario.factors.iter().map(|factor| factor.name.as_str());
        let headings: Vec<&str> = factors.chain(rows.headings).chain(["call"]).collect();
        let calls = slowest.calls.iter().zip(rows.rows).map(|(kept, row)| {
            let call = rows::call_text(&kept.call).map_or_else(|| "–".to_owned(), |call| format!("`{call}`"));
            [kept.levels.clone(), row, vec![call]].concat()
        });
        table(page, &headings, &calls.collect::<Vec<_>>());
        if let Some(sentence) = slowest.off_cpu.sentence(&slowest.syscall) {
            paragraph(page, &escape(&sentence));
        }
    }
}

fn load(page: &mut String, summary: &Summary) {
    if summary.load.is_empty() {
        return;
    }
    page.push_str("## Load achieved, beside what was asked for\n\n");
    // The table takes care of its own lines.
    let in_one_line = |cell: String| escape(&cell.replace('\n', ", ")).replace("\\|", "|");
    let rows = summary.load.iter().map(|level| rows::load(level, true).map(in_one_line).to_vec());
    table(page, &rows::LOAD_HEADINGS, &rows.collect::<Vec<_>>());
    for line in summary.load.iter().filter_map(rows::load_remark) {
        let _ = writeln!(page, "- {}", escape(&line));
    }
    page.push('\n');
    paragraph(page, rows::LOAD_NOTE);
}

fn origin(page: &mut String, summary: &Summary) {
    let manifest = &summary.manifest;
    let environment = &manifest.environment;
    page.push_str("## Where this comes from\n\n");
    let rows = [
        ["run".to_owned(), manifest.id.clone()],
        ["command".to_owned(), format!("`{}`", manifest.command.join(" "))],
        ["scenario hash".to_owned(), manifest.scenario.hash.clone()],
        ["seed".to_owned(), manifest.plan.seed.to_string()],
        ["probe".to_owned(), probe_words(&manifest.probe)],
        ["kernel".to_owned(), environment.kernel_release.clone()],
        [
            "CPU".to_owned(),
            format!("{} × {}", environment.cpus, environment.cpu_model.as_deref().unwrap_or("unknown")),
        ],
    ];
    table(page, &["what", ""], &rows.map(Vec::from));
}

fn paragraph(page: &mut String, text: &str) {
    page.push_str(text);
    page.push_str("\n\n");
}

fn table(page: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let headings: Vec<String> = headings.iter().map(|heading| escape(heading)).collect();
    page.push_str(&line(&headings));
    page.push_str(&line(&vec!["---".to_owned(); headings.len()]));
    for row in rows {
        page.push_str(&line(&row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>()));
    }
    page.push('\n');
}

/// Text from the scenario must not become markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            escaped.push('\\');
        }
        escaped.push(if character == '\n' { ' ' } else { character });
    }
    escaped
}

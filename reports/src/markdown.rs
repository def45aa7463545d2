//! Reports in Markdown, for issues and hand-ins.

mod comparison;

pub use comparison::{render_comparison, render_trend};

use crate::summary::{MeasureSummary, ProbeCost, Summary, failed_alike};
use crate::text::{COST_HEADINGS, cost_row, failure_line, more_failures};
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
        let (alike, more) = failed_alike(&summary.failures);
        for line in alike.iter().map(failure_line).chain(more_failures(more)) {
            let _ = writeln!(page, "- {}", escape(&line));
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
        .filter_map(|cell| Some([escaped(&cell.levels), figure_row(cell.measure(target, vantage)?)].concat()))
        .collect();
    table_of_markup(page, &headings, &rows);
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
        [vec![escape(&cost.syscall)], escaped(&cost.levels), cost_row(cost).to_vec()].concat()
    };
    table_of_markup(page, &headings, &summary.costs.iter().map(row).collect::<Vec<_>>());
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
            let call = rows::call_text(&kept.call).map_or_else(|| "–".to_owned(), |call| code_cell(&call));
            [escaped(&kept.levels), escaped(&row), vec![call]].concat()
        });
        table_of_markup(page, &headings, &calls.collect::<Vec<_>>());
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
    let in_one_line = |cell: String| cell.replace('\n', ", ");
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
    let cpu = environment.cpu_model.as_deref().unwrap_or("unknown");
    page.push_str("## Where this comes from\n\n");
    let rows = [
        ["run", &escape(&manifest.id)],
        ["command", &code_cell(&manifest.command.join(" "))],
        ["scenario hash", &escape(&manifest.scenario.hash)],
        ["seed", &manifest.plan.seed.to_string()],
        ["probe", &escape(&probe_words(&manifest.probe))],
        ["kernel", &escape(&environment.kernel_release)],
        ["CPU", &format!("{} × {}", environment.cpus, escape(cpu))],
    ];
    table_of_markup(page, &["what", ""], &rows.map(|row| row.map(str::to_owned).to_vec()));
}

pub(crate) fn paragraph(page: &mut String, text: &str) {
    page.push_str(text);
    page.push_str("\n\n");
}

/// A table of texts, none of which becomes markup.
pub(crate) fn table(page: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    table_of_markup(page, headings, &rows.iter().map(|row| escaped(row)).collect::<Vec<_>>());
}

/// A table whose cells are markup already: of [`escape`], of [`code_cell`], or figures of ours.
fn table_of_markup(page: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    let mut line = |cells: &[String]| {
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    };
    line(&headings.iter().map(|heading| escape(heading)).collect::<Vec<_>>());
    line(&vec!["---".to_owned(); headings.len()]);
    for row in rows {
        line(row);
    }
    page.push('\n');
}

fn escaped(cells: &[String]) -> Vec<String> {
    cells.iter().map(|cell| escape(cell)).collect()
}

/// A text that becomes no markup and does not leave its line: a run, and what is said of it, may be somebody else's.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in in_a_line(text) {
        if matches!(character, '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '<' | '>' | '&' | '|' | '#') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Text as code, between more backticks than stand together in it.
fn code(text: &str) -> String {
    let text: String = in_a_line(text).collect();
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A backtick at an end would belong to the fence.
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Code in a table, where a line would end the cell within code as well.
fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// The characters of a text in one line, without those that a terminal would obey.
fn in_a_line(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|character| match character {
        '\n' | '\r' | '\t' => ' ',
        control if control.is_control() => '\u{fffd}',
        plain => plain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_become_markup() {
        assert_eq!(escape("<img src=x>`a`\r\n&lt;~~b~~"), "\\<img src=x\\>\\`a\\`  \\&lt;\\~\\~b\\~\\~");
        assert_eq!(escape("\u{1b}[2J\u{9b}1m"), "\u{fffd}\\[2J\u{fffd}1m");
    }

    #[test]
    fn code_ends_where_its_text_does() {
        assert_eq!(code("a\nb"), "`a b`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
    }

    #[test]
    fn cells_of_tables_stay_in_their_columns() {
        let mut page = String::new();
        table(&mut page, &["a|b"], &[vec!["c|<d>\re\\|".to_owned()]]);
        table_of_markup(&mut page, &["f"], &[vec![code_cell("g|h")]]);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], "| a\\|b |");
        assert_eq!(lines[2], "| c\\|\\<d\\> e\\\\\\| |");
        assert_eq!(lines[6], "| `g\\|h` |");
    }
}

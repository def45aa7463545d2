//! Traces for a pull request.

use super::Trace;
use super::text::{HEADINGS, facts, notes, row, sorted, title};
use crate::markdown::{escape, paragraph, table};

/// The trace in Markdown.
#[must_use]
pub fn render(trace: &Trace) -> String {
    let mut page = String::new();
    paragraph(&mut page, &format!("**{}**", escape(&title(trace))));
    paragraph(&mut page, &escape(&facts(trace)));
    let shown = sorted(trace);
    if shown.is_empty() {
        paragraph(&mut page, "No call was seen.");
        return page;
    }
    let rows: Vec<Vec<String>> = shown.iter().map(|measure| row(trace, measure).to_vec()).collect();
    table(&mut page, &HEADINGS, &rows);
    for note in notes(trace, &shown) {
        paragraph(&mut page, &escape(&note));
    }
    page
}

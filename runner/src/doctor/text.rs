//! An examination as text: a line for each check, and below what is not as it should be the reason and the remedy.

use super::{Examination, Finding, Mark};
use std::fmt::Write;

/// Columns that a terminal has at least; more make long lines, which are no easier to read.
const WIDTH: usize = 80;
/// Where explanations and remedies begin: below the check's name.
const BELOW: usize = 11;

/// How much is told, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Explain what is as it should be, too.
    pub(crate) explain_all: bool,
    /// Colour the marks.
    pub(crate) colour: bool,
}

/// The text for a terminal.
pub(crate) fn text(examination: &Examination, manner: Manner) -> String {
    let width = examination.checks.iter().map(|it| it.check.chars().count()).max().unwrap_or(0);
    let groups = examination.checks.chunk_by(|a, b| a.group == b.group).map(|group| {
        let findings: String = group.iter().map(|finding| told(finding, width, manner)).collect();
        format!("{}\n{findings}\n", group[0].group)
    });
    groups.chain([verdict(examination)]).collect()
}

fn told(finding: &Finding, width: usize, manner: Manner) -> String {
    let mut text = line(finding, width, manner.colour);
    if finding.mark == Mark::Ok && !manner.explain_all {
        return text;
    }
    let mut below = |words: &str| text += &wrapped(words, BELOW, " ".repeat(BELOW));
    below(finding.explanation);
    match (&finding.remedy, &finding.command) {
        (Some(remedy), Some(_)) => below(&format!("→ {remedy}:")),
        (Some(remedy), None) => below(&format!("→ {remedy}")),
        (None, _) => {}
    }
    // In one piece, however long, so that it can be copied.
    if let Some(command) = &finding.command {
        let _ = writeln!(text, "{}{command}", " ".repeat(BELOW + 4));
    }
    text
}

fn line(finding: &Finding, width: usize, colour: bool) -> String {
    let (mark, sequence) = match finding.mark {
        Mark::Ok => ("ok", "32"),
        Mark::Note => ("note", "33"),
        Mark::Missing => ("missing", "31"),
    };
    let padded = format!("{mark:<7}");
    let mark = if colour { format!("\u{1b}[{sequence}m{padded}\u{1b}[0m") } else { padded };
    let indent = BELOW + width + 2;
    wrapped(&finding.found, indent, format!("  {mark}  {:<width$}  ", finding.check))
}

/// Words in lines of at most [`WIDTH`], where words allow: the first behind `before`, which is as wide as the indent of
/// the others. What stands between backquotes stays in one piece.
fn wrapped(words: &str, indent: usize, before: String) -> String {
    let (mut text, mut column) = (before, indent);
    for (place, piece) in pieces(words).iter().enumerate() {
        let length = piece.chars().count();
        if place > 0 && column + 1 + length > WIDTH {
            let _ = write!(text, "\n{:indent$}", "");
            column = indent;
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text += piece;
        column += length;
    }
    text + "\n"
}

/// The words, those between backquotes as one.
fn pieces(words: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in words.split(' ') {
        match pieces.last_mut() {
            Some(last) if is_open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
        is_open ^= word.matches('`').count() % 2 == 1;
    }
    pieces
}

/// What it comes to.
fn verdict(examination: &Examination) -> String {
    let kernel = match examination.backends.as_slice() {
        [] => "The kernel's side cannot be measured here: no backend can be attached.".to_owned(),
        [only] => format!("The kernel's side can be measured here, by {only}."),
        [init @ .., last] => {
            format!("The kernel's side can be measured here, by {} and {last}.", init.join(", "))
        }
    };
    let blocked = examination
        .checks
        .iter()
        .filter(|finding| finding.mark == Mark::Missing && ["generator", "folder"].contains(&finding.check));
    let blocked: Vec<&str> = blocked.map(|finding| finding.check).collect();
    let run = match (blocked.as_slice(), examination.load) {
        ([], true) => "Scenarios can be executed, with load and without.".to_owned(),
        ([], false) => "Scenarios can be executed, but only without load.".to_owned(),
        (blocked, _) => format!("No scenario can be executed: see `{}`.", blocked.join("` and `")),
    };
    format!("{kernel}\n{run}\n")
}

//! An examination as text: one line for each check.

use super::{Examination, Finding, Mark};

/// The text for a terminal; marks are coloured only if asked for.
pub(crate) fn text(examination: &Examination, colour: bool) -> String {
    let width = examination.checks.iter().map(|it| it.check.chars().count()).max().unwrap_or(0);
    let groups = examination.checks.chunk_by(|a, b| a.group == b.group).map(|group| {
        let lines: String = group.iter().map(|finding| line(finding, width, colour)).collect();
        format!("{}\n{lines}\n", group[0].group)
    });
    groups.chain([verdict(examination)]).collect()
}

fn line(finding: &Finding, width: usize, colour: bool) -> String {
    let (mark, sequence) = match finding.mark {
        Mark::Ok => ("ok", "32"),
        Mark::Note => ("note", "33"),
        Mark::Missing => ("missing", "31"),
    };
    let padded = format!("{mark:<7}");
    let mark = if colour { format!("\u{1b}[{sequence}m{padded}\u{1b}[0m") } else { padded };
    let remedy = finding.remedy.as_ref().map_or_else(String::new, |remedy| format!(" → {remedy}"));
    format!("  {mark}  {:<width$}  {}{remedy}\n", finding.check, finding.words)
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

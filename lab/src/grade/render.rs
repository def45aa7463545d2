//! Grades as text: feedback for one student, a table for the class.

use super::{Data, Grade};
use crate::answers::{number, points};
use crate::{Assignment, Standing, Verdict};
use std::fmt::Write;

/// Feedback in Markdown for one student.
#[must_use]
pub fn feedback(assignment: &Assignment, grade: &Grade) -> String {
    let mut text = format!("# {}\n\nStudent: {}\n\n", one_line(&assignment.title), one_line(&grade.student));
    let _ = write!(
        text,
        "The submission is **{}**: {} of {} by claims",
        grade.standing.words(),
        number(grade.points()),
        points(assignment.points())
    );
    let by_hand = assignment.points_by_hand();
    if by_hand > 0.0 {
        let _ = write!(text, "; {} more are graded by hand", points(by_hand));
    }
    text.push_str(".\n\n");
    for finding in &grade.findings {
        let _ = writeln!(text, "- {}: {}", finding.mark(), reports::markdown::escape(&finding.words));
    }
    if !grade.findings.is_empty() {
        text.push('\n');
    }
    if grade.standing != Standing::Sound {
        text.push_str("Nothing is given for claims before a person has looked at it.\n\n");
    }
    for claim in &grade.claims {
        claim_feedback(&mut text, assignment, claim);
    }
    for question in &grade.questions {
        let answer = if question.answer.is_empty() { "No answer." } else { &question.answer };
        // A lone carriage return would end the line, and with it the quotation.
        let lines = answer.split(['\n', '\r']).map(|line| format!("> {}", one_line(line)));
        let answer = lines.collect::<Vec<_>>().join("\n");
        let _ = write!(
            text,
            "## {} (by hand, {})\n\n{}\n\n{answer}\n\n",
            question.id,
            points(question.of),
            question.text.trim()
        );
    }
    text.trim_end().to_owned() + "\n"
}

fn claim_feedback(text: &mut String, assignment: &Assignment, claim: &super::ClaimGrade) {
    let verdict = claim.decision.verdict.words();
    let _ = write!(
        text,
        "## {}: {verdict}, {} of {}\n\n{}\n\nThe data: {}.\n",
        claim.id,
        number(claim.points),
        points(claim.of),
        claim.text.trim(),
        one_line(&claim.decision.words)
    );
    if let (Data::Recorded, Some(recorded)) = (claim.data, &assignment.recorded) {
        let share = reports::units::asked_percent(recorded.share);
        let _ = writeln!(
            text,
            "These are the recorded data of {}, which earn {share} of the points.",
            one_line(&recorded.machine)
        );
    }
    if let Some(said) = &claim.feedback {
        let _ = write!(text, "\n{}\n", said.trim());
    }
    text.push('\n');
}

/// The class as CSV: a line for each submission, a column for each claim.
#[must_use]
pub fn class_table(assignment: &Assignment, grades: &[Grade]) -> String {
    let head = ["student", "standing", "points", "of", "by_hand", "data", "backends"];
    let claims = assignment.claims.iter().map(|claim| claim.id.as_str());
    let mut rows = vec![head.into_iter().chain(claims).chain(["findings"]).map(field).collect::<Vec<_>>()];
    for grade in grades {
        let recorded = grade.claims.iter().filter(|claim| claim.data == Data::Recorded).count();
        let data = match recorded {
            0 => "own",
            all if all == grade.claims.len() => "recorded",
            _ => "own and recorded",
        };
        let mut row = vec![
            field(&grade.student),
            field(grade.standing.words()),
            number(grade.points()),
            number(assignment.points()),
            number(assignment.points_by_hand()),
            field(data),
            field(&grade.backends.join(" ")),
        ];
        row.extend(grade.claims.iter().map(|claim| field(short(claim.decision.verdict))));
        let findings: Vec<&str> = grade.findings.iter().map(|it| it.words.as_str()).collect();
        row.push(field(&findings.join("; ")));
        rows.push(row);
    }
    rows.into_iter().map(|row| row.join(",") + "\n").collect()
}

const fn short(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not met",
        Verdict::Undecided => "undecided",
        Verdict::TooFew => "too few blocks",
        Verdict::NoData => "no data",
    }
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A field of CSV that no spreadsheet takes for a formula.
fn field(text: &str) -> String {
    let text = one_line(text);
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

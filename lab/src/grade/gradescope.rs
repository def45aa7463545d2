//! `results.json` as Gradescope's autograders hand it over.

use super::{Data, Grade};
use crate::Verdict;
use crate::answers::points;
use serde_json::{Value, json};

/// The document: a test for each claim with its score, and one without a score for each question that a person grades.
#[must_use]
pub fn gradescope(grade: &Grade) -> Value {
    let claims = grade.claims.iter().enumerate().map(|(place, claim)| {
        let data = if claim.data == Data::Recorded { " (recorded data)" } else { "" };
        let said = claim.feedback.as_ref().map_or_else(String::new, |words| format!("\n{words}"));
        let passed = claim.decision.verdict == Verdict::Met && claim.points > 0.0;
        json!({
            "name": claim.id,
            "number": (place + 1).to_string(),
            "score": claim.points,
            "max_score": claim.of,
            "status": if passed { "passed" } else { "failed" },
            "output": format!(
                "{}\n{}{data}: {}{said}",
                claim.text, claim.decision.verdict.words(), claim.decision.words
            ),
            "output_format": "text",
            "visibility": "visible",
        })
    });
    let questions = grade.questions.iter().map(|question| {
        let answer = if question.answer.is_empty() { "no answer" } else { &question.answer };
        json!({
            "name": format!("{}: to be graded by hand, {}", question.id, points(question.of)),
            "output": format!("{}\n\n{answer}", question.text.trim()),
            "output_format": "text",
            "visibility": "visible",
        })
    });
    let findings: Vec<String> =
        grade.findings.iter().map(|it| format!("{}: {}", it.standing.words(), it.words)).collect();
    json!({
        "score": grade.points(),
        "output": format!("The submission is {}.\n{}", grade.standing.words(), findings.join("\n")).trim_end(),
        "output_format": "text",
        "visibility": "visible",
        "tests": claims.chain(questions).collect::<Vec<_>>(),
    })
}

//! The sheet of answers: made of the template, filled in by the student, read back.
//!
//! An answer stands between two comments of Markdown, so that a rendered sheet has none of the machinery.

use crate::{Assignment, Student};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the questions go in a template; without it they go to its end.
const QUESTIONS: &str = "{questions}";
const BEGIN: &str = "<!-- answer: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end of answer -->";

/// The sheet that a student fills in: the template with its places filled, and a section for each question.
#[must_use]
pub fn sheet(template: &str, assignment: &Assignment, student: &Student) -> String {
    let mut questions = String::new();
    for question in &assignment.questions {
        let _ = write!(
            questions,
            "## {} ({})\n\n{}\n\n{BEGIN}{}{CLOSE}\n\n{END}\n\n",
            question.id,
            points(question.points),
            question.text.trim(),
            question.id
        );
    }
    let parameters = student.overrides(&assignment.id, &assignment.parameters).join(", ");
    let parameters = if parameters.is_empty() { "none".to_owned() } else { parameters };
    let filled = template
        .replace("{student}", student.as_str())
        .replace("{assignment}", &assignment.id.name)
        .replace("{seed}", &student.seed(&assignment.id).to_string())
        .replace("{parameters}", &parameters);
    if filled.contains(QUESTIONS) {
        filled.replacen(QUESTIONS, questions.trim_end(), 1)
    } else {
        format!("{}\n\n{}", filled.trim_end(), questions)
    }
}

/// The answers in a sheet by question, those without a word among them as empty texts; questions whose place is gone are
/// missing.
#[must_use]
pub fn answers_in(sheet: &str) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for part in sheet.split(BEGIN).skip(1) {
        let Some((id, rest)) = part.split_once(CLOSE) else { continue };
        let answer = rest.split(END).next().unwrap_or_default().trim();
        answers.entry(id.trim().to_owned()).or_insert_with(|| answer.to_owned());
    }
    answers
}

/// `1 point`, `2.5 points`.
pub(crate) fn points(points: f64) -> String {
    let plural = if (points - 1.0).abs() < 1e-9 { "" } else { "s" };
    format!("{} point{plural}", number(points))
}

/// Points without noughts behind.
pub(crate) fn number(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::tests::small;

    #[test]
    fn what_is_filled_in_is_read_back() {
        let assignment = small();
        let student = Student::new("s1").unwrap();
        let sheet = sheet("# {student}, {parameters}\n\n{questions}\n\nThe end.\n", &assignment, &student);
        assert!(sheet.starts_with("# s1, generators.caller.size="), "{sheet}");
        assert!(sheet.ends_with("The end.\n"), "{sheet}");
        assert_eq!(answers_in(&sheet), BTreeMap::from([("why".to_owned(), String::new())]));
        let filled = sheet.replace("<!-- answer: why -->\n", "<!-- answer: why -->\nBecause.\n\nReally.\n");
        assert_eq!(answers_in(&filled)["why"], "Because.\n\nReally.");
        let without_end = filled.replace(END, "");
        assert!(answers_in(&without_end)["why"].starts_with("Because."));
        assert!(answers_in("nothing").is_empty());
        assert!(super::sheet("# A", &assignment, &student).contains("## why (4 points)"));
    }

    #[test]
    fn points_are_written_as_people_do() {
        assert_eq!([1.0, 2.5, 0.0, 10.0].map(points), ["1 point", "2.5 points", "0 points", "10 points"]);
    }
}

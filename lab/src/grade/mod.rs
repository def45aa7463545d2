//! What a submission earns: each claim held against the data, with what it rests on.
//!
//! Points are given for a claim that is met by a sound submission; what is incomplete or refused shows what its data say,
//! where they can be read, and earns nothing before a person has looked. Questions are a person's.

mod gradescope;
mod render;

pub use gradescope::gradescope;
pub use render::{class_table, feedback};

use crate::claims::{Decision, Evidence, Verdict, decide, samples};
use crate::{Assignment, Claim, Examination, Finding, Standing, backends};

/// Whose data a claim was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// The student's.
    Own,
    /// Those that the assignment has.
    Recorded,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimGrade {
    /// Its name.
    pub id: String,
    /// The statement.
    pub text: String,
    /// What the data say, and the figures.
    pub decision: Decision,
    /// Whose data.
    pub data: Data,
    /// What it earned.
    pub points: f64,
    /// What it is worth.
    pub of: f64,
    /// What the instructor says to it.
    pub feedback: Option<String>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionGrade {
    /// Its name.
    pub id: String,
    /// What was asked.
    pub text: String,
    /// The answer; empty where there is none.
    pub answer: String,
    /// What it is worth.
    pub of: f64,
}

/// A graded submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// Whose it is; the file's name where it does not say.
    pub student: String,
    /// What it is worth looking at.
    pub standing: Standing,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// With what its runs were observed, each once.
    pub backends: Vec<String>,
    /// The claims.
    pub claims: Vec<ClaimGrade>,
    /// The questions.
    pub questions: Vec<QuestionGrade>,
}

impl Grade {
    /// What the claims earned.
    #[must_use]
    pub fn points(&self) -> f64 {
        self.claims.iter().map(|claim| claim.points).sum()
    }

    /// Adds something that was found, as that there are two submissions of one student.
    pub fn find(&mut self, standing: Standing, words: String) {
        self.findings.push(Finding { standing, words });
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.standing));
        if standing > self.standing {
            self.standing = standing;
        }
        if standing != Standing::Sound {
            self.claims.iter_mut().for_each(|claim| claim.points = 0.0);
        }
    }
}

/// Grades a submission; `recorded` are the runs that the assignment has, if any.
#[must_use]
pub fn grade(assignment: &Assignment, recorded: &Evidence, examination: Examination) -> Grade {
    let standing = examination.standing();
    let Examination { submission, findings, runs, answers, .. } = examination;
    let mut seen: Vec<String> = runs.iter().flat_map(|run| backends(&run.manifest)).collect();
    seen.sort();
    seen.dedup();
    let own = Evidence::of(runs);
    let claims = assignment.claims.iter().map(|claim| {
        let (decision, data) = decision(claim, (&own, recorded), submission.recorded);
        let points =
            if standing == Standing::Sound { earned(assignment, claim, (&decision, data)) } else { 0.0 };
        ClaimGrade {
            id: claim.id.clone(),
            text: claim.text.clone(),
            feedback: said(claim, decision.verdict),
            decision,
            data,
            points,
            of: claim.points,
        }
    });
    let claims = claims.collect();
    let question = |question: &crate::Question| QuestionGrade {
        id: question.id.clone(),
        text: question.text.clone(),
        answer: answers.get(&question.id).cloned().unwrap_or_default(),
        of: question.points,
    };
    let questions = assignment.questions.iter().map(question).collect();
    Grade { student: submission.student.to_string(), standing, findings, backends: seen, claims, questions }
}

/// A submission that could not be read.
#[must_use]
pub fn refused(assignment: &Assignment, name: &str, words: String) -> Grade {
    let claim = |claim: &Claim| ClaimGrade {
        id: claim.id.clone(),
        text: claim.text.clone(),
        decision: Decision { verdict: Verdict::NoData, words: "the submission could not be read".to_owned() },
        data: Data::Own,
        points: 0.0,
        of: claim.points,
        feedback: None,
    };
    Grade {
        student: name.to_owned(),
        standing: Standing::Refused,
        findings: vec![Finding { standing: Standing::Refused, words }],
        backends: vec![],
        claims: assignment.claims.iter().map(claim).collect(),
        questions: vec![],
    }
}

/// The student's own data where they can tell, else those of the assignment.
fn decision(
    claim: &Claim,
    (own, recorded): (&Evidence, &Evidence),
    wants_recorded: bool,
) -> (Decision, Data) {
    let of_own = from(claim, own);
    // Only who measured, and could not measure this, is helped out.
    let is_helped = wants_recorded || !own.is_empty() && of_own.verdict == Verdict::NoData;
    if is_helped && !recorded.is_empty() {
        let of_recorded = from(claim, recorded);
        if of_recorded.verdict != Verdict::NoData {
            return (of_recorded, Data::Recorded);
        }
    }
    (of_own, Data::Own)
}

pub(crate) fn from(claim: &Claim, evidence: &Evidence) -> Decision {
    match samples(&claim.relation, evidence) {
        Ok((samples, seen)) => {
            let decision = decide(claim, &samples);
            Decision { words: format!("{}, {seen}", decision.words), ..decision }
        }
        Err(words) => Decision { verdict: Verdict::NoData, words },
    }
}

fn earned(assignment: &Assignment, claim: &Claim, (decision, data): (&Decision, Data)) -> f64 {
    let share = match decision.verdict {
        Verdict::Met => 1.0,
        Verdict::Undecided => assignment.undecided,
        Verdict::NotMet | Verdict::TooFew | Verdict::NoData => 0.0,
    };
    let recorded = assignment.recorded.as_ref().map_or(0.0, |it| it.share);
    claim.points * share * if data == Data::Recorded { recorded } else { 1.0 }
}

fn said(claim: &Claim, verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Met => claim.feedback.met.clone(),
        Verdict::NotMet => claim.feedback.not_met.clone(),
        Verdict::Undecided | Verdict::TooFew | Verdict::NoData => claim.feedback.undecided.clone(),
    }
}

#[cfg(test)]
mod tests;

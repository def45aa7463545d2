//! An assignment: what is measured, what is asked, and which claims about the figures are graded.
//!
//! `wire` is the file as written, this module what it means once it is known to be right, `build` the way from one to the
//! other, `check` what only the scenarios can tell.

mod build;
mod check;
mod problems;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

pub use check::ScenarioFacts;
pub use problems::Problems;

use reports::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use store::Vantage;

/// Which assignment it is: what seeds and parameters are derived from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentId {
    /// Its name.
    pub name: String,
    /// Its edition: another one, as of another term, has other seeds.
    pub edition: String,
}

impl AssignmentId {
    /// Whether a text may be a name or an edition: it can be a file's, a column's and a line's.
    pub(crate) fn is_name(text: &str) -> bool {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_fine)
    }
}

/// An assignment, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Which it is.
    pub id: AssignmentId,
    /// Its heading.
    pub title: String,
    /// Versions of the runner that it was tested with.
    pub tested_with: Vec<String>,
    /// The hand-out's file.
    pub handout: String,
    /// The template of the sheet of answers.
    pub answers: String,
    /// Names of its scenarios, each the file `NAME.toml`.
    pub scenarios: Vec<String>,
    /// What differs from student to student.
    pub parameters: Vec<Parameter>,
    /// The recorded data set, where there is one.
    pub recorded: Option<Recorded>,
    /// The share of a claim's points that whole data earn which cannot decide it, 0 to 1.
    pub undecided: f64,
    /// What a person grades.
    pub questions: Vec<Question>,
    /// What is graded by the data.
    pub claims: Vec<Claim>,
    places: Places,
}

/// Where in the text something stands that can only be judged later.
#[derive(Clone, Debug, Default, PartialEq)]
struct Places {
    scenarios: Vec<Range<usize>>,
    parameters: Vec<Range<usize>>,
    claims: Vec<Range<usize>>,
}

/// A value of the scenarios that differs from student to student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The value that it replaces, as `--set` takes it.
    pub path: String,
    /// What it may be; each student has one of them.
    pub values: Vec<String>,
}

impl Parameter {
    #[cfg(test)]
    pub(crate) fn new(name: &str, path: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Self { name: name.to_owned(), path: path.to_owned(), values }
    }
}

/// Runs that were recorded for those whose machine cannot probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The folder with one run of each scenario that is recorded.
    pub folder: String,
    /// The machine, in words.
    pub machine: String,
    /// The share of a claim's points that they earn, 0 to 1.
    pub share: f64,
}

/// A question that a person grades.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its name.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// What it is worth.
    pub points: f64,
}

/// A statement about figures that data can decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its name.
    pub id: String,
    /// The statement in words.
    pub text: String,
    /// What it is worth.
    pub points: f64,
    /// The statement.
    pub relation: Relation,
    /// What a difference may be that counts as none, as a share.
    pub tolerance: f64,
    /// What is said besides.
    pub feedback: Feedback,
}

/// What an instructor says to a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// To *met*.
    pub met: Option<String>,
    /// To *not met*.
    pub not_met: Option<String>,
    /// To *not decidable*.
    pub undecided: Option<String>,
}

/// What a claim states.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// How one figure is to another.
    Compare {
        /// What is spoken of.
        left: Side,
        /// What it is set against.
        right: Side,
        /// How it is to that.
        how: Compared,
    },
    /// How a figure goes along a factor's levels, in the scenario's order.
    Along {
        /// The figure, without a level of the factor.
        side: Side,
        /// The factor.
        factor: String,
        /// How it goes.
        shape: Shape,
    },
    /// How large a share is.
    Bounded {
        /// Of what.
        side: Side,
        /// On which side of the limit it is.
        bound: Bound,
        /// The limit, 0 to 1.
        limit: f64,
    },
}

/// How a figure is to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compared {
    /// More, by more than the tolerance.
    More,
    /// Less, by more than the tolerance.
    Less,
    /// The same, within the tolerance.
    Same,
    /// So many times as much, the limits widened by the tolerance.
    Times {
        /// At least.
        low: f64,
        /// At most.
        high: f64,
    },
}

/// How a figure goes along a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It rises from first to last, and never falls by more than the tolerance.
    Rising,
    /// It falls from first to last, and never rises by more than the tolerance.
    Falling,
    /// It never turns.
    Monotonic,
    /// It rises at one step and falls at another.
    NotMonotonic,
}

/// On which side of a limit something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Not above.
    AtMost,
    /// Not below.
    AtLeast,
}

/// A figure of one cell, or of several together.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The scenario's name.
    pub scenario: String,
    /// The system call.
    pub syscall: String,
    /// Which figure of it.
    pub measured: Measured,
    /// Who saw it.
    pub view: View,
    /// Levels by factor; where several cells have them, they are taken together.
    pub levels: BTreeMap<String, String>,
}

/// What is measured of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A figure of its latency.
    Latency(Metric),
    /// The share of entered calls of which nothing more was seen.
    Lost,
}

/// Whose view a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// One of the two.
    Of(Vantage),
    /// The kernel's where all that is needed was seen there, else the callers'.
    Any,
}

impl Assignment {
    /// Reads and validates an assignment; the name is for messages only.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        build::assignment(text).map_err(|found| Problems::new(name, text, found))
    }

    /// Holds claims and parameters against what the scenarios are; `name` and `text` are those of [`Self::parse`].
    pub fn check(&self, (name, text): (&str, &str), scenarios: &[ScenarioFacts]) -> Result<(), Problems> {
        let found = check::check(self, scenarios);
        if found.is_empty() { Ok(()) } else { Err(Problems::new(name, text, found)) }
    }

    /// What the claims are worth together.
    #[must_use]
    pub fn points(&self) -> f64 {
        self.claims.iter().map(|claim| claim.points).sum()
    }

    /// What the questions are worth together.
    #[must_use]
    pub fn points_by_hand(&self) -> f64 {
        self.questions.iter().map(|question| question.points).sum()
    }
}

impl Relation {
    /// The figures that it is about.
    #[must_use]
    pub fn sides(&self) -> Vec<&Side> {
        match self {
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Along { side, .. } | Self::Bounded { side, .. } => vec![side],
        }
    }
}

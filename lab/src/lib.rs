//! Assignments, submissions, and how claims about runs are graded.
//!
//! Owns the language of an assignment ([`Assignment`]), the bundle that assignments and submissions travel in
//! ([`bundle`]), the judgement of a submission ([`examine`]) and of its claims ([`grade`]). Everything is a function of
//! values but what packs and unpacks bundles and opens the runs in them. Measures nothing, prints nothing, and knows of a
//! scenario only what its caller tells ([`ScenarioFacts`], [`Order`]): so grading needs neither rights nor a probe.

mod anonymise;
mod answers;
mod assignment;
pub mod bundle;
mod calibrate;
mod claims;
mod error;
mod examine;
mod grade;
mod student;

pub use anonymise::{Names, anonymise};
pub use answers::{answers_in, sheet};
pub use assignment::{
    Assignment, AssignmentId, Bound, Claim, Compared, Feedback, Measured, Parameter, Problems, Question,
    Recorded, Relation, ScenarioFacts, Shape, Side, View,
};
pub use calibrate::{Calibration, DRAWS, GOAL, calibrate};
pub use claims::{Decision, Evidence, Samples, Slots, Verdict, decide, samples};
pub use error::LabError;
pub use examine::{
    ANSWERS, Copy, Examination, Finding, Order, RUNS, Standing, Submission, SubmittedRun, backends, examine,
    loss_findings,
};
pub use grade::{ClaimGrade, Data, Grade, QuestionGrade, class_table, feedback, grade, gradescope, refused};
pub use student::Student;

//! `runner lab verify`: whether a submission is whole, and the student's own as far as can be told.

use super::received::received;
use super::{FORGERY, Unpacked, observed, print};
use crate::cli::LabVerifyArguments;
use crate::failure::Failure;
use ::lab::Standing;
use std::fmt::Write;
use std::process::ExitCode;

/// A line for each thing that was found; 1 where something is missing or wrong.
pub(super) fn verify(arguments: &LabVerifyArguments) -> Result<ExitCode, Failure> {
    let assignment = arguments.assignment.as_deref().map(Unpacked::of_bundle).transpose()?;
    let examination = received(&arguments.file, assignment.as_ref())?;
    let (submission, id) = (&examination.submission, &examination.assignment);
    let mut text = format!(
        "{}: {} of {}, edition {}\n",
        arguments.file.display(),
        id.name,
        submission.student,
        id.edition
    );
    for run in &examination.runs {
        text.push_str(&observed(run));
    }
    for finding in &examination.findings {
        let _ = writeln!(text, "{}: {}", finding.mark(), finding.words);
    }
    let standing = examination.standing();
    let _ = writeln!(text, "The submission is {}.\n{FORGERY}", standing.words());
    print(&text)?;
    Ok(if standing == Standing::Sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

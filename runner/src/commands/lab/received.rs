//! A submission as it came in: unpacked where nobody else writes, and examined.

use super::super::scratch;
use super::super::verify::order_by;
use super::Unpacked;
use crate::failure::Failure;
use ::lab::bundle::{Kind, Limits, unpack};
use ::lab::{Examination, LabError, examine};
use std::path::Path;
use store::Run;

/// Unpacks a submission, examines it and removes the files again: what is left are values.
pub(super) fn received(bundle: &Path, assignment: Option<&Unpacked>) -> Result<Examination, Failure> {
    let place = scratch(None)?;
    let index = unpack(bundle, place.path(), Kind::Submission, Limits::USUAL)?;
    let Some(submission) = index.submission.clone() else {
        let reason = "it does not say whose it is".to_owned();
        return Err(LabError::Refused { path: bundle.to_owned(), reason }.into());
    };
    let copy = assignment.map(|it| (&it.assignment, it.folder.as_path(), it.file.as_str()));
    Ok(examine(place.path(), (&index, submission), copy, &order))
}

/// Most lines that are told of an order that is another one.
const MOST: usize = 3;

fn order(run: &Run, text: &str) -> Vec<String> {
    let mut findings = order_by(run, text);
    let more = findings.len().saturating_sub(MOST);
    findings.truncate(MOST);
    if more > 0 {
        findings.push(format!("and {more} more places of the order are not the student's"));
    }
    findings
}

//! `runner doctor`: what this machine can measure, and how to mend what it cannot.

use super::{colour, generator, print};
use crate::cli::DoctorArguments;
use crate::doctor::{Examination, Seen, text};
use crate::failure::Failure;
use std::io::stdout;
use std::process::ExitCode;

/// Looks, and says what was found; 1 when the kernel's side cannot be measured or no scenario executed.
pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let seen = Seen::here(&arguments.runs_dir.runs_dir, generator())?;
    let examination = Examination::of(&seen);
    if arguments.json {
        let document = serde_json::to_string_pretty(&examination).map_err(|error| Failure::failed(&error))?;
        print(&format!("{document}\n"))?;
    } else {
        print(&text(&examination, colour(&stdout())))?;
    }
    Ok(if examination.able() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

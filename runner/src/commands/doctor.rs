//! `runner doctor`: what this machine can measure, and how to mend what it cannot.

use super::{colour, generator, print};
use crate::cli::DoctorArguments;
use crate::doctor::{Examination, Manner, Seen, text};
use crate::failure::Failure;
use crate::settings;
use std::io::stdout;
use std::process::ExitCode;

/// Looks, and says what was found; 1 when the kernel's side cannot be measured or no scenario executed.
pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    if arguments.restore {
        return restore();
    }
    let seen = Seen::here(&arguments.runs_dir.runs_dir, generator())?;
    let examination = Examination::of(&seen);
    if arguments.json {
        let document = serde_json::to_string_pretty(&examination).map_err(|error| Failure::failed(&error))?;
        print(&format!("{document}\n"))?;
    } else {
        let manner = Manner { explain_all: arguments.explain, colour: colour(&stdout()) };
        print(&text(&examination, manner))?;
    }
    Ok(if examination.able() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Restores what a killed run has left changed, and says so, setting by setting; 1 where some could not be.
fn restore() -> Result<ExitCode, Failure> {
    let root = settings::root();
    let restored = settings::restore_left(&root);
    let pending = settings::pending(&root);
    let mut lines: Vec<&str> = restored.iter().map(|it| it.words.as_str()).collect();
    if lines.is_empty() {
        lines.push(match &pending {
            Some(it) if it.is_held => "a run is under way that will restore the machine's settings itself",
            Some(_) => {
                "only root may restore the machine's settings: `sudo \"$(command -v runner)\" doctor --restore`"
            },
            None => "nothing to restore",
        });
    }
    print(&(lines.join("\n") + "\n"))?;
    Ok(if pending.is_some_and(|it| !it.is_held) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

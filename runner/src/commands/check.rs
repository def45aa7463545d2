//! `runner check`: is this a scenario?

use super::{check_load_only, here, load, machine, print};
use crate::cli::CheckArguments;
use crate::failure::Failure;
use std::process::ExitCode;

/// Validates each file; says everything that is wrong with any of them.
pub(crate) fn check(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let machine = machine();
    let mut refused = Vec::new();
    for path in &arguments.scenarios {
        let checked = load(path, &[], &machine)
            .and_then(|scenario| check_load_only(&scenario, &machine).map(|()| scenario));
        match checked {
            Ok(scenario) => {
                print(&crate::scenario::check_text(&scenario))?;
                here::warn(&scenario, &machine);
            }
            Err(Failure::Usage(text)) => refused.push(text),
            Err(other) => return Err(other),
        }
    }
    if refused.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Failure::Usage(refused.join("\n"))) }
}

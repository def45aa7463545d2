//! `runner new`: a scenario to begin with.

use super::{machine, print};
use crate::cli::NewArguments;
use crate::failure::Failure;
use crate::scenario::{Name, beginning};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// Where a file in a folder beside `schema/` finds the schema.
const SCHEMA: &str = "../schema/scenario.json";

/// Writes `NAME.toml` here; one that is there already is left as it is.
pub(crate) fn new(arguments: &NewArguments) -> Result<ExitCode, Failure> {
    let refuse = |words: &str| Failure::Usage(format!("{:?}: {words}", arguments.name));
    let name = arguments.name.strip_suffix(".toml").unwrap_or(&arguments.name);
    let name = Name::new(name).ok_or_else(|| refuse("a name is 1 to 64 letters, digits, `_` or `-`"))?;
    let path = format!("{name}.toml");
    let text = beginning(&name, Path::new(SCHEMA).is_file().then_some(SCHEMA));
    let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::Usage(format!("{path} is there already; take another name")),
        _ => Failure::Failed(format!("cannot write {path}: {error}")),
    })?;
    // What was written has to be a scenario on this machine, too.
    super::load(Path::new(&path), &[], &machine())?;
    print(&format!("{path}\n"))?;
    Ok(ExitCode::SUCCESS)
}

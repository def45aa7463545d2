//! `runner new`: a scenario to begin with, and which ones are shipped.

use super::{machine, print};
use crate::cli::NewArguments;
use crate::failure::Failure;
use crate::scenario::{Name, SHIPPED, Shipped, beginning, did_you_mean};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// Where a file in a folder beside `schema/` finds the schema.
const SCHEMA: &str = "../schema/scenario.json";

/// Writes `NAME.toml` here; one that is there already is left as it is. Or lists what is shipped.
pub(crate) fn new(arguments: &NewArguments) -> Result<ExitCode, Failure> {
    let Some(asked) = &arguments.name else { return list() };
    let refuse = |words: &str| Failure::Usage(format!("{asked:?}: {words}"));
    let name = asked.strip_suffix(".toml").unwrap_or(asked);
    let name = Name::new(name).ok_or_else(|| refuse("a name is 1 to 64 letters, digits, `_` or `-`"))?;
    let schema = Path::new(SCHEMA).is_file().then_some(SCHEMA);
    let text = match &arguments.from {
        Some(from) => shipped(from)?.renamed(&name, schema),
        None => beginning(&name, schema),
    };
    let path = format!("{name}.toml");
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

fn list() -> Result<ExitCode, Failure> {
    let width = SHIPPED.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let line = |it: &Shipped| format!("{:<width$}  {}\n", it.name, it.summary());
    print(&SHIPPED.iter().map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn shipped(name: &str) -> Result<&'static Shipped, Failure> {
    let known = || SHIPPED.iter().map(|it| it.name);
    Shipped::find(name).ok_or_else(|| {
        let guess = did_you_mean(name, known()).map(|guess| format!("{guess} ")).unwrap_or_default();
        let known = known().collect::<Vec<_>>().join(", ");
        Failure::Usage(format!("--from {name:?}: no such scenario is shipped; {guess}there are {known}"))
    })
}

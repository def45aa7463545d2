//! `runner schema`: the scenario language for editors and for readers.

use super::print;
use crate::cli::{SchemaArguments, SchemaFormat};
use crate::failure::Failure;
use crate::scenario::{reference, schema};
use std::process::ExitCode;

/// Prints the language.
pub(crate) fn schema_of(arguments: &SchemaArguments) -> Result<ExitCode, Failure> {
    print(&match arguments.format {
        SchemaFormat::Json => schema(),
        SchemaFormat::Markdown => reference(),
    })?;
    Ok(ExitCode::SUCCESS)
}

//! Scenarios: from TOML to validated types ([`Scenario`]) and from there to a [`Plan`].
//!
//! Everything is pure but [`read`] and [`read_file`]: nothing is printed, no machine is asked. What a machine decides
//! (how many CPUs, how much memory, which options its stress-ng knows) is a parameter.

mod build;
mod cells;
mod diagnostic;
mod effects;
mod language;
mod memory;
mod model;
mod named;
mod overrides;
mod plan;
mod programs;
mod settings;
mod shard;
mod shipped;
mod stress_ng;
mod text;
mod units;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use build::MAX_TRIALS;
pub(crate) use cells::Cell;
pub(crate) use diagnostic::Diagnostics;
pub(crate) use diagnostic::did_you_mean;
pub(crate) use effects::Effects;
pub(crate) use language::{reference, schema};
pub(crate) use memory::Room;
pub(crate) use model::{
    FactorDecl, Given, LoadLevel, LoadProgram, Machine, Name, ProbeRequest, Scenario, Scope, StopRule, Window,
};
pub(crate) use named::read;
pub(crate) use overrides::Override;
pub(crate) use plan::{Estimate, Overheads, Plan, PlannedTrial, second_begins};
pub(crate) use programs::{Program, Until};
pub(crate) use settings::{CpuList, MachineRequest};
pub(crate) use shard::shard_words;
pub(crate) use shipped::{SHIPPED, Shipped};
pub(crate) use stress_ng::StressNg;
pub(crate) use text::{PlanDocument, check_text, counted, longest, plan_document, plan_text, warnings};
pub(crate) use units::duration;

use diagnostic::{Diagnostic, Source};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest scenario file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A scenario to begin with, of this name; `schema` is where the editors' schema is, if that is known.
pub(crate) fn beginning(name: &Name, schema: Option<&str>) -> String {
    let text = include_str!("template.toml").replace("NAME.toml", &format!("{name}.toml"));
    let text = text.replace("name = \"NAME\"", &format!("name = \"{name}\""));
    with_schema(&text, schema)
}

/// A scenario's text with the line that tells editors where the schema is, if that is known.
fn with_schema(text: &str, schema: Option<&str>) -> String {
    let line = schema.map(|path| format!("#:schema {path}\n"));
    line.unwrap_or_default() + text
}

impl Scenario {
    /// Reads, overrides and validates a scenario; the path is for messages only.
    pub(crate) fn parse(
        path: &Path,
        text: &str,
        overrides: &[Override],
        machine: &Machine,
    ) -> Result<Self, Diagnostics> {
        let file = Source { name: path.display().to_string(), text: text.to_owned() };
        let given = overrides.iter().map(|o| Source { name: o.option.clone(), text: o.assignment.clone() });
        let sources: Vec<Source> = std::iter::once(file).chain(given).collect();
        let mut root = match wire::parse(text, 0) {
            Ok(root) => root,
            Err(problem) => return Err(Diagnostics::new(sources, vec![problem])),
        };
        let refused: Vec<Diagnostic> = overrides
            .iter()
            .enumerate()
            .filter_map(|(index, o)| overrides::apply(&mut root, &o.assignment, index + 1).err())
            .collect();
        if !refused.is_empty() {
            return Err(Diagnostics::new(sources, refused));
        }
        build::scenario(&root, &sources, machine).map_err(|found| Diagnostics::new(sources, found))
    }
}

/// Reads the text of a scenario file.
pub(crate) fn read_file(path: &Path) -> Result<String, Diagnostics> {
    let refuse = |problem: Diagnostic| Diagnostics::of_file(&path.display().to_string(), problem);
    let unreadable = |error: std::io::Error| {
        let problem = Diagnostic::general(format!("cannot be read: {}", reason(&error)));
        refuse(match error.kind() {
            std::io::ErrorKind::NotFound => problem.help(named::instead_of(path)),
            _ => problem,
        })
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refuse(Diagnostic::general("is not a file")));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refuse(Diagnostic::general("is larger than 1 MiB, which no scenario needs to be")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        let problem = Diagnostic::general(format!("is not UTF-8 text: line {line} has bytes that are none"));
        refuse(problem.help("save it as UTF-8"))
    })
}

/// The reason of an error without the number that the standard library appends.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

//! One file per verb: arguments in, work done by the modules, what is printed, exit code out. Only here is anything
//! printed to standard output.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod run;

use crate::cli::ScenarioArguments;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::scenario::{Machine, Override, Scenario};
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use store::Owner;

/// Prints to standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let written = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The machine as far as scenarios depend on it.
pub(crate) fn machine() -> Machine {
    let observed = crate::environment::observe();
    Machine { cpus: observed.cpus.max(1) as usize, memory_bytes: observed.memory_bytes }
}

/// Reads, overrides and validates a scenario.
pub(crate) fn scenario(arguments: &ScenarioArguments, machine: &Machine) -> Result<Scenario, Failure> {
    let mut overrides: Vec<_> = arguments.overrides.iter().map(|set| Override::set(set)).collect();
    let repetitions = arguments.repetitions.map(|n| n.to_string());
    overrides.extend(repetitions.map(|n| Override::option("--repetitions", "plan.repetitions", &n)));
    let seed = arguments.seed.map(|seed| seed.to_string());
    overrides.extend(seed.map(|seed| Override::option("--seed", "plan.seed", &seed)));
    load(&arguments.scenario, &overrides, machine)
}

/// Reads and validates the scenario in a file.
pub(crate) fn load(path: &Path, overrides: &[Override], machine: &Machine) -> Result<Scenario, Failure> {
    let text = crate::scenario::read_file(path).map_err(|found| usage(&found))?;
    Scenario::parse(path, &text, overrides, machine).map_err(|found| usage(&found))
}

/// The `generator` binary: beside this one, else on the PATH.
pub(crate) fn generator() -> Result<PathBuf, Failure> {
    let mine = std::env::current_exe().map_err(|error| Failure::failed(&error))?;
    let beside = mine.with_file_name("generator");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::iter::once(beside.clone())
        .chain(std::env::split_paths(&path).map(|folder| folder.join("generator")));
    candidates.into_iter().find(|candidate| candidate.is_file()).ok_or_else(|| {
        Failure::Failed(format!(
            "the generator binary is missing: it belongs at {}; install both with `just install`",
            beside.display()
        ))
    })
}

/// What is wrong with a scenario, as it is printed.
pub(crate) fn usage(diagnostics: &crate::scenario::Diagnostics) -> Failure {
    Failure::Usage(diagnostics.render(colour(&stderr())))
}

/// Whether to colour what goes to this stream.
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// To whom the files of a run belong.
pub(crate) fn owner(credentials: Option<&Credentials>) -> Option<Owner> {
    credentials.map(|user| Owner { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}

//! One file per verb: arguments in, work done by the modules, what is printed, exit code out. Only here is anything
//! printed to standard output.

mod against;
mod append;
#[cfg(test)]
mod changed;
pub(crate) mod check;
mod conclusion;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod fleet;
mod here;
mod history;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod man;
mod manifest;
pub(crate) mod merge;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod schema;
mod selection;
mod shard;
pub(crate) mod trace;
pub(crate) mod verify;

pub(crate) use selection::since;

use crate::cli::ScenarioArguments;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::fleet::quoted_path as in_command;
use crate::load as stress_ng;
use crate::progress::say_beside;
use crate::scenario::{Machine, Override, Scenario, StressNg};
use crate::scratch::Scratch;
use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use store::Owner;

/// Prints to standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let text = harmless(text);
    let written = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A text with nothing in it that a terminal would obey but lines, tabs and colours: a run from somebody else may have
/// anything in its label, and a program anything in the words by which a trial failed.
fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(|character: char| character.is_control() && !"\n\t".contains(character))
    {
        harmless.push_str(&rest[..place]);
        rest = &rest[place..];
        let colour =
            rest.strip_prefix("\u{1b}[").map(|code| code.trim_start_matches(|c| "0123456789;".contains(c)));
        if let Some(behind) = colour.and_then(|code| code.strip_prefix('m')) {
            harmless.push_str(&rest[..rest.len() - behind.len()]);
            rest = behind;
        } else {
            harmless.push('\u{fffd}');
            rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
        }
    }
    harmless + rest
}

/// A text that has no colours of ours, with nothing that a terminal would obey but lines and tabs: files are looked at in
/// terminals, too.
fn plain(text: &str) -> String {
    text.replace(|character: char| character.is_control() && !"\n\t".contains(character), "\u{fffd}")
}

/// Says a warning, which may have words of a run from somebody else in it.
fn warn(warning: &str) {
    say_beside(&harmless(&format!("warning: {warning}")));
}

/// The machine as far as scenarios depend on it.
pub(crate) fn machine() -> Machine {
    let observed = crate::environment::observe();
    Machine { cpus: observed.cpus.max(1) as usize, memory_bytes: observed.memory_bytes }
}

/// What the command line puts in the place of the scenario's values.
pub(crate) fn overrides(arguments: &ScenarioArguments) -> Vec<Override> {
    let mut overrides: Vec<_> = arguments.overrides.iter().map(|set| Override::set(set)).collect();
    // What is wrong with them is told as it is of the file's values.
    let repetitions = arguments.repetitions.as_deref();
    overrides.extend(repetitions.map(|n| Override::option("--repetitions", "plan.repetitions", n)));
    let seed = arguments.seed.as_deref();
    overrides.extend(seed.map(|seed| Override::option("--seed", "plan.seed", seed)));
    overrides
}

/// Reads and validates a scenario that is given by its file's path or by its name.
pub(crate) fn load(given: &Path, overrides: &[Override], machine: &Machine) -> Result<Scenario, Failure> {
    let (path, text) = crate::scenario::read(given).map_err(|found| usage(&found))?;
    Scenario::parse(&path, &text, overrides, machine).map_err(|found| usage(&found))
}

/// The `generator` binary: beside this one, else on the PATH.
pub(crate) fn generator() -> Result<PathBuf, Failure> {
    let mine = std::env::current_exe().map_err(|error| Failure::failed(&error))?;
    generator_of(&mine, &std::env::var_os("PATH").unwrap_or_default())
}

/// The `generator` binary of the runner at `mine`, which finds programs in `path`. That of another installation is better
/// than none: what the two say to each other, a generator that does not understand refuses.
fn generator_of(mine: &Path, path: &OsStr) -> Result<PathBuf, Failure> {
    let beside = mine.with_file_name("generator");
    let on_path = std::env::split_paths(path).map(|folder| folder.join("generator"));
    let found = std::iter::once(beside.clone()).chain(on_path).find(|candidate| candidate.is_file());
    found.ok_or_else(|| {
        Failure::Failed(format!(
            "the generator binary is missing: it belongs at {}; every package has both, and so has `just install`",
            beside.display()
        ))
    })
}

/// A folder for files that nobody keeps.
pub(crate) fn scratch(credentials: Option<&Credentials>) -> Result<Scratch, Failure> {
    let failed = |error: std::io::Error| {
        let (words, parent) = (crate::failure::chain(&error), std::env::temp_dir());
        Failure::Failed(format!(
            "cannot make a folder for temporary files in {}: {words}; TMPDIR names another place",
            parent.display()
        ))
    };
    Scratch::new(credentials).map_err(failed)
}

/// Whether the programs are there that the scenario executes.
pub(crate) fn check_programs(scenario: &Scenario) -> Result<(), Failure> {
    let missing = scenario.check_programs(is_program);
    missing.map_err(|found| Failure::Failed(found.render(colour(&stderr()))))
}

/// Whether there is a program of this name on the `PATH`, or at this path from the root.
pub(crate) fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_file = |file: PathBuf| file.is_file();
    // From the root, a name replaces the folder that it is joined to.
    std::env::split_paths(&path).any(|folder| is_file(folder.join(name)))
}

/// Whether the installed stress-ng takes what the load levels tell it. It is asked as the user as whom it would run.
/// Where none is installed, or none is needed, there is nothing to ask.
pub(crate) fn check_load(
    scenario: &Scenario,
    machine: &Machine,
    (scratch, credentials): (&Scratch, Option<&Credentials>),
) -> Result<(), Failure> {
    if !is_to_be_asked(scenario) {
        return Ok(());
    }
    let known = StressNg::new(&stress_ng::stressors().join(" "), &stress_ng::help());
    let refusal = |level: &[String]| stress_ng::validate(level, scratch.path(), credentials).err();
    scenario.check_load(&known, machine, refusal).map_err(|found| usage(&found))
}

/// Whether there is room for the memory that load levels fill. Where the kernel does not tell, there is nothing to check.
pub(crate) fn check_memory(scenario: &Scenario, machine: &Machine) -> Result<(), Failure> {
    let checked = stress_ng::room().map_or(Ok(()), |room| scenario.check_memory(machine, &room));
    checked.map_err(|found| Failure::Failed(found.render(colour(&stderr()))))
}

fn is_to_be_asked(scenario: &Scenario) -> bool {
    scenario.needs_stress_ng() && stress_ng::version().is_ok()
}

/// The same for a scenario of which nothing is to be executed.
pub(crate) fn check_load_only(scenario: &Scenario, machine: &Machine) -> Result<(), Failure> {
    if !is_to_be_asked(scenario) {
        return Ok(());
    }
    let credentials = Credentials::of_invoker();
    check_load(scenario, machine, (&scratch(credentials.as_ref())?, credentials.as_ref()))
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

#[cfg(test)]
mod tests {
    use super::{generator_of, harmless, plain};
    use std::ffi::OsStr;

    #[test]
    fn a_generator_is_taken_from_beside_the_runner_before_any_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| folder.path().join(name));
        for place in [&mine, &other] {
            std::fs::create_dir(place).unwrap();
        }
        let find = || generator_of(&mine.join("runner"), other.as_os_str());
        let words = crate::failure::chain(&find().unwrap_err());
        assert!(words.contains(&format!("it belongs at {}", mine.join("generator").display())), "{words}");
        // A folder of that name is none.
        std::fs::create_dir(mine.join("generator")).unwrap();
        std::fs::write(other.join("generator"), "").unwrap();
        assert_eq!(find().unwrap(), other.join("generator"));
        std::fs::remove_dir(mine.join("generator")).unwrap();
        std::fs::write(mine.join("generator"), "").unwrap();
        assert_eq!(find().unwrap(), mine.join("generator"));
        assert_eq!(generator_of(&mine.join("runner"), OsStr::new("")).unwrap(), mine.join("generator"));
    }

    #[test]
    fn only_lines_and_tabs_reach_a_file() {
        assert_eq!(
            plain("\u{1b}[8mhidden\u{7}\r\n\té\u{9b}"),
            "\u{fffd}[8mhidden\u{fffd}\u{fffd}\n\té\u{fffd}"
        );
    }

    #[test]
    fn only_lines_tabs_and_colours_reach_a_terminal() {
        let coloured = "\u{1b}[1;31mred\u{1b}[0m\tand\nplain, é and 量";
        assert_eq!(harmless(coloured), coloured);
        assert_eq!(harmless("a\u{1b}]0;title\u{7}b"), "a\u{fffd}]0;title\u{fffd}b");
        assert_eq!(harmless("\u{1b}[2J\r\u{9b}1m\u{1b}"), "\u{fffd}[2J\u{fffd}\u{fffd}1m\u{fffd}");
    }
}

//! Owns the short questions to stress-ng that start no load: its version, its stressors, whether it takes options.

use super::metrics::words;
use duct::cmd;
use std::io;

/// Long options that the runner sets itself, or that would have stress-ng write or read files of its own choice, with
/// the reason. Any unambiguous beginning of one means it as well.
const RESERVED: [(&str, &str); 11] = [
    ("--timeout", "a load runs until its last trial is done"),
    ("--yaml", "the runner keeps the metrics"),
    ("--metrics", "the runner keeps the metrics"),
    ("--metrics-brief", "the runner keeps the metrics"),
    ("--temp-path", "the runner chooses the scratch folder"),
    ("--job", "the options belong into the scenario"),
    ("--log-file", "the runner keeps the output"),
    ("--keep-name", "the runner tells workers by their names"),
    ("--dry-run", "the load is to run"),
    ("--stressors", "the load is to run"),
    ("--version", "the load is to run"),
];

/// The same as short options.
const RESERVED_SHORT: [(&str, &str); 6] = [
    ("-t", "--timeout"),
    ("-Y", "--yaml"),
    ("-j", "--job"),
    ("-k", "--keep-name"),
    ("-n", "--dry-run"),
    ("-V", "--version"),
];

/// What stress-ng prints on both streams, and whether it succeeded.
fn ask(arguments: impl IntoIterator<Item = String>) -> io::Result<(bool, String)> {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let output =
        cmd("stress-ng", arguments).stdin_null().stderr_to_stdout().stdout_capture().unchecked().run()?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// stress-ng's version (`0.15.06`); none when it is not installed.
pub(crate) fn version() -> Option<String> {
    let (_, text) = ask(["--version".to_owned()]).ok()?;
    let rest = text.split_once("version ")?.1;
    rest.split([' ', '\n']).next().filter(|version| !version.is_empty()).map(str::to_owned)
}

/// The names of all stressors; empty when stress-ng is not installed.
pub(crate) fn stressors() -> Vec<String> {
    match ask(["--stressors".to_owned()]) {
        Ok((true, text)) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What `stress-ng --help` prints; empty when it is not installed.
pub(crate) fn help() -> String {
    ask(["--help".to_owned()]).map(|(_, text)| text).unwrap_or_default()
}

/// Whether stress-ng takes these options, and if not, why in its own words. Starts no stressor.
pub(crate) fn validate(arguments: &[String]) -> Result<(), String> {
    if arguments.is_empty() {
        return Ok(());
    }
    if let Some((option, reason)) = arguments.iter().find_map(|argument| reserved(argument)) {
        return Err(format!("`{option}` is not for a scenario to set: {reason}"));
    }
    let (accepted, text) = ask(["--dry-run".to_owned()].into_iter().chain(arguments.iter().cloned()))
        .map_err(|error| super::LoadError::of_spawn(error).to_string())?;
    if accepted { Ok(()) } else { Err(words(&text)) }
}

/// The reserved option that an argument is, with the reason.
fn reserved(argument: &str) -> Option<(&'static str, &'static str)> {
    let name = argument.split('=').next().unwrap_or(argument);
    let long = if name.starts_with("--") {
        // Two letters are ambiguous for stress-ng itself.
        RESERVED.iter().find(|(option, _)| name.len() > 4 && option.starts_with(name))?.0
    } else {
        RESERVED_SHORT.iter().find(|(short, _)| name.starts_with(short))?.1
    };
    RESERVED.iter().find(|(option, _)| *option == long).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    #[test]
    fn options_of_the_runner_are_reserved_in_every_spelling() {
        for argument in ["--timeout", "--timeout=3", "--timeo", "-t", "-t5", "--yaml", "--job=x", "-Yx"] {
            assert!(reserved(argument).is_some(), "{argument}");
        }
        for argument in ["--cpu", "--timer", "--timerfd", "5", "-c", "--vm-bytes", "--temp", "x--job"] {
            assert_eq!(reserved(argument).is_some(), argument == "--temp", "{argument}");
        }
        assert!(validate(&strings(&["--cpu", "1", "--timeout", "3"])).unwrap_err().contains("last trial"));
    }

    #[test]
    fn a_bad_option_is_refused_in_its_own_words() {
        if version().is_none() {
            eprintln!("skipped: stress-ng is not installed");
            return;
        }
        assert_eq!(validate(&strings(&["--cpu", "1", "--vm", "1", "--vm-bytes", "40%"])), Ok(()));
        let unknown = validate(&strings(&["--cpux", "1"])).unwrap_err();
        assert!(unknown.contains("unrecognized option '--cpux'"), "{unknown}");
        let method = validate(&strings(&["--cpu", "1", "--cpu-method", "foo"])).unwrap_err();
        assert!(method.contains("cpu-method must be one of"), "{method}");
    }

    #[test]
    fn the_stressors_are_many_and_the_version_is_a_number() {
        let Some(version) = version() else {
            eprintln!("skipped: stress-ng is not installed");
            return;
        };
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        let names = stressors();
        assert!(["cpu", "vm", "io"].iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    }
}

//! Owns the short questions to stress-ng that start no load: its version, its stressors, whether it takes options.

use super::LoadError;
use super::metrics::words;
use crate::ask::Question;
use crate::credentials::Credentials;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long stress-ng may take to answer: on an idle machine it takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

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
    // Never as root on somebody's behalf: the `PATH` may be theirs.
    ask_as(Credentials::of_invoker().as_ref(), arguments)
}

/// The same as a user who need not be the runner's.
fn ask_as(
    credentials: Option<&Credentials>,
    arguments: impl IntoIterator<Item = String>,
) -> io::Result<(bool, String)> {
    let words: Vec<String> = arguments.into_iter().collect();
    let question =
        Question { program: "stress-ng", words: &words, without: "", credentials, patience: PATIENCE };
    let answer = question.ask()?.ok_or_else(|| {
        let words = format!("it did not answer within {} seconds", PATIENCE.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, words)
    })?;
    Ok((answer.status.success(), answer.said + &answer.complained))
}

/// stress-ng's version (`0.15.06`); fails when it is not installed, or does not work.
pub(crate) fn version() -> Result<String, LoadError> {
    let (_, text) = ask(["--version".to_owned()]).map_err(|error| LoadError::of_question(&error))?;
    let rest = text.split_once("version ").map(|(_, rest)| rest);
    let version = rest.and_then(|rest| rest.split([' ', '\n']).next()).filter(|version| !version.is_empty());
    let broken = || LoadError::Broken { words: format!("it does not tell its version: {}", words(&text)) };
    version.map(str::to_owned).ok_or_else(broken)
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

/// Whether stress-ng takes these options, and if not, why in its own words. Starts no stressor. Even so it wants a
/// folder that the user may write to, `scratch`, or it would look at the current one.
pub(crate) fn validate(
    arguments: &[String],
    scratch: &Path,
    credentials: Option<&Credentials>,
) -> Result<(), String> {
    if arguments.is_empty() {
        return Ok(());
    }
    if let Some((option, reason)) = arguments.iter().find_map(|argument| reserved(argument)) {
        return Err(format!("`{option}` is not for a scenario to set: {reason}"));
    }
    // Ours come first: an option that lacks its value would swallow one behind it.
    let ours = ["--dry-run".to_owned(), "--temp-path".to_owned(), scratch.display().to_string()];
    let (accepted, text) = ask_as(credentials, ours.into_iter().chain(arguments.iter().cloned()))
        .map_err(|error| LoadError::of_question(&error).to_string())?;
    match super::metrics::skipped(&text) {
        _ if !accepted => Err(words(&text)),
        Some(left_out) => Err(left_out),
        None => Ok(()),
    }
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
        let refused = validate(&strings(&["--cpu", "1", "--timeout", "3"]), Path::new("."), None);
        assert!(refused.unwrap_err().contains("last trial"));
    }

    #[test]
    fn a_bad_option_is_refused_in_its_own_words() {
        if version().is_err() {
            eprintln!("skipped: stress-ng is not installed");
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let validate = |arguments: &[&str]| validate(&strings(arguments), scratch.path(), None);
        assert_eq!(validate(&["--cpu", "1", "--vm", "1", "--vm-bytes", "40%"]), Ok(()));
        let unknown = validate(&["--cpux", "1"]).unwrap_err();
        assert!(unknown.contains("unrecognized option '--cpux'"), "{unknown}");
        let method = validate(&["--cpu", "1", "--cpu-method", "foo"]).unwrap_err();
        assert!(method.contains("cpu-method must be one of"), "{method}");
        if rustix::process::geteuid().is_root() {
            let left_out = validate(&["--cpu", "1", "--exec", "1"]).unwrap_err();
            assert!(left_out.contains("must not run as root, skipping"), "{left_out}");
        }
        let alone = validate(&["--vm-bytes"]).unwrap_err();
        assert!(alone.contains("vm-bytes"), "{alone}");
    }

    #[test]
    fn the_current_folder_need_not_be_the_users() {
        use std::os::unix::fs::PermissionsExt;
        if version().is_err() || !rustix::process::geteuid().is_root() {
            eprintln!("skipped: it takes stress-ng, and root to ask it as another user");
            return;
        }
        // The current folder is that of the sources, where this user must not write.
        let user = Credentials::of_user(65_534, 65_534);
        let scratch = tempfile::tempdir().unwrap();
        let cpu = strings(&["--cpu", "1"]);
        assert!(validate(&cpu, scratch.path(), Some(&user)).unwrap_err().contains("temp-path"));
        user.give(scratch.path()).unwrap();
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(validate(&cpu, scratch.path(), Some(&user)), Ok(()));
    }

    #[test]
    fn the_stressors_are_many_and_the_version_is_a_number() {
        let Ok(version) = version() else {
            eprintln!("skipped: stress-ng is not installed");
            return;
        };
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        let names = stressors();
        assert!(["cpu", "vm", "io"].iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    }
}

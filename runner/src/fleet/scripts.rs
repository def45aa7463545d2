//! The scripts that nodes execute: a head with what is this fleet's own, each word quoted, and a body that is the same for
//! all (`scripts/`).

use std::fmt::Write;
use std::path::Path;

const SHARD: &str = include_str!("scripts/shard.sh");
const MERGE: &str = include_str!("scripts/merge.sh");

/// What is a fleet's own in its scripts.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// The fleet's folder, from the root.
    pub(crate) folder: &'a Path,
    /// Its id.
    pub(crate) id: &'a str,
    /// Literally, for a retry's array has another number of tasks.
    pub(crate) shards: u32,
    /// The words by which a node begins the runner.
    pub(crate) runner: &'a [String],
    /// What the runner is told besides which shard, or which runs.
    pub(crate) options: &'a [String],
}

/// The script of one shard.
pub(crate) fn shard_script(parts: &Parts<'_>) -> String {
    script("A shard of", parts, SHARD)
}

/// The script that merges.
pub(crate) fn merge_script(parts: &Parts<'_>) -> String {
    script("Merges", parts, MERGE)
}

fn script(what: &str, parts: &Parts<'_>, body: &str) -> String {
    let mut text =
        format!("#!/bin/bash\n# {what} the fleet {}; written by `runner fleet slurm`.\nset -u\n", parts.id);
    let _ = writeln!(text, "fleet={}", quoted_path(parts.folder));
    let _ = writeln!(text, "shards={}", parts.shards);
    let _ = writeln!(text, "runner=({})", words(parts.runner));
    let _ = writeln!(text, "options=({})\n", words(parts.options));
    // Its first line is for shellcheck, which sees it without a head.
    text + body.split_once('\n').map_or(body, |(_, rest)| rest)
}

fn words(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it for one word, and for nothing else.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+@%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The same of a path.
pub(crate) fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    const ODD: [&str; 7] = [
        "",
        "a b",
        "it's",
        "\"$HOME\" `id` $(id)",
        "new\nline",
        "\\",
        "generators.caller.command=[\"a b\", 'c']",
    ];

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in ODD {
            let said =
                Command::new("bash").args(["-c", &format!("printf %s {}", quoted(word))]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }

    #[test]
    fn scripts_are_bash_whatever_the_words() {
        let (runner, options) = (strings(&["sudo", "-n", "/opt/my tools/runner"]), strings(&ODD));
        let folder = Path::new("/tmp/it's a \"fleet\" 100%");
        let parts = Parts { folder, id: "some-id", shards: 4, runner: &runner, options: &options };
        for script in [shard_script(&parts), merge_script(&parts)] {
            let checked = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
            let (head, _) = script.split_once("# The rest").unwrap();
            let show = format!("{head}\nprintf '%s\\0' \"$fleet\" \"${{options[@]}}\"");
            let said = Command::new("bash").args(["-c", &show]).output().unwrap();
            let said = String::from_utf8(said.stdout).unwrap();
            let said: Vec<&str> = said.strip_suffix('\0').unwrap().split('\0').collect();
            assert_eq!(said[0], folder.to_str().unwrap());
            assert_eq!(said[1..], ODD);
        }
    }
}

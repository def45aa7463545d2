//! The manual as `man` shows it, and completions as shells use them.

use super::{runner, text};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn printed(arguments: &[&str]) -> String {
    let output = runner().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What a program says; none where it is not installed, which is told.
fn asked(program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).env("TERM", "dumb").output();
    if output.is_err() {
        eprintln!("skipped: {program} is not installed");
    }
    output.ok()
}

#[test]
fn every_page_is_written_and_man_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let said = printed(&["man", "--out", pages.to_str().unwrap()]);
    let mut names: Vec<String> =
        pages.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(said, format!("{} pages in {}\n", names.len(), pages.display()));
    for name in ["runner.1", "runner-run.1", "runner-diff.1", "runner-completions.1", "generator.1"] {
        assert!(names.iter().any(|it| it == name), "{names:?}");
    }
    assert_eq!(fs::read_to_string(pages.join("runner-diff.1")).unwrap(), printed(&["man", "diff"]));
    assert_eq!(fs::read_to_string(pages.join("generator.1")).unwrap(), printed(&["man", "generator"]));
    for name in names {
        let Some(shown) = asked("man", &["-l", pages.join(&name).to_str().unwrap()]) else { return };
        let (page, complaints) = (text(&shown.stdout), text(&shown.stderr));
        assert!(shown.status.success() && complaints.is_empty(), "{name}: {complaints}");
        assert!(page.contains("SYNOPSIS") && page.contains("OPTIONS"), "{name}: {page}");
    }
}

#[test]
fn a_page_that_is_not_there_and_a_folder_that_cannot_be_are_told() {
    let unknown = runner().args(["man", "dif"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no command `dif`"), "{}", text(&unknown.stderr));
    let nowhere = runner().args(["man", "--out", "/proc/none"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("/proc/none"), "{}", text(&nowhere.stderr));
}

/// Writes a shell's completions into the folder; none where a shell finds its own script wrong.
fn completions(folder: &Path, shell: &str) -> String {
    let script = folder.join(format!("runner.{shell}"));
    fs::write(&script, printed(&["completions", shell])).unwrap();
    script.to_str().unwrap().to_owned()
}

#[test]
fn bash_completes_verbs_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = completions(folder.path(), "bash");
    let completed = |words: &str| {
        let ask = format!(
            "source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _runner runner \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let said = asked("bash", &["--norc", "-c", &ask]).unwrap();
        assert!(said.stderr.is_empty(), "{}", text(&said.stderr));
        text(&said.stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(completed("runner di"), ["diff"]);
    assert_eq!(completed("runner diff --thr"), ["--threshold"]);
    assert_eq!(completed("runner export --format o"), ["openmetrics"]);
    assert!(!completed("runner ''").contains(&"keep".to_owned()), "only the runner itself calls it");
}

#[test]
fn zsh_and_fish_take_their_completions() {
    let folder = tempfile::tempdir().unwrap();
    let (zsh, fish) = (completions(folder.path(), "zsh"), completions(folder.path(), "fish"));
    if let Some(said) = asked("zsh", &["-n", &zsh]) {
        assert!(said.status.success() && said.stderr.is_empty(), "{}", text(&said.stderr));
    }
    let ask = format!("source {fish}; complete -C 'runner diff --thr'; complete -C 'runner di'");
    if let Some(said) = asked("fish", &["--no-config", "-c", &ask]) {
        let lines = text(&said.stdout);
        assert!(said.status.success() && said.stderr.is_empty(), "{}", text(&said.stderr));
        assert!(lines.contains("--threshold") && lines.contains("diff"), "{lines}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(printed(&["completions", shell]).contains("--threshold"), "{shell}");
    }
}

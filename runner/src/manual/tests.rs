//! The pages say what there is, and the documents say what the pages do.

use super::*;

#[test]
fn the_documented_commands_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("<!-- made by `runner man --format markdown` -->\n\n").unwrap();
    let (made, _) = rest.split_once("\n<!-- end of what is made -->").unwrap();
    assert!(made == markdown(), "put what `runner man --format markdown` prints between the two markers");
}

#[test]
fn every_command_has_a_page_with_examples_and_what_only_the_runner_calls_has_none() {
    let pages = pages();
    let titles: Vec<String> = pages.iter().map(|page| page.title.clone()).collect();
    for verb in ["runner", "runner run", "runner diff", "runner man"] {
        assert!(titles.iter().any(|title| title == verb), "{titles:?}");
    }
    assert!(!titles.iter().any(|title| title.contains("keep") || title.contains("help")), "{titles:?}");
    for page in &pages {
        let examples = page.sections().into_iter().find(|it| it.heading == "Examples");
        // A command of a command's has a page of the book instead.
        let lines = examples.map_or(0, |it| it.lines.len());
        assert!(
            lines > 0 || page.words.len() > 1 || page.command.has_subcommands(),
            "{} has no examples (cli/examples.rs)",
            page.title
        );
    }
}

#[test]
fn a_page_has_what_a_reader_of_manuals_looks_for() {
    for page in installed() {
        let roff = page.roff();
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"] {
            assert!(roff.contains(&format!(".SH {heading}\n")), "{}: {heading}", page.title);
        }
        let expected = format!(".TH {} 1", page.title.replace(' ', "-"));
        assert!(roff.contains(&expected), "{roff}");
        let is_first = page.words.is_empty();
        assert_eq!(roff.contains(".SH \"EXIT CODES\""), is_first, "{}", page.title);
        assert_eq!(roff.contains(".SH \"SEE ALSO\""), !is_first, "{}", page.title);
    }
}

#[test]
fn an_argument_is_told_with_its_values_default_and_variable() {
    let text = markdown();
    for words in [
        "| `--set PATH=VALUE` … |",
        "the variable `RUNNER_RUNS_DIR`, else `runs`",
        "`html`: One self-contained page",
        "| `BASE` |",
        "runner diff [OPTIONS] <BASE> <CANDIDATES>...",
    ] {
        assert!(text.contains(words), "{words}");
    }
    let is_table = |line: &&str| line.starts_with('|');
    assert!(text.lines().filter(is_table).all(|line| line.replace("\\|", "").matches('|').count() == 4));
}

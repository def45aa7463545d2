//! What the documentation shows is so: every example is a scenario, and what is said to be refused is.

use super::super::effects::Effects;
use super::super::plan::{Estimate, Overheads, Plan};
use super::super::text::{check_text, plan_text};
use super::{edited, parse};
use std::path::Path;

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// The TOML blocks of a page.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// A block with what it leaves out where it is no whole scenario: the head of the file, targets, a generator.
fn completed(block: &str) -> String {
    if block.contains("schema = 1\n") {
        return block.to_owned();
    }
    let mut text = "schema = 1\nname = \"example\"\n".to_owned();
    for (table, otherwise) in [
        ("[measure]", "[measure]\nsyscalls = [\"mmap\"]\n"),
        ("[generators.", "[generators.mapper]\nworkload = \"mmap\"\nsize = \"64KiB\"\n"),
    ] {
        if !block.contains(table) {
            text.push_str(otherwise);
        }
    }
    text + block
}

#[test]
fn every_example_is_a_scenario() {
    for (name, least) in [("docs/scenarios.md", 10), ("README.md", 1)] {
        let page = page(name);
        let blocks = blocks(&page);
        assert!(blocks.len() >= least, "{name} has only {} examples", blocks.len());
        for block in blocks {
            let scenario = parse(&completed(block)).unwrap_or_else(|errors| panic!("{name}:\n{errors}"));
            assert!(!check_text(&scenario).is_empty());
            let plan = Plan::of(&scenario, scenario.plan.seed);
            assert!(
                !plan.trials.is_empty()
                    && !plan_text(&scenario, &plan, &Effects::of(&scenario, None)).is_empty()
            );
            assert!(!Estimate::of(&scenario, Overheads::TYPICAL).total().is_zero());
        }
    }
}

#[test]
fn the_shown_error_is_what_is_said() {
    let page = page("docs/scenarios.md");
    let (_, rest) = page.split_once("<!-- refused: windwo -->\n\n").unwrap();
    let shown: Vec<&str> = rest.lines().map_while(|line| line.strip_prefix("    ")).collect();
    let errors = parse(&edited("window =", "windwo =")).expect_err("there is no such key").render(false);
    assert_eq!(shown.join("\n"), errors);
}

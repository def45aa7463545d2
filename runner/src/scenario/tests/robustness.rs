//! No text makes the reader panic, whatever it says; nor does the rendering of what is wrong with it.

use super::super::effects::Effects;
use super::super::plan::Plan;
use super::super::text::{check_text, plan_text};
use super::{VALID, parse, parse_with, repeated};
use proptest::prelude::*;

/// Reads, and does with the outcome everything that a command would.
fn exercise(text: &str, overrides: &[&str]) {
    match parse_with(text, overrides) {
        Ok(scenario) => {
            let plan = Plan::of(&scenario, scenario.plan.seed);
            assert_eq!(plan.trials.len(), scenario.trial_count());
            assert!(!check_text(&scenario).is_empty());
            assert!(!plan_text(&scenario, &plan, &Effects::of(&scenario, None)).is_empty());
        }
        Err(errors) => {
            assert!(errors.len() > 0);
            assert!(errors.render(false).starts_with("error"));
            errors.render(true);
        }
    }
}

/// Pieces of which scenarios and their mistakes are made.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "schema = 1",
        "[measure]",
        "[factors]",
        "[generators.g]",
        "[load.high]",
        "workload = \"$w\"",
        "\"$",
        "size",
        "= ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        ".",
        ",",
        "#",
        "\n",
        "\r\n",
        "\t",
        "0",
        "-1",
        "1e999",
        "nan",
        "inf",
        "true",
        "\"4KiB\"",
        "50% cpus",
        "é",
        "量",
        "\u{feff}",
        "\u{0}",
        "\u{1b}",
        "99999999999999999999",
        "2026-01-01",
        "0x10",
        "operations = 1",
        "syscalls = [\"read\"]",
    ];
    prop_oneof![
        proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        exercise(&text, &[]);
    }

    #[test]
    fn pieces_in_any_order(pieces in proptest::collection::vec(piece(), 0..40)) {
        exercise(&pieces.concat(), &[]);
    }

    #[test]
    fn a_valid_scenario_with_a_stretch_replaced(at in 0..VALID.len(), length in 0..24_usize, by in piece()) {
        let end = (at + length).min(VALID.len());
        exercise(&format!("{}{by}{}", &VALID[..at], &VALID[end..]), &[]);
    }

    #[test]
    fn a_valid_scenario_cut_off(at in 0..VALID.len()) {
        exercise(&VALID[..at], &[]);
    }

    #[test]
    fn a_valid_scenario_with_one_value_replaced(line in 0..40_usize, by in piece()) {
        let lines: Vec<String> = VALID
            .lines()
            .enumerate()
            .map(|(number, text)| match text.split_once('=') {
                Some((key, _)) if number == line => format!("{key}={by}"),
                _ => text.to_owned(),
            })
            .collect();
        exercise(&lines.join("\n"), &[]);
    }

    #[test]
    fn arbitrary_overrides(path in "[a-z.\"=é]{0,12}", value in any::<String>()) {
        exercise(VALID, &[&format!("{path}={value}"), &value]);
    }
}

#[test]
fn floods_end_soon() {
    let levels: Vec<String> = (1..90_000).map(|n| n.to_string()).collect();
    exercise(&VALID.replace("[1, 2, 4]", &format!("[{}]", levels.join(","))), &[]);
    let tables = repeated(30_000, |n| format!("[generators.g{n}]\nworkload=\"x\"\n"));
    exercise(&format!("{VALID}{tables}"), &[]);
    let factors = repeated(60_000, |n| format!("f{n} = [1]\n"));
    exercise(&VALID.replace("[factors]\n", &format!("[factors]\n{factors}")), &[]);
    let keys = repeated(60_000, |n| format!("key{n} = 1\n"));
    exercise(&format!("{keys}{VALID}"), &[]);
}

#[test]
fn depth_is_bounded() {
    for deep in [
        format!("\"=\".{} = 1\n", vec!["a"; 100_000].join(".")),
        format!("[{}]\n", vec!["a"; 100_000].join(".")),
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}", "{a = ".repeat(100_000)),
        format!("[[a]]\n{}", "[[a.a]]\n".repeat(1000)),
    ] {
        assert!(parse(&deep).is_err());
        exercise(VALID, &[deep.trim_end()]);
    }
}

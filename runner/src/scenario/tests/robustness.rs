//! No text makes the reader panic, whatever it says; nor does the rendering of what is wrong with it.

use super::super::effects::Effects;
use super::super::plan::Plan;
use super::super::text::{check_text, plan_text};
use super::{VALID, parse, parse_with, repeated};
use crate::scenario::language::TABLES;
use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::path::Path;
use std::time::{Duration, Instant};

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
            let shown = errors.render(false);
            assert!(shown.starts_with("error"));
            // Each names the file or the option, and all but what is missing from the whole file the line in it.
            let placed = shown.matches("sweep.toml").count() + shown.matches("--set:").count();
            assert!(placed >= errors.len().min(20), "{shown}");
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

/// Random changes of whole scenarios, for as long as `FUZZ_SECONDS` says: `just fuzz-scenarios SECONDS`. No panic, no hang,
/// no memory without bound. What fails is printed, and comes again with the same `FUZZ_SEED`.
#[test]
#[ignore = "takes as long as it is told to"]
fn changed_scenarios_for_as_long_as_asked() {
    let (time, seed) = crate::fuzzing::asked();
    let mut random = Mutator::new(seed);
    let (began, mut count, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    let least = resident_kib();
    while began.elapsed() < time {
        let (text, overrides) = random.scenario();
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let one = Instant::now();
        let outcome = std::panic::catch_unwind(|| exercise(&text, &overrides));
        let took = one.elapsed();
        assert!(outcome.is_ok(), "seed {seed}, {count} before:\n{text}\noverrides {overrides:?}");
        // Loaded machines are slow, but not by so much.
        assert!(
            took < Duration::from_secs(20),
            "took {took:?}, seed {seed}:\n{text}\noverrides {overrides:?}"
        );
        (count, slowest) = (count + 1, slowest.max(took));
    }
    let grown = resident_kib().saturating_sub(least) / 1024;
    println!(
        "{count} scenarios, seed {seed}; the slowest took {slowest:?}, memory grew by at most {grown} MiB"
    );
    assert!(grown < 2_048);
}

/// The most memory that this process has had.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Makes scenarios of known ones and their parts.
struct Mutator {
    random: ChaCha12Rng,
    corpus: Vec<String>,
    pieces: Vec<String>,
}

impl Mutator {
    fn new(seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let shipped = files.map(|file| std::fs::read_to_string(file).unwrap());
        let page = include_str!("../../../../docs/scenarios.md");
        let documented =
            page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        let own = [VALID.to_owned(), include_str!("../template.toml").to_owned()];
        let corpus: Vec<String> = own.into_iter().chain(shipped).chain(documented).collect();
        let words = corpus.iter().flat_map(|text| text.split_inclusive([' ', '\n', ',', '=']));
        let keys = TABLES.iter().flat_map(|table| table.keys);
        let lines = keys.map(|key| format!("{} = {}\n", key.name, key.example));
        let pieces = words.map(str::to_owned).chain(lines.collect::<Vec<_>>()).collect();
        Self { random: ChaCha12Rng::seed_from_u64(seed), corpus, pieces }
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.random.next_u64() % count.max(1) as u64).unwrap()
    }

    fn piece(&mut self) -> String {
        const ODD: [&str; 14] = [
            "\"",
            "\"\"\"",
            "'",
            "[",
            "]]",
            "{",
            "}",
            "\u{0}",
            "\u{feff}",
            "é",
            "99999999999999999999",
            "-1",
            "nan",
            "$",
        ];
        if self.below(3) == 0 {
            return ODD[self.below(ODD.len())].to_owned();
        }
        let index = self.below(self.pieces.len());
        self.pieces[index].clone()
    }

    /// A place in a text, between characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn scenario(&mut self) -> (String, Vec<String>) {
        let index = self.below(self.corpus.len());
        let mut text = self.corpus[index].clone();
        for _ in 0..=self.below(8) {
            let (a, b) = (self.place(&text), self.place(&text));
            let (from, to) = (a.min(b), a.max(b));
            match self.below(6) {
                0 => text.insert_str(a, &self.piece()),
                1 if to - from < 60 => text.replace_range(from..to, ""),
                2 => {
                    // A line again somewhere else.
                    let line = text[from..].split_inclusive('\n').next().unwrap_or_default().to_owned();
                    text.insert_str(b, &line);
                }
                3 => {
                    let other = self.below(self.corpus.len());
                    let cut = self.place(&self.corpus[other].clone());
                    text = format!("{}{}", &text[..a], &self.corpus[other][cut..]);
                }
                4 => {
                    let by = self.piece();
                    let end = text[from..].find(['\n', ',', ']']).map_or(text.len(), |length| from + length);
                    text.replace_range(from..end, &by);
                }
                _ => {
                    let many = self.piece().repeat(self.below(200));
                    text.insert_str(a, &many);
                }
            }
        }
        let overrides = (0..self.below(3)).map(|_| format!("{}{}", self.piece().trim(), self.piece().trim()));
        (text, overrides.collect())
    }
}

//! The language as told is the language as read, and its committed copies are current.

use super::super::model::Scenario;
use super::super::settings::MachineRequest;
use super::super::tests::parse_with;
use super::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A scenario in which any key can be set alone.
const BASE: &str = r#"schema = 1
name = "base"
[measure]
syscalls = ["read", "mmap", "munmap", "futex", "openat", "getpid"]
scope = "system"
[plan]
[generators.NAME]
workload = "mmap"
size = "64KiB"
[generators.PROGRAM]
command = ["true"]
until = "window"
[load.NAME]
vm = 1
command = ["true"]
[machine]
governor = "performance"
[machine.cpus]
"#;

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Every key whose value is no table, with its path in `BASE`.
fn keys() -> Vec<(String, &'static Key)> {
    let path = |table: &Table, key: &Key| {
        let header = table.header.trim_matches(['[', ']']);
        if header.is_empty() { key.name.to_owned() } else { format!("{header}.{}", key.name) }
    };
    let of =
        |table: &&'static Table| table.keys.iter().map(|key| (path(table, key), key)).collect::<Vec<_>>();
    let all = TABLES.iter().flat_map(of);
    all.filter(|(_, key)| !matches!(key.kind, Kind::Table(_))).collect()
}

/// The meaning of a scenario, its text and the places in it apart.
fn meaning(scenario: &Scenario) -> String {
    let Scenario { name, summary, measure, plan, factors, generators, programs, loads, machine, .. } =
        scenario;
    let machine = MachineRequest { places: BTreeMap::new(), ..machine.clone() };
    format!(
        "{name} {summary} {measure:?} {plan:?} {factors:?} {generators:?} {programs:?} {machine:?} {}",
        loads.len()
    )
}

/// A scenario in which this key has an effect.
fn base(path: &str) -> String {
    let workload = match path.rsplit('.').next() {
        Some("duration") => "nanosleep",
        Some("depth") => "openat_deep",
        Some("waiters") => "futex_waiters",
        Some("batch") => return BASE.replace("size = \"64KiB\"", "size = \"64KiB\"\nthink = \"1us\""),
        Some("mix") => return BASE.replace("workload = \"mmap\"\n", ""),
        _ => return BASE.to_owned(),
    };
    BASE.replace("workload = \"mmap\"\nsize = \"64KiB\"", &format!("workload = \"{workload}\""))
}

fn accepted(path: &str, value: &str) -> Scenario {
    let assignment = format!("{path} = {value}");
    parse_with(&base(path), &[&assignment]).unwrap_or_else(|errors| panic!("{assignment}: {errors}"))
}

/// What makes the base a scenario with two factors and two loads.
const WITH_FACTORS: [&str; 5] = [
    "factors.size = [\"4KiB\", \"16MiB\"]",
    "factors.threads = [1, 2]",
    "generators.NAME.size = $size",
    "generators.NAME.threads = $threads",
    "load.high = {}",
];

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string(file("schema/scenario.json")).unwrap();
    assert!(committed == schema(), "run `runner schema > schema/scenario.json`");
}

#[test]
fn the_documented_tables_are_current() {
    let text = std::fs::read_to_string(file("docs/scenarios.md")).unwrap();
    let (_, rest) = text.split_once("<!-- made by `runner schema --format markdown` -->\n\n").unwrap();
    let (tables, _) = rest.split_once("\n<!-- end of what is made -->").unwrap();
    assert!(
        tables == reference(),
        "put what `runner schema --format markdown` prints between the two markers"
    );
}

#[test]
fn every_shipped_scenario_names_its_schema_first() {
    for entry in std::fs::read_dir(file("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().next(), Some("#:schema ../schema/scenario.json"), "{}", path.display());
    }
}

#[test]
fn every_example_is_accepted() {
    for (path, key) in keys() {
        let assignment = format!("{path} = {}", key.example);
        if matches!(key.kind, Kind::Zip | Kind::Exclude) {
            let assignments = [&WITH_FACTORS[..], &[&assignment]].concat();
            parse_with(BASE, &assignments).unwrap_or_else(|errors| panic!("{assignment}: {errors}"));
        } else {
            accepted(&path, key.example);
        }
    }
}

#[test]
fn every_default_is_what_its_absence_means() {
    let absent = meaning(&parse_with(BASE, &[]).unwrap());
    let set = ["measure.scope", "generators.PROGRAM.until"];
    let by_rule = meaning(&accepted("plan.until", "{}"));
    let mut checked = 0;
    for (path, key) in keys().into_iter().filter(|(path, _)| !set.contains(&path.as_str())) {
        if let Default::Is(value) = key.default {
            let absent = match path.as_str() {
                path if path.starts_with("plan.until.") => by_rule.clone(),
                path if base(path) != BASE => meaning(&parse_with(&base(path), &[]).unwrap()),
                _ => absent.clone(),
            };
            assert_eq!(meaning(&accepted(&path, value)), absent, "{path}");
            checked += 1;
        }
    }
    assert!(checked >= 9);
}

#[test]
fn every_required_key_is_missed() {
    for (path, key) in keys().into_iter().filter(|(_, key)| matches!(key.default, Default::Required)) {
        let given = |line: &&str| !line.starts_with(&format!("{} =", key.name));
        let without = BASE.lines().filter(given).collect::<Vec<_>>().join("\n");
        let errors = parse_with(&without, &[]).expect_err(&path).to_string();
        assert!(errors.contains("is missing"), "{path}: {errors}");
    }
}

#[test]
fn exactly_those_keys_take_a_factor_that_say_so() {
    for (path, key) in keys() {
        let level = if matches!(key.kind, Kind::Syscalls(_)) { "\"mmap\"" } else { key.example };
        let factor = format!("factors.f = [{level}]");
        let outcome = parse_with(&base(&path), &[&factor, &format!("{path} = \"$f\"")]);
        assert_eq!(outcome.is_ok(), key.takes_factor, "{path}: {outcome:?}");
    }
}

#[test]
fn every_key_says_what_it_means() {
    for (path, key) in keys() {
        assert!(key.meaning.ends_with('.') && !key.example.is_empty(), "{path}");
    }
}

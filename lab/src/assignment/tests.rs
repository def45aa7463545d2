//! Assignments that are right, and what is said of those that are not.

use super::*;

/// A small assignment, with one claim of each kind.
pub(crate) const SMALL: &str = r#"schema = 1
name = "small"
edition = "1"
title = "A small one"
handout = "handout.md"
answers = "answers.md"
scenarios = ["calls.toml"]

[grading]
undecided = 0.5

[recorded]
folder = "recorded"
machine = "a machine"
share = 0.75

[parameters.size]
path = "generators.caller.size"
values = ["16KiB", "64KiB"]

[[question]]
id = "why"
text = "Why?"
points = 4

[[claim]]
id = "slower"
text = "mmap is slower under load"
points = 2
syscall = "mmap"
metric = "p50"
left = { load = "high" }
right = { load = "baseline" }
is = "more"
feedback = { met = "So it is.", not_met = "It is not?", undecided = "Take more blocks." }

[[claim]]
id = "turns"
text = "the maximum turns along size"
points = 1
syscall = "mmap"
metric = "max"
where = { load = "baseline" }
along = "size"
is = "not_monotonic"

[[claim]]
id = "whole"
text = "hardly a call is lost"
points = 1
syscall = "mmap"
metric = "lost"
vantage = "kernel"
is = "at_most"
limit = 0.001
"#;

pub(crate) fn small() -> Assignment {
    Assignment::parse("assignment.toml", SMALL).unwrap()
}

fn facts() -> ScenarioFacts {
    let words = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let cell = |size: &str, load: &str| {
        [("size", size), ("load", load)].map(|(a, b)| (a.to_owned(), b.to_owned())).into()
    };
    let of_size = |size| [cell(size, "baseline"), cell(size, "high")];
    ScenarioFacts {
        name: "calls".to_owned(),
        syscalls: words(&["mmap"]),
        factors: vec![
            ("size".to_owned(), words(&["4KiB", "64KiB", "1MiB"])),
            ("load".to_owned(), words(&["baseline", "high"])),
        ],
        cells: ["4KiB", "64KiB", "1MiB"].into_iter().flat_map(of_size).collect(),
    }
}

#[test]
fn what_is_written_is_what_is_meant() {
    let assignment = small();
    assert_eq!((assignment.points(), assignment.points_by_hand()), (4.0, 4.0));
    assert_eq!(assignment.scenarios, ["calls"]);
    let Relation::Compare { left, right, how } = &assignment.claims[0].relation else { panic!() };
    assert_eq!((how, left.view), (&Compared::More, View::Any));
    assert_eq!((&left.levels["load"][..], &right.levels["load"][..]), ("high", "baseline"));
    assert_eq!(left.scenario, "calls");
    assert!(assignment.check(("assignment.toml", SMALL), &[facts()]).is_ok());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, words) in [
        ("schema = 1", "schema = 2", "assignment.toml:1:10"),
        ("schema = 1", "schema = ", "not an assignment"),
        ("edition = \"1\"", "editoin = \"1\"", "editoin"),
        ("name = \"small\"", "name = \"../small\"", "`name` is 1 to 64"),
        ("handout.md", "../handout.md", "not the name of something in the assignment's folder"),
        ("calls.toml", "/etc/calls.toml", "not the name of something in the assignment's folder"),
        ("calls.toml", "calls", "ends with `.toml`"),
        ("undecided = 0.5", "undecided = 5", "a share from 0 to 1"),
        ("share = 0.75", "share = -1.0", "a share from 0 to 1"),
        ("points = 4", "points = -4", "a number from 0 to 1000"),
        ("id = \"turns\"", "id = \"why\"", "another question or claim"),
        ("is = \"more\"", "is = \"mor\"", "`is` is no relation"),
        ("is = \"more\"", "is = \"times\"", "`between = [LOW, HIGH]`"),
        ("is = \"more\"", "is = \"times\"\nbetween = [5, 2]", "the lower one first"),
        ("is = \"more\"", "is = \"more\"\nbetween = [1, 2]", "`between` means nothing"),
        ("is = \"more\"", "is = \"more\"\nalong = \"size\"", "`along` means nothing"),
        ("is = \"more\"", "is = \"more\"\ntolerance = -1", "`tolerance` is a share"),
        ("along = \"size\"\n", "", "`along` names the factor"),
        ("limit = 0.001\n", "", "`limit` says what"),
        ("metric = \"p50\"", "metric = \"p5\"", "no metric"),
        ("metric = \"p50\"", "metric = \"lost\"", "does not go with"),
        ("vantage = \"kernel\"", "vantage = \"bird\"", "no vantage"),
        (
            "left = { load = \"high\" }",
            "left = { load = \"baseline\" }",
            "both sides of the claim are the same",
        ),
        ("values = [\"16KiB\", \"64KiB\"]", "values = []", "1 to 200 values"),
        ("[\"calls.toml\"]", "[\"calls.toml\", \"other.toml\"]", "`scenario` names one of several"),
        ("[\"calls.toml\"]", "[]", "an assignment has a scenario"),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let text = SMALL.replacen(from, to, 1);
        let told = Assignment::parse("assignment.toml", &text).unwrap_err().to_string();
        assert!(told.contains(words) && told.contains("assignment.toml:"), "{to}: {told}");
    }
}

#[test]
fn several_things_are_told_at_once() {
    let text = SMALL.replace("points = 4", "points = -4").replace("is = \"more\"", "is = \"mor\"");
    let told = Assignment::parse("assignment.toml", &text).unwrap_err().to_string();
    assert!(told.contains("0 to 1000") && told.contains("no relation"), "{told}");
}

#[test]
fn claims_speak_of_what_the_scenarios_measure() {
    for (from, to, words) in [
        ("syscall = \"mmap\"", "syscall = \"read\"", "is no target of calls"),
        ("load = \"high\"", "load = \"higher\"", "its levels are baseline, high"),
        ("load = \"high\"", "lod = \"high\"", "`lod` is no factor"),
        ("along = \"size\"", "along = \"sizes\"", "`sizes` is no factor"),
        ("along = \"size\"", "along = \"load\"", "fixes `load`"),
        ("vantage = \"kernel\"", "vantage = \"user\"", "the probe's ledger"),
        ("metric = \"p50\"", "metric = \"p50\"\nscenario = \"other\"", "no scenario of the assignment"),
        ("calls.toml", "others.toml", "does not have the `name` others"),
    ] {
        let text = SMALL.replacen(from, to, 1);
        let assignment = Assignment::parse("assignment.toml", &text).unwrap();
        let told = assignment.check(("assignment.toml", &text), &[facts()]).unwrap_err().to_string();
        assert!(told.contains(words), "{to}: {told}");
    }
}

#[test]
fn claims_do_not_speak_of_cells_that_a_scenario_leaves_out() {
    let mut less = facts();
    less.cells.retain(|cell| cell["load"] == "high" || cell["size"] == "4KiB");
    let told = |facts: &ScenarioFacts| {
        let checked = small().check(("assignment.toml", SMALL), std::slice::from_ref(facts));
        checked.map_or_else(|found| found.to_string(), |()| String::new())
    };
    assert_eq!(told(&facts()), "");
    let found = told(&less);
    assert!(found.contains("`size` has one level: nothing goes along it"), "{found}");
    less.cells.retain(|cell| cell["load"] == "baseline");
    let found = told(&less);
    assert!(found.contains("calls leaves out every cell with load high"), "{found}");
}

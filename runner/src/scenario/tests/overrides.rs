//! Values from the command line.

use super::super::model::{Given, Scenario, Window};
use super::super::overrides::Override;
use super::{MACHINE, VALID, edited, parse_with};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

#[test]
fn values_are_toml_or_else_bare_strings() {
    let overrides = [
        "plan.repetitions=9",
        "measure.window=1.5s",
        "measure.syscalls=[\"munmap\"]",
        "summary = two words ",
    ];
    let scenario = parse_with(VALID, &overrides).unwrap();
    assert_eq!(scenario.plan.repetitions, 9);
    assert_eq!(scenario.measure.window, Given::Fixed(Window::Timed(Duration::from_millis(1500))));
    assert_eq!(scenario.measure.targets, ["munmap"]);
    assert_eq!(scenario.summary, "two words");
    assert_eq!(scenario.overrides, overrides);
    assert_eq!(scenario.source, VALID);
}

#[test]
fn tables_and_keys_come_into_being() {
    let overrides =
        ["load.extra.cpu=1", "load.table={vm = 2}", "generators.mapper.operations=5", "plan.seed=3"];
    let text = edited("seed = 1\n", "");
    let scenario = parse_with(&text, &overrides).unwrap();
    let loads: Vec<&str> = scenario.loads.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(loads, ["baseline", "high", "extra", "table"]);
    assert_eq!(scenario.loads[3].arguments(&MACHINE), ["--vm", "2"]);
    assert_eq!(scenario.measure.window, Given::Fixed(Window::Operations));
    assert_eq!(scenario.plan.seed, 3);
}

#[test]
fn the_last_override_of_a_path_counts() {
    let scenario = parse_with(VALID, &["plan.seed=3", "plan.seed=4"]).unwrap();
    assert_eq!(scenario.plan.seed, 4);
}

#[test]
fn quoted_parts_of_a_path_may_hold_an_equals_sign() {
    let errors = parse_with(VALID, &["\"a=b\".c=1"]).expect_err("there is no such table");
    assert!(errors.to_string().contains("unknown key `a=b`"), "{errors}");
}

#[test]
fn options_that_stand_for_a_path_are_named_in_messages() {
    let given = [Override::option("--repetitions", "plan.repetitions", "0")];
    let errors =
        Scenario::parse(Path::new("sweep.toml"), VALID, &given, &MACHINE).expect_err("none is too few");
    assert!(errors.to_string().contains("--> --repetitions:1:18"), "{errors}");
}

#[test]
fn errors_point_into_the_argument() {
    let cases: [&[&str]; 9] = [
        &["plan.repetitions"],
        &["=3"],
        &["plan..repetitions=3"],
        &["plan.repetitions=0"],
        &["plan.repetition=3"],
        &["plan.repetitions.more=3"],
        &["measure.window=1\nname=2"],
        &["factors.threads=[1, 5000]"],
        &["generators.mapper.size=$sizes"],
    ];
    let mut all = String::new();
    for case in cases {
        let errors = parse_with(VALID, case).expect_err(case[0]).render(false);
        writeln!(all, "{errors}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

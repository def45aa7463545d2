//! Every workload has a page that names its calls and its parameters, and the index has every page.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers as well")]

use generators::{Parameter, Workload};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn page(workload: Workload) -> String {
    let path = docs().join(format!("generators/{}.md", workload.name()));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first column of a page's table: its calls, in order.
fn calls(page: &str) -> Vec<(&str, bool)> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| (row.split('`').nth(1).unwrap(), row.ends_with("| the caller |"))).collect()
}

#[test]
fn every_page_names_exactly_the_calls_of_its_workload() {
    for workload in Workload::ALL {
        let page = page(workload);
        assert!(page.starts_with(&format!("# `{}`\n", workload.name())), "{workload:?}");
        assert!(page.contains("Leaves out: "), "{workload:?}");
        let calls = calls(&page);
        let timed: Vec<&str> = calls.iter().filter(|(_, timed)| *timed).map(|(call, _)| *call).collect();
        assert_eq!(timed, workload.timed(), "{workload:?}");
        let untimed: Vec<&str> = calls.iter().filter(|(_, timed)| !*timed).map(|(call, _)| *call).collect();
        let declared: Vec<&str> = workload.syscalls().skip(timed.len()).collect();
        assert_eq!(untimed, declared, "{workload:?}");
    }
}

#[test]
fn every_page_names_exactly_the_parameters_of_its_workload() {
    let names = [
        (Parameter::Size, "size"),
        (Parameter::Touch, "touch"),
        (Parameter::Duration, "duration"),
        (Parameter::Depth, "depth"),
        (Parameter::Waiters, "waiters"),
    ];
    for workload in Workload::ALL {
        let page = page(workload);
        for (parameter, name) in names {
            let is_told = page.contains(&format!("\n- `{name}`: "));
            assert_eq!(is_told, workload.takes(parameter), "{workload:?}: {name}");
        }
    }
}

#[test]
fn the_index_has_every_page_and_its_calls() {
    let index = std::fs::read_to_string(docs().join("generators.md")).unwrap();
    for workload in Workload::ALL {
        let name = workload.name();
        let link = format!("| [`{name}`](generators/{name}.md) |");
        let row = index.lines().find(|line| line.starts_with(&link)).unwrap_or_else(|| panic!("no {name}"));
        let listed: BTreeSet<&str> =
            row.rsplit(" | ").next().unwrap().split('`').skip(1).step_by(2).collect();
        assert_eq!(listed, workload.syscalls().collect::<BTreeSet<_>>(), "{name}");
    }
    let pages = std::fs::read_dir(docs().join("generators")).unwrap().count();
    assert_eq!(pages, Workload::ALL.len(), "a page of no workload");
}

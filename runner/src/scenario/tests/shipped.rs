//! The scenarios that are shipped: valid, in time, and of the shape that they promise.

use super::super::model::{Name, ProbeRequest, Scenario};
use super::super::plan::{Estimate, Overheads};
use super::super::read_file;
use super::super::shipped::{SHIPPED, Shipped};
use super::MACHINE;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn shipped(name: &str) -> Scenario {
    let path = folder().join(format!("{name}.toml"));
    let text = read_file(&path).unwrap_or_else(|errors| panic!("{errors}"));
    Scenario::parse(&path, &text, &[], &MACHINE).unwrap_or_else(|errors| panic!("{errors}"))
}

fn estimated(scenario: &Scenario) -> Duration {
    Estimate::of(scenario, Overheads::TYPICAL).total()
}

#[test]
fn every_scenario_is_valid_and_called_as_its_file() {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().and_then(|e| e.to_str()), Some("toml"), "{}", path.display());
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap().to_owned();
        let scenario = shipped(&name);
        assert_eq!(scenario.name.as_str(), name);
        assert!(!scenario.summary.is_empty());
        let embedded = Shipped::find(&name).unwrap_or_else(|| panic!("{name} is not in the program"));
        assert_eq!(embedded.summary(), scenario.summary);
        found.push(name);
    }
    found.sort();
    assert_eq!(SHIPPED.iter().map(|it| it.name).collect::<Vec<_>>(), found);
}

#[test]
fn each_of_them_is_as_good_under_another_name() {
    let name = Name::new("other").unwrap();
    for it in SHIPPED {
        let text = it.renamed(&name, None);
        assert!(!text.contains("#:schema"));
        let renamed = Scenario::parse(Path::new("other.toml"), &text, &[], &MACHINE).unwrap();
        assert_eq!((renamed.name.as_str(), &renamed.summary), ("other", &shipped(it.name).summary));
        assert_eq!(it.renamed(&name, Some("there.json")), format!("#:schema there.json\n{text}"));
    }
}

#[test]
fn quick_is_quick() {
    assert!(estimated(&shipped("quick")) < Duration::from_secs(13));
}

#[test]
fn probe_cost_compares_every_backend_with_none() {
    let scenario = shipped("probe_cost");
    let requests = scenario.measure.probe.values();
    for (_, request) in ProbeRequest::NAMES.iter().filter(|(name, _)| *name != "auto") {
        assert!(requests.contains(request), "{request:?}");
    }
    assert_eq!((scenario.cell_count(), scenario.loads.len()), (requests.len(), 1));
    assert!(scenario.plan.repetitions >= 7 && estimated(&scenario) < Duration::from_secs(30));
}

#[test]
fn the_sweeps_differ_in_touch_alone() {
    let (sweep, touch) = (shipped("mmap_sweep"), shipped("mmap_touch"));
    for scenario in [&sweep, &touch] {
        assert_eq!((scenario.cell_count(), scenario.loads.len()), (5, 3));
        assert!(scenario.plan.repetitions >= 7);
        assert!(estimated(scenario) < Duration::from_secs(90));
        assert_eq!(scenario.measure.targets, ["mmap", "munmap"]);
    }
    let spec = |scenario: &Scenario| scenario.generators_of(&scenario.cell(2), Path::new("."))[0].1.clone();
    assert!(!spec(&sweep).touch);
    assert_eq!(spec(&touch), generators::GeneratorSpec { touch: true, ..spec(&sweep) });
    let arguments = |s: &Scenario| s.loads.iter().map(|l| l.arguments(&MACHINE)).collect::<Vec<_>>();
    assert_eq!(arguments(&sweep), arguments(&touch));
    assert_eq!((&sweep.measure, sweep.plan), (&touch.measure, touch.plan));
}

#[test]
fn ancestor_has_the_four_calls_each_alone_and_the_three_levels() {
    let scenario = shipped("ancestor");
    let alone: Vec<Vec<&str>> =
        (0..scenario.cell_count()).map(|index| scenario.targets_of(&scenario.cell(index))).collect();
    assert_eq!(alone, [["read"], ["mmap"], ["futex"], ["openat"]]);
    let levels: Vec<String> = scenario.loads.iter().map(|load| load.arguments(&MACHINE).join(" ")).collect();
    assert_eq!(levels, ["", "--cpu 2 --io 2 --vm 1 --vm-bytes 40%", "--cpu 4 --io 4 --vm 1 --vm-bytes 70%"]);
}

//! Reports of runs from elsewhere, whose names and texts are what somebody wanted them to be.

use super::{detailed_run, mixed_run, rendered, small, small_run};
use crate::synthetic::{self, Recipe, SyntheticRun};
use reports::{export, markdown, summarise};
use std::collections::BTreeSet;

const MARKUP: &str = "<img src=x onerror=alert(1)>`|*b*";

/// The run with the levels of a factor called otherwise.
fn relabelled(mut run: SyntheticRun, factor: &str, labels: &[(&str, &str)]) -> SyntheticRun {
    let other = |label: &String| {
        let found = labels.iter().find(|(from, _)| from == label);
        found.map_or_else(|| label.clone(), |(_, to)| (*to).to_owned())
    };
    let factors = &mut run.manifest.scenario.factors;
    for level in &mut factors.iter_mut().find(|it| it.name == factor).unwrap().levels {
        level.label = other(&level.label);
    }
    for trial in &mut run.trials {
        let label = other(&trial.factors[factor]);
        trial.factors.insert(factor.to_owned(), label);
    }
    if factor == "load" {
        run.load.iter_mut().for_each(|metric| metric.level = other(&metric.level));
    }
    run
}

/// With markup wherever a kept run may have some.
fn hostile(run: SyntheticRun) -> SyntheticRun {
    let mut run = relabelled(run, "load", &[("high", MARKUP)]);
    run.manifest.command = vec![format!("runner{MARKUP}\n# forged\r# forged")];
    run.manifest.environment.cpu_model = Some(format!("CPU {MARKUP}\n# forged"));
    run.manifest.environment.kernel_release = format!("6.18{MARKUP}\r# forged\u{1b}[2J");
    for trial in &mut run.trials {
        trial.generators.iter_mut().for_each(|record| record.generator = MARKUP.into());
        trial
            .slowest
            .iter_mut()
            .filter(|call| call.syscall == "mmap")
            .for_each(|call| call.syscall = MARKUP.into());
        for measure in trial.measures.iter_mut().filter(|measure| measure.syscall == "mmap") {
            measure.syscall = MARKUP.into();
        }
    }
    run.manifest.scenario.syscalls[0] = MARKUP.into();
    run
}

#[test]
fn nothing_of_a_run_becomes_markup_in_markdown() {
    for run in [detailed_run(), mixed_run()] {
        let page = markdown::render(&summarise(&hostile(run).view()));
        assert!(!page.contains("\n# forged") && !page.contains(['\r', '\u{1b}']), "{page}");
        for line in page.lines() {
            // Within code nothing is markup, and the fence is longer than what stands in it.
            let text: String = line.split("``").step_by(2).collect();
            for (place, _) in text.match_indices("<img").chain(text.match_indices("*b*")) {
                assert!(text[..place].ends_with('\\'), "{line}");
            }
        }
        // Each row has as many cells as its heading.
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows = page.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>();
        for pair in
            page.lines().collect::<Vec<_>>().windows(2).filter(|it| it.iter().all(|it| it.starts_with('|')))
        {
            assert_eq!(cells(pair[0]), cells(pair[1]), "{} {}", pair[0], pair[1]);
        }
        assert!(rows.len() > 10);
    }
}

#[test]
fn pictures_have_names_that_fit_and_that_differ() {
    let sizes = vec!["4KiB", "64KiB", "1MiB", "4MiB", "16MiB"];
    let run = synthetic::run(&Recipe { sizes, ..small() });
    let long = |end: &str| format!("{}{end}", "𐌰".repeat(63));
    let labels =
        [("4KiB", "a b"), ("64KiB", "a_b"), ("1MiB", &long("1")), ("4MiB", &long("2")), ("16MiB", "A+B")];
    let page = rendered(&relabelled(run, "size", &labels));
    let names: BTreeSet<String> = page.files.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names.len(), page.files.len(), "each file has a name of its own");
    let longest = page.files.iter().map(|(name, _)| name.len()).max().unwrap();
    assert!((150..200).contains(&longest), "{longest}");
    // Five sizes with three charts each, a sweep and the run's order: for two targets from two vantages; and both
    // vantages in one.
    let charts = page.files.iter().filter(|(name, _)| name.strip_suffix(".svg").is_some());
    assert_eq!(charts.count(), 2 * (2 * (5 * 3 + 2) + 1));
    let ids: Vec<&str> =
        page.html.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each id is there once");
    let links = page.html.split("<a href=\"").skip(1).filter_map(|part| part.split('"').next());
    for link in links.filter(|link| !link.starts_with('#')) {
        assert!(page.files.iter().any(|(name, _)| name == link), "{link} leads nowhere");
    }
}

#[test]
fn data_beside_pictures_have_no_formulas() {
    let page = rendered(&relabelled(small_run(), "load", &[("high", "=1+2")]));
    let csv = page.files.iter().filter(|(name, _)| name.strip_suffix(".csv").is_some());
    let text: String = csv.map(|(_, content)| str::from_utf8(content).unwrap()).collect();
    assert!(text.contains("'=1+2") && !text.replace("'=1+2", "").contains('='), "{text}");
}

#[test]
fn factors_of_one_label_have_two_in_openmetrics() {
    let mut run = small_run();
    for (factor, name) in run.manifest.scenario.factors.iter_mut().zip(["page-size", "page_size"]) {
        for trial in &mut run.trials {
            let level = trial.factors.remove(&factor.name).unwrap();
            trial.factors.insert(name.to_owned(), level);
        }
        factor.name = name.to_owned();
    }
    run.manifest.environment.host = "a\u{1b}[2J\r".to_owned();
    let mut text = Vec::new();
    export::openmetrics(&run.view(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("factor_page_size_1=\"4KiB\",factor_page_size_2=\"high\""), "{text}");
    assert!(!text.contains(['\u{1b}', '\r']) && text.contains("host=\"a\u{fffd}[2J\u{fffd}\""), "{text}");
}

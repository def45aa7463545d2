//! Generators that would do nothing, or not what they are asked, in a window: as far as the scenario itself says so.
//!
//! What only the machine tells makes a trial invalid (`execution/observed.rs`).

use super::super::diagnostic::{Diagnostic, quoted};
use super::super::model::{Scenario, Window};
use super::super::text::duration_text;
use super::super::wire::{Node, Value};
use super::fields::{Section, grouped};
use generators::GeneratorSpec;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Why a window would not have what is asked of it.
struct Idle {
    /// The key that says so.
    key: &'static str,
    what: &'static str,
    label: String,
    remedy: String,
}

/// Refuses such generators, each key of one once, for the first cell in which it is so.
pub(super) fn check(section: Option<&Section<'_>>, scenario: &Scenario) -> Vec<Diagnostic> {
    let (mut problems, mut told) = (Vec::new(), BTreeSet::new());
    let Some(section) = section else { return problems };
    for cell in &scenario.cells {
        let window = *scenario.measure.window.at(cell);
        let warmup = *scenario.measure.warmup.at(cell);
        for (name, spec) in scenario.generators_of(cell, Path::new("")) {
            let idle = match window {
                Window::Timed(length) => in_time(&spec, warmup, length),
                Window::Operations => in_operations(&spec),
            };
            let Some(idle) = idle else { continue };
            let Some(node) = value(section, name.as_str(), idle.key) else { continue };
            if told.insert((name.as_str(), idle.key)) {
                let path = format!("{}.{}", section.path_of(name.as_str()), idle.key);
                let message = format!("{} {}", quoted(&path), idle.what);
                problems.push(Diagnostic::at(&node.place, message, idle.label).help(idle.remedy));
            }
        }
    }
    problems
}

/// Where the value of a generator's key is written.
fn value<'a>(section: &Section<'a>, name: &str, key: &str) -> Option<&'a Node> {
    match &section.node(name)?.value {
        Value::Table(table) => table.get(key),
        _ => None,
    }
}

fn in_time(spec: &GeneratorSpec, warmup: Duration, window: Duration) -> Option<Idle> {
    let length = duration_text(window);
    let batch = spec.batch.max(1);
    if let Some(duration) = spec.duration_ns.map(Duration::from_nanos).filter(|it| *it >= window) {
        return Some(Idle {
            key: "duration",
            what: "leaves no time for an operation",
            label: format!("{} do not fit into a window of {length}", duration_text(duration)),
            remedy: "shorten it, or lengthen `measure.window`".to_owned(),
        });
    }
    if let Some(rate) = spec.rate_per_second {
        let operations = rate * window.as_secs_f64();
        // A product that should be whole may be a little less.
        return (operations < f64::from(batch) * (1.0 - 1e-9)).then(|| Idle {
            key: "rate",
            what: "is too low for the window",
            label: format!(
                "{} operations in {length}, and {} at a time",
                (operations * 100.0).round() / 100.0,
                grouped(batch.into())
            ),
            remedy: "raise it, or lengthen `measure.window`, so that operations begin more than once"
                .to_owned(),
        });
    }
    let think = Duration::from_nanos(spec.think_ns);
    // What a long batch is still doing when the window opens, nobody knows.
    (batch == 1 && !think.is_zero() && think >= warmup.saturating_add(window)).then(|| Idle {
        key: "think",
        what: "leaves no operation in the window",
        label: format!("lasts no less than a warm-up of {} and a window of {length}", duration_text(warmup)),
        remedy: "shorten it, or lengthen `measure.window`".to_owned(),
    })
}

fn in_operations(spec: &GeneratorSpec) -> Option<Idle> {
    let round: u64 = spec.mix.iter().map(|(_, weight)| u64::from(*weight)).sum();
    spec.operations.filter(|operations| *operations < round).map(|operations| Idle {
        key: "operations",
        what: "is too low for the mix",
        label: format!("{} are less than a round of {}", grouped(operations), grouped(round)),
        remedy: "raise it, or make the weights of the mix smaller".to_owned(),
    })
}

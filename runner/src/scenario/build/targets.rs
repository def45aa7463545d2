//! Targets: the system calls that are measured, by name or by the level of a factor.

use super::super::diagnostic::{Diagnostic, quoted};
use super::super::model::GeneratorDecl;
use super::super::model::{Given, Scenario, Scope};
use super::super::wire::{Node, Value};
use super::factors::{Factors, reference};
use super::fields::{self, Section};
use generators::Workload;
use std::collections::BTreeSet;

/// The targets as written, each with its place.
pub(super) struct Targets<'a> {
    pub(super) named: Vec<(Given<String>, &'a Node)>,
}

impl Targets<'_> {
    /// The targets of all cells, each once, in the file's order.
    pub(super) fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for name in self.named.iter().flat_map(|(name, _)| name.values()) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }
}

/// Reads `measure.syscalls`: a list of names and `$factor`s, or one `$factor`.
pub(super) fn read<'a>(
    section: &Section<'a>,
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Targets<'a>> {
    let Some(node) = section.node("syscalls") else {
        section.missing("syscalls", problems);
        return None;
    };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Text(_) if reference(node).is_some() => std::slice::from_ref(node),
        _ => {
            let message = "`measure.syscalls` must be a list of names";
            let problem = Diagnostic::at(&node.place, message, fields::found(node));
            problems.push(problem.help("write `[\"mmap\", \"munmap\"]`"));
            return None;
        }
    };
    if items.is_empty() {
        problems.push(Diagnostic::at(&node.place, "`measure.syscalls` names no system call", "is empty"));
    }
    if let Some(item) = items.get(probe_abi::MAX_TARGETS) {
        problems.push(too_many(item));
        return None;
    }
    let mut targets = Targets { named: Vec::with_capacity(items.len()) };
    for item in items {
        let Some(name) = factors.given_at(("measure.syscalls", item), fields::syscall, problems) else {
            continue;
        };
        let same = targets.named.iter().find(|(other, _)| *other == name);
        if let (Some((_, first)), Given::Fixed(name)) = (same, &name) {
            let message = format!("system call {} is repeated", quoted(name));
            let problem = Diagnostic::at(&item.place, message, "given before");
            problems.push(problem.related(&first.place, "first given here"));
        }
        targets.named.push((name, item));
    }
    if targets.all().len() > probe_abi::MAX_TARGETS {
        problems.push(too_many(node));
        return None;
    }
    Some(targets)
}

fn too_many(node: &Node) -> Diagnostic {
    let message = format!("one run measures at most {} system calls", probe_abi::MAX_TARGETS);
    Diagnostic::at(&node.place, message, "is one too many")
}

/// Refuses targets that nobody issues where only generators are seen: by a level, in no cell of it.
pub(super) fn check_issued(
    targets: &Targets<'_>,
    scenario: &Scenario,
    section: &Section<'_>,
) -> Vec<Diagnostic> {
    let (Some(place), Scope::Generators) = (section.node("syscalls"), scenario.measure.scope) else {
        return Vec::new();
    };
    if scenario.generators.is_empty() {
        let message = "there is no generator, and scope `generators` counts no other calls";
        let problem = Diagnostic::at(&place.place, message, "nobody would issue these");
        return vec![problem.help("add a [generators.NAME] table, or measure with scope `system`")];
    }
    let issued: BTreeSet<&str> =
        scenario.generators.iter().flat_map(GeneratorDecl::workloads).flat_map(Workload::syscalls).collect();
    let list = issued.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    // What each cell sees, once: there may be as many cells as there are trials.
    let mut seen: BTreeSet<(&str, Option<(usize, usize)>)> = BTreeSet::new();
    for cell in &scenario.cells {
        for target in scenario.targets_of(cell) {
            seen.insert((target, None));
            seen.extend(
                cell.levels.iter().enumerate().map(|(factor, level)| (target, Some((factor, *level)))),
            );
        }
    }
    let mut problems = Vec::new();
    for (named, node) in &targets.named {
        for (level, target) in named.values().iter().enumerate() {
            let at = named.factor().map(|factor| (factor, level));
            // A level may be in no cell at all, when those with it are excluded.
            let is_there = at
                .is_none_or(|(factor, level)| scenario.cells.iter().any(|cell| cell.levels[factor] == level));
            if is_there && !seen.contains(&(target.as_str(), at)) {
                let message = match at {
                    None => format!("no generator issues {}", quoted(target)),
                    Some(_) => {
                        format!("no generator issues {} in the cells where it is measured", quoted(target))
                    }
                };
                let problem = Diagnostic::at(&node.place, message, "would count nothing");
                problems.push(problem.help(format!("the generators issue {list}")));
            }
        }
    }
    problems
}

//! Generators: what each value must be, and what must hold between them.

use super::super::diagnostic::{Diagnostic, quoted};
use super::super::language::{GENERATOR, MAX_DEPTH, MAX_OPERATIONS, MAX_RATE, MAX_THREADS};
use super::super::model::{GeneratorDecl, Given, Machine, Name};
use super::super::wire::{Key, Node};
use super::factors::Factors;
use super::fields::{self, NAME_RULE, Section};
use super::programs;
use generators::{Parameter, Workload};
use std::time::Duration;

/// Most generators of a scenario: each is a process of its own.
const MAX_GENERATORS: usize = 64;

/// A generator with the key of its table.
pub(super) struct Declared<'a> {
    pub(super) key: &'a Key,
    pub(super) decl: GeneratorDecl,
}

/// Reads the tables in `[generators]`.
pub(super) fn read<'a>(
    section: Option<&Section<'a>>,
    factors: &Factors<'a>,
    machine: &Machine,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Declared<'a>>, Vec<programs::Declared<'a>>) {
    let Some(section) = section else { return (Vec::new(), Vec::new()) };
    let entries = &section.table().entries;
    if let Some((key, _)) = entries.get(MAX_GENERATORS) {
        let message = format!("there are more than {MAX_GENERATORS} generators");
        problems.push(Diagnostic::at(&key.place, message, "is one too many"));
        return (Vec::new(), Vec::new());
    }
    let (mut all, mut all_programs) = (Vec::with_capacity(entries.len()), Vec::new());
    for (key, node) in entries {
        let name = Name::new(&key.name);
        if name.is_none() {
            let message = format!("the name of generator {} {NAME_RULE}", quoted(&key.name));
            problems.push(Diagnostic::at(&key.place, message, "is no name"));
        }
        let table = Section::open(&section.path_of(&key.name), node, problems);
        let Some((table, name)) = table.zip(name) else { continue };
        if table.node(programs::COMMAND).is_some() {
            all_programs.extend(programs::read((key, name), (&table, factors), problems));
        } else {
            let decl = generator(name, (&table, factors), machine, problems);
            all.extend(decl.map(|decl| Declared { key, decl }));
        }
    }
    (all, all_programs)
}

fn generator<'a>(
    name: Name,
    (table, factors): (&Section<'a>, &Factors<'a>),
    machine: &Machine,
    problems: &mut Vec<Diagnostic>,
) -> Option<GeneratorDecl> {
    table.only(&GENERATOR.names(), problems);
    let before = problems.len();
    let workloads: Vec<(&str, Workload)> = Workload::ALL.iter().map(|w| (w.name(), *w)).collect();
    let workload = factors.given((table, "workload"), fields::choice(&workloads), problems);
    if table.node("workload").is_none() {
        table.missing("workload", problems);
    }
    let threads = factors.given((table, "threads"), number(MAX_THREADS), problems).unwrap_or(Given::Fixed(1));
    let size_bytes = factors.given((table, "size"), fields::size(machine.memory_bytes), problems);
    let touch = factors.given((table, "touch"), fields::boolean, problems).unwrap_or(Given::Fixed(false));
    let duration_ns = factors.given((table, "duration"), nanoseconds, problems);
    let depth = factors.given((table, "depth"), number(MAX_DEPTH), problems);
    let must = "must be a number of operations per second, above 0 and at most 1e9";
    let rate_per_second = factors.given((table, "rate"), fields::number(0.0, MAX_RATE, must), problems);
    let operations = factors.given((table, "operations"), fields::integer(1..=MAX_OPERATIONS), problems);
    let decl = GeneratorDecl {
        name,
        workload: workload?,
        threads,
        size_bytes,
        touch,
        duration_ns,
        depth,
        rate_per_second,
        operations,
    };
    // What holds between values can be told only where each of them is one.
    if problems.len() == before {
        for parameter in &PARAMETERS {
            parameter.check(table, &decl, problems);
        }
        check_memory(table, (&decl, machine), problems);
    }
    Some(decl)
}

#[expect(clippy::cast_possible_truncation, reason = "every number of that kind is far below 2^32")]
fn number(most: u64) -> impl Fn(&Node) -> fields::Reading<u32> {
    move |node| fields::integer(1..=most)(node).map(|number| number as u32)
}

/// A duration of at least 1 ns.
fn nanoseconds(node: &Node) -> fields::Reading<u64> {
    let duration = fields::duration(Duration::from_nanos(1))(node)?;
    Ok(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// A key that some workloads take and others do not.
struct Taken {
    key: &'static str,
    parameter: Parameter,
    /// "workload `getpid`" …
    refusal: &'static str,
    /// What is missing where it must be given, and a value to add; none where it may be left out.
    required: Option<(&'static str, &'static str)>,
}

static PARAMETERS: [Taken; 4] = [
    Taken {
        key: "size",
        parameter: Parameter::Size,
        refusal: "takes no size",
        required: Some(("a size", "\"64KiB\"")),
    },
    Taken { key: "touch", parameter: Parameter::Touch, refusal: "maps no memory to touch", required: None },
    Taken {
        key: "duration",
        parameter: Parameter::Duration,
        refusal: "takes no duration",
        required: Some(("a duration", "\"50us\"")),
    },
    Taken {
        key: "depth",
        parameter: Parameter::Depth,
        refusal: "takes no depth",
        required: Some(("a depth", "10")),
    },
];

impl Taken {
    /// It is there if a workload needs it, and only if one takes it.
    fn check(&self, table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
        let takers = workloads_that(decl, |workload| workload.takes(self.parameter));
        let path = quoted(&table.path_of(self.key));
        match (table.node(self.key), takers.first(), self.required) {
            (None, Some(workload), Some((what, example))) => {
                let Some(node) = table.node("workload") else { return };
                let label = format!("workload `{workload}` needs {what}");
                let problem = Diagnostic::at(&node.place, format!("{path} is missing"), label);
                problems.push(problem.help(format!("add, for example, `{} = {example}`", self.key)));
            }
            (Some(node), None, _) if self.key != "touch" || decl.touch.values().contains(&true) => {
                let names: Vec<String> = workloads_that(decl, |_| true).into_iter().map(quoted).collect();
                let label = format!("workload {} {}", names.join(", "), self.refusal);
                problems.push(Diagnostic::at(&node.place, format!("{path} has no effect"), label));
            }
            _ => {}
        }
    }
}

/// The names of those of a generator's workloads for which something holds.
fn workloads_that(decl: &GeneratorDecl, holds: impl Fn(Workload) -> bool) -> Vec<&'static str> {
    decl.workload
        .values()
        .iter()
        .filter(|workload| holds(**workload))
        .map(|workload| workload.name())
        .collect()
}

/// Each thread has memory of its own.
fn check_memory(
    table: &Section<'_>,
    (decl, machine): (&GeneratorDecl, &Machine),
    problems: &mut Vec<Diagnostic>,
) {
    let touch = decl.touch.values().contains(&true);
    let uses = decl.workload.values().iter().any(|workload| workload.fills_memory(touch));
    let largest = |size: &Given<u64>| size.values().iter().max().copied();
    let size = decl.size_bytes.as_ref().and_then(largest).unwrap_or(0);
    let threads = decl.threads.values().iter().max().copied().unwrap_or(1);
    let all = size.saturating_mul(threads.into());
    if let (Some(node), true, true) = (table.node("size"), uses, all > machine.memory_bytes) {
        let memory = fields::grouped(machine.memory_bytes);
        let message = format!("the threads' sizes must fit into this machine's memory, {memory} bytes");
        let label = format!("{threads} threads use {} bytes", fields::grouped(all));
        problems.push(Diagnostic::at(&node.place, message, label));
    }
}

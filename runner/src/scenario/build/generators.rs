//! Generators: what each value must be, and what must hold between them.

use super::super::diagnostic::{Diagnostic, quoted};
use super::super::language::{GENERATOR, MAX_OPERATIONS, MAX_RATE, MAX_THREADS};
use super::super::model::{GeneratorDecl, Given, Machine, Name};
use super::super::wire::Key;
use super::factors::Factors;
use super::fields::{self, NAME_RULE, Section};
use super::programs;
use generators::Workload;

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
    let threads = factors.given((table, "threads"), threads, problems).unwrap_or(Given::Fixed(1));
    let size_bytes = factors.given((table, "size"), fields::size(machine.memory_bytes), problems);
    let touch = factors.given((table, "touch"), fields::boolean, problems).unwrap_or(Given::Fixed(false));
    let must = "must be a number of operations per second, above 0 and at most 1e9";
    let rate_per_second = factors.given((table, "rate"), fields::number(0.0, MAX_RATE, must), problems);
    let operations = factors.given((table, "operations"), fields::integer(1..=MAX_OPERATIONS), problems);
    let decl =
        GeneratorDecl { name, workload: workload?, threads, size_bytes, touch, rate_per_second, operations };
    // What holds between values can be told only where each of them is one.
    if problems.len() == before {
        check_size(table, &decl, problems);
        check_touch(table, &decl, problems);
        check_memory(table, (&decl, machine), problems);
    }
    Some(decl)
}

#[expect(clippy::cast_possible_truncation, reason = "at most 4,096")]
fn threads(node: &super::super::wire::Node) -> fields::Reading<u32> {
    fields::integer(1..=MAX_THREADS)(node).map(|threads| threads as u32)
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

fn check_size(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    let sized = workloads_that(decl, Workload::takes_size);
    match (table.node("size"), sized.first(), table.node("workload")) {
        (None, Some(workload), Some(node)) => {
            let message = format!("{} is missing", quoted(&table.path_of("size")));
            let label = format!("workload `{workload}` needs a size");
            problems.push(
                Diagnostic::at(&node.place, message, label).help("add, for example, `size = \"64KiB\"`"),
            );
        }
        (Some(node), None, _) => {
            let message = format!("{} has no effect", quoted(&table.path_of("size")));
            problems.push(Diagnostic::at(&node.place, message, without(decl, "takes no size")));
        }
        _ => {}
    }
}

/// "workload `getpid` takes no size".
fn without(decl: &GeneratorDecl, what: &str) -> String {
    let names: Vec<String> = workloads_that(decl, |_| true).into_iter().map(quoted).collect();
    format!("workload {} {what}", names.join(", "))
}

fn check_touch(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    let touches = decl.touch.values().contains(&true);
    let maps = !workloads_that(decl, Workload::takes_touch).is_empty();
    if let (Some(node), true, false) = (table.node("touch"), touches, maps) {
        let message = format!("{} has no effect", quoted(&table.path_of("touch")));
        problems.push(Diagnostic::at(&node.place, message, without(decl, "maps no memory to touch")));
    }
}

/// Each thread has memory of its own, all of it in use unless it is mapped and not touched.
fn check_memory(
    table: &Section<'_>,
    (decl, machine): (&GeneratorDecl, &Machine),
    problems: &mut Vec<Diagnostic>,
) {
    let uses = decl.touch.values().contains(&true) || decl.workload.values().contains(&Workload::Read);
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

//! Generators: what each value must be, and what must hold between them.

use super::super::diagnostic::{Diagnostic, Place, did_you_mean, quoted};
use super::super::language::{
    GENERATOR, MAX_BATCH, MAX_CPU, MAX_DEPTH, MAX_OPERATIONS, MAX_RATE, MAX_THREADS, MAX_WEIGHT,
};
use super::super::model::{GeneratorDecl, Given, Machine, Name};
use super::super::wire::{Key, Node, Value};
use super::factors::Factors;
use super::fields::{self, NAME_RULE, Section};
use super::programs;
use generators::{Parameter, Pin, Workload};
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
    let mix = mix(table, &workloads, problems);
    let workload = match mix.first() {
        Some((first, _)) => Some(Given::Fixed(*first)),
        None => factors.given((table, "workload"), fields::choice(&workloads), problems),
    };
    match (table.node("workload"), table.node("mix")) {
        (None, None) => table.missing("workload", problems),
        (Some(node), Some(_)) => {
            let message = "a generator has either a workload or a mix of several";
            problems.push(Diagnostic::at(&node.place, message, "there is a `mix` as well"));
        }
        _ => {}
    }
    let threads = factors.given((table, "threads"), number(MAX_THREADS), problems).unwrap_or(Given::Fixed(1));
    let size_bytes = factors.given((table, "size"), fields::size(machine.memory_bytes), problems);
    let touch = factors.given((table, "touch"), fields::boolean, problems).unwrap_or(Given::Fixed(false));
    let duration_ns = factors.given((table, "duration"), nanoseconds, problems);
    let depth = factors.given((table, "depth"), number(MAX_DEPTH), problems);
    let waiters = factors.given((table, "waiters"), number(MAX_THREADS), problems);
    let pin = factors.given((table, "pin"), pin, problems);
    let pinned = pinned(pin.as_ref(), table.node("pin"), factors);
    let think_ns = factors.given((table, "think"), think, problems).unwrap_or(Given::Fixed(0));
    let batch = factors.given((table, "batch"), number(MAX_BATCH), problems).unwrap_or(Given::Fixed(1));
    let must = "must be a number of operations per second, above 0 and at most 1e9";
    let rate_per_second = factors.given((table, "rate"), fields::number(0.0, MAX_RATE, must), problems);
    let operations = factors.given((table, "operations"), fields::integer(1..=MAX_OPERATIONS), problems);
    let decl = GeneratorDecl {
        name,
        workload: workload?,
        mix,
        threads,
        size_bytes,
        touch,
        duration_ns,
        depth,
        waiters,
        pin,
        pinned,
        think_ns,
        batch,
        rate_per_second,
        operations,
    };
    // What holds between values can be told only where each of them is one.
    if problems.len() == before {
        for parameter in &PARAMETERS {
            parameter.check(table, &decl, problems);
        }
        check_size(table, &decl, problems);
        check_think(table, &decl, problems);
        check_batch(table, &decl, problems);
        check_helpers(table, &decl, problems);
        check_memory(table, (&decl, machine), problems);
    }
    Some(decl)
}

/// The workloads of a mix with their weights; empty where there is none.
fn mix(
    table: &Section<'_>,
    workloads: &[(&'static str, Workload)],
    problems: &mut Vec<Diagnostic>,
) -> Vec<(Workload, u32)> {
    let before = problems.len();
    let Some(section) = table.section("mix", problems) else { return Vec::new() };
    let mut mix = Vec::new();
    for (key, node) in &section.table().entries {
        let found = workloads.iter().find(|(name, _)| *name == key.name);
        let refuse = |message: String, label: &str| Diagnostic::at(&key.place, message, label);
        match found {
            None => {
                let help = did_you_mean(&key.name, workloads.iter().map(|(name, _)| *name));
                let message = format!("there is no workload {}", quoted(&key.name));
                problems.push(refuse(message, "is unknown").maybe_help(help));
            }
            Some((name, workload)) if !workload.can_be_mixed() => {
                let message = format!("workload {} cannot be part of a mix", quoted(name));
                problems.push(refuse(message, "has helpers, children or untimed calls"));
            }
            Some((_, workload)) => match number(MAX_WEIGHT)(node) {
                Ok(weight) => mix.push((*workload, weight)),
                Err(complaint) => problems.push(complaint.of(&section.path_of(&key.name), node)),
            },
        }
    }
    if let (Some(node), true, true) = (table.node("mix"), mix.len() < 2, problems.len() == before) {
        let message = format!("{} must have at least two workloads", quoted(&table.path_of("mix")));
        let problem = Diagnostic::at(&node.place, message, "is no mix");
        problems.push(problem.help("write `mix = { read = 3, openat = 1 }`, or `workload` for one"));
    }
    mix
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

/// A duration that may be nothing.
fn think(node: &Node) -> fields::Reading<u64> {
    let duration = fields::duration(Duration::ZERO)(node)?;
    Ok(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn pin(node: &Node) -> fields::Reading<Pin> {
    match &node.value {
        Value::Text(text) if text == "spread" => Ok(Pin::Spread),
        Value::Integer(_) => {
            let cpu = fields::integer(0..=MAX_CPU)(node)?;
            Ok(Pin::Cpu(u32::try_from(cpu).unwrap_or(u32::MAX)))
        }
        _ => Err(fields::Complaint::new("must be `\"spread\"` or the number of a CPU", node)),
    }
}

/// The CPUs that are named, each where it is: where a factor says which, at its level.
fn pinned(pin: Option<&Given<Pin>>, node: Option<&Node>, factors: &Factors<'_>) -> Vec<(u32, Place)> {
    let (Some(pin), Some(node)) = (pin, node) else { return Vec::new() };
    let places = match pin {
        Given::Fixed(_) => vec![node],
        Given::Factor { factor, .. } => factors.levels(*factor).to_vec(),
    };
    let cpu = |(pin, node): (&Pin, &Node)| match pin {
        Pin::Cpu(cpu) => Some((*cpu, node.place.clone())),
        Pin::Spread => None,
    };
    pin.values().iter().zip(places).filter_map(cpu).collect()
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

static PARAMETERS: [Taken; 5] = [
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
    Taken {
        key: "waiters",
        parameter: Parameter::Waiters,
        refusal: "has no waiters",
        required: Some(("a number of waiters", "4")),
    },
];

impl Taken {
    /// It is there if a workload needs it, and only if one takes it.
    fn check(&self, table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
        let takers = workloads_that(decl, |workload| match table.node(self.key) {
            None if self.parameter == Parameter::Size => workload.needs_size(),
            _ => workload.takes(self.parameter),
        });
        let path = quoted(&table.path_of(self.key));
        match (table.node(self.key), takers.first(), self.required) {
            (None, Some(workload), Some((what, example))) => {
                let Some(node) = table.node("workload").or_else(|| table.node("mix")) else { return };
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
    decl.workloads().into_iter().filter(|workload| holds(*workload)).map(Workload::name).collect()
}

/// What a thread sends to itself has to fit where it is kept meanwhile.
fn check_size(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    let size = decl.size_bytes.as_ref().and_then(|size| size.values().iter().max().copied()).unwrap_or(0);
    let limits = decl.workloads().into_iter().filter_map(|it| Some((it, it.most_size_bytes()?)));
    if let (Some(node), Some((workload, most))) =
        (table.node("size"), limits.into_iter().find(|(_, most)| size > *most))
    {
        let path = quoted(&table.path_of("size"));
        let message = format!(
            "{path} can be {} bytes at most for workload `{}`",
            fields::grouped(most),
            workload.name()
        );
        problems.push(Diagnostic::at(&node.place, message, format!("is {} bytes", fields::grouped(size))));
    }
}

/// At a fixed rate, operations begin when they are due.
fn check_think(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    if let (Some(node), Some(_)) = (table.node("think"), &decl.rate_per_second) {
        let message = format!("{} has no effect", quoted(&table.path_of("think")));
        problems.push(Diagnostic::at(&node.place, message, "operations begin at the times of `rate`"));
    }
}

/// Where operations follow each other anyway, there are no batches.
fn check_batch(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    let is_paced = decl.rate_per_second.is_some() || table.node("think").is_some();
    let has_batch = decl.batch.values().iter().any(|batch| *batch > 1);
    if let (Some(node), true, false) = (table.node("batch"), has_batch, is_paced) {
        let message = format!("{} has no effect", quoted(&table.path_of("batch")));
        let problem = Diagnostic::at(&node.place, message, "nothing is between one batch and the next");
        problems.push(problem.help("add a `rate`, or a `think` time between batches"));
    }
}

/// Waiters are threads, too; and the end of the heap is one for all.
fn check_helpers(table: &Section<'_>, decl: &GeneratorDecl, problems: &mut Vec<Diagnostic>) {
    let most = |given: &Given<u32>| given.values().iter().max().copied().map_or(1, u64::from);
    let threads = most(&decl.threads);
    let all = decl.waiters.as_ref().map_or(0, most) * threads;
    if let (Some(node), true) = (table.node("waiters"), all > MAX_THREADS) {
        let message = format!("the waiters of all threads can be {} at most", fields::grouped(MAX_THREADS));
        let label = format!("are {} for {threads} threads", fields::grouped(all));
        problems.push(Diagnostic::at(&node.place, message, label));
    }
    let touches = decl.touch.values().contains(&true);
    let moves_the_heap = decl.workloads().contains(&Workload::Brk);
    if let (Some(node), true, true, true) = (table.node("touch"), touches, moves_the_heap, threads > 1) {
        let message = "workload `brk` can touch memory with one thread only";
        problems.push(Diagnostic::at(&node.place, message, "another thread could take the memory away"));
    }
}

/// Each thread has memory of its own.
fn check_memory(
    table: &Section<'_>,
    (decl, machine): (&GeneratorDecl, &Machine),
    problems: &mut Vec<Diagnostic>,
) {
    let touch = decl.touch.values().contains(&true);
    let uses = decl.workloads().iter().any(|workload| workload.fills_memory(touch));
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

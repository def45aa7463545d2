//! `[machine]`: what a scenario asks of the machine.

use super::super::diagnostic::{Diagnostic, Place, did_you_mean, quoted};
use super::super::language;
use super::super::settings::{CpuList, CpuSets, MachineRequest, THP};
use super::super::wire::{Node, Value};
use super::fields::{self, Complaint, Reading, Section, found};
use super::generators::Declared;
use std::collections::BTreeMap;

/// Reads the table; without one, everything stays as it is.
pub(super) fn read(section: Option<&Section<'_>>, problems: &mut Vec<Diagnostic>) -> MachineRequest {
    let Some(section) = section else { return MachineRequest::default() };
    section.only(&language::MACHINE.names(), problems);
    let modes = THP.map(|mode| (mode, mode));
    let swappiness = fields::integer(0..=language::MAX_SWAPPINESS);
    MachineRequest {
        governor: section.optional("governor", governor, problems),
        turbo: section.optional("turbo", fields::boolean, problems),
        thp: section.optional("thp", fields::choice(&modes), problems),
        aslr: section.optional("aslr", fields::boolean, problems),
        swappiness: section.optional("swappiness", swappiness, problems),
        cpus: cpus(section, problems),
        drop_caches: section.optional("drop_caches", fields::boolean, problems).unwrap_or(false),
        required: required(section, problems),
        places: places(section),
    }
}

/// Refuses to pin threads to a CPU outside of the set that generators are kept on.
pub(super) fn check_pins(
    (section, machine): (Option<&Section<'_>>, &MachineRequest),
    generators: &[Declared<'_>],
    problems: &mut Vec<Diagnostic>,
) {
    let node = section.and_then(|section| match &section.node("cpus")?.value {
        Value::Table(table) => table.get("generators"),
        _ => None,
    });
    let (Some(list), Some(node)) = (&machine.cpus.generators, node) else { return };
    for decl in generators.iter().map(|declared| &declared.decl) {
        let outside = |(cpu, _): &&(u32, Place)| !list.cpus().any(|known| known == *cpu as usize);
        for (cpu, place) in decl.pinned.iter().filter(outside) {
            let name = quoted(decl.name.as_str());
            let message =
                format!("generator {name} would be pinned outside of the CPUs that generators are kept on");
            let help = format!("pin it to one of {list}, or add {cpu} to `machine.cpus.generators`");
            let problem = Diagnostic::at(place, message, format!("CPU {cpu} is not among them"));
            problems.push(problem.related(&node.place, "these").help(help));
        }
    }
}

fn places(section: &Section<'_>) -> BTreeMap<String, Place> {
    section.table().entries.iter().map(|(key, node)| (key.name.clone(), node.place.clone())).collect()
}

/// A governor's name. Which there are, the machine knows.
fn governor(node: &Node) -> Reading<String> {
    let name = fields::text(node)?;
    let is_name = |name: &str| {
        (1..=15).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    if is_name(&name) {
        return Ok(name);
    }
    Err(Complaint::new("must be the name of a frequency governor, such as \"performance\"", node))
}

fn cpus(section: &Section<'_>, problems: &mut Vec<Diagnostic>) -> CpuSets {
    let Some(table) = section.section("cpus", problems) else { return CpuSets::default() };
    table.only(&language::CPU_SETS.names(), problems);
    let mut list = |key: &str| table.optional(key, cpu_list, problems);
    CpuSets { generators: list("generators"), load: list("load"), runner: list("runner") }
}

fn cpu_list(node: &Node) -> Reading<CpuList> {
    let text = fields::text(node)?;
    CpuList::parse(&text).ok_or_else(|| Complaint::new("must be a list of CPUs, such as \"0-2,4\"", node))
}

/// Keys of the table that the run is refused without.
fn required(section: &Section<'_>, problems: &mut Vec<Diagnostic>) -> Vec<String> {
    let Some(node) = section.node("required") else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let message = "`machine.required` must be a list of keys of `[machine]`";
        problems.push(Diagnostic::at(&node.place, message, found(node)).help("write `[\"governor\"]`"));
        return Vec::new();
    };
    let known: Vec<&str> = language::MACHINE.names().into_iter().filter(|name| *name != "required").collect();
    let mut names = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(name) if known.contains(&name.as_str()) && section.node(name).is_some() => {
                names.push(name.clone());
            }
            Value::Text(name) if known.contains(&name.as_str()) => {
                let message = format!("{} is required and not asked for", quoted(name));
                let problem = Diagnostic::at(&item.place, message, "is not in `[machine]`");
                problems.push(problem.help(format!("set `{name}`, or do not require it")));
            }
            Value::Text(name) => {
                let message = format!("there is no setting {}", quoted(name));
                let all = || known.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                let help = did_you_mean(name, known.iter().copied());
                let help = help.unwrap_or_else(|| format!("there are {}", all()));
                problems.push(Diagnostic::at(&item.place, message, "is no key of `[machine]`").help(help));
            }
            _ => {
                let message = "a setting that is required is named by a string";
                problems.push(Diagnostic::at(&item.place, message, found(item)));
            }
        }
    }
    names
}

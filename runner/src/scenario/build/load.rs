//! Load levels: which of stress-ng's options a scenario may set, and to what; and programs as load.

use super::super::diagnostic::{Diagnostic, quoted};
use super::super::model::{Given, LoadLevel, LoadOption, LoadProgram, LoadValue, Name};
use super::super::units;
use super::super::wire::{Key, Node, Value};
use super::factors::{Factors, reference};
use super::fields::{self, Complaint, NAME_RULE, Section, found};
use super::programs;

/// Most load levels of a scenario.
const MAX_LEVELS: usize = 100;

/// Keys of a level that are not stress-ng's.
const OWN: [&str; 4] = ["command", "cwd", "repeat", "require_memory"];

/// Options that end, steer or record the load, which is the runner's business.
const OF_THE_RUNNER: [&str; 25] = [
    "abort",
    "all",
    "backoff",
    "class",
    "dry-run",
    "exclude",
    "help",
    "job",
    "keep-files",
    "keep-name",
    "log-brief",
    "metrics",
    "metrics-brief",
    "parallel",
    "quiet",
    "random",
    "sequential",
    "stressors",
    "times",
    "timestamp",
    "timeout",
    "verbose",
    "verifiable",
    "version",
    "with",
];

/// Options that name a place in the file system, write outside the run, execute, or are known to hang machines.
const OUT_OF_BOUNDS: [&str; 16] = [
    "dev-file",
    "exec",
    "exec-fork-method",
    "exec-max",
    "exec-method",
    "exec-no-pthread",
    "fstat-dir",
    "ftrace",
    "gpu-devnode",
    "ignite-cpu",
    "log-file",
    "pathological",
    "stdout-lines",
    "syslog",
    "temp-path",
    "yaml",
];

/// Reads the tables in `[load]`; without any there is one level without load, `baseline`.
pub(super) fn read<'a>(
    section: Option<&Section<'a>>,
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<LoadLevel> {
    let Some(section) = section else {
        return Name::new("baseline")
            .map(|name| LoadLevel {
                name,
                options: Vec::new(),
                program: None,
                requires_memory: false,
                place: None,
            })
            .into_iter()
            .collect();
    };
    let entries = &section.table().entries;
    let mut levels = Vec::with_capacity(entries.len());
    for (index, (key, node)) in entries.iter().enumerate() {
        if index == MAX_LEVELS {
            let message = format!("there are more than {MAX_LEVELS} load levels");
            problems.push(Diagnostic::at(&key.place, message, "is one too many"));
            break;
        }
        let name = Name::new(&key.name);
        if name.is_none() {
            let message = format!("the name of load level {} {NAME_RULE}", quoted(&key.name));
            problems.push(Diagnostic::at(&key.place, message, "is no name"));
        }
        let Some(table) = Section::open(&section.path_of(&key.name), node, problems) else {
            continue;
        };
        let of_stress_ng = |(key, _): &&(Key, Node)| !OWN.contains(&key.name.as_str());
        let entries = table.table().entries.iter().filter(of_stress_ng);
        let options: Vec<_> =
            entries.filter_map(|(key, node)| option((&table, key), node, factors, problems)).collect();
        let program = program(&table, problems);
        let requires_memory = requires_memory(&table, &options, problems);
        let place = Some(key.place.clone());
        levels.extend(name.map(|name| LoadLevel { name, options, program, requires_memory, place }));
    }
    levels
}

/// Reports `[load]` without a level.
pub(super) fn check_not_empty(
    section: Option<&Section<'_>>,
    node: Option<&Node>,
    problems: &mut Vec<Diagnostic>,
) {
    if let (Some(section), Some(node)) = (section, node)
        && section.table().entries.is_empty()
    {
        let problem = Diagnostic::at(&node.place, "`load` has no level", "is empty");
        problems.push(problem.help("write `[load.baseline]` for a level without load, or remove it"));
    }
}

/// The program that is load, if there is one.
fn program(table: &Section<'_>, problems: &mut Vec<Diagnostic>) -> Option<LoadProgram> {
    let cwd = table.optional("cwd", programs::folder, problems);
    let repeats = table.optional("repeat", fields::boolean, problems);
    let Some(node) = table.node("command") else {
        for key in ["cwd", "repeat"] {
            if let Some(node) = table.node(key) {
                let message = format!("{} is about a program", quoted(&table.path_of(key)));
                let problem = Diagnostic::at(&node.place, message, "there is no `command`");
                problems.push(problem.help("write `command = [\"fio\", \"--name=x\"]`, or remove it"));
            }
        }
        return None;
    };
    let (command, place) = programs::plain_words(&table.path_of("command"), node, problems)?;
    let cwd_place = table.node("cwd").map(|node| node.place.clone());
    Some(LoadProgram { command, cwd, repeats: repeats.unwrap_or(false), place, cwd_place })
}

fn requires_memory(table: &Section<'_>, options: &[LoadOption], problems: &mut Vec<Diagnostic>) -> bool {
    let requires = table.optional("require_memory", fields::boolean, problems).unwrap_or(false);
    if let (true, Some(node)) = (requires, table.node("require_memory"))
        && !options.iter().any(|option| option.name == "vm")
    {
        let message =
            format!("{} asks for memory that nothing fills", quoted(&table.path_of("require_memory")));
        let problem = Diagnostic::at(&node.place, message, "there is no `vm`");
        problems.push(problem.help("add `vm = 1` and `vm-bytes`, or remove it"));
    }
    requires
}

fn option(
    (table, key): (&Section<'_>, &Key),
    node: &Node,
    factors: &Factors<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<LoadOption> {
    if let Some(problem) = refused(key) {
        problems.push(problem);
        return None;
    }
    let read = |node: &Node| value(node).map_err(|(must, label)| Complaint::with(must, label));
    let value = match factors.given_at((&table.path_of(&key.name), node), read, problems)? {
        Given::Fixed(value) => value,
        Given::Factor { factor, levels } => {
            LoadValue::Factor { name: reference(node).unwrap_or_default().to_owned(), factor, levels }
        }
    };
    Some(LoadOption { name: key.name.clone(), value, place: key.place.clone() })
}

/// Why an option is not a scenario's to set.
fn refused(key: &Key) -> Option<Diagnostic> {
    let name = key.name.as_str();
    let refuse = |label: &str| {
        let message = format!("{} cannot be an option of a load level", quoted(name));
        Diagnostic::at(&key.place, message, label)
    };
    if let Some(bare) = name.strip_prefix('-') {
        let bare = bare.trim_start_matches('-');
        return Some(refuse("begins with a dash").help(format!("write {}", quoted(bare))));
    }
    let clean = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.chars().count() < 2 || name.chars().count() > Name::MAX_CHARS || !name.chars().all(clean) {
        let help = "options are stress-ng's long ones, such as `cpu` or `vm-bytes`";
        return Some(refuse("is not the long name of an option").help(help));
    }
    if OF_THE_RUNNER.contains(&name) {
        return Some(refuse("the runner starts, ends and records the load itself"));
    }
    if name.ends_with("-ops") {
        let help = "a load lasts as long as the trials under it";
        return Some(refuse("would end the load on its own").help(help));
    }
    if OUT_OF_BOUNDS.contains(&name) {
        return Some(refuse("reaches beyond the run: files, programs, devices, or settings of the machine"));
    }
    // stress-ng accepts an option by any unique beginning of its name.
    let all = OF_THE_RUNNER.iter().chain(&OUT_OF_BOUNDS);
    let full = all.into_iter().find(|full| full.starts_with(name) && !is_stressor(name))?;
    Some(refuse(&format!("is short for `{full}`, which a scenario cannot set")))
}

/// Whether a beginning of a refused option is a name of its own.
fn is_stressor(name: &str) -> bool {
    matches!(name, "dev" | "fstat" | "gpu")
}

fn value(node: &Node) -> Result<LoadValue, (&'static str, String)> {
    const MUST: &str = "must be a string, a whole number not below 0, or `true`";
    match &node.value {
        Value::Boolean(true) => Ok(LoadValue::Flag),
        Value::Boolean(false) => Err((MUST, "an option that is not wanted is left out".to_owned())),
        Value::Integer(number) => u64::try_from(*number)
            .ok()
            .filter(|number| *number <= i64::MAX.unsigned_abs())
            .map(LoadValue::Integer)
            .ok_or_else(|| (MUST, found(node))),
        Value::Text(text) => text_value(text, node),
        Value::Float(_) | Value::Datetime | Value::List(_) | Value::Table(_) => Err((MUST, found(node))),
    }
}

fn text_value(text: &str, node: &Node) -> Result<LoadValue, (&'static str, String)> {
    const SHARE: &str = "must be a share such as \"50% cpus\" or \"40% memory\"";
    match units::share(text) {
        Some((share, "cpus" | "cpu")) if share > 0.0 && share <= 100.0 => Ok(LoadValue::CpuShare(share)),
        Some((share, "memory")) if share > 0.0 && share <= 1.0 => Ok(LoadValue::MemoryShare(share)),
        Some((_, "cpus" | "cpu")) => Err((SHARE, "is not above 0 % and at most 10,000 %".to_owned())),
        Some((_, "memory")) => Err((SHARE, "is not above 0 % and at most 100 %".to_owned())),
        Some((_, "")) => Ok(LoadValue::Text(text.to_owned())),
        Some(_) => Err((SHARE, found(node))),
        None if text.is_empty() || text.starts_with('-') || text.contains(|c: char| c.is_control()) => {
            Err(("must be text that does not begin with a dash", found(node)))
        }
        None if text.contains('/') => Err(("must not name a path", found(node))),
        None => Ok(LoadValue::Text(text.to_owned())),
    }
}

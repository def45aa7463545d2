//! Programs as generators: tables of `[generators]` with a `command`.

use super::super::diagnostic::{Diagnostic, Place, quoted};
use super::super::language::PROGRAM;
use super::super::model::{Given, Name};
use super::super::programs::{ProgramDecl, Until, Word, Words};
use super::super::wire::{Key, Node, Value};
use super::factors::Factors;
use super::fields::{self, Section, found};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What makes a generator's table one of a program.
pub(super) const COMMAND: &str = "command";

/// Most words of a command, and most commands around a program.
const MOST: usize = 256;

/// A program with the key of its table.
pub(super) struct Declared<'a> {
    pub(super) key: &'a Key,
    pub(super) decl: ProgramDecl,
}

/// Reads the table of a program.
pub(super) fn read<'a>(
    (key, name): (&'a Key, Name),
    (table, factors): (&Section<'a>, &Factors<'a>),
    problems: &mut Vec<Diagnostic>,
) -> Option<Declared<'a>> {
    table.only(&PROGRAM.names(), problems);
    let before = problems.len();
    let one = |key: &str, problems: &mut Vec<Diagnostic>| {
        table.node(key).and_then(|node| words((&table.path_of(key), node), factors, problems))
    };
    let decl = ProgramDecl {
        name,
        command: one(COMMAND, problems).unwrap_or_default(),
        cwd: table.optional("cwd", folder, problems),
        env: environment(table, factors, problems),
        stdin: table.optional("stdin", inner_path, problems),
        setup: several((table, "setup"), factors, problems),
        ready: one("ready", problems),
        teardown: several((table, "teardown"), factors, problems),
        until: table.optional("until", fields::choice(&Until::NAMES), problems).unwrap_or(Until::End),
        place: key.place.clone(),
        cwd_place: table.node("cwd").map(|node| node.place.clone()),
    };
    (problems.len() == before).then_some(Declared { key, decl })
}

/// A command: a list of words.
fn words<'a>(
    (path, node): (&str, &'a Node),
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Words> {
    const MUST: &str = "must be a list of words, the program first";
    let refuse =
        |node: &Node, label: String| Diagnostic::at(&node.place, format!("{} {MUST}", quoted(path)), label);
    let Value::List(items) = &node.value else {
        let help = "write `[\"sort\", \"-r\"]`; no shell looks at the words";
        problems.push(refuse(node, found(node)).help(help));
        return None;
    };
    if items.is_empty() || items.len() > MOST {
        let label =
            if items.is_empty() { "is empty".to_owned() } else { format!("has more than {MOST} words") };
        problems.push(refuse(node, label));
        return None;
    }
    let before = problems.len();
    let words: Words = items.iter().filter_map(|item| word(item, path, factors, problems)).collect();
    if problems.len() == before && words[0].parts.is_empty() {
        problems.push(refuse(&items[0], "names no program".to_owned()));
    }
    (problems.len() == before).then_some(words)
}

/// A command in which nothing stands for a factor, and the place of its first word.
pub(super) fn plain_words(
    path: &str,
    node: &Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<(Vec<String>, Place)> {
    if let Value::List(items) = &node.value
        && let Some(item) = items
            .iter()
            .find(|item| matches!(&item.value, Value::Text(text) if text.replace("$$", "").contains('$')))
    {
        let must = "cannot follow a factor, as a program of a load takes none; `$$` is a dollar";
        let help = "write a [load.NAME] table for each command";
        problems.push(fields::Complaint::new(must, item).help(help).of(path, item));
        return None;
    }
    let factors = Factors::read(None, problems);
    let words = words((path, node), &factors, problems)?;
    let place = words.first()?.place.clone();
    Some((words.iter().map(|word| word.describe(|_| String::new())).collect(), place))
}

/// None, one command, or a list of them.
fn several<'a>(
    (table, key): (&Section<'a>, &str),
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Words> {
    let Some(node) = table.node(key) else { return Vec::new() };
    let path = table.path_of(key);
    match &node.value {
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::List(_))) => {
            if let Some(item) = items.get(MOST) {
                let message = format!("{} has more than {MOST} commands", quoted(&path));
                problems.push(Diagnostic::at(&item.place, message, "is one too many"));
                return Vec::new();
            }
            items.iter().filter_map(|item| words((&path, item), factors, problems)).collect()
        }
        _ => words((&path, node), factors, problems).into_iter().collect(),
    }
}

/// A word: text in which `${factor}` stands for the level, and `$$` for a dollar.
fn word<'a>(
    node: &'a Node,
    path: &str,
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Word> {
    let refuse = |must: &str| fields::Complaint::new(must, node).of(path, node);
    let text = match &node.value {
        Value::Text(text) if !text.contains('\0') => text.as_str(),
        Value::Text(_) => {
            problems.push(refuse("must not contain a zero byte"));
            return None;
        }
        _ => {
            problems.push(refuse("must be made of strings"));
            return None;
        }
    };
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, behind)) = rest.split_once('$') {
        plain.push_str(before);
        rest = if let Some(behind) = behind.strip_prefix('$') {
            plain.push('$');
            behind
        } else if let Some((name, behind)) = behind.strip_prefix('{').and_then(|name| name.split_once('}')) {
            parts.push(Given::Fixed(std::mem::take(&mut plain)));
            parts.push(factors.labels((name, node), problems)?);
            behind
        } else if behind.starts_with('{') {
            problems.push(refuse("has a `${` without its `}`; `$$` is a dollar"));
            return None;
        } else if before.is_empty() && parts.is_empty() && plain.is_empty() && !behind.is_empty() {
            parts.push(factors.labels((behind, node), problems)?);
            ""
        } else {
            problems.push(refuse("has a `$` that is neither `${FACTOR}` nor `$$`, which is a dollar"));
            return None;
        };
    }
    plain.push_str(rest);
    parts.push(Given::Fixed(plain));
    parts.retain(|part| !matches!(part, Given::Fixed(text) if text.is_empty()));
    Some(Word { parts, place: node.place.clone() })
}

fn environment<'a>(
    table: &Section<'a>,
    factors: &Factors<'a>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Word> {
    let Some(section) = table.section("env", problems) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for (key, node) in &section.table().entries {
        if key.name.is_empty() || key.name.contains(['=', '\0']) {
            let message = format!("{} cannot be the name of a variable", quoted(&key.name));
            problems.push(Diagnostic::at(&key.place, message, "is empty, or has a `=` in it"));
            continue;
        }
        let path = section.path_of(&key.name);
        if let Some(value) = word(node, &path, factors, problems) {
            all.insert(key.name.clone(), value);
        }
    }
    all
}

/// A folder that is named explicitly, from the root.
pub(super) fn folder(node: &Node) -> fields::Reading<PathBuf> {
    let path = PathBuf::from(fields::text(node)?);
    if path.is_absolute() {
        return Ok(path);
    }
    let complaint = fields::Complaint::new("must be a path from the root, such as \"/usr/share\"", node);
    Err(complaint.help("without `cwd` a program starts in an empty folder of the trial's own"))
}

/// A path from the root, or one that stays in the folder that it is relative to.
fn inner_path(node: &Node) -> fields::Reading<PathBuf> {
    let path = PathBuf::from(fields::text(node)?);
    let leaves = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    if path.as_os_str().is_empty() || !path.is_absolute() && leaves(&path) {
        return Err(fields::Complaint::new(
            "must be a path from the root, or one that stays in the folder",
            node,
        ));
    }
    Ok(path)
}

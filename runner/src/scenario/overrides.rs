//! Values from the command line that take the place of values in the file, before anything is judged.
//!
//! An override is a source of its own, so what is wrong with it is pointed at in it.

use super::diagnostic::{Diagnostic, Place, quoted};
use super::wire::{self, Key, Node, Table, Value};

/// One `PATH=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    /// The option that it was given with, for messages.
    pub(crate) option: String,
    /// `PATH=VALUE`: a dotted TOML key, and TOML or else a bare string.
    pub(crate) assignment: String,
}

impl Override {
    /// The argument of a `--set`.
    pub(crate) fn set(assignment: &str) -> Self {
        Self { option: "--set".to_owned(), assignment: assignment.to_owned() }
    }

    /// The argument of an option that stands for a path of its own, such as `--repetitions`.
    pub(crate) fn option(option: &str, path: &str, value: &str) -> Self {
        Self { option: option.to_owned(), assignment: format!("{path}={value}") }
    }
}

/// Puts the value of an override into the tree; the override is the source with this index.
pub(super) fn apply(root: &mut Table, assignment: &str, source: usize) -> Result<(), Diagnostic> {
    let (path, node) = parse(assignment, source)?;
    let Some((last, parents)) = path.split_last() else {
        return Err(no_path(assignment, source));
    };
    let mut table = root;
    for key in parents {
        table = table_of(table, key)?;
    }
    match table.get_mut(&last.name) {
        Some(old) => *old = node,
        None => table.entries.push((last.clone(), node)),
    }
    Ok(())
}

/// The table with this name, made when there is none.
fn table_of<'a>(table: &'a mut Table, key: &Key) -> Result<&'a mut Table, Diagnostic> {
    let known = table.entries.iter().position(|(known, _)| known.name == key.name);
    let index = known.unwrap_or(table.entries.len());
    if known.is_none() {
        let value = Value::Table(Table::default());
        let node = Node { value, written: key.name.clone(), place: key.place.clone() };
        table.entries.push((key.clone(), node));
    }
    let node = &mut table.entries[index].1;
    match &mut node.value {
        Value::Table(inner) => Ok(inner),
        other => {
            let message = format!("{} is not a table", quoted(&key.name));
            let found = format!("it is {} here", other.kind());
            Err(Diagnostic::at(&key.place, message, "no value can be set inside it")
                .related(&node.place, found))
        }
    }
}

fn parse(assignment: &str, source: usize) -> Result<(Vec<Key>, Node), Diagnostic> {
    let whole = Place { source, span: 0..assignment.len() };
    if assignment.contains(['\n', '\r']) {
        return Err(Diagnostic::at(&whole, "an override is one line", "has a line end"));
    }
    let equals = equals_of(assignment).ok_or_else(|| no_path(assignment, source))?;
    let path = path_of(&assignment[..equals], source)?;
    let value = match wire::parse(assignment, source) {
        Ok(table) => leaf(table, path.len()),
        Err(_) => None,
    };
    let written = assignment[equals + 1..].trim();
    let start = assignment.len() - assignment[equals + 1..].trim_start().len();
    let bare = || Node {
        value: Value::Text(written.to_owned()),
        written: written.to_owned(),
        place: Place { source, span: start..start + written.len() },
    };
    Ok((path, value.unwrap_or_else(bare)))
}

fn no_path(assignment: &str, source: usize) -> Diagnostic {
    let place = Place { source, span: 0..assignment.len() };
    Diagnostic::at(&place, "an override is PATH=VALUE", "is none")
        .help("write, for example, `plan.repetitions=3`")
}

/// Place of the first `=` outside quotes.
fn equals_of(assignment: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in assignment.char_indices() {
        match (quote, c) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn path_of(path: &str, source: usize) -> Result<Vec<Key>, Diagnostic> {
    let table = wire::parse(&format!("{path}=0"), source).map_err(|_| {
        let place = Place { source, span: 0..path.len() };
        Diagnostic::at(&place, "the path of an override is a dotted key", "is none")
            .help("write, for example, `plan.repetitions=3`")
    })?;
    let mut keys = Vec::new();
    let mut rest = Some(table);
    while let Some(table) = rest.take() {
        for (key, node) in table.entries {
            keys.push(key);
            if let Value::Table(inner) = node.value {
                rest = Some(inner);
            }
        }
    }
    Ok(keys)
}

/// The only value that is so deep in a table; none where there is more than one.
fn leaf(table: Table, depth: usize) -> Option<Node> {
    let mut table = table;
    for _ in 1..depth {
        match only(table)?.value {
            Value::Table(inner) => table = inner,
            _ => return None,
        }
    }
    only(table)
}

fn only(table: Table) -> Option<Node> {
    let mut entries = table.entries.into_iter();
    let (_, node) = entries.next()?;
    entries.next().is_none().then_some(node)
}

//! Reading single values: what each must be, and the words when it is not.

use super::super::diagnostic::{Diagnostic, did_you_mean, quoted};
use super::super::model::{Name, Window};
use super::super::units::{self, UnitError};
use super::super::wire::{Node, Table, Value};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest duration that a scenario may name.
const MAX_DURATION: Duration = Duration::from_hours(24);

/// Why a value is refused; the sentence is `FIELD MUST`, the label what was found instead.
pub(super) struct Complaint {
    pub(super) must: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

/// A value, or why it is refused.
pub(super) type Reading<T> = Result<T, Complaint>;

impl Complaint {
    pub(super) fn new(must: impl Into<String>, node: &Node) -> Self {
        Self { must: must.into(), label: found(node), help: None }
    }

    /// One whose label is not what was found.
    pub(super) fn with(must: impl Into<String>, label: impl Into<String>) -> Self {
        Self { must: must.into(), label: label.into(), help: None }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As an error of the field with this path.
    pub(super) fn of(self, path: &str, node: &Node) -> Diagnostic {
        Diagnostic::at(&node.place, format!("{} {}", quoted(path), self.must), self.label)
            .maybe_help(self.help)
    }
}

/// What a value is, in words.
pub(super) fn found(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => format!("found the string {}", quoted(text)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => format!("found {}", quoted(&node.written)),
        Value::Datetime | Value::List(_) | Value::Table(_) => format!("found {}", node.value.kind()),
    }
}

/// A table with the keys that it may have, and the errors found so far.
pub(super) struct Section<'a> {
    path: String,
    node: Option<&'a Node>,
    table: &'a Table,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(table: &'a Table) -> Self {
        Self { path: String::new(), node: None, table }
    }

    /// A value that must be a table.
    pub(super) fn open(path: &str, node: &'a Node, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let Value::Table(table) = &node.value {
            return Some(Self { path: path.to_owned(), node: Some(node), table });
        }
        problems.push(Complaint::new(format!("must be a table: `[{path}]`"), node).of(path, node));
        None
    }

    /// The table inside this one with this name.
    pub(super) fn section(&self, name: &str, problems: &mut Vec<Diagnostic>) -> Option<Section<'a>> {
        let node = self.table.get(name)?;
        Section::open(&self.path_of(name), node, problems)
    }

    /// The table itself.
    pub(super) fn table(&self) -> &'a Table {
        self.table
    }

    /// The path of a key in it.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Refuses every key but these.
    pub(super) fn only(&self, known: &[&str], problems: &mut Vec<Diagnostic>) {
        for (key, _) in &self.table.entries {
            if known.contains(&key.name.as_str()) {
                continue;
            }
            let place = if self.path.is_empty() { "a scenario" } else { &format!("`[{}]`", self.path) };
            let help = did_you_mean(&key.name, known.iter().copied());
            let keys = known.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
            let message = format!("unknown key {} in {place}", quoted(&key.name));
            let help = help.unwrap_or_else(|| format!("known keys: {keys}"));
            problems.push(Diagnostic::at(&key.place, message, "not a key here").help(help));
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        self.table.get(key)
    }

    /// Reads a key that may be missing.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Node) -> Reading<T>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<T> {
        let node = self.table.get(key)?;
        match read(node) {
            Ok(value) => Some(value),
            Err(complaint) => {
                problems.push(complaint.of(&self.path_of(key), node));
                None
            }
        }
    }

    /// Reads a key that must be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Node) -> Reading<T>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<T> {
        if self.table.get(key).is_none() {
            self.missing(key, problems);
        }
        self.optional(key, read, problems)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &str, problems: &mut Vec<Diagnostic>) {
        let message = format!("{} is missing", quoted(&self.path_of(key)));
        problems.push(match self.node {
            Some(node) => Diagnostic::at(&node.place, message, format!("has no {}", quoted(key))),
            None => Diagnostic::general(message),
        });
    }
}

/// A string.
pub(super) fn text(node: &Node) -> Reading<String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(Complaint::new("must be a string", node)),
    }
}

/// A string that may have several lines but no other control characters.
pub(super) fn prose(node: &Node) -> Reading<String> {
    let text = text(node)?;
    if text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) {
        Ok(text)
    } else {
        Err(Complaint::new("must have no control characters", node))
    }
}

/// A window, of at least `least`.
pub(super) fn window(least: Duration) -> impl Fn(&Node) -> Reading<Window> {
    move |node| duration(least)(node).map(Window::Timed)
}

/// A system call of this machine's architecture.
pub(super) fn syscall(node: &Node) -> Reading<String> {
    let must = || format!("must name system calls of {}", std::env::consts::ARCH);
    let name = text(node).map_err(|complaint| Complaint { must: must(), ..complaint })?;
    let all = syscalls::SysnoSet::all();
    if all.iter().any(|sysno| sysno.name() == name) {
        return Ok(name);
    }
    let help = did_you_mean(&name, all.iter().map(|sysno| sysno.name()));
    Err(Complaint { help, ..Complaint::new(must(), node) })
}

/// A name.
pub(super) fn name(node: &Node) -> Reading<Name> {
    Name::new(&text(node)?).ok_or_else(|| Complaint::new(NAME_RULE, node))
}

/// What names and labels are made of.
pub(super) const NAME_RULE: &str = "must be 1 to 64 letters, digits, `_` or `-`";

/// `true` or `false`.
pub(super) fn boolean(node: &Node) -> Reading<bool> {
    match &node.value {
        Value::Boolean(value) => Ok(*value),
        Value::Text(text) if matches!(text.as_str(), "true" | "false") => {
            Err(Complaint::new("must be `true` or `false`", node).help("leave out the quotes"))
        }
        _ => Err(Complaint::new("must be `true` or `false`", node)),
    }
}

/// A whole number in a range; as a factor's level it may be a string of digits.
pub(super) fn integer(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Reading<u64> {
    move |node| {
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            _ => None,
        };
        let fitting =
            number.and_then(|number| u64::try_from(number).ok()).filter(|number| range.contains(number));
        fitting.ok_or_else(|| {
            let (from, to) = (grouped(*range.start()), grouped(*range.end()));
            let must = if from == to {
                format!("must be {from}")
            } else {
                format!("must be a whole number from {from} to {to}")
            };
            let complaint = Complaint::new(must, node);
            match &node.value {
                Value::Text(text) if text.parse::<u64>().is_ok() => complaint.help("leave out the quotes"),
                _ => complaint,
            }
        })
    }
}

/// A number with its digits in groups of three.
pub(in super::super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A duration with its unit, of at least `least`.
pub(super) fn duration(least: Duration) -> impl Fn(&Node) -> Reading<Duration> {
    move |node| {
        const MUST: &str = "must be a duration such as \"500ms\"";
        let Value::Text(text) = &node.value else {
            let complaint = Complaint::new(MUST, node);
            return Err(match &node.value {
                Value::Integer(_) | Value::Float(_) => complaint.help("write it as a string with its unit"),
                _ => complaint,
            });
        };
        let duration = units::duration(text).map_err(|error| unit_complaint(MUST, node, &error))?;
        if duration < least {
            let least = super::super::text::duration_text(least);
            return Err(Complaint::new(format!("must be at least {least}"), node));
        }
        if duration > MAX_DURATION {
            return Err(Complaint::new("must be at most 24 hours", node));
        }
        Ok(duration)
    }
}

fn unit_complaint(must: &str, node: &Node, error: &UnitError) -> Complaint {
    let complaint = Complaint::new(must, node).label(error.to_string());
    match error {
        // K, M and G mean one thing to some and another to others.
        UnitError::UnknownUnit { unit, .. } if matches!(unit.as_str(), "K" | "k" | "M" | "G" | "T") => {
            let unit = unit.to_uppercase();
            complaint.help(format!("`{unit}iB` counts in powers of 1024, `{unit}B` in powers of 1000"))
        }
        _ => complaint,
    }
}

/// A size in bytes, more than none and no more than `limit`.
pub(super) fn size(limit: u64) -> impl Fn(&Node) -> Reading<u64> {
    move |node| {
        const MUST: &str = "must be a size such as \"64KiB\" or a number of bytes";
        let bytes = match &node.value {
            Value::Text(text) => units::size(text).map_err(|error| unit_complaint(MUST, node, &error))?,
            Value::Integer(number) if *number < 0 => {
                return Err(Complaint::new(MUST, node).label(UnitError::Negative.to_string()));
            }
            Value::Integer(number) => u64::try_from(*number).unwrap_or(u64::MAX),
            _ => return Err(Complaint::new(MUST, node)),
        };
        if bytes == 0 {
            return Err(Complaint::new("must be more than zero bytes", node));
        }
        if bytes > limit {
            let must = format!("must fit into this machine's memory, {} bytes", grouped(limit));
            return Err(Complaint::new(must, node));
        }
        Ok(bytes)
    }
}

/// A number above `above` and no more than `limit`.
pub(super) fn number(above: f64, limit: f64, must: &'static str) -> impl Fn(&Node) -> Reading<f64> {
    move |node| {
        let number = match &node.value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        };
        number.filter(|number| *number > above && *number <= limit).ok_or_else(|| Complaint::new(must, node))
    }
}

/// One of several names.
pub(super) fn choice<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&Node) -> Reading<T> {
    move |node| {
        let names: Vec<String> = choices.iter().map(|(name, _)| quoted(name)).collect();
        let must = match names.as_slice() {
            [only] => format!("must be {only}"),
            names => format!("must be one of {}", names.join(", ")),
        };
        let Value::Text(text) = &node.value else {
            return Err(Complaint::new(must, node));
        };
        choices.iter().find(|(name, _)| name == text).map(|(_, value)| *value).ok_or_else(|| Complaint {
            help: did_you_mean(text, choices.iter().map(|(name, _)| *name)),
            ..Complaint::new(must, node)
        })
    }
}

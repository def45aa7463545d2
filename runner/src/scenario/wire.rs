//! A scenario as written: TOML values with their places, in the file's order, nothing judged yet.
//!
//! The mirror is a tree rather than one derived type per table, because a derived reader stops at the first error and
//! drops the order and places of keys; from the tree, several errors are reported at once, each with its place, and a
//! value from the command line can take the place of one in the file and still be pointed at.

use super::diagnostic::{Diagnostic, Place};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Deepest nesting of tables and lists; a scenario needs three. The parser has a limit of its own.
const MAX_DEPTH: usize = 16;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The value.
    pub(super) value: Value,
    /// The value's text in its source.
    pub(super) written: String,
    /// Where it is.
    pub(super) place: Place,
}

/// What TOML knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// An integer; one too large for the type is its largest value.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or time.
    Datetime,
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table, in the order of its source.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Table {
    /// The entries; no key twice.
    pub(super) entries: Vec<(Key, Node)>,
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    /// The key.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: Place,
}

impl Value {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a fractional number",
            Self::Boolean(_) => "a boolean",
            Self::Datetime => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The value of a key, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

/// Reads the text of the source with this index.
pub(super) fn parse(text: &str, source: usize) -> Result<Table, Diagnostic> {
    let document = DeTable::parse(text).map_err(|error| syntax(&error, text, source))?;
    let reader = Reader { text, source };
    reader.table(document.get_ref(), 0)
}

fn syntax(error: &toml::de::Error, text: &str, source: usize) -> Diagnostic {
    // Where the parser gives no place, the end of the text is as far as it can have come.
    let span = error.span().unwrap_or(text.len()..text.len());
    let help = match error.message() {
        "duplicate key" => "each name is given once; put the values together",
        _ => "a scenario is written in TOML 1.0, see https://toml.io/en/v1.0.0",
    };
    let message = format!("not valid TOML: {}", error.message());
    Diagnostic::at(&Place { source, span }, message, "").help(help)
}

fn too_deep(source: usize, span: std::ops::Range<usize>) -> Diagnostic {
    let message = format!("nested more than {MAX_DEPTH} deep");
    Diagnostic::at(&Place { source, span }, message, "a scenario has tables in tables, no deeper")
}

struct Reader<'a> {
    text: &'a str,
    source: usize,
}

impl Reader<'_> {
    fn table(&self, table: &DeTable<'_>, depth: usize) -> Result<Table, Diagnostic> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let place = Place { source: self.source, span: key.span() };
            entries.push((Key { name: key.get_ref().to_string(), place }, self.node(value, depth + 1)?));
        }
        // The parser sorts by name; the order of the file is that of the keys' places.
        entries.sort_by_key(|(key, _)| key.place.span.start);
        Ok(Table { entries })
    }

    fn node(&self, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Diagnostic> {
        let span = value.span();
        if depth > MAX_DEPTH {
            return Err(too_deep(self.source, span));
        }
        let written = self.text.get(span.clone()).unwrap_or_default().to_owned();
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(digits) => {
                let saturated = if digits.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                Value::Integer(i128::from_str_radix(digits.as_str(), digits.radix()).unwrap_or(saturated))
            }
            DeValue::Float(digits) => Value::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(boolean) => Value::Boolean(*boolean),
            DeValue::Datetime(_) => Value::Datetime,
            DeValue::Array(items) => {
                let nodes: Result<_, _> = items.iter().map(|item| self.node(item, depth + 1)).collect();
                Value::List(nodes?)
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth)?),
        };
        Ok(Node { value, written, place: Place { source: self.source, span } })
    }
}

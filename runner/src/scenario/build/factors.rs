//! Factors: their levels, and the values elsewhere that go along with them.

use super::super::diagnostic::{Diagnostic, did_you_mean, quoted};
use super::super::model::{FactorDecl, Given, LevelDecl, Name};
use super::super::units;
use super::super::wire::{Key, Node, Value};
use super::fields::{NAME_RULE, Reading, Section, found};
use std::cell::Cell;
use std::collections::HashMap;

/// Most factors of a scenario: each multiplies the trials and is a column of the run.
const MAX_FACTORS: usize = 64;

/// The factors of a scenario while it is built.
pub(super) struct Factors<'a> {
    all: Vec<Factor<'a>>,
    /// Names of factors that could not be read; a reference to one is no further error.
    refused: Vec<&'a str>,
}

struct Factor<'a> {
    key: &'a Key,
    decl: FactorDecl,
    /// The levels as written, one for each that is declared.
    levels: Vec<&'a Node>,
    is_used: Cell<bool>,
}

impl<'a> Factors<'a> {
    /// Reads `[factors]`.
    pub(super) fn read(section: Option<&Section<'a>>, problems: &mut Vec<Diagnostic>) -> Self {
        let mut factors = Self { all: Vec::new(), refused: Vec::new() };
        let entries = section.map_or(&[][..], |section| section.table().entries.as_slice());
        if let Some((key, _)) = entries.get(MAX_FACTORS) {
            let message = format!("there are more than {MAX_FACTORS} factors");
            problems.push(Diagnostic::at(&key.place, message, "is one too many"));
            factors.refused = entries.iter().map(|(key, _)| key.name.as_str()).collect();
            return factors;
        }
        for (key, node) in entries {
            factors.check_case(key, problems);
            match factor(key, node, problems) {
                Some(factor) => factors.all.push(factor),
                None => factors.refused.push(&key.name),
            }
        }
        factors
    }

    fn check_case(&self, key: &Key, problems: &mut Vec<Diagnostic>) {
        let name = key.name.to_lowercase();
        if let Some(alike) = self.all.iter().find(|factor| factor.key.name.to_lowercase() == name) {
            let message = format!("factor {} differs from another in case only", quoted(&key.name));
            let problem = Diagnostic::at(&key.place, message, "many readers of its column ignore case");
            problems.push(problem.related(&alike.key.place, "the other one"));
        }
    }

    /// A value that is fixed or a `$factor`, each of whose levels must then be such a value.
    pub(super) fn given<T>(
        &self,
        (section, key): (&Section<'a>, &str),
        read: impl Fn(&Node) -> Reading<T>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Given<T>> {
        self.given_at((&section.path_of(key), section.node(key)?), read, problems)
    }

    /// The same for a value that has no key of its own, such as one of a list; the path is for messages.
    pub(super) fn given_at<T>(
        &self,
        (path, node): (&str, &Node),
        read: impl Fn(&Node) -> Reading<T>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Given<T>> {
        let Some(reference) = reference(node) else {
            return match read(node) {
                Ok(value) => Some(Given::Fixed(value)),
                Err(complaint) => {
                    problems.push(complaint.of(path, node));
                    None
                }
            };
        };
        let index = self.named((reference, node), problems)?;
        let factor = &self.all[index];
        let mut levels = Vec::with_capacity(factor.levels.len());
        for level in &factor.levels {
            match read(&bare(level)) {
                Ok(value) => levels.push(value),
                Err(complaint) => {
                    let used = format!("used for {} here", quoted(path.rsplit('.').next().unwrap_or(path)));
                    problems.push(complaint.of(path, level).related(&node.place, used));
                }
            }
        }
        Some(Given::Factor { factor: index, levels })
    }

    /// Their declarations.
    pub(super) fn decls(&self) -> impl Iterator<Item = &FactorDecl> {
        self.all.iter().map(|factor| &factor.decl)
    }

    /// The labels of a factor's levels, wherever it is named.
    pub(super) fn labels(
        &self,
        (name, node): (&str, &Node),
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Given<String>> {
        let index = self.named((name, node), problems)?;
        let levels = self.all[index].decl.levels.iter().map(|level| level.label.to_string()).collect();
        Some(Given::Factor { factor: index, levels })
    }

    /// The factor of this name, which is used at the node.
    fn named(&self, (name, node): (&str, &Node), problems: &mut Vec<Diagnostic>) -> Option<usize> {
        if self.refused.contains(&name) {
            return None;
        }
        let index = self.all.iter().position(|factor| factor.key.name == name);
        match index {
            Some(index) => self.all[index].is_used.set(true),
            None => problems.push(self.unknown(name, node)),
        }
        index
    }

    /// The levels, as written, of the factor with this index.
    pub(super) fn levels(&self, index: usize) -> &[&'a Node] {
        &self.all[index].levels
    }

    fn unknown(&self, reference: &str, node: &Node) -> Diagnostic {
        if let Some(problem) = no_reference(reference, node) {
            return problem;
        }
        let names = || self.all.iter().map(|factor| factor.key.name.as_str());
        let bare = reference.trim_matches(['{', '}']);
        if let Some(name) = names().find(|name| *name == bare) {
            let message = format!("there is no factor {}", quoted(reference));
            let problem = Diagnostic::at(&node.place, message, "is not how a factor is named here");
            return problem.help(format!("write {}", quoted(&format!("${name}"))));
        }
        let help = did_you_mean(reference, names()).unwrap_or_else(|| match names().next() {
            Some(_) => {
                format!("there are {}", names().map(quoted).collect::<Vec<_>>().join(", "))
            }
            None => "declare it: `[factors]` with `name = [LEVEL, …]`".to_owned(),
        });
        let message = format!("there is no factor {}", quoted(reference));
        Diagnostic::at(&node.place, message, "names an unknown factor").help(help)
    }

    /// Gives up the declarations; refuses factors that nothing goes along with, once all uses are known.
    pub(super) fn finish(self, are_uses_known: bool, problems: &mut Vec<Diagnostic>) -> Vec<FactorDecl> {
        for factor in self.all.iter().filter(|factor| are_uses_known && !factor.is_used.get()) {
            let name = &factor.key.name;
            let message = format!("factor {} has no effect", quoted(name));
            let help = format!("write `\"${name}\"` as the value of a key that takes a factor, or remove it");
            problems.push(
                Diagnostic::at(&factor.key.place, message, "multiplies the trials, yet nothing uses it")
                    .help(help),
            );
        }
        self.all.into_iter().map(|factor| factor.decl).collect()
    }
}

/// What is wrong with a text behind a `$` that names nothing at all.
fn no_reference(reference: &str, node: &Node) -> Option<Diagnostic> {
    let (message, label) = if reference.is_empty() || reference == "{}" {
        ("a `$` without a name names no factor", "has no name behind it")
    } else if reference.starts_with('$') {
        ("`$$` is a dollar in the words of a command, and nothing else can begin with one", "is no such word")
    } else if reference.starts_with('{') && !reference.ends_with('}') {
        ("a `${` without its `}` names no factor", "is not closed")
    } else {
        return None;
    };
    let help = "write `\"$NAME\"` for the level of a factor, and in a word of a command `${NAME}`";
    Some(Diagnostic::at(&node.place, message, label).help(help))
}

/// The name of the factor that a value goes along with.
pub(super) fn reference(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => text.strip_prefix('$'),
        _ => None,
    }
}

fn factor<'a>(key: &'a Key, node: &'a Node, problems: &mut Vec<Diagnostic>) -> Option<Factor<'a>> {
    let name = factor_name(key, problems);
    let Value::List(nodes) = &node.value else {
        let message = format!("factor {} must be a list of its levels", quoted(&key.name));
        problems.push(Diagnostic::at(&node.place, message, found(node)).help("write `name = [1, 2, 4]`"));
        return None;
    };
    if nodes.is_empty() {
        let message = format!("factor {} has no level", quoted(&key.name));
        problems.push(Diagnostic::at(&node.place, message, "is empty"));
    }
    let (decls, levels) = read_levels(&key.name, nodes, problems).into_iter().unzip();
    Some(Factor { key, decl: FactorDecl { name: name?, levels: decls }, levels, is_used: Cell::new(false) })
}

fn factor_name(key: &Key, problems: &mut Vec<Diagnostic>) -> Option<Name> {
    let name = Name::new(&key.name);
    if name.is_none() {
        let message = format!("the name of factor {} {NAME_RULE}", quoted(&key.name));
        problems.push(Diagnostic::at(&key.place, message, "becomes a column of the run"));
    }
    if key.name.eq_ignore_ascii_case("load") {
        let message = "`load` cannot be the name of a factor";
        problems.push(
            Diagnostic::at(&key.place, message, "is a factor already")
                .help("its levels are the [load.NAME] tables"),
        );
        return None;
    }
    name
}

/// A level in the form that a field expects: TOML's lists may mix strings and numbers, so digits in quotes count as a
/// number, and `"true"` as a boolean, which they are only as a factor's levels.
fn bare(level: &Node) -> Node {
    let mut level = level.clone();
    if let Value::Text(text) = &level.value {
        if let Ok(number) = text.parse::<u64>() {
            level.value = Value::Integer(number.into());
        } else if let Ok(boolean) = text.parse() {
            level.value = Value::Boolean(boolean);
        }
    }
    level
}

fn read_levels<'a>(
    factor: &str,
    nodes: &'a [Node],
    problems: &mut Vec<Diagnostic>,
) -> Vec<(LevelDecl, &'a Node)> {
    let mut levels = Vec::with_capacity(nodes.len());
    let mut labels: HashMap<&str, &Node> = HashMap::new();
    let mut values: HashMap<u64, &Node> = HashMap::new();
    for node in nodes {
        let label = match &node.value {
            Value::Text(text) => text,
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => &node.written,
            Value::Datetime | Value::List(_) | Value::Table(_) => {
                let message = format!("a level of {} must be a string, number or boolean", quoted(factor));
                problems.push(Diagnostic::at(&node.place, message, found(node)));
                continue;
            }
        };
        let Some(name) = Name::of_level(label) else {
            let message = format!("a level of {} {NAME_RULE}", quoted(factor));
            problems.push(Diagnostic::at(&node.place, message, found(node)));
            continue;
        };
        let value = units::number(name.as_str());
        let same_label = labels.insert(label, node);
        let same_value = value.and_then(|value| values.insert(value.to_bits(), node));
        if let Some(first) = same_label.or(same_value) {
            let message = format!("level {} of {} is repeated", quoted(label), quoted(factor));
            let problem = Diagnostic::at(&node.place, message, "given before");
            problems.push(problem.related(&first.place, "first given here"));
        }
        levels.push((LevelDecl { label: name, value }, node));
    }
    levels
}

//! From axes to cells: which factors go along with each other, and what is left out.

use super::super::cells::Cell;
use super::super::diagnostic::{Diagnostic, did_you_mean, quoted};
use super::super::model::LoadLevel;
use super::super::units;
use super::super::wire::{Node, Value};
use super::factors::Factors;
use super::fields::{Section, found};
use super::{MAX_TRIALS, fields};

/// An axis: a factor, or the load as the last of them.
struct Axis {
    name: String,
    labels: Vec<String>,
}

/// What came of the axes.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) cells: Vec<Cell>,
    /// Names of factors that go along with each other.
    pub(super) zips: Vec<Vec<String>>,
}

/// Every combination of levels that `[plan]` leaves; none where that cannot be told.
pub(super) fn read(
    plan: Option<&Section<'_>>,
    (factors, loads): (&Factors<'_>, &[LoadLevel]),
    place: Option<&Node>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Cells> {
    let before = problems.len();
    let factor = |decl: &super::super::model::FactorDecl| Axis {
        name: decl.name.to_string(),
        labels: decl.levels.iter().map(|level| level.label.to_string()).collect(),
    };
    let load = Axis { name: "load".to_owned(), labels: loads.iter().map(|it| it.name.to_string()).collect() };
    let axes: Vec<Axis> = factors.decls().map(factor).chain([load]).collect();
    let zips = plan.map_or_else(Vec::new, |plan| zips(plan, &axes, problems));
    let entries = plan.map_or_else(Vec::new, |plan| exclusions(plan, &axes, problems));
    if problems.len() > before || axes.iter().any(|axis| axis.labels.is_empty()) {
        return None;
    }
    let groups = groups(axes.len(), &zips);
    let sizes = groups.iter().map(|group| axes[group[0]].labels.len());
    let count = sizes.clone().try_fold(1_usize, usize::checked_mul);
    if count.is_none_or(|count| count > MAX_TRIALS) {
        let parts: Vec<String> = groups.iter().map(|group| levels_of(group, &axes)).collect();
        problems.push(too_many("cells", count, parts.join(" × "), place));
        return None;
    }
    let all = combinations(&groups, &axes);
    let left = excluded(&all, (&entries, &zips), problems);
    if let (true, Some(node)) = (left.is_empty(), plan.and_then(|plan| plan.node("exclude"))) {
        problems.push(Diagnostic::at(&node.place, "nothing is left to measure", "excludes every cell"));
    }
    let names = |zip: &Vec<usize>| zip.iter().map(|axis| axes[*axis].name.clone()).collect();
    Some(Cells { cells: collected(left), zips: zips.iter().map(names).collect() })
}

/// That there are more than can be executed; `parts` says of what they are made.
pub(super) fn too_many(what: &str, count: Option<usize>, parts: String, place: Option<&Node>) -> Diagnostic {
    let count = count.map_or("more".to_owned(), |count| fields::grouped(count as u64));
    let message = format!("the plan has {count} {what}, and at most 100,000 can be executed");
    match place {
        Some(node) => Diagnostic::at(&node.place, message, parts),
        None => Diagnostic::general(message),
    }
}

/// 5 levels of `size` with `threads`.
fn levels_of(group: &[usize], axes: &[Axis]) -> String {
    let names: Vec<String> = group.iter().map(|axis| quoted(&axes[*axis].name)).collect();
    format!("{} levels of {}", axes[group[0]].labels.len(), names.join(" with "))
}

/// `zip`: groups of axes whose levels go along with each other.
fn zips(plan: &Section<'_>, axes: &[Axis], problems: &mut Vec<Diagnostic>) -> Vec<Vec<usize>> {
    let Some(node) = plan.node("zip") else { return Vec::new() };
    let Value::List(items) = &node.value else {
        problems.push(no_zip(node));
        return Vec::new();
    };
    let mut taken: Vec<usize> = Vec::new();
    items.iter().filter_map(|item| zip(item, (axes, &mut taken), problems)).collect()
}

fn no_zip(node: &Node) -> Diagnostic {
    Diagnostic::at(&node.place, "`plan.zip` must be a list of lists of factors", found(node)).help(ZIP_HELP)
}

const ZIP_HELP: &str = "write `[[\"size\", \"threads\"]]`";

/// One group of axes; `taken` are those of the groups before.
fn zip(
    item: &Node,
    (axes, taken): (&[Axis], &mut Vec<usize>),
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<usize>> {
    let Value::List(names) = &item.value else {
        problems.push(no_zip(item));
        return None;
    };
    let before = problems.len();
    let mut group = Vec::with_capacity(names.len());
    for name in names {
        let Some(index) = axis(name, axes, problems) else { continue };
        if taken.contains(&index) {
            let message = format!("factor {} is zipped twice", quoted(&axes[index].name));
            problems.push(Diagnostic::at(&name.place, message, "given before"));
        }
        taken.push(index);
        group.push(index);
    }
    if problems.len() > before {
        return None;
    }
    if group.len() < 2 {
        let message = "two factors or more go along with each other";
        problems.push(Diagnostic::at(&item.place, message, found(item)).help(ZIP_HELP));
        return None;
    }
    if group.iter().any(|index| axes[*index].labels.len() != axes[group[0]].labels.len()) {
        let counts: Vec<String> = group.iter().map(|index| levels_of(&[*index], axes)).collect();
        let message = "factors that are zipped must have equally many levels";
        problems.push(Diagnostic::at(&item.place, message, counts.join(", ")));
        return None;
    }
    // In the file's order, in which cells are enumerated.
    group.sort_unstable();
    Some(group)
}

/// The axis that a text names.
fn axis(node: &Node, axes: &[Axis], problems: &mut Vec<Diagnostic>) -> Option<usize> {
    let Value::Text(name) = &node.value else {
        problems.push(Diagnostic::at(&node.place, "a factor is named by a string", found(node)));
        return None;
    };
    let found = axes.iter().position(|axis| axis.name == *name);
    if found.is_none() {
        problems.push(unknown_axis(name, &node.place, axes));
    }
    found
}

fn unknown_axis(name: &str, place: &super::super::diagnostic::Place, axes: &[Axis]) -> Diagnostic {
    let names = || axes.iter().map(|axis| axis.name.as_str());
    let help = did_you_mean(name, names())
        .unwrap_or_else(|| format!("there are {}", names().map(quoted).collect::<Vec<_>>().join(", ")));
    let message = format!("there is no factor {}", quoted(name));
    Diagnostic::at(place, message, "names an unknown factor").help(help)
}

/// Cells that are left out: of each of these axes one of these levels.
struct Exclusion<'a> {
    node: &'a Node,
    levels: Vec<(usize, Vec<usize>)>,
}

impl Exclusion<'_> {
    fn takes(&self, combination: &[usize]) -> bool {
        self.levels.iter().all(|(axis, levels)| levels.contains(&combination[*axis]))
    }
}

/// `exclude`: tables of factors with a level, or a list of levels.
fn exclusions<'a>(plan: &Section<'a>, axes: &[Axis], problems: &mut Vec<Diagnostic>) -> Vec<Exclusion<'a>> {
    const MUST: &str = "`plan.exclude` must be a list of tables, each a part of a cell";
    const HELP: &str = "write `[{ size = \"16MiB\", load = \"high\" }]`";
    let Some(node) = plan.node("exclude") else { return Vec::new() };
    let Value::List(items) = &node.value else {
        problems.push(Diagnostic::at(&node.place, MUST, found(node)).help(HELP));
        return Vec::new();
    };
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let Value::Table(table) = &item.value else {
            problems.push(Diagnostic::at(&item.place, MUST, found(item)).help(HELP));
            continue;
        };
        if table.entries.is_empty() {
            let message = "an entry of `plan.exclude` names a level of one factor or more";
            problems.push(Diagnostic::at(&item.place, message, "is empty").help(HELP));
        }
        let mut levels = Vec::with_capacity(table.entries.len());
        for (key, value) in &table.entries {
            match axes.iter().position(|axis| axis.name == key.name) {
                None => problems.push(unknown_axis(&key.name, &key.place, axes)),
                Some(index) => levels.push((index, levels_named(value, &axes[index], problems))),
            }
        }
        all.push(Exclusion { node: item, levels });
    }
    all
}

/// The levels of an axis that a value names: one, or each of a list.
fn levels_named(node: &Node, axis: &Axis, problems: &mut Vec<Diagnostic>) -> Vec<usize> {
    let nodes = match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if nodes.is_empty() {
        let message = format!("an entry of `plan.exclude` names no level of {}", quoted(&axis.name));
        problems.push(
            Diagnostic::at(&node.place, message, "is empty").help("leave the factor out for all its levels"),
        );
    }
    let mut levels = Vec::with_capacity(nodes.len());
    for node in nodes {
        let label = match &node.value {
            Value::Text(text) => text,
            _ => &node.written,
        };
        // As where levels are declared, `4096` and `4KiB` are one level.
        let value = units::number(label);
        let is_meant = |known: &String| known == label || (value.is_some() && units::number(known) == value);
        let level = axis.labels.iter().position(is_meant);
        if level.is_none() {
            problems.push(no_level(axis, label, node));
        }
        levels.extend(level);
    }
    levels
}

fn no_level(axis: &Axis, label: &str, node: &Node) -> Diagnostic {
    let names = || axis.labels.iter().map(String::as_str);
    let help = did_you_mean(label, names())
        .unwrap_or_else(|| format!("it has {}", names().take(10).map(quoted).collect::<Vec<_>>().join(", ")));
    let message = format!("factor {} has no level {}", quoted(&axis.name), quoted(label));
    Diagnostic::at(&node.place, message, "is none of its levels").help(help)
}

/// The axes in groups that move together, in the file's order.
fn groups(axes: usize, zips: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let group = |axis: usize| match zips.iter().find(|zip| zip.contains(&axis)) {
        Some(zip) if zip[0] == axis => Some(zip.clone()),
        Some(_) => None,
        None => Some(vec![axis]),
    };
    (0..axes).filter_map(group).collect()
}

/// One level for each axis, the last group changing fastest.
fn combinations(groups: &[Vec<usize>], axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![0; axes.len()]];
    for group in groups {
        let levels = axes[group[0]].labels.len();
        let at = |combination: &Vec<usize>, level: usize| {
            let mut moved = combination.clone();
            for axis in group {
                moved[*axis] = level;
            }
            moved
        };
        all = all.iter().flat_map(|it| (0..levels).map(move |level| at(it, level))).collect();
    }
    all
}

/// What no exclusion takes; an exclusion that takes nothing, or nothing more, is a mistake.
fn excluded(
    all: &[Vec<usize>],
    (entries, zips): (&[Exclusion<'_>], &[Vec<usize>]),
    problems: &mut Vec<Diagnostic>,
) -> Vec<Vec<usize>> {
    let mut left = all.to_vec();
    for entry in entries {
        let before = left.len();
        left.retain(|combination| !entry.takes(combination));
        if left.len() < before {
            continue;
        }
        let place = &entry.node.place;
        problems.push(if all.iter().any(|combination| entry.takes(combination)) {
            let label = "entries before it take all that it names";
            Diagnostic::at(place, "this excludes no further cell", label)
                .help("correct a level, or remove it")
        } else {
            let help =
                (!zips.is_empty()).then_some("factors that are zipped have only the pairs of their levels");
            let problem = Diagnostic::at(place, "this excludes no cell", "matches nothing");
            problem.maybe_help(help.map(str::to_owned))
        });
    }
    left
}

/// Cells with the loads under which they are measured; a cell's combinations follow each other.
fn collected(combinations: Vec<Vec<usize>>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for mut levels in combinations {
        let load = levels.pop().unwrap_or_default();
        match cells.last_mut().filter(|cell| cell.levels == levels) {
            Some(cell) => cell.loads.push(load),
            None => cells.push(Cell { levels, loads: vec![load] }),
        }
    }
    cells
}

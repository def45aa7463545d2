//! The language as Markdown: the tables of keys in `docs/scenarios.md`.

use super::super::build::grouped;
use super::{Default, Key, Kind, Others, TABLES, Table};

/// Every table with its keys, ready to stand between the markers of `docs/scenarios.md`.
pub(crate) fn reference() -> String {
    TABLES.iter().map(|table| section(table)).collect::<Vec<String>>().join("\n")
}

fn section(table: &Table) -> String {
    let title = if table.header.is_empty() { "The top of the file".to_owned() } else { quoted(table.header) };
    let mut text = format!("### {title}\n\n{}\n", table.meaning);
    if !table.keys.is_empty() {
        text.push_str("\n| key | value | default | meaning | example |\n|---|---|---|---|---|\n");
        for key in table.keys {
            text.push_str(&row(key));
        }
    }
    if matches!(table.others, Others::StressNg) {
        text = format!(
            "{text}\nEvery other long option likewise: {}, or `\"$factor\"`.\n",
            words(&Kind::StressNg)
        );
    }
    text
}

fn row(key: &Key) -> String {
    let factor = if key.takes_factor { ", or `\"$factor\"`" } else { "" };
    let default = match key.default {
        Default::Required => "**required**".to_owned(),
        Default::Is(value) => quoted(value),
        Default::Means(words) => words.to_owned(),
    };
    let example = match key.kind {
        Kind::Table(_) => "see below".to_owned(),
        _ => quoted(&format!("{} = {}", key.name, key.example)),
    };
    let cells = [quoted(key.name), words(&key.kind) + factor, default, key.meaning.to_owned(), example];
    // A bar would end the cell, in code as well.
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// What a value must be, in words.
fn words(kind: &Kind) -> String {
    match kind {
        Kind::Name => "a name".to_owned(),
        Kind::Prose => "text".to_owned(),
        Kind::Duration => "a duration".to_owned(),
        Kind::Size => "a size".to_owned(),
        Kind::Integer { from, to } if from == to => quoted(&from.to_string()),
        Kind::Integer { from, to } => format!("a whole number, {} to {}", grouped(*from), grouped(*to)),
        Kind::Number { least, is_least_in: true, most } => format!("a number, {least} to {most}"),
        Kind::Number { least, most, .. } => format!("a number above {least}, at most {most}"),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Choice(names) => {
            let names: Vec<String> = names().into_iter().map(|name| quoted(&format!("\"{name}\""))).collect();
            names.join(", ")
        }
        Kind::Syscalls(most) => format!("a list of 1 to {most} system calls"),
        Kind::Levels => "a list of levels".to_owned(),
        Kind::StressNg => {
            "a whole number, text, `true` for an option without a value, `\"50% cpus\"` or `\"40% memory\"`"
                .to_owned()
        }
        Kind::Zip => "a list of lists of factors".to_owned(),
        Kind::Exclude => "a list of tables".to_owned(),
        Kind::Table(_) | Kind::Either(..) => "a table".to_owned(),
        Kind::Other { words, .. } => (*words).to_owned(),
    }
}

fn quoted(code: &str) -> String {
    format!("`{code}`")
}

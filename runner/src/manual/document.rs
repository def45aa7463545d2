//! The whole manual as one document in Markdown: what `docs/commands.md` has between its markers.

use super::{Page, Section, pages};
use clap::builder::Str;
use clap::{Arg, ArgAction};
use std::fmt::Write;

/// Every command with its usage, arguments and examples.
pub(crate) fn markdown() -> String {
    let pages: Vec<String> = pages().iter().map(Page::markdown).collect();
    pages.join("\n")
}

impl Page {
    fn markdown(&self) -> String {
        let depth = "#".repeat(self.words().len().clamp(1, 2) + 1);
        let mut text = format!("{depth} `{}`\n\n{}\n", self.title, self.about());
        let usage = self.command.clone().render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim().trim_start_matches("Usage: "));
        let rows: String = self.arguments().map(row).collect();
        if !rows.is_empty() {
            let _ = write!(text, "\n| argument | meaning | unless given |\n|---|---|---|\n{rows}");
        }
        self.sections().iter().for_each(|section| text += &block(section));
        text
    }

    fn about(&self) -> String {
        let about = self.command.get_long_about().or(self.command.get_about());
        about.map(ToString::to_string).unwrap_or_default()
    }

    /// Positions first, then options; those that every command has are left out.
    fn arguments(&self) -> impl Iterator<Item = &Arg> {
        let is_common = |arg: &&Arg| ["help", "version"].contains(&arg.get_id().as_str());
        let shown = |arg: &&Arg| !arg.is_hide_set();
        let options = self.command.get_opts().filter(move |arg| shown(arg) && !is_common(arg));
        let flags = self.command.get_arguments().filter(|arg| !arg.is_positional() && !takes_value(arg));
        let flags = flags.filter(move |arg| shown(arg) && !is_common(arg));
        self.command.get_positionals().filter(shown).chain(options).chain(flags)
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// A row of the table of arguments.
fn row(arg: &Arg) -> String {
    let values: Vec<&str> = arg.get_value_names().unwrap_or_default().iter().map(Str::as_str).collect();
    let value = if takes_value(arg) { values.join(" ") } else { String::new() };
    let name = match arg.get_long() {
        Some(long) => format!("--{long} {value}").trim_end().to_owned(),
        None => value,
    };
    let is_many = matches!(arg.get_action(), ArgAction::Append);
    let again = if is_many { " …" } else { "" };
    let default: Vec<_> = arg.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
    let default = if takes_value(arg) && !default.is_empty() {
        format!("`{}`", default.join(" "))
    } else {
        String::new()
    };
    let variable = arg.get_env().map(|name| format!("the variable `{}`, else ", name.to_string_lossy()));
    let default = format!("{}{default}", variable.unwrap_or_default());
    format!("| `{name}`{again} | {} | {} |\n", cell(&meaning(arg)), cell(&default))
}

/// What an argument means, and what it may be.
fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let choices = if takes_value(arg) { arg.get_possible_values() } else { Vec::new() };
    let choices: Vec<String> = choices
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {}", value.get_name(), help.to_string().trim_end_matches('.')),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    let parts: Vec<String> = [help, choices.join("; ")].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(". ")
}

/// In a table nothing may end the cell or its line.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn block(section: &Section) -> String {
    let Section { heading, lines } = section;
    let language = if heading == "Examples" { "sh" } else { "text" };
    format!("\n{heading}:\n\n```{language}\n{}\n```\n", lines.join("\n"))
}

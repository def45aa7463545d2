//! The command line as pages, for `man` and for `docs/commands.md`. Made of clap's own description of it, so that nothing
//! is said twice; what only the runner itself calls is left out.

mod document;
#[cfg(test)]
mod tests;

pub(crate) use document::markdown;

use crate::cli::Cli;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The command line as users call it.
pub(crate) fn command() -> Command {
    let whole = Cli::command();
    let visible = whole.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let mut command = Command::new("runner")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommands(visible);
    if let Some(about) = whole.get_about() {
        command = command.about(about.clone());
    }
    if let Some(below) = whole.get_after_long_help() {
        command = command.after_long_help(below.clone());
    }
    command.build();
    command
}

/// The pages: the runner's own, then each command's.
pub(crate) fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    collect(&command(), &[], &mut pages);
    pages
}

/// What is installed beside the programs: the pages, and the generator's.
pub(crate) fn installed() -> Vec<Page> {
    let mut command = generators::command().version(env!("CARGO_PKG_VERSION"));
    command.build();
    let mut pages = pages();
    pages.push(Page { title: "generator".to_owned(), words: vec!["generator".to_owned()], command });
    pages
}

fn collect(command: &Command, words: &[String], pages: &mut Vec<Page>) {
    let title = [&["runner".to_owned()], words].concat().join(" ");
    pages.push(Page { title, command: command.clone(), words: words.to_vec() });
    for verb in command.get_subcommands() {
        collect(verb, &[words, &[verb.get_name().to_owned()]].concat(), pages);
    }
}

/// The page of one command.
pub(crate) struct Page {
    /// `runner`, `runner diff`.
    title: String,
    command: Command,
    words: Vec<String>,
}

/// What stands below the options: a heading, and its lines.
struct Section {
    heading: String,
    lines: Vec<String>,
}

impl Page {
    /// The words that the command is called by, after the runner's own name.
    pub(crate) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// What its file is called.
    pub(crate) fn file(&self) -> String {
        format!("{}.1", self.title.replace(' ', "-"))
    }

    /// The page as `man` reads it.
    pub(crate) fn roff(&self) -> String {
        let name = self.title.replace(' ', "-");
        let man = Man::new(self.command.clone())
            .title(&name)
            .source(concat!("runner ", env!("CARGO_PKG_VERSION")))
            .manual("Syscall Lab");
        let mut text = Vec::new();
        let mut write = || {
            man.render_title(&mut text)?;
            man.render_name_section(&mut text)?;
            man.render_synopsis_section(&mut text)?;
            man.render_description_section(&mut text)?;
            man.render_options_section(&mut text)?;
            if self.command.has_subcommands() {
                man.render_subcommands_section(&mut text)?;
            }
            self.rest().to_writer(&mut text)
        };
        // Memory takes whatever is written to it.
        let _: std::io::Result<()> = write();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Examples and what else stands below the options, and the other pages.
    fn rest(&self) -> Roff {
        let mut roff = Roff::new();
        for section in self.sections() {
            roff.control("SH", [section.heading.to_uppercase().as_str()]);
            roff.control("nf", []);
            for line in section.lines {
                roff.text([roman(line)]);
            }
            roff.control("fi", []);
        }
        if !self.words.is_empty() {
            roff.control("SH", ["SEE ALSO"]);
            roff.text([bold("runner"), roman("(1), which has the exit codes, variables and files")]);
        }
        roff
    }

    fn sections(&self) -> Vec<Section> {
        let below = self.command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let mut sections: Vec<Section> = Vec::new();
        for line in below.lines() {
            match (line.strip_suffix(':'), sections.last_mut()) {
                (Some(heading), _) if !line.starts_with(' ') => {
                    sections.push(Section { heading: heading.to_owned(), lines: Vec::new() });
                }
                (_, Some(section)) if !line.is_empty() => {
                    section.lines.push(line.strip_prefix("  ").unwrap_or(line).to_owned());
                }
                _ => {}
            }
        }
        sections
    }
}

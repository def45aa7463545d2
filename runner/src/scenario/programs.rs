//! Programs as generators, after validation: what is executed, around what, and what it is in a cell.
//!
//! It does not know how a program is held and followed.

use super::cells::Cell;
use super::diagnostic::{Diagnostic, Diagnostics, Place, printable, quoted};
use super::model::{Given, Name, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A command, word by word.
pub(crate) type Words = Vec<Word>;

/// A word of a command: text, and levels of factors, one behind the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub(super) parts: Vec<Given<String>>,
    /// Where it was written.
    pub(super) place: Place,
}

impl Word {
    /// The word in a cell.
    fn at(&self, cell: &Cell) -> String {
        self.parts.iter().map(|part| part.at(cell).as_str()).collect()
    }

    /// The word as written.
    pub(super) fn describe(&self, factor: impl Fn(usize) -> String) -> String {
        let part = |part: &Given<String>| match part {
            Given::Fixed(text) => text.clone(),
            Given::Factor { factor: index, .. } => format!("${{{}}}", factor(*index)),
        };
        self.parts.iter().map(part).collect()
    }
}

/// A program as declared, for all cells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProgramDecl {
    /// Its name in the scenario.
    pub(crate) name: Name,
    /// What is executed; at least one word.
    pub(crate) command: Words,
    /// Where it starts; none for a fresh folder of the trial's own.
    pub(crate) cwd: Option<PathBuf>,
    /// What is added to its environment.
    pub(crate) env: BTreeMap<String, Word>,
    /// What it reads, relative to where it starts.
    pub(crate) stdin: Option<PathBuf>,
    /// Commands that must have succeeded before the trial.
    pub(crate) setup: Vec<Words>,
    /// A command that succeeds as soon as the program is ready for what comes after it.
    pub(crate) ready: Option<Words>,
    /// Commands after the trial, however it went.
    pub(crate) teardown: Vec<Words>,
    /// How long it runs.
    pub(crate) until: Until,
    /// Where its table is.
    pub(super) place: Place,
    /// Where `cwd` is.
    pub(super) cwd_place: Option<Place>,
}

/// How long a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// From the window's opening to its own end, which closes the window.
    End,
    /// From before the warm-up to after the window, whose length is the scenario's.
    Window,
}

impl Until {
    /// Both, with their names in scenarios.
    pub(crate) const NAMES: [(&'static str, Self); 2] = [("end", Self::End), ("window", Self::Window)];
}

/// A program in one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// What is executed.
    pub(crate) command: Vec<String>,
    /// Before the trial.
    pub(crate) setup: Vec<Vec<String>>,
    /// Succeeds when the program is ready.
    pub(crate) ready: Option<Vec<String>>,
    /// After the trial.
    pub(crate) teardown: Vec<Vec<String>>,
    /// How long it runs.
    pub(crate) until: Until,
    /// Where all of them start.
    pub(crate) cwd: PathBuf,
    /// What is added to the environment of all of them.
    pub(crate) env: BTreeMap<String, String>,
    /// What the program reads.
    pub(crate) stdin: Option<PathBuf>,
}

/// A command for people: words with spaces in them in quotes, control characters in escapes.
fn command_text(words: &Words, factor: &impl Fn(usize) -> String) -> String {
    let word = |word: &Word| match printable(&word.describe(factor)) {
        text if text.is_empty() || text.contains(char::is_whitespace) => format!("'{text}'"),
        text => text,
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

impl ProgramDecl {
    /// The program in a cell, in a folder of its own unless it has another.
    pub(crate) fn at(&self, cell: &Cell, scratch: &Path) -> Program {
        let words = |words: &Words| words.iter().map(|word| word.at(cell)).collect::<Vec<_>>();
        Program {
            command: words(&self.command),
            setup: self.setup.iter().map(words).collect(),
            ready: self.ready.as_ref().map(words),
            teardown: self.teardown.iter().map(words).collect(),
            until: self.until,
            cwd: self.cwd.clone().unwrap_or_else(|| scratch.to_owned()),
            env: self.env.iter().map(|(name, value)| (name.clone(), value.at(cell))).collect(),
            stdin: self.stdin.clone(),
        }
    }

    /// Goes on counting factors right when the one with this index, which it does not follow, is gone.
    pub(super) fn without_factor(&mut self, gone: usize) {
        let around = self.setup.iter_mut().chain(&mut self.ready).chain(&mut self.teardown);
        let words = around.flatten().chain(&mut self.command).chain(self.env.values_mut());
        words.flat_map(|word| &mut word.parts).for_each(|part| part.without_factor(gone));
    }

    /// Whether any of its words goes along with the factor with this index.
    pub(super) fn follows(&self, factor: usize) -> bool {
        let around = self.setup.iter().chain(&self.ready).chain(&self.teardown);
        let mut words = around.flatten().chain(&self.command).chain(self.env.values());
        words.any(|word| word.parts.iter().any(|part| part.factor() == Some(factor)))
    }

    /// The command as written, for people.
    pub(crate) fn describe(&self, factor: impl Fn(usize) -> String) -> String {
        command_text(&self.command, &factor)
    }

    /// What else is executed, and with what: a word on what it is, and the thing itself.
    pub(crate) fn around(&self, factor: impl Fn(usize) -> String) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        let commands = |what, commands: &[Words]| {
            commands.iter().map(|words| (what, command_text(words, &factor))).collect::<Vec<_>>()
        };
        all.extend(commands("setup", &self.setup));
        all.extend(self.ready.iter().map(|words| ("ready", command_text(words, &factor))));
        all.extend(commands("teardown", &self.teardown));
        all.extend(
            self.env.iter().map(|(name, value)| ("env", format!("{name}={}", value.describe(&factor)))),
        );
        all.extend(self.cwd.iter().map(|cwd| ("cwd", cwd.display().to_string())));
        all.extend(self.stdin.iter().map(|stdin| ("stdin", stdin.display().to_string())));
        all
    }
}

impl Scenario {
    /// The programs of a cell, in the file's order.
    pub(crate) fn programs_of(&self, cell: &Cell, scratch: &Path) -> Vec<Program> {
        self.programs.iter().map(|program| program.at(cell, scratch)).collect()
    }

    /// What is to be executed and is not there, as `is_there` says of a name or of a path from the root. Other paths may
    /// be what a setup makes.
    pub(crate) fn check_programs(&self, is_there: impl Fn(&str) -> bool) -> Result<(), Diagnostics> {
        let cells: Vec<Cell> = (0..self.cell_count()).map(|index| self.cell(index)).collect();
        let is_missing = |name: &str| (!name.contains('/') || name.starts_with('/')) && !is_there(name);
        let mut found = Vec::new();
        for declared in &self.programs {
            found.extend(no_folder(declared.cwd.as_deref().zip(declared.cwd_place.as_ref())));
            for word in declared.executes() {
                let names: BTreeSet<String> = cells.iter().map(|cell| word.at(cell)).collect();
                let missing = names.iter().filter(|name| is_missing(name));
                found.extend(missing.map(|name| not_there(name, &word.place)));
            }
        }
        for program in self.loads.iter().filter_map(|level| level.program.as_ref()) {
            found.extend(no_folder(program.cwd.as_deref().zip(program.cwd_place.as_ref())));
            let name = program.command.first().filter(|name| is_missing(name));
            found.extend(name.map(|name| not_there(name, &program.place)));
        }
        self.judged(found)
    }
}

impl ProgramDecl {
    /// The first words of everything that is executed.
    fn executes(&self) -> impl Iterator<Item = &Word> {
        let around = self.setup.iter().chain(&self.ready).chain(&self.teardown);
        around.chain([&self.command]).filter_map(|words| words.first())
    }
}

fn no_folder(cwd: Option<(&Path, &Place)>) -> Option<Diagnostic> {
    let (cwd, place) = cwd.filter(|(cwd, _)| !cwd.is_dir())?;
    let message = format!("there is no folder {}", quoted(&cwd.display().to_string()));
    let problem = Diagnostic::at(place, message, "is where the program is to start");
    Some(problem.help("name another, or leave `cwd` out for an empty folder of its own"))
}

fn not_there(name: &str, place: &Place) -> Diagnostic {
    let message = format!("program {} is not installed, or not on the PATH", quoted(name));
    Diagnostic::at(place, message, "needs it").help("install it, or leave this scenario out")
}

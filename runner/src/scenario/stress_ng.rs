//! What the installed stress-ng knows, and whether a scenario's load levels are within it.
//!
//! stress-ng is not asked here: its own lists are parameters.

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean, printable, quoted};
use super::model::{LoadLevel, LoadOption, LoadValue, Machine, Scenario};
use std::collections::BTreeSet;

/// The names that a stress-ng knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StressNg {
    stressors: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl StressNg {
    /// From what `stress-ng --stressors` and `stress-ng --help` print.
    pub(crate) fn new(stressors: &str, help: &str) -> Self {
        let stressors: BTreeSet<String> = stressors.split_whitespace().map(str::to_owned).collect();
        let options = help.lines().filter_map(option_of).map(str::to_owned);
        Self { options: options.chain(stressors.iter().cloned()).collect(), stressors }
    }

    fn check(&self, level: &LoadLevel, found: &mut Vec<Diagnostic>) {
        let before = found.len();
        for option in &level.options {
            if !self.options.contains(&option.name) {
                found.push(self.unknown(option));
            } else if self.stressors.contains(&option.name) && is_zero(&option.value) {
                let message = format!("to stress-ng `{} = 0` means one worker for each CPU", option.name);
                let problem = Diagnostic::at(&option.place, message, "does not mean none");
                found.push(problem.help("write `\"100% cpus\"` for all CPUs, and leave it out for none"));
            }
        }
        let has_stressor = level.options.iter().any(|option| self.stressors.contains(&option.name));
        if let (Some(first), false, true) = (level.options.first(), has_stressor, found.len() == before) {
            let message = format!("load level {} has options but no stressor", quoted(level.name.as_str()));
            let problem = Diagnostic::at(&first.place, message, "starts nothing by itself");
            found.push(problem.help("a stressor is, for example, `cpu = 1`"));
        }
    }

    fn unknown(&self, option: &LoadOption) -> Diagnostic {
        let message =
            format!("the installed stress-ng has no option {}", quoted(&format!("--{}", option.name)));
        let help = did_you_mean(&option.name, self.options.iter().map(String::as_str));
        Diagnostic::at(&option.place, message, "is neither a stressor nor an option of one").maybe_help(help)
    }
}

/// The long option that a line of the help is about: `-c N, --cpu N      start N workers …`.
fn option_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let long = match line.strip_prefix("--") {
        Some(long) => long,
        None => line.strip_prefix('-')?.split_once(" --")?.1,
    };
    let end = long.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(long.len());
    (end > 0).then(|| &long[..end])
}

fn is_zero(value: &LoadValue) -> bool {
    match value {
        LoadValue::Integer(number) => *number == 0,
        LoadValue::Text(text) => text.parse() == Ok(0),
        _ => false,
    }
}

/// A level that stress-ng refuses, in its words, which point at the option that they name.
fn refused(level: &LoadLevel, words: &str) -> Option<Diagnostic> {
    let message = format!("stress-ng refuses load level {}", quoted(level.name.as_str()));
    let texts = || level.options.iter().filter(|option| matches!(option.value, LoadValue::Text(_)));
    // Where it names none, and there is one alone whose text it could not read, that one is meant.
    let alone = texts().next().filter(|_| texts().count() == 1 && !words.contains("must be one of"));
    let meant = level.options.iter().find(|option| is_meant(option, words)).or(alone);
    let place = meant.map(|option| &option.place).or(level.place.as_ref())?;
    Some(
        Diagnostic::at(place, message, printable(words)).maybe_help(meant.and_then(shape).map(str::to_owned)),
    )
}

/// What an option's text has to be, where it is not what any text may be.
fn shape(option: &LoadOption) -> Option<&'static str> {
    let LoadValue::Text(_) = option.value else { return None };
    if option.name.ends_with("bytes") {
        Some("a size is written `\"64m\"`, a share of memory `\"40%\"`")
    } else if !option.name.contains('-') {
        Some("workers are a number, or a share of the CPUs as `\"100% cpus\"`")
    } else {
        None
    }
}

/// Whether words are about an option: they name it, or the text that it was set to.
fn is_meant(option: &LoadOption, words: &str) -> bool {
    let of_option = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '%');
    words.split(|c: char| !of_option(c)).any(|word| match &option.value {
        LoadValue::Text(text) => word == text || word == option.name,
        _ => word == option.name,
    })
}

impl Scenario {
    /// Whether the installed stress-ng knows every option of every load level, and takes them: `refusal` asks it for
    /// the arguments of one level, and gives its words where it does not.
    pub(crate) fn check_load(
        &self,
        stress_ng: &StressNg,
        machine: &Machine,
        refusal: impl Fn(&[String]) -> Option<String>,
    ) -> Result<(), Diagnostics> {
        let mut found = Vec::new();
        for under in self.loads_with_cells() {
            let level = self.loads[under.load].at(&self.cells[under.cells[0]]);
            if level.options.is_empty() {
                continue;
            }
            let before = found.len();
            stress_ng.check(&level, &mut found);
            if found.len() == before {
                let words = refusal(&level.arguments(machine));
                found.extend(words.and_then(|words| refused(&level, &words)));
            }
        }
        // What is wrong at a level of the load is so in each of its cells.
        found.dedup();
        self.judged(found)
    }

    /// Points at the first level that takes a stress-ng; for where none is installed.
    pub(crate) fn check_without_stress_ng(&self, remedy: &str) -> Result<(), Diagnostics> {
        let level = self.loads.iter().find(|level| !level.options.is_empty());
        self.judged(level.and_then(|level| {
            let message = format!("load level {} takes stress-ng: {remedy}", quoted(level.name.as_str()));
            Some(Diagnostic::at(level.place.as_ref()?, message, "cannot be had"))
        }))
    }

    /// Whether any level needs stress-ng at all.
    pub(crate) fn needs_stress_ng(&self) -> bool {
        self.loads.iter().any(|level| !level.options.is_empty())
    }
}

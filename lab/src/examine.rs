//! What a submission is: whole or not, the student's own or not, as it was written or not.
//!
//! Checksums and the order of trials catch accidents, and hands that did not know what else to change. They do not catch
//! forgery: whoever has this program can make a run out of thin air. That is said to everybody.

use crate::bundle::Index;
use crate::{Assignment, AssignmentId, Student, answers_in};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use store::{Manifest, Run, State, Status};

/// The name of the sheet of answers in a submission.
pub const ANSWERS: &str = "answers.md";

/// The name of the folder of runs in a submission.
pub const RUNS: &str = "runs";

/// Most bytes of a sheet of answers that are read.
const ANSWERS_BYTES: usize = 1 << 20;

/// What a submission says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Whose it is.
    pub student: Student,
    /// BLAKE3 of the assignment's bundle that it was made from.
    pub assignment_file: String,
    /// Whether nothing was measured, and the recorded data are meant.
    pub recorded: bool,
    /// Whether host, user, paths and kernel command line were removed.
    pub anonymised: bool,
    /// Questions without an answer.
    pub unanswered: Vec<String>,
    /// Its runs.
    pub runs: Vec<SubmittedRun>,
}

/// A run of a submission, as it is announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedRun {
    /// Its scenario.
    pub scenario: String,
    /// Its id, which is its folder's name.
    pub run: String,
    /// With what it was observed.
    pub backends: Vec<String>,
    /// How far it came.
    pub state: State,
}

impl Submission {
    /// One that has nothing in it yet.
    #[must_use]
    pub fn new(student: Student, assignment_file: String) -> Self {
        let (unanswered, runs) = (Vec::new(), Vec::new());
        Self { student, assignment_file, recorded: false, anonymised: false, unanswered, runs }
    }
}

/// With what the trials of a run were observed: one backend, or those that a factor says and the machine has.
#[must_use]
pub fn backends(manifest: &Manifest) -> Vec<String> {
    let Some(factor) = &manifest.probe.factor else { return vec![manifest.probe.backend.clone()] };
    let mut backends: Vec<String> = factor.levels.iter().filter_map(|level| level.backend.clone()).collect();
    backends.sort();
    backends.dedup();
    backends
}

/// What a submission is worth looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is whole, and the student's own as far as can be told.
    Sound,
    /// Something is not there.
    Incomplete,
    /// Something is not what it should be.
    Refused,
}

impl Standing {
    /// As people are told.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it makes of the submission; where it is sound, this is to be known.
    pub standing: Standing,
    /// What it is.
    pub words: String,
}

impl Finding {
    /// What it makes of the submission, in words.
    #[must_use]
    pub const fn mark(&self) -> &'static str {
        match self.standing {
            Standing::Sound => "to be known",
            standing => standing.words(),
        }
    }
}

/// What the order of a run's trials is by its scenario's text, seed and overrides: a line for each thing that is otherwise.
pub type Order<'a> = &'a dyn Fn(&Run, &str) -> Vec<String>;

/// A submission, examined.
#[derive(Debug)]
pub struct Examination {
    /// The assignment that it belongs to.
    pub assignment: AssignmentId,
    /// What it says of itself.
    pub submission: Submission,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Its runs, as far as they can be read.
    pub runs: Vec<Run>,
    /// Its answers by question.
    pub answers: BTreeMap<String, String>,
}

impl Examination {
    /// What the submission is worth looking at.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.findings.iter().map(|finding| finding.standing).max().unwrap_or(Standing::Sound)
    }
}

/// The instructor's copy of an assignment: what it says, the folder that it is unpacked in, BLAKE3 of its bundle.
pub type Copy<'a> = (&'a Assignment, &'a Path, &'a str);

/// Examines the submission that is unpacked in a folder; without the assignment as far as its own word goes.
#[must_use]
pub fn examine(
    folder: &Path,
    (index, submission): (&Index, Submission),
    assignment: Option<Copy<'_>>,
    order: Order<'_>,
) -> Examination {
    let sheet = fs::read(folder.join(ANSWERS)).unwrap_or_default();
    let sheet = String::from_utf8_lossy(&sheet[..sheet.len().min(ANSWERS_BYTES)]).into_owned();
    let mut examiner = Examiner { index, submission: &submission, assignment, order, found: Vec::new() };
    examiner.identity();
    let answers = answers_in(&sheet);
    examiner.answers(&answers);
    let runs = examiner.runs(&folder.join(RUNS));
    let mut findings = examiner.found;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.standing));
    Examination { assignment: index.assignment.clone(), submission, findings, runs, answers }
}

struct Examiner<'a> {
    index: &'a Index,
    submission: &'a Submission,
    assignment: Option<Copy<'a>>,
    order: Order<'a>,
    found: Vec<Finding>,
}

impl Examiner<'_> {
    fn find(&mut self, standing: Standing, words: impl Into<String>) {
        self.found.push(Finding { standing, words: words.into() });
    }

    fn identity(&mut self) {
        let Some((assignment, _, file)) = self.assignment else {
            let words = "the scenarios and parameters are taken on its word: only the assignment can tell";
            return self.find(Standing::Sound, words);
        };
        let id = &self.index.assignment;
        if *id != assignment.id {
            let (mine, theirs) = (&assignment.id, id);
            let words = format!(
                "it belongs to {} of edition {}, and this is {} of edition {}",
                crate::error::printable(&theirs.name),
                crate::error::printable(&theirs.edition),
                mine.name,
                mine.edition
            );
            return self.find(Standing::Refused, words);
        }
        if self.submission.assignment_file != file {
            self.find(Standing::Sound, "it was made from another copy of the assignment's file");
        }
        let tested = &assignment.tested_with;
        if !tested.is_empty() && !tested.contains(&self.index.runner) {
            let runner = crate::error::printable(&self.index.runner);
            let words =
                format!("runner {runner} made it; the assignment was tested with {}", tested.join(", "));
            self.find(Standing::Sound, words);
        }
    }

    fn answers(&mut self, answers: &BTreeMap<String, String>) {
        let Some((assignment, ..)) = self.assignment else { return };
        let unanswered = assignment
            .questions
            .iter()
            .filter(|it| answers.get(&it.id).is_none_or(String::is_empty))
            .map(|it| it.id.as_str())
            .collect::<Vec<_>>();
        if !unanswered.is_empty() {
            self.find(Standing::Sound, format!("no answer to {}", unanswered.join(", ")));
        }
    }

    fn runs(&mut self, folder: &Path) -> Vec<Run> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        names.sort();
        let runs: Vec<Run> = names.iter().filter_map(|name| self.run(&folder.join(name), name)).collect();
        if self.submission.recorded {
            self.find(Standing::Sound, "nothing was measured: claims are held against the recorded data");
            if self.assignment.is_some_and(|(assignment, ..)| assignment.recorded.is_none()) {
                self.find(Standing::Refused, "it means recorded data, and the assignment has none");
            }
            return runs;
        }
        let mut seen = BTreeSet::new();
        for run in &runs {
            let scenario = &run.manifest.scenario.name;
            if !seen.insert(scenario.clone()) {
                self.find(Standing::Refused, format!("there are two runs of {scenario}"));
            }
        }
        let asked = self.assignment.map(|(assignment, ..)| assignment.scenarios.clone()).unwrap_or_default();
        for scenario in asked.iter().filter(|it| !seen.contains(*it)) {
            self.find(Standing::Incomplete, format!("there is no run of {scenario}"));
        }
        if names.is_empty() && asked.is_empty() {
            self.find(Standing::Incomplete, "there is no run in it");
        }
        runs
    }

    fn run(&mut self, path: &Path, name: &str) -> Option<Run> {
        let (words, run) = store::verify(path);
        let name = crate::error::printable(name);
        // Findings name files by where they were unpacked, which means nothing to anybody.
        let place = path.display().to_string();
        let words =
            words.into_iter().map(|found| found.replace(&format!("{place}/"), "").replace(&place, &name));
        let words: Vec<String> = words.collect();
        let Some(run) = run else {
            for found in words {
                self.find(Standing::Refused, format!("{name}: {found}"));
            }
            return None;
        };
        let (missing, gaps) = (missing(&run), store::check_gaps(&run));
        for found in words.into_iter().filter(|found| missing.is_empty() || !gaps.contains(found)) {
            self.find(Standing::Refused, format!("{name}: {found}"));
        }
        if !missing.is_empty() {
            let (planned, listed) = (run.manifest.plan.trials, listed(&missing));
            let words = format!("{} of {planned} trials are missing: {listed}", missing.len());
            self.find(Standing::Incomplete, format!("{name}: {words}"));
        }
        for found in self.ownership(&run).into_iter().chain(loss_findings(&run)) {
            self.find(Standing::Refused, format!("{name}: {found}"));
        }
        if let Some(first) = run.manifest.extensions.first() {
            let words = "blocks were added to it when it was complete, from block";
            self.find(Standing::Sound, format!("{name}: {words} {} on", first.first_block + 1));
        }
        let without = run.trials.iter().filter(|trial| trial.status != Status::Ok).count();
        if without > 0 {
            let words = format!("{name}: {without} of {} trials failed or are invalid", run.trials.len());
            self.find(Standing::Sound, words);
        }
        Some(run)
    }

    /// Whether a run is what this student was to execute.
    fn ownership(&self, run: &Run) -> Vec<String> {
        let (student, id) = (&self.submission.student, &self.index.assignment);
        let (seed, manifest) = (student.seed(id), &run.manifest);
        if manifest.trace.is_some() {
            return vec!["it is a trace, which no assignment asks for".to_owned()];
        }
        if manifest.plan.seed != seed {
            return vec![format!(
                "its order has the seed {}, and {student}'s is {seed}: it is another student's, or was not executed by \
                 `runner lab start`",
                manifest.plan.seed
            )];
        }
        let own = match run.scenario() {
            Ok(text) => text,
            Err(error) => return vec![error.to_string()],
        };
        let Some((assignment, folder, _)) = self.assignment else { return (self.order)(run, &own) };
        let scenario = &manifest.scenario.name;
        if !assignment.scenarios.contains(scenario) {
            return vec![format!("the assignment has no scenario {}", crate::error::printable(scenario))];
        }
        let Ok(text) = fs::read_to_string(folder.join(format!("{scenario}.toml"))) else {
            return vec![format!("the assignment's {scenario}.toml cannot be read")];
        };
        if own != text {
            return vec![format!("its scenario is not the assignment's {scenario}.toml")];
        }
        let mut expected = student.overrides(id, &assignment.parameters);
        expected.push(format!("plan.seed={seed}"));
        if manifest.scenario.overrides != expected {
            let (found, expected) = (manifest.scenario.overrides.join(", "), expected.join(", "));
            let found = crate::error::printable(&found);
            return vec![format!("its values are not {student}'s: {found} and not {expected}")];
        }
        (self.order)(run, &text)
    }
}

/// The numbers of trials that the run should have, from 0.
fn missing(run: &Run) -> Vec<u32> {
    let there: BTreeSet<u32> = run.trials.iter().map(|trial| trial.trial).collect();
    (0..run.manifest.plan.trials).filter(|number| !there.contains(number)).collect()
}

/// The first of them, as people count.
fn listed(numbers: &[u32]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = numbers.iter().take(MOST).map(|number| (number + 1).to_string()).collect();
    let more = if numbers.len() > MOST { ", …" } else { "" };
    shown.join(", ") + more
}

/// Trials that are said to be ok although they lost more calls than the scenario allows.
#[must_use]
pub fn loss_findings(run: &Run) -> Vec<String> {
    let limit = run.manifest.scenario.loss_limit;
    let ok = run.trials.iter().filter(|trial| trial.status == Status::Ok);
    let lost = ok.flat_map(|trial| trial.measures.iter().map(move |measure| (trial, measure)));
    lost.filter_map(|(trial, measure)| {
        let ledger = measure.ledger?;
        (ledger.lost.unsigned_abs() as f64 > ledger.entered as f64 * limit).then(|| {
            format!(
                "trial {} is said to be ok, and {} of {} calls of {} are lost",
                trial.trial + 1,
                ledger.lost,
                ledger.entered,
                measure.syscall
            )
        })
    })
    .collect()
}

#[cfg(test)]
pub(crate) mod tests;

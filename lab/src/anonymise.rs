//! Taking out of a run what tells whose machine it was made on.
//!
//! The run is written anew from its records, with new checksums: tables are compressed, so that nothing could be taken
//! out of them in place. Figures, order, seed and everything that grading looks at stay as they are.

use crate::LabError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::{DIFFERS, Environment, MACHINE, Manifest, ProbeInfo, Run, RunWriter, State, TrialRecord};

/// What stands in the place of what was taken out.
const GONE: &str = "(removed)";
/// Paths that tell nothing of anybody, since every machine has them.
const COMMON: [&str; 3] = ["/proc/", "/sys/", "/dev/"];
/// What comes before the name of the program that took most of the processor.
const BUSIEST: &str = "most of it ";
/// A name of fewer characters would be found in words that are none.
const SHORTEST: usize = 2;

/// Texts that tell whose machine it is.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Host and user names; taken out where they stand as words.
    words: Vec<String>,
    /// Paths such as the home folder's; taken out wherever they stand.
    paths: Vec<String>,
}

impl Names {
    /// These host and user names, and these folders. `root` is everybody's, and `/` and relative paths are no places.
    #[must_use]
    pub fn new(words: &[String], paths: &[String]) -> Self {
        let is_name =
            |word: &&String| word.chars().count() >= SHORTEST && *word != "root" && *word != "localhost";
        let is_place = |path: &&String| path.starts_with('/') && path.trim_end_matches('/').len() > 1;
        let mut words: Vec<String> = words.iter().filter(is_name).cloned().collect();
        let places = paths.iter().filter(is_place).map(|path| path.trim_end_matches('/').to_owned());
        let mut paths: Vec<String> = places.collect();
        // What is part of another goes after it.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        Self { words, paths }
    }

    /// A text that a student wrote, without these names and places.
    #[must_use]
    pub fn without(&self, text: &str) -> String {
        let text = self.paths.iter().fold(text.to_owned(), |text, path| text.replace(path.as_str(), GONE));
        self.words.iter().fold(text, |text, word| without_word(&text, word))
    }

    /// A text that the runner wrote, without any path either.
    fn without_paths(&self, text: &str) -> String {
        // A known folder comes first: its name may have what ends a path. What is left of it then stands beside it.
        without_paths(&self.without(text)).replace(&GONE.repeat(2), GONE)
    }
}

/// Writes a run that has ended anew into the folder of runs `into`, without what tells whose machine it was made on.
pub fn anonymise(run: &Run, names: &Names, into: &Path) -> Result<PathBuf, LabError> {
    let parts = run.manifest.merged.iter().flat_map(|merged| &merged.parts);
    let hosts =
        parts.map(|part| &part.environment).chain([&run.manifest.environment]).map(|it| it.host.clone());
    let hosts: Vec<String> = hosts.filter(|host| host != DIFFERS).collect();
    let names = Names::new(&[&names.words[..], &hosts].concat(), &names.paths);
    let (state, ended_at) = (run.manifest.state, run.manifest.ended_at);
    let manifest = manifest(&run.manifest, &names);
    let mut writer = RunWriter::create(into, manifest, &run.scenario()?, None)?;
    for trial in &run.trials {
        writer.append_trial(&record(trial, (&run.manifest, &names)))?;
    }
    writer.append_load(&run.load)?;
    Ok(writer.finish_at(state, ended_at)?)
}

fn manifest(manifest: &Manifest, names: &Names) -> Manifest {
    let clean = |text: &String| names.without_paths(text);
    let mut manifest = manifest.clone();
    manifest.state = State::Running;
    manifest.ended_at = None;
    manifest.checksums.clear();
    manifest.seal = None;
    manifest.command = vec![GONE.to_owned()];
    manifest.label = manifest.label.as_ref().map(clean);
    clean_environment(&mut manifest.environment, names);
    manifest.warnings = manifest.warnings.iter().map(clean).collect();
    clean_probe(&mut manifest.probe, names);
    let numbers = numbers(&manifest);
    for part in manifest.merged.iter_mut().flat_map(|merged| &mut merged.parts) {
        part.label = part.label.as_ref().map(clean);
        part.command = vec![GONE.to_owned()];
        clean_environment(&mut part.environment, names);
        clean_probe(&mut part.probe, names);
        for extension in &mut part.extensions {
            extension.command = vec![GONE.to_owned()];
        }
        for setting in &mut part.settings {
            setting.cannot = setting.cannot.as_ref().map(clean);
        }
        for name in [Some(&mut part.machine), part.level.as_mut()].into_iter().flatten() {
            numbered(name, &numbers);
        }
    }
    let is_merged = manifest.is_merged_by(MACHINE);
    let factors = manifest.scenario.factors.iter_mut();
    let by_machine = factors.filter(|factor| is_merged && factor.name == MACHINE);
    for level in by_machine.flat_map(|factor| &mut factor.levels) {
        numbered(&mut level.label, &numbers);
    }
    for extension in &mut manifest.extensions {
        extension.command = vec![GONE.to_owned()];
    }
    for setting in &mut manifest.machine {
        setting.cannot = setting.cannot.as_ref().map(clean);
    }
    manifest
}

/// What the machines are called instead of by their names, where the run was made of several machines'.
fn numbers(manifest: &Manifest) -> BTreeMap<String, String> {
    let machines = manifest.merged.as_ref().map(store::Merged::machines).unwrap_or_default();
    (1..).zip(machines).map(|(number, name)| (name.to_owned(), format!("machine-{number}"))).collect()
}

fn numbered(name: &mut String, numbers: &BTreeMap<String, String>) {
    if let Some(number) = numbers.get(name) {
        name.clone_from(number);
    }
}

fn clean_environment(environment: &mut Environment, names: &Names) {
    GONE.clone_into(&mut environment.host);
    environment.machine_id = None;
    environment.kernel_command_line = None;
    environment.kernel_version = names.without_paths(&environment.kernel_version);
}

fn clean_probe(probe: &mut ProbeInfo, names: &Names) {
    let clean = |text: &String| names.without_paths(text);
    probe.reasons = probe.reasons.iter().map(clean).collect();
    for level in probe.factor.iter_mut().flat_map(|factor| &mut factor.levels) {
        level.reasons = level.reasons.iter().map(clean).collect();
    }
}

fn record(trial: &TrialRecord, (manifest, names): (&Manifest, &Names)) -> TrialRecord {
    let clean = |text: &String| names.without_paths(text);
    let mut trial = trial.clone();
    if let Some(machine) = trial.factors.get_mut(MACHINE).filter(|_| manifest.is_merged_by(MACHINE)) {
        numbered(machine, &numbers(manifest));
    }
    trial.reason = trial.reason.as_ref().map(clean);
    if let Some(noise) = &mut trial.noise {
        // What else a student's machine executes is nobody's business.
        noise.busiest = noise.busiest.as_ref().map(|_| GONE.to_owned());
        noise.disturbed = noise.disturbed.as_ref().map(|words| clean(&without_program(words)));
    }
    trial
}

/// What disturbed a trial, without the program that did.
fn without_program(words: &str) -> String {
    words
        .find(BUSIEST)
        .map_or_else(|| words.to_owned(), |place| words[..place + BUSIEST.len()].to_owned() + GONE)
}

/// A text without this name where it is a word of its own.
fn without_word(text: &str, word: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(word) {
        let (before, behind) = (&rest[..place], &rest[place + word.len()..]);
        clean.push_str(before);
        let begins = !is_part(clean.chars().next_back());
        let ends = !is_part(behind.chars().next());
        clean.push_str(if begins && ends { GONE } else { word });
        rest = behind;
    }
    clean + rest
}

/// A text without absolute paths.
fn without_paths(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "\"'`,;:()[]{}<>".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('/') {
        let path = &rest[place..];
        let end = path.find(ends).unwrap_or(path.len());
        let begins = rest[..place].chars().next_back().is_none_or(|c| ends(c) || c == '=');
        let is_somebodys = begins && end > 1 && !COMMON.iter().any(|common| path.starts_with(common));
        clean.push_str(&rest[..place]);
        clean.push_str(if is_somebodys { GONE } else { &path[..end] });
        rest = &path[end..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::tests::{Made, made, written};
    use store::{Factor, Level, Merged, MergedPart, Noise};

    fn names() -> Names {
        let words = ["ada".to_owned(), "somewhere".to_owned(), "root".to_owned(), "x".to_owned()];
        Names::new(&words, &["/home/ada/".to_owned(), "/".to_owned(), "relative".to_owned()])
    }

    #[test]
    fn names_go_where_they_are_words_and_places_wherever_they_are() {
        let names = names();
        for (text, clean) in [
            ("I am ada.", "I am (removed)."),
            ("ada_x and adamant canada", "ada_x and adamant canada"),
            ("see /home/ada/lab", "see (removed)/lab"),
            ("root needs x", "root needs x"),
            ("on somewhere: somewhere", "on (removed): (removed)"),
            ("", ""),
        ] {
            assert_eq!(names.without(text), clean);
        }
        for (text, clean) in [
            ("cannot read /var/tmp/a-b.c: no such file", "cannot read (removed): no such file"),
            ("dir=/x/y, 3 /s and a/b", "dir=(removed), 3 (removed) and a/b"),
            ("/proc/sys/kernel/x is 4", "/proc/sys/kernel/x is 4"),
            ("1 / 2", "1 / 2"),
        ] {
            assert_eq!(names.without_paths(text), clean);
        }
    }

    #[test]
    fn a_run_is_the_same_without_its_machine() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = made(&Made { blocks: 3, host: "ada-laptop", ..Made::default() });
        run.trials[0].noise = Some(Noise {
            others: Some(0.2),
            busiest: Some("/home/ada/bin/sync (7)".to_owned()),
            disturbed: Some("on ada-laptop others took 50 %, most of it secretive (7)".to_owned()),
            ..Noise::default()
        });
        let path = written(&run, &folder.path().join("runs"), State::Complete);
        let run = Run::open(&path).unwrap();
        let clean = anonymise(&run, &names(), &folder.path().join("clean")).unwrap();
        let (findings, found) = store::verify(&clean);
        assert_eq!(findings, [""; 0]);
        let found = found.unwrap();
        assert_eq!(found.manifest.ended_at, run.manifest.ended_at);
        assert_eq!(found.manifest.plan, run.manifest.plan);
        for (one, other) in found.trials.iter().zip(&run.trials) {
            assert_eq!(
                (&one.measures, &one.factors, one.trial),
                (&other.measures, &other.factors, other.trial)
            );
        }
        let text = format!("{:?} {:?}", found.manifest, found.trials);
        for word in ["ada-laptop", "/home", "secret", "sync"] {
            assert!(!text.contains(word), "{word}");
        }
        assert_eq!(found.manifest.warnings, ["cannot read (removed) on (removed)"]);
    }

    #[test]
    fn machines_of_a_merged_run_have_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = made(&Made { blocks: 3, host: "ada-laptop", ..Made::default() });
        let manifest = &run.manifest;
        let part = MergedPart {
            run: "one".to_owned(),
            label: Some("ada".to_owned()),
            seal: None,
            shard: None,
            level: Some("ada-laptop".to_owned()),
            machine: "ada-laptop".to_owned(),
            boots: run.trials.iter().map(|trial| trial.boot.clone()).collect(),
            trials: manifest.plan.trials,
            started_at: manifest.started_at,
            ended_at: None,
            command: vec!["/home/ada/bin/runner".to_owned()],
            probe: manifest.probe.clone(),
            environment: manifest.environment.clone(),
            extensions: Vec::new(),
            settings: Vec::new(),
        };
        run.manifest.merged = Some(Merged { factor: Some(MACHINE.to_owned()), parts: vec![part] });
        let levels =
            vec![Level { label: "ada-laptop".to_owned(), value: None, arguments: vec![], command: vec![] }];
        run.manifest.scenario.factors.insert(0, Factor { name: MACHINE.to_owned(), levels });
        for trial in &mut run.trials {
            trial.factors.insert(MACHINE.to_owned(), "ada-laptop".to_owned());
        }
        let path = written(&run, &folder.path().join("runs"), State::Complete);
        let clean = anonymise(&Run::open(&path).unwrap(), &names(), &folder.path().join("clean")).unwrap();
        let (findings, found) = store::verify(&clean);
        assert_eq!(findings, [""; 0]);
        let found = found.unwrap();
        assert!(found.trials.iter().all(|trial| trial.factors[MACHINE] == "machine-1"));
        let text = format!("{:?} {:?}", found.manifest, found.trials);
        // Not `ada` alone: checksums are hexadecimal.
        let is_told = ["ada-laptop", "/home/ada", "\"ada\""].iter().any(|name| text.contains(name));
        assert!(!is_told && text.contains("machine-1"), "{text}");
    }
}

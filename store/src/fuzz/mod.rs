//! Runs that somebody has changed at random: the readers neither panic nor hang, and stay within their memory.
//!
//! Everything is read in memory, behind checksums and seal, so that what stands behind them is reached; only whole folders
//! are on disk, with checksums and seal made anew for every second one.

mod folders;
pub(crate) mod mutate;

#[path = "../../tests/parts/everything.rs"]
mod everything;
#[path = "../../tests/parts/sample.rs"]
#[expect(dead_code, reason = "tests that are programs of their own use the rest")]
mod sample;

use crate::frame::TableFile;
use crate::reader::{manifest_of, read_load, read_trials};
use crate::writer::{LOAD, MANIFEST, shape_of, tables_of_trials};
use crate::{Manifest, Run, State, StoreError, TrialRecord, parts, seal, tables, verify};
use mutate::{Mutator, Random};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::collections::BTreeMap;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Address space that the process may have, beside which everything that it is given is small.
const MOST_MEMORY: u64 = 4 << 30;
/// After so long a case hangs. Loaded machines are slow, but not by so much.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Files by name, and what runs say of themselves: what is changed.
struct Corpus {
    /// Manifests and parts, with the file name that each has to have.
    texts: Vec<(String, Vec<u8>)>,
    /// The tables of one run by name, each packed and unpacked.
    tables: Vec<(String, Vec<u8>)>,
    /// The same as they were written.
    sound: BTreeMap<String, TableFile>,
    manifest: Manifest,
}

impl Corpus {
    fn new() -> Self {
        let runs = tempfile::tempdir().unwrap();
        let complete = everything::everything(runs.path(), "complete").finish(State::Complete).unwrap();
        let under_way = everything::everything(runs.path(), "under_way").path().to_owned();
        let mut corpus = Self {
            texts: vec![],
            tables: vec![],
            sound: BTreeMap::new(),
            manifest: crate::read_manifest(&complete).unwrap(),
        };
        for folder in [complete, under_way.clone(), under_way.join(parts::FOLDER)] {
            for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                corpus.add(&file);
            }
        }
        corpus
    }

    fn add(&mut self, file: &Path) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = file.extension().unwrap_or_default();
        if kind == "json" {
            self.texts.push((name, fs::read(file).unwrap()));
        } else if kind == "parquet" {
            let packed = fs::read(file).unwrap();
            let sound = TableFile::of(file.to_owned(), packed.clone());
            self.tables.push((name.clone(), mutate::unpacked(&sound.frame().unwrap().frame)));
            self.tables.push((name.clone(), packed));
            self.sound.insert(name, sound);
        }
    }

    fn texts(&self, is_manifest: bool) -> Vec<&(String, Vec<u8>)> {
        self.texts.iter().filter(|(name, _)| (name == MANIFEST) == is_manifest).collect()
    }
}

/// What a case came to: whether what was read was taken for a run, or part of one.
type Outcome = Result<(), StoreError>;

fn manifest(text: &[u8]) -> Outcome {
    seal::is_intact(text);
    let manifest = manifest_of(Path::new(MANIFEST), text)?;
    shape_of(&manifest);
    serde_json::to_vec(&manifest).unwrap();
    Ok(())
}

fn part(corpus: &Corpus, name: &str, bytes: &[u8]) -> Outcome {
    let run = |trials, load| Run { path: PathBuf::new(), manifest: corpus.manifest.clone(), trials, load };
    if name.starts_with("load") {
        let load = parts::load_of(Path::new(name), bytes)?;
        tables::load(&load).unwrap();
        return Ok(());
    }
    let run = run(vec![parts::trial_of(Path::new(name), bytes)?], vec![]);
    verify::check_trials(&run);
    let shape = shape_of(&run.manifest);
    for (_, build) in tables_of_trials(&|records: &[TrialRecord]| tables::trials(records, &shape)) {
        build(&run.trials).unwrap();
    }
    Ok(())
}

/// Reads the run of which one table is this one.
fn table(corpus: &Corpus, name: &str, file: &[u8]) -> Outcome {
    let changed = TableFile::of(PathBuf::from(name), file.to_owned());
    let tables = |asked: &str| {
        let table = if asked == name { &changed } else { &corpus.sound[asked] };
        Ok(table.clone())
    };
    let manifest = corpus.manifest.clone();
    let (trials, load) =
        if name == LOAD { (vec![], read_load(&tables)?) } else { (read_trials(&tables, &manifest)?, vec![]) };
    let run = Run { path: PathBuf::new(), manifest, trials, load };
    verify::check_trials(&run);
    verify::check_tables(&run, &tables);
    Ok(())
}

/// Carries out cases, and says how many there were.
struct Driver {
    seed: u64,
    /// Cases so far, of all kinds.
    case: Arc<AtomicU64>,
    is_done: Arc<AtomicBool>,
}

impl Driver {
    /// Carries out cases of one kind for so long.
    fn drive(&self, what: &str, time: Duration, mut case: impl FnMut(&mut Random) -> Outcome) {
        let mut random = Random::new(self.seed);
        let (began, mut slowest) = (Instant::now(), Duration::ZERO);
        let (mut count, mut taken, mut panicked) = (0_u64, 0_u64, 0_u64);
        while began.elapsed() < time {
            self.case.fetch_add(1, Ordering::Relaxed);
            let (before, one) = (random.clone(), Instant::now());
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| case(&mut random)));
            let outcome = outcome.unwrap_or_else(|_| {
                panic!("{what}: a panic in case {count} of seed {}, {before:?}", self.seed)
            });
            let is_contained = |error: &StoreError| error.to_string().contains("is not what can be read");
            taken += u64::from(outcome.is_ok());
            panicked += u64::from(outcome.is_err_and(|error| is_contained(&error)));
            slowest = slowest.max(one.elapsed());
            count += 1;
        }
        let rate = count as f64 / began.elapsed().as_secs_f64();
        println!(
            "{what}: {count} cases, {rate:.0} a second; {taken} were read all the same, in {panicked} polars \
             panicked; the slowest took {slowest:?}"
        );
    }

    /// Ends the process where a case takes too long.
    fn watch(&self) {
        let (case, is_done, seed) = (Arc::clone(&self.case), Arc::clone(&self.is_done), self.seed);
        std::thread::spawn(move || {
            loop {
                let before = case.load(Ordering::Relaxed);
                std::thread::sleep(MOST_TIME);
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                if case.load(Ordering::Relaxed) == before {
                    eprintln!("case {before} of seed {seed} takes more than {MOST_TIME:?}");
                    std::process::abort();
                }
            }
        });
    }
}

/// For as long as `FUZZ_SECONDS` says: `just fuzz-runs SECONDS`. What fails comes again with the same `FUZZ_SEED`.
#[test]
#[ignore = "takes as long as it is told to"]
fn changed_runs_for_as_long_as_asked() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (seconds, seed) = (number("FUZZ_SECONDS", 5), number("FUZZ_SEED", u64::from(std::process::id())));
    println!("seed {seed}");
    let limit = Rlimit { current: Some(MOST_MEMORY), maximum: Some(MOST_MEMORY) };
    setrlimit(Resource::As, limit).unwrap();
    drive_all(seed, Duration::from_secs(seconds));
}

#[test]
fn a_few_changed_runs() {
    drive_all(1, Duration::from_millis(400));
}

fn drive_all(seed: u64, time: Duration) {
    let corpus = Corpus::new();
    let mut mutator = Mutator::new(&corpus);
    let driver = Driver { seed, case: Arc::default(), is_done: Arc::default() };
    driver.watch();
    // What takes longest gets most.
    let share = time / 8;
    driver.drive("manifests", share, |random| manifest(&mutator.text(random, true).1));
    driver.drive("parts", share, |random| {
        let (name, text) = mutator.text(random, false);
        part(&corpus, &name, &text)
    });
    driver.drive("tables", share * 4, |random| {
        let (name, file) = mutator.table(random);
        table(&corpus, &name, &file)
    });
    let mut folders = folders::Folders::new();
    driver.drive("folders", share * 2, |random| folders.case(&mut mutator, random));
    driver.is_done.store(true, Ordering::Relaxed);
}

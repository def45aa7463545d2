//! Runs of which values were changed at random, as they may come from somebody else: what the store takes for a run can
//! be verified, reported and compared without a panic. What it does not take is `just fuzz-runs`'s other half, in `store`.

use super::report::{text_options, view};
use super::verify::check_order;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use reports::{Insist, Metric, Question};
use serde_json::{Value, json};
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::Run;

/// For as long as `FUZZ_SECONDS` says. What fails is printed, and comes again with the same `FUZZ_SEED`.
#[test]
#[ignore = "takes as long as it is told to"]
fn changed_runs_are_reported_for_as_long_as_asked() {
    let (time, seed) = crate::fuzzing::asked();
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/golden/everything_under_way");
    let base = Run::open(&golden).unwrap();
    let mut mutator = Mutator::new(&golden, place.path(), seed);
    let (began, mut count, mut taken, mut slowest) = (Instant::now(), 0_u64, 0_u64, Duration::ZERO);
    while began.elapsed() < time {
        let one = Instant::now();
        mutator.change();
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| exercise(&base, place.path(), count)));
        let changed =
            || mutator.files.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("\n");
        let Ok(is_run) = outcome else { panic!("seed {seed}, {count} before:\n{}", changed()) };
        let took = one.elapsed();
        assert!(took < Duration::from_secs(20), "took {took:?}, seed {seed}, {count} before:\n{}", changed());
        (count, taken, slowest) = (count + 1, taken + u64::from(is_run), slowest.max(took));
    }
    println!("{count} runs, {taken} of them read and reported, seed {seed}; the slowest took {slowest:?}");
}

/// Reads the run, and does with it everything that a command would; whether it is one. Charts are drawn now and then.
fn exercise(base: &Run, path: &Path, count: u64) -> bool {
    let Ok(run) = Run::open(path) else { return false };
    check_order(&run);
    let view = view(&run);
    let summary = reports::summarise(&view);
    let _ = reports::text::render(&summary, &text_options());
    let _ = reports::markdown::render(&summary);
    let _ = reports::json::render(&summary);
    let insist = Insist { backends: true, vantages: true, cells: true };
    let question = Question { insist, ..Question::of(Metric::P50, 0.05) };
    for (one, other) in [(&run, base), (base, &run)] {
        if let Ok(comparison) = reports::compare(&self::view(one), &self::view(other), &question) {
            let _ = reports::text::render_comparison(&comparison, &text_options());
            let _ = reports::markdown::render_comparison(&comparison);
            let _ = reports::html::render_comparison(&comparison);
        }
    }
    if count.is_multiple_of(50) {
        let _ = reports::html::render(&view, &summary);
    }
    true
}

/// Changes values of a run's files, and writes them to another folder.
struct Mutator {
    random: ChaCha12Rng,
    /// As they are.
    kept: Vec<(PathBuf, Value)>,
    /// As they were changed last.
    files: Vec<(PathBuf, Value)>,
}

impl Mutator {
    fn new(from: &Path, to: &Path, seed: u64) -> Self {
        fs::create_dir(to.join(".parts")).unwrap();
        fs::copy(from.join("scenario.toml"), to.join("scenario.toml")).unwrap();
        let mut names: Vec<PathBuf> = fs::read_dir(from.join(".parts"))
            .unwrap()
            .map(|entry| Path::new(".parts").join(entry.unwrap().file_name()))
            .collect();
        names.sort();
        names.push("manifest.json".into());
        let value = |name: &PathBuf| serde_json::from_slice(&fs::read(from.join(name)).unwrap()).unwrap();
        let kept: Vec<(PathBuf, Value)> = names.iter().map(|name| (to.join(name), value(name))).collect();
        for (path, value) in &kept {
            fs::write(path, value.to_string()).unwrap();
        }
        Self { random: ChaCha12Rng::seed_from_u64(seed), files: kept.clone(), kept }
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.random.next_u64() % count.max(1) as u64).unwrap()
    }

    fn change(&mut self) {
        let mut files = self.kept.clone();
        for _ in 0..=self.below(2) {
            let place = self.below(files.len());
            // The manifest is one file among many, and has most to say.
            let place = if self.below(2) == 0 { files.len() - 1 } else { place };
            self.change_value(&mut files[place].1, 0);
        }
        for ((path, value), (_, before)) in files.iter().zip(&self.files) {
            if value != before {
                fs::write(path, value.to_string()).unwrap();
            }
        }
        self.files = files;
    }

    /// Goes down to some value, and puts another one of its kind in its place.
    fn change_value(&mut self, value: &mut Value, depth: usize) {
        let stop = depth > 1 && self.below(8) == 0;
        match value {
            Value::Object(map) if !map.is_empty() && !stop => {
                let key = map.keys().nth(self.below(map.len())).cloned().unwrap();
                self.change_value(&mut map[&key], depth + 1);
            }
            Value::Array(list) if !list.is_empty() && !stop => {
                let place = self.below(list.len());
                match self.below(8) {
                    0 => drop(list.remove(place)),
                    1 => list.push(list[place].clone()),
                    2 => list.extend(vec![list[place].clone(); 200]),
                    3 => list.clear(),
                    _ => self.change_value(&mut list[place], depth + 1),
                }
            }
            other => *other = self.odd(other),
        }
    }

    fn odd(&mut self, value: &Value) -> Value {
        let texts =
            ["", "4KiB", "high", "load", "size", "mmap", "x\u{1b}[31m", "\n", "量", "user", "varies", "p99"];
        let numbers = [
            json!(0),
            json!(1),
            json!(2),
            json!(u32::MAX),
            json!(1_u64 << 50),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(-1),
            json!(1e308),
            json!(-1e-308),
            json!(0.5),
            json!(1_048_575),
        ];
        match value {
            Value::Number(_) => numbers[self.below(numbers.len())].clone(),
            Value::String(_) => {
                let text = texts[self.below(texts.len())];
                json!(if self.below(8) == 0 { text.repeat(5_000) } else { text.to_owned() })
            }
            Value::Bool(is) => json!(!is),
            Value::Null => [json!(0), json!(1e300), json!("x"), json!([])][self.below(4)].clone(),
            _ => Value::Null,
        }
    }
}

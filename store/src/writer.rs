//! Writing a run: created durable before anything is measured, a part per trial, Parquet at the end.

use crate::files::{self, Owner, create_folders, replace, replace_with, sync_folder};
use crate::hold::Hold;
use crate::parts::{self, Parts};
use crate::runs::run_ids;
use crate::table_file::Table;
use crate::tables::{self, Shape};
use crate::{LoadMetric, Manifest, PlanInfo, Run, State, StoreError, TrialRecord, Vantage, seal};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use polars::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SCENARIO: &str = "scenario.toml";
pub(crate) const TRIALS: &str = "trials.parquet";
pub(crate) const HISTOGRAMS: &str = "histograms.parquet";
pub(crate) const ERRORS: &str = "errors.parquet";
pub(crate) const SLOWEST: &str = "slowest.parquet";
pub(crate) const GENERATORS: &str = "generators.parquet";
pub(crate) const RESPONSES: &str = "responses.parquet";
pub(crate) const MONITOR: &str = "monitor.parquet";
pub(crate) const LOAD: &str = "load.parquet";
/// All files of a finished run but the manifest, which has a checksum of each.
pub(crate) const FILES: [&str; 9] =
    [SCENARIO, TRIALS, HISTOGRAMS, ERRORS, SLOWEST, GENERATORS, RESPONSES, MONITOR, LOAD];
pub(crate) const LATEST: &str = "latest";
/// Key of the format version in a table's metadata.
pub(crate) const VERSION_KEY: &str = "syscall_lab.format_version";
/// The backend that is none.
const NO_PROBE: &str = "user";
/// How a run's name begins.
const TIME: &str = "%Y-%m-%dT%H%M%SZ";
/// Trials per row group: bounds the memory that compaction takes.
const TRIALS_PER_ROW_GROUP: usize = 256;

/// A name for a run in `runs_dir`: when it began, of which scenario, and four random characters. A long scenario's name is
/// cut to what a file system takes.
///
/// Names sort as runs were created, also after the clock was set back: the time in a name is at least a second after
/// that of the newest there.
#[must_use]
pub fn run_id(runs_dir: &Path, started_at: DateTime<Utc>, scenario: &str) -> String {
    // With the rest, and with what temporary names add, within the 255 bytes of a file's name.
    const NAME_BYTES: usize = 200;
    const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = RandomState::new().hash_one(std::process::id());
    let suffix: String =
        (0..4).map(|place| char::from(DIGITS[(random >> (5 * place) & 31) as usize])).collect();
    let scenario = &scenario[..scenario.floor_char_boundary(NAME_BYTES)];
    let newest = run_ids(runs_dir).ok().and_then(|ids| ids.iter().rev().find_map(|id| time_of(id)));
    let time = newest.map_or(started_at, |newest| started_at.max(newest + TimeDelta::seconds(1)));
    format!("{}-{scenario}-{suffix}", time.format(TIME))
}

/// The time in a run's name.
fn time_of(id: &str) -> Option<DateTime<Utc>> {
    const LENGTH: usize = "2026-01-01T000000Z".len();
    NaiveDateTime::parse_from_str(id.get(..LENGTH)?, TIME).ok().map(|time| time.and_utc())
}

/// A run under way.
#[derive(Debug)]
pub struct RunWriter {
    path: PathBuf,
    manifest: Manifest,
    owner: Option<Owner>,
    parts: Parts,
    load_parts: usize,
    /// Goes with the writer, or with its process.
    _hold: Hold,
}

impl RunWriter {
    /// Creates the folder of the run `manifest.id` below `runs_dir`, durable with manifest and scenario, and points
    /// `latest` at it. Where one of these fails, nothing of it stays.
    pub fn create(
        runs_dir: &Path,
        manifest: Manifest,
        scenario: &str,
        owner: Option<Owner>,
    ) -> Result<Self, StoreError> {
        create_folders(runs_dir, owner)?;
        let draft = runs_dir.join(format!(".{}.tmp", manifest.id));
        let path = runs_dir.join(&manifest.id);
        let drafted = (|| {
            create_folders(&draft, owner)?;
            Parts::of(&draft).create(owner)?;
            let hold = Hold::take(&draft, owner)?;
            replace_with(&draft.join(SCENARIO), owner, scenario.as_bytes())?;
            write_manifest(&draft, &manifest, owner)?;
            fs::rename(&draft, &path).map_err(|source| StoreError::Write { path: path.clone(), source })?;
            Ok(hold)
        })();
        let hold = drafted.inspect_err(|_| {
            let _ = fs::remove_dir_all(&draft);
        })?;
        let link = runs_dir.join(LATEST);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| StoreError::Write { path, source }
        };
        let linked = files::point(&link, Path::new(&manifest.id), owner).map_err(failed(&link));
        let linked = linked.and_then(|()| sync_folder(runs_dir).map_err(failed(runs_dir)));
        linked.inspect_err(|_| {
            let _ = fs::remove_dir_all(&path);
        })?;
        Ok(Self { parts: Parts::of(&path), path, manifest, owner, load_parts: 0, _hold: hold })
    }

    /// Opens a run that did not come to its end, to go on with it; returns the trials that it has, in order.
    ///
    /// One that was ended in order gets its parts back first. As soon as the manifest says `running` again, they are what
    /// counts; a crash before leaves the run as it was. One that is under way is refused.
    pub fn reopen(path: &Path, owner: Option<Owner>) -> Result<(Self, Vec<TrialRecord>), StoreError> {
        let parts = Parts::of(path);
        parts.create(owner)?;
        let hold = Hold::take(path, owner)?;
        // As it is now that nobody else changes it any more.
        let Run { path, mut manifest, trials, load } = Run::open(path)?;
        if manifest.state != State::Running {
            trials.iter().try_for_each(|trial| parts.write_trial(trial, owner))?;
            parts.write_load(1, &load, owner)?;
            manifest.state = State::Running;
            manifest.ended_at = None;
            manifest.checksums.clear();
            write_manifest(&path, &manifest, owner)?;
        }
        let load_parts = parts.load_parts()?;
        Ok((Self { path, manifest, owner, parts, load_parts, _hold: hold }, trials))
    }

    /// The run's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest as it stands.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Adds what a reader of the figures should know, and what only showed while the run was under way. Kept when the
    /// run is finished.
    pub fn warn(&mut self, warnings: Vec<String>) {
        self.manifest.warnings.extend(warnings);
    }

    /// Puts another plan in the first one's place, when what was measured decided how long it is. Kept when the run is
    /// finished.
    pub fn replan(&mut self, plan: PlanInfo) {
        self.manifest.plan = plan;
    }

    /// Makes a finished trial durable.
    pub fn append_trial(&mut self, record: &TrialRecord) -> Result<(), StoreError> {
        self.parts.write_trial(record, self.owner)
    }

    /// Makes the metrics of a finished load instance durable.
    pub fn append_load(&mut self, metrics: &[LoadMetric]) -> Result<(), StoreError> {
        self.load_parts += 1;
        self.parts.write_load(self.load_parts, metrics, self.owner)
    }

    /// Ends the run: writes the tables from the parts, then the manifest with checksums and `state`, then removes the
    /// parts. A crash on the way leaves a run whose parts are still what counts.
    pub fn finish(mut self, state: State) -> Result<PathBuf, StoreError> {
        self.write_tables()?;
        self.manifest.checksums = self.checksums()?;
        self.manifest.state = state;
        self.manifest.ended_at = Some(Utc::now());
        write_manifest(&self.path, &self.manifest, self.owner)?;
        self.parts.remove()?;
        Ok(self.path)
    }

    fn write_tables(&self) -> Result<(), StoreError> {
        let shape = shape_of(&self.manifest);
        let paths = self.parts.trials()?;
        let records = |paths: &[PathBuf]| -> Result<Vec<TrialRecord>, StoreError> {
            paths.iter().map(|path| parts::read(path)).collect()
        };
        for (name, build) in tables_of_trials(&|records| tables::trials(records, &shape)) {
            let path = self.path.join(name);
            let empty = build(&[]).map_err(|source| StoreError::Table { path: path.clone(), source })?;
            replace(&path, self.owner, |file| {
                let mut table = Table::begin(file, &path, &empty)?;
                for paths in paths.chunks(TRIALS_PER_ROW_GROUP) {
                    table.append(&build(&records(paths)?).map_err(|source| table.failed(source))?)?;
                }
                table.end()
            })?;
        }
        let load = self.parts.load()?;
        let path = self.path.join(LOAD);
        let frame = tables::load(&load).map_err(|source| StoreError::Table { path: path.clone(), source })?;
        replace(&path, self.owner, |file| {
            let mut table = Table::begin(file, &path, &frame)?;
            table.append(&frame)?;
            table.end()
        })
    }

    fn checksums(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let sum = |name: &&str| {
            let path = self.path.join(name);
            let content = fs::read(&path).map_err(|source| StoreError::Read { path, source })?;
            Ok(((*name).to_owned(), blake3::hash(&content).to_hex().to_string()))
        };
        FILES.iter().map(sum).collect()
    }
}

/// Makes a table of trials.
pub(crate) type Build<'a> = &'a dyn Fn(&[TrialRecord]) -> PolarsResult<DataFrame>;

/// Every table that is made of trials, with how; that of the trials themselves needs to know the run's shape.
pub(crate) fn tables_of_trials(trials: Build<'_>) -> [(&'static str, Build<'_>); 7] {
    [
        (TRIALS, trials),
        (HISTOGRAMS, &tables::histograms),
        (ERRORS, &tables::errors),
        (SLOWEST, &tables::slowest),
        (GENERATORS, &tables::generators),
        (RESPONSES, &tables::responses),
        (MONITOR, &tables::monitor),
    ]
}

fn write_manifest(run: &Path, manifest: &Manifest, owner: Option<Owner>) -> Result<(), StoreError> {
    let path = run.join(MANIFEST);
    let manifest = &Manifest { seal: Some(seal::blank()), ..manifest.clone() };
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| StoreError::damaged(&path, error))?;
    text.push(b'\n');
    seal::put(&mut text);
    replace_with(&path, owner, &text)
}

/// What the tables of this run look like.
pub(crate) fn shape_of(manifest: &Manifest) -> Shape {
    let kernel = (manifest.probe.backend != NO_PROBE).then_some(Vantage::Kernel);
    let without_probe = manifest.probe.factor.as_ref().map(|factor| {
        let levels = factor.levels.iter().filter(|level| level.backend.as_deref() == Some(NO_PROBE));
        (factor.name.clone(), levels.map(|level| level.label.clone()).collect())
    });
    Shape {
        factors: manifest.scenario.factors.iter().map(|factor| factor.name.clone()).collect(),
        syscalls: manifest.scenario.syscalls.clone(),
        vantages: kernel.into_iter().chain([Vantage::User]).collect(),
        without_probe,
    }
}

/// Writes the files of a rendered report into `run/report/`; returns that folder.
pub fn write_report(
    run: &Path,
    files: &[(String, Vec<u8>)],
    owner: Option<Owner>,
) -> Result<PathBuf, StoreError> {
    write_files(&run.join("report"), files, owner)
}

/// Writes files, by name and content, into a folder that is created if need be; returns the folder.
pub fn write_files(
    folder: &Path,
    files: &[(String, Vec<u8>)],
    owner: Option<Owner>,
) -> Result<PathBuf, StoreError> {
    create_folders(folder, owner)?;
    for (name, content) in files {
        replace_with(&folder.join(name), owner, content)?;
    }
    Ok(folder.to_owned())
}

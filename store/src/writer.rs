//! Writing a run: created durable before anything is measured, a part per trial, Parquet at the end.

use crate::becoming::Becoming;
use crate::files::{Folder, Owner, create_folders};
use crate::hold::Hold;
use crate::parts::{self, Parts};
use crate::runs::run_ids;
use crate::table_file::Table;
use crate::tables::{self, Shape};
use crate::{
    Extension, LoadMetric, Manifest, PlanInfo, Run, State, StoreError, TrialRecord, Vantage, limits, seal,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use polars_core::prelude::*;
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
/// The folder of the report, in that of the run.
pub(crate) const REPORT: &str = "report";
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
    let newest = run_ids(runs_dir).ok().and_then(|ids| ids.iter().rev().find_map(|id| time_of(id)));
    id_behind(newest, started_at, scenario)
}

/// A name for a run that sorts right behind that of the run `before`, which need not be there yet.
#[must_use]
pub fn run_id_behind(before: &str, started_at: DateTime<Utc>, scenario: &str) -> String {
    id_behind(time_of(before), started_at, scenario)
}

fn id_behind(newest: Option<DateTime<Utc>>, started_at: DateTime<Utc>, scenario: &str) -> String {
    // With the rest, and with what temporary names add, within the 255 bytes of a file's name.
    const NAME_BYTES: usize = 200;
    const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = RandomState::new().hash_one(std::process::id());
    let suffix: String =
        (0..4).map(|place| char::from(DIGITS[(random >> (5 * place) & 31) as usize])).collect();
    let scenario = &scenario[..scenario.floor_char_boundary(NAME_BYTES)];
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
    folder: Folder,
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
        let (becoming, folder) = Becoming::begin(runs_dir, &manifest.id, ".tmp", owner)?;
        let parts = Parts::create(&folder, owner)?;
        let hold = Hold::take(folder.path(), &parts, owner)?;
        folder.replace_with(SCENARIO, owner, scenario.as_bytes())?;
        write_manifest(&folder, &manifest, owner)?;
        let folder = becoming.end(&manifest.id)?;
        let parts = Parts::of(&folder)?;
        Ok(Self { folder, manifest, owner, parts, load_parts: 0, _hold: hold })
    }

    /// A writer of the run `manifest.id` in a folder of another name, in which nothing is durable before the end.
    pub(crate) fn draft(
        folder: Folder,
        manifest: Manifest,
        scenario: &str,
        owner: Option<Owner>,
    ) -> Result<Self, StoreError> {
        let parts = Parts::create_for_now(&folder, owner)?;
        let hold = Hold::take(folder.path(), &parts, owner)?;
        folder.replace_with(SCENARIO, owner, scenario.as_bytes())?;
        Ok(Self { folder, manifest, owner, parts, load_parts: 0, _hold: hold })
    }

    /// Opens a run that did not come to its end, to go on with it; returns the trials that it has, in order.
    ///
    /// One that was ended in order gets its parts back first. As soon as the manifest says `running` again, they are what
    /// counts; a crash before leaves the run as it was. One that is under way is refused.
    pub fn reopen(path: &Path, owner: Option<Owner>) -> Result<(Self, Vec<TrialRecord>), StoreError> {
        let folder = Folder::open_to_write(path)?;
        let had_parts = folder.inner(parts::FOLDER).is_ok();
        let parts = Parts::create(&folder, owner)?;
        let hold = Hold::take(folder.path(), &parts, owner)?;
        // As it is now that nobody else changes it any more.
        let run = Run::of(&folder).inspect_err(|_| {
            if !had_parts {
                let _ = parts.remove();
            }
        });
        let Run { mut manifest, trials, load, .. } = run?;
        if manifest.state != State::Running {
            trials.iter().try_for_each(|trial| parts.write_trial(trial, owner))?;
            // Killed at its end, a run has its tables and some of its parts.
            parts.forget_load()?;
            parts.write_load(1, &load, owner)?;
            manifest.state = State::Running;
            manifest.ended_at = None;
            manifest.checksums.clear();
            write_manifest(&folder, &manifest, owner)?;
        }
        let load_parts = parts.load_parts()?;
        Ok((Self { folder, manifest, owner, parts, load_parts, _hold: hold }, trials))
    }

    /// Gives up a run of which nothing was measured: its folder goes, and `latest` leads to the newest of the others.
    pub fn discard(self) {
        let path = self.folder.path();
        let _ = fs::remove_dir_all(path);
        let Some(runs_dir) = path.parent() else { return };
        let newest = run_ids(runs_dir).ok().and_then(|ids| ids.last().cloned());
        let _ = match (newest, Folder::open(runs_dir)) {
            (Some(newest), Ok(runs)) => runs.point(LATEST, &newest, self.owner).is_ok(),
            _ => fs::remove_file(runs_dir.join(LATEST)).is_ok(),
        };
    }

    /// The run's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
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

    /// Adds blocks to the plan of a run that was complete, durable before any of them is measured.
    pub fn extend(&mut self, extension: Extension) -> Result<(), StoreError> {
        let plan = &mut self.manifest.plan;
        plan.repetitions += extension.repetitions;
        plan.trials += extension.repetitions * plan.cells;
        self.manifest.extensions.push(extension);
        write_manifest(&self.folder, &self.manifest, self.owner)
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
    pub fn finish(self, state: State) -> Result<PathBuf, StoreError> {
        self.finish_at(state, Some(Utc::now()))
    }

    /// The same for a run that is written anew, and ended when it did.
    pub fn finish_at(mut self, state: State, ended_at: Option<DateTime<Utc>>) -> Result<PathBuf, StoreError> {
        self.write_tables()?;
        self.manifest.checksums = self.checksums()?;
        self.manifest.state = state;
        self.manifest.ended_at = ended_at;
        write_manifest(&self.folder, &self.manifest, self.owner)?;
        self.parts.remove()?;
        Ok(self.folder.path().to_owned())
    }

    fn write_tables(&self) -> Result<(), StoreError> {
        let shape = shape_of(&self.manifest);
        let parts = self.parts.trial_names()?;
        // All at once, so that each part is read once: a run of ten thousand trials has as many.
        let trials = |records: &[TrialRecord]| tables::trials(records, &shape);
        let builds = tables_of_trials(&trials);
        let paths = builds.map(|(name, _)| self.folder.path().join(name));
        let files = builds.iter().map(|(name, _)| self.folder.replacement(name));
        let mut files = files.collect::<Result<Vec<_>, _>>()?;
        let mut tables = Vec::new();
        for (((_, build), path), file) in builds.into_iter().zip(&paths).zip(&mut files) {
            let empty = build(&[]).map_err(|source| StoreError::Table { path: path.clone(), source })?;
            tables.push((build, Table::begin(file.file(), path, &empty)?));
        }
        for names in parts.chunks(TRIALS_PER_ROW_GROUP) {
            let records =
                names.iter().map(|name| self.parts.read_trial(name)).collect::<Result<Vec<_>, _>>()?;
            for (build, table) in &mut tables {
                table.append(&build(&records).map_err(|source| table.failed(source))?)?;
            }
        }
        tables.into_iter().try_for_each(|(_, table)| table.end())?;
        files.into_iter().try_for_each(|file| file.end(self.owner))?;
        let load = self.parts.load()?;
        let path = self.folder.path().join(LOAD);
        let frame = tables::load(&load).map_err(|source| StoreError::Table { path: path.clone(), source })?;
        self.folder.replace(LOAD, self.owner, |file| {
            let mut table = Table::begin(file, &path, &frame)?;
            table.append(&frame)?;
            table.end()
        })
    }

    fn checksums(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let sum = |name: &&str| {
            let (sum, _) = self.folder.checksum(name, limits::TABLE_BYTES)?;
            Ok(((*name).to_owned(), sum.to_hex().to_string()))
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

fn write_manifest(run: &Folder, manifest: &Manifest, owner: Option<Owner>) -> Result<(), StoreError> {
    let manifest = &Manifest { seal: Some(seal::blank()), ..manifest.clone() };
    let text = serde_json::to_vec_pretty(manifest);
    let mut text = text.map_err(|error| StoreError::damaged(run.path().join(MANIFEST), error))?;
    text.push(b'\n');
    seal::put(&mut text);
    run.replace_with(MANIFEST, owner, &text)
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

/// Whether the run in this folder may be written to: refuses what leads out of the folder of runs.
pub fn check_writable(run: &Path) -> Result<(), StoreError> {
    Folder::open_to_write(run).map(drop)
}

/// Writes the files of a rendered report into `run/report/`; returns that folder.
pub fn write_report(
    run: &Path,
    files: &[(String, Vec<u8>)],
    owner: Option<Owner>,
) -> Result<PathBuf, StoreError> {
    write_into(&Folder::open_to_write(run)?.make_inner(REPORT, owner)?, files, owner)
}

/// Writes files, by name and content, into a folder that is created if need be; returns the folder.
pub fn write_files(
    folder: &Path,
    files: &[(String, Vec<u8>)],
    owner: Option<Owner>,
) -> Result<PathBuf, StoreError> {
    write_into(&create_folders(folder, owner)?, files, owner)
}

fn write_into(
    folder: &Folder,
    files: &[(String, Vec<u8>)],
    owner: Option<Owner>,
) -> Result<PathBuf, StoreError> {
    files.iter().try_for_each(|(name, content)| folder.replace_with(name, owner, content))?;
    Ok(folder.path().to_owned())
}

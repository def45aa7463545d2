//! Reading a run: from its Parquet when it ended, from its parts while it is under way or after a crash.

use crate::parts::{self, Parts};
use crate::tables::{ARGUMENTS, FACTOR_PREFIX};
use crate::writer::{
    ERRORS, GENERATORS, HISTOGRAMS, LOAD, MANIFEST, MONITOR, RESPONSES, SCENARIO, SLOWEST, TRIALS,
    VERSION_KEY,
};
use crate::{
    FORMAT_VERSION, GeneratorRecord, Ledger, LoadMetric, Manifest, Measure, MonitorSample, Noise, SlowCall,
    State, Status, StoreError, TrialRecord, Vantage,
};
use polars::prelude::*;
use probe_abi::{SparseHistogram, slot_of};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A run, read whole.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its folder.
    pub path: PathBuf,
    /// Everything that is not a measurement.
    pub manifest: Manifest,
    /// The trials that were finished, in the order of execution.
    pub trials: Vec<TrialRecord>,
    /// stress-ng's figures.
    pub load: Vec<LoadMetric>,
}

impl Run {
    /// Reads the run in the folder `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let manifest = read_manifest(path)?;
        let (trials, load) = if manifest.state == State::Running {
            let parts = Parts::of(path);
            let trials = parts.trials()?.iter().map(|part| parts::read(part)).collect::<Result<_, _>>()?;
            (trials, parts.load()?)
        } else {
            (read_trials(path, &manifest)?, read_load(path)?)
        };
        Ok(Self { path: path.to_owned(), manifest, trials, load })
    }

    /// The scenario's exact text.
    pub fn scenario(&self) -> Result<String, StoreError> {
        let path = self.path.join(SCENARIO);
        fs::read_to_string(&path).map_err(|source| StoreError::Read { path, source })
    }
}

/// Reads the manifest of the run in the folder `run`.
pub fn read_manifest(run: &Path) -> Result<Manifest, StoreError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format_version: u32,
    }
    let path = run.join(MANIFEST);
    let text = fs::read(&path).map_err(|source| StoreError::Read { path: path.clone(), source })?;
    // The version first: the rest of a newer manifest may well not be readable.
    let version: Versioned =
        serde_json::from_slice(&text).map_err(|error| StoreError::damaged(&path, error))?;
    check_version(&path, version.format_version)?;
    serde_json::from_slice(&text).map_err(|error| StoreError::damaged(&path, error))
}

/// Refuses versions that this code does not know.
pub(crate) fn check_version(path: &Path, found: u32) -> Result<(), StoreError> {
    if found > FORMAT_VERSION {
        return Err(StoreError::NewerFormat { path: path.to_owned(), found, known: FORMAT_VERSION });
    }
    Ok(())
}

/// A table in memory, its columns taken by name and type.
pub(crate) struct Frame {
    path: PathBuf,
    pub(crate) frame: DataFrame,
}

impl Frame {
    pub(crate) fn read(path: PathBuf) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(|source| StoreError::Read { path: path.clone(), source })?;
        let failed = |source| StoreError::Table { path: path.clone(), source };
        let mut reader = ParquetReader::new(file);
        let metadata = reader.get_metadata().map_err(failed)?.key_value_metadata().clone();
        let version = metadata.iter().flatten().find(|pair| pair.key == VERSION_KEY);
        let version = version.and_then(|pair| pair.value.as_deref()?.parse().ok());
        check_version(
            &path,
            version.ok_or_else(|| StoreError::damaged(&path, "it names no format version"))?,
        )?;
        let frame = reader.finish().map_err(failed)?;
        Ok(Self { path, frame })
    }

    fn failed(&self, source: PolarsError) -> StoreError {
        StoreError::Table { path: self.path.clone(), source }
    }

    fn rows(&self) -> usize {
        self.frame.height()
    }

    /// The values of a column that earlier writers did not know: all places empty where there is none.
    fn later<T>(
        &self,
        name: &str,
        values: impl Fn(&Self, &str) -> Result<Vec<Option<T>>, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        if self.frame.get_column_index(name).is_none() {
            return Ok(std::iter::repeat_with(|| None).take(self.rows()).collect());
        }
        values(self, name)
    }

    /// The same of a column of texts.
    fn later_texts(&self, name: &str) -> Result<Vec<Option<&str>>, StoreError> {
        match self.frame.get_column_index(name) {
            Some(_) => self.texts(name),
            None => Ok(vec![None; self.rows()]),
        }
    }

    /// The values of a column that may have empty places, by the accessor of its type.
    fn optional<'a, T, I: Iterator<Item = Option<T>>>(
        &'a self,
        name: &str,
        access: impl Fn(&'a Column) -> PolarsResult<I>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let column = self.frame.column(name).map_err(|source| self.failed(source))?;
        Ok(access(column).map_err(|source| self.failed(source))?.collect())
    }

    fn required<T>(&self, name: &str, values: Vec<Option<T>>) -> Result<Vec<T>, StoreError> {
        let values: Option<Vec<T>> = values.into_iter().collect();
        values.ok_or_else(|| StoreError::damaged(&self.path, format!("column {name} has an empty place")))
    }
}

/// Accessors by the type of a column: `u64s` where places may be empty, `all_u64` where none may be.
macro_rules! accessors {
    ($($optional:ident, $required:ident, $access:ident => $value:ty;)+) => { impl Frame { $(
        fn $optional(&self, name: &str) -> Result<Vec<Option<$value>>, StoreError> {
            self.optional(name, |column| Ok(column.$access()?.iter()))
        }
        #[allow(dead_code, reason = "not every type has both kinds of column")]
        fn $required(&self, name: &str) -> Result<Vec<$value>, StoreError> {
            self.required(name, self.$optional(name)?)
        }
    )+ } };
}
accessors! {
    u32s, all_u32, u32 => u32;
    u64s, all_u64, u64 => u64;
    i64s, all_i64, i64 => i64;
    f64s, all_f64, f64 => f64;
    texts, all_text, str => &str;
}

fn read_trials(run: &Path, manifest: &Manifest) -> Result<Vec<TrialRecord>, StoreError> {
    let frame = Frame::read(run.join(TRIALS))?;
    let mut records = bare_records(&frame)?;
    add_measures(&frame, &mut records)?;
    add_histograms(&Frame::read(run.join(HISTOGRAMS))?, &mut records)?;
    add_monitor(&Frame::read(run.join(MONITOR))?, &mut records)?;
    // Tables that earlier writers did not know.
    if manifest.checksums.contains_key(ERRORS) {
        add_errors(&Frame::read(run.join(ERRORS))?, &mut records)?;
    }
    if manifest.checksums.contains_key(SLOWEST) {
        add_slowest(&Frame::read(run.join(SLOWEST))?, &mut records)?;
    }
    if manifest.checksums.contains_key(GENERATORS) {
        add_generators(&Frame::read(run.join(GENERATORS))?, &mut records)?;
        add_responses(&Frame::read(run.join(RESPONSES))?, &mut records)?;
    }
    Ok(records.into_values().collect())
}

/// Trials by number, which is the order of execution.
type Records = BTreeMap<u32, TrialRecord>;

fn bare_records(frame: &Frame) -> Result<Records, StoreError> {
    let (trial, block) = (frame.all_u32("trial")?, frame.all_u32("block")?);
    let (position, repetition) = (frame.all_u32("position")?, frame.all_u32("repetition")?);
    let (status, reason) = (frame.all_text("status")?, frame.texts("reason")?);
    let (started_at, boot) = (frame.all_text("started_at")?, frame.all_text("boot")?);
    let (window_ns, wall_ns) = (frame.all_u64("window_ns")?, frame.all_u64("wall_ns")?);
    let operations = frame.all_u64("ops")?;
    let attempt = frame.later("attempt", Frame::u32s)?;
    let noise = Noises::of(frame)?;
    let mut factors = Vec::new();
    for name in frame.frame.get_column_names() {
        if let Some(factor) = name.strip_prefix(FACTOR_PREFIX) {
            factors.push((factor.to_owned(), frame.texts(name)?));
        }
    }
    let mut records = Records::new();
    for row in 0..frame.rows() {
        if records.contains_key(&trial[row]) {
            continue;
        }
        let level =
            |(name, levels): &(String, Vec<Option<&str>>)| Some((name.clone(), levels[row]?.to_owned()));
        let record = TrialRecord {
            trial: trial[row],
            block: block[row],
            position: position[row],
            repetition: repetition[row],
            factors: factors.iter().filter_map(level).collect(),
            status: status_of(&frame.path, status[row])?,
            reason: reason[row].map(str::to_owned),
            started_at: started_at[row].parse().map_err(|error| StoreError::damaged(&frame.path, error))?,
            boot: boot[row].to_owned(),
            window_ns: window_ns[row],
            wall_ns: wall_ns[row],
            operations: operations[row],
            measures: Vec::new(),
            monitor: Vec::new(),
            slowest: Vec::new(),
            generators: Vec::new(),
            attempt: attempt[row].unwrap_or(1),
            noise: noise.at(row),
        };
        records.insert(record.trial, record);
    }
    Ok(records)
}

/// The columns of [`Noise`].
struct Noises<'a> {
    others: Vec<Option<f64>>,
    busiest: Vec<Option<&'a str>>,
    steal: Vec<Option<f64>>,
    throttled: Vec<Option<u64>>,
    disturbed: Vec<Option<&'a str>>,
}

impl<'a> Noises<'a> {
    fn of(frame: &'a Frame) -> Result<Self, StoreError> {
        Ok(Self {
            others: frame.later("noise_others", Frame::f64s)?,
            busiest: frame.later_texts("noise_busiest")?,
            steal: frame.later("noise_steal", Frame::f64s)?,
            throttled: frame.later("noise_throttled", Frame::u64s)?,
            disturbed: frame.later_texts("disturbed")?,
        })
    }

    fn at(&self, row: usize) -> Option<Noise> {
        Some(Noise {
            steal: self.steal[row]?,
            others: self.others[row],
            busiest: self.busiest[row].map(str::to_owned),
            throttled: self.throttled[row],
            disturbed: self.disturbed[row].map(str::to_owned),
        })
    }
}

fn add_measures(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, syscall) = (frame.all_u32("trial")?, frame.all_text("syscall")?);
    let vantage = frame.all_text("vantage")?;
    let ok = [frame.u64s("count")?, frame.u64s("sum_ns")?, frame.u64s("min_ns")?, frame.u64s("max_ns")?];
    let error = [
        frame.u64s("errors")?,
        frame.u64s("error_sum_ns")?,
        frame.u64s("error_min_ns")?,
        frame.u64s("error_max_ns")?,
    ];
    let (entered, censored) = (frame.u64s("entered")?, frame.u64s("censored")?);
    let (age, lost) = (frame.u64s("censored_age_max_ns")?, frame.i64s("lost")?);
    let (missed, compat) = (frame.later("missed", Frame::u64s)?, frame.later("compat", Frame::u64s)?);
    for row in 0..frame.rows() {
        // A failed trial has rows, but no figures.
        let (Some(ok), Some(error)) = (exact_figures(&ok, row), exact_figures(&error, row)) else {
            continue;
        };
        let ledger = || {
            Some(Ledger {
                entered: entered[row]?,
                censored: censored[row]?,
                censored_age_max_ns: age[row]?,
                lost: lost[row]?,
                missed: missed[row],
                compat: compat[row],
            })
        };
        let measure = Measure {
            syscall: syscall[row].to_owned(),
            vantage: vantage_of(&frame.path, vantage[row])?,
            ok,
            error,
            errnos: Vec::new(),
            ledger: ledger(),
        };
        record_of(&frame.path, records, trial[row])?.measures.push(measure);
    }
    Ok(())
}

/// A histogram without its slots, from the columns count, sum, min and max; none where the count is empty.
fn exact_figures(columns: &[Vec<Option<u64>>; 4], row: usize) -> Option<SparseHistogram> {
    let [count, sum_ns, min_ns, max_ns] = columns.each_ref().map(|column| column[row]);
    Some(SparseHistogram {
        count: count?,
        sum_ns: sum_ns.unwrap_or(0),
        min_ns: min_ns.unwrap_or(0),
        max_ns: max_ns.unwrap_or(0),
        slots: Vec::new(),
    })
}

fn add_histograms(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, syscall) = (frame.all_u32("trial")?, frame.all_text("syscall")?);
    let (vantage, outcome) = (frame.all_text("vantage")?, frame.all_text("outcome")?);
    let (lower, count) = (frame.all_u64("lower_ns")?, frame.all_u64("count")?);
    for row in 0..frame.rows() {
        let measure = measure_of(&frame.path, records, (trial[row], syscall[row], vantage[row]))?;
        let histogram = if outcome[row] == "ok" { &mut measure.ok } else { &mut measure.error };
        #[expect(clippy::cast_possible_truncation, reason = "slots number 2,240")]
        histogram.slots.push((slot_of(lower[row]) as u16, count[row]));
    }
    Ok(())
}

fn add_errors(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, syscall) = (frame.all_u32("trial")?, frame.all_text("syscall")?);
    let (vantage, errno) = (frame.all_text("vantage")?, frame.all_u32("errno")?);
    let count = frame.all_u64("count")?;
    for row in 0..frame.rows() {
        let measure = measure_of(&frame.path, records, (trial[row], syscall[row], vantage[row]))?;
        let errno = u16::try_from(errno[row]).map_err(|error| StoreError::damaged(&frame.path, error))?;
        measure.errnos.push((errno, count[row]));
    }
    Ok(())
}

fn add_slowest(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, syscall) = (frame.all_u32("trial")?, frame.all_text("syscall")?);
    let (latency_ns, at_ns) = (frame.all_u64("latency_ns")?, frame.all_u64("at_ns")?);
    let (pid, tid) = (frame.all_u32("pid")?, frame.all_u32("tid")?);
    let (cpu_entry, cpu_return) = (frame.all_u32("cpu_entry")?, frame.all_u32("cpu_return")?);
    let arguments: Vec<Vec<Option<u64>>> =
        ARGUMENTS.iter().map(|name| frame.u64s(name)).collect::<Result<_, _>>()?;
    let (value, switches) = (frame.all_i64("value")?, frame.u32s("switches")?);
    let stack = frame.texts("stack")?;
    for row in 0..frame.rows() {
        let registers: Option<Vec<u64>> = arguments.iter().map(|column| column[row]).collect();
        record_of(&frame.path, records, trial[row])?.slowest.push(SlowCall {
            syscall: syscall[row].to_owned(),
            latency_ns: latency_ns[row],
            at_ns: at_ns[row],
            pid: pid[row],
            tid: tid[row],
            cpu_entry: cpu_entry[row],
            cpu_return: cpu_return[row],
            arguments: registers.and_then(|registers| registers.try_into().ok()),
            value: value[row],
            switches: switches[row],
            stack: stack[row].map(|text| text.split('\n').map(str::to_owned).collect()).unwrap_or_default(),
        });
    }
    Ok(())
}

fn add_generators(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, generator) = (frame.all_u32("trial")?, frame.all_text("generator")?);
    let (workload, operations) = (frame.all_text("workload")?, frame.all_u64("operations")?);
    let (rate, late) = (frame.later("rate_per_second", Frame::f64s)?, frame.u64s("late")?);
    let names = ["responses", "response_sum_ns", "response_min_ns", "response_max_ns"];
    let [count, sum_ns, min_ns, max_ns] = names.map(|name| frame.u64s(name));
    let response = [count?, sum_ns?, min_ns?, max_ns?];
    for row in 0..frame.rows() {
        record_of(&frame.path, records, trial[row])?.generators.push(GeneratorRecord {
            generator: generator[row].to_owned(),
            workload: workload[row].to_owned(),
            rate_per_second: rate[row],
            operations: operations[row],
            late: late[row],
            response: exact_figures(&response, row),
        });
    }
    Ok(())
}

fn add_responses(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, generator) = (frame.all_u32("trial")?, frame.all_text("generator")?);
    let workload = frame.all_text("workload")?;
    let (lower, count) = (frame.all_u64("lower_ns")?, frame.all_u64("count")?);
    for row in 0..frame.rows() {
        let mut of_trial = record_of(&frame.path, records, trial[row])?.generators.iter_mut();
        let found = of_trial.find(|it| it.generator == generator[row] && it.workload == workload[row]);
        let response = found.and_then(|found| found.response.as_mut());
        let unknown = || {
            let whose = format!("generator {} of trial {}", generator[row], trial[row]);
            StoreError::damaged(&frame.path, format!("it speaks of {whose}, which {GENERATORS} has not"))
        };
        #[expect(clippy::cast_possible_truncation, reason = "slots number 2,240")]
        response.ok_or_else(unknown)?.slots.push((slot_of(lower[row]) as u16, count[row]));
    }
    Ok(())
}

fn add_monitor(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, at_ns) = (frame.all_u32("trial")?, frame.all_u64("at_ns")?);
    let (cpu_busy, cpu_steal) = (frame.all_f64("cpu_busy")?, frame.all_f64("cpu_steal")?);
    let memory = frame.all_u64("memory_used_bytes")?;
    let psi = [frame.f64s("psi_cpu_some")?, frame.f64s("psi_memory_some")?, frame.f64s("psi_io_some")?];
    let (switches, interrupts) = (frame.all_u64("context_switches")?, frame.all_u64("interrupts")?);
    let (frequency, temperature) = (frame.f64s("frequency_mhz")?, frame.f64s("temperature_celsius")?);
    for row in 0..frame.rows() {
        record_of(&frame.path, records, trial[row])?.monitor.push(MonitorSample {
            at_ns: at_ns[row],
            cpu_busy: cpu_busy[row],
            cpu_steal: cpu_steal[row],
            memory_used_bytes: memory[row],
            psi_cpu_some: psi[0][row],
            psi_memory_some: psi[1][row],
            psi_io_some: psi[2][row],
            context_switches: switches[row],
            interrupts: interrupts[row],
            frequency_mhz: frequency[row],
            temperature_celsius: temperature[row],
        });
    }
    Ok(())
}

fn read_load(run: &Path) -> Result<Vec<LoadMetric>, StoreError> {
    let frame = Frame::read(run.join(LOAD))?;
    let (block, level) = (frame.all_u32("block")?, frame.all_text("level")?);
    let (stressor, instances) = (frame.all_text("stressor")?, frame.all_u32("instances")?);
    let (bogo_ops, rate) = (frame.u64s("bogo_ops")?, frame.f64s("bogo_ops_per_second")?);
    let (wall, user) = (frame.f64s("wall_seconds")?, frame.f64s("user_seconds")?);
    let (system, rss) = (frame.f64s("system_seconds")?, frame.u64s("rss_max_kib")?);
    let row = |row: usize| LoadMetric {
        block: block[row],
        level: level[row].to_owned(),
        stressor: stressor[row].to_owned(),
        instances: instances[row],
        bogo_ops: bogo_ops[row],
        bogo_ops_per_second: rate[row],
        wall_seconds: wall[row],
        user_seconds: user[row],
        system_seconds: system[row],
        rss_max_kib: rss[row],
    };
    Ok((0..frame.rows()).map(row).collect())
}

fn record_of<'a>(
    path: &Path,
    records: &'a mut Records,
    trial: u32,
) -> Result<&'a mut TrialRecord, StoreError> {
    let unknown = || StoreError::damaged(path, format!("it speaks of trial {trial}, which {TRIALS} has not"));
    records.get_mut(&trial).ok_or_else(unknown)
}

/// The measure that a row of another table speaks of: trial, target and vantage.
fn measure_of<'a>(
    path: &Path,
    records: &'a mut Records,
    (trial, syscall, vantage): (u32, &str, &str),
) -> Result<&'a mut Measure, StoreError> {
    let vantage = vantage_of(path, vantage)?;
    let measures = &mut record_of(path, records, trial)?.measures;
    let measure = measures.iter_mut().find(|it| it.syscall == syscall && it.vantage == vantage);
    let unknown = || {
        let whose = format!("{syscall} of trial {trial} as the {} saw it", vantage.name());
        StoreError::damaged(path, format!("it speaks of {whose}, which {TRIALS} has not"))
    };
    measure.ok_or_else(unknown)
}

fn vantage_of(path: &Path, name: &str) -> Result<Vantage, StoreError> {
    [Vantage::Kernel, Vantage::User]
        .into_iter()
        .find(|it| it.name() == name)
        .ok_or_else(|| StoreError::damaged(path, format!("unknown vantage {name}")))
}

fn status_of(path: &Path, name: &str) -> Result<Status, StoreError> {
    [Status::Ok, Status::Failed, Status::Invalid]
        .into_iter()
        .find(|it| it.name() == name)
        .ok_or_else(|| StoreError::damaged(path, format!("unknown status {name}")))
}

//! Reading a run: from its Parquet when it ended, from its parts while it is under way or after a crash.

use crate::files::Folder;
use crate::frame::{Frame, TableFile, Tables};
use crate::parts::Parts;
use crate::tables::{ARGUMENTS, FACTOR_PREFIX};
use crate::writer::{
    ERRORS, GENERATORS, HISTOGRAMS, LOAD, MANIFEST, MONITOR, RESPONSES, SCENARIO, SLOWEST, TRIALS,
};
use crate::{
    GeneratorRecord, Ledger, LoadMetric, Manifest, Measure, MonitorSample, Noise, PARTS_FORMAT_VERSION,
    SlowCall, State, Status, StoreError, TrialRecord, Vantage, limits, sound,
};
use probe_abi::{SparseHistogram, slot_of};
use std::collections::BTreeMap;
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
        Self::of(&Folder::open(path)?)
    }

    /// Reads of a run that has ended what its latencies are made of, and nothing of the tables beside: no error numbers, slowest
    /// calls, generators, samples or load. That is half of the time that a small run takes to read.
    pub fn open_latencies(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(path)?;
        let manifest = manifest_in(&folder)?;
        if manifest.state == State::Running {
            return Self::of(&folder);
        }
        let (records, path) = read_latencies(&|name: &str| TableFile::read(&folder, name))?;
        let trials = checked(records, &path)?;
        Ok(Self { path: folder.path().to_owned(), manifest, trials, load: Vec::new() })
    }

    /// Reads the run in a folder.
    pub(crate) fn of(folder: &Folder) -> Result<Self, StoreError> {
        let manifest = manifest_in(folder)?;
        let (trials, load) = if manifest.state == State::Running {
            let parts = Parts::of(folder)?;
            (parts.trials()?, parts.load()?)
        } else {
            let tables = |name: &str| TableFile::read(folder, name);
            (read_trials(&tables, &manifest)?, read_load(&tables)?)
        };
        Ok(Self { path: folder.path().to_owned(), manifest, trials, load })
    }

    /// How many trials of the run in the folder `path` failed or are invalid. Of one that has ended nothing else is read.
    pub fn without_figures_in(path: &Path) -> Result<u32, StoreError> {
        let folder = Folder::open(path)?;
        let is_running = manifest_in(&folder)?.state == State::Running;
        let trials = if is_running {
            Parts::of(&folder)?.trials()?
        } else {
            bare_records(&TableFile::read(&folder, TRIALS)?.frame()?)?.into_values().collect()
        };
        let without = trials.iter().filter(|trial| trial.status != Status::Ok).count();
        Ok(u32::try_from(without).unwrap_or(u32::MAX))
    }

    /// The scenario's exact text.
    pub fn scenario(&self) -> Result<String, StoreError> {
        Self::scenario_in(&self.path)
    }

    /// The same of the run in the folder `path`.
    pub fn scenario_in(path: &Path) -> Result<String, StoreError> {
        let text = Folder::open(path)?.read(SCENARIO, limits::SCENARIO_BYTES)?;
        String::from_utf8(text).map_err(|error| StoreError::damaged(path.join(SCENARIO), error))
    }
}

/// Reads the manifest of the run in the folder `run`.
pub fn read_manifest(run: &Path) -> Result<Manifest, StoreError> {
    manifest_in(&Folder::open(run)?)
}

fn manifest_in(folder: &Folder) -> Result<Manifest, StoreError> {
    manifest_of(&folder.path().join(MANIFEST), &folder.read(MANIFEST, limits::MANIFEST_BYTES)?)
}

/// The manifest that a file's content is.
pub(crate) fn manifest_of(path: &Path, text: &[u8]) -> Result<Manifest, StoreError> {
    check_text_version(path, text)?;
    let manifest = serde_json::from_slice(text).map_err(|error| StoreError::damaged(path, error))?;
    sound::check_manifest(&manifest).map_err(|reason| StoreError::damaged(path, reason))?;
    Ok(manifest)
}

/// Refuses a text of a version that this code does not know, of which the rest may well not be readable.
pub(crate) fn check_text_version(path: &Path, text: &[u8]) -> Result<(), StoreError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format_version: u32,
    }
    let version: Versioned =
        serde_json::from_slice(text).map_err(|error| StoreError::damaged(path, error))?;
    check_version(path, version.format_version)
}

/// Refuses versions that this code does not know.
pub(crate) fn check_version(path: &Path, found: u32) -> Result<(), StoreError> {
    let known = PARTS_FORMAT_VERSION;
    if found > known {
        return Err(StoreError::NewerFormat { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// The trials that a run's tables have.
pub(crate) fn read_trials(tables: Tables<'_>, manifest: &Manifest) -> Result<Vec<TrialRecord>, StoreError> {
    let (mut records, path) = read_latencies(tables)?;
    add_monitor(&tables(MONITOR)?.frame()?, &mut records)?;
    // Tables that earlier writers did not know.
    if manifest.checksums.contains_key(ERRORS) {
        add_errors(&tables(ERRORS)?.frame()?, &mut records)?;
    }
    if manifest.checksums.contains_key(SLOWEST) {
        add_slowest(&tables(SLOWEST)?.frame()?, &mut records)?;
    }
    if manifest.checksums.contains_key(GENERATORS) {
        add_generators(&tables(GENERATORS)?.frame()?, &mut records)?;
        add_responses(&tables(RESPONSES)?.frame()?, &mut records)?;
    }
    checked(records, &path)
}

/// The trials with their histograms, and the path of the table that says which there are.
fn read_latencies(tables: Tables<'_>) -> Result<(Records, PathBuf), StoreError> {
    let frame = tables(TRIALS)?.frame()?;
    let mut records = bare_records(&frame)?;
    add_measures(&frame, &mut records)?;
    add_histograms(&tables(HISTOGRAMS)?, &mut records)?;
    Ok((records, frame.path))
}

fn checked(records: Records, path: &Path) -> Result<Vec<TrialRecord>, StoreError> {
    let records: Vec<TrialRecord> = records.into_values().collect();
    let checked = records.iter().try_for_each(sound::check_record);
    checked.map_err(|reason| StoreError::damaged(path, reason))?;
    Ok(records)
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

/// By far the longest table.
fn add_histograms(file: &TableFile, records: &mut Records) -> Result<(), StoreError> {
    let columns = ["trial", "syscall", "vantage", "outcome", "lower_ns", "count"];
    file.each_piece(&columns, |frame| add_slots(frame, records))
}

fn add_slots(frame: &Frame, records: &mut Records) -> Result<(), StoreError> {
    let (trial, syscall) = (frame.all_u32("trial")?, frame.all_text("syscall")?);
    let (vantage, outcome) = (frame.all_text("vantage")?, frame.all_text("outcome")?);
    let (lower, count) = (frame.all_u64("lower_ns")?, frame.all_u64("count")?);
    let whose = |row: usize| (trial[row], syscall[row], vantage[row], outcome[row]);
    let mut row = 0;
    while row < frame.rows() {
        // The rows of one histogram follow each other.
        let end = (row..frame.rows()).find(|other| whose(*other) != whose(row)).unwrap_or(frame.rows());
        let measure = measure_of(&frame.path, records, (trial[row], syscall[row], vantage[row]))?;
        let histogram = if outcome[row] == "ok" { &mut measure.ok } else { &mut measure.error };
        if histogram.slots.is_empty() {
            histogram.slots.reserve_exact(end - row);
        }
        #[expect(clippy::cast_possible_truncation, reason = "slots number 2,240")]
        histogram.slots.extend((row..end).map(|row| (slot_of(lower[row]) as u16, count[row])));
        row = end;
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

/// The load metrics that a run's tables have.
pub(crate) fn read_load(tables: Tables<'_>) -> Result<Vec<LoadMetric>, StoreError> {
    let frame = tables(LOAD)?.frame()?;
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
    let load: Vec<LoadMetric> = (0..frame.rows()).map(row).collect();
    sound::check_load(&load).map_err(|reason| StoreError::damaged(&frame.path, reason))?;
    Ok(load)
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

//! Whether a run on disk is what was written: every file, every figure that can be had twice.
//!
//! What a scenario and its seed make of the order of trials is not known here.

use crate::error::printable;
use crate::files::Folder;
use crate::frame::{Frame, TableFile, Tables, contained};
use crate::reader::manifest_of;
use crate::writer::{Build, FILES, GENERATORS, LOAD, MANIFEST, REPORT, SCENARIO, shape_of, tables_of_trials};
use crate::{Manifest, Measure, Run, State, Status, StoreError, TrialRecord, limits, parts, seal, tables};
use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders that may lie in a run's besides its files: what is drawn anew at will, and what is there while it is under way.
const BESIDES: [&str; 2] = [REPORT, parts::FOLDER];

/// What is wrong with the run in the folder `path`, a line each; nothing where it is as it was written. The run itself is
/// returned where it can be read.
#[must_use]
pub fn verify(path: &Path) -> (Vec<String>, Option<Run>) {
    let (findings, run) = checked(path).unwrap_or_else(|error| (vec![words(&error)], None));
    (findings.iter().map(|finding| printable(finding)).collect(), run)
}

fn checked(path: &Path) -> Result<(Vec<String>, Option<Run>), StoreError> {
    let folder = Folder::open(path)?;
    let text = folder.read(MANIFEST, limits::MANIFEST_BYTES)?;
    let manifest = manifest_of(&path.join(MANIFEST), &text)?;
    let mut findings = Vec::new();
    findings.extend(check_seal(&text, &manifest));
    findings.extend(check_name(path, &manifest));
    findings.extend(check_files(&folder, &manifest)?);
    if !findings.is_empty() {
        // What is damaged would only be found wrong in many more ways.
        return Ok((findings, None));
    }
    let run = Run::of(&folder)?;
    findings.extend(check_trials(&run));
    if run.manifest.state != State::Running {
        findings.extend(check_tables(&run, &|name| TableFile::read(&folder, name)));
    }
    Ok((findings, Some(run)))
}

/// An error with its causes.
fn words(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn check_seal(text: &[u8], manifest: &Manifest) -> Option<String> {
    // Earlier writers did not seal, and did not know this table.
    let has_to_be_sealed = manifest.checksums.contains_key(GENERATORS);
    let is_broken = seal::is_intact(text).map_or(has_to_be_sealed, |is_intact| !is_intact);
    is_broken.then(|| format!("{MANIFEST} is not as it was written: its seal is broken"))
}

fn check_name(path: &Path, manifest: &Manifest) -> Option<String> {
    let name = path.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned();
    (name != manifest.id)
        .then(|| format!("the folder is called {name}, and its manifest is that of {}", manifest.id))
}

fn check_files(folder: &Folder, manifest: &Manifest) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    for (name, expected) in &manifest.checksums {
        match folder.checksum(name, limits::TABLE_BYTES) {
            Ok((sum, _)) if sum.to_hex().as_str() == expected => {}
            Ok((_, bytes)) => findings.push(format!("{name} ({bytes} bytes) is not as it was written")),
            Err(error) => findings.push(format!("{name} cannot be read: {}", words(&error))),
        }
    }
    let has_parts = folder.inner(parts::FOLDER).is_ok();
    let is_known = |name: &str| {
        name == MANIFEST
            || manifest.checksums.contains_key(name)
            // Tables of a run that was ended and is gone on with, and files that were being written when it was cut off.
            || manifest.state == State::Running && is_or_becomes_its(name)
            // What was left by who was about to go on with a run that had ended.
            || has_parts && draft_of(name) == Some(MANIFEST)
    };
    for name in folder.names()? {
        if BESIDES.contains(&name.as_str()) {
            findings.extend(folder.inner(&name).err().map(|error| words(&error)));
        } else if !is_known(&name) {
            findings.push(format!("{name} does not belong to the run"));
        }
    }
    if manifest.state == State::Running {
        match folder.checksum(SCENARIO, limits::SCENARIO_BYTES) {
            Ok((sum, _)) if sum.to_hex().as_str() == manifest.scenario.hash => {}
            Ok(_) => findings.push(format!("{SCENARIO} is not as it was written")),
            Err(error) => findings.push(format!("{SCENARIO} cannot be read: {}", words(&error))),
        }
    }
    Ok(findings)
}

/// Whether a name is that of a run's file, or of one before it gets that name.
fn is_or_becomes_its(name: &str) -> bool {
    let draft = draft_of(name);
    FILES.contains(&draft.unwrap_or(name)) || draft == Some(MANIFEST)
}

/// The name that a file gets once it is written, of one that is not.
fn draft_of(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".tmp")
}

/// Of a run that was made of others: as many trials as its parts had, each executed in a boot of one of them.
fn check_merged(run: &Run) -> Vec<String> {
    let Some(merged) = &run.manifest.merged else { return Vec::new() };
    let mut findings = Vec::new();
    let parts: u64 = merged.parts.iter().map(|part| u64::from(part.trials)).sum();
    if parts != u64::from(run.manifest.plan.trials) {
        let trials = run.manifest.plan.trials;
        findings.push(format!("the parts that it was made of had {parts} trials, and it has {trials}"));
    }
    let boots: BTreeSet<&String> = merged.parts.iter().flat_map(|part| &part.boots).collect();
    let strays = run.trials.iter().filter(|trial| !boots.contains(&trial.boot));
    findings
        .extend(strays.map(|it| format!("trial {} was executed in a boot of none of its parts", it.trial)));
    findings
}

/// What is missing from a run, a line each, as [`verify`] finds it: of the planned trials where it is complete, else of those
/// before its last. Of a part of a plan nobody here knows which are its trials.
#[must_use]
pub fn check_gaps(run: &Run) -> Vec<String> {
    let (found, planned) = (run.trials.len(), run.manifest.plan.trials as usize);
    let few = run.manifest.state == State::Complete && found != planned;
    let few = few.then(|| format!("the run is complete, and has {found} of {planned} trials"));
    let firsts = std::iter::once(0).chain(run.trials.iter().map(|trial| trial.trial.saturating_add(1)));
    let is_part = run.manifest.plan.shard.is_some();
    let gaps = firsts.zip(&run.trials).filter_map(|(first, trial)| {
        let number = trial.trial;
        (first < number && !is_part).then(|| match number - first {
            1 => format!("trial {first} is missing"),
            _ => format!("trials {first} to {} are missing", number - 1),
        })
    });
    few.into_iter().chain(gaps).collect()
}

/// Numbers, ledgers, sums.
pub(crate) fn check_trials(run: &Run) -> Vec<String> {
    let mut findings = [check_merged(run), check_gaps(run)].concat();
    let mut next = 0;
    for (place, trial) in run.trials.iter().enumerate() {
        if trial.trial < next {
            findings.push(format!("trial {} is at place {place}", trial.trial));
        }
        next = trial.trial.saturating_add(1);
        if (trial.status == Status::Ok) != trial.reason.is_none() {
            findings.push(format!(
                "trial {} is {} and has no fitting reason",
                trial.trial,
                trial.status.name()
            ));
        }
        for measure in &trial.measures {
            let whose = || {
                format!("trial {}, {} as the {} saw it", trial.trial, measure.syscall, measure.vantage.name())
            };
            findings.extend(check_measure(measure).into_iter().map(|found| format!("{}: {found}", whose())));
        }
        for record in &trial.generators {
            let found = record.response.as_ref().and_then(check_histogram);
            findings.extend(
                found.map(|found| format!("trial {}, generator {}: {found}", trial.trial, record.generator)),
            );
        }
    }
    findings
}

fn check_measure(measure: &Measure) -> Vec<String> {
    let mut findings: Vec<String> =
        [&measure.ok, &measure.error].into_iter().filter_map(check_histogram).collect();
    if let Some(ledger) = measure.ledger {
        let returned = i128::from(measure.ok.count) + i128::from(measure.error.count);
        let accounted = returned + i128::from(ledger.censored) + i128::from(ledger.lost);
        if i128::from(ledger.entered) != accounted {
            findings.push(format!("{} calls entered, and {accounted} are accounted for", ledger.entered));
        }
    }
    let numbered: u128 = measure.errnos.iter().map(|(_, count)| u128::from(*count)).sum();
    if !measure.errnos.is_empty() && numbered != u128::from(measure.error.count) {
        findings.push(format!("{} calls failed, and {numbered} have an error number", measure.error.count));
    }
    findings
}

/// Count, extremes and sum against the slots.
fn check_histogram(histogram: &SparseHistogram) -> Option<String> {
    let in_slots: u128 = histogram.slots.iter().map(|slot| u128::from(slot.1)).sum();
    if in_slots != u128::from(histogram.count) {
        return Some(format!("{} calls, and {in_slots} in the histogram", histogram.count));
    }
    let (Some(first), Some(last)) = (histogram.slots.first(), histogram.slots.last()) else { return None };
    let bounds = |slot: u16| (slot_lower_ns(usize::from(slot)), slot_upper_ns(usize::from(slot)));
    let is_in = |ns: u64, slot: u16| (bounds(slot).0..bounds(slot).1).contains(&ns);
    // What is beyond the last slot is counted in it.
    let is_max_in = is_in(histogram.max_ns, last.0)
        || histogram.max_ns >= bounds(last.0).0 && bounds(last.0).1 >= probe_abi::VALUE_LIMIT_NS;
    if !is_in(histogram.min_ns, first.0) || !is_max_in {
        return Some("the extremes are not in the outermost slots".to_owned());
    }
    let smallest: u128 =
        histogram.slots.iter().map(|slot| u128::from(bounds(slot.0).0) * u128::from(slot.1)).sum();
    (u128::from(histogram.sum_ns) < smallest).then(|| "the sum is less than the slots allow".to_owned())
}

/// Every table against what the records of the run make of it: quantiles and all other figures are computed anew.
pub(crate) fn check_tables(run: &Run, kept: Tables<'_>) -> Vec<String> {
    let shape = shape_of(&run.manifest);
    let trials = |records: &[TrialRecord]| tables::trials(records, &shape);
    let load = |_: &[TrialRecord]| tables::load(&run.load);
    let load: (&str, Build<'_>) = (LOAD, &load);
    let tables = tables_of_trials(&trials).into_iter().chain([load]);
    let known = tables.filter(|(name, _)| run.manifest.checksums.contains_key(*name));
    known
        .flat_map(|table| check_table(run, kept, table).unwrap_or_else(|error| vec![words(&error)]))
        .collect()
}

fn check_table(
    run: &Run,
    kept: Tables<'_>,
    (name, build): (&str, Build<'_>),
) -> Result<Vec<String>, StoreError> {
    let Frame { path, frame: found } = kept(name)?.frame()?;
    contained(&path, || {
        let made = build(&run.trials).map_err(|source| StoreError::Table { path: path.clone(), source })?;
        if found.height() != made.height() {
            let rows = format!("{name} has {} rows, and its trials make {}", found.height(), made.height());
            return Ok(vec![rows]);
        }
        // A later writer may have columns that this one does not know.
        let known =
            found.columns().iter().filter_map(|column| Some((column, made.column(column.name()).ok()?)));
        let changed = known.filter(|(column, same)| !column.equals_missing(same));
        let findings = changed
            .map(|(column, _)| format!("{name}: column {} is not what its trials make of it", column.name()));
        Ok(findings.collect())
    })
}

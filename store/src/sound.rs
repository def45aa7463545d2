//! What a run may say at all: numbers with which everybody behind the reader can compute without looking twice.
//!
//! Whether it is true is another question, see `verify`.

use crate::files::is_plain;
use crate::{GeneratorRecord, LoadMetric, MOST_PARTS, Manifest, Measure, SlowCall, TrialRecord, limits};
use probe_abi::{SLOTS, SparseHistogram};

/// Most targets × vantages, and generators × workloads, of a trial.
const OF_A_TRIAL: usize = 4_096;

/// What of a manifest cannot be.
pub(crate) fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let Manifest { plan, scenario, .. } = manifest;
    let counts = [
        ("repetitions", plan.repetitions),
        ("cells", plan.cells),
        ("trials", plan.trials),
        ("kept calls", scenario.keep_slowest),
    ];
    for (what, number) in counts {
        if number > limits::TRIALS {
            return Err(format!("it speaks of {number} {what}, and there are at most {}", limits::TRIALS));
        }
    }
    let factors = scenario.factors.iter();
    let levels =
        factors.flat_map(|factor| factor.levels.iter().map(|level| &level.label).chain([&factor.name]));
    let names = [&scenario.name, &manifest.probe.backend, &plan.order].into_iter().chain(levels);
    names.chain(&scenario.syscalls).try_for_each(|name| check_name(name))?;
    let added: u64 = manifest.extensions.iter().map(|extension| u64::from(extension.repetitions)).sum();
    if added > u64::from(plan.repetitions) {
        return Err(format!("{added} of its {} repetitions were added", plan.repetitions));
    }
    let texts = manifest.extensions.iter().flat_map(|it| it.command.iter().chain([&it.boot]));
    texts.into_iter().try_for_each(|text| check_text(text))?;
    let texts = manifest.warnings.iter().chain(&manifest.command).chain(&manifest.label);
    texts.chain(&scenario.generators).chain([&scenario.summary]).try_for_each(|text| check_text(text))?;
    let levels = |cell: &Vec<u32>| {
        cell.len() == scenario.factors.len()
            && cell
                .iter()
                .zip(&scenario.factors)
                .all(|(level, factor)| (*level as usize) < factor.levels.len())
    };
    if !plan.design.cells.iter().all(levels) {
        return Err("a cell of its design has levels that no factor has".to_owned());
    }
    check_shards(manifest)?;
    if let Some(against) = &manifest.against {
        check_name(&against.run)?;
        // It is looked for beside the run.
        if !is_plain(&against.run) || against.run.starts_with('.') {
            return Err("the run that it was executed with has a name that is none".to_owned());
        }
    }
    Ok(())
}

/// Parts of plans, and what a run was made of.
fn check_shards(manifest: &Manifest) -> Result<(), String> {
    let parts = manifest.merged.iter().flat_map(|merged| &merged.parts);
    let shards = parts.clone().filter_map(|part| part.shard).chain(manifest.plan.shard);
    for shard in shards {
        if shard.number == 0 || shard.number > shard.of || shard.of > limits::TRIALS {
            return Err(format!("there is no part {shard} of a plan"));
        }
    }
    let Some(merged) = &manifest.merged else { return Ok(()) };
    if merged.parts.is_empty() || merged.parts.len() > MOST_PARTS {
        return Err(format!("it was made of {} runs, and of at most {}", merged.parts.len(), MOST_PARTS));
    }
    merged.factor.iter().try_for_each(|name| check_name(name))?;
    for part in parts {
        let names = [&part.run, &part.machine, &part.probe.backend];
        names.into_iter().chain(&part.level).try_for_each(|name| check_name(name))?;
        let texts = part.command.iter().chain(&part.boots).chain(&part.label);
        texts.into_iter().try_for_each(|text| check_text(text))?;
    }
    Ok(())
}

/// What of a trial cannot be.
pub(crate) fn check_record(record: &TrialRecord) -> Result<(), String> {
    let checked = (|| {
        if record.trial >= limits::TRIALS || record.block >= limits::TRIALS {
            return Err(format!("there are at most {} of a kind", limits::TRIALS));
        }
        if record.measures.len() > OF_A_TRIAL || record.generators.len() > OF_A_TRIAL {
            return Err(format!("it has more than {OF_A_TRIAL} measures"));
        }
        check_calls(record.operations)?;
        record
            .factors
            .iter()
            .flat_map(|(name, label)| [name, label])
            .try_for_each(|name| check_name(name))?;
        check_text(record.reason.as_deref().unwrap_or_default())?;
        let noise = record.noise.iter().flat_map(|noise| noise.busiest.iter().chain(&noise.disturbed));
        noise.into_iter().try_for_each(|text| check_text(text))?;
        record.slowest.iter().try_for_each(check_slow_call)?;
        record.measures.iter().try_for_each(check_measure)?;
        record.generators.iter().try_for_each(check_generator)
    })();
    checked.map_err(|reason: String| format!("trial {} cannot be: {reason}", record.trial))
}

/// What of a load's metrics cannot be.
pub(crate) fn check_load(load: &[LoadMetric]) -> Result<(), String> {
    let names = load.iter().flat_map(|metric| [&metric.level, &metric.stressor]);
    names.into_iter().try_for_each(|name| check_name(name))
}

fn check_slow_call(call: &SlowCall) -> Result<(), String> {
    [&call.syscall].into_iter().chain(&call.stack).try_for_each(|name| check_name(name))
}

fn check_measure(measure: &Measure) -> Result<(), String> {
    check_name(&measure.syscall)?;
    check_histogram(&measure.ok)?;
    check_histogram(&measure.error)?;
    measure.errnos.iter().try_for_each(|(_, calls)| check_calls(*calls))?;
    let Some(ledger) = measure.ledger else { return Ok(()) };
    let missed = [ledger.missed, ledger.compat].into_iter().flatten();
    [ledger.entered, ledger.censored, ledger.lost.unsigned_abs()]
        .into_iter()
        .chain(missed)
        .try_for_each(check_calls)
}

fn check_generator(record: &GeneratorRecord) -> Result<(), String> {
    check_name(&record.generator)?;
    check_name(&record.workload)?;
    check_calls(record.operations)?;
    check_calls(record.late.unwrap_or(0))?;
    record.response.as_ref().map_or(Ok(()), check_histogram)
}

/// Slots are in order and there; whoever looks for a quantile takes both for granted, and the extremes for its limits.
fn check_histogram(histogram: &SparseHistogram) -> Result<(), String> {
    let slots = &histogram.slots;
    let is_in_order = slots.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !is_in_order || slots.last().is_some_and(|slot| usize::from(slot.0) >= SLOTS) {
        return Err("the slots of a histogram are not in order".to_owned());
    }
    if histogram.min_ns > histogram.max_ns {
        return Err("the least value of a histogram is above its greatest".to_owned());
    }
    check_calls(histogram.count)?;
    slots.iter().try_for_each(|(_, calls)| check_calls(*calls))
}

fn check_calls(calls: u64) -> Result<(), String> {
    if calls > limits::CALLS { Err(format!("{calls} calls are more than a window has")) } else { Ok(()) }
}

/// Names stand in tables, whose columns are made as wide as they are.
fn check_name(name: &str) -> Result<(), String> {
    if name.len() > limits::NAME_BYTES || name.contains(|character: char| character.is_control()) {
        return Err(format!("{:?}… is not a name", name.chars().take(20).collect::<String>()));
    }
    Ok(())
}

pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.len() > limits::TEXT_BYTES {
        return Err(format!("a text has {} bytes, of at most {}", text.len(), limits::TEXT_BYTES));
    }
    Ok(())
}

//! What a run may say at all: numbers with which everybody behind the reader can compute without looking twice.
//!
//! Whether it is true is another question, see `verify`.

use crate::{GeneratorRecord, Manifest, Measure, TrialRecord, limits};
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
        record.measures.iter().try_for_each(check_measure)?;
        record.generators.iter().try_for_each(check_generator)
    })();
    checked.map_err(|reason: String| format!("trial {} cannot be: {reason}", record.trial))
}

fn check_measure(measure: &Measure) -> Result<(), String> {
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

//! The effects: every figure of one run beside the other's.

use super::design::{Design, Seen};
use super::samples::{self, Unit};
use super::{Effect, Failing, Lack, Missing, Question, Verdict};
use crate::Metric;
use crate::summary::{CellSummary, MeasureSummary, Summary};
use std::collections::{BTreeMap, BTreeSet};
use store::Vantage;

/// Two summarised runs and what they have in common.
pub(super) struct Sides<'a> {
    pub(super) before: &'a Summary,
    pub(super) after: &'a Summary,
    pub(super) design: &'a Design,
    pub(super) series: &'a [Seen<'a>],
    pub(super) unit: Unit,
    /// The blocks that were executed side by side; none where the unit is no pair.
    pub(super) paired: &'a BTreeSet<u32>,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) effects: Vec<Effect>,
    pub(super) failing: Vec<Failing>,
    pub(super) missing: Vec<Missing>,
    pub(super) without_figures: u32,
}

/// Every effect, not yet judged.
pub(super) fn find(sides: &Sides<'_>, question: &Question) -> Found {
    let mut found = Found::default();
    for cells in matched(sides) {
        for seen in sides.series {
            add(&mut found, sides, cells, (*seen, &question.metrics[..]));
        }
    }
    found
}

/// The cells that both have.
fn matched<'a>(sides: &Sides<'a>) -> Vec<(&'a CellSummary, &'a CellSummary)> {
    let mut others: BTreeMap<Vec<&str>, &CellSummary> = BTreeMap::new();
    for cell in &sides.after.cells {
        others.entry(sides.design.key(1, &cell.levels)).or_insert(cell);
    }
    let partner = |cell: &'a CellSummary| Some((cell, *others.get(&sides.design.key(0, &cell.levels))?));
    sides.before.cells.iter().filter_map(partner).collect()
}

fn add(
    found: &mut Found,
    sides: &Sides<'_>,
    (mine, theirs): (&CellSummary, &CellSummary),
    (seen, metrics): (Seen<'_>, &[Metric]),
) {
    let (target, base_vantage, vantage) = seen;
    let measures = (mine.measure(target, base_vantage), theirs.measure(target, vantage));
    let is_measured = !mine.measures.is_empty() || !theirs.measures.is_empty();
    if measures == (None, None) && is_measured {
        // Not issued there, or without a probe there: nothing that could have an effect.
        return;
    }
    let gated = seen == primary(sides.series, target, (mine, theirs));
    let levels: Vec<String> = sides.design.key(0, &mine.levels).into_iter().map(str::to_owned).collect();
    let pair = measures.0.zip(measures.1);
    if let Some(failing) = pair.and_then(Failing::of) {
        let is_left_out = failing.is_left_out;
        found.failing.push(Failing { levels: levels.clone(), gated, ..failing });
        if is_left_out {
            return;
        }
    }
    for metric in metrics {
        let has = |measure: Option<&MeasureSummary>| measure.is_some_and(|it| it.figure(*metric).is_some());
        let missing = |lack| {
            let (levels, syscall) = (levels.clone(), target.to_owned());
            Missing { levels, syscall, vantage: base_vantage, metric: *metric, lack }
        };
        let have_both = has(measures.0) && has(measures.1);
        let are_unlike = pair.is_some_and(|(mine, theirs)| !mine.has_calls_like(theirs));
        if *metric == Metric::Max && have_both && are_unlike {
            found.missing.extend(gated.then(|| missing(Lack::Unlike)));
            continue;
        }
        if let Some(effect) = pair.and_then(|measures| effect(measures, *metric, sides)) {
            found.effects.push(Effect { levels: levels.clone(), gated, ..effect });
            continue;
        }
        found.without_figures += 1;
        let lack = match (has(measures.0), has(measures.1)) {
            (true, _) => Some(Lack::Gone),
            (false, true) if measures.0.is_some() => Some(Lack::Unmatched),
            (false, true) => Some(Lack::New),
            (false, false) => None,
        };
        found.missing.extend(lack.filter(|_| gated).map(missing));
    }
}

/// What gates look at: the kernel's view where both sides have it in this cell, else the callers'.
fn primary<'a>(
    series: &[Seen<'a>],
    target: &'a str,
    (mine, theirs): (&CellSummary, &CellSummary),
) -> Seen<'a> {
    let of_target = || series.iter().filter(|(syscall, ..)| *syscall == target);
    let has_both =
        |seen: &&Seen<'_>| mine.measure(target, seen.1).is_some() && theirs.measure(target, seen.2).is_some();
    let first = of_target().find(has_both).or_else(|| of_target().next());
    first.copied().unwrap_or((target, Vantage::Kernel, Vantage::Kernel))
}

fn effect(
    (base, candidate): (&MeasureSummary, &MeasureSummary),
    metric: Metric,
    sides: &Sides<'_>,
) -> Option<Effect> {
    let figures = base.figure(metric).zip(candidate.figure(metric))?;
    let tested = samples::test((sides.unit, sides.paired), metric, (base, candidate))?;
    Some(Effect {
        levels: Vec::new(),
        syscall: base.syscall.clone(),
        vantage: candidate.vantage,
        base_vantage: base.vantage,
        metric,
        gated: false,
        base: figures.0,
        candidate: figures.1,
        repetitions: (base.repetitions.len(), candidate.repetitions.len()),
        units: tested.units,
        ratio: tested.ratio,
        bootstrap: tested.bootstrap,
        p: tested.p,
        p_holm: tested.p,
        p_bh: tested.p,
        verdict: Verdict::Inconclusive,
        is_doubted: false,
    })
}

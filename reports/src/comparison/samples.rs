//! What is set against each other: repetitions, boots, or blocks that were executed side by side.

use crate::statistics::{
    Interval, RatioEstimate, mann_whitney, median, paired_p, paired_ratio, paired_ratio_bootstrap,
    pairs_to_detect, ratio, ratio_bootstrap, repetitions_to_detect, smallest_p, smallest_paired_p,
};
use crate::summary::{MeasureSummary, Repetition};
use crate::{Metric, RunView};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use store::{Manifest, Status};

/// The unit of replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each repetition, apart.
    Repetition,
    /// A block of the baseline with the candidate's block that was executed right beside it.
    Pair,
    /// Each boot of a machine: the median of the repetitions that were taken in it.
    Boot,
    /// Each machine, where cells have repetitions of several: the median of those that were taken on it.
    Machine,
    /// Each window of a trace, apart: one right after the other, over the same processes.
    Window,
}

impl Unit {
    /// Windows where one of them is a trace; pairs where they were executed in alternation and have `paired` blocks;
    /// machines where cells of one of them are of several; boots where one of them has several; else repetitions.
    pub(super) fn of(base: &RunView<'_>, candidate: &RunView<'_>, paired: &BTreeSet<u32>) -> Self {
        if base.manifest.trace.is_some() || candidate.manifest.trace.is_some() {
            Self::Window
        } else if !paired.is_empty() {
            Self::Pair
        } else if machines(base) > 1 || machines(candidate) > 1 {
            Self::Machine
        } else if boots(base) > 1 || boots(candidate) > 1 {
            Self::Boot
        } else {
            Self::Repetition
        }
    }

    /// One of them, or several.
    #[must_use]
    pub const fn name(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Repetition, 1) => "repetition",
            (Self::Repetition, _) => "repetitions",
            (Self::Pair, 1) => "pair",
            (Self::Pair, _) => "pairs",
            (Self::Boot, 1) => "boot",
            (Self::Boot, _) => "boots",
            (Self::Machine, 1) => "machine",
            (Self::Machine, _) => "machines",
            (Self::Window, 1) => "window",
            (Self::Window, _) => "windows",
        }
    }

    /// Whether each trial is one of its own.
    pub(super) const fn is_trial(self) -> bool {
        matches!(self, Self::Repetition | Self::Window)
    }

    /// The least p that so many can reach.
    pub(super) fn smallest_p(self, (base, candidate): (usize, usize)) -> f64 {
        match self {
            Self::Pair => smallest_paired_p(base),
            Self::Repetition | Self::Boot | Self::Machine | Self::Window => smallest_p(base, candidate),
        }
    }

    /// How many it takes on each side for one effect of a family to be found at `alpha`.
    #[must_use]
    pub fn to_detect(self, family: usize, alpha: f64) -> usize {
        match self {
            Self::Pair => pairs_to_detect(family, alpha),
            Self::Repetition | Self::Boot | Self::Machine | Self::Window => {
                repetitions_to_detect(family, alpha)
            }
        }
    }
}

/// The blocks that were executed side by side, where each of the runs names the other: those that both have, of the same
/// boots. One during which the machine was started anew, as when the runs were gone on with, is none.
pub(super) fn paired_blocks(base: &RunView<'_>, candidate: &RunView<'_>) -> BTreeSet<u32> {
    let names = |one: &Manifest, other: &Manifest| one.against.as_ref().is_some_and(|it| it.run == other.id);
    if !names(base.manifest, candidate.manifest) || !names(candidate.manifest, base.manifest) {
        return BTreeSet::new();
    }
    let places = |run: &RunView<'_>| -> BTreeMap<u32, BTreeSet<String>> {
        let mut places: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for trial in run.trials {
            places.entry(trial.block).or_default().insert(trial.boot.clone());
        }
        places
    };
    let theirs = places(candidate);
    let is_pair = |(block, boots): &(u32, BTreeSet<String>)| theirs.get(block) == Some(boots);
    places(base).into_iter().filter(is_pair).map(|(block, _)| block).collect()
}

/// Boots in which a cell has trials with figures, of the cell that has most: how many. Another cell's boots are nothing to it:
/// of a run that was made of several machines', each has its own.
pub(super) fn boots(run: &RunView<'_>) -> usize {
    let mut cells: BTreeMap<Vec<&str>, BTreeSet<&str>> = BTreeMap::new();
    for trial in run.trials.iter().filter(|trial| trial.status == Status::Ok) {
        let cell = trial.factors.values().map(String::as_str).collect();
        cells.entry(cell).or_default().insert(&trial.boot);
    }
    cells.values().map(BTreeSet::len).max().unwrap_or(0)
}

/// Machines of which cells have trials with figures, where that is not told by a factor: how many.
fn machines(run: &RunView<'_>) -> usize {
    let pooled = run.manifest.pooled_machines();
    let machines: BTreeSet<&str> =
        boot_ids(run).into_iter().filter_map(|boot| pooled.get(boot).copied()).collect();
    machines.len()
}

/// The ids of the boots in which the run has trials with figures.
pub(super) fn boot_ids<'a>(run: &RunView<'a>) -> BTreeSet<&'a str> {
    let ok = run.trials.iter().filter(|trial| trial.status == Status::Ok);
    ok.map(|trial| trial.boot.as_str()).collect()
}

/// What a test makes of two measures.
pub(super) struct Tested {
    pub(super) units: (usize, usize),
    pub(super) ratio: RatioEstimate,
    pub(super) bootstrap: Option<Interval>,
    pub(super) p: f64,
}

/// Sets two measures against each other; none where a repetition of one lacks the figure, or none is left.
///
/// The ratio's interval has the width of the slots in it; p and the bootstrap, which look at chance alone, have not.
pub(super) fn test(
    (unit, paired): (Unit, &BTreeSet<u32>),
    metric: Metric,
    (mine, theirs): (&MeasureSummary, &MeasureSummary),
) -> Option<Tested> {
    match unit {
        Unit::Pair => {
            let pairs = pairs((metric, paired), mine, theirs)?;
            let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            Some(Tested {
                units: (pairs.len(), pairs.len()),
                ratio: metric.widened(paired_ratio(&pairs)?, &base, &candidate),
                bootstrap: paired_ratio_bootstrap(&pairs),
                p: paired_p(&pairs),
            })
        }
        Unit::Repetition | Unit::Window => {
            let (mine, theirs) = (mine.values(metric), theirs.values(metric));
            Some(Tested {
                units: (mine.len(), theirs.len()),
                ratio: metric.widened(ratio(&mine, &theirs)?, &mine, &theirs),
                bootstrap: ratio_bootstrap(slice::from_ref(&mine), slice::from_ref(&theirs)),
                p: mann_whitney(&mine, &theirs),
            })
        }
        Unit::Boot | Unit::Machine => {
            let (mine, theirs) = (mine.by_origin(metric)?, theirs.by_origin(metric)?);
            let pooled = |boots: &[Vec<f64>]| boots.iter().filter_map(|it| median(it)).collect::<Vec<_>>();
            let (before, after) = (pooled(&mine), pooled(&theirs));
            Some(Tested {
                units: (before.len(), after.len()),
                ratio: metric.widened(ratio(&before, &after)?, &mine.concat(), &theirs.concat()),
                bootstrap: ratio_bootstrap(&mine, &theirs),
                p: mann_whitney(&before, &after),
            })
        }
    }
}

fn grouped<K: Ord>(
    metric: Metric,
    measure: &MeasureSummary,
    key: impl Fn(&Repetition) -> K,
) -> Option<BTreeMap<K, Vec<f64>>> {
    let mut groups: BTreeMap<K, Vec<f64>> = BTreeMap::new();
    for repetition in &measure.repetitions {
        groups.entry(key(repetition)).or_default().push(repetition.values_ns[metric.index()]?);
    }
    Some(groups)
}

/// The values of the paired blocks that both have.
fn pairs(
    (metric, paired): (Metric, &BTreeSet<u32>),
    mine: &MeasureSummary,
    theirs: &MeasureSummary,
) -> Option<Vec<(f64, f64)>> {
    let by_block = |measure| grouped(metric, measure, |it: &Repetition| it.block);
    let theirs = by_block(theirs)?;
    let pair = |(block, values): (u32, Vec<f64>)| Some((median(&values)?, median(theirs.get(&block)?)?));
    Some(by_block(mine)?.into_iter().filter(|(block, _)| paired.contains(block)).filter_map(pair).collect())
}

//! What a claim is about, taken from runs: one value for each block.

use crate::{Measured, Relation, Side, View};
use reports::{Metric, RunView, Summary, summarise};
use std::collections::{BTreeMap, BTreeSet};
use store::{Run, Vantage};

/// Runs with their figures, by the scenario's name.
#[derive(Debug, Default)]
pub struct Evidence {
    runs: BTreeMap<String, (Run, Summary)>,
}

impl Evidence {
    /// The evidence that these runs are; of several of one scenario the last counts.
    #[must_use]
    pub fn of(runs: Vec<Run>) -> Self {
        let with_figures = |run: Run| {
            let view = RunView {
                manifest: &run.manifest,
                trials: &run.trials,
                load: &run.load,
                is_under_way: false,
            };
            let summary = summarise(&view);
            (run.manifest.scenario.name.clone(), (run, summary))
        };
        Self { runs: runs.into_iter().map(with_figures).collect() }
    }

    /// The runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|(run, _)| run)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

/// Half a slot of the values of both sides, right and left, the widest, each as a share of its value: so far a call may lie from
/// the value that stands for it. 0 for exact figures.
pub type Slots = (f64, f64);

/// The values that a claim is decided by; values are positive.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Of a run.
    Pairs {
        /// Of each block, right and left side.
        pairs: Vec<(f64, f64)>,
        /// How wide their slots are.
        slots: Slots,
    },
    /// Of two runs, the blocks of each.
    Apart {
        /// What is spoken of.
        left: Vec<f64>,
        /// What it is set against.
        right: Vec<f64>,
        /// How wide their slots are.
        slots: Slots,
    },
    /// Of each block, the values along the levels.
    Along {
        /// The levels, in the scenario's order.
        levels: Vec<String>,
        /// A value for each level, for each block.
        blocks: Vec<Vec<f64>>,
        /// How wide their slots are: half of the widest, as a share of its value.
        slot: f64,
    },
    /// Of each block, a share from 0 to 1.
    Shares(Vec<f64>),
}

/// What a claim is about, with the words by whom it was seen; the error says what is missing.
pub fn samples(relation: &Relation, evidence: &Evidence) -> Result<(Samples, &'static str), String> {
    match relation {
        Relation::Compare { left, right, .. } => {
            let (of_left, of_right, seen) = both(evidence, left, right)?;
            Ok((pair(left, right, of_left, of_right), seen))
        }
        Relation::Along { side, factor, .. } => along(evidence, side, factor),
        Relation::Bounded { side, .. } => {
            Ok((Samples::Shares(lost(evidence, side)?), words(Vantage::Kernel)))
        }
    }
}

/// A side's value in each block.
#[derive(Debug)]
struct Blocks {
    values: BTreeMap<u32, f64>,
    /// Half of the widest slot, as a share of its value.
    slot: f64,
}

/// Whose view it was, as a sentence goes on.
const fn words(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Kernel => "in the kernel",
        Vantage::User => "as the caller saw it",
    }
}

fn vantages(view: View) -> Vec<Vantage> {
    match view {
        View::Of(vantage) => vec![vantage],
        View::Any => vec![Vantage::Kernel, Vantage::User],
    }
}

/// Both sides' values. Where either view will do, both sides have the same.
fn both(evidence: &Evidence, left: &Side, right: &Side) -> Result<(Blocks, Blocks, &'static str), String> {
    let mut missing = Err("nobody looked".to_owned());
    for of_left in vantages(left.view) {
        for of_right in vantages(right.view) {
            if left.view == right.view && of_left != of_right {
                continue;
            }
            let found = values(evidence, left, of_left)
                .and_then(|it| Ok((it, values(evidence, right, of_right)?)))
                .map(|(left, right)| (left, right, seen(of_left, of_right)));
            match found {
                Ok(found) => return Ok(found),
                // What the last view lacks is what nobody saw.
                Err(words) => missing = Err(words),
            }
        }
    }
    missing
}

const fn seen(left: Vantage, right: Vantage) -> &'static str {
    match (left, right) {
        (Vantage::Kernel, Vantage::User) => "in the kernel against as the caller saw it",
        (Vantage::User, Vantage::Kernel) => "as the caller saw it against in the kernel",
        (same, _) => words(same),
    }
}

/// Blocks of one run are pairs; those of two runs have nothing in common.
fn pair(left: &Side, right: &Side, of_left: Blocks, of_right: Blocks) -> Samples {
    let slots = (of_right.slot, of_left.slot);
    if left.scenario == right.scenario {
        let pair = |(block, left): (&u32, &f64)| Some((*of_right.values.get(block)?, *left));
        Samples::Pairs { pairs: of_left.values.iter().filter_map(pair).collect(), slots }
    } else {
        let all = |side: Blocks| side.values.into_values().collect();
        Samples::Apart { left: all(of_left), right: all(of_right), slots }
    }
}

/// The figure in each block; where several cells are meant, their geometric mean in blocks that have all of them.
fn values(evidence: &Evidence, side: &Side, vantage: Vantage) -> Result<Blocks, String> {
    let (run, summary) = run_of(evidence, side)?;
    let Measured::Latency(metric) = side.measured else {
        return Err("a share is no latency".to_owned());
    };
    let places: Vec<(usize, &String)> = side
        .levels
        .iter()
        .map(|(factor, level)| {
            let place = run.manifest.scenario.factors.iter().position(|it| it.name == *factor);
            place.map(|place| (place, level)).ok_or_else(|| format!("the run has no factor {factor}"))
        })
        .collect::<Result<_, _>>()?;
    let is_meant = |levels: &[String]| places.iter().all(|(place, level)| levels.get(*place) == Some(level));
    let mut blocks: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let (mut cells, mut slot) = (0, 0.0_f64);
    for cell in summary.cells.iter().filter(|cell| is_meant(&cell.levels)) {
        // Cells whose generators do not issue the call are none of the group.
        if cell.trials > 0
            && [Vantage::Kernel, Vantage::User].iter().all(|it| cell.measure(&side.syscall, *it).is_none())
        {
            continue;
        }
        cells += 1;
        let at = || cell.levels.join(", ");
        if cell.trials == 0 {
            return Err(format!("there is no trial with figures at {}", at()));
        }
        let measure = cell.measure(&side.syscall, vantage);
        let measure =
            measure.ok_or_else(|| format!("{} was not seen {} at {}", side.syscall, words(vantage), at()))?;
        if measure.of_failures {
            return Err(format!("every {} failed at {}", side.syscall, at()));
        }
        for repetition in &measure.repetitions {
            let value = metric_of(repetition.values_ns, metric).filter(|value| *value > 0.0);
            let value = value.ok_or_else(|| {
                format!("too few calls for {} of {} at {}", metric.label(), side.syscall, at())
            })?;
            // A mean of several is off by as much as the worst of them at most.
            slot = slot.max(metric.slot_share(&[value]));
            blocks.entry(repetition.block).or_default().push(value);
        }
    }
    if cells == 0 {
        return Err(format!("the run has no cell where {} was measured with these levels", side.syscall));
    }
    let whole = blocks.into_iter().filter(|(_, values)| values.len() == cells);
    Ok(Blocks { values: whole.map(|(block, values)| (block, geometric_mean(&values))).collect(), slot })
}

fn metric_of(values: [Option<f64>; 6], metric: Metric) -> Option<f64> {
    Metric::ALL.iter().position(|it| *it == metric).and_then(|place| values[place])
}

fn geometric_mean(values: &[f64]) -> f64 {
    match values {
        // Exactly itself, and not what logarithm and exponential leave of it.
        [only] => *only,
        several => (several.iter().map(|value| value.ln()).sum::<f64>() / several.len() as f64).exp(),
    }
}

fn run_of<'a>(evidence: &'a Evidence, side: &Side) -> Result<&'a (Run, Summary), String> {
    evidence.runs.get(&side.scenario).ok_or_else(|| format!("there is no run of {}", side.scenario))
}

fn along(evidence: &Evidence, side: &Side, factor: &str) -> Result<(Samples, &'static str), String> {
    let (run, _) = run_of(evidence, side)?;
    let declared = run.manifest.scenario.factors.iter().find(|it| it.name == factor);
    let declared = declared.ok_or_else(|| format!("the run has no factor {factor}"))?;
    let levels: Vec<String> = declared.levels.iter().map(|level| level.label.clone()).collect();
    let mut missing = Err("nobody looked".to_owned());
    for vantage in vantages(side.view) {
        let at = |level: &String| {
            let mut side = side.clone();
            side.levels.insert(factor.to_owned(), level.clone());
            values(evidence, &side, vantage)
        };
        match levels.iter().map(at).collect::<Result<Vec<Blocks>, _>>() {
            Ok(found) => {
                let slot = found.iter().map(|it| it.slot).fold(0.0, f64::max);
                let found: Vec<BTreeMap<u32, f64>> = found.into_iter().map(|it| it.values).collect();
                let blocks: BTreeSet<u32> = found.iter().flat_map(|it| it.keys().copied()).collect();
                let row =
                    |block: &u32| found.iter().map(|it| it.get(block).copied()).collect::<Option<Vec<_>>>();
                let blocks = blocks.iter().filter_map(row).collect();
                return Ok((Samples::Along { levels, blocks, slot }, words(vantage)));
            }
            Err(words) => missing = Err(words),
        }
    }
    missing
}

/// The share of lost calls in each block. Trials that are invalid because of it count, too: they are what it is about.
fn lost(evidence: &Evidence, side: &Side) -> Result<Vec<f64>, String> {
    let (run, _) = run_of(evidence, side)?;
    let mut blocks: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let is_meant = |trial: &store::TrialRecord| {
        side.levels.iter().all(|(factor, level)| trial.factors.get(factor) == Some(level))
    };
    for trial in run.trials.iter().filter(|trial| is_meant(trial)) {
        let measures = trial.measures.iter().filter(|it| it.syscall == side.syscall);
        for ledger in measures.filter_map(|it| it.ledger) {
            let block = blocks.entry(trial.block).or_default();
            block.0 = block.0.saturating_add(ledger.lost.unsigned_abs());
            block.1 = block.1.saturating_add(ledger.entered);
        }
    }
    let shares: Vec<f64> = blocks
        .into_values()
        .filter(|(_, entered)| *entered > 0)
        .map(|(lost, entered)| (lost as f64 / entered as f64).min(1.0))
        .collect();
    if shares.is_empty() {
        return Err(format!("{} was not seen in the kernel, and so has no ledger", side.syscall));
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::tests::small;
    use crate::claims::{Verdict, decide};
    use crate::examine::tests::{Made, made};

    /// Left is spoken of, right is what it is set against, block by block.
    #[test]
    fn a_claim_is_about_the_cells_that_it_names() {
        let assignment = small();
        let run = made(&Made { blocks: 8, ..Made::default() });
        let evidence = Evidence::of(vec![run]);
        let (found, seen) = samples(&assignment.claims[0].relation, &evidence).unwrap();
        assert_eq!(seen, "in the kernel");
        let Samples::Pairs { pairs, slots } = &found else { panic!("{found:?}") };
        assert_eq!(pairs.len(), 8);
        assert!([slots.0, slots.1].iter().all(|slot| (0.003..=1.0 / 128.0).contains(slot)), "{slots:?}");
        assert!(pairs.iter().all(|(right, left)| left > right), "{pairs:?}");
        assert_eq!(decide(&assignment.claims[0], &found).verdict, Verdict::Met);
        let (found, _) = samples(&assignment.claims[1].relation, &evidence).unwrap();
        let Samples::Along { levels, blocks, .. } = &found else { panic!("{found:?}") };
        assert_eq!((levels.join(" "), blocks.len()), ("4KiB 64KiB 1MiB".to_owned(), 8));
        let (found, _) = samples(&assignment.claims[2].relation, &evidence).unwrap();
        assert_eq!(found, Samples::Shares(vec![0.0; 8]));
    }

    #[test]
    fn without_a_probe_the_callers_own_view_will_do_where_any_will() {
        let assignment = small();
        let run = made(&Made { blocks: 8, probe: false, ..Made::default() });
        let evidence = Evidence::of(vec![run]);
        let (_, seen) = samples(&assignment.claims[0].relation, &evidence).unwrap();
        assert_eq!(seen, "as the caller saw it");
        let missing = samples(&assignment.claims[2].relation, &evidence).unwrap_err();
        assert!(missing.contains("has no ledger"), "{missing}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let assignment = small();
        let relation = &assignment.claims[0].relation;
        let missing = samples(relation, &Evidence::default()).unwrap_err();
        assert_eq!(missing, "there is no run of calls");
        let mut run = made(&Made { blocks: 8, ..Made::default() });
        run.trials.retain(|trial| trial.factors["load"] != "high");
        let missing = samples(relation, &Evidence::of(vec![run])).unwrap_err();
        assert!(missing.contains("no trial with figures"), "{missing}");
        // A block of which a cell is missing is left out on both sides.
        let mut run = made(&Made { blocks: 8, ..Made::default() });
        let gone = run.trials.iter().position(|trial| trial.block == 3).unwrap();
        run.trials.remove(gone);
        let (found, _) = samples(relation, &Evidence::of(vec![run])).unwrap();
        assert!(matches!(found, Samples::Pairs { pairs, .. } if pairs.len() == 7));
    }
}

//! What the generators did: how many operations, by workload, and what those at a fixed rate took from when they were
//! to begin.

use super::cells::{Figure, Origins, Repetition, figure, levels_of};
use super::metrics_of;
use crate::statistics::median;
use crate::{Metric, RunView};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{GeneratorRecord, Status, TrialRecord};

/// One workload of one generator in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeneratorSummary {
    /// The generator's name.
    pub generator: String,
    /// What its operations were.
    pub workload: String,
    /// One level for each factor.
    pub levels: Vec<String>,
    /// Operations that were asked for in each second; none in a closed loop, and in runs of earlier versions.
    pub asked_per_second: Option<f64>,
    /// Operations in each second of the window: the median over repetitions.
    pub operations_per_second: f64,
    /// Share of the workload in the generator's operations, over all repetitions.
    pub share: f64,
    /// Share of the operations that began later than intended, over all repetitions; none in a closed loop.
    pub late_share: Option<f64>,
    /// Latency from the intended start, in the order of [`Metric::ALL`]; none in a closed loop.
    pub response: Option<[Option<Figure>; 6]>,
}

impl GeneratorSummary {
    /// A figure of the latency from the intended start.
    #[must_use]
    pub fn response(&self, metric: Metric) -> Option<Figure> {
        self.response.as_ref().and_then(|figures| figures[metric.index()])
    }
}

/// A record and the trial that it is of.
type Observed<'a> = (&'a TrialRecord, &'a GeneratorRecord);

/// Every workload of every generator in every cell, by generator first; none where no generator has a rate or a mix,
/// for then the figures of the calls say it all.
pub(super) fn generators(run: &RunView<'_>, cells: &[Vec<String>]) -> Vec<GeneratorSummary> {
    let mut trials: Vec<&TrialRecord> =
        run.trials.iter().filter(|trial| trial.status == Status::Ok).collect();
    trials.sort_by_key(|trial| trial.trial);
    let places: BTreeMap<&[String], usize> =
        (0..).zip(cells).map(|(place, cell)| (&cell[..], place)).collect();
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut observed: BTreeMap<(usize, usize), Vec<Observed<'_>>> = BTreeMap::new();
    for trial in trials {
        let levels: Vec<String> = levels_of(run, trial).into_iter().map(str::to_owned).collect();
        let Some(cell) = places.get(&levels[..]).copied() else { continue };
        for record in &trial.generators {
            let key = (record.generator.as_str(), record.workload.as_str());
            let name = names.iter().position(|name| *name == key).unwrap_or_else(|| {
                names.push(key);
                names.len() - 1
            });
            observed.entry((name, cell)).or_default().push((trial, record));
        }
    }
    let is_telling = observed.values().flatten().any(|(trial, record)| {
        let same = |other: &&GeneratorRecord| other.generator == record.generator;
        record.response.is_some() || trial.generators.iter().filter(same).count() > 1
    });
    if !is_telling {
        return Vec::new();
    }
    let origins = (run.manifest, &run.manifest.pooled_machines());
    observed.iter().map(|((_, cell), observed)| summary(&cells[*cell], observed, origins)).collect()
}

fn summary(
    levels: &[String],
    observed: &[Observed<'_>],
    (manifest, pooled): Origins<'_>,
) -> GeneratorSummary {
    let confidence = manifest.plan.design.stop.as_ref().map(|stop| stop.confidence);
    let (mut operations, mut of_all, mut late) = (0, 0, None);
    let (mut rates, mut repetitions) = (Vec::new(), Vec::new());
    for (trial, record) in observed {
        operations += record.operations;
        let same = trial.generators.iter().filter(|other| other.generator == record.generator);
        of_all += same.map(|other| other.operations).sum::<u64>();
        late = late.or(record.late.map(|_| 0)).map(|late| late + record.late.unwrap_or(0));
        rates.push(record.operations as f64 / (trial.window_ns.max(1) as f64 / 1e9));
        repetitions.extend(record.response.as_ref().map(|response| Repetition {
            trial: trial.trial,
            block: trial.block,
            boot: trial.boot.clone(),
            machine: pooled.get(trial.boot.as_str()).map(|machine| (*machine).to_owned()),
            calls: response.count,
            values_ns: metrics_of(response),
        }));
    }
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let record = observed[0].1;
    GeneratorSummary {
        generator: record.generator.clone(),
        workload: record.workload.clone(),
        levels: levels.to_vec(),
        asked_per_second: record.rate_per_second,
        operations_per_second: median(&rates).unwrap_or(0.0),
        share: share(operations, of_all),
        late_share: late.map(|late| share(late, operations)),
        response: (!repetitions.is_empty())
            .then(|| Metric::ALL.map(|metric| figure(metric, &repetitions, confidence))),
    }
}

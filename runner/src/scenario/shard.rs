//! A part of a plan: which of its trials are one shard's. Pure; all shards together have each trial once.
//!
//! Whole blocks are dealt out in turn: block 1 to the first shard, block 2 to the second, and so on. Each block has every
//! cell in an order of its own, so that whichever blocks a shard has are a fair sample. Whole cells are dealt out in an order
//! that is drawn from the seed: dealt out as they stand, every second cell could be those of one level of a factor, and
//! what differs between two shards would be taken for that factor's.

use super::model::Scenario;
use super::plan::{Estimate, Overheads, Plan, PlannedTrial, cells_in_random_order};
use super::text::counted;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Shard, ShardBy};

impl Plan {
    /// The part of a whole plan that is the shard's, each trial with the place that it has in the whole; the error says what
    /// there is not enough of, with the remedy.
    pub(crate) fn part(mut self, scenario: &Scenario, shard: Shard) -> Result<Self, String> {
        check(scenario, shard)?;
        let is_dealt = |place: usize| place % shard.of as usize == (shard.number - 1) as usize;
        match shard.by {
            ShardBy::Block => self.trials.retain(|trial| is_dealt(trial.block as usize)),
            ShardBy::Cell => {
                let cells = cells_in_random_order(scenario, self.seed);
                let mine: BTreeSet<(usize, usize)> =
                    cells.into_iter().enumerate().filter(|it| is_dealt(it.0)).map(|it| it.1).collect();
                self.trials.retain(|trial| mine.contains(&(trial.cell, trial.load)));
            }
        }
        self.shard = Some(shard);
        Ok(self)
    }

    /// How long it takes: of a part its share of the trials, and the changes of load that it has.
    pub(crate) fn estimate(&self, scenario: &Scenario, overheads: Overheads) -> Estimate {
        let whole = Estimate::of(scenario, overheads);
        if self.shard.is_none() {
            return whole;
        }
        let part = |duration: Duration, (part, whole): (usize, usize)| {
            duration.mul_f64((part as f64 / whole.max(1) as f64).min(1.0))
        };
        let trials = (self.trials.len(), scenario.trial_count());
        let is_alike = |a: &PlannedTrial, b: &PlannedTrial| (a.block, a.load) == (b.block, b.load);
        let levels = scenario.loads_with_cells().len() * scenario.plan.most_repetitions() as usize;
        Estimate {
            measuring: part(whole.measuring, trials),
            ramps: part(whole.ramps, (self.trials.chunk_by(is_alike).count(), levels)),
            overhead: part(whole.overhead, trials),
            ..whole
        }
    }
}

/// Whether the plan can be divided so.
fn check(scenario: &Scenario, shard: Shard) -> Result<(), String> {
    if scenario.plan.until.is_some() {
        let words = "`plan.until` ends a run by all of its figures, and a part has only some of them; leave it out, and say \
                     how many with `--repetitions`";
        return Err(words.to_owned());
    }
    let (blocks, cells) = (scenario.plan.repetitions as usize, scenario.cells_with_load());
    let (there, whole, remedy) = match shard.by {
        ShardBy::Block => {
            let cells = counted(cells, "cell");
            let remedy =
                format!("`--repetitions N` makes more blocks, `--shard-by cell` divides its {cells}");
            (blocks, counted(blocks, "block"), remedy)
        }
        ShardBy::Cell => {
            let remedy = format!("`--shard-by block` divides its {}", counted(blocks, "block"));
            (cells, counted(cells, "cell"), remedy)
        }
    };
    let of = shard.of;
    if of as usize <= there {
        Ok(())
    } else {
        Err(format!("the plan has {whole}, too few for {of} parts: {remedy}"))
    }
}

/// A part's name for people: `shard 2 of 4, whole blocks`.
pub(crate) fn shard_words(shard: Shard) -> String {
    format!("shard {} of {}, whole {}", shard.number, shard.of, shard.by.name(2))
}

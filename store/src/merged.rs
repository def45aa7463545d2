//! Parts of a plan, and what a run says that was made of several.

use crate::{Environment, Extension, MachineSetting, Manifest, ProbeInfo, TrialRecord};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most runs that one can be made of.
pub const MOST_PARTS: usize = 1 << 12;

/// What stands for a fact of the machine in which the parts of a merged run differ.
pub const DIFFERS: &str = "varies";

/// Which part of its scenario's plan a run is. All parts together have each trial of the plan once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// What is never divided.
    pub by: ShardBy,
}

/// What of a plan belongs to one shard as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardBy {
    /// Blocks: each shard has every cell.
    Block,
    /// Cells: each shard has every repetition of its cells.
    Cell,
}

impl ShardBy {
    /// One of what is never divided, or several.
    #[must_use]
    pub const fn name(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Block, 1) => "block",
            (Self::Block, _) => "blocks",
            (Self::Cell, 1) => "cell",
            (Self::Cell, _) => "cells",
        }
    }
}

impl std::fmt::Display for Shard {
    /// `2/4`, as the command line has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Of what a run was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The factor that tells the parts apart, `machine` or `kernel`; none where they are the shards of one plan.
    pub factor: Option<String>,
    /// The parts: in the order of the factor's levels, else in that of the shards.
    pub parts: Vec<MergedPart>,
}

/// A run that became part of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedPart {
    /// Its id.
    pub run: String,
    /// Its label.
    pub label: Option<String>,
    /// The seal of its manifest, which has a checksum of every other file; none of those of earlier writers.
    pub seal: Option<String>,
    /// Which part of the plan it was; none where it was all of it.
    pub shard: Option<Shard>,
    /// Its level of the factor; none where there is no such factor.
    pub level: Option<String>,
    /// On which machine it was executed: parts of the same name are of the same one.
    pub machine: String,
    /// The boots of that machine in which it has trials, in the order of its trials.
    pub boots: Vec<String>,
    /// How many trials it had.
    pub trials: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The command line that started it.
    pub command: Vec<String>,
    /// With what it was observed, and what that costs there.
    pub probe: ProbeInfo,
    /// On what it ran.
    pub environment: Environment,
    /// What was added to it when it was complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// How the machine was to be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<MachineSetting>,
}

impl Merged {
    /// The machines on which the parts were executed, each once, in the order of the parts.
    #[must_use]
    pub fn machines(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.parts.iter().map(|part| part.machine.as_str()).filter(|machine| seen.insert(*machine)).collect()
    }

    /// Whether cells were executed on different machines, so that nobody can tell a cell from a machine: shards of whole
    /// cells, and more than one machine.
    #[must_use]
    pub fn confounds(&self) -> bool {
        let of_cells = self.parts.iter().any(|part| part.shard.is_some_and(|it| it.by == ShardBy::Cell));
        of_cells && self.machines().len() > 1
    }

    /// Gives a trial of the part at `part` its place in the merged run: as it is where parts are shards; else it gets its
    /// level, and each block has that of the first part, then that of the second, and so on, each of `cells` trials.
    pub fn place(&self, trial: &mut TrialRecord, part: usize, cells: u32) {
        let place = (trial.trial, trial.block, trial.position);
        trial.trial = self.number_of(place, part, cells);
        if let (Some(factor), Some(level)) =
            (&self.factor, self.parts.get(part).and_then(|it| it.level.clone()))
        {
            trial.factors.insert(factor.clone(), level);
            trial.position = trial.position.saturating_add(number(part).saturating_mul(cells));
        }
    }

    /// The number that a trial has in the merged run, which in its part had this number, block and position.
    #[must_use]
    pub fn number_of(&self, (trial, block, position): (u32, u32, u32), part: usize, cells: u32) -> u32 {
        if self.factor.is_none() {
            return trial;
        }
        let in_block = number(part).saturating_mul(cells).saturating_add(position);
        block.saturating_mul(number(self.parts.len())).saturating_mul(cells).saturating_add(in_block)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Manifest {
    /// The machine of each boot where trials of one cell are from several machines: then what differs from machine to machine
    /// is no more by chance than what differs from boot to boot. Empty where each cell is of one machine.
    #[must_use]
    pub fn pooled_machines(&self) -> BTreeMap<&str, &str> {
        let merged = self.merged.as_ref().filter(|it| it.factor.is_none() && !it.confounds());
        let parts = merged.filter(|it| it.machines().len() > 1).into_iter().flat_map(|it| &it.parts);
        let mut machines = BTreeMap::new();
        for part in parts {
            for boot in &part.boots {
                machines.entry(boot.as_str()).or_insert(part.machine.as_str());
            }
        }
        machines
    }

    /// Whether the factor of this name tells apart the runs that this one was made of.
    #[must_use]
    pub fn is_merged_by(&self, factor: &str) -> bool {
        self.merged.as_ref().is_some_and(|merged| merged.factor.as_deref() == Some(factor))
    }
}

/// The factor whose levels are machines.
pub const MACHINE: &str = "machine";
/// The factor whose levels are kernels.
pub const KERNEL: &str = "kernel";

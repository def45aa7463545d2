//! The cells of a scenario, and what they say of its load.
//!
//! Owns which combinations of levels there are, and under which load each is measured. How a file comes to leave some
//! out is the reader's business.

use super::model::{Given, LoadLevel, LoadOption, LoadValue, ProbeRequest, Scenario};
use std::collections::{BTreeSet, HashMap};

/// One level of every factor but load, and the loads under which it is measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    /// For each factor, in order, the index of its level.
    pub(crate) levels: Vec<usize>,
    /// Indices of load levels, rising; at least one.
    pub(crate) loads: Vec<usize>,
}

/// Cells that are measured under one and the same load: what stress-ng is told does not change between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderLoad {
    /// Index of the load level.
    pub(crate) load: usize,
    /// Indices of its cells, rising; at least one.
    pub(crate) cells: Vec<usize>,
}

impl LoadLevel {
    /// The level as it is in a cell: what goes along with a factor has its value there.
    pub(crate) fn at(&self, cell: &Cell) -> Self {
        let option = |option: &LoadOption| {
            let value = match &option.value {
                LoadValue::Factor { factor, levels, .. } => levels[cell.levels[*factor]].clone(),
                other => other.clone(),
            };
            LoadOption { value, ..option.clone() }
        };
        Self { options: self.options.iter().map(option).collect(), ..self.clone() }
    }

    /// The factors that it goes along with.
    fn factors(&self) -> impl Iterator<Item = usize> {
        self.options.iter().filter_map(|option| match &option.value {
            LoadValue::Factor { factor, .. } => Some(*factor),
            _ => None,
        })
    }

    /// Goes on counting factors right when the one with this index is gone.
    fn without_factor(&mut self, gone: usize) {
        for option in &mut self.options {
            if let LoadValue::Factor { factor, .. } = &mut option.value
                && *factor > gone
            {
                *factor -= 1;
            }
        }
    }
}

impl Scenario {
    /// How many cells there are: one level of every factor, load included.
    pub(crate) fn cells_with_load(&self) -> usize {
        self.cells.iter().map(|cell| cell.loads.len()).sum()
    }

    /// How many combinations of levels there are, load apart.
    pub(crate) fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// How many trials there are in all, at most.
    pub(crate) fn trial_count(&self) -> usize {
        self.cells_with_load() * self.plan.most_repetitions() as usize
    }

    /// The cell with this index.
    pub(crate) fn cell(&self, index: usize) -> Cell {
        self.cells[index].clone()
    }

    /// Whether every combination of levels that are measured at all is a cell under every load.
    pub(crate) fn is_full(&self) -> bool {
        let levels = (0..self.factors.len()).map(|factor| self.used_levels(factor).len());
        let all = levels.chain([self.used_loads().len()]).try_fold(1_usize, usize::checked_mul);
        all == Some(self.cells_with_load())
    }

    /// The levels of the factor with this index that a cell has, rising; those of others are all excluded.
    pub(crate) fn used_levels(&self, factor: usize) -> Vec<usize> {
        let used: BTreeSet<usize> = self.cells.iter().map(|cell| cell.levels[factor]).collect();
        used.into_iter().collect()
    }

    /// The probes that some cell asks for, in the order of their levels.
    pub(crate) fn probe_requests(&self) -> Vec<ProbeRequest> {
        match &self.measure.probe {
            Given::Fixed(request) => vec![*request],
            Given::Factor { factor, levels } => {
                self.used_levels(*factor).into_iter().map(|level| levels[level]).collect()
            }
        }
    }

    /// Forgets targets that no cell has.
    pub(super) fn drop_unmeasured_targets(&mut self) {
        let named = &self.measure.named;
        let is_measured =
            |target: &String| self.cells.iter().any(|cell| named.iter().any(|name| name.at(cell) == target));
        self.measure.targets.retain(is_measured);
    }

    /// The loads under which a cell is measured, rising.
    pub(crate) fn used_loads(&self) -> Vec<usize> {
        let used: BTreeSet<usize> = self.cells.iter().flat_map(|cell| &cell.loads).copied().collect();
        used.into_iter().collect()
    }

    /// Every load that trials are measured under, in the file's order, with its cells. A level that goes along with
    /// factors is one load for each combination of their levels.
    pub(crate) fn loads_with_cells(&self) -> Vec<UnderLoad> {
        let mut all: Vec<UnderLoad> = Vec::new();
        for (load, level) in self.loads.iter().enumerate() {
            let factors: Vec<usize> = level.factors().collect();
            let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
            for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.loads.contains(&load))
            {
                let followed = factors.iter().map(|factor| cell.levels[*factor]).collect();
                let place = *known.entry(followed).or_insert(all.len());
                if place == all.len() {
                    all.push(UnderLoad { load, cells: Vec::new() });
                }
                all[place].cells.push(index);
            }
        }
        all
    }

    /// Whether a load level tells stress-ng the same in two cells.
    pub(crate) fn is_same_load(&self, load: usize, a: usize, b: usize) -> bool {
        let level = |cell: usize, factor: usize| self.cells[cell].levels[factor];
        self.loads[load].factors().all(|factor| level(a, factor) == level(b, factor))
    }

    /// The same scenario with this probe in every cell. The factor that said which is dropped: no other value goes
    /// along with it, since none can have the names of backends.
    pub(crate) fn with_probe(mut self, request: ProbeRequest) -> Self {
        let replaced = std::mem::replace(&mut self.measure.probe, Given::Fixed(request));
        if let Given::Factor { factor, .. } = replaced {
            let gone = self.factors.remove(factor);
            self.generators.iter_mut().for_each(|generator| generator.without_factor(factor));
            self.programs.iter_mut().for_each(|program| program.without_factor(factor));
            self.loads.iter_mut().for_each(|load| load.without_factor(factor));
            self.measure.named.iter_mut().for_each(|name| name.without_factor(factor));
            self.measure.warmup.without_factor(factor);
            self.measure.window.without_factor(factor);
            self.drop_axis(factor);
            self.zips.iter_mut().for_each(|zip| zip.retain(|name| name != gone.name.as_str()));
            self.zips.retain(|zip| zip.len() > 1);
        }
        self
    }

    /// Cells that differed in this factor alone become one, measured under the loads of all of them.
    fn drop_axis(&mut self, factor: usize) {
        let mut cells: Vec<Cell> = Vec::with_capacity(self.cells.len());
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        for mut cell in std::mem::take(&mut self.cells) {
            cell.levels.remove(factor);
            let place = *known.entry(cell.levels.clone()).or_insert(cells.len());
            match cells.get_mut(place) {
                Some(alike) => {
                    alike.loads.extend(cell.loads);
                    alike.loads.sort_unstable();
                    alike.loads.dedup();
                }
                None => cells.push(cell),
            }
        }
        self.cells = cells;
    }
}

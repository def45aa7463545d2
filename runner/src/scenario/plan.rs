//! The plan: every trial of a scenario in the order of execution. Pure: scenario and seed determine it to the byte.
//!
//! Complete random blocks as a split plot: each block holds every cell under every load level once; in a block the
//! load levels are shuffled, and inside a load level the cells, so that load ramps up once per block and level. A level
//! that goes along with factors counts as one for each combination of their levels. Order `sequential` shuffles nothing.
//!
//! The order is part of what a run promises to be able to repeat, so nothing here is left to a library's choice:
//! the random words are the `ChaCha12` key stream (64-bit words, little-endian) whose key is the seed as 8 bytes,
//! little-endian, then "order of trials" in ASCII, then zero bytes, and whose stream number is the block's. A block's order therefore does not
//! depend on how many blocks there are. Who begins in a block of two runs in alternation is the lowest bit of the stream's first
//! word under "order of two runs". Shuffling is Fisher–Yates from the end, a draw below `n` is the word modulo
//! `n` after words of the last, incomplete run of `n` values were rejected.

use super::cells::{Cell, UnderLoad};
use super::model::{Given, Order, Scenario, Window};
use generators::GeneratorSpec;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use store::Shard;

/// Every trial of a scenario, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Plan {
    /// The seed that the order comes from.
    pub(crate) seed: u64,
    /// The trials, by rising number; of a whole plan a trial's index is its number.
    pub(crate) trials: Vec<PlannedTrial>,
    /// Which part of the plan this is; none where it is all of it.
    pub(crate) shard: Option<Shard>,
}

/// One trial to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlannedTrial {
    /// Place in the run, from 0.
    pub(crate) trial: u32,
    /// Block, from 0.
    pub(crate) block: u32,
    /// Place within the block, from 0.
    pub(crate) position: u32,
    /// Repetition of the cell, from 0; each block holds one of every cell.
    pub(crate) repetition: u32,
    /// The cell, for [`Scenario::cell`].
    pub(crate) cell: usize,
    /// Index into [`Scenario::loads`].
    pub(crate) load: usize,
}

impl Plan {
    /// The plan of a scenario for a seed, which need not be the scenario's own.
    pub(crate) fn of(scenario: &Scenario, seed: u64) -> Self {
        Self::of_blocks(scenario, seed, scenario.plan.most_repetitions())
    }

    /// The same with so many blocks, whatever the scenario says.
    pub(crate) fn of_blocks(scenario: &Scenario, seed: u64, blocks: u32) -> Self {
        let loads = scenario.loads_with_cells();
        let mut trials = Vec::with_capacity(scenario.cells_with_load() * blocks as usize);
        let mut trial = 0;
        for block in 0..blocks {
            let mut random = random_of_block(seed, block, b"order of trials");
            let mut order = |n| match scenario.plan.order {
                Order::RandomBlocks => shuffled(n, &mut random),
                Order::Sequential => (0..n).collect(),
            };
            let mut position = 0;
            for under in order(loads.len()) {
                let UnderLoad { load, cells } = &loads[under];
                for cell in order(cells.len()) {
                    let (cell, load) = (cells[cell], *load);
                    trials.push(PlannedTrial { trial, block, position, repetition: block, cell, load });
                    trial += 1;
                    position += 1;
                }
            }
        }
        Self { seed, trials, shard: None }
    }

    /// The trial of this number; none where it is not in the plan.
    pub(crate) fn trial(&self, number: u32) -> Option<&PlannedTrial> {
        self.trials.binary_search_by_key(&number, |trial| trial.trial).ok().map(|place| &self.trials[place])
    }
}

/// Every cell with its load, as trials name them, in an order that is drawn from the seed.
pub(super) fn cells_in_random_order(scenario: &Scenario, seed: u64) -> Vec<(usize, usize)> {
    let cells = scenario.cells.iter().enumerate();
    let cells: Vec<(usize, usize)> =
        cells.flat_map(|(index, cell)| cell.loads.iter().map(move |load| (index, *load))).collect();
    let mut random = random_of_block(seed, 0, b"cells of shards");
    shuffled(cells.len(), &mut random).into_iter().map(|place| cells[place]).collect()
}

/// Whether the second of two runs in alternation has the first turn in a block: drawn for each block on its own. A test that
/// swaps the signs of pairs takes for granted that either could have been first, whatever the machine did meanwhile.
pub(crate) fn second_begins(seed: u64, block: u32) -> bool {
    random_of_block(seed, block, b"order of two runs").next_u64() & 1 == 1
}

/// The random words of a block; `purpose` sets those apart that come from the same seed for something else.
fn random_of_block(seed: u64, block: u32, purpose: &[u8]) -> ChaCha12Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..8 + purpose.len()].copy_from_slice(purpose);
    let mut random = ChaCha12Rng::from_seed(key);
    random.set_stream(u64::from(block));
    random
}

/// The numbers below `n` in random order.
fn shuffled(n: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, draw_below(last + 1, random));
    }
    order
}

/// A number below `n`, each with the same probability; `n` is at least 1.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below n, which is a usize")]
fn draw_below(n: usize, random: &mut impl Rng) -> usize {
    let n = n as u64;
    // 2^64 mod n words at the top belong to an incomplete run and would favour small numbers.
    let incomplete = (u64::MAX % n + 1) % n;
    loop {
        let word = random.next_u64();
        if word <= u64::MAX - incomplete {
            return (word % n) as usize;
        }
    }
}

/// What an estimate takes for granted about the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overheads {
    /// Time of a trial outside warm-up and window: start and end of the generators, reading, storing.
    pub(crate) trial: Duration,
    /// Time that a change of load takes: end of the old one, start and settling of the new one. One that fills memory
    /// is waited for as long as the scenario allows.
    pub(crate) ramp: Duration,
    /// Time that a change of the probe takes, where a factor says which: detaching, loading, attaching.
    pub(crate) probe: Duration,
}

impl Overheads {
    /// What a small machine needs.
    pub(crate) const TYPICAL: Self = Self {
        trial: Duration::from_millis(30),
        ramp: Duration::from_secs(1),
        probe: Duration::from_millis(60),
    };
}

/// How long a plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Warm-up and window of every trial. Of windows that end with operations, what these take at the least: their rate
    /// and the times between them, not the operations themselves.
    pub(crate) measuring: Duration,
    /// Every change of load.
    pub(crate) ramps: Duration,
    /// What trials take besides.
    pub(crate) overhead: Duration,
    /// Whether windows end with operations, so that the whole takes longer than estimated.
    pub(crate) is_lower_bound: bool,
}

impl Estimate {
    /// The estimate for a scenario; where a rule may add blocks, for the fewest after which it may end the run.
    pub(crate) fn of(scenario: &Scenario, overheads: Overheads) -> Self {
        Self::of_blocks(scenario, scenario.fewest_blocks(overheads), overheads)
    }

    /// The estimate for so many blocks.
    pub(crate) fn of_blocks(scenario: &Scenario, blocks: u32, overheads: Overheads) -> Self {
        let measure = &scenario.measure;
        let measuring = |cell: &Cell| {
            let window = match measure.window.at(cell) {
                Window::Timed(window) => *window,
                Window::Operations => least_window(scenario, cell),
            };
            // A program that ends the window is let go when that opens.
            let has_warmup =
                *measure.window.at(cell) != Window::Operations || !scenario.generators.is_empty();
            let warmup = if has_warmup { *measure.warmup.at(cell) } else { Duration::ZERO };
            times(warmup + window, cell.loads.len())
        };
        let repetitions = blocks as usize;
        let longest = scenario.plan.ramp;
        let ramp = |under: &UnderLoad| {
            let fills = scenario.loads[under.load].fills_memory();
            if fills { longest } else { overheads.ramp.min(longest) }
        };
        let levels = scenario.loads_with_cells();
        let ramps: Duration = levels.iter().map(ramp).sum();
        // Where there is no load at all, nothing changes from block to block.
        let changes =
            if levels.iter().all(|under| scenario.loads[under.load].is_quiet()) { 1 } else { repetitions };
        // In random order hardly any trial finds its probe attached.
        let probe = scenario.probe_factor().map_or(Duration::ZERO, |_| overheads.probe);
        Self {
            measuring: times(scenario.cells.iter().map(measuring).sum(), repetitions),
            ramps: times(ramps, changes),
            overhead: times(overheads.trial + probe, scenario.cells_with_load() * repetitions),
            is_lower_bound: measure.window == Given::Fixed(Window::Operations),
        }
    }

    /// All of it.
    pub(crate) fn total(&self) -> Duration {
        self.measuring + self.ramps + self.overhead
    }
}

impl Scenario {
    /// The fewest blocks of a run that comes to its end, as far as can be estimated: those at which a rule first looks,
    /// unless its time is over by then.
    pub(crate) fn fewest_blocks(&self, overheads: Overheads) -> u32 {
        if self.is_out_of_time(overheads) { self.plan.repetitions } else { self.plan.first_look() }
    }

    /// Whether the time of a rule is over before it has looked once, so that it can never be met.
    pub(crate) fn is_out_of_time(&self, overheads: Overheads) -> bool {
        let first_look = || Estimate::of_blocks(self, self.plan.first_look(), overheads).total();
        self.plan.until.and_then(|rule| rule.max_time).is_some_and(|time| time < first_look())
    }
}

/// How long a window lasts at the least that ends with the generators' operations.
fn least_window(scenario: &Scenario, cell: &Cell) -> Duration {
    let generators = scenario.generators_of(cell, Path::new(""));
    generators.iter().map(|(_, spec)| least_time(spec)).max().unwrap_or_default()
}

/// From the first of a generator's operations to the last, as far as the scenario says how these follow each other.
fn least_time(spec: &GeneratorSpec) -> Duration {
    /// Longer than any run, and short enough for sums of it.
    const FOREVER: Duration = Duration::from_hours(1 << 20);
    let (operations, batch) = (spec.operations.unwrap_or(0), u64::from(spec.batch.max(1)));
    let pauses = |operations: u64| operations.saturating_sub(1) / batch;
    let seconds = if let Some(rate) = spec.rate_per_second {
        (pauses(operations) * batch) as f64 / rate
    } else {
        let of_thread = operations.div_ceil(spec.threads.max(1).into());
        // In a mix only some operations sleep.
        let sleep_ns = spec.duration_ns.filter(|_| spec.mix.is_empty()).unwrap_or(0);
        (pauses(of_thread) as f64 * spec.think_ns as f64 + of_thread as f64 * sleep_ns as f64) / 1e9
    };
    Duration::try_from_secs_f64(seconds).unwrap_or(FOREVER).min(FOREVER)
}

/// Exact for what validation lets through: at most 100,000 trials, the longest of them of a century.
fn times(duration: Duration, count: usize) -> Duration {
    duration * u32::try_from(count).unwrap_or(u32::MAX)
}

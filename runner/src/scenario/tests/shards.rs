//! Parts of a plan.

use super::super::plan::{Estimate, Overheads, Plan};
use super::super::text::plan_text;
use super::order::scenario;
use super::{VALID, edited, parse};
use crate::scenario::Effects;
use proptest::prelude::*;
use std::collections::BTreeSet;
use store::{Shard, ShardBy};

fn shard(number: u32, of: u32, by: ShardBy) -> Shard {
    Shard { number, of, by }
}

/// The size of the fraction of `whole` that each part can have.
fn is_fair(part: usize, of: u32, whole: usize) -> bool {
    let of = of as usize;
    part == whole / of || part == whole.div_ceil(of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_have_each_trial_of_the_plan_once_and_as_it_is_there(
        sizes in 1..6_usize, threads in 1..4_usize, loads in 1..4_usize, repetitions in 1..9_usize, seed: u64,
        of in 1..9_u32, by_cell: bool,
    ) {
        let by = if by_cell { ShardBy::Cell } else { ShardBy::Block };
        let scenario = scenario(sizes, threads, loads, repetitions);
        let whole = Plan::of(&scenario, seed);
        let cells = sizes * threads * loads;
        let there = if by_cell { cells } else { repetitions };
        let parts: Vec<_> = (1..=of).map(|number| whole.clone().part(&scenario, shard(number, of, by))).collect();
        prop_assert_eq!(parts.iter().all(Result::is_ok), of as usize <= there);
        prop_assume!(of as usize <= there);
        let parts: Vec<Plan> = parts.into_iter().map(Result::unwrap).collect();
        let mut all: Vec<_> = parts.iter().flat_map(|part| part.trials.clone()).collect();
        all.sort_by_key(|trial| trial.trial);
        prop_assert_eq!(&all, &whole.trials);
        for part in &parts {
            prop_assert!(part.trials.windows(2).all(|pair| pair[0].trial < pair[1].trial));
            prop_assert!(part.trials.iter().all(|trial| part.trial(trial.trial) == Some(trial)));
            let units: BTreeSet<_> = part.trials.iter()
                .map(|it| if by_cell { (it.cell, it.load) } else { (it.block as usize, 0) }).collect();
            prop_assert!(is_fair(units.len(), of, there));
            // Whole units: as many trials as these have.
            prop_assert_eq!(part.trials.len(), units.len() * if by_cell { repetitions } else { cells });
            let (time, of_whole) = (part.estimate(&scenario, Overheads::TYPICAL), Estimate::of(&scenario, Overheads::TYPICAL));
            prop_assert!(time.total() <= of_whole.total());
        }
    }
}

/// Dealt out as they stand, every second cell would be of one level of the last factor.
#[test]
fn a_part_of_the_cells_has_some_of_every_level() {
    let scenario = scenario(4, 2, 2, 1);
    let mixed = (0..20).filter(|seed| {
        let part = Plan::of(&scenario, *seed).part(&scenario, shard(1, 2, ShardBy::Cell)).unwrap();
        let loads: BTreeSet<usize> = part.trials.iter().map(|trial| trial.load).collect();
        loads.len() == 2
    });
    assert_eq!(mixed.count(), 20);
}

/// Parts that were executed are merged by what this order was.
#[test]
fn which_cells_are_whose_is_for_ever() {
    let scenario = parse(VALID).unwrap();
    let texts = [shard(2, 3, ShardBy::Block), shard(2, 5, ShardBy::Cell)].map(|shard| {
        let plan = Plan::of(&scenario, 1).part(&scenario, shard).unwrap();
        plan_text(&scenario, &plan, &Effects::of(&scenario, None))
    });
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_cannot_be_divided_is_told_with_the_remedy() {
    let refused =
        |scenario: &super::Scenario, shard| Plan::of(scenario, 1).part(scenario, shard).unwrap_err();
    let valid = parse(VALID).unwrap();
    let rule = parse(&edited(
        "seed = 1",
        "until = { metric = \"p99\", relative_interval = 0.1, max_repetitions = 12 }",
    ))
    .unwrap();
    let told = [
        refused(&valid, shard(1, 4, ShardBy::Block)),
        refused(&valid, shard(1, 13, ShardBy::Cell)),
        refused(&rule, shard(1, 2, ShardBy::Block)),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

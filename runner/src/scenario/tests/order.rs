//! The order of trials, and how long they take.

use super::super::effects::Effects;
use super::super::model::Scenario;
use super::super::plan::{Estimate, Overheads, Plan};
use super::super::text::{check_text, plan_document, plan_text};
use super::{VALID, edited, parse, repeated};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// A scenario with so many levels of two factors and of load, and so many repetitions.
pub(super) fn scenario(sizes: usize, threads: usize, loads: usize, repetitions: usize) -> Scenario {
    let list = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let levels = repeated(loads, |n| format!("[load.level{n}]\ncpu = {}\n", n + 1));
    let text = edited("[\"4KiB\", \"64KiB\"]", &format!("[{}]", list(sizes)))
        .replace("[1, 2, 4]", &format!("[{}]", list(threads)))
        .replace("repetitions = 3", &format!("repetitions = {repetitions}"));
    let head = text.split("[load.baseline]").next().unwrap();
    parse(&format!("{head}{levels}")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_cell_once_in_each_block_with_load_in_one_piece(
        sizes in 1..6_usize, threads in 1..5_usize, loads in 1..5_usize, repetitions in 1..6_usize, seed: u64,
    ) {
        let scenario = scenario(sizes, threads, loads, repetitions);
        let plan = Plan::of(&scenario, seed);
        prop_assert_eq!(plan.trials.len(), scenario.trial_count());
        let per_block = sizes * threads * loads;
        for (number, trial) in plan.trials.iter().enumerate() {
            prop_assert_eq!(trial.trial as usize, number);
            prop_assert_eq!(trial.position as usize, number % per_block);
            prop_assert_eq!(trial.block as usize, number / per_block);
        }
        for block in plan.trials.chunks(per_block) {
            let cells: BTreeSet<_> = block.iter().map(|trial| (trial.load, trial.cell, trial.repetition)).collect();
            prop_assert_eq!(cells.len(), per_block);
            let changes = block.windows(2).filter(|pair| pair[0].load != pair[1].load).count();
            prop_assert_eq!(changes, loads - 1);
            prop_assert!(block.iter().all(|trial| trial.cell < sizes * threads && trial.load < loads));
        }
        let again = serde_json::to_vec(&plan_document(&scenario, &Plan::of(&scenario, seed), Effects::of(&scenario, None))).unwrap();
        prop_assert_eq!(serde_json::to_vec(&plan_document(&scenario, &plan, Effects::of(&scenario, None))).unwrap(), again);
    }

    #[test]
    fn a_block_keeps_its_order_when_blocks_are_added(seed: u64, repetitions in 1..5_usize) {
        let few = Plan::of(&scenario(3, 2, 3, repetitions), seed);
        let more = Plan::of(&scenario(3, 2, 3, repetitions + 3), seed);
        prop_assert_eq!(&more.trials[..few.trials.len()], few.trials.as_slice());
    }
}

/// Runs are repeated by seed alone: an order that changes here is a broken promise, not a snapshot to accept.
#[test]
fn the_order_of_a_seed_is_for_ever() {
    let scenario = parse(VALID).unwrap();
    insta::assert_snapshot!(plan_text(&scenario, &Plan::of(&scenario, 1), &Effects::of(&scenario, None)));
}

#[test]
fn in_sequence_the_order_is_that_of_the_file() {
    let scenario = parse(&edited("random_blocks", "sequential")).unwrap();
    let plan = Plan::of(&scenario, 7);
    let once: Vec<(usize, usize)> = (0..2).flat_map(|load| (0..6).map(move |cell| (load, cell))).collect();
    let order: Vec<(usize, usize)> = plan.trials.iter().map(|trial| (trial.load, trial.cell)).collect();
    assert_eq!(order, [once.clone(), once.clone(), once].concat());
    assert_eq!(plan.trials, Plan::of(&scenario, 1).trials);
    assert!(
        plan_text(&scenario, &plan, &Effects::of(&scenario, None))
            .contains("\nwarning: order is sequential: whatever drifts")
    );
    assert!(check_text(&scenario).contains("  warning     order is sequential"));
    let valid = parse(VALID).unwrap();
    assert!(!plan_text(&valid, &plan, &Effects::of(&valid, None)).contains("warning"));
}

#[test]
fn what_is_excluded_is_in_no_block() {
    let text = edited(
        "seed = 1",
        "exclude = [{ size = \"64KiB\", load = \"high\" }, { threads = 2, load = \"baseline\" }]",
    );
    let scenario = parse(&text).unwrap();
    let plan = Plan::of(&scenario, 1);
    assert_eq!((scenario.cells_with_load(), plan.trials.len(), scenario.trial_count()), (7, 21, 21));
    for trial in &plan.trials {
        assert!(scenario.cell(trial.cell).loads.contains(&trial.load));
    }
    for block in plan.trials.chunks(7) {
        let cells: BTreeSet<_> = block.iter().map(|trial| (trial.load, trial.cell)).collect();
        assert_eq!(cells.len(), 7);
        assert!(block.iter().enumerate().all(|(place, trial)| trial.position as usize == place));
    }
}

#[test]
fn a_rule_plans_as_many_blocks_as_there_may_be() {
    let rule =
        "until = { metric = \"p99\", relative_interval = 0.1, max_repetitions = 12, max_time = \"10m\" }";
    let scenario = parse(&edited("seed = 1", rule)).unwrap();
    let plan = Plan::of(&scenario, 1);
    assert_eq!(plan.trials.len(), 12 * 12);
    assert_eq!(plan.trials[..36], Plan::of(&parse(VALID).unwrap(), 1).trials);
    let text = plan_text(&scenario, &plan, &Effects::of(&scenario, None));
    assert!(text.starts_with("sweep: 96 to 144 = 12 cells × 8 to 12 repetitions\n"), "{text}");
    assert!(text.contains("time about 1m 06s to 1m 40s (") && text.lines().count() < 110, "{text}");
    assert!(text.ends_with(
        "and further blocks until every p99 is within ± 10 %, at most 12 repetitions or 10m 00s\n"
    ));
    assert!(check_text(&scenario).contains("  until       every p99 is within ± 10 %"));
}

/// The rule looks first after 8 repetitions, which take more than a minute.
#[test]
fn a_rule_whose_time_is_over_before_it_looks_is_warned_of() {
    let within = |time: &str| {
        let rule = format!("until = {{ max_repetitions = 12, max_time = \"{time}\" }}");
        parse(&edited("seed = 1", &rule)).unwrap()
    };
    let text = check_text(&within("30s"));
    let warning = "`plan.until` can hardly be met: it first looks after 8 repetitions, which take about 1m 06s, and \
                   its max_time is 30s";
    assert!(text.contains(warning), "{text}");
    assert!(text.contains("36 to 144 = 12 cells × 3 to 12 repetitions"), "{text}");
    assert!(text.contains("about 25.1s to 30s ("), "{text}");
    assert!(!check_text(&within("2m")).contains("warning"));
}

#[test]
fn a_counted_window_takes_at_least_what_its_operations_are_apart() {
    let window = |tables: &str| {
        let text = format!(
            "schema = 1\nname = \"counted\"\n[measure]\nsyscalls = [\"futex\", \"clock_nanosleep\"]\nwarmup = \"0\"\n\
             scope = \"system\"\n[plan]\nrepetitions = 1\n{tables}"
        );
        Estimate::of(&parse(&text).unwrap(), Overheads::TYPICAL).measuring
    };
    let futex = |rest: &str| format!("[generators.a]\nworkload = \"futex\"\n{rest}\n");
    let seconds = Duration::from_secs;
    assert_eq!(window(&futex("operations = 1000")), Duration::ZERO);
    assert_eq!(window(&futex("operations = 1001\nrate = 100")), seconds(10));
    assert_eq!(window(&futex("operations = 1001\nrate = 100\nbatch = 10\nthreads = 4")), seconds(10));
    assert_eq!(window(&futex("operations = 404\nthreads = 4\nthink = \"20ms\"")), seconds(2));
    assert_eq!(window(&futex("operations = 1000000000000\nrate = 1e-300")), Duration::from_hours(1 << 20));
    let sleeper = "[generators.b]\nworkload = \"nanosleep\"\nduration = \"10ms\"\noperations = 1200\n";
    assert_eq!(window(&format!("{}{sleeper}", futex("operations = 1001\nrate = 100"))), seconds(12));
}

#[test]
fn a_level_of_which_no_cell_is_left_is_not_listed_and_warned_of() {
    let exclude = "exclude = [{ size = \"64KiB\" }, { load = \"high\", threads = [1, 2] }, { load = \"high\", threads = 4 }]";
    let scenario = parse(&edited("seed = 1", exclude)).unwrap();
    let text = check_text(&scenario);
    for (level, factor) in [("64KiB", "size"), ("high", "load")] {
        let warning =
            format!("level `{level}` of `{factor}` is not measured: `plan.exclude` takes all of its cells");
        assert!(text.contains(&warning), "{text}");
    }
    assert!(text.contains("size: 4KiB\n") && text.contains("threads: 1, 2, 4\n"), "{text}");
    assert!(!text.contains("high: cpu"), "{text}");
    assert!(scenario.is_full(), "every level that is left is in every cell");
    let plan = Plan::of(&scenario, 1);
    let document = plan_document(&scenario, &plan, Effects::of(&scenario, None));
    let document = serde_json::to_value(document).unwrap();
    assert_eq!(document["loads"], serde_json::json!(["baseline"]));
    assert_eq!(document["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn another_seed_gives_another_order() {
    let scenario = scenario(5, 4, 3, 3);
    assert_ne!(Plan::of(&scenario, 1).trials, Plan::of(&scenario, 2).trials);
}

/// Each of the 24 orders of four cells about equally often: over 9,600 blocks within five standard deviations of 400.
#[test]
fn no_order_is_favoured() {
    let scenario = scenario(4, 1, 1, 9_600);
    let mut seen = std::collections::BTreeMap::new();
    for block in Plan::of(&scenario, 7).trials.chunks(4) {
        let order: Vec<usize> = block.iter().map(|trial| trial.cell).collect();
        *seen.entry(order).or_insert(0_i32) += 1;
    }
    assert_eq!(seen.len(), 24);
    assert!(seen.values().all(|count| (count - 400).abs() < 100), "{seen:?}");
}

#[test]
fn the_estimate_is_the_sum_of_its_parts() {
    let milliseconds = Duration::from_millis;
    let overheads =
        Overheads { trial: milliseconds(10), ramp: Duration::from_secs(3), probe: milliseconds(100) };
    let estimate = Estimate::of(&parse(VALID).unwrap(), overheads);
    assert_eq!(estimate.measuring, Duration::from_secs(18));
    // The ramp ends at the scenario's limit of a second.
    assert_eq!(estimate.ramps, Duration::from_secs(6));
    assert_eq!(estimate.overhead, Duration::from_millis(360));
    assert_eq!(estimate.total(), Duration::from_millis(24_360));
    assert!(!estimate.is_lower_bound);
    let quiet = VALID.split("[load.").next().unwrap();
    assert_eq!(Estimate::of(&parse(quiet).unwrap(), overheads).ramps, Duration::from_secs(1));
    let counted = parse(&edited("rate = 1000", "operations = 10")).unwrap();
    assert!(Estimate::of(&counted, overheads).is_lower_bound);
}

#[test]
fn the_document_names_every_level() {
    let scenario = parse(&edited("repetitions = 3", "repetitions = 1")).unwrap();
    let plan = Plan::of(&scenario, 1);
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&plan_document(&scenario, &plan, Effects::of(&scenario, None))).unwrap()
    );
}

/// What so many repetitions of 12 cells with two targets each can show.
#[test]
fn what_repetitions_can_show_is_said() {
    let said = |repetitions: u32, rest: &str| {
        let text =
            edited("repetitions = 3", &format!("repetitions = {repetitions}")).replace("seed = 1", rest);
        Effects::of(&parse(&text).unwrap(), None).text()
    };
    let mut all: Vec<String> = [1, 3, 4, 6, 7].map(|repetitions| said(repetitions, "seed = 1")).to_vec();
    let one = "exclude = [{ load = \"high\" }, { size = \"4KiB\" }, { threads = [1, 2] }]";
    all.push(said(3, one));
    all.push(said(4, one));
    // Pairs, whose signs are swapped, take more of them.
    let pairs = |repetitions: u32| {
        let text = edited("repetitions = 3", &format!("repetitions = {repetitions}"));
        Effects::of_pairs(&parse(&text).unwrap(), None).text()
    };
    all.extend([5, 6, 9, 10].map(pairs));
    insta::assert_snapshot!(all.join("\n"));
}

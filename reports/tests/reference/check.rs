//! The statistics beside other implementations of them: `figures.json`, which `make.py` made.

use probe_abi::{Histogram, SparseHistogram};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use reports::statistics::{
    Interval, benjamini_hochberg, clopper_pearson, detectable_ratio, difference, holm, mann_whitney,
    median_interval, order_interval, paired_difference, paired_ratio_bootstrap, ratio_bootstrap, sign_flip,
};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let figures: Value = serde_json::from_str(include_str!("figures.json")).unwrap();
    let cases = figures[name].as_array().unwrap().clone();
    assert!(cases.len() > 1, "{name}");
    cases
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn lists(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn assert_close(actual: f64, expected: f64, allowed: f64, case: &Value) {
    assert!((actual - expected).abs() <= allowed, "{actual} and not {expected} of {case}");
}

fn assert_interval(actual: Interval, case: &Value, allowed: f64) {
    assert_close(actual.low, number(&case["low"]), allowed, case);
    assert_close(actual.high, number(&case["high"]), allowed, case);
}

/// Where both have drawn: each end within what two fifths and 2.5 times the level make of it.
fn assert_bracketed(actual: Interval, case: &Value) {
    for (end, name) in [(actual.low, "low"), (actual.high, "high")] {
        let ends = numbers(&case[name]);
        let allowed = Interval { low: ends[0] * (1.0 - 1e-12), high: ends[1] * (1.0 + 1e-12) };
        assert!(allowed.contains(end), "{name} {end} outside of {allowed:?}");
    }
}

#[test]
fn quantiles_are_numpys_of_the_middles_of_slots() {
    for case in cases("quantiles") {
        let mut histogram = Box::new(Histogram::EMPTY);
        case["values"].as_array().unwrap().iter().for_each(|ns| histogram.record(ns.as_u64().unwrap()));
        let histogram = SparseHistogram::from(&*histogram);
        for (share, expected) in numbers(&case["shares"]).into_iter().zip(numbers(&case["quantiles"])) {
            assert_close(histogram.quantile_ns(share).unwrap(), expected, 1e-9, &case["shares"]);
        }
    }
}

#[test]
fn bootstrap_intervals_are_those_of_every_resample_or_of_many() {
    for case in cases("bootstrap_exact") {
        assert_interval(median_interval(&lists(&case["boots"])).unwrap(), &case, 1e-9);
    }
    for case in cases("bootstrap_hierarchical") {
        assert_bracketed(median_interval(&lists(&case["boots"])).unwrap(), &case);
    }
    for case in cases("bootstrap_ratios") {
        let interval = ratio_bootstrap(&lists(&case["base"]), &lists(&case["candidate"])).unwrap();
        assert_bracketed(interval, &case);
    }
    for case in cases("bootstrap_pairs") {
        let pairs: Vec<(f64, f64)> = lists(&case["pairs"]).iter().map(|pair| (pair[0], pair[1])).collect();
        assert_bracketed(paired_ratio_bootstrap(&pairs).unwrap(), &case);
    }
}

#[test]
fn mann_whitneys_p_is_scipys_with_and_without_ties() {
    for case in cases("mann_whitney") {
        let p = mann_whitney(&numbers(&case["a"]), &numbers(&case["b"]));
        let allowed = if case["ties"] == "approximated" { 3e-7 } else { 1e-9 };
        assert_close(p, number(&case["p"]), allowed, &case);
    }
}

#[test]
fn the_shifts_that_scipys_test_does_not_reject_are_the_interval() {
    for case in cases("shift_intervals") {
        let found = difference(&numbers(&case["a"]), &numbers(&case["b"])).unwrap();
        assert_close(found.difference, number(&case["difference"]), 1e-9, &case);
        assert_interval(found.interval.unwrap(), &case, 1e-9);
    }
}

#[test]
fn sign_flips_and_their_interval_are_scipys() {
    for case in cases("sign_flips") {
        assert_close(sign_flip(&numbers(&case["differences"])), number(&case["p"]), 1e-12, &case);
    }
    for case in cases("flip_intervals") {
        let found = paired_difference(&numbers(&case["differences"])).unwrap();
        assert_close(found.difference, number(&case["mean"]), 1e-12, &case);
        assert_interval(found.interval.unwrap(), &case, 1e-9);
    }
}

#[test]
fn families_are_adjusted_as_by_statsmodels() {
    for case in cases("families") {
        let p = numbers(&case["p"]);
        for (adjusted, name) in [(holm(&p), "holm"), (benjamini_hochberg(&p), "bh")] {
            for (actual, expected) in adjusted.into_iter().zip(numbers(&case[name])) {
                assert_close(actual, expected, 1e-12, &case);
            }
        }
    }
}

#[test]
fn shares_have_scipys_exact_interval() {
    let count = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    for case in cases("shares") {
        let interval = clopper_pearson(count(&case["successes"]), count(&case["trials"]));
        assert_interval(interval, &case, 1e-9);
    }
}

#[test]
fn order_statistics_have_scipys_ranks() {
    for case in cases("order_ranks") {
        let n = u32::try_from(case["n"].as_u64().unwrap()).unwrap();
        let values: Vec<f64> = (1..=n).map(f64::from).collect();
        let low = order_interval(&values, number(&case["confidence"])).map_or(0.0, |it| it.low);
        assert_close(low, number(&case["rank"]), 0.0, &case);
    }
}

/// Of kept values of real repetitions: two samples drawn from them, of which one is changed by the least ratio that is
/// said to be found, and how often the test does find it.
#[test]
fn the_least_change_that_is_promised_is_found_among_kept_repetitions() {
    const PAIRS: usize = 500;
    let kept: Value = serde_json::from_str(include_str!("kept.json")).unwrap();
    for (name, values) in kept.as_object().unwrap() {
        let values = numbers(values);
        for (n, family) in [(7_usize, 4_u8), (10, 4), (20, 10)] {
            let ratio = detectable_ratio(&values, n, family.into()).unwrap();
            let mut random = ChaCha12Rng::seed_from_u64(7);
            let mut sample = |ratio: f64| -> Vec<f64> {
                (0..n).map(|_| values[random.random_range(0..values.len())] * ratio).collect()
            };
            let mut share_found = |ratio: f64| {
                let is_found =
                    |_: &usize| mann_whitney(&sample(1.0), &sample(ratio)) <= 0.05 / f64::from(family);
                (0..PAIRS).filter(is_found).count() as f64 / PAIRS as f64
            };
            // Four in five, but these have two modes and far outliers, which so few values tell of by chance.
            let (found, by_chance) = (share_found(ratio), share_found(1.0));
            assert!(
                found > 0.65 && by_chance < 0.04,
                "{name}, {n}, {family}: {ratio} in {found}, {by_chance}"
            );
        }
    }
}

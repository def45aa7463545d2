//! What a gate makes of calls that fail and of figures that are gone.

use super::comparisons::{formats, insisting, slower};
use super::schema::assert_valid;
use super::{compare, small, small_run};
use crate::synthetic::{self, Recipe, SyntheticRun};
use probe_abi::{Histogram, SparseHistogram};
use reports::{Comparison, Gate, Insist, Metric, Verdict, json};
use store::{Measure, Status, TrialRecord};

fn is_of_last_cell(trial: &TrialRecord) -> bool {
    trial.factors["size"] == "1MiB" && trial.factors["load"] == "high"
}

/// The small run with this done to what mmap did at 1MiB under high load.
fn with(done: impl Fn(&mut Measure)) -> SyntheticRun {
    changed(small_run(), done)
}

fn changed(mut run: SyntheticRun, done: impl Fn(&mut Measure)) -> SyntheticRun {
    let trials = run.trials.iter_mut().filter(|trial| is_of_last_cell(trial));
    trials.flat_map(|trial| &mut trial.measures).filter(|it| it.syscall == "mmap").for_each(done);
    run
}

/// Every call fails, and in no time.
fn only_fail(measure: &mut Measure) {
    measure.error = some_calls(measure.ok.count, 40);
    measure.ok = SparseHistogram::default();
}

fn some_calls(count: u64, ns: u64) -> SparseHistogram {
    let mut histogram = Box::new(Histogram::EMPTY);
    (0..count).for_each(|_| histogram.record(ns));
    SparseHistogram::from(&*histogram)
}

/// As two runs, whatever they have in common.
fn of(base: &SyntheticRun, candidate: &SyntheticRun) -> Comparison {
    let mut candidate = candidate.clone();
    candidate.manifest.id.push('2');
    compare(&base.view(), &candidate.view(), Metric::P50, 0.10).unwrap()
}

#[test]
fn calls_that_only_fail_are_not_faster_calls() {
    let (run, broken) = (small_run(), with(only_fail));
    let comparison = of(&run, &broken);
    assert_eq!((comparison.count(Verdict::Same), comparison.gated().count()), (7, 7));
    assert_eq!(comparison.gate(), Gate::Unjudged);
    let failing = comparison.failing.iter().find(|it| it.gated).unwrap();
    assert!(failing.is_left_out && failing.base < 1e-9 && failing.candidate > 1.0 - 1e-9, "{failing:?}");
    let told = "Every call fails in the candidate, and not in the baseline: mmap size 1MiB under high load.";
    assert!(comparison.remarks[0].starts_with(told), "{:?}", comparison.remarks);
    assert!(comparison.headline().ends_with(" In 1 cell every call fails in the candidate."));
    let unjudged = comparison.unjudged_sentence().unwrap();
    assert_eq!(unjudged, "every call fails in the candidate, of mmap size 1MiB under high load");
    for shown in formats(&comparison) {
        assert!(shown.contains(told), "{shown:.400}");
    }
    assert_valid(&json::render_comparison(&comparison).unwrap());
    // What was broken in the baseline is no reason to stop, and what is in both is compared.
    let mended = of(&broken, &run);
    assert_eq!((mended.gate(), mended.gated().count()), (Gate::Passed, 7));
    assert!(mended.remarks[0].starts_with("Every call fails in the baseline"), "{:?}", mended.remarks);
    let both = of(&broken, &broken);
    assert_eq!((both.gate(), both.gated().count(), both.failing.len()), (Gate::Passed, 8, 0));
}

#[test]
fn a_share_of_errors_that_differs_is_named() {
    let half = with(|measure| measure.error = some_calls(measure.ok.count, 40));
    let comparison = of(&small_run(), &half);
    assert_eq!((comparison.gate(), comparison.gated().count()), (Gate::Passed, 8));
    let told = "Calls do not fail alike: mmap size 1MiB under high load 0 % → 50.0 %. Only those";
    assert!(comparison.remarks[0].starts_with(told), "{:?}", comparison.remarks);
    assert_valid(&json::render_comparison(&comparison).unwrap());
    // A call in two hundred is not worth a word.
    let few = with(|measure| measure.error = some_calls(measure.ok.count / 200, 40));
    assert!(of(&small_run(), &few).failing.is_empty());
}

#[test]
fn a_gate_that_could_not_look_has_not_passed() {
    let run = small_run();
    let mut gone = small_run();
    for trial in gone.trials.iter_mut().filter(|trial| is_of_last_cell(trial)) {
        trial.status = Status::Failed;
        trial.measures.clear();
    }
    let comparison = of(&run, &gone);
    assert_eq!((comparison.gate(), comparison.missing.len()), (Gate::Unjudged, 2));
    let told = "the candidate has no figures of mmap size 1MiB under high load, p50; munmap";
    let unjudged = comparison.unjudged_sentence().unwrap();
    assert!(unjudged.starts_with(told), "{unjudged}");
    assert!(comparison.remarks[0].contains("and the candidate has none, of: mmap size 1MiB"));
    assert_valid(&json::render_comparison(&comparison).unwrap());
    // What only the candidate has is new, and nothing that could have become worse; but it is told.
    let new = of(&gone, &run);
    let told = "The baseline has no trial that is ok, and the candidate has figures, of: mmap size 1MiB under high load, p50; ";
    assert_eq!((new.gate(), new.passed_over().len()), (Gate::Passed, 1));
    assert!(new.passed_over()[0].starts_with(told) && new.remarks[0].starts_with(told), "{:?}", new.remarks);
    // So few calls have no p99.9 at all.
    let none = compare(&run.view(), &run.view(), Metric::P999, 0.10).unwrap();
    assert_eq!((none.gated().count(), none.gate()), (0, Gate::Unjudged));
    assert_eq!(none.unjudged_sentence().unwrap(), "no cell has figures in both runs");
    // A candidate of which nothing is left was not looked at otherwise, and insisting does not help it.
    gone.trials.iter_mut().for_each(|trial| trial.measures.clear());
    let nothing = of(&run, &gone);
    assert_eq!((nothing.gate(), nothing.missing.len(), nothing.insisted.len()), (Gate::Unjudged, 8, 0));
    assert_eq!(of(&gone, &run).gate(), Gate::Unjudged);
    let insist = Insist { vantages: true, ..Insist::default() };
    let nothing = reports::compare(&run.view(), &gone.view(), &insisting(insist)).unwrap();
    assert_eq!((nothing.gate(), nothing.missing.len()), (Gate::Unjudged, 8));
}

/// A target of which no trial of the baseline is ok is told of as well, whatever becomes of the others.
#[test]
fn a_target_that_the_baseline_never_saw_is_told_of() {
    let mut gone = small_run();
    gone.trials.iter_mut().for_each(|trial| trial.measures.retain(|it| it.syscall == "munmap"));
    let comparison = of(&gone, &small_run());
    assert_eq!((comparison.gate(), comparison.gated().count()), (Gate::Passed, 4));
    assert!(comparison.passed_over()[0].contains("of: mmap size 4KiB under baseline load, p50"));
}

#[test]
fn a_cell_of_which_hardly_a_trial_is_left_has_not_been_judged() {
    let mut crashing = small_run();
    for trial in crashing.trials.iter_mut().filter(|trial| is_of_last_cell(trial)).skip(1) {
        trial.status = Status::Failed;
        trial.measures.clear();
    }
    let comparison = of(&small_run(), &crashing);
    assert_eq!((comparison.gated().count(), comparison.too_few), (8, None));
    assert_eq!(comparison.gate(), Gate::Unjudged);
    let unjudged = comparison.unjudged_sentence().unwrap();
    let told = "no change could be found, however large, of m";
    let of_mmap = "mmap size 1MiB under high load, p50 (7 repetitions against 1)";
    assert!(unjudged.starts_with(told) && unjudged.contains(of_mmap), "{unjudged}");
    assert!(
        comparison.remarks[0].starts_with("So few trials are ok that no change"),
        "{:?}",
        comparison.remarks
    );
    assert_valid(&json::render_comparison(&comparison).unwrap());
    assert_eq!(of(&crashing, &small_run()).gate(), Gate::Unjudged);
    // Where it is so of every cell there are too few repetitions, which is told otherwise.
    let few = synthetic::run(&Recipe { repetitions: 3, ..small() });
    let comparison = of(&few, &few);
    assert!(comparison.too_few.is_some());
    assert_eq!((comparison.gate(), comparison.unjudged_sentence()), (Gate::Passed, None));
}

/// The baseline was measured, and one of its repetitions has too few calls for the figure.
#[test]
fn a_figure_that_the_baseline_lacks_has_not_been_judged() {
    let mut short = small_run();
    let trial = short.trials.iter_mut().find(|trial| is_of_last_cell(trial)).unwrap();
    trial.measures.iter_mut().for_each(|measure| measure.ok = some_calls(500, 900));
    let comparison = compare(&short.view(), &small_run().view(), Metric::P90, 0.10).unwrap();
    assert_eq!((comparison.gate(), comparison.gated().count()), (Gate::Unjudged, 6));
    let unjudged = comparison.unjudged_sentence().unwrap();
    assert!(
        unjudged.starts_with("the baseline has no figures of mmap size 1MiB under high load, p90; "),
        "{unjudged}"
    );
    assert_valid(&json::render_comparison(&comparison).unwrap());
}

/// A maximum grows with the number of calls.
#[test]
fn maxima_of_unlike_numbers_of_calls_are_left_out() {
    let run = small_run();
    let fewer = |share: u64| with(|measure| measure.ok.count /= share);
    let compared = |other: &SyntheticRun| compare(&run.view(), &other.view(), Metric::Max, 0.10).unwrap();
    let comparison = compared(&fewer(3));
    assert_eq!((comparison.gated().count(), comparison.gate()), (7, Gate::Passed));
    let told = "of the other's, for they grow with their number: mmap size 1MiB under high load.";
    assert!(comparison.passed_over()[0].ends_with(told), "{:?}", comparison.passed_over());
    assert!(comparison.remarks.iter().any(|it| it.ends_with(told)), "{:?}", comparison.remarks);
    assert_valid(&json::render_comparison(&comparison).unwrap());
    assert_eq!((compared(&run).gated().count(), compared(&run).passed_over().len()), (8, 0));
    // Any other figure is of however many calls there are.
    let medians = of(&run, &fewer(3));
    assert_eq!((medians.gated().count(), medians.passed_over().len()), (8, 0));
}

#[test]
fn what_is_worse_crosses_a_gate_whatever_else_there_is() {
    let comparison = of(&small_run(), &changed(slower(1.3), only_fail));
    assert_eq!((comparison.gate(), comparison.count(Verdict::Worse)), (Gate::Crossed, 7));
    assert!(comparison.unjudged_sentence().is_some());
    let sentence = comparison.gate_sentence().unwrap();
    assert!(
        sentence.starts_with("a change that is not by chance, and estimated beyond + 10 %: m"),
        "{sentence}"
    );
}

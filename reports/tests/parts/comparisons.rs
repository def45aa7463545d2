//! Comparisons, from two runs to what is shown of them.

use super::schema::{assert_valid, violation_of};
use super::{compare, in_one_line, small, small_run};
use crate::synthetic::{self, Recipe, SyntheticRun};
use reports::{
    CompareError, Comparison, Insist, Metric, Question, TextOptions, Trend, Unit, Verdict, html, json,
    markdown, text,
};
use std::collections::BTreeSet;
use store::{Against, Role, Status, Vantage};

pub(crate) fn slower(slowdown: f64) -> SyntheticRun {
    let mut run = synthetic::run(&Recipe { slowdown, seed: 2, ..small() });
    run.manifest.id = run.manifest.id.replace("k3f9", "p2xw");
    run
}

pub(crate) fn insisting(insist: Insist) -> Question {
    Question { insist, ..Question::of(Metric::P50, 0.10) }
}

/// A comparison in each of its formats, markup and all.
pub(crate) fn formats(comparison: &Comparison) -> [String; 4] {
    [
        in_one_line(&text::render_comparison(comparison, &TextOptions::default())),
        markdown::render_comparison(comparison),
        json::render_comparison(comparison).unwrap(),
        html::render_comparison(comparison).unwrap(),
    ]
}

#[test]
fn what_matters_comes_first_and_in_one_sentence() {
    let (run, other) = (small_run(), slower(1.3));
    let comparison = compare(&run.view(), &other.view(), Metric::P50, 0.10).unwrap();
    let headline = comparison.headline();
    assert!(headline.starts_with("8 of 8 comparisons worse; largest: m"), "{headline}");
    assert!(headline.contains(" load, p50 × 1.3"), "{headline}");
    let gated: Vec<_> = comparison.gated().collect();
    assert!(gated.windows(2).all(|pair| {
        let size = |at: usize| pair[at].ratio.ratio.ln().abs();
        pair[0].verdict < pair[1].verdict || pair[0].verdict == pair[1].verdict && size(0) >= size(1)
    }));
    let better = compare(&other.view(), &run.view(), Metric::P50, 0.10).unwrap().headline();
    assert!(better.starts_with("8 of 8 comparisons better, none worse; largest: "), "{better}");
    let same = compare(&run.view(), &run.view(), Metric::P50, 0.10).unwrap().headline();
    assert_eq!(same, "None of 8 comparisons worse or better: 8 same.");
}

#[test]
fn a_run_set_against_itself_is_remarked_on_in_every_format() {
    let (run, other) = (small_run(), slower(1.3));
    let told = "Both are the same run";
    for shown in formats(&compare(&run.view(), &run.view(), Metric::P50, 0.10).unwrap()) {
        assert!(shown.contains(told), "{shown}");
    }
    for shown in formats(&compare(&run.view(), &other.view(), Metric::P50, 0.10).unwrap()) {
        assert!(!shown.contains(told), "{shown}");
    }
}

#[test]
fn the_text_of_a_comparison() {
    let comparison = compare(&small_run().view(), &slower(1.15).view(), Metric::P50, 0.05).unwrap();
    insta::assert_snapshot!(text::render_comparison(&comparison, &TextOptions::default()));
}

#[test]
fn the_markdown_of_a_comparison() {
    let comparison = compare(&small_run().view(), &slower(1.15).view(), Metric::P50, 0.05).unwrap();
    insta::assert_snapshot!(markdown::render_comparison(&comparison));
}

/// A run whose levels have names as long as they may be.
fn long_named() -> SyntheticRun {
    let mut run = small_run();
    let long = "a_level_whose_name_is_as_long_as_the_name_of_a_level_may_be_here";
    for factor in &mut run.manifest.scenario.factors {
        for level in &mut factor.levels {
            level.label = format!("{}{long}", level.label).chars().take(64).collect();
        }
    }
    for trial in &mut run.trials {
        for level in trial.factors.values_mut() {
            *level = format!("{level}{long}").chars().take(64).collect();
        }
    }
    run
}

#[test]
fn the_terminal_has_a_line_for_each_effect_however_long_its_words_are() {
    let run = long_named();
    let question = Question { metrics: Metric::ALL.to_vec(), ..Question::of(Metric::P50, 0.10) };
    let comparison = reports::compare(&run.view(), &run.view(), &question).unwrap();
    for width in [60, 80, 140] {
        let shown = text::render_comparison(&comparison, &TextOptions { width, colour: false });
        let rows = shown.lines().filter(|line| line.ends_with("  same") || line.ends_with("  inconclusive"));
        assert_eq!(rows.count(), comparison.gated().count(), "{shown}");
        let longest = shown.lines().filter(|line| line.contains("  ")).map(|line| line.chars().count()).max();
        assert!(longest.unwrap() <= width, "{width}: {shown}");
    }
    let coloured = text::render_comparison(&comparison, &TextOptions { width: 80, colour: true });
    assert!(coloured.contains("\u{1b}[2msame\u{1b}[0m"), "{coloured}");
}

#[test]
fn each_metric_is_a_family_of_its_own() {
    let (run, other) = (small_run(), slower(1.3));
    let alone = compare(&run.view(), &other.view(), Metric::P50, 0.10).unwrap();
    let question = Question { metrics: Metric::ALL.to_vec(), ..Question::of(Metric::P50, 0.10) };
    let all = reports::compare(&run.view(), &other.view(), &question).unwrap();
    let p = |comparison: &Comparison| -> Vec<(String, String)> {
        let median = comparison.gated().filter(|effect| effect.metric == Metric::P50);
        median.map(|it| (format!("{}{:?}", it.syscall, it.levels), format!("{:e}", it.p_holm))).collect()
    };
    assert_eq!(p(&alone), p(&all));
    assert!(all.gated().count() > 3 * alone.gated().count());
}

/// Both runs drift by far more than they differ, block by block.
fn drifting(ratio: f64, role: Role) -> SyntheticRun {
    let mut run = synthetic::run(&Recipe { repetitions: 12, calls: 3_000, ..small() });
    for trial in &mut run.trials {
        let drift = 1.0 + f64::from(trial.block * 7 % 12) / 20.0;
        for measure in &mut trial.measures {
            let factor = drift * if role == Role::Candidate { ratio } else { 1.0 };
            measure.ok.sum_ns = (measure.ok.sum_ns as f64 * factor) as u64;
        }
    }
    let (id, other) = match role {
        Role::Baseline => ("a", "b"),
        Role::Candidate => ("b", "a"),
    };
    id.clone_into(&mut run.manifest.id);
    run.manifest.against = Some(Against { run: other.to_owned(), role });
    run
}

#[test]
fn runs_that_were_taken_in_alternation_are_compared_pair_by_pair() {
    let (base, mut candidate) = (drifting(1.0, Role::Baseline), drifting(1.1, Role::Candidate));
    let paired = compare(&base.view(), &candidate.view(), Metric::Mean, 0.05).unwrap();
    assert_eq!((paired.unit, paired.count(Verdict::Worse)), (Unit::Pair, 8), "{}", paired.headline());
    let effect = paired.gated().next().unwrap();
    assert!((effect.ratio.ratio - 1.1).abs() < 1e-3 && effect.units == (12, 12), "{effect:?}");
    assert!((effect.p - 2.0 / 4096.0).abs() < 1e-12);
    assert!(paired.unit_sentence().contains("12 pairs; exact sign-flip"), "{}", paired.unit_sentence());
    let mut many = paired.clone();
    many.effects.iter_mut().for_each(|effect| effect.units = (17, 17));
    let told = "17 pairs; sign-flip test, by the normal distribution";
    assert!(many.unit_sentence().contains(told), "{}", many.unit_sentence());
    // A block that one of them lacks has no partner.
    candidate.trials.retain(|trial| trial.block != 3);
    let fewer = compare(&base.view(), &candidate.view(), Metric::Mean, 0.05).unwrap();
    assert_eq!(fewer.gated().next().unwrap().units, (11, 11));
    assert!(fewer.remarks.iter().any(|it| it.contains("left out: 1")), "{:?}", fewer.remarks);
    // Who is not named in return is compared as any other, and drifts too much for anything to be found.
    candidate.manifest.against = None;
    let apart = compare(&base.view(), &candidate.view(), Metric::Mean, 0.05).unwrap();
    assert_eq!((apart.unit, apart.count(Verdict::Worse)), (Unit::Repetition, 0), "{}", apart.headline());
}

/// Runs that were gone on with after a restart: only the block under way is in boots that its partner is not in.
#[test]
fn a_restart_between_the_blocks_of_pairs_costs_the_one_that_it_tore() {
    let (mut base, mut candidate) = (drifting(1.0, Role::Baseline), drifting(1.1, Role::Candidate));
    for (run, first) in [(&mut base, 2), (&mut candidate, 0)] {
        for trial in &mut run.trials {
            let is_after = trial.block > 5 || trial.block == 5 && trial.position >= first;
            trial.boot = if is_after { "second" } else { "first" }.to_owned();
        }
    }
    let paired = compare(&base.view(), &candidate.view(), Metric::Mean, 0.05).unwrap();
    assert_eq!((paired.unit, paired.count(Verdict::Worse)), (Unit::Pair, 8), "{}", paired.headline());
    assert!(paired.effects.iter().all(|effect| effect.units == (11, 11)));
    let told = "Blocks during which the machine was started anew have no partner of the same boot and are left out: 1.";
    assert!(paired.remarks.iter().any(|it| it == told), "{:?}", paired.remarks);
    // Where no block of one is in a boot of the other's, boots are all that there is.
    candidate.trials.iter_mut().for_each(|trial| trial.boot = "third".to_owned());
    let apart = compare(&base.view(), &candidate.view(), Metric::Mean, 0.05).unwrap();
    assert_eq!(apart.unit, Unit::Boot);
}

/// The same latencies everywhere: two, of one slot.
fn within_a_slot(ns: [u64; 2]) -> SyntheticRun {
    let mut histogram = Box::new(probe_abi::Histogram::EMPTY);
    (0..3_000).for_each(|call| histogram.record(ns[call % 2]));
    let mut run = small_run();
    let measures = run.trials.iter_mut().flat_map(|trial| &mut trial.measures);
    measures.for_each(|measure| measure.ok = probe_abi::SparseHistogram::from(&*histogram));
    run
}

/// The middles of their slots are × 1.047 apart, but the calls may be × 1.061 apart as well.
#[test]
fn an_interval_of_quantiles_is_as_wide_as_their_slots_at_least() {
    let (base, candidate) = (within_a_slot([1_025, 1_039]), within_a_slot([1_073, 1_087]));
    let compared = |metric, threshold| {
        let comparison = compare(&base.view(), &candidate.view(), metric, threshold).unwrap();
        let effect = comparison.gated().next().unwrap().clone();
        let interval = effect.ratio.interval.unwrap();
        (comparison.count(Verdict::Same), effect, interval)
    };
    let (same, effect, interval) = compared(Metric::P50, 0.05);
    assert_eq!((same, effect.verdict), (0, Verdict::Inconclusive), "{effect:?}");
    assert!((interval.low - 1_072.0 / 1_039.0).abs() < 1e-9, "{interval:?}");
    assert!((interval.high - 1_087.0 / 1_024.0).abs() < 1e-9, "{interval:?}");
    // Whether there is a change at all is another question, and so is p.
    assert!((effect.p - 2.0 / 3432.0).abs() < 1e-12, "{effect:?}");
    assert_eq!(compared(Metric::P50, 0.07).0, 8);
    assert_eq!(compared(Metric::P50, 0.03).1.verdict, Verdict::Worse);
    // The mean is exact.
    let (same, effect, interval) = compared(Metric::Mean, 0.05);
    assert_eq!((same, effect.verdict), (8, Verdict::Same));
    assert!((interval.high - 1_080.0 / 1_032.0).abs() < 1e-9, "{interval:?}");
}

/// The same run on a kernel, its blocks spread over so many boots.
fn booted(kernel: &str, boots: u32, slowdown: f64) -> SyntheticRun {
    let mut run = synthetic::run(&Recipe {
        repetitions: 12,
        calls: 3_000,
        slowdown,
        seed: u64::from(boots),
        ..small()
    });
    kernel.clone_into(&mut run.manifest.id);
    kernel.clone_into(&mut run.manifest.environment.kernel_release);
    for trial in &mut run.trials {
        trial.boot = format!("{kernel} {}", trial.block % boots);
    }
    run
}

#[test]
fn between_kernels_the_unit_is_the_boot() {
    let compared = |base: u32, candidate: u32| {
        let (base, candidate) = (booted("6.18", base, 1.0), booted("7.2", candidate, 1.3));
        compare(&base.view(), &candidate.view(), Metric::P50, 0.10).unwrap()
    };
    let one = compared(1, 1);
    assert_eq!((one.unit, one.count(Verdict::Worse)), (Unit::Repetition, 8));
    assert!(
        one.remarks[0].contains("cannot be told from what differs from boot to boot"),
        "{:?}",
        one.remarks
    );
    let six = compared(6, 6);
    assert_eq!((six.unit, six.count(Verdict::Worse)), (Unit::Boot, 8), "{}", six.headline());
    let effect = six.gated().next().unwrap();
    assert_eq!((effect.units, effect.repetitions), ((6, 6), (12, 12)));
    assert!(effect.bootstrap.unwrap().contains(effect.ratio.ratio));
    assert!(!six.remarks.iter().any(|it| it.contains("boot to boot")), "{:?}", six.remarks);
    // However many repetitions there are, two boots find nothing.
    let two = compared(2, 2);
    assert_eq!((two.unit, two.count(Verdict::Inconclusive)), (Unit::Boot, 8));
    assert!(two.remarks[0].contains("with 2 boots a side, however large; it needs 6."), "{:?}", two.remarks);
    let uneven = compared(1, 5);
    let told = "with 1 boot against 5, however large; it needs 6 a side.";
    assert!(uneven.remarks[0].contains(told), "{:?}", uneven.remarks);
}

/// Last week's baseline and today's candidate: the machine has been started anew in between.
#[test]
fn two_boots_of_one_kernel_are_told_of() {
    let (base, mut candidate) = (booted("6.18", 1, 1.0), booted("6.18", 1, 1.3));
    let told = |candidate: &SyntheticRun| {
        let comparison = compare(&base.view(), &candidate.view(), Metric::P50, 0.10).unwrap();
        assert_eq!(comparison.unit, Unit::Repetition);
        let boots = comparison.differences.into_iter().find(|it| it.what == "boots");
        (comparison.remarks.iter().any(|it| it.contains("two boots, one each")), boots)
    };
    assert_eq!(told(&candidate), (false, None));
    candidate.trials.iter_mut().for_each(|trial| trial.boot = "another".to_owned());
    let (is_told, boots) = told(&candidate);
    let boots = boots.unwrap();
    assert_eq!((is_told, boots.base.as_str(), boots.candidate.as_str()), (true, "1, 6.18 0", "1, another"));
}

#[test]
fn a_threshold_below_a_slot_is_told_of_where_quantiles_are_compared() {
    let run = small_run();
    let is_told = |metric, threshold| {
        let comparison = compare(&run.view(), &run.view(), metric, threshold).unwrap();
        comparison.remarks.iter().any(|it| it.contains("less than a slot is wide"))
    };
    assert!(is_told(Metric::P50, 0.01));
    assert!(!is_told(Metric::P50, 0.02) && !is_told(Metric::Mean, 0.01));
}

#[test]
fn across_backends_is_marked_in_every_format() {
    let (run, mut other) = (small_run(), small_run());
    other.manifest.probe.backend = "kretprobe".to_owned();
    let refusal = reports::compare(&run.view(), &other.view(), &insisting(Insist::default())).unwrap_err();
    assert!(refusal.to_string().contains("--across-backends"), "{refusal}");
    let insist = Insist { backends: true, ..Insist::default() };
    let comparison = reports::compare(&run.view(), &other.view(), &insisting(insist)).unwrap();
    for shown in formats(&comparison) {
        assert!(shown.contains("kretprobe") && shown.contains("nsisted"), "{shown:.400}");
    }
    // Insisting on what does not differ marks nothing.
    let comparison = reports::compare(&run.view(), &run.view(), &insisting(insist)).unwrap();
    assert!(comparison.insisted.is_empty());
}

#[test]
fn across_vantages_what_both_have_is_preferred() {
    let insist = Insist { vantages: true, ..Insist::default() };
    let only = |vantage: Vantage| {
        let mut run = small_run();
        run.trials.iter_mut().for_each(|trial| trial.measures.retain(|it| it.vantage == vantage));
        run
    };
    let question = insisting(insist);
    let (both, user, kernel) = (small_run(), only(Vantage::User), only(Vantage::Kernel));
    let refusal = reports::compare(&both.view(), &user.view(), &insisting(Insist::default())).unwrap_err();
    assert!(refusal.to_string().contains("--across-vantages"), "{refusal}");
    let shared = reports::compare(&both.view(), &user.view(), &question).unwrap();
    assert!(shared.effects.iter().all(|it| it.gated && it.vantage == Vantage::User));
    assert_eq!((shared.count(Verdict::Same), shared.insisted.len()), (8, 2));
    let crossed = reports::compare(&kernel.view(), &user.view(), &question).unwrap();
    assert!(
        crossed.effects.iter().all(|it| it.base_vantage == Vantage::Kernel && it.vantage == Vantage::User)
    );
    assert!(crossed.count(Verdict::Worse) > 0, "{}", crossed.headline());
    for shown in formats(&crossed) {
        assert!(shown.contains("vantages") && shown.contains("nsisted"), "{shown:.400}");
    }
}

#[test]
fn across_cells_only_what_both_have_is_compared() {
    let run = small_run();
    let other = synthetic::run(&Recipe { sizes: vec!["1MiB", "4MiB"], ..small() });
    let refusal = reports::compare(&run.view(), &other.view(), &insisting(Insist::default())).unwrap_err();
    assert!(refusal.to_string().contains("--across-cells"), "{refusal}");
    let question = insisting(Insist { cells: true, ..Insist::default() });
    let comparison = reports::compare(&run.view(), &other.view(), &question).unwrap();
    let sizes: BTreeSet<&str> = comparison.effects.iter().map(|it| it.levels[0].as_str()).collect();
    assert_eq!((sizes, comparison.gated().count()), (BTreeSet::from(["1MiB"]), 4));
    for shown in formats(&comparison) {
        assert!(shown.contains("only what both have is compared") || shown.contains("\"across\": \"cells\""));
    }
    // A factor of one level is no obstacle, one of several would give a cell several partners.
    let mut lone = small_run();
    lone.manifest.scenario.factors.remove(0);
    lone.trials.iter_mut().for_each(|trial| drop(trial.factors.remove("size")));
    let refusal = reports::compare(&lone.view(), &run.view(), &question).unwrap_err();
    assert!(matches!(refusal, CompareError::LoneFactor(_)), "{refusal}");
    let single = synthetic::run(&Recipe { sizes: vec!["4KiB"], ..small() });
    assert_eq!(reports::compare(&lone.view(), &single.view(), &question).unwrap().gated().count(), 4);
    // Targets that only one has are left out.
    let mut fewer = small_run();
    fewer.manifest.scenario.syscalls.retain(|name| name == "mmap");
    fewer.trials.iter_mut().for_each(|trial| trial.measures.retain(|it| it.syscall == "mmap"));
    for (one, other) in [(&run, &fewer), (&fewer, &run)] {
        let comparison = reports::compare(&one.view(), &other.view(), &question).unwrap();
        assert!(comparison.effects.iter().all(|it| it.syscall == "mmap") && comparison.gated().count() == 4);
    }
}

#[test]
fn what_differs_is_named_machine_first() {
    let (run, mut other) = (small_run(), small_run());
    other.manifest.environment.host = "elsewhere".to_owned();
    other.manifest.plan.seed = 99;
    other.manifest.environment.smt = Some("notsupported".to_owned());
    other.manifest.scenario.window_ns = Some(1_000_000_000);
    other.manifest.scenario.generators = vec!["mapper: mmap, 1 thread, size 8KiB".to_owned()];
    other.manifest.warnings.push("The machine was not at rest.".to_owned());
    let noise = store::Noise { disturbed: Some("others took 12 %".to_owned()), ..store::Noise::default() };
    other.trials[0].noise = Some(noise);
    other.trials[1].status = Status::Invalid;
    let comparison = compare(&run.view(), &other.view(), Metric::P50, 0.05).unwrap();
    let what: Vec<&str> = comparison.differences.iter().map(|it| it.what.as_str()).collect();
    let expected =
        ["host", "SMT", "generators", "window", "seed", "disturbed trials", "trials without figures"];
    assert_eq!(what, expected);
    assert_eq!(comparison.differences[1].candidate, "none");
    let remarks = comparison.remarks.join("\n");
    assert!(remarks.contains("candidate: The machine was not at rest."), "{remarks}");
    assert!(remarks.contains("both runs: The frequency governor is unknown"), "{remarks}");
    assert!(remarks.contains("candidate: 1 of 28 trials was disturbed"), "{remarks}");
}

#[test]
fn several_runs_are_each_set_against_the_first() {
    let runs = [slower(1.0), slower(1.3)];
    let views: Vec<_> = runs.iter().map(SyntheticRun::view).collect();
    let question = Question::of(Metric::P50, 0.10);
    let trend: Trend = reports::compare_all(&small_run().view(), &views, &question).unwrap();
    assert_eq!((trend.runs().len(), trend.series.len()), (3, 8));
    let first = &trend.series[0];
    assert_eq!(first.last().unwrap().verdict, Verdict::Worse);
    let ratios = first.ratios();
    assert!(ratios[1].unwrap() < 1.1 && ratios[2].unwrap() > 1.2, "{ratios:?}");
    assert!(trend.headline().contains("last of 3 runs against the first: 8 of 8 comparisons worse"));
    let shown = text::render_trend(&trend, &TextOptions::default());
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains('█') && markdown::render_trend(&trend).contains("| run 3 |"));
    let page = html::render_trend(&trend).unwrap();
    assert_eq!(page.matches(r#"<path class="line""#).count(), 8);
    assert!(page.contains(">runs 1 to 3</th>") && !page.contains(r#"scope="col"></th>"#));
    assert_valid(&json::render_trend(&trend).unwrap());
}

/// What holds for a run in the middle holds in every format, not only what holds for the last.
#[test]
fn of_several_runs_each_has_what_is_to_be_minded_of_it() {
    let (mut middle, last) = (slower(1.0), slower(1.3));
    middle.manifest.probe.backend = "kretprobe".to_owned();
    middle.manifest.environment.host = "elsewhere".to_owned();
    middle.trials.iter_mut().for_each(|trial| trial.boot = "another".to_owned());
    let question = insisting(Insist { backends: true, ..Insist::default() });
    let views = [middle.view(), last.view()];
    let trend = reports::compare_all(&small_run().view(), &views, &question).unwrap();
    let shown = in_one_line(&text::render_trend(&trend, &TextOptions::default()));
    let page = html::render_trend(&trend).unwrap();
    for words in [
        "run 2: Compared across backends because that was insisted on",
        "run 2: host",
        "runs 2, 3: both runs: The frequency governor",
        "run 2: The runs were taken in two boots",
        "run 3: seed",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
        assert!(page.contains(words), "{words}");
        assert!(markdown::render_trend(&trend).contains(words), "{}", markdown::render_trend(&trend));
    }
}

/// A cell that the last run alone lacks is told from others all the same.
#[test]
fn rows_of_several_runs_have_their_levels_and_intervals() {
    let (middle, last) = (slower(1.0), synthetic::run(&Recipe { sizes: vec!["1MiB"], ..small() }));
    let question = insisting(Insist { cells: true, ..Insist::default() });
    let trend = reports::compare_all(&small_run().view(), &[middle.view(), last.view()], &question).unwrap();
    assert_eq!(trend.last().unwrap().telling_factors(), [1]);
    assert_eq!(trend.telling_factors(), [0, 1]);
    let shown = text::render_trend(&trend, &TextOptions::default());
    let rows = shown.lines().filter(|line| line.starts_with("mmap "));
    let labels: BTreeSet<Vec<&str>> = rows.map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(labels.len(), 4, "{shown}");
    let comment = markdown::render_trend(&trend);
    let row = comment.lines().find(|line| line.starts_with("| mmap | 4KiB | high |")).unwrap();
    let ratio = row.split('|').nth(5).unwrap();
    assert!(ratio.contains("× 1") || ratio.contains("× 0"), "{row}");
    assert!(ratio.contains(" [") && ratio.contains("] "), "{row}");
    let page = html::render_trend(&trend).unwrap();
    assert!(page.contains("<small>size 4KiB, load high</small>"), "{page:.400}");
}

#[test]
fn comments_stay_below_their_largest_size() {
    let mut comparison = compare(&small_run().view(), &slower(1.3).view(), Metric::P50, 0.10).unwrap();
    for _ in 0..7 {
        comparison.effects.extend(comparison.effects.clone());
    }
    let page = markdown::render_comparison(&comparison);
    assert!(page.len() < 60_000 && page.contains("And 1898 more"), "{}", page.len());
}

#[test]
fn the_page_of_a_comparison_loads_nothing_and_has_a_plot_for_each_effect() {
    let mut other = slower(1.3);
    other.manifest.environment.host = "<script>alert(1)</script>".to_owned();
    let mut comparison = compare(&small_run().view(), &other.view(), Metric::P50, 0.10).unwrap();
    // What goes on beyond the scale ends in an arrow.
    let beyond = reports::statistics::Interval { low: 0.001, high: 900.0 };
    comparison.effects[0].ratio.interval = Some(beyond);
    let page = html::render_comparison(&comparison).unwrap();
    assert!(!page.contains("<script") && page.contains("&#60;script"), "markup");
    for loading in ["src=", "http://", "https://", "@import"] {
        assert!(!page.replace("src: url(data:", "").contains(loading), "{loading}");
    }
    // One in the head of each of two tables, of what gates look at and of the other view.
    assert_eq!(page.matches(r#"<svg class="forest""#).count(), comparison.effects.len() + 2);
    assert_eq!(page.matches(r#"<path class="mark is-worse""#).count(), 2);
    assert!(page.contains("prefers-color-scheme: dark"));
    // So does the bootstrap's, and where the scale can hold it, it does.
    let axis = |comparison: &Comparison| {
        let page = html::render_comparison(comparison).unwrap();
        (page.contains("× 2</text>"), page.matches(r#"<path class="check-end""#).count())
    };
    comparison.effects[0].ratio.interval = None;
    assert_eq!(axis(&comparison), (false, 0));
    comparison.effects[0].bootstrap = Some(reports::statistics::Interval { low: 0.9, high: 3.0 });
    assert_eq!(axis(&comparison), (true, 0));
    comparison.effects[0].bootstrap = Some(beyond);
    assert_eq!(axis(&comparison).1, 2);
}

#[test]
fn the_json_of_a_comparison_is_what_its_schema_says() {
    let (few, other) = (synthetic::run(&Recipe { repetitions: 3, ..small() }), slower(1.3));
    for (base, metric) in [(&small_run(), Metric::P50), (&few, Metric::P999)] {
        let comparison = compare(&base.view(), &other.view(), metric, 0.05).unwrap();
        assert_valid(&json::render_comparison(&comparison).unwrap());
    }
    let comparison = compare(&few.view(), &other.view(), Metric::P50, 0.05).unwrap();
    let valid = json::render_comparison(&comparison).unwrap();
    // The check itself finds what is wrong.
    for (from, to) in [
        ("\"version\": 2", "\"version\": 3"),
        ("\"headline\"", "\"haedline\""),
        ("\"kernel\"", "\"nobody\""),
        ("\"p_holm\": ", "\"p_holm\": 7"),
    ] {
        let broken = valid.replacen(from, to, 1);
        assert!(broken != valid && violation_of(&broken).is_some(), "{from}");
    }
}

//! What a page has of runs that are large, that fail, or that are kept elsewhere.

use super::{answer, detailed_run, in_one_line, rendered, small, small_run};
use crate::synthetic::{self, Recipe, SyntheticRun};
use reports::html::{self, Kept};
use reports::{TextOptions, charts, markdown, summarise, text};
use std::collections::BTreeSet;
use store::{Against, Extension, Factor, Level, Role, Status, Vantage};

fn level(label: &str) -> Level {
    Level { label: label.to_owned(), value: None, arguments: vec![], command: Vec::new() }
}

/// A run with so many more factors of two levels each, in every combination.
fn with_factors(more: usize) -> SyntheticRun {
    let mut run = synthetic::run(&Recipe { repetitions: 2, calls: 200, ..small() });
    for number in 0..more {
        let name = format!("factor{number}");
        let levels = vec![level("a"), level("b")];
        run.manifest.scenario.factors.insert(0, Factor { name: name.clone(), levels });
        let mut all = Vec::new();
        for label in ["a", "b"] {
            all.extend(run.trials.iter().cloned().map(|mut trial| {
                trial.factors.insert(name.clone(), label.to_owned());
                trial
            }));
        }
        for (number, trial) in (0..).zip(&mut all) {
            trial.trial = number;
        }
        run.trials = all;
    }
    run
}

/// Each factor with all others at their first and at their last levels, and no more of them than a page can take.
#[test]
fn what_factors_do_is_drawn_a_few_times_however_many_there_are() {
    let sweeps = |more: usize| {
        let run = with_factors(more);
        let summary = summarise(&run.view());
        let targets = charts::draw(&run.view(), &summary).unwrap();
        let names = targets.iter().flat_map(|target| &target.across).map(|chart| chart.name.clone());
        let names: Vec<String> = names.filter(|name| name.contains("-sweep-")).collect();
        (names, targets[0].left_out)
    };
    let (names, left_out) = sweeps(2);
    // Three factors beside the load, with the others at their first and at their last levels, four times.
    assert_eq!((names.len(), left_out), (4 * 6, 0), "{names:?}");
    let (names, left_out) = sweeps(4);
    assert_eq!((names.len(), left_out), (24, 4), "{names:?}");
    for factor in ["size", "factor0", "factor1", "factor2", "factor3"] {
        assert!(
            names.iter().any(|name| name.starts_with(&format!("mmap-kernel-sweep-{factor}-"))),
            "{names:?}"
        );
    }
}

#[test]
fn pictures_that_are_left_out_are_told_of() {
    let page = rendered(&with_factors(4)).html;
    assert!(page.contains("Of what factors do, 4 more pictures are left out"));
    assert!(!rendered(&small_run()).html.contains("more pictures are left out"));
}

/// A view has its own cells, however many others there are: looking at all of them for each would take minutes.
#[test]
fn views_of_many_cells_are_the_first_the_middle_and_the_last() {
    let mut run = synthetic::run(&Recipe { repetitions: 1, calls: 200, ..small() });
    let sizes: Vec<String> = (0..10_001).map(|size| format!("size{size:05}")).collect();
    run.manifest.scenario.factors[0].levels = sizes.iter().map(|label| level(label)).collect();
    let trials: Vec<_> = run.trials.iter().filter(|trial| trial.factors["size"] == "4KiB").cloned().collect();
    let each = sizes.iter().flat_map(|size| {
        trials.iter().cloned().map(move |mut trial| {
            trial.factors.insert("size".to_owned(), size.clone());
            trial
        })
    });
    run.trials = each.collect();
    // What goes along with the load is no sweep.
    run.manifest.plan.design.zip = vec![vec!["size".to_owned(), "load".to_owned()]];
    for (number, trial) in (0..).zip(&mut run.trials) {
        trial.trial = number;
        trial.measures.retain(|it| it.syscall == "mmap" && it.vantage == Vantage::Kernel);
    }
    let targets = charts::draw(&run.view(), &summarise(&run.view())).unwrap();
    let labels: Vec<&str> = targets[0].views.iter().map(|view| view.label.as_str()).collect();
    assert_eq!(labels, ["size size00000", "size size05000", "size size10000"]);
    let lines = |at: usize| targets[0].views[at].charts[0].data[0].1.lines().count();
    assert_eq!((lines(0), lines(1), lines(2)), (5, 5, 5), "two figures at two loads");
}

#[test]
fn targets_are_listed_once_in_the_scenarios_order_however_many_there_are() {
    let mut run = small_run();
    run.trials.truncate(1);
    let seen = run.trials[0].measures[1].clone();
    run.trials[0].measures.extend((0..5_000).map(|number| store::Measure {
        syscall: format!("call{number:05}"),
        ok: probe_abi::SparseHistogram::default(),
        ..seen.clone()
    }));
    run.manifest.scenario.syscalls.reverse();
    let summary = summarise(&run.view());
    let series = summary.series();
    assert_eq!(series[..2], [("munmap", Vantage::Kernel), ("munmap", Vantage::User)]);
    assert_eq!((series.len(), series[4]), (5_004, ("call00000", Vantage::User)));
    assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len());
}

/// Reasons have counts in them, so that each trial may have one of its own.
#[test]
fn of_thousands_of_failures_a_few_are_told() {
    let mut summary = summarise(&small_run().view());
    summary.failures = (0..20_000)
        .map(|trial| reports::TrialFailure {
            trial,
            block: trial,
            cell: "load high".to_owned(),
            status: Status::Invalid,
            reason: format!("{} calls of mmap were lost", trial.max(1)),
        })
        .collect();
    let shown = in_one_line(&text::render(&summary, &TextOptions::default()));
    assert!(shown.contains("trials 1, 2 (load high) invalid: 1 calls of mmap were lost"), "{shown:.2000}");
    assert!(shown.contains("and 19939 more trials, which are in `trials.parquet`"), "{shown:.2000}");
    assert_eq!(shown.matches("calls of mmap were lost").count(), 60);
    assert!(markdown::render(&summary).contains("and 19939 more trials"));
    let page = html::render(&small_run().view(), &summary).unwrap().html;
    assert!(page.contains("and 19939 more trials, which are in trials.parquet"));
}

/// Every call fails in the cells that are meant.
fn failing(mut run: SyntheticRun, is_meant: impl Fn(&store::TrialRecord, &str) -> bool) -> SyntheticRun {
    for trial in &mut run.trials {
        let record = trial.clone();
        for measure in trial.measures.iter_mut().filter(|it| is_meant(&record, &it.syscall)) {
            measure.error = std::mem::take(&mut measure.ok);
        }
    }
    run
}

#[test]
fn an_answer_does_not_set_failures_against_successes() {
    let loaded = failing(detailed_run(), |trial, syscall| {
        syscall == "mmap" && trial.factors["size"] == "1MiB" && trial.factors["load"] == "high"
    });
    let said = answer(&loaded);
    let told = "Every call of mmap fails at size 1MiB, load high: how fast calls fail is not set against how fast they succeed.";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("the only one of 2 such cells with figures under baseline and high"), "{said}");
    let page = in_one_line(&rendered(&loaded).html);
    assert!(page.contains("and of cells in which every call failed those of the failures."));
    let plain = in_one_line(&rendered(&detailed_run()).html);
    assert!(plain.contains("The latencies above are those of calls that succeeded. The two"));
    // Where all of them fail, times of failures are all that there is.
    let all = answer(&failing(small_run(), |_, syscall| syscall == "mmap"));
    assert!(all.contains("Every call of mmap fails: these are times of failures."), "{all}");
    assert!(all.contains("Under high load the mean of mmap rises"), "{all}");
    assert!(!answer(&small_run()).contains("fails"));
}

#[test]
fn a_target_that_only_fails_has_its_pictures_and_they_say_so() {
    let run = failing(small_run(), |_, syscall| syscall == "mmap");
    let targets = charts::draw(&run.view(), &summarise(&run.view())).unwrap();
    for target in &targets {
        let titles: Vec<&str> =
            target.views.iter().flat_map(|view| &view.charts).map(|chart| chart.title.as_str()).collect();
        assert_eq!(titles.len(), 6, "{titles:?}");
        let is_mmap = target.syscall == "mmap";
        assert!(
            titles.iter().all(|title| title.ends_with(", of calls that failed") == is_mmap),
            "{titles:?}"
        );
        let both = target.across.iter().find(|chart| chart.name.contains("vantages"));
        assert_eq!(both.is_some(), target.vantage == Vantage::Kernel);
        assert!(both.is_none_or(|chart| chart.title.ends_with(", of calls that failed") == is_mmap));
    }
    let some = failing(small_run(), |trial, syscall| syscall == "mmap" && trial.factors["load"] == "high");
    let targets = charts::draw(&some.view(), &summarise(&some.view())).unwrap();
    let title = &targets[0].views[0].charts[0].title;
    assert!(title.ends_with(", at high of calls that failed"), "{title}");
}

/// The commands of the page, as a terminal gets them.
fn commands(run: &SyntheticRun, kept: &Kept<'_>) -> Vec<String> {
    let page = html::render_kept(&run.view(), &summarise(&run.view()), kept).unwrap().html;
    let lines = page.lines().skip_while(|line| !line.contains("runner run "));
    let lines = lines.take_while(|line| line.contains("runner "));
    lines.map(|line| line[line.find("runner ").unwrap()..].split("</").next().unwrap().to_owned()).collect()
}

#[test]
fn the_pages_commands_find_the_run_where_it_is_and_repeat_all_of_it() {
    let mut run = small_run();
    run.manifest.scenario.overrides = vec!["plan.repetitions=4".to_owned(), "plan.seed=1".to_owned()];
    let id = run.manifest.id.clone();
    let usual = commands(&run, &Kept { folder: &format!("runs/{id}"), other: None });
    let words = "--probe raw_tracepoint --seed 1 --set plan.repetitions=4 --set plan.seed=1";
    assert_eq!(usual[0], format!("runner run runs/{id}/scenario.toml {words}"));
    assert_eq!(
        usual[1..],
        [format!("runner verify {id}"), format!("runner report {id}"), format!("runner diff {id} latest")]
    );
    // Elsewhere, and with blocks that were added later.
    run.manifest.extensions = vec![Extension {
        started_at: run.manifest.started_at,
        boot: "another".to_owned(),
        first_block: 4,
        repetitions: 3,
        command: Vec::new(),
    }];
    let folder = format!("/srv/runs/{id}");
    let longer = commands(&run, &Kept { folder: &folder, other: None });
    let words = "--probe raw_tracepoint --seed 1 --repetitions 7 --set plan.seed=1";
    assert_eq!(longer[0], format!("runner run {folder}/scenario.toml {words}"));
    assert_eq!(
        longer[1..],
        [
            format!("runner verify {folder}"),
            format!("runner report {folder}"),
            format!("runner diff {folder} latest")
        ]
    );
}

#[test]
fn a_run_in_alternation_is_repeated_with_the_other() {
    let named = |id: &str, other: &str, role| {
        let mut run = small_run();
        id.clone_into(&mut run.manifest.id);
        run.manifest.against = Some(Against { run: other.to_owned(), role });
        run.manifest.scenario.overrides = vec!["plan.repetitions=12".to_owned()];
        run
    };
    let (base, mut candidate) = (named("a", "b", Role::Baseline), named("b", "a", Role::Candidate));
    candidate.manifest.scenario.overrides.push("load.high.cpu=4".to_owned());
    let words = "runner run runs/a/scenario.toml --against runs/b/scenario.toml --probe raw_tracepoint --seed 1 \
                 --set plan.repetitions=12 --against-set load.high.cpu=4";
    let of_base = commands(&base, &Kept { folder: "runs/a", other: Some((&candidate.manifest, "runs/b")) });
    assert_eq!((of_base[0].as_str(), of_base[3].as_str()), (words, "runner diff a latest~1"));
    let of_candidate =
        commands(&candidate, &Kept { folder: "runs/b", other: Some((&base.manifest, "runs/a")) });
    assert_eq!((of_candidate[0].as_str(), of_candidate[3].as_str()), (words, "runner diff b latest"));
    // Without the other it is told as it was run.
    let alone = commands(&base, &Kept { folder: "runs/a", other: None });
    assert_eq!(alone[0], "runner run scenarios/mmap_sweep.toml");
}

#[test]
fn bars_of_averages_and_maxima_are_said_to_be_what_they_are() {
    let picture = |repetitions| {
        let run = synthetic::run(&Recipe { repetitions, calls: 200, ..small() });
        let targets = charts::draw(&run.view(), &summarise(&run.view())).unwrap();
        targets[0].views[0].charts[0].svg.clone()
    };
    for (repetitions, words) in [(7, "95 % interval"), (3, "range")] {
        let svg = picture(repetitions);
        let caption = format!("medians over repetitions; bars: their {words}");
        assert!(svg.contains(&format!("{caption}</desc>")), "{svg:.800}");
        assert_eq!(svg.matches(&caption).count(), 2, "{svg:.800}");
    }
    assert!(!picture(2).contains("bars:"));
}

#[test]
fn a_panel_without_figures_has_no_axis_name() {
    let run = synthetic::run(&Recipe { repetitions: 2, calls: 2_000, ..small() });
    let targets = charts::draw(&run.view(), &summarise(&run.view())).unwrap();
    let sweep = targets[0].across.iter().find(|chart| chart.name.contains("-sweep-")).unwrap();
    let lines: Vec<&str> = sweep.svg.lines().map(str::trim).collect();
    assert_eq!(lines.iter().filter(|line| **line == "too few calls").count(), 1, "p99");
    assert_eq!(lines.iter().filter(|line| **line == "size").count(), 2, "average and p50");
}

/// Where trials were disturbed, not all is well.
#[test]
fn disturbed_trials_are_counted_beside_those_that_are_ok() {
    let mut run = small_run();
    let badge = |run: &SyntheticRun| {
        let page = rendered(run).html;
        let at = page.find("28 of 28 trials ok").unwrap();
        page[at - 30..at + 40].lines().find(|line| line.contains("trials ok")).unwrap().to_owned()
    };
    assert!(badge(&run).ends_with("class=\"good\">28 of 28 trials ok</li>"), "{}", badge(&run));
    run.trials[3].noise =
        Some(store::Noise { disturbed: Some("others took 12 %".to_owned()), ..store::Noise::default() });
    assert!(badge(&run).ends_with("class=\"plain\">28 of 28 trials ok, 1 disturbed</li>"), "{}", badge(&run));
    let shown = text::render(&summarise(&run.view()), &TextOptions::default());
    assert!(shown.contains("28 of 28 trials ok, 1 disturbed · "), "{shown:.400}");
}

#[test]
fn a_machine_without_smt_has_none() {
    let mut run = small_run();
    run.manifest.environment.smt = Some("notsupported".to_owned());
    assert!(rendered(&run).html.contains("<dt>SMT</dt><dd>none</dd>"));
}

#[test]
fn dashes_in_place_of_quantiles_are_explained_where_there_are_any() {
    let legend = format!(
        "–: A quantile is shown only where every repetition has at least {} calls",
        reports::CALLS_BEYOND
    );
    let shown = |run: &SyntheticRun, width| {
        text::render(&summarise(&run.view()), &TextOptions { width, colour: false })
    };
    let run = synthetic::run(&Recipe { repetitions: 2, calls: 40_000, ..small() });
    let (wide, narrow) = (shown(&run, 140), shown(&run, 60));
    assert!(wide.contains("p99.9") && wide.contains(&legend), "{wide}");
    assert!(narrow.contains("p99") && !narrow.contains("p99.9") && !narrow.contains("–: "), "{narrow}");
}

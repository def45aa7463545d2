//! Reports of a synthetic run, from its trials to the finished text.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test; synthetic latencies are small and positive"
)]

#[path = "parts/comparisons.rs"]
mod comparisons;
#[path = "parts/fleet.rs"]
mod fleet;
#[path = "parts/foreign.rs"]
mod foreign;
#[path = "parts/gates.rs"]
mod gates;
#[path = "parts/pages.rs"]
mod pages;
#[path = "reference/check.rs"]
mod reference;
#[path = "parts/schema.rs"]
mod schema;
#[path = "../examples/gallery/synthetic.rs"]
mod synthetic;

use reports::{
    CompareError, Comparison, Metric, Question, RunView, TextOptions, Verdict, html, json, markdown,
    summarise, text,
};
use std::sync::OnceLock;
use store::{Status, Vantage};
use synthetic::{Recipe, SyntheticRun};

fn small() -> Recipe {
    Recipe {
        sizes: vec!["4KiB", "1MiB"],
        loads: vec!["baseline", "high"],
        calls: 12_000,
        faults: false,
        details: false,
        ..Recipe::default()
    }
}

fn small_run() -> SyntheticRun {
    static RUN: OnceLock<SyntheticRun> = OnceLock::new();
    RUN.get_or_init(|| synthetic::run(&small())).clone()
}

/// By one figure, insisting on nothing.
fn compare(
    base: &RunView<'_>,
    candidate: &RunView<'_>,
    metric: Metric,
    threshold: f64,
) -> Result<Comparison, CompareError> {
    reports::compare(base, candidate, &Question::of(metric, threshold))
}

/// Lines break where the width wants it; tests look for words.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_cell_has_figures_in_the_order_of_the_manifest() {
    let run = small_run();
    let summary = summarise(&run.view());
    let levels: Vec<String> = summary.cells.iter().map(|cell| cell.levels.join("/")).collect();
    assert_eq!(levels, ["4KiB/baseline", "4KiB/high", "1MiB/baseline", "1MiB/high"]);
    for cell in &summary.cells {
        let measure = cell.measure("mmap", Vantage::Kernel).unwrap();
        assert_eq!(measure.repetitions.len(), 7);
        let figure = |metric| measure.figure(metric).unwrap();
        assert!(figure(Metric::P50).value_ns < figure(Metric::P90).value_ns);
        assert!(figure(Metric::P90).value_ns < figure(Metric::Max).value_ns);
        assert!(figure(Metric::P50).ends_ns().contains(figure(Metric::P50).value_ns));
        assert_eq!(measure.figure(Metric::P999), None, "12,000 calls do not support p99.9");
    }
    let calls: u64 = run.trials.iter().map(|trial| trial.measures[0].ok.count).sum();
    assert_eq!(summary.ledgers[0].returned, Some(calls));
    assert_eq!(summary.ledgers[0].kernel_minus_user(), Some(0));
}

#[test]
fn trials_that_are_not_ok_count_nowhere_but_are_named() {
    let mut run = small_run();
    run.trials[3].status = Status::Invalid;
    run.trials[3].reason = Some("lost".to_owned());
    let spoiled = run.trials[3].factors.clone();
    let summary = summarise(&run.view());
    let cell = summary.cell(&[&spoiled["size"], &spoiled["load"]]).unwrap();
    assert_eq!((cell.trials, summary.progress.invalid, summary.progress.missing), (6, 1, 0));
    assert_eq!(summary.failures[0].reason, "lost");
    assert!(
        summary.warnings[0].contains("1 of 28 trials (3.57 %) have no figures: failed 0, invalid 1"),
        "{:?}",
        summary.warnings
    );
}

#[test]
fn with_two_repetitions_there_is_no_interval() {
    let run = synthetic::run(&Recipe { repetitions: 2, ..small() });
    let summary = summarise(&run.view());
    let figure = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap().figure(Metric::P50).unwrap();
    assert_eq!(figure.interval_ns, None);
}

#[test]
fn a_run_equals_itself_and_a_slowdown_is_found() {
    let run = small_run();
    let same = compare(&run.view(), &run.view(), Metric::P50, 0.10).unwrap();
    assert!(
        same.effects
            .iter()
            .all(|effect| effect.verdict == Verdict::Same && (effect.ratio.ratio - 1.0).abs() < 1e-9)
    );
    let slower = synthetic::run(&Recipe { slowdown: 1.3, seed: 2, ..small() });
    let worse = compare(&run.view(), &slower.view(), Metric::P50, 0.10).unwrap();
    assert_eq!(worse.count(Verdict::Worse), 8, "{}", worse.headline());
    assert_eq!(worse.gate_crossings().count(), 8);
    let better = compare(&slower.view(), &run.view(), Metric::P50, 0.10).unwrap();
    assert_eq!((better.count(Verdict::Better), better.gate_crossings().count()), (8, 0));
}

#[test]
fn the_answer_of_few_repetitions_is_a_hint() {
    let few = synthetic::run(&Recipe { repetitions: 3, ..small() });
    let report = in_one_line(&text::render(&summarise(&few.view()), &TextOptions::default()));
    assert!(report.contains("[range]") && !report.contains("[95 %]"), "{report}");
    assert!(markdown::render(&summarise(&few.view())).contains("Medians over repetitions with their range."));
    assert!(rendered(&few).html.contains("medians over repetitions [range]"));
    assert_eq!(report.matches("3 repetitions: no intervals; take this as a hint.").count(), 1, "{report}");
    let answer = between(&report, "3 repetitions: no", "mmap, in the kernel");
    for finding in ["rises", "falls", "grows", "hardly", "[", "maximum"] {
        assert!(!answer.contains(finding), "{finding}: {answer}");
    }
    assert!(answer.contains("Under high load the mean of mmap went from"), "{answer}");
}

#[test]
fn maxima_of_unlike_numbers_of_calls_are_not_set_against_each_other() {
    let answer = |calls_under_load: u64| {
        let mut run = small_run();
        for trial in &mut run.trials {
            let calls = if trial.factors["load"] == "high" { calls_under_load } else { 12_000 };
            trial.measures.iter_mut().for_each(|measure| measure.ok.count = calls);
        }
        reports::answer::paragraphs(&summarise(&run.view())).join(" ")
    };
    assert!(!answer(5_900).contains("maximum"), "{}", answer(5_900));
    assert_eq!(answer(6_000).matches("maximum grows").count(), 4, "{}", answer(6_000));
}

#[test]
fn where_calls_are_too_few_for_a_median_the_means_are_compared() {
    let run = synthetic::run(&Recipe { calls: 150, ..small() });
    let answer = reports::answer::paragraphs(&summarise(&run.view())).join(" ");
    assert!(answer.contains("From size 4KiB to 1MiB (at load baseline) munmap's mean rises"), "{answer}");
}

#[test]
fn too_few_repetitions_are_said_to_be_too_few() {
    let few = synthetic::run(&Recipe { repetitions: 3, ..small() });
    let slower = synthetic::run(&Recipe { repetitions: 3, slowdown: 2.0, ..small() });
    let comparison = compare(&few.view(), &slower.view(), Metric::P50, 0.05).unwrap();
    assert_eq!(comparison.count(Verdict::Inconclusive), 8);
    let too_few = comparison.too_few.unwrap();
    assert_eq!((too_few.effects, too_few.units, too_few.needed), (8, 3, 6));
    assert!(
        in_one_line(&text::render_comparison(&comparison, &TextOptions::default()))
            .contains("with 3 repetitions a side, however large; it needs 6.")
    );
}

#[test]
fn what_does_not_mean_the_same_is_not_compared() {
    let run = small_run();
    let mut other = small_run();
    other.manifest.probe.backend = "kretprobe".to_owned();
    let refusal = compare(&run.view(), &other.view(), Metric::P50, 0.05).unwrap_err();
    assert!(matches!(refusal, CompareError::Backend { .. }), "{refusal}");
    let other = synthetic::run(&Recipe { sizes: vec!["4KiB"], ..small() });
    let refusal = compare(&run.view(), &other.view(), Metric::P50, 0.05).unwrap_err();
    assert!(matches!(refusal, CompareError::Cells { .. }), "{refusal}");
    let mut other = small_run();
    other
        .trials
        .iter_mut()
        .for_each(|trial| trial.measures.retain(|measure| measure.vantage == Vantage::User));
    let refusal = compare(&run.view(), &other.view(), Metric::P50, 0.05).unwrap_err();
    assert!(matches!(refusal, CompareError::Vantage { .. }), "{refusal}");
    assert!(matches!(compare(&run.view(), &run.view(), Metric::P50, 5.0), Err(CompareError::Threshold(_))));
}

#[test]
fn other_differences_come_before_the_effects() {
    let run = small_run();
    let mut other = small_run();
    other.manifest.environment.kernel_release = "6.19.0".to_owned();
    let comparison = compare(&run.view(), &other.view(), Metric::P50, 0.05).unwrap();
    assert_eq!(comparison.differences[0].what, "kernel");
    let text = text::render_comparison(&comparison, &TextOptions::default());
    assert!(text.find("6.19.0").unwrap() < text.find("verdict").unwrap());
}

#[test]
fn the_text_report_fits_every_terminal() {
    let run = synthetic::run(&Recipe { calls: 1_500, ..Recipe::default() });
    let summary = summarise(&run.view());
    let mut sizes = Vec::new();
    for width in 60..=200 {
        let report = text::render(&summary, &TextOptions { width, colour: false });
        let widest = report.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= width, "{width}: {widest}");
        // A row that goes on in the next line would have no figure there.
        let cells = report.lines().filter(|line| line.starts_with("16MiB ") && line.contains(" µs"));
        assert!(cells.count() >= 6, "{width}: {report}");
        sizes.push(report.matches('█').count());
    }
    assert!(sizes[0] == 0 && sizes[60] > 0, "histograms are where there is room: {sizes:?}");
}

#[test]
fn the_text_report_of_a_small_run() {
    let summary = summarise(&small_run().view());
    insta::assert_snapshot!(text::render(&summary, &TextOptions::default()));
}

#[test]
fn the_markdown_report_of_a_small_run() {
    insta::assert_snapshot!(markdown::render(&summarise(&small_run().view())));
}

/// A small run with failed and slow calls, and with misses and 32-bit calls in the ledger.
fn detailed_run() -> SyntheticRun {
    static RUN: OnceLock<SyntheticRun> = OnceLock::new();
    RUN.get_or_init(|| synthetic::run(&Recipe { details: true, ..small() })).clone()
}

/// The part of a text from one heading to another.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    &text[text.find(from).unwrap()..text.find(to).unwrap()]
}

#[test]
fn failed_and_slow_calls_in_the_text_report() {
    let wide = TextOptions { width: 160, colour: false };
    let report = text::render(&summarise(&detailed_run().view()), &wide);
    insta::assert_snapshot!(between(&report, "Where the calls went", "Load achieved"));
}

#[test]
fn failed_and_slow_calls_in_the_markdown_report() {
    let report = markdown::render(&summarise(&detailed_run().view()));
    insta::assert_snapshot!(between(&report, "## Where the calls went", "## Load achieved"));
}

#[test]
fn errors_add_up_to_the_calls_that_failed() {
    let run = detailed_run();
    let summary = summarise(&run.view());
    let failed: u64 = summary.errors.iter().filter_map(|error| error.kernel).sum();
    assert!(failed > 0 && failed == summary.ledgers[0].errors, "{:?}", summary.errors);
    let [memory, restarts] = &summary.errors[..] else { panic!("{:?}", summary.errors) };
    assert_eq!((memory.label().as_str(), memory.kernel), ("ENOMEM", memory.user));
    assert_eq!((restarts.label().as_str(), restarts.user), ("ERESTARTSYS", Some(0)));
    let returned = summary.ledgers[0].returned.unwrap() as f64;
    assert!((memory.share().unwrap() * returned - memory.kernel.unwrap() as f64).abs() < 1e-6);
    assert!(summarise(&small_run().view()).errors.is_empty());
}

#[test]
fn the_slowest_calls_of_each_cell_are_its_maxima() {
    let run = detailed_run();
    let summary = summarise(&run.view());
    let targets: Vec<&str> = summary.slowest.iter().map(|slowest| slowest.syscall.as_str()).collect();
    assert_eq!(targets, ["mmap", "munmap"]);
    let mmap = &summary.slowest[0];
    // A dozen rows are three for each of the four cells.
    assert_eq!((mmap.kept, mmap.of_each, mmap.calls.len()), (28 * 5, 3, 12));
    assert!(mmap.calls.is_sorted_by(|a, b| a.call.latency_ns >= b.call.latency_ns));
    for cell in &summary.cells {
        let slowest = mmap.calls.iter().find(|kept| kept.levels == cell.levels).unwrap();
        let histogram = &cell.measure("mmap", Vantage::Kernel).unwrap().histogram;
        assert_eq!(slowest.call.latency_ns, histogram.max_ns);
        assert!(run.trials[slowest.trial as usize].slowest.contains(&slowest.call));
    }
}

#[test]
fn slow_calls_of_trials_that_are_not_ok_are_not_shown() {
    let mut run = detailed_run();
    let slowest = summarise(&run.view()).slowest[0].calls[0].clone();
    run.trials[slowest.trial as usize].status = Status::Invalid;
    let summary = summarise(&run.view());
    assert_eq!(summary.slowest[0].kept, 27 * 5);
    assert!(!summary.slowest[0].calls.contains(&slowest));
}

#[test]
fn columns_of_the_ledger_that_say_nothing_are_left_out() {
    let mut run = detailed_run();
    for measure in run.trials.iter_mut().flat_map(|trial| &mut trial.measures) {
        if let Some(ledger) = &mut measure.ledger {
            (ledger.missed, ledger.compat) = (Some(0), None);
        }
    }
    let summary = summarise(&run.view());
    assert_eq!((summary.ledgers[0].missed, summary.ledgers[0].compat), (Some(0), None));
    let report = text::render(&summary, &TextOptions::default());
    assert!(!report.contains("missed") && !report.contains("32-bit"), "{report}");
}

#[test]
fn what_the_probe_costs_is_on_top_of_every_report() {
    let run = small_run();
    let summary = summarise(&run.view());
    let sentence = "This probe (raw_tracepoint) adds 240 ns [235, 246] to a call and reads a call that does nothing, \
                    made over and over, as 115 ns [113, 117]; with something else in between, both can be less.";
    let document: serde_json::Value = serde_json::from_str(&json::render(&summary).unwrap()).unwrap();
    assert_eq!(document["calibration"][0], sentence);
    assert_eq!(document["manifest"]["probe"]["calibrations"][0]["added_ns"]["low"], 235.1);
    let text = in_one_line(&text::render(&summary, &TextOptions::default()));
    let page = rendered(&run).html.replace('\u{a0}', " ");
    let markdown = markdown::render(&summary).replace('\\', "");
    for (report, answer) in [(text, "Under high load"), (page, "The answer"), (markdown, "Under high load")] {
        assert!(report.find(sentence).unwrap() < report.find(answer).unwrap());
    }
    let mut unknown = small_run();
    unknown.manifest.probe.calibrations.clear();
    let report = text::render(&summarise(&unknown.view()), &TextOptions::default());
    assert!(!report.contains("This probe"), "{report}");
}

#[test]
fn the_page_shows_failed_and_slow_calls_where_there_are_some() {
    let page = rendered(&detailed_run()).html;
    for words in [
        "href=\"#errors\"",
        "<td class=\"word\">ENOMEM<small>Out of memory</small></td><td>12</td>",
        "href=\"#slowest\"",
        "mmap, the 3 slowest calls of each cell",
        "<pre><code>__schedule+0x3d1\n",
        "0xffffffffffffffff, 0x0)</code>, process ",
        "<th scope=\"col\">missed</th><th scope=\"col\">32-bit</th>",
        "<dt>its cost was found in</dt><dd>raw_tracepoint: 11 rounds of 10,000 calls of getpid",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let plain = rendered(&small_run()).html;
    for words in ["id=\"errors\"", "id=\"slowest\"", "32-bit", "href=\"#errors\"", "href=\"#slowest\""] {
        assert!(!plain.contains(words), "{words}");
    }
}

#[test]
fn what_killed_workers_did_not_report_is_no_figure() {
    let mut run = small_run();
    for metric in &mut run.load {
        let (vm, first_cpu) = (metric.stressor == "vm", metric.stressor == "cpu" && metric.block == 0);
        if vm || first_cpu {
            (metric.bogo_ops, metric.bogo_ops_per_second) = (None, None);
        }
        if metric.stressor == "io" {
            (metric.bogo_ops, metric.bogo_ops_per_second) = (Some(0), Some(0.0));
        }
    }
    let summary = summarise(&run.view());
    for report in
        [text::render(&summary, &TextOptions::default()), markdown::render(&summary), rendered(&run).html]
    {
        let words = in_one_line(&report);
        assert!(words.contains("vm is not reported, for its workers were killed"), "{words}");
        assert!(
            words.contains("cpu is of 6 of 7 starts, for in the others its workers were killed"),
            "{words}"
        );
        assert!(words.contains("io 0 "), "{words}");
    }
    let document: serde_json::Value = serde_json::from_str(&json::render(&summary).unwrap()).unwrap();
    let vm = &document["load"][1]["stressors"][2];
    assert_eq!((&vm["stressor"], &vm["runs"], &vm["reported"]), (&"vm".into(), &7.into(), &0.into()));
    assert!(vm["bogo_ops_per_second"].is_null() && vm["interval"].is_null());
}

#[test]
fn the_json_report_has_a_version_and_every_figure() {
    let summary = summarise(&small_run().view());
    let document: serde_json::Value = serde_json::from_str(&json::render(&summary).unwrap()).unwrap();
    assert_eq!((&document["kind"], &document["version"]), (&"summary".into(), &1.into()));
    let figures = &document["cells"][1]["measures"][0]["figures"];
    let p50 = summary.cells[1].measures[0].figure(Metric::P50).unwrap().value_ns;
    assert_eq!(figures["p50"]["value_ns"].as_f64(), Some(p50));
    assert!(figures["p999"].is_null());
}

#[test]
fn a_run_without_trials_is_reported_as_such() {
    let mut run = small_run();
    run.trials.clear();
    run.manifest.state = store::State::Running;
    let report = in_one_line(&text::render(&summarise(&run.view()), &TextOptions::default()));
    assert!(
        report.contains("No trial has figures yet.") && report.contains("0 of 28 trials were executed"),
        "{report}"
    );
}

/// A run whose first factor is the probe: one backend, one that could not be attached, and none.
fn run_by_backend() -> SyntheticRun {
    let mut run = small_run();
    let level = |label: &str, backend: Option<&str>| store::ProbeLevel {
        label: label.to_owned(),
        backend: backend.map(str::to_owned),
        reasons: vec![],
    };
    let levels =
        vec![level("auto", Some("raw_tracepoint")), level("fentry", None), level("user", Some("user"))];
    let declared = levels.iter().map(|level| store::Level {
        label: level.label.clone(),
        value: None,
        arguments: vec![],
        command: Vec::new(),
    });
    run.manifest.scenario.factors[0] =
        store::Factor { name: "backend".to_owned(), levels: declared.collect() };
    run.manifest.probe = store::ProbeInfo {
        requested: "$backend".to_owned(),
        backend: store::VARIES.to_owned(),
        factor: Some(store::ProbeFactor { name: "backend".to_owned(), levels }),
        ..run.manifest.probe
    };
    let mut failed = Vec::new();
    for trial in &mut run.trials {
        let is_bare = trial.factors.remove("size").unwrap() == "1MiB";
        trial.factors.insert("backend".to_owned(), if is_bare { "user" } else { "auto" }.to_owned());
        if is_bare {
            trial.measures.retain(|measure| measure.vantage == Vantage::User);
            let mut other = trial.clone();
            other.trial += 1000;
            other.factors.insert("backend".to_owned(), "fentry".to_owned());
            (other.status, other.reason) = (Status::Failed, Some("probe fentry: no programs".to_owned()));
            other.measures.clear();
            failed.push(other);
        }
    }
    run.trials.extend(failed);
    run.manifest.plan.trials = u32::try_from(run.trials.len()).unwrap();
    run
}

#[test]
fn what_each_backend_costs_is_set_against_none() {
    let run = run_by_backend();
    let summary = summarise(&run.view());
    let of_mmap: Vec<_> = summary.costs.iter().filter(|cost| cost.syscall == "mmap").collect();
    let cells: Vec<String> = of_mmap.iter().map(|cost| cost.levels.join("/")).collect();
    let by_load =
        ["auto/baseline", "auto/high", "fentry/baseline", "fentry/high", "user/baseline", "user/high"];
    assert_eq!(cells, by_load);
    let median = |levels: [&str; 2]| {
        let measure = summary.cell(&levels).unwrap().measure("mmap", Vantage::User).unwrap();
        measure.figure(Metric::P50).unwrap().value_ns
    };
    for (cost, load) in of_mmap.iter().zip(["baseline", "high"]) {
        let (probed, bare) = (median(["auto", load]), median(["user", load]));
        let p50 = cost.p50.unwrap();
        assert!((p50.figure.value_ns - probed).abs() < 1e-9);
        assert!((p50.ratio.unwrap().ratio / (probed / bare) - 1.0).abs() < 0.1, "{cost:?}");
        assert!((p50.added_ns.unwrap().difference - (probed - bare)).abs() < 0.1 * bare, "{cost:?}");
    }
    assert!(of_mmap[2..4].iter().all(|cost| cost.p50.is_none() && cost.mean.is_none()));
    for bare in &of_mmap[4..] {
        assert!(bare.is_bare && bare.p50.unwrap().ratio.is_none() && bare.p50.unwrap().added_ns.is_none());
    }
    assert!(summarise(&small_run().view()).costs.is_empty());
}

#[test]
fn without_a_level_without_probe_the_callers_figures_stand_side_by_side() {
    let mut run = run_by_backend();
    run.manifest.probe.factor.as_mut().unwrap().levels[2].backend = Some("kretprobe".to_owned());
    let summary = summarise(&run.view());
    assert!(summary.costs[0].p50.is_some_and(|p50| p50.ratio.is_none() && p50.added_ns.is_none()));
    assert!(
        text::render(&summary, &TextOptions::default()).contains("as the caller saw it: what the probe adds")
    );
}

#[test]
fn a_run_whose_probe_varies_is_reported_with_what_the_probe_adds() {
    let run = run_by_backend();
    let summary = summarise(&run.view());
    // The generators' calls without a probe are nothing that a probe could have missed.
    assert_eq!(summary.ledgers[0].kernel_minus_user(), Some(0));
    insta::assert_snapshot!(text::render(&summary, &TextOptions { width: 100, colour: false }));
    let document: serde_json::Value = serde_json::from_str(&json::render(&summary).unwrap()).unwrap();
    let added = &document["costs"][0]["p50"]["added_ns"]["difference"];
    assert_eq!(added.as_f64(), summary.costs[0].p50.unwrap().added_ns.map(|it| it.difference));
    let page = rendered(&run).html;
    for words in ["What the probe adds", "Probed by auto, mmap takes its caller", "probe varies by backend"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("--probe "), "one backend for all would be another run");
    assert!(markdown::render(&summary).contains("## What the probe adds"));
}

#[test]
fn runs_whose_probe_varies_are_compared_level_by_level() {
    let run = run_by_backend();
    let same = compare(&run.view(), &run.view(), Metric::P50, 0.10).unwrap();
    let levels = |gated| {
        let effects = same.effects.iter().filter(move |effect| effect.gated == gated);
        effects.map(|it| (it.levels[0].as_str(), it.vantage)).collect::<std::collections::BTreeSet<_>>()
    };
    // A gate looks at the kernel where there was a probe, else at the callers.
    assert_eq!(levels(true), [("auto", Vantage::Kernel), ("user", Vantage::User)].into());
    assert_eq!(levels(false), [("auto", Vantage::User)].into());
    // fentry failed under both loads, for both targets, from both vantages.
    assert_eq!(same.without_figures, 8);
    let mut other = run_by_backend();
    other.manifest.probe.factor.as_mut().unwrap().levels[0].backend = Some("kretprobe".to_owned());
    let refusal = compare(&run.view(), &other.view(), Metric::P50, 0.10).unwrap_err();
    assert!(refusal.to_string().contains("raw_tracepoint at backend auto"), "{refusal}");
    let refusal = compare(&run.view(), &small_run().view(), Metric::P50, 0.10).unwrap_err();
    assert!(matches!(refusal, CompareError::Backend { .. }), "{refusal}");
    // On another machine one level more can be had.
    let mut other = run_by_backend();
    other.manifest.probe.factor.as_mut().unwrap().levels[1].backend = Some("fentry".to_owned());
    assert!(compare(&run.view(), &other.view(), Metric::P50, 0.10).is_ok());
}

#[test]
fn trials_that_failed_alike_are_told_of_together() {
    let report = in_one_line(&text::render(&summarise(&run_by_backend().view()), &TextOptions::default()));
    assert_eq!(report.matches("probe fentry: no programs").count(), 2, "{report}");
    assert!(report.contains("(backend fentry, load high) failed: probe fentry: no programs"), "{report}");
}

fn answer(run: &SyntheticRun) -> String {
    reports::answer::paragraphs(&summarise(&run.view())).join(" ")
}

/// The trials of one cell fail.
fn fail(run: &mut SyntheticRun, (size, load): (&str, &str)) {
    for trial in &mut run.trials {
        if trial.factors["size"] == size && trial.factors["load"] == load {
            trial.status = Status::Failed;
            trial.reason = Some("no memory".to_owned());
            trial.measures.clear();
        }
    }
}

#[test]
fn a_run_of_failed_trials_says_how_many_failed_and_why() {
    let mut run = small_run();
    for trial in &mut run.trials {
        trial.status = Status::Failed;
        trial.reason = Some("no such file".to_owned());
    }
    assert_eq!(
        answer(&run),
        "No trial has figures: 28 failed, the first (trial 1, size 4KiB, load baseline) because: no such file."
    );
    run.trials[1].status = Status::Invalid;
    assert!(answer(&run).contains("27 failed and 1 invalid, the first"), "{}", answer(&run));
    run.trials.clear();
    assert_eq!(answer(&run), "No trial has figures: none was executed.");
    let mut silent = small_run();
    silent.trials.iter_mut().for_each(|trial| trial.measures.clear());
    assert_eq!(answer(&silent), "No trial has figures: no call was seen in any window.");
}

#[test]
fn an_answer_speaks_of_the_cells_that_it_is_of() {
    let both = answer(&small_run());
    assert!(both.contains("That is at size 1MiB; over both such cells the mean's ratio spans"), "{both}");
    let mut failed = small_run();
    fail(&mut failed, ("1MiB", "high"));
    for one in [answer(&failed), answer(&run_without_a_cell())] {
        let only = "That is at size 4KiB, the only one of 2 such cells with figures under baseline and high.";
        assert!(one.contains(only) && !one.contains("both"), "{one}");
    }
    let mut three = synthetic::run(&Recipe { sizes: vec!["4KiB", "64KiB", "1MiB"], ..small() });
    assert!(answer(&three).contains("over all 3 such cells"), "{}", answer(&three));
    fail(&mut three, ("64KiB", "baseline"));
    let some = "over the 2 of 3 such cells with figures under baseline and high the mean's ratio spans";
    assert!(answer(&three).contains(some), "{}", answer(&three));
    // What has nothing to be set against is told with its place, and not as if it were all there is.
    fail(&mut failed, ("4KiB", "high"));
    fail(&mut failed, ("4KiB", "baseline"));
    let alone = answer(&failed);
    assert!(alone.contains("At size 1MiB, load baseline, mmap takes"), "{alone}");
}

#[test]
fn means_of_few_calls_are_said_to_be_that() {
    let few = synthetic::run(&Recipe { calls: 5, ..small() });
    let said = answer(&few);
    let calls =
        summarise(&few.view()).cells[0].measure("mmap", Vantage::Kernel).unwrap().repetitions[0].calls;
    assert!(calls < 30 && said.contains("the mean of mmap"), "{said}");
    assert!(
        said.contains("call, whose mean") || said.contains("calls, whose mean a single slow call moves."),
        "{said}"
    );
    assert!(!answer(&small_run()).contains("There are repetitions of only"));
}

#[test]
fn a_cell_with_few_repetitions_has_its_range_and_that_is_said() {
    let mut run = small_run();
    let mut left = 4;
    run.trials.retain(|trial| {
        let of_cell = trial.factors["size"] == "4KiB" && trial.factors["load"] == "high";
        left -= i32::from(of_cell);
        !of_cell || left >= 0
    });
    let shown = in_one_line(&text::render(&summarise(&run.view()), &TextOptions::default()));
    let note = "Where fewer than six repetitions are ok, the brackets have their range.";
    assert!(shown.contains(note) && shown.contains("[95 %]"), "{shown}");
    assert!(markdown::render(&summarise(&run.view())).contains(note));
    assert!(
        !in_one_line(&text::render(&summarise(&small_run().view()), &TextOptions::default())).contains(note)
    );
}

/// However many repetitions there are, four boots have their range, and so has a cell of four among others of seven.
#[test]
fn of_several_boots_their_number_decides_what_the_brackets_are() {
    let shown = |run: &SyntheticRun| {
        in_one_line(&text::render(&summarise(&run.view()), &TextOptions { width: 120, colour: false }))
    };
    let booted = |boots: u32| {
        let mut run = small_run();
        run.trials.iter_mut().for_each(|trial| trial.boot = format!("boot {}", trial.block % boots));
        run
    };
    let mut seven = booted(7);
    assert!(shown(&seven).contains("[95 %]") && !shown(&seven).contains("fewer than six boots"));
    let four = shown(&booted(4));
    assert!(four.contains("[range]") && !four.contains("[95 %]"), "{four}");
    seven.trials.iter_mut().filter(|it| it.factors["size"] == "1MiB").for_each(|trial| {
        trial.boot = format!("boot {}", trial.block % 4);
    });
    assert!(
        shown(&seven).contains("Where there are fewer than six boots, or of one boot"),
        "{}",
        shown(&seven)
    );
    let two = summarise(&booted(2).view());
    let measure = two.cells[0].measure("mmap", Vantage::Kernel).unwrap();
    assert_eq!((measure.units(), measure.figure(Metric::P50).unwrap().interval_ns), (2, None));
}

/// The small run without its trials at 1MiB under high load, which the plan does not have.
fn run_without_a_cell() -> SyntheticRun {
    let mut run = small_run();
    run.trials.retain(|trial| trial.factors["size"] != "1MiB" || trial.factors["load"] != "high");
    (0..).zip(&mut run.trials).for_each(|(number, trial)| trial.trial = number);
    run.manifest.plan.cells = 3;
    run.manifest.plan.trials = 21;
    run.manifest.plan.design.cells = vec![vec![0, 0], vec![0, 1], vec![1, 0]];
    run
}

#[test]
fn cells_that_the_plan_leaves_out_are_not_missed() {
    let run = run_without_a_cell();
    let summary = summarise(&run.view());
    assert_eq!((summary.cells.len(), summary.progress.missing, summary.warnings.len()), (3, 0, 1));
    assert!(summary.cell(&["1MiB", "high"]).is_none());
    let shown = text::render(&summary, &TextOptions::default());
    assert!(!shown.contains("no trial") && shown.contains("Under high load the mean of mmap"), "{shown}");
    assert!(rendered(&run).html.contains("What size does to mmap"));
    let same = compare(&run.view(), &run.view(), Metric::P50, 0.05).unwrap();
    assert_eq!((same.without_figures, same.effects.len()), (0, 3 * 2 * 2));
    let other = compare(&small_run().view(), &run.view(), Metric::P50, 0.05).unwrap_err();
    assert!(other.to_string().contains("3 of 4 combinations of levels in the candidate"), "{other}");
}

#[test]
fn factors_that_go_along_with_each_other_are_told_of_together() {
    let mut run = small_run();
    let level = |label: &str, value| store::Level {
        label: label.to_owned(),
        value: Some(value),
        arguments: vec![],
        command: vec![],
    };
    let threads =
        store::Factor { name: "threads".to_owned(), levels: vec![level("1", 1.0), level("8", 8.0)] };
    run.manifest.scenario.factors.insert(1, threads);
    for trial in &mut run.trials {
        let threads = if trial.factors["size"] == "4KiB" { "1" } else { "8" };
        trial.factors.insert("threads".to_owned(), threads.to_owned());
    }
    let design = &mut run.manifest.plan.design;
    design.zip = vec![vec!["size".to_owned(), "threads".to_owned()]];
    design.cells = vec![vec![0, 0, 0], vec![0, 0, 1], vec![1, 1, 0], vec![1, 1, 1]];
    let summary = summarise(&run.view());
    let answer = reports::answer::paragraphs(&summary).join(" ");
    assert!(
        answer.contains(
            "From size 4KiB to 1MiB (at load baseline), with threads 1 to 8, munmap's median rises"
        ),
        "{answer}"
    );
    assert!(!answer.contains("From threads"), "{answer}");
    let page = rendered(&run).html;
    assert!(
        page.contains("What size, with threads 1 to 8, does to mmap") && !page.contains("What threads does")
    );
}

#[test]
fn what_a_rule_did_is_said_and_intervals_allow_for_its_looks() {
    let mut run = synthetic::run(&Recipe { repetitions: 12, ..small() });
    let before = summarise(&run.view());
    run.manifest.plan.design.stop = Some(store::StopRule {
        metric: "p50".to_owned(),
        relative_interval: 0.05,
        least: 8,
        most: 40,
        max_time_ns: None,
        looks: vec![8, 12, 18, 27, 40],
        confidence: 0.99,
        reason: Some(store::StopReason::Time),
        figures: 8,
        unsure: 3,
    });
    let summary = summarise(&run.view());
    assert_eq!(summary.warnings[0], "3 of 8 figures (median) are not as sure as asked, within ± 5 %.");
    let mut restarted = run.clone();
    restarted.trials.iter_mut().filter(|it| it.block > 5).for_each(|trial| trial.boot = "another".to_owned());
    let of_boots = |run: &SyntheticRun| {
        summarise(&run.view())
            .warnings
            .iter()
            .any(|it| it.starts_with("The repetitions were taken in 2 boots"))
    };
    assert!(of_boots(&restarted) && !of_boots(&run));
    let said = "Repetitions were added until every median was within ± 5 %, and ended after 12 with the time that \
                there is. Intervals allow for the 5 numbers of repetitions at which this was looked at: each is one of 99 %.";
    let shown = in_one_line(&text::render(&summary, &TextOptions::default()));
    assert!(shown.contains(&in_one_line(said)), "{shown}");
    assert!(markdown::render(&summary).contains("12 with the time that there is"));
    // Whatever is beside a figure has the confidence of the looks, and is called so.
    assert!(shown.contains("[99 %]") && shown.contains("99 % interval of p50"), "{shown}");
    assert!(!shown.contains("95 %"), "{shown}");
    assert!(markdown::render(&summary).contains("Medians over repetitions with 99 % intervals."));
    let page = in_one_line(&rendered(&run).html);
    assert!(page.contains("medians over repetitions [99 %]") && !page.contains("[95 %]"));
    assert!(page.contains("the numbers in brackets are its 99 % interval by order statistics"));
    assert!(in_one_line(&rendered(&run).html).contains("with the time that there is"));
    let figure = |summary: &reports::Summary| {
        summary.cells[0].measure("mmap", Vantage::Kernel).unwrap().figure(Metric::P50).unwrap()
    };
    assert_eq!(figure(&before).value_ns.to_bits(), figure(&summary).value_ns.to_bits());
    // Of twelve values the second smallest and largest are the ends at 99 %.
    let mut values = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap().values(Metric::P50);
    values.sort_by(f64::total_cmp);
    let interval = figure(&summary).interval_ns.unwrap();
    assert!((interval.low - values[1]).abs() < values[1] / 64.0, "{interval:?} {values:?}");
    assert!((interval.high - values[10]).abs() < values[10] / 64.0, "{interval:?} {values:?}");
}

#[test]
fn what_a_run_like_a_kept_one_can_find() {
    let run = small_run();
    let summary = summarise(&run.view());
    let targets = ["mmap".to_owned(), "read".to_owned()];
    let found =
        |repetitions| reports::detection::detectable(&summary, &targets, Metric::P50, (repetitions, 4));
    assert_eq!(found(7).len(), 4, "a cell is a figure, and nobody read");
    assert!(found(4).iter().all(|it| it.ratio.is_none()));
    let (few, many) = (found(7), found(20));
    assert!(few.is_sorted_by(|a, b| a.ratio <= b.ratio) && few[0].ratio.unwrap() > 1.0);
    assert!(many[3].ratio < few[3].ratio, "{many:?} {few:?}");
    assert!(few.iter().any(|it| it.cell == "size 4KiB, load high"), "{few:?}");
}

fn rendered(run: &SyntheticRun) -> html::Rendered {
    html::render(&run.view(), &summarise(&run.view())).unwrap()
}

#[test]
fn the_page_loads_nothing_and_says_it_all() {
    let run = small_run();
    let page = rendered(&run).html;
    let without_names = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for reference in ["http://", "https://", "src=\"", "@import", "<link rel=\"stylesheet"] {
        assert!(!without_names.contains(reference), "{reference}");
    }
    let urls: Vec<&str> = without_names.split("url(").skip(1).map(|rest| &rest[..5]).collect();
    assert!(!urls.is_empty() && urls.iter().all(|url| *url == "data:"), "{urls:?}");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for words in [
        "mmap_sweep",
        "raw_tracepoint",
        "6.18.5",
        "--seed 1",
        "fentry: loading was refused",
        "Under high load",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn every_chart_is_there_as_drawing_and_as_image() {
    let files = rendered(&small_run()).files;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    // Two sizes with three charts each, a sweep and the run's order: for two targets from two vantages; and both vantages
    // in one.
    let charts = 2 * (2 * (2 * 3 + 2) + 1);
    assert_eq!(names.iter().filter(|name| name.strip_suffix(".svg").is_some()).count(), charts);
    // The run's order has a heat map, whose data are a file of their own.
    assert_eq!(names.len(), 3 * charts + 2 * 2);
    assert!(names.contains(&"mmap-kernel-histograms-size_1MiB.svg"), "{names:?}");
    let content = |name: &str| &files.iter().find(|(other, _)| other == name).unwrap().1;
    for drawing in names.iter().filter_map(|name| name.strip_suffix(".svg")) {
        assert!(content(&format!("{drawing}.svg")).starts_with(b"<svg "), "{drawing}");
        assert!(content(&format!("{drawing}.png")).starts_with(b"\x89PNG"), "{drawing}");
        let data = str::from_utf8(content(&format!("{drawing}.csv"))).unwrap();
        assert!(data.lines().count() > 1 && data.lines().next().unwrap().contains(','), "{drawing}: {data}");
    }
}

/// The rows of a table beside a picture, as cells by heading.
fn data(files: &[(String, Vec<u8>)], name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let csv = &files.iter().find(|(other, _)| other == name).unwrap().1;
    let mut lines = str::from_utf8(csv).unwrap().lines().map(|line| line.split(',').map(str::to_owned));
    let headings: Vec<String> = lines.next().unwrap().collect();
    lines.map(|cells| headings.iter().cloned().zip(cells).collect()).collect()
}

#[test]
fn data_beside_pictures_are_the_figures_of_the_summary() {
    let run = small_run();
    let summary = summarise(&run.view());
    let files = rendered(&run).files;
    let number = |text: &str| text.parse::<f64>().unwrap();
    let levels = data(&files, "mmap-kernel-average_and_maximum-size_1MiB.csv");
    for row in &levels {
        let cell = summary.cell(&["1MiB", &row["load"]]).unwrap();
        let figure =
            cell.measure("mmap", Vantage::Kernel).unwrap().figure(row["metric"].parse().unwrap()).unwrap();
        assert!((number(&row["value_ns"]) - figure.value_ns).abs() < 1e-6);
        assert!((number(&row["interval_high_ns"]) - figure.interval_ns.unwrap().high).abs() < 1e-6);
    }
    assert_eq!(levels.len(), 4);
    for name in ["mmap-kernel-histograms-size_1MiB.csv", "mmap-kernel-run_order-heat_map.csv"] {
        let rows = data(&files, name);
        let mut shares = std::collections::BTreeMap::<String, f64>::new();
        for row in &rows {
            let of = row.get("load").or_else(|| row.get("first_trial")).unwrap().clone();
            *shares.entry(of).or_default() += number(&row["share_of_calls"]);
            assert!(number(&row["lower_ns"]) < number(&row["upper_ns"]), "{row:?}");
        }
        assert!(shares.values().all(|share| (share - 1.0).abs() < 1e-9), "{name}: {shares:?}");
    }
    let order = data(&files, "mmap-kernel-run_order.csv");
    assert_eq!(order.len(), run.trials.len());
    for (row, trial) in order.iter().zip(&run.trials) {
        assert_eq!((&row["status"], &row["size"]), (&"ok".to_owned(), &trial.factors["size"]));
        assert_eq!(row["calls"], trial.measures[0].ok.count.to_string());
        assert!(number(&row["cpu_busy_share"]) <= 1.0 && number(&row["memory_used_bytes"]) > 1e9);
    }
}

#[test]
fn failed_and_disturbed_trials_stand_out_in_the_runs_order() {
    let run = detailed_run();
    let page = rendered(&synthetic::run(&Recipe { faults: true, ..Recipe::default() }));
    for words in ["failed or invalid", ">disturbed<", "Trials that were disturbed", "updatedb (911)"] {
        assert!(page.html.replace(['\n'], "").contains(words), "{words}");
    }
    let quiet = rendered(&run).html;
    assert!(!quiet.contains("Trials that were disturbed") && !quiet.contains("failed or invalid"));
}

#[test]
fn a_run_of_many_trials_has_no_column_for_each() {
    let recipe = Recipe { repetitions: 150, calls: 200, details: false, faults: false, ..small() };
    let files = rendered(&synthetic::run(&recipe)).files;
    let columns = data(&files, "mmap-kernel-run_order-heat_map.csv");
    let firsts: std::collections::BTreeSet<&String> = columns.iter().map(|row| &row["first_trial"]).collect();
    assert_eq!((firsts.len(), columns[0]["last_trial"].as_str()), (200, "3"));
    assert_eq!(data(&files, "mmap-kernel-run_order.csv").len(), 600);
}

#[test]
fn slow_calls_are_told_by_whether_they_were_taken_off_the_cpu_and_where() {
    let run = detailed_run();
    let summary = summarise(&run.view());
    let kept = || run.trials.iter().flat_map(|trial| &trial.slowest).filter(|call| call.syscall == "munmap");
    let found = &summary.slowest[1].off_cpu;
    assert_eq!(found.looked_at, kept().count() as u64);
    assert_eq!(found.taken_off, kept().filter(|call| call.switches > Some(0)).count() as u64);
    assert_eq!(found.places.iter().map(|place| place.calls).sum::<u64>(), found.taken_off);
    let words: Vec<String> = found.places.iter().map(reports::Place::words).collect();
    assert!(words.contains(&"waiting in rwsem_down_write_slowpath".to_owned()), "{words:?}");
    assert!(words.contains(&"preempted in do_syscall_64".to_owned()), "{words:?}");
    let sum = data(&rendered(&run).files, "munmap-off_cpu.csv");
    let total: u64 = sum.iter().map(|row| row["calls_taken_off"].parse::<u64>().unwrap()).sum();
    assert_eq!(total, found.taken_off);
}

#[test]
fn a_factor_that_means_another_target_has_no_chart() {
    let mut run = small_run();
    for trial in &mut run.trials {
        let own = if trial.factors["size"] == "1MiB" { "mmap" } else { "munmap" };
        trial.measures.retain(|measure| measure.syscall == own);
    }
    let page = rendered(&run);
    // For two targets from two vantages: three charts and the run's order; and both vantages in one.
    let drawings = page.files.iter().filter(|(name, _)| name.strip_suffix(".svg").is_some());
    assert_eq!(drawings.count(), 2 * (2 * (3 + 1) + 1));
    assert!(!page.html.contains("What size does to") && !page.html.contains(" at size "));
    assert!(page.html.contains("Histograms of mmap, in the kernel"));
}

#[test]
fn scenario_text_cannot_become_markup() {
    let mut run = detailed_run();
    for call in run.trials.iter_mut().flat_map(|trial| &mut trial.slowest) {
        call.stack = vec!["a<b>".to_owned()];
    }
    run.manifest.scenario.summary = "<script>alert(1)</script>".to_owned();
    run.manifest.scenario.factors[0].name = "a<b>&\"c\"".to_owned();
    for trial in &mut run.trials {
        let level = trial.factors.remove("size").unwrap();
        trial.factors.insert("a<b>&\"c\"".to_owned(), level);
    }
    let page = rendered(&run).html;
    assert!(!page.contains("<script>alert") && !page.contains("a<b>"), "markup got through");
}

#[test]
fn a_run_of_one_cell_and_one_without_trials_have_pages_too() {
    let one = synthetic::run(&Recipe { sizes: vec!["4KiB"], loads: vec!["baseline"], ..small() });
    let page = rendered(&one).html;
    assert!(page.contains("mmap takes ") && page.contains("on average"), "no answer");
    assert!(answer(&one).starts_with("mmap takes "), "a cell that is alone has no name: {}", answer(&one));
    let mut none = small_run();
    none.trials.clear();
    assert!(rendered(&none).html.contains("No trial has figures: none was executed."));
}

/// A run in which one generator had a mix of two workloads, one of them at a fixed rate.
fn mixed_run() -> SyntheticRun {
    let mut run = small_run();
    for trial in &mut run.trials {
        let response = trial.measures[0].ok.clone();
        let record = |workload: &str, operations, response: Option<_>| store::GeneratorRecord {
            generator: "caller".to_owned(),
            workload: workload.to_owned(),
            rate_per_second: response.as_ref().map(|_| 7_500.0),
            operations,
            late: response.as_ref().map(|_| operations / 4),
            response,
        };
        trial.generators = vec![record("read", 3_000, Some(response)), record("openat", 1_000, None)];
    }
    run
}

#[test]
fn generators_with_a_rate_or_a_mix_are_told_of() {
    assert_eq!(summarise(&small_run().view()).generators, []);
    let summary = summarise(&mixed_run().view());
    assert_eq!(summary.generators.len(), 2 * 4);
    let read = &summary.generators[0];
    assert_eq!((read.workload.as_str(), read.share, read.late_share), ("read", 0.75, Some(0.25)));
    assert_eq!((read.asked_per_second, summary.generators[4].asked_per_second), (Some(7_500.0), None));
    assert!((read.operations_per_second - 6_000.0).abs() < 1e-9, "3,000 in half a second");
    let p50 = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap().figure(Metric::P50);
    assert_eq!(read.response(Metric::P50), p50, "the same latencies have the same figure");
    assert_eq!(summary.generators[4].response, None);
    let options = TextOptions { width: 100, colour: false };
    let report = text::render(&summary, &options);
    insta::assert_snapshot!(between(&report, "What the generators did", "Load achieved"));
    for page in [markdown::render(&summary), text::render(&summary, &options)] {
        assert!(page.contains("75.0 %") && page.contains("25.0 %"), "{page}");
        assert!(page.contains("asked/s"), "{page}");
    }
    assert!(rendered(&mixed_run()).html.contains("asked/s"));
    let mut earlier = mixed_run();
    let records = earlier.trials.iter_mut().flat_map(|trial| &mut trial.generators);
    records.for_each(|record| record.rate_per_second = None);
    assert!(!text::render(&summarise(&earlier.view()), &options).contains("asked/s"));
}

#[test]
fn where_every_call_failed_the_failures_have_the_figures() {
    let mut run = small_run();
    for trial in run.trials.iter_mut().filter(|trial| trial.factors["size"] == "4KiB") {
        for measure in &mut trial.measures {
            measure.error = std::mem::take(&mut measure.ok);
        }
    }
    let (summary, whole) = (summarise(&run.view()), summarise(&small_run().view()));
    let measure =
        |summary: &reports::Summary| summary.cells[0].measure("mmap", Vantage::Kernel).unwrap().clone();
    let (failed, succeeded) = (measure(&summary), measure(&whole));
    assert!(failed.of_failures && !succeeded.of_failures);
    assert_eq!((failed.calls, failed.errors), (0, succeeded.calls));
    assert_eq!(failed.figure(Metric::P50), succeeded.figure(Metric::P50));
    let report = text::render(&summary, &TextOptions { width: 100, colour: false });
    assert!(in_one_line(&report).contains("times are those of the calls that failed"), "{report}");
    assert!(markdown::render(&summary).contains("times are those of the calls that failed"));
}

#[test]
fn a_load_that_follows_a_factor_is_told_at_each_of_its_values() {
    let mut run = small_run();
    let load = run.manifest.scenario.factors.last_mut().unwrap();
    load.levels[1].arguments = vec!["--vm-bytes".to_owned(), "$size".to_owned()];
    let summary = summarise(&run.view());
    let levels: Vec<&str> = summary.load.iter().map(|level| level.level.as_str()).collect();
    assert_eq!(levels, ["baseline", "high, size 1MiB", "high, size 4KiB"]);
    let all = summarise(&small_run().view()).load[1].trials;
    assert_eq!(summary.load[1].trials + summary.load[2].trials, all);
    assert_eq!(summary.load[2].arguments, ["--vm-bytes", "4KiB"]);
    assert!(summary.load[1].stressors.is_empty());
}

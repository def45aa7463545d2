//! Runs that were made of others: machines against their median, and what is said of parts.

use super::schema::assert_report_valid;
use super::{compare, in_one_line, small};
use crate::synthetic::{self, Recipe, SyntheticRun};
use reports::fleet::{FleetRow, Lack};
use reports::{Metric, TextOptions, Unit, html, json, markdown, summarise, text};
use store::{
    Factor, Level, MACHINE, Merged, MergedPart, PARTS_FORMAT_VERSION, Shard, ShardBy, TrialRecord, Vantage,
};

/// A part as which a run becomes one of a merged run's.
fn part(run: &SyntheticRun, machine: &str, shard: Option<Shard>) -> MergedPart {
    let manifest = &run.manifest;
    MergedPart {
        run: format!("2026-11-21T090000Z-synthetic-{machine}"),
        label: None,
        seal: Some("0".repeat(64)),
        shard,
        level: shard.is_none().then(|| machine.to_owned()),
        machine: machine.to_owned(),
        boots: vec![format!("boot of {machine}")],
        trials: u32::try_from(run.trials.len()).unwrap(),
        started_at: manifest.started_at,
        ended_at: manifest.ended_at,
        command: vec!["runner".to_owned(), "run".to_owned()],
        probe: manifest.probe.clone(),
        environment: manifest.environment.clone(),
        extensions: Vec::new(),
        settings: Vec::new(),
    }
}

/// A run of so many machines, of which each is slower by its own share.
fn fleet(slowdowns: &[f64]) -> SyntheticRun {
    let recipe = Recipe { calls: 4_000, ..small() };
    let names: Vec<String> = (1..=slowdowns.len()).map(|number| format!("node{number}")).collect();
    let runs: Vec<SyntheticRun> = slowdowns
        .iter()
        .zip(5..)
        .map(|(slowdown, seed)| synthetic::run(&Recipe { slowdown: *slowdown, seed, ..recipe.clone() }))
        .collect();
    let parts = runs.iter().zip(&names).map(|(run, name)| part(run, name, None)).collect();
    let merged = Merged { factor: Some(MACHINE.to_owned()), parts };
    let mut all = runs[0].clone();
    all.trials.clear();
    let level =
        |label: &String| Level { label: label.clone(), value: None, arguments: vec![], command: vec![] };
    let factor = Factor { name: MACHINE.to_owned(), levels: names.iter().map(level).collect() };
    all.manifest.scenario.factors.insert(0, factor);
    for (number, run) in runs.into_iter().enumerate() {
        for mut trial in run.trials {
            trial.boot = format!("boot of {}", names[number]);
            merged.place(&mut trial, number, 4);
            all.trials.push(trial);
        }
    }
    all.trials.sort_by_key(|trial| trial.trial);
    let plan = &mut all.manifest.plan;
    plan.cells *= u32::try_from(names.len()).unwrap();
    plan.trials = u32::try_from(all.trials.len()).unwrap();
    all.manifest.format_version = PARTS_FORMAT_VERSION;
    all.manifest.probe.calibrations.clear();
    all.manifest.merged = Some(merged);
    all
}

#[test]
fn a_machine_that_is_off_is_named_and_the_others_are_not() {
    let run = fleet(&[1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert!(run.trials.iter().zip(0..).all(|(trial, number)| trial.trial == number));
    let summary = summarise(&run.view());
    let fleet = summary.fleet.as_ref().unwrap();
    assert_eq!((fleet.members.len(), fleet.rows.len()), (9, 9 * 4 * 2));
    let named: Vec<&str> =
        fleet.rows.iter().filter(|row| row.is_outlier == Some(true)).map(|row| row.member.as_str()).collect();
    let off = named.iter().filter(|member| **member == "node3").count();
    assert!(off == 8 && named.len() <= 10, "{named:?}");
    let row = fleet.rows.iter().find(|row| row.member == "node3").unwrap();
    assert!(
        row.interval.unwrap().low > 1.2 && row.ratio.unwrap() > 1.3 && row.units == 7 && !row.of_boots,
        "{row:?}"
    );
    assert_eq!(row.vantage, Vantage::Kernel);
    let shown = text::render(&summary, &TextOptions { width: 120, colour: false });
    let said = in_one_line(&shown);
    assert!(said.contains("of the 9 machines") && said.contains("node3 (mmap at size 4KiB, load "), "{said}");
    assert!(
        said.contains("This run was made of 9 whole runs, one of each of these machines: node1, node2"),
        "{said}"
    );
    assert!(!said.contains("From machine"), "no machine is the first: {said}");
    assert!(said.contains("adds 240 ns to 240 ns to a call"), "{said}");
    let page = html::render(&run.view(), &summary).unwrap().html;
    assert!(page.contains("id=\"fleet\"") && page.contains("<strong>node3</strong>"));
    let hand_in = markdown::render(&summary);
    assert!(
        hand_in.contains("## Machines against the median of all") && hand_in.contains("| yes |"),
        "{hand_in}"
    );
    let document = json::render(&summary).unwrap();
    assert_report_valid(&document);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["fleet"]["least_members"], 8);
    insta::assert_snapshot!(shown.split("\n\n").find(|part| part.starts_with("Machines against")).unwrap());
}

#[test]
fn machines_are_set_against_each_other_by_any_figure() {
    let run = fleet(&[1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let by = |metric| summarise(&run.view()).with_fleet_by(metric);
    assert_eq!(summarise(&run.view()), by(Metric::P50));
    for metric in [Metric::Mean, Metric::P90, Metric::Max] {
        let summary = by(metric);
        let fleet = summary.fleet.as_ref().unwrap();
        assert_eq!((fleet.metric, fleet.rows.len()), (metric, 9 * 4 * 2), "{metric}");
        assert!(fleet.rows.iter().all(|row| row.lacks.is_none() && row.is_outlier.is_some()), "{metric}");
        let said = in_one_line(&text::render(&summary, &TextOptions { width: 120, colour: false }));
        assert!(said.contains(&format!("Each machine's {metric} over the median of all")), "{said}");
        assert!(said.contains(&format!("machine {metric} n of median")), "{said}");
        assert!(html::render(&run.view(), &summary).unwrap().html.contains(&format!(">{metric}</th>")));
        let document = json::render(&summary).unwrap();
        assert_report_valid(&document);
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["fleet"]["metric"], metric.name());
        let measure = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap();
        let row = &document["fleet"]["rows"][0];
        assert_eq!(row["value_ns"], measure.figure(metric).unwrap().value_ns, "{row}");
    }
    let slow = by(Metric::Mean).fleet.unwrap();
    let named = slow.rows.iter().filter(|row| row.is_outlier == Some(true) && row.member == "node3").count();
    assert!(named >= 4, "{named}");
    // So few calls have no quantile so far out.
    let summary = by(Metric::P999);
    let rows = &summary.fleet.as_ref().unwrap().rows;
    assert!(rows.iter().all(|row| row.lacks == Some(Lack::TooFewCalls) && row.value_ns.is_none()));
    assert_report_valid(&json::render(&summary).unwrap());
    let said = in_one_line(&text::render(&summary, &TextOptions::default()));
    assert!(said.contains("No machine is named as an outlier: none could be judged."), "{said}");
    assert!(
        said.contains("Without p99.9, and judged nowhere there, for a repetition has too few calls"),
        "{said}"
    );
    assert!(markdown::render(&summary).contains("none could be judged"));
}

/// The trials of a machine, of all cells or one.
fn of<'a>(
    run: &'a mut SyntheticRun,
    machine: &'a str,
    size: &'a str,
) -> impl Iterator<Item = &'a mut TrialRecord> {
    let is_meant = move |trial: &&mut TrialRecord| {
        trial.factors[MACHINE] == machine && (size.is_empty() || trial.factors["size"] == size)
    };
    run.trials.iter_mut().filter(is_meant)
}

#[test]
fn rows_with_too_few_machines_are_shown_and_none_is_judged_in_them() {
    let mut run = fleet(&[1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    for machine in ["node8", "node9"] {
        for trial in of(&mut run, machine, "4KiB") {
            trial.doubt("a test says so");
        }
    }
    let summary = summarise(&run.view());
    let fleet = summary.fleet.as_ref().unwrap();
    let (few, many): (Vec<_>, Vec<_>) = fleet.rows.iter().partition(|row| row.factors[0].1 == "4KiB");
    let (gone, there): (Vec<&FleetRow>, Vec<&FleetRow>) =
        few.into_iter().partition(|row| row.lacks.is_some());
    assert!(gone.len() == 8 && gone.iter().all(|row| row.lacks == Some(Lack::NoTrial) && row.units == 0));
    assert!(there.iter().all(|row| row.z.is_none() && row.is_outlier.is_none() && row.interval.is_some()));
    assert!(many.iter().any(|row| row.is_outlier == Some(true)) && many.iter().all(|row| row.z.is_some()));
    let shown = text::render(&summary, &TextOptions { width: 120, colour: false });
    let section = shown.split("\n\n").find(|part| part.starts_with("Machines against")).unwrap();
    let sentences: Vec<&str> = section.lines().take_while(|line| !line.starts_with("target")).collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn where_every_call_of_a_machine_fails_it_is_not_set_against_the_others() {
    let mut run = fleet(&[1.0; 9]);
    for trial in of(&mut run, "node2", "") {
        for measure in trial.measures.iter_mut().filter(|measure| measure.syscall == "munmap") {
            measure.error = std::mem::take(&mut measure.ok);
        }
    }
    let summary = summarise(&run.view());
    let fleet = summary.fleet.as_ref().unwrap();
    let failing: Vec<&FleetRow> =
        fleet.rows.iter().filter(|row| row.lacks == Some(Lack::EveryCallFails)).collect();
    assert!(failing.len() == 4 && failing.iter().all(|row| row.syscall == "munmap" && row.member == "node2"));
    let rest: Vec<&FleetRow> = fleet.rows.iter().filter(|row| row.lacks.is_none()).collect();
    assert!(rest.len() == 9 * 4 + 8 * 4 && rest.iter().all(|row| row.is_outlier.is_some()));
    assert_report_valid(&json::render(&summary).unwrap());
    let said = in_one_line(&text::render(&summary, &TextOptions::default()));
    let words =
        "Left out, for every call fails there and elsewhere not: node2 (munmap at size 4KiB, load baseline);";
    assert!(said.contains(words) && said.contains("; and 1 more."), "{said}");
}

#[test]
fn maxima_of_unlike_numbers_of_calls_are_left_out() {
    let mut run = fleet(&[1.0; 9]);
    for trial in of(&mut run, "node4", "1MiB") {
        for measure in &mut trial.measures {
            let once = measure.ok.clone();
            measure.ok.merge(&once);
            measure.ok.merge(&once);
        }
    }
    let fleet = summarise(&run.view()).with_fleet_by(Metric::Max).fleet.unwrap();
    let unlike: Vec<&FleetRow> =
        fleet.rows.iter().filter(|row| row.lacks == Some(Lack::UnlikeCalls)).collect();
    assert!(unlike.len() == 9 * 2 * 2 && unlike.iter().all(|row| row.factors[0].1 == "1MiB"), "{unlike:?}");
    let said = reports::fleet::sentences(&fleet).join(" ");
    assert!(
        said.contains("more than twice the calls of another's") && said.contains("mmap at size 1MiB"),
        "{said}"
    );
    let by_median = summarise(&run.view()).fleet.unwrap();
    assert!(by_median.rows.iter().all(|row| row.lacks.is_none()), "quantiles do not grow with it");
}

/// A slow machine has fewer calls in a window, and so may have no figure at all: it must not look as if it were like the rest.
#[test]
fn a_machine_that_drops_out_by_its_slowness_is_named() {
    let mut run = fleet(&[1.0; 9]);
    let trial = of(&mut run, "node7", "4KiB").next().unwrap();
    for measure in &mut trial.measures {
        measure.ok.slots.truncate(1);
        measure.ok.slots[0].1 = 100;
        measure.ok.count = 100;
    }
    let load = trial.factors["load"].clone();
    let summary = summarise(&run.view());
    let fleet = summary.fleet.as_ref().unwrap();
    let lacking: Vec<&FleetRow> = fleet.rows.iter().filter(|row| row.lacks.is_some()).collect();
    assert!(
        lacking.iter().all(|row| row.lacks == Some(Lack::TooFewCalls) && row.member == "node7"),
        "{lacking:?}"
    );
    assert_eq!(lacking.len(), 2);
    assert_report_valid(&json::render(&summary).unwrap());
    let shown = text::render(&summary, &TextOptions { width: 120, colour: false });
    let said = in_one_line(&shown);
    assert!(!said.contains("None of the 9 machines is an outlier"), "{said}");
    let words = format!("as where calls are slow: node7 (mmap at size 4KiB, load {load}); node7 (munmap");
    assert!(said.contains(&words), "{said}");
    let row = shown.lines().find(|line| line.contains("node7") && line.contains(" – ")).unwrap();
    assert_eq!(row.split_whitespace().skip(4).collect::<Vec<_>>(), ["–", "7", "–", "–", "–", "–"]);
}

#[test]
fn with_too_few_repetitions_no_machine_is_judged_nor_said_to_be_like_the_rest() {
    let mut run = fleet(&[1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    run.trials.retain(|trial| trial.block < 2);
    let said = reports::fleet::sentences(&summarise(&run.view()).fleet.unwrap()).join(" ");
    assert!(said.starts_with("No machine is named as an outlier: none could be judged."), "{said}");
    assert!(
        said.contains("an interval takes 6 repetitions") && said.contains("node1; node2; node3; and 6 more"),
        "{said}"
    );
    // Of some only.
    let mut run = fleet(&[1.0; 9]);
    run.trials.retain(|trial| trial.block < 2 || trial.factors[MACHINE] != "node5");
    let said = reports::fleet::sentences(&summarise(&run.view()).fleet.unwrap()).join(" ");
    assert!(!said.contains("None of the 9 machines is an outlier"), "{said}");
    assert!(said.contains("of several boots 6 boots: node5."), "{said}");
}

#[test]
fn among_few_machines_none_is_an_outlier() {
    let summary = summarise(&fleet(&[1.0, 1.0, 2.0]).view());
    let fleet = summary.fleet.as_ref().unwrap();
    assert!(fleet.rows.iter().all(|row| row.z.is_none() && row.is_outlier.is_none() && row.ratio.is_some()));
    let said = in_one_line(&text::render(&summary, &TextOptions::default()));
    assert!(
        said.contains("No machine is named as an outlier: among 3,") && said.contains("it takes 8"),
        "{said}"
    );
}

#[test]
fn machines_are_compared_with_themselves_cell_by_cell() {
    let (before, after) = (fleet(&[1.0, 1.0, 1.0]), fleet(&[1.0, 1.4, 1.0]));
    let comparison = compare(&before.view(), &after.view(), Metric::P50, 0.10).unwrap();
    assert_eq!(comparison.unit, Unit::Repetition);
    let worse: Vec<&str> = comparison
        .gated()
        .filter(|effect| effect.verdict == reports::Verdict::Worse)
        .map(|effect| effect.levels[0].as_str())
        .collect();
    assert!(!worse.is_empty() && worse.iter().all(|machine| *machine == "node2"), "{worse:?}");
}

/// Blocks of one plan, every other one of each of two machines, or on more.
fn pooled(machines: usize, by: ShardBy) -> SyntheticRun {
    let mut run = synthetic::run(&Recipe { calls: 4_000, repetitions: 12, ..small() });
    let cells: Vec<_> = run.trials[..4].iter().map(|trial| trial.factors.clone()).collect();
    for trial in &mut run.trials {
        let place = match by {
            ShardBy::Block => trial.block as usize,
            ShardBy::Cell => cells.iter().position(|cell| *cell == trial.factors).unwrap(),
        };
        trial.boot = format!("boot of node{}", place % machines + 1);
    }
    let of = u32::try_from(machines).unwrap();
    let shards = (1..=of).map(|number| Shard { number, of, by });
    let parts = shards.map(|shard| part(&run, &format!("node{}", shard.number), Some(shard))).collect();
    run.manifest.merged = Some(Merged { factor: None, parts });
    run
}

#[test]
fn where_cells_are_of_several_machines_the_machine_is_the_unit() {
    let run = pooled(3, ShardBy::Block);
    let summary = summarise(&run.view());
    assert!(summary.fleet.is_none());
    let measure = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap();
    assert_eq!((measure.repetitions.len(), measure.units()), (12, 3));
    let said = in_one_line(&text::render(&summary, &TextOptions::default()));
    assert!(
        said.contains("executed on 3 machines: node1, node2, node3. Intervals are over machines"),
        "{said}"
    );
    let comparison = compare(&run.view(), &run.view(), Metric::P50, 0.10).unwrap();
    assert_eq!(comparison.unit, Unit::Machine);
    assert!(
        comparison.unit_sentence().starts_with("The unit is the machine, 3 a side"),
        "{}",
        comparison.unit_sentence()
    );
    // A restart of one of them makes no other machine of it.
    let mut restarted = run;
    restarted.trials[0].boot = "another boot".to_owned();
    restarted.manifest.merged.as_mut().unwrap().parts[0].boots.push("another boot".to_owned());
    let measures = summarise(&restarted.view());
    assert!(measures.cells.iter().all(|cell| cell.measures.iter().all(|measure| measure.units() == 3)));
}

#[test]
fn where_cells_are_of_different_machines_none_is_judged() {
    let run = pooled(2, ShardBy::Cell);
    let summary = summarise(&run.view());
    let measure = summary.cells[0].measure("mmap", Vantage::Kernel).unwrap();
    assert_eq!(measure.units(), 12, "each cell is of one machine");
    let answer = reports::answer::paragraphs(&summary);
    assert!(answer[0].contains("none of them is judged"), "{answer:?}");
    let judged = ["rises", "falls", "grows", "hardly"].iter().any(|verb| answer.join(" ").contains(verb));
    assert!(!judged, "{answer:?}");
    let alike = summarise(&pooled(1, ShardBy::Cell).view());
    assert!(!reports::answer::paragraphs(&alike)[0].contains("judged"));
}

#[test]
fn a_part_of_the_cells_shows_its_own() {
    let mut run = synthetic::run(&Recipe { calls: 2_000, ..small() });
    run.manifest.plan.shard = Some(Shard { number: 1, of: 2, by: ShardBy::Cell });
    run.trials.retain(|trial| trial.factors["size"] == "4KiB");
    let summary = summarise(&run.view());
    assert_eq!(summary.cells.len(), 2);
    let page = html::render(&run.view(), &summary).unwrap().html;
    assert!(page.contains("--shard 1/2 --shard-by cell"), "the command that does the same again");
}

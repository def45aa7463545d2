//! Two scenarios that are executed in alternation: which they are, whether they can be compared, and what they show.

use super::run::Side;
use super::{load, manifest, overrides, report};
use crate::cli::{AgainstArguments, Cli, ScenarioArguments, Verb};
use crate::execution::turns;
use crate::failure::{Failure, chain};
use crate::progress::say_beside;
use crate::scenario::{
    Effects, Estimate, Machine, Overheads, Override, Plan, PlanDocument, ProbeRequest, Scenario,
};
use clap::Parser;
use reports::{CompareError, Metric, Question, Summary};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use store::{Against, Manifest, ProbeInfo, Role, Run};

/// Repetitions of each of two runs in alternation where no scenario says how many. A test that swaps the signs of n
/// differences finds nothing at 5 % below six of them, and hardly anything with seven where there are several cells.
const REPETITIONS: u32 = 12;

/// What is asked for, checked as far as nothing has to be tried for that.
pub(super) fn sides(
    asked: (&ScenarioArguments, &AgainstArguments),
    probe: Option<ProbeRequest>,
    machine: &Machine,
) -> Result<Vec<Side>, Failure> {
    let mut scenarios = scenarios(asked, machine)?;
    if let Some(request) = probe {
        scenarios = scenarios.into_iter().map(|scenario| scenario.with_probe(request)).collect();
    }
    // Both in the order of the first, so that pairs are as alike as can be.
    let seed = scenarios[0].plan.seed;
    if scenarios.iter().any(|scenario| scenario.plan.seed != seed) {
        say_beside(&format!("note: both are executed in the order of the baseline's seed, {seed}"));
    }
    let side = |scenario: Scenario| Side { plan: Plan::of(&scenario, seed), scenario, done: Vec::new() };
    let sides: Vec<Side> = scenarios.into_iter().map(side).collect();
    check(&sides)?;
    Ok(sides)
}

/// The scenario; with `--against` or `--against-set` the baseline and the candidate.
fn scenarios(
    (arguments, against): (&ScenarioArguments, &AgainstArguments),
    machine: &Machine,
) -> Result<Vec<Scenario>, Failure> {
    let common = overrides(arguments);
    if against.against.is_none() && against.against_set.is_empty() {
        return Ok(vec![load(&arguments.scenario, &common, machine)?]);
    }
    let own = against
        .against_set
        .iter()
        .map(|assignment| Override { option: "--against-set".to_owned(), assignment: assignment.clone() });
    let other = against.against.as_ref().unwrap_or(&arguments.scenario);
    let candidate: Vec<Override> = common.iter().cloned().chain(own).collect();
    let mut given = [(&arguments.scenario, common), (other, candidate)];
    let read = |(path, overrides): &(&std::path::PathBuf, Vec<Override>)| load(path, overrides, machine);
    let pair = given.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let said: Vec<Option<u32>> = pair.iter().map(said_repetitions).collect();
    if said.iter().all(Option::is_some) {
        return Ok(pair);
    }
    // What one of them says holds for both.
    let repetitions = said.iter().find_map(|said| *said).unwrap_or(REPETITIONS).to_string();
    for ((_, overrides), _) in given.iter_mut().zip(said).filter(|(_, said)| said.is_none()) {
        overrides.push(Override::option("--repetitions", "plan.repetitions", &repetitions));
    }
    given.iter().map(read).collect()
}

/// The repetitions, where they were said and not taken for want of a number.
fn said_repetitions(scenario: &Scenario) -> Option<u32> {
    scenario.says_repetitions.then_some(scenario.plan.repetitions)
}

/// Whether two sides can be executed in alternation and compared, as far as the scenarios tell.
fn check(sides: &[Side]) -> Result<(), Failure> {
    let [base, candidate] = sides else { return Ok(()) };
    let refused = |reason: String| {
        let names = format!("{} and {}", base.scenario.name, candidate.scenario.name);
        Err(Failure::Usage(format!("{names} cannot be executed in alternation: {reason}")))
    };
    let (mine, theirs) = (&base.scenario.plan, &candidate.scenario.plan);
    if mine.until.is_some() || theirs.until.is_some() {
        let reason = "`plan.until` ends a run by its own figures, and each block needs its partner; leave it out, and say \
                      how many with `--repetitions`";
        return refused(reason.to_owned());
    }
    let drafts = sides.iter().map(|side| manifest::draft(&side.scenario, &side.plan, ProbeInfo::default()));
    check_comparable(&drafts.collect::<Vec<_>>())?;
    if mine.repetitions != theirs.repetitions {
        let (mine, theirs) = (mine.repetitions, theirs.repetitions);
        return refused(format!(
            "one has {mine} repetitions and the other {theirs}; `--repetitions N` sets both"
        ));
    }
    if mine.order != theirs.order {
        return refused(format!("one's order is {}, the other's {}", mine.order.name(), theirs.order.name()));
    }
    if !base.scenario.machine.is_same(&candidate.scenario.machine) {
        return refused(
            "`[machine]` holds for the time of a run, and so has to be the same in both".to_owned(),
        );
    }
    if let Some(reason) = seen_otherwise(&base.scenario, &candidate.scenario) {
        return refused(reason);
    }
    if base.plan.trials != candidate.plan.trials {
        let reason =
            "their cells come in different orders: a load level follows a factor in one of them only";
        return refused(reason.to_owned());
    }
    Ok(())
}

/// A target that a generator calls, and so times, in one of the scenarios alone: a program's calls only the probe sees, and
/// the runs would not be compared. Where the probe is a factor, cells differ in this by design.
fn seen_otherwise(base: &Scenario, candidate: &Scenario) -> Option<String> {
    if base.probe_factor().is_some() || candidate.probe_factor().is_some() {
        return None;
    }
    let is_timed = |scenario: &Scenario, target: &str| {
        let workloads = scenario.cells.iter().filter(|cell| scenario.targets_of(cell).contains(&target));
        let workloads =
            workloads.flat_map(|cell| scenario.generators.iter().flat_map(|it| it.workloads_at(cell)));
        workloads.into_iter().any(|workload| workload.timed().contains(&target))
    };
    let target = base.measure.targets.iter().find(|it| is_timed(base, it) != is_timed(candidate, it))?;
    let (mine, theirs) =
        if is_timed(base, target) { ("baseline", "candidate") } else { ("candidate", "baseline") };
    Some(format!(
        "a generator of the {mine} calls {target} and times it, and none of the {theirs} does; both need one that does, or neither"
    ))
}

/// Whether `runner diff` compares the runs of these manifests.
pub(super) fn check_comparable(manifests: &[Manifest]) -> Result<(), Failure> {
    let [base, candidate] = manifests else { return Ok(()) };
    reports::check_comparable(base, candidate).map_err(|error| Failure::Usage(refusal(&error)))
}

/// Why two scenarios are not executed in alternation: what `runner diff` offers beyond that is for kept runs.
fn refusal(error: &CompareError) -> String {
    match error {
        CompareError::Backend { base, candidate } => format!(
            "the baseline would be observed by {base}, the candidate by {candidate}; `--probe NAME` sets both"
        ),
        CompareError::Targets { base, candidate } => {
            format!("the baseline measures {base}, the candidate {candidate}; both need the same targets")
        }
        CompareError::Cells { base, candidate } => format!(
            "the cells differ: {base} in the baseline, {candidate} in the candidate; both need the same factors and levels"
        ),
        other => chain(other),
    }
}

/// The manifests with names, and those of two with each other's and a warning where so few blocks can show nothing.
pub(super) fn named(manifests: Vec<Manifest>, sides: &[Side], runs_dir: &Path) -> Vec<Manifest> {
    let started_at = chrono::Utc::now();
    let mut ids: Vec<String> = Vec::new();
    for Manifest { scenario, .. } in &manifests {
        ids.push(match ids.last() {
            None => store::run_id(runs_dir, started_at, &scenario.name),
            Some(before) => store::run_id_behind(before, started_at, &scenario.name),
        });
    }
    let others = match &ids[..] {
        [base, candidate] => {
            let against = |run: &String, role| Some(Against { run: run.clone(), role });
            vec![against(candidate, Role::Baseline), against(base, Role::Candidate)]
        }
        _ => vec![None],
    };
    let named = manifests.into_iter().zip(ids).zip(others).zip(sides);
    let named = named.map(|(((mut manifest, id), against), side)| {
        if against.is_some() {
            manifest.warnings.extend(Effects::of_pairs(&side.scenario, None).too_few());
        }
        Manifest { id, started_at, against, ..manifest }
    });
    named.collect()
}

/// How the blocks of both follow each other, and what they take together.
pub(super) fn order_text(sides: &[Side]) -> String {
    let [base, candidate] = sides else { return String::new() };
    let turns = (0..base.scenario.plan.repetitions).flat_map(|number| turns(base.plan.seed, number, 2));
    let mut blocks: Vec<_> =
        turns.take(7).map(|(number, place)| format!("{}{}", ["A", "B"][place], number + 1)).collect();
    if blocks.len() == 7 {
        "…".clone_into(&mut blocks[6]);
    }
    format!(
        "baseline {}, candidate {}, in alternation: blocks {}, {} of each, about {} s in all\n\n",
        base.scenario.name,
        candidate.scenario.name,
        blocks.join(" "),
        base.scenario.plan.repetitions,
        time(sides).as_secs(),
    )
}

/// Two plans for other programs.
#[derive(Serialize)]
struct PairDocument {
    /// Version of this shape.
    format: u32,
    baseline: PlanDocument,
    candidate: PlanDocument,
    /// Whose block comes when, blocks from 0.
    blocks: Vec<(Role, u32)>,
    /// Estimated, for both.
    seconds: f64,
}

/// What `runner plan --json` prints.
pub(super) fn plan_json(sides: &[Side], kept: Option<&Summary>) -> Result<String, serde_json::Error> {
    let document = |Side { scenario, plan, .. }: &Side| {
        crate::scenario::plan_document(scenario, plan, effects(sides, scenario, kept))
    };
    let [base, candidate] = sides else { return serde_json::to_string_pretty(&document(&sides[0])) };
    let blocks = (0..base.scenario.plan.repetitions).flat_map(|number| turns(base.plan.seed, number, 2));
    let role = |place| if place == 0 { Role::Baseline } else { Role::Candidate };
    serde_json::to_string_pretty(&PairDocument {
        format: 1,
        baseline: document(base),
        candidate: document(candidate),
        blocks: blocks.map(|(number, place)| (role(place), number)).collect(),
        seconds: time(sides).as_secs_f64(),
    })
}

/// What the plan of one of these sides can show.
pub(super) fn effects(sides: &[Side], scenario: &Scenario, kept: Option<&Summary>) -> Effects {
    if sides.len() > 1 { Effects::of_pairs(scenario, kept) } else { Effects::of(scenario, kept) }
}

/// What both take together, about.
fn time(sides: &[Side]) -> Duration {
    sides.iter().map(|side| Estimate::of(&side.scenario, Overheads::TYPICAL).total()).sum()
}

/// Prints what `runner diff` does.
pub(super) fn print_diff(base: &Path, candidate: &Path) -> Result<(), Failure> {
    let words = ["runner".as_ref(), "diff".as_ref(), base.as_os_str(), candidate.as_os_str()];
    match Cli::try_parse_from(words).map(|cli| cli.verb) {
        Ok(Verb::Diff(arguments)) => super::diff::diff(&arguments).map(drop),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::failed(&error)),
    }
}

/// What `runner diff --format json` prints; none where there is nothing to compare.
pub(super) fn comparison_document(base: &Run, candidate: &Run) -> Option<serde_json::Value> {
    let question = Question::of(Metric::P50, 0.05);
    let compared = reports::compare(&report::view(base), &report::view(candidate), &question).ok()?;
    serde_json::from_str(&reports::json::render_comparison(&compared).ok()?).ok()
}

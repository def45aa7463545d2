//! From the tree as written to the validated scenario; what is independent of each other is reported together.

mod cells;
mod factors;
mod fields;
mod generators;
mod idle;
mod load;
mod machine;
mod programs;
mod targets;

pub(super) use self::fields::grouped;

use self::factors::Factors;
use self::fields::Section;
use self::generators::Declared;
use self::targets::Targets;
use super::diagnostic::{Diagnostic, Place, Source, quoted};
use super::language::{self, MAX_REPETITIONS, MAX_RETRIES, MAX_SEED, MAX_SLOWEST, SCHEMA};
use super::model::{
    GeneratorDecl, Given, LoadValue, Machine, Measure, Order, PlanRequest, ProbeRequest, Scenario, Scope,
    StopRule, Window,
};
use super::programs::{ProgramDecl, Until};
use super::wire::{Node, Table, Value};
use reports::Metric;
use reports::statistics::{CONFIDENCE, repetitions_for};
use std::time::Duration;

/// Most trials of a plan.
pub(crate) const MAX_TRIALS: usize = 100_000;

/// Shortest window: below it, what happens at its edges is most of what is seen.
const MIN_WINDOW: Duration = Duration::from_millis(1);

/// Validates a scenario; the sources are the file and the overrides that the tree was made of.
pub(super) fn scenario(
    root: &Table,
    sources: &[Source],
    machine: &Machine,
) -> Result<Scenario, Vec<Diagnostic>> {
    let root = Section::root(root);
    check_schema(&root)?;
    let mut problems = Vec::new();
    root.only(&language::ROOT.names(), &mut problems);
    let name = root.required("name", fields::name, &mut problems);
    let summary = root.optional("summary", fields::prose, &mut problems).unwrap_or_default();
    let factor_section = root.section("factors", &mut problems);
    let factors = Factors::read(factor_section.as_ref(), &mut problems);
    let generator_section = root.section("generators", &mut problems);
    let before = problems.len();
    let (generators, programs) =
        generators::read(generator_section.as_ref(), &factors, machine, &mut problems);
    let load_section = root.section("load", &mut problems);
    load::check_not_empty(load_section.as_ref(), root.node("load"), &mut problems);
    let loads = load::read(load_section.as_ref(), &factors, &mut problems);
    // What could not be read of a generator, a load, or of a missing table, may be what uses a factor.
    let are_read = problems.len() == before;
    let machine_section = root.section("machine", &mut problems);
    let machine = machine::read(machine_section.as_ref(), &mut problems);
    machine::check_pins((machine_section.as_ref(), &machine), &generators, &mut problems);
    let is_counted = check_pace(&generators, &programs, &mut problems);
    let measure_section = measure_section(&root, &mut problems);
    let measure =
        measure_section.as_ref().and_then(|section| measure((section, &factors), is_counted, &mut problems));
    let plan_section = root.section("plan", &mut problems);
    let plan = plan(plan_section.as_ref(), &mut problems);
    let place = root.node("plan").or_else(|| root.node("factors"));
    let cells = cells::read(plan_section.as_ref(), (&factors, &loads), place, &mut problems);
    let factors = factors.finish(are_read && measure_section.is_some(), &mut problems);
    let generators: Vec<GeneratorDecl> = generators.into_iter().map(|declared| declared.decl).collect();
    let programs: Vec<ProgramDecl> = programs.into_iter().map(|declared| declared.decl).collect();
    let (Some(name), Some((measure, targets)), Some(cells), true) =
        (name, measure, cells, problems.is_empty())
    else {
        return Err(problems);
    };
    let cells::Cells { cells, zips } = cells;
    let source = sources.first().map(|file| file.text.clone()).unwrap_or_default();
    let overrides = sources.iter().skip(1).map(|given| given.text.clone()).collect();
    let mut scenario = Scenario {
        name,
        summary,
        source,
        overrides,
        measure,
        plan,
        factors,
        cells,
        zips,
        generators,
        programs,
        loads,
        machine,
        says_repetitions: plan_section.is_some_and(|section| section.node("repetitions").is_some()),
        sources: sources.to_vec(),
    };
    scenario.drop_unmeasured_targets();
    // Errors before would make each target look unissued.
    problems.extend(check_whole((&targets, measure_section.as_ref()), &scenario, place));
    problems.extend(idle::check(generator_section.as_ref(), &scenario));
    if problems.is_empty() { Ok(scenario) } else { Err(problems) }
}

/// What has to be there.
fn measure_section<'a>(root: &Section<'a>, problems: &mut Vec<Diagnostic>) -> Option<Section<'a>> {
    let section = root.section("measure", problems);
    if root.node("measure").is_none() {
        root.missing("measure", problems);
    }
    section
}

/// A file of another version is not judged by the rules of this one.
fn check_schema(root: &Section<'_>) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    if root.node("schema").is_none() {
        let problem = Diagnostic::general("`schema` is missing, the version of the scenario language");
        return Err(vec![problem.help(format!("begin the file with `schema = {SCHEMA}`"))]);
    }
    let is_newer =
        |node: &&Node| matches!(node.value, Value::Integer(version) if version > i128::from(SCHEMA));
    if let Some(node) = root.node("schema").filter(is_newer) {
        let message = format!("schema {} is newer than this runner, which knows {SCHEMA}", node.written);
        let problem = Diagnostic::at(&node.place, message, "needs a newer runner");
        problems.push(problem.help("install a newer runner"));
    } else {
        root.optional("schema", fields::integer(SCHEMA..=SCHEMA), &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn measure<'a>(
    (section, factors): (&Section<'a>, &Factors<'a>),
    is_counted: bool,
    problems: &mut Vec<Diagnostic>,
) -> Option<(Measure, Targets<'a>)> {
    section.only(&language::MEASURE.names(), problems);
    let targets = targets::read(section, factors, problems);
    let scope = section.optional("scope", fields::choice(&Scope::NAMES), problems);
    let probe = probe((section, factors), scope.unwrap_or(Scope::Generators), problems);
    let warmup = factors.given((section, "warmup"), fields::duration(Duration::ZERO), problems);
    let window = factors.given((section, "window"), fields::window(MIN_WINDOW), problems);
    let window = window.unwrap_or(Given::Fixed(Window::Timed(Duration::from_millis(500))));
    // Below 0 and NaN are out; 0 itself is a limit that no lost call passes.
    let limit = fields::number(-f64::MIN_POSITIVE, 1.0, "must be a fraction from 0 to 1, such as 0.001");
    let probe = probe.unwrap_or(Given::Fixed(ProbeRequest::Auto));
    let keep_slowest = keep_slowest(section, &probe, problems);
    let limit = section.optional("loss_limit", limit, problems).unwrap_or(0.001);
    let share = fields::number(-f64::MIN_POSITIVE, 1.0, "must be a share from 0 to 1, such as 0.05");
    let noise_limit = section.optional("noise_limit", share, problems).unwrap_or(0.05);
    let targets = targets?;
    let measure = Measure {
        targets: targets.all(),
        named: targets.named.iter().map(|(name, _)| name.clone()).collect(),
        probe,
        keep_slowest,
        scope: scope.unwrap_or(Scope::Generators),
        warmup: warmup.unwrap_or(Given::Fixed(Duration::from_millis(200))),
        window: if is_counted { Given::Fixed(Window::Operations) } else { window },
        loss_limit: limit,
        noise_limit,
    };
    Some((measure, targets))
}

/// The backend, or the factor whose levels are backends; refuses to look at the whole system without one.
fn probe<'a>(
    (section, factors): (&Section<'a>, &Factors<'a>),
    scope: Scope,
    problems: &mut Vec<Diagnostic>,
) -> Option<Given<ProbeRequest>> {
    let before = problems.len();
    let probe = factors.given((section, "probe"), fields::choice(&ProbeRequest::NAMES), problems)?;
    let written = section.node("probe").filter(|_| problems.len() == before);
    let (Some(written), Scope::System) = (written, scope) else {
        return Some(probe);
    };
    // Where a factor says it, the level is what is wrong, and each value is that of the level at its place.
    let places = match &probe {
        Given::Fixed(_) => vec![written],
        Given::Factor { factor, .. } => factors.levels(*factor).to_vec(),
    };
    let blind = probe.values().iter().zip(places).filter(|(request, _)| **request == ProbeRequest::User);
    for (_, place) in blind {
        let message = "without a probe nothing is seen of other processes";
        let problem = Diagnostic::at(&place.place, message, "sees the generators only")
            .help("use scope `generators`, or another probe");
        problems.push(if place == written {
            problem
        } else {
            problem.related(&written.place, "used for `probe` here")
        });
    }
    Some(probe)
}

/// How many slow calls are kept; refuses to keep some where nobody sees single calls.
fn keep_slowest(section: &Section<'_>, probe: &Given<ProbeRequest>, problems: &mut Vec<Diagnostic>) -> usize {
    let keep = section.optional("keep_slowest", fields::integer(0..=MAX_SLOWEST), problems).unwrap_or(0);
    let is_blind = probe.values().iter().all(|request| *request == ProbeRequest::User);
    if let (1.., true, Some(node)) = (keep, is_blind, section.node("keep_slowest")) {
        let message = "without a probe no slow call is kept";
        let problem = Diagnostic::at(&node.place, message, "the generators keep no single calls");
        problems.push(problem.help("leave it out, or use another probe"));
    }
    usize::try_from(keep).unwrap_or(0)
}

fn plan(section: Option<&Section<'_>>, problems: &mut Vec<Diagnostic>) -> PlanRequest {
    let mut plan = PlanRequest {
        repetitions: 7,
        seed: 1,
        order: Order::RandomBlocks,
        ramp: Duration::from_secs(2),
        retry_disturbed: 0,
        until: None,
    };
    let Some(section) = section else { return plan };
    section.only(&language::PLAN.names(), problems);
    let repetitions = section.optional("repetitions", fields::integer(1..=MAX_REPETITIONS), problems);
    plan.repetitions = repetitions.and_then(|number| u32::try_from(number).ok()).unwrap_or(plan.repetitions);
    let seeds = fields::integer(0..=MAX_SEED);
    plan.seed = section.optional("seed", seeds, problems).unwrap_or(plan.seed);
    plan.order = section.optional("order", fields::choice(&Order::NAMES), problems).unwrap_or(plan.order);
    plan.ramp = section.optional("ramp", fields::duration(Duration::ZERO), problems).unwrap_or(plan.ramp);
    let retries = section.optional("retry_disturbed", fields::integer(0..=MAX_RETRIES), problems);
    plan.retry_disturbed = retries.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let until = section.section("until", problems);
    plan.until = until.map(|until| stop_rule(&until, plan.repetitions, problems));
    plan
}

/// `until`: when enough repetitions have been taken.
fn stop_rule(section: &Section<'_>, repetitions: u32, problems: &mut Vec<Diagnostic>) -> StopRule {
    section.only(&language::UNTIL.names(), problems);
    let metrics = Metric::ALL.map(|metric| (metric.name(), metric));
    let metric = section.optional("metric", fields::choice(&metrics), problems);
    let a_share = "must be a share above 0 and at most 1, such as 0.05";
    let share = section.optional("relative_interval", fields::number(0.0, 1.0, a_share), problems);
    let most = section.optional("max_repetitions", fields::integer(1..=MAX_REPETITIONS), problems);
    let most = most.and_then(|number| u32::try_from(number).ok());
    let max_time = section.optional("max_time", fields::duration(Duration::from_secs(1)), problems);
    // Fewer values than this have no interval of 95 %.
    let least = repetitions.max(u32::try_from(repetitions_for(1.0 - CONFIDENCE)).unwrap_or(u32::MAX));
    if let (Some(node), true) = (section.node("max_repetitions"), most.is_some_and(|most| most < least)) {
        let message = format!("{} must be at least {least}", quoted("plan.until.max_repetitions"));
        let label = if least == repetitions {
            format!("there are {repetitions} repetitions in any case")
        } else {
            "so few repetitions have no interval of 95 %".to_owned()
        };
        problems.push(Diagnostic::at(&node.place, message, label));
    }
    StopRule {
        metric: metric.unwrap_or(Metric::P50),
        relative_interval: share.unwrap_or(0.05),
        max_repetitions: most.unwrap_or(40).max(least),
        max_time,
    }
}

/// Whether windows end with operations or programs; a trial has one window, so generators must agree.
fn check_pace(
    generators: &[Declared<'_>],
    programs: &[programs::Declared<'_>],
    problems: &mut Vec<Diagnostic>,
) -> bool {
    let counted = generators.iter().find(|declared| declared.decl.operations.is_some());
    let ending = programs.iter().find(|declared| declared.decl.until == Until::End);
    let ends = counted.map(|counted| (counted.key, "has `operations`, with which the window ends"));
    let ends = ends.or_else(|| ending.map(|ending| (ending.key, "ends the window with its own end")));
    let timed = generators.iter().find(|declared| declared.decl.operations.is_none());
    if let (Some((key, how)), Some(timed)) = (ends, timed) {
        let message = match counted {
            Some(_) => "either every generator has `operations` or none has",
            None => "beside a program that is measured to its end, a generator needs `operations`",
        };
        let problem =
            Diagnostic::at(&timed.key.place, message, "has none, and would run for the window's time");
        problems.push(problem.related(&key.place, how));
    }
    ends.is_some()
}

/// Refuses to look at programs without a probe: nobody else sees their calls.
fn check_seen(section: &Section<'_>, measure: &Measure, problems: &mut Vec<Diagnostic>) {
    let is_blind = measure.probe.values().contains(&ProbeRequest::User);
    if let (true, Some(node)) = (is_blind, section.node("probe")) {
        let message = "without a probe nothing is seen of programs";
        let problem = Diagnostic::at(&node.place, message, "sees the workloads' calls only");
        problems.push(problem.help("use another probe"));
    }
}

/// What can be told only of a scenario of which every part is one.
fn check_whole(
    (targets, section): (&Targets<'_>, Option<&Section<'_>>),
    scenario: &Scenario,
    place: Option<&Node>,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if let Some(section) = section {
        if scenario.programs.is_empty() {
            problems.extend(targets::check_issued(targets, scenario, section));
        } else {
            check_seen(section, &scenario.measure, &mut problems);
        }
    }
    problems.extend(check_probe_alone(scenario));
    problems.extend(check_trials(place, scenario));
    problems
}

/// A factor that says the probe can be replaced by `--probe`, and is gone then; text for stress-ng or a program could go
/// along with the names of backends.
fn check_probe_alone(scenario: &Scenario) -> Vec<Diagnostic> {
    let Given::Factor { factor: probe, .. } = scenario.measure.probe else { return Vec::new() };
    let options = scenario.loads.iter().flat_map(|load| &load.options);
    let options = options
        .filter(|option| matches!(option.value, LoadValue::Factor { factor, .. } if factor == probe))
        .map(|option| &option.place);
    let programs = scenario.programs.iter().filter(|program| program.follows(probe));
    let refuse = |place: &Place| {
        let message = "a factor that says the probe says nothing else";
        Diagnostic::at(place, message, "goes along with the same factor")
    };
    options.chain(programs.map(|program| &program.place)).map(refuse).collect()
}

fn check_trials(place: Option<&Node>, scenario: &Scenario) -> Option<Diagnostic> {
    let repetitions = scenario.plan.most_repetitions();
    let trials = scenario.cells_with_load().checked_mul(repetitions as usize);
    if trials.is_some_and(|trials| trials <= MAX_TRIALS) {
        return None;
    }
    let parts = format!("{} cells × {repetitions} repetitions", scenario.cells_with_load());
    Some(cells::too_many("trials", trials, parts, place))
}

//! From the tree as written to the validated scenario; what is independent of each other is reported together.

mod factors;
mod fields;
mod generators;
mod load;
mod machine;
mod programs;

pub(super) use self::fields::grouped;

use self::factors::Factors;
use self::fields::Section;
use self::generators::Declared;
use super::diagnostic::{Diagnostic, Source, did_you_mean, quoted};
use super::language::{self, MAX_REPETITIONS, MAX_SEED, MAX_SLOWEST, SCHEMA};
use super::model::{
    GeneratorDecl, Given, Machine, Measure, Order, PlanRequest, ProbeRequest, Scenario, Scope, Window,
};
use super::programs::{ProgramDecl, Until};
use super::wire::{Node, Table, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most trials of a plan.
const MAX_TRIALS: usize = 100_000;

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
    // What could not be read of a generator, or of a missing table, may be what uses a factor.
    let are_read = problems.len() == before;
    let load_section = root.section("load", &mut problems);
    load::check_not_empty(load_section.as_ref(), root.node("load"), &mut problems);
    let loads = load::read(load_section.as_ref(), &mut problems);
    let machine_section = root.section("machine", &mut problems);
    let machine = machine::read(machine_section.as_ref(), &mut problems);
    let is_counted = check_pace(&generators, &programs, &mut problems);
    let measure_section = root.section("measure", &mut problems);
    if root.node("measure").is_none() {
        root.missing("measure", &mut problems);
    }
    let measure =
        measure_section.as_ref().and_then(|section| measure((section, &factors), is_counted, &mut problems));
    let plan = plan(root.section("plan", &mut problems).as_ref(), &mut problems);
    let factors = factors.finish(are_read && measure_section.is_some(), &mut problems);
    let generators: Vec<GeneratorDecl> = generators.into_iter().map(|declared| declared.decl).collect();
    let programs: Vec<ProgramDecl> = programs.into_iter().map(|declared| declared.decl).collect();
    // Errors in generators would make each target look unissued.
    if let (Some(section), Some(measure), true) = (&measure_section, &measure, problems.is_empty()) {
        if programs.is_empty() {
            check_scope(section, (measure, &generators), &mut problems);
        } else {
            check_seen(section, measure, &mut problems);
        }
    }
    let (Some(name), Some(measure), true) = (name, measure, problems.is_empty()) else {
        return Err(problems);
    };
    let source = sources.first().map(|file| file.text.clone()).unwrap_or_default();
    let overrides = sources.iter().skip(1).map(|given| given.text.clone()).collect();
    let sources = sources.to_vec();
    let scenario = Scenario {
        name,
        summary,
        source,
        overrides,
        measure,
        plan,
        factors,
        generators,
        programs,
        loads,
        machine,
        sources,
    };
    check_trials(&root, &scenario)?;
    Ok(scenario)
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
) -> Option<Measure> {
    section.only(&language::MEASURE.names(), problems);
    let targets = targets(section, problems);
    let scope = section.optional("scope", fields::choice(&Scope::NAMES), problems);
    let probe = probe((section, factors), scope.unwrap_or(Scope::Generators), problems);
    let warmup = section.optional("warmup", fields::duration(Duration::ZERO), problems);
    let window = section.optional("window", fields::duration(MIN_WINDOW), problems);
    let window = window.unwrap_or(Duration::from_millis(500));
    // Below 0 and NaN are out; 0 itself is a limit that no lost call passes.
    let limit = fields::number(-f64::MIN_POSITIVE, 1.0, "must be a fraction from 0 to 1, such as 0.001");
    let probe = probe.unwrap_or(Given::Fixed(ProbeRequest::Auto));
    let keep_slowest = keep_slowest(section, &probe, problems);
    Some(Measure {
        targets: targets?,
        probe,
        keep_slowest,
        scope: scope.unwrap_or(Scope::Generators),
        warmup: warmup.unwrap_or(Duration::from_millis(200)),
        window: if is_counted { Window::Operations } else { Window::Timed(window) },
        loss_limit: section.optional("loss_limit", limit, problems).unwrap_or(0.001),
    })
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

fn targets(section: &Section<'_>, problems: &mut Vec<Diagnostic>) -> Option<Vec<String>> {
    let Some(node) = section.node("syscalls") else {
        section.missing("syscalls", problems);
        return None;
    };
    let Value::List(items) = &node.value else {
        let message = "`measure.syscalls` must be a list of names";
        problems.push(
            Diagnostic::at(&node.place, message, fields::found(node)).help("write `[\"mmap\", \"munmap\"]`"),
        );
        return None;
    };
    if items.is_empty() {
        problems.push(Diagnostic::at(&node.place, "`measure.syscalls` names no system call", "is empty"));
    }
    if let Some(item) = items.get(probe_abi::MAX_TARGETS) {
        let message = format!("one run measures at most {} system calls", probe_abi::MAX_TARGETS);
        problems.push(Diagnostic::at(&item.place, message, "is one too many"));
        return None;
    }
    let mut named: Vec<(String, &Node)> = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = target(item, problems) else {
            continue;
        };
        if let Some((_, first)) = named.iter().find(|(other, _)| *other == name) {
            let message = format!("system call {} is repeated", quoted(&name));
            let problem = Diagnostic::at(&item.place, message, "given before");
            problems.push(problem.related(&first.place, "first given here"));
        }
        named.push((name, item));
    }
    Some(named.into_iter().map(|(name, _)| name).collect())
}

fn target(item: &Node, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let Value::Text(name) = &item.value else {
        let message = "a system call is named by a string";
        problems.push(Diagnostic::at(&item.place, message, fields::found(item)));
        return None;
    };
    let all = || syscalls::SysnoSet::all();
    if all().iter().any(|sysno| sysno.name() == name) {
        return Some(name.clone());
    }
    let set = all();
    let help = did_you_mean(name, set.iter().map(|sysno| sysno.name()));
    let message = format!("there is no system call {} on {}", quoted(name), std::env::consts::ARCH);
    problems.push(Diagnostic::at(&item.place, message, "is unknown").maybe_help(help));
    None
}

fn plan(section: Option<&Section<'_>>, problems: &mut Vec<Diagnostic>) -> PlanRequest {
    let mut plan =
        PlanRequest { repetitions: 7, seed: 1, order: Order::RandomBlocks, ramp: Duration::from_secs(2) };
    let Some(section) = section else { return plan };
    section.only(&language::PLAN.names(), problems);
    let repetitions = section.optional("repetitions", fields::integer(1..=MAX_REPETITIONS), problems);
    plan.repetitions = repetitions.and_then(|number| u32::try_from(number).ok()).unwrap_or(plan.repetitions);
    let seeds = fields::integer(0..=MAX_SEED);
    plan.seed = section.optional("seed", seeds, problems).unwrap_or(plan.seed);
    plan.order = section.optional("order", fields::choice(&Order::NAMES), problems).unwrap_or(plan.order);
    plan.ramp = section.optional("ramp", fields::duration(Duration::ZERO), problems).unwrap_or(plan.ramp);
    plan
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

/// Refuses targets that nobody issues where only generators are seen.
fn check_scope(
    section: &Section<'_>,
    (measure, generators): (&Measure, &[GeneratorDecl]),
    problems: &mut Vec<Diagnostic>,
) {
    if measure.scope == Scope::System {
        return;
    }
    let issued: BTreeSet<&str> = generators
        .iter()
        .flat_map(|generator| generator.workload.values())
        .flat_map(|workload| workload.syscalls().iter().copied())
        .collect();
    let Some(Node { value: Value::List(items), place, .. }) = section.node("syscalls") else {
        return;
    };
    if generators.is_empty() {
        let message = "there is no generator, and scope `generators` counts no other calls";
        let problem = Diagnostic::at(place, message, "nobody would issue these");
        problems.push(problem.help("add a [generators.NAME] table, or measure with scope `system`"));
        return;
    }
    for (item, target) in items.iter().zip(&measure.targets) {
        if !issued.contains(target.as_str()) {
            let message = format!("no generator issues {}", quoted(target));
            let list = issued.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
            let problem = Diagnostic::at(&item.place, message, "would count nothing");
            problems.push(problem.help(format!("the generators issue {list}")));
        }
    }
}

fn check_trials(root: &Section<'_>, scenario: &Scenario) -> Result<(), Vec<Diagnostic>> {
    let axes = scenario.factors.iter().map(|factor| factor.levels.len());
    let trials = axes
        .chain([scenario.loads.len(), scenario.plan.repetitions as usize])
        .try_fold(1_usize, usize::checked_mul);
    if trials.is_some_and(|trials| trials <= MAX_TRIALS) {
        return Ok(());
    }
    let count = trials.map_or("more".to_owned(), |trials| fields::grouped(trials as u64));
    let message = format!("the plan has {count} trials, and at most 100,000 can be executed");
    let mut parts: Vec<String> = scenario
        .factors
        .iter()
        .map(|factor| format!("{} levels of {}", factor.levels.len(), quoted(factor.name.as_str())))
        .collect();
    parts.push(format!("{} levels of load", scenario.loads.len()));
    parts.push(format!("{} repetitions", scenario.plan.repetitions));
    let problem = match root.node("plan").or_else(|| root.node("factors")) {
        Some(node) => Diagnostic::at(&node.place, message, parts.join(" × ")),
        None => Diagnostic::general(message),
    };
    Err(vec![problem])
}

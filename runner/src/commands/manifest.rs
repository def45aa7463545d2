//! The manifest of a run that is about to begin: what scenario, plan, machine and probe are, as readers of figures need it.

use super::machine;
use crate::calibration::Calibrated;
use crate::clock::nanoseconds;
use crate::environment;
use crate::execution::stop_rule;
use crate::scenario::{Cell, Given, Plan, Scenario, Window};
use probe::Backend;
use std::collections::BTreeMap;
use std::path::Path;
use store::{Design, Factor, Level, MachineSetting, Manifest, PlanInfo, ProbeInfo, ScenarioInfo, State};

/// The manifest of a run that has no name yet.
pub(super) fn draft(scenario: &Scenario, plan: &Plan, probe: ProbeInfo) -> Manifest {
    let environment = environment::observe();
    let cells = scenario.cells_with_load();
    let mut warnings = environment::warnings(&environment);
    warnings.extend(probe_warnings(&probe));
    warnings.extend(crate::scenario::warnings(scenario));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Manifest {
        format_version: if plan.shard.is_some() {
            store::PARTS_FORMAT_VERSION
        } else {
            store::FORMAT_VERSION
        },
        id: String::new(),
        state: State::Running,
        started_at: chrono::Utc::now(),
        ended_at: None,
        label: None,
        command: std::env::args().collect(),
        scenario: scenario_info(scenario),
        plan: PlanInfo {
            order: scenario.plan.order.name().to_owned(),
            seed: plan.seed,
            repetitions: scenario.plan.most_repetitions(),
            cells: count(cells),
            trials: count(plan.trials.len()),
            design: design(scenario),
            shard: plan.shard,
        },
        probe,
        environment,
        against: None,
        trace: None,
        extensions: Vec::new(),
        merged: None,
        warnings,
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// The manifest with what its probe costs.
pub(super) fn with_costs(mut manifest: Manifest, calibrated: &Calibrated) -> Manifest {
    manifest.probe.calibrations.clone_from(&calibrated.calibrations);
    manifest.warnings.extend(calibrated.warnings.iter().cloned());
    manifest
}

/// The manifest with how the machine is set, and a warning for each thing that it cannot be.
pub(super) fn with_settings(mut manifest: Manifest, settings: Vec<MachineSetting>) -> Manifest {
    manifest.warnings.extend(unset(&settings));
    manifest.machine = settings;
    manifest
}

/// What cannot be set as asked, in words.
pub(super) fn unset(settings: &[MachineSetting]) -> impl Iterator<Item = String> {
    let cannot = settings.iter().filter_map(|it| Some((it, it.cannot.as_ref()?)));
    cannot.map(|(it, reason)| format!("{} is not {} as asked: {reason}", it.name, it.asked))
}

/// What a reader of the figures should know of the probe beforehand.
fn probe_warnings(probe: &ProbeInfo) -> Vec<String> {
    if probe.backend == Backend::User.name() {
        let words = "without a probe only the callers' own view is measured: it includes the way into and out of the \
                     kernel, and no ledger can tell what is missing";
        return vec![words.to_owned()];
    }
    let levels = probe.factor.iter().flat_map(|factor| &factor.levels);
    let missing = levels.filter(|level| level.backend.is_none());
    missing.map(|level| format!("probe {} cannot be attached here: its trials fail", level.label)).collect()
}

fn scenario_info(scenario: &Scenario) -> ScenarioInfo {
    let measure = &scenario.measure;
    ScenarioInfo {
        name: scenario.name.to_string(),
        summary: scenario.summary.clone(),
        hash: blake3::hash(scenario.source.as_bytes()).to_hex().to_string(),
        overrides: scenario.overrides.clone(),
        syscalls: measure.targets.clone(),
        scope: measure.scope.name().to_owned(),
        warmup_ns: measure.warmup.values().iter().copied().map(nanoseconds).max().unwrap_or(0),
        window_ns: match measure.window {
            Given::Fixed(Window::Timed(window)) => Some(nanoseconds(window)),
            Given::Fixed(Window::Operations) | Given::Factor { .. } => None,
        },
        factors: factors(scenario),
        generators: generator_lines(scenario),
        loss_limit: measure.loss_limit,
        noise_limit: Some(measure.noise_limit),
        keep_slowest: u32::try_from(measure.keep_slowest).unwrap_or(u32::MAX),
    }
}

/// Where the plan is more than every combination of levels.
fn design(scenario: &Scenario) -> Design {
    // Of the levels that the manifest has, which are those of some cell.
    let factors = (0..scenario.factors.len()).map(|factor| scenario.used_levels(factor));
    let used: Vec<Vec<usize>> = factors.chain([scenario.used_loads()]).collect();
    let index = |(used, level): (&Vec<usize>, usize)| {
        used.iter()
            .position(|it| *it == level)
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or(u32::MAX)
    };
    let combination = |cell: &Cell, load: usize| {
        used.iter().zip(cell.levels.iter().copied().chain([load])).map(index).collect()
    };
    let cells = scenario.cells.iter().filter(|_| !scenario.is_full());
    let name = |factor: usize| scenario.factors[factor].name.to_string();
    Design {
        zip: scenario.zips.clone(),
        cells: cells.flat_map(|cell| cell.loads.iter().map(move |load| combination(cell, *load))).collect(),
        warmup_factor: scenario.measure.warmup.factor().map(name),
        window_factor: scenario.measure.window.factor().map(name),
        stop: stop_rule(scenario),
    }
}

/// The factors with those of their levels that some cell has.
fn factors(scenario: &Scenario) -> Vec<Factor> {
    let declared = scenario.factors.iter().enumerate().map(|(index, factor)| {
        let level = |level: usize| Level {
            label: factor.levels[level].label.to_string(),
            value: factor.levels[level].value,
            arguments: Vec::new(),
            command: Vec::new(),
        };
        let levels = scenario.used_levels(index).into_iter().map(level).collect();
        Factor { name: factor.name.to_string(), levels }
    });
    let machine = machine();
    let load = scenario.used_loads().into_iter().map(|index| &scenario.loads[index]).map(|level| Level {
        label: level.name.to_string(),
        value: None,
        arguments: level.arguments(&machine),
        command: level.program.as_ref().map(|program| program.command.clone()).unwrap_or_default(),
    });
    declared.chain([Factor { name: "load".to_owned(), levels: load.collect() }]).collect()
}

/// One line on each generator: what it does, with the factors that it follows.
fn generator_lines(scenario: &Scenario) -> Vec<String> {
    let cells: Vec<_> = (0..scenario.cell_count()).map(|index| scenario.cell(index)).collect();
    let scratch = Path::new("");
    let lines = scenario.generators.iter().enumerate().map(|(place, declared)| {
        let spec = |cell| scenario.generators_of(cell, scratch).swap_remove(place).1;
        let mut seen: Vec<String> = Vec::new();
        for text in cells.iter().map(|cell| spec(cell).describe()) {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        format!("{}: {}", declared.name, seen.join("; "))
    });
    let factor = |index: usize| scenario.factors[index].name.to_string();
    let programs = scenario.programs.iter();
    lines.chain(programs.map(|program| format!("{}: {}", program.name, program.describe(factor)))).collect()
}

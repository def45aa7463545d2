//! What `check` and `plan` say about a scenario, as text and as values for JSON. Pure; printing is the commands' part.

use super::model::{Given, LoadLevel, LoadOption, LoadValue, Scenario, Window};
use super::plan::{Estimate, Overheads, Plan, PlannedTrial};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Version of the JSON of a plan.
const PLAN_FORMAT: u32 = 1;

/// A scenario in a few lines: what it measures, over what, how often, and how long that takes.
pub(crate) fn check_text(scenario: &Scenario) -> String {
    let mut text = format!("{}\n", scenario.name);
    let mut line = |what: &str, value: &str| {
        text.push_str(format!("  {what:<11} {value}").trim_end());
        text.push('\n');
    };
    if !scenario.summary.is_empty() {
        line("summary", &scenario.summary.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let measure = &scenario.measure;
    line("syscalls", &measure.targets.join(", "));
    line("probe", &format!("{}, scope {}", probe_text(scenario), measure.scope.name()));
    line("window", &window_text(scenario));
    if measure.keep_slowest > 0 {
        line("slow calls", &format!("{} kept of each system call and trial", measure.keep_slowest));
    }
    for factor in &scenario.factors {
        let labels: Vec<&str> = factor.levels.iter().map(|level| level.label.as_str()).collect();
        line("factor", &format!("{}: {}", factor.name, labels.join(", ")));
    }
    for generator in &scenario.generators {
        let workloads: Vec<&str> = generator.workload.values().iter().map(|w| w.name()).collect();
        line("generator", &format!("{}: {}", generator.name, workloads.join(", ")));
    }
    for program in &scenario.programs {
        let factor = |index: usize| scenario.factors[index].name.to_string();
        line("program", &format!("{}: {}", program.name, program.describe(factor)));
    }
    for load in &scenario.loads {
        line("load", &load_text(load));
    }
    line("trials", &trials_text(scenario));
    line("time", &time_text(scenario, Overheads::TYPICAL));
    text
}

/// `auto`, `by factor backend`.
fn probe_text(scenario: &Scenario) -> String {
    match &scenario.measure.probe {
        Given::Fixed(request) => request.name().to_owned(),
        Given::Factor { factor, .. } => format!("by factor {}", scenario.factors[*factor].name),
    }
}

fn window_text(scenario: &Scenario) -> String {
    let warmup = duration_text(scenario.measure.warmup);
    match scenario.measure.window {
        Window::Timed(window) => format!("{} after {warmup} of warm-up", duration_text(window)),
        Window::Operations if scenario.generators.is_empty() => "until the programs have ended".to_owned(),
        Window::Operations => format!("until the generators' operations are done, after {warmup} of warm-up"),
    }
}

fn load_text(load: &LoadLevel) -> String {
    let program = load.program.iter().map(|program| format!("program {}", program.command.join(" ")));
    let parts: Vec<String> = load.options.iter().map(option_text).chain(program).collect();
    let what = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
    format!("{}: {what}", load.name)
}

fn option_text(option: &LoadOption) -> String {
    match &option.value {
        LoadValue::Text(text) => format!("{} {text}", option.name),
        LoadValue::Integer(number) => format!("{} {number}", option.name),
        LoadValue::Flag => option.name.clone(),
        LoadValue::CpuShare(share) => format!("{} {}% cpus", option.name, share * 100.0),
        LoadValue::MemoryShare(share) => format!("{} {}% memory", option.name, share * 100.0),
    }
}

fn trials_text(scenario: &Scenario) -> String {
    format!(
        "{} = {} × {}",
        scenario.trial_count(),
        counted(scenario.cells_with_load(), "cell"),
        counted(scenario.plan.repetitions as usize, "repetition"),
    )
}

/// `1 cell`, `3 repetitions`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// How long a scenario takes, and what that is made of.
fn time_text(scenario: &Scenario, overheads: Overheads) -> String {
    let estimate = Estimate::of(scenario, overheads);
    let about = if estimate.is_lower_bound { "more than" } else { "about" };
    format!(
        "{about} {} (warm-up and window {}, changes of load {}, the rest {})",
        duration_text(estimate.total()),
        duration_text(estimate.measuring),
        duration_text(estimate.ramps),
        duration_text(estimate.overhead),
    )
}

/// A duration to three digits or the second, whichever is finer, in the units of scenarios.
pub(super) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_nanos() {
        0 => "0s".to_owned(),
        1..1_000 => format!("{}ns", duration.as_nanos()),
        1_000..1_000_000 => format!("{}us", rounded(seconds * 1e6)),
        1_000_000..1_000_000_000 => format!("{}ms", rounded(seconds * 1e3)),
        1_000_000_000..60_000_000_000 => format!("{}s", rounded(seconds)),
        _ => {
            let whole = duration.as_secs();
            match (whole / 3600, whole / 60 % 60, whole % 60) {
                (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
                (hours, minutes, seconds) => format!("{hours}h {minutes:02}m {seconds:02}s"),
            }
        }
    }
}

/// Three significant digits of a number from 1 to 1000, without zeros at the end.
fn rounded(number: f64) -> String {
    let decimals = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    let digits = format!("{number:.decimals$}");
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.').to_owned() } else { digits }
}

/// Every trial in order, and how long they take.
pub(crate) fn plan_text(scenario: &Scenario, plan: &Plan) -> String {
    let mut text = format!(
        "{}: {}\norder {}, seed {}\ntime {}\n\n",
        scenario.name,
        trials_text(scenario),
        scenario.plan.order.name(),
        plan.seed,
        time_text(scenario, Overheads::TYPICAL),
    );
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(plan.trials.len() + 1);
    let factors = scenario.factors.iter().map(|factor| factor.name.to_string());
    rows.push(["trial", "block", "load"].into_iter().map(str::to_owned).chain(factors).collect());
    for trial in &plan.trials {
        rows.push(row(scenario, trial));
    }
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers to the right, names to the left; writing to a string cannot fail.
            let _ =
                if column < 2 { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(scenario: &Scenario, trial: &PlannedTrial) -> Vec<String> {
    let cell = scenario.cell(trial.cell);
    let labels = scenario.factors.iter().zip(&cell.levels);
    [
        (trial.trial + 1).to_string(),
        (trial.block + 1).to_string(),
        scenario.loads[trial.load].name.to_string(),
    ]
    .into_iter()
    .chain(labels.map(|(factor, level)| factor.levels[*level].label.to_string()))
    .collect()
}

/// A plan for other programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PlanDocument {
    /// Version of this shape.
    format: u32,
    scenario: String,
    order: &'static str,
    seed: u64,
    repetitions: u32,
    /// Load levels included.
    cells: usize,
    loads: Vec<String>,
    /// Estimated; without the windows where those end with operations.
    seconds: f64,
    trials: Vec<TrialDocument>,
}

/// A trial of a plan for other programs, its numbers from 0 as in a run's tables.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct TrialDocument {
    trial: u32,
    block: u32,
    position: u32,
    repetition: u32,
    /// Factor → level, `load` among them.
    factors: BTreeMap<String, String>,
}

/// The plan with its names resolved, to be written as JSON.
pub(crate) fn plan_document(scenario: &Scenario, plan: &Plan) -> PlanDocument {
    let trial = |trial: &PlannedTrial| TrialDocument {
        trial: trial.trial,
        block: trial.block,
        position: trial.position,
        repetition: trial.repetition,
        factors: scenario.labels(&scenario.cell(trial.cell), trial.load),
    };
    PlanDocument {
        format: PLAN_FORMAT,
        scenario: scenario.name.to_string(),
        order: scenario.plan.order.name(),
        seed: plan.seed,
        repetitions: scenario.plan.repetitions,
        cells: scenario.cells_with_load(),
        loads: scenario.loads.iter().map(|load| load.name.to_string()).collect(),
        seconds: Estimate::of(scenario, Overheads::TYPICAL).total().as_secs_f64(),
        trials: plan.trials.iter().map(trial).collect(),
    }
}

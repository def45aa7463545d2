//! What `check` and `plan` say about a scenario, as text and as values for JSON. Pure; printing is the commands' part.

use super::effects::Effects;
use super::model::{Given, LoadLevel, LoadOption, LoadValue, Order, Scenario, StopRule, Window};
use super::plan::{Estimate, Overheads, Plan, PlannedTrial};
use super::shard::shard_words;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use store::Shard;

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
    for (index, factor) in scenario.factors.iter().enumerate() {
        let used = scenario.used_levels(index);
        let labels: Vec<&str> = used.iter().map(|level| factor.levels[*level].label.as_str()).collect();
        line("factor", &format!("{}: {}", factor.name, labels.join(", ")));
    }
    for generator in &scenario.generators {
        let workloads: Vec<String> = match generator.mix.as_slice() {
            [] => generator.workload.values().iter().map(|workload| workload.name().to_owned()).collect(),
            mix => mix.iter().map(|(workload, weight)| format!("{weight} {}", workload.name())).collect(),
        };
        line("generator", &format!("{}: {}", generator.name, workloads.join(", ")));
    }
    for program in &scenario.programs {
        let factor = |index: usize| scenario.factors[index].name.to_string();
        line("program", &format!("{}: {}", program.name, program.describe(factor)));
        for (what, words) in program.around(factor) {
            line("", &format!("{what} {words}"));
        }
    }
    for load in scenario.used_loads() {
        line("load", &load_text(&scenario.loads[load]));
    }
    if let Some(rule) = &scenario.plan.until {
        line("until", &rule_text(rule));
    }
    for zip in &scenario.zips {
        line("zipped", &zip.join(", "));
    }
    line("trials", &trials_text(scenario));
    line("time", &time_text(scenario, Estimate::of(scenario, Overheads::TYPICAL), Overheads::TYPICAL));
    for warning in warnings(scenario) {
        line("warning", &warning);
    }
    text
}

/// What the figures of such a scenario will suffer from, whatever the machine does.
pub(crate) fn warnings(scenario: &Scenario) -> Vec<String> {
    let sequential = "order is sequential: whatever drifts during the run (temperature, caches, other work) looks like \
                      an effect of the factors; `random_blocks` keeps them apart";
    let sequential = (scenario.plan.order == Order::Sequential).then(|| sequential.to_owned());
    let late = scenario.plan.until.and_then(|rule| rule.max_time);
    let late = late.filter(|_| scenario.is_out_of_time(Overheads::TYPICAL)).map(|time| {
        let look = scenario.plan.first_look();
        let needed = Estimate::of_blocks(scenario, look, Overheads::TYPICAL).total();
        format!(
            "`plan.until` can hardly be met: it first looks after {look} repetitions, which take about {}, and its \
             max_time is {}",
            duration_text(needed),
            duration_text(time),
        )
    });
    sequential.into_iter().chain(late).chain(unmeasured(scenario)).collect()
}

/// Levels that no cell has, since all of theirs are excluded.
fn unmeasured(scenario: &Scenario) -> impl Iterator<Item = String> {
    let factors = scenario.factors.iter().enumerate();
    let of_factors = factors.flat_map(|(index, factor)| {
        let used = scenario.used_levels(index);
        let unused = factor.levels.iter().enumerate().filter(move |(level, _)| !used.contains(level));
        unused.map(|(_, level)| (factor.name.as_str(), level.label.as_str()))
    });
    let used = scenario.used_loads();
    let loads = scenario.loads.iter().enumerate().filter(move |(load, _)| !used.contains(load));
    let all = of_factors.chain(loads.map(|(_, load)| ("load", load.name.as_str())));
    all.map(|(factor, level)| {
        format!("level `{level}` of `{factor}` is not measured: `plan.exclude` takes all of its cells")
    })
}

/// `auto`, `by factor backend`.
fn probe_text(scenario: &Scenario) -> String {
    match &scenario.measure.probe {
        Given::Fixed(request) => request.name().to_owned(),
        Given::Factor { factor, .. } => format!("by factor {}", scenario.factors[*factor].name),
    }
}

fn window_text(scenario: &Scenario) -> String {
    let by = |factor: usize| format!("by factor {}", scenario.factors[factor].name);
    let warmup = match &scenario.measure.warmup {
        Given::Fixed(warmup) => duration_text(*warmup),
        Given::Factor { factor, .. } => by(*factor),
    };
    match &scenario.measure.window {
        Given::Fixed(Window::Operations) if scenario.generators.is_empty() => {
            "until the programs have ended".to_owned()
        }
        Given::Fixed(Window::Operations) => {
            format!("until the generators' operations are done, after {warmup} of warm-up")
        }
        Given::Fixed(Window::Timed(window)) => {
            format!("{} after {warmup} of warm-up", duration_text(*window))
        }
        Given::Factor { factor, .. } => format!("{} after {warmup} of warm-up", by(*factor)),
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
        LoadValue::Factor { name, .. } => format!("{} by factor {name}", option.name),
    }
}

fn trials_text(scenario: &Scenario) -> String {
    let (least, most) = (scenario.fewest_blocks(Overheads::TYPICAL), scenario.plan.most_repetitions());
    if least < most {
        let cells = scenario.cells_with_load();
        return format!(
            "{} to {} = {} × {least} to {most} repetitions",
            cells * least as usize,
            scenario.trial_count(),
            counted(cells, "cell"),
        );
    }
    format!(
        "{} = {} × {}",
        scenario.trial_count(),
        counted(scenario.cells_with_load(), "cell"),
        counted(most as usize, "repetition"),
    )
}

/// `every p99 is within ± 5 %, at most 40 repetitions or 10m 00s`.
fn rule_text(rule: &StopRule) -> String {
    let time = rule.max_time.map_or_else(String::new, |time| format!(" or {}", duration_text(time)));
    let share = reports::units::asked_percent(rule.relative_interval);
    let (metric, most) = (rule.metric.words(), rule.max_repetitions);
    format!("every {metric} is within ± {share}, at most {most} repetitions{time}")
}

/// `1 cell`, `3 repetitions`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// How long a scenario takes, and what that is made of.
fn time_text(scenario: &Scenario, estimate: Estimate, overheads: Overheads) -> String {
    let about = if estimate.is_lower_bound { "more than" } else { "about" };
    let most = longest(scenario, overheads);
    let most = most.map_or_else(String::new, |most| format!(" to {}", duration_text(most)));
    format!(
        "{about} {}{most} (warm-up and window {}, changes of load {}, the rest {})",
        duration_text(estimate.total()),
        duration_text(estimate.measuring),
        duration_text(estimate.ramps),
        duration_text(estimate.overhead),
    )
}

/// How long a scenario takes at most, where a rule may add blocks: as far as that can be told. None where that is no
/// more than it takes in any case.
pub(crate) fn longest(scenario: &Scenario, overheads: Overheads) -> Option<Duration> {
    let rule = scenario.plan.until?;
    let most = Estimate::of_blocks(scenario, rule.max_repetitions, overheads).total();
    let least = Estimate::of(scenario, overheads).total();
    Some(rule.max_time.map_or(most, |time| most.min(time.max(least)))).filter(|most| *most > least)
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
pub(crate) fn plan_text(scenario: &Scenario, plan: &Plan, effects: &Effects) -> String {
    let warnings: Vec<String> = warnings(scenario).iter().map(|it| format!("warning: {it}\n")).collect();
    let shard = plan.shard.map_or_else(String::new, |shard| {
        format!("{}: {}\n", shard_words(shard), counted(plan.trials.len(), "trial"))
    });
    let mut text = format!(
        "{}: {}\n{shard}order {}, seed {}\ntime {}\n{}\n{}\n",
        scenario.name,
        trials_text(scenario),
        scenario.plan.order.name(),
        plan.seed,
        time_text(scenario, plan.estimate(scenario, Overheads::TYPICAL), Overheads::TYPICAL),
        effects.text(),
        warnings.concat(),
    );
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(plan.trials.len() + 1);
    let factors = scenario.factors.iter().map(|factor| factor.name.to_string());
    rows.push(["trial", "block", "load"].into_iter().map(str::to_owned).chain(factors).collect());
    let fewest = scenario.fewest_blocks(Overheads::TYPICAL);
    let certain = plan.trials.iter().filter(|trial| trial.block < fewest);
    rows.extend(certain.map(|trial| row(scenario, trial)));
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
    if let Some(rule) = &scenario.plan.until {
        text = format!("{text}and further blocks until {}\n", rule_text(rule));
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
    /// The fewest, where a rule may add some.
    repetitions: u32,
    max_repetitions: u32,
    /// Load levels included, of the whole plan as everything above.
    cells: usize,
    /// Which part of the plan this is; none where it is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
    loads: Vec<String>,
    /// Estimated, for the fewest repetitions; a lower bound where windows end with operations.
    seconds: f64,
    /// What can be shown, by comparison with another run of the same plan.
    effects: Effects,
    /// What the figures will suffer from.
    warnings: Vec<String>,
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
pub(crate) fn plan_document(scenario: &Scenario, plan: &Plan, effects: Effects) -> PlanDocument {
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
        repetitions: scenario.fewest_blocks(Overheads::TYPICAL),
        max_repetitions: scenario.plan.most_repetitions(),
        cells: scenario.cells_with_load(),
        shard: plan.shard,
        loads: scenario.used_loads().into_iter().map(|load| scenario.loads[load].name.to_string()).collect(),
        seconds: plan.estimate(scenario, Overheads::TYPICAL).total().as_secs_f64(),
        effects,
        warnings: warnings(scenario),
        trials: plan.trials.iter().map(trial).collect(),
    }
}

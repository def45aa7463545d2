//! What each load level asked for, and beside it what was achieved.

use crate::summary::{LevelLoad, StressorLoad};
use crate::units;

/// Headings of [`load`]; the first two columns are words.
pub(crate) const LOAD_HEADINGS: [&str; 10] = [
    "load",
    "asked for",
    "CPU busy",
    "PSI cpu",
    "PSI mem",
    "PSI io",
    "memory",
    "bogo-ops/s",
    "switches/s",
    "interrupts/s",
];

/// Whose the figures are.
pub(crate) const LOAD_NOTE: &str = "Shares, memory, switches and interrupts are those of the whole machine within the \
    windows, the generators' own among them: medians over trials of each trial's mean. PSI is the share of the time in \
    which some task waited for the resource. Bogo-ops are stress-ng's own count of what a stressor's workers did.";

/// A level's row. What was asked for has a line for each option of stress-ng and for a program, and each stressor has a
/// line of bogo-ops, with their intervals or without.
pub(crate) fn load(level: &LevelLoad, with_intervals: bool) -> [String; 10] {
    let shown = |value: Option<f64>, format: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), format);
    let bogo_ops: Vec<String> = level.stressors.iter().map(|it| bogo_ops(it, with_intervals)).collect();
    let or = |lines: Vec<String>, nothing: &str| {
        if lines.is_empty() { nothing.to_owned() } else { lines.join("\n") }
    };
    [
        level.level.clone(),
        or(asked(level), "nothing"),
        shown(level.cpu_busy, units::percent),
        shown(level.psi_cpu, units::percent),
        shown(level.psi_memory, units::percent),
        shown(level.psi_io, units::percent),
        shown(level.memory_used_bytes, units::bytes),
        or(bogo_ops, "–"),
        shown(level.context_switches_per_second, units::short),
        shown(level.interrupts_per_second, units::short),
    ]
}

/// `cpu 2`, `vm-bytes 40%`, `dd if=/dev/zero of=/dev/null`.
fn asked(level: &LevelLoad) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in &level.arguments {
        match (word.strip_prefix("--"), lines.last_mut()) {
            (None, Some(line)) => line.extend([" ", word]),
            (option, _) => lines.push(option.unwrap_or(word).to_owned()),
        }
    }
    if !level.command.is_empty() {
        lines.push(level.command.join(" "));
    }
    lines
}

fn bogo_ops(stressor: &StressorLoad, with_interval: bool) -> String {
    let interval = stressor.interval.filter(|_| with_interval).map_or_else(String::new, |interval| {
        format!(" [{}, {}]", units::short(interval.low), units::short(interval.high))
    });
    let rate = stressor.bogo_ops_per_second.map_or_else(|| "not reported".to_owned(), units::short);
    format!("{} {rate}{interval}", stressor.stressor)
}

/// Why a level lacks bogo-ops: `high: vm is not reported, for its workers were killed`; none where it lacks none.
pub(crate) fn load_remark(level: &LevelLoad) -> Option<String> {
    let remarks = level.stressors.iter().filter(|it| it.reported < it.runs).map(|it| match it.reported {
        0 => format!("{} is not reported, for its workers were killed", it.stressor),
        reported => format!(
            "{} is of {reported} of {} starts, for in the others its workers were killed",
            it.stressor, it.runs
        ),
    });
    let remarks: Vec<String> = remarks.collect();
    (!remarks.is_empty()).then(|| format!("{}: {}", level.level, remarks.join("; ")))
}

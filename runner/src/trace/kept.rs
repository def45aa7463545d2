//! A trace as a run: its windows are the trials of one cell.

use super::{Calls, Seen};
use crate::environment;
use crate::scenario::Name;
use probe::Backend;
use reports::trace::{Kind, Subject, is_seen, ledger};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    Calibration, Design, Factor, Level, Manifest, Measure, PlanInfo, ProbeInfo, ScenarioInfo, State, Status,
    TraceInfo, TrialRecord,
};

/// The share of calls that may be lost before a window is invalid, as in a scenario that says nothing of it.
const LOSS_LIMIT: f64 = 0.001;

/// What there is to keep.
pub(crate) struct Kept<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) calls: &'a Calls,
    pub(crate) seen: &'a Seen,
    /// How it was seen, and why not otherwise.
    pub(crate) backend: Backend,
    pub(crate) requested: &'a str,
    pub(crate) reasons: &'a [String],
    pub(crate) calibrations: &'a [Calibration],
    pub(crate) label: Option<&'a str>,
}

/// Manifest, the text in the scenario's place, and trials. Where system calls were not named, those of which nothing was
/// seen are none of the run's.
pub(crate) fn record(kept: &Kept<'_>) -> (Manifest, String, Vec<TrialRecord>) {
    let text = format!(
        "# This run was traced, and not executed from a scenario. It was had by:\n#\n#   {}\n",
        std::env::args().collect::<Vec<_>>().join(" ").replace(char::is_control, " ")
    );
    let syscalls = syscalls(kept);
    let boot = environment::boot_id();
    let trials = (0..).zip(&kept.seen.windows).map(|(number, window)| {
        let measures = syscalls.iter().map(|name| of(&window.measures, name)).collect::<Vec<_>>();
        let reason = loss(&measures);
        TrialRecord {
            trial: number,
            block: number,
            repetition: number,
            factors: BTreeMap::from([("load".to_owned(), "none".to_owned())]),
            status: if reason.is_some() { Status::Invalid } else { Status::Ok },
            reason,
            boot: boot.clone(),
            window_ns: window.window_ns,
            wall_ns: window.window_ns,
            measures,
            ..TrialRecord::begun(window.started_at)
        }
    });
    let trials: Vec<TrialRecord> = trials.collect();
    (manifest(kept, (&text, syscalls), trials.len()), text, trials)
}

/// Those that were named, or seen.
fn syscalls(kept: &Kept<'_>) -> Vec<String> {
    let seen: BTreeSet<&str> = kept
        .seen
        .totals
        .iter()
        .filter(|it| kept.calls.are_named || is_seen(it))
        .map(|it| it.syscall.as_str())
        .collect();
    let names = kept.calls.targets.iter().map(|target| &target.name);
    names.filter(|name| seen.contains(name.as_str())).cloned().collect()
}

fn of(measures: &[Measure], name: &str) -> Measure {
    let found = measures.iter().find(|it| it.syscall == name);
    found.cloned().unwrap_or_else(|| unreachable!("a window has every target, {name} too"))
}

/// Why figures are not to be trusted, if not.
fn loss(measures: &[Measure]) -> Option<String> {
    let lost = measures.iter().find(|it| {
        let ledger = ledger(it);
        ledger.lost.unsigned_abs() as f64 > LOSS_LIMIT * ledger.entered as f64
    })?;
    let ledger = ledger(lost);
    Some(format!(
        "the probe lost {} of {} calls of {}, more than the limit of {} %",
        ledger.lost,
        ledger.entered,
        lost.syscall,
        LOSS_LIMIT * 100.0
    ))
}

fn manifest(kept: &Kept<'_>, (text, syscalls): (&str, Vec<String>), windows: usize) -> Manifest {
    let environment = environment::observe();
    let count = u32::try_from(windows).unwrap_or(u32::MAX);
    let mut warnings = environment::warnings(&environment);
    warnings.push(unit(windows));
    let started_at = kept.seen.windows.first().map_or_else(chrono::Utc::now, |window| window.started_at);
    Manifest {
        format_version: store::FORMAT_VERSION,
        id: String::new(),
        state: State::Running,
        started_at,
        ended_at: None,
        label: kept.label.map(str::to_owned),
        command: std::env::args().collect(),
        scenario: scenario(kept, (text, syscalls)),
        plan: PlanInfo {
            order: "sequential".to_owned(),
            seed: 0,
            repetitions: count,
            cells: 1,
            trials: count,
            design: Design::default(),
            shard: None,
        },
        probe: ProbeInfo {
            requested: kept.requested.to_owned(),
            backend: kept.backend.name().to_owned(),
            reasons: kept.reasons.to_vec(),
            factor: None,
            calibrations: kept.calibrations.to_vec(),
        },
        environment,
        against: None,
        trace: Some(TraceInfo {
            subject: kept.subject.name(),
            with_children: kept.subject.with_children,
            together: kept.calls.together.clone(),
        }),
        extensions: Vec::new(),
        merged: None,
        warnings,
        machine: Vec::new(),
        checksums: BTreeMap::new(),
        seal: None,
    }
}

/// What a trial is here, for every reader of the figures.
fn unit(windows: usize) -> String {
    if windows == 1 {
        "this is a trace in one window: how much its figures vary, it cannot tell".to_owned()
    } else {
        format!(
            "this is a trace, and its {windows} repetitions are windows in a row over the same processes: they vary less \
             than traces of other processes would"
        )
    }
}

fn scenario(kept: &Kept<'_>, (text, syscalls): (&str, Vec<String>)) -> ScenarioInfo {
    let subject = kept.subject;
    let scope = if subject.kind == Kind::System { "system" } else { "processes" };
    let whose = match (subject.kind, subject.with_children) {
        (Kind::System, _) => "every process but the runner",
        (_, true) => "with all that it starts",
        (_, false) => "without what it starts",
    };
    let load = Level { label: "none".to_owned(), value: None, arguments: Vec::new(), command: Vec::new() };
    ScenarioInfo {
        name: name(subject),
        summary: format!("A trace of {}", subject.name()),
        hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
        overrides: Vec::new(),
        syscalls,
        scope: scope.to_owned(),
        warmup_ns: 0,
        window_ns: kept.seen.windows.first().map(|window| window.window_ns),
        factors: vec![Factor { name: "load".to_owned(), levels: vec![load] }],
        generators: vec![format!("{}, {whose}", subject.name())],
        loss_limit: LOSS_LIMIT,
        noise_limit: None,
        keep_slowest: 0,
    }
}

/// `trace_dd`, `trace_system`: what can be the name of a scenario.
fn name(subject: &Subject) -> String {
    let program = subject.words.split(' ').next().unwrap_or_default();
    let base = program.rsplit('/').next().unwrap_or_default();
    let what = if subject.kind == Kind::System { "system" } else { base };
    let clean: String =
        what.chars().filter(|c| c.is_alphanumeric() || *c == '_' || *c == '-').take(48).collect();
    let name = Name::new(&format!("trace_{clean}")).map(|name| name.to_string());
    name.unwrap_or_else(|| "trace".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_after_its_program() {
        let named = |kind, words: &str| {
            name(&Subject { kind, words: words.to_owned(), pid: None, with_children: true })
        };
        assert_eq!(named(Kind::Command, "/usr/bin/dd bs=1"), "trace_dd");
        assert_eq!(named(Kind::Process, "kworker/0:1"), "trace_01");
        assert_eq!(named(Kind::System, "the whole machine"), "trace_system");
        assert_eq!(named(Kind::Process, "(sd-pam)"), "trace_sd-pam");
    }
}

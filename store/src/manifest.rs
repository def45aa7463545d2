//! The manifest: everything about a run that is not a measurement.

use crate::{Merged, Shard};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the run on disk that this code writes, of its tables and parts. It reads this one and every older one.
pub const FORMAT_VERSION: u32 = 1;

/// Version of a manifest of a run that is a part of its plan, or was made of such parts. A reader that knows the first
/// version alone would take its trials for the plan's first, and go on with them, or lose what it was made of.
pub const PARTS_FORMAT_VERSION: u32 = 2;

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Under way, or ended by a crash.
    Running,
    /// Stopped by a signal; what was finished is kept.
    Interrupted,
    /// Stopped by an error of the runner itself (a failed store); what was finished is kept.
    Aborted,
    /// Every trial of the plan was executed.
    Complete,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`], or [`PARTS_FORMAT_VERSION`] where it has to be.
    pub format_version: u32,
    /// Name of the run's folder.
    pub id: String,
    /// How far the run came.
    pub state: State,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it is under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// `--label`.
    pub label: Option<String>,
    /// The command line that started it.
    pub command: Vec<String>,
    /// What was asked for.
    pub scenario: ScenarioInfo,
    /// What was planned.
    pub plan: PlanInfo,
    /// With what it was observed.
    pub probe: ProbeInfo,
    /// On what it ran.
    pub environment: Environment,
    /// How the machine was to be set for the time of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine: Vec<MachineSetting>,
    /// The run that was executed in alternation with this one, block by block; none where it was executed alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Where it was not executed from a scenario, but other programs were traced: what was. Its trials are windows then, one
    /// right after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceInfo>,
    /// What was added to the run when it was complete, in order; the plan's repetitions include it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Of what it was made, where it was not executed as a whole but put together of other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// Warnings that the reader should see with the figures.
    pub warnings: Vec<String>,
    /// BLAKE3 of each file of the finished run, by name.
    pub checksums: BTreeMap<String, String>,
    /// Checksum of the manifest's own text, with noughts in this place; none in those of earlier writers. The writer sets
    /// it; it is the last entry.
    #[serde(default)]
    pub seal: Option<String>,
}

/// The other of two runs that were executed in alternation: block n of each was executed right beside the other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// Its id.
    pub run: String,
    /// Which of the two the run of this manifest is.
    pub role: Role,
}

/// What was traced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceInfo {
    /// In words: a command, a process with its number, or the whole machine.
    pub subject: String,
    /// Whether the calls of what it starts count as well.
    pub with_children: bool,
    /// The system calls that were counted together, as `other`.
    #[serde(default)]
    pub together: Vec<String>,
}

/// Blocks that were added to a run that was complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When they were begun.
    pub started_at: DateTime<Utc>,
    /// The boot of the kernel in which they were begun; each trial has its own.
    pub boot: String,
    /// The first of them, from 0.
    pub first_block: u32,
    /// How many.
    pub repetitions: u32,
    /// The command line that asked for them.
    pub command: Vec<String>,
}

/// A run's part in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What is compared with.
    Baseline,
    /// What may have changed.
    Candidate,
}

/// A setting of the machine that the scenario asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSetting {
    /// Its key in the scenario.
    pub name: String,
    /// What it was to be.
    pub asked: String,
    /// What it was before, where it is something that has a value.
    pub before: Option<String>,
    /// Why it could not be had; none where it was.
    pub cannot: Option<String>,
}

/// What the scenario asked for, as far as a reader of figures needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// `name`.
    pub name: String,
    /// `summary`.
    pub summary: String,
    /// BLAKE3 of scenario.toml.
    pub hash: String,
    /// What the command line replaced in it, as `PATH=VALUE`.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Targets, in the scenario's order.
    pub syscalls: Vec<String>,
    /// `generators` or `system`.
    pub scope: String,
    /// Length of the warm-up, in nanoseconds.
    pub warmup_ns: u64,
    /// Length of the window, in nanoseconds; none where generators count operations.
    pub window_ns: Option<u64>,
    /// The factors in the scenario's order, `load` last.
    pub factors: Vec<Factor>,
    /// One line on each generator, for the report.
    pub generators: Vec<String>,
    /// The share of entered calls that may be lost before a trial is invalid.
    pub loss_limit: f64,
    /// The share of all CPUs' time that others may take before a trial counts as disturbed; none by an earlier writer.
    #[serde(default)]
    pub noise_limit: Option<f64>,
    /// How many of the slowest calls of each target and trial were to be kept; 0 for none.
    #[serde(default)]
    pub keep_slowest: u32,
}

/// An axis of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Its name.
    pub name: String,
    /// Its levels in the scenario's order.
    pub levels: Vec<Level>,
}

/// A value on an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// As trials name it.
    pub label: String,
    /// As a number (bytes, nanoseconds, a count), where it is one.
    pub value: Option<f64>,
    /// For `load`: the stress-ng options, as given to it; empty for none.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// For `load`: a program that is load, word by word; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

impl Level {
    /// For `load`: what was executed, as words; empty for no load.
    #[must_use]
    pub fn load_words(&self) -> String {
        let stress_ng =
            (!self.arguments.is_empty()).then(|| format!("stress-ng {}", self.arguments.join(" ")));
        let program = (!self.command.is_empty()).then(|| self.command.join(" "));
        stress_ng.into_iter().chain(program).collect::<Vec<_>>().join(" & ")
    }
}

/// What was planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanInfo {
    /// `random_blocks`, `sequential`.
    pub order: String,
    /// Seed of the order.
    pub seed: u64,
    /// Repetitions of each cell.
    pub repetitions: u32,
    /// Cells of the matrix.
    pub cells: u32,
    /// Trials of the whole plan, or of the part that the run is.
    pub trials: u32,
    /// Where it is more than every combination of levels, equally often.
    #[serde(default)]
    pub design: Design,
    /// Which part of the plan the run is; none where it is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// What makes a plan more than every combination of levels, equally often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Design {
    /// Factors whose levels go along with each other, by name.
    pub zip: Vec<Vec<String>>,
    /// Where not every combination of levels is a cell: those that are, as indices of levels, one for each factor of
    /// the scenario. Empty where every one is.
    pub cells: Vec<Vec<u32>>,
    /// The factor that says the warm-up's length; the scenario's is the longest then.
    pub warmup_factor: Option<String>,
    /// The factor that says the window's length; the scenario's is none then.
    pub window_factor: Option<String>,
    /// The rule by which repetitions are added; the plan's are the most that there may be until the run has ended, and
    /// those that there are from then on.
    pub stop: Option<StopRule>,
}

/// Whole blocks are added until every figure is as sure as asked, or a maximum is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopRule {
    /// The figure that is to be sure: `p50`, `p99`, …
    pub metric: String,
    /// Half the width that its interval may have, as a share of the figure.
    pub relative_interval: f64,
    /// Repetitions that there are in any case.
    pub least: u32,
    /// Most repetitions.
    pub most: u32,
    /// Time after which no block is begun, in nanoseconds; none without such a limit.
    pub max_time_ns: Option<u64>,
    /// The numbers of repetitions at which one looks.
    pub looks: Vec<u32>,
    /// The confidence of each look's interval, so much above 95 % that all looks together have that.
    pub confidence: f64,
    /// Why no more blocks were added; none while the run is under way, or when something else ended it.
    pub reason: Option<StopReason>,
    /// Cells × targets whose figure was looked at.
    pub figures: u32,
    /// Those of them that were not as sure as asked at the end.
    pub unsure: u32,
}

/// Why no more blocks were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Every figure is as sure as asked.
    Sure,
    /// There are as many repetitions as there may be.
    Repetitions,
    /// The next block would have ended after the time that there is.
    Time,
}

/// With what the run was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeInfo {
    /// As asked for: `auto`, a backend, or `$FACTOR` where a factor says which.
    pub requested: String,
    /// `kretprobe`, `fentry`, `raw_tracepoint` or `user`; [`VARIES`] where trials differ in it.
    pub backend: String,
    /// Why this one: what was tried before it and how that failed.
    pub reasons: Vec<String>,
    /// Where a factor says the backend: what became of its levels.
    #[serde(default)]
    pub factor: Option<ProbeFactor>,
    /// What each backend of the run costs, where that is known.
    #[serde(default)]
    pub calibrations: Vec<Calibration>,
}

/// The backend of a run in which it is a factor of several levels.
pub const VARIES: &str = "varies";

/// A factor whose levels are backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeFactor {
    /// Its name.
    pub name: String,
    /// Its levels, in the scenario's order.
    pub levels: Vec<ProbeLevel>,
}

/// What became of one level of such a factor on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeLevel {
    /// As trials name it, which is what was asked for: `auto` or a backend.
    pub label: String,
    /// What its trials are observed with; none where that cannot be attached, so that they fail.
    pub backend: Option<String>,
    /// What was tried in vain, and how it failed.
    pub reasons: Vec<String>,
}

/// What a backend costs on this machine: a call that does nothing was timed bare and probed, in interleaved rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The backend.
    pub backend: String,
    /// The call that does nothing.
    pub call: String,
    /// Rounds.
    pub rounds: u32,
    /// Timed calls of each round, bare and probed.
    pub calls_per_round: u32,
    /// Processor time of a bare call, in nanoseconds.
    pub bare_ns: f64,
    /// What the probe adds to that, in nanoseconds.
    pub added_ns: Estimated,
    /// As what the probe reads the call that does nothing, in nanoseconds.
    pub reads_ns: Estimated,
}

/// A median with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimated {
    /// The median.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// On what the run was made. What a machine does not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// `uname -r`.
    pub kernel_release: String,
    /// `uname -v`.
    pub kernel_version: String,
    /// `uname -m`.
    pub architecture: String,
    /// Host name.
    pub host: String,
    /// What `/etc/machine-id` comes to, hashed for this purpose alone, so that a machine is known again; none where there is no
    /// such file, and in runs of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// Name of the distribution.
    pub distribution: Option<String>,
    /// `/proc/cmdline`.
    pub kernel_command_line: Option<String>,
    /// CPU model name.
    pub cpu_model: Option<String>,
    /// CPUs online.
    pub cpus: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Frequency governor of CPU 0.
    pub governor: Option<String>,
    /// Turbo or boost: `on`, `off`.
    pub turbo: Option<String>,
    /// Simultaneous multithreading: `on`, `off`, `notsupported`, …
    pub smt: Option<String>,
    /// Transparent huge pages' mode.
    pub transparent_huge_pages: Option<String>,
    /// Current clock source.
    pub clocksource: Option<String>,
    /// Hypervisor, where one is seen.
    pub hypervisor: Option<String>,
    /// Vulnerability → state of its mitigation.
    pub mitigations: BTreeMap<String, String>,
    /// `/proc/sys/kernel/randomize_va_space`.
    pub aslr: Option<String>,
    /// Swap in all, in bytes.
    pub swap_bytes: u64,
    /// stress-ng's version; none when not installed.
    pub stress_ng_version: Option<String>,
    /// The runner's version.
    pub runner_version: String,
    /// Kernel lockdown mode.
    pub lockdown: Option<String>,
    /// Whether the runner was root.
    pub root: bool,
}

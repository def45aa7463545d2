//! What a run holds, as plain values. Files are their image: see `manifest`, `parts` and `tables`.

use chrono::{DateTime, Utc};
use probe_abi::SparseHistogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a latency was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// In the kernel, by the probe.
    Kernel,
    /// In the generator, around the call.
    User,
}

impl Vantage {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::User => "user",
        }
    }
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Measured; its figures count.
    Ok,
    /// Could not be measured; has a reason and no figures.
    Failed,
    /// Measured, but not to be trusted (loss past the limit, counts that contradict each other); has a reason.
    Invalid,
}

impl Status {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
        }
    }
}

/// The account of a target's calls in one window: `entered = returned + censored + lost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Calls that entered within the window.
    pub entered: u64,
    /// Calls that were still under way when the window closed.
    pub censored: u64,
    /// Age of the oldest censored call when the window closed, a lower bound of its latency, in nanoseconds.
    pub censored_age_max_ns: u64,
    /// What is missing: entries of which neither return nor open start was seen.
    pub lost: i64,
    /// What the kernel itself says its programs for this target missed, of every process; none where it does not tell.
    #[serde(default)]
    pub missed: Option<u64>,
    /// Calls by 32-bit programs of the scope, in none of the above; none where the backend cannot see them.
    #[serde(default)]
    pub compat: Option<u64>,
}

/// What one vantage saw of one target in one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Name of the system call.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Latencies of calls that succeeded.
    pub ok: SparseHistogram,
    /// Latencies of calls that failed.
    pub error: SparseHistogram,
    /// Failed calls by error number, rising; 0 stands for numbers beyond those known. The kernel's vantage has restarts
    /// (512 to 516) that callers never see.
    #[serde(default)]
    pub errnos: Vec<(u16, u64)>,
    /// The probe's account; none for the user vantage.
    pub ledger: Option<Ledger>,
}

/// One of the slowest calls of a target in a window, as the probe saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowCall {
    /// Name of the system call.
    pub syscall: String,
    /// What it took, in nanoseconds.
    pub latency_ns: u64,
    /// When it returned, since the window opened, in nanoseconds.
    pub at_ns: u64,
    /// The process that issued it.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// CPU at entry.
    pub cpu_entry: u32,
    /// CPU at return.
    pub cpu_return: u32,
    /// The six registers that hold arguments, whether the call takes so many or not; none where the backend is not
    /// told.
    pub arguments: Option<[u64; 6]>,
    /// What it returned, failures as the negative error number.
    pub value: i64,
    /// How often it was taken off the CPU meanwhile; none where nobody looked.
    pub switches: Option<u32>,
    /// The kernel's stack when it was last taken off the CPU, innermost first; empty where unknown.
    pub stack: Vec<String>,
}

/// What one workload of one generator did in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorRecord {
    /// The generator's name in the scenario.
    pub generator: String,
    /// What its operations were.
    pub workload: String,
    /// Operations per second that were asked for, over all threads: of a workload in a mix its share by weight; none in a
    /// closed loop, and in runs of earlier versions.
    #[serde(default)]
    pub rate_per_second: Option<f64>,
    /// Operations of which every call began and ended in the window.
    pub operations: u64,
    /// Those that began later than intended, because earlier ones were late; none in a closed loop.
    pub late: Option<u64>,
    /// Latencies of operations from their intended start; none in a closed loop.
    pub response: Option<SparseHistogram>,
}

/// The machine's state over one sampling interval within a window; counts are per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MonitorSample {
    /// End of the interval, since the window opened, in nanoseconds.
    pub at_ns: u64,
    /// Busy share of all CPUs, 0 to 1.
    pub cpu_busy: f64,
    /// Share stolen by the hypervisor, 0 to 1.
    pub cpu_steal: f64,
    /// Memory in use (total minus available), in bytes.
    pub memory_used_bytes: u64,
    /// Share of the interval in which some task waited for a CPU, 0 to 1; none without PSI.
    pub psi_cpu_some: Option<f64>,
    /// Share in which some task waited for memory.
    pub psi_memory_some: Option<f64>,
    /// Share in which some task waited for I/O.
    pub psi_io_some: Option<f64>,
    /// Context switches of the machine.
    pub context_switches: u64,
    /// Interrupts of the machine.
    pub interrupts: u64,
    /// Mean frequency of the CPUs in MHz, where the kernel tells.
    pub frequency_mhz: Option<f64>,
    /// Hottest thermal zone in degrees Celsius, where there is one.
    pub temperature_celsius: Option<f64>,
}

/// What went on besides the run on the machine during a trial's warm-up and window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Share of all CPUs' time that programs of neither the run nor the kernel took, 0 to 1; none where nobody could tell.
    pub others: Option<f64>,
    /// The one of them that took most, as `name (process id)`; none where they took nothing.
    pub busiest: Option<String>,
    /// Share of all CPUs' time in the window that the hypervisor took, 0 to 1.
    pub steal: f64,
    /// How often a CPU was slowed down because it was hot; none where the kernel does not tell.
    pub throttled: Option<u64>,
    /// Why the trial counts as disturbed, if it does.
    pub disturbed: Option<String>,
}

/// The number of a trial's first attempt.
const fn first_attempt() -> u32 {
    1
}

/// stress-ng's own figures for one stressor of one load instance. It has none of a worker that was killed: none of the
/// figures is there where any of the stressor's workers was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadMetric {
    /// Block of the instance.
    pub block: u32,
    /// Load level.
    pub level: String,
    /// Stressor's name.
    pub stressor: String,
    /// Instances asked for.
    pub instances: u32,
    /// Bogus operations done; 0 where the workers ended by themselves and had done none.
    pub bogo_ops: Option<u64>,
    /// Bogus operations per second of real time.
    pub bogo_ops_per_second: Option<f64>,
    /// Wall-clock run time, in seconds.
    pub wall_seconds: Option<f64>,
    /// User CPU time, in seconds.
    pub user_seconds: Option<f64>,
    /// System CPU time, in seconds.
    pub system_seconds: Option<f64>,
    /// Largest resident set, in KiB, where stress-ng tells.
    pub rss_max_kib: Option<u64>,
}

/// One trial, complete: what is stored before the next one begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Place in the run, from 0.
    pub trial: u32,
    /// Repetition block, from 0.
    pub block: u32,
    /// Place within the block, from 0.
    pub position: u32,
    /// Repetition of the cell, from 0.
    pub repetition: u32,
    /// The cell: factor name → label of its level, `load` among them.
    pub factors: BTreeMap<String, String>,
    /// What became of it.
    pub status: Status,
    /// Why it failed or is invalid.
    pub reason: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The kernel's boot id.
    pub boot: String,
    /// Length of the window, in nanoseconds; 0 when it never opened.
    pub window_ns: u64,
    /// Wall-clock time of the whole trial, load ramp excluded, storing excluded, in nanoseconds.
    pub wall_ns: u64,
    /// Operations that the generators completed in the window.
    pub operations: u64,
    /// Empty when failed.
    pub measures: Vec<Measure>,
    /// Samples taken within the window.
    pub monitor: Vec<MonitorSample>,
    /// The slowest calls of each target, slowest first; as many as the scenario wanted kept.
    #[serde(default)]
    pub slowest: Vec<SlowCall>,
    /// What each workload of each generator did.
    #[serde(default)]
    pub generators: Vec<GeneratorRecord>,
    /// Which attempt this is, from 1: earlier ones were disturbed, and are not kept.
    #[serde(default = "first_attempt")]
    pub attempt: u32,
    /// What else went on; none where nothing was measured, or by an earlier writer.
    #[serde(default)]
    pub noise: Option<Noise>,
}

impl TrialRecord {
    /// A trial of which nothing is known yet but when it began.
    #[must_use]
    pub fn begun(started_at: DateTime<Utc>) -> Self {
        Self {
            trial: 0,
            block: 0,
            position: 0,
            repetition: 0,
            factors: BTreeMap::new(),
            status: Status::Ok,
            reason: None,
            started_at,
            boot: String::new(),
            window_ns: 0,
            wall_ns: 0,
            operations: 0,
            measures: Vec::new(),
            monitor: Vec::new(),
            slowest: Vec::new(),
            generators: Vec::new(),
            attempt: first_attempt(),
            noise: None,
        }
    }

    /// Makes a trial invalid that was taken for sound, for a reason that became known later; whether it did: one that
    /// failed is left as it is.
    pub fn doubt(&mut self, reason: &str) -> bool {
        if self.status == Status::Failed {
            return false;
        }
        self.status = Status::Invalid;
        let before = self.reason.take().map_or(String::new(), |before| format!("{before}; "));
        self.reason = Some(format!("{before}{reason}"));
        true
    }
}

//! Calls that stand out: those that failed, by error number, and the slowest.

use super::account::{TargetLedger, accounted};
use super::cells::levels_of;
use super::off_cpu::{OffCpu, off_cpu};
use crate::RunView;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{SlowCall, Status, Vantage, errno_name};

/// Rows that a target's slowest calls take, unless there are more cells than this.
const ROWS: usize = 12;

/// Calls of one target that failed by one error number, over the trials that its ledger covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorCount {
    /// The target.
    pub syscall: String,
    /// The error number, positive; 0 stands for numbers beyond those known.
    pub errno: u16,
    /// Its name, such as `ENOENT`.
    pub name: Option<&'static str>,
    /// How often the probe saw it; none without a kernel vantage.
    pub kernel: Option<u64>,
    /// How often the generators saw it; none where they did not look.
    pub user: Option<u64>,
    /// Calls of the target that returned, failed or not, from the vantage that counts.
    pub returned: u64,
}

impl ErrorCount {
    /// The name, or what it is where it has none.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.name, self.errno) {
            (Some(name), _) => name.to_owned(),
            (None, 0) => "unknown".to_owned(),
            (None, errno) => format!("errno {errno}"),
        }
    }

    /// Share of the target's calls that failed in this way; none where nothing returned.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let count = self.kernel.or(self.user)?;
        (self.returned > 0).then(|| count as f64 / self.returned as f64)
    }
}

/// The slowest calls of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlowestCalls {
    /// The target.
    pub syscall: String,
    /// Calls that were kept, over all trials that are ok.
    pub kept: usize,
    /// How many of each cell are given here, at most: as many as make about a dozen for all cells.
    pub of_each: usize,
    /// How many of the kept calls were taken off the CPU, and where.
    pub off_cpu: OffCpu,
    /// Of each cell the slowest over its repetitions; slowest first.
    pub calls: Vec<KeptCall>,
}

impl SlowestCalls {
    /// `the slowest call of each cell`.
    #[must_use]
    pub fn heading(&self) -> String {
        match (self.of_each, self.calls.iter().map(|call| &call.levels).collect::<BTreeSet<_>>().len()) {
            (_, 1) => "the slowest calls".to_owned(),
            (1, _) => "the slowest call of each cell".to_owned(),
            (of_each, _) => format!("the {of_each} slowest calls of each cell"),
        }
    }
}

/// A slow call and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptCall {
    /// The trial.
    pub trial: u32,
    /// The trial's cell: one level for each factor of the manifest.
    pub levels: Vec<String>,
    /// The call.
    pub call: SlowCall,
}

/// Failures by target and error number, the most frequent of a target first.
pub(super) fn errors(run: &RunView<'_>, ledgers: &[TargetLedger]) -> Vec<ErrorCount> {
    let mut counts: BTreeMap<(usize, u16), [u64; 2]> = BTreeMap::new();
    for measure in accounted(run).flat_map(|trial| &trial.measures) {
        let Some(target) = ledgers.iter().position(|ledger| ledger.syscall == measure.syscall) else {
            continue;
        };
        for (errno, count) in &measure.errnos {
            let of = counts.entry((target, *errno)).or_default();
            of[usize::from(measure.vantage == Vantage::User)] += count;
        }
    }
    let mut errors: Vec<(usize, ErrorCount)> = counts
        .into_iter()
        .map(|((target, errno), [kernel, user])| {
            let ledger = &ledgers[target];
            let count = ErrorCount {
                syscall: ledger.syscall.clone(),
                errno,
                name: errno_name(errno),
                kernel: ledger.returned.map(|_| kernel),
                user: ledger.user_calls.map(|_| user),
                returned: ledger.returned.or(ledger.user_calls).unwrap_or(0),
            };
            (target, count)
        })
        .collect();
    let frequency = |error: &ErrorCount| error.kernel.max(error.user);
    errors.sort_by(|(a, left), (b, right)| a.cmp(b).then(frequency(right).cmp(&frequency(left))));
    errors.into_iter().map(|(_, error)| error).collect()
}

/// The slowest calls of each target of which any were kept, in the scenario's order.
pub(super) fn slowest(run: &RunView<'_>) -> Vec<SlowestCalls> {
    let targets = run.manifest.scenario.syscalls.iter();
    targets.map(|syscall| slowest_of(run, syscall)).filter(|slowest| slowest.kept > 0).collect()
}

fn slowest_of(run: &RunView<'_>, syscall: &str) -> SlowestCalls {
    let mut cells: BTreeMap<Vec<&str>, Vec<KeptCall>> = BTreeMap::new();
    for trial in run.trials.iter().filter(|trial| trial.status == Status::Ok) {
        let levels = levels_of(run, trial);
        let kept = trial.slowest.iter().filter(|call| call.syscall == syscall).map(|call| KeptCall {
            trial: trial.trial,
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
            call: call.clone(),
        });
        cells.entry(levels.clone()).or_default().extend(kept);
    }
    let kept = cells.values().map(Vec::len).sum();
    let of_each = (ROWS / cells.len().max(1)).max(1);
    let latency_first = |call: &KeptCall| (std::cmp::Reverse(call.call.latency_ns), call.trial);
    let mut shown: Vec<KeptCall> = Vec::new();
    for mut of_cell in cells.into_values() {
        of_cell.sort_by_key(latency_first);
        shown.extend(of_cell.into_iter().take(of_each));
    }
    shown.sort_by_key(latency_first);
    SlowestCalls { syscall: syscall.to_owned(), kept, of_each, off_cpu: off_cpu(run, syscall), calls: shown }
}

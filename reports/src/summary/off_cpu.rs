//! What became of the slow calls that were kept: whether they were taken off the CPU, and where.

use super::cells::levels_of;
use crate::{RunView, units};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{SlowCall, Status};

/// Bins of latency for each power of two.
pub(crate) const BINS_PER_OCTAVE: i32 = 3;

/// The kept slow calls of one target, over all trials that are ok.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OffCpu {
    /// Calls of which it is known how often they were taken off the CPU.
    pub looked_at: u64,
    /// Of these, calls that were.
    pub taken_off: u64,
    /// Of these, calls that returned on another CPU than they entered on.
    pub moved: u64,
    /// Where they were taken off last, the most frequent first.
    pub places: Vec<Place>,
    /// Calls that stayed on their CPU and calls that did not, by levels of the cell and bin of latency.
    #[serde(skip)]
    pub(crate) bins: BTreeMap<(Vec<String>, i32), [u64; 2]>,
}

/// Where in the kernel calls were taken off the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The function that gave the CPU up, or that the call was preempted in; none where the stack is unknown.
    pub function: Option<String>,
    /// Whether the CPU was taken away rather than given up.
    pub is_preemption: bool,
    /// How many calls.
    pub calls: u64,
    /// What the slowest of them took, in nanoseconds.
    pub slowest_ns: u64,
}

impl Place {
    /// `waiting in rwsem_down_write_slowpath`, after when it was taken off its CPU.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.function, self.is_preemption) {
            (None, false) => "at an unknown place".to_owned(),
            (None, true) => "preempted".to_owned(),
            (Some(function), true) => format!("preempted in {function}"),
            (Some(function), false) => format!("waiting in {function}"),
        }
    }
}

impl OffCpu {
    /// `320 of 515 kept calls were taken off the CPU, 80 of them returned on another; most often, 200 times, waiting in …`; none where
    /// nobody looked.
    pub(crate) fn sentence(&self, syscall: &str) -> Option<String> {
        if self.looked_at == 0 {
            return None;
        }
        if self.taken_off == 0 {
            return Some(format!(
                "None of the {} slow calls of {syscall} that were kept was taken off its CPU.",
                self.looked_at
            ));
        }
        let most = self.places.first().map(|place| {
            format!("; most often, {} times, {}", units::count(place.calls.into()), place.words())
        });
        Some(format!(
            "{} of the {} slow calls of {syscall} that were kept were taken off their CPU, and {} of these returned on \
             another{}.",
            self.taken_off,
            self.looked_at,
            self.moved,
            most.unwrap_or_default()
        ))
    }
}

/// The account of a target's kept calls.
pub(super) fn off_cpu(run: &RunView<'_>, syscall: &str) -> OffCpu {
    let mut found = OffCpu::default();
    let mut places: BTreeMap<(bool, Option<String>), (u64, u64)> = BTreeMap::new();
    for trial in run.trials.iter().filter(|trial| trial.status == Status::Ok) {
        let levels: Vec<String> = levels_of(run, trial).into_iter().map(str::to_owned).collect();
        for call in trial.slowest.iter().filter(|call| call.syscall == syscall) {
            let Some(switches) = call.switches else { continue };
            let is_off = switches > 0;
            found.looked_at += 1;
            found.taken_off += u64::from(is_off);
            found.moved += u64::from(is_off && call.cpu_entry != call.cpu_return);
            let bin = found.bins.entry((levels.clone(), bin(call.latency_ns))).or_default();
            bin[usize::from(is_off)] += 1;
            if is_off {
                let (calls, slowest) = places.entry(place(call)).or_default();
                (*calls, *slowest) = (*calls + 1, call.latency_ns.max(*slowest));
            }
        }
    }
    let place = |((is_preemption, function), (calls, slowest_ns))| Place {
        function,
        is_preemption,
        calls,
        slowest_ns,
    };
    found.places = places.into_iter().map(place).collect();
    found.places.sort_by_key(|place| (std::cmp::Reverse(place.calls), std::cmp::Reverse(place.slowest_ns)));
    found
}

#[expect(clippy::cast_possible_truncation, reason = "latencies are below 2^64 ns")]
fn bin(latency_ns: u64) -> i32 {
    ((latency_ns.max(1) as f64).log2() * f64::from(BINS_PER_OCTAVE)).floor() as i32
}

/// Whether a call was preempted, and the innermost function of its stack that is no part of the scheduler or of an
/// interrupt.
fn place(call: &SlowCall) -> (bool, Option<String>) {
    let functions = || call.stack.iter().map(|line| line.split(['+', ' ']).next().unwrap_or_default());
    let is_preemption = functions().take(4).any(|function| function.contains("preempt_schedule"));
    let passes = |function: &&str| {
        let parts = [
            "schedule",
            "preempt",
            "irqentry",
            "asm_",
            "sysvec_",
            "__cond_resched",
            "exit_to_user",
            "raw_irq",
        ];
        !function.is_empty() && !parts.iter().any(|part| function.contains(part))
    };
    (is_preemption, functions().find(passes).map(str::to_owned))
}

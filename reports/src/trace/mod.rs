//! What a trace saw, from moment to moment and in all.
//!
//! Owns the arithmetic of traces and how they are written: a line for each interval, tables, a document. Pure: values in,
//! text out. What is traced, and how, is the runner's.

mod histogram;
mod json;
mod markdown;
mod text;

pub use histogram::{Bar, bars};
pub use json::render as json;
pub use markdown::render as markdown;
pub use text::{heading, line, render as text};

use probe_abi::SparseHistogram;
use serde::Serialize;
use std::path::PathBuf;
use store::{Ledger, Measure};

/// How many calls have to lie beyond a quantile before it is shown: fewer than in reports, for a trace is to answer soon,
/// and compares nothing.
pub const CALLS_BEYOND: u64 = 10;

/// The name under which rare system calls are counted together.
pub const OTHER: &str = "other";

/// What a trace saw.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Whose calls were counted.
    pub subject: Subject,
    /// How they were seen.
    pub backend: String,
    /// Why not otherwise: what was tried before, and how that failed.
    pub reasons: Vec<String>,
    /// When it began, as RFC 3339 has it.
    pub started_at: String,
    /// The length of its windows together, in nanoseconds.
    pub window_ns: u64,
    /// How many there were, one right after the other.
    pub windows: u32,
    /// What ended it.
    pub ended: End,
    /// How the command ended, where it did.
    pub status: Option<String>,
    /// The system calls that are counted together, as `other`.
    pub together: Vec<String>,
    /// What was seen of each system call in all windows.
    pub totals: Vec<Measure>,
    /// The same bit by bit.
    pub intervals: Vec<Interval>,
    /// The run as which it is kept, if it is.
    pub run: Option<PathBuf>,
}

/// Whose calls a trace counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Which kind.
    pub kind: Kind,
    /// In words: a command, the name of a process.
    pub words: String,
    /// The process's number, where it is one.
    pub pid: Option<u32>,
    /// Whether the calls of what the process starts count as well.
    pub with_children: bool,
}

/// The kinds of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program that was started for the trace.
    Command,
    /// A process that was there.
    Process,
    /// Every process of the machine but the runner.
    System,
}

/// What ended a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The time that was asked for was over.
    Time,
    /// Its subject ended.
    Subject,
    /// A key of the view.
    Key,
    /// A signal.
    Signal,
}

/// A part of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// Its begin, in nanoseconds since the first window opened.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// What was added in it; of calls that are under way (`censored`) and lost, how many there were at its end.
    pub measures: Vec<Measure>,
}

impl Interval {
    /// Its length, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.to_ns.saturating_sub(self.from_ns) as f64 / 1e9
    }
}

impl Subject {
    /// `dd bs=1 (process 12)`, `the whole machine`.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.kind, self.pid) {
            (Kind::System, _) => "the whole machine".to_owned(),
            (_, Some(pid)) => format!("{} (process {pid})", self.words),
            (_, None) => self.words.clone(),
        }
    }
}

/// The latencies that stand for a system call: those of the calls that succeeded, or where all failed, theirs.
#[must_use]
pub fn latencies(measure: &Measure) -> &SparseHistogram {
    if measure.ok.count > 0 { &measure.ok } else { &measure.error }
}

/// Calls that returned.
#[must_use]
pub fn returned(measure: &Measure) -> u64 {
    measure.ok.count + measure.error.count
}

/// A quantile in nanoseconds; none with too few calls beyond it.
#[must_use]
pub fn quantile_ns(measure: &Measure, q: f64) -> Option<f64> {
    latencies(measure).supported_quantile_ns(q, CALLS_BEYOND)
}

/// The longest call, in nanoseconds.
#[must_use]
pub fn max_ns(measure: &Measure) -> Option<u64> {
    let latencies = latencies(measure);
    (latencies.count > 0).then_some(latencies.max_ns)
}

/// The time that all calls took that returned, in nanoseconds.
#[must_use]
pub fn time_ns(measure: &Measure) -> u64 {
    measure.ok.sum_ns.saturating_add(measure.error.sum_ns)
}

/// The account, all noughts where none was kept.
#[must_use]
pub fn ledger(measure: &Measure) -> Ledger {
    measure.ledger.unwrap_or(Ledger {
        entered: 0,
        censored: 0,
        censored_age_max_ns: 0,
        lost: 0,
        missed: None,
        compat: None,
    })
}

/// Adds what another window saw.
pub fn add(totals: &mut Vec<Measure>, more: &[Measure]) {
    for measure in more {
        let Some(total) = totals.iter_mut().find(|total| total.syscall == measure.syscall) else {
            totals.push(measure.clone());
            continue;
        };
        total.ok.merge(&measure.ok);
        total.error.merge(&measure.error);
        add_errnos(&mut total.errnos, &measure.errnos);
        total.ledger = total.ledger.zip(measure.ledger).map(|(a, b)| Ledger {
            entered: a.entered + b.entered,
            censored: a.censored + b.censored,
            censored_age_max_ns: a.censored_age_max_ns.max(b.censored_age_max_ns),
            lost: a.lost + b.lost,
            missed: a.missed.zip(b.missed).map(|(a, b)| a + b),
            compat: a.compat.zip(b.compat).map(|(a, b)| a + b),
        });
    }
}

fn add_errnos(total: &mut Vec<(u16, u64)>, more: &[(u16, u64)]) {
    for (errno, count) in more {
        match total.binary_search_by_key(errno, |(errno, _)| *errno) {
            Ok(place) => total[place].1 += count,
            Err(place) => total.insert(place, (*errno, *count)),
        }
    }
}

/// What came between two looks at the same trace.
#[must_use]
pub fn since(now: &[Measure], before: &[Measure]) -> Vec<Measure> {
    let earlier = |now: &Measure| before.iter().find(|it| it.syscall == now.syscall);
    now.iter()
        .map(|now| earlier(now).map_or_else(|| now.clone(), |before| measure_since(now, before)))
        .collect()
}

fn measure_since(now: &Measure, before: &Measure) -> Measure {
    let was = |errno: u16| before.errnos.iter().find(|it| it.0 == errno).map_or(0, |it| it.1);
    let errnos = now.errnos.iter().map(|(errno, count)| (*errno, count.saturating_sub(was(*errno))));
    let (entered, compat) = (ledger(before).entered, ledger(before).compat);
    Measure {
        syscall: now.syscall.clone(),
        vantage: now.vantage,
        ok: now.ok.since(&before.ok),
        error: now.error.since(&before.error),
        errnos: errnos.filter(|(_, count)| *count > 0).collect(),
        ledger: now.ledger.map(|now| Ledger {
            entered: now.entered.saturating_sub(entered),
            compat: now.compat.zip(compat).map(|(now, before)| now.saturating_sub(before)),
            ..now
        }),
    }
}

/// Whether anything was seen of the system call.
#[must_use]
pub fn is_seen(measure: &Measure) -> bool {
    let ledger = ledger(measure);
    ledger.entered > 0 || returned(measure) > 0 || ledger.compat.is_some_and(|compat| compat > 0)
}

#[cfg(test)]
mod tests;

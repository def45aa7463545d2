//! How long `Probe::read` takes, and its parts: it waits for a grace period of RCU, walks the table of starts, and reads
//! and clears the targets' banks.

use crate::Fallible;
use crate::rows::armed;
use crate::worker::{MIXED, Worker};
use probe::{Backend, Callers, Window, monotonic_ns};

/// Targets that are read.
pub(crate) const TARGETS: usize = MIXED.len();
/// Windows read in a round; the first one of each probe, which maps its memory, is not timed.
const WINDOWS: usize = 7;
/// Of each call on each CPU in a window.
const CALLS: u32 = 500;

/// What one round took.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "units are suffixes")]
pub(crate) struct Reading {
    /// From the call of `read` to its return, with [`TARGETS`] targets.
    pub(crate) whole_us: f64,
    /// Waiting for a grace period.
    pub(crate) grace_us: f64,
    /// Walking the start table.
    pub(crate) starts_us: f64,
    /// Reading and clearing all banks.
    pub(crate) banks_us: f64,
}

/// Times one round.
pub(crate) fn measure(worker: &mut Worker, cpus: &[usize]) -> Fallible<Reading> {
    let names = MIXED.map(|(name, _)| name);
    let mut probe = armed(Backend::RawTracepoint, &names, worker.pid())?;
    let mut parts: [Vec<u64>; 4] = Default::default();
    for window in 0..=WINDOWS {
        if window > 0 {
            probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
        }
        worker.mix(CALLS, cpus)?;
        let began_ns = monotonic_ns();
        let (readings, took) = probe.read_timed(Callers::Unknown)?;
        let whole_ns = monotonic_ns() - began_ns;
        if window > 0 {
            for (part, ns) in parts.iter_mut().zip([whole_ns, took.grace_ns, took.starts_ns, took.counts_ns])
            {
                part.push(ns);
            }
        }
        let issued = u64::from(CALLS) * cpus.len() as u64;
        if let Some(wrong) = readings.iter().find(|it| it.returned != issued) {
            return Err(format!("{}: {} of {issued} counted", wrong.target.name, wrong.returned).into());
        }
    }
    let [whole_us, grace_us, starts_us, banks_us] = parts.map(middle_us);
    Ok(Reading { whole_us, grace_us, starts_us, banks_us })
}

fn middle_us(mut ns: Vec<u64>) -> f64 {
    ns.sort_unstable();
    ns.get(ns.len() / 2).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
}

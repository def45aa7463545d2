//! How long `Probe::read` takes, and its parts as far as they can be told apart from outside.
//!
//! Reading waits for a grace period of RCU, walks the table of starts, and reads and clears the targets' banks. The
//! wait takes no processor time, so that is what the rest is told by; and the banks of four targets are what eight
//! targets take more than four.

use crate::Fallible;
use crate::rows::armed;
use crate::worker::{MIXED, Worker, processor_ns};
use probe::{Backend, Window, monotonic_ns};
use rustix::thread::{MembarrierCommand, membarrier};

/// Targets whose banks the figure is about.
pub(crate) const TARGETS: usize = 4;
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
    /// A grace period of RCU by itself.
    pub(crate) grace_us: f64,
    /// Processor time of reading and clearing the banks of [`TARGETS`] targets.
    pub(crate) banks_us: f64,
    /// Processor time of all else in `read`: for the most part the table of starts.
    pub(crate) rest_us: f64,
}

/// Times one round.
pub(crate) fn measure(worker: &mut Worker, cpus: &[usize]) -> Fallible<Reading> {
    let (whole_us, of_four) = time_reads(worker, TARGETS, cpus)?;
    let (_, of_eight) = time_reads(worker, 2 * TARGETS, cpus)?;
    let banks_us = of_eight - of_four;
    Ok(Reading { whole_us, grace_us: time_grace()?, banks_us, rest_us: of_four - banks_us })
}

/// Time that passes, and processor time, of reading `targets` targets.
fn time_reads(worker: &mut Worker, targets: usize, cpus: &[usize]) -> Fallible<(f64, f64)> {
    let names = MIXED.map(|(name, _)| name);
    let mut probe = armed(Backend::RawTracepoint, &names[..targets], worker.pid())?;
    let (mut whole, mut processor) = (Vec::new(), Vec::new());
    for window in 0..=WINDOWS {
        if window > 0 {
            probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
        }
        worker.mix(CALLS, cpus)?;
        let (began_ns, used_ns) = (monotonic_ns(), processor_ns());
        let readings = probe.read()?;
        if window > 0 {
            processor.push((processor_ns() - used_ns) as f64 / 1e3);
            whole.push((monotonic_ns() - began_ns) as f64 / 1e3);
        }
        let issued = u64::from(CALLS) * cpus.len() as u64;
        if let Some(wrong) = readings.iter().find(|it| it.returned != issued) {
            return Err(format!("{}: {} of {issued} counted", wrong.target.name, wrong.returned).into());
        }
    }
    Ok((middle(whole), middle(processor)))
}

fn time_grace() -> Fallible<f64> {
    let mut values = Vec::new();
    for _ in 0..WINDOWS {
        let began_ns = monotonic_ns();
        // The only wait for a grace period that needs no BPF; kernels with nohz_full CPUs refuse it.
        membarrier(MembarrierCommand::Global)?;
        values.push((monotonic_ns() - began_ns) as f64 / 1e3);
    }
    Ok(middle(values))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! Whether the probe keeps two threads on two CPUs from working side by side.

use crate::Fallible;
use crate::rows::armed;
use crate::worker::{Timing, Worker};
use probe::Backend;

/// Calls per nanosecond of two threads over those of one, in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaling {
    /// By the time that passes: throughput.
    pub(crate) wall: f64,
    /// By the processors' time, which leaves out what other processes take.
    pub(crate) processor: f64,
}

/// One round: the scaling bare and traced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) bare: Scaling,
    pub(crate) probed: Scaling,
}

/// Times one round, beginning with the bare or the probed half. There must be two `cpus`.
pub(crate) fn measure(worker: &mut Worker, calls: u32, cpus: &[usize], bare_first: bool) -> Fallible<Pair> {
    let before = if bare_first { Some(scaling(worker, calls, cpus)?) } else { None };
    let mut probe = armed(Backend::RawTracepoint, &["getpid"], worker.pid())?;
    let probed = scaling(worker, calls, cpus)?;
    let reading = probe.read()?.pop().ok_or("the probe read no target")?;
    drop(probe);
    let issued = 3 * u64::from(calls + calls / 10);
    if reading.returned != issued {
        return Err(format!("{} of {issued} calls were counted", reading.returned).into());
    }
    let bare = if let Some(scaling) = before { scaling } else { scaling(worker, calls, cpus)? };
    Ok(Pair { bare, probed })
}

fn scaling(worker: &mut Worker, calls: u32, cpus: &[usize]) -> Fallible<Scaling> {
    let one = worker.threads(calls, &cpus[..1])?;
    let two = worker.threads(calls, cpus)?;
    let ratio = |ns: fn(&Timing) -> f64| {
        let rate = |timings: &[Timing]| -> f64 { timings.iter().map(|it| 1.0 / ns(it)).sum() };
        rate(&two) / rate(&one)
    };
    Ok(Scaling { wall: ratio(|it| it.wall_ns), processor: ratio(|it| it.processor_ns) })
}

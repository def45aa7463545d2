//! What the probe costs on this machine, seen on the call that does nothing before the run begins.
//!
//! Owns the rounds and their arithmetic. In every round the call is timed bare and probed, one right after the other
//! and the order turned from round to round, so that whatever drifts on the machine falls on both; a round's figures
//! are one observation. Attaches a probe of its own for each round, since an attached one slows every call. Knows
//! nothing of the run's targets, and nobody subtracts from their figures what is found here.

use crate::failure::chain;
use probe::{Backend, Options, Probe, ProbeError, Scope, Target, Window, monotonic_ns};
use probe_abi::SparseHistogram;
use reports::Metric;
use reports::statistics::{median, median_interval};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::{Calibration, Estimated};

/// The call that does nothing.
const CALL: &str = "getpid";
/// Rounds where the machine is quick enough.
const ROUNDS: usize = 11;
/// No round begins that would probably end after this time: attaching takes long on some machines.
const PATIENCE: Duration = Duration::from_secs(2);
/// Timed calls of a round, bare and probed.
const CALLS: u32 = 10_000;
/// Calls before those: caches and branch predictors have seen the way by then.
const WARM_UP_CALLS: u32 = 1_000;

/// Why the probe's cost is not known.
#[derive(Debug, thiserror::Error)]
enum CalibrationError {
    /// It could not be attached or read.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The thread could not be started or kept on one CPU.
    #[error("a thread cannot be kept on one CPU")]
    Thread(#[source] io::Error),
    /// What was timed is not what was probed.
    #[error("of {issued} calls the probe saw {seen}")]
    Uncounted {
        /// Calls issued.
        issued: u32,
        /// Calls that the probe counted.
        seen: u64,
    },
    /// There is no interval over so few rounds.
    #[error("rounds finished in time: {rounds}, too few for an interval; is the machine busy?")]
    FewRounds {
        /// Rounds finished.
        rounds: usize,
    },
}

/// What one round found, in nanoseconds of each call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "units are suffixes")]
struct Round {
    /// The thread's processor time for a bare call.
    bare_ns: f64,
    /// The same while the call is probed.
    probed_ns: f64,
    /// The median of what the probe read.
    reads_ns: f64,
}

/// What the backends of a run cost, and why that is not known where it is not.
#[derive(Debug, Default)]
pub(crate) struct Calibrated {
    pub(crate) calibrations: Vec<Calibration>,
    pub(crate) warnings: Vec<String>,
}

impl Calibrated {
    /// Calibrates each of these backends, which attach to the kernel, as they will be attached: to keep so many slow
    /// calls, which costs. Nothing may be attached meanwhile.
    ///
    /// That the cost of a probe stays unknown is no reason not to measure. Once `stop` is set, no more rounds begin.
    pub(crate) fn of(backends: &[Backend], keep_slowest: usize, stop: &AtomicBool) -> Self {
        let options = Options { keep_slowest, ..Options::from(Scope::Generators) };
        let mut calibrated = Self::default();
        for backend in backends {
            match calibrate(*backend, options, stop) {
                Ok(calibration) => calibrated.calibrations.push(calibration),
                Err(error) => {
                    let reason = chain(&error);
                    calibrated
                        .warnings
                        .push(format!("what the probe ({backend}) costs is not known: {reason}"));
                }
            }
        }
        calibrated
    }
}

/// Calibrates a backend that attaches to the kernel, for about a second and, unless a single round takes longer, two at
/// most.
fn calibrate(backend: Backend, options: Options, stop: &AtomicBool) -> Result<Calibration, CalibrationError> {
    let rounds = on_one_cpu(|| {
        let began = Instant::now();
        let mut rounds = Vec::with_capacity(ROUNDS);
        while rounds.len() < ROUNDS
            && !stop.load(Ordering::Relaxed)
            && is_time_for_another(began.elapsed(), rounds.len())
        {
            rounds.push(round((backend, options), rounds.len().is_multiple_of(2))?);
        }
        Ok(rounds)
    })?;
    summarised(backend, &rounds).ok_or(CalibrationError::FewRounds { rounds: rounds.len() })
}

/// Whether another round as long as those before would end in time; the first one always may begin.
fn is_time_for_another(elapsed: Duration, rounds: usize) -> bool {
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    elapsed.checked_div(rounds).is_none_or(|each| elapsed + each <= PATIENCE)
}

/// Runs `work` on a thread that does not move to another CPU, and that nobody else goes on with.
fn on_one_cpu<T: Send>(
    work: impl FnOnce() -> Result<T, CalibrationError> + Send,
) -> Result<T, CalibrationError> {
    let pinned = || {
        let mut here = CpuSet::new();
        here.set(sched_getcpu());
        sched_setaffinity(None, &here).map_err(|errno| CalibrationError::Thread(errno.into()))?;
        work()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("calibration".to_owned()).spawn_scoped(scope, pinned);
        let outcome = thread.map_err(CalibrationError::Thread)?.join();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn round(attached: (Backend, Options), bare_first: bool) -> Result<Round, CalibrationError> {
    if bare_first {
        let bare_ns = time_calls();
        let (probed_ns, reads_ns) = probed(attached)?;
        Ok(Round { bare_ns, probed_ns, reads_ns })
    } else {
        let (probed_ns, reads_ns) = probed(attached)?;
        Ok(Round { bare_ns: time_calls(), probed_ns, reads_ns })
    }
}

/// The time of a probed call, and the median of what the probe read.
fn probed((backend, options): (Backend, Options)) -> Result<(f64, f64), CalibrationError> {
    let mut probe = Probe::attach(backend, &[Target::named(CALL)?], options)?;
    probe.include(std::process::id())?;
    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
    let probed_ns = time_calls();
    let seen = probe.read()?.pop().map(|reading| SparseHistogram::from(&*reading.ok)).unwrap_or_default();
    // Another thread of this process may have issued the call, too.
    let issued = WARM_UP_CALLS + CALLS;
    match seen.quantile_ns(0.5) {
        Some(reads_ns) if seen.count >= issued.into() => Ok((probed_ns, reads_ns)),
        _ => Err(CalibrationError::Uncounted { issued, seen: seen.count }),
    }
}

/// This thread's processor time for one call, in nanoseconds: the mean of many.
fn time_calls() -> f64 {
    (0..WARM_UP_CALLS).for_each(|_| null_call());
    let start_ns = processor_ns();
    (0..CALLS).for_each(|_| null_call());
    (processor_ns() - start_ns) as f64 / f64::from(CALLS)
}

fn null_call() {
    std::hint::black_box(rustix::process::getpid());
}

fn processor_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The figures over rounds; none over fewer than an interval takes.
fn summarised(backend: Backend, rounds: &[Round]) -> Option<Calibration> {
    let over = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
    Some(Calibration {
        backend: backend.name().to_owned(),
        call: CALL.to_owned(),
        rounds: u32::try_from(rounds.len()).ok()?,
        calls_per_round: CALLS,
        bare_ns: median(&over(|round| round.bare_ns))?,
        added_ns: estimated(over(|round| round.probed_ns - round.bare_ns), Metric::Mean)?,
        reads_ns: estimated(over(|round| round.reads_ns), Metric::P50)?,
    })
}

/// The median over rounds with its interval, widened by half a slot where the values come from slots.
fn estimated(values: Vec<f64>, metric: Metric) -> Option<Estimated> {
    let value = median(&values)?;
    let interval = median_interval(&[values])?;
    Some(Estimated {
        value,
        low: interval.low - metric.resolution_ns(interval.low),
        high: interval.high + metric.resolution_ns(interval.high),
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values")]
mod tests {
    use super::*;

    fn rounds(of: &[(f64, f64, f64)]) -> Vec<Round> {
        of.iter().map(|&(bare_ns, probed_ns, reads_ns)| Round { bare_ns, probed_ns, reads_ns }).collect()
    }

    #[test]
    fn what_is_added_is_taken_round_by_round() {
        // The machine slows down from round to round; what the probe adds stays the same but for one round.
        let slowing = [100.0, 120.0, 140.0, 160.0, 180.0, 200.0, 220.0];
        let found: Vec<_> = slowing.iter().map(|bare| (*bare, bare + 240.0, 115.0)).collect();
        let mut found = rounds(&found);
        found[3].probed_ns += 1_000.0;
        let calibration = summarised(Backend::RawTracepoint, &found).unwrap();
        assert_eq!((calibration.rounds, calibration.calls_per_round), (7, CALLS));
        assert_eq!((calibration.backend.as_str(), calibration.call.as_str()), ("raw_tracepoint", "getpid"));
        assert_eq!(calibration.bare_ns, 160.0);
        assert_eq!(calibration.added_ns.value, 240.0);
        assert_eq!((calibration.added_ns.low, calibration.reads_ns.value), (240.0, 115.0));
    }

    #[test]
    fn intervals_are_those_of_reports_and_as_wide_as_the_slots_at_least() {
        let values = [900.0, 910.0, 905.0, 1300.0, 903.0, 908.0, 901.0];
        let interval = median_interval(&[values.to_vec()]).unwrap();
        let exact = estimated(values.to_vec(), Metric::Mean).unwrap();
        assert_eq!((exact.value, exact.low, exact.high), (905.0, interval.low, interval.high));
        let of_slots = estimated(values.to_vec(), Metric::P50).unwrap();
        assert!(of_slots.value == 905.0 && of_slots.low < exact.low && of_slots.high > exact.high);
    }

    #[test]
    fn too_few_rounds_have_no_figures() {
        assert_eq!(summarised(Backend::Kretprobe, &rounds(&[(1.0, 2.0, 3.0), (1.0, 2.0, 3.0)])), None);
        assert_eq!(summarised(Backend::Kretprobe, &[]), None);
    }

    #[test]
    fn patience_ends_before_the_round_that_would_pass_it() {
        let ms = Duration::from_millis;
        assert!(is_time_for_another(ms(0), 0) && is_time_for_another(ms(9_000), 0));
        assert!(is_time_for_another(ms(1_800), 10) && is_time_for_another(ms(1_000), 1));
        assert!(!is_time_for_another(ms(1_001), 1) && !is_time_for_another(ms(1_900), 10));
    }

    #[test]
    fn the_thread_stays_on_its_cpu_and_the_others_where_they_may_be() {
        let allowed = || rustix::thread::sched_getaffinity(None).unwrap().count();
        let before = allowed();
        assert_eq!(on_one_cpu(|| Ok(allowed())).unwrap(), 1);
        assert_eq!(allowed(), before);
    }
}

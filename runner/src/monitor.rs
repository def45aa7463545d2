//! Owns the view of the machine during a window: a thread that reads /proc every so often while a window is open and
//! sleeps otherwise. It knows nothing of trials, and never starts a process: a child would die with this thread.

mod sources;

pub(crate) use sources::{CpuTimes, memory_available, memory_in_use};

use crate::clock::nanoseconds;
use probe::monotonic_ns as now_ns;
use sources::{Reading, Sources};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::MonitorSample;

/// The sampling thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Opens what there is to read and starts the thread, which sleeps until a window is watched. Within a window it
    /// reads every `interval`.
    pub(crate) fn start(interval: Duration) -> io::Result<Self> {
        let sources = Sources::open()?;
        let shared = Arc::new(Shared::default());
        let sampler =
            Sampler { shared: Arc::clone(&shared), sources, interval_ns: nanoseconds(interval).max(1) };
        let thread = std::thread::Builder::new().name("monitor".to_owned()).spawn(move || sampler.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches a window of `CLOCK_MONOTONIC` nanoseconds. Without `close_ns` it lasts until [`Watch::finish`]. Only
    /// one window is watched at a time: an earlier one that was not finished is given up.
    pub(crate) fn watch(&self, open_ns: u64, close_ns: Option<u64>) -> Watch {
        let id = self.shared.change(|state| {
            state.id += 1;
            state.phase = Phase::Watching { open_ns, close_ns };
            state.id
        });
        Watch { shared: Arc::clone(&self.shared), id }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.shared.change(|state| state.phase = Phase::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the kernel tells how long tasks wait for CPUs.
pub(crate) fn tells_pressure() -> bool {
    let reading = Sources::open().ok().and_then(|mut sources| sources.read());
    reading.is_some_and(|reading| reading.tells_pressure())
}

/// A window under watch. Dropping it gives the window up.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    id: u64,
}

impl Watch {
    /// The samples of the window, the last of them shorter where the interval does not divide it. Waits for the
    /// window's close where that is known, else closes it now.
    pub(crate) fn finish(self) -> Vec<MonitorSample> {
        let mut state = self.shared.lock();
        if let (true, Phase::Watching { close_ns: close_ns @ None, .. }) =
            (state.id == self.id, &mut state.phase)
        {
            *close_ns = Some(now_ns());
            self.shared.changed.notify_all();
        }
        while state.id == self.id && matches!(state.phase, Phase::Watching { .. }) {
            state = self.shared.wait(state);
        }
        if state.id != self.id || !matches!(state.phase, Phase::Done(_)) {
            return Vec::new();
        }
        match std::mem::replace(&mut state.phase, Phase::Idle) {
            Phase::Done(samples) => samples,
            _ => Vec::new(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.change(|state| {
            if state.id == self.id && !matches!(state.phase, Phase::Quit) {
                state.phase = Phase::Idle;
            }
        });
    }
}

/// What the thread and its callers share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the window last watched.
    id: u64,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Watching {
        open_ns: u64,
        close_ns: Option<u64>,
    },
    Done(Vec<MonitorSample>),
    Quit,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }
}

/// The thread's side.
struct Sampler {
    shared: Arc<Shared>,
    sources: Sources,
    interval_ns: u64,
}

impl Sampler {
    fn run(mut self) {
        loop {
            let mut state = self.shared.lock();
            let (id, open_ns) = loop {
                match state.phase {
                    Phase::Quit => return,
                    Phase::Watching { open_ns, .. } => break (state.id, open_ns),
                    Phase::Idle | Phase::Done(_) => state = self.shared.wait(state),
                }
            };
            drop(state);
            let readings = self.observe(id, open_ns);
            self.shared.change(|state| {
                if state.id == id && matches!(state.phase, Phase::Watching { .. }) {
                    state.phase = Phase::Done(samples(&readings, open_ns, self.interval_ns));
                }
            });
        }
    }

    /// Reads at the window's opening, at every interval and at its close; stops early when it is given up.
    fn observe(&mut self, id: u64, open_ns: u64) -> Vec<Reading> {
        let mut readings = Vec::new();
        let mut next = open_ns;
        while let Some(last) = self.sleep_until(id, next) {
            readings.extend(self.sources.read());
            if last {
                break;
            }
            // Intervals that were slept through are left out, not caught up on.
            let passed = now_ns().saturating_sub(open_ns) / self.interval_ns;
            next = open_ns + (passed + 1) * self.interval_ns;
        }
        readings
    }

    /// Sleeps until `time_ns` or the window's close. Whether that was the close; none when the window is given up.
    fn sleep_until(&self, id: u64, time_ns: u64) -> Option<bool> {
        let mut state = self.shared.lock();
        loop {
            let Phase::Watching { close_ns, .. } = state.phase else {
                return None;
            };
            if state.id != id {
                return None;
            }
            let close_ns = close_ns.unwrap_or(u64::MAX);
            let now = now_ns();
            let due = time_ns.min(close_ns);
            if now >= due {
                return Some(due == close_ns);
            }
            let timeout = Duration::from_nanos(due - now);
            let waited = self.shared.changed.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The differences between successive readings.
fn samples(readings: &[Reading], open_ns: u64, interval_ns: u64) -> Vec<MonitorSample> {
    let mut readings: Vec<&Reading> = readings.iter().collect();
    // A last interval of few clock ticks would say little: it is counted with the one before it.
    if let [.., _, before, last] = readings[..]
        && last.at_ns - before.at_ns < interval_ns / 4
    {
        readings.remove(readings.len() - 2);
    }
    readings.windows(2).map(|pair| pair[1].since(pair[0], open_ns)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);

    fn assert_sound(samples: &[MonitorSample]) {
        for sample in samples {
            assert!((0.0..=1.0).contains(&sample.cpu_busy), "{sample:?}");
            assert!((0.0..=1.0).contains(&sample.cpu_steal), "{sample:?}");
            assert!(sample.memory_used_bytes > 0, "{sample:?}");
            assert!(sample.psi_cpu_some.is_none_or(|share| (0.0..=1.0).contains(&share)), "{sample:?}");
        }
        assert!(samples.is_sorted_by(|a, b| a.at_ns < b.at_ns), "{samples:?}");
    }

    #[test]
    fn a_window_is_covered_to_its_close() {
        let monitor = Monitor::start(INTERVAL).unwrap();
        let open_ns = now_ns() + 10_000_000;
        let samples = monitor.watch(open_ns, Some(open_ns + 110_000_000)).finish();
        assert!(now_ns() >= open_ns + 110_000_000);
        assert_sound(&samples);
        assert!(samples.last().unwrap().at_ns >= 110_000_000, "{samples:?}");
        assert!(samples.iter().map(|sample| sample.context_switches).sum::<u64>() > 0, "{samples:?}");
    }

    #[test]
    fn windows_follow_one_another_on_one_thread() {
        let monitor = Monitor::start(INTERVAL).unwrap();
        for _ in 0..3 {
            let open_ns = now_ns();
            let samples = monitor.watch(open_ns, Some(open_ns + 30_000_000)).finish();
            assert_sound(&samples);
            assert!(samples.last().unwrap().at_ns >= 30_000_000, "{samples:?}");
        }
    }

    #[test]
    fn a_window_without_known_close_ends_when_told() {
        let monitor = Monitor::start(INTERVAL).unwrap();
        let open_ns = now_ns();
        let watch = monitor.watch(open_ns, None);
        std::thread::sleep(Duration::from_millis(50));
        let told_ns = now_ns();
        let samples = watch.finish();
        assert_sound(&samples);
        assert!(samples.last().unwrap().at_ns >= told_ns - open_ns, "{samples:?}");
    }

    #[test]
    fn a_window_given_up_neither_blocks_nor_reaches_the_next() {
        let monitor = Monitor::start(INTERVAL).unwrap();
        let far_ns = now_ns() + 3_600_000_000_000;
        drop(monitor.watch(far_ns, None));
        let replaced = monitor.watch(far_ns, Some(far_ns + 1));
        let open_ns = now_ns();
        let watch = monitor.watch(open_ns, Some(open_ns + 30_000_000));
        assert_eq!(replaced.finish(), []);
        assert!(watch.finish().last().unwrap().at_ns >= 30_000_000);
        let _abandoned = monitor.watch(far_ns, None);
        drop(monitor);
    }

    #[test]
    fn a_window_that_closes_before_it_opens_has_no_samples() {
        let monitor = Monitor::start(INTERVAL).unwrap();
        let far_ns = now_ns() + 3_600_000_000_000;
        assert_eq!(monitor.watch(far_ns, None).finish(), []);
    }

    #[test]
    fn a_short_last_interval_is_counted_with_the_one_before() {
        let at = |at_ns| {
            let mut reading = Reading::default();
            reading.at_ns = at_ns;
            reading
        };
        let ends = |times: &[u64]| {
            let readings: Vec<_> = times.iter().map(|time| at(1000 + time)).collect();
            samples(&readings, 1000, 100).iter().map(|sample| sample.at_ns).collect::<Vec<_>>()
        };
        assert_eq!(ends(&[0, 100, 200]), [100, 200]);
        assert_eq!(ends(&[0, 100, 150]), [100, 150]);
        assert_eq!(ends(&[0, 100, 200, 210]), [100, 210]);
        assert_eq!(ends(&[0, 10]), [10]);
        assert_eq!(ends(&[0]), [] as [u64; 0]);
    }
}

//! The threads of a generator, from their start to the merged report.
//!
//! Owns the order of things: prepare, warm up, run, park, end. Between ready and the end nothing here issues a call
//! other than the workload's and the naps of who waits: no lock, no allocation, no thread that begins or ends.

use crate::clock::{nap, next_look, now_ns, span_ns, wait_until};
use crate::control::{Page, Phase};
use crate::failure::Failure;
use crate::pin::pin_thread;
use crate::recorder::{Intention, Recorder};
use crate::schedule::Schedule;
use crate::workloads::{self, Operation, Site};
use crate::{GeneratorReport, GeneratorSpec, Workload};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Ample for the hot loop and for a recorder on its way to the heap; thousands of them still fit into memory.
const STACK_BYTES: usize = 512 * 1024;

/// Runs what `spec` describes, paced by `page`, and reports.
pub(crate) fn run(spec: GeneratorSpec, page: &'static Page) -> Result<GeneratorReport, Failure> {
    let (workload, is_mix) = (spec.workload, !spec.mix.is_empty());
    let site = Arc::new(Site::prepare(spec)?);
    if is_mix {
        return run_threads::<workloads::Mixed>(&site, page);
    }
    match workload {
        Workload::Read => run_threads::<workloads::Read>(&site, page),
        Workload::Pread => run_threads::<workloads::Pread>(&site, page),
        Workload::Write => run_threads::<workloads::Write>(&site, page),
        Workload::Fsync => run_threads::<workloads::Fsync>(&site, page),
        Workload::Mmap => run_threads::<workloads::Mmap>(&site, page),
        Workload::MmapPopulate => run_threads::<workloads::MmapPopulate>(&site, page),
        Workload::MmapFile => run_threads::<workloads::MmapFile>(&site, page),
        Workload::MmapHuge => run_threads::<workloads::MmapHuge>(&site, page),
        Workload::Munmap => run_threads::<workloads::Munmap>(&site, page),
        Workload::Mprotect => run_threads::<workloads::Mprotect>(&site, page),
        Workload::Brk => run_threads::<workloads::Brk>(&site, page),
        Workload::Openat => run_threads::<workloads::Openat>(&site, page),
        Workload::OpenatMissing => run_threads::<workloads::OpenatMissing>(&site, page),
        Workload::OpenatCreate => run_threads::<workloads::OpenatCreate>(&site, page),
        Workload::OpenatCold => run_threads::<workloads::OpenatCold>(&site, page),
        Workload::OpenatDeep => run_threads::<workloads::OpenatDeep>(&site, page),
        Workload::Close => run_threads::<workloads::Close>(&site, page),
        Workload::Stat => run_threads::<workloads::Stat>(&site, page),
        Workload::Getpid => run_threads::<workloads::Getpid>(&site, page),
        Workload::Nanosleep => run_threads::<workloads::Nanosleep>(&site, page),
        Workload::Futex => run_threads::<workloads::Futex>(&site, page),
        Workload::FutexPingpong => run_threads::<workloads::FutexPingpong>(&site, page),
        Workload::FutexWaiters => run_threads::<workloads::FutexWaiters>(&site, page),
        Workload::Pipe => run_threads::<workloads::Pipe>(&site, page),
        Workload::PipePingpong => run_threads::<workloads::PipePingpong>(&site, page),
        Workload::Eventfd => run_threads::<workloads::Eventfd>(&site, page),
        Workload::EventfdPingpong => run_threads::<workloads::EventfdPingpong>(&site, page),
        Workload::EpollWait => run_threads::<workloads::EpollWait>(&site, page),
        Workload::Socket => run_threads::<workloads::Socket>(&site, page),
        Workload::Clone => run_threads::<workloads::Clone>(&site, page),
        Workload::Execve => run_threads::<workloads::Execve>(&site, page),
    }
}

/// What the threads of one generator know of each other.
#[derive(Debug)]
struct Crew {
    page: &'static Page,
    site: Arc<Site>,
    /// How long a nap is while waiting. Many threads nap longer, so that waiting alone does not fill the machine.
    nap_ns: u64,
    prepared: AtomicU32,
    warmed: AtomicU32,
    finished: AtomicU32,
    /// Whether threads may end.
    dismissed: AtomicBool,
    /// Why the first that failed did; used before ready only.
    failure: Mutex<Option<Failure>>,
}

impl Crew {
    fn new(site: &Arc<Site>, page: &'static Page) -> Self {
        let nap_ns = (u64::from(site.spec.threads) * 20_000).clamp(200_000, 100_000_000);
        Self {
            page,
            site: Arc::clone(site),
            nap_ns,
            prepared: AtomicU32::new(0),
            warmed: AtomicU32::new(0),
            finished: AtomicU32::new(0),
            dismissed: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    fn await_phase(&self, phase: Phase) {
        while self.page.phase() < phase {
            nap(self.nap_ns);
        }
    }

    fn await_all(&self, counter: &AtomicU32) {
        let (began_ns, least) = (now_ns(), Duration::from_nanos(self.nap_ns));
        while counter.load(Ordering::Acquire) < self.site.spec.threads {
            let waited = Duration::from_nanos(now_ns() - began_ns);
            nap(span_ns(next_look(waited, least)));
        }
    }
}

fn run_threads<O: Operation>(site: &Arc<Site>, page: &'static Page) -> Result<GeneratorReport, Failure> {
    let crew = Arc::new(Crew::new(site, page));
    let handles = (0..site.spec.threads).map(|thread| start::<O>(&crew, thread));
    let handles = handles.collect::<Result<Vec<_>, _>>()?;
    await_prepared(&crew, &handles)?;
    page.set_phase(Phase::Ready);
    if site.spec.operations.is_some() {
        crew.await_phase(Phase::Warm);
        crew.await_all(&crew.warmed);
        page.set_phase(Phase::Warmed);
        crew.await_phase(Phase::Go);
        crew.await_all(&crew.finished);
    } else {
        crew.await_phase(Phase::Go);
        wait_until(page.window_ns().1);
        crew.await_all(&crew.finished);
    }
    page.set_phase(Phase::Done);
    crew.await_phase(Phase::Release);
    crew.dismissed.store(true, Ordering::Release);
    let mut total = Recorder::new(&site.spec.workloads(), site.spec.rate_per_second.is_some());
    for handle in handles {
        total.merge(&handle.join().ok().flatten().ok_or(Failure::ThreadLost)?);
    }
    let mut report = total.report();
    report.untimed = site.spec.untimed();
    Ok(report)
}

fn start<O: Operation>(crew: &Arc<Crew>, thread: u32) -> Result<JoinHandle<Option<Recorder>>, Failure> {
    let threads = crew.site.spec.threads;
    let crew = Arc::clone(crew);
    let started = Builder::new().stack_size(STACK_BYTES).spawn(move || live::<O>(&crew, thread));
    started.map_err(Failure::system(format!("start thread {} of {threads}", thread + 1)))
}

/// Waits until every thread is prepared, or one has ended because it cannot be.
fn await_prepared(crew: &Crew, handles: &[JoinHandle<Option<Recorder>>]) -> Result<(), Failure> {
    while crew.prepared.load(Ordering::Acquire) < crew.site.spec.threads {
        if handles.iter().any(JoinHandle::is_finished) {
            let failure = crew.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(failure.unwrap_or(Failure::ThreadLost));
        }
        nap(crew.nap_ns);
    }
    Ok(())
}

/// The life of one thread; none when it could not be prepared.
fn live<O: Operation>(crew: &Crew, thread: u32) -> Option<Recorder> {
    let spec = &crew.site.spec;
    let pinned = spec.pin.map_or(Ok(()), |pin| pin_thread(pin, thread));
    let mut operation = match pinned.and_then(|()| workloads::prepare_and_try::<O>(&crew.site)) {
        Ok(operation) => operation,
        Err(failure) => {
            crew.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            return None;
        }
    };
    let mut recorder = Recorder::new(&spec.workloads(), spec.rate_per_second.is_some());
    crew.prepared.fetch_add(1, Ordering::Release);
    let (think_ns, batch) = (spec.think_ns, u64::from(spec.batch.max(1)));
    let leg = if let Some(operations) = spec.operations {
        crew.await_phase(Phase::Warm);
        let warm_until_ns = crew.page.window_ns().0;
        let warm_up = Leg { window: 0..0, end_ns: warm_until_ns, operations: u64::MAX, think_ns, batch };
        warm_up.run(&mut operation, &mut recorder, schedule(crew, thread).as_mut());
        crew.warmed.fetch_add(1, Ordering::Release);
        crew.await_phase(Phase::Go);
        Leg {
            window: 0..u64::MAX,
            end_ns: u64::MAX,
            operations: share(operations, thread, spec.threads),
            think_ns,
            batch,
        }
    } else {
        crew.await_phase(Phase::Go);
        let (open_ns, close_ns) = crew.page.window_ns();
        Leg { window: open_ns..close_ns, end_ns: close_ns, operations: u64::MAX, think_ns, batch }
    };
    leg.run(&mut operation, &mut recorder, schedule(crew, thread).as_mut());
    crew.finished.fetch_add(1, Ordering::Release);
    while !crew.dismissed.load(Ordering::Acquire) {
        nap(crew.nap_ns);
    }
    Some(recorder)
}

/// This thread's intended starts from now on; none in a closed loop.
fn schedule(crew: &Crew, thread: u32) -> Option<Schedule> {
    let spec = &crew.site.spec;
    let batches_per_second = spec.rate_per_second? / f64::from(spec.batch.max(1));
    let mut schedule = Schedule::new(batches_per_second, (thread, spec.threads), crew.page.window_ns().0);
    schedule.seek(now_ns());
    Some(schedule)
}

/// This thread's part of all operations; the parts add up and differ by one at most.
fn share(operations: u64, thread: u32, threads: u32) -> u64 {
    let (thread, threads) = (u64::from(thread), u64::from(threads));
    operations / threads + u64::from(thread < operations % threads)
}

/// A stretch of operations, one after the other.
#[derive(Debug)]
struct Leg {
    /// What is recorded: calls within.
    window: Range<u64>,
    /// No operation begins after this time, nor does the leg end before it unless its operations are done.
    end_ns: u64,
    /// The most operations.
    operations: u64,
    /// How long to wait after each batch in a closed loop.
    think_ns: u64,
    /// Operations of a batch, at least 1.
    batch: u64,
}

impl Leg {
    #[inline]
    fn run<O: Operation>(
        &self,
        operation: &mut O,
        recorder: &mut Recorder,
        mut schedule: Option<&mut Schedule>,
    ) {
        if self.operations == 0 {
            return;
        }
        operation.begin();
        let mut now = now_ns();
        let mut is_over = false;
        let mut of_batch = 0;
        let mut intention = None;
        for left in (0..self.operations).rev() {
            if let (Some(schedule), 0) = (schedule.as_deref_mut(), of_batch) {
                let start_ns = schedule.intended_ns();
                schedule.advance();
                intention = Some(Intention { start_ns, late: now > start_ns });
                now = now.max(wait_until(start_ns.min(self.end_ns)));
            }
            is_over = now >= self.end_ns;
            if is_over {
                break;
            }
            if O::IS_HELPED && left == 0 {
                operation.announce_last();
            }
            let performed = operation.perform();
            let calls = performed.as_ref();
            recorder.record((O::kind(&performed), calls), intention, &self.window);
            now = calls.last().map_or(now, |call| call.end_ns);
            if O::IS_RENEWED {
                operation.renew();
                now = now_ns();
            }
            of_batch = if of_batch + 1 == self.batch { 0 } else { of_batch + 1 };
            if self.think_ns > 0 && left > 0 && of_batch == 0 {
                now = wait_until(now.saturating_add(self.think_ns).min(self.end_ns));
            }
        }
        if O::IS_HELPED && is_over {
            // One more, which nobody counts, to bring those who help to an end.
            operation.announce_last();
            operation.perform();
        }
        operation.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Call;
    use proptest::prelude::*;

    /// Counts how often it is performed, and takes the time that the clock needs for two readings.
    struct Counter(u64);

    impl Operation for Counter {
        type Calls = [Call; 1];

        fn prepare(_site: &Site) -> Result<Self, Failure> {
            Ok(Self(0))
        }

        fn perform(&mut self) -> [Call; 1] {
            self.0 += 1;
            [Call { begin_ns: now_ns(), end_ns: now_ns(), result: 0 }]
        }
    }

    proptest! {
        #[test]
        fn shares_add_up(operations in 0u64..1 << 40, threads in 1u32..100) {
            let shares: Vec<u64> = (0..threads).map(|thread| share(operations, thread, threads)).collect();
            prop_assert_eq!(shares.iter().sum::<u64>(), operations);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn a_warm_up_records_nothing() {
        let (mut operation, mut recorder) = (Counter(0), Recorder::new(&[Workload::Getpid], false));
        let leg =
            Leg { window: 0..0, end_ns: now_ns() + 2_000_000, operations: u64::MAX, think_ns: 0, batch: 1 };
        leg.run(&mut operation, &mut recorder, None);
        assert!(operation.0 > 0 && now_ns() >= leg.end_ns);
        assert_eq!(recorder.report().operations, 0);
    }

    #[test]
    fn who_is_behind_issues_at_once_and_drops_nothing() {
        let (mut operation, mut recorder) = (Counter(0), Recorder::new(&[Workload::Getpid], true));
        let now = now_ns();
        // A hundred starts lie in the past, the next is a millisecond away.
        let mut schedule = Schedule::new(1000.0, (0, 1), now);
        schedule.seek(now - 99_500_000);
        let leg = Leg { window: 0..u64::MAX, end_ns: u64::MAX, operations: 101, think_ns: 0, batch: 1 };
        leg.run(&mut operation, &mut recorder, Some(&mut schedule));
        let report = recorder.report();
        assert_eq!((operation.0, report.operations), (101, 101));
        assert!(report.late >= 99, "{}", report.late);
        let from_intended = report.from_intended.unwrap();
        assert!(from_intended.max_ns >= 99_000_000 && from_intended.count == 101);
    }

    #[test]
    fn a_batch_has_one_start_and_one_pause() {
        let (mut operation, mut recorder) = (Counter(0), Recorder::new(&[Workload::Getpid], true));
        let begin_ns = now_ns();
        let mut schedule = Schedule::new(1000.0, (0, 1), begin_ns);
        let leg = Leg { window: 0..u64::MAX, end_ns: u64::MAX, operations: 20, think_ns: 0, batch: 5 };
        leg.run(&mut operation, &mut recorder, Some(&mut schedule));
        // Four starts, each a millisecond after the one before.
        assert!(operation.0 == 20 && now_ns() - begin_ns >= 3_000_000);
        assert_eq!(schedule.intended_ns(), begin_ns + 4_000_000);
        let begin_ns = now_ns();
        let leg = Leg { operations: 10, think_ns: 2_000_000, ..leg };
        leg.run(&mut operation, &mut recorder, None);
        assert!(operation.0 == 30 && now_ns() - begin_ns >= 2_000_000);
    }

    #[test]
    fn who_thinks_does_so_between_operations() {
        let (mut operation, mut recorder) = (Counter(0), Recorder::new(&[Workload::Getpid], false));
        let begin_ns = now_ns();
        let leg = Leg { window: 0..u64::MAX, end_ns: u64::MAX, operations: 4, think_ns: 1_000_000, batch: 1 };
        leg.run(&mut operation, &mut recorder, None);
        assert_eq!(operation.0, 4);
        assert!(now_ns() - begin_ns >= 3_000_000);
        let leg = Leg { end_ns: now_ns() + 2_000_000, operations: u64::MAX, think_ns: u64::MAX, ..leg };
        leg.run(&mut operation, &mut recorder, None);
        assert_eq!(operation.0, 5, "no time to think twice");
        assert!(now_ns() >= leg.end_ns);
    }

    #[test]
    fn a_leg_without_a_start_before_its_end_lasts_to_its_end() {
        let (mut operation, mut recorder) = (Counter(0), Recorder::new(&[Workload::Getpid], true));
        let end_ns = now_ns() + 2_000_000;
        let mut schedule = Schedule::new(0.001, (1, 2), end_ns);
        schedule.seek(now_ns());
        let leg = Leg { window: 0..end_ns, end_ns, operations: u64::MAX, think_ns: 0, batch: 1 };
        leg.run(&mut operation, &mut recorder, Some(&mut schedule));
        assert!(now_ns() >= end_ns);
        assert_eq!(operation.0, 0);
    }
}

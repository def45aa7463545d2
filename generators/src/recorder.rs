//! What one thread saw of its calls.
//!
//! Owns the histograms and the rule which calls count. All memory is there before the first call, since allocating in
//! the window would issue calls of its own: about 18 KiB for each call and outcome, and 4 KiB for its error numbers.

use crate::{CallReport, GeneratorReport, MixReport, Workload};
use probe_abi::{ERRNOS, Histogram, SparseHistogram};
use std::ops::Range;

/// One call, as its caller saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// The clock before the call.
    pub(crate) begin_ns: u64,
    /// The clock after the call.
    pub(crate) end_ns: u64,
    /// What it returned, failures as the negative error number.
    pub(crate) result: isize,
}

/// When an operation at a fixed rate should have started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intention {
    pub(crate) start_ns: u64,
    /// Whether that time had passed when the operation before ended.
    pub(crate) late: bool,
}

#[derive(Debug)]
struct Outcomes {
    ok: Histogram,
    error: Histogram,
    /// Failed calls by error number; those from [`ERRNOS`] on under 0.
    errnos: [u64; ERRNOS],
}

impl Outcomes {
    #[inline(always)]
    fn record(&mut self, call: &Call) {
        let latency_ns = call.end_ns.saturating_sub(call.begin_ns);
        if call.result < 0 {
            self.error.record(latency_ns);
            let errno = call.result.unsigned_abs();
            self.errnos[if errno < ERRNOS { errno } else { 0 }] += 1;
        } else {
            self.ok.record(latency_ns);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.ok.merge(&other.ok);
        self.error.merge(&other.error);
        for (mine, theirs) in self.errnos.iter_mut().zip(&other.errnos) {
            *mine += theirs;
        }
    }

    fn report(&self, syscall: &str) -> CallReport {
        let errnos = (0..).zip(&self.errnos).filter(|(_, count)| **count > 0);
        CallReport {
            syscall: syscall.to_owned(),
            ok: SparseHistogram::from(&self.ok),
            error: SparseHistogram::from(&self.error),
            errnos: errnos.map(|(errno, count)| (errno, *count)).collect(),
        }
    }
}

impl Kind {
    fn report(&self) -> MixReport {
        MixReport {
            workload: self.workload.name().to_owned(),
            operations: self.operations,
            late: self.late,
            from_intended: self.from_intended.first().map(SparseHistogram::from),
        }
    }
}

/// The figures of one thread, or of several once merged.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// One for each workload, in their order.
    kinds: Vec<Kind>,
}

/// The operations of one workload.
#[derive(Debug)]
struct Kind {
    workload: Workload,
    /// Of its calls, in their order: its own, so that an operation does not look for them among others'.
    calls: Vec<Outcomes>,
    operations: u64,
    late: u64,
    from_intended: Vec<Histogram>,
}

impl Recorder {
    /// Room for the calls of the workloads, and for intended starts at a fixed rate.
    pub(crate) fn new(workloads: &[Workload], fixed_rate: bool) -> Self {
        let empty =
            |_: &&str| Outcomes { ok: Histogram::EMPTY, error: Histogram::EMPTY, errnos: [0; ERRNOS] };
        let kind = |workload: &Workload| Kind {
            workload: *workload,
            calls: workload.timed().iter().map(empty).collect(),
            operations: 0,
            late: 0,
            from_intended: vec![Histogram::EMPTY; usize::from(fixed_rate)],
        };
        let mut recorder = Self { kinds: workloads.iter().map(kind).collect() };
        recorder.touch();
        recorder
    }

    /// Counts those of an operation's calls that lie within the window, and the operation if all do. It is one of the
    /// workload at this place.
    #[inline(always)]
    pub(crate) fn record(
        &mut self,
        (kind, calls): (usize, &[Call]),
        intention: Option<Intention>,
        window: &Range<u64>,
    ) {
        let within = |call: &Call| call.begin_ns >= window.start && call.end_ns < window.end;
        let kind = &mut self.kinds[kind];
        for (outcomes, call) in kind.calls.iter_mut().zip(calls) {
            if within(call) {
                outcomes.record(call);
            }
        }
        if let (Some(first), Some(last)) = (calls.first(), calls.last())
            && within(first)
            && within(last)
        {
            kind.operations += 1;
            if let (Some(intention), Some(histogram)) = (intention, kind.from_intended.first_mut()) {
                kind.late += u64::from(intention.late);
                histogram.record(last.end_ns.saturating_sub(intention.start_ns));
            }
        }
    }

    /// Adds what another thread of the same workloads recorded.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            for (mine, theirs) in mine.calls.iter_mut().zip(&theirs.calls) {
                mine.merge(theirs);
            }
            for (mine, theirs) in mine.from_intended.iter_mut().zip(&theirs.from_intended) {
                mine.merge(theirs);
            }
            mine.operations += theirs.operations;
            mine.late += theirs.late;
        }
    }

    /// What was recorded.
    pub(crate) fn report(&self) -> GeneratorReport {
        let calls = self.kinds.iter().flat_map(|kind| kind.calls.iter().zip(kind.workload.timed()));
        let calls = calls.map(|(outcomes, syscall)| outcomes.report(syscall));
        let mut mix: Vec<MixReport> = self.kinds.iter().map(Kind::report).collect();
        let mut from_intended = None;
        for kind in &mix {
            if let Some(histogram) = &kind.from_intended {
                from_intended.get_or_insert_with(SparseHistogram::default).merge(histogram);
            }
        }
        let report = GeneratorReport {
            operations: mix.iter().map(|kind| kind.operations).sum(),
            calls: calls.collect(),
            late: mix.iter().map(|kind| kind.late).sum(),
            from_intended,
            mix: Vec::new(),
            untimed: Vec::new(),
        };
        if mix.len() == 1 {
            mix.clear();
        }
        GeneratorReport { mix, ..report }
    }

    /// Writes to every slot, so that the kernel provides the memory now and not in the window.
    fn touch(&mut self) {
        let counters = self.kinds.iter_mut().flat_map(|kind| {
            let calls = kind.calls.iter_mut();
            let of_calls =
                calls.flat_map(|it| [&mut it.ok.slots[..], &mut it.error.slots[..], &mut it.errnos[..]]);
            of_calls.chain(kind.from_intended.iter_mut().map(|histogram| &mut histogram.slots[..]))
        });
        for counter in counters.flatten() {
            // SAFETY: a reference is valid for writing. Volatile, because zeros could else come from memory that the
            // kernel has promised but not provided.
            unsafe { std::ptr::write_volatile(counter, 0) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now_ns;

    fn call(begin_ns: u64, end_ns: u64, result: isize) -> Call {
        Call { begin_ns, end_ns, result }
    }

    #[test]
    fn only_calls_wholly_within_the_window_count() {
        let mut recorder = Recorder::new(&[Workload::Openat], false);
        recorder.record((0, &[call(90, 100, 0), call(100, 110, 0)]), None, &(100..200));
        recorder.record((0, &[call(150, 160, 0), call(170, 199, -1)]), None, &(100..200));
        recorder.record((0, &[call(180, 190, 0), call(190, 200, 0)]), None, &(100..200));
        let report = recorder.report();
        assert_eq!(report.operations, 1);
        let [openat, close] = &report.calls[..] else { panic!("two calls") };
        assert_eq!((openat.ok.count, openat.error.count, openat.ok.sum_ns), (2, 0, 20));
        assert_eq!((close.ok.count, close.error.count, close.error.max_ns), (1, 1, 29));
        assert_eq!((openat.errnos.as_slice(), close.errnos.as_slice()), (&[][..], &[(1, 1)][..]));
        assert_eq!(report.from_intended, None);
    }

    #[test]
    fn latency_from_the_intended_start_includes_the_wait_before() {
        let mut recorder = Recorder::new(&[Workload::Getpid], true);
        let on_time = Intention { start_ns: 100, late: false };
        let late = Intention { start_ns: 110, late: true };
        recorder.record((0, &[call(101, 150, 0)]), Some(on_time), &(0..1000));
        recorder.record((0, &[call(151, 160, 0)]), Some(late), &(0..1000));
        let report = recorder.report();
        assert_eq!((report.operations, report.late), (2, 1));
        let from_intended = report.from_intended.unwrap();
        assert_eq!((from_intended.count, from_intended.sum_ns), (2, 50 + 50));
        assert_eq!(report.calls[0].ok.sum_ns, 49 + 9);
    }

    #[test]
    fn merging_adds_everything() {
        let mut one = Recorder::new(&[Workload::Getpid], true);
        let mut other = Recorder::new(&[Workload::Getpid], true);
        let intention = Some(Intention { start_ns: 0, late: true });
        one.record((0, &[call(1, 2, 0)]), intention, &(0..10));
        other.record((0, &[call(1, 4, -5)]), intention, &(0..10));
        one.merge(&other);
        let report = one.report();
        assert_eq!((report.operations, report.late), (2, 2));
        assert_eq!((report.calls[0].ok.sum_ns, report.calls[0].error.sum_ns), (1, 3));
        assert_eq!(report.from_intended.unwrap().sum_ns, 6);
    }

    #[test]
    fn failures_are_counted_by_their_number() {
        let mut one = Recorder::new(&[Workload::Getpid], false);
        let mut other = Recorder::new(&[Workload::Getpid], false);
        for result in [-22, 3, -2, -4095] {
            one.record((0, &[call(1, 2, result)]), None, &(0..10));
        }
        other.record((0, &[call(1, 4, -22)]), None, &(0..10));
        other.record((0, &[call(1, 20, -22)]), None, &(0..10));
        one.merge(&other);
        let report = one.report();
        assert_eq!(report.calls[0].errnos, [(0, 1), (2, 1), (22, 2)]);
        assert_eq!(report.calls[0].error.count, 4);
    }

    /// The figures of real calls by way of slots, beside the exact ones of the same calls kept one by one.
    #[test]
    fn quantiles_from_slots_are_those_of_the_calls() {
        let mut recorder = Recorder::new(&[Workload::Getpid], false);
        let mut latencies = Vec::new();
        for round in 0u32..50_000 {
            let begin_ns = now_ns();
            // Some of them take longer than others.
            if round % 50 == 0 {
                std::thread::yield_now();
            }
            std::hint::black_box(std::process::id());
            let call = call(begin_ns, now_ns(), 0);
            recorder.record((0, &[call]), None, &(0..u64::MAX));
            latencies.push(call.end_ns - call.begin_ns);
        }
        latencies.sort_unstable();
        let ok = &recorder.report().calls[0].ok;
        for per_mille in [1, 10, 100, 250, 500, 900, 990, 999, 1000] {
            let exact = latencies[(latencies.len() * per_mille).div_ceil(1000) - 1] as f64;
            let from_slots = ok.quantile_ns(per_mille as f64 / 1000.0).unwrap();
            assert!((from_slots - exact).abs() <= exact * 0.008, "{per_mille} ‰: {from_slots} for {exact}");
        }
        assert_eq!((Some(&ok.min_ns), Some(&ok.max_ns)), (latencies.first(), latencies.last()));
        assert_eq!((ok.count, ok.sum_ns), (latencies.len() as u64, latencies.iter().sum()));
    }
}

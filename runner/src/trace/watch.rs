//! The windows of a trace, and the looks at what they hold while they are open.

use super::Subject;
use crate::clock::nanoseconds;
use crate::execution::{GLANCE, kernel_measure};
use crate::failure::Failure;
use chrono::{DateTime, Utc};
use probe::{Probe, ProbeError, Window, monotonic_ns};
use reports::trace::{End, Interval, add, since};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Measure;

/// How a trace goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often the figures are looked at.
    pub(crate) every: Duration,
    /// After how long it ends; none where it goes on.
    pub(crate) limit: Option<Duration>,
    /// In how many windows of equal length, for which there has to be a limit where it is more than one.
    pub(crate) windows: u32,
    /// Whether the intervals are wanted at the end.
    pub(crate) keeps_intervals: bool,
}

/// Those who want to know meanwhile.
pub(crate) trait Audience {
    /// What an interval added, and all so far.
    fn see(&mut self, interval: &Interval, totals: &[Measure]);

    /// What it wishes for, if anything.
    fn wish(&self) -> Option<Wish>;
}

/// What somebody asks for while a trace goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Its end.
    End,
    /// The same, as by a signal.
    Interrupt,
}

/// What a trace saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) windows: Vec<SeenWindow>,
    pub(crate) totals: Vec<Measure>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) end: End,
}

/// What one window saw.
#[derive(Debug)]
pub(crate) struct SeenWindow {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) window_ns: u64,
    pub(crate) measures: Vec<Measure>,
}

/// Traces until time, subject, audience or a signal (`stop`) end it.
pub(crate) fn watch(
    plan: Plan,
    (probe, subject): (&mut Probe, &mut Subject),
    audience: &mut dyn Audience,
    stop: &AtomicBool,
) -> Result<Seen, Failure> {
    let length = plan.limit.map(|limit| limit / plan.windows.max(1));
    let nothing = Seen { windows: Vec::new(), totals: Vec::new(), intervals: Vec::new(), end: End::Time };
    let mut watch =
        Watch { plan, probe, subject, audience, stop, first_ns: None, last: (0, Vec::new()), seen: nothing };
    for _ in 0..plan.windows.max(1) {
        if let Some(end) = watch.window(length)? {
            watch.seen.end = end;
            break;
        }
    }
    Ok(watch.seen)
}

struct Watch<'a> {
    plan: Plan,
    probe: &'a mut Probe,
    subject: &'a mut Subject,
    audience: &'a mut dyn Audience,
    stop: &'a AtomicBool,
    /// When the first window opened.
    first_ns: Option<u64>,
    /// When the latest interval ended, since then, and what there was.
    last: (u64, Vec<Measure>),
    seen: Seen,
}

impl Watch<'_> {
    /// One window, at most so long; what ended the trace, if it was not the window's time.
    fn window(&mut self, length: Option<Duration>) -> Result<Option<End>, Failure> {
        let started_at = Utc::now();
        let open_ns = monotonic_ns();
        let close_ns = length.map_or(u64::MAX, |length| open_ns.saturating_add(nanoseconds(length)));
        self.probe.arm(Window { open_ns, close_ns }).map_err(failed)?;
        if self.first_ns.is_none() {
            self.first_ns = Some(open_ns);
            self.subject.begin()?;
        }
        let end = self.wait(open_ns, close_ns)?;
        let close_ns = close_ns.min(monotonic_ns());
        self.probe.close(close_ns).map_err(failed)?;
        let readings = self.probe.read().map_err(failed)?;
        let measures: Vec<Measure> = readings.iter().map(kernel_measure).collect();
        add(&mut self.seen.totals, &measures);
        self.tell(close_ns, self.seen.totals.clone(), &measures);
        self.seen.windows.push(SeenWindow { started_at, window_ns: close_ns - open_ns, measures });
        Ok(end)
    }

    /// Until the window closes, or something ends the trace.
    fn wait(&mut self, open_ns: u64, close_ns: u64) -> Result<Option<End>, Failure> {
        let every = nanoseconds(self.plan.every).max(1);
        let mut next_ns = open_ns.saturating_add(every);
        loop {
            let now_ns = monotonic_ns();
            if now_ns >= close_ns {
                return Ok(None);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Some(End::Signal));
            }
            match self.audience.wish() {
                None => {}
                Some(Wish::End) => return Ok(Some(End::Key)),
                Some(Wish::Interrupt) => return Ok(Some(End::Signal)),
            }
            if now_ns >= next_ns {
                self.look()?;
                // One that came late is followed by a whole interval.
                next_ns = now_ns.saturating_add(every);
            }
            let left = Duration::from_nanos(next_ns.min(close_ns).saturating_sub(now_ns));
            if self.subject.wait(left.min(GLANCE)) {
                return Ok(Some(End::Subject));
            }
        }
    }

    /// Tells what there is now.
    fn look(&mut self) -> Result<(), Failure> {
        let readings = self.probe.peek().map_err(failed)?;
        let measures: Vec<Measure> = readings.iter().map(kernel_measure).collect();
        let mut totals = self.seen.totals.clone();
        add(&mut totals, &measures);
        self.tell(monotonic_ns(), totals, &measures);
        Ok(())
    }

    /// Tells what there is in all, and of it what came since the last time. Under way is what this window has open: calls that
    /// an earlier one's end cut may have returned long ago.
    fn tell(&mut self, now_ns: u64, mut totals: Vec<Measure>, window: &[Measure]) {
        for total in &mut totals {
            let open = window.iter().find(|it| it.syscall == total.syscall).and_then(|it| it.ledger);
            if let (Some(ledger), Some(open)) = (&mut total.ledger, open) {
                ledger.censored = open.censored;
                ledger.censored_age_max_ns = open.censored_age_max_ns;
            }
        }
        let now_ns = now_ns - self.first_ns.unwrap_or(now_ns);
        let (from_ns, before) = std::mem::replace(&mut self.last, (now_ns, totals));
        let interval = Interval { from_ns, to_ns: now_ns, measures: since(&self.last.1, &before) };
        self.audience.see(&interval, &self.last.1);
        if self.plan.keeps_intervals {
            self.seen.intervals.push(interval);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: ProbeError) -> Failure {
    Failure::failed(&error)
}

//! What finished trials come to, cell by cell, for the live view.

use crate::live::{Entry, Look, Progress, View};
use reports::trace::{add, returned};
use store::{Measure, Status, TrialRecord, Vantage};

/// A view, and what it is shown.
#[derive(Debug)]
pub(super) struct Watched {
    view: View,
    /// What happens now.
    pub(super) now: String,
    pub(super) figures: Figures,
}

impl Watched {
    pub(super) fn of(view: View) -> Self {
        Self { view, now: String::new(), figures: Figures::default() }
    }

    pub(super) fn say(&self, words: &str) {
        self.view.notes().say(words);
    }

    pub(super) fn show(&self, progress: Progress) {
        let (entries, now) = (self.figures.entries(), self.now.clone());
        self.view.update(Look { entries, progress: Some(progress), now });
    }

    /// Gives the terminal back; returns what was said meanwhile.
    pub(super) fn close(self) -> Vec<String> {
        self.view.close()
    }
}

/// The figures of each target of each cell, all finished trials together.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<(Measure, f64)>);

impl Figures {
    /// Adds a trial that is ok: of each target what the kernel saw, or its callers where it did not.
    pub(super) fn add(&mut self, cell: &str, record: &TrialRecord) {
        if record.status != Status::Ok {
            return;
        }
        let has_kernel = |syscall: &str| {
            record.measures.iter().any(|it| it.syscall == syscall && it.vantage == Vantage::Kernel)
        };
        let seconds = record.window_ns as f64 / 1e9;
        for measure in &record.measures {
            if measure.vantage == Vantage::User && has_kernel(&measure.syscall) {
                continue;
            }
            let named = Measure { syscall: format!("{}  {cell}", measure.syscall), ..measure.clone() };
            match self.0.iter_mut().find(|(it, _)| it.syscall == named.syscall) {
                Some((total, length)) => {
                    let mut totals = vec![std::mem::replace(total, named.clone())];
                    add(&mut totals, std::slice::from_ref(&named));
                    if let Some(added) = totals.pop() {
                        *total = added;
                    }
                    *length += seconds;
                }
                None => self.0.push((named, seconds)),
            }
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(measure, seconds): &(Measure, f64)| Entry {
            measure: measure.clone(),
            per_second: returned(measure) as f64 / seconds.max(1e-9),
        };
        self.0.iter().map(entry).collect()
    }
}

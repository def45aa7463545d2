//! A look at the window that is under way, for whoever wants to see figures grow.

use super::{Probe, add_returns, sees_compat};
use crate::{ProbeError, Reading, Target};
use probe_abi::{Counts, bank_of, count_index};
use std::mem::MaybeUninit;
use std::sync::atomic::{Ordering, fence};

impl Probe {
    /// What the window that is armed has seen so far of each target of which it has seen anything, in the targets' order.
    /// Disturbs nothing, and waits for nothing.
    ///
    /// Programs go on adding meanwhile: each count is right for some moment of this call, and at least what an earlier call
    /// found. `entered` is taken last; what it has beyond `returned` is in `censored`: still under way, or lost.
    pub fn peek(&self) -> Result<Vec<Reading>, ProbeError> {
        if self.armed.is_none() {
            return Err(ProbeError::NotArmed);
        }
        let mut copy = Box::new_zeroed();
        let targets = (0..).zip(&self.targets);
        Ok(targets.filter_map(|(index, target)| self.peek_at(index, target, &mut copy)).collect())
    }

    /// The same of one target, of which each CPU's counts go through `copy`.
    fn peek_at(&self, target: u32, named: &Target, copy: &mut Box<MaybeUninit<Counts>>) -> Option<Reading> {
        let index = count_index(target, bank_of(self.window)) as usize;
        let per_cpu = 2 * self.targets.len();
        let places = || (0..self.cpus).map(|cpu| self.counts.at(cpu * per_cpu + index));
        // SAFETY: within the map; whole words, which programs may be adding to.
        let entered =
            || -> u64 { places().map(|it| unsafe { (&raw const (*it).entered).read_volatile() }).sum() };
        // SAFETY: as above.
        let compat: u64 = places().map(|it| unsafe { (&raw const (*it).compat).read_volatile() }).sum();
        if entered() + compat == 0 {
            return None;
        }
        let mut reading = Reading::empty(named.clone());
        for place in places() {
            // SAFETY: within the map, and integers whatever their bytes are. Words that change meanwhile are of one moment
            // or another, and those that are added up are looked at in the copy alone.
            let counts = unsafe {
                place.copy_to_nonoverlapping(copy.as_mut_ptr(), 1);
                copy.assume_init_ref()
            };
            add_returns(counts, &mut reading);
        }
        for histogram in [&mut reading.ok, &mut reading.error] {
            // A call in between may be in the one already and not in the other.
            histogram.count = histogram.slots.iter().sum();
        }
        // Afterwards, so that no call has returned that has not entered.
        fence(Ordering::Acquire);
        reading.entered = entered();
        reading.returned = reading.ok.count + reading.error.count;
        reading.censored = reading.entered.saturating_sub(reading.returned);
        reading.compat = sees_compat(self.backend, named).then_some(compat);
        Some(reading)
    }
}

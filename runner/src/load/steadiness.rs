//! Owns the judgement whether a load has settled: samples of the machine in, steady or not out.

use crate::monitor::{CpuTimes, memory_in_use};

/// Samples that are averaged before comparing: ticks are coarse and stressors burst.
const AVERAGED: usize = 3;
/// Difference between two successive averages of CPU use below which it counts as settled.
const SETTLED: f64 = 0.05;
/// Growth from one average of memory in use to the next below which it counts as settled, in bytes: what a machine's
/// other programs do in a third of a second, and little beside what a load fills in it.
const GROWTH: f64 = (16_u64 << 20) as f64;

/// Share of the memory that a load is to fill from which on it counts as filled: stress-ng gives some back now and then.
const FILLED: f64 = 0.5;

/// What lets memory come to its level.
const FILLS: &str = "that takes a longer `plan.ramp`, or less to fill";

/// Whether CPU use is steady and memory in use has stopped growing: the mean of the last samples is held against the
/// mean of those before. A load that is to fill memory must have filled some of it as well: `vm` may take seconds
/// before it begins.
#[derive(Debug, Default)]
pub(super) struct Steadiness {
    last: Option<CpuTimes>,
    busy: Vec<f64>,
    memory: Vec<f64>,
    /// Memory in use before the load, in bytes.
    before: Option<u64>,
    /// Memory that the load is to fill, in bytes.
    to_fill: Option<u64>,
}

impl Steadiness {
    /// To be made before the load starts.
    pub(super) fn begin(to_fill: Option<u64>) -> Self {
        Self { before: memory_in_use(), to_fill, ..Self::default() }
    }

    /// Takes a sample. One from before the load was `complete` says nothing about it.
    pub(super) fn sample(&mut self, complete: bool) {
        let now = CpuTimes::read();
        if let (true, Some(last), Some(now)) = (complete, self.last, now) {
            self.busy.push(now.since(last).busy);
            self.memory.extend(memory_in_use().map(|bytes| bytes as f64));
        }
        self.last = now;
    }

    /// Whether CPU use is steady.
    pub(super) fn cpu(&self) -> bool {
        last_two_means(&self.busy).is_some_and(|(before, now)| (before - now).abs() < SETTLED)
    }

    /// Whether memory in use has stopped growing. Where it cannot be read, nothing is known against it.
    pub(super) fn memory(&self) -> bool {
        self.growth().is_none_or(|bytes| bytes < GROWTH) && self.is_filled()
    }

    fn is_filled(&self) -> bool {
        let shares = self.to_fill.zip(self.filled()).map(|(all, filled)| filled / all.max(1) as f64);
        shares.is_none_or(|share| share >= FILLED)
    }

    /// Of the memory that the load is to fill, what is not filled now, in words; none where it is, or nobody knows.
    pub(super) fn unfilled(&self) -> Option<String> {
        let (to_fill, before) = (self.to_fill?, self.before?);
        let filled = memory_in_use()?.saturating_sub(before);
        let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64);
        let is_filled = filled as f64 >= FILLED * to_fill as f64;
        (!is_filled).then(|| format!("{} of {}", gib(filled), gib(to_fill)))
    }

    /// What memory in use has grown by since the load began, in bytes.
    fn filled(&self) -> Option<f64> {
        Some(self.memory.last()? - self.before? as f64)
    }

    fn growth(&self) -> Option<f64> {
        last_two_means(&self.memory).map(|(before, now)| now - before)
    }

    /// What was not steady at the end of the ramp, in words; `complete` is whether all workers ran.
    pub(super) fn missing(&self, complete: bool) -> Option<String> {
        let mut words = Vec::new();
        if !complete {
            words.push("not all its workers ran".to_owned());
        } else if last_two_means(&self.busy).is_none() {
            words.push("there was no time to see whether it is steady".to_owned());
        } else if !self.cpu() {
            words.push("CPU use was not steady".to_owned());
        }
        if let (false, Some(filled)) = (self.memory(), self.filled()) {
            let gib = |bytes: f64| format!("{:.1} GiB", bytes.max(0.0) / (1_u64 << 30) as f64);
            let of = self.to_fill.map_or(String::new(), |all| format!(" of {}", gib(all as f64)));
            let filled = gib(filled);
            words.push(format!("memory was still being filled ({filled}{of} since the load began): {FILLS}"));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The means of the last samples but some, and of the last.
fn last_two_means(samples: &[f64]) -> Option<(f64, f64)> {
    let first = samples.len().checked_sub(2 * AVERAGED)?;
    let mean = |from: usize| samples[from..from + AVERAGED].iter().sum::<f64>() / AVERAGED as f64;
    Some((mean(first), mean(first + AVERAGED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(busy: &[f64], memory_mib: &[f64]) -> Steadiness {
        let memory = memory_mib.iter().map(|mib| mib * f64::from(1 << 20)).collect();
        Steadiness { last: None, busy: busy.to_vec(), memory, before: Some(100 << 20), to_fill: None }
    }

    #[test]
    fn steadiness_compares_means_of_samples() {
        let reached = |busy: &[f64]| seen(busy, &[]).cpu();
        assert!(!reached(&[0.5; 5]));
        assert!(reached(&[0.5; 6]));
        assert!(reached(&[0.1, 0.9, 0.4, 0.6, 0.5, 0.4, 0.6, 0.5]));
        assert!(!reached(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]));
    }

    #[test]
    fn memory_has_settled_when_it_no_longer_grows() {
        let growing = [100.0, 200.0, 300.0, 400.0, 500.0, 1124.0];
        assert!(!seen(&[], &growing).memory());
        assert!(seen(&[], &[1000.0, 1010.0, 990.0, 1000.0, 1020.0, 1000.0]).memory());
        assert!(seen(&[], &[900.0, 800.0, 700.0, 600.0, 500.0, 400.0]).memory(), "what shrinks is no growth");
        assert!(seen(&[], &growing[..5]).memory());
        let words = |busy: &[f64], memory: &[f64], complete| seen(busy, memory).missing(complete);
        assert_eq!(words(&[0.5; 6], &[500.0; 6], true), None);
        let grown = "memory was still being filled (1.0 GiB since the load began)";
        let grown = format!("{grown}: {FILLS}");
        assert_eq!(words(&[0.5; 6], &growing, true).as_deref(), Some(grown.as_str()));
        let both = words(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &growing, true).unwrap();
        assert!(both.starts_with("CPU use was not steady, memory"), "{both}");
        let idle = Steadiness { to_fill: Some(4 << 30), ..seen(&[0.5; 6], &[90.0; 6]) };
        assert!(!idle.memory(), "it has not even begun");
        let begun = "memory was still being filled (0.0 GiB of 4.0 GiB since the load began)";
        let begun = format!("{begun}: {FILLS}");
        assert_eq!(idle.missing(true).as_deref(), Some(begun.as_str()));
        assert!(Steadiness { to_fill: Some(1 << 30), ..seen(&[], &[1000.0; 6]) }.memory());
        assert!(words(&[], &[], true).unwrap().contains("no time"));
        assert!(words(&[], &[], false).unwrap().contains("workers"));
    }
}

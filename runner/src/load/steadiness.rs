//! Owns the judgement whether a load has settled: samples of the machine in, steady or not out.

use crate::monitor::{CpuTimes, memory_in_use};

/// Samples that are averaged before comparing: ticks are coarse and stressors burst.
const AVERAGED: usize = 3;
/// Difference between two successive averages of CPU use below which it counts as settled.
const SETTLED: f64 = 0.05;
/// Growth from one average of memory in use to the next below which it counts as settled, in bytes: what a machine's
/// other programs do in a third of a second, and little beside what a load fills in it.
const GROWTH: f64 = (32_u64 << 20) as f64;

/// Whether CPU use is steady and memory in use has stopped growing: the mean of the last samples is held against the
/// mean of those before.
#[derive(Debug, Default)]
pub(super) struct Steadiness {
    last: Option<CpuTimes>,
    busy: Vec<f64>,
    memory: Vec<f64>,
    /// Memory in use before the load, in bytes.
    before: Option<u64>,
}

impl Steadiness {
    /// To be made before the load starts.
    pub(super) fn begin() -> Self {
        Self { before: memory_in_use(), ..Self::default() }
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
        self.growth().is_none_or(|bytes| bytes < GROWTH)
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
        if let (false, Some(bytes)) = (self.memory(), self.memory.last()) {
            let gib = |bytes: f64| bytes / (1_u64 << 30) as f64;
            let since = self.before.map(|before| gib(bytes - before as f64)).filter(|gib| *gib > 0.0);
            let since = since.map_or(String::new(), |gib| format!(" ({gib:.1} GiB since the load began)"));
            words.push(format!("memory in use was still growing{since}"));
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
        Steadiness { last: None, busy: busy.to_vec(), memory, before: Some(100 << 20) }
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
        let grown = "memory in use was still growing (1.0 GiB since the load began)";
        assert_eq!(words(&[0.5; 6], &growing, true).as_deref(), Some(grown));
        let both = words(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &growing, true).unwrap();
        assert!(both.starts_with("CPU use was not steady, memory"), "{both}");
        assert!(words(&[], &[], true).unwrap().contains("no time"));
        assert!(words(&[], &[], false).unwrap().contains("workers"));
    }
}

//! The part of a kept run that reports look at.

use crate::units;
use store::{Environment, LoadMetric, Manifest, ProbeFactor, ProbeInfo, TrialRecord, Vantage};

/// A run's manifest, trials and load figures, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// Everything that is not a measurement.
    pub manifest: &'a Manifest,
    /// The trials, in any order.
    pub trials: &'a [TrialRecord],
    /// stress-ng's own figures.
    pub load: &'a [LoadMetric],
    /// Whether a runner executes the run now.
    pub is_under_way: bool,
}

/// The factor that every run has, last in the manifest.
pub(crate) const LOAD: &str = "load";

/// Who saw it, as a heading goes on.
pub(crate) const fn seen(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Kernel => "in the kernel",
        Vantage::User => "as the caller saw it",
    }
}

/// Whether trials at this level of the factor had no probe.
pub(crate) fn without_probe(factor: &ProbeFactor, level: &str) -> bool {
    factor.levels.iter().any(|it| it.label == level && it.backend.as_deref() == Some("user"))
}

/// Whether there is simultaneous multithreading: the kernel's word, but `none` where the processor, or the kernel, has none.
#[must_use]
pub fn smt_words(state: &str) -> &str {
    match state {
        "notsupported" | "notimplemented" => "none",
        other => other,
    }
}

/// How long a window was: `500 ms`, `by factor long`.
pub(crate) fn window_words(manifest: &Manifest) -> String {
    match (manifest.scenario.window_ns, &manifest.plan.design.window_factor) {
        (Some(ns), _) => units::duration_tick(ns as f64),
        (None, Some(factor)) => format!("by factor {factor}"),
        (None, None) => "as long as the generators' operations take".to_owned(),
    }
}

/// How long a warm-up was.
pub(crate) fn warmup_words(manifest: &Manifest) -> String {
    match &manifest.plan.design.warmup_factor {
        Some(factor) => format!("by factor {factor}"),
        None => units::duration_tick(manifest.scenario.warmup_ns as f64),
    }
}

/// How much memory the machine has; of several, the one that has least.
pub(crate) fn memory_words(manifest: &Manifest) -> String {
    let words = |environment: &Environment| units::bytes(environment.memory_bytes as f64);
    at_least(manifest, &words)
}

/// How many CPUs the machine has; of several, the one that has fewest.
pub(crate) fn cpus_words(manifest: &Manifest) -> String {
    at_least(manifest, &|environment| environment.cpus.to_string())
}

/// What a merged run says of its machines is true of the least of them.
fn at_least(manifest: &Manifest, words: &dyn Fn(&Environment) -> String) -> String {
    let least = words(&manifest.environment);
    let mut parts = manifest.merged.iter().flat_map(|merged| &merged.parts);
    if parts.any(|part| words(&part.environment) != least) { format!("{least} at least") } else { least }
}

/// With what a run was observed: `raw_tracepoint`, or `probe varies by backend (auto: raw_tracepoint)`.
pub(crate) fn probe_words(probe: &ProbeInfo) -> String {
    let Some(factor) = &probe.factor else { return probe.backend.clone() };
    let other = |level: &store::ProbeLevel| {
        let backend = level.backend.as_ref().filter(|backend| **backend != level.label)?;
        Some(format!("{}: {backend}", level.label))
    };
    let others: Vec<String> = factor.levels.iter().filter_map(other).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    format!("probe varies by {}{others}", factor.name)
}

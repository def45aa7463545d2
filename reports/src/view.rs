//! The part of a kept run that reports look at.

use store::{LoadMetric, Manifest, TrialRecord};

/// A run's manifest, trials and load figures, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// Everything that is not a measurement.
    pub manifest: &'a Manifest,
    /// The trials, in any order.
    pub trials: &'a [TrialRecord],
    /// stress-ng's own figures.
    pub load: &'a [LoadMetric],
}

/// The factor that every run has, last in the manifest.
pub(crate) const LOAD: &str = "load";

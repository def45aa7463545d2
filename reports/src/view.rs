//! The part of a kept run that reports look at.

use store::{LoadMetric, Manifest, TrialRecord, Vantage};

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

/// Who saw it, as a heading goes on.
pub(crate) const fn seen(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Kernel => "in the kernel",
        Vantage::User => "as the caller saw it",
    }
}

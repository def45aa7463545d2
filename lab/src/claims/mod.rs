//! Whether data meet a claim.
//!
//! Two steps, so that each can be tried by itself: [`samples`] takes from runs what a claim is about, one value for each
//! block; [`decide`] makes a verdict of that, with the intervals of [`reports::statistics`]. Nothing here knows points.

mod decide;
mod samples;

pub use decide::{Decision, Verdict, decide};
pub use samples::{Evidence, Samples, Slots, samples};

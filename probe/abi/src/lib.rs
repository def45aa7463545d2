//! What both sides of the probe agree on: the arithmetic of histogram slots and the layout of the maps.
//!
//! Owns the one definition of [`slot_of`]. The BPF programs, their loader, the generators and the store use it, so
//! that a latency falls in the same slot wherever it was recorded. Knows nothing of how maps are created or read.

#![cfg_attr(not(feature = "std"), no_std)]
#![expect(clippy::inline_always, reason = "BPF programs must not call functions for arithmetic")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "slots and ranks are far below 2^32, and the programs run where usize has 64 bits"
)]

mod histogram;
mod layout;
mod slots;
#[cfg(feature = "std")]
mod sparse;

pub use histogram::Histogram;
pub use layout::*;
pub use slots::{SLOTS, SLOTS_PER_OCTAVE, VALUE_LIMIT_NS, slot_lower_ns, slot_of, slot_upper_ns};
#[cfg(feature = "std")]
pub use sparse::SparseHistogram;

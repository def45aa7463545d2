//! Latencies in few bars, for a terminal.

use probe_abi::{SparseHistogram, slot_lower_ns};

/// A bar: the calls from `lower_ns` to below `upper_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its begin, in nanoseconds: 0 or a power of two.
    pub lower_ns: u64,
    /// Its end, a power of two.
    pub upper_ns: u64,
    /// How many calls.
    pub count: u64,
}

/// At most `most` bars, from the first to the last that has calls: each a power of two wide, or several where there would be
/// too many.
#[must_use]
pub fn bars(histogram: &SparseHistogram, most: usize) -> Vec<Bar> {
    let octave = |slot: u16| slot_lower_ns(usize::from(slot)).max(1).ilog2();
    let (Some(first), Some(last)) = (histogram.slots.first(), histogram.slots.last()) else {
        return Vec::new();
    };
    let (first, last) = (octave(first.0), octave(last.0));
    let octaves = last - first + 1;
    let width = octaves.div_ceil(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
    let bound = |octave: u32| if octave == 0 { 0 } else { 1_u64 << octave.min(63) };
    let mut bars: Vec<Bar> = (0..octaves.div_ceil(width))
        .map(|place| first + place * width)
        .map(|octave| Bar { lower_ns: bound(octave), upper_ns: bound(octave + width), count: 0 })
        .collect();
    for (slot, count) in &histogram.slots {
        bars[((octave(*slot) - first) / width) as usize].count += count;
    }
    bars
}

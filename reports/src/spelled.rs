//! What was measured, spelled out for documents that no program of ours reads again: slots by their bounds, errors by name.

use probe_abi::{SparseHistogram, slot_lower_ns, slot_upper_ns};
use serde::Serialize;
use store::errno_name;

/// Latencies; extremes are none where there are no calls.
#[derive(Serialize)]
pub(crate) struct Latencies {
    count: u64,
    sum_ns: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    /// `[lower_ns, upper_ns, count]` of each slot that has calls: at least the one, below the other.
    slots: Vec<(u64, u64, u64)>,
}

impl Latencies {
    pub(crate) fn of(histogram: &SparseHistogram) -> Self {
        let some = |value: u64| (histogram.count > 0).then_some(value);
        let slots = histogram.slots.iter().map(|(slot, count)| {
            let slot = usize::from(*slot);
            (slot_lower_ns(slot), slot_upper_ns(slot), *count)
        });
        Self {
            count: histogram.count,
            sum_ns: histogram.sum_ns,
            min_ns: some(histogram.min_ns),
            max_ns: some(histogram.max_ns),
            slots: slots.collect(),
        }
    }
}

/// Calls that failed alike.
#[derive(Serialize)]
pub(crate) struct Errors {
    errno: u16,
    /// As programs call it.
    name: Option<&'static str>,
    count: u64,
}

impl Errors {
    /// Those of a measure.
    pub(crate) fn of(errnos: &[(u16, u64)]) -> Vec<Self> {
        let spelled =
            |(errno, count): &(u16, u64)| Self { errno: *errno, name: errno_name(*errno), count: *count };
        errnos.iter().map(spelled).collect()
    }
}

//! Log-linear slots: exact below 128 ns, then 64 slots for each power of two up to 2^40 ns (18 minutes).
//!
//! A slot is at most 1/64 as wide as its lower bound, so that its middle is within 0.8 % of any value in it.

/// Slots for each power of two.
pub const SLOTS_PER_OCTAVE: usize = 64;

/// Number of slots: 64 for the values below 64 ns and 64 for each octave from 2^6 to 2^40.
pub const SLOTS: usize = 35 * SLOTS_PER_OCTAVE;

/// Values of this many nanoseconds and more (2^40) share the last slot; a histogram's `max_ns` stays exact.
pub const VALUE_LIMIT_NS: u64 = 1 << 40;

/// The slot, below [`SLOTS`], that counts a latency of `ns` nanoseconds.
#[inline(always)]
#[must_use]
pub const fn slot_of(ns: u64) -> usize {
    if ns < 128 {
        return ns as usize;
    }
    if ns >= VALUE_LIMIT_NS {
        return SLOTS - 1;
    }
    // The leading seven bits select the slot: a one, then six bits of position within the octave.
    let shift = log2(ns >> 6);
    shift * SLOTS_PER_OCTAVE + (ns >> shift) as usize
}

/// The binary logarithm of a number, rounded down.
#[inline(always)]
const fn log2(number: u64) -> usize {
    if cfg!(target_arch = "bpf") { log2_by_steps(number) } else { number.ilog2() as usize }
}

/// The same for a machine that cannot count leading zeros, as BPF cannot: few instructions for the small numbers that
/// most latencies are. The number is below 2^34. Not a loop, which the verifier of Linux 6.1 gets lost in.
#[inline(always)]
const fn log2_by_steps(number: u64) -> usize {
    macro_rules! return_first_that_fits {
        ($($log:literal)+) => {$(
            if number < 2 << $log {
                return $log;
            }
        )+};
    }
    return_first_that_fits!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    33
}

/// The least value, in nanoseconds, that `slot` counts.
#[must_use]
pub const fn slot_lower_ns(slot: usize) -> u64 {
    if slot < 128 {
        return slot as u64;
    }
    let shift = slot / SLOTS_PER_OCTAVE - 1;
    ((SLOTS_PER_OCTAVE + slot % SLOTS_PER_OCTAVE) as u64) << shift
}

/// The least value, in nanoseconds, above those that `slot` counts: slots are half-open, `[lower, upper)`.
///
/// The last slot also counts everything beyond its upper bound.
#[must_use]
pub const fn slot_upper_ns(slot: usize) -> u64 {
    if slot < 128 {
        return slot as u64 + 1;
    }
    let shift = slot / SLOTS_PER_OCTAVE - 1;
    slot_lower_ns(slot) + (1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_values_have_a_slot_each() {
        for ns in 0..128 {
            assert_eq!(slot_of(ns), ns as usize);
            assert_eq!((slot_lower_ns(ns as usize), slot_upper_ns(ns as usize)), (ns, ns + 1));
        }
    }

    #[test]
    fn slots_join_without_gap_up_to_the_limit() {
        for slot in 1..SLOTS {
            assert_eq!(slot_upper_ns(slot - 1), slot_lower_ns(slot));
        }
        assert_eq!(slot_upper_ns(SLOTS - 1), VALUE_LIMIT_NS);
        assert_eq!(slot_of(u64::MAX), SLOTS - 1);
    }

    proptest! {
        #[test]
        fn both_ways_to_a_logarithm_agree(number in 1..1u64 << 34, shift in 0u32..34) {
            for number in [number, (number >> shift).max(1)] {
                prop_assert_eq!(log2_by_steps(number), number.ilog2() as usize);
            }
        }

        #[test]
        fn a_value_lies_within_its_slot(ns in 0..VALUE_LIMIT_NS) {
            let slot = slot_of(ns);
            prop_assert!(slot < SLOTS);
            prop_assert!(slot_lower_ns(slot) <= ns && ns < slot_upper_ns(slot));
            prop_assert!((slot_upper_ns(slot) - slot_lower_ns(slot) - 1) * 64 <= ns);
        }

        #[test]
        fn slots_are_monotonic(a: u64, b: u64) {
            prop_assert_eq!(a.min(b) == a, slot_of(a.min(b)) <= slot_of(a.max(b)) && a <= b);
        }
    }
}

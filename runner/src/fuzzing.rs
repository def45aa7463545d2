//! What tests that change values at random are told by their recipes.

use std::time::Duration;

/// For how long values are to be changed at random, and the seed, by `FUZZ_SECONDS` and `FUZZ_SEED`.
pub(crate) fn asked() -> (Duration, u64) {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    (Duration::from_secs(number("FUZZ_SECONDS", 5)), number("FUZZ_SEED", u64::from(std::process::id())))
}

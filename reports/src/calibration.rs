//! What the probe costs, in words.
//!
//! Owns the sentence that stands at the top of every report. What was found is told and never subtracted.

use crate::statistics::Interval;
use crate::units;
use store::{Calibration, Estimated, Manifest};

/// One sentence on each backend whose cost is known.
#[must_use]
pub fn sentences(manifest: &Manifest) -> Vec<String> {
    manifest.probe.calibrations.iter().map(sentence).collect()
}

/// `This probe (raw_tracepoint) adds 240 ns [235, 246] to a call and reads a call that does nothing as …`
#[must_use]
pub fn sentence(calibration: &Calibration) -> String {
    format!(
        "This probe ({}) adds {} to a call and reads a call that does nothing as {}.",
        calibration.backend,
        in_words(calibration.added_ns),
        in_words(calibration.reads_ns)
    )
}

/// How the sentence came about: `11 rounds of 10,000 calls of getpid, bare 142 ns`.
pub(crate) fn origin(calibration: &Calibration) -> String {
    format!(
        "{} rounds of {} calls of {}, bare and probed in turn; a bare call took {}",
        calibration.rounds,
        units::count(calibration.calls_per_round.into()),
        calibration.call,
        units::duration(calibration.bare_ns)
    )
}

fn in_words(estimated: Estimated) -> String {
    let interval = Interval { low: estimated.low, high: estimated.high };
    format!("{} {}", units::duration(estimated.value), units::duration_interval(interval, estimated.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_has_both_figures_with_their_intervals() {
        let calibration = Calibration {
            backend: "raw_tracepoint".to_owned(),
            call: "getpid".to_owned(),
            rounds: 11,
            calls_per_round: 10_000,
            bare_ns: 142.2,
            added_ns: Estimated { value: 240.2, low: 235.4, high: 1_204.0 },
            reads_ns: Estimated { value: 115.0, low: 113.0, high: 117.0 },
        };
        assert_eq!(
            sentence(&calibration),
            "This probe (raw_tracepoint) adds 240 ns [235, 1200] to a call and reads a call that does nothing as \
             115 ns [113, 117]."
        );
        assert_eq!(
            origin(&calibration),
            "11 rounds of 10,000 calls of getpid, bare and probed in turn; a bare call took 142 ns"
        );
    }
}

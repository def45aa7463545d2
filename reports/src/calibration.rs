//! What the probe costs, in words.
//!
//! Owns the sentence that stands at the top of every report. What was found is told and never subtracted.

use crate::statistics::Interval;
use crate::units;
use std::collections::BTreeMap;
use store::{Calibration, Estimated, Manifest, MergedPart};

/// One sentence on each backend whose cost is known; of a run that was made of others, on what these found out.
#[must_use]
pub fn sentences(manifest: &Manifest) -> Vec<String> {
    match &manifest.merged {
        None => manifest.probe.calibrations.iter().map(sentence).collect(),
        Some(merged) => sentences_of_parts(&merged.parts),
    }
}

/// `The runs that this one was made of found out for themselves what the probe costs: raw_tracepoint adds 231 ns to 252 ns …`
fn sentences_of_parts(parts: &[MergedPart]) -> Vec<String> {
    let mut found: BTreeMap<&str, Vec<&Calibration>> = BTreeMap::new();
    for calibration in parts.iter().flat_map(|part| &part.probe.calibrations) {
        found.entry(&calibration.backend).or_default().push(calibration);
    }
    let sentence = |(backend, found): (&str, Vec<&Calibration>)| {
        let span = |of: fn(&Calibration) -> f64| {
            let values = || found.iter().map(|it| of(it));
            let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
            format!("{} to {}", units::duration(low), units::duration(high))
        };
        let (some, all) = (found.len(), parts.len());
        let whose =
            if some == all { format!("the {all} parts") } else { format!("{some} of the {all} parts") };
        format!(
            "{} These are the medians of {whose}, each found where it was executed.",
            costs(backend, &span(|it| it.added_ns.value), &span(|it| it.reads_ns.value))
        )
    };
    found.into_iter().map(sentence).collect()
}

/// `This probe (raw_tracepoint) adds 240 ns [235, 246] to a call and reads a call that does nothing as …`
#[must_use]
pub fn sentence(calibration: &Calibration) -> String {
    costs(&calibration.backend, &in_words(calibration.added_ns), &in_words(calibration.reads_ns))
}

/// What was found of calls one right after the other; those of trials have something in between.
fn costs(backend: &str, added: &str, reads: &str) -> String {
    format!(
        "This probe ({backend}) adds {added} to a call and reads a call that does nothing, made over and over, as {reads}; \
         with something else in between, both can be less."
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
            "This probe (raw_tracepoint) adds 240 ns [235, 1200] to a call and reads a call that does nothing, made over \
             and over, as 115 ns [113, 117]; with something else in between, both can be less."
        );
        assert_eq!(
            origin(&calibration),
            "11 rounds of 10,000 calls of getpid, bare and probed in turn; a bare call took 142 ns"
        );
    }
}

//! The answer: a paragraph on each target, computed from the figures.
//!
//! Owns which cells are set against each other and how a ratio is put in words. Plain text, for every format.

use crate::statistics::{Interval, RatioEstimate, ratio};
use crate::summary::{CellSummary, MeasureSummary, ProbeCost, Summary};
use crate::{Metric, units, view::LOAD};
use store::{Factor, Vantage};

/// A ratio this close to 1 is called hardly any.
const HARDLY: Interval = Interval { low: 0.95, high: 1.05 };

/// One paragraph on each target, in the scenario's order; without figures a single one that says so.
#[must_use]
pub fn paragraphs(summary: &Summary) -> Vec<String> {
    let paragraphs = summary.targets().into_iter().map(|target| paragraph(summary, target));
    let mut paragraphs: Vec<String> = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect();
    if paragraphs.is_empty() {
        paragraphs.push("No trial has figures yet.".to_owned());
    }
    paragraphs
}

fn paragraph(summary: &Summary, target: &str) -> String {
    let vantage = summary.primary_vantage(target);
    let mut sentences = under_load(summary, target, vantage);
    if vantage == Vantage::Kernel {
        // What delays a caller on its way out of the kernel is seen by the caller alone.
        sentences.extend(seen_by_caller(summary, target));
    }
    sentences.extend(across_factors(summary, target, vantage));
    sentences.extend(added_by_probe(summary, target));
    if sentences.is_empty() {
        sentences.extend(alone(summary, target, vantage));
    }
    sentences.join(" ")
}

/// First against last load level in every combination of the other factors, and the name of the last level.
fn load_pairs<'a>(summary: &'a Summary, target: &str, vantage: Vantage) -> Option<(&'a str, Vec<Pair<'a>>)> {
    let factors = &summary.manifest.scenario.factors;
    let load = factors.iter().position(|factor| factor.name == LOAD)?;
    let [first, .., last] = factors[load].levels.as_slice() else { return None };
    let pairs = pairs(summary, load, (&first.label, &last.label));
    Some((&last.label, pairs.filter_map(|(a, b)| Pair::of(a, b, target, vantage)).collect()))
}

/// What load does: the middle one of the other factors' combinations, and how far the others lie apart.
fn under_load(summary: &Summary, target: &str, vantage: Vantage) -> Vec<String> {
    let Some((level, pairs)) = load_pairs(summary, target, vantage) else { return Vec::new() };
    let Some((pair, mean)) = pairs.get(pairs.len() / 2).and_then(|pair| Some((pair, pair.mean_in_words()?)))
    else {
        return Vec::new();
    };
    let mut sentence = format!("Under {level} load the mean of {target} {mean}");
    let clauses: Vec<String> = [Metric::P50, Metric::P99, Metric::Max]
        .into_iter()
        .filter_map(|metric| pair.clause(metric))
        .collect();
    if !clauses.is_empty() {
        sentence = format!("{sentence}; {}", joined(&clauses));
    }
    let mut sentences = vec![sentence + "."];
    if pairs.len() > 1 {
        let factors = &summary.manifest.scenario.factors;
        let load = factors.iter().position(|factor| factor.name == LOAD).unwrap_or(factors.len());
        sentences.push(span(&pairs, &cell_words(factors, pair.cell, load)));
    }
    sentences
}

/// `That is at size 1MiB; over all 5 such cells the mean's ratio spans × 1.80 to × 2.40.`
fn span(pairs: &[Pair<'_>], cell: &str) -> String {
    let ratios = || pairs.iter().filter_map(|pair| pair.ratio(Metric::Mean)).map(|estimate| estimate.ratio);
    let (low, high) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    let all = if pairs.len() == 2 { "both".to_owned() } else { format!("all {}", pairs.len()) };
    let (low, high) = (units::ratio(low), units::ratio(high));
    format!("That is at {cell}; over {all} such cells the mean's ratio spans {low} to {high}.")
}

/// `The caller saw the mean grow × 3.66 and the maximum grow × 22.4.`
fn seen_by_caller(summary: &Summary, target: &str) -> Option<String> {
    // Of the cell that the kernel's sentence is about; a cell without a probe has none.
    let (_, spoken_of) = load_pairs(summary, target, Vantage::Kernel)?;
    let cell = spoken_of.get(spoken_of.len() / 2)?.cell;
    let (_, pairs) = load_pairs(summary, target, Vantage::User)?;
    let pair = pairs.iter().find(|pair| pair.cell.levels == cell.levels)?;
    let clauses: Vec<String> = [Metric::Mean, Metric::Max]
        .into_iter()
        .filter_map(|metric| {
            let ratio = pair.ratio(metric)?.ratio;
            let verb = if ratio < 1.0 { "fall to" } else { "grow" };
            Some(format!("the {} {verb} {}", metric.words(), units::ratio(ratio)))
        })
        .collect();
    (!clauses.is_empty()).then(|| format!("The caller saw {}.", joined(&clauses)))
}

/// First against last level of each other factor, with everything else at its first level.
fn across_factors(summary: &Summary, target: &str, vantage: Vantage) -> Vec<String> {
    let factors = &summary.manifest.scenario.factors;
    // From one backend to another nothing changes but the way of looking: see `added_by_probe`.
    let probe = summary.manifest.probe.factor.as_ref().map(|factor| factor.name.as_str());
    let others = factors.iter().enumerate().filter(|(_, factor)| {
        factor.name != LOAD && Some(factor.name.as_str()) != probe && factor.levels.len() > 1
    });
    let sentences = others.filter_map(|(index, factor)| {
        let (first, last) = (factor.levels.first()?, factor.levels.last()?);
        let (a, b) = pairs(summary, index, (&first.label, &last.label)).next()?;
        let pair = Pair::of(a, b, target, vantage)?;
        let estimate = pair.ratio(Metric::P50)?;
        let (from, to) = (Pair::figure(pair.base, Metric::P50)?, Pair::figure(pair.candidate, Metric::P50)?);
        let rest = cell_words(factors, pair.cell, index);
        Some(format!(
            "From {} {} to {}{} {target}'s median {}.",
            factor.name,
            first.label,
            last.label,
            if rest.is_empty() { String::new() } else { format!(" (at {rest})") },
            in_words(estimate, &format!("from {from} to {to}"))
        ))
    });
    sentences.collect()
}

/// Where the probe is a factor: what each of its backends adds to the median, with everything else at its first level.
///
/// `Probed by raw_tracepoint, getpid takes its caller 239 ns in the median, +148 ns [+140, +155] (× 2.62) against …`
fn added_by_probe(summary: &Summary, target: &str) -> Vec<String> {
    let factors = &summary.manifest.scenario.factors;
    let probe = summary.manifest.probe.factor.as_ref();
    let place = probe.and_then(|probe| factors.iter().position(|factor| factor.name == probe.name));
    let Some(place) = place else { return Vec::new() };
    let of_target = summary.costs.iter().filter(|cost| cost.syscall == target);
    let Some(bare) = of_target.clone().find(|cost| cost.is_bare) else { return Vec::new() };
    let is_alike = |cost: &&ProbeCost| {
        let mut pairs = cost.levels.iter().zip(&bare.levels).enumerate();
        pairs.all(|(index, (mine, theirs))| index == place || mine == theirs)
    };
    let sentences = of_target.filter(is_alike).filter_map(|cost| {
        let (probed, bare) = (cost.p50?, bare.p50?);
        let (added, times) = (probed.added_ns?, probed.ratio?);
        let ends = added.interval.map_or_else(String::new, |interval| {
            format!(" {}", units::added_interval(interval, added.difference))
        });
        Some(format!(
            "Probed by {}, {target} takes its caller {} in the median, {}{ends} ({}) against {} without a probe.",
            cost.levels[place],
            units::duration(probed.figure.value_ns),
            units::added(added.difference),
            ratio_words(times),
            units::duration(bare.figure.value_ns),
        ))
    });
    sentences.collect()
}

/// Where nothing varies: the figures themselves.
fn alone(summary: &Summary, target: &str, vantage: Vantage) -> Option<String> {
    let measure = summary.cells.iter().find_map(|cell| cell.measure(target, vantage))?;
    let mean = measure.figure(Metric::Mean)?;
    let interval = mean.interval_ns.map_or_else(String::new, |interval| {
        format!(" {}", units::duration_interval(interval, mean.value_ns))
    });
    let rest: Vec<String> = [Metric::P50, Metric::P99, Metric::Max]
        .into_iter()
        .filter_map(|metric| {
            Some(format!("its {} is {}", metric.words(), units::duration(measure.figure(metric)?.value_ns)))
        })
        .collect();
    Some(format!(
        "{target} takes {}{interval} on average; {}.",
        units::duration(mean.value_ns),
        joined(&rest)
    ))
}

/// The cells that differ in one factor only, at its two levels, by combination of the others.
fn pairs<'a>(
    summary: &'a Summary,
    factor: usize,
    (first, last): (&'a str, &'a str),
) -> impl Iterator<Item = (&'a CellSummary, &'a CellSummary)> {
    let bases = summary.cells.iter().filter(move |cell| cell.levels[factor] == first);
    bases.filter_map(move |base| {
        let mut levels: Vec<&str> = base.levels.iter().map(String::as_str).collect();
        levels[factor] = last;
        Some((base, summary.cell(&levels)?))
    })
}

/// The levels of a cell in every factor but one that vary at all: `size 1MiB, threads 2`.
fn cell_words(factors: &[Factor], cell: &CellSummary, but: usize) -> String {
    let varying = factors.iter().zip(&cell.levels).enumerate().filter(|(index, _)| *index != but);
    let words: Vec<String> = varying
        .filter(|(_, (factor, _))| factor.levels.len() > 1)
        .map(|(_, (factor, level))| format!("{} {level}", factor.name))
        .collect();
    words.join(", ")
}

/// Two cells with figures of one target.
struct Pair<'a> {
    base: &'a MeasureSummary,
    candidate: &'a MeasureSummary,
    cell: &'a CellSummary,
}

impl<'a> Pair<'a> {
    fn of(base: &'a CellSummary, candidate: &'a CellSummary, target: &str, vantage: Vantage) -> Option<Self> {
        Some(Self {
            base: base.measure(target, vantage)?,
            candidate: candidate.measure(target, vantage)?,
            cell: candidate,
        })
    }

    fn ratio(&self, metric: Metric) -> Option<RatioEstimate> {
        ratio(&self.base.values(metric), &self.candidate.values(metric))
    }

    fn figure(measure: &MeasureSummary, metric: Metric) -> Option<String> {
        measure.figure(metric).map(|figure| units::duration(figure.value_ns))
    }

    fn mean_in_words(&self) -> Option<String> {
        let (from, to) =
            (Self::figure(self.base, Metric::Mean)?, Self::figure(self.candidate, Metric::Mean)?);
        Some(in_words(self.ratio(Metric::Mean)?, &format!("from {from} to {to}")))
    }

    fn clause(&self, metric: Metric) -> Option<String> {
        let RatioEstimate { ratio, .. } = self.ratio(metric)?;
        let words = match ratio {
            ratio if HARDLY.contains(ratio) => format!("hardly moves ({})", units::ratio(ratio)),
            ratio if ratio > 1.0 => format!("grows {}", units::ratio(ratio)),
            ratio => format!("falls to {}", units::ratio(ratio)),
        };
        Some(format!("its {} {words}", metric.words()))
    }
}

/// `rises from 1.10 µs to 2.31 µs (× 2.10 [1.90, 2.40])`.
fn in_words(estimate: RatioEstimate, from_to: &str) -> String {
    if HARDLY.contains(estimate.ratio) {
        return format!("hardly moves, {from_to} ({})", figures_of(estimate));
    }
    let verb = if estimate.ratio > 1.0 { "rises" } else { "falls" };
    format!("{verb} {from_to} ({})", ratio_words(estimate))
}

/// `× 2.10 [1.90, 2.40]`.
fn figures_of(estimate: RatioEstimate) -> String {
    let interval = estimate.interval.map_or_else(String::new, |i| format!(" {}", units::ratio_interval(i)));
    format!("{}{interval}", units::ratio(estimate.ratio))
}

/// The same, with what is to be said where it may be no change at all.
fn ratio_words(estimate: RatioEstimate) -> String {
    let doubt = match estimate.interval {
        Some(interval) if interval.contains(1.0) => ", though the interval includes no change",
        _ => "",
    };
    format!("{}{doubt}", figures_of(estimate))
}

/// `a, b and c`.
fn joined(clauses: &[String]) -> String {
    match clauses {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_in_words() {
        let estimate = |ratio, low, high| RatioEstimate { ratio, interval: Some(Interval { low, high }) };
        assert_eq!(
            in_words(estimate(2.1, 1.9, 2.4), "from a to b"),
            "rises from a to b (× 2.10 [1.90, 2.40])"
        );
        assert_eq!(
            in_words(estimate(1.01, 0.9, 1.1), "from a to b"),
            "hardly moves, from a to b (× 1.01 [0.900, 1.10])"
        );
        assert!(in_words(estimate(0.8, 0.6, 1.1), "from a to b").contains("includes no change"));
    }

    #[test]
    fn clauses_are_joined_as_in_a_sentence() {
        assert_eq!(joined(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}

//! The answer: a paragraph on each target, computed from the figures.
//!
//! Owns which cells are set against each other; how a change is put in words is `wording`'s. Plain text, for every
//! format.

mod wording;

use crate::statistics::{FULL_REPETITIONS, ratio};
use crate::summary::{CellSummary, MeasureSummary, ProbeCost, Summary};
use crate::{Metric, units, view::LOAD};
use store::Vantage;
use wording::{Change, joined, ratio_words};

/// Maxima are set against each other only where the numbers of calls are at most this many times apart.
const ALIKE_CALLS: f64 = 2.0;

/// One paragraph on each target, in the scenario's order; without figures a single one that says so. Where repetitions
/// are too few for intervals, the first paragraph says so for all.
#[must_use]
pub fn paragraphs(summary: &Summary) -> Vec<String> {
    let paragraphs = summary.targets().into_iter().map(|target| paragraph(summary, target));
    let mut paragraphs: Vec<String> = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect();
    if paragraphs.is_empty() {
        paragraphs.push("No trial has figures yet.".to_owned());
    } else if let Some(most) = summary.most_repetitions().filter(|_| summary.has_ranges()) {
        let plural = if most == 1 { "" } else { "s" };
        paragraphs.insert(0, format!("{most} repetition{plural}: no intervals; take this as a hint."));
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
    let load = summary.load_place()?;
    let [_, .., last] = factors[load].levels.as_slice() else { return None };
    let pairs = pairs(summary, load);
    Some((&last.label, pairs.filter_map(|(a, b)| Pair::of(a, b, target, vantage)).collect()))
}

/// What load does: the middle one of the other factors' combinations, and how far the others lie apart.
fn under_load(summary: &Summary, target: &str, vantage: Vantage) -> Vec<String> {
    let Some((level, pairs)) = load_pairs(summary, target, vantage) else { return Vec::new() };
    let middle = pairs.get(pairs.len() / 2);
    let Some((pair, mean)) = middle.and_then(|pair| Some((pair, pair.change(Metric::Mean)?.moved()?))) else {
        return Vec::new();
    };
    let along = summary.load_place().map_or_else(String::new, |load| summary.along_words(load));
    let mut sentence = format!("Under {level} load{along} the mean of {target} {mean}");
    let clauses: Vec<String> = [Metric::P50, Metric::P99, Metric::Max]
        .into_iter()
        .filter_map(|metric| Some(format!("its {} {}", metric.words(), pair.change(metric)?.clause())))
        .collect();
    if !clauses.is_empty() {
        sentence = format!("{sentence}; {}", joined(&clauses));
    }
    let mut sentences = vec![sentence + "."];
    if pairs.len() > 1 {
        let but = summary.load_place().map_or_else(Vec::new, |load| with_zipped(summary, load));
        let cell = summary.cell_words(&pair.cell.levels, &but, (target, vantage));
        sentences.push(span(&pairs, &cell));
    }
    sentences
}

/// `That is at size 1MiB; over all 5 such cells the mean's ratio spans × 1.80 to × 2.40.`
fn span(pairs: &[Pair<'_>], cell: &str) -> String {
    let ratios = || pairs.iter().filter_map(|pair| Some(pair.change(Metric::Mean)?.estimate.ratio));
    let (low, high) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    let all = if pairs.len() == 2 { "both".to_owned() } else { format!("all {}", pairs.len()) };
    let (low, high) = (units::ratio(low), units::ratio(high));
    format!("That is at {cell}; over {all} such cells the mean's ratio spans {low} to {high}.")
}

/// `As the caller saw it, the mean grows (× 3.66 [3.10, 4.22]) and the maximum grows (× 22.4 [11.2, 40.5]).`
fn seen_by_caller(summary: &Summary, target: &str) -> Option<String> {
    // Of the cell that the kernel's sentence is about; a cell without a probe has none.
    let (_, spoken_of) = load_pairs(summary, target, Vantage::Kernel)?;
    let cell = spoken_of.get(spoken_of.len() / 2)?.cell;
    let (_, pairs) = load_pairs(summary, target, Vantage::User)?;
    let pair = pairs.iter().find(|pair| pair.cell.levels == cell.levels)?;
    let clauses: Vec<String> = [Metric::Mean, Metric::Max]
        .into_iter()
        .filter_map(|metric| Some(format!("the {} {}", metric.words(), pair.change(metric)?.clause())))
        .collect();
    (!clauses.is_empty()).then(|| format!("As the caller saw it, {}.", joined(&clauses)))
}

/// First against last level of each other factor, with everything else at its first level: the median, or the mean
/// where a level has too few calls for a median.
fn across_factors(summary: &Summary, target: &str, vantage: Vantage) -> Vec<String> {
    let factors = &summary.manifest.scenario.factors;
    // From one backend to another nothing changes but the way of looking: see `added_by_probe`.
    let probe = summary.manifest.probe.factor.as_ref().map(|factor| factor.name.as_str());
    // Of factors that go along with each other the first speaks for all; with the load among them, that does.
    let speaks = |index: usize| {
        let others = summary.zipped_with(index);
        others.iter().all(|other| *other > index && Some(*other) != summary.load_place())
    };
    let others = factors.iter().enumerate().filter(|(index, factor)| {
        factor.name != LOAD
            && Some(factor.name.as_str()) != probe
            && factor.levels.len() > 1
            && speaks(*index)
    });
    let sentences = others.filter_map(|(index, factor)| {
        let (first, last) = (factor.levels.first()?, factor.levels.last()?);
        let mut pairs = pairs(summary, index);
        let pair = pairs.find_map(|(a, b)| Pair::of(a, b, target, vantage))?;
        let mut either = [Metric::P50, Metric::Mean].into_iter();
        let (metric, change) = either.find_map(|it| Some((it, pair.change(it)?.moved()?)))?;
        let rest = summary.cell_words(&pair.cell.levels, &with_zipped(summary, index), (target, vantage));
        Some(format!(
            "From {} {} to {}{}{} {target}'s {} {change}.",
            factor.name,
            first.label,
            last.label,
            if rest.is_empty() { String::new() } else { format!(" (at {rest})") },
            summary.along_words(index),
            metric.words(),
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
    let is_hint = summary.has_ranges();
    let sentences = of_target.filter(is_alike).filter_map(|cost| {
        let (probed, bare) = (cost.p50?, bare.p50?);
        let (added, mut times) = (probed.added_ns?, probed.ratio?);
        times.interval = times.interval.filter(|_| !is_hint);
        let ends = added.interval.filter(|_| !is_hint).map_or_else(String::new, |interval| {
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
    let full = mean.interval_ns.filter(|_| measure.repetitions.len() >= FULL_REPETITIONS);
    let interval = full.map_or_else(String::new, |interval| {
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

/// The place of a factor and of those that go along with it.
fn with_zipped(summary: &Summary, factor: usize) -> Vec<usize> {
    summary.zipped_with(factor).into_iter().chain([factor]).collect()
}

/// The cells that differ in one factor only, and in what goes along with it, at its first and last levels, by
/// combination of the others.
fn pairs(summary: &Summary, factor: usize) -> impl Iterator<Item = (&CellSummary, &CellSummary)> {
    let declared = &summary.manifest.scenario.factors[factor].levels;
    let first = declared.first().map_or("", |level| level.label.as_str());
    let bases = summary.cells.iter().filter(move |cell| cell.levels[factor] == first);
    bases.filter_map(move |base| {
        let levels: Vec<&str> = base.levels.iter().map(String::as_str).collect();
        Some((base, summary.cell(&summary.moved(&levels, factor, declared.len() - 1))?))
    })
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

    /// What becomes of a figure; none where a repetition lacks it, nor for maxima of unlike numbers of calls.
    fn change(&self, metric: Metric) -> Option<Change> {
        if metric == Metric::Max && !self.has_alike_calls() {
            return None;
        }
        let figure = |measure: &MeasureSummary| measure.figure(metric).map(|figure| figure.value_ns);
        Some(Change {
            estimate: ratio(&self.base.values(metric), &self.candidate.values(metric))?,
            medians_ns: figure(self.base).zip(figure(self.candidate)),
            repetitions: self.base.repetitions.len().min(self.candidate.repetitions.len()),
        })
    }

    /// Whether a repetition has about as many calls in both cells.
    fn has_alike_calls(&self) -> bool {
        let calls = |measure: &MeasureSummary| measure.calls as f64 / measure.repetitions.len() as f64;
        let (mine, theirs) = (calls(self.base), calls(self.candidate));
        mine.max(theirs) <= ALIKE_CALLS * mine.min(theirs)
    }
}

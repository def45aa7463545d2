//! The answer: a paragraph on each target, computed from the figures.
//!
//! Owns which cells are set against each other; how a change is put in words is `wording`'s. Plain text, for every
//! format.

mod wording;

use crate::statistics::{FULL_REPETITIONS, ratio};
use crate::summary::{CellSummary, MeasureSummary, ProbeCost, Summary};
use crate::{Metric, units, view::LOAD};
use std::collections::BTreeSet;
use store::{State, Vantage};
use wording::{Change, joined, ratio_words};

/// A mean of fewer calls than this is said to be one of few.
const FEW_CALLS: u64 = 30;

/// One paragraph on each target, in the scenario's order; without figures a single one that says so. Where repetitions
/// are too few for intervals, the first paragraph says so for all.
#[must_use]
pub fn paragraphs(summary: &Summary) -> Vec<String> {
    let paragraphs = summary.targets().into_iter().map(|target| paragraph(summary, target));
    let mut paragraphs: Vec<String> = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect();
    if paragraphs.is_empty() {
        paragraphs.push(without_figures(summary));
    } else if let Some(most) = summary.most_repetitions().filter(|_| summary.is_hint()) {
        let plural = if most == 1 { "" } else { "s" };
        paragraphs.insert(0, format!("{most} repetition{plural}: no intervals; take this as a hint."));
    }
    paragraphs
}

/// Why there is nothing to say: nothing was executed, nothing is to be trusted, or nobody called.
fn without_figures(summary: &Summary) -> String {
    let progress = summary.progress;
    let without = progress.failed + progress.invalid;
    match summary.failures.first() {
        _ if progress.ok > 0 => "No trial has figures: no call was seen in any window.".to_owned(),
        Some(first) => {
            let counts = [(progress.failed, "failed"), (progress.invalid, "invalid")];
            let counts = counts.into_iter().filter(|(count, _)| *count > 0);
            let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
            let whose = if without > 1 { ", the first" } else { "" };
            let (trial, cell, reason) = (first.trial + 1, &first.cell, &first.reason);
            format!(
                "No trial has figures: {}{whose} (trial {trial}, {cell}) because: {reason}.",
                joined(&counts)
            )
        }
        None if summary.manifest.state == State::Running => "No trial has figures yet.".to_owned(),
        None => "No trial has figures: none was executed.".to_owned(),
    }
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
    if !sentences.is_empty() {
        sentences.extend(of_few_calls(summary, target, vantage));
        sentences.extend(of_failures(summary, target, vantage));
    }
    sentences.join(" ")
}

/// In which cells every call fails: latencies of failures are not set against those of successes.
fn of_failures(summary: &Summary, target: &str, vantage: Vantage) -> Option<String> {
    const NAMED: usize = 3;
    let with_calls = summary.cells.iter().filter(|cell| cell.measure(target, vantage).is_some());
    let (failing, others): (Vec<&CellSummary>, Vec<&CellSummary>) =
        with_calls.partition(|cell| cell.measure(target, vantage).is_some_and(|it| it.of_failures));
    if failing.is_empty() || others.is_empty() {
        return (!failing.is_empty())
            .then(|| format!("Every call of {target} fails: these are times of failures."));
    }
    let named = failing.iter().take(NAMED).map(|cell| place_words(summary, cell, &[], (target, vantage)));
    let more = failing.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more")).into_iter();
    let places = named.chain(more).collect::<Vec<_>>().join("; ");
    Some(format!(
        "Every call of {target} fails at {places}: how fast calls fail is not set against how fast they succeed."
    ))
}

/// That means are of so few calls that one of them moves a mean.
fn of_few_calls(summary: &Summary, target: &str, vantage: Vantage) -> Option<String> {
    let measures = summary.cells.iter().filter_map(|cell| cell.measure(target, vantage));
    let with_mean = measures.filter(|measure| measure.figure(Metric::Mean).is_some());
    let calls = with_mean.flat_map(|measure| &measure.repetitions).map(|repetition| repetition.calls);
    let fewest = calls.min().filter(|calls| *calls < FEW_CALLS)?;
    let plural = if fewest == 1 { "" } else { "s" };
    Some(format!("There are repetitions of only {fewest} call{plural}, whose mean a single slow call moves."))
}

/// In how many combinations of levels the target may have figures, those at the places `but` aside: cells without any
/// trial that is ok may be some of its cells.
fn combinations(summary: &Summary, but: &[usize], (target, vantage): (&str, Vantage)) -> usize {
    let cells = summary.cells.iter().filter(|cell| may_have(cell, target, vantage));
    let levels = |cell: &'_ CellSummary| {
        let levels = cell.levels.iter().enumerate().filter(|(place, _)| !but.contains(place));
        levels.map(|(_, level)| level.clone()).collect::<Vec<_>>()
    };
    cells.map(levels).collect::<BTreeSet<_>>().len()
}

fn may_have(cell: &CellSummary, target: &str, vantage: Vantage) -> bool {
    cell.measures.is_empty() || cell.measure(target, vantage).is_some()
}

/// The levels by which a cell is told from those in which the target has figures or may have them.
fn place_words(
    summary: &Summary,
    cell: &CellSummary,
    but: &[usize],
    (target, vantage): (&str, Vantage),
) -> String {
    let varies = |place: &usize| {
        let mut others = summary.cells.iter().filter(|other| may_have(other, target, vantage));
        !but.contains(place) && others.any(|other| other.levels[*place] != cell.levels[*place])
    };
    let factors = summary.manifest.scenario.factors.iter().zip(&cell.levels).enumerate();
    let words = factors.filter(|(place, _)| varies(place));
    let words: Vec<String> = words.map(|(_, (factor, level))| format!("{} {level}", factor.name)).collect();
    words.join(", ")
}

/// First against last load level in every combination of the other factors in which both have a mean, and the names of
/// these levels.
struct LoadPairs<'a> {
    first: &'a str,
    last: &'a str,
    pairs: Vec<Pair<'a>>,
}

impl<'a> LoadPairs<'a> {
    fn of(summary: &'a Summary, target: &str, vantage: Vantage) -> Option<Self> {
        let factors = &summary.manifest.scenario.factors;
        let load = summary.load_place()?;
        let [first, .., last] = factors[load].levels.as_slice() else { return None };
        let pairs = pairs(summary, load).filter_map(|(a, b)| Pair::of(a, b, target, vantage));
        let has_mean = |pair: &Pair<'_>| pair.change(Metric::Mean).and_then(|mean| mean.moved()).is_some();
        Some(Self { first: &first.label, last: &last.label, pairs: pairs.filter(has_mean).collect() })
    }

    /// The one that is spoken of.
    fn middle(&self) -> Option<&Pair<'a>> {
        self.pairs.get(self.pairs.len() / 2)
    }
}

/// What load does: the middle one of the other factors' combinations, and how far the others lie apart.
fn under_load(summary: &Summary, target: &str, vantage: Vantage) -> Vec<String> {
    let Some(loads) = LoadPairs::of(summary, target, vantage) else { return Vec::new() };
    let Some((pair, mean)) =
        loads.middle().and_then(|pair| Some((pair, pair.change(Metric::Mean)?.moved()?)))
    else {
        return Vec::new();
    };
    let along = summary.load_place().map_or_else(String::new, |load| summary.along_words(load));
    let mut sentence = format!("Under {} load{along} the mean of {target} {mean}", loads.last);
    let clauses: Vec<String> = [Metric::P50, Metric::P99, Metric::Max]
        .into_iter()
        .filter_map(|metric| Some(format!("its {} {}", metric.words(), pair.change(metric)?.clause())))
        .collect();
    if !clauses.is_empty() {
        sentence = format!("{sentence}; {}", joined(&clauses));
    }
    let mut sentences = vec![sentence + "."];
    let but = summary.load_place().map_or_else(Vec::new, |load| with_zipped(summary, load));
    let cells = combinations(summary, &but, (target, vantage));
    if cells > 1 {
        let cell = place_words(summary, pair.cell, &but, (target, vantage));
        sentences.push(span(&loads, &cell, cells));
    }
    sentences
}

/// `That is at size 1MiB; over all 5 such cells the mean's ratio spans × 1.80 to × 2.40.` Where not all of the cells can
/// be set against each other, it says how many.
fn span(loads: &LoadPairs<'_>, cell: &str, cells: usize) -> String {
    let LoadPairs { first, last, pairs } = loads;
    let ratios = || pairs.iter().filter_map(|pair| Some(pair.change(Metric::Mean)?.estimate.ratio));
    let (low, high) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    let (low, high) = (units::ratio(low), units::ratio(high));
    let all = match pairs.len() {
        1 => {
            return format!(
                "That is at {cell}, the only one of {cells} such cells with figures under {first} and {last}."
            );
        }
        2 if cells == 2 => "both such cells".to_owned(),
        some if some == cells => format!("all {cells} such cells"),
        some => format!("the {some} of {cells} such cells with figures under {first} and {last}"),
    };
    format!("That is at {cell}; over {all} the mean's ratio spans {low} to {high}.")
}

/// `As the caller saw it, the mean grows (× 3.66 [3.10, 4.22]) and the maximum grows (× 22.4 [11.2, 40.5]).`
fn seen_by_caller(summary: &Summary, target: &str) -> Option<String> {
    // Of the cell that the kernel's sentence is about; a cell without a probe has none.
    let cell = LoadPairs::of(summary, target, Vantage::Kernel)?.middle()?.cell;
    let seen = LoadPairs::of(summary, target, Vantage::User)?;
    let pair = seen.pairs.iter().find(|pair| pair.cell.levels == cell.levels)?;
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
        let mut pairs = pairs(summary, index).filter_map(|(a, b)| Pair::of(a, b, target, vantage));
        let (pair, metric, change) = pairs.find_map(|pair| {
            let mut either = [Metric::P50, Metric::Mean].into_iter();
            let (metric, change) = either.find_map(|it| Some((it, pair.change(it)?.moved()?)))?;
            Some((pair, metric, change))
        })?;
        let rest = place_words(summary, pair.cell, &with_zipped(summary, index), (target, vantage));
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
    let is_hint = summary.is_hint();
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

/// Where nothing can be set against anything: the figures themselves, of the first cell that has some.
fn alone(summary: &Summary, target: &str, vantage: Vantage) -> Option<String> {
    let (cell, measure, mean) = summary.cells.iter().find_map(|cell| {
        let measure = cell.measure(target, vantage)?;
        Some((cell, measure, measure.figure(Metric::Mean)?))
    })?;
    let place = place_words(summary, cell, &[], (target, vantage));
    let place = if place.is_empty() { place } else { format!("At {place}, ") };
    let full = mean.interval_ns.filter(|_| measure.units() >= FULL_REPETITIONS);
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
        "{place}{target} takes {}{interval} on average; {}.",
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

    /// What becomes of a figure; none where a repetition lacks it, for maxima of unlike numbers of calls, nor where every call
    /// fails in one of the cells alone.
    fn change(&self, metric: Metric) -> Option<Change> {
        let are_alike = metric != Metric::Max || self.base.has_calls_like(self.candidate);
        if self.fails_in_one() || !are_alike {
            return None;
        }
        let figure = |measure: &MeasureSummary| measure.figure(metric).map(|figure| figure.value_ns);
        let (base, candidate) = (self.base.values(metric), self.candidate.values(metric));
        Some(Change {
            estimate: metric.widened(ratio(&base, &candidate)?, &base, &candidate),
            medians_ns: figure(self.base).zip(figure(self.candidate)),
            repetitions: self.base.repetitions.len().min(self.candidate.repetitions.len()),
        })
    }

    /// Whether every call fails in one of the cells, and not in the other: then latencies of failures would stand against
    /// those of successes.
    fn fails_in_one(&self) -> bool {
        self.base.of_failures != self.candidate.of_failures
    }
}

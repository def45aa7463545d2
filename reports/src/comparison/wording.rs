//! A comparison in words: the sentence on top, what the unit is, what to mind.

use super::gate::first_of;
use super::samples::{boot_ids, boots};
use super::{Comparison, Effect, Trend, Unit, Verdict};
use crate::statistics::EXACT_PAIRS;
use crate::summary::Summary;
use crate::view::{LOAD, seen};
use crate::{Metric, RunView, units};
use std::collections::BTreeSet;
use store::Status;

/// How wide a slot may be, as a share of its lower bound.
const WIDEST_SLOT: f64 = 1.0 / 64.0;

impl Comparison {
    /// One sentence: `3 of 45 comparisons worse, 1 better, 2 inconclusive; largest: mmap size 1MiB under high load, p99 ×
    /// 1.42 [1.31, 1.55].` Where in some cells every call fails in the candidate alone, another.
    #[must_use]
    pub fn headline(&self) -> String {
        let counts = self.counts();
        match self.failing.iter().filter(|it| it.gated && it.has_broken()).count() {
            0 => counts,
            1 => format!("{counts} In 1 cell every call fails in the candidate."),
            broken => format!("{counts} In {broken} cells every call fails in the candidate."),
        }
    }

    fn counts(&self) -> String {
        let all = self.gated().count();
        if all == 0 {
            return "No cell has figures in both runs.".to_owned();
        }
        let comparisons = if all == 1 { "comparison" } else { "comparisons" };
        let counted = |verdict: &Verdict| (self.count(*verdict), verdict.name());
        let counts = Verdict::ALL.iter().map(counted).filter(|(count, _)| *count > 0);
        let counts: Vec<(String, &str)> =
            counts.map(|(count, name)| (format!("{count} {name}"), name)).collect();
        let words = |counts: &[(String, &str)], but: &str| {
            let told = counts.iter().filter(|(_, name)| *name != but).map(|(words, _)| words.as_str());
            told.collect::<Vec<_>>().join(", ")
        };
        if self.count(Verdict::Worse) + self.count(Verdict::Better) == 0 {
            return format!("None of {all} {comparisons} worse or better: {}.", words(&counts, ""));
        }
        let name = counts[0].1;
        let count = self.count(if name == "worse" { Verdict::Worse } else { Verdict::Better });
        let rest = words(&counts[1..], "same");
        let rest = if rest.is_empty() { rest } else { format!(", {rest}") };
        let none_worse = if name == "better" { ", none worse" } else { "" };
        // What matters most comes first.
        let largest = self.gated().next().map(|effect| self.effect_words(effect)).unwrap_or_default();
        let it = if all == 1 { "this is" } else { "largest:" };
        format!("{count} of {all} {comparisons} {name}{none_worse}{rest}; {it} {largest}.")
    }

    /// `mmap size 1MiB under high load, p99 × 1.42 [1.31, 1.55]`.
    #[must_use]
    pub fn effect_words(&self, effect: &Effect) -> String {
        let interval = effect.ratio.interval;
        let interval = interval.map_or_else(String::new, |it| format!(" {}", units::ratio_interval(it)));
        format!(
            "{}, {} {}{interval}",
            self.place_words(&effect.syscall, &effect.levels),
            effect.metric,
            units::ratio(effect.ratio.ratio)
        )
    }

    /// `mmap size 1MiB under high load`: the target with the levels that tell the cell from others.
    #[must_use]
    pub fn place_words(&self, syscall: &str, levels: &[String]) -> String {
        let mut words = vec![syscall.to_owned()];
        let mut load = None;
        for place in self.telling_factors().iter().copied() {
            let (factor, level) = (&self.factors[place], &levels[place]);
            if factor == LOAD {
                load = Some(format!("under {level} load"));
            } else {
                words.push(format!("{factor} {level}"));
            }
        }
        words.into_iter().chain(load).collect::<Vec<_>>().join(" ")
    }

    /// Places of the factors of which more than one level is compared, or could not be.
    #[must_use]
    pub fn telling_factors(&self) -> &[usize] {
        &self.telling
    }

    /// The metrics' names: `p50, p99`.
    #[must_use]
    pub fn metric_words(&self) -> String {
        let names: Vec<&str> = self.metrics.iter().map(|metric| metric.label()).collect();
        if self.metrics.len() == Metric::ALL.len() { "every metric".to_owned() } else { names.join(", ") }
    }

    /// What was set against each other, and by which test.
    #[must_use]
    pub fn unit_sentence(&self) -> String {
        let most = |side: fn(&Effect) -> usize| self.gated().map(side).max().unwrap_or(0);
        let (base, candidate) = (most(|it| it.units.0), most(|it| it.units.1));
        let name = self.unit.name(2);
        let sides = match (base, candidate) {
            (0, 0) => String::new(),
            (base, candidate) if base == candidate => format!(", {base} a side"),
            (base, candidate) => format!(", {base} against {candidate}"),
        };
        match self.unit {
            Unit::Repetition => {
                format!("The unit is the repetition{sides}: Mann and Whitney's test, Hodges–Lehmann ratio.")
            }
            Unit::Window => {
                format!(
                    "The unit is the window of a trace{sides}: Mann and Whitney's test, Hodges–Lehmann ratio. Windows in a row over the same processes vary less than traces of other processes would."
                )
            }
            Unit::Pair => {
                let by = if base > EXACT_PAIRS { ", by the normal distribution" } else { "" };
                let exact = if by.is_empty() { "exact " } else { "" };
                format!(
                    "The runs were taken in alternation: the unit is the pair of blocks, {base} {name}; {exact}sign-flip test{by}, mean ratio of pairs."
                )
            }
            Unit::Machine => format!(
                "The unit is the machine{sides}: the median of its repetitions; Mann and Whitney's test, Hodges–Lehmann ratio over machines."
            ),
            Unit::Boot => format!(
                "The unit is the boot{sides}: the median of its repetitions; Mann and Whitney's test, Hodges–Lehmann ratio over boots."
            ),
        }
    }

    /// Why nothing could be found; none where something could.
    #[must_use]
    pub fn too_few_sentence(&self) -> Option<String> {
        let too_few = self.too_few?;
        let comparisons = if too_few.effects == 1 { "comparison" } else { "comparisons" };
        let (base, candidate) = too_few.sides;
        let (sides, needed) = match (self.unit, base == candidate) {
            (Unit::Pair, _) => (String::new(), ""),
            (_, true) => (" a side".to_owned(), ""),
            (_, false) => (format!(" against {candidate}"), " a side"),
        };
        Some(format!(
            "No change can be detected among {} {comparisons} with {base} {}{sides}, however large; it needs {}{needed}.",
            too_few.effects,
            self.unit.name(base),
            too_few.needed
        ))
    }
}

/// Places of the factors that tell cells from one another, of all that both have.
pub(super) fn telling(comparison: &Comparison) -> Vec<usize> {
    let effects = comparison.effects.iter().map(|it| &it.levels);
    let others = comparison.failing.iter().map(|it| &it.levels);
    let missing = comparison.missing.iter().map(|it| &it.levels);
    let all: Vec<&Vec<String>> = effects.chain(others).chain(missing).collect();
    let is_telling = |place: &usize| {
        let mut levels = all.iter().filter_map(|it| it.get(*place));
        let first = levels.next();
        levels.any(|level| Some(level) != first)
    };
    (0..comparison.factors.len()).filter(is_telling).collect()
}

impl Trend {
    /// One sentence on the newest run.
    #[must_use]
    pub fn headline(&self) -> String {
        let last = self.last().map_or_else(String::new, Comparison::headline);
        format!("The last of {} runs against the first: {}", self.runs().len(), lowered(&last))
    }
}

/// A sentence as the end of another.
fn lowered(sentence: &str) -> String {
    sentence.replacen("None", "none", 1).replacen("No cell", "no cell", 1)
}

/// A run with its summary.
type Side<'a> = (&'a RunView<'a>, &'a Summary);

/// What the reader should know before the figures.
pub(super) fn remarks(
    comparison: &Comparison,
    base: Side<'_>,
    candidate: Side<'_>,
    paired: &BTreeSet<u32>,
) -> Vec<String> {
    let mut remarks = Vec::from_iter(one_run(comparison));
    remarks.extend(comparison.lacking());
    remarks.extend([("baseline", base.0), ("candidate", candidate.0)].into_iter().filter_map(part));
    remarks.extend(comparison.too_few_sentence());
    remarks.extend(below_a_slot(comparison));
    remarks.extend(one_boot(comparison, base.0, candidate.0));
    if comparison.unit == Unit::Pair {
        remarks.extend(unpaired(base.0, candidate.0, paired));
    }
    if comparison.without_figures > 0 {
        let (count, lack) = match comparison.without_figures {
            1 => ("1 comparison".to_owned(), "lacks"),
            count => (format!("{count} comparisons"), "lack"),
        };
        remarks.push(format!("{count} {lack} figures in one of the runs and are left out."));
    }
    remarks.extend(doubts(comparison));
    for warning in &base.1.warnings {
        let whose = if candidate.1.warnings.contains(warning) { "both runs" } else { "baseline" };
        remarks.push(format!("{whose}: {warning}"));
    }
    let others = candidate.1.warnings.iter().filter(|warning| !base.1.warnings.contains(warning));
    remarks.extend(others.map(|warning| format!("candidate: {warning}")));
    remarks
}

/// That there is nothing to compare.
fn one_run(comparison: &Comparison) -> Option<String> {
    let is_one = comparison.base == comparison.candidate;
    is_one.then(|| "Both are the same run, so that nothing can have changed: every ratio is 1.".to_owned())
}

/// That a run is not all of its plan.
fn part((whose, run): (&str, &RunView<'_>)) -> Option<String> {
    let shard = run.manifest.plan.shard?;
    Some(format!(
        "The {whose} is part {shard} of its plan: it has some of the trials, and `runner merge` makes one run of all parts."
    ))
}

/// Which verdicts the bootstrap does not bear out.
fn doubts(comparison: &Comparison) -> Option<String> {
    let doubted = comparison.gated().filter(|effect| effect.is_doubted);
    let words = |effect: &Effect| format!("{} ({})", comparison.effect_words(effect), effect.verdict.name());
    let doubted = first_of(doubted, 3, words)?;
    Some(format!("The bootstrap over blocks does not bear out: {doubted}."))
}

/// A threshold that is less than a slot is wide: then one step of a quantile, from slot to slot, is beyond it.
fn below_a_slot(comparison: &Comparison) -> Option<String> {
    let quantiles: Vec<&str> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.quantile().is_some())
        .map(|metric| metric.label())
        .collect();
    (comparison.threshold < WIDEST_SLOT && !quantiles.is_empty()).then(|| {
        format!(
            "The threshold of {} is less than a slot is wide: {} of a repetition is the middle of its slot and moves in steps of up to 1.6 %, so one step can be worse or better. Take a threshold of 2 % or more, or `--metric mean`.",
            units::asked_percent(comparison.threshold),
            quantiles.join(", ")
        )
    })
}

/// Between kernels, as between any two boots, the unit would be the boot.
fn one_boot(comparison: &Comparison, base: &RunView<'_>, candidate: &RunView<'_>) -> Option<String> {
    let kernel = |run: &RunView<'_>| {
        let environment = &run.manifest.environment;
        (environment.kernel_release.clone(), environment.kernel_version.clone())
    };
    let is_one = comparison.unit.is_trial() || boots(base).min(boots(candidate)) < 2;
    if is_one && kernel(base) != kernel(candidate) {
        return Some("The kernels differ and a side has one boot only: the kernel's effect cannot be told from what differs from boot to boot. Several boots of each can (`runner run --append`).".to_owned());
    }
    let (mine, theirs) = (boot_ids(base), boot_ids(candidate));
    let has_both = !mine.is_empty() && !theirs.is_empty();
    (comparison.unit.is_trial() && has_both && mine.is_disjoint(&theirs)).then(|| {
        "The runs were taken in two boots, one each: a change cannot be told from what differs from boot to boot. Take both in alternation (`runner run A --against B`), or several boots of each (`runner run --append`).".to_owned()
    })
}

/// Blocks without a partner, and those whose partner is of another boot, or of several.
fn unpaired(base: &RunView<'_>, candidate: &RunView<'_>, paired: &BTreeSet<u32>) -> Vec<String> {
    let blocks = |run: &RunView<'_>| -> BTreeSet<u32> {
        run.trials.iter().filter(|it| it.status == Status::Ok).map(|trial| trial.block).collect()
    };
    let (mine, theirs) = (blocks(base), blocks(candidate));
    let alone = mine.symmetric_difference(&theirs).count();
    let torn = mine.intersection(&theirs).filter(|block| !paired.contains(block)).count();
    let alone = (alone > 0).then(|| format!("Blocks that only one of the runs has are left out: {alone}."));
    let torn = (torn > 0).then(|| {
        format!("Blocks during which the machine was started anew have no partner of the same boot and are left out: {torn}.")
    });
    alone.into_iter().chain(torn).collect()
}

impl Effect {
    /// Who saw it: `in the kernel`.
    #[must_use]
    pub fn seen_words(&self) -> String {
        if self.base_vantage == self.vantage {
            return seen(self.vantage).to_owned();
        }
        format!("{}, {} before", seen(self.vantage), seen(self.base_vantage))
    }
}

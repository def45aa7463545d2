//! What a gate makes of a comparison, and what keeps it from a judgement: calls that only fail, figures that are gone.

use super::{Comparison, Effect, Unit, Verdict, verdict};
use crate::summary::MeasureSummary;
use crate::{Metric, units};
use serde::{Serialize, Serializer};
use store::Vantage;

/// Shares of failed calls that are further apart than this are worth a word: one percentage point.
const FAILURES_APART: f64 = 0.01;

/// Places that a sentence names.
const NAMED: usize = 3;

/// A target of a cell of which calls fail in one run more often than in the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failing {
    /// One level for each factor.
    pub levels: Vec<String>,
    /// The target.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Whether its vantage is the one that gates look at.
    pub gated: bool,
    /// The share of the baseline's calls that failed, from 0 to 1.
    pub base: f64,
    /// The share of the candidate's.
    pub candidate: f64,
    /// Whether every call fails in one of the runs alone: then its latencies are those of failures, and not compared.
    pub is_left_out: bool,
}

/// Why gates cannot look at a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The baseline has it, and the candidate has not.
    Gone,
    /// The candidate has it, and the baseline was measured and has not.
    Unmatched,
    /// The candidate has it, and the baseline has no trial of it.
    New,
    /// It is a maximum, and not of about as many calls on both sides.
    Unlike,
}

/// A figure that gates look at, and cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// One level for each factor.
    pub levels: Vec<String>,
    /// The target.
    pub syscall: String,
    /// Who sees it in the baseline.
    pub vantage: Vantage,
    /// Which figure.
    pub metric: Metric,
    /// Why.
    #[serde(skip)]
    pub lack: Lack,
}

/// Those that the candidate lacks.
pub(super) fn gone_alone<S: Serializer>(missing: &[Missing], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(missing.iter().filter(|it| it.lack == Lack::Gone))
}

/// How a gate ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Something is worse.
    Crossed,
    /// Nothing is worse, and not everything could be compared.
    Unjudged,
    /// Everything was compared, and nothing is worse.
    Passed,
}

impl Failing {
    /// Of two measures whose calls do not fail alike; its place is for the caller to add. None of those that do, or where one
    /// has no calls.
    pub(super) fn of((base, candidate): (&MeasureSummary, &MeasureSummary)) -> Option<Self> {
        let share = |measure: &MeasureSummary| {
            let all = measure.calls.saturating_add(measure.errors);
            (all > 0).then(|| measure.errors as f64 / all as f64)
        };
        let shares = (share(base)?, share(candidate)?);
        let is_left_out = base.of_failures != candidate.of_failures;
        (is_left_out || (shares.0 - shares.1).abs() > FAILURES_APART).then(|| Self {
            levels: Vec::new(),
            syscall: base.syscall.clone(),
            vantage: candidate.vantage,
            gated: false,
            base: shares.0,
            candidate: shares.1,
            is_left_out,
        })
    }

    /// Whether the candidate is the run in which every call fails.
    pub(super) fn has_broken(&self) -> bool {
        self.is_left_out && self.candidate > self.base
    }

    /// Whether it is the same place, seen from elsewhere.
    fn is_beside(&self, other: &Self) -> bool {
        self.syscall == other.syscall && self.levels == other.levels
    }
}

impl Comparison {
    /// The effects that a gate stops at.
    pub fn gate_crossings(&self) -> impl Iterator<Item = &Effect> {
        self.gated().filter(|effect| effect.verdict == Verdict::Worse)
    }

    /// How a gate ends. *Inconclusive* passes: it is no proof of a change.
    #[must_use]
    pub fn gate(&self) -> Gate {
        if self.gate_crossings().next().is_some() {
            Gate::Crossed
        } else if self.unjudged_sentence().is_some() {
            Gate::Unjudged
        } else {
            Gate::Passed
        }
    }

    /// Which effects a gate stops at; none where it does not.
    #[must_use]
    pub fn gate_sentence(&self) -> Option<String> {
        let crossings = first_of(self.gate_crossings(), 5, |effect| self.effect_words(effect))?;
        let threshold = units::asked_percent(self.threshold);
        Some(format!("a change that is not by chance, and estimated beyond + {threshold}: {crossings}"))
    }

    /// What a gate had to look at and could not; none where it could.
    #[must_use]
    pub fn unjudged_sentence(&self) -> Option<String> {
        let nothing = self.gated().next().is_none().then(|| "no cell has figures in both runs".to_owned());
        let broken = self.failing.iter().filter(|it| it.gated && it.has_broken());
        let broken = first_of(broken, NAMED, |it| self.place_words(&it.syscall, &it.levels));
        let broken = broken.map(|places| format!("every call fails in the candidate, of {places}"));
        let lacks = |lack, whose| {
            self.figure_words(lack).map(|places| format!("the {whose} has no figures of {places}"))
        };
        let (missing, unmatched) = (lacks(Lack::Gone, "candidate"), lacks(Lack::Unmatched, "baseline"));
        let few =
            self.few_words().map(|places| format!("no change could be found, however large, of {places}"));
        let reasons: Vec<String> = [nothing, broken, missing, unmatched, few].into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; and "))
    }

    /// What a gate does not look at and passes all the same: what the baseline has no trial of, and maxima of unlike numbers
    /// of calls.
    #[must_use]
    pub fn passed_over(&self) -> Vec<String> {
        [self.new_sentence(), self.unlike_sentence()].into_iter().flatten().collect()
    }

    fn new_sentence(&self) -> Option<String> {
        let new = self.figure_words(Lack::New)?;
        Some(format!("The baseline has no trial that is ok, and the candidate has figures, of: {new}."))
    }

    fn unlike_sentence(&self) -> Option<String> {
        let unlike = self.of_lack(Lack::Unlike);
        let unlike = first_of(unlike, NAMED, |it| self.place_words(&it.syscall, &it.levels))?;
        Some(format!(
            "Maxima are left out where a repetition of one run has more than twice the calls of the other's, for they grow with their number: {unlike}."
        ))
    }

    fn of_lack(&self, lack: Lack) -> impl Iterator<Item = &Missing> {
        self.missing.iter().filter(move |it| it.lack == lack)
    }

    /// Which figures of which cells.
    fn figure_words(&self, lack: Lack) -> Option<String> {
        let words = |it: &Missing| format!("{}, {}", self.place_words(&it.syscall, &it.levels), it.metric);
        first_of(self.of_lack(lack), NAMED, words)
    }

    /// Of which cells so little is left that nothing can be found, and how much: `mmap size 1MiB, p50 (12 repetitions against
    /// 1)`.
    fn few_words(&self) -> Option<String> {
        let left = |it: &Effect| match (self.unit, it.units) {
            (Unit::Pair, (pairs, _)) => format!("{pairs} {}", self.unit.name(pairs)),
            (unit, (base, candidate)) => format!("{base} {} against {candidate}", unit.name(base)),
        };
        let words = |it: &Effect| {
            format!("{}, {} ({})", self.place_words(&it.syscall, &it.levels), it.metric, left(it))
        };
        first_of(verdict::out_of_reach(&self.effects, self.unit).into_iter(), NAMED, words)
    }

    /// What to mind of failing calls and of figures that are gone.
    pub(super) fn lacking(&self) -> Vec<String> {
        let of = |is_meant: fn(&Failing) -> bool, words: &dyn Fn(&Failing) -> String| {
            // Both vantages of a place stand side by side.
            let mut places: Vec<&Failing> = self.failing.iter().filter(|it| is_meant(it)).collect();
            places.dedup_by(|other, first| other.is_beside(first));
            first_of(places.into_iter(), NAMED, words)
        };
        let place = |it: &Failing| self.place_words(&it.syscall, &it.levels);
        let shares = |it: &Failing| {
            format!("{} {} → {}", place(it), units::percent(it.base), units::percent(it.candidate))
        };
        let broken = of(Failing::has_broken, &place);
        let mended = of(|it| it.is_left_out && !it.has_broken(), &place);
        let apart = of(|it| !it.is_left_out, &shares);
        [
            broken.map(|it| format!("Every call fails in the candidate, and not in the baseline: {it}. How fast calls fail is not compared.")),
            mended.map(|it| format!("Every call fails in the baseline, and not in the candidate: {it}. How fast calls fail is not compared.")),
            apart.map(|it| format!("Calls do not fail alike: {it}. Only those that succeed are compared.")),
            self.figure_words(Lack::Gone)
                .map(|it| format!("The baseline has figures, and the candidate has none, of: {it}.")),
            self.figure_words(Lack::Unmatched)
                .map(|it| format!("The candidate has figures, and the baseline has none, of: {it}.")),
            self.new_sentence(),
            self.few_words().map(|it| format!("So few trials are ok that no change can be found, however large, of: {it}.")),
            self.unlike_sentence(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// So many of them in words, and how many more there are; none of none.
pub(crate) fn first_of<T>(
    all: impl Iterator<Item = T>,
    most: usize,
    words: impl Fn(T) -> String,
) -> Option<String> {
    let mut all = all.fuse();
    let shown: Vec<String> = all.by_ref().take(most).map(words).collect();
    let more = all.count();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| shown.join("; ") + &more)
}

#[cfg(test)]
mod tests {
    use super::first_of;
    use std::cell::Cell;

    #[test]
    fn words_are_made_of_those_that_are_shown_alone() {
        let made = Cell::new(0);
        let words = |number: i32| {
            made.set(made.get() + 1);
            number.to_string()
        };
        assert_eq!(first_of(0..1_000, 2, words).unwrap(), "0; 1; and 998 more");
        assert_eq!(made.get(), 2);
        assert_eq!(first_of(0..2, 2, words).unwrap(), "0; 1");
        assert_eq!(first_of(0..0, 2, words), None);
    }
}

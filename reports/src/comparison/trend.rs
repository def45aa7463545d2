//! Several runs in order, each set against the first.

use super::{Comparison, Difference, Effect, Insisted, Question, Verdict, compare_summarised};
use crate::statistics::RatioEstimate;
use crate::summary::{Figure, summarise};
use crate::{CompareError, Metric, RunView};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Vantage;

/// Runs in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// Each run but the first, set against the first, in order; at least one.
    pub comparisons: Vec<Comparison>,
    /// What became of each figure that gates look at.
    pub series: Vec<Series>,
}

/// One figure over the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// One level for each factor.
    pub levels: Vec<String>,
    /// The target.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Which figure.
    pub metric: Metric,
    /// The first run's figure.
    pub base: Figure,
    /// One for each comparison; none where a run lacks the figure.
    pub points: Vec<Option<Point>>,
}

/// A figure of one run, set against the first run's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The figure.
    pub figure: Figure,
    /// To the first run's, with its interval.
    pub ratio: RatioEstimate,
    /// What that amounts to.
    pub verdict: Verdict,
}

/// Compares each of the `others` with the first run.
pub fn compare_all(
    first: &RunView<'_>,
    others: &[RunView<'_>],
    question: &Question,
) -> Result<Trend, CompareError> {
    let before = summarise(first);
    let compared = others.iter().map(|other| {
        let after = summarise(other);
        compare_summarised((first, &before), (other, &after), question)
    });
    let comparisons = compared.collect::<Result<Vec<Comparison>, CompareError>>()?;
    let factors = comparisons.last().map(|last| last.factors.clone());
    let mut series: Vec<Series> = Vec::new();
    let mut places = BTreeMap::new();
    for (place, comparison) in comparisons.iter().enumerate() {
        // Where only common cells are compared, cells of one comparison may be none of another.
        if Some(&comparison.factors) != factors.as_ref() {
            continue;
        }
        for effect in comparison.gated() {
            let point = Point { figure: effect.candidate, ratio: effect.ratio, verdict: effect.verdict };
            let key = (effect.metric, effect.vantage, &effect.syscall, &effect.levels);
            let index = *places.entry(key).or_insert_with(|| {
                series.push(Series::begun(effect, comparisons.len()));
                series.len() - 1
            });
            series[index].points[place] = Some(point);
        }
    }
    series.sort_by(|a, b| {
        let rank = |it: &Series| it.last().map_or(Verdict::Same, |point| point.verdict);
        let size = |it: &Series| it.last().map_or(0.0, |point| point.ratio.ratio.ln().abs());
        rank(a).cmp(&rank(b)).then(size(b).total_cmp(&size(a)))
    });
    Ok(Trend { comparisons, series })
}

impl Trend {
    /// The newest run against the first.
    #[must_use]
    pub fn last(&self) -> Option<&Comparison> {
        self.comparisons.last()
    }

    /// Sentences of the comparisons, each once, behind the runs that it is about: `run 2: …`, `runs 2, 4: …`.
    #[must_use]
    pub fn by_run(&self, of: impl Fn(&Comparison) -> Vec<String>) -> Vec<String> {
        let mut sentences: Vec<(String, Vec<String>)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (run, comparison) in (2..).zip(&self.comparisons) {
            for sentence in of(comparison) {
                let place = *places.entry(sentence.clone()).or_insert(sentences.len());
                if place == sentences.len() {
                    sentences.push((sentence, Vec::new()));
                }
                sentences[place].1.push(run.to_string());
            }
        }
        let told = |(sentence, runs): (String, Vec<String>)| {
            let plural = if runs.len() > 1 { "s" } else { "" };
            format!("run{plural} {}: {sentence}", runs.join(", "))
        };
        sentences.into_iter().map(told).collect()
    }

    /// What was insisted on, by run.
    #[must_use]
    pub fn insisted(&self) -> Vec<String> {
        self.by_run(|it| it.insisted.iter().map(Insisted::sentence).collect())
    }

    /// What the reader should know before the figures, by run.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.by_run(|it| it.remarks.clone())
    }

    /// In what else the runs differ from the first, each with the run before what differs.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let of_run = |(run, comparison): (usize, &Comparison)| {
            let named =
                |it: &Difference| Difference { what: format!("run {run}: {}", it.what), ..it.clone() };
            comparison.differences.iter().map(named).collect::<Vec<_>>()
        };
        (2..).zip(&self.comparisons).flat_map(of_run).collect()
    }

    /// Places of the factors of which the series have more than one level.
    #[must_use]
    pub fn telling_factors(&self) -> Vec<usize> {
        let Some(first) = self.series.first() else { return Vec::new() };
        let is_telling =
            |place: &usize| self.series.iter().any(|it| it.levels.get(*place) != first.levels.get(*place));
        (0..first.levels.len()).filter(is_telling).collect()
    }

    /// Ids of all runs, in order.
    #[must_use]
    pub fn runs(&self) -> Vec<&str> {
        let first = self.comparisons.first().map(|it| it.base.as_str());
        first.into_iter().chain(self.comparisons.iter().map(|it| it.candidate.as_str())).collect()
    }
}

impl Series {
    fn begun(effect: &Effect, points: usize) -> Self {
        Self {
            levels: effect.levels.clone(),
            syscall: effect.syscall.clone(),
            vantage: effect.vantage,
            metric: effect.metric,
            base: effect.base,
            points: vec![None; points],
        }
    }

    /// The newest run's point.
    #[must_use]
    pub fn last(&self) -> Option<&Point> {
        self.points.last().and_then(Option::as_ref)
    }

    /// The ratio of every run to the first, which is 1 for itself.
    #[must_use]
    pub fn ratios(&self) -> Vec<Option<f64>> {
        let others = self.points.iter().map(|point| point.map(|point| point.ratio.ratio));
        std::iter::once(Some(1.0)).chain(others).collect()
    }
}

//! What changed from one run to another.
//!
//! Owns which runs may be compared, what the unit of replication is, and the verdicts. Plain values; rendering is
//! elsewhere.

mod design;
mod differences;
mod effects;
mod gate;
mod samples;
mod trend;
mod verdict;
mod wording;

pub use design::{Insist, Insisted, check_comparable};
pub use differences::Difference;
pub(crate) use gate::first_of;
pub use gate::{Failing, Gate, Lack, Missing};
pub use samples::Unit;
pub use trend::{Point, Series, Trend, compare_all};
pub use verdict::Verdict;

use crate::statistics::{Interval, RatioEstimate};
use crate::summary::{Figure, Summary, summarise};
use crate::{CompareError, Metric, RunView, units};
use serde::Serialize;
use store::Vantage;

/// What is asked of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The figures that are compared; each is a family of its own.
    pub metrics: Vec<Metric>,
    /// A change of at most this share either way counts as none: 0.05 for 5 %.
    pub threshold: f64,
    /// What is compared although it differs.
    pub insist: Insist,
}

impl Question {
    /// About one figure, insisting on nothing.
    #[must_use]
    pub fn of(metric: Metric, threshold: f64) -> Self {
        Self { metrics: vec![metric], threshold, insist: Insist::default() }
    }
}

/// Two runs, set against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Id of the baseline.
    pub base: String,
    /// Id of the candidate.
    pub candidate: String,
    /// The figures that are compared.
    pub metrics: Vec<Metric>,
    /// A change of at most this share either way counts as none.
    pub threshold: f64,
    /// What was set against each other.
    pub unit: Unit,
    /// What differs so that the runs would not be compared, had it not been insisted on.
    pub insisted: Vec<Insisted>,
    /// What else differs between the runs: machine, kernel, scenario.
    pub differences: Vec<Difference>,
    /// What the reader should know before the figures.
    pub remarks: Vec<String>,
    /// Names of the factors.
    pub factors: Vec<String>,
    /// Every cell × target × vantage × metric that has figures in both runs: what gates look at first, of that what is
    /// worse, then better, inconclusive, the same, and of these the greatest first.
    pub effects: Vec<Effect>,
    /// Where calls fail in one of the runs more often than in the other, by more than one percentage point.
    pub failing: Vec<Failing>,
    /// What gates look at and could not, each with why. Programs are told of what is gone alone.
    #[serde(serialize_with = "gate::gone_alone")]
    pub missing: Vec<Missing>,
    /// Cells × targets × vantages × metrics that lack figures in one of the runs.
    pub without_figures: u32,
    /// Where there are too few repetitions for any effect of a family to be found.
    pub too_few: Option<TooFew>,
    /// Places of the factors of which more than one level is compared, or could not be.
    #[serde(skip)]
    telling: Vec<usize>,
}

/// What it takes for a change to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TooFew {
    /// Effects of the family.
    pub effects: usize,
    /// Units that there are on each side, of the effect that has most; where the sides differ, on the lesser.
    pub units: usize,
    /// The same of baseline and candidate, each of the effect that has most.
    pub sides: (usize, usize),
    /// Units that it takes on each side.
    pub needed: usize,
}

/// What happened to one figure of one target in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// One level for each factor.
    pub levels: Vec<String>,
    /// The target.
    pub syscall: String,
    /// Who saw it.
    pub vantage: Vantage,
    /// Who saw it in the baseline, which is another only where that was insisted on.
    pub base_vantage: Vantage,
    /// Which figure.
    pub metric: Metric,
    /// Whether its vantage is the one that gates look at.
    pub gated: bool,
    /// The baseline's figure.
    pub base: Figure,
    /// The candidate's.
    pub candidate: Figure,
    /// Repetitions of baseline and candidate.
    pub repetitions: (usize, usize),
    /// What the test is over: repetitions, boots, or pairs of blocks.
    pub units: (usize, usize),
    /// Candidate to baseline, with its interval.
    pub ratio: RatioEstimate,
    /// The ratio's interval by a bootstrap over blocks, boots first where there are several: a check.
    pub bootstrap: Option<Interval>,
    /// p of the test.
    pub p: f64,
    /// The same, adjusted for the family by Holm: for gates.
    pub p_holm: f64,
    /// The same, adjusted by Benjamini and Hochberg: for looking around.
    pub p_bh: f64,
    /// What it amounts to.
    pub verdict: Verdict,
    /// Whether that says something, and the bootstrap does not bear it out.
    pub is_doubted: bool,
}

impl Comparison {
    /// The effects that gates look at.
    pub fn gated(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(|effect| effect.gated)
    }

    /// How many effects of the gated vantage have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.gated().filter(|effect| effect.verdict == verdict).count()
    }
}

/// Compares figures in every cell × target × vantage of two runs.
///
/// Per cell: the ratio of the units' values with the interval that belongs to the exact test. p is adjusted within the
/// family, which is cells × targets of one vantage and one metric.
pub fn compare(
    base: &RunView<'_>,
    candidate: &RunView<'_>,
    question: &Question,
) -> Result<Comparison, CompareError> {
    compare_summarised((base, &summarise(base)), (candidate, &summarise(candidate)), question)
}

/// The same of runs whose figures are known, of which the first may be compared with many.
fn compare_summarised(
    (base, before): (&RunView<'_>, &Summary),
    (candidate, after): (&RunView<'_>, &Summary),
    question: &Question,
) -> Result<Comparison, CompareError> {
    let threshold = question.threshold;
    if !(threshold > 0.0 && threshold < 1.0) {
        return Err(CompareError::Threshold(units::percent(threshold)));
    }
    let mut design = design::common(base.manifest, candidate.manifest, question.insist)?;
    let series = design::series(before, after, question.insist, &mut design.insisted)?;
    let paired = samples::paired_blocks(base, candidate);
    let unit = Unit::of(base, candidate, &paired);
    let sides = effects::Sides { before, after, design: &design, series: &series, unit, paired: &paired };
    let mut found = effects::find(&sides, question);
    verdict::judge(&mut found.effects, threshold);
    let too_few = verdict::too_few(&found.effects, unit);
    let mut comparison = Comparison {
        base: base.manifest.id.clone(),
        candidate: candidate.manifest.id.clone(),
        metrics: question.metrics.clone(),
        threshold,
        unit,
        insisted: design.insisted,
        differences: differences::between(base, candidate),
        remarks: Vec::new(),
        factors: design.factors,
        effects: found.effects,
        failing: found.failing,
        missing: found.missing,
        without_figures: found.without_figures,
        too_few,
        telling: Vec::new(),
    };
    comparison.telling = wording::telling(&comparison);
    comparison.remarks = wording::remarks(&comparison, (base, before), (candidate, after), &paired);
    Ok(comparison)
}

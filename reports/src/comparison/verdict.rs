//! What effects amount to, in their families, and what comes first.

use super::{Effect, TooFew, Unit};
use crate::Metric;
use crate::statistics::{CONFIDENCE, Interval, RatioEstimate, benjamini_hochberg, holm};
use serde::Serialize;

/// What an effect amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A change that is not by chance, and estimated above 1 + threshold.
    Worse,
    /// A change that is not by chance, and estimated below 1 − threshold.
    Better,
    /// None of these can be said.
    Inconclusive,
    /// The whole interval lies within the threshold.
    Same,
}

impl Verdict {
    /// Every verdict, what matters most first.
    pub const ALL: [Self; 4] = [Self::Worse, Self::Better, Self::Inconclusive, Self::Same];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Effect {
    /// Whether the verdict says something that the bootstrap's interval does not bear out.
    fn lacks_bootstrap(&self, threshold: f64) -> bool {
        let Some(interval) = self.bootstrap else { return false };
        let estimate = RatioEstimate { interval: Some(interval), ..self.ratio };
        let other = verdict(estimate, interval.contains(1.0), threshold);
        self.verdict != Verdict::Inconclusive && self.verdict != other
    }

    /// How far the ratio is from 1, either way.
    fn size(&self) -> f64 {
        self.ratio.ratio.ln().abs()
    }
}

/// Adjusts p within each family, gives verdicts, and puts what matters first.
pub(super) fn judge(effects: &mut [Effect], threshold: f64) {
    for members in families(effects) {
        let p: Vec<f64> = members.iter().map(|index| effects[*index].p).collect();
        let adjusted = holm(&p).into_iter().zip(benjamini_hochberg(&p));
        for (index, (strict, lenient)) in members.into_iter().zip(adjusted) {
            effects[index].p_holm = strict;
            effects[index].p_bh = lenient;
        }
    }
    for effect in effects.iter_mut() {
        effect.verdict = verdict(effect.ratio, effect.p_holm > 1.0 - CONFIDENCE, threshold);
        effect.is_doubted = effect.lacks_bootstrap(threshold);
    }
    effects.sort_by(|a, b| {
        let order = (!a.gated).cmp(&!b.gated).then(a.verdict.cmp(&b.verdict));
        order.then(b.size().total_cmp(&a.size()))
    });
}

/// The indices of effects of one metric that gates look at, or do not. Each is seen from one vantage, unless some cells
/// had no probe.
fn families(effects: &[Effect]) -> Vec<Vec<usize>> {
    let family = |metric: Metric, gated: bool| -> Vec<usize> {
        let is_member = |index: &usize| effects[*index].metric == metric && effects[*index].gated == gated;
        (0..effects.len()).filter(is_member).collect()
    };
    let both = Metric::ALL.into_iter().flat_map(|metric| [family(metric, true), family(metric, false)]);
    both.filter(|members| !members.is_empty()).collect()
}

/// *Same* where the whole interval lies in the band; *worse* or *better* where the ratio is not 1 by chance, and its estimate
/// lies outside of the band. That it is beyond the band is estimated and not tested: the interval may reach into it.
fn verdict(estimate: RatioEstimate, by_chance: bool, threshold: f64) -> Verdict {
    let band = Interval { low: 1.0 - threshold, high: 1.0 + threshold };
    match estimate.ratio {
        _ if estimate.interval.is_some_and(|interval| interval.is_within(band)) => Verdict::Same,
        _ if by_chance => Verdict::Inconclusive,
        ratio if ratio > band.high => Verdict::Worse,
        ratio if ratio < band.low => Verdict::Better,
        _ => Verdict::Inconclusive,
    }
}

/// The effects that gates look at and of which no change could be found, however large, though one of another effect of
/// their family could: most of their trials failed, say.
pub(super) fn out_of_reach(effects: &[Effect], unit: Unit) -> Vec<&Effect> {
    let gated = families(effects).into_iter().filter(|members| effects[members[0]].gated);
    let mut found = Vec::new();
    for members in gated {
        let is_out =
            |index: &usize| unit.smallest_p(effects[*index].units) * members.len() as f64 > 1.0 - CONFIDENCE;
        let out: Vec<usize> = members.iter().copied().filter(is_out).collect();
        if out.len() < members.len() {
            found.extend(out.into_iter().map(|index| &effects[index]));
        }
    }
    found
}

/// Of the families that gates look at, the one that takes most units, where no effect of it could be found.
pub(super) fn too_few(effects: &[Effect], unit: Unit) -> Option<TooFew> {
    let alpha = 1.0 - CONFIDENCE;
    let gated = families(effects).into_iter().filter(|members| effects[members[0]].gated);
    let lacking = gated.filter_map(|members| {
        let units = || members.iter().map(|index| effects[*index].units);
        let least = units().map(|units| unit.smallest_p(units)).fold(1.0, f64::min);
        let most = |of: fn((usize, usize)) -> usize| units().map(of).max().unwrap_or(0);
        let count = members.len();
        let too_few = TooFew {
            effects: count,
            units: most(|(base, candidate)| base.min(candidate)),
            sides: (most(|it| it.0), most(|it| it.1)),
            needed: unit.to_detect(count, alpha),
        };
        (least * count as f64 > alpha).then_some(too_few)
    });
    lacking.max_by_key(|it| it.needed)
}

//! How small an effect a plan can show: what its repetitions can and cannot find, and, as a kept run varied, how much has
//! to change. Pure; the kept run's figures are a parameter.

use super::model::Scenario;
use super::plan::Overheads;
use super::text::counted;
use reports::detection::{Detectable, detectable};
use reports::statistics::{CONFIDENCE, repetitions_to_detect};
use reports::{Metric, Summary};
use serde::Serialize;

/// What two runs of a plan can show, set against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Effects {
    /// Repetitions on each side; the fewest, where a rule may add some.
    repetitions: usize,
    /// Figures that are compared: cells × targets.
    family: usize,
    /// Repetitions that it takes for a change of one figure, looked at alone, to show at 5 %.
    alone_takes: usize,
    /// The same where all figures are looked at and p is adjusted by Holm.
    all_take: usize,
    /// By the kept run; none without one.
    like: Option<Like>,
}

/// As a kept run varied.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Like {
    run: String,
    metric: Metric,
    /// Figures, the one whose least change is smallest first.
    figures: Vec<Detectable>,
}

impl Effects {
    /// What a plan can show, by a kept run where there is one.
    pub(crate) fn of(scenario: &Scenario, kept: Option<&Summary>) -> Self {
        let in_cell = |cell: &super::cells::Cell| scenario.targets_of(cell).len() * cell.loads.len();
        let family = scenario.cells.iter().map(in_cell).sum::<usize>().max(1);
        let repetitions = scenario.fewest_blocks(Overheads::TYPICAL) as usize;
        let alpha = 1.0 - CONFIDENCE;
        let metric = scenario.plan.until.map_or(Metric::P50, |rule| rule.metric);
        let like = kept.map(|summary| Like {
            run: summary.manifest.id.clone(),
            metric,
            figures: detectable(summary, &scenario.measure.targets, metric, (repetitions, family)),
        });
        let (alone_takes, all_take) = (repetitions_to_detect(1, alpha), repetitions_to_detect(family, alpha));
        Self { repetitions, family, alone_takes, all_take, like }
    }

    /// A sentence, or two with a kept run.
    pub(crate) fn text(&self) -> String {
        let has = counted(self.repetitions, "repetition");
        let (alone, all) = (self.alone_takes, self.all_take);
        let figures = format!("all {} are looked at", counted(self.family, "figure"));
        let can = if self.repetitions < alone {
            let more = if self.family > 1 { format!(", and {all} where {figures}") } else { String::new() };
            format!("{has} cannot show any change from run to run at 5 %, however large; {alone} can{more}")
        } else if self.repetitions < all {
            format!(
                "{has} can show a change of one figure from run to run, but none where {figures}: that takes {all}"
            )
        } else if self.family > 1 {
            format!("{has} can show changes from run to run, also where {figures} (which takes {all})")
        } else {
            format!("{has} can show changes from run to run (which takes {alone})")
        };
        match &self.like {
            None if self.repetitions < all => can,
            None => format!("{can}; how small ones, `--like RUN` says"),
            Some(like) => format!("{can}\n{}", like.text()),
        }
    }
}

impl Like {
    /// `as 2026-… varied, the median has to change by × 1.03 in half of the figures and by × 1.21 in all`.
    fn text(&self) -> String {
        let found: Vec<&Detectable> = self.figures.iter().filter(|it| it.ratio.is_some()).collect();
        let ratio = |it: &Detectable| reports::units::ratio(it.ratio.unwrap_or(f64::NAN));
        let (Some(middle), Some(worst)) = (found.get(found.len() / 2), found.last()) else {
            return format!("{} has no figures that could say how small ones", self.run);
        };
        let at = |it: &Detectable| format!("{} at {}", it.syscall, it.cell);
        let what = self.metric.words();
        if found.len() == 1 {
            return format!(
                "as {} varied, a {what} has to change by {} to be found 4 times in 5",
                self.run,
                ratio(worst)
            );
        }
        format!(
            "as {} varied, a {what} has to change by {} to be found 4 times in 5 in half of the figures, by {} in all ({})",
            self.run,
            ratio(middle),
            ratio(worst),
            at(worst),
        )
    }
}

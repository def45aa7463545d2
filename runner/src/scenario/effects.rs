//! How small an effect a plan can show: what its repetitions can and cannot find, and, as a kept run varied, how much has
//! to change. Pure; the kept run's figures are a parameter.

use super::model::Scenario;
use super::plan::Overheads;
use super::text::counted;
use reports::detection::{Detectable, detectable};
use reports::statistics::CONFIDENCE;
use reports::{Metric, Summary, Unit};
use serde::Serialize;

/// Fewer values than this do not tell how much they vary.
const VARIED: usize = 3;

/// What two runs of a plan can show, set against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Effects {
    /// What is compared: repetitions of two runs, or pairs of blocks where both are executed in alternation.
    unit: Unit,
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
    /// Why it tells nothing; none where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Effects {
    /// What a plan can show beside another run, by a kept run where there is one.
    pub(crate) fn of(scenario: &Scenario, kept: Option<&Summary>) -> Self {
        Self::by(Unit::Repetition, scenario, kept)
    }

    /// The same of one of two plans that are executed in alternation.
    pub(crate) fn of_pairs(scenario: &Scenario, kept: Option<&Summary>) -> Self {
        Self::by(Unit::Pair, scenario, kept)
    }

    fn by(unit: Unit, scenario: &Scenario, kept: Option<&Summary>) -> Self {
        let in_cell = |cell: &super::cells::Cell| scenario.targets_of(cell).len() * cell.loads.len();
        let family = scenario.cells.iter().map(in_cell).sum::<usize>().max(1);
        let repetitions = scenario.fewest_blocks(Overheads::TYPICAL) as usize;
        let alpha = 1.0 - CONFIDENCE;
        let metric = scenario.plan.until.map_or(Metric::P50, |rule| rule.metric);
        let (alone_takes, all_take) = (unit.to_detect(1, alpha), unit.to_detect(family, alpha));
        let targets = &scenario.measure.targets;
        let like = kept.map(|summary| {
            let mut figures = detectable(summary, targets, metric, (repetitions, family));
            if repetitions < all_take {
                for it in &mut figures {
                    it.ratio = None;
                }
            }
            let reason = if figures.iter().any(|it| it.ratio.is_some()) {
                None
            } else if repetitions < all_take {
                Some(format!(
                    "so few {} find no change however figures vary: that takes {all_take}",
                    unit.name(2)
                ))
            } else {
                Some(without_figures(summary, targets, metric))
            };
            Like { run: summary.manifest.id.clone(), metric, figures, reason }
        });
        Self { unit, repetitions, family, alone_takes, all_take, like }
    }

    /// Why no change can be found where all figures are looked at, whatever was measured; none where some can.
    pub(crate) fn too_few(&self) -> Option<String> {
        (self.repetitions < self.all_take).then(|| self.chances())
    }

    /// A sentence, or two with a kept run.
    pub(crate) fn text(&self) -> String {
        let can = self.chances();
        match &self.like {
            None if self.repetitions < self.all_take => can,
            None => format!("{can}; how small ones, `--like RUN` says"),
            Some(like) => format!("{can}\n{}", like.text()),
        }
    }

    fn chances(&self) -> String {
        let has = format!("{} {}", self.repetitions, self.unit.name(self.repetitions));
        let where_to = if self.unit == Unit::Pair { "between the two" } else { "from run to run" };
        let (alone, all) = (self.alone_takes, self.all_take);
        let figures = format!("all {} are looked at", counted(self.family, "figure"));
        if self.repetitions < alone {
            let more = if self.family > 1 { format!(", and {all} where {figures}") } else { String::new() };
            format!("{has} cannot show any change {where_to} at 5 %, however large; {alone} can{more}")
        } else if self.repetitions < all {
            format!(
                "{has} can show a change of one figure {where_to}, but none where {figures}: that takes {all}"
            )
        } else if self.family > 1 {
            format!("{has} can show changes {where_to}, also where {figures} (which takes {all})")
        } else {
            format!("{has} can show changes {where_to} (which takes {alone})")
        }
    }
}

/// Why a kept run does not tell how much figures vary.
fn without_figures(summary: &Summary, targets: &[String], metric: Metric) -> String {
    let measures = summary.cells.iter().flat_map(|cell| &cell.measures);
    let repetitions =
        measures.filter(|it| targets.contains(&it.syscall)).map(|it| it.repetitions.len()).max();
    match repetitions {
        None if summary.progress.ok == 0 => "no trial of it is ok".to_owned(),
        None => {
            let its = summary.targets().join(", ");
            format!("it measured {its}, and this is about {}", targets.join(", "))
        }
        Some(most) if most < VARIED => {
            format!("how much figures vary takes {VARIED} repetitions, and it has {most} that are ok")
        }
        Some(_) => format!("its windows have too few calls for a {}", metric.words()),
    }
}

impl Like {
    /// `as 2026-… varied, the median has to change by × 1.03 in half of the figures and by × 1.21 in all`.
    fn text(&self) -> String {
        let found: Vec<&Detectable> = self.figures.iter().filter(|it| it.ratio.is_some()).collect();
        let ratio = |it: &Detectable| reports::units::ratio(it.ratio.unwrap_or(f64::NAN));
        let (Some(middle), Some(worst)) = (found.get(found.len() / 2), found.last()) else {
            let reason = self.reason.as_deref().unwrap_or("it has no figures");
            return format!("{} cannot say how small ones: {reason}", self.run);
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

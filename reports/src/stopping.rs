//! What is said of a run whose repetitions a rule decided.

use crate::{Metric, units};
use store::{Manifest, StopReason, StopRule};

/// How the rule ended the run; none without a rule, or where something else ended it.
///
/// `Repetitions were added until every p99 was within ± 5 %: 17 of at most 40. Intervals allow for the 5 looks at which
/// it was decided (each 99 %).`
#[must_use]
pub fn sentence(manifest: &Manifest) -> Option<String> {
    let rule = manifest.plan.design.stop.as_ref()?;
    let (taken, most) = (manifest.plan.repetitions, rule.most);
    let outcome = match rule.reason? {
        StopReason::Sure => {
            format!("Repetitions were added until every {}: {taken} of at most {most}.", asked(rule))
        }
        StopReason::Repetitions => {
            format!(
                "Repetitions were added until every {}, and ended with the {most} that there may be.",
                asked(rule)
            )
        }
        StopReason::Time => format!(
            "Repetitions were added until every {}, and ended after {taken} with the time that there is.",
            asked(rule)
        ),
    };
    let looks = rule.looks.len();
    let allow = format!(
        "Intervals allow for the {looks} numbers of repetitions at which this was looked at: each is one of {}.",
        units::asked_percent(rule.confidence)
    );
    Some(if looks > 1 { format!("{outcome} {allow}") } else { outcome })
}

/// That some figures are not as sure as asked.
pub(crate) fn warning(manifest: &Manifest) -> Option<String> {
    let rule = manifest.plan.design.stop.as_ref().filter(|rule| rule.reason.is_some() && rule.unsure > 0)?;
    let share = units::asked_percent(rule.relative_interval);
    Some(format!(
        "{} of {} figures ({}) are not as sure as asked, within ± {share}.",
        rule.unsure,
        rule.figures,
        words(rule)
    ))
}

/// That the intervals of a rule know nothing of boots, where the repetitions were taken in so many.
pub(crate) fn boots_warning(manifest: &Manifest, boots: usize) -> Option<String> {
    let has_rule = manifest.plan.design.stop.is_some();
    (has_rule && boots > 1).then(|| {
        format!(
            "The repetitions were taken in {boots} boots, and the intervals of a rule (`plan.until`) are over repetitions: what differs from boot to boot is not in them."
        )
    })
}

/// `p99 was within ± 5 %`.
fn asked(rule: &StopRule) -> String {
    format!("{} was within ± {}", words(rule), units::asked_percent(rule.relative_interval))
}

fn words(rule: &StopRule) -> &str {
    let metric: Option<Metric> = rule.metric.parse().ok();
    match metric {
        Some(metric) => metric.words(),
        None => &rule.metric,
    }
}

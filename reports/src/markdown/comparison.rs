//! Comparisons in Markdown, short enough for a comment on a pull request: what changed stands in the open, the rest is
//! folded.

use super::{code, escape, paragraph, table, table_of_markup};
use crate::comparison::{Comparison, Difference, Effect, Insisted, Series, Trend, Verdict};
use crate::units;
use std::fmt::Write as _;

/// Rows that stand in the open.
const OPEN: usize = 15;

/// Rows of a folded table: comments have a largest size.
const FOLDED: usize = 150;

/// Remarks that stand in the open.
const REMARKS: usize = 3;

/// A comparison in Markdown.
#[must_use]
pub fn render_comparison(comparison: &Comparison) -> String {
    let mut page = format!("**{}**\n\n", escape(&comparison.headline()));
    let minded = Minded::of(comparison);
    minded.on_top(&mut page);
    paragraph(
        &mut page,
        &format!(
            "{} against {}: {}, threshold {}.",
            code(&comparison.candidate),
            code(&comparison.base),
            comparison.metric_words(),
            units::asked_percent(comparison.threshold)
        ),
    );
    let telling = |effect: &&Effect| effect.verdict != Verdict::Same;
    let open: Vec<&Effect> = comparison.gated().filter(telling).collect();
    if !open.is_empty() {
        effects(&mut page, comparison, &open[..open.len().min(OPEN)], false);
        more(&mut page, open.len(), OPEN);
    }
    folded(&mut page, "Every comparison, with p", |page| {
        let all: Vec<&Effect> = comparison.effects.iter().collect();
        effects(page, comparison, &all[..all.len().min(FOLDED)], true);
        more(page, all.len(), FOLDED);
    });
    minded.below(&mut page, comparison);
    page
}

/// Several runs in order, in Markdown.
#[must_use]
pub fn render_trend(trend: &Trend) -> String {
    let mut page = format!("**{}**\n\n", escape(&trend.headline()));
    let Some(last) = trend.last() else { return page };
    let minded = Minded::of_all(trend);
    minded.on_top(&mut page);
    let runs: Vec<String> = trend.runs().iter().map(|id| code(id)).collect();
    paragraph(
        &mut page,
        &format!(
            "{}, threshold {}; ratios to the first of {}.",
            last.metric_words(),
            units::asked_percent(last.threshold),
            runs.join(", ")
        ),
    );
    let (changed, rest): (Vec<&Series>, Vec<&Series>) = trend
        .series
        .iter()
        .partition(|series| series.points.iter().flatten().any(|it| it.verdict != Verdict::Same));
    if !changed.is_empty() {
        series(&mut page, trend, &changed[..changed.len().min(OPEN)]);
        more(&mut page, changed.len(), OPEN);
    }
    let rest = [&changed[changed.len().min(OPEN)..], &rest[..]].concat();
    if !rest.is_empty() {
        folded(&mut page, "The other figures", |page| {
            series(page, trend, &rest[..rest.len().min(FOLDED)]);
            more(page, rest.len(), FOLDED);
        });
    }
    minded.below(&mut page, last);
    page
}

/// What is to be minded of the figures, of two runs or of several.
struct Minded {
    insisted: Vec<String>,
    differences: Vec<Difference>,
    remarks: Vec<String>,
}

impl Minded {
    fn of(comparison: &Comparison) -> Self {
        Self {
            insisted: comparison.insisted.iter().map(Insisted::sentence).collect(),
            differences: comparison.differences.clone(),
            remarks: comparison.remarks.clone(),
        }
    }

    fn of_all(trend: &Trend) -> Self {
        Self { insisted: trend.insisted(), differences: trend.differences(), remarks: trend.remarks() }
    }

    /// What must not be overlooked.
    fn on_top(&self, page: &mut String) {
        for sentence in &self.insisted {
            paragraph(page, &format!("> **Warning:** {}", escape(sentence)));
        }
        let names: Vec<&str> = self.differences.iter().map(|it| it.what.as_str()).collect();
        if !names.is_empty() {
            paragraph(page, &format!("The runs also differ in {}.", escape(&names.join(", "))));
        }
        for remark in self.remarks.iter().take(REMARKS) {
            paragraph(page, &format!("> {}", escape(remark)));
        }
    }

    /// What is folded: differences, remarks, method.
    fn below(&self, page: &mut String, comparison: &Comparison) {
        if !self.differences.is_empty() {
            let row = |it: &Difference| [&it.what, &it.base, &it.candidate].map(String::clone).to_vec();
            let rows: Vec<Vec<String>> = self.differences.iter().map(row).collect();
            folded(page, "In what the runs differ", |page| {
                table(page, &["in", "baseline", "candidate"], &rows);
            });
        }
        let rest = self.remarks.iter().skip(REMARKS);
        let rest: Vec<String> = rest.map(|it| format!("- {}\n", escape(it))).collect();
        if !rest.is_empty() {
            folded(page, "What else to mind", |page| page.push_str(&(rest.concat() + "\n")));
        }
        folded(page, "How this was compared", |page| paragraph(page, &method(comparison)));
    }
}

fn method(comparison: &Comparison) -> String {
    format!(
        "{} Ratios are candidate to baseline with their 95 % intervals. Adjusted p: by Holm over what gates look at of one metric. *worse* and *better*: a change that is not by chance (adjusted p, of a ratio other than 1, is at most 0.05), and estimated beyond ± {}; *same*: the whole interval lies within; *inconclusive*: neither can be said.",
        comparison.unit_sentence(),
        units::asked_percent(comparison.threshold)
    )
}

fn folded(page: &mut String, summary: &str, content: impl FnOnce(&mut String)) {
    let _ = write!(page, "<details><summary>{summary}</summary>\n\n");
    content(page);
    page.push_str("</details>\n\n");
}

fn more(page: &mut String, all: usize, shown: usize) {
    if all > shown {
        paragraph(page, &format!("And {} more: `--format json` or `html` has all.", all - shown));
    }
}

fn effects(page: &mut String, comparison: &Comparison, effects: &[&Effect], is_full: bool) {
    let mut headings = vec!["verdict", "target"];
    let telling = comparison.telling_factors();
    headings.extend(telling.iter().map(|place| comparison.factors[*place].as_str()));
    headings.extend(is_full.then_some("seen"));
    let has_metrics = comparison.metrics.len() > 1;
    headings.extend(has_metrics.then_some("metric"));
    headings.extend(["baseline", "candidate", "ratio", "95 %"]);
    headings.extend(if is_full { &["p", "p (Holm)", "p (BH)"][..] } else { &["p (Holm)"] });
    let rows: Vec<Vec<String>> = effects
        .iter()
        .map(|effect| {
            let mut row = vec![verdict(effect.verdict), escape(&effect.syscall)];
            row.extend(telling.iter().map(|place| escape(&effect.levels[*place])));
            row.extend(is_full.then(|| effect.seen_words()));
            row.extend(has_metrics.then(|| effect.metric.label().to_owned()));
            row.extend([
                units::duration(effect.base.value_ns),
                units::duration(effect.candidate.value_ns),
                units::ratio(effect.ratio.ratio),
                effect.ratio.interval.map_or_else(|| "–".to_owned(), units::ratio_interval),
            ]);
            row.extend(is_full.then(|| units::p_value(effect.p)));
            row.push(units::p_value(effect.p_holm));
            row.extend(is_full.then(|| units::p_value(effect.p_bh)));
            row
        })
        .collect();
    table_of_markup(page, &headings, &rows);
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Worse | Verdict::Better => format!("**{}**", verdict.name()),
        Verdict::Same | Verdict::Inconclusive => verdict.name().to_owned(),
    }
}

fn series(page: &mut String, trend: &Trend, series: &[&Series]) {
    let Some(last) = trend.last() else { return };
    let telling = trend.telling_factors();
    let numbers: Vec<String> = (2..=trend.comparisons.len() + 1).map(|run| format!("run {run}")).collect();
    let mut headings = vec!["target"];
    headings.extend(telling.iter().map(|place| last.factors[*place].as_str()));
    let has_metrics = last.metrics.len() > 1;
    headings.extend(has_metrics.then_some("metric"));
    headings.push("run 1");
    headings.extend(numbers.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = series
        .iter()
        .map(|series| {
            let mut row = vec![escape(&series.syscall)];
            row.extend(telling.iter().map(|place| escape(&series.levels[*place])));
            row.extend(has_metrics.then(|| series.metric.label().to_owned()));
            row.push(units::duration(series.base.value_ns));
            row.extend(series.points.iter().map(|point| {
                point.map_or_else(
                    || "–".to_owned(),
                    |point| {
                        let interval = point.ratio.interval.map(units::ratio_interval);
                        let interval = interval.map_or_else(String::new, |it| format!(" {it}"));
                        format!("{}{interval} {}", units::ratio(point.ratio.ratio), verdict(point.verdict))
                    },
                )
            }));
            row
        })
        .collect();
    table_of_markup(page, &headings, &rows);
}

//! Comparisons as a page: the sentence, what to mind, a forest plot, and every figure.

use super::facts::Badge;
use super::forest::{Scale, class};
use super::{BASE64, REGULAR, SEMI_BOLD, STYLE, set_off};
use crate::comparison::{Comparison, Difference, Effect, Insisted, Series, Trend, Verdict};
use crate::statistics::RatioEstimate;
use crate::{Metric, ReportError, units};
use askama::Template;
use base64::Engine as _;
use std::collections::BTreeSet;

const COMPARISON_STYLE: &str = include_str!("../../assets/comparison.css");

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    title: &'static str,
    runs: Vec<&'a str>,
    badges: Vec<Badge>,
    /// Markup: escaped, with ratios set off.
    headline: String,
    insisted: Vec<String>,
    remarks: Vec<String>,
    differences: Vec<Difference>,
    tables: Vec<Table>,
    lines: Option<Table>,
    method: String,
    threshold: String,
    regular: String,
    semi_bold: String,
    style: &'static str,
    own_style: &'static str,
}

/// A forest plot, or lines over runs, with its figures.
struct Table {
    title: String,
    note: &'static str,
    is_open: bool,
    /// Markup.
    axis: String,
    headings: &'static [&'static str],
    rows: Vec<Row>,
}

struct Row {
    target: String,
    /// The cell, in words.
    place: String,
    /// Markup.
    drawing: String,
    verdict: &'static str,
    class: &'static str,
    /// Each with what stands small below it.
    cells: Vec<[String; 2]>,
}

/// A comparison as one self-contained page.
pub fn render_comparison(comparison: &Comparison) -> Result<String, ReportError> {
    let page = page(comparison, "Comparison of two runs", &comparison.headline());
    let tables = tables(comparison);
    let runs = vec![comparison.base.as_str(), comparison.candidate.as_str()];
    Ok(Page { runs, tables, ..page }.render()?)
}

/// Several runs in order as one self-contained page.
pub fn render_trend(trend: &Trend) -> Result<String, ReportError> {
    let last = trend.last().ok_or(askama::Error::ValueMissing)?;
    let page = Page {
        runs: trend.runs(),
        insisted: trend.insisted(),
        remarks: trend.remarks(),
        differences: trend.differences(),
        lines: Some(lines(trend, last)),
        tables: tables(last),
        ..page(last, "Runs in order", &trend.headline())
    };
    Ok(page.render()?)
}

fn page<'a>(comparison: &'a Comparison, title: &'static str, headline: &str) -> Page<'a> {
    Page {
        title,
        runs: Vec::new(),
        badges: badges(comparison),
        headline: set_off(headline),
        insisted: comparison.insisted.iter().map(Insisted::sentence).collect(),
        remarks: comparison.remarks.clone(),
        differences: comparison.differences.clone(),
        tables: Vec::new(),
        lines: None,
        method: comparison.unit_sentence(),
        threshold: units::asked_percent(comparison.threshold),
        regular: BASE64.encode(REGULAR),
        semi_bold: BASE64.encode(SEMI_BOLD),
        style: STYLE,
        own_style: COMPARISON_STYLE,
    }
}

fn badges(comparison: &Comparison) -> Vec<Badge> {
    let of_verdict = |verdict: Verdict| {
        let count = comparison.count(verdict);
        let class = match verdict {
            Verdict::Worse => "bad",
            Verdict::Better => "good",
            Verdict::Inconclusive | Verdict::Same => "plain",
        };
        (count > 0).then(|| Badge { text: format!("{count} {}", verdict.name()), class })
    };
    let plain = |text: String| Badge { text, class: "plain" };
    let mut badges: Vec<Badge> = Verdict::ALL.into_iter().filter_map(of_verdict).collect();
    badges.push(plain(comparison.metric_words()));
    badges.push(plain(format!("threshold {}", units::asked_percent(comparison.threshold))));
    badges.push(plain(format!("by {}", comparison.unit.name(1))));
    badges
}

fn tables(comparison: &Comparison) -> Vec<Table> {
    const OTHER: &str = "The same calls as seen from the other side. Gates do not look at these, and p is adjusted among them.";
    const FIRST: &str = "What gates look at: first what is worse, then what is better, inconclusive, the same; of each the greatest first.";
    let scale = Scale::of(comparison);
    let table = |is_gated: bool, title: &str, note: &'static str| {
        let effects: Vec<&Effect> = comparison.effects.iter().filter(|it| it.gated == is_gated).collect();
        let views: BTreeSet<String> = effects.iter().map(|effect| effect.seen_words()).collect();
        let one = views.first().filter(|_| views.len() == 1);
        Table {
            title: one.map_or_else(|| title.to_owned(), |seen| format!("{title}, {seen}")),
            note,
            is_open: is_gated,
            axis: scale.axis(),
            headings: &["ratio", "candidate", "p by Holm"],
            rows: effects.iter().map(|it| row(comparison, &scale, (it, one.is_none()))).collect(),
        }
    };
    let both = [table(true, "Every comparison", FIRST), table(false, "The other view", OTHER)];
    both.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// `size 4KiB, load high, p99`: what tells a figure from others, by the factors at the places `telling`.
fn place((comparison, telling): (&Comparison, &[usize]), levels: &[String], metric: Metric) -> Vec<String> {
    let mut words: Vec<String> =
        telling.iter().map(|place| format!("{} {}", comparison.factors[*place], levels[*place])).collect();
    words.extend((comparison.metrics.len() > 1).then(|| metric.label().to_owned()));
    words
}

fn row(comparison: &Comparison, scale: &Scale, (effect, is_seen): (&Effect, bool)) -> Row {
    let mut place = place((comparison, comparison.telling_factors()), &effect.levels, effect.metric);
    place.extend(is_seen.then(|| effect.seen_words()));
    let p = format!("p {}, BH {}", units::p_value(effect.p), units::p_value(effect.p_bh));
    Row {
        target: effect.syscall.clone(),
        place: place.join(", "),
        drawing: scale.row(effect),
        verdict: effect.verdict.name(),
        class: class(effect.verdict),
        cells: vec![
            estimate(effect.ratio),
            figures(effect.base.value_ns, Some(effect.candidate.value_ns)),
            [units::p_value(effect.p_holm), p],
        ],
    }
}

fn estimate(ratio: RatioEstimate) -> [String; 2] {
    [units::ratio(ratio.ratio), ratio.interval.map_or_else(String::new, units::ratio_interval)]
}

fn figures(before: f64, after: Option<f64>) -> [String; 2] {
    let after = after.map_or_else(|| "–".to_owned(), units::duration);
    [after, format!("from {}", units::duration(before))]
}

fn lines(trend: &Trend, last: &Comparison) -> Table {
    let (scale, telling) = (Scale::of_series(&trend.series, last.threshold), trend.telling_factors());
    Table {
        title: "From run to run".to_owned(),
        note: "The ratio of each run to the first, all on one scale; higher is slower. The band is the threshold, the figures are the last run's.",
        is_open: true,
        axis: format!("runs 1 to {}", trend.runs().len()),
        headings: &["ratio", "last run"],
        rows: trend.series.iter().map(|series| series_row((last, &telling[..]), &scale, series)).collect(),
    }
}

fn series_row(last: (&Comparison, &[usize]), scale: &Scale, series: &Series) -> Row {
    let point = series.last();
    Row {
        target: series.syscall.clone(),
        place: place(last, &series.levels, series.metric).join(", "),
        drawing: scale.line(series),
        verdict: point.map_or("–", |point| point.verdict.name()),
        class: class(point.map_or(Verdict::Same, |point| point.verdict)),
        cells: vec![
            point.map_or_else(|| ["–".to_owned(), String::new()], |point| estimate(point.ratio)),
            figures(series.base.value_ns, point.map(|point| point.figure.value_ns)),
        ],
    }
}

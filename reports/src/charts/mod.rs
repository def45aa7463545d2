//! Charts, as SVG and as PNG.
//!
//! Owns which charts a run has and how they look; the only code that knows plotters. Each chart shows one target from
//! one vantage.

mod bins;
mod canvas;
mod data;
mod font;
mod heat;
mod histograms;
mod image;
mod levels;
mod matrix;
mod off_cpu;
mod order;
mod palette;
mod panel;
mod percentiles;
mod readings;
mod scale;
mod sweep;
mod vantages;

pub use image::Rasteriser;
pub(crate) use palette::MOST_SERIES;
pub(crate) use scale::Scale;

use crate::summary::Summary;
use crate::timeline::Timeline;
use crate::view::seen;
use crate::{ReportError, RunView, markup};
use canvas::{Canvas, Frame, picture, view_box};
pub(crate) use data::Table;
use matrix::{Matrix, ViewCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::iter;
use store::Vantage;
use sweep::Sweep;

/// A drawn chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// File name without extension, unique within the run.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// What it shows, in words, for those who cannot see it.
    pub description: String,
    /// The picture.
    pub svg: String,
    /// The figures that it draws as CSV, by file name without extension; the first is named like the picture.
    pub data: Vec<(String, String)>,
    /// Its panels as view boxes of it, for a narrow screen; empty where there is only one.
    parts: Vec<String>,
    /// What is told of its places, as JSON.
    told: String,
}

impl Chart {
    /// Numbers the chart where another has its name already, as different labels may make the same: a page has each name
    /// once, and a folder each file, whether or not it minds case.
    fn be_unique_among(&mut self, taken: &mut BTreeSet<String>) {
        let numbered = (2..).map(|number| format!("{}-{number}", self.name));
        let mut names = iter::once(self.name.clone()).chain(numbered);
        let Some(name) = names.find(|name| taken.insert(name.to_lowercase())) else { return };
        for (file, _) in &mut self.data {
            *file = file.replacen(&self.name, &name, 1);
        }
        self.name = name;
    }

    /// The picture as a part of a page: named for those who cannot see it, without what a browser shows as a hint.
    /// Its panels follow, of which a narrow screen shows each for itself below the title.
    #[must_use]
    pub(crate) fn inline(&self) -> String {
        let (head, rest) = self.svg.split_once(">\n<title>").unwrap_or((&self.svg, ""));
        let body = rest.split_once("</desc>").map_or(rest, |(_, body)| body);
        let body = body.trim_end().trim_end_matches("</svg>");
        let label = markup::quoted(&format!("{}. {}", self.title, self.description));
        let mut markup = format!(
            "{head} class=\"whole\" aria-label=\"{label}\"><g class=\"sheet\" id=\"{}\">{body}</g></svg>",
            self.name
        );
        if !self.parts.is_empty() {
            let _ = write!(markup, "<figcaption>{}</figcaption>", markup::quoted(&self.title));
        }
        for (index, part) in self.parts.iter().enumerate() {
            let named = if index == 0 {
                format!("role=\"img\" aria-label=\"{label}\"")
            } else {
                "aria-hidden=\"true\"".to_owned()
            };
            let _ = write!(
                markup,
                "<svg class=\"part\" viewBox=\"{part}\" {named}><use href=\"#{}\"/></svg>",
                self.name
            );
        }
        let link =
            |(name, kind): (&str, &str)| format!("<a href=\"{name}.{kind}\">{}</a>", kind.to_uppercase());
        let mut links: Vec<String> = self.data.iter().map(|(name, _)| link((name, "csv"))).collect();
        // The heat map's data are a file of their own.
        if let Some(second) = links.get_mut(1) {
            *second = second.replace(">CSV", ">CSV of the shades");
        }
        links.extend(["svg", "png"].map(|kind| link((&self.name, kind))));
        let _ = write!(
            markup,
            "<p class=\"files\">{}</p><script type=\"application/json\" class=\"told\">{}</script>",
            links.join(" · "),
            self.told
        );
        markup
    }
}

/// The colour of the series of this number, as HTML writes it.
pub(crate) fn series_colour(place: usize) -> String {
    palette::Colour::Series(place).hex()
}

/// Which level of the series' factor has which colour, for tables that go with charts.
#[derive(Clone, Debug)]
pub(crate) struct SeriesColours {
    factor: usize,
    levels: Vec<(String, usize)>,
}

impl SeriesColours {
    /// The class that colours this level of the factor at `place`; empty where there is none.
    pub(crate) fn class(&self, place: usize, level: &str) -> String {
        let found = self.levels.iter().find(|(label, _)| place == self.factor && label == level);
        found.map_or_else(String::new, |(_, colour)| format!("key k{colour}"))
    }
}

/// The colours of the levels that charts show.
pub(crate) fn series_colours(summary: &Summary) -> SeriesColours {
    let matrix = Matrix::of(summary);
    let levels = matrix.keys().into_iter().filter_map(|key| match key.colour {
        palette::Colour::Series(index) => Some((key.label, index)),
        _ => None,
    });
    SeriesColours { factor: matrix.series, levels: levels.collect() }
}

/// The place of the factor whose levels have colours.
pub(crate) fn series_factor(summary: &Summary) -> usize {
    Matrix::of(summary).series
}

/// The charts of one combination of levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewCharts {
    /// `size 1MiB`; empty where only one factor varies.
    pub label: String,
    /// Average and maximum, histograms, percentiles.
    pub charts: Vec<Chart>,
}

/// The charts of one target from one vantage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetCharts {
    /// The target.
    pub syscall: String,
    /// From where it was seen.
    pub vantage: Vantage,
    /// By combination of the factors that are not the series.
    pub views: Vec<ViewCharts>,
    /// What factors do, then the run's order.
    pub across: Vec<Chart>,
    /// Sweeps that are not drawn, for there would be too many.
    pub left_out: usize,
}

/// Draws every chart of a run.
pub fn draw(run: &RunView<'_>, summary: &Summary) -> Result<Vec<TargetCharts>, ReportError> {
    let timeline = Timeline::of(run);
    let drawn = summary.series().into_iter().map(|target| target_charts((&timeline, summary), target));
    let mut targets = drawn.collect::<Result<Vec<_>, _>>()?;
    let mut taken = BTreeSet::new();
    for target in &mut targets {
        let views = target.views.iter_mut().flat_map(|view| &mut view.charts);
        views.chain(&mut target.across).for_each(|chart| chart.be_unique_among(&mut taken));
    }
    Ok(targets)
}

fn target_charts(
    (timeline, summary): (&Timeline<'_>, &Summary),
    target: (&str, Vantage),
) -> Result<TargetCharts, ReportError> {
    let (syscall, vantage) = (target.0, target.1.name());
    let matrix = Matrix::of(summary);
    let mut views = Vec::new();
    for view in matrix.views(target) {
        let charts = view_charts(&matrix, &view, target)?;
        if !charts.is_empty() {
            views.push(ViewCharts { label: view.label, charts });
        }
    }
    let mut across: Vec<Chart> = vantages(&matrix, target)?.into_iter().collect();
    let (sweeps, left_out) = Sweep::all(summary, target);
    for sweep in sweeps {
        let name = file_name(&[syscall, vantage, "sweep", &sweep.factor.name, &sweep.held]);
        let frame = sweep.frame(name);
        across.push(chart(&frame, &sweep.table(), |canvas| sweep.draw(canvas, &frame))?);
    }
    across.extend(off_cpu(&matrix, target)?);
    if !timeline.trials.is_empty() {
        let order = order::Order::of((timeline, &matrix), target);
        let frame = order.frame(file_name(&[syscall, vantage, "run_order"]));
        let mut chart = chart(&frame, &order.table(), |canvas| order.draw(canvas, &frame))?;
        chart.data.extend(
            order.heat_table().map(|table| (format!("{}-heat_map", chart.name), table.csv().to_owned())),
        );
        across.push(chart);
    }
    Ok(TargetCharts { syscall: syscall.to_owned(), vantage: target.1, views, across, left_out })
}

fn view_charts(
    matrix: &Matrix<'_>,
    view: &ViewCell<'_>,
    target: (&str, Vantage),
) -> Result<Vec<Chart>, ReportError> {
    let lines = matrix.lines(view, target);
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let series = matrix.series_factor().map_or("", |factor| factor.name.as_str());
    let of =
        if view.label.is_empty() { target.0.to_owned() } else { format!("{} at {}", target.0, view.label) };
    let of = format!("{of}, {}{}", seen(target.1), matrix::of_failures(&lines));
    let name = |chart: &str| file_name(&[target.0, target.1.name(), chart, &view.label]);
    let caption = levels::caption(matrix.summary, &lines);
    let frame = levels::frame(name("average_and_maximum"), &of, (&lines, &caption));
    let average = chart(&frame, &levels::table(series, &lines), |canvas| {
        levels::draw(canvas, &frame, &caption, (series, &lines));
    })?;
    let frame = histograms::frame(name("histograms"), &of, &lines);
    let histograms =
        chart(&frame, &histograms::table(series, &lines), |canvas| histograms::draw(canvas, &frame, &lines))?;
    let frame = percentiles::frame(name("percentiles"), &of, &lines);
    let percentiles = chart(&frame, &percentiles::table(series, &lines), |canvas| {
        percentiles::draw(canvas, &frame, (series, &lines));
    })?;
    Ok(vec![average, histograms, percentiles])
}

/// The target from both vantages in one picture; beside the kernel's other charts, and where both have seen it.
fn vantages(matrix: &Matrix<'_>, target: (&str, Vantage)) -> Result<Option<Chart>, ReportError> {
    let views = matrix.views(target);
    let Some(view) = views.get(views.len() / 2).filter(|_| target.1 == Vantage::Kernel) else {
        return Ok(None);
    };
    let pairs = vantages::pairs(matrix, view, target.0);
    if pairs.is_empty() {
        return Ok(None);
    }
    let of =
        if view.label.is_empty() { target.0.to_owned() } else { format!("{} at {}", target.0, view.label) };
    let frame = vantages::frame(file_name(&[target.0, "vantages", &view.label]), &of, &pairs);
    let series = matrix.series_factor().map_or("", |factor| factor.name.as_str());
    let table = vantages::table(series, &pairs);
    chart(&frame, &table, |canvas| vantages::draw(canvas, &frame, (series, &pairs))).map(Some)
}

/// What became of the slow calls that were kept, where any were and somebody looked.
fn off_cpu(matrix: &Matrix<'_>, target: (&str, Vantage)) -> Result<Option<Chart>, ReportError> {
    let slowest = matrix.summary.slowest.iter().find(|slowest| slowest.syscall == target.0);
    let Some(slowest) = slowest.filter(|it| target.1 == Vantage::Kernel && it.off_cpu.looked_at > 0) else {
        return Ok(None);
    };
    let rows = off_cpu::rows(matrix, &slowest.off_cpu);
    let frame = off_cpu::frame(file_name(&[target.0, "off_cpu"]), target.0, &rows);
    let series = matrix.series_factor().map_or("", |factor| factor.name.as_str());
    chart(&frame, &off_cpu::table(series, &rows), |canvas| off_cpu::draw(canvas, &frame, (series, &rows)))
        .map(Some)
}

fn chart(frame: &Frame, table: &Table, draw: impl FnOnce(&Canvas<'_>)) -> Result<Chart, ReportError> {
    let (svg, mut told) = picture(frame, draw)?;
    told.by_column = frame.is_by_column;
    let parts = frame.parts.iter().map(|part| view_box(*part)).collect();
    let data = vec![(frame.name.clone(), table.csv().to_owned())];
    let Frame { name, title, description, .. } = frame.clone();
    Ok(Chart { name, title, description, svg, data, parts, told: told.json() })
}

/// The longest name of a chart in bytes. File systems take 255, and `-heat_map.csv` or a number may come behind it.
const LONGEST_NAME: usize = 150;

/// `mmap-histograms-size_1MiB`: the parts that there are, with nothing that a file name should not have, cut where that is
/// too long. Several charts may come to the same name.
fn file_name(parts: &[&str]) -> String {
    let safe = |part: &&str| {
        let words = part.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
    };
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_empty()).map(safe).collect();
    let mut name = parts.join("-");
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        assert_eq!(
            file_name(&["mmap", "histograms", "size 1MiB, threads 2"]),
            "mmap-histograms-size_1MiB_threads_2"
        );
        assert_eq!(file_name(&["openat", "run_order", ""]), "openat-run_order");
        let long = file_name(&["mmap", &"é".repeat(300)]);
        assert_eq!((long.len(), long.chars().last()), (149, Some('é')));
    }
}

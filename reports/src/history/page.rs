//! The page of a history: one file, no scripts, nothing fetched.

use super::groups::{MOST_POINTS, grouped};
use super::{History, Series};
use crate::charts::{MOST_SERIES, Scale, series_colour};
use crate::summary::Figure;
use crate::{markup, units};
use std::fmt::Write;

/// The picture, in pixels.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 280.0;
/// Beside and below the plot.
const LEFT: f64 = 80.0;
const BELOW: f64 = 30.0;
const ABOVE: f64 = 12.0;
/// The colours of charts on dark paper, as in `assets/report.css`.
const DARK: [&str; MOST_SERIES] =
    ["#3fa4e0", "#f0b429", "#ff7d3b", "#2bc59a", "#e29bc4", "#8ccdf2", "#a8b3bf"];
/// Links on white and on dark paper, as in `assets/report.css`.
pub(super) const LINKS: (&str, &str) = ("#005a9c", "#6cb8f0");
/// Lines of the grid at most, about.
const TICKS: usize = 5;
/// What tells cells apart beside their colours, for colour alone tells nobody who cannot see it: the mark of a point, as text
/// and as what an SVG path draws around it, and the dashes of the line.
const MARKS: [(char, &str, &str); 4] = [
    ('●', "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "none"),
    ('■', "m-3-3h6v6h-6z", "7 3"),
    ('▲', "m0-4l4 7h-8z", "2 3"),
    ('◆', "m0-4l4 4l-4 4l-4-4z", "9 3 2 3"),
];
const STYLE: &str = "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
                     svg{width:100%;height:auto}svg text{font-size:12px;fill:#555}table{border-collapse:collapse}\
                     td,th{padding:.1rem .8rem .1rem 0;text-align:left}.scroll{overflow-x:auto}.key{white-space:nowrap;margin-right:1rem}\
                     @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}svg text{fill:#aaa}}";

pub(super) fn html(whole: &History, data: &str) -> String {
    let (metric, counted) = (whole.metric.words(), whole.counted());
    let scenario = whole.runs.first().map_or_else(String::new, |run| format!("{}: ", escaped(&run.name)));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{scenario}{metric} over runs</title>\n<style>{STYLE}{}</style>\n\
         <h1>{scenario}{metric} over {counted}</h1>\n",
        colours_of_both(),
    );
    if whole.runs.is_empty() {
        return page + "<p>There are no runs.</p></html>\n";
    }
    let runs = whole.runs.len().div_ceil(MOST_POINTS);
    let grouped = (runs > 1).then(|| grouped(whole, runs));
    let history = grouped.as_ref().unwrap_or(whole);
    let points = if runs > 1 {
        format!(
            "Each point is {runs} successive runs, in the order of their beginning: the median of their figures; the bar \
             through it reaches from the lowest to the highest"
        )
    } else {
        let interval = whole.interval_words();
        format!("Each point is a run, in the order of their beginning; the bar through it is {interval}")
    };
    let _ = writeln!(
        page,
        "<p>{points}. Runs of different days differ by the day as well: whether something changed is for \
         <code>runner diff</code> to say. Each run's figures are in <a href=\"{data}\">{data}</a>.</p>",
        data = escaped(data)
    );
    for warning in whole.warnings() {
        let _ = writeln!(page, "<p><strong>Mind:</strong> {}.</p>", escaped(&warning));
    }
    for target in history.targets() {
        let series: Vec<&Series> = history.series.iter().filter(|series| series.syscall == target).collect();
        let _ = writeln!(
            page,
            "<h2>{}</h2>\n<p>{}</p>\n{}\n{}",
            escaped(target),
            keys(&series),
            picture(history, (target, counted.as_str()), &series),
            figures(history, target, &series)
        );
    }
    page + &runs_of(history) + "</html>\n"
}

/// The colours of cells, each on white and on dark paper.
pub(super) fn colours() -> impl Iterator<Item = (String, &'static str)> {
    (0..MOST_SERIES).map(|place| (series_colour(place), DARK[place]))
}

/// A class for each colour, which is that of whatever is drawn in `currentColor`; and that of links.
fn colours_of_both() -> String {
    let rules = |dark: bool| {
        let classes = colours().enumerate().map(move |(place, (light, of_dark))| {
            format!(".c{place}{{color:{}}}", if dark { of_dark } else { &light })
        });
        let link = if dark { LINKS.1 } else { LINKS.0 };
        format!("a{{color:{link}}}{}", classes.collect::<String>())
    };
    format!("{}@media(prefers-color-scheme:dark){{{}}}", rules(false), rules(true))
}

/// How the cell of this place is drawn.
struct Look {
    /// The number of its colour.
    colour: usize,
    text: char,
    mark: &'static str,
    dashes: &'static str,
}

fn look(place: usize) -> Look {
    // Seven colours and four marks have no factor in common: only after 28 cells they come together again.
    let (text, mark, dashes) = MARKS[place % MARKS.len()];
    Look { colour: place % MOST_SERIES, text, mark, dashes }
}

/// Which colour and mark is which cell.
fn keys(series: &[&Series]) -> String {
    let key = |(place, series): (usize, &&Series)| {
        let (Look { colour, text, .. }, cell) = (look(place), escaped(&series.cell));
        format!("<span class=\"key\"><span class=\"c{colour}\">{text}</span> {cell}</span>")
    };
    series.iter().enumerate().map(key).collect::<Vec<_>>().join(" ")
}

fn picture(history: &History, (target, counted): (&str, &str), series: &[&Series]) -> String {
    let figures = || series.iter().flat_map(|series| series.figures.iter().flatten());
    let top = figures().map(|it| it.interval_ns.map_or(it.value_ns, |interval| interval.high));
    let top = top.fold(1.0, f64::max) * 1.05;
    let scale = Scale::linear((0.0, top), (HEIGHT - BELOW, ABOVE));
    let y = |ns: f64| scale.pixel(ns);
    let step = (WIDTH - LEFT - 20.0) / history.runs.len() as f64;
    let x = |run: usize| LEFT + step * (run as f64 + 0.5);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} of {} over {}; the figures stand below\">\n",
        history.metric.words(),
        escaped(target),
        counted
    );
    for tick in scale.ticks(TICKS) {
        let place = y(tick);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{place:.1}\" y2=\"{place:.1}\" stroke=\"#8884\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            place + 4.0,
            units::duration_tick(tick)
        );
    }
    for ((place, anchor), began) in
        [(0, "start"), (history.runs.len() - 1, "end")].into_iter().zip(ends(history))
    {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{began}</text>",
            x(place),
            HEIGHT - 8.0
        );
    }
    for (place, series) in series.iter().enumerate() {
        svg.push_str(&line(history, series, &look(place), (&x, &y)));
    }
    svg + "</svg>"
}

/// When the first and the last run began: the day, and the time where it is the same one. Of a single run once.
fn ends(history: &History) -> Vec<String> {
    let began = |run: &super::Taken| run.started_at;
    let ends: Vec<_> = match &history.runs[..] {
        [first, .., last] => vec![began(first), began(last)],
        few => few.iter().map(began).collect(),
    };
    let is_one_day = ends.iter().all(|end| end.date_naive() == ends[0].date_naive());
    let form = if is_one_day { "%Y-%m-%d %H:%M:%S UTC" } else { "%Y-%m-%d" };
    ends.iter().map(|end| end.format(form).to_string()).collect()
}

/// A cell's points with their intervals, and lines between those of successive runs.
fn line(
    history: &History,
    series: &Series,
    Look { colour, mark, dashes, .. }: &Look,
    (x, y): (&impl Fn(usize) -> f64, &impl Fn(f64) -> f64),
) -> String {
    let mut svg = String::new();
    let points: Vec<_> = series.figures.iter().enumerate().collect();
    for part in points.split(|(_, figure)| figure.is_none()).filter(|part| !part.is_empty()) {
        let places = part
            .iter()
            .filter_map(|(run, figure)| Some(format!("{:.1},{:.1}", x(*run), y(figure.as_ref()?.value_ns))));
        let places = places.collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            svg,
            "<polyline class=\"c{colour}\" fill=\"none\" stroke=\"currentColor\" stroke-dasharray=\"{dashes}\" points=\"{places}\"/>"
        );
    }
    for (run, figure) in points {
        let Some(figure) = figure else { continue };
        let (x, value) = (x(run), y(figure.value_ns));
        if let Some(interval) = figure.interval_ns {
            let (low, high) = (y(interval.low), y(interval.high));
            let _ = writeln!(
                svg,
                "<line class=\"c{colour}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\" stroke=\"currentColor\"/>"
            );
        }
        let (id, cell) = (escaped(&history.runs[run].id), escaped(&series.cell));
        let words = units::duration(figure.value_ns);
        let _ = writeln!(
            svg,
            "<path class=\"c{colour}\" d=\"M{x:.1} {value:.1}{mark}\" fill=\"currentColor\"><title>{id}: {words} at {cell}</title></path>"
        );
    }
    svg
}

/// The figures of a picture: a row for each run, a column for each cell.
fn figures(history: &History, target: &str, series: &[&Series]) -> String {
    let heading = |series: &&Series| format!("<th scope=\"col\">{}", escaped(&series.cell));
    let headings: String = series.iter().map(heading).collect();
    let figure = |figure: &Option<Figure>| {
        let Some(figure) = figure else { return "<td>–".to_owned() };
        let interval = figure.interval_ns.map_or_else(String::new, |interval| {
            format!(" {}", units::duration_interval(interval, figure.value_ns))
        });
        format!("<td>{}{interval}", units::duration(figure.value_ns))
    };
    let row = |(place, run): (usize, &super::Taken)| {
        let figures: String = series.iter().map(|series| figure(&series.figures[place])).collect();
        format!("<tr><th scope=\"row\">{}{figures}\n", escaped(&run.id))
    };
    let rows: String = history.runs.iter().enumerate().map(row).collect();
    format!(
        "<details><summary>The figures of {target}</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"The figures of {target}\"><table><tr><th scope=\"col\">run{headings}\n{rows}</table></div></details>\n",
        target = escaped(target)
    )
}

/// The runs themselves.
fn runs_of(history: &History) -> String {
    let row = |run: &super::Taken| {
        let label = run.label.as_deref().unwrap_or_default();
        let (id, host, kernel, label) =
            (escaped(&run.id), escaped(&run.host), escaped(&run.kernel), escaped(label));
        let began = run.started_at.format("%Y-%m-%d %H:%M");
        format!("<tr><td>{id}<td>{began}<td>{host}<td>{kernel}<td>{label}\n")
    };
    let rows: String = history.runs.iter().map(row).collect();
    format!(
        "<h2>Runs</h2>\n<table><tr><th scope=\"col\">run<th scope=\"col\">began (UTC)<th scope=\"col\">host<th scope=\"col\">kernel<th scope=\"col\">label\n{rows}</table>\n"
    )
}

/// A text of somebody else's without markup.
fn escaped(text: &str) -> String {
    markup::quoted(text).replace(|character: char| character.is_control(), "\u{fffd}")
}

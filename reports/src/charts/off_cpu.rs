//! The slow calls that were kept, by latency: which stayed on their CPU, and which were taken off it.

use super::canvas::{Anchor, Canvas, Frame, Stroke, Type};
use super::data::Table;
use super::matrix::Matrix;
use super::palette::Colour;
use super::panel::{self, Bounds, Key, LABEL, LEFT, RIGHT};
use super::scale::Scale;
use crate::summary::{OFF_CPU_BINS, OffCpu};
use crate::units;
use std::collections::BTreeMap;

const WIDTH: f64 = 880.0;
const ROW: f64 = 78.0;
const TOP: f64 = 62.0;
const COLOURS: [Colour; 2] = [Colour::Series(0), Colour::Series(2)];

/// One level of the series, over all cells that have it: by bin the calls that stayed and those that did not.
pub(super) type Row = (String, BTreeMap<i32, [u64; 2]>);

/// A row for each level of which calls were kept.
pub(super) fn rows(matrix: &Matrix<'_>, found: &OffCpu) -> Vec<Row> {
    let mut rows: Vec<Row> = matrix.keys().into_iter().map(|key| (key.label, BTreeMap::new())).collect();
    for ((levels, bin), counts) in &found.bins {
        let level = levels.get(matrix.series);
        let Some((_, bins)) = rows.iter_mut().find(|(label, _)| Some(label) == level) else { continue };
        let sum: &mut [u64; 2] = bins.entry(*bin).or_default();
        *sum = [sum[0] + counts[0], sum[1] + counts[1]];
    }
    rows.retain(|(_, bins)| !bins.is_empty());
    rows
}

fn totals(bins: &BTreeMap<i32, [u64; 2]>) -> [u64; 2] {
    bins.values().fold([0, 0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
}

/// Name, title and description of the chart.
pub(super) fn frame(name: String, syscall: &str, rows: &[Row]) -> Frame {
    let figures = rows.iter().map(|(label, bins)| format!("{label}: {}", words(bins)));
    Frame {
        name,
        title: format!("The slow calls of {syscall} that were kept: on the CPU, or taken off it"),
        description: format!("By latency. {}", figures.collect::<Vec<_>>().join("; ")),
        size: (WIDTH, TOP + ROW * rows.len() as f64 + 40.0),
        parts: Vec::new(),
        is_by_column: false,
    }
}

fn words(bins: &BTreeMap<i32, [u64; 2]>) -> String {
    let [on, off] = totals(bins);
    format!("{off} of {} taken off the CPU", on + off)
}

/// One row for each level; bars from zero, those that were taken off on top of those that stayed.
pub(super) fn draw(canvas: &Canvas<'_>, frame: &Frame, (name, rows): (&str, &[Row])) {
    let keys = ["stayed on its CPU", "taken off it"].map(str::to_owned).into_iter().zip(COLOURS);
    let keys: Vec<Key> = keys.map(|(label, colour)| Key { label, colour }).collect();
    panel::heading(canvas, &frame.title, "the call", &keys);
    let bins = || rows.iter().flat_map(|(_, bins)| bins.keys().copied());
    let (Some(first), Some(last)) = (bins().min(), bins().max()) else { return };
    let ends = (edge_ns(first - 1), edge_ns(last + 2));
    for (index, (label, bins)) in rows.iter().enumerate() {
        let top = TOP + ROW * index as f64 + 22.0;
        let bounds = Bounds { left: LEFT + 66.0, top, right: WIDTH - RIGHT, bottom: top + ROW - 30.0 };
        let x = Scale::logarithmic(ends, bounds.across());
        let most = bins.values().map(|counts| counts[0] + counts[1]).max().unwrap_or(1);
        let y = Scale::linear((0.0, most as f64), bounds.upwards());
        let shares = [(y.pixel(0.0), "0".to_owned()), (y.pixel(most as f64), units::count(most.into()))];
        panel::y_axis(canvas, bounds, &shares);
        panel::subtitle(canvas, bounds, &format!("{name} {label}"));
        let place = (bounds.right, bounds.top - 13.0);
        canvas.text(&words(bins), place, Type::plain(LABEL, Colour::Muted).at(Anchor::Right));
        let marks = panel::marks(&x, 11, units::duration_tick);
        let unlabelled: Vec<_> = marks.iter().map(|(at, _)| (*at, String::new())).collect();
        let is_last = index + 1 == rows.len();
        panel::x_axis(canvas, bounds, if is_last { &marks } else { &unlabelled }, false);
        for (bin, [on, off]) in bins {
            let (left, right) = (x.pixel(edge_ns(*bin)) + 0.75, x.pixel(edge_ns(bin + 1)) - 0.75);
            let heights = [0, *on, on + off].map(|calls| y.pixel(calls as f64));
            for (part, colour) in COLOURS.into_iter().enumerate() {
                if heights[part] > heights[part + 1] {
                    let corners = [(left, heights[part + 1]), (right, heights[part])];
                    canvas.rectangle(corners, Stroke::new(colour, 0.0));
                }
            }
            let reach =
                format!("{} to {}", units::duration(edge_ns(*bin)), units::duration(edge_ns(bin + 1)));
            let told = format!("{label}: {reach}: {on} stayed, {off} taken off");
            canvas.tell((f64::midpoint(left, right), heights[2]), told);
        }
        if is_last {
            panel::x_name(canvas, bounds, "latency");
        }
    }
}

/// The lower end of a bin.
fn edge_ns(bin: i32) -> f64 {
    (f64::from(bin) / f64::from(OFF_CPU_BINS)).exp2()
}

/// A row for each bar.
pub(super) fn table(name: &str, rows: &[Row]) -> Table {
    let mut table = Table::new([name, "lower_ns", "upper_ns", "calls_that_stayed", "calls_taken_off"]);
    for (label, bins) in rows {
        for (bin, counts) in bins {
            let [on, off] = counts.map(|calls| Some(calls as f64));
            table.push(&[label], &[Some(edge_ns(*bin)), Some(edge_ns(bin + 1)), on, off]);
        }
    }
    table
}

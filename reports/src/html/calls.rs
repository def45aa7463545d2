//! The tables of calls that stand out: those that failed and the slowest.

use super::tables::LevelCell;
use crate::charts::series_colours;
use crate::rows;
use crate::summary::{KeptCall, OffCpu, Place, Summary};
use crate::units;

/// Places shown at most.
const MOST_PLACES: usize = 8;

/// A failure of a target by one error number.
pub(super) struct ErrorRow {
    pub(super) target: String,
    /// Whether the target is that of the row above.
    pub(super) repeated: bool,
    pub(super) name: String,
    /// What the error means, in the kernel's words.
    pub(super) meaning: &'static str,
    pub(super) figures: Vec<String>,
}

/// The slowest calls of a target.
pub(super) struct SlowTable {
    pub(super) title: String,
    /// How many were taken off the CPU; empty where nobody looked.
    pub(super) off_cpu: String,
    /// Where they were, with how many, their share, and what the slowest took.
    pub(super) places: Vec<[String; 4]>,
    pub(super) words: Vec<String>,
    pub(super) numbers: Vec<&'static str>,
    pub(super) rows: Vec<SlowRow>,
    pub(super) columns: usize,
}

/// A slow call: its figures, and what is shown below them.
pub(super) struct SlowRow {
    pub(super) levels: Vec<LevelCell>,
    pub(super) figures: Vec<String>,
    /// The call with its arguments; empty where they are not known.
    pub(super) call: String,
    /// Who issued it.
    pub(super) process: u32,
    /// A line for each function of the stack.
    pub(super) stack: String,
}

pub(super) fn errors(summary: &Summary) -> Vec<ErrorRow> {
    let mut rows: Vec<ErrorRow> = Vec::new();
    for (error, row) in summary.errors.iter().zip(rows::errors(&summary.errors).rows) {
        let [target, name, figures @ ..] = row.as_slice() else { continue };
        rows.push(ErrorRow {
            target: target.clone(),
            repeated: rows.last().is_some_and(|above| above.target == *target),
            name: name.clone(),
            meaning: store::errno_meaning(error.errno).unwrap_or_default(),
            figures: figures.to_vec(),
        });
    }
    rows
}

/// Headings of the errors' figures.
pub(super) fn error_headings() -> Vec<&'static str> {
    rows::errors(&[]).headings.split_off(2)
}

pub(super) fn slowest(summary: &Summary) -> Vec<SlowTable> {
    let factors: Vec<String> =
        summary.manifest.scenario.factors.iter().map(|factor| factor.name.clone()).collect();
    let tables = summary.slowest.iter().map(|slowest| {
        let numbers = rows::slowest(&[]).headings;
        SlowTable {
            title: format!("{}, {}", slowest.syscall, slowest.heading()),
            off_cpu: slowest.off_cpu.sentence(&slowest.syscall).unwrap_or_default(),
            places: slowest
                .off_cpu
                .places
                .iter()
                .take(MOST_PLACES)
                .map(|it| place(it, &slowest.off_cpu))
                .collect(),
            columns: factors.len() + numbers.len(),
            words: factors.clone(),
            numbers,
            rows: slow_rows(summary, &slowest.calls),
        }
    });
    tables.collect()
}

fn place(place: &Place, of: &OffCpu) -> [String; 4] {
    [
        place.words(),
        units::count(place.calls.into()),
        units::percent(place.calls as f64 / of.taken_off as f64),
        units::duration(place.slowest_ns as f64),
    ]
}

fn slow_rows(summary: &Summary, calls: &[KeptCall]) -> Vec<SlowRow> {
    let colours = series_colours(summary);
    let level = |(place, level): (usize, &String)| LevelCell {
        text: level.clone(),
        class: colours.class(place, level),
        repeated: false,
    };
    let rows = calls.iter().zip(rows::slowest(calls).rows).map(|(kept, figures)| SlowRow {
        levels: kept.levels.iter().enumerate().map(level).collect(),
        figures,
        call: rows::call_text(&kept.call).unwrap_or_default(),
        process: kept.call.pid,
        stack: kept.call.stack.join("\n"),
    });
    rows.collect()
}

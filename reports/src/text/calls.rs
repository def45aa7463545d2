//! Calls that stand out, for the terminal: those that failed and the slowest.

use super::Page;
use super::table::{Column, Grid};
use crate::rows;
use crate::summary::{SlowestCalls, Summary};

/// Slow calls of a target that a terminal shows; the page has more.
const SHOWN: usize = 5;

impl Page {
    pub(super) fn failed_calls(self, summary: &Summary) -> Option<String> {
        let rows = rows::errors(&summary.errors);
        let mut columns = Column::all(&rows.headings, &[]);
        columns[1] = Column::text(rows.headings[1]);
        let mut grid = Grid::new(columns);
        rows.rows.into_iter().for_each(|row| grid.push(row));
        let body = grid.render(self.options.width);
        (!summary.errors.is_empty()).then(|| self.headed("Calls that failed, by error", &body))
    }

    pub(super) fn generators(self, summary: &Summary) -> Option<String> {
        let table = rows::generators(summary)?;
        let words = table.words.iter().map(|heading| Column::text(heading));
        let keep = |heading: &str| match heading {
            "max" => 1,
            "p99.9" => 2,
            _ => 0,
        };
        let figures = table.figures.iter().map(|heading| Column::number(heading, keep(heading)));
        let mut grid = Grid::new(words.chain(figures).collect());
        table.rows.into_iter().for_each(|row| grid.push(row));
        let body = format!("{}\n{}", grid.render(self.options.width), self.wrapped(rows::GENERATORS_NOTE));
        Some(self.headed("What the generators did", &body))
    }

    pub(super) fn slow_calls(self, summary: &Summary) -> Vec<String> {
        summary.slowest.iter().map(|slowest| self.slowest(summary, slowest)).collect()
    }

    fn slowest(self, summary: &Summary, slowest: &SlowestCalls) -> String {
        let shown = &slowest.calls[..slowest.calls.len().min(SHOWN)];
        let rows = rows::slowest(shown);
        let factors = summary.manifest.scenario.factors.iter().map(|factor| Column::text(&factor.name));
        // In a narrow terminal the arguments go first, then the time, then the thread.
        let keep = |heading: &str| match heading {
            "thread" => 1,
            "returned at" => 2,
            _ => 0,
        };
        let figures = rows.headings.iter().map(|heading| Column::number(heading, keep(heading)));
        let mut grid = Grid::new(factors.chain(figures).chain([Column::text("call").dropped(3)]).collect());
        for (kept, row) in shown.iter().zip(rows.rows) {
            let call = rows::call_text(&kept.call).unwrap_or_else(|| "–".to_owned());
            grid.push([kept.levels.clone(), row, vec![call]].concat());
        }
        let heading = format!(
            "{}, {} ({} of {} shown, {} kept in slowest.parquet)",
            slowest.syscall,
            slowest.heading(),
            shown.len(),
            slowest.calls.len(),
            slowest.kept
        );
        let off_cpu = slowest.off_cpu.sentence(&slowest.syscall).map(|it| self.wrapped(&it));
        let body: Vec<String> = [grid.render(self.options.width)].into_iter().chain(off_cpu).collect();
        self.headed(&heading, &body.join("\n"))
    }
}

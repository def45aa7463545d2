//! A comparison for the terminal.

use super::table::{Column, Grid};
use super::{Page, TextOptions};
use crate::comparison::{Comparison, Effect};
use crate::units;

/// The comparison, for the terminal: its headline, then what else differs, then every effect that
/// a gate looks at.
#[must_use]
pub fn render_comparison(comparison: &Comparison, options: &TextOptions) -> String {
    let page = Page { options: *options };
    let mut sections = vec![page.heading(&page.wrapped(&comparison.headline()))];
    sections.push(page.wrapped(&format!(
        "baseline {}, candidate {}; {}, threshold {}",
        comparison.base,
        comparison.candidate,
        comparison.metric,
        units::percent(comparison.threshold)
    )));
    if !comparison.differences.is_empty() {
        let lines = comparison.differences.iter().map(|difference| {
            page.wrapped(&format!("{}: {} → {}", difference.what, difference.base, difference.candidate))
        });
        sections.push(page.headed("The runs also differ in", &lines.collect::<Vec<_>>().join("\n")));
    }
    if let Some(needed) = comparison.needs_repetitions {
        let family = comparison.effects.iter().filter(|effect| effect.gated).count();
        sections.push(page.wrapped(&format!(
            "warning: with so few repetitions no change can be found among {family} effects; it needs {needed} on each side."
        )));
    }
    if comparison.without_figures > 0 {
        sections.push(page.wrapped(&format!(
            "warning: {} effects lack figures in one of the runs.",
            comparison.without_figures
        )));
    }
    sections.push(grid(comparison).render(options.width));
    sections.push(page.wrapped("ratio: candidate to baseline with its 95 % interval; p: adjusted by Holm (gates) and by Benjamini and Hochberg (looking around)"));
    sections.join("\n\n") + "\n"
}

fn grid(comparison: &Comparison) -> Grid {
    let mut columns = vec![Column::text("target")];
    columns.extend(comparison.factors.iter().map(|factor| Column::text(factor)));
    let figures = [("base", 3), ("cand.", 3), ("ratio", 0), ("[95 %]", 0), ("p", 5), ("Holm", 0), ("BH", 4)];
    columns.extend(figures.map(|(heading, expendable)| Column::number(heading, expendable)));
    columns.push(Column::text("verdict"));
    let mut grid = Grid::new(columns);
    comparison.effects.iter().filter(|effect| effect.gated).for_each(|effect| grid.push(row(effect)));
    grid
}

fn row(effect: &Effect) -> Vec<String> {
    let mut row = vec![effect.syscall.clone()];
    row.extend(effect.levels.iter().cloned());
    row.extend([
        units::duration(effect.base.value_ns),
        units::duration(effect.candidate.value_ns),
        units::ratio(effect.ratio.ratio),
        effect.ratio.interval.map_or_else(|| "–".to_owned(), units::ratio_interval),
        units::p_value(effect.p),
        units::p_value(effect.p_holm),
        units::p_value(effect.p_bh),
        effect.verdict.name().to_owned(),
    ]);
    row
}

//! Tables that fit.

use crate::units;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent, presets};

/// Blanks between columns.
const GAP: usize = 2;

/// A column of a [`Grid`].
#[derive(Clone, Debug)]
pub(crate) struct Column {
    heading: String,
    alignment: CellAlignment,
    /// 0: always shown; else dropped when the table is too wide, the greatest first.
    expendable: u8,
}

impl Column {
    /// A column of words that is always shown.
    pub(crate) fn text(heading: &str) -> Self {
        Self { heading: heading.to_owned(), alignment: CellAlignment::Left, expendable: 0 }
    }

    /// A column of figures; see [`Self::expendable`].
    pub(crate) fn number(heading: &str, expendable: u8) -> Self {
        Self { heading: heading.to_owned(), alignment: CellAlignment::Right, expendable }
    }

    /// The column, dropped like [`Self::number`]'s when the table is too wide.
    pub(crate) fn dropped(self, expendable: u8) -> Self {
        Self { expendable, ..self }
    }

    /// A column of words, then columns of figures, of which those listed are dropped, the first listed first.
    pub(crate) fn all(headings: &[&str], expendable: &[usize]) -> Vec<Self> {
        let number = |(index, heading): (usize, &&str)| {
            let place = expendable.iter().rev().position(|dropped| *dropped == index);
            let priority = place.map_or(0, |place| u8::try_from(place + 1).unwrap_or(u8::MAX));
            if index == 0 { Self::text(heading) } else { Self::number(heading, priority) }
        };
        headings.iter().enumerate().map(number).collect()
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the columns that are always shown fit into `width`.
    pub(crate) fn fits(&self, width: usize) -> bool {
        let kept = (0..self.columns.len()).filter(|index| self.columns[*index].expendable == 0);
        self.width_of(&kept.collect::<Vec<_>>()) <= width
    }

    /// The table, without the expendable columns that do not fit into `width`.
    pub(crate) fn render(&self, width: usize) -> String {
        self.draw(&self.shown(width), width)
    }

    /// Whether a column is among those that fit.
    pub(crate) fn shows(&self, heading: &str, width: usize) -> bool {
        self.shown(width).iter().any(|index| self.columns[*index].heading == heading)
    }

    fn shown(&self, width: usize) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        while self.width_of(&shown) > width {
            let last = shown.iter().copied().filter(|index| self.columns[*index].expendable > 0);
            let Some(dropped) = last.max_by_key(|index| self.columns[*index].expendable) else { break };
            shown.retain(|index| *index != dropped);
        }
        shown
    }

    fn width_of(&self, shown: &[usize]) -> usize {
        let column = |index: usize| {
            let cells =
                self.rows.iter().filter_map(|row| row.get(index)).chain([&self.columns[index].heading]);
            let lines = cells.flat_map(|cell| cell.split('\n'));
            lines.map(|line| line.chars().count()).max().unwrap_or(0)
        };
        shown.iter().map(|index| column(*index)).sum::<usize>() + GAP * shown.len().saturating_sub(1)
    }

    fn draw(&self, shown: &[usize], width: usize) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table
            .set_style(TableComponent::HeaderLines, '─')
            .set_style(TableComponent::MiddleHeaderIntersections, '─');
        if self.width_of(shown) > width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        table.set_header(shown.iter().map(|index| &self.columns[*index].heading));
        for row in &self.rows {
            table.add_row(shown.iter().map(|index| row.get(*index).map_or("", String::as_str)));
        }
        // The preset's invisible divider is one of the blanks.
        let gap = u16::try_from(GAP - 1).unwrap_or(0);
        let count = shown.len();
        for (place, (column, index)) in table.column_iter_mut().zip(shown).enumerate() {
            column.set_cell_alignment(self.columns[*index].alignment);
            column.set_padding((0, if place + 1 == count { 0 } else { gap }));
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// Breaks `text` between words so that no line is longer than `width`, where words allow; numbers stay with their
/// units and with their `×`.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    let paragraphs: Vec<String> =
        text.split('\n').map(|paragraph| wrap_paragraph(paragraph, width)).collect();
    paragraphs.join("\n")
}

fn wrap_paragraph(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in units::glued(text).split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n").replace(units::NO_BREAK, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![Column::text("name"), Column::number("a", 2), Column::number("b", 1)]);
        grid.push(vec!["mmap".into(), "123456".into(), "1".into()]);
        grid
    }

    #[test]
    fn the_most_expendable_column_goes_first() {
        assert_eq!(grid().render(80), "name       a  b\n───────────────\nmmap  123456  1");
        assert_eq!(grid().render(10), "name  b\n───────\nmmap  1");
        assert_eq!(grid().render(5), "name\n────\nmmap");
    }

    proptest! {
        #[test]
        fn wrapping_keeps_the_words_and_the_width(words in prop::collection::vec("[a-z]{1,9}", 1..30), width in 10usize..40) {
            let wrapped = wrap(&words.join(" "), width);
            prop_assert!(wrapped.lines().all(|line| line.len() <= width));
            prop_assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), words);
        }
    }
}

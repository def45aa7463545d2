//! A heat map: trials in the order in which they ran, across, by latency, upwards; the shade is the share of calls.

use super::bins::Bins;
use super::canvas::{Canvas, Point, Stroke, TileGrid, Type};
use super::data::Table;
use super::font;
use super::palette::Colour;
use super::panel::{self, Bounds, LABEL};
use super::scale::Scale;
use crate::timeline::{Timeline, latencies};
use crate::units;
use store::Vantage;

/// From which share of a column's calls on a tile has this shade, and how opaque it is.
const SHADES: [(f64, f64); 8] = [
    (0.0, 0.10),
    (0.000_1, 0.19),
    (0.001, 0.30),
    (0.003, 0.42),
    (0.01, 0.55),
    (0.03, 0.69),
    (0.1, 0.84),
    (0.3, 1.0),
];

/// Rows of tiles at most.
const MOST_ROWS: f64 = 64.0;

/// Shares by column and bin.
pub(super) struct Heat {
    bins: Bins,
    columns: Vec<Vec<f64>>,
}

impl Heat {
    /// None where no trial has calls.
    pub(super) fn of(timeline: &Timeline<'_>, target: (&str, Vantage)) -> Option<Self> {
        let all = || timeline.trials.iter().filter_map(|trial| latencies(trial, target));
        let octaves = Bins::of(1, all())?.count as f64;
        let finest = [16, 12, 8, 6, 4, 3, 2]
            .into_iter()
            .find(|per_octave| octaves * f64::from(*per_octave) <= MOST_ROWS);
        let bins = Bins::of(usize::try_from(finest.unwrap_or(1)).unwrap_or(1), all())?;
        let column = |trials: &[&store::TrialRecord]| {
            let mut shares = vec![0.0; bins.count];
            let mut calls = 0;
            for histogram in trials.iter().filter_map(|trial| latencies(trial, target)) {
                bins.add(histogram, &mut shares);
                calls += histogram.count;
            }
            for share in &mut shares {
                *share /= calls.max(1) as f64;
            }
            shares
        };
        Some(Self { bins, columns: timeline.columns().map(column).collect() })
    }

    /// The tiles, with the latencies at the left; `width` says how many columns the bounds have room for, of which the last
    /// may be cut.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, bounds: Bounds, (width, count): (f64, usize)) {
        let rows = self.bins.count;
        let y = Scale::logarithmic((self.bins.edge_ns(0), self.bins.edge_ns(rows)), bounds.upwards());
        panel::y_axis(canvas, bounds, &panel::marks(&y, 7, units::duration_tick));
        let tile =
            ((bounds.right - bounds.left) / width.max(1.0), (bounds.bottom - bounds.top) / rows as f64);
        let grid = TileGrid { corner: (bounds.left, bounds.top), tile, columns: width };
        for (shade, (_, opacity)) in SHADES.into_iter().enumerate() {
            let tiles: Vec<(usize, usize, usize)> = (0..count.min(self.columns.len()))
                .flat_map(|column| {
                    stretches(&self.columns[column], shade).map(move |(row, rows)| (column, row, rows))
                })
                .collect();
            if !tiles.is_empty() {
                canvas.tiles(grid, &tiles, Stroke::new(Colour::Series(0), 0.0).faint(opacity));
            }
        }
    }

    /// What the shades stand for, beginning at a place.
    pub(super) fn draw_legend(canvas: &Canvas<'_>, (left, y): Point) {
        let look = Type::plain(LABEL, Colour::Muted);
        let words = "shade: share of a trial's calls, from below 0.01 %";
        canvas.text(words, (left, y), look);
        let mut x = left + font::width(words, LABEL) + 8.0;
        for (_, opacity) in SHADES {
            canvas.rectangle(
                [(x, y - 6.0), (x + 14.0, y + 6.0)],
                Stroke::new(Colour::Series(0), 0.0).faint(opacity),
            );
            x += 14.0;
        }
        canvas.text("to 30 % and more", (x + 8.0, y), look);
    }

    /// A row for each tile that is not blank.
    pub(super) fn table(&self, timeline: &Timeline<'_>) -> Table {
        let mut table = Table::new(["first_trial", "last_trial", "lower_ns", "upper_ns", "share_of_calls"]);
        for (trials, shares) in timeline.columns().zip(&self.columns) {
            let (first, last) =
                ((trials[0].trial + 1).to_string(), (trials[trials.len() - 1].trial + 1).to_string());
            for (index, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let ends = [index, index + 1].map(|index| Some(self.bins.edge_ns(index)));
                table.push(&[&first, &last], &[&ends[..], &[Some(*share)]].concat());
            }
        }
        table
    }
}

fn shade(share: f64) -> Option<usize> {
    (share > 0.0).then(|| SHADES.iter().rposition(|(from, _)| share >= *from)).flatten()
}

/// Stretches of a column that have one shade: the first row, from the top, and how many there are.
fn stretches(shares: &[f64], wanted: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
    let is_wanted = move |row: usize| shade(shares[shares.len() - 1 - row]) == Some(wanted);
    let begins = (0..shares.len()).filter(move |row| is_wanted(*row) && (*row == 0 || !is_wanted(row - 1)));
    begins.map(move |first| (first, (first..shares.len()).take_while(|row| is_wanted(*row)).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_shade_are_one_tile() {
        // From the lowest latency to the highest; rows count from above.
        let shares = [0.0, 0.5, 0.4, 0.1, 0.0, 1e-6];
        let tiles: Vec<Vec<(usize, usize)>> =
            (0..SHADES.len()).map(|it| stretches(&shares, it).collect()).collect();
        assert_eq!(tiles[7], [(3, 2)]);
        assert_eq!((&tiles[6][..], &tiles[0][..]), (&[(2, 1)][..], &[(0, 1)][..]));
        assert_eq!(tiles.iter().map(Vec::len).sum::<usize>(), 3);
    }
}

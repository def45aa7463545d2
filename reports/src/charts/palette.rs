//! Colours: those of Okabe and Ito, which most colour-blind readers can tell apart, on white paper.

use plotters::style::RGBColor;

/// A colour by its role. The page recolours by these very values where a reader prefers dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// The background.
    Paper,
    /// Titles and values.
    Ink,
    /// Labels.
    Muted,
    /// Axes.
    Axis,
    /// Grid lines.
    Grid,
    /// The series of this number.
    Series(usize),
}

/// From calm to hot, so that rising load reads as rising.
const SERIES: [(u8, u8, u8); MOST_SERIES] = [
    (0x00, 0x72, 0xB2),
    (0xE6, 0x9F, 0x00),
    (0xD5, 0x5E, 0x00),
    (0x00, 0x9E, 0x73),
    (0xCC, 0x79, 0xA7),
    (0x56, 0xB4, 0xE9),
    (0x59, 0x59, 0x59),
];

/// As many series as there are colours.
pub(super) const MOST_SERIES: usize = 7;

impl Colour {
    /// The colour of a series among `count`: two are told apart best by blue and vermilion.
    pub(super) const fn of_series(index: usize, count: usize) -> Self {
        if count == 2 && index == 1 { Self::Series(2) } else { Self::Series(index % MOST_SERIES) }
    }

    pub(super) fn rgb(self) -> RGBColor {
        let (red, green, blue) = match self {
            Self::Paper => (0xFF, 0xFF, 0xFF),
            Self::Ink => (0x1F, 0x29, 0x33),
            Self::Muted => (0x52, 0x60, 0x6D),
            Self::Axis => (0x9A, 0xA5, 0xB1),
            Self::Grid => (0xE4, 0xE7, 0xEB),
            Self::Series(index) => SERIES[index % MOST_SERIES],
        };
        RGBColor(red, green, blue)
    }
}

//! Colours: those of Okabe and Ito, which most colour-blind readers can tell apart; the light ones darkened until they
//! stand out from white paper by three to one.

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
    /// What went wrong.
    Bad,
    /// What is to be minded.
    Warn,
    /// The series of this number.
    Series(usize),
}

/// From calm to hot, so that rising load reads as rising.
const SERIES: [(u8, u8, u8); MOST_SERIES] = [
    (0x00, 0x72, 0xB2),
    (0xBF, 0x83, 0x00),
    (0xD5, 0x5E, 0x00),
    (0x00, 0x9E, 0x73),
    (0xC7, 0x6F, 0xA0),
    (0x2F, 0x94, 0xCF),
    (0x59, 0x59, 0x59),
];

/// As many series as there are colours.
pub(crate) const MOST_SERIES: usize = 7;

impl Colour {
    /// The colour of a series among `count`: two are told apart best by blue and vermilion.
    pub(super) const fn of_series(index: usize, count: usize) -> Self {
        if count == 2 && index == 1 { Self::Series(2) } else { Self::Series(index % MOST_SERIES) }
    }

    /// As SVG writes it.
    pub(super) fn hex(self) -> String {
        let RGBColor(red, green, blue) = self.rgb();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }

    pub(super) fn rgb(self) -> RGBColor {
        let (red, green, blue) = match self {
            Self::Paper => (0xFF, 0xFF, 0xFF),
            Self::Ink => (0x1F, 0x29, 0x33),
            Self::Muted => (0x52, 0x60, 0x6D),
            Self::Axis => (0x9A, 0xA5, 0xB1),
            Self::Grid => (0xE4, 0xE7, 0xEB),
            Self::Bad => (0xA6, 0x1B, 0x1B),
            Self::Warn => (0x8A, 0x4B, 0x00),
            Self::Series(index) => SERIES[index % MOST_SERIES],
        };
        RGBColor(red, green, blue)
    }
}

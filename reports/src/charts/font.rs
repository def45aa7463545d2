//! The embedded font: its files, and how wide a text is in it.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Regular, as OpenType.
pub(super) const REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular.otf");

/// Semi-bold, as OpenType.
pub(super) const SEMI_BOLD: &[u8] = include_bytes!("../../assets/Inter-SemiBold.otf");

/// How wide `text` is in the regular font at `size`, kerning aside, in the unit of `size`.
pub(super) fn width(text: &str, size: f64) -> f64 {
    // Half an em is what a letter takes on average; it stands in for letters that the font lacks.
    let guess = size * 0.56;
    let Ok(font) = FontRef::new(REGULAR) else { return guess * text.chars().count() as f64 };
    let characters = font.charmap();
    #[expect(clippy::cast_possible_truncation, reason = "font sizes are small")]
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let advance = |letter| characters.map(letter).and_then(|glyph| metrics.advance_width(glyph));
    text.chars().map(|letter| advance(letter).map_or(guess, f64::from)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_come_from_the_font() {
        assert!(width("iiii", 12.0) < width("mmmm", 12.0) / 2.0);
        // Advances are rounded to 1/64 of a unit, once for each letter.
        assert!((width("mmap", 24.0) - 2.0 * width("mmap", 12.0)).abs() < 12.0 / 64.0);
    }

    #[test]
    fn the_font_has_every_sign_that_reports_use() {
        let font = FontRef::new(REGULAR).unwrap();
        for sign in "0123456789 µ×±−–—≤≥≈·…“”→←%[]()".chars() {
            assert!(font.charmap().map(sign).is_some(), "{sign}");
        }
    }
}

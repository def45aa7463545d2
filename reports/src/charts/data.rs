//! What a chart draws, as a table for other programs and as points that a page tells of.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The figures that a chart draws, one row for each mark, as CSV (RFC 4180, with line feeds alone).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    csv: String,
}

impl Table {
    /// Without rows; headings have units: `lower_ns`.
    pub(crate) fn new<T: AsRef<str>>(headings: impl IntoIterator<Item = T>) -> Self {
        let mut table = Self::default();
        for heading in headings {
            table.word(heading.as_ref());
        }
        table.end();
        table
    }

    /// Adds a row: words first, then numbers, of which those that are not there stay empty.
    pub(crate) fn push(&mut self, words: &[&str], numbers: &[Option<f64>]) {
        for word in words {
            self.word(word);
        }
        for number in numbers {
            if let Some(number) = number {
                let _ = write!(self.csv, "{number}");
            }
            self.csv.push(',');
        }
        self.end();
    }

    fn word(&mut self, word: &str) {
        let word = &not_a_formula(word);
        if word.contains([',', '"', '\n', '\r']) {
            let _ = write!(self.csv, "\"{}\",", word.replace('"', "\"\""));
        } else {
            self.csv.push_str(word);
            self.csv.push(',');
        }
    }

    /// Ends a row in the place of its last comma.
    fn end(&mut self) {
        self.csv.pop();
        self.csv.push('\n');
    }

    /// The whole of it.
    pub(crate) fn csv(&self) -> &str {
        &self.csv
    }
}

/// A name that spreadsheets would take for a formula, with an apostrophe before it, as they know it. A run may be somebody
/// else's.
fn not_a_formula(word: &str) -> Cow<'_, str> {
    let is_formula = word.starts_with(['=', '+', '-', '@', '\t', '\r']) && word.parse::<f64>().is_err();
    if is_formula { Cow::Owned(format!("'{word}")) } else { Cow::Borrowed(word) }
}

/// A place in a picture, in logical pixels, and what is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Spot(f64, f64, String);

impl Spot {
    pub(super) fn new((x, y): (f64, f64), words: String) -> Self {
        let tenth = |length: f64| (length * 10.0).round() / 10.0;
        Self(tenth(x), tenth(y), words)
    }
}

/// A row of bins whose heights a page tells of: the places of the first one's left edge and of a share of 1, how wide a
/// bin is and how high a power of ten, in logical pixels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct BinRow {
    pub(super) name: String,
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) whole: f64,
    pub(super) decade: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// The lower end of the first bin, as power of two, and bins for each power of two.
    pub(super) first: f64,
    pub(super) per_octave: usize,
    /// With three digits.
    pub(super) shares: Vec<f64>,
}

/// Everything that a page tells of a picture's places.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Told {
    /// Whether places are found by how far to the right they are alone.
    pub(super) by_column: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) spots: Vec<Spot>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bins: Vec<BinRow>,
}

impl Told {
    /// As a script that is read and not executed may have it.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

/// A number with three digits.
pub(super) fn short(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let length = 10f64.powf(2.0 - value.abs().log10().floor());
    let rounded = (value * length).round() / length;
    // Division leaves digits behind that nobody wants to read.
    format!("{rounded:.3e}").parse().unwrap_or(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_csv_are_quoted_where_they_have_to_be() {
        let mut table = Table::new(["load", "value_ns"]);
        table.push(&["a,\"b\""], &[Some(1.5)]);
        table.push(&["c"], &[None]);
        assert_eq!(table.csv(), "load,value_ns\n\"a,\"\"b\"\"\",1.5\nc,\n");
    }

    #[test]
    fn names_are_no_formulas() {
        let mut table = Table::new(["load"]);
        for word in ["=1+2", "@SUM(A1)", "+a,b", "-none", "-5", "a=b"] {
            table.push(&[word], &[]);
        }
        assert_eq!(table.csv(), "load\n'=1+2\n'@SUM(A1)\n\"'+a,b\"\n'-none\n-5\na=b\n");
    }
}

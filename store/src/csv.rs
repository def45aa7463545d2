//! Tables of a run as CSV, for whoever reads no Parquet: the same columns and rows.

use crate::Run;
use crate::tables;
use crate::writer::{LOAD, shape_of, tables_of_trials};
use polars_core::prelude::*;
use std::borrow::Cow;
use std::io::{self, Write};

/// Names of the tables, as [`write_csv`] takes them.
pub const TABLES: [&str; 8] =
    ["trials", "histograms", "errors", "slowest", "generators", "responses", "monitor", "load"];

/// Trials whose rows are made at a time.
const TRIALS: usize = 256;

/// Writes a table as CSV: a line of names, a line for each row, with `\n` at their ends. What is null is empty; texts are
/// quoted where they have to be, and where they are empty.
pub fn write_csv(run: &Run, table: &str, out: &mut impl Write) -> io::Result<()> {
    let file = format!("{table}.parquet");
    if file == LOAD {
        let frame = tables::load(&run.load).map_err(io::Error::other)?;
        write_names(&frame, out)?;
        return write_rows(&frame, out);
    }
    let shape = shape_of(&run.manifest);
    let trials = |records: &[_]| tables::trials(records, &shape);
    let made = tables_of_trials(&trials);
    let Some((_, build)) = made.iter().find(|(name, _)| *name == file) else {
        return Err(io::Error::other(format!("no table is called {table}; there are {}", TABLES.join(", "))));
    };
    write_names(&build(&[]).map_err(io::Error::other)?, out)?;
    for records in run.trials.chunks(TRIALS) {
        write_rows(&build(records).map_err(io::Error::other)?, out)?;
    }
    Ok(())
}

fn write_names(frame: &DataFrame, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<_> = frame.get_column_names().into_iter().map(|name| quoted(name)).collect();
    writeln!(out, "{}", names.join(","))
}

fn write_rows(frame: &DataFrame, out: &mut impl Write) -> io::Result<()> {
    for row in 0..frame.height() {
        for (place, column) in frame.columns().iter().enumerate() {
            if place > 0 {
                out.write_all(b",")?;
            }
            match column.get(row).map_err(io::Error::other)? {
                AnyValue::Null => {}
                AnyValue::String(text) => out.write_all(quoted(text).as_bytes())?,
                AnyValue::StringOwned(text) => out.write_all(quoted(&text).as_bytes())?,
                // As many digits as it takes to read the same number again.
                AnyValue::Float64(number) => write!(out, "{number:?}")?,
                other => write!(out, "{other}")?,
            }
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A text as a field.
fn quoted(text: &str) -> Cow<'_, str> {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        for (text, field) in [
            ("plain words", "plain words"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"a\"\nb", "\"say \"\"a\"\"\nb\""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }

    #[test]
    fn every_table_has_a_name() {
        let trials = |_: &[_]| unreachable!();
        let names = tables_of_trials(&trials).map(|(name, _)| name);
        let mut known: Vec<String> = TABLES.map(|name| format!("{name}.parquet")).to_vec();
        known.retain(|name| name != LOAD);
        assert_eq!(known, names);
    }
}

//! A table in memory, read from a file that nobody vouches for.

use crate::files::Folder;
use crate::footer::Footer;
use crate::writer::VERSION_KEY;
use crate::{StoreError, check_version, limits};
use polars_core::prelude::*;
use polars_io::prelude::*;
use std::cell::Cell;
use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// A table in memory, its columns taken by name and type.
pub(crate) struct Frame {
    pub(crate) path: PathBuf,
    pub(crate) frame: DataFrame,
}

/// Where the tables of a run are read from, by name.
pub(crate) type Tables<'a> = &'a dyn Fn(&str) -> Result<TableFile, StoreError>;

/// The content of a table's file, which nobody vouches for.
#[derive(Clone)]
pub(crate) struct TableFile {
    path: PathBuf,
    content: Vec<u8>,
}

impl TableFile {
    /// The file in a run's folder.
    pub(crate) fn read(folder: &Folder, name: &str) -> Result<Self, StoreError> {
        // Read and not mapped: a mapped file that becomes shorter ends the process.
        let content = folder.read(name, limits::TABLE_BYTES)?;
        Ok(Self::of(folder.path().join(name), content))
    }

    pub(crate) fn of(path: PathBuf, content: Vec<u8>) -> Self {
        Self { path, content }
    }

    /// The table.
    pub(crate) fn frame(&self) -> Result<Frame, StoreError> {
        let frame = contained(&self.path, || self.decoded(self.metadata()?, None))?;
        Ok(Frame { path: self.path.clone(), frame })
    }

    /// Hands on these columns of the table, piece by piece, so that it is never in memory whole.
    pub(crate) fn each_piece(
        &self,
        columns: &[&str],
        mut take: impl FnMut(&Frame) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut metadata = FileMetadata::clone(&*contained(&self.path, || self.metadata())?);
        for group in std::mem::take(&mut metadata.row_groups) {
            let piece =
                FileMetadata { num_rows: group.num_rows(), row_groups: vec![group], ..metadata.clone() };
            let frame = contained(&self.path, || self.decoded(piece.into(), Some(columns)))?;
            take(&Frame { path: self.path.clone(), frame })?;
        }
        Ok(())
    }

    /// What the footer says, as far as it is sound.
    fn metadata(&self) -> Result<FileMetadataRef, StoreError> {
        let Self { path, content } = self;
        let footer = Footer::of(content).map_err(|reason| StoreError::damaged(path, reason))?;
        let version = footer.value(VERSION_KEY).and_then(|version| version.parse().ok());
        let version = version.ok_or_else(|| StoreError::damaged(path, "it names no format version"))?;
        check_version(path, version)?;
        let footer = footer.sound(content).map_err(|reason| StoreError::damaged(path, reason))?;
        let metadata = ParquetReader::new(Cursor::new(footer)).get_metadata().cloned();
        metadata.map_err(|source| StoreError::Table { path: path.clone(), source })
    }

    /// The rows that the metadata is of.
    fn decoded(&self, metadata: FileMetadataRef, columns: Option<&[&str]>) -> Result<DataFrame, StoreError> {
        let rows = metadata.num_rows;
        // On this thread alone, see `contained`.
        let mut reader = ParquetReader::new(Cursor::new(&self.content)).read_parallel(ParallelStrategy::None);
        reader.set_metadata(metadata);
        let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let frame = reader.with_columns(columns).finish();
        let frame = frame.map_err(|source| StoreError::Table { path: self.path.clone(), source })?;
        // polars takes the footer's word for the height.
        let is_whole = frame.height() == rows && frame.columns().iter().all(|column| column.len() == rows);
        if is_whole {
            Ok(frame)
        } else {
            Err(StoreError::damaged(&self.path, "its columns differ in length"))
        }
    }
}

impl Frame {
    fn failed(&self, source: PolarsError) -> StoreError {
        StoreError::Table { path: self.path.clone(), source }
    }

    pub(crate) fn rows(&self) -> usize {
        self.frame.height()
    }

    /// The values of a column that earlier writers did not know: all places empty where there is none.
    pub(crate) fn later<T>(
        &self,
        name: &str,
        values: impl Fn(&Self, &str) -> Result<Vec<Option<T>>, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        if self.frame.get_column_index(name).is_none() {
            return Ok(std::iter::repeat_with(|| None).take(self.rows()).collect());
        }
        values(self, name)
    }

    /// The same of a column of texts.
    pub(crate) fn later_texts(&self, name: &str) -> Result<Vec<Option<&str>>, StoreError> {
        match self.frame.get_column_index(name) {
            Some(_) => self.texts(name),
            None => Ok(vec![None; self.rows()]),
        }
    }

    /// The texts of a column, which may have empty places. A file of few bytes may have a long text in very many places.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Option<&str>>, StoreError> {
        let texts = self.optional(name, |column| Ok(column.str()?.iter()))?;
        let mut bytes = 0;
        for length in texts.iter().flatten().map(|text| text.len()) {
            bytes += length;
            if length > limits::TEXT_BYTES || bytes > limits::TEXTS_BYTES {
                let reason = format!("column {name} has more text than the table of a run has");
                return Err(StoreError::damaged(&self.path, reason));
            }
        }
        Ok(texts)
    }

    /// The values of a column that may have empty places, by the accessor of its type.
    fn optional<'a, T, I: Iterator<Item = Option<T>>>(
        &'a self,
        name: &str,
        access: impl Fn(&'a Column) -> PolarsResult<I>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let column = self.frame.column(name).map_err(|source| self.failed(source))?;
        Ok(access(column).map_err(|source| self.failed(source))?.collect())
    }

    fn required<T>(&self, name: &str, values: Vec<Option<T>>) -> Result<Vec<T>, StoreError> {
        let values: Option<Vec<T>> = values.into_iter().collect();
        values.ok_or_else(|| StoreError::damaged(&self.path, format!("column {name} has an empty place")))
    }

    pub(crate) fn all_text(&self, name: &str) -> Result<Vec<&str>, StoreError> {
        self.required(name, self.texts(name)?)
    }
}

/// Accessors by the type of a column: `u64s` where places may be empty, `all_u64` where none may be.
macro_rules! accessors {
    ($($optional:ident, $required:ident, $access:ident => $value:ty;)+) => { impl Frame { $(
        pub(crate) fn $optional(&self, name: &str) -> Result<Vec<Option<$value>>, StoreError> {
            self.optional(name, |column| Ok(column.$access()?.iter()))
        }
        pub(crate) fn $required(&self, name: &str) -> Result<Vec<$value>, StoreError> {
            self.required(name, self.$optional(name)?)
        }
    )+ } };
}
accessors! {
    u32s, all_u32, u32 => u32;
    u64s, all_u64, u64 => u64;
    i64s, all_i64, i64 => i64;
    f64s, all_f64, f64 => f64;
}

thread_local! {
    /// Whether a panic of this thread is about to become an error, and nothing to print.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Carries out what polars does with a file's content, and makes an error of its panics, of which its decoders have many:
/// they index, slice and add as pages say, and pages may say anything. Nothing is left half done, since all that polars
/// has is made in here and goes with the panic.
pub(crate) fn contained<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_CONTAINED.get() {
                others(panic);
            }
        }));
    });
    let was_contained = IS_CONTAINED.replace(true);
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(work));
    IS_CONTAINED.set(was_contained);
    outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Err(StoreError::damaged(path, format!("its content is not what can be read ({words:.200})")))
    })
}

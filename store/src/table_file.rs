//! A table's Parquet file while it is written, and why that failed when it did.

use crate::writer::VERSION_KEY;
use crate::{FORMAT_VERSION, StoreError};
use polars_core::prelude::*;
use polars_io::prelude::*;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A Parquet file that grows by row groups.
pub(crate) struct Table<'a> {
    path: &'a Path,
    writer: polars_io::parquet::write::BatchedWriter<Noting<'a>>,
    failure: Failure,
}

/// Why a file could not be written; polars tells of it in words only.
type Failure = Arc<Mutex<Option<io::Error>>>;

/// A file that notes why it could not be written.
struct Noting<'a> {
    file: &'a mut File,
    failure: Failure,
}

impl Noting<'_> {
    fn note<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.inspect_err(|error| {
            let noted =
                error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            if let Ok(mut failure) = self.failure.lock() {
                *failure = Some(noted);
            }
        })
    }
}

impl io::Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.note(flushed)
    }
}

impl<'a> Table<'a> {
    pub(crate) fn begin(file: &'a mut File, path: &'a Path, like: &DataFrame) -> Result<Self, StoreError> {
        let version = vec![(VERSION_KEY.to_owned(), FORMAT_VERSION.to_string())];
        let failure = Failure::default();
        let writer = ParquetWriter::new(Noting { file, failure: Arc::clone(&failure) })
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(version)))
            .batched(like.schema())
            .map_err(|source| failed(path, &failure, source))?;
        Ok(Self { path, writer, failure })
    }

    pub(crate) fn append(&mut self, frame: &DataFrame) -> Result<(), StoreError> {
        self.writer.write_batch(frame).map_err(|source| self.failed(source))
    }

    pub(crate) fn end(self) -> Result<(), StoreError> {
        self.writer.finish().map(drop).map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: PolarsError) -> StoreError {
        failed(self.path, &self.failure, source)
    }
}

fn failed(path: &Path, failure: &Failure, source: PolarsError) -> StoreError {
    let path = path.to_owned();
    match failure.lock().ok().and_then(|mut failure| failure.take()) {
        Some(source) => StoreError::Write { path, source },
        None => StoreError::Table { path, source },
    }
}

//! The run on disk.
//!
//! Owns the folder `runs/ID/`, its formats and their versions; the only code that writes Parquet. Measuring writes
//! through [`RunWriter`], reporting reads through [`Run`]; they meet nowhere else. Knows nothing of how figures come
//! about or what they mean.

mod becoming;
mod copy;
mod csv;
mod draft;
mod errno;
mod error;
mod files;
mod footer;
mod frame;
#[cfg(test)]
mod fuzz;
mod hold;
mod index;
mod limits;
mod manifest;
mod memory;
mod merged;
mod model;
mod parts;
mod reader;
mod runs;
mod seal;
mod sound;
mod table_file;
mod tables;
mod verify;
mod writer;

#[cfg(test)]
extern crate self as store;

pub use copy::copy_run;
pub use csv::{TABLES, write_csv};
pub use draft::Draft;
pub use errno::{errno_meaning, errno_name};
pub use error::StoreError;
pub use files::Owner;
pub use hold::executed_by;
pub use index::{Brief, BriefMerged, Listed, list, list_without_index};
pub use manifest::*;
pub use memory::Memory;
pub use merged::*;
pub use model::*;
pub(crate) use reader::check_version;
pub use reader::{Run, read_manifest};
pub use runs::{resolve, run_ids};
pub use tables::CALLS_BEYOND_QUANTILE;
pub use verify::{check_gaps, verify};
pub use writer::{RunWriter, check_writable, run_id, run_id_behind, write_files, write_report};

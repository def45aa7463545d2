//! The run on disk.
//!
//! Owns the folder `runs/ID/`, its formats and their versions; the only code that writes Parquet. Measuring writes
//! through [`RunWriter`], reporting reads through [`Run`]; they meet nowhere else. Knows nothing of how figures come
//! about or what they mean.

mod manifest;
mod model;

pub use manifest::*;
pub use model::*;

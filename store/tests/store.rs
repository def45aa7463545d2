//! Runs on disk, written, read and looked after as a whole: one program, for each one more that has polars in it takes seconds
//! to link and hundreds of megabytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// In a folder, for files beside this one would be programs of their own.
#[path = "parts/everything.rs"]
mod everything;
#[path = "parts/golden.rs"]
mod golden;
#[path = "parts/index.rs"]
mod index;
#[path = "parts/memory.rs"]
mod memory;
#[path = "parts/run_on_disk.rs"]
mod run_on_disk;
#[path = "parts/sample.rs"]
mod sample;
#[path = "parts/untrusted.rs"]
mod untrusted;
#[path = "parts/verify.rs"]
mod verify;

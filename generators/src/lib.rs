//! What the runner and the `generator` binary say to each other.
//!
//! A generator is described by a [`GeneratorSpec`] (JSON, its only argument), paced through a [`control::Page`]
//! (shared memory, handed over as standard input, so that no system call of the conversation falls into the window)
//! and answers with a [`GeneratorReport`] (JSON on standard output, after the window).

pub mod control;
mod report;
mod spec;

pub use report::{CallReport, GeneratorReport};
pub use spec::{GeneratorSpec, Workload};

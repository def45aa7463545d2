//! What the runner and the `generator` binary say to each other.
//!
//! A generator is described by a [`GeneratorSpec`] (JSON, its only argument), paced through a [`control::Page`]
//! (shared memory, handed over as standard input, so that no system call of the conversation falls into the window)
//! and answers with a [`GeneratorReport`] (JSON on standard output, after the window). [`Generator`] is the runner's
//! handle on such a process. Programs of somebody else's are described by a [`ProgramSpec`] and held by a [`Program`].

pub mod control;
mod host;
mod program;
mod report;
mod shared_page;
mod spec;
mod workload;

pub use host::{Credentials, Generator, GeneratorError};
pub use program::{Program, ProgramError, ProgramSpec, STREAMS};
pub use report::{CallReport, GeneratorReport, MixReport};
pub use shared_page::SharedPage;
pub use spec::{GeneratorSpec, Pin};
pub use workload::{Parameter, Workload};

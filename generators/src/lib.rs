//! What the runner and the program `generator` say to each other, and all of that program.
//!
//! A generator is described by a [`GeneratorSpec`] (JSON, its only argument), paced through a [`control::Page`]
//! (shared memory, handed over as standard input, so that no system call of the conversation falls into the window)
//! and answers with a [`GeneratorReport`] (JSON on standard output, after the window). [`Generator`] is the runner's
//! handle on such a process. Programs of somebody else's are described by a [`ProgramSpec`] and held by a [`Program`].
//!
//! The program is [`main`]: a library's function, so that the package `runner` can have it as its second binary, and
//! whoever installs the one finds the other beside it.

#![expect(
    clippy::inline_always,
    reason = "the hot loop is to hold the calls and the clock, not calls of functions"
)]

mod by_hand;
mod clock;
pub mod control;
mod crew;
mod failure;
mod host;
mod issuer;
mod pin;
mod program;
mod raw;
mod recorder;
mod report;
mod schedule;
mod shared_page;
mod spec;
mod supervisor;
mod workload;
mod workloads;

pub use by_hand::command;
pub use host::{Credentials, Generator, GeneratorError};
pub use issuer::main;
pub use program::{Program, ProgramError, ProgramSpec, STREAMS};
pub use report::{CallReport, GeneratorReport, MixReport};
pub use shared_page::SharedPage;
pub use spec::{GeneratorSpec, Pin};
pub use workload::{Parameter, Workload};

//! Counts and times system calls in the kernel.
//!
//! Owns the BPF programs' life: loading, attaching, arming, reading, detaching. What is measured, when and for how long
//! is the caller's decision; what becomes of the readings too.
//!
//! A [`Probe`] is attached once per run. For each trial it is armed with a [`Window`], whose bounds may lie in the
//! future, and read when the window is over:
//!
//! ```no_run
//! # fn main() -> Result<(), probe::ProbeError> {
//! use probe::{Backend, Probe, Scope, Target, Window, monotonic_ns};
//!
//! let mut probe = Probe::attach(Backend::RawTracepoint, &[Target::named("mmap")?], Scope::Generators)?;
//! probe.include(std::process::id())?;
//! let open_ns = monotonic_ns();
//! probe.arm(Window { open_ns, close_ns: open_ns + 500_000_000 })?;
//! // … calls are issued until the window closes …
//! for reading in probe.read()? {
//!     println!("{}: {} calls, {} lost", reading.target.name, reading.returned, reading.lost);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A call is counted as entered when its entry falls in the window, and as returned when its return does too. Calls
//! that are still in the kernel when the window closes are censored. Every reading's ledger is
//! `entered = returned + censored + lost`, the first three counted independently of each other.
//!
//! Only calls by the native 64-bit interface are timed: 32-bit programs number their calls differently, and theirs are
//! counted apart.

mod attachment;
mod backend;
mod clock;
mod control;
mod error;
mod fentry;
mod floor;
mod functions;
mod grace;
mod kretprobe;
mod object;
mod open_calls;
mod privileges;
mod raw_tracepoint;
mod reading;
mod scope;
mod session;
mod shared;
mod slowest;
mod sys;
mod target;
mod trace_event;

pub use backend::{Backend, Selection, select_auto};
pub use clock::{Window, monotonic_ns};
pub use error::ProbeError;
pub use floor::Floor;
pub use privileges::{Capabilities, OwnFiles, perf_event_paranoid};
pub use probe_abi::MAX_SLOWEST;
pub use reading::{Reading, SlowCall};
pub use scope::Scope;
pub use session::{Callers, MaxActive, Options, Probe, ReadParts, check_namespaces};
pub use target::{MAX_RAW_TARGETS, MAX_TARGETS, TARGET_BYTES, Target, syscall_names};

//! The probe against this machine's kernel: what it counts is what was issued.
//!
//! Every test runs with each backend that the kernel has: the raw tracepoint on any, kretprobe where there are kprobes,
//! fentry where functions can be traced. Which were used and which were passed over, and why, is printed for each test.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod compat;
mod counting;
mod edges;
mod losses;
mod orphans;
mod processes;
mod slow;
mod support;
mod watching;

//! What the probe adds to a call, beside what the kernel itself takes to call any BPF program there.
//!
//! `cargo bench -p probe --bench cost [-- ROUNDS]`, as root. Every round times every row, so that a disturbance of the
//! machine falls on all of them; a row's figure is its median over the rounds. Time is the processor's, spent by this
//! thread, which leaves out what other processes take.

use probe::{Backend, Floor, Probe, ProbeError, Scope, Target, Window, monotonic_ns};
use rustix::time::{ClockId, clock_gettime};
use std::any::Any;

const CALLS: u32 = 100_000;
const LEAST_ROUNDS: usize = 15;
const DEFAULT_ROUNDS: usize = 31;

/// What is attached while a row's calls are timed; dropped afterwards.
type Attached = Result<Box<dyn Any>, ProbeError>;

struct Row {
    name: &'static str,
    attach: fn() -> Attached,
    nanoseconds: Vec<f64>,
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let rounds = rounds.unwrap_or(DEFAULT_ROUNDS).max(LEAST_ROUNDS);
    let mut rows = rows();
    for _ in 0..rounds {
        rows.retain_mut(|row| match (row.attach)() {
            Ok(attached) => {
                time_calls(CALLS / 10);
                row.nanoseconds.push(time_calls(CALLS));
                drop(attached);
                true
            }
            Err(error) => {
                eprintln!("left out: {}: {error}", row.name);
                false
            }
        });
    }
    print(&mut rows, rounds);
}

fn rows() -> Vec<Row> {
    let row = |name, attach| Row { name, attach, nanoseconds: Vec::new() };
    vec![
        row("bare getpid", || Ok(Box::new(()))),
        row("empty raw tracepoint pair (the floor)", || {
            Ok(Box::new(Floor::empty(Backend::RawTracepoint, &Target::named("getpid")?)?))
        }),
        row("that, with two clock reads", || Ok(Box::new(Floor::clocks()?))),
        row("raw_tracepoint, traced", || armed(Backend::RawTracepoint, true)),
        row("raw_tracepoint, untraced process", || armed(Backend::RawTracepoint, false)),
        row("kretprobe, traced", || armed(Backend::Kretprobe, true)),
        row("kretprobe, untraced process", || armed(Backend::Kretprobe, false)),
    ]
}

fn armed(backend: Backend, traced: bool) -> Attached {
    let mut probe = Probe::attach(backend, &[Target::named("getpid")?], Scope::Generators)?;
    if traced {
        probe.include(std::process::id())?;
    }
    probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX })?;
    Ok(Box::new(probe))
}

/// Mean nanoseconds of one of `calls` calls.
fn time_calls(calls: u32) -> f64 {
    let start_ns = processor_ns();
    for _ in 0..calls {
        // SAFETY: the call has neither arguments nor effects.
        unsafe { libc::syscall(libc::SYS_getpid) };
    }
    (processor_ns() - start_ns) as f64 / f64::from(calls)
}

/// Time that this thread has run, in nanoseconds.
fn processor_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn print(rows: &mut [Row], rounds: usize) {
    let medians: Vec<f64> = rows.iter_mut().map(|row| median(&mut row.nanoseconds)).collect();
    let floor = medians.get(1).map(|floor| floor - medians[0]);
    println!("{:<40} {:>9} {:>9} {:>11}", "ns per call", "median", "added", "× the floor");
    for (row, median) in rows.iter().zip(&medians) {
        let added = median - medians[0];
        let ratio = floor.map_or(f64::NAN, |floor| added / floor);
        println!("{:<40} {median:>9.1} {added:>9.1} {ratio:>11.2}", row.name);
    }
    println!("{rounds} interleaved rounds of {CALLS} calls");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

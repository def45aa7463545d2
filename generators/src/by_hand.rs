//! The generator without a runner: its command line, its own pace, and a table.
//!
//! Owns the options and how figures are printed. Everything measured comes from the same code as under a runner.

use crate::clock::{nap, now_ns, span_ns};
use crate::control::{Page, Phase};
use crate::{GeneratorReport, GeneratorSpec, Parameter, Pin, Workload};
use clap::{CommandFactory, Parser, ValueEnum};
use probe_abi::SparseHistogram;
use std::fmt::Write;
use std::time::Duration;

const POLL_NS: u64 = 200_000;

/// Issues one system call over and over and tells how long it took, seen from the caller.
///
/// A runner describes the workload as JSON instead, paces it through standard input and reads JSON.
#[derive(Debug, Parser)]
#[command(name = "generator")]
pub(crate) struct Options {
    /// What one operation is.
    #[arg(value_enum)]
    workload: WorkloadName,
    /// Threads that repeat it.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Bytes per operation, for example 64KiB, where the workload takes a size; 4KiB unless given, or 1 of what is sent.
    #[arg(long, value_parser = parse_size)]
    size: Option<u64>,
    /// Write to each page of mapped memory.
    #[arg(long)]
    touch: bool,
    /// How long an operation of nanosleep lasts at least; 50us unless given.
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Folders above the file of `openat_deep`; 10 unless given.
    #[arg(long)]
    depth: Option<u32>,
    /// Threads that `futex_waiters` wakes; 4 unless given.
    #[arg(long)]
    waiters: Option<u32>,
    /// Where threads run: `spread` for the i-th on the i-th CPU, or a CPU's number for all.
    #[arg(long, value_parser = parse_pin)]
    pin: Option<Pin>,
    /// How long a thread waits after each operation.
    #[arg(long, value_parser = parse_duration, conflicts_with = "rate")]
    think: Option<Duration>,
    /// Operations one right after the other, between two pauses or at each start that --rate intends.
    #[arg(long, default_value_t = 1)]
    batch: u32,
    /// Operations per second over all threads; as fast as they go unless given.
    #[arg(long)]
    rate: Option<f64>,
    /// Operations in all, instead of a window.
    #[arg(long)]
    operations: Option<u64>,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// An existing folder for files; that of temporary files unless given.
    #[arg(long)]
    scratch: Option<std::path::PathBuf>,
}

/// The program's command line, for its page of the manual.
#[must_use]
pub fn command() -> clap::Command {
    Options::command()
}

/// How long a generator that paces itself runs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Pace {
    /// How long to run before anything is recorded.
    #[arg(long, value_parser = parse_duration, default_value = "200ms")]
    warmup: Duration,
    /// How long to record.
    #[arg(long, value_parser = parse_duration, default_value = "1s")]
    window: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { warmup: Duration::from_millis(200), window: Duration::from_secs(1) }
    }
}

#[derive(Clone, Copy, Debug)]
struct WorkloadName(Workload);

impl ValueEnum for WorkloadName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [WorkloadName; Workload::ALL.len()] = {
            let mut all = [WorkloadName(Workload::ALL[0]); Workload::ALL.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = WorkloadName(Workload::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.name().into())
    }
}

impl Options {
    pub(crate) fn spec(&self) -> GeneratorSpec {
        let workload = self.workload.0;
        GeneratorSpec {
            workload,
            mix: Vec::new(),
            seed: 0,
            threads: self.threads,
            size_bytes: self.size.or(workload.needs_size().then_some(4096)),
            touch: self.touch,
            duration_ns: self.duration.map(span_ns).or(workload.takes(Parameter::Duration).then_some(50_000)),
            depth: self.depth.or(workload.takes(Parameter::Depth).then_some(10)),
            waiters: self.waiters.or(workload.takes(Parameter::Waiters).then_some(4)),
            pin: self.pin,
            think_ns: self.think.map_or(0, span_ns),
            batch: self.batch,
            rate_per_second: self.rate,
            operations: self.operations,
            scratch: self.scratch.clone().unwrap_or_else(std::env::temp_dir),
        }
    }
}

impl Pace {
    /// Does on the page what a runner would; returns when the generator may end.
    pub(crate) fn lead(self, page: &Page, counted: bool) {
        await_phase(page, Phase::Ready);
        let open_ns = now_ns() + span_ns(self.warmup);
        page.set_window_ns(open_ns, open_ns + span_ns(self.window));
        if counted {
            page.set_phase(Phase::Warm);
            await_phase(page, Phase::Warmed);
        }
        page.set_phase(Phase::Go);
        if !counted {
            // Looking takes its time from the threads, where all are on one CPU: a seventh of what they do.
            nap(span_ns(self.warmup + self.window));
        }
        await_phase(page, Phase::Done);
        page.set_phase(Phase::Release);
    }
}

fn await_phase(page: &Page, phase: Phase) {
    while page.phase() < phase {
        nap(POLL_NS);
    }
}

/// The report as a table of nanoseconds, ending in a line break.
pub(crate) fn table(report: &GeneratorReport) -> String {
    let mut text = format!("{} operations, times in ns\n", report.operations);
    let head = ["call", "count", "mean", "p50", "p99", "max"];
    row(&mut text, head.map(str::to_owned));
    for call in &report.calls {
        figures(&mut text, call.syscall.clone(), &call.ok);
        if call.error.count > 0 {
            figures(&mut text, format!("{} (failed)", call.syscall), &call.error);
        }
    }
    if let Some(from_intended) = &report.from_intended {
        figures(&mut text, "from intended start".into(), from_intended);
        let _ = writeln!(text, "{} operations began late because earlier ones were", report.late);
    }
    text
}

fn figures(text: &mut String, name: String, histogram: &SparseHistogram) {
    let rounded = |ns: Option<f64>| ns.map_or_else(|| "-".into(), |ns| format!("{ns:.0}"));
    let max = (histogram.count > 0).then_some(histogram.max_ns as f64);
    let [p50, p99] = [0.5, 0.99].map(|q| rounded(histogram.quantile_ns(q)));
    row(text, [name, histogram.count.to_string(), rounded(histogram.mean_ns()), p50, p99, rounded(max)]);
}

fn row(text: &mut String, [name, figures @ ..]: [String; 6]) {
    let _ = write!(text, "{name:<20}");
    for figure in figures {
        let _ = write!(text, " {figure:>11}");
    }
    text.push('\n');
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1u64 << 40,
        _ => return Err("expected a number with B, KiB, MiB, GiB or TiB".into()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a whole number before the unit".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "too large".into())
}

fn parse_pin(text: &str) -> Result<Pin, String> {
    if text == "spread" {
        return Ok(Pin::Spread);
    }
    text.parse().map(Pin::Cpu).map_err(|_| "expected `spread` or the number of a CPU".into())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let number: u64 = number.parse().map_err(|_| "expected a whole number before the unit".to_owned())?;
    match unit {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err("expected a number with us, ms or s".into()),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallReport;

    #[test]
    fn sizes_and_durations_have_units() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("64KiB"), Ok(65536));
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!((parse_pin("spread"), parse_pin("3")), (Ok(Pin::Spread), Ok(Pin::Cpu(3))));
        assert!(parse_pin("-1").is_err());
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "KiB", "4 KiB", "4kb", "99999999999999999999", "16777216TiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "5", "ms", "-1s", "1.5s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_table_shows_failures_only_where_there_are_some() {
        let one = |ns| SparseHistogram { count: 1, sum_ns: ns, min_ns: ns, max_ns: ns, slots: vec![(50, 1)] };
        let call =
            |syscall: &str, error| CallReport { syscall: syscall.into(), ok: one(50), error, errnos: vec![] };
        let calls = vec![call("openat", one(50)), call("close", SparseHistogram::default())];
        let text = table(&GeneratorReport { operations: 1, calls, ..GeneratorReport::default() });
        let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(lines[1], ["call", "count", "mean", "p50", "p99", "max"]);
        assert_eq!(lines[2], ["openat", "1", "50", "50", "50", "50"]);
        assert_eq!(lines[3][..2], ["openat", "(failed)"]);
        assert_eq!(lines[4][0], "close");
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
        let options =
            Options::parse_from(["generator", "mmap", "--size", "1MiB", "--touch", "--threads", "2"]);
        let spec = options.spec();
        assert_eq!(
            (spec.workload, spec.size_bytes, spec.touch, spec.threads),
            (Workload::Mmap, Some(1 << 20), true, 2)
        );
        assert_eq!(Options::parse_from(["generator", "futex"]).spec().size_bytes, None);
    }
}

//! The generator against the same loop written in C: calls per second, side by side.
//!
//! `just bench-generators`, which compiles the loops and says where they are. Each repetition runs the generator and
//! the three C loops of a workload one after the other, each as a process of its own on one and the same CPU; so a
//! disturbance of the machine falls on all of them. Repetitions are short and many. Their order moves on by one every
//! second time and goes backwards every other, so that nobody has the same before and after it. Ratios are of the same
//! repetition, and figures are medians over the repetitions; those of ratios have an interval of 95 %.

mod options;

use options::{Options, USAGE};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::error::Error;
use std::process::{Command, ExitCode};

/// What goes wrong here ends the benchmark, and is only ever told.
type Fallible<T> = Result<T, Box<dyn Error>>;

/// The workloads that have a loop in C, with the size of an operation where they take one.
const WORKLOADS: [(&str, Option<&str>); 5] =
    [("getpid", None), ("read", Some("4KiB")), ("mmap", Some("4KiB")), ("openat", None), ("futex", None)];

/// The loops in C by their modes, see `loop.h`.
const MODES: [&str; 3] = ["kept", "libc", "bare"];

/// How far the generator may be from the loop that does the same work.
const GOAL: f64 = 0.02;

const WARMUP_MS: u64 = 50;

/// Operations per second of one repetition: the generator's, then those of [`MODES`].
type Round = [f64; 1 + MODES.len()];

fn main() -> ExitCode {
    let done = options::parse(std::env::args().skip(1)).and_then(|options| {
        let Some(options) = options else {
            println!("{USAGE}");
            return Ok(());
        };
        measure(&options)
    });
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure(options: &Options) -> Fallible<()> {
    let cpu = pin()?;
    let scratch = tempfile::tempdir()?;
    let scratch = scratch.path().to_str().ok_or("the folder of temporary files has no name in UTF-8")?;
    let mut rounds: [Vec<Round>; WORKLOADS.len()] = Default::default();
    for repetition in 0..options.repetitions {
        for (workload, rounds) in WORKLOADS.iter().zip(&mut rounds) {
            let mut round = Round::default();
            for place in 0..round.len() {
                let forwards = (place + repetition / 2) % round.len();
                let turn = if repetition % 2 == 0 { forwards } else { round.len() - 1 - forwards };
                round[turn] = match turn {
                    0 => generator(*workload, options, scratch)?,
                    mode => in_c(workload.0, MODES[mode - 1], options, scratch)?,
                };
            }
            rounds.push(round);
        }
    }
    let (repetitions, window_ms) = (options.repetitions, options.window_ms);
    println!("Operations per second on CPU {cpu}: median of {repetitions} repetitions of {window_ms} ms.");
    println!(
        "kept: times each call and keeps it in a histogram, as the generator does, and issues it inline as well."
    );
    println!(
        "libc: the same by way of the C library's syscall(). bare: as kept, but does not look at the clock.\n"
    );
    print_rates(&rounds);
    println!("\nThe generator's rate over that of each loop in C: median (its interval of 95 %).\n");
    print_ratios(&rounds);
    Ok(())
}

/// Keeps this process and so all that it starts on the last of the CPUs that it may use.
fn pin() -> Fallible<usize> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).ok_or("there is no CPU to use")?;
    let mut only = CpuSet::new();
    only.set(last);
    sched_setaffinity(None, &only)?;
    Ok(last)
}

fn generator((workload, size): (&str, Option<&str>), options: &Options, scratch: &str) -> Fallible<f64> {
    let window = format!("{}ms", options.window_ms);
    let mut command = Command::new(env!("CARGO_BIN_EXE_generators"));
    command.args([
        workload,
        "--warmup",
        &format!("{WARMUP_MS}ms"),
        "--window",
        &window,
        "--scratch",
        scratch,
    ]);
    command.args(size.iter().flat_map(|size| ["--size", size]));
    let operations = numbers(command)?[0];
    Ok(operations * 1e3 / options.window_ms as f64)
}

fn in_c(workload: &str, mode: &str, options: &Options, scratch: &str) -> Fallible<f64> {
    let mut command = Command::new(options.loops.join(workload));
    command.args([mode, &WARMUP_MS.to_string(), &options.window_ms.to_string(), scratch]);
    match numbers(command)?[..] {
        [operations, window_ns] => Ok(operations * 1e9 / window_ns),
        _ => Err(format!("the {workload} loop in C does not say its window").into()),
    }
}

/// The numbers that a program's first line begins with, one at least.
fn numbers(mut command: Command) -> Fallible<Vec<f64>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {name}: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let first = stdout.lines().next().unwrap_or_default();
    let numbers: Vec<f64> = first.split(' ').map_while(|word| word.parse().ok()).collect();
    if !output.status.success() || numbers.is_empty() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} ended with {} and said {first:?}, {stderr:?}", output.status).into());
    }
    if numbers[0] == 0.0 {
        return Err(format!(
            "{name} did nothing within its window: the machine is busy, or --window too short"
        )
        .into());
    }
    Ok(numbers)
}

fn print_rates(rounds: &[Vec<Round>]) {
    println!("{:<8}{:>14}{:>14}{:>14}{:>14}", "", "generator", "C, kept", "C, libc", "C, bare");
    for ((workload, _), rounds) in WORKLOADS.iter().zip(rounds) {
        print!("{workload:<8}");
        for turn in 0..Round::default().len() {
            let [_, median, _] = interval(rounds.iter().map(|round| round[turn]).collect());
            print!("{median:>14.0}");
        }
        println!();
    }
}

fn print_ratios(rounds: &[Vec<Round>]) {
    println!("{:<8}{:>23}{:>23}{:>23}  within {} % of kept", "", "kept", "libc", "bare", GOAL * 100.0);
    for ((workload, _), rounds) in WORKLOADS.iter().zip(rounds) {
        print!("{workload:<8}");
        let ratios =
            [1, 2, 3].map(|turn| interval(rounds.iter().map(|round| round[0] / round[turn]).collect()));
        for [low, median, high] in ratios {
            print!("{:>23}", format!("{median:.3} ({low:.3} to {high:.3})"));
        }
        let [[low, _, high], ..] = ratios;
        let verdict = if low >= 1.0 - GOAL && high <= 1.0 + GOAL {
            "yes"
        } else if high < 1.0 - GOAL || low > 1.0 + GOAL {
            "no"
        } else {
            "undecided: more repetitions"
        };
        println!("  {verdict}");
    }
}

/// The median between the ends of its interval of 95 %, by the normal approximation to the binomial ranks; of few figures
/// the least and the greatest. There is one figure at least.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank, and not below zero")]
fn interval(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    let (count, last) = (figures.len() as f64, figures.len() - 1);
    let rank = ((count - 1.96 * count.sqrt()) / 2.0).floor().max(0.0) as usize;
    let below = rank.saturating_sub(1).min(last / 2);
    [figures[below], f64::midpoint(figures[last / 2], figures[last.div_ceil(2)]), figures[last - below]]
}

//! The generator's side: a process that issues the calls that are measured, and times them from the caller's side.
//!
//! Owns how it is called and what it prints. Under a runner its arguments are a [`GeneratorSpec`] as JSON and the
//! runner's process id, and its standard input is the control page; it then prints a [`crate::GeneratorReport`] as JSON.
//! By hand it takes options and prints a table.

use crate::control::Page;
use crate::failure::Failure;
use crate::{GeneratorSpec, Parameter, SharedPage, Workload, by_hand, crew, supervisor};
use clap::Parser;
use rustix::process::Pid;
use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::process::ExitCode;

/// The whole program `generator`, arguments and all. Exit code 0 when done, 1 when it failed, 2 when it was asked for what
/// cannot be.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut message = format!("generator: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                message.extend([": ", &error.to_string()]);
                cause = error.source();
            }
            eprintln!("{message}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (description, runner) = match (arguments.next(), arguments.next()) {
        (Some(first), Some(description)) if first == "program" => return supervisor::supervise(&description),
        (Some(first), None) if first.starts_with('{') => (first, None),
        (Some(first), Some(runner)) if first.starts_with('{') => {
            let runner = runner.parse().ok().and_then(Pid::from_raw);
            let runner =
                runner.ok_or_else(|| Failure::Usage("the runner's process id follows a description".into()));
            (first, Some(runner?))
        }
        _ => {
            let options = by_hand::Options::parse();
            return run_by_hand(options.spec(), options.pace);
        }
    };
    let spec: GeneratorSpec = serde_json::from_str(&description)?;
    let page = SharedPage::open(io::stdin()).map_err(Failure::system("map the control page"))?;
    match page {
        Some(page) => {
            die_with_parent(runner.or_else(rustix::process::getppid))?;
            run_under_runner(spec, Box::leak(Box::new(page)))
        }
        None => run_by_hand(spec, by_hand::Pace::default()),
    }
}

fn run_under_runner(spec: GeneratorSpec, page: &'static Page) -> Result<(), Failure> {
    check(&spec)?;
    set_up_process()?;
    let report = crew::run(spec, page)?;
    print(&serde_json::to_vec(&report)?)
}

fn run_by_hand(spec: GeneratorSpec, pace: by_hand::Pace) -> Result<(), Failure> {
    check(&spec)?;
    set_up_process()?;
    let control: &Page = Box::leak(Box::default());
    let counted = spec.operations.is_some();
    std::thread::Builder::new()
        .spawn(move || pace.lead(control, counted))
        .map_err(Failure::system("start a thread"))?;
    let report = crew::run(spec, control)?;
    print(by_hand::table(&report).as_bytes())
}

/// Refuses what no machine could do; the machine's own limits show when it is tried.
fn check(spec: &GeneratorSpec) -> Result<(), Failure> {
    let name = spec.workload.name();
    let has = |parameter| spec.takes(parameter);
    let wrong = if !(1..=4096).contains(&spec.threads) {
        format!("{} threads: 1 to 4,096 can be had", spec.threads)
    } else if spec.size_bytes == Some(0)
        || spec.size_bytes.is_none() && spec.workloads().iter().any(|it| it.needs_size())
    {
        format!("the {name} workload needs a size of at least one byte")
    } else if let Some((small, most)) = too_small(spec) {
        format!("the {} workload takes {most} bytes at most", small.name())
    } else if !has(Parameter::Size) && spec.size_bytes.is_some() {
        format!("the {name} workload takes no size")
    } else if !has(Parameter::Touch) && spec.touch {
        format!("the {name} workload maps no memory to touch")
    } else if has(Parameter::Duration) != spec.duration_ns.is_some() {
        format!("the {name} workload {} duration", needs(has(Parameter::Duration)))
    } else if has(Parameter::Depth) != spec.depth.is_some() {
        format!("the {name} workload {} depth", needs(has(Parameter::Depth)))
    } else if spec.depth.is_some_and(|depth| !(1..=1000).contains(&depth)) {
        "the depth must be 1 to 1,000 folders".into()
    } else if has(Parameter::Waiters) != spec.waiters.is_some() {
        format!("the {name} workload {} number of waiters", needs(has(Parameter::Waiters)))
    } else if u64::from(spec.threads) * u64::from(spec.helpers()) > 4096 {
        format!("{} helpers of each of {} threads: 4,096 can be had", spec.helpers(), spec.threads)
    } else if spec.waiters == Some(0) {
        "zero waiters are none".into()
    } else if spec.batch > 1 && spec.rate_per_second.is_none() && spec.think_ns == 0 {
        "without a rate or time between operations, a batch has no effect".into()
    } else if spec.rate_per_second.is_some() && spec.think_ns > 0 {
        "time between operations has no effect at a fixed rate".into()
    } else if spec.rate_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        "the rate must be above zero".into()
    } else if spec.operations == Some(0) {
        "zero operations are none".into()
    } else {
        return Ok(());
    };
    Err(Failure::Usage(wrong))
}

/// One of its workloads that cannot take so large a size, and what it can.
fn too_small(spec: &GeneratorSpec) -> Option<(Workload, u64)> {
    let limits = spec.workloads().into_iter().filter_map(|it| Some((it, it.most_size_bytes()?)));
    limits.into_iter().find(|(_, most)| spec.size_bytes.is_some_and(|size| size > *most))
}

/// What a workload does to a parameter.
const fn needs(takes: bool) -> &'static str {
    if takes { "needs a" } else { "takes no" }
}

/// Lets the kernel kill this process when its parent ends, which is to be the runner.
fn die_with_parent(runner: Option<Pid>) -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(Failure::system("ask to end with the runner"))?;
    // Had it ended before, no signal would come.
    if rustix::process::getppid() == runner {
        Ok(())
    } else {
        Err(Failure::Usage("the runner ended while the generator started".into()))
    }
}

/// What all threads inherit: exact timers, and a file descriptor for each of them.
fn set_up_process() -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // By default timers may fire 50 µs late; a failure leaves it at that.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .map_err(Failure::system("raise the limit of open files"))
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::system("print the report"))
}

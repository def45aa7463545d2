//! The process whose calls are timed, from both sides: [`Worker`] is the handle, [`serve`] its own life.
//!
//! It is this program again, on a CPU that nothing else of the benchmark uses. It reads one request a line from its
//! standard input and answers in a line when the calls are done, so that it is the only thing there is to trace, and
//! issues nothing but the calls asked for while they are timed.

use crate::Fallible;
use crate::machine::pin;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::thread;

/// Makes this program the worker on the CPU named after it.
pub(crate) const ROLE: &str = "--worker";

/// How long an answer may take: the slowest peer known takes a minute for 100,000 calls.
const PATIENCE_SECONDS: i64 = 120;

/// The four calls of [`Worker::mix`]: none has an effect, and the C library makes none of them unasked.
pub(crate) const MIXED: [(&str, libc::c_long); 4] = [
    ("getpid", libc::SYS_getpid),
    ("getppid", libc::SYS_getppid),
    ("getsid", libc::SYS_getsid),
    ("getuid", libc::SYS_getuid),
];

/// Nanoseconds of one call, as the mean over many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Of the processor's time that the thread used.
    pub(crate) processor_ns: f64,
    /// From the first call to the last.
    pub(crate) wall_ns: f64,
}

/// The worker as its parent sees it; it ends when dropped, or with its parent.
pub(crate) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(cpu: usize) -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([ROLE, &cpu.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the worker has no pipes".into());
        };
        Ok(Self { child, requests, answers: BufReader::new(answers) })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Times `calls` getpid on the worker's main thread, after a tenth as many that are not timed.
    pub(crate) fn getpid(&mut self, calls: u32) -> Fallible<Timing> {
        let timings = self.ask(&format!("getpid {calls}"))?;
        timings.first().copied().ok_or_else(|| "the worker's answer is empty".into())
    }

    /// The same on a thread of its own on each of `cpus`, all at once.
    pub(crate) fn threads(&mut self, calls: u32, cpus: &[usize]) -> Fallible<Vec<Timing>> {
        self.ask(&on_cpus("threads", calls, cpus))
    }

    /// Issues each of [`MIXED`] `calls` times on each of `cpus`.
    pub(crate) fn mix(&mut self, calls: u32, cpus: &[usize]) -> Fallible<()> {
        self.ask(&on_cpus("mix", calls, cpus)).map(drop)
    }

    fn ask(&mut self, request: &str) -> Fallible<Vec<Timing>> {
        writeln!(self.requests, "{request}")?;
        let mut ready = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        if poll(&mut ready, Some(&Timespec { tv_sec: PATIENCE_SECONDS, tv_nsec: 0 }))? == 0 {
            return Err(format!("the worker did not answer {request:?} within {PATIENCE_SECONDS} s").into());
        }
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            return Err("the worker has ended".into());
        }
        let numbers: Vec<f64> = answer.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(numbers.chunks_exact(2).map(|it| Timing { processor_ns: it[0], wall_ns: it[1] }).collect())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Nothing of it is worth keeping, and it may be stopped by a tracer.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_cpus(request: &str, calls: u32, cpus: &[usize]) -> String {
    cpus.iter().fold(format!("{request} {calls}"), |line, cpu| format!("{line} {cpu}"))
}

/// Lives as the worker on `cpu` until the parent hangs up.
pub(crate) fn serve(cpu: usize) -> Fallible<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    pin(&[cpu])?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let request = words.next().ok_or("an empty request")?;
        let numbers: Vec<usize> = words.map(str::parse).collect::<Result<_, _>>()?;
        let (calls, cpus) = numbers.split_first().ok_or("a request without a number of calls")?;
        let calls = u32::try_from(*calls)?;
        let timings = match request {
            "getpid" => vec![time_calls(calls)],
            "threads" => on_each(cpus, || time_calls(calls))?,
            "mix" => {
                on_each(cpus, || issue_mix(calls))?;
                Vec::new()
            }
            _ => return Err(format!("unknown request {request:?}").into()),
        };
        let answer: Vec<_> = timings.iter().map(|it| format!("{} {}", it.processor_ns, it.wall_ns)).collect();
        println!("{}", answer.join(" "));
    }
    Ok(())
}

/// What `work` gives on a thread on each of `cpus`, all starting at once.
fn on_each<T: Send>(cpus: &[usize], work: impl Fn() -> T + Sync) -> Fallible<Vec<T>> {
    let start = Barrier::new(cpus.len());
    let on_one = |cpu| {
        let pinned = pin(&[cpu]);
        start.wait();
        pinned.map(|()| work()).map_err(|error| error.to_string())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = cpus.iter().map(|cpu| scope.spawn(|| on_one(*cpu))).collect();
        let done =
            threads.into_iter().map(|it| it.join().unwrap_or_else(|_| Err("a thread panicked".into())));
        done.map(|outcome| outcome.map_err(Into::into)).collect()
    })
}

fn time_calls(calls: u32) -> Timing {
    issue(libc::SYS_getpid, calls / 10);
    let (processor, wall) = (processor_ns(), now_ns(ClockId::Monotonic));
    issue(libc::SYS_getpid, calls);
    let of_one = |ns: i64| ns as f64 / f64::from(calls);
    Timing {
        processor_ns: of_one(processor_ns() - processor),
        wall_ns: of_one(now_ns(ClockId::Monotonic) - wall),
    }
}

fn issue_mix(calls: u32) {
    for (_, number) in MIXED {
        issue(number, calls);
    }
}

fn issue(number: libc::c_long, calls: u32) {
    for _ in 0..calls {
        // SAFETY: of the calls used here getsid and getpgid have an argument, where 0 means the caller; none has an effect.
        unsafe { libc::syscall(number, 0) };
    }
}

/// Time that this thread has run, in nanoseconds.
pub(crate) fn processor_ns() -> i64 {
    now_ns(ClockId::ThreadCPUTime)
}

fn now_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

//! Owns the load as a guard: a [`Load`], which is stress-ng, a program, or both, runs while it lives, and nothing of it
//! outlives it. The only code that knows duct and stress-ng. It does not know what options mean (see the scenario) nor
//! when a load is due (see execution).
//!
//! stress-ng and its workers form a process group of their own, but stay in the runner's session: with automatic
//! grouping the scheduler divides the CPU by session first, and a load in a session of its own would weigh as much as
//! all generators together, however many workers it has.
//!
//! When the runner is killed, the kernel kills stress-ng, and tells its workers, which have asked for that. Most end at
//! once, but `vm` with much memory looks up only after seconds (five were seen with 7 GB), so the keeper kills them.

mod beside;
mod family;
mod metrics;
mod room;
mod steadiness;
mod tool;

pub(crate) use metrics::idle;
pub(crate) use room::room;
pub(crate) use tool::{help, stressors, validate, version};

use crate::credentials::{Credentials, guard_child};
use crate::scenario::{CpuList, LoadProgram};
use crate::settings;
use beside::Beside;
use metrics::words;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use steadiness::Steadiness;
use store::LoadMetric;
use tempfile::TempDir;

/// How long workers may take to end when asked. One that fills gigabytes looks up rarely, and stress-ng itself would
/// wait five seconds before it kills.
const COURTESY: Duration = Duration::from_millis(300);
/// How long stress-ng may take to end by itself when nobody waits: a worker within sync(2) ends when the disk is done.
pub(crate) const PATIENT: Duration = Duration::from_secs(15);
/// The same when somebody does.
pub(crate) const HURRIED: Duration = Duration::from_millis(500);
/// How long at least what was killed may take to be dead: the kernel first takes back its memory.
const DYING: Duration = Duration::from_secs(1);
/// Distance of the samples that tell whether CPU use has settled.
const SAMPLING: Duration = Duration::from_millis(100);
/// Longest look at a level without load.
const QUIET_CHECK: Duration = Duration::from_millis(700);

/// Why a load could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// There is no stress-ng on the PATH.
    #[error(
        "stress-ng is not installed; install it (`sudo apt-get install stress-ng`, `sudo dnf install stress-ng`) \
         or use only load levels without options"
    )]
    NotInstalled,
    /// There is one, and it answers no question.
    #[error("stress-ng does not work: {words}; `stress-ng --version` shows what is wrong with it")]
    Broken {
        /// What it does instead.
        words: String,
    },
    /// stress-ng gave up at its options.
    #[error("stress-ng refused its options: {words}")]
    Refused {
        /// Its own words.
        words: String,
    },
    /// stress-ng ended while it was needed.
    #[error("stress-ng ended before its time, {how}: {words}")]
    Died {
        /// What its exit code means.
        how: String,
        /// Its own words.
        words: String,
    },
    /// Some workers ended while stress-ng itself went on: this is no longer the load that was asked for.
    #[error("only {running} of {expected} stressors are running: {words}")]
    Thinned {
        /// Workers alive.
        running: usize,
        /// Workers that there were.
        expected: usize,
        /// stress-ng's own words.
        words: String,
    },
    /// Some of what was asked for does not run, and stress-ng goes on without it.
    #[error("stress-ng left out some of the load: {words}")]
    LeftOut {
        /// Its own words.
        words: String,
    },
    /// Memory that the level requires is not filled.
    #[error(
        "of the memory that the load level requires, only {filled} is filled; a longer `ramp` gives it more time"
    )]
    Unfilled {
        /// How much of how much.
        filled: String,
    },
    /// The program that is load is of no use.
    #[error("load: {0}")]
    Program(String),
    /// The load has ended, but left no metrics.
    #[error("stress-ng left no metrics: {reason}")]
    Unmeasured {
        /// Why.
        reason: String,
    },
    /// A call of the operating system failed.
    #[error("cannot {action}")]
    Io {
        /// What was being done.
        action: String,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

impl LoadError {
    /// What a failed start means.
    fn of_spawn(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotInstalled
        } else {
            Self::Io { action: "start stress-ng".to_owned(), source }
        }
    }

    /// What a question means that was not answered.
    fn of_question(source: &io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotInstalled,
            _ => Self::Broken { words: source.to_string() },
        }
    }
}

/// What load to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadRequest {
    /// Block of the instance.
    pub(crate) block: u32,
    /// Name of the load level.
    pub(crate) level_name: String,
    /// stress-ng's options, word by word; empty for a level without stress-ng.
    pub(crate) arguments: Vec<String>,
    /// A program that is load.
    pub(crate) program: Option<LoadProgram>,
    /// Path of the `generator` binary, which watches over that program.
    pub(crate) generator: PathBuf,
    /// The CPUs that all of it runs on; none for every CPU.
    pub(crate) cpus: Option<CpuList>,
    /// Whether the memory must be filled when a trial ends.
    pub(crate) requires_memory: bool,
    /// Memory that it is to fill, in bytes, where that is known.
    pub(crate) memory_bytes: Option<u64>,
    /// Longest wait for the load to settle.
    pub(crate) ramp: Duration,
}

/// How a load came up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    /// How long it was waited for.
    pub(crate) after: Duration,
    /// What was not steady when the ramp's time was up, if anything: workers, CPU use, memory in use.
    pub(crate) unsteady: Option<String>,
    /// Workers running.
    pub(crate) workers: usize,
}

/// A running load. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Load {
    request: LoadRequest,
    /// None for a level without stress-ng.
    process: Option<Process>,
    /// A program beside it.
    program: Option<Beside>,
    steadiness: Steadiness,
}

impl Load {
    /// Starts the load, writing only below `scratch`, which `credentials` must be able to reach.
    ///
    /// stress-ng dies with the calling *thread*, so call it from one that lives as long as the load: the main thread.
    pub(crate) fn start(
        request: &LoadRequest,
        scratch: &Path,
        credentials: Option<&Credentials>,
    ) -> Result<Self, LoadError> {
        let steadiness = Steadiness::begin(request.memory_bytes);
        let start = || Process::start(&request.arguments, scratch, credentials);
        let process = if request.arguments.is_empty() {
            None
        } else {
            Some(settings::within(request.cpus.as_ref(), start)?)
        };
        let program = request.program.as_ref();
        let start =
            |it| Beside::start(it, (&request.generator, request.cpus.as_ref()), (scratch, credentials));
        let program = program.map(start).transpose()?;
        Ok(Self { request: request.clone(), process, program, steadiness })
    }

    /// Waits until all workers run, CPU use is steady and memory in use has stopped growing, at most for the ramp;
    /// without load, for a short look at CPU use at most. That something is not steady is no error: on a busy machine
    /// it may never be, and a worker that fills gigabytes takes longer than most ramps. Nor is it when `stop` was set.
    pub(crate) fn settle(&mut self, stop: &AtomicBool) -> Result<Settled, LoadError> {
        let began = Instant::now();
        let ramp = self.request.ramp;
        let is_loaded = self.process.is_some() || self.program.is_some();
        let limit = if is_loaded { ramp } else { ramp.min(QUIET_CHECK) };
        loop {
            let complete = self.process.as_mut().map_or(Ok(true), Process::is_complete)?;
            self.look_after_program()?;
            let memory = self.process.is_none() || self.steadiness.memory();
            let steady = complete && self.steadiness.cpu() && memory;
            let after = began.elapsed();
            let is_stopped = stop.load(Ordering::Relaxed);
            if steady || after >= limit || is_stopped {
                let workers = self.process.as_ref().map_or(0, |process| process.workers);
                let unsteady = (is_loaded && !steady && !is_stopped)
                    .then(|| self.steadiness.missing(complete))
                    .flatten();
                return Ok(Settled { after, unsteady, workers });
            }
            std::thread::sleep(SAMPLING.min(limit.saturating_sub(after)));
            self.steadiness.sample(complete);
        }
    }

    /// Whether the load is still the one that was started: stress-ng lives and no worker ended, nor did the program.
    pub(crate) fn check(&mut self) -> Result<(), LoadError> {
        self.look_after_program()?;
        self.process.as_mut().map_or(Ok(()), |process| process.check().map(|_| ()))
    }

    /// Whether the load is, at the end of a trial, the one that was asked for: all its workers run, none was left out,
    /// and the memory that must be filled is.
    pub(crate) fn verify(&mut self) -> Result<(), LoadError> {
        self.look_after_program()?;
        if let Some(process) = &mut self.process {
            process.verify()?;
        }
        let unfilled = self.steadiness.unfilled().filter(|_| self.request.requires_memory);
        unfilled.map_or(Ok(()), |filled| Err(LoadError::Unfilled { filled }))
    }

    /// Fails when the program that is load has ended. Cheap enough for within a window.
    pub(crate) fn look_after_program(&mut self) -> Result<(), LoadError> {
        self.program.as_mut().map_or(Ok(()), Beside::check)
    }

    /// stress-ng's process; none for a level without load.
    pub(crate) fn leader(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.leader)
    }

    /// Ends the load, which may take `patience` to do so by itself, and returns its metrics. Whatever is returned,
    /// nothing of it runs any more.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<Vec<LoadMetric>, LoadError> {
        drop(self.program.take());
        let Some(mut process) = self.process.take() else {
            return Ok(Vec::new());
        };
        process.end(patience)?;
        process.metrics(&self.request)
    }
}

/// A running stress-ng.
#[derive(Debug)]
struct Process {
    handle: duct::Handle,
    leader: Pid,
    /// Its working space; removed with it.
    folder: TempDir,
    /// Most workers seen alive at one time.
    workers: usize,
    /// Short names of the workers that had to be killed.
    killed: BTreeSet<String>,
    /// Collected, so that the number in `leader` means nothing any more.
    ended: bool,
}

impl Process {
    fn start(
        arguments: &[String],
        scratch: &Path,
        credentials: Option<&Credentials>,
    ) -> Result<Self, LoadError> {
        let io = |action: String| move |source| LoadError::Io { action, source };
        let folder = tempfile::Builder::new()
            .prefix("load-")
            .tempdir_in(scratch)
            .map_err(io(format!("make a folder in {}", scratch.display())))?;
        if let Some(credentials) = credentials {
            credentials.give(folder.path()).map_err(io(format!("give {} away", folder.path().display())))?;
        }
        // Ours come last: stress-ng lets the last one win.
        let mut words: Vec<std::ffi::OsString> = arguments.iter().map(Into::into).collect();
        words.extend(["--timeout", "0", "--metrics", "--yaml"].map(Into::into));
        words.extend([yaml_of(folder.path()).into(), "--temp-path".into(), folder.path().into()]);
        let credentials = credentials.cloned();
        let handle = duct::cmd("stress-ng", words)
            .stdin_null()
            // Files, for a pipe would be held open by every worker.
            .stderr_to_stdout()
            .stdout_path(output_of(folder.path()))
            .unchecked()
            .before_spawn(move |command| {
                command.process_group(0);
                guard_child(command, credentials.as_ref());
                Ok(())
            })
            .start()
            .map_err(LoadError::of_spawn)?;
        let leader = handle.pids().first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        let leader =
            leader.ok_or_else(|| LoadError::Unmeasured { reason: "it has no process number".to_owned() })?;
        Ok(Self { handle, leader, folder, workers: 0, killed: BTreeSet::new(), ended: false })
    }

    /// Everything that it printed so far.
    fn output(&self) -> String {
        let bytes = std::fs::read(output_of(self.folder.path())).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How stress-ng ended, if it has. It stays uncollected, so that its number remains its group's.
    fn status(&self) -> Option<WaitIdStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(self.leader), options).ok().flatten()
    }

    /// Fails when stress-ng or one of the workers seen has ended; else says how many workers run.
    fn check(&mut self) -> Result<usize, LoadError> {
        if let Some(status) = self.status() {
            let words = words(&self.output());
            // Options are all that it can have failed at before it announced anything.
            let refused = status.exit_status() == Some(1) && metrics::announced(&self.output()).is_none();
            let how = meaning(&status);
            return Err(if refused { LoadError::Refused { words } } else { LoadError::Died { how, words } });
        }
        let running = family::workers(self.leader, self.workers);
        if running < self.workers {
            let output = self.output();
            let words = metrics::skipped(&output).unwrap_or_else(|| words(&output));
            return Err(LoadError::Thinned { running, expected: self.workers, words });
        }
        self.workers = running;
        Ok(running)
    }

    /// Fails unless every worker that stress-ng announced runs, and it announced all that it was asked for.
    fn verify(&mut self) -> Result<(), LoadError> {
        let running = self.check()?;
        let output = self.output();
        if let Some(words) = metrics::skipped(&output) {
            return Err(LoadError::LeftOut { words });
        }
        let expected =
            metrics::announced(&output).map_or(1, |all| all.values().map(|count| *count as usize).sum());
        if running < expected {
            return Err(LoadError::Thinned { running, expected, words: words(&output) });
        }
        Ok(())
    }

    /// Whether all announced workers run. Where stress-ng was told to be quiet, any worker will do.
    fn is_complete(&mut self) -> Result<bool, LoadError> {
        let running = self.check()?;
        let expected = metrics::announced(&self.output())
            .map_or(1, |instances| instances.values().map(|count| *count as usize).sum());
        Ok(running >= expected)
    }

    /// Ends stress-ng: asks first, so that it writes its metrics and cleans up, then kills what is left of it, workers
    /// before the one that collects them.
    fn end(&mut self, patience: Duration) -> Result<(), LoadError> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        // Taken while everyone still has a parent, since afterwards the strays could not be told from strangers.
        let known = family::family(self.leader, &family::Members::new());
        let _ = rustix::process::kill_process(self.leader, Signal::TERM);
        let asked = Instant::now();
        while self.status().is_none() && asked.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(5));
            if asked.elapsed() >= COURTESY {
                // stress-ng collects its workers and writes the metrics, however they ended.
                self.killed.extend(family::kill_workers(self.leader, &known));
            }
        }
        let left = family::kill(self.leader, &known, patience.max(DYING));
        if !left.contains_key(&self.leader.as_raw_pid()) {
            let collected = self.handle.wait();
            collected.map_err(|source| LoadError::Io { action: "wait for stress-ng".to_owned(), source })?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let action = format!("end stress-ng's processes {:?}", left.keys().collect::<Vec<_>>());
        Err(LoadError::Io { action, source: io::ErrorKind::TimedOut.into() })
    }

    /// The metrics of a stress-ng that has ended.
    fn metrics(&self, request: &LoadRequest) -> Result<Vec<LoadMetric>, LoadError> {
        let output = self.output();
        let unmeasured = |reason: String| LoadError::Unmeasured { reason };
        let yaml = std::fs::read_to_string(yaml_of(self.folder.path()))
            .map_err(|error| unmeasured(format!("{error}: {}", words(&output))))?;
        let instances = metrics::announced(&output).unwrap_or_default();
        let mut metrics = metrics::parse(&yaml, (request.block, &request.level_name), &instances);
        if metrics.is_empty() {
            return Err(unmeasured(words(&output)));
        }
        for metric in &mut metrics {
            if self.killed.contains(&family::worker_name(&metric.stressor)) {
                metrics::strike_out(metric);
            }
        }
        Ok(metrics)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end(HURRIED);
    }
}

/// Kills what is left of a stress-ng whose runner is gone.
pub(crate) fn kill(leader: Pid) {
    family::kill(leader, &family::Members::new(), PATIENT);
}

/// Where stress-ng writes its metrics.
fn yaml_of(folder: &Path) -> PathBuf {
    folder.join("metrics.yaml")
}

/// Where it prints.
fn output_of(folder: &Path) -> PathBuf {
    folder.join("output.txt")
}

/// How stress-ng ended, in words; its exit codes by the section EXIT STATUS of its manual.
fn meaning(status: &WaitIdStatus) -> String {
    if let Some(signal) = status.terminating_signal() {
        return format!("killed by signal {signal}");
    }
    let words = match status.exit_status() {
        Some(0) => "having done all it was asked to",
        Some(1) => "as its options are wrong or it lacked a resource itself",
        Some(2) => "as a stressor failed",
        Some(3) => "as a stressor lacked a resource (memory, disk space or a system call) to begin",
        Some(4) => "as a stressor does not exist on this machine or kernel",
        Some(5) => "as a stressor was killed by an unexpected signal",
        Some(6) => "as a stressor exited unexpectedly",
        Some(7) => "as its own counts are not to be trusted, perhaps for lack of memory",
        _ => "in an unknown way",
    };
    format!("{words} (exit code {})", status.exit_status().unwrap_or(-1))
}

#[cfg(test)]
mod tests;

//! The programs of one trial: what surrounds them, when each of them runs, and that nothing of them stays.
//!
//! It does not know the window; whoever opens and closes it says when.

use super::linux::{Cut, GLANCE};
use crate::credentials::Credentials;
use crate::scenario::{Program, Until};
use generators::ProgramSpec;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command before or after a trial may take.
const AROUND_LIMIT: Duration = Duration::from_mins(5);
/// The same after a trial that a signal ended.
const HURRIED_LIMIT: Duration = Duration::from_millis(700);
/// How long a program may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two questions whether it is.
const READY_PAUSE: Duration = Duration::from_millis(20);

/// What programs are started with.
pub(super) struct Host<'a> {
    /// Path of the `generator` binary.
    pub(super) generator: PathBuf,
    /// Whom programs run as, when not as the runner.
    pub(super) user: Option<Credentials>,
    /// The trial's folder.
    pub(super) scratch: PathBuf,
    /// Set by a signal.
    pub(super) stop: &'a AtomicBool,
}

/// The programs of a trial. Dropping it ends them and clears up after them.
pub(super) struct Programs<'a> {
    host: Host<'a>,
    /// Each held or running, with what it is.
    running: Vec<(Program, generators::Program)>,
    /// What is to be done once they have ended.
    teardown: Vec<(Program, Vec<String>)>,
}

impl<'a> Programs<'a> {
    /// Carries out what comes before a trial and holds every program before its first instruction.
    pub(super) fn hold(programs: Vec<Program>, host: Host<'a>) -> Result<Self, Cut> {
        let mut held = Self { host, running: Vec::new(), teardown: Vec::new() };
        for program in programs {
            held.teardown.extend(program.teardown.iter().map(|words| (program.clone(), words.clone())));
            for words in &program.setup {
                held.host.carry_out(&program, words, "setup")?;
            }
            let held_program = held.host.start(&program, &program.command, program.stdin.as_deref())?;
            held.running.push((program, held_program));
        }
        Ok(held)
    }

    /// The programs' process ids.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.running.iter().map(|(_, program)| program.pid()).collect()
    }

    /// Starts those that run before the warm-up, in order, and waits until each program is ready.
    pub(super) fn begin(&mut self) -> Result<(), Cut> {
        let Self { host, running, .. } = self;
        for (program, running) in running {
            if program.until == Until::Window {
                running.go()?;
            }
            let Some(words) = &program.ready else { continue };
            let began = Instant::now();
            while let Err(cut) = host.carry_out(program, words, "ready") {
                if let (Cut::Interrupted, _) | (_, true) = (&cut, began.elapsed() > READY_LIMIT) {
                    return Err(cut);
                }
                fail_if_ended(running, program)?;
                thread::sleep(READY_PAUSE);
            }
        }
        Ok(())
    }

    /// Lets those run whose end is the window's. Nothing is done between one and the next.
    pub(super) fn go(&mut self) -> Result<(), Cut> {
        self.of(Until::End).try_for_each(|(_, running)| Ok(running.go()?))
    }

    /// Waits until all of those have ended; fails if one ended with a failure.
    pub(super) fn wait(&mut self) -> Result<(), Cut> {
        let stop = self.host.stop;
        for (_, running) in self.of(Until::End) {
            while !running.wait(Instant::now() + GLANCE)? {
                glance(stop)?;
            }
        }
        Ok(())
    }

    /// Fails unless every program did what it was there for: ended with success, or outlasted the window.
    pub(super) fn check(&mut self) -> Result<(), Cut> {
        for (program, running) in &mut self.running {
            match program.until {
                Until::End => running.check()?,
                Until::Window => fail_if_ended(running, program)?,
            }
        }
        Ok(())
    }

    /// Ends the programs and clears up after them; says what failed at that.
    pub(super) fn end(mut self) -> Option<String> {
        self.clear_up()
    }

    fn of(&mut self, until: Until) -> impl Iterator<Item = &mut (Program, generators::Program)> {
        self.running.iter_mut().filter(move |(program, _)| program.until == until)
    }

    fn clear_up(&mut self) -> Option<String> {
        self.running.clear();
        let mut failed = None;
        for (program, words) in std::mem::take(&mut self.teardown) {
            if let Err(Cut::Failed(reason)) = self.host.carry_out(&program, &words, "teardown") {
                failed.get_or_insert(reason);
            }
        }
        failed
    }
}

impl Drop for Programs<'_> {
    fn drop(&mut self) {
        // The trial has failed, with a reason of its own.
        let _ = self.clear_up();
    }
}

fn glance(stop: &AtomicBool) -> Result<(), Cut> {
    if stop.load(Ordering::Relaxed) { Err(Cut::Interrupted) } else { Ok(()) }
}

/// Fails when a program that is to run on has ended.
fn fail_if_ended(running: &mut generators::Program, program: &Program) -> Result<(), Cut> {
    match running.ended()? {
        Some(status) => Err(Cut::Failed(format!(
            "`{}` ended before the window did, with {status}: {}",
            program.command[0],
            running.last_words()
        ))),
        None => Ok(()),
    }
}

impl Host<'_> {
    fn start(
        &self,
        program: &Program,
        words: &[String],
        stdin: Option<&Path>,
    ) -> Result<generators::Program, Cut> {
        let spec = ProgramSpec {
            command: words.to_vec(),
            cwd: program.cwd.clone(),
            env: ProgramSpec::environment(&self.scratch).into_iter().chain(program.env.clone()).collect(),
            stdin: stdin.map(Path::to_owned),
            is_theirs: false,
        };
        Ok(generators::Program::hold(&self.generator, &spec, self.user.as_ref().map(Credentials::ids))?)
    }

    /// Carries out a command of `program` to its end.
    fn carry_out(&self, program: &Program, words: &[String], what: &str) -> Result<(), Cut> {
        let is_teardown = what == "teardown";
        let failed = |cut: Cut| match cut {
            Cut::Failed(reason) => Cut::Failed(format!("{what}: {reason}")),
            Cut::Interrupted => Cut::Interrupted,
        };
        let mut command = self.start(program, words, None).map_err(failed)?;
        command.go()?;
        let began = Instant::now();
        while !command.wait(Instant::now() + GLANCE)? {
            let is_stopped = self.stop.load(Ordering::Relaxed);
            if is_stopped && !is_teardown {
                return Err(Cut::Interrupted);
            }
            let limit = if is_stopped { HURRIED_LIMIT } else { AROUND_LIMIT };
            if began.elapsed() > limit {
                return Err(Cut::Failed(format!(
                    "{what}: `{}` did not end within {} seconds",
                    words[0],
                    limit.as_secs()
                )));
            }
        }
        command.check().map_err(|error| failed(error.into()))
    }
}

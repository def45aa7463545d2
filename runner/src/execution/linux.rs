//! The rig of a Linux machine: stress-ng, generators, probe and monitor through one trial's life.
//!
//! Load at its level → probe attached → generators ready → warm-up → window → generators end → read. The window's
//! bounds are times of the monotonic clock that probe, generators and monitor are told before it opens, so that all
//! three count the same calls and nobody has to be interrupted for it.

use super::observed::{self, Seen, Whose};
use super::programs::{Host, Programs};
use super::{Measured, Outcome, Probes, Rig};
use crate::clock::nanoseconds;
use crate::credentials::Credentials;
use crate::load::{self, Load, LoadRequest};
use crate::monitor::Monitor;
use crate::noise::{Listener, steal};
use crate::scenario::{Cell, Machine, PlannedTrial, Scenario, Window as WindowRule};
use crate::scratch::Scratch;
use crate::settings;
use crate::timeline::{Laps, processor_time};
use generators::GeneratorReport;
use generators::control::Phase;
use generators::{Generator, GeneratorError};
use probe::{Callers, Window, monotonic_ns};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::LoadMetric;
use tempfile::TempDir;

/// How long a generator may take to prepare files, memory and threads.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How long a generator may take to end after the window, a call that is still blocked included.
const END_DEADLINE: Duration = Duration::from_secs(10);
/// How long to wait for generators to park after the window: about what it takes to do without.
const PARK_LIMIT: Duration = Duration::from_millis(5);
/// How often a waiting runner looks up: rare enough not to be seen in what is measured.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// What a rig is made of.
pub(crate) struct Parts<'a> {
    pub(crate) scenario: &'a Scenario,
    /// The plan's.
    pub(crate) seed: u64,
    pub(crate) machine: Machine,
    pub(crate) probes: Probes,
    /// Path of the `generator` binary.
    pub(crate) generator: PathBuf,
    /// Whom generators and load run as, when not as the runner.
    pub(crate) credentials: Option<Credentials>,
    /// A folder for files that nobody keeps.
    pub(crate) scratch: &'a Scratch,
    pub(crate) stop: &'a AtomicBool,
}

/// See the module.
pub(crate) struct LinuxRig<'a> {
    parts: Parts<'a>,
    monitor: Monitor,
    listener: Listener,
    load: Option<Load>,
    /// Whether there was no load when it was last started, and the machine has come to rest.
    is_quiet: bool,
}

/// The generators of a trial.
#[derive(Default)]
struct Crew {
    generators: Vec<Generator>,
    /// Whose report each will give.
    whose: Vec<Whose>,
    /// Threads of all.
    threads: u64,
}

/// Why a trial has no figures.
pub(super) enum Cut {
    Failed(String),
    Interrupted,
}

impl<E: Error + 'static> From<E> for Cut {
    fn from(error: E) -> Self {
        Self::Failed(crate::failure::chain(&error))
    }
}

impl<'a> LinuxRig<'a> {
    pub(crate) fn new(parts: Parts<'a>) -> std::io::Result<Self> {
        if let Some(list) = &parts.scenario.machine.cpus.runner {
            settings::stay_on(list);
        }
        let monitor = Monitor::start(Duration::from_millis(100))?;
        let cpus = u32::try_from(parts.machine.cpus).unwrap_or(u32::MAX);
        Ok(Self { parts, monitor, listener: Listener::new(cpus), load: None, is_quiet: false })
    }

    fn try_measure(&mut self, trial: &PlannedTrial) -> Result<Measured, Cut> {
        let mut laps = Laps::default();
        let scenario = self.parts.scenario;
        let cell = scenario.cell(trial.cell);
        let scratch = self.prepare(&cell)?;
        let host = Host {
            generator: self.parts.generator.clone(),
            user: self.parts.credentials.clone(),
            scratch: scratch.path().to_owned(),
            stop: self.parts.stop,
        };
        laps.lap("prepare");
        let cpus = scenario.machine.cpus.generators.as_ref();
        let programs = scenario.programs_of(&cell, scratch.path());
        let mut programs = settings::within(cpus, || Programs::hold(programs, host))?;
        let Crew { mut generators, whose, threads } = self.start_generators(trial, scratch.path())?;
        laps.lap("spawn");
        for generator in &mut generators {
            self.patiently(READY_DEADLINE, |limit| generator.wait_phase(Phase::Ready, limit))?;
        }
        if let Some(probe) = self.parts.probes.attached() {
            programs.pids().into_iter().try_for_each(|pid| probe.include(pid))?;
        }
        drop_caches(scenario);
        settings::within(cpus, || programs.begin())?;
        let quiet = self.listener.look();
        laps.lap("ready");
        let spent = processor_time();
        let warmup = *scenario.measure.warmup.at(&cell);
        let (window, watch) = match *scenario.measure.window.at(&cell) {
            WindowRule::Timed(length) => self.timed(&mut generators, (warmup, length))?,
            WindowRule::Operations => self.counted(&mut generators, &mut programs, warmup)?,
        };
        laps.lap("window");
        laps.spent(processor_time().saturating_sub(spent));
        // Before generators end: that begins what a grace period would have to wait for first.
        let callers = parked(&mut generators)?;
        let readings = self.parts.probes.attached().map(|probe| probe.read_after(callers)).transpose()?;
        generators.iter().for_each(Generator::release);
        laps.lap("read");
        let load = self.load.as_mut().map_or(Ok(()), Load::verify);
        programs.check()?;
        laps.lap("verify");
        let reports = self.reports_of(generators)?;
        laps.lap("end");
        let reports = whose.into_iter().zip(reports).collect();
        let seen = Seen { readings, reports, threads, open_ns: window.open_ns };
        let mut measured = observed::measured(scenario, &scenario.targets_of(&cell), &seen);
        measured.doubt(programs.end());
        measured.doubt(load.err().map(|error| crate::failure::chain(&error)));
        measured.window_ns = window.close_ns - window.open_ns;
        measured.monitor = watch.finish();
        let limit = scenario.measure.noise_limit;
        measured.noise = Some(self.listener.since(&quiet, steal(&measured.monitor), limit));
        laps.lap("observe");
        measured.laps = laps;
        Ok(measured)
    }

    /// The trial's folder, with the load there and the probe attached that the trial asks for.
    fn prepare(&mut self, cell: &Cell) -> Result<TempDir, Cut> {
        self.check_load()?;
        // Before the generators start: their kernel entry is patched for a probe or not, and they warm up with it.
        self.parts.probes.prepare(*self.parts.scenario.measure.probe.at(cell)).map_err(Cut::Failed)?;
        let scratch = tempfile::tempdir_in(self.parts.scratch.path())?;
        if let Some(user) = &self.parts.credentials {
            user.give(scratch.path())?;
        }
        if let Some(probe) = self.parts.probes.attached() {
            probe.exclude_all()?;
        }
        Ok(scratch)
    }

    /// Starts the trial's generators, each followed by the probe from its first instruction.
    fn start_generators(&mut self, trial: &PlannedTrial, scratch: &Path) -> Result<Crew, Cut> {
        let scenario = self.parts.scenario;
        let mut crew = Crew::default();
        for (name, mut spec) in scenario.generators_of(&scenario.cell(trial.cell), scratch) {
            // Another order of a mix in each trial, and the same whenever the plan is executed.
            spec.seed = self.parts.seed.wrapping_add(u64::from(trial.trial));
            let user = self.parts.credentials.as_ref().map(Credentials::ids);
            let spawn = || Generator::spawn(&self.parts.generator, &spec, user);
            let generator = settings::within(scenario.machine.cpus.generators.as_ref(), spawn)?;
            if let Some(probe) = self.parts.probes.attached() {
                probe.include(generator.pid())?;
            }
            crew.threads += u64::from(spec.threads);
            crew.whose.push(Whose::of(name, &spec));
            crew.generators.push(generator);
        }
        Ok(crew)
    }

    /// A window of fixed length: everybody knows its bounds before it opens.
    fn timed(
        &mut self,
        generators: &mut [Generator],
        (warmup, length): (Duration, Duration),
    ) -> Result<(Window, crate::monitor::Watch), Cut> {
        let open_ns = monotonic_ns() + nanoseconds(warmup);
        let window = Window { open_ns, close_ns: open_ns + nanoseconds(length) };
        if let Some(probe) = self.parts.probes.attached() {
            probe.arm(window)?;
        }
        let watch = self.monitor.watch(window.open_ns, Some(window.close_ns));
        for generator in &mut *generators {
            generator.page().set_window_ns(window.open_ns, window.close_ns);
            generator.page().set_phase(Phase::Go);
        }
        while let Some(left) = window.close_ns.checked_sub(monotonic_ns()) {
            self.glance()?;
            thread::sleep(Duration::from_nanos(left + 1).min(GLANCE));
        }
        Ok((window, watch))
    }

    /// A window from before the first to after the last of a number of operations.
    fn counted(
        &mut self,
        generators: &mut [Generator],
        programs: &mut Programs,
        warmup: Duration,
    ) -> Result<(Window, crate::monitor::Watch), Cut> {
        let warm_until = monotonic_ns() + nanoseconds(warmup);
        for generator in &mut *generators {
            generator.page().set_window_ns(warm_until, u64::MAX);
            generator.page().set_phase(Phase::Warm);
        }
        for generator in &mut *generators {
            self.wait(generator, Phase::Warmed)?;
        }
        let open_ns = monotonic_ns();
        if let Some(probe) = self.parts.probes.attached() {
            probe.arm(Window { open_ns, close_ns: u64::MAX })?;
        }
        let watch = self.monitor.watch(open_ns, None);
        for generator in &*generators {
            generator.page().set_phase(Phase::Go);
        }
        programs.go()?;
        for generator in &mut *generators {
            self.wait(generator, Phase::Done)?;
        }
        programs.wait()?;
        let close_ns = monotonic_ns();
        if let Some(probe) = self.parts.probes.attached() {
            probe.close(close_ns)?;
        }
        Ok((Window { open_ns, close_ns }, watch))
    }

    /// Waits for the end of the generators and reads what they report.
    fn reports_of(&mut self, mut generators: Vec<Generator>) -> Result<Vec<GeneratorReport>, Cut> {
        for generator in &mut generators {
            self.patiently(END_DEADLINE, |limit| generator.wait_end(limit))?;
        }
        let reports = generators.into_iter().map(|generator| generator.finish(Duration::ZERO));
        Ok(reports.collect::<Result<_, _>>()?)
    }

    /// Waits as long as it takes: how long a number of operations lasts is the scenario's business.
    fn wait(&mut self, generator: &mut Generator, phase: Phase) -> Result<(), Cut> {
        self.patiently(Duration::MAX, |limit| generator.wait_phase(phase, limit))
    }

    /// Waits for what a generator is to do, and looks up meanwhile; `wait` is told how long it may take each time.
    fn patiently(
        &mut self,
        limit: Duration,
        mut wait: impl FnMut(Duration) -> Result<(), GeneratorError>,
    ) -> Result<(), Cut> {
        let began = Instant::now();
        loop {
            let is_late = began.elapsed() >= limit;
            match wait(GLANCE) {
                Err(GeneratorError::Late { .. } | GeneratorError::Lingers { .. }) if !is_late => {
                    self.glance()?;
                }
                outcome => return Ok(outcome.map_err(|error| error.after(limit))?),
            }
        }
    }

    /// Looks whether there is a reason to give up, and starts a load's program again that has ended. stress-ng is looked
    /// at after the window: that takes longer. So is told what has become of the load.
    fn glance(&mut self) -> Result<(), Cut> {
        let _ = self.load.as_mut().map(Load::look_after_program);
        if self.parts.stop.load(Ordering::Relaxed) { Err(Cut::Interrupted) } else { Ok(()) }
    }

    fn check_load(&mut self) -> Result<(), Cut> {
        if let Some(load) = &mut self.load {
            load.check()?;
        }
        Ok(())
    }
}

impl Rig for LinuxRig<'_> {
    fn start_load(&mut self, trial: &PlannedTrial) -> Result<Option<String>, String> {
        let scenario = self.parts.scenario;
        let level = scenario.loads[trial.load].at(&scenario.cell(trial.cell));
        let request = LoadRequest {
            block: trial.block,
            level_name: level.name.to_string(),
            arguments: level.arguments(&self.parts.machine),
            program: level.program.clone(),
            generator: self.parts.generator.clone(),
            requires_memory: level.requires_memory,
            cpus: scenario.machine.cpus.load.clone(),
            memory_bytes: level
                .memory_bytes(&self.parts.machine, crate::monitor::memory_available().unwrap_or(0)),
            ramp: scenario.plan.ramp,
        };
        let scratch = self.parts.scratch.path();
        let load = Load::start(&request, scratch, self.parts.credentials.as_ref());
        let load = self.load.insert(load.map_err(|error| crate::failure::chain(&error))?);
        self.parts.scratch.keeper().watch(load.leader());
        // Between one time without load and the next there is nothing that could settle.
        if std::mem::replace(&mut self.is_quiet, level.is_quiet()) && level.is_quiet() {
            return Ok(None);
        }
        load.settle(self.parts.stop)
            .map(|settled| settled.unsteady)
            .map_err(|error| crate::failure::chain(&error))
    }

    fn stop_load(&mut self) -> Result<Vec<LoadMetric>, String> {
        let stopped = self.parts.stop.load(Ordering::Relaxed);
        let patience = if stopped { load::HURRIED } else { load::PATIENT };
        let metrics = self.load.take().map(|load| load.stop(patience)).transpose();
        self.parts.scratch.keeper().watch(None);
        metrics.map(Option::unwrap_or_default).map_err(|error| crate::failure::chain(&error))
    }

    fn measure(&mut self, trial: &PlannedTrial) -> Outcome {
        let outcome = self.try_measure(trial);
        if let (Err(_), Some(probe)) = (&outcome, self.parts.probes.attached()) {
            // What the abandoned window counted must not be found in the next one. Should even this fail, so will the
            // next trial, and say why.
            let _ = probe.read();
        }
        match outcome {
            Ok(measured) => Outcome::Measured(Box::new(measured)),
            Err(Cut::Failed(reason)) => Outcome::Failed(reason),
            Err(Cut::Interrupted) => Outcome::Interrupted,
        }
    }

    fn stand_aside(&mut self, is_quiet: bool) {
        self.parts.probes.detach();
        self.is_quiet &= is_quiet;
    }
}

/// Whether all generators have parked, which those do at once that are not held up in a call.
fn parked(generators: &mut [Generator]) -> Result<Callers, GeneratorError> {
    let began = Instant::now();
    for generator in generators {
        match generator.wait_phase(Phase::Done, PARK_LIMIT.saturating_sub(began.elapsed())) {
            Ok(()) => {}
            Err(GeneratorError::Late { .. }) => return Ok(Callers::Unknown),
            Err(error) => return Err(error),
        }
    }
    Ok(Callers::Parked)
}

/// Drops the machine's caches where the scenario says so. Where that cannot be done, the run has a warning.
fn drop_caches(scenario: &Scenario) {
    if scenario.machine.drop_caches {
        let _ = settings::drop_caches(&settings::root());
    }
}

//! The attached probe: windows, banks, readings.
//!
//! Windows are counted from 1, and the parity of a window's number is its bank, so that a window never writes to the
//! bank of the one before. A bank is zeroed when it has been read.

mod peek;

use crate::attachment::{Attached, Attachment};
use crate::control::Instructions;
use crate::functions::Functions;
use crate::open_calls::OpenCalls;
use crate::scope::Listed;
use crate::shared::Shared;
use crate::slowest::SlowCalls;
use crate::target::{MAX_RAW_TARGETS, MAX_TARGETS};
use crate::{
    Backend, ProbeError, Reading, Scope, Target, Window, fentry, functions, grace, kretprobe, monotonic_ns,
    object, raw_tracepoint, scope,
};
use aya::Ebpf;
use probe_abi::{
    Counts, ERRNOS, Histogram, MAX_SLOWEST, STARTS, SYSCALL_NUMBERS, Start, bank_of, count_index,
};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::linux::fs::MetadataExt as _;

/// How to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whose calls count.
    pub scope: Scope,
    /// How many of the slowest calls of each target to keep, up to [`crate::MAX_SLOWEST`]. Other than 0, it makes every
    /// call dearer, and every time that a thread of the scope is taken off the CPU much dearer.
    pub keep_slowest: usize,
    /// For [`Backend::Kretprobe`].
    pub max_active: MaxActive,
}

/// How many calls of one function a kretprobe watches at a time. The return of any more is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxActive {
    /// As many as can be had.
    Most,
    /// What the kernel gives unasked.
    Default,
}

impl From<Scope> for Options {
    fn from(scope: Scope) -> Self {
        Self { scope, keep_slowest: 0, max_active: MaxActive::Most }
    }
}

/// What is known of those whose calls count when a window is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Nothing: they may be in the middle of a call.
    Unknown,
    /// All threads of all processes that count have returned from their last call of a target, and who reads has learnt of
    /// that by memory that they wrote afterwards.
    Parked,
}

/// How long the parts of [`Probe::read`] took.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ReadParts {
    /// The wait until no program writes any more.
    pub grace_ns: u64,
    /// The walk of the start table.
    pub starts_ns: u64,
    /// Reading and zeroing all counts.
    pub counts_ns: u64,
}

/// The BPF programs, attached until dropped.
#[derive(Debug)]
pub struct Probe {
    // Dropped in this order: what is attached first, the programs last.
    attachment: Attachment,
    backend: Backend,
    targets: Vec<Target>,
    options: Options,
    cpus: usize,
    armed: Option<Armed>,
    /// Number of the latest window.
    window: u32,
    instructions: Instructions,
    listed: Listed,
    /// What was listed since all were excluded, where nobody else lists.
    included: BTreeSet<u32>,
    starts: Shared<Start>,
    counts: Shared<Counts>,
    slow: Option<SlowCalls>,
    programs: Ebpf,
}

/// A window under way.
#[derive(Debug)]
struct Armed {
    window: Window,
    /// What had been missed of each target before it.
    missed: Vec<Option<u64>>,
}

impl Probe {
    /// Loads the programs and attaches them, disarmed.
    pub fn attach(
        backend: Backend,
        targets: &[Target],
        options: impl Into<Options>,
    ) -> Result<Self, ProbeError> {
        let options = options.into();
        check_targets(backend, targets)?;
        check_namespaces()?;
        if options.keep_slowest > MAX_SLOWEST {
            return Err(ProbeError::KeepSlowest { asked: options.keep_slowest });
        }
        let cpus = present_cpus();
        let counts = cpus * 2 * targets.len();
        let keeps_slow = options.keep_slowest > 0;
        let mut programs = object::open(counts, keeps_slow)?;
        let mut instructions = Instructions::of(&mut programs)?;
        let listed = Listed::of(&programs)?;
        instruct(&mut instructions, targets, options)?;
        if options.scope == Scope::System {
            listed.set(std::process::id(), true)?;
        }
        let mut probe = Self {
            attachment: attach(backend, &mut programs, targets, options)?,
            backend,
            targets: targets.to_vec(),
            options,
            cpus,
            armed: None,
            window: 0,
            instructions,
            listed,
            included: BTreeSet::new(),
            starts: Shared::of(&programs, "STARTS", STARTS)?,
            counts: Shared::of(&programs, "COUNTS", counts)?,
            slow: keeps_slow
                .then(|| SlowCalls::take(&mut programs, options.keep_slowest, counts))
                .transpose()?,
            programs,
        };
        for index in 0..counts {
            probe.clear_counts(index);
        }
        Ok(probe)
    }

    /// Where `backend` would attach to each target: a function or a tracepoint, or why there is no such place.
    pub fn places(
        backend: Backend,
        targets: &[Target],
    ) -> Result<Vec<Result<String, ProbeError>>, ProbeError> {
        Ok(match backend {
            Backend::Kretprobe => {
                let functions = Functions::known();
                targets.iter().map(|target| functions.of(target)).collect()
            }
            Backend::Fentry => {
                let types = fentry::types()?;
                let function = |target| Ok(fentry::function(types, target)?.0);
                targets.iter().map(function).collect()
            }
            Backend::RawTracepoint => targets.iter().map(|_| Ok("sys_enter".to_owned())).collect(),
            Backend::User => return Err(ProbeError::Unsupported { backend, reason: "it attaches nothing" }),
        })
    }

    /// How the calls are seen.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// From now on, the calls of process `tgid` count.
    pub fn include(&mut self, tgid: u32) -> Result<(), ProbeError> {
        if self.options.scope == Scope::Generators {
            self.included.insert(tgid);
        }
        self.list(tgid, self.options.scope != Scope::System)
    }

    /// From now on, no process that was included counts any more, nor does any that one of them started.
    pub fn exclude_all(&mut self) -> Result<(), ProbeError> {
        match self.options.scope {
            // Programs, too, write to the list.
            Scope::Families => self.listed.clear(),
            Scope::Generators => {
                std::mem::take(&mut self.included)
                    .into_iter()
                    .try_for_each(|tgid| self.listed.set(tgid, false))?;
            }
            Scope::System => {}
        }
        self.forget_judgements()
    }

    /// From now on, the calls of process `tgid` do not count.
    pub fn exclude(&mut self, tgid: u32) -> Result<(), ProbeError> {
        self.list(tgid, self.options.scope == Scope::System)
    }

    /// Begins the next window; its bounds may lie in the future.
    pub fn arm(&mut self, window: Window) -> Result<(), ProbeError> {
        let Window { open_ns, close_ns } = window;
        if self.armed.is_some() {
            return Err(ProbeError::AlreadyArmed);
        }
        if close_ns <= open_ns {
            return Err(ProbeError::EmptyWindow { open_ns, close_ns });
        }
        // 0 means disarmed, and a number must differ from its predecessor's in parity: wrap from MAX (odd) to 2.
        self.window = self.window.checked_add(1).unwrap_or(2);
        self.armed = Some(Armed { window, missed: self.missed() });
        self.instructions.control.open_ns = open_ns;
        self.instructions.control.close_ns = close_ns;
        // The bounds are there before the number that makes programs look at them.
        self.instructions.give()?;
        self.instructions.control.window = self.window;
        self.instructions.give()
    }

    /// Brings the armed window's close forward to `close_ns`; one that already lies earlier stays.
    ///
    /// Calls that return between `close_ns` and this call are counted: close a window when nobody issues calls any
    /// more, or in advance.
    pub fn close(&mut self, close_ns: u64) -> Result<(), ProbeError> {
        let armed = self.armed.as_mut().ok_or(ProbeError::NotArmed)?;
        armed.window.close_ns = armed.window.close_ns.min(close_ns);
        self.instructions.control.close_ns = armed.window.close_ns;
        self.instructions.give()
    }

    /// Disarms and returns what the window saw of each target, in the targets' order.
    ///
    /// A window that is still open is closed now.
    pub fn read(&mut self) -> Result<Vec<Reading>, ProbeError> {
        Ok(self.read_timed(Callers::Unknown)?.0)
    }

    /// The same where the caller may know that nobody is in a call that counts, so that nothing has to be waited for.
    pub fn read_after(&mut self, callers: Callers) -> Result<Vec<Reading>, ProbeError> {
        Ok(self.read_timed(callers)?.0)
    }

    /// The same, and how long its parts took.
    #[doc(hidden)]
    pub fn read_timed(&mut self, callers: Callers) -> Result<(Vec<Reading>, ReadParts), ProbeError> {
        let mut readings: Vec<_> = self.targets.iter().cloned().map(Reading::empty).collect();
        self.close(monotonic_ns())?;
        let elsewhere = self.elsewhere();
        let armed = self.armed.take().ok_or(ProbeError::NotArmed)?;
        self.instructions.control.window = 0;
        self.instructions.give()?;
        let disarmed_ns = monotonic_ns();
        if !self.is_quiet(callers) {
            grace::wait()?;
        }
        let quiet_ns = monotonic_ns();
        self.open_calls().count(&elsewhere, armed.window, &mut readings);
        let walked_ns = monotonic_ns();
        self.take_counts(&mut readings);
        let taken_ns = monotonic_ns();
        for (reading, (before, after)) in readings.iter_mut().zip(armed.missed.iter().zip(self.missed())) {
            reading.missed = before.zip(after).map(|(before, after)| after.saturating_sub(before));
            reading.balance();
        }
        let parts = ReadParts {
            grace_ns: quiet_ns - disarmed_ns,
            starts_ns: walked_ns - quiet_ns,
            counts_ns: taken_ns - walked_ns,
        };
        Ok((readings, parts))
    }

    /// Detaches what sees returns, or attaches it again, so that losses can be had on purpose.
    #[doc(hidden)]
    pub fn see_returns(&mut self, seen: bool) -> Result<(), ProbeError> {
        self.attachment.leaves.clear();
        if seen {
            self.attachment.leaves =
                attach_leaves(self.backend, &mut self.programs, &self.targets, self.options)?;
        }
        Ok(())
    }

    /// Whether no program can be writing any more. A program ends before the call that it is part of: who has gone on after
    /// its last call proves that nothing of it runs. Only calls of the scope are written of, unless threads that are
    /// taken off the CPU are followed as well.
    fn is_quiet(&self, callers: Callers) -> bool {
        callers == Callers::Parked && self.options.scope == Scope::Generators && self.slow.is_none()
    }

    /// Adds up the counts of the latest window and zeroes them. Only when no program writes to them any more.
    fn take_counts(&mut self, readings: &mut [Reading]) {
        let (cpus, per_cpu) = (self.cpus, 2 * self.targets.len());
        for (target, reading) in (0..).zip(readings) {
            let index = count_index(target, bank_of(self.window)) as usize;
            let indices = (0..cpus).map(|cpu| cpu * per_cpu + index);
            let mut compat = 0;
            for index in indices.clone() {
                compat += self.add_counts(index, reading);
                self.clear_counts(index);
            }
            reading.compat = sees_compat(self.backend, &reading.target).then_some(compat);
            if let Some(slow) = &self.slow {
                reading.slowest = slow.read(indices);
            }
        }
        if let Some(slow) = &mut self.slow {
            slow.forget_stacks();
        }
    }

    /// Adds what entry `index` of the count map holds; returns the calls of 32-bit programs.
    fn add_counts(&self, index: usize, reading: &mut Reading) -> u64 {
        let counts = self.counts.at(index);
        // SAFETY: within the map; no program writes to it while the probe is disarmed.
        let counts: &Counts = unsafe { &*counts };
        reading.entered += counts.entered;
        add_returns(counts, reading);
        counts.compat
    }

    /// Makes entry `index` of the count map ready for the next window.
    fn clear_counts(&mut self, index: usize) {
        let counts = self.counts.at(index);
        let keeps_slow = self.options.keep_slowest > 0;
        // SAFETY: within the map; no program writes to it while the probe is disarmed.
        let counts: &mut Counts = unsafe { &mut *counts };
        if counts.ok.count > 0 {
            counts.ok = Histogram::EMPTY;
        }
        if counts.error.count > 0 {
            counts.error = Histogram::EMPTY;
            counts.errnos = [0; ERRNOS];
        }
        counts.entered = 0;
        counts.compat = 0;
        counts.slow_above_ns = if keeps_slow { 0 } else { u64::MAX };
    }

    /// Callers with an open start that are not in the call, where returns can be missed.
    fn elsewhere(&self) -> HashSet<u64> {
        match self.backend {
            Backend::Kretprobe | Backend::Fentry => self.open_calls().elsewhere(&self.targets),
            Backend::RawTracepoint | Backend::User => HashSet::new(),
        }
    }

    fn open_calls(&self) -> OpenCalls<'_> {
        OpenCalls { starts: &self.starts, window: self.window }
    }

    /// What was missed of each target so far.
    fn missed(&self) -> Vec<Option<u64>> {
        (0..self.targets.len()).map(|index| self.attachment.missed(&self.programs, index)).collect()
    }

    fn list(&mut self, tgid: u32, listed: bool) -> Result<(), ProbeError> {
        self.listed.set(tgid, listed)?;
        self.forget_judgements()
    }

    /// What the programs remember of callers is stale now.
    fn forget_judgements(&mut self) -> Result<(), ProbeError> {
        self.instructions.control.scope_changes += 1;
        self.instructions.give()
    }
}

/// Tells the programs what does not change from window to window.
fn instruct(instructions: &mut Instructions, targets: &[Target], options: Options) -> Result<(), ProbeError> {
    let control = &mut instructions.control;
    control.counts_per_cpu = u32::try_from(2 * targets.len()).unwrap_or(u32::MAX);
    control.listed_are_left_out = u32::from(options.scope == Scope::System);
    if options.scope == Scope::Families {
        control.child_tgid_offset = scope::child_tgid_offset()?;
    }
    control.keep_slowest = u32::try_from(options.keep_slowest).unwrap_or(0);
    let numbered = |number: u32| number as usize % SYSCALL_NUMBERS;
    for (index, target) in (1..=u8::MAX).zip(targets) {
        // Only backends ask that attach to functions, which take fewer targets than there are bits.
        let is_shared = u32::from(functions::is_shared(&target.name));
        control.shared_functions |= is_shared.checked_shl(u32::from(index) - 1).unwrap_or(0);
        for member in target.members() {
            control.targets[numbered(member.number)].native = index;
            if let Some(number) = member.compat_number {
                control.targets[numbered(number)].compat = index;
            }
        }
    }
    instructions.give()
}

/// Whether calls of 32-bit programs come by where the backend is attached.
fn sees_compat(backend: Backend, target: &Target) -> bool {
    backend == Backend::RawTracepoint || functions::is_shared(&target.name)
}

fn attach(
    backend: Backend,
    programs: &mut Ebpf,
    targets: &[Target],
    options: Options,
) -> Result<Attachment, ProbeError> {
    let mut attachment = match backend {
        Backend::Kretprobe => kretprobe::attach(programs, targets, options.max_active)?,
        Backend::Fentry => fentry::attach(programs, targets)?,
        Backend::RawTracepoint => raw_tracepoint::attach(programs)?,
        Backend::User => {
            let reason = "the generators time their calls themselves";
            return Err(ProbeError::Unsupported { backend, reason });
        }
    };
    if options.scope == Scope::Families && backend != Backend::RawTracepoint {
        attachment.aids.push(object::attach_raw(programs, "scope_fork", "sched_process_fork")?);
    }
    if options.keep_slowest > 0 {
        attachment.aids.push(object::attach_raw(programs, "slow_switch", "sched_switch")?);
    }
    Ok(attachment)
}

fn attach_leaves(
    backend: Backend,
    programs: &mut Ebpf,
    targets: &[Target],
    options: Options,
) -> Result<Vec<Attached>, ProbeError> {
    match backend {
        Backend::Kretprobe => kretprobe::attach_leaves(programs, targets, options.max_active),
        Backend::Fentry => fentry::attach_leaves(programs, targets),
        Backend::RawTracepoint | Backend::User => raw_tracepoint::attach_leaves(programs),
    }
}

/// Adds the calls that returned. Most banks are empty, or hold no failures.
fn add_returns(counts: &Counts, reading: &mut Reading) {
    if counts.ok.count > 0 {
        reading.ok.merge(&counts.ok);
    }
    if counts.error.count > 0 {
        reading.error.merge(&counts.error);
        add_errnos(&counts.errnos, &mut reading.errnos);
    }
}

/// Adds counts by error number to a list of those that are not zero.
fn add_errnos(counts: &[u64; ERRNOS], list: &mut Vec<(u16, u64)>) {
    for (errno, count) in (0u16..).zip(counts).filter(|(_, count)| **count > 0) {
        match list.binary_search_by_key(&errno, |(errno, _)| *errno) {
            Ok(at) => list[at].1 += count,
            Err(at) => list.insert(at, (errno, *count)),
        }
    }
}

fn check_targets(backend: Backend, targets: &[Target]) -> Result<(), ProbeError> {
    let is_raw = backend == Backend::RawTracepoint;
    if !is_raw && targets.iter().any(|target| !target.besides.is_empty()) {
        let reason = "it is attached to each call by itself, and cannot count several as one";
        return Err(ProbeError::Unsupported { backend, reason });
    }
    let most = if is_raw { MAX_RAW_TARGETS } else { MAX_TARGETS };
    let members = || targets.iter().flat_map(Target::members);
    let different: BTreeSet<u32> = members().map(|member| member.number).collect();
    let repeated = different.len() < members().count();
    let numbered = different.iter().all(|number| (*number as usize) < SYSCALL_NUMBERS);
    if targets.is_empty() || targets.len() > most || repeated || !numbered {
        return Err(ProbeError::Targets { backend, most });
    }
    Ok(())
}

/// Refuses to probe where process ids or the clock are not those that the programs see.
pub fn check_namespaces() -> Result<(), ProbeError> {
    // The inodes that the kernel gives its initial namespaces (include/uapi/linux/nsfs.h).
    const FIRST_PID: u64 = 0xEFFF_FFFC;
    const FIRST_TIME: u64 = 0xEFFF_FFFA;
    let inode = |kind: &str| fs::metadata(format!("/proc/self/ns/{kind}")).map(|it| it.st_ino());
    // Kernels without namespaces have no such file.
    if inode("pid").is_ok_and(|inode| inode != FIRST_PID) {
        return Err(ProbeError::Namespace { kind: "pid", differs: "process ids", option: "--pid=host" });
    }
    if inode("time").is_ok_and(|inode| inode != FIRST_TIME) {
        return Err(ProbeError::Namespace { kind: "time", differs: "clocks", option: "no time namespace" });
    }
    Ok(())
}

/// CPUs that the machine has, online or not: one more than the highest number.
fn present_cpus() -> usize {
    let present = fs::read_to_string("/sys/devices/system/cpu/present").unwrap_or_default();
    let highest = present.trim().rsplit([',', '-']).next().and_then(|number| number.parse::<usize>().ok());
    highest.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), |highest| highest + 1)
}

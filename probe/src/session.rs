//! The attached probe: scope, windows, banks.
//!
//! Windows are counted from 1, and the parity of a window's number is its bank, so that a window never writes to the
//! bank of the one before. A bank is zeroed when it has been read.

use crate::shared::Shared;
use crate::target::MAX_TARGETS;
use crate::{
    Backend, ProbeError, Reading, Target, Window, grace, kretprobe, monotonic_ns, object, raw_tracepoint,
};
use aya::Ebpf;
use probe_abi::{
    Control, Counts, PID_LIMIT, PIDS_PER_WORD, SCOPE_WORDS, STARTS, SYSCALL_NUMBERS, Start, bank_of,
    count_index,
};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::linux::fs::MetadataExt as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Whose calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the processes that were included.
    Generators,
    /// Those of every process but this one and those that were excluded.
    System,
}

/// The BPF programs, attached until dropped.
#[derive(Debug)]
pub struct Probe {
    backend: Backend,
    targets: Vec<Target>,
    scope: Scope,
    cpus: usize,
    armed: Option<Window>,
    /// Number of the latest window.
    window: u32,
    control: Shared<Control>,
    listed: Shared<u64>,
    starts: Shared<Start>,
    counts: Shared<Counts>,
    /// Keeps the programs attached.
    _programs: Ebpf,
}

impl Probe {
    /// Loads the programs and attaches them, disarmed.
    pub fn attach(backend: Backend, targets: &[Target], scope: Scope) -> Result<Self, ProbeError> {
        check_targets(targets)?;
        check_namespaces()?;
        let cpus = present_cpus();
        let counts = cpus * 2 * targets.len();
        let mut programs = object::open(u32::try_from(counts).unwrap_or(u32::MAX))?;
        match backend {
            Backend::Kretprobe => kretprobe::attach(&mut programs, targets)?,
            Backend::RawTracepoint => raw_tracepoint::attach(&mut programs)?,
            Backend::Fentry => {
                return Err(ProbeError::Unsupported { backend, reason: "there are no programs for it yet" });
            }
            Backend::User => {
                return Err(ProbeError::Unsupported {
                    backend,
                    reason: "the generators time their calls themselves",
                });
            }
        }
        let mut probe = Self {
            backend,
            targets: targets.to_vec(),
            scope,
            cpus,
            armed: None,
            window: 0,
            control: Shared::of(&programs, "CONTROL", 1)?,
            listed: Shared::of(&programs, "SCOPE", SCOPE_WORDS)?,
            starts: Shared::of(&programs, "STARTS", STARTS)?,
            counts: Shared::of(&programs, "COUNTS", counts)?,
            _programs: programs,
        };
        probe.instruct()?;
        Ok(probe)
    }

    /// How the calls are seen.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// From now on, the calls of process `tgid` count.
    pub fn include(&mut self, tgid: u32) -> Result<(), ProbeError> {
        if self.backend == Backend::RawTracepoint && is_32_bit(tgid) {
            return Err(ProbeError::ThirtyTwoBit { tgid });
        }
        self.list(tgid, self.scope == Scope::Generators)
    }

    /// From now on, the calls of process `tgid` do not count.
    pub fn exclude(&mut self, tgid: u32) -> Result<(), ProbeError> {
        self.list(tgid, self.scope == Scope::System)
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
        self.open_ns().store(open_ns, Ordering::Relaxed);
        self.close_ns().store(close_ns, Ordering::Relaxed);
        self.window_number().store(self.window, Ordering::Release);
        self.armed = Some(window);
        Ok(())
    }

    /// Brings the armed window's close forward to `close_ns`; one that already lies earlier stays.
    ///
    /// Calls that return between `close_ns` and this call are counted: close a window when nobody issues calls any
    /// more, or in advance.
    pub fn close(&mut self, close_ns: u64) -> Result<(), ProbeError> {
        let window = self.armed.as_mut().ok_or(ProbeError::NotArmed)?;
        window.close_ns = window.close_ns.min(close_ns);
        let close_ns = window.close_ns;
        self.close_ns().store(close_ns, Ordering::Relaxed);
        Ok(())
    }

    /// Disarms and returns what the window saw of each target, in the targets' order.
    ///
    /// A window that is still open is closed now.
    pub fn read(&mut self) -> Result<Vec<Reading>, ProbeError> {
        self.close(monotonic_ns())?;
        let window = self.armed.take().ok_or(ProbeError::NotArmed)?;
        self.window_number().store(0, Ordering::SeqCst);
        grace::wait()?;
        let mut readings: Vec<_> = self.targets.iter().cloned().map(Reading::empty).collect();
        self.count_censored(&mut readings, window);
        for (target, reading) in (0..).zip(&mut readings) {
            self.take_counts(target, reading);
            reading.balance();
        }
        Ok(readings)
    }

    /// Tells the programs what does not change from window to window.
    fn instruct(&mut self) -> Result<(), ProbeError> {
        let control = self.control.at(0);
        let counts_per_cpu = u32::try_from(2 * self.targets.len()).map_err(|_| ProbeError::Targets)?;
        // SAFETY: within the map; the programs read none of this while the probe is disarmed, as it is.
        unsafe {
            (*control).counts_per_cpu = counts_per_cpu;
            (*control).listed_are_left_out = u32::from(self.scope == Scope::System);
            for (index, target) in (1..).zip(&self.targets) {
                // Numbers that no table could hold were refused.
                (*control).targets[target.number as usize % SYSCALL_NUMBERS] = index;
            }
        }
        if self.scope == Scope::System {
            self.exclude(std::process::id())?;
        }
        Ok(())
    }

    /// Sets or clears the bit of process `tgid`.
    fn list(&mut self, tgid: u32, listed: bool) -> Result<(), ProbeError> {
        if tgid as usize >= PID_LIMIT {
            return Err(ProbeError::ProcessId { tgid });
        }
        let bit = 1 << (tgid as usize % PIDS_PER_WORD);
        // SAFETY: within the map and aligned; the programs read whole words.
        let word = unsafe { AtomicU64::from_ptr(self.listed.at(tgid as usize / PIDS_PER_WORD)) };
        if listed {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Counts the starts of the latest window that no return has taken. Only after the grace period.
    fn count_censored(&self, readings: &mut [Reading], window: Window) {
        for start in self.starts.iter() {
            // SAFETY: within the map; no program writes to it while the probe is disarmed.
            let (number, target, start_ns) = unsafe { ((*start).window, (*start).target, (*start).start_ns) };
            if number != self.window {
                continue;
            }
            if let Some(reading) = readings.get_mut(target as usize) {
                let age_ns = window.close_ns.saturating_sub(start_ns);
                reading.censored += 1;
                reading.censored_age_max_ns = reading.censored_age_max_ns.max(age_ns);
            }
        }
    }

    /// Adds what each CPU counted of `target` in the latest window, and zeroes it. Only after the grace period.
    fn take_counts(&mut self, target: u32, reading: &mut Reading) {
        let per_cpu = 2 * self.targets.len();
        let index = count_index(target, bank_of(self.window)) as usize;
        for cpu in 0..self.cpus {
            let counts = self.counts.at(cpu * per_cpu + index);
            // SAFETY: within the map; no program writes to it while the probe is disarmed. Zero is a valid value.
            unsafe {
                reading.entered += (*counts).entered;
                reading.ok.merge(&(*counts).ok);
                reading.error.merge(&(*counts).error);
                counts.write_bytes(0, 1);
            }
        }
    }

    fn window_number(&self) -> &AtomicU32 {
        // SAFETY: within the map, aligned, and valid for as long as `self` lives; so are the next two.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.control.at(0)).window) }
    }

    fn open_ns(&self) -> &AtomicU64 {
        // SAFETY: see `window_number`.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.control.at(0)).open_ns) }
    }

    fn close_ns(&self) -> &AtomicU64 {
        // SAFETY: see `window_number`.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.control.at(0)).close_ns) }
    }
}

fn check_targets(targets: &[Target]) -> Result<(), ProbeError> {
    let repeated = targets.iter().enumerate().any(|(at, target)| targets[..at].contains(target));
    let numbered = targets.iter().all(|target| (target.number as usize) < SYSCALL_NUMBERS);
    if targets.is_empty() || targets.len() > MAX_TARGETS || repeated || !numbered {
        return Err(ProbeError::Targets);
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

/// Whether process `tgid` is known to run a 32-bit program.
fn is_32_bit(tgid: u32) -> bool {
    // The first five bytes of a program: ELF's magic number and the class, 1 for 32 bits.
    let mut header = [0; 5];
    let read =
        File::open(format!("/proc/{tgid}/exe")).and_then(|mut program| program.read_exact(&mut header));
    read.is_ok() && header == *b"\x7fELF\x01"
}

/// CPUs that the machine has, online or not: one more than the highest number.
fn present_cpus() -> usize {
    let present = fs::read_to_string("/sys/devices/system/cpu/present").unwrap_or_default();
    let highest = present.trim().rsplit([',', '-']).next().and_then(|number| number.parse::<usize>().ok());
    highest.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), |highest| highest + 1)
}

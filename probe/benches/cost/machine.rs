//! The machine as far as it matters here: CPUs, where the tracing files are, and what to write down about it.

use crate::Fallible;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::path::Path;
use std::ptr::null;

/// What the figures depend on.
#[derive(Serialize)]
pub(crate) struct Machine {
    kernel: String,
    processor: String,
    /// CPUs that there are, online or not: the probe has banks for each.
    pub(crate) present: usize,
    /// Those that this process may use.
    pub(crate) cpus: Vec<usize>,
    /// The one that the measured calls are issued on, where the benchmark and the peers stay off if they can.
    pub(crate) measured_cpu: usize,
}

impl Machine {
    /// Describes this machine, and leaves its last CPU to the worker: this thread and what it starts use the others.
    pub(crate) fn prepare() -> Fallible<Self> {
        let allowed = sched_getaffinity(None)?;
        let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
        let (measured_cpu, others) = cpus.split_last().ok_or("this process may use no CPU")?;
        if others.is_empty() {
            eprintln!("one CPU for the measured calls and all else: the peers' wall times are theirs, too");
        } else {
            pin(others)?;
        }
        let (kernel, processor) = (kernel(), processor());
        Ok(Self { kernel, processor, present: present(), measured_cpu: *measured_cpu, cpus })
    }

    /// The worker's CPU and another.
    pub(crate) fn two_cpus(&self) -> Option<[usize; 2]> {
        let other = self.cpus.iter().rfind(|cpu| **cpu != self.measured_cpu)?;
        Some([self.measured_cpu, *other])
    }

    /// For people, in a line.
    pub(crate) fn line(&self) -> String {
        let Self { kernel, processor, present, measured_cpu, .. } = self;
        format!("Linux {kernel}, {processor}, {present} CPUs, calls on CPU {measured_cpu}")
    }
}

/// Has this thread run on `cpus` only.
pub(crate) fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// One more than the highest number.
fn present() -> usize {
    let present = fs::read_to_string("/sys/devices/system/cpu/present").unwrap_or_default();
    let highest = present.trim().rsplit([',', '-']).next().and_then(|number| number.parse::<usize>().ok());
    highest.map_or(1, |highest| highest + 1)
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// Gives this process and its children mounts of their own, with the tracing files that the peers look for.
///
/// Whatever they mount themselves (perf does) ends with them.
pub(crate) fn mount_tracing() -> io::Result<()> {
    const ROOT: &CStr = c"/";
    const TRACING: &CStr = c"/sys/kernel/tracing";
    // SAFETY: the flags only give this process mounts of its own.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: every string ends in a zero, and a change of propagation reads no more than the target.
    check(unsafe { libc::mount(null(), ROOT.as_ptr(), null(), private, null()) })?;
    if Path::new("/sys/kernel/tracing/events/raw_syscalls").exists() {
        return Ok(());
    }
    let kind = c"tracefs".as_ptr();
    // SAFETY: every string ends in a zero; there are no options.
    check(unsafe { libc::mount(kind, TRACING.as_ptr(), kind, 0, null()) })
}

fn check(returned: libc::c_int) -> io::Result<()> {
    if returned == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

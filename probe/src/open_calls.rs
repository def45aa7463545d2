//! Calls that had been entered in a window and of which no return was counted: still in the kernel when it closed, or
//! lost.
//!
//! Where returns can be missed, a start that nothing took away says only that no return was *seen*. Then the kernel is
//! asked what each such thread is doing.

use crate::shared::Shared;
use crate::{OwnFiles, Reading, Target, Window};
use probe_abi::{LEFT_LATE, LEFT_UNSEEN, STILL_OPEN, Start};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;
use std::{fs, thread};

/// The start table as the latest window left it.
pub(crate) struct OpenCalls<'a> {
    pub(crate) starts: &'a Shared<Start>,
    /// Number of the window.
    pub(crate) window: u32,
}

impl OpenCalls<'_> {
    /// The callers, as `bpf_get_current_pid_tgid` names them, that have an open start and are not in the call.
    ///
    /// To be asked while the probe is still armed: a call that returns during the survey leaves a mark at its start,
    /// which [`Self::count`] heeds, so that it is not mistaken for one that was missed.
    pub(crate) fn elsewhere(&self, targets: &[Target]) -> HashSet<u64> {
        let open = self.entries().filter(|start| start.fate == STILL_OPEN);
        let elsewhere = open.filter(|start| {
            let target = targets.get(start.target as usize);
            target.is_some_and(|target| !may_be_in(start.owner, target.number))
        });
        elsewhere.map(|start| start.owner).collect()
    }

    /// Counts the censored calls; none of the callers in `elsewhere` made one. Only after the grace period.
    pub(crate) fn count(&self, elsewhere: &HashSet<u64>, window: Window, readings: &mut [Reading]) {
        for start in self.entries() {
            let lost =
                start.fate == LEFT_UNSEEN || start.fate != LEFT_LATE && elsewhere.contains(&start.owner);
            let reading = readings.get_mut(start.target as usize).filter(|_| !lost);
            if let Some(reading) = reading {
                let age_ns = window.close_ns.saturating_sub(start.start_ns);
                reading.censored += 1;
                reading.censored_age_max_ns = reading.censored_age_max_ns.max(age_ns);
            }
        }
    }

    /// Copies of the window's entries.
    fn entries(&self) -> impl Iterator<Item = Start> {
        // SAFETY: within the map; programs may still write to it, and all that is read is whole words.
        self.starts.iter().filter_map(|start| unsafe {
            let number = (&raw const (*start).window).read_volatile();
            (number == self.window).then(|| start.read_volatile())
        })
    }
}

/// How often to look at a thread that is running, and how long to wait in between: what such a thread does, the kernel
/// does not say. Most of them sleep soon, or end.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// Whether the thread may be in system call `number`; it is not when it sleeps elsewhere or is no more.
fn may_be_in(pid_tgid: u64, number: u32) -> bool {
    let (pid, tid) = (pid_tgid >> 32, pid_tgid & u64::from(u32::MAX));
    let _files = OwnFiles::take();
    for _ in 0..LOOKS {
        match fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) {
            Ok(call) if call.starts_with("running") => thread::sleep(BETWEEN_LOOKS),
            Ok(call) => return call.split(' ').next() == Some(&number.to_string()),
            // ESRCH comes from a thread that ended between the opening and the reading.
            Err(error) => {
                return error.kind() != ErrorKind::NotFound && error.raw_os_error() != Some(libc::ESRCH);
            }
        }
    }
    true
}

//! CPU sets: threads and processes inherit the set of the thread that starts them, so what is started within a set
//! stays in it.

use crate::scenario::CpuList;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::sync::OnceLock;

/// The CPUs that the runner was given, before it gave itself fewer.
fn given() -> Option<CpuSet> {
    static GIVEN: OnceLock<Option<CpuSet>> = OnceLock::new();
    *GIVEN.get_or_init(|| sched_getaffinity(None).ok())
}

/// Why a list of CPUs cannot be had, if it cannot.
pub(crate) fn missing(list: &CpuList) -> Option<String> {
    let all = given()?;
    let missing: Vec<String> = list
        .cpus()
        .filter(|cpu| *cpu >= CpuSet::MAX_CPU || !all.is_set(*cpu))
        .map(|cpu| cpu.to_string())
        .collect();
    (!missing.is_empty()).then(|| format!("the runner may not run on CPU {}", missing.join(", ")))
}

/// Whether a thread can be pinned to this CPU, whatever the runner's own are: one is, for a moment.
pub(crate) fn can_pin(cpu: u32) -> bool {
    let cpu = cpu as usize;
    let pinned = std::thread::spawn(move || {
        let mut set = CpuSet::new();
        if cpu < CpuSet::MAX_CPU {
            set.set(cpu);
        }
        sched_setaffinity(None, &set).is_ok()
    });
    pinned.join().unwrap_or(false)
}

/// Keeps the calling thread, and all that it starts from now on, on these CPUs; whether they can be had.
pub(crate) fn stay_on(list: &CpuList) -> bool {
    if missing(list).is_some() {
        return false;
    }
    let mut set = CpuSet::new();
    list.cpus().for_each(|cpu| set.set(cpu));
    sched_setaffinity(None, &set).is_ok()
}

/// Does something on the CPUs of the list, then returns to those from before. Without a list, or where it cannot be had,
/// these are all that the runner was given, of which it may have left itself fewer.
pub(crate) fn within<T>(list: Option<&CpuList>, act: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None).ok();
    let all = || given().is_some_and(|all| sched_setaffinity(None, &all).is_ok());
    let changed = list.is_some_and(stay_on) || all();
    let result = act();
    if let (true, Some(before)) = (changed, before) {
        // The set was this thread's a moment ago, so it cannot be refused.
        let _ = sched_setaffinity(None, &before);
    }
    result
}

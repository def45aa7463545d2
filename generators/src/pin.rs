//! Where a thread runs.

use crate::Pin;
use crate::failure::Failure;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Pins the calling thread, number `thread` of its generator, and all that it will start.
pub(crate) fn pin_thread(pin: Pin, thread: u32) -> Result<(), Failure> {
    let cpu = match pin {
        Pin::Spread => {
            let allowed = sched_getaffinity(None).map_err(Failure::system("ask where threads may run"))?;
            let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).cycle();
            cpus.nth(thread as usize).ok_or_else(|| Failure::Usage("threads may run nowhere".into()))?
        }
        Pin::Cpu(cpu) => cpu as usize,
    };
    if cpu >= CpuSet::MAX_CPU {
        return Err(Failure::Usage(format!(
            "CPU {cpu}: the last that can be named is {}",
            CpuSet::MAX_CPU - 1
        )));
    }
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).map_err(|errno| match errno {
        rustix::io::Errno::INVAL => Failure::Usage(format!(
            "thread {} cannot be pinned to CPU {cpu}: it is not online, or not one that this process may run on; \
             `pin` takes one of those in /sys/devices/system/cpu/online",
            u64::from(thread) + 1
        )),
        errno => Failure::system(format!("pin thread {} to CPU {cpu}", u64::from(thread) + 1))(errno),
    })
}

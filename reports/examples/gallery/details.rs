//! What stands out in the synthetic run: calls that failed, the slowest calls, what the kernel's programs missed.

use super::gaussian;
use probe_abi::{Histogram, SparseHistogram};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use store::{SlowCall, TrialRecord, Vantage};

const PREEMPTED: [&str; 6] = [
    "__schedule+0x3d1",
    "preempt_schedule_irq+0x38",
    "irqentry_exit+0x6a",
    "asm_sysvec_apic_timer_interrupt+0x1a",
    "do_syscall_64+0x82",
    "entry_SYSCALL_64_after_hwframe+0x76",
];
const WAITING: [&str; 8] = [
    "__schedule+0x3d1",
    "schedule+0x27",
    "schedule_preempt_disabled+0x15",
    "rwsem_down_write_slowpath+0x2ab",
    "down_write_killable+0x5c",
    "__vm_munmap+0x6d",
    "do_syscall_64+0x82",
    "entry_SYSCALL_64_after_hwframe+0x76",
];
/// Slow calls kept of each target and trial.
pub(crate) const KEPT: u32 = 5;

/// Adds it from a random source of its own, so that everything else is the same without.
pub(crate) fn add(trials: &mut [TrialRecord]) {
    let mut random = ChaCha12Rng::seed_from_u64(77);
    for trial in trials {
        let is_loaded = trial.factors["load"] != "baseline";
        for index in 0..trial.measures.len() {
            if trial.measures[index].vantage != Vantage::Kernel {
                continue;
            }
            let calls = slowest(trial, index, is_loaded, &mut random);
            trial.slowest.extend(calls);
            if is_loaded && trial.measures[index].syscall == "mmap" {
                let failed = random.random_range(0..4);
                fail(&mut trial.measures[index..=index + 1], failed, &mut random);
            }
            if let Some(ledger) = &mut trial.measures[index].ledger {
                ledger.missed = Some(random.random_range(0..50) / 48);
                ledger.compat = Some(random.random_range(0..50) / 47);
            }
        }
    }
}

/// The histogram's greatest latencies, each as a call.
fn slowest(trial: &TrialRecord, index: usize, is_loaded: bool, random: &mut ChaCha12Rng) -> Vec<SlowCall> {
    let measure = &trial.measures[index];
    let middles = measure.ok.slots.iter().rev().map(|(slot, _)| probe_abi::slot_lower_ns(usize::from(*slot)));
    let latencies = std::iter::once(measure.ok.max_ns).chain(middles.skip(1)).take(KEPT as usize);
    let size = super::pages(&trial.factors["size"]) as u64 * 4096;
    let address: u64 = 0x7f1c_0000_0000 + 4096 * random.random_range(0..1 << 20);
    let calls = latencies.map(|latency_ns| {
        let cpu_entry = random.random_range(0..2);
        let switches = if is_loaded { random.random_range(0..4) } else { 0 };
        let stack: &[&str] = match switches {
            0 => &[],
            _ if random.random_bool(0.4) => &WAITING,
            _ => &PREEMPTED,
        };
        let is_mmap = measure.syscall == "mmap";
        SlowCall {
            syscall: measure.syscall.clone(),
            latency_ns,
            at_ns: latency_ns + random.random_range(0..trial.window_ns - latency_ns),
            pid: 4_210 + trial.trial,
            tid: 4_211 + trial.trial,
            cpu_entry,
            cpu_return: if switches > 1 { 1 - cpu_entry } else { cpu_entry },
            arguments: Some(if is_mmap {
                [0, size, 3, 0x22, u64::MAX, 0]
            } else {
                [address, size, 3, 0x22, u64::MAX, 0]
            }),
            value: if is_mmap { address.cast_signed() } else { 0 },
            switches: Some(switches),
            stack: stack.iter().map(|line| (*line).to_owned()).collect(),
        }
    });
    calls.collect()
}

/// Lets calls fail for want of memory, as both vantages see; and one be restarted, as the kernel alone sees.
fn fail(measures: &mut [store::Measure], failed: u64, random: &mut ChaCha12Rng) {
    for measure in measures {
        let restarted = u64::from(measure.vantage == Vantage::Kernel && failed == 3);
        let mut latencies = Box::new(Histogram::EMPTY);
        for _ in 0..failed + restarted {
            latencies.record((310.0 * (0.2 * gaussian(random)).exp()) as u64);
        }
        measure.error = SparseHistogram::from(&*latencies);
        let errnos = [(12, failed), (512, restarted)];
        measure.errnos = errnos.into_iter().filter(|(_, count)| *count > 0).collect();
        if let Some(ledger) = &mut measure.ledger {
            ledger.entered += failed + restarted;
        }
    }
}

//! Reads the slowest calls back, and gives the addresses of their stacks names.

use crate::shared::Shared;
use crate::sys::low_half;
use crate::{ProbeError, SlowCall};
use aya::Ebpf;
use aya::maps::stack_trace::StackTrace;
use aya::maps::{MapData, StackTraceMap};
use probe_abi::{NEVER_LEAST_NS, Slow, Slowest};
use std::{fmt, fs};

/// The kept calls of all targets.
pub(crate) struct SlowCalls {
    /// How many are kept of each target.
    keep: usize,
    slowest: Shared<Slowest>,
    stacks: StackTraceMap<MapData>,
    symbols: Symbols,
}

impl fmt::Debug for SlowCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowCalls").finish_non_exhaustive()
    }
}

impl SlowCalls {
    /// Takes the maps, which have `entries` entries.
    pub(crate) fn take(object: &mut Ebpf, keep: usize, entries: usize) -> Result<Self, ProbeError> {
        let slowest: Shared<Slowest> = Shared::of(object, "SLOWEST", entries)?;
        let stacks = object.take_map("STACKS").and_then(|map| StackTraceMap::try_from(map).ok());
        let stacks = stacks.ok_or_else(|| ProbeError::Object { name: "STACKS".into() })?;
        for index in 0..entries {
            // SAFETY: within the map, which no program writes to yet.
            let entry = unsafe { &mut *slowest.at(index) };
            for call in &mut entry.calls[keep..] {
                call.latency_ns = NEVER_LEAST_NS;
            }
        }
        Ok(Self { keep, slowest, stacks, symbols: Symbols::read() })
    }

    /// The slowest calls among those in entries `indices`, one for each CPU; empties the entries. Only after the grace
    /// period.
    pub(crate) fn read(&self, indices: impl Iterator<Item = usize>) -> Vec<SlowCall> {
        let mut calls = Vec::new();
        for index in indices {
            let entry = self.slowest.at(index);
            // SAFETY: within the map; no program writes to it while the probe is disarmed.
            let entry = unsafe { &mut *entry };
            let kept = &mut entry.calls[..self.keep];
            calls.extend(kept.iter().copied().filter(|call| call.latency_ns > 0));
            for call in kept {
                call.latency_ns = 0;
            }
        }
        calls.sort_unstable_by_key(|call| std::cmp::Reverse(call.latency_ns));
        calls.truncate(self.keep);
        calls.iter().map(|call| self.describe(call)).collect()
    }

    /// Forgets the stacks of a window, to make room for the next one's.
    pub(crate) fn forget_stacks(&mut self) {
        let ids: Vec<u32> = self.stacks.stack_ids().flatten().collect();
        for id in ids {
            // One that is not there any more need not be removed.
            let _ = self.stacks.remove(&id);
        }
    }

    fn describe(&self, call: &Slow) -> SlowCall {
        let stack = u32::try_from(call.stack).ok().and_then(|id| self.stacks.get(&id, 0).ok());
        let frames = stack.iter().flat_map(StackTrace::frames);
        SlowCall {
            latency_ns: call.latency_ns,
            return_ns: call.return_ns,
            pid: low_half(call.pid_tgid >> 32),
            tid: low_half(call.pid_tgid),
            cpu_entry: call.cpu_entry,
            cpu_return: call.cpu_return,
            arguments: (call.has_arguments != 0).then_some(call.arguments),
            value: call.value,
            switches: Some(call.switches),
            stack: frames.map(|frame| self.symbols.name(frame.ip)).skip_while(|name| is_ours(name)).collect(),
        }
    }
}

/// Whether a function is part of the way from the scheduler to the program that keeps stacks.
fn is_ours(function: &str) -> bool {
    ["bpf_", "__bpf_", "__traceiter_"].iter().any(|prefix| function.starts_with(prefix))
}

/// The kernel's functions by address.
#[derive(Debug)]
struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Empty where the kernel does not tell addresses.
    fn read() -> Self {
        let list = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
        let parse = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let address = u64::from_str_radix(words.next()?, 16).ok().filter(|address| *address != 0)?;
            let code = matches!(words.next()?, "t" | "T" | "w" | "W");
            Some((address, words.next()?.to_owned())).filter(|_| code)
        };
        let mut symbols: Vec<_> = list.lines().filter_map(parse).collect();
        symbols.sort_unstable();
        Self(symbols)
    }

    /// The function at `address`, else the address itself.
    fn name(&self, address: u64) -> String {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).map_or_else(|| format!("{address:#x}"), |at| self.0[at].1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_function_before_it() {
        let symbols = Symbols(vec![(16, "first".into()), (32, "second".into())]);
        assert_eq!(
            [15, 16, 31, 32, 99].map(|at| symbols.name(at)),
            ["0xf", "first", "first", "second", "second"]
        );
    }
}

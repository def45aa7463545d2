//! Tests of scenarios as a whole: what is refused and how that reads, what is accepted and what it means.

mod documented;
mod meaning;
mod order;
mod overrides;
mod refusals;
mod robustness;
mod shards;
mod shipped;

use super::diagnostic::Diagnostics;
use super::model::{Machine, Scenario};
use super::overrides::Override;
use std::path::Path;

/// A machine like any.
const MACHINE: Machine = Machine { cpus: 4, memory_bytes: 8 << 30 };

/// A valid scenario with a bit of everything.
const VALID: &str = r#"schema = 1
name = "sweep"
summary = "A bit of everything"

[measure]
syscalls = ["mmap", "munmap"]
probe = "auto"
scope = "generators"
warmup = "100ms"
window = "400ms"
loss_limit = 0.001

[plan]
repetitions = 3
order = "random_blocks"
seed = 1
ramp = "1s"

[factors]
size = ["4KiB", "64KiB"]
threads = [1, 2, 4]

[generators.mapper]
workload = "mmap"
threads = "$threads"
size = "$size"
touch = false
rate = 1000

[load.baseline]

[load.high]
cpu = "100% cpus"
io = "50% cpus"
vm = 1
vm-bytes = "40%"
aggressive = true
"#;

fn parse(text: &str) -> Result<Scenario, Diagnostics> {
    parse_with(text, &[])
}

pub(super) fn parse_with(text: &str, overrides: &[&str]) -> Result<Scenario, Diagnostics> {
    let overrides: Vec<Override> = overrides.iter().map(|argument| Override::set(argument)).collect();
    Scenario::parse(Path::new("sweep.toml"), text, &overrides, &MACHINE)
}

/// The valid scenario with one passage replaced by another.
fn edited(passage: &str, by: &str) -> String {
    assert!(VALID.contains(passage), "{passage:?} is not in the scenario");
    VALID.replacen(passage, by, 1)
}

/// A text of so many parts, each made from its number.
fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<String>>().concat()
}

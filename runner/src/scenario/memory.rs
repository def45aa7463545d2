//! How much memory load levels fill, and whether there is room for it. What a machine has free is a parameter.

use super::cells::UnderLoad;
use super::diagnostic::{Diagnostic, Diagnostics, quoted};
use super::model::{LoadLevel, LoadOption, LoadValue, Machine, Scenario, share_of_memory};
use super::units;

/// What `vm` fills when it is not told.
const DEFAULT_BYTES: u64 = 256 << 20;
/// Share of the free memory that load must leave to the runner, the generators and everyone else.
const RESERVE: f64 = 0.1;
/// Most of it: beyond that, nobody needs more.
const MAX_RESERVE: u64 = 512 << 20;

/// How much more memory the runner and what it starts can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// In bytes.
    pub(crate) bytes: u64,
    /// What sets the limit: `this machine`, or the control group's file.
    pub(crate) limit: String,
}

impl Room {
    /// What load may fill of it.
    fn for_load(&self) -> u64 {
        let reserve = share_of_memory(RESERVE, &Machine { cpus: 1, memory_bytes: self.bytes });
        self.bytes - reserve.min(MAX_RESERVE)
    }
}

impl LoadLevel {
    /// How much memory stress-ng's `vm` is to fill, over all its workers, where so much is available; none without it,
    /// or where only stress-ng can read the size.
    pub(crate) fn memory_bytes(&self, machine: &Machine, available: u64) -> Option<u64> {
        self.fills(machine, available).map(|(bytes, _)| bytes)
    }

    /// The same with the option that says so.
    fn fills(&self, machine: &Machine, available: u64) -> Option<(u64, &LoadOption)> {
        let option = |name: &str| self.options.iter().find(|option| option.name == name);
        let worker = option("vm")?;
        let Some(size) = option("vm-bytes") else {
            return Some((DEFAULT_BYTES, worker));
        };
        let bytes = match &size.value {
            LoadValue::Integer(bytes) => *bytes,
            LoadValue::MemoryShare(share) => share_of_memory(*share, machine),
            LoadValue::Text(text) => match units::share(text) {
                Some((share, "")) => share_of_memory(share, &Machine { memory_bytes: available, ..*machine }),
                _ => units::stress_ng_size(text)?,
            },
            LoadValue::Flag | LoadValue::CpuShare(_) | LoadValue::Factor { .. } => return None,
        };
        Some((bytes, size))
    }

    fn too_much(&self, machine: &Machine, room: &Room) -> Option<Diagnostic> {
        let (bytes, option) = self.fills(machine, room.bytes)?;
        let allowed = room.for_load();
        if bytes <= allowed {
            return None;
        }
        let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64);
        let message = format!("load level {} would fill {}", quoted(self.name.as_str()), gib(bytes));
        let label =
            format!("{} has {} free, of which load may have {}", room.limit, gib(room.bytes), gib(allowed));
        let help = "the kernel would kill processes to find so much; ask for less, for example `\"80%\"` of what is \
                    available when the load starts, or free memory";
        Some(Diagnostic::at(&option.place, message, label).help(help))
    }
}

impl Scenario {
    /// Whether every load level fits into the memory that is free now.
    pub(crate) fn check_memory(&self, machine: &Machine, room: &Room) -> Result<(), Diagnostics> {
        let level = |under: UnderLoad| self.loads[under.load].at(&self.cells[under.cells[0]]);
        let levels = self.loads_with_cells().into_iter().map(level);
        let mut found: Vec<Diagnostic> = levels.filter_map(|it| it.too_much(machine, room)).collect();
        found.dedup();
        self.judged(found)
    }
}

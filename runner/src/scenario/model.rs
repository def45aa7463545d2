//! A scenario after validation: types that cannot hold what no run could execute.
//!
//! Owns the meaning of a scenario (its cells, what its generators do in a cell, how load becomes an argument list).
//! It does not know TOML; places in the text are carried along only so that later checks can point at them.

use super::diagnostic::{Place, Source};
use super::programs::ProgramDecl;
use super::settings::MachineRequest;
use generators::{GeneratorSpec, Workload};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What of a machine a scenario depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// CPUs that are online.
    pub(crate) cpus: usize,
    /// Physical memory, in bytes.
    pub(crate) memory_bytes: u64,
}

/// A name or label: 1 to 64 Unicode letters, digits, `_`, `-`; so it can be a folder, a column, an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub(crate) struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub(crate) const MAX_CHARS: usize = 64;

    /// The name, if it is one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        let clean = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        (fits && clean).then(|| Self(text.to_owned()))
    }

    /// The label of a level: a name that may have a decimal point in it, as `0.5` and `1.5MiB` do.
    pub(crate) fn of_level(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let is_number = |part: Option<&str>| {
            part.is_some_and(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))
        };
        let digit_first = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        let decimal =
            is_number(parts.next()) && parts.next().is_some_and(digit_first) && parts.next().is_none();
        let checked = if decimal { text.replacen('.', "", 1) } else { text.to_owned() };
        Self::new(&checked).map(|_| Self(text.to_owned()))
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A validated scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: Name,
    /// What it finds out, in a sentence; may be empty.
    pub(crate) summary: String,
    /// The exact text of the file, without overrides.
    pub(crate) source: String,
    /// The overrides that were applied to it, as `PATH=VALUE`, in order.
    pub(crate) overrides: Vec<String>,
    /// What is measured and how.
    pub(crate) measure: Measure,
    /// How often and in what order.
    pub(crate) plan: PlanRequest,
    /// The axes besides load, in the file's order.
    pub(crate) factors: Vec<FactorDecl>,
    /// What issues the measured calls, in the file's order.
    pub(crate) generators: Vec<GeneratorDecl>,
    /// Programs among the generators, in the file's order.
    pub(crate) programs: Vec<ProgramDecl>,
    /// What disturbs, in the file's order; never empty.
    pub(crate) loads: Vec<LoadLevel>,
    /// What is asked of the machine.
    pub(crate) machine: MachineRequest,
    /// Texts that places point into: the file, then the overrides.
    pub(super) sources: Vec<Source>,
}

/// What is measured and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Names of the targets, each once, at least one.
    pub(crate) targets: Vec<String>,
    /// The backend that is asked for.
    pub(crate) probe: Given<ProbeRequest>,
    /// Whose calls count.
    pub(crate) scope: Scope,
    /// How long generators run before the window opens; may be zero.
    pub(crate) warmup: Duration,
    /// How long the probe counts.
    pub(crate) window: Window,
    /// Share of entered calls that may be lost before a trial is invalid, 0 to 1.
    pub(crate) loss_limit: f64,
    /// How many of the slowest calls of each target and trial the probe keeps one by one; 0 for none.
    pub(crate) keep_slowest: usize,
}

/// The backend that a scenario asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProbeRequest {
    /// The first that works of the others, in their order.
    Auto,
    /// kprobe and kretprobe on the system call's function.
    Kretprobe,
    /// fentry and fexit on the system call's function.
    Fentry,
    /// The raw tracepoints `sys_enter` and `sys_exit`.
    RawTracepoint,
    /// No probe: the generators' own view alone.
    User,
}

impl ProbeRequest {
    /// Every request with its name in scenarios.
    pub(crate) const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("kretprobe", Self::Kretprobe),
        ("fentry", Self::Fentry),
        ("raw_tracepoint", Self::RawTracepoint),
        ("user", Self::User),
    ];

    /// The name in scenarios.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kretprobe => "kretprobe",
            Self::Fentry => "fentry",
            Self::RawTracepoint => "raw_tracepoint",
            Self::User => "user",
        }
    }
}

/// Whose calls the probe counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// The generators' calls.
    Generators,
    /// Every process's but the runner's own.
    System,
}

impl Scope {
    /// Every scope with its name in scenarios.
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("generators", Self::Generators), ("system", Self::System)];

    /// The name in scenarios.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Generators => "generators",
            Self::System => "system",
        }
    }
}

/// When a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// After this time, longer than zero.
    Timed(Duration),
    /// When every generator has done its `operations`.
    Operations,
}

/// How often and in what order trials are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlanRequest {
    /// Blocks, 1 to 10,000.
    pub(crate) repetitions: u32,
    /// Seed of the order, unless another is given when the plan is made.
    pub(crate) seed: u64,
    /// How trials are ordered.
    pub(crate) order: Order,
    /// The longest that a load level may take to settle before the first trial under it.
    pub(crate) ramp: Duration,
}

/// How trials are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Complete random blocks: load levels shuffled in each, cells shuffled inside each load level.
    RandomBlocks,
}

impl Order {
    /// Every order with its name in scenarios.
    pub(crate) const NAMES: [(&'static str, Self); 1] = [("random_blocks", Self::RandomBlocks)];

    /// The name in scenarios.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RandomBlocks => "random_blocks",
        }
    }
}

/// An axis of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FactorDecl {
    /// Its name; never `load`.
    pub(crate) name: Name,
    /// Its levels, in the file's order; at least one.
    pub(crate) levels: Vec<LevelDecl>,
}

/// A value on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LevelDecl {
    /// The text as written.
    pub(crate) label: Name,
    /// The number it stands for (a size in bytes), where it stands for one.
    pub(crate) value: Option<f64>,
}

/// A value that is fixed or goes along with a factor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<T> {
    /// The same in every cell.
    Fixed(T),
    /// One value for each level of the factor with this index.
    Factor {
        /// Index into [`Scenario::factors`].
        factor: usize,
        /// The value at each of its levels.
        levels: Vec<T>,
    },
}

impl<T> Given<T> {
    /// The value in a cell.
    pub(crate) fn at(&self, cell: &Cell) -> &T {
        match self {
            Self::Fixed(value) => value,
            Self::Factor { factor, levels } => &levels[cell.levels[*factor]],
        }
    }

    /// Every value that it can have.
    pub(crate) fn values(&self) -> &[T] {
        match self {
            Self::Fixed(value) => std::slice::from_ref(value),
            Self::Factor { levels, .. } => levels,
        }
    }

    /// Goes on counting factors right when the one with this index, which it does not follow, is gone.
    pub(super) fn without_factor(&mut self, gone: usize) {
        if let Self::Factor { factor, .. } = self
            && *factor > gone
        {
            *factor -= 1;
        }
    }
}

/// A generator as declared, for all cells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GeneratorDecl {
    /// Its name.
    pub(crate) name: Name,
    /// What one operation is.
    pub(crate) workload: Given<Workload>,
    /// Threads that repeat it, 1 to 4,096.
    pub(crate) threads: Given<u32>,
    /// Bytes per operation; meant for the workloads that take a size.
    pub(crate) size_bytes: Option<Given<u64>>,
    /// Whether mapped pages are written; meant for the workloads that map.
    pub(crate) touch: Given<bool>,
    /// Operations per second over all threads; none for a closed loop.
    pub(crate) rate_per_second: Option<Given<f64>>,
    /// Operations in all; none for as many as fit into the window.
    pub(crate) operations: Option<Given<u64>>,
}

/// A level of load: what stress-ng is told, and what else is executed. Nothing of both for no load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoadLevel {
    /// Its name.
    pub(crate) name: Name,
    /// stress-ng's options in the file's order; empty for no stress-ng.
    pub(crate) options: Vec<LoadOption>,
    /// A program that is load, alone or beside stress-ng.
    pub(crate) program: Option<LoadProgram>,
    /// Whether trials are invalid while the memory that `vm` is to fill is not filled.
    pub(crate) requires_memory: bool,
    /// Where its table is; none for the level that a file without `[load]` has.
    pub(super) place: Option<Place>,
}

/// A program as load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadProgram {
    /// What is executed, word by word; at least one.
    pub(crate) command: Vec<String>,
    /// Where it starts; none for a fresh folder.
    pub(crate) cwd: Option<PathBuf>,
    /// Whether it is started again when it has ended with success.
    pub(crate) repeats: bool,
    /// Where its command was written.
    pub(super) place: Place,
}

/// One option of stress-ng.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoadOption {
    /// The long name without its dashes.
    pub(crate) name: String,
    /// What it is set to.
    pub(crate) value: LoadValue,
    /// Where it was written.
    pub(super) place: Place,
}

/// What an option of stress-ng is set to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LoadValue {
    /// Verbatim.
    Text(String),
    /// A number, verbatim.
    Integer(u64),
    /// An option without a value.
    Flag,
    /// This share of the machine's CPUs, rounded, at least 1.
    CpuShare(f64),
    /// This share of the machine's memory, as bytes.
    MemoryShare(f64),
}

/// One level of every factor; load is apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    /// For each factor, in order, the index of its level.
    pub(crate) levels: Vec<usize>,
}

impl LoadLevel {
    /// Whether it has something that goes on growing for longer than one cares to wait.
    pub(crate) fn fills_memory(&self) -> bool {
        self.options.iter().any(|option| option.name == "vm")
    }

    /// stress-ng's arguments on this machine, such as `--cpu 1 --io 1 --vm 1 --vm-bytes 40%`; empty for no load.
    pub(crate) fn arguments(&self, machine: &Machine) -> Vec<String> {
        let mut arguments = Vec::new();
        for option in &self.options {
            arguments.push(format!("--{}", option.name));
            match &option.value {
                LoadValue::Text(text) => arguments.push(text.clone()),
                LoadValue::Integer(number) => arguments.push(number.to_string()),
                LoadValue::Flag => {}
                LoadValue::CpuShare(share) => arguments.push(share_of_cpus(*share, machine).to_string()),
                LoadValue::MemoryShare(share) => arguments.push(share_of_memory(*share, machine).to_string()),
            }
        }
        arguments
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is between 0 and 100, and machines have fewer than 2^53 CPUs"
)]
fn share_of_cpus(share: f64, machine: &Machine) -> usize {
    ((machine.cpus as f64 * share).round() as usize).max(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of memory is at most 1, so the product fits where the memory's size did"
)]
pub(super) fn share_of_memory(share: f64, machine: &Machine) -> u64 {
    (machine.memory_bytes as f64 * share) as u64
}

impl GeneratorDecl {
    /// Goes on counting factors right when the one with this index, which it does not follow, is gone.
    fn without_factor(&mut self, gone: usize) {
        self.workload.without_factor(gone);
        self.threads.without_factor(gone);
        self.touch.without_factor(gone);
        self.size_bytes.iter_mut().for_each(|size| size.without_factor(gone));
        self.rate_per_second.iter_mut().for_each(|rate| rate.without_factor(gone));
        self.operations.iter_mut().for_each(|operations| operations.without_factor(gone));
    }

    /// What the generator is told in a cell. Size and touch are left out for workloads that have no use for them, so
    /// that workloads can be the levels of a factor.
    fn spec(&self, cell: &Cell, scratch: &Path) -> GeneratorSpec {
        let workload = *self.workload.at(cell);
        let size_bytes = self.size_bytes.as_ref().map(|size| *size.at(cell));
        GeneratorSpec {
            workload,
            threads: *self.threads.at(cell),
            size_bytes: size_bytes.filter(|_| workload.takes_size()),
            touch: *self.touch.at(cell) && workload.takes_touch(),
            rate_per_second: self.rate_per_second.as_ref().map(|rate| *rate.at(cell)),
            operations: self.operations.as_ref().map(|operations| *operations.at(cell)),
            scratch: scratch.to_owned(),
        }
    }
}

impl Scenario {
    /// The same scenario with this probe in every cell. The factor that said which is dropped: no other value goes
    /// along with it, since none can have the names of backends.
    pub(crate) fn with_probe(mut self, request: ProbeRequest) -> Self {
        let replaced = std::mem::replace(&mut self.measure.probe, Given::Fixed(request));
        if let Given::Factor { factor, .. } = replaced {
            self.factors.remove(factor);
            self.generators.iter_mut().for_each(|generator| generator.without_factor(factor));
            self.programs.iter_mut().for_each(|program| program.without_factor(factor));
        }
        self
    }

    /// The factor whose levels are the backends, where there is one.
    pub(crate) fn probe_factor(&self) -> Option<&FactorDecl> {
        match self.measure.probe {
            Given::Fixed(_) => None,
            Given::Factor { factor, .. } => Some(&self.factors[factor]),
        }
    }

    /// How many cells there are: one level of every factor, load included.
    pub(crate) fn cells_with_load(&self) -> usize {
        self.cell_count() * self.loads.len()
    }

    /// How many combinations of levels there are, load apart.
    pub(crate) fn cell_count(&self) -> usize {
        self.factors.iter().map(|factor| factor.levels.len()).product()
    }

    /// How many trials there are in all.
    pub(crate) fn trial_count(&self) -> usize {
        self.cells_with_load() * self.plan.repetitions as usize
    }

    /// The cell with this index, in order of the file, the last factor changing fastest.
    pub(crate) fn cell(&self, index: usize) -> Cell {
        let mut rest = index;
        let mut levels: Vec<usize> = Vec::with_capacity(self.factors.len());
        for factor in self.factors.iter().rev() {
            levels.push(rest % factor.levels.len());
            rest /= factor.levels.len();
        }
        levels.reverse();
        Cell { levels }
    }

    /// Factor name → label of its level, `load` among them: what a trial is filed under.
    pub(crate) fn labels(&self, cell: &Cell, load: usize) -> BTreeMap<String, String> {
        let factors = self.factors.iter().zip(&cell.levels);
        factors
            .map(|(factor, level)| (factor.name.to_string(), factor.levels[*level].label.to_string()))
            .chain([("load".to_owned(), self.loads[load].name.to_string())])
            .collect()
    }

    /// The generators of a cell, each with what it is told; `scratch` is the folder for their files.
    pub(crate) fn generators_of(&self, cell: &Cell, scratch: &Path) -> Vec<(&Name, GeneratorSpec)> {
        self.generators.iter().map(|generator| (&generator.name, generator.spec(cell, scratch))).collect()
    }

    /// The targets that can be seen in a cell: under scope `system` all, else those that its generators issue.
    pub(crate) fn targets_of(&self, cell: &Cell) -> Vec<&str> {
        let issued: BTreeSet<&str> = self
            .generators
            .iter()
            .flat_map(|generator| generator.workload.at(cell).syscalls().iter().copied())
            .collect();
        // What a program will call, nobody knows.
        let all = self.measure.scope == Scope::System || !self.programs.is_empty();
        self.measure.targets.iter().map(String::as_str).filter(|t| all || issued.contains(t)).collect()
    }
}

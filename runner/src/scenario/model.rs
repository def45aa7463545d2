//! A scenario after validation: types that cannot hold what no run could execute.
//!
//! Owns the meaning of a scenario (its cells, what its generators do in a cell, how load becomes an argument list).
//! It does not know TOML; places in the text are carried along only so that later checks can point at them.

use super::cells::Cell;
use super::diagnostic::{Place, Source};
use super::programs::ProgramDecl;
use super::settings::MachineRequest;
use generators::{GeneratorSpec, Parameter, Pin, Workload};
use reports::Metric;
use reports::statistics::Looks;
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

    /// The label of a level: a name that may have a decimal point in it, as `0.5` and `1.5MiB` do, or a share, as
    /// `40%` and `50% cpus` are.
    pub(crate) fn of_level(text: &str) -> Option<Self> {
        let is_share = |(share, of): (&str, &str)| {
            Self::of_level(share).is_some() && matches!(of, "" | " cpus" | " memory")
        };
        if text.contains('%') {
            let digits = |(share, _): &(&str, &str)| share.bytes().all(|c| c.is_ascii_digit() || c == b'.');
            return text
                .split_once('%')
                .filter(digits)
                .filter(|it| is_share(*it))
                .map(|_| Self(text.to_owned()));
        }
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
    /// The combinations of their levels that are measured, in the file's order, the last factor changing fastest.
    pub(crate) cells: Vec<Cell>,
    /// Names of factors whose levels go along with each other, `load` perhaps among them.
    pub(crate) zips: Vec<Vec<String>>,
    /// What issues the measured calls, in the file's order.
    pub(crate) generators: Vec<GeneratorDecl>,
    /// Programs among the generators, in the file's order.
    pub(crate) programs: Vec<ProgramDecl>,
    /// What disturbs, in the file's order; never empty.
    pub(crate) loads: Vec<LoadLevel>,
    /// What is asked of the machine.
    pub(crate) machine: MachineRequest,
    /// Whether it says how many repetitions, and takes not what there are for want of a number.
    pub(crate) says_repetitions: bool,
    /// Texts that places point into: the file, then the overrides.
    pub(super) sources: Vec<Source>,
}

/// What is measured and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Names of the targets of all cells, each once, at least one.
    pub(crate) targets: Vec<String>,
    /// The targets as written, each of which may go along with a factor.
    pub(crate) named: Vec<Given<String>>,
    /// The backend that is asked for.
    pub(crate) probe: Given<ProbeRequest>,
    /// Whose calls count.
    pub(crate) scope: Scope,
    /// How long generators run before the window opens; may be zero.
    pub(crate) warmup: Given<Duration>,
    /// How long the probe counts.
    pub(crate) window: Given<Window>,
    /// Share of entered calls that may be lost before a trial is invalid, 0 to 1.
    pub(crate) loss_limit: f64,
    /// Share of all CPUs' time that others may take before a trial counts as disturbed, 0 to 1.
    pub(crate) noise_limit: f64,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlanRequest {
    /// Blocks, 1 to 10,000.
    pub(crate) repetitions: u32,
    /// Seed of the order, unless another is given when the plan is made.
    pub(crate) seed: u64,
    /// How trials are ordered.
    pub(crate) order: Order,
    /// The longest that a load level may take to settle before the first trial under it.
    pub(crate) ramp: Duration,
    /// How often a trial that was disturbed is repeated at the end of its block.
    pub(crate) retry_disturbed: u32,
    /// Until when blocks are added beyond the repetitions, which are the least then; none for no more.
    pub(crate) until: Option<StopRule>,
}

impl PlanRequest {
    /// The most blocks that there may be.
    pub(crate) fn most_repetitions(&self) -> u32 {
        self.until.map_or(self.repetitions, |rule| rule.max_repetitions)
    }

    /// The blocks after which a rule looks for the first time; all of them without one.
    pub(crate) fn first_look(&self) -> u32 {
        let look = |rule: StopRule| {
            let looks = Looks::between(self.repetitions as usize, rule.max_repetitions as usize);
            looks.numbers().first().and_then(|number| u32::try_from(*number).ok())
        };
        self.until.and_then(look).unwrap_or(self.repetitions)
    }
}

/// Blocks are added until a figure of every cell is sure, or a maximum is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StopRule {
    /// The figure.
    pub(crate) metric: Metric,
    /// Half the width that its interval may have, as a share of it; above 0.
    pub(crate) relative_interval: f64,
    /// Most blocks, no fewer than the repetitions.
    pub(crate) max_repetitions: u32,
    /// Time after which no block is begun.
    pub(crate) max_time: Option<Duration>,
}

/// How trials are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Complete random blocks: load levels shuffled in each, cells shuffled inside each load level.
    RandomBlocks,
    /// Blocks in which everything is in the file's order.
    Sequential,
}

impl Order {
    /// Every order with its name in scenarios.
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("random_blocks", Self::RandomBlocks), ("sequential", Self::Sequential)];

    /// The name in scenarios.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RandomBlocks => "random_blocks",
            Self::Sequential => "sequential",
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

    /// The index of the factor that it goes along with.
    pub(crate) const fn factor(&self) -> Option<usize> {
        match self {
            Self::Fixed(_) => None,
            Self::Factor { factor, .. } => Some(*factor),
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
    /// What one operation is; the first of the mix, where there is one.
    pub(crate) workload: Given<Workload>,
    /// Workloads whose operations are interleaved, with their weights; empty for one workload.
    pub(crate) mix: Vec<(Workload, u32)>,
    /// Threads that repeat it, 1 to 4,096.
    pub(crate) threads: Given<u32>,
    /// Bytes per operation; meant for the workloads that take a size.
    pub(crate) size_bytes: Option<Given<u64>>,
    /// Whether mapped pages are written; meant for the workloads that map.
    pub(crate) touch: Given<bool>,
    /// How long an operation lasts at least; meant for the workloads that take a duration.
    pub(crate) duration_ns: Option<Given<u64>>,
    /// Folders above a file; meant for the workloads that take a depth.
    pub(crate) depth: Option<Given<u32>>,
    /// Threads that wait for each of its threads; meant for the workloads that take waiters.
    pub(crate) waiters: Option<Given<u32>>,
    /// Where its threads run; none for wherever the kernel likes.
    pub(crate) pin: Option<Given<Pin>>,
    /// The CPUs among that, each with the place where it was written.
    pub(super) pinned: Vec<(u32, Place)>,
    /// How long a thread waits after an operation in a closed loop.
    pub(crate) think_ns: Given<u64>,
    /// Operations between two pauses, or at each intended start.
    pub(crate) batch: Given<u32>,
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
    /// Where the first word of its command was written.
    pub(super) place: Place,
    /// Where `cwd` was written.
    pub(super) cwd_place: Option<Place>,
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
    /// What a factor's level says: see [`LoadLevel::at`].
    Factor {
        /// Its name.
        name: String,
        /// Index into [`Scenario::factors`].
        factor: usize,
        /// The value at each of its levels.
        levels: Vec<LoadValue>,
    },
}

impl LoadLevel {
    /// Whether it is no load.
    pub(crate) fn is_quiet(&self) -> bool {
        self.options.is_empty() && self.program.is_none()
    }

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
                LoadValue::Factor { name, .. } => arguments.push(format!("${name}")),
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
    pub(super) fn without_factor(&mut self, gone: usize) {
        self.workload.without_factor(gone);
        self.threads.without_factor(gone);
        self.touch.without_factor(gone);
        self.size_bytes.iter_mut().for_each(|size| size.without_factor(gone));
        self.duration_ns.iter_mut().for_each(|duration| duration.without_factor(gone));
        self.depth.iter_mut().for_each(|depth| depth.without_factor(gone));
        self.waiters.iter_mut().for_each(|waiters| waiters.without_factor(gone));
        self.pin.iter_mut().for_each(|pin| pin.without_factor(gone));
        self.think_ns.without_factor(gone);
        self.batch.without_factor(gone);
        self.rate_per_second.iter_mut().for_each(|rate| rate.without_factor(gone));
        self.operations.iter_mut().for_each(|operations| operations.without_factor(gone));
    }

    /// Every workload that it has in some cell.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        if self.mix.is_empty() { self.workload.values().to_vec() } else { self.mixed() }
    }

    /// Its workloads in a cell.
    pub(crate) fn workloads_at(&self, cell: &Cell) -> Vec<Workload> {
        if self.mix.is_empty() { vec![*self.workload.at(cell)] } else { self.mixed() }
    }

    fn mixed(&self) -> Vec<Workload> {
        self.mix.iter().map(|(workload, _)| *workload).collect()
    }

    /// What the generator is told in a cell. What a workload does not take is left out, so that workloads can be the
    /// levels of a factor.
    fn spec(&self, cell: &Cell, scratch: &Path) -> GeneratorSpec {
        let workload = *self.workload.at(cell);
        let workloads = self.workloads_at(cell);
        GeneratorSpec {
            workload,
            mix: self.mix.clone(),
            seed: 0,
            threads: *self.threads.at(cell),
            size_bytes: taken((&workloads, Parameter::Size), self.size_bytes.as_ref(), cell),
            touch: *self.touch.at(cell) && workloads.iter().any(|it| it.takes(Parameter::Touch)),
            duration_ns: taken((&workloads, Parameter::Duration), self.duration_ns.as_ref(), cell),
            depth: taken((&workloads, Parameter::Depth), self.depth.as_ref(), cell),
            waiters: taken((&workloads, Parameter::Waiters), self.waiters.as_ref(), cell),
            pin: self.pin.as_ref().map(|pin| *pin.at(cell)),
            think_ns: *self.think_ns.at(cell),
            batch: *self.batch.at(cell),
            rate_per_second: self.rate_per_second.as_ref().map(|rate| *rate.at(cell)),
            operations: self.operations.as_ref().map(|operations| *operations.at(cell)),
            scratch: scratch.to_owned(),
        }
    }
}

/// The value of a parameter in a cell, if one of its workloads takes it.
fn taken<T: Copy>(
    (workloads, parameter): (&[Workload], Parameter),
    given: Option<&Given<T>>,
    cell: &Cell,
) -> Option<T> {
    let is_taken = workloads.iter().any(|workload| workload.takes(parameter));
    given.filter(|_| is_taken).map(|given| *given.at(cell))
}

impl Scenario {
    /// The generators' calls that nobody but a probe sees: no workload times them.
    pub(crate) fn untimed_targets(&self) -> Vec<&str> {
        let workloads: Vec<Workload> = self.generators.iter().flat_map(GeneratorDecl::workloads).collect();
        let is_untimed = |target: &&str| {
            workloads.iter().any(|workload| workload.leaves_to_the_probe(target))
                && !workloads.iter().any(|workload| workload.timed().contains(target))
        };
        self.measure.targets.iter().map(String::as_str).filter(is_untimed).collect()
    }

    /// Whether a generator's children issue calls that count.
    pub(crate) fn has_children(&self) -> bool {
        let mut workloads = self.generators.iter().flat_map(GeneratorDecl::workloads);
        !self.programs.is_empty() || workloads.any(Workload::has_children)
    }

    /// The factor whose levels are the backends, where there is one.
    pub(crate) fn probe_factor(&self) -> Option<&FactorDecl> {
        match self.measure.probe {
            Given::Fixed(_) => None,
            Given::Factor { factor, .. } => Some(&self.factors[factor]),
        }
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

    /// The targets of a cell: of those that it names, under scope `system` all, else those that its generators issue.
    pub(crate) fn targets_of(&self, cell: &Cell) -> Vec<&str> {
        let issued: BTreeSet<&str> = self
            .generators
            .iter()
            .flat_map(|it| it.workloads_at(cell))
            .flat_map(Workload::syscalls)
            .collect();
        // What a program will call, nobody knows.
        let all = self.measure.scope == Scope::System || !self.programs.is_empty();
        let named: BTreeSet<&str> = self.measure.named.iter().map(|name| name.at(cell).as_str()).collect();
        let targets = self.measure.targets.iter().map(String::as_str);
        targets.filter(|target| named.contains(target) && (all || issued.contains(target))).collect()
    }
}

//! The scenario language as data: the only place where its tables and keys are named.
//!
//! The reader refuses what is not here; the editors' schema ([`schema()`]) and the reference in `docs/scenarios.md`
//! ([`reference()`]) are made of it. A new key is one entry here, and the code that reads its value. What holds between
//! values (a workload that takes no size) is the reader's alone.

mod reference;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use reference::reference;
pub(crate) use schema::schema;

use super::model::{Order, ProbeRequest, Scope};
use super::programs::Until;
use super::settings::THP;
use generators::Workload;
use reports::Metric;

/// A table of the language.
pub(crate) struct Table {
    /// Its header as documentation writes it: `[generators.NAME]`; empty for the top of the file.
    pub(crate) header: &'static str,
    /// What it is for, in a sentence.
    pub(crate) meaning: &'static str,
    /// Its keys, in the order of the documentation.
    pub(crate) keys: &'static [Key],
    /// What else it may hold.
    pub(crate) others: Others,
}

/// What a table may hold besides its keys.
pub(crate) enum Others {
    /// Nothing.
    Refused,
    /// At least so many tables or lists that the file names, each of this kind.
    Named(usize, Kind),
    /// Long options of stress-ng.
    StressNg,
}

/// A key of a table.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What its value must be.
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    /// Whether the value may be `"$factor"`.
    pub(crate) takes_factor: bool,
    /// What it means, in a sentence or a few, as Markdown.
    pub(crate) meaning: &'static str,
    /// A value as TOML.
    pub(crate) example: &'static str,
}

/// What counts where a key is left out.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    /// It cannot be.
    Required,
    /// This value, as TOML.
    Is(&'static str),
    /// What these words say.
    Means(&'static str),
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A name: 1 to 64 letters, digits, `_`, `-`.
    Name,
    /// Text of one or several lines.
    Prose,
    /// A string with a unit, such as `"200ms"`.
    Duration,
    /// A string with a unit, such as `"64KiB"`, or bytes.
    Size,
    /// A whole number, both ends included.
    Integer {
        from: u64,
        to: u64,
    },
    /// A number up to and including `most`.
    Number {
        least: f64,
        /// Whether `least` itself is one.
        is_least_in: bool,
        most: f64,
    },
    Boolean,
    /// One of these names.
    Choice(fn() -> Vec<&'static str>),
    /// A list of system calls' names, at most so many.
    Syscalls(usize),
    /// A list of the levels of a factor.
    Levels,
    /// What an option of stress-ng is set to.
    StressNg,
    /// A list of lists of factors.
    Zip,
    /// A list of parts of cells.
    Exclude,
    /// A table.
    Table(&'static Table),
    /// A table of the one kind, or of the other.
    Either(&'static Table, &'static Table),
    /// What no other kind says: the words of the documentation, and the schema.
    Other {
        words: &'static str,
        schema: fn() -> serde_json::Value,
    },
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: Default,
    (example, meaning): (&'static str, &'static str),
) -> Key {
    Key { name, kind, default, takes_factor: false, meaning, example }
}

impl Key {
    /// The same, and `"$factor"` besides.
    const fn or_factor(mut self) -> Self {
        self.takes_factor = true;
        self
    }
}

impl Table {
    /// The names of its keys.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}

/// The version of the language.
pub(crate) const SCHEMA: u64 = 1;
/// Most blocks of a plan.
pub(crate) const MAX_REPETITIONS: u64 = 10_000;
/// Largest seed: TOML's integers are signed.
pub(crate) const MAX_SEED: u64 = i64::MAX.unsigned_abs();
/// Most threads of a generator.
pub(crate) const MAX_THREADS: u64 = 4_096;
/// Most folders that a path goes through.
pub(crate) const MAX_DEPTH: u64 = 1_000;
/// The last CPU that a scenario can name.
pub(crate) const MAX_CPU: u64 = 1_023;
/// Most operations of a batch.
pub(crate) const MAX_BATCH: u64 = 100_000;
/// Greatest weight of a workload in a mix.
pub(crate) const MAX_WEIGHT: u64 = 1_000;
/// Most operations of a trial.
pub(crate) const MAX_OPERATIONS: u64 = 1_000_000_000_000;
/// Most operations per second that can be intended: one each nanosecond.
pub(crate) const MAX_RATE: f64 = 1e9;
/// Most attempts that may follow a disturbed one.
pub(crate) const MAX_RETRIES: u64 = 10;
/// Most slow calls that can be kept.
pub(crate) const MAX_SLOWEST: u64 = probe_abi::MAX_SLOWEST as u64;

fn workloads() -> Vec<&'static str> {
    Workload::ALL.iter().map(|workload| workload.name()).collect()
}

fn probes() -> Vec<&'static str> {
    ProbeRequest::NAMES.iter().map(|(name, _)| *name).collect()
}

fn scopes() -> Vec<&'static str> {
    Scope::NAMES.iter().map(|(name, _)| *name).collect()
}

fn orders() -> Vec<&'static str> {
    Order::NAMES.iter().map(|(name, _)| *name).collect()
}

fn metrics() -> Vec<&'static str> {
    Metric::ALL.iter().map(|metric| metric.name()).collect()
}

/// The whole file.
pub(crate) static ROOT: Table = Table {
    header: "",
    meaning: "Every scenario begins with these.",
    keys: &[
        key(
            "schema",
            Kind::Integer { from: SCHEMA, to: SCHEMA },
            Default::Required,
            ("1", "The version of this language."),
        ),
        key(
            "name",
            Kind::Name,
            Default::Required,
            ("\"mmap_sweep\"", "What runs of it are called; the file's own name without `.toml` is best."),
        ),
        key(
            "summary",
            Kind::Prose,
            Default::Means("none"),
            ("\"What size does to mmap\"", "What it finds out, in a sentence: the report's first line."),
        ),
        key(
            "measure",
            Kind::Table(&MEASURE),
            Default::Required,
            ("{ syscalls = [\"read\"] }", "What is measured and how."),
        ),
        key(
            "plan",
            Kind::Table(&PLAN),
            Default::Means("every key's default"),
            ("{ repetitions = 3 }", "How often, and in what order."),
        ),
        key(
            "factors",
            Kind::Table(&FACTORS),
            Default::Means("no factor but load"),
            ("{ size = [\"4KiB\", \"1MiB\"] }", "The axes besides load."),
        ),
        key(
            "generators",
            Kind::Table(&GENERATORS),
            Default::Means("none, which scope `system` alone allows"),
            ("{ g = { workload = \"getpid\" } }", "What issues the measured calls."),
        ),
        key(
            "load",
            Kind::Table(&LOADS),
            Default::Means("one level, `baseline`, without load"),
            ("{ baseline = {} }", "What disturbs: the levels of the factor `load`."),
        ),
        key(
            "machine",
            Kind::Table(&MACHINE),
            Default::Means("as it is"),
            ("{ governor = \"performance\" }", "How the machine is set for the time of the run."),
        ),
    ],
    others: Others::Refused,
};

/// `[measure]`.
pub(crate) static MEASURE: Table = Table {
    header: "[measure]",
    meaning: "What is measured and how.",
    keys: &[
        key(
            "syscalls",
            Kind::Syscalls(probe_abi::MAX_TARGETS),
            Default::Required,
            (
                "[\"mmap\", \"munmap\"]",
                "The targets. Under scope `generators` each must be issued by a generator; a trial's targets are those \
                 that its generators issue. `\"$factor\"`, alone or in the list, names another in each of its cells.",
            ),
        )
        .or_factor(),
        key(
            "probe",
            Kind::Choice(probes),
            Default::Is("\"auto\""),
            (
                "\"raw_tracepoint\"",
                "The backend. `auto` is the first that works of `kretprobe`, `fentry`, `raw_tracepoint`, `user`; one \
                 that is named is used, or the run is refused.",
            ),
        )
        .or_factor(),
        key(
            "scope",
            Kind::Choice(scopes),
            Default::Is("\"generators\""),
            ("\"system\"", "Whose calls count: the generators', or every process's but the runner's own."),
        ),
        key(
            "warmup",
            Kind::Duration,
            Default::Is("\"200ms\""),
            ("\"1s\"", "How long generators run before the window opens; may be 0."),
        )
        .or_factor(),
        key(
            "window",
            Kind::Duration,
            Default::Is("\"500ms\""),
            (
                "\"2s\"",
                "How long calls count; at least 1 ms. Where generators have `operations`, the window ends with these \
                 instead.",
            ),
        )
        .or_factor(),
        key(
            "loss_limit",
            Kind::Number { least: 0.0, is_least_in: true, most: 1.0 },
            Default::Is("0.001"),
            ("0.01", "The share of a trial's calls that may be lost before the trial is invalid."),
        ),
        key(
            "noise_limit",
            Kind::Number { least: 0.0, is_least_in: true, most: 1.0 },
            Default::Is("0.05"),
            (
                "0.02",
                "The share of all CPUs' time that other programs and the hypervisor may take during a trial before it \
                 is marked as disturbed.",
            ),
        ),
        key(
            "keep_slowest",
            Kind::Integer { from: 0, to: MAX_SLOWEST },
            Default::Is("0"),
            (
                "5",
                "So many of the slowest calls of each target and trial are kept one by one, to see what a maximum was. \
                 Every call costs more then.",
            ),
        ),
    ],
    others: Others::Refused,
};

/// `[plan]`.
pub(crate) static PLAN: Table = Table {
    header: "[plan]",
    meaning: "How often, and in what order.",
    keys: &[
        key(
            "repetitions",
            Kind::Integer { from: 1, to: MAX_REPETITIONS },
            Default::Is("7"),
            (
                "5",
                "How often each cell is measured, each time with fresh processes. `--repetitions` replaces it.",
            ),
        ),
        key(
            "order",
            Kind::Choice(orders),
            Default::Is("\"random_blocks\""),
            (
                "\"random_blocks\"",
                "`random_blocks`: each repetition is a block with every cell in it, load levels in random order, cells \
                 in random order inside each. `sequential`: everything in the file's order, so that whatever drifts \
                 during the run looks like an effect of the factors.",
            ),
        ),
        key(
            "seed",
            Kind::Integer { from: 0, to: MAX_SEED },
            Default::Is("1"),
            ("42", "Decides the order: the same seed, the same order. `--seed` replaces it."),
        ),
        key(
            "ramp",
            Kind::Duration,
            Default::Is("\"2s\""),
            ("\"5s\"", "The longest that a load level is waited for until it is steady."),
        ),
        key(
            "retry_disturbed",
            Kind::Integer { from: 0, to: MAX_RETRIES },
            Default::Is("0"),
            (
                "2",
                "How often a trial that was disturbed is repeated at the end of its block; the last attempt is kept, \
                 whatever it found.",
            ),
        ),
        key(
            "until",
            Kind::Table(&UNTIL),
            Default::Means("just the repetitions"),
            (
                "{ metric = \"p99\" }",
                "When enough repetitions have been taken; then `repetitions` is the least.",
            ),
        ),
        key(
            "zip",
            Kind::Zip,
            Default::Means("every combination of levels"),
            (
                "[[\"size\", \"threads\"]]",
                "The levels of these factors go along with each other, the first with the first and so on, instead of \
                 being combined. They must have equally many; `load` may be among them.",
            ),
        ),
        key(
            "exclude",
            Kind::Exclude,
            Default::Means("nothing"),
            (
                "[{ size = \"16MiB\", load = \"high\" }]",
                "Cells that are left out: each entry names levels of some factors, one or a list of each, and takes \
                 every cell that has them. An entry that takes none, or none that those before it leave, is an error, as \
                 is to leave nothing.",
            ),
        ),
    ],
    others: Others::Refused,
};

/// `[plan.until]`.
pub(crate) static UNTIL: Table = Table {
    header: "[plan.until]",
    meaning: "Whole blocks are added until a figure of every cell and target is sure, or a maximum is reached. One looks \
              at a few numbers of repetitions, fixed beforehand, and the more of them the surer each has to be \
              ([METHODOLOGY.md](../METHODOLOGY.md) says how).",
    keys: &[
        key(
            "metric",
            Kind::Choice(metrics),
            Default::Is("\"p50\""),
            ("\"p99\"", "The figure that is to be sure."),
        ),
        key(
            "relative_interval",
            Kind::Number { least: 0.0, is_least_in: false, most: 1.0 },
            Default::Is("0.05"),
            ("0.1", "Half the width of its interval may be at most this share of it. Slots are 1/64 wide."),
        ),
        key(
            "max_repetitions",
            Kind::Integer { from: 1, to: MAX_REPETITIONS },
            Default::Is("40"),
            ("20", "Most repetitions; at least 6, and as many as `repetitions`."),
        ),
        key(
            "max_time",
            Kind::Duration,
            Default::Means("no limit"),
            (
                "\"10m\"",
                "No block is begun that would end later than this, the least repetitions aside; at least 1 s. A run that \
                 is resumed has what is left of it.",
            ),
        ),
    ],
    others: Others::Refused,
};

/// `[factors]`.
pub(crate) static FACTORS: Table = Table {
    header: "[factors]",
    meaning: "Each entry `NAME = [LEVEL, …]` is an axis, and `\"$NAME\"` elsewhere takes its level. Every combination of \
              levels is a cell.",
    keys: &[],
    others: Others::Named(0, Kind::Levels),
};

/// `[generators]`.
pub(crate) static GENERATORS: Table = Table {
    header: "[generators]",
    meaning: "Each table in it is a generator; all of them run at once in every trial.",
    keys: &[],
    others: Others::Named(0, Kind::Either(&GENERATOR, &PROGRAM)),
};

/// `[generators.NAME]`.
pub(crate) static GENERATOR: Table = Table {
    header: "[generators.NAME]",
    meaning: "A process that issues the measured calls.",
    keys: &[
        key(
            "workload",
            Kind::Choice(workloads),
            Default::Means("required, or a `mix`"),
            ("\"mmap\"", "What one operation is: each has [a page](generators.md)."),
        )
        .or_factor(),
        key(
            "mix",
            Kind::Other { words: "a table of workloads and their weights", schema: mix },
            Default::Means("one workload"),
            (
                "{ read = 3, openat = 1 }",
                "Several workloads in the place of one, interleaved operation by operation: in each round every workload \
                 as often as its weight says, 1 to 1,000, in an order drawn by the plan's seed and the trial. Those \
                 with helpers, children or untimed calls (ping-pong, waiters, clone, execve, munmap, close) cannot be \
                 mixed.",
            ),
        ),
        key(
            "threads",
            Kind::Integer { from: 1, to: MAX_THREADS },
            Default::Is("1"),
            ("4", "Threads that repeat it."),
        )
        .or_factor(),
        key(
            "size",
            Kind::Size,
            Default::Means("required by the workloads that take a size, but for `pipe`, `pipe_pingpong` and `socket`: 1 byte"),
            (
                "\"64KiB\"",
                "Bytes of each operation; at most 1 MiB for those three. Has no effect on workloads that take none.",
            ),
        )
        .or_factor(),
        key(
            "touch",
            Kind::Boolean,
            Default::Is("false"),
            ("true", "Whether each page of mapped memory is written to. Has no effect on workloads that map none."),
        )
        .or_factor(),
        key(
            "duration",
            Kind::Duration,
            Default::Means("required by the workloads that take a duration"),
            ("\"50us\"", "How long each operation of `nanosleep` sleeps. Has no effect on others."),
        )
        .or_factor(),
        key(
            "depth",
            Kind::Integer { from: 1, to: MAX_DEPTH },
            Default::Means("required by the workloads that take a depth"),
            ("10", "How many folders the path of `openat_deep` goes through. Has no effect on others."),
        )
        .or_factor(),
        key(
            "waiters",
            Kind::Integer { from: 1, to: MAX_THREADS },
            Default::Means("required by the workloads that take waiters"),
            ("4", "How many threads `futex_waiters` wakes at a time. Has no effect on others."),
        )
        .or_factor(),
        key(
            "pin",
            Kind::Other { words: "`\"spread\"` or a whole number, 0 to 1,023", schema: pin },
            Default::Means("wherever the kernel likes"),
            (
                "\"spread\"",
                "Where threads run. `spread`: the first on the first CPU that the generator may run on, the second on the \
                 second, and so on, beginning again after the last. A number: all on that CPU. Threads that help stay \
                 with theirs.",
            ),
        )
        .or_factor(),
        key(
            "think",
            Kind::Duration,
            Default::Is("\"0s\""),
            (
                "\"100us\"",
                "How long a thread waits after an operation before the next, not counted in any call. Not together with \
                 `rate`.",
            ),
        )
        .or_factor(),
        key(
            "batch",
            Kind::Integer { from: 1, to: MAX_BATCH },
            Default::Is("1"),
            (
                "8",
                "Operations that are issued one right after the other: between two pauses of `think`, or at each start \
                 that `rate` intends, of which there are then so many fewer.",
            ),
        )
        .or_factor(),
        key(
            "rate",
            Kind::Number { least: 0.0, is_least_in: false, most: MAX_RATE },
            Default::Means("as fast as it can"),
            (
                "1000",
                "Operations each second over all threads, begun at fixed times whether or not the one before is done.",
            ),
        )
        .or_factor(),
        key(
            "operations",
            Kind::Integer { from: 1, to: MAX_OPERATIONS },
            Default::Means("as many as fit into the window"),
            (
                "100000",
                "So many operations in all, over its threads, instead of the window's time; warm-up comes on top. \
                 Either every generator has it or none.",
            ),
        )
        .or_factor(),
    ],
    others: Others::Refused,
};

/// `[generators.PROGRAM]`: what the table of a generator is with a command in it.
pub(crate) static PROGRAM: Table = Table {
    header: "[generators.PROGRAM]",
    meaning: "A generator that is a program of somebody else's: any table in `[generators]` with a `command`. The probe \
              follows it and all that it starts; nobody sees its calls from its own side, so it takes a probe. No \
              shell looks at the words. All commands run as the invoking user.",
    keys: &[
        key(
            "command",
            COMMAND,
            Default::Required,
            (
                "[\"sort\", \"--parallel=2\", \"words\"]",
                "The program and its arguments. In a word, `${factor}` stands for the level of a factor, and `$$` for a dollar.",
            ),
        ),
        key(
            "until",
            Kind::Choice(untils),
            Default::Is("\"end\""),
            (
                "\"window\"",
                "`end`: it starts when the window opens, and its own end closes the window; other generators then need \
                 `operations`. `window`: it starts before the warm-up, must outlast the window, and is ended then.",
            ),
        ),
        key(
            "cwd",
            Kind::Prose,
            Default::Means("an empty folder of the trial's own"),
            ("\"/usr/share\"", "Where it starts, a path from the root."),
        ),
        key(
            "stdin",
            Kind::Prose,
            Default::Means("nothing"),
            (
                "\"commands.sql\"",
                "The file that it reads as its standard input, relative to where it starts.",
            ),
        ),
        key(
            "env",
            Kind::Other { words: "a table of strings", schema: environment },
            Default::Means("none"),
            (
                "{ LC_ALL = \"C\" }",
                "What is added to its environment, which otherwise has only `PATH`, `LANG=C.UTF-8`, and \
                 `HOME` and `TMPDIR`, both the trial's folder. Factors as in `command`.",
            ),
        ),
        key(
            "setup",
            COMMANDS,
            Default::Means("none"),
            (
                "[\"seq\", \"100000\"]",
                "A command, or a list of commands, carried out one after the other before each trial, where the program \
                 will start; each must succeed within 5 minutes. What they leave running is ended.",
            ),
        ),
        key(
            "ready",
            COMMAND,
            Default::Means("ready at once"),
            (
                "[\"redis-cli\", \"ping\"]",
                "A command that is repeated until it succeeds, for at most 30 seconds, before anything else happens: with \
                 `until = \"window\"` once the program runs, else before it does.",
            ),
        ),
        key(
            "teardown",
            COMMANDS,
            Default::Means("none"),
            (
                "[[\"sync\"]]",
                "A command, or a list of commands, after each trial, however it went, and after the program has ended. One \
                 that fails makes the trial invalid.",
            ),
        ),
    ],
    others: Others::Refused,
};

/// A command.
const COMMAND: Kind = Kind::Other { words: "a list of words", schema: command };

/// Commands.
const COMMANDS: Kind = Kind::Other { words: "a list of words, or a list of such lists", schema: commands };

fn command() -> serde_json::Value {
    serde_json::json!({ "type": "array", "minItems": 1, "maxItems": 256, "items": { "type": "string" } })
}

fn commands() -> serde_json::Value {
    serde_json::json!({ "anyOf": [command(), { "type": "array", "maxItems": 256, "items": command() }] })
}

fn environment() -> serde_json::Value {
    serde_json::json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn pin() -> serde_json::Value {
    serde_json::json!({ "anyOf": [
        { "const": "spread" },
        { "type": "integer", "minimum": 0, "maximum": MAX_CPU },
    ] })
}

fn mix() -> serde_json::Value {
    let mixable = Workload::ALL.iter().filter(|workload| workload.can_be_mixed());
    let weight = serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MAX_WEIGHT });
    let properties: serde_json::Map<String, serde_json::Value> =
        mixable.map(|workload| (workload.name().to_owned(), weight.clone())).collect();
    serde_json::json!({
        "type": "object", "minProperties": 2, "properties": properties, "additionalProperties": false,
    })
}

fn untils() -> Vec<&'static str> {
    Until::NAMES.map(|(name, _)| name).to_vec()
}

/// `[load]`.
pub(crate) static LOADS: Table = Table {
    header: "[load]",
    meaning: "Each table in it is a level of the factor `load`; an empty one is no load.",
    keys: &[],
    others: Others::Named(1, Kind::Table(&LOAD)),
};

/// `[load.NAME]`: options of stress-ng; those that are named here are for documentation and editors.
pub(crate) static LOAD: Table = Table {
    header: "[load.NAME]",
    meaning: "stress-ng's long options without their dashes. The installed stress-ng is asked before a run whether it \
              takes them. Options that end, steer or record the load, name a path, execute a program or change the \
              machine are refused.",
    keys: &[
        key("cpu", Kind::StressNg, Default::Means("none"), ("\"100% cpus\"", "Workers that compute.")).or_factor(),
        key("io", Kind::StressNg, Default::Means("none"), ("\"50% cpus\"", "Workers that call sync.")).or_factor(),
        key(
            "vm",
            Kind::StressNg,
            Default::Means("none"),
            ("1", "Workers that map memory and write to it, page after page."),
        )
        .or_factor(),
        key(
            "vm-bytes",
            Kind::StressNg,
            Default::Means("256 MiB"),
            (
                "\"40%\"",
                "How much memory the workers of `vm` fill: a share of what is available, `\"40% memory\"` of all there \
                 is, or bytes. More than there is room for is refused before the run.",
            ),
        )
        .or_factor(),
        key(
            "require_memory",
            Kind::Boolean,
            Default::Is("false"),
            (
                "false",
                "Whether trials are invalid at whose end less than half of what `vm` is to fill was filled. Needs `vm`.",
            ),
        ),
        key(
            "command",
            COMMAND,
            Default::Means("none"),
            (
                "[\"sleep\", \"1h\"]",
                "A program that is load, alone or beside stress-ng's options: it and its arguments, `$$` for a dollar. \
                 It and all it started is ended with the level. If it ends before, trials under it are invalid.",
            ),
        ),
        key(
            "repeat",
            Kind::Boolean,
            Default::Is("false"),
            (
                "false",
                "Whether `command` is started again each time that it has ended with success. Needs `command`.",
            ),
        ),
        key(
            "cwd",
            Kind::Prose,
            Default::Means("an empty folder"),
            ("\"/usr/share\"", "Where `command` starts, a path from the root. Needs `command`."),
        ),
    ],
    others: Others::StressNg,
};

/// `[machine]`.
pub(crate) static MACHINE: Table = Table {
    header: "[machine]",
    meaning: "How the machine is set for the time of the run; what was is restored at its end. What a machine, or a user \
              who is not root, cannot set is a warning of the run.",
    keys: &[
        key(
            "governor",
            Kind::Prose,
            Default::Means("as it is"),
            ("\"performance\"", "The frequency governor of every CPU."),
        ),
        key(
            "turbo",
            Kind::Boolean,
            Default::Means("as it is"),
            ("false", "Whether CPUs may exceed their nominal frequency."),
        ),
        key(
            "thp",
            Kind::Choice(huge_pages),
            Default::Means("as it is"),
            ("\"never\"", "When the kernel makes huge pages without being asked."),
        ),
        key(
            "aslr",
            Kind::Boolean,
            Default::Means("as it is"),
            ("false", "Whether addresses of new processes are random."),
        ),
        key(
            "swappiness",
            Kind::Integer { from: 0, to: MAX_SWAPPINESS },
            Default::Means("as it is"),
            ("10", "How readily the kernel swaps."),
        ),
        key(
            "cpus",
            Kind::Table(&CPU_SETS),
            Default::Means("every CPU for all"),
            ("{ generators = \"0\" }", "Who runs on which CPUs."),
        ),
        key(
            "drop_caches",
            Kind::Boolean,
            Default::Is("false"),
            (
                "true",
                "Whether the page cache, inodes and directory entries are dropped before each trial, once its \
                 generators have prepared their files and before the warm-up. Affects the whole machine.",
            ),
        ),
        key(
            "required",
            Kind::Other { words: "a list of keys of this table", schema: settings },
            Default::Means("none"),
            ("[\"governor\"]", "What the run is refused without."),
        ),
    ],
    others: Others::Refused,
};

/// `[machine.cpus]`.
pub(crate) static CPU_SETS: Table = Table {
    header: "[machine.cpus]",
    meaning: "Lists of CPUs as the kernel writes them, `\"0-2,4\"`. Whatever a process starts stays on its CPUs.",
    keys: &[
        key(
            "generators",
            Kind::Prose,
            Default::Means("every CPU"),
            ("\"0\"", "For generators, programs included."),
        ),
        key(
            "load",
            Kind::Prose,
            Default::Means("every CPU"),
            (
                "\"0\"",
                "For stress-ng and programs that are load. Shares such as `\"100% cpus\"` remain of all CPUs.",
            ),
        ),
        key("runner", Kind::Prose, Default::Means("every CPU"), ("\"0\"", "For the runner itself.")),
    ],
    others: Others::Refused,
};

/// Largest swappiness.
pub(crate) const MAX_SWAPPINESS: u64 = 200;

fn huge_pages() -> Vec<&'static str> {
    THP.to_vec()
}

fn settings() -> serde_json::Value {
    let names: Vec<&str> = MACHINE.names().into_iter().filter(|name| *name != "required").collect();
    serde_json::json!({ "type": "array", "items": { "enum": names } })
}

/// Every table, in the order of the documentation.
pub(crate) static TABLES: [&Table; 12] = [
    &ROOT,
    &MEASURE,
    &PLAN,
    &UNTIL,
    &FACTORS,
    &GENERATORS,
    &GENERATOR,
    &PROGRAM,
    &LOADS,
    &LOAD,
    &MACHINE,
    &CPU_SETS,
];

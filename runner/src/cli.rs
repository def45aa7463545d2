//! The command line as typed. What it means is decided in `commands/`, one file per verb.

mod examples;
mod fleet;
mod lab;
mod new;
mod shards;
mod trace;

pub(crate) use self::lab::*;
pub(crate) use fleet::*;
pub(crate) use new::NewArguments;
pub(crate) use shards::{MergeArguments, ShardArguments};
pub(crate) use trace::*;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// How long does this system call take, under this load, on this machine, and did that change?
#[derive(Debug, Parser)]
#[command(name = "runner", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = examples::RUNNER)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Execute a scenario, keep the run and render its report
    #[command(after_long_help = examples::RUN)]
    Run(RunArguments),
    /// Watch the system calls of a program, a process or the machine now: live on a terminal, a table at the end
    ///
    /// On a terminal a view of counts, rates, latencies and errors as they grow (`?` in it says which keys there are);
    /// elsewhere a line for each call and interval. Without --for it goes on until its subject ends, or Ctrl-C. Ends with 0,
    /// or with 130 where a signal came before what was asked for was done.
    #[command(after_long_help = examples::TRACE)]
    Trace(TraceArguments),
    /// Go on where a run stopped that did not come to its end: same plan, same order, same run
    #[command(after_long_help = examples::RESUME)]
    Resume(ResumeArguments),
    /// Make one run of the parts of a plan (`run --shard`), or of runs of one scenario from several machines or kernels
    ///
    /// Parts have to be all there, complete and of the same plan. Of whole runs the machine becomes a factor, or where they
    /// are of one machine the kernel. What does not belong together is refused by name, with 2, and nothing is written.
    #[command(after_long_help = shards::MERGE_EXAMPLES)]
    Merge(MergeArguments),
    /// Show every trial in order, how long the run will take and what it can show; measures nothing
    #[command(after_long_help = examples::PLAN)]
    Plan(PlanArguments),
    /// Validate scenarios: file, line, column and what was expected
    #[command(after_long_help = examples::CHECK)]
    Check(CheckArguments),
    /// Show a run's figures and render its report
    #[command(after_long_help = examples::REPORT)]
    Report(ReportArguments),
    /// Compare two runs, or several with the first: ratio, interval and verdict for every cell
    #[command(after_long_help = examples::DIFF)]
    Diff(DiffArguments),
    /// Say what this machine can measure, and how to mend what it cannot
    ///
    /// What is not as it should be is explained in two sentences, with the command that mends it where there is one.
    /// Ends with 0 when the kernel's side can be measured and a scenario executed, else with 1.
    #[command(after_long_help = examples::DOCTOR)]
    Doctor(DoctorArguments),
    /// Check that a run is what was measured: every file, figure and place in the order
    ///
    /// Prints a line for each thing that is wrong, and ends with 1 where something is.
    #[command(after_long_help = examples::VERIFY)]
    Verify(VerifyArguments),
    /// Write a run in a format of others: CSV, JSON, `OpenMetrics`, or the five lines of an older tool
    #[command(after_long_help = examples::EXPORT)]
    Export(ExportArguments),
    /// List the runs that are kept
    #[command(after_long_help = examples::LIST)]
    List(ListArguments),
    /// Write a commented scenario to begin with, NAME.toml, which runs as it is, or list those that are shipped
    #[command(after_long_help = examples::NEW)]
    New(NewArguments),
    /// Print the scenario language: a JSON Schema for editors, or its tables of keys
    #[command(after_long_help = examples::SCHEMA)]
    Schema(SchemaArguments),
    /// Print completions of this command line for a shell
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Print the manual: a page for `man`, every page as a file, or all of it as one document
    #[command(after_long_help = examples::MAN)]
    Man(ManArguments),
    /// Assignments for courses: hand out, execute, hand in, grade by claims
    Lab {
        #[command(subcommand)]
        verb: LabVerb,
    },
    /// A scenario in shards on the nodes of a cluster: submit, look, gather
    Fleet {
        #[command(subcommand)]
        verb: FleetVerb,
    },
    /// Clear up after a runner: for the runner itself, which starts it
    #[command(hide = true)]
    Keep {
        /// Its folder of temporary files
        folder: PathBuf,
    },
}

/// Where runs are kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunsDir {
    /// Folder of the runs
    #[arg(long, value_name = "FOLDER", env = "RUNNER_RUNS_DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

/// A scenario, and what to change in it.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArguments {
    /// The scenario: its TOML file, or the name of one here, in `scenarios/`, or shipped (`runner new --list`)
    pub(crate) scenario: PathBuf,
    /// Replace a value of the scenario, as in `plan.repetitions=3`; VALUE is TOML, else a bare string
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Repetitions of each cell, instead of the scenario's
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) repetitions: Option<String>,
    /// Seed of the order, instead of the scenario's
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) seed: Option<String>,
}

/// A second scenario, to be executed in alternation with the first.
#[derive(Debug, Args)]
pub(crate) struct AgainstArguments {
    /// Execute this scenario, too, block by block in alternation: SCENARIO is the baseline, this one the candidate
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) against: Option<PathBuf>,
    /// Replace a value of the candidate only; without --against, SCENARIO with this replaced is the candidate
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) against_set: Vec<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    #[command(flatten)]
    pub(crate) against: AgainstArguments,
    #[command(flatten)]
    pub(crate) shard: ShardArguments,
    /// Backend, instead of the scenario's
    #[arg(long, value_name = "BACKEND", value_parser = backends())]
    pub(crate) probe: Option<String>,
    /// Add blocks to this run, which is complete, of the same scenario: `--repetitions` says how many
    #[arg(long, value_name = "RUN", conflicts_with_all = ["against", "against_set", "label", "seed"])]
    pub(crate) append: Option<String>,
    /// With --append: although the runner's version, or how the kernel was started and set, is another, and say so in the run
    #[arg(long, requires = "append")]
    pub(crate) force: bool,
    /// A name to find the run by, as in `runner report NAME`: 1 to 64 letters, digits, `_` or `-`. Two runs in
    /// alternation both get it, and `runner list --label NAME` shows them
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// No progress; errors, warnings and the report's path only
    #[arg(long)]
    pub(crate) quiet: bool,
    /// On a terminal, the figures of each cell as its trials are finished, instead of a bar; `?` says which keys there are
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) live: bool,
    /// One JSON document on standard output at the end
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    #[command(flatten)]
    pub(crate) against: AgainstArguments,
    #[command(flatten)]
    pub(crate) shard: ShardArguments,
    /// A kept run: how small a change such a plan can find, if figures vary as they did there
    #[arg(long, value_name = "RUN")]
    pub(crate) like: Option<String>,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// One JSON document on standard output; trials and blocks count from 0 in it, as in a run's tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The scenarios: TOML files, or names as `run` takes them
    #[arg(required = true)]
    pub(crate) scenarios: Vec<PathBuf>,
}

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal; `report` renders the HTML report besides
    Text,
    /// One self-contained page with its charts as SVG and PNG files beside it
    Html,
    /// Tables for a pull request
    Markdown,
    /// A versioned JSON document
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// `latest`, `latest~1`, an id, a unique prefix of one, a label, a path, or `SCENARIO@latest`
    #[arg(default_value = "latest", conflicts_with_all = ["scenario", "label", "since", "kernel"])]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    #[arg(long, default_value = "text", conflicts_with_all = ["scenario", "label", "since", "kernel"])]
    pub(crate) format: Format,
    /// Where to write instead of the run's `report/` (html, and over many runs: a folder) or standard output (else: a file)
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// mean, p50 (the default), p90, p99, p999 or max: over many runs, or of the machines or kernels of a merged one
    #[arg(long, value_name = "METRIC")]
    pub(crate) metric: Option<String>,
    /// Instead of a run's report: how a figure went over runs
    #[command(flatten, next_help_heading = "Over many runs, instead of one")]
    pub(crate) selection: Selection,
}

/// Formats of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One table, trials unless --table says another, with all its columns
    Csv,
    /// Manifest and trials with their histograms, as one versioned document
    Json,
    /// Five lines a target: function, count, total and maximum in ns, 16 buckets
    Classic,
    /// Histograms and counters for Prometheus and its like
    Openmetrics,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The run, named as in `report`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    #[arg(long)]
    pub(crate) format: ExportFormat,
    /// The table that csv writes
    #[arg(long, value_name = "TABLE", value_parser = store::TABLES)]
    pub(crate) table: Option<String>,
    /// The file to write instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// Which of the runs that are kept.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Those of this scenario
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// Those with this label
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
    /// Those that began since then: a day (2026-11-01), a time (2026-11-01T08:00:00Z), or so long ago (90m, 12h, 7d, 4w)
    #[arg(long, value_name = "WHEN", value_parser = crate::commands::since)]
    pub(crate) since: Option<chrono::DateTime<chrono::Utc>>,
    /// Those on kernels whose release begins so
    #[arg(long, value_name = "RELEASE")]
    pub(crate) kernel: Option<String>,
}

/// How far runs came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// Every trial was executed
    Complete,
    /// Ended by a signal
    Interrupted,
    /// Ended by an error of the runner itself
    Aborted,
    /// Executed by a runner now
    UnderWay,
    /// Executed by none any more, without an end
    CutOff,
}

/// By what runs are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// By when they were created, the oldest first
    Time,
    Scenario,
    Label,
    State,
    Kernel,
    /// Whole runs, then shards by number, then merged ones
    Kind,
}

/// Of what plan a run is, and whether it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Executed as a whole
    Whole,
    /// A part of its plan (`run --shard`)
    Shard,
    /// Made of others (`merge`)
    Merged,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Those that came so far
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<StateName>,
    /// Those of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<Kind>,
    /// By what they are sorted; runs that are alike in it are in the order of their creation
    #[arg(long, default_value = "time")]
    pub(crate) sort: Sort,
    /// Read every manifest instead of the index of the folder
    #[arg(long)]
    pub(crate) no_index: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run, named as in `report`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// Go on although kernel, machine or runner are others, or the kernel was started or set otherwise, and say so in the run
    #[arg(long)]
    pub(crate) force: bool,
    /// No progress; errors, warnings and the report's path only
    #[arg(long)]
    pub(crate) quiet: bool,
    /// One JSON document on standard output at the end
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The run, named as in `report`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The run to compare with, named as in `report`
    pub(crate) base: String,
    /// The run that may have changed; of several, each is set against the first, in order
    #[arg(required = true)]
    pub(crate) candidates: Vec<String>,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// mean, p50, p90, p99, p999, max, or `all`; may be given several times
    #[arg(long, default_value = "p50")]
    pub(crate) metric: Vec<String>,
    /// Changes smaller than this are the same
    #[arg(long, default_value = "5%")]
    pub(crate) threshold: String,
    /// Exit with code 4 when a comparison is worse, and with 1 when that cannot be judged, as where calls only fail in the
    /// candidate; of several candidates, with the last
    #[arg(long)]
    pub(crate) gate: bool,
    #[command(flatten)]
    pub(crate) across: AcrossArguments,
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
    /// File to write instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// What is compared although it does not mean the same.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AcrossArguments {
    /// Compare runs that were observed by different backends
    #[arg(long)]
    pub(crate) across_backends: bool,
    /// Compare targets that one run saw in the kernel and the other in the caller
    #[arg(long)]
    pub(crate) across_vantages: bool,
    /// Compare the targets and cells that both runs have, where one has others besides
    #[arg(long)]
    pub(crate) across_cells: bool,
}

/// How the scenario language is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// JSON Schema, draft 7: what `schema/scenario.json` holds
    Json,
    /// The tables of keys of `docs/scenarios.md`
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArguments {
    #[arg(long, default_value = "json")]
    pub(crate) format: SchemaFormat,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// How the manual is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ManFormat {
    /// A page as `man` reads it
    Roff,
    /// All pages as `docs/commands.md` has them
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command whose page it is, as in `runner man diff`; without, the page of the runner itself
    #[arg(value_name = "COMMAND")]
    pub(crate) verb: Vec<String>,
    /// Write every page into this folder, as runner.1, runner-run.1 and so on, instead of printing one
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    pub(crate) out: Option<PathBuf>,
    #[arg(long, default_value = "roff", conflicts_with_all = ["verb", "out"])]
    pub(crate) format: ManFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Explain what is as it should be, too
    #[arg(long, conflicts_with = "json")]
    pub(crate) explain: bool,
    /// Restore the machine's settings that a killed run has left changed
    #[arg(long, conflicts_with_all = ["json", "explain"])]
    pub(crate) restore: bool,
}

fn label(text: &str) -> Result<String, String> {
    match crate::scenario::Name::new(text) {
        Some(_) if text == "latest" => Err("`latest` means the newest run".to_owned()),
        Some(name) => Ok(name.to_string()),
        None => Err("must be 1 to 64 letters, digits, `_` or `-`".to_owned()),
    }
}

fn backends() -> [&'static str; 5] {
    crate::scenario::ProbeRequest::NAMES.map(|(name, _)| name)
}

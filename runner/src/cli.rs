//! The command line as typed. What it means is decided in `commands/`, one file per verb.

mod examples;
mod fleet;
mod shards;

pub(crate) use fleet::*;
pub(crate) use shards::{MergeArguments, ShardArguments};
mod new;

pub(crate) use new::NewArguments;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

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

/// How the figures of a trace are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceFormat {
    /// A line for each call and interval, then a table; on a terminal a live view instead of the lines
    Text,
    /// A table for a pull request
    Markdown,
    /// A versioned JSON document, with the intervals
    Json,
    /// Five lines a call: function, count, total and maximum in ns, 16 buckets
    Classic,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("calls").required(true).args(["syscall", "all"])))]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["pid", "command", "system"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct TraceArguments {
    /// The system calls, as in `--syscall read,openat`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) syscall: Vec<String>,
    /// All system calls but those that never return; takes the `raw_tracepoint` backend
    #[arg(long)]
    pub(crate) all: bool,
    /// Of this process: all its threads, the children that it has and those that it will have
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Of every process of the machine but this one
    #[arg(long)]
    pub(crate) system: bool,
    /// Of this program, which is started for it, with all that it starts; ends with it. All words behind it are the program's
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    pub(crate) command: Option<Vec<String>>,
    /// Without the children of the process or program
    #[arg(long, conflicts_with = "system")]
    pub(crate) no_children: bool,
    /// For how long, such as 8s or 2m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) limit: Option<Duration>,
    /// How often the figures are looked at
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) every: Duration,
    /// Backend
    #[arg(long, value_name = "BACKEND", value_parser = backends())]
    pub(crate) probe: Option<String>,
    #[arg(long, default_value = "text")]
    pub(crate) format: TraceFormat,
    /// The file to write the figures to instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// No live view on a terminal: lines as elsewhere
    #[arg(long)]
    pub(crate) plain: bool,
    /// Nothing but the figures at the end
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Keep it as a run, for `report`, `diff` and `export`
    #[arg(long)]
    pub(crate) save: bool,
    /// With --save: a name to find the run by, 1 to 64 letters, digits, `_` or `-`
    #[arg(long, value_name = "NAME", value_parser = label, requires = "save")]
    pub(crate) label: Option<String>,
    /// With --save and --for: as so many trials, each a window of equal length
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) windows: u32,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
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
    /// Instead of a run's report: how a figure went over runs
    #[command(flatten, next_help_heading = "Over many runs, instead of one")]
    pub(crate) selection: Selection,
    /// mean, p50 (the default), p90, p99, p999 or max
    #[arg(long, value_name = "METRIC", help_heading = "Over many runs, instead of one")]
    pub(crate) metric: Option<String>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum LabVerb {
    /// Make an assignment's file of a folder: scenarios, hand-out, template, claims, recorded data
    Pack(PackArguments),
    /// Unpack an assignment, look at the machine, say how long it takes, and execute it; again: go on with it
    Start(StartArguments),
    /// Make the file to hand in: runs, answers, checksums; shows what is in it
    Submit(SubmitArguments),
    /// Check a submission: whole, the student's own order, ledgers, checksums; ends with 1 where something is wrong
    Verify(LabVerifyArguments),
    /// Hold submissions against the claims: feedback and results.json for each, a table for the class
    Grade(GradeArguments),
    /// Estimate from right submissions how often a right one would fail a claim
    Calibrate(CalibrateArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PackArguments {
    /// The folder, with assignment.toml
    pub(crate) folder: PathBuf,
    /// The file to write, instead of NAME-assignment.tar.zst here
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The assignment's file
    pub(crate) file: PathBuf,
    /// The student's id, as the course has it: order and parameters follow from it
    #[arg(long, value_name = "ID")]
    pub(crate) student: Option<String>,
    /// The folder to work in, instead of one with the assignment's name here
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<PathBuf>,
    /// Measure nothing, and have the claims held against the assignment's recorded data
    #[arg(long)]
    pub(crate) recorded: bool,
    /// No progress and no tables
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    /// The folder that `lab start` made
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The file to write, instead of NAME-STUDENT.tar.zst in the folder
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Although answers or trials are missing
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// Without host name, user, paths and kernel command line
    #[arg(long)]
    pub(crate) anonymise: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LabVerifyArguments {
    /// The submission's file
    pub(crate) file: PathBuf,
    /// The assignment's file: without it scenarios and parameters are taken on the submission's word
    #[arg(long, value_name = "FILE")]
    pub(crate) assignment: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GradeArguments {
    /// The submissions' files
    #[arg(required = true)]
    pub(crate) submissions: Vec<PathBuf>,
    /// The assignment's file, the instructor's own copy
    #[arg(long, value_name = "FILE")]
    pub(crate) assignment: PathBuf,
    /// The folder to write to: class.csv, and for each student feedback.md and results.json
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArguments {
    /// Right submissions' files, or right runs as `report` names them
    #[arg(required = true)]
    pub(crate) right: Vec<String>,
    /// The assignment's file
    #[arg(long, value_name = "FILE")]
    pub(crate) assignment: PathBuf,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
}

fn duration(text: &str) -> Result<Duration, String> {
    match crate::scenario::duration(text) {
        Ok(Duration::ZERO) => Err("it is no time at all".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
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

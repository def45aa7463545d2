//! The arguments of `runner trace`.

use super::{RunsDir, backends, label};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

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

fn duration(text: &str) -> Result<Duration, String> {
    match crate::scenario::duration(text) {
        Ok(Duration::ZERO) => Err("it is no time at all".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

//! The arguments of `runner fleet`.

use super::{RunsDir, ScenarioArguments, backends, label};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum FleetVerb {
    /// Submit a scenario to Slurm: a job for each shard, on a node of its own, and one that merges them
    #[command(after_long_help = super::examples::FLEET)]
    Slurm(Box<SlurmArguments>),
    /// Show how far each shard is; ends with 0 when all is done, 75 while it is under way, 3 where something failed for good
    Status(StatusArguments),
    /// Copy the merged run, or the finished shards, into the folder of runs, and draw its report
    Fetch(FetchArguments),
    /// Submit anew what is neither done nor in the queue: shards, and the job that merges them
    Retry(RetryArguments),
    /// Cancel what is in the queue; what was measured is kept, and `retry` goes on with it
    Cancel(FleetArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SlurmArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// Backend, instead of the scenario's
    #[arg(long, value_name = "BACKEND", value_parser = backends())]
    pub(crate) probe: Option<String>,
    /// In how many shards, each of which is measured by one node
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=store::MOST_PARTS as i64))]
    pub(crate) shards: u32,
    /// What a shard consists of: whole blocks, or all blocks of some cells
    #[arg(long, value_name = "WHAT", value_parser = ["block", "cell"], default_value = "block")]
    pub(crate) shard_by: String,
    /// A name to find the merged run by: 1 to 64 letters, digits, `_` or `-`
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
    /// The fleet's folder, which all nodes have to see under this path, instead of one in the folder of runs
    #[arg(long, value_name = "FOLDER")]
    pub(crate) fleet_dir: Option<PathBuf>,
    /// Show scripts and commands, and neither write nor submit anything
    #[arg(long)]
    pub(crate) print: bool,
    #[command(flatten)]
    pub(crate) jobs: JobArguments,
    #[command(flatten)]
    pub(crate) nodes: NodeArguments,
}

/// What Slurm is told of the jobs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Jobs")]
pub(crate) struct JobArguments {
    /// Partition of the jobs
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Account of the jobs
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Longest time of a shard, as `sbatch --time` has it
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// What the shards wait for, as `sbatch --dependency` has it
    #[arg(long, value_name = "WHAT")]
    pub(crate) dependency: Option<String>,
    /// What a shard's node has to have, as `sbatch --constraint` has it
    #[arg(long, value_name = "FEATURES")]
    pub(crate) constraint: Option<String>,
    /// One more option for `sbatch`, of both jobs, as in `--sbatch=--qos=low`
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) sbatch: Vec<String>,
}

/// How a node begins the runner.
#[derive(Debug, Args)]
#[command(next_help_heading = "Nodes")]
pub(crate) struct NodeArguments {
    /// The runner on the nodes, with `generator` beside it, instead of the path of this one
    #[arg(long, value_name = "PATH")]
    pub(crate) runner: Option<PathBuf>,
    /// Begin it by `sudo -n`, for the probe
    #[arg(long)]
    pub(crate) sudo: bool,
}

/// Which fleet.
#[derive(Debug, Args)]
pub(crate) struct FleetArguments {
    /// `latest`, an id, a unique prefix of one, or a path
    #[arg(default_value = "latest")]
    pub(crate) fleet: String,
    #[command(flatten)]
    pub(crate) runs_dir: RunsDir,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArguments {
    #[command(flatten)]
    pub(crate) fleet: FleetArguments,
    /// What is given here is told from now on, besides what was told before and in its stead
    #[command(flatten)]
    pub(crate) jobs: JobArguments,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) fleet: FleetArguments,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    #[command(flatten)]
    pub(crate) fleet: FleetArguments,
    /// The runs of the shards that are done, instead of the merged run
    #[arg(long)]
    pub(crate) shards: bool,
}

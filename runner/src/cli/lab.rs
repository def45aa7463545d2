//! The arguments of `runner lab`.

use super::RunsDir;
use clap::{Args, Subcommand};
use std::path::PathBuf;

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
    /// Without host name, machine id, user, paths and kernel command line
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

//! A fleet: a scenario's shards as jobs of a cluster, and the folder in which they are gathered.
//!
//! Owns the fleet's folder, the two scripts that nodes execute, what Slurm is asked and how its answers are judged. Trials,
//! shards and how they are merged are not known here: scripts call `runner run --shard`, `resume`, `verify` and `merge`.
//!
//! Everything counts by what lies in the folder; Slurm only says what is still to come. So accounting is not needed, and
//! nothing is lost when the queue forgets a job, or when whoever submits is killed in the middle.

mod folder;
mod scripts;
mod seen;
mod slurm;
mod status;

pub(crate) use folder::{Fleet, FleetFolder, Job, fleets_in, fresh_id, link, named};
pub(crate) use scripts::{Parts, merge_script, quoted, quoted_path, shard_script};
pub(crate) use seen::{look, runs_in};
pub(crate) use slurm::{Queued, cancel, check_there, merge_words, queue, shard_words, submit};
pub(crate) use status::{Standing, State, Status, missing};

//! Submitting what a fleet lacks: all of it at first, what failed later.

use super::{named, print};
use crate::cli::{JobArguments, RetryArguments};
use crate::failure::Failure;
use crate::fleet::{self, FleetFolder, Job, Queued, State, Status};
use std::process::ExitCode;

/// Submits the shards as one array, and the job that merges behind it and the arrays that are still to come; says what was
/// submitted. Each number is kept as soon as it is known.
pub(super) fn submit(
    folder: &mut FleetFolder,
    shards: &[u32],
    dependency: Option<&str>,
    to_come: &[u64],
) -> Result<String, Failure> {
    let mut arrays: Vec<String> = to_come.iter().map(u64::to_string).collect();
    let mut said = String::new();
    if !shards.is_empty() {
        let mut words = fleet::shard_words(folder, shards);
        words.splice(0..0, dependency.iter().map(|what| format!("--dependency={what}")));
        let id = fleet::submit(&words)?;
        keep(folder, id, shards)?;
        arrays.push(id.to_string());
        let count = if shards.len() == 1 { "1 shard".to_owned() } else { format!("{} shards", shards.len()) };
        said = format!("{count} as job {id}, ");
    }
    let id = fleet::submit(&fleet::merge_words(folder, &arrays))?;
    keep(folder, id, &[])?;
    Ok(format!("{said}merged by job {id}"))
}

fn keep(folder: &mut FleetFolder, id: u64, shards: &[u32]) -> Result<(), Failure> {
    folder.fleet.jobs.push(Job::new(id, shards));
    folder.save()
}

/// What the user has `sbatch` told; what the fleet itself needs follows it, and so has the last word.
pub(super) fn job_options(jobs: &JobArguments, is_shard: bool) -> Vec<String> {
    let mut words = jobs.sbatch.clone();
    let mut add = |name: &str, value: &Option<String>| {
        words.extend(value.as_ref().map(|value| format!("--{name}={value}")));
    };
    add("partition", &jobs.partition);
    add("account", &jobs.account);
    if is_shard {
        add("time", &jobs.time);
        add("constraint", &jobs.constraint);
    }
    words
}

/// What would have `sbatch` submit to another cluster than the one that is asked afterwards what is in its queue, wait for what it
/// has submitted, or submit something else.
pub(super) fn check_options(jobs: &JobArguments) -> Result<(), Failure> {
    let refused = |word: &str, reason: &str| Err(Failure::Usage(format!("{word}: {reason}")));
    let words = || jobs.sbatch.iter().map(String::as_str);
    let told = |names: &[&'static str]| names.iter().copied().find(|name| std::env::var_os(name).is_some());
    if let Some(word) = words().find(|word| !word.starts_with('-')) {
        return refused(
            word,
            "it is no option; `--sbatch` takes one as one word, as in `--sbatch=--qos=low`",
        );
    }
    let cluster = words().find(|word| word.starts_with("-M") || word.starts_with("--cl"));
    if let Some(found) = cluster.or_else(|| told(&["SBATCH_CLUSTERS", "SLURM_CLUSTERS"])) {
        let reason = "a fleet is of one cluster, the one whose queue is shown here; submit where `squeue` shows the other's";
        return refused(found, reason);
    }
    if let Some(found) =
        words().find(|word| ["-W", "--wait"].contains(word)).or_else(|| told(&["SBATCH_WAIT"]))
    {
        return refused(
            found,
            "nobody waits for a fleet's jobs; `runner fleet status` says how far they are",
        );
    }
    Ok(())
}

/// Submits anew what is neither done nor to come.
pub(super) fn retry(arguments: &RetryArguments) -> Result<ExitCode, Failure> {
    check_options(&arguments.jobs)?;
    let path = named(&arguments.fleet)?.path;
    // As it is now that nobody else changes it any more.
    let folder = FleetFolder::open(&path)?;
    let _lock = folder.lock()?;
    let mut folder = FleetFolder::open(&path)?;
    // The queue first: what it says is over is in its place by then.
    let queue = fleet::queue(&folder.fleet)?;
    let status = Status::of(&folder.fleet, &fleet::look(&folder), Some(&queue));
    let missing = fleet::missing(&status);
    let id = folder.fleet.id.clone();
    if missing.is_empty() && status.merge.state != State::Failed {
        print(&format!("{id}: nothing is missing\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    refuse_damaged(&status)?;
    // A merge would be without those that are submitted now; and what can never begin would stay for ever.
    let in_the_way = queue.iter().filter(|job| job.is_stuck() || job.is_to_come() && job.shard.is_none());
    let in_the_way: Vec<String> = in_the_way.map(Queued::name).collect();
    if !in_the_way.is_empty() {
        fleet::cancel(&folder.fleet, &in_the_way)?;
    }
    folder.fleet.shard_options.extend(job_options(&arguments.jobs, true));
    folder.fleet.merge_options.extend(job_options(&arguments.jobs, false));
    let said = submit(&mut folder, &missing, arguments.jobs.dependency.as_deref(), &arrays(&queue))?;
    print(&format!("{id}: {said}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// A job would find something in its place, and leave it there.
fn refuse_damaged(status: &Status) -> Result<(), Failure> {
    let all = status.shards.iter().chain([&status.merge]);
    match all.filter(|it| it.is_damaged).find_map(|it| it.reason.clone()) {
        Some(reason) => Err(Failure::Failed(reason)),
        None => Ok(()),
    }
}

/// Numbers of the arrays of which something is still to come.
fn arrays(queue: &[Queued]) -> Vec<u64> {
    let to_come = queue.iter().filter(|job| job.is_to_come() && job.shard.is_some());
    let mut ids: Vec<u64> = to_come.map(|job| job.job).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

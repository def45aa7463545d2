//! What Slurm is asked: to submit, what is in its queue, to cancel.
//!
//! Judged by the state of jobs, never by an exit code: a node that dies can leave a job with exit code 0. Accounting is not
//! asked for, since many sites have none.

use super::folder::{Fleet, FleetFolder};
use crate::ask::Question;
use crate::failure::{Failure, chain};
use std::io::ErrorKind;
use std::time::Duration;

/// How long a busy controller may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// States from which a job comes to an end by itself, or by somebody's word.
const TO_COME: [&str; 14] = [
    "PENDING",
    "RUNNING",
    "COMPLETING",
    "CONFIGURING",
    "SUSPENDED",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESV_DEL_HOLD",
    "RESIZING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
];

/// A job of a fleet that Slurm knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) job: u64,
    /// The shard; none for a job that merges.
    pub(crate) shard: Option<u32>,
    /// In capitals, as Slurm has it.
    pub(crate) state: String,
    /// Where it is, or was; may be empty.
    pub(crate) node: String,
    /// Why it waits, or how it ended; `None` where there is nothing to say.
    pub(crate) reason: String,
}

impl Queued {
    /// Whether something is still to come of it.
    pub(crate) fn is_to_come(&self) -> bool {
        TO_COME.contains(&self.state.as_str()) && !self.is_stuck()
    }

    /// Whether it waits for what can never come: it stays in the queue until somebody takes it away.
    pub(crate) fn is_stuck(&self) -> bool {
        self.state == "PENDING" && self.reason == "DependencyNeverSatisfied"
    }

    /// Whether it waits until somebody releases it: it was held, or its exit code is one that a site holds jobs for.
    pub(crate) fn is_held(&self) -> bool {
        let by_reason =
            ["JobHeldUser", "JobHeldAdmin", "job_requeued_in_held_state"].contains(&self.reason.as_str());
        ["REQUEUE_HOLD", "SPECIAL_EXIT"].contains(&self.state.as_str()) || self.is_to_come() && by_reason
    }

    /// As `scancel` and `scontrol` name it: of an array this task alone.
    pub(crate) fn name(&self) -> String {
        self.shard.map_or_else(|| self.job.to_string(), |shard| format!("{}_{shard}", self.job))
    }

    /// Whether it waits for its time, and is on no node.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_to_come() && !matches!(self.state.as_str(), "RUNNING" | "COMPLETING" | "SUSPENDED")
    }
}

/// What a program of Slurm's prints; fails with its own words where it does not succeed, or does not answer in time.
fn ask(program: &str, words: &[String]) -> Result<String, Failure> {
    let failed = |words: String| Failure::Failed(format!("{program} {words}"));
    // By these users have them look at some jobs only; a fleet's are told by their name.
    let without = match program {
        "squeue" => "SQUEUE_",
        "scancel" => "SCANCEL_",
        _ => "",
    };
    match (Question { program, words, without, credentials: None, patience: PATIENCE }).ask() {
        Ok(Some(answer)) if answer.status.success() => Ok(answer.said),
        Ok(Some(answer)) => {
            let words = answer.complained.trim();
            let words = if words.is_empty() { "it gave no reason" } else { words };
            Err(failed(format!("failed ({}): {words}", answer.status)))
        }
        Ok(None) => {
            let seconds = PATIENCE.as_secs();
            Err(failed(format!("did not answer within {seconds} seconds; is the controller there?")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(not_there(program)),
        Err(error) => Err(failed(format!("cannot be asked: {}", chain(&error)))),
    }
}

fn not_there(program: &str) -> Failure {
    Failure::Failed(format!(
        "{program} is not on the PATH: call this where jobs are submitted, with Slurm's programs (on Debian the package \
         slurm-client)"
    ))
}

/// Whether jobs can be submitted here at all.
pub(crate) fn check_there() -> Result<(), Failure> {
    if crate::commands::is_program("sbatch") { Ok(()) } else { Err(not_there("sbatch")) }
}

/// Submits a job; returns its number.
pub(crate) fn submit(words: &[String]) -> Result<u64, Failure> {
    let answer = ask("sbatch", words)?;
    // The number, and behind it the cluster's name where there are several.
    let number = answer.trim().split(';').next().unwrap_or_default();
    number.parse().map_err(|_| {
        Failure::Failed(format!(
            "sbatch did not say the job's number but {:?}; if it was submitted, `runner fleet status` finds it by its name",
            answer.trim()
        ))
    })
}

/// The fleet's jobs, those among them that ended lately included.
pub(crate) fn queue(fleet: &Fleet) -> Result<Vec<Queued>, Failure> {
    let words = [
        "--noheader",
        // Also those of partitions that are hidden.
        "--all",
        "--array",
        "--states=all",
        &format!("--name={}", fleet.job_name),
        "--format=%F|%K|%T|%N|%r",
    ];
    let answer = ask("squeue", &words.map(str::to_owned))?;
    answer.lines().filter(|line| !line.trim().is_empty()).map(queued).collect()
}

fn queued(line: &str) -> Result<Queued, Failure> {
    let unknown = || Failure::Failed(format!("squeue says what is not understood: {line:?}"));
    let fields: Vec<&str> = line.splitn(5, '|').map(str::trim).collect();
    let &[job, task, state, node, reason] = &fields[..] else { return Err(unknown()) };
    Ok(Queued {
        job: job.parse().map_err(|_| unknown())?,
        shard: match task {
            "N/A" => None,
            number => Some(number.parse().map_err(|_| unknown())?),
        },
        state: state.to_owned(),
        node: node.to_owned(),
        reason: reason.to_owned(),
    })
}

/// Cancels these jobs, or all of the fleet where none is named.
pub(crate) fn cancel(fleet: &Fleet, jobs: &[String]) -> Result<(), Failure> {
    let mut words = vec![format!("--name={}", fleet.job_name)];
    words.extend(jobs.iter().cloned());
    ask("scancel", &words).map(drop)
}

/// What `sbatch` is told for these shards. The log is named within the job's folder: what of a path Slurm would take for a
/// pattern stays what it is.
pub(crate) fn shard_words(folder: &FleetFolder, shards: &[u32]) -> Vec<String> {
    let mut words = folder.fleet.shard_options.clone();
    words.extend(common(folder, "logs/shard-%a.log"));
    words.push(format!("--array={}", ranges(shards)));
    // All of the node, for one shard: what else ran there would be measured as well.
    words.extend(["--exclusive", "--mem=0"].map(str::to_owned));
    words.push(folder.path.join("shard.sh").display().to_string());
    words
}

/// What `sbatch` is told for the job that merges, once nothing is to come any more of these arrays. However they ended: an array
/// of which one task failed has not ended well for ever, though another job has its shard by then. The script looks for itself
/// whether every shard is done.
pub(crate) fn merge_words(folder: &FleetFolder, arrays: &[String]) -> Vec<String> {
    let mut words = folder.fleet.merge_options.clone();
    words.extend(common(folder, "logs/merge.log"));
    if !arrays.is_empty() {
        words.push(format!("--dependency=afterany:{}", arrays.join(":")));
    }
    words.push(folder.path.join("merge.sh").display().to_string());
    words
}

/// Of both: by which name, where, with which log. They may be executed again, since each attempt has a folder of its own.
fn common(folder: &FleetFolder, log: &str) -> [String; 8] {
    [
        "--parsable".to_owned(),
        format!("--job-name={}", folder.fleet.job_name),
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        "--requeue".to_owned(),
        "--open-mode=append".to_owned(),
        format!("--chdir={}", folder.path.display()),
        format!("--output={log}"),
    ]
}

/// `1-4,7`.
fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let words = ranges
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_named_by_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 4]), "1-4");
        assert_eq!(ranges(&[2]), "2");
        assert_eq!(ranges(&[1, 2, 4, 7, 8, 9]), "1-2,4,7-9");
    }

    #[test]
    fn a_line_of_the_queue_is_a_job() {
        let shard = queued("57|3|PENDING||(Nodes required for job are DOWN, | DRAINED)").unwrap();
        assert_eq!((shard.job, shard.shard, shard.node.as_str()), (57, Some(3), ""));
        assert!(shard.is_waiting() && shard.reason.ends_with("| DRAINED)"));
        let merge = queued("58|N/A|CANCELLED|n1|Dependency").unwrap();
        assert!(merge.shard.is_none() && !merge.is_to_come());
        assert!(!queued("57|1|NODE_FAIL|n1|NodeDown").unwrap().is_to_come());
        let stuck = queued("57|3|PENDING||DependencyNeverSatisfied").unwrap();
        assert!(stuck.is_stuck() && !stuck.is_to_come() && !stuck.is_held());
        assert_eq!((stuck.name(), merge.name()), ("57_3".to_owned(), "58".to_owned()));
        for held in ["57|1|PENDING||JobHeldAdmin", "57|1|REQUEUE_HOLD||None", "57|1|SPECIAL_EXIT||None"] {
            let held = queued(held).unwrap();
            assert!(held.is_held() && held.is_to_come(), "{held:?}");
        }
        for wrong in ["", "57", "57|x|RUNNING|n1|None", "x|1|RUNNING|n1|None", "57|[1-4]|PENDING||None"] {
            assert!(queued(wrong).is_err(), "{wrong}");
        }
    }
}

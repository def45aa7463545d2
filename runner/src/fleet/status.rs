//! How a fleet stands: what Slurm says, and what lies in its folder, judged together. Pure.

use super::folder::Fleet;
use super::seen::Seen;
use super::slurm::Queued;
use serde::Serialize;
use std::path::PathBuf;

/// How far a shard, or the merge, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Its run is whole and in its place.
    Done,
    /// A node executes it.
    Running,
    /// It is in the queue.
    Waiting,
    /// Nothing is still to come of it, and it is not done.
    Failed,
    /// Slurm was not asked, or did not answer.
    Unknown,
}

/// A shard, or the merge.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    /// From 1; none of the merge.
    pub(crate) shard: Option<u32>,
    pub(crate) state: State,
    /// Slurm's number of the job that it is, or was last.
    pub(crate) job: Option<u64>,
    pub(crate) node: Option<String>,
    /// Trials that are finished, and those of its plan; none where there is no run yet.
    pub(crate) finished: Option<u32>,
    pub(crate) planned: Option<u32>,
    /// Of the finished, once it is done: those that failed or are invalid.
    pub(crate) without_figures: Option<u32>,
    /// With what it was observed, once it is done.
    pub(crate) backend: Option<String>,
    /// Attempts that were made; more than one where it was requeued or retried.
    pub(crate) attempts: u32,
    /// Why it waits or has failed.
    pub(crate) reason: Option<String>,
    /// Whether something is in its place that is no run.
    #[serde(skip)]
    pub(crate) is_damaged: bool,
    /// Where its jobs say what they do.
    pub(crate) log: PathBuf,
}

/// How a fleet stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) shards: Vec<Standing>,
    pub(crate) merge: Standing,
}

impl Status {
    /// Judges what was seen; without a queue, by the folder alone.
    pub(crate) fn of(fleet: &Fleet, (shards, merge): &(Vec<Seen>, Seen), queue: Option<&[Queued]>) -> Self {
        let shards: Vec<Standing> =
            (1..).zip(shards).map(|(shard, seen)| standing(fleet, Some(shard), (seen, queue))).collect();
        let mut merge = standing(fleet, None, (merge, queue));
        let cannot = shards.iter().any(|shard| shard.state == State::Failed);
        if merge.state == State::Failed && merge.attempts == 0 && cannot && !merge.is_damaged {
            // Slurm's own word for it says less.
            merge.reason = Some("not every shard is done".to_owned());
        }
        Self { shards, merge }
    }

    /// All of it, or failed for good, or still to come, or not known.
    pub(crate) fn state(&self) -> State {
        let states = || self.shards.iter().chain([&self.merge]).map(|it| it.state);
        let has = |state| states().any(|it| it == state);
        if self.merge.state == State::Done {
            return State::Done;
        }
        // Some may be under way besides: what failed is to be told as soon as it has.
        let told = [State::Failed, State::Unknown, State::Running].into_iter().find(|state| has(*state));
        told.unwrap_or(State::Waiting)
    }
}

/// Shards of which nothing is still to come, and which are not done.
pub(crate) fn missing(status: &Status) -> Vec<u32> {
    let failed = status.shards.iter().filter(|shard| shard.state == State::Failed);
    failed.filter_map(|shard| shard.shard).collect()
}

fn standing(fleet: &Fleet, shard: Option<u32>, (seen, queue): (&Seen, Option<&[Queued]>)) -> Standing {
    let mine = queue.into_iter().flatten().filter(|it| it.shard == shard);
    // A retry's is another job, and what is still to come matters more than what has ended.
    let queued = mine.max_by_key(|it| (it.is_to_come(), it.job));
    let (state, reason) = match (&seen.done, queued, queue) {
        (Some(_), ..) => (State::Done, None),
        (None, ..) if seen.damaged.is_some() => (State::Failed, seen.damaged.clone()),
        (None, _, None) => (State::Unknown, None),
        (None, Some(job), _) if job.is_held() => (State::Waiting, Some(held(job))),
        (None, Some(job), _) if job.is_waiting() => (State::Waiting, Some(job.reason.clone())),
        (None, Some(job), _) if job.is_to_come() => (State::Running, None),
        (None, ended, _) => (State::Failed, Some(why(fleet, shard, (seen, ended)))),
    };
    let known = fleet.jobs.iter().rfind(|job| job.is_for(shard));
    let node = queued.map(|job| job.node.clone()).filter(|node| !node.is_empty() && state == State::Running);
    Standing {
        shard,
        state,
        job: queued.map(|job| job.job).or(known.map(|job| job.id)),
        node: node.or_else(|| seen.node.clone()),
        finished: seen.trials.map(|it| it.0),
        planned: seen.trials.map(|it| it.1),
        without_figures: seen.done.as_ref().map(|done| done.without_figures),
        backend: seen.done.as_ref().map(|done| done.backend.clone()),
        attempts: seen.attempts,
        reason: reason.filter(|reason| !reason.is_empty() && reason != "None"),
        is_damaged: state == State::Failed && seen.damaged.is_some(),
        log: seen.log.clone(),
    }
}

/// It goes on when somebody says so.
fn held(job: &Queued) -> String {
    let name = job.name();
    format!(
        "{}: it is held until `scontrol release {name}`, or is submitted anew after `scancel {name}`",
        job.reason
    )
}

/// Why a job that is over has not come to its end: the state that Slurm has it in, and the log's last words.
fn why(fleet: &Fleet, shard: Option<u32>, (seen, ended): (&Seen, Option<&Queued>)) -> String {
    let known = fleet.jobs.iter().rfind(|job| job.is_for(shard));
    let words = match ended {
        Some(job) if job.is_stuck() => {
            "what it waits for can never come (DependencyNeverSatisfied); `runner fleet retry` submits it without that".to_owned()
        }
        Some(job) if job.state == "COMPLETED" => "its job is over, and has left no whole run".to_owned(),
        Some(job) => job.state.to_lowercase().replace('_', " "),
        None if known.is_some_and(|job| job.cancelled_at.is_some()) => "cancelled".to_owned(),
        None if seen.attempts > 0 => "its job is gone".to_owned(),
        // Slurm forgets at once what was cancelled before it began.
        None if known.is_some() => {
            "its job is gone and never began: it was cancelled, or its node does not see the folder".to_owned()
        }
        None => "it was not submitted".to_owned(),
    };
    match &seen.last_words {
        Some(last) => format!("{words}: {last}"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Job;
    use crate::fleet::seen::Done;

    fn fleet() -> Fleet {
        let mut fleet = Fleet::new("id".to_owned(), "quick".to_owned(), (2, "block".to_owned()));
        fleet.jobs = vec![Job::new(5, &[1, 2]), Job::new(6, &[])];
        fleet
    }

    fn queued(job: u64, shard: Option<u32>, state: &str) -> Queued {
        let (node, reason) = ("n1".to_owned(), "Resources".to_owned());
        Queued { job, shard, state: state.to_owned(), node, reason }
    }

    fn done() -> Seen {
        let done = Done { without_figures: 0, backend: "user".to_owned() };
        Seen { done: Some(done), attempts: 1, trials: Some((4, 4)), ..Seen::default() }
    }

    fn states(seen: &[Seen; 3], queue: Option<&[Queued]>) -> (Vec<State>, State) {
        let [first, second, merge] = seen.clone();
        let status = Status::of(&fleet(), &(vec![first, second], merge), queue);
        (status.shards.iter().chain([&status.merge]).map(|it| it.state).collect(), status.state())
    }

    #[test]
    fn the_folder_counts_and_the_queue_says_what_is_to_come() {
        use State::{Done, Failed, Running, Unknown, Waiting};
        let none = || [Seen::default(), Seen::default(), Seen::default()];
        let all = |first: &str, second: &str| {
            [queued(5, Some(1), first), queued(5, Some(2), second), queued(6, None, "PENDING")]
        };
        assert_eq!(
            states(&none(), Some(&all("RUNNING", "PENDING"))),
            (vec![Running, Waiting, Waiting], Running)
        );
        // What a dead node leaves behind, exit code 0 and all.
        assert_eq!(
            states(&none(), Some(&all("NODE_FAIL", "RUNNING"))),
            (vec![Failed, Running, Waiting], Failed)
        );
        assert_eq!(
            states(&none(), Some(&all("COMPLETED", "RUNNING"))),
            (vec![Failed, Running, Waiting], Failed)
        );
        // Forgotten by the queue.
        assert_eq!(states(&[done(), done(), done()], Some(&[])), (vec![Done; 3], Done));
        assert_eq!(states(&[done(), done(), Seen::default()], Some(&[])), (vec![Done, Done, Failed], Failed));
        // Done by another attempt than the one that is still to come.
        let requeued = [done(), Seen::default(), Seen::default()];
        assert_eq!(
            states(&requeued, Some(&all("PENDING", "RUNNING"))),
            (vec![Done, Running, Waiting], Running)
        );
        assert_eq!(states(&requeued, None), (vec![Done, Unknown, Unknown], Unknown));
        // A retry is another job.
        let retried = [all("FAILED", "COMPLETED").to_vec(), vec![queued(7, Some(1), "PENDING")]].concat();
        assert_eq!(states(&[Seen::default(), done(), Seen::default()], Some(&retried)).0[0], Waiting);
    }

    #[test]
    fn what_can_never_come_has_failed_and_what_is_held_waits() {
        let seen = (vec![Seen::default(); 2], Seen::default());
        let because =
            |shard, reason: &str| Queued { reason: reason.to_owned(), ..queued(5, Some(shard), "PENDING") };
        let queue =
            [because(1, "DependencyNeverSatisfied"), because(2, "JobHeldUser"), queued(6, None, "PENDING")];
        let status = Status::of(&fleet(), &seen, Some(&queue));
        assert_eq!((status.shards[0].state, missing(&status)), (State::Failed, vec![1]));
        let words = status.shards[0].reason.as_deref().unwrap();
        assert!(words.contains("can never come") && words.contains("fleet retry"), "{words}");
        assert_eq!(status.shards[1].state, State::Waiting);
        assert!(status.shards[1].reason.as_deref().unwrap().contains("`scontrol release 5_2`"));
    }

    #[test]
    fn what_has_failed_says_why() {
        let lost = Seen { last_words: Some("error: no room".to_owned()), attempts: 1, ..Seen::default() };
        let seen = (vec![lost, Seen::default()], Seen::default());
        let reasons = |status: &Status| {
            status
                .shards
                .iter()
                .chain([&status.merge])
                .map(|it| it.reason.clone().unwrap())
                .collect::<Vec<_>>()
        };
        let status = Status::of(&fleet(), &seen, Some(&[queued(5, Some(1), "OUT_OF_MEMORY")]));
        let gone = "its job is gone and never began: it was cancelled, or its node does not see the folder";
        let expected = ["out of memory: error: no room", gone, "not every shard is done"];
        assert_eq!(reasons(&status), expected);
        assert_eq!(missing(&status), [1, 2]);
        let mut cancelled = fleet();
        cancelled.jobs.iter_mut().for_each(|job| job.cancelled_at = Some(chrono::Utc::now()));
        let status = Status::of(&cancelled, &seen, Some(&[]));
        assert_eq!(reasons(&status)[..2], ["cancelled: error: no room", "cancelled"]);
        // What is in its place and is no run is no shard, whatever is in the queue.
        let harmed = Seen { damaged: Some("done/1 has no run".to_owned()), ..Seen::default() };
        let harmed = (vec![harmed, Seen::default()], Seen::default());
        let status = Status::of(&fleet(), &harmed, Some(&[queued(5, Some(1), "RUNNING")]));
        assert_eq!(
            (status.shards[0].state, reasons(&status)[0].as_str()),
            (State::Failed, "done/1 has no run")
        );
        let fresh = Fleet { jobs: Vec::new(), ..fleet() };
        let status = Status::of(&fresh, &(vec![Seen::default(); 2], Seen::default()), Some(&[]));
        assert_eq!(reasons(&status)[0], "it was not submitted");
    }
}

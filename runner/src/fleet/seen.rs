//! What lies in a fleet's folder: who is done, how far attempts came, what the logs end with.

use super::folder::FleetFolder;
use crate::failure::chain;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use store::{Brief, Run, StoreError};

/// How much of a log's end is looked at, in bytes.
const TAIL: u64 = 64 << 10;
/// What the script says when an attempt begins: what is before it in a log is an earlier attempt's.
const BEGINS: &str = " begins";
/// How lines say that something went wrong, the runner's and Slurm's alike.
const ERROR: &str = "error:";

/// What the folder says of a shard, or of the merge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The run, once it is done.
    pub(crate) done: Option<Done>,
    /// Attempts that were made, the one that is done included.
    pub(crate) attempts: u32,
    /// The node of the latest attempt, or of the one that is done.
    pub(crate) node: Option<String>,
    /// Trials that the latest attempt has, and those of its plan; none where there is no run yet.
    pub(crate) trials: Option<(u32, u32)>,
    /// What is in its place and is no run that could be merged, and what is to be done.
    pub(crate) damaged: Option<String>,
    /// The last thing that the log has to say of an attempt that went wrong.
    pub(crate) last_words: Option<String>,
    /// Where its jobs say what they do.
    pub(crate) log: PathBuf,
}

/// A run that is done.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// Trials that failed or are invalid.
    pub(crate) without_figures: u32,
    pub(crate) backend: String,
}

/// What the folder says: of each shard in order, and of the merge.
pub(crate) fn look(folder: &FleetFolder) -> (Vec<Seen>, Seen) {
    // What is done comes first: what becomes so meanwhile is no attempt any more by then, and is not counted twice.
    let places = folder.shards().map(|shard| folder.done(shard)).chain([folder.merged()]);
    let done: Vec<Option<Found>> = places.map(|place| found(&place)).collect();
    let mut attempts = names(&folder.attempts());
    attempts.sort_by_cached_key(|it| order(it));
    let mut by_name: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for it in &attempts {
        let name = it.split_once('-').map_or("", |(name, _)| name);
        by_name.entry(name).or_default().push(folder.attempts().join(it));
    }
    let mut of = |name: &str| by_name.remove(name).unwrap_or_default();
    let mut done = done.into_iter();
    let shards = folder.shards().zip(&mut done);
    let shards = shards.map(|(shard, done)| seen(done, &of(&shard.to_string()), folder.log(shard))).collect();
    (shards, seen(done.next().flatten(), &of("merge"), folder.merge_log()))
}

/// The folder of runs of what is done, and its run; the error says why that cannot be had.
type Found = (PathBuf, Result<Done, String>);

/// What is in the place of something that is done; none where there is nothing.
fn found(place: &Path) -> Option<Found> {
    fs::symlink_metadata(place).ok()?;
    let run = runs_in(place).pop().ok_or_else(|| "no run is in it".to_owned());
    let done = run.and_then(|run| done(&run).map_err(|error| chain(&error)));
    Some((place.to_owned(), done))
}

fn seen(found: Option<Found>, attempts: &[PathBuf], log: PathBuf) -> Seen {
    let (place, done, damaged) = match found {
        Some((place, Ok(done))) => (Some(place), Some(done), None),
        Some((place, Err(reason))) => {
            let words = format!(
                "{} is no whole run any more ({reason}); move it away, and `runner fleet retry` has it made anew",
                place.display()
            );
            (None, None, Some(words))
        }
        None => (None, None, None),
    };
    let made = attempts.len() + usize::from(done.is_some());
    let latest = place.as_ref().or(attempts.last());
    let node = latest.and_then(|folder| fs::read_to_string(folder.join(".node")).ok());
    Seen {
        attempts: u32::try_from(made).unwrap_or(u32::MAX),
        node: node.map(|node| node.trim().to_owned()),
        trials: latest.and_then(|folder| brief(folder)).map(|brief| (brief.executed, brief.trials)),
        last_words: if done.is_some() { None } else { last_words(&log) },
        damaged,
        log,
        done,
    }
}

/// The runs in a folder of runs; none where it is not there, or nothing in it can be read.
pub(crate) fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let ids = store::run_ids(folder).unwrap_or_default();
    ids.into_iter().map(|id| folder.join(id)).collect()
}

fn done(run: &Path) -> Result<Done, StoreError> {
    // Not with all that was measured: a fleet may have hundreds of shards, and is asked about often.
    let backend = store::read_manifest(run)?.probe.backend;
    Ok(Done { without_figures: Run::without_figures_in(run)?, backend })
}

/// How far the run of an attempt came.
fn brief(folder: &Path) -> Option<Brief> {
    store::list_without_index(folder).ok()?.pop()?.brief.ok()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Attempts in the order in which they were made: by the numbers in their names.
fn order(name: &str) -> Vec<u64> {
    name.split('-').map(|part| part.parse().unwrap_or(0)).collect()
}

/// The last error of the latest attempt in a log, else its last line.
fn last_words(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    words_of(&text).map(str::to_owned)
}

fn words_of(text: &str) -> Option<&str> {
    let lines = || text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let latest = || lines().take_while(|line| !line.ends_with(BEGINS));
    latest().find(|line| line.contains(ERROR)).or_else(|| lines().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_attempts_error_is_its_last_word() {
        assert_eq!(words_of(""), None);
        assert_eq!(words_of("one\ntwo\n\n"), Some("two"));
        let first = "t shard 1: attempt 1-5-0 begins\nerror: no room\nt shard 1: failed\n";
        assert_eq!(words_of(first), Some("error: no room"));
        let second = format!("{first}t shard 1: attempt 1-5-1 begins\ntrial 1\n");
        assert_eq!(words_of(&second), Some("trial 1"));
        let ended = format!("{second}slurmstepd: error: *** JOB 6 CANCELLED DUE TO TIME LIMIT ***\n");
        assert!(words_of(&ended).unwrap().ends_with("TIME LIMIT ***"));
    }

    #[test]
    fn attempts_are_in_order_of_job_and_restart() {
        let mut names = ["1-10-0", "1-9-11", "1-9-2"];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["1-9-2", "1-9-11", "1-10-0"]);
    }
}

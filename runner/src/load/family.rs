//! Owns the view of stress-ng as a family of processes: who belongs to it, who works, and how all of it is ended.

use procfs::process::Stat;
use rustix::process::{Pid, Signal};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A process of the family. Its start tells it from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Parent's pid.
    parent: i32,
    /// Process group.
    group: i32,
    /// Start, in ticks since boot.
    start: u64,
    /// Ended, and perhaps not yet collected.
    dead: bool,
    /// The kernel's short name.
    name: String,
}

impl From<Stat> for Member {
    fn from(stat: Stat) -> Self {
        Self {
            parent: stat.ppid,
            group: stat.pgrp,
            start: stat.starttime,
            dead: matches!(stat.state, 'Z' | 'X' | 'x'),
            name: stat.comm,
        }
    }
}

/// Processes by pid.
pub(crate) type Members = BTreeMap<i32, Member>;

/// Every process that /proc shows now.
fn processes() -> Members {
    let Ok(all) = procfs::process::all_processes() else {
        return Members::new();
    };
    // A process may end between the listing and the look at it.
    all.filter_map(|process| process.ok()?.stat().ok()).map(|stat| (stat.pid, stat.into())).collect()
}

/// The living of the group of `leader` and of its descendants, and of the `known` ones with theirs. What left the
/// group *and* lost its parent is found only through `known`.
pub(crate) fn family(leader: Pid, known: &Members) -> Members {
    let leader = leader.as_raw_pid();
    let all = processes();
    let is_known = |pid, member: &Member| known.get(&pid).is_some_and(|known| known.start == member.start);
    let belongs = |mut pid: i32| {
        // Bounded, because the parents were not all read at one instant.
        for _ in 0..64 {
            let Some(member) = all.get(&pid) else { return false };
            if pid == leader || member.group == leader || is_known(pid, member) {
                return true;
            }
            pid = member.parent;
        }
        false
    };
    all.iter()
        .filter(|(pid, member)| !member.dead && belongs(**pid))
        .map(|(pid, member)| (*pid, member.clone()))
        .collect()
}

/// How many stressor instances are at work: children of `leader` that have taken a stressor's name.
///
/// The kernel's list of a process's children is quick to read, but may be short while one of them ends: where it has fewer
/// than `expected`, all processes are looked at.
pub(crate) fn workers(leader: Pid, expected: usize) -> usize {
    let is_worker = |member: &&Member| {
        member.parent == leader.as_raw_pid() && !member.dead && member.name.starts_with("stress-ng-")
    };
    match children(leader).map(|members| members.values().filter(is_worker).count()) {
        Some(running) if running >= expected => running,
        _ => processes().values().filter(is_worker).count(),
    }
}

/// The children of the first thread of `leader`, where the kernel lists them.
fn children(leader: Pid) -> Option<Members> {
    let number = leader.as_raw_nonzero();
    let listed = std::fs::read_to_string(format!("/proc/{number}/task/{number}/children")).ok()?;
    let pids = listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
    let stats = pids.filter_map(|pid| procfs::process::Process::new(pid).ok()?.stat().ok());
    Some(stats.map(|stat| (stat.pid, stat.into())).collect())
}

/// Kills everything of the family and returns when all are dead, or after `patience` with those that are not (a
/// process in an uninterruptible call). The leader must not be collected before, lest its number name another group.
pub(crate) fn kill(leader: Pid, known: &Members, patience: Duration) -> Members {
    let deadline = Instant::now() + patience;
    let mut known = known.clone();
    // Stopped first: nobody forks while the others are being found.
    for _ in 0..8 {
        let living = family(leader, &known);
        let fresh: Members = living.into_iter().filter(|(pid, _)| !known.contains_key(pid)).collect();
        send(&fresh, Signal::STOP);
        if fresh.is_empty() {
            break;
        }
        known.extend(fresh);
    }
    loop {
        let living = family(leader, &known);
        if living.is_empty() || Instant::now() >= deadline {
            return living;
        }
        send(&living, Signal::KILL);
        known.extend(living);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills everything of the family but the leader. Returns the short names of the workers among them, as
/// [`worker_name`] gives them.
pub(crate) fn kill_workers(leader: Pid, known: &Members) -> BTreeSet<String> {
    let mut members = family(leader, known);
    members.remove(&leader.as_raw_pid());
    send(&members, Signal::KILL);
    members.into_values().filter(|member| member.parent == leader.as_raw_pid()).map(|it| it.name).collect()
}

/// The kernel's short name of a stressor's workers, which it cuts: `matrix` and `matrix-3d` share one.
pub(crate) fn worker_name(stressor: &str) -> String {
    // A task's name has at most 15 bytes, and stressors' names are ASCII.
    format!("stress-ng-{stressor}").chars().take(15).collect()
}

/// Sends a signal to each. One that ended meanwhile is as good as reached.
fn send(members: &Members, signal: Signal) {
    for pid in members.keys().filter_map(|pid| Pid::from_raw(*pid)) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

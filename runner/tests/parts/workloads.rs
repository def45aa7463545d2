//! Every workload in one scenario: what the kernel counts is what its operations are made of.

use super::{latest, run, text};
use generators::{Parameter, Workload};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use store::{Measure, Status, TrialRecord, Vantage};

const OPERATIONS: u64 = 40;
const THREADS: u64 = 2;
const WAITERS: u64 = 3;

/// A scenario in which this workload does a number of operations.
fn scenario(workloads: &[Workload], syscalls: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = workloads.iter().map(|workload| workload.name()).collect();
    let syscalls: Vec<&&str> = syscalls.iter().collect();
    let mut text = format!(
        "schema = 1\nname = \"workloads\"\n[measure]\nsyscalls = {syscalls:?}\nwarmup = \"2ms\"\n[plan]\nrepetitions = 1\n\
         [factors]\ncall = {names:?}\n[generators.g]\nworkload = \"$call\"\nthreads = {THREADS}\noperations = {OPERATIONS}\n"
    );
    let values = [
        (Parameter::Size, "size = \"8KiB\"".to_owned()),
        (Parameter::Duration, "duration = \"20us\"".to_owned()),
        (Parameter::Depth, "depth = 5".to_owned()),
        (Parameter::Waiters, format!("waiters = {WAITERS}")),
    ];
    for (parameter, line) in values {
        if workloads.iter().any(|workload| workload.takes(parameter)) {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// Workloads in groups of which each issues 16 calls or fewer, the most that a scenario can look at.
fn groups() -> Vec<(Vec<Workload>, BTreeSet<&'static str>)> {
    let mut groups = vec![(Vec::new(), BTreeSet::new())];
    for workload in Workload::ALL {
        let mut issued = groups[groups.len() - 1].1.clone();
        issued.extend(workload.syscalls());
        if issued.len() > 16 {
            groups.push((Vec::new(), workload.syscalls().collect()));
        } else {
            groups.last_mut().unwrap().1 = issued;
        }
        groups.last_mut().unwrap().0.push(workload);
    }
    groups
}

/// How often a workload issues each of its calls: by its caller, and in all.
fn expected(workload: Workload) -> BTreeMap<&'static str, (u64, u64)> {
    let mut counts = BTreeMap::<_, (u64, u64)>::new();
    for syscall in workload.timed() {
        let count = counts.entry(*syscall).or_default();
        *count = (count.0 + OPERATIONS, count.1 + OPERATIONS);
    }
    let each = if workload.takes(Parameter::Waiters) { WAITERS } else { 1 };
    for syscall in workload.syscalls().skip(workload.timed().len()) {
        counts.entry(syscall).or_default().1 += OPERATIONS * each;
    }
    counts
}

fn counted(trial: &TrialRecord, syscall: &str, vantage: Vantage) -> Option<u64> {
    let is_it = |it: &&Measure| it.syscall == syscall && it.vantage == vantage;
    trial.measures.iter().find(is_it).map(|measure| measure.ok.count + measure.error.count)
}

#[test]
fn the_kernel_counts_what_each_workload_says_that_it_issues() {
    let mut checked = 0;
    for (workloads, syscalls) in groups() {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), &scenario(&workloads, &syscalls), &["--probe", "auto"]);
        if text(&output.stderr).contains("are seen by a probe only") {
            eprintln!("skipped: no probe here");
            continue;
        }
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = latest(folder.path());
        let has_probe = run.manifest.probe.backend != "user";
        assert_eq!(run.trials.len(), workloads.len());
        for trial in &run.trials {
            let workload = workloads.iter().find(|it| it.name() == trial.factors["call"]).unwrap();
            assert_eq!(trial.reason, None, "{workload:?}");
            assert_eq!(trial.operations, OPERATIONS, "{workload:?}");
            for (syscall, (timed, all)) in expected(*workload) {
                let user = counted(trial, syscall, Vantage::User).unwrap_or(0);
                assert_eq!(user, timed, "{workload:?}: {syscall} as its caller counts it");
                let kernel = counted(trial, syscall, Vantage::Kernel);
                assert_eq!(kernel, has_probe.then_some(all), "{workload:?}: {syscall} in the kernel");
            }
            checked += 1;
        }
    }
    assert!(checked > 0 || !rustix::process::geteuid().is_root());
}

#[test]
fn untimed_calls_at_the_edges_of_a_window_contradict_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let workloads = [
        Workload::FutexPingpong,
        Workload::FutexWaiters,
        Workload::PipePingpong,
        Workload::EventfdPingpong,
        Workload::Clone,
        Workload::Execve,
        Workload::Munmap,
        Workload::Close,
    ];
    let issued = workloads.iter().flat_map(|workload| workload.syscalls()).collect();
    let timed =
        scenario(&workloads, &issued).replace(&format!("operations = {OPERATIONS}\n"), "pin = \"spread\"\n");
    let timed = timed.replace("warmup", "window = \"60ms\"\nwarmup");
    let output = run(folder.path(), &timed, &[]);
    if text(&output.stderr).contains("are seen by a probe only") {
        eprintln!("skipped: no probe here");
        return;
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    assert_eq!(run.trials.len(), workloads.len());
    for trial in &run.trials {
        assert_eq!(trial.reason, None, "{:?}", trial.factors);
    }
}

#[test]
fn a_workload_that_does_nothing_in_the_window_makes_the_trial_invalid() {
    let folder = tempfile::tempdir().unwrap();
    // Whether a batch still goes on when the window opens, the scenario does not say.
    let scenario = "schema = 1\nname = \"idle\"\n[measure]\nsyscalls = [\"getpid\"]\nprobe = \"user\"\n\
        warmup = \"100ms\"\nwindow = \"50ms\"\n[plan]\nrepetitions = 1\n[generators.thinker]\n\
        workload = \"getpid\"\nthink = \"1s\"\nbatch = 2\n";
    let output = run(folder.path(), scenario, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let trial = &latest(folder.path()).trials[0];
    let reason = trial.reason.as_deref().unwrap();
    assert_eq!((trial.status, trial.operations), (Status::Invalid, 0));
    assert!(reason.contains("generator thinker did no operation of getpid within the window"), "{reason}");
    let output = run(folder.path(), &scenario.replace("batch = 2\n", ""), &[]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("`generators.thinker.think` leaves no operation in the window"), "{message}");
}

#[test]
fn calls_of_children_take_a_probe() {
    let folder = tempfile::tempdir().unwrap();
    let issued = Workload::Execve.syscalls().collect();
    let output = run(folder.path(), &scenario(&[Workload::Execve], &issued), &["--probe", "user"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let message = text(&output.stderr);
    assert!(
        message.contains("calls of execve, which no generator times, are seen by a probe only"),
        "{message}"
    );
}

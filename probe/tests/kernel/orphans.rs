//! What is left of a probe whose process was killed: nothing.

use crate::support::{alone, with_backend};
use probe::{Backend, Probe, Scope, Target};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

const EVENTS: &str = "/sys/kernel/tracing/kprobe_events";

/// The events that this program made.
fn events() -> Vec<String> {
    let events = fs::read_to_string(EVENTS).unwrap_or_default();
    events.lines().filter(|line| line.contains("syscall_lab")).map(String::from).collect()
}

#[test]
#[ignore = "the process that another test kills"]
fn hold_a_probe() {
    let targets = [Target::named("getppid").unwrap(), Target::named("readv").unwrap()];
    let _probe = Probe::attach(Backend::Kretprobe, &targets, Scope::Generators).unwrap();
    println!("\nattached");
    thread::sleep(Duration::from_mins(1));
}

#[test]
fn a_killed_process_leaves_no_kretprobes() {
    // Says whether this kernel has kretprobes, and makes some that go with their owner.
    with_backend(Backend::Kretprobe, &["getppid"], Scope::Generators.into(), |_| {
        assert!(fs::metadata(EVENTS).is_err() || !events().is_empty());
    });
    let _alone = alone();
    assert_eq!(events(), Vec::<String>::new());
    if fs::metadata(EVENTS).is_err() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "orphans::hold_a_probe", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "attached"));
    assert_eq!(events().len(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Instant::now();
    while !events().is_empty() {
        assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", events());
        thread::sleep(Duration::from_millis(10));
    }
}

//! What a scenario asks of this machine, and what is said where it cannot have it.

use super::{COUNTED, latest, machine_of_files, run, runner, text};
use std::collections::BTreeSet;
use std::fs;

/// Everything that only the machine knows, wrong.
const ELSEWHERE: &str = r#"schema = 1
name = "elsewhere"
[measure]
syscalls = ["getpid"]
[machine]
governor = "nonsense"
required = ["governor"]
[machine.cpus]
load = "4000"
[generators.caller]
workload = "getpid"
operations = 10
pin = 1000
[generators.absent]
command = ["no-such-program"]
cwd = "/no/such/folder"
[load.disk]
command = ["no-such-load"]
[load.busy]
cpu = 1
"#;

#[test]
fn what_only_another_machine_can_do_is_a_warning_of_check_and_plan() {
    let (folder, root) = (tempfile::tempdir().unwrap(), machine_of_files());
    let file = folder.path().join("scenario.toml");
    fs::write(&file, ELSEWHERE).unwrap();
    for (verb, option) in [("check", None), ("plan", None), ("plan", Some("--json"))] {
        let mut command = runner();
        let command = command.env("RUNNER_MACHINE_ROOT", root.path()).env("PATH", "").arg(verb).arg(&file);
        let output = command.args(option).output().unwrap();
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{verb}: {words}");
        for (place, what) in [
            (":6:12", "`machine.governor` cannot be had: this machine has no frequency governor"),
            (":8:1", "the runner may not run on CPU 4000"),
            (":13:7", "threads cannot be pinned to CPU 1000"),
            (":15:12", "`no-such-program` is not installed"),
            (":16:7", "there is no folder `/no/such/folder`"),
            (":18:12", "`no-such-load` is not installed"),
            (":19:7", "`busy` takes stress-ng: "),
        ] {
            let told = words.split("\n\n").find(|warning| warning.contains(what));
            let told = told.unwrap_or_else(|| panic!("{what}: {words}"));
            assert!(told.starts_with("warning: on this machine: ") && told.contains(place), "{told}");
        }
        assert!(words.contains("no run begins without it"), "{words}");
        if option.is_some() {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
        }
    }
}

#[test]
fn what_this_machine_can_do_is_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, COUNTED).unwrap();
    for verb in ["check", "plan"] {
        let output = runner().arg(verb).arg(&file).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

/// The slowest calls are kept with their CPUs, which are those of the set alone.
#[test]
fn threads_that_are_spread_stay_on_the_cpus_of_generators() {
    let Ok(given) = rustix::thread::sched_getaffinity(None) else { return };
    let cpus: Vec<usize> = (0..1024).filter(|cpu| given.is_set(*cpu)).collect();
    if cpus.len() < 2 || !rustix::process::geteuid().is_root() {
        eprintln!("skipped: takes two CPUs and root");
        return;
    }
    let run_on = |machine: &str, pin: &str| {
        let folder = tempfile::tempdir().unwrap();
        let scenario = format!(
            "schema = 1\nname = \"spread\"\n[measure]\nsyscalls = [\"getpid\"]\nwarmup = \"0\"\nkeep_slowest = 32\n\
             [plan]\nrepetitions = 1\n[generators.caller]\nworkload = \"getpid\"\nthreads = 4\noperations = 400\n\
             {pin}\n[machine.cpus]\n{machine}\n"
        );
        let output = run(folder.path(), &scenario, &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = latest(folder.path());
        run.trials[0]
            .slowest
            .iter()
            .flat_map(|call| [call.cpu_entry, call.cpu_return])
            .collect::<BTreeSet<u32>>()
    };
    let (first, last) = (u32::try_from(cpus[0]).unwrap(), u32::try_from(cpus[cpus.len() - 1]).unwrap());
    assert_eq!(run_on(&format!("generators = \"{last}\""), "pin = \"spread\""), [last].into());
    // The runner's own set is not that of the generators.
    let seen = run_on(&format!("runner = \"{first}\""), "pin = \"spread\"");
    assert!(seen.len() > 1, "{seen:?}");
}

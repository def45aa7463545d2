//! The binary as its users call it, on this machine. What a machine lacks (root, BPF, stress-ng) is said and left out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// In a folder, for a file beside this one would be a program of its own.
#[path = "parts/append.rs"]
mod append;
#[path = "parts/asked.rs"]
mod asked;
#[path = "parts/capabilities.rs"]
mod capabilities;
#[path = "parts/clock.rs"]
mod clock;
#[path = "parts/diff.rs"]
mod diff;
#[path = "parts/disk.rs"]
mod disk;
#[path = "parts/export.rs"]
mod export;
#[path = "parts/faults.rs"]
mod faults;
#[path = "parts/fleet.rs"]
mod fleet;
#[path = "parts/history.rs"]
mod history;
#[path = "parts/impostors.rs"]
mod impostors;
#[path = "parts/lab.rs"]
mod lab;
#[path = "parts/machine.rs"]
mod machine;
#[path = "parts/manual.rs"]
mod manual;
#[path = "parts/named.rs"]
mod named;
#[path = "parts/pairs.rs"]
mod pairs;
#[path = "parts/shards.rs"]
mod shards;
#[path = "parts/signals.rs"]
mod signals;
#[path = "parts/sudo.rs"]
mod sudo;
#[path = "parts/terminal.rs"]
mod terminal;
#[path = "parts/trace.rs"]
mod trace;
#[path = "parts/view.rs"]
mod view;
#[path = "parts/workloads.rs"]
mod workloads;

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::{Run, State, Status, TrialRecord, Vantage};

const COUNTED: &str = r#"schema = 1
name = "counted"
summary = "Known numbers of calls"
[measure]
syscalls = ["mmap", "munmap", "futex"]
warmup = "5ms"
[plan]
repetitions = 2
[factors]
threads = [1, 3]
[generators.mapper]
workload = "mmap"
size = "64KiB"
touch = true
threads = "$threads"
operations = 1000
[generators.waker]
workload = "futex"
operations = 500
"#;

fn runner() -> Command {
    let mut command = Command::cargo_bin("runner").unwrap();
    command.timeout(Duration::from_mins(2)).env_remove("RUNNER_RUNS_DIR");
    // Tests run beside each other.
    command.env("SYSCALL_LAB_TURN", own_turn());
    command
}

/// A turn that nobody else waits for.
fn own_turn() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 5);
    files
}

fn has_stress_ng() -> bool {
    let there = std::process::Command::new("stress-ng").arg("--version").stdout(Stdio::null()).status();
    if there.is_err() {
        eprintln!("skipped: stress-ng is not installed");
    }
    there.is_ok()
}

/// Writes the scenario into the folder and runs it there.
fn run(folder: &Path, scenario: &str, arguments: &[&str]) -> std::process::Output {
    let file = folder.join("scenario.toml");
    fs::write(&file, scenario).unwrap();
    runner().current_dir(folder).arg("run").arg(file).args(arguments).arg("--quiet").output().unwrap()
}

fn latest(folder: &Path) -> Run {
    Run::open(&store::resolve(&folder.join("runs"), "latest").unwrap()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every trial has the calls that the scenario asks for, from this vantage.
fn assert_counts(run: &Run, vantage: Vantage) {
    assert_eq!(run.trials.len(), 4);
    for trial in &run.trials {
        assert_eq!((trial.status, &trial.reason), (Status::Ok, &None));
        assert_eq!(trial.operations, 1500);
        for (syscall, calls) in [("mmap", 1000), ("munmap", 1000), ("futex", 500)] {
            let mut measures = trial.measures.iter();
            let measure = measures.find(|it| it.syscall == syscall && it.vantage == vantage).unwrap();
            assert_eq!((measure.ok.count, measure.error.count), (calls, 0), "{syscall}");
            assert_eq!(measure.ok.slots.iter().map(|slot| slot.1).sum::<u64>(), calls);
            if let Some(ledger) = measure.ledger {
                assert_eq!((ledger.entered, ledger.censored, ledger.lost), (calls, 0, 0), "{syscall}");
            }
        }
    }
}

#[test]
fn the_callers_own_view_counts_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), COUNTED, &["--probe", "user"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    assert_eq!((run.manifest.state, run.manifest.probe.backend.as_str()), (State::Complete, "user"));
    assert_eq!(run.manifest.probe.calibrations, []);
    assert_counts(&run, Vantage::User);
    let page = text(&output.stdout).trim().strip_prefix("report: ").unwrap().to_owned();
    assert!(folder.path().join(page).is_file());
}

#[test]
fn the_probe_counts_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), COUNTED, &["--probe", "auto"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    if run.manifest.probe.backend == "user" {
        assert!(!run.manifest.environment.root, "root had no probe: {:?}", run.manifest.probe.reasons);
        eprintln!("skipped: no probe here: {:?}", run.manifest.probe.reasons);
        return;
    }
    assert_counts(&run, Vantage::Kernel);
    assert_counts(&run, Vantage::User);
    assert_calibrated(&run);
}

/// The run knows what its probe costs: a probed call costs more than a bare one, and the probe sees less of that than
/// its caller pays.
fn assert_calibrated(run: &Run) {
    let probe = &run.manifest.probe;
    if run.manifest.warnings.iter().any(|warning| warning.contains("costs is not known")) {
        eprintln!("skipped: too busy to be calibrated: {:?}", run.manifest.warnings);
        assert_eq!(probe.calibrations, []);
        return;
    }
    let [found] = &probe.calibrations[..] else { panic!("{:?}", probe.calibrations) };
    assert_eq!((found.backend.as_str(), found.call.as_str()), (probe.backend.as_str(), "getpid"));
    assert!((3..=11).contains(&found.rounds) && found.calls_per_round == 10_000, "{found:?}");
    for figure in [found.added_ns, found.reads_ns] {
        assert!(figure.low <= figure.value && figure.value <= figure.high, "{found:?}");
    }
    assert!(found.bare_ns > 0.0 && found.added_ns.value > 0.0 && found.reads_ns.value > 0.0, "{found:?}");
    assert!(found.reads_ns.value < found.bare_ns + found.added_ns.value, "{found:?}");
}

#[test]
fn the_slowest_calls_are_kept_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = COUNTED.replace("warmup", "keep_slowest = 3\nwarmup");
    let output = run(folder.path(), &scenario, &["--probe", "auto"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    assert_eq!(run.manifest.scenario.keep_slowest, 3);
    if run.manifest.probe.backend == "user" {
        eprintln!("skipped: no probe here: {:?}", run.manifest.probe.reasons);
        return;
    }
    for trial in &run.trials {
        for measure in trial.measures.iter().filter(|it| it.vantage == Vantage::Kernel) {
            let slowest = trial.slowest.iter().filter(|call| call.syscall == measure.syscall);
            let slowest: Vec<_> = slowest.collect();
            assert_eq!(slowest.len(), 3);
            assert!(slowest.is_sorted_by(|a, b| a.latency_ns >= b.latency_ns));
            assert_eq!(slowest[0].latency_ns, measure.ok.max_ns);
            for call in slowest {
                assert!(call.latency_ns <= call.at_ns && call.at_ns <= trial.window_ns, "{call:?}");
            }
        }
    }
}

/// The run cut down to its first trials, as a runner that was killed or interrupted leaves it.
fn cut_down(run: &Run, runs: &Path, trials: usize, state: Option<State>) -> PathBuf {
    let manifest = store::Manifest { state: State::Running, ended_at: None, ..run.manifest.clone() };
    let manifest = store::Manifest { checksums: std::collections::BTreeMap::new(), ..manifest };
    let scenario = run.scenario().unwrap();
    let mut writer = store::RunWriter::create(runs, manifest, &scenario, None).unwrap();
    run.trials[..trials].iter().for_each(|trial| writer.append_trial(trial).unwrap());
    let path = writer.path().to_owned();
    state.map_or(path, |state| writer.finish(state).unwrap())
}

#[test]
fn a_run_that_was_cut_off_is_resumed_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let whole = latest(folder.path());
    for (name, trials, state) in
        [("killed", 1, None), ("interrupted", 3, Some(State::Interrupted)), ("begun", 0, None)]
    {
        let path = cut_down(&whole, &folder.path().join(name), trials, state);
        let resume = || runner().args(["resume", "--quiet"]).arg(&path).output().unwrap();
        let output = resume();
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let resumed = Run::open(&path).unwrap();
        assert_eq!(
            (resumed.manifest.state, &resumed.manifest.id),
            (State::Complete, &whole.manifest.id),
            "{name}"
        );
        assert_eq!(resumed.trials[..trials], whole.trials[..trials], "{name}");
        let order = |run: &Run| {
            run.trials.iter().map(|it| (it.trial, it.block, it.factors.clone())).collect::<Vec<_>>()
        };
        assert_eq!(order(&resumed), order(&whole), "{name}");
        assert_counts(&resumed, Vantage::User);
        assert!(runner().arg("verify").arg(&path).output().unwrap().status.success(), "{name}");
        let again = resume();
        assert!(again.status.success() && text(&again.stdout).contains("nothing left"), "{again:?}");
    }
}

#[test]
fn a_run_of_another_kernel_is_resumed_only_by_force_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let mut other = latest(folder.path());
    other.manifest.environment.kernel_release = "2.6.32".to_owned();
    let path = cut_down(&other, &folder.path().join("other"), 2, None);
    let resume =
        |force: &[&str]| runner().args(["resume", "--quiet"]).arg(&path).args(force).output().unwrap();
    let refused = resume(&[]);
    assert_eq!(refused.status.code(), Some(1));
    let message = text(&refused.stderr);
    assert!(message.contains("the kernel was 2.6.32 and is") && message.contains("--force"), "{message}");
    assert_eq!(Run::open(&path).unwrap().manifest.state, State::Running);
    assert!(resume(&["--force"]).status.success());
    let run = Run::open(&path).unwrap();
    assert!(
        run.manifest.warnings.iter().any(|it| it.contains("although the kernel was 2.6.32")),
        "{:?}",
        run.manifest.warnings
    );
}

#[test]
fn a_mix_is_what_its_weights_say_for_probe_and_caller() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = programs(
        r#"["read", "openat", "newfstatat"]"#,
        "[generators.mixed]\nmix = { read = 5, openat = 3, stat = 2 }\nsize = \"4KiB\"\noperations = 1000\n",
    );
    let output = run(folder.path(), &scenario, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let kept = latest(folder.path());
    let trial = &kept.trials[0];
    let done: Vec<_> = trial.generators.iter().map(|it| (it.workload.as_str(), it.operations)).collect();
    let share = |name: &str| done.iter().find(|it| it.0 == name).unwrap().1;
    // The warm-up may have ended in the middle of a round of ten.
    for (name, expected) in [("read", 500), ("openat", 300), ("stat", 200)] {
        assert!(share(name).abs_diff(expected) <= 5, "{done:?}");
    }
    assert_eq!(trial.operations, 1000);
    for (syscall, workload) in [("read", "read"), ("openat", "openat"), ("newfstatat", "stat")] {
        for measure in trial.measures.iter().filter(|it| it.syscall == syscall) {
            assert_eq!(
                measure.ok.count,
                share(workload),
                "{syscall} as the {} saw it",
                measure.vantage.name()
            );
        }
    }
    let report = runner().current_dir(&folder).args(["report", "latest"]).output().unwrap();
    assert!(text(&report.stdout).contains("What the generators did"));
}

#[test]
fn two_runners_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let turn = own_turn();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, COUNTED).unwrap();
    let start = || {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("runner"));
        command.current_dir(&folder).arg("run").arg(&file).args(["--probe", "user", "--quiet"]);
        command.env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", &turn);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    assert!(both.iter().all(|output| output.status.success()), "{both:?}");
    let waited =
        both.iter().filter(|output| text(&output.stderr).contains("waiting for the runner with process"));
    assert_eq!(waited.count(), 1, "{both:?}");
    let ids = store::run_ids(&folder.path().join("runs")).unwrap();
    let runs = ids.iter().map(|id| Run::open(&folder.path().join("runs").join(id)).unwrap().manifest);
    let mut runs: Vec<_> = runs.collect();
    runs.sort_by_key(|manifest| manifest.started_at);
    assert!(runs[0].ended_at.unwrap() <= runs[1].started_at, "one measured while the other did");
}

#[test]
fn a_run_is_verified_to_the_bit_and_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let verify = |run: &str| runner().current_dir(&folder).args(["verify", run]).output().unwrap();
    let output = verify("latest");
    assert!(output.status.success() && text(&output.stdout).contains("intact: 4 of 4 trials"), "{output:?}");
    // Everything as it was, but two trials in each other's place.
    let mut swapped = latest(folder.path());
    let other_cell = |it: &TrialRecord| it.block == 0 && it.factors != swapped.trials[0].factors;
    let other = swapped.trials.iter().position(other_cell).unwrap();
    let factors = swapped.trials[0].factors.clone();
    swapped.trials[0].factors = std::mem::replace(&mut swapped.trials[other].factors, factors);
    let scenario = swapped.scenario().unwrap();
    let runs = folder.path().join("swapped");
    let mut writer = store::RunWriter::create(&runs, swapped.manifest.clone(), &scenario, None).unwrap();
    swapped.trials.iter().for_each(|trial| writer.append_trial(trial).unwrap());
    writer.append_load(&swapped.load).unwrap();
    let path = writer.finish(State::Complete).unwrap();
    let output = verify(path.to_str().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let lines = text(&output.stdout);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains("trial 0 is not the one that scenario and seed have at its place"), "{lines}");
    fs::write(path.join("scenario.toml"), format!("{scenario}#")).unwrap();
    assert!(text(&verify(path.to_str().unwrap()).stdout).contains("scenario.toml"));
}

#[test]
fn a_run_from_somebody_else_is_findings_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/golden/everything");
    let copy = |name: &str| {
        let run = runs.join(name);
        fs::create_dir_all(&run).unwrap();
        for file in fs::read_dir(&golden).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, run.join(file.file_name().unwrap())).unwrap();
        }
        run
    };
    let all_wrong = copy("all_wrong");
    let replace = |name: &str| {
        fs::remove_file(all_wrong.join(name)).unwrap();
        all_wrong.join(name)
    };
    let pipe = std::process::Command::new("mkfifo").arg(replace("trials.parquet")).status().unwrap();
    assert!(pipe.success());
    std::os::unix::fs::symlink("/etc/passwd", replace("monitor.parquet")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", replace("errors.parquet")).unwrap();
    std::os::unix::fs::symlink("/", all_wrong.join("report")).unwrap();
    fs::create_dir(replace("load.parquet")).unwrap();
    fs::write(all_wrong.join("histograms.parquet"), "PAR1PAR1PAR1PAR1").unwrap();
    fs::write(all_wrong.join("\u{1b}[31mred"), "").unwrap();
    let manifest = fs::read_to_string(all_wrong.join("manifest.json")).unwrap();
    let names = "\"checksums\": { \"../../../etc/passwd\": \"\",";
    fs::write(all_wrong.join("manifest.json"), manifest.replacen("\"checksums\": {", names, 1)).unwrap();
    // Texts and tables that are only cut off, changed and nested.
    let cut = copy("cut");
    fs::write(cut.join("manifest.json"), &manifest[..manifest.len() / 2]).unwrap();
    let deep = copy("deep");
    fs::write(deep.join("manifest.json"), format!("{{\"a\":{}", "[".repeat(1 << 20))).unwrap();
    let newer = copy("newer");
    let version = ("\"format_version\": 1", "\"format_version\": 3");
    fs::write(newer.join("manifest.json"), manifest.replacen(version.0, version.1, 1)).unwrap();
    for (run, findings) in [(all_wrong, 8), (cut, 1), (deep, 1), (newer, 1)] {
        let output = runner().arg("verify").arg(&run).output().unwrap();
        let (told, complaints) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{told}{complaints}");
        assert!(told.lines().count() >= findings && !told.contains('\u{1b}'), "{told}");
        assert!(complaints.is_empty(), "{complaints}");
        for verb in ["report", "resume"] {
            let output = runner().arg(verb).arg(&run).output().unwrap();
            let complaints = text(&output.stderr);
            assert!(!output.status.success() && complaints.starts_with("error: "), "{verb}: {complaints}");
            assert!(!complaints.contains("panicked"), "{verb}: {complaints}");
        }
    }
    let listed = runner().args(["list", "--runs-dir"]).arg(&runs).output().unwrap();
    assert!(listed.status.success() && text(&listed.stdout).lines().count() == 4, "{listed:?}");
}

#[test]
fn a_run_by_way_of_a_link_is_reported_and_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, elsewhere) = (folder.path().join("runs"), folder.path().join("elsewhere/run"));
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    let kept = latest(folder.path()).path;
    fs::create_dir(elsewhere.parent().unwrap()).unwrap();
    fs::rename(&kept, &elsewhere).unwrap();
    fs::remove_dir_all(elsewhere.join("report")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, runs.join("away")).unwrap();
    let report = runner().arg("report").arg(runs.join("away")).output().unwrap();
    let complaints = text(&report.stderr);
    assert!(
        complaints.contains("nothing is written by way of it: name that run by its own path"),
        "{complaints}"
    );
    assert!(text(&report.stdout).contains("mmap"), "its figures are shown all the same");
    assert!(!elsewhere.join("report").exists());
    let resume = runner().arg("resume").arg(runs.join("away")).output().unwrap();
    assert!(text(&resume.stderr).contains("nothing is written by way of it"), "{resume:?}");
    assert!(runner().arg("report").arg(&elsewhere).output().unwrap().status.success());
    assert!(elsewhere.join("report/index.html").is_file());
}

/// A scenario of programs, whose tables follow.
fn programs(syscalls: &str, tables: &str) -> String {
    let head = "schema = 1\nname = \"programs\"\n[plan]\nrepetitions = 1\n[measure]\nwarmup = \"1ms\"";
    format!("{head}\nwindow = \"50ms\"\nsyscalls = {syscalls}\n{tables}")
}

/// Runs a scenario of programs; none where they cannot be seen.
fn run_programs(folder: &Path, scenario: &str) -> Option<(std::process::Output, Run)> {
    let output = run(folder, scenario, &[]);
    if text(&output.stderr).contains("are seen by a probe only") {
        assert!(!rustix::process::geteuid().is_root(), "{}", text(&output.stderr));
        eprintln!("skipped: no probe here");
        return None;
    }
    Some((output, latest(folder)))
}

#[test]
fn a_program_is_seen_with_all_that_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = programs(
        r#"["utimensat"]"#,
        r#"
        [factors]
        files = ["one", "two"]
        [generators.toucher]
        command = ["sh", "-c", "cat; touch $$1 b; (touch c; touch ${files}) & wait; test $$TMPDIR = $$PWD", "sh", "$files"]
        stdin = "input"
        setup = [["touch", "x"], ["sh", "-c", "printf '%s' \"$$GREETING\" >input"]]
        teardown = ["sh", "-c", "grep -q ${files} input && mv input /proc/self/nowhere || true"]
        env = { GREETING = "good ${files}" }
        "#,
    );
    let Some((output, run)) = run_programs(folder.path(), &scenario) else { return };
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(run.trials.len(), 2);
    for trial in &run.trials {
        let [measure] = &trial.measures[..] else { panic!("{:?}", trial.measures) };
        // Those of the setup are before the window.
        assert_eq!((measure.vantage, measure.ok.count, measure.error.count), (Vantage::Kernel, 4, 0));
    }
}

#[test]
fn a_program_runs_beside_another_for_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = programs(
        r#"["clock_nanosleep", "utimensat"]"#,
        r#"
        [generators.server]
        command = ["sh", "-c", "while :; do sleep 0.005; touch up; done"]
        until = "window"
        ready = ["test", "-e", "up"]
        [generators.null]
        workload = "getpid"
        "#,
    );
    let Some((output, run)) = run_programs(folder.path(), &scenario) else { return };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trial = &run.trials[0];
    assert_eq!(trial.status, Status::Ok);
    assert!(trial.window_ns == 50_000_000 && trial.operations > 0);
    assert!(trial.measures[0].ok.count > 0, "{:?}", trial.measures[0]);
}

#[test]
fn a_program_that_fails_or_ends_early_fails_its_trial() {
    let cases = [
        (r#"command = ["sh", "-c", "echo not today >&2; exit 7"]"#, "exit status: 7: not today"),
        ("command = [\"true\"]\nuntil = \"window\"", "ended before the window did"),
        ("command = [\"true\"]\nsetup = [\"false\"]", "setup: `false` ended with exit status: 1"),
        ("command = [\"./made\"]", "no program that may be executed"),
    ];
    for (table, reason) in cases {
        let folder = tempfile::tempdir().unwrap();
        let scenario = programs(r#"["read"]"#, &format!("[generators.program]\n{table}"));
        let Some((output, run)) = run_programs(folder.path(), &scenario) else { return };
        assert_eq!(output.status.code(), Some(3), "{table}");
        let trial = &run.trials[0];
        assert_eq!(trial.status, Status::Failed, "{table}");
        assert!(trial.reason.as_ref().unwrap().contains(reason), "{:?}", trial.reason);
    }
}

#[test]
fn a_program_that_is_not_there_is_missed_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = programs(r#"["read"]"#, "[generators.absent]\ncommand = [\"no-such-program\"]");
    let output = run(folder.path(), &scenario, &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("scenario.toml:10:12") && message.contains("`no-such-program` is not installed"),
        "{message}"
    );
    assert!(!folder.path().join("runs").exists());
}

/// Runs a scenario of a generator with a program as load.
fn run_under(folder: &Path, load: &str) -> (std::process::Output, Run) {
    let head = "schema = 1\nname = \"under\"\n[plan]\nrepetitions = 3\nramp = \"300ms\"\n[measure]\nwarmup = \"1ms\"";
    let body = "window = \"50ms\"\nsyscalls = [\"getpid\"]\n[generators.caller]\nworkload = \"getpid\"\n[load.other]";
    let output = run(folder, &format!("{head}\n{body}\n{load}\n"), &["--probe", "user"]);
    (output, latest(folder))
}

#[test]
fn a_program_as_load_runs_during_every_trial_and_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let marker = folder.path().display();
    let command = format!(
        r#"command = ["sh", "-c", "echo begun >>{marker}/log; (sh -c 'while :; do sleep 0.01; done' {marker}) & sleep 600"]"#
    );
    let (output, run) = run_under(folder.path(), &command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(run.trials.iter().all(|trial| trial.status == Status::Ok), "{:?}", run.trials[0].reason);
    // Once for each block, with the level.
    assert_eq!(fs::read_to_string(log).unwrap(), "begun\n".repeat(3));
    assert!(!generator_left(folder.path()));
    let level = run.manifest.scenario.factors.iter().find(|factor| factor.name == "load").unwrap();
    assert_eq!(level.levels[0].command[0], "sh");
}

#[test]
fn a_program_as_load_that_ends_is_repeated_where_asked_and_else_spoils_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let short = r#"command = ["sh", "-c", "echo begun >>log; sleep 0.02"]"#;
    let cwd = format!("cwd = \"{}\"", folder.path().display());
    let (output, run) = run_under(folder.path(), &format!("{short}\n{cwd}\nrepeat = true"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(run.trials.iter().all(|trial| trial.status == Status::Ok), "{:?}", run.trials[0].reason);
    let begun = fs::read_to_string(folder.path().join("log")).unwrap().lines().count();
    assert!(begun > 6, "three times by the level and no more: {begun}");
    let cases = [
        (short, "ended before its level did, with exit status: 0"),
        (
            r#"command = ["sh", "-c", "echo no disk >&2; exit 3"]
            repeat = true"#,
            "with exit status: 3: no disk",
        ),
        (r#"command = ["./absent"]"#, "is no program that may be executed"),
    ];
    for (load, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (output, run) = run_under(folder.path(), load);
        assert_eq!(output.status.code(), Some(3), "{load}");
        for trial in &run.trials {
            assert_ne!(trial.status, Status::Ok, "{load}");
            assert!(trial.reason.as_ref().unwrap().contains(words), "{:?}", trial.reason);
        }
    }
}

#[test]
fn a_program_as_load_is_gone_when_the_runner_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let load = format!(
        "[load.other]\ncommand = [\"sh\", \"-c\", \"touch {0}/begun; (sh -c 'while :; do sleep 0.01; done' {0}) & sleep 600\", \"{0}\"]\n",
        folder.path().display()
    );
    signalled_under(folder.path(), &load, &[rustix::process::Signal::KILL]);
    assert!(folder.path().join("begun").exists());
    assert_all_gone(folder.path());
}

/// A machine of files, whose swappiness is 60.
fn machine_of_files() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, value) in [("vm/swappiness", "60"), ("kernel/random/boot_id", "boot")] {
        let path = root.path().join("proc/sys").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value).unwrap();
    }
    root
}

fn swappiness_of(root: &Path) -> String {
    fs::read_to_string(root.join("proc/sys/vm/swappiness")).unwrap()
}

const SET: &str = "[machine]\nswappiness = 10\nturbo = false\n";

#[test]
fn the_machine_is_set_for_the_run_and_what_it_cannot_be_is_told() {
    let (folder, root) = (tempfile::tempdir().unwrap(), machine_of_files());
    let set_by = |tables: &str, command: &str| {
        let file = folder.path().join("scenario.toml");
        let look = format!(
            "[generators.looker]\ncommand = [\"sh\", \"-c\", \"cp {}/proc/sys/vm/swappiness {folder}/new && mv {folder}/new {folder}/seen\"]\n",
            root.path().display(),
            folder = folder.path().display()
        );
        let scenario = COUNTED.replace("[plan]\nrepetitions = 2", "[plan]\nrepetitions = 1")
            + &look.replace("generators.looker", "load.looker")
            + "repeat = true\n"
            + tables;
        fs::write(&file, scenario).unwrap();
        let mut runner = runner();
        let runner = runner.current_dir(folder.path()).env("RUNNER_MACHINE_ROOT", root.path());
        runner.arg(command).arg(file).args(["--probe", "user", "--quiet"]).output().unwrap()
    };
    let output = set_by(SET, "run");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(folder.path().join("seen")).unwrap(), "10");
    assert_eq!(swappiness_of(root.path()), "60");
    let manifest = latest(folder.path()).manifest;
    let told: Vec<_> = manifest.machine.iter().map(|it| (it.name.as_str(), it.cannot.is_none())).collect();
    assert_eq!(told, [("turbo", false), ("swappiness", true)]);
    assert!(
        manifest.warnings.iter().any(|it| it.starts_with("turbo is not off as asked")),
        "{:?}",
        manifest.warnings
    );
    let output = set_by(&format!("{SET}required = [\"turbo\"]\n"), "run");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the scenario requires it"), "{}", text(&output.stderr));
    assert_eq!(swappiness_of(root.path()), "60");
}

#[test]
fn the_machine_is_as_it_was_after_an_end_of_any_kind() {
    use rustix::process::Signal;
    for signals in [&[Signal::KILL][..], &[Signal::INT], &[Signal::INT, Signal::INT, Signal::INT]] {
        let (folder, root) = (tempfile::tempdir().unwrap(), machine_of_files());
        signalled_on(Some(root.path()), folder.path(), SET, signals);
        let is_restored = || swappiness_of(root.path()) == "60";
        assert!((0..500).any(|_| is_restored() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }));
        assert!((0..500).any(|_| !root.path().join("run/syscall-lab/settings.json").exists() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }));
    }
}

#[test]
fn the_doctor_restores_what_a_killed_run_and_its_keeper_left() {
    let root = machine_of_files();
    let journal = r#"{"runner":4194304,"boot":"boot","changes":[{"path":"proc/sys/vm/swappiness","before":"60","set":"10"}]}"#;
    fs::create_dir_all(root.path().join("run/syscall-lab")).unwrap();
    fs::write(root.path().join("run/syscall-lab/settings.json"), journal).unwrap();
    fs::write(root.path().join("proc/sys/vm/swappiness"), "10").unwrap();
    let doctor = |arguments: &[&str]| {
        let mut runner = runner();
        let output =
            runner.env("RUNNER_MACHINE_ROOT", root.path()).arg("doctor").args(arguments).output().unwrap();
        text(&output.stdout)
    };
    assert!(doctor(&["--json"]).contains("left changed: proc/sys/vm/swappiness"));
    assert_eq!(doctor(&["--restore"]), "/proc/sys/vm/swappiness is 60 again\n");
    assert_eq!(swappiness_of(root.path()), "60");
    assert_eq!(doctor(&["--restore"]), "nothing to restore\n");
}

#[test]
fn load_that_would_fill_more_than_there_is_never_starts() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scenario = COUNTED.to_owned() + "[load.high]\nvm = 1\nvm-bytes = \"100T\"\n";
    let output = run(folder.path(), &scenario, &[]);
    let message = text(&output.stderr);
    assert!(message.contains("would fill 102400.00 GiB") || message.contains("vm-bytes"), "{message}");
    assert!(!output.status.success() && !folder.path().join("runs").exists());
}

#[test]
fn every_shipped_scenario_is_valid_and_planned_the_same_twice() {
    runner().arg("check").args(shipped()).assert().success();
    for scenario in shipped() {
        let plan = || runner().arg("plan").arg(&scenario).arg("--json").output().unwrap().stdout;
        assert!(!plan().is_empty());
        assert_eq!(plan(), plan());
    }
}

#[test]
fn every_shipped_scenario_runs_when_shortened() {
    if !has_stress_ng() {
        return;
    }
    for scenario in shipped() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = runner();
        command.current_dir(&folder).arg("run").arg(&scenario).args(["--repetitions", "1", "--quiet"]);
        for change in ["measure.window='100ms'", "measure.warmup='2ms'", "plan.ramp='300ms'"] {
            command.args(["--set", change]);
        }
        let output = command.output().unwrap();
        let message = text(&output.stderr);
        if message.contains("is not installed") || message.contains("are seen by a probe only") {
            eprintln!("skipped: {}: {message}", scenario.display());
            continue;
        }
        let run = latest(folder.path());
        assert_eq!(run.trials.len(), run.manifest.plan.trials as usize);
        // Under load a short window may pass without a single operation, which is then told.
        let is_idle = |trial: &TrialRecord| {
            trial.reason.as_deref().is_some_and(|reason| reason.contains("did no operation of"))
        };
        let expected = |trial: &TrialRecord| match probe_of(&run, trial) {
            None => Status::Failed,
            Some(_) if is_idle(trial) => Status::Invalid,
            Some(_) => Status::Ok,
        };
        let are_ok = run.trials.iter().all(|trial| expected(trial) == Status::Ok);
        let code = if are_ok { 0 } else { 3 };
        let reasons: Vec<&str> = run.trials.iter().filter_map(|trial| trial.reason.as_deref()).collect();
        let said = format!("{}: {}{reasons:?}", scenario.display(), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        for trial in &run.trials {
            let expected = expected(trial);
            assert_eq!((trial.status, trial.measures.is_empty()), (expected, expected == Status::Failed));
        }
        // Programs have calls, and no operations that anybody counts.
        let calls = |trial: &TrialRecord| trial.measures.iter().map(|it| it.ok.count).sum::<u64>();
        assert!(run.trials.iter().any(|trial| trial.operations > 0 || calls(trial) > 0));
    }
}

/// With what a trial was observed; none where a factor asks for what this machine does not have.
fn probe_of<'a>(run: &'a Run, trial: &TrialRecord) -> Option<&'a str> {
    let probe = &run.manifest.probe;
    let Some(factor) = &probe.factor else {
        return Some(&probe.backend);
    };
    let level = factor.levels.iter().find(|level| level.label == trial.factors[&factor.name]).unwrap();
    level.backend.as_deref()
}

#[test]
fn the_probe_may_be_a_factor_and_each_trial_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let levels = "backend = ['auto', 'fentry', 'kretprobe', 'raw_tracepoint', 'user']";
    let scenario = COUNTED
        .replace("threads = [1, 3]", levels)
        .replace("\"$threads\"", "1")
        .replace("warmup", "probe = \"$backend\"\nwarmup");
    let output = run(folder.path(), &scenario, &[]);
    let run = latest(folder.path());
    assert_eq!(run.manifest.probe.backend, store::VARIES);
    assert_eq!((run.manifest.probe.requested.as_str(), run.trials.len()), ("$backend", 10));
    for trial in &run.trials {
        let vantages: BTreeSet<Vantage> = trial.measures.iter().map(|measure| measure.vantage).collect();
        let expected: &[Vantage] = match probe_of(&run, trial) {
            None => &[],
            Some("user") => &[Vantage::User],
            Some(_) => &[Vantage::Kernel, Vantage::User],
        };
        assert_eq!(vantages, expected.iter().copied().collect(), "{:?}", trial.factors);
        for measure in &trial.measures {
            let calls = if measure.syscall == "futex" { 500 } else { 1000 };
            assert_eq!((measure.ok.count, measure.error.count), (calls, 0), "{:?}", trial.factors);
        }
        // A reason wherever there are no figures, and the same for every trial of a level.
        assert_eq!(trial.reason.is_some(), vantages.is_empty(), "{:?}", trial.reason);
    }
    let failed = run.trials.iter().filter(|trial| trial.status == Status::Failed).count();
    assert_eq!(output.status.code(), Some(if failed > 0 { 3 } else { 0 }));
    let levels = run.manifest.probe.factor.unwrap().levels;
    for level in levels.iter().filter(|level| level.backend.is_none()) {
        let told = text(&output.stderr).matches(&level.reasons[0]).count();
        assert_eq!(told, 1, "the reason is told once: {}", text(&output.stderr));
    }
    assert_eq!(failed, 2 * levels.iter().filter(|level| level.backend.is_none()).count());
}

#[test]
fn a_probe_on_the_command_line_replaces_the_factor() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = COUNTED
        .replace("threads = [1, 3]", "threads = [1, 3]\nbackend = ['raw_tracepoint', 'user']")
        .replace("warmup", "probe = \"$backend\"\nwarmup");
    let output = run(folder.path(), &scenario, &["--probe", "user"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    assert_eq!((run.manifest.probe.backend.as_str(), &run.manifest.probe.factor), ("user", &None));
    assert_counts(&run, Vantage::User);
}

#[test]
fn a_run_is_reported_in_every_format_and_compared_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), COUNTED, &["--probe", "user"]).status.success());
    for format in ["text", "markdown", "json", "html"] {
        let mut command = runner();
        command.current_dir(&folder).args(["report", "latest", "--format", format]).assert().success();
    }
    let report = latest(folder.path()).path.join("report");
    let count = |extension: &str| {
        let files = fs::read_dir(&report).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|it| it == extension)).count()
    };
    assert!(count("svg") > 0 && count("svg") == count("png"));
    let mut diff = runner();
    diff.current_dir(&folder).args(["diff", "latest", "latest", "--gate"]).assert().success();
    let mut list = runner();
    let listed = list.current_dir(&folder).arg("list").output().unwrap();
    assert!(text(&listed.stdout).contains("complete"));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &COUNTED.replace("workload = \"futex\"", "worklod = \"futex\""), &[]);
    assert_eq!(refused.status.code(), Some(2));
    let words = text(&refused.stderr);
    assert!(words.contains("scenario.toml:17:1") && words.contains("workload"), "{words}");
    assert!(!folder.path().join("runs").exists(), "something was begun");
    runner().args(["run", "no/such/file.toml"]).assert().code(2);
    runner().current_dir(&folder).args(["report", "nothing"]).assert().code(2);
    runner().args(["run", "x.toml", "--probe", "nonsense"]).assert().code(2);
}

#[test]
fn what_stress_ng_would_refuse_is_refused_by_check_and_plan_too() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let load = "[load.odd]\ncpu = 1\ncpu-method = \"foo\"\n[load.lots]\ncpu = \"lots\"\n[load.none]\ncpu = 0\n\
                [load.alone]\nvm-bytes = \"40%\"\n[load.unknown]\ncpuu = 1\n";
    let output = run(folder.path(), &format!("{COUNTED}{load}"), &[]);
    let places = ["scenario.toml:22:1", ":24:1", ":26:1", ":28:1", ":30:1"];
    for verb in ["check", "plan"] {
        let mut command = runner();
        let same = command.current_dir(&folder).arg(verb).arg(folder.path().join("scenario.toml")).output();
        let same = same.unwrap();
        assert_eq!((same.status.code(), text(&same.stdout)), (Some(2), String::new()));
        assert_eq!(text(&same.stderr), text(&output.stderr), "{verb}");
    }
    for place in places {
        assert!(text(&output.stderr).contains(place), "{place}: {}", text(&output.stderr));
    }
}

#[test]
fn a_missing_stress_ng_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, format!("{COUNTED}[load.busy]\ncpu = 1\n")).unwrap();
    let mut command = runner();
    let output = command.current_dir(&folder).env("PATH", "").arg("run").arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("apt-get install stress-ng"), "{}", text(&output.stderr));
    assert!(!folder.path().join("runs").exists(), "something was begun");
}

#[test]
fn the_doctor_finds_what_runs_then_find() {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = runner();
    let output = doctor.current_dir(&folder).args(["doctor", "--json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let able = found["able"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!able)), "{}", text(&output.stderr));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the doctor left something behind");
    let backends: Vec<&str> =
        found["backends"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(able, !backends.is_empty(), "generator and folder are there");
    for backend in ["kretprobe", "fentry", "raw_tracepoint"] {
        let output = run(folder.path(), COUNTED, &["--probe", backend]);
        let words = text(&output.stderr);
        assert_eq!(output.status.success(), backends.contains(&backend), "{backend}: {words}");
        assert!(output.status.success() || words.contains("runner doctor"), "{words}");
    }
    let mut doctor = runner();
    let plain = text(&doctor.current_dir(&folder).arg("doctor").output().unwrap().stdout);
    for check in found["checks"].as_array().unwrap() {
        let (mark, name) = (check["mark"].as_str().unwrap(), check["check"].as_str().unwrap());
        let is_told =
            |line: &str| line.trim_start().starts_with(mark) && line.contains(&format!("  {name}  "));
        // Memory and other work may have changed meanwhile.
        let changes = ["memory", "other work", "swap", "disk space"].contains(&name);
        assert!(changes || plain.lines().any(is_told), "{mark} {name}: {plain}");
    }
}

#[test]
fn a_run_is_found_by_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let run = |label: &str| run(folder.path(), COUNTED, &["--probe", "user", "--label", label]);
    for wrong in ["", "a b", "a\tb", "a\u{1b}[31m", "latest", &"x".repeat(65)] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert!(!folder.path().join("runs").exists(), "something was begun");
    assert!(run("before").status.success());
    let report = |name: &str| {
        let mut command = runner();
        command.current_dir(&folder).args(["report", name, "--format", "json"]).output().unwrap()
    };
    assert!(text(&report("before").stdout).contains("\"label\": \"before\""));
    let unknown = report("after");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("RUNNER_RUNS_DIR"), "{}", text(&unknown.stderr));
}

#[test]
fn a_report_that_cannot_be_written_costs_no_figures() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, COUNTED.replace("operations = 1000", "operations = 20000")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_runner"));
    command.env("SYSCALL_LAB_TURN", own_turn());
    command.current_dir(&folder).env_remove("RUNNER_RUNS_DIR").args([
        "run",
        "scenario.toml",
        "--probe",
        "user",
    ]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // While it measures, a file takes the place that the report's folder is to have.
    let runs = folder.path().join("runs");
    let begun = || fs::read_dir(&runs).into_iter().flatten().flatten().find(|it| it.file_name() != "latest");
    let begun = loop {
        match begun().filter(|run| !text(run.file_name().as_encoded_bytes()).starts_with('.')) {
            Some(run) => break run.path(),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    fs::write(begun.join("report"), "in the way").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("munmap"), "{}", text(&output.stdout));
    assert!(
        text(&output.stderr).contains("the run is kept, and `runner report "),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(latest(folder.path()).trials.len(), 4);
}

#[test]
fn names_as_long_as_they_may_be_and_levels_with_a_point_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    // 64 characters, 256 bytes: more than the name of a file may have.
    let scenario = COUNTED
        .replace("\"counted\"", &format!("\"{}\"", "\u{1d4d0}".repeat(64)))
        .replace("threads = [1, 3]", "rate = [2000.5, 4000]")
        .replace("threads = \"$threads\"\noperations = 1000", "rate = \"$rate\"\noperations = 100");
    let output = run(folder.path(), &scenario, &["--probe", "user"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let kept = latest(folder.path());
    let levels: BTreeSet<String> = kept.trials.iter().map(|trial| trial.factors["rate"].clone()).collect();
    assert_eq!(levels, ["2000.5".to_owned(), "4000".to_owned()].into());
    for trial in &kept.trials {
        let asked = trial.generators[0].rate_per_second.map(|rate| rate.to_string());
        assert_eq!(asked.as_ref(), Some(&trial.factors["rate"]));
    }
}

/// Starts a run that would take long, gives it time for some trials, sends it a signal and collects it.
fn signalled(folder: &Path, signals: &[rustix::process::Signal]) -> std::process::ExitStatus {
    signalled_under(folder, "", signals)
}

/// The same with more tables in its scenario.
fn signalled_under(
    folder: &Path,
    tables: &str,
    signals: &[rustix::process::Signal],
) -> std::process::ExitStatus {
    signalled_on(None, folder, tables, signals)
}

/// The same on a machine of files.
fn signalled_on(
    machine: Option<&Path>,
    folder: &Path,
    tables: &str,
    signals: &[rustix::process::Signal],
) -> std::process::ExitStatus {
    let file = folder.join("scenario.toml");
    let long = "schema = 1\nname = \"long\"\nsummary = \"\"\n[measure]\nsyscalls = [\"getpid\"]\nwarmup = \"1ms\"\n\
                window = \"50ms\"\n[plan]\nrepetitions = 5000\n[generators.caller]\nworkload = \"getpid\"\n";
    fs::write(&file, long.to_owned() + tables).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_runner"))
        .current_dir(folder)
        .env_remove("RUNNER_RUNS_DIR")
        .env("SYSCALL_LAB_TURN", own_turn())
        .env("TMPDIR", folder)
        .env("RUNNER_MACHINE_ROOT", machine.unwrap_or(Path::new("/")))
        .args(["run", "scenario.toml", "--quiet"])
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let stored = || {
        let runs = fs::read_dir(folder.join("runs")).into_iter().flatten().flatten();
        let runs = runs.filter(|run| run.file_name() != "latest");
        let parts = runs.flat_map(|run| fs::read_dir(run.path().join(".parts"))).flatten().flatten();
        parts.filter(|part| text(part.file_name().as_encoded_bytes()).starts_with("trial-")).count()
    };
    while stored() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    for signal in signals {
        rustix::process::kill_process(pid, *signal).unwrap();
        // Two that come at once are one to whom they are sent.
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait().unwrap()
}

/// Whether a generator whose files would be in this folder still runs.
fn generator_left(folder: &Path) -> bool {
    let marker = folder.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut commands = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    commands.any(|command| text(&command).contains(&marker))
}

#[test]
fn an_interrupted_run_keeps_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let status = signalled(folder.path(), &[rustix::process::Signal::INT]);
    assert_eq!(status.code(), Some(130));
    let run = latest(folder.path());
    assert_eq!(run.manifest.state, State::Interrupted);
    assert!(run.trials.len() >= 3);
    assert!(!generator_left(folder.path()));
    assert!(!scratch_left(folder.path()));
    let mut list = runner();
    let listed = text(&list.current_dir(&folder).arg("list").output().unwrap().stdout);
    assert!(listed.contains(&format!("interrupted  {:>18}", format!("{} of 5000 trials", run.trials.len()))));
}

#[test]
fn a_killed_run_can_be_read_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    signalled(folder.path(), &[rustix::process::Signal::KILL]);
    let run = latest(folder.path());
    assert_eq!(run.manifest.state, State::Running);
    assert!(run.trials.len() >= 3);
    assert_all_gone(folder.path());
}

/// The kernel delivers the death signal at once, the process table follows, and then the keeper clears up.
fn assert_all_gone(folder: &Path) {
    for _ in 0..500 {
        if !generator_left(folder) && !scratch_left(folder) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("generator left: {}, scratch left: {}", generator_left(folder), scratch_left(folder));
}

/// Whether a folder of temporary files is left, or somebody who has it on the command line.
fn scratch_left(folder: &Path) -> bool {
    fs::read_dir(folder)
        .unwrap()
        .flatten()
        .any(|it| text(it.file_name().as_encoded_bytes()).starts_with("syscall-lab-"))
}

#[test]
fn a_first_signal_is_answered_and_a_second_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let int = rustix::process::Signal::INT;
    assert_eq!(signalled(folder.path(), &[int, int, int]).code(), Some(130));
    assert_all_gone(folder.path());
    let folder = tempfile::tempdir().unwrap();
    signalled(folder.path(), &[int]);
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(said.contains("interrupted: keeping what is finished; press again to end at once"), "{said}");
}

#[test]
fn a_new_scenario_is_commented_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let new = |name: &str| runner().current_dir(&folder).args(["new", name]).output().unwrap();
    let written = new("mine");
    assert_eq!((written.status.code(), text(&written.stdout).as_str()), (Some(0), "mine.toml\n"));
    let first = fs::read_to_string(folder.path().join("mine.toml")).unwrap();
    assert!(
        first.contains("name = \"mine\"") && first.matches('#').count() > 15 && !first.contains("#:schema")
    );
    for refused in ["mine", "mine.toml", "../other", "", "a b"] {
        assert_eq!(new(refused).status.code(), Some(2), "{refused}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("mine.toml")).unwrap(), first, "what is there stays");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    if !has_stress_ng() {
        return;
    }
    let short = ["--probe", "user", "--quiet", "--repetitions", "1", "--set", "measure.window=30ms"];
    let ramp = ["--set", "measure.warmup=5ms", "--set", "plan.ramp=200ms"];
    let output =
        runner().current_dir(&folder).args(["run", "mine.toml"]).args(short).args(ramp).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(latest(folder.path()).trials.len(), 4);
}

#[test]
fn a_new_scenario_beside_the_schema_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["schema", "scenarios"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    fs::write(folder.path().join("schema/scenario.json"), "{}").unwrap();
    let scenarios = folder.path().join("scenarios");
    assert!(runner().current_dir(&scenarios).args(["new", "mine"]).output().unwrap().status.success());
    let written = fs::read_to_string(scenarios.join("mine.toml")).unwrap();
    assert!(written.starts_with("#:schema ../schema/scenario.json\n"));
}

const LEFT_OUT: &str = r#"schema = 1
name = "left_out"
[measure]
syscalls = "$call"
probe = "$backend"
warmup = "0"
window = "$window"
[plan]
ramp = "5s"
repetitions = 2
until = { relative_interval = 1, max_repetitions = 12, max_time = "1h" }
zip = [["threads", "window"], ["load", "workers"]]
exclude = [{ call = "openat", load = "busy" }, { call = "futex" }, { backend = "fentry" }]
[factors]
backend = ["user", "fentry"]
call = ["getpid", "openat", "futex"]
threads = [1, 2]
window = ["10ms", "20ms"]
workers = [0, 1]
[generators.caller]
workload = "$call"
threads = "$threads"
[load.baseline]
[load.busy]
cpu = "$workers"
"#;

/// Factors that go along with each other and with the load, windows by a factor, cells left out, and a rule.
#[test]
fn what_a_plan_leaves_out_is_not_executed_and_a_rule_ends_it() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), LEFT_OUT, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let run = latest(folder.path());
    let plan = &run.manifest.plan;
    assert_eq!(
        (plan.cells, plan.design.cells.len(), plan.design.window_factor.as_deref()),
        (6, 6, Some("window"))
    );
    assert_eq!(run.trials.len(), plan.repetitions as usize * 6);
    // Of what is excluded altogether nothing is left, as if it had not been there.
    let factors = &run.manifest.scenario.factors;
    let labels =
        |factor: usize| factors[factor].levels.iter().map(|it| it.label.as_str()).collect::<Vec<_>>();
    assert_eq!((labels(0), labels(1)), (vec!["user"], vec!["getpid", "openat"]));
    assert_eq!(run.manifest.scenario.syscalls, ["getpid", "openat"]);
    let tried: Vec<_> = run.manifest.probe.factor.iter().flat_map(|factor| &factor.levels).collect();
    assert_eq!((tried.len(), run.manifest.probe.backend.as_str()), (1, "user"));
    assert!(plan.design.cells.iter().all(|cell| cell[0] == 0 && cell[1] < 2), "{:?}", plan.design.cells);
    let not_measured = run.manifest.warnings.iter().filter(|it| it.contains("is not measured")).count();
    assert_eq!(not_measured, 2, "{:?}", run.manifest.warnings);
    let stop = plan.design.stop.as_ref().unwrap();
    // How much figures vary is the machine's business.
    let is_sure = stop.reason == Some(store::StopReason::Sure);
    assert!(stop.reason.is_some() && is_sure == (stop.unsure == 0) && stop.figures == 6, "{stop:?}");
    assert!(stop.looks.contains(&plan.repetitions), "{stop:?}");
    for trial in &run.trials {
        let level = |factor: &str| trial.factors[factor].as_str();
        assert_eq!(
            (level("threads") == "2", level("load") == "busy"),
            (level("window") == "20ms", level("workers") == "1")
        );
        assert!(level("call") != "openat" || level("load") != "busy");
        assert_eq!(trial.window_ns, if level("window") == "20ms" { 20_000_000 } else { 10_000_000 });
        let targets: BTreeSet<&str> = trial.measures.iter().map(|it| it.syscall.as_str()).collect();
        assert_eq!(targets, BTreeSet::from([level("call")]));
    }
    let verified = runner().current_dir(&folder).args(["verify", "latest"]).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
    let page = fs::read_to_string(run.path.join("report/index.html")).unwrap();
    assert!(page.contains("Repetitions were added until every median was within"), "the rule is told of");
}

//! `runner trace` on this machine: calls of programs whose number is known, and that it ends as it should.

use super::faults::{assert_nothing_left, begin, said, send, until, was_killed};
use super::impostors::for_an_ordinary_user;
use super::{latest, own_turn, runner, text};
use rustix::process::{Signal, geteuid};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use store::{Measure, Run, Status};

/// A program that writes so many bytes, one by one, and says nothing.
fn dd(count: u32) -> Vec<String> {
    let words = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "status=none"].map(str::to_owned);
    words.into_iter().chain([format!("count={count}")]).collect()
}

fn is_root() -> bool {
    if !geteuid().is_root() {
        eprintln!("skipped: tracing takes root");
    }
    geteuid().is_root()
}

/// A trace by these words, which has to end with 0, as JSON.
fn traced(options: &[&str], command: &[String]) -> Value {
    let mut trace = runner();
    trace.arg("trace").args(options).args(["--format", "json"]);
    if !command.is_empty() {
        trace.arg("--command").args(command);
    }
    let output = trace.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["kind"], &document["version"]), (&"trace".into(), &1.into()));
    for target in document["targets"].as_array().unwrap() {
        assert_accounted(target);
    }
    document
}

/// Every call is accounted for, and the intervals and slots have as many.
fn assert_accounted(target: &Value) {
    let number = |value: &Value| value.as_i64().unwrap();
    let (ok, error) = (number(&target["ok"]["count"]), number(&target["error"]["count"]));
    let ledger = &target["ledger"];
    assert_eq!(number(&ledger["lost"]), 0, "{target}");
    assert_eq!(number(&ledger["entered"]), ok + error + number(&ledger["censored"]), "{target}");
    assert_eq!(number(&target["figures"]["calls"]), ok + error, "{target}");
    let slots = target["ok"]["slots"].as_array().unwrap();
    assert_eq!(slots.iter().map(|slot| number(&slot[2])).sum::<i64>(), ok, "{target}");
}

/// Calls of one name that returned.
fn calls(document: &Value, name: &str) -> u64 {
    let targets = document["targets"].as_array().unwrap();
    let target = targets.iter().find(|target| target["syscall"] == name);
    target.map_or(0, |target| target["figures"]["calls"].as_u64().unwrap())
}

fn in_intervals(document: &Value, name: &str) -> u64 {
    let intervals = document["intervals"].as_array().unwrap();
    let parts = intervals.iter().flat_map(|interval| interval["targets"].as_array().unwrap());
    parts.filter(|part| part["syscall"] == name).map(|part| part["calls"].as_u64().unwrap()).sum()
}

#[test]
fn a_programs_calls_are_counted_to_the_call() {
    if !is_root() {
        return;
    }
    for options in [&["--syscall", "read,write"][..], &["--all"], &["--all", "--no-children"]] {
        let [few, many] = [0, 1000].map(|count| traced(&[options, &["--every", "1ms"]].concat(), &dd(count)));
        for name in ["read", "write"] {
            // What it takes to get going is the same.
            assert_eq!(calls(&many, name) - calls(&few, name), 1000, "{name} with {options:?}");
            assert_eq!(in_intervals(&many, name), calls(&many, name), "{name} with {options:?}");
        }
        assert_eq!((&many["ended"], &many["status"]), (&"subject".into(), &"exit status: 0".into()));
        assert_eq!(many["subject"]["kind"], "command");
        if options.contains(&"--all") {
            assert_eq!(calls(&many, "execve"), 1, "from its first instruction on, and nothing before");
        }
    }
}

#[test]
fn what_a_program_starts_counts_unless_it_is_not_to() {
    if !is_root() {
        return;
    }
    let one = dd(700).join(" ");
    let family = ["sh".to_owned(), "-c".to_owned(), format!("{one} & {one}; wait")];
    assert_eq!(calls(&traced(&["--syscall", "write"], &family), "write"), 1400);
    assert_eq!(calls(&traced(&["--syscall", "write", "--no-children"], &family), "write"), 0);
}

/// A process that waits for a line and then issues 500 writes; another one, which it has started, does that where `is_child`.
fn waiting(is_child: bool) -> (Child, ChildStdin) {
    let work = format!("read line; {}", dd(500).join(" "));
    let script = if is_child { format!("sh -c '{work}'; exit 0") } else { work };
    let mut child = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    if is_child {
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        assert!(until(|| fs::read_to_string(&children).is_ok_and(|pids| !pids.is_empty())));
    }
    (child, stdin)
}

/// What a trace of a process that is there keeps of its writes, which are let go once the trace is under way.
fn of_process(folder: &Path, is_child: bool, options: &[&str]) -> Measure {
    let (mut child, mut stdin) = waiting(is_child);
    let mut trace = Command::new(env!("CARGO_BIN_EXE_runner"));
    trace.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("SYSCALL_LAB_TURN", own_turn());
    trace.args([
        "trace",
        "--syscall",
        "write",
        "--every",
        "50ms",
        "--save",
        "--pid",
        &child.id().to_string(),
    ]);
    trace.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut trace = trace.spawn().unwrap();
    let mut lines = BufReader::new(trace.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The heading, and the first interval.
    assert!(lines.next().unwrap().trim_start().starts_with("seconds"));
    assert!(lines.next().unwrap().contains("write"));
    stdin.write_all(b"go\n").unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(trace.wait().unwrap().code(), Some(0), "{rest:#?}");
    assert!(child.wait().unwrap().success());
    let run = latest(folder);
    assert_eq!(run.trials.len(), 1);
    let has_table = rest.iter().any(|line| line.contains("entered = ") || line == "No call was seen.");
    assert!(has_table, "{rest:#?}");
    run.trials[0].measures[0].clone()
}

#[test]
fn a_process_is_traced_with_the_children_that_it_has_until_it_ends() {
    if !is_root() {
        return;
    }
    for (is_child, options, writes) in [
        (false, &[][..], 500),
        (true, &[], 500),
        (true, &["--no-children"], 0),
        (false, &["--probe", "raw_tracepoint"], 500),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let measure = of_process(folder.path(), is_child, options);
        let ledger = measure.ledger.unwrap();
        assert_eq!(
            (measure.ok.count, ledger.entered, ledger.censored, ledger.lost),
            (writes, writes, 0, 0),
            "{is_child} {options:?}"
        );
    }
}

#[test]
fn the_machine_is_traced_for_as_long_as_was_asked() {
    if !is_root() {
        return;
    }
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                // Once in a millisecond, for as long as it takes.
                let _ = rustix::process::getppid();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let document = traced(&["--system", "--syscall", "getppid,clock_nanosleep", "--for", "400ms"], &[]);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(calls(&document, "getppid") > 10, "{}", calls(&document, "getppid"));
        assert_eq!((&document["ended"], &document["window_ns"]), (&"time".into(), &400_000_000.into()));
        assert_eq!(
            (&document["subject"]["kind"], &document["subject"]["pid"]),
            (&"system".into(), &Value::Null)
        );
    });
}

#[test]
fn how_a_program_ends_is_told_and_no_failure_of_the_trace() {
    if !is_root() {
        return;
    }
    let sh = |script: &str| ["sh", "-c", script].map(str::to_owned);
    for (script, status) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9 (SIGKILL)")] {
        assert_eq!(traced(&["--syscall", "read"], &sh(script))["status"], status);
    }
}

#[test]
fn a_programs_words_go_to_standard_error_and_it_reads_what_the_runner_would() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (program, home) = for_an_ordinary_user(folder.path());
    let mut trace = assert_cmd::Command::new(program);
    trace.current_dir(home).env("SYSCALL_LAB_TURN", own_turn()).args([
        "trace",
        "--syscall",
        "write",
        "--quiet",
        "--command",
        "sh",
        "-c",
        "cat; id -u; echo $MARK >&2",
    ]);
    trace.env("SUDO_UID", "65534").env("SUDO_GID", "65534").env("MARK", "theirs");
    let output = trace.write_stdin("in its own words\n").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "in its own words\n65534\ntheirs\n");
    assert!(text(&output.stdout).contains("entered = ") && !text(&output.stdout).contains("own words"));
}

#[test]
fn every_format_has_the_figures() {
    if !is_root() {
        return;
    }
    let figures = |format: &str| {
        let output = runner()
            .args(["trace", "--syscall", "write,read", "--quiet", "--format", format, "--command"])
            .args(dd(300))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(figures("text").contains("entered = "));
    assert!(figures("markdown").contains("| write | 300 |"));
    let classic = figures("classic");
    let lines: Vec<&str> = classic.lines().collect();
    assert_eq!(lines.len(), 10, "{classic}");
    assert!(lines[0].ends_with("sys_write") && lines[1] == "300", "{classic}");
    assert_eq!(lines[4].split(' ').map(|count| count.parse::<u64>().unwrap()).sum::<u64>(), 300, "{classic}");
}

#[test]
fn what_cannot_be_traced_is_told_with_the_remedy() {
    let refused = |options: &[&str], code: i32, words: &str| {
        let output = runner().arg("trace").args(options).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{options:?}: {said}");
        assert!(said.contains(words), "{options:?}: {said}");
    };
    refused(&["--all"], 2, "required");
    refused(&["--system"], 2, "required");
    refused(&["--all", "--system", "--pid", "1"], 2, "cannot be used with");
    refused(&["--syscall", "raed", "--system"], 2, "did you mean `read`?");
    refused(&["--syscall", "exit_group", "--system"], 2, "never returns");
    refused(&["--all", "--system", "--probe", "kretprobe"], 2, "--all takes the raw_tracepoint backend");
    refused(&["--all", "--system", "--windows", "3"], 2, "takes --for and --save");
    refused(&["--all", "--system", "--for", "8"], 2, "has no unit");
    refused(&["--all", "--pid", "4194399"], 1, "there is no process 4194399");
    refused(&["--all", "--pid", "2"], 2, "is a thread of the kernel");
    refused(&["--all", "--system", "--probe", "user"], 1, "runner doctor");
    refused(&["--all", "--command", "no-such-program"], 1, "`no-such-program` cannot be started");
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid().as_raw_pid().to_string()).unwrap();
        let _ = ended.recv();
    });
    let words = format!("--pid {} traces it with all its threads", std::process::id());
    refused(&["--all", "--pid", &told.recv().unwrap()], 2, &words);
    end.send(()).unwrap();
    thread.join().unwrap();
}

/// A trace that goes on until it is ended, in this folder.
fn endless(folder: &Path, options: &[&str]) -> Command {
    let mut trace = Command::new(env!("CARGO_BIN_EXE_runner"));
    trace.current_dir(folder).env_remove("RUNNER_RUNS_DIR").env("TMPDIR", folder);
    trace.env("SYSCALL_LAB_TURN", own_turn()).args([
        "trace",
        "--syscall",
        "clock_nanosleep",
        "--every",
        "20ms",
    ]);
    trace.args(options).stdin(Stdio::null());
    trace
        .stdout(File::create(folder.join("stdout")).unwrap())
        .stderr(File::create(folder.join("stderr")).unwrap());
    trace
}

fn shown(folder: &Path) -> String {
    text(&fs::read(folder.join("stdout")).unwrap())
}

#[test]
fn signals_end_a_trace_with_its_table_and_leave_nothing() {
    if !is_root() {
        return;
    }
    let stubborn = [
        "--command",
        "sh",
        "-c",
        "trap '' TERM; (while :; do sleep 0.01; done) & while :; do sleep 0.01; done",
    ];
    for (options, signal, code) in [
        (&["--system"][..], Signal::INT, Some(0)),
        (&["--system", "--for", "60s"], Signal::INT, Some(130)),
        (&["--system"], Signal::TERM, Some(0)),
        (&["--system"], Signal::KILL, None),
        (&stubborn, Signal::INT, Some(130)),
        (&stubborn, Signal::HUP, Some(130)),
        (&stubborn, Signal::KILL, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let is_under_way = |_| shown(folder).lines().count() > 2;
        let mut begun = begin(endless(folder, options), folder, is_under_way);
        let status = begun.end(&[signal]);
        let what = format!("{signal:?} to {options:?}");
        assert_eq!(status.code(), code, "{what}: {}", said(folder));
        assert!(code.is_some() || was_killed(status), "{what}: {status}");
        assert_eq!(shown(folder).contains("entered = "), code.is_some(), "{what}: {}", shown(folder));
        assert_nothing_left(folder, &begun.family, &what);
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_trace() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut trace = endless(folder.path(), &["--system"]);
    let mut trace = trace.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(trace.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("syscall"));
    assert_eq!(trace.wait().unwrap().code(), Some(0), "{}", said(folder.path()));
}

#[test]
fn a_trace_of_somebody_is_none_the_worse_for_who_is_traced() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut sleeper = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = sleeper.id().to_string();
    let mut begun = begin(endless(folder, &["--pid", &pid]), folder, |_| shown(folder).lines().count() > 2);
    assert!(was_killed(begun.end(&[Signal::KILL])));
    assert_nothing_left(folder, &begun.family, "a killed trace");
    assert!(sleeper.try_wait().unwrap().is_none(), "the process goes on");
    let mut begun = begin(endless(folder, &["--pid", &pid]), folder, |_| shown(folder).lines().count() > 2);
    send(sleeper.id(), Signal::KILL);
    sleeper.wait().unwrap();
    assert_eq!(begun.child.wait().unwrap().code(), Some(0), "the process is gone, and the trace has its end");
    assert!(shown(folder).contains("No call was seen."), "its sleep began before: {}", shown(folder));
}

#[test]
fn a_trace_is_kept_as_a_run_that_every_verb_can_read() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let verb = |words: &[&str], code: i32| {
        let output = runner().current_dir(folder).args(words).output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        said
    };
    let pid = std::process::id().to_string();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = rustix::process::getppid();
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        for label in ["before", "after"] {
            let save = ["--save", "--label", label, "--windows", "6", "--for", "600ms", "--quiet"];
            verb(&[&["trace", "--syscall", "getppid", "--pid", &pid][..], &save].concat(), 0);
        }
        verb(&["trace", "--all", "--pid", &pid, "--save", "--for", "200ms", "--quiet"], 0);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let before = Run::open(&store::resolve(&folder.join("runs"), "before").unwrap()).unwrap();
    assert_eq!(before.trials.len(), 6);
    assert!(before.trials.iter().all(|it| it.status == Status::Ok && it.window_ns == 100_000_000));
    assert!(before.trials.iter().all(|it| it.measures[0].ok.count > 10));
    assert!(before.manifest.trace.is_some() && before.manifest.scenario.name.starts_with("trace_"));
    let all = latest(folder);
    assert!(all.manifest.scenario.syscalls.iter().any(|name| name == "getppid"));
    assert!(all.manifest.scenario.syscalls.len() < 200, "calls that were not seen are none of its targets");
    for run in ["before", "after", "latest"] {
        assert!(verb(&["verify", run], 0).contains("intact"));
        assert!(verb(&["report", run], 0).contains("this is a trace"));
    }
    assert!(verb(&["export", "before", "--format", "classic"], 0).contains("sys_getppid"));
    let compared = verb(&["diff", "before", "after", "--metric", "mean"], 0);
    assert!(compared.contains("The unit is the window of a trace, 6 a side"), "{compared}");
    assert!(verb(&["list"], 0).contains("complete"));
    assert!(verb(&["resume", "before"], 0).contains("is complete"));
    let scenario = folder.join("runs").join(&before.manifest.id).join("scenario.toml");
    assert!(fs::read_to_string(scenario).unwrap().contains("was traced"));
    fs::write(folder.join("scenario.toml"), super::COUNTED).unwrap();
    assert!(verb(&["run", "scenario.toml", "--append", "before"], 1).contains("it is a trace"));
}

//! The real binary, driven as the runner drives it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers as well")]

use generators::control::Phase;
use generators::{
    Credentials, Generator, GeneratorError, GeneratorReport, GeneratorSpec, Parameter, Pin, SharedPage,
    Workload,
};
use probe_abi::SparseHistogram;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a machine that is busy with everything else; reached only by a failure.
const DEADLINE: Duration = Duration::from_mins(1);
const WARMUP_NS: u64 = 20_000_000;
const WINDOW_NS: u64 = 100_000_000;

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_generators"))
}

fn spec(workload: Workload, scratch: &Path) -> GeneratorSpec {
    GeneratorSpec {
        workload,
        mix: Vec::new(),
        seed: 0,
        threads: 1,
        size_bytes: workload.takes(Parameter::Size).then_some(16384),
        // With several threads, one moves the end of the heap that another writes to.
        touch: workload.takes(Parameter::Touch) && workload != Workload::Brk,
        duration_ns: workload.takes(Parameter::Duration).then_some(10_000),
        depth: workload.takes(Parameter::Depth).then_some(5),
        waiters: workload.takes(Parameter::Waiters).then_some(3),
        pin: None,
        think_ns: 0,
        batch: 1,
        rate_per_second: None,
        operations: None,
        scratch: scratch.to_path_buf(),
    }
}

fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
}

fn run_timed(spec: &GeneratorSpec) -> GeneratorReport {
    let mut generator = Generator::spawn(binary(), spec, None).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    let open_ns = now_ns() + WARMUP_NS;
    generator.page().set_window_ns(open_ns, open_ns + WINDOW_NS);
    generator.page().set_phase(Phase::Go);
    generator.wait_phase(Phase::Done, DEADLINE).unwrap();
    assert!(now_ns() >= open_ns + WINDOW_NS, "done before the window closed");
    generator.finish(DEADLINE).unwrap()
}

fn run_counted(spec: &GeneratorSpec) -> GeneratorReport {
    let mut generator = Generator::spawn(binary(), spec, None).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    let warm_until_ns = now_ns() + WARMUP_NS;
    generator.page().set_window_ns(warm_until_ns, 0);
    generator.page().set_phase(Phase::Warm);
    generator.wait_phase(Phase::Warmed, DEADLINE).unwrap();
    assert!(now_ns() >= warm_until_ns, "warm-up cut short");
    generator.page().set_phase(Phase::Go);
    generator.wait_phase(Phase::Done, DEADLINE).unwrap();
    let tasks = std::fs::read_dir(format!("/proc/{}/task", generator.pid())).unwrap().count();
    assert_eq!(
        tasks,
        (spec.threads * (1 + spec.helpers())) as usize + 1,
        "a thread ended before it was released"
    );
    generator.page().set_phase(Phase::Release);
    generator.finish(DEADLINE).unwrap()
}

fn assert_consistent(histogram: &SparseHistogram) {
    assert_eq!(histogram.slots.iter().map(|(_, count)| count).sum::<u64>(), histogram.count);
    assert!(histogram.min_ns <= histogram.max_ns);
}

/// Whether a failure is how it should be: nothing is there, or the answer was before the question's end.
fn may_fail(workload: Workload) -> bool {
    matches!(workload, Workload::OpenatMissing | Workload::FutexPingpong)
}

fn assert_empty(folder: &Path) {
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "files left behind");
}

#[test]
fn every_workload_fills_a_window() {
    let scratch = TempDir::new().unwrap();
    for workload in Workload::ALL {
        let threads = 3;
        let report = run_timed(&GeneratorSpec { threads, ..spec(workload, scratch.path()) });
        assert!(report.operations > 0, "{workload:?}");
        assert_eq!((report.late, &report.from_intended), (0, &None));
        let names: Vec<_> = report.calls.iter().map(|call| call.syscall.as_str()).collect();
        assert_eq!(names, workload.timed());
        for call in &report.calls {
            assert_consistent(&call.ok);
            let all = call.ok.count + call.error.count;
            assert!(call.error.count == 0 || may_fail(workload), "{workload:?} {}", call.syscall);
            // Both edges may cut one operation of each thread in two.
            let cut = all - report.operations;
            assert!(cut <= 2 * u64::from(threads), "{workload:?}: {cut} calls without their operation");
            assert!(call.ok.max_ns < WINDOW_NS);
            assert!(call.ok.sum_ns <= WINDOW_NS * u64::from(threads));
        }
    }
    assert_empty(scratch.path());
}

#[test]
fn a_number_of_operations_is_issued_exactly() {
    let scratch = TempDir::new().unwrap();
    for workload in Workload::ALL {
        for threads in [1, 3] {
            let report = run_counted(&GeneratorSpec {
                threads,
                operations: Some(300),
                ..spec(workload, scratch.path())
            });
            assert_eq!(report.operations, 300, "{workload:?}");
            for call in &report.calls {
                assert_consistent(&call.ok);
                assert_eq!(call.ok.count + call.error.count, 300, "{workload:?} {}", call.syscall);
                assert_eq!(call.error.count == 300, workload == Workload::OpenatMissing, "{workload:?}");
                assert!(call.error.count == 0 || may_fail(workload), "{workload:?} {}", call.syscall);
            }
        }
    }
    assert_empty(scratch.path());
}

#[test]
fn messages_are_of_the_size_that_is_said_and_of_one_byte_else() {
    let scratch = TempDir::new().unwrap();
    for workload in [Workload::Pipe, Workload::PipePingpong, Workload::Socket] {
        for size_bytes in [None, Some(1 << 20)] {
            let operations = Some(20);
            let report =
                run_counted(&GeneratorSpec { size_bytes, operations, ..spec(workload, scratch.path()) });
            // That the first operation moved all of it is looked at before the window.
            assert!(report.calls.iter().all(|call| call.ok.count == 20), "{workload:?}: {report:?}");
        }
    }
}

#[test]
fn fewer_operations_than_threads_are_still_exact() {
    let scratch = TempDir::new().unwrap();
    let report = run_counted(&GeneratorSpec {
        threads: 5,
        operations: Some(2),
        ..spec(Workload::Getpid, scratch.path())
    });
    assert_eq!((report.operations, report.calls[0].ok.count), (2, 2));
}

/// Where each thread of a process may run, the first one's apart; sorted.
fn places(pid: u32) -> (String, Vec<String>) {
    let mut first = String::new();
    let mut others = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let task = task.unwrap();
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        if task.file_name().to_str() == Some(&pid.to_string()) {
            list.trim().clone_into(&mut first);
        } else {
            others.push(list.trim().to_owned());
        }
    }
    others.sort();
    (first, others)
}

#[test]
fn threads_and_their_helpers_run_where_they_are_pinned() {
    let scratch = TempDir::new().unwrap();
    let base = GeneratorSpec { threads: 3, ..spec(Workload::PipePingpong, scratch.path()) };
    let placed = |pin| {
        let spec = GeneratorSpec { pin: Some(pin), ..base.clone() };
        let mut generator = Generator::spawn(binary(), &spec, None).unwrap();
        generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
        places(generator.pid())
    };
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let cpus: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let mut expected: Vec<String> = (0..3)
        .flat_map(|thread| [cpus[thread % cpus.len()].to_string(), cpus[thread % cpus.len()].to_string()])
        .collect();
    expected.sort();
    let (everywhere, spread) = placed(Pin::Spread);
    assert_eq!(spread, expected);
    let last = cpus[cpus.len() - 1];
    let (first, all) = placed(Pin::Cpu(u32::try_from(last).unwrap()));
    assert_eq!((first, all), (everywhere, vec![last.to_string(); 6]));
}

#[test]
fn a_fixed_rate_is_not_exceeded() {
    let scratch = TempDir::new().unwrap();
    let (rate, threads) = (2000.0, 3);
    let report = run_timed(&GeneratorSpec {
        threads,
        rate_per_second: Some(rate),
        ..spec(Workload::Openat, scratch.path())
    });
    // What was held up before the window is caught up within it, but nothing is issued that was not due.
    let due = rate * (WARMUP_NS + WINDOW_NS) as f64 / 1e9 + f64::from(threads);
    assert!(report.operations > 0 && report.operations as f64 <= due, "{} of {due}", report.operations);
    let from_intended = report.from_intended.unwrap();
    assert_consistent(&from_intended);
    assert_eq!(from_intended.count, report.operations);
    let service_ns = report.calls.iter().map(|call| call.ok.sum_ns).sum::<u64>();
    // Less what the cut operations at the edges took, which only the calls record.
    let cut_ns = report.calls.iter().map(|call| call.ok.max_ns).sum::<u64>() * 2 * u64::from(threads);
    assert!(from_intended.sum_ns + cut_ns >= service_ns, "latency is at least the service time");
    assert!(report.late <= report.operations);
}

#[test]
fn a_fixed_rate_and_a_number_of_operations_go_together() {
    let scratch = TempDir::new().unwrap();
    let begin = Instant::now();
    let report = run_counted(&GeneratorSpec {
        threads: 2,
        rate_per_second: Some(1000.0),
        operations: Some(100),
        ..spec(Workload::Futex, scratch.path())
    });
    assert_eq!((report.operations, report.calls[0].ok.count), (100, 100));
    assert_eq!(report.from_intended.unwrap().count, 100);
    assert!(begin.elapsed() >= Duration::from_millis(98), "faster than the rate");
}

#[test]
fn a_rate_beyond_the_machine_drops_nothing_and_says_so() {
    let scratch = TempDir::new().unwrap();
    let report = run_counted(&GeneratorSpec {
        rate_per_second: Some(1e9),
        operations: Some(5000),
        ..spec(Workload::Getpid, scratch.path())
    });
    assert_eq!((report.operations, report.calls[0].ok.count), (5000, 5000));
    assert!(report.late > 0);
}

#[test]
fn output_beyond_what_a_pipe_holds_does_not_block() {
    let scratch = TempDir::new().unwrap();
    let script = scratch.path().join("talkative");
    std::fs::write(&script, "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let generator = Generator::spawn(&script, &spec(Workload::Getpid, scratch.path()), None).unwrap();
    let GeneratorError::Ended { status, stderr } = generator.finish(DEADLINE).unwrap_err() else {
        panic!("ended for another reason")
    };
    assert_eq!((status.code(), stderr.len()), (Some(3), 300_000));
}

/// Asserts that a generator ends before it is ready, with this exit code and these words.
fn assert_refused(spec: &GeneratorSpec, code: i32, words: &str) {
    let mut generator = Generator::spawn(binary(), spec, None).unwrap();
    match generator.wait_phase(Phase::Ready, DEADLINE).unwrap_err() {
        GeneratorError::Ended { status, stderr } => {
            assert_eq!(status.code(), Some(code), "{stderr}");
            assert!(stderr.contains(words), "{stderr}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_the_machine_cannot_do_is_told_before_the_window() {
    let scratch = TempDir::new().unwrap();
    let huge = GeneratorSpec { size_bytes: Some(1 << 62), ..spec(Workload::Mmap, scratch.path()) };
    assert_refused(&huge, 1, "the first mmap of the mmap workload failed: Cannot allocate memory");
    let many = GeneratorSpec { threads: 3, ..huge };
    assert_refused(&many, 1, "Cannot allocate memory");
    assert_refused(&spec(Workload::Openat, &scratch.path().join("missing")), 1, "missing/generator-");
    assert_empty(scratch.path());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let of = |workload| spec(workload, Path::new("/"));
    let getpid = || of(Workload::Getpid);
    assert_refused(&GeneratorSpec { size_bytes: None, ..of(Workload::Read) }, 2, "needs a size");
    assert_refused(&GeneratorSpec { size_bytes: Some(1), ..of(Workload::Futex) }, 2, "takes no size");
    let large = GeneratorSpec { size_bytes: Some((1 << 20) + 1), ..of(Workload::Socket) };
    assert_refused(&large, 2, "takes 1048576 bytes at most");
    assert_refused(&GeneratorSpec { touch: true, ..of(Workload::Read) }, 2, "no memory to touch");
    assert_refused(&GeneratorSpec { duration_ns: None, ..of(Workload::Nanosleep) }, 2, "needs a duration");
    assert_refused(&GeneratorSpec { depth: None, ..of(Workload::OpenatDeep) }, 2, "needs a depth");
    assert_refused(
        &GeneratorSpec { waiters: None, ..of(Workload::FutexWaiters) },
        2,
        "needs a number of waiters",
    );
    assert_refused(&GeneratorSpec { depth: Some(1001), ..of(Workload::OpenatDeep) }, 2, "1 to 1,000");
    let waiters = GeneratorSpec { threads: 2, waiters: Some(4096), ..of(Workload::FutexWaiters) };
    assert_refused(&waiters, 2, "4,096 can be had");
    let heap = GeneratorSpec { threads: 2, touch: true, ..of(Workload::Brk) };
    assert_refused(&heap, 2, "with one thread only");
    assert_refused(&GeneratorSpec { pin: Some(Pin::Cpu(1 << 20)), ..getpid() }, 2, "CPU 1048576");
    let absent = "thread 1 cannot be pinned to CPU 1023: it is not online";
    assert_refused(&GeneratorSpec { pin: Some(Pin::Cpu(1023)), ..getpid() }, 2, absent);
    let thinker = GeneratorSpec { think_ns: 1, rate_per_second: Some(1.0), ..getpid() };
    assert_refused(&thinker, 2, "no effect at a fixed rate");
    assert_refused(&GeneratorSpec { threads: 0, ..getpid() }, 2, "0 threads");
    assert_refused(&GeneratorSpec { threads: 4097, ..getpid() }, 2, "4097 threads");
    assert_refused(&GeneratorSpec { operations: Some(0), ..getpid() }, 2, "zero operations");
    assert_refused(&GeneratorSpec { rate_per_second: Some(0.0), ..getpid() }, 2, "rate");
}

#[test]
fn an_unknown_field_is_refused() {
    let description = r#"{"workload":"getpid","threads":1,"size_bytes":null,"touch":false,
        "rate_per_second":null,"operations":null,"scratch":"/tmp","colour":"red"}"#;
    let output = Command::new(binary()).arg(description).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown field `colour`"));
    assert!(output.stdout.is_empty());
}

#[test]
fn who_is_not_the_runners_child_ends_at_once() {
    let scratch = TempDir::new().unwrap();
    let description = serde_json::to_string(&spec(Workload::Getpid, scratch.path())).unwrap();
    let (_page, page_file) = SharedPage::create().unwrap();
    let mut command = Command::new(binary());
    command.args([&description, "1"]).stdin(Stdio::from(page_file));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the runner ended while the generator started"));
}

#[test]
fn by_hand_it_paces_itself_and_prints_a_table() {
    let run = |arguments: &[&str]| {
        let output = Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let counted = run(&[
        "mmap",
        "--size",
        "64KiB",
        "--touch",
        "--operations",
        "300",
        "--warmup",
        "1ms",
        "--threads",
        "2",
    ]);
    assert!(counted.starts_with("300 operations"), "{counted}");
    for call in ["mmap", "munmap"] {
        let line = counted.lines().find(|line| line.starts_with(call)).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some("300"), "{counted}");
    }
    let timed = run(&["futex", "--window", "20ms", "--warmup", "1ms", "--rate", "1000"]);
    assert!(timed.contains("\nfutex ") && timed.contains("from intended start"), "{timed}");
    let wrong = Command::new(binary()).arg("fork").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_wait_that_is_too_short_may_be_repeated() {
    let scratch = TempDir::new().unwrap();
    let mut generator = Generator::spawn(binary(), &spec(Workload::Getpid, scratch.path()), None).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    let late = generator.wait_phase(Phase::Done, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(late, GeneratorError::Late { awaited: Phase::Done, .. }), "{late}");
    let now = now_ns();
    generator.page().set_window_ns(now, now + 1);
    generator.page().set_phase(Phase::Go);
    generator.wait_phase(Phase::Done, DEADLINE).unwrap();
    assert_eq!(generator.finish(DEADLINE).unwrap().operations, 0);
}

#[test]
fn a_dropped_generator_is_gone() {
    let scratch = TempDir::new().unwrap();
    let spec = GeneratorSpec { threads: 4, ..spec(Workload::Getpid, scratch.path()) };
    let mut generator = Generator::spawn(binary(), &spec, None).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    let process = PathBuf::from(format!("/proc/{}", generator.pid()));
    assert!(process.exists());
    drop(generator);
    assert!(!process.exists());
}

#[test]
fn a_missing_binary_is_named() {
    let nowhere = Path::new("/nonexistent/generator");
    let failure = Generator::spawn(nowhere, &spec(Workload::Getpid, Path::new("/")), None).unwrap_err();
    assert_eq!(failure.to_string(), "cannot start /nonexistent/generator");
}

#[test]
fn another_user_runs_it_without_any_group_of_root() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can start processes of other users");
        return;
    }
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    // The build's folder may be closed to others.
    let copy = folder.path().join("generator");
    std::fs::copy(binary(), &copy).unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    std::fs::set_permissions(&scratch, PermissionsExt::from_mode(0o777)).unwrap();
    let credentials = Credentials { uid: 65534, gid: 65533 };
    let mut generator =
        Generator::spawn(&copy, &spec(Workload::Openat, &scratch), Some(credentials)).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", generator.pid())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["65534"; 4]);
    assert_eq!(field("Gid:"), ["65533"; 4]);
    assert!(field("Groups:").is_empty());
}

/// Set for the second run of the next test, in which it plays the runner: where to write the generator's id.
const RUNNER_ROLE: &str = "GENERATOR_TEST_PID_FILE";

#[test]
fn a_runner_that_is_killed_leaves_no_generator() {
    if let Some(pid_file) = std::env::var_os(RUNNER_ROLE) {
        play_the_runner(Path::new(&pid_file));
    }
    let folder = TempDir::new().unwrap();
    let pid_file = folder.path().join("pid");
    let test = "a_runner_that_is_killed_leaves_no_generator";
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(RUNNER_ROLE, &pid_file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    await_true("the runner's generator", || pid_file.exists());
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    assert!(is_alive(&pid));
    runner.kill().unwrap();
    runner.wait().unwrap();
    await_true("the generator's end", || !is_alive(&pid));
}

/// Lets a generator run in a window without end, and waits to be killed.
fn play_the_runner(pid_file: &Path) -> ! {
    let spec = GeneratorSpec { threads: 2, ..spec(Workload::Getpid, pid_file.parent().unwrap()) };
    let mut generator = Generator::spawn(binary(), &spec, None).unwrap();
    generator.wait_phase(Phase::Ready, DEADLINE).unwrap();
    generator.page().set_window_ns(0, u64::MAX);
    generator.page().set_phase(Phase::Go);
    let unfinished = pid_file.with_extension("unfinished");
    std::fs::write(&unfinished, generator.pid().to_string()).unwrap();
    std::fs::rename(&unfinished, pid_file).unwrap();
    std::thread::sleep(DEADLINE);
    panic!("nobody killed the runner");
}

fn is_alive(pid: &str) -> bool {
    // Who is dead but not yet waited for by the adoptive parent counts as gone.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with(['Z', 'X']))
}

fn await_true(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_mix_has_the_operations_that_its_weights_say() {
    let scratch = tempfile::tempdir().unwrap();
    let mix = vec![(Workload::Read, 3), (Workload::Openat, 1), (Workload::Stat, 1)];
    let base = GeneratorSpec {
        mix: mix.clone(),
        seed: 7,
        operations: Some(1_000),
        ..spec(Workload::Read, scratch.path())
    };
    for (threads, rate) in [(1, None), (4, None), (1, Some(100_000.0))] {
        let report = run_counted(&GeneratorSpec { threads, rate_per_second: rate, ..base.clone() });
        assert_eq!(report.operations, 1_000);
        let operations = |name: &str| report.mix.iter().find(|it| it.workload == name).unwrap().operations;
        // A round has five operations, and each thread has whole ones but for the warm-up that came before.
        for (name, expected) in [("read", 600_u64), ("openat", 200), ("stat", 200)] {
            assert!(
                operations(name).abs_diff(expected) <= 3 * u64::from(threads),
                "{name}: {}",
                operations(name)
            );
        }
        let calls = |name: &str| {
            report.calls.iter().filter(|it| it.syscall == name).map(|it| it.ok.count).sum::<u64>()
        };
        for (call, workload) in
            [("read", "read"), ("lseek", "read"), ("openat", "openat"), ("newfstatat", "stat")]
        {
            assert_eq!(calls(call), operations(workload), "{call}");
        }
        assert_eq!(report.mix[0].from_intended.is_some(), rate.is_some());
    }
    assert_eq!(fs_entries(scratch.path()), 0, "a mix leaves nothing behind");
}

fn fs_entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

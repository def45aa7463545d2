//! Programs that are not what they should be: a stress-ng or a generator that crashes, hangs or ends early, by scripts in
//! their places; workers that are killed, as by a lack of memory; and a probe that an ordinary user is refused.

use super::faults::{
    LONG, assert_nothing_left, begin, command, descendants, has_descendant, runs, said, send, stored,
};
use super::{has_stress_ng, latest, text};
use rustix::process::{Signal, geteuid};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use store::{Run, State, Status};

/// A level of stress-ng, and blocks that are few and short.
const BUSY: &str = "[plan]\nrepetitions = 2\nramp = \"300ms\"\n[load.busy]\ncpu = 1\n";

fn executable(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A runner that finds a stress-ng of the test's own, which does this for `how` it is called.
fn with_stress_ng(folder: &Path, how: &str, what: &str) -> Command {
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("stress-ng"))
        .find(|file| file.is_file())
        .unwrap();
    let script = format!("#!/bin/sh\ncase \"$*\" in {how}) {what};; esac\nexec {} \"$@\"\n", real.display());
    executable(&folder.join("bin/stress-ng"), &script);
    let mut command = command(folder, &format!("{LONG}{BUSY}"), &["--probe", "user", "--quiet"]);
    command.env("PATH", format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap()));
    command
}

/// Runs it and collects the reasons of trials without figures.
fn reasons(mut command: Command, folder: &Path) -> (Option<i32>, Vec<String>) {
    let code = command.status().unwrap().code();
    assert_nothing_left(folder, &BTreeSet::new(), "the run");
    let kept = runs(folder).pop().map(|run| Run::open(&run).unwrap());
    let trials = kept.map(|run| run.trials).unwrap_or_default();
    (code, trials.into_iter().filter(|it| it.status != Status::Ok).filter_map(|it| it.reason).collect())
}

/// What is asked before the run: version, options.
#[test]
fn a_stress_ng_that_does_not_work_is_told_before_the_run() {
    if !has_stress_ng() {
        return;
    }
    let broken = [
        (
            "*--version*",
            "echo 'no such library' >&2; exit 127",
            1,
            "stress-ng does not work: it does not tell its version: no such library",
        ),
        ("*--version*", "sleep 600", 1, "stress-ng does not work: it did not answer within 10 seconds"),
        ("*--dry-run*", "kill -SEGV $$", 2, "it gave no reason"),
        ("*--dry-run*", "sleep 600", 2, "did not answer within 10 seconds"),
    ];
    for (how, what, code, words) in broken {
        let folder = tempfile::tempdir().unwrap();
        let (found, _) = reasons(with_stress_ng(folder.path(), how, what), folder.path());
        let message = said(folder.path());
        assert!(found == Some(code) && message.contains(words), "{how} {what}: {found:?} {message}");
        assert!(!folder.path().join("runs").exists(), "something was begun");
    }
}

#[test]
fn a_signal_is_answered_while_stress_ng_owes_an_answer() {
    if !has_stress_ng() {
        return;
    }
    for how in ["*--version*", "*--dry-run*"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let hanging = with_stress_ng(folder, how, "touch hangs; exec sleep 600");
        let mut begun = begin(hanging, folder, |_| folder.join("hangs").exists());
        assert_eq!(begun.end(&[Signal::INT]).code(), Some(130), "{how}: {}", said(folder));
        assert_nothing_left(folder, &begun.family, "INT");
        assert!(!folder.join("runs").exists(), "something was begun");
    }
}

#[test]
fn a_stress_ng_that_crashes_hangs_or_never_begins_costs_its_trials_alone() {
    if !has_stress_ng() {
        return;
    }
    let load = "*--yaml*";
    let broken = [
        (
            load,
            "echo 'stress-ng: fail: [1] out of luck'; exit 2",
            "ended before its time, as a stressor failed (exit code 2): out of luck",
        ),
        (load, "kill -SEGV $$", "ended before its time, killed by signal 11"),
        // No worker ever comes.
        (load, "exec sleep 600", "only 0 of 1 stressors are running"),
    ];
    for (how, what, words) in broken {
        let folder = tempfile::tempdir().unwrap();
        let (code, reasons) = reasons(with_stress_ng(folder.path(), how, what), folder.path());
        assert_eq!((code, reasons.len()), (Some(3), 2), "{what}: {}", said(folder.path()));
        assert!(reasons.iter().all(|reason| reason.contains(words)), "{what}: {reasons:?}");
        assert_eq!(latest(folder.path()).manifest.state, State::Complete);
    }
}

/// One that cannot be asked to end, and starts workers that cannot either: it is killed, and its figures are missed.
#[test]
fn a_stress_ng_that_does_not_end_is_ended() {
    if !has_stress_ng() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A worker is told by its name.
    let worker = folder.join("stress-ng-cpu");
    executable(&worker, "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.01; done\n");
    let what = format!("trap '' TERM; {} & while :; do sleep 0.01; done", worker.display());
    let (code, reasons) = reasons(with_stress_ng(folder, "*--yaml*", &what), folder);
    assert_eq!((code, reasons), (Some(0), vec![]), "{}", said(folder));
    let warnings = latest(folder).manifest.warnings;
    let told = warnings.iter().filter(|it| it.contains("load busy: stress-ng left no metrics"));
    assert_eq!(told.count(), 2, "{warnings:?}");
}

/// Kills the first of the runner's descendants of this name while it measures in a block; what becomes of trials then.
fn killed(name: &str) -> (Vec<Option<String>>, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scenario = format!("{LONG}[factors]\nthreads = [1, 2, 3, 4]\n{BUSY}").replace("20ms", "300ms");
    let scenario =
        scenario.replace("workload = \"getpid\"\n", "workload = \"getpid\"\nthreads = \"$threads\"\n");
    let run = command(folder, &scenario, &["--probe", "user", "--quiet"]);
    let mut begun = begin(run, folder, |pid| stored(folder) >= 1 && has_descendant(pid, name));
    let victim = descendants(begun.child.id()).into_iter().find(|it| it.name.starts_with(name)).unwrap();
    send(victim.pid, Signal::KILL);
    begun.family.extend(descendants(begun.child.id()));
    let code = begun.child.wait().unwrap().code();
    assert_nothing_left(folder, &begun.family, name);
    let trials = latest(folder).trials;
    assert_eq!(trials.len(), 8);
    assert_eq!(trials[0].reason, None, "what was finished stays");
    (trials.into_iter().map(|trial| trial.reason).collect(), code)
}

#[test]
fn a_worker_that_is_killed_costs_the_trials_of_its_block() {
    if !has_stress_ng() {
        return;
    }
    let (reasons, code) = killed("stress-ng-cpu");
    assert_eq!(code, Some(3), "{reasons:?}");
    let lost: Vec<&String> = reasons.iter().flatten().collect();
    assert!(!lost.is_empty() && lost.len() < 4, "{reasons:?}");
    let is_told = |it: &&String| {
        it.contains("only 0 of 1 stressors are running") || it.contains("ended before its time")
    };
    assert!(lost.iter().all(is_told), "{reasons:?}");
    assert!(reasons[4..].iter().all(Option::is_none), "the next block has a load of its own: {reasons:?}");
}

#[test]
fn a_stress_ng_that_is_killed_costs_the_trials_of_its_block() {
    if !has_stress_ng() {
        return;
    }
    let (reasons, code) = killed("stress-ng");
    assert_eq!(code, Some(3), "{reasons:?}");
    let lost: Vec<&String> = reasons.iter().flatten().collect();
    assert!(!lost.is_empty() && lost.len() < 4, "{reasons:?}");
    assert!(lost.iter().all(|it| it.contains("ended before its time, killed by signal 9")), "{reasons:?}");
    assert!(reasons[4..].iter().all(Option::is_none), "{reasons:?}");
}

/// A runner of its own beside a generator that is this script, which knows the real one as `$real`.
fn with_generator(folder: &Path, script: &str) -> Command {
    let built = Path::new(env!("CARGO_BIN_EXE_runner"));
    let program = folder.join("runner");
    let linked = fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop));
    linked.unwrap();
    let real = built.with_file_name("generator");
    executable(&folder.join("generator"), &format!("#!/bin/sh\nreal={}\n{script}\n", real.display()));
    let scenario = format!("{LONG}[plan]\nrepetitions = 1\n").replace("20ms", "600ms");
    let told = command(folder, &scenario, &["--probe", "user", "--quiet"]);
    let mut command = Command::new(program);
    command.args(told.get_args()).current_dir(folder).env_remove("RUNNER_RUNS_DIR");
    for (name, value) in told.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.stderr(fs::File::create(folder.join("stderr")).unwrap());
    command
}

#[test]
fn a_generator_that_crashes_hangs_or_says_nothing_fails_its_trial_with_the_reason() {
    let broken = [
        ("exec /no/such/program", "the generator ended with exit status: 127: "),
        (
            "echo 'no memory for threads' >&2; exit 3",
            "the generator ended with exit status: 3: no memory for threads",
        ),
        ("exit 0", "the generator ended with exit status: 0: it said nothing"),
        // In the window; the process that does it goes along.
        (
            "(sleep 0.2; kill -ABRT $$; sleep 600) & exec \"$real\" \"$@\"",
            "the generator ended with signal: 6 (SIGABRT)",
        ),
        (
            "(sleep 0.2; kill -KILL $$; sleep 600) & exec \"$real\" \"$@\"",
            "the generator ended with signal: 9 (SIGKILL)",
        ),
        // Hangs in the window, and after it.
        ("(sleep 0.2; kill -STOP $$) & exec \"$real\" \"$@\"", "the generator did not end within 10000 ms"),
        ("exec \"$real\" \"$@\" >/dev/null", "the generator's report is not valid"),
        // Never ready.
        ("exec sleep 600", "the generator did not reach Ready within 30000 ms"),
    ];
    for (script, words) in broken {
        let folder = tempfile::tempdir().unwrap();
        let (code, reasons) = reasons(with_generator(folder.path(), script), folder.path());
        assert_eq!((code, reasons.len()), (Some(3), 1), "{script}: {}", said(folder.path()));
        assert!(reasons[0].contains(words), "{script}: {reasons:?}");
    }
}

#[test]
fn a_signal_is_answered_while_a_generator_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hanging = with_generator(folder, "touch hangs; exec sleep 600");
    let mut begun = begin(hanging, folder, |_| folder.join("hangs").exists());
    assert_eq!(begun.end(&[Signal::INT]).code(), Some(130), "{}", said(folder));
    assert_nothing_left(folder, &begun.family, "INT");
}

#[test]
fn a_generator_that_is_not_there_is_told_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let command = with_generator(folder.path(), "");
    fs::remove_file(folder.path().join("generator")).unwrap();
    let mut command = command;
    let code = command.env("PATH", "").status().unwrap().code();
    let message = said(folder.path());
    assert!(
        code == Some(1) && message.contains("the generator binary is missing: it belongs at "),
        "{message}"
    );
    assert!(!folder.path().join("runs").exists());
}

/// The runner and its generator where every user finds them, and a folder of an ordinary user.
pub(super) fn for_an_ordinary_user(folder: &Path) -> (PathBuf, PathBuf) {
    const USER: u32 = 65_534;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_runner"));
    for name in ["runner", "generator"] {
        fs::copy(built.with_file_name(name), folder.join(name)).unwrap();
    }
    let home = folder.join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(USER), Some(USER)).unwrap();
    (folder.join("runner"), home)
}

#[test]
fn without_capabilities_the_callers_view_is_measured_and_a_probe_by_name_is_refused() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (program, home) = for_an_ordinary_user(folder.path());
    let run = |probe: &str| {
        let told = command(&home, &format!("{LONG}[plan]\nrepetitions = 1\n"), &["--probe", probe]);
        let mut command = Command::new(&program);
        command
            .args(told.get_args())
            .current_dir(&home)
            .env_remove("RUNNER_RUNS_DIR")
            .uid(65_534)
            .gid(65_534);
        let output =
            command.env("TMPDIR", &home).env("SYSCALL_LAB_TURN", super::own_turn()).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, message) = run("raw_tracepoint");
    assert_eq!(code, Some(1), "{message}");
    let words = "not permitted; run as root, or with CAP_BPF and CAP_PERFMON";
    assert!(message.contains(words) && message.contains("`runner doctor` says"), "{message}");
    assert!(!home.join("runs").exists(), "something was begun");
    let (code, message) = run("auto");
    assert_eq!(code, Some(0), "{message}");
    let probe = latest(&home).manifest.probe;
    assert_eq!(probe.backend, "user");
    assert!(probe.reasons.iter().any(|reason| reason.contains(words)), "{:?}", probe.reasons);
    assert!(message.contains("without a probe only the callers' own view is measured"), "{message}");
}

/// The kernel's type information hidden, in a name space of the runner's own.
#[test]
fn without_type_information_fentry_is_refused_and_the_others_measure() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root may hide a folder");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |probe: &str| {
        let told = command(folder.path(), &format!("{LONG}[plan]\nrepetitions = 1\n"), &["--probe", probe]);
        let mut command = Command::new("unshare");
        let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" \"$@\"";
        command.args(["--mount", "sh", "-c", hide]).arg(told.get_program()).args(told.get_args());
        command.current_dir(folder.path()).env_remove("RUNNER_RUNS_DIR").env("TMPDIR", folder.path());
        let output = command.env("SYSCALL_LAB_TURN", super::own_turn()).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, message) = run("fentry");
    assert_eq!(code, Some(1), "{message}");
    let words = "the fentry backend cannot be attached: this kernel tells no type information";
    assert!(message.contains(words) && message.contains("`runner doctor` says"), "{message}");
    let (code, message) = run("auto");
    assert_eq!(code, Some(0), "{message}");
    assert!(["kretprobe", "raw_tracepoint"].contains(&latest(folder.path()).manifest.probe.backend.as_str()));
}

//! The load against a real stress-ng, where there is one.

use super::*;
use family::Members;

/// Of a run that no signal stops.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// Names the folder in which the helper process finds its orders and leaves its word.
const HELPER_FOLDER: &str = "LOAD_TEST_HELPER_FOLDER";

fn request(arguments: &[&str]) -> LoadRequest {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    LoadRequest {
        block: 3,
        level_name: "medium".to_owned(),
        arguments,
        program: None,
        generator: PathBuf::new(),
        cpus: None,
        requires_memory: false,
        memory_bytes: None,
        ramp: Duration::from_secs(5),
    }
}

fn is_missing() -> bool {
    let missing = version().is_err();
    if missing {
        eprintln!("skipped: stress-ng is not installed");
    }
    missing
}

/// Polls for up to ten seconds.
fn until(mut condition: impl FnMut() -> bool) -> bool {
    (0..1000).any(|_| {
        condition() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }
    })
}

/// A folder that every user can search.
fn reachable_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn leader_of(load: &Load) -> Pid {
    load.process.as_ref().unwrap().leader
}

#[test]
fn a_level_starts_settles_measures_and_leaves_nothing() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let arguments = ["--cpu", "2", "--vm", "1", "--vm-bytes", "16M", "--io", "1"];
    let mut load = Load::start(&request(&arguments), scratch.path(), None).unwrap();
    let settled = load.settle(&GO_ON).unwrap();
    assert_eq!(settled.workers, 4, "{settled:?}");
    load.check().unwrap();
    let leader = leader_of(&load);
    let members = family::family(leader, &Members::new());
    assert!(members.len() > 4, "{members:?}");
    let metrics = load.stop(super::PATIENT).unwrap();
    assert!(family::family(leader, &members).is_empty());
    let names: Vec<_> = metrics.iter().map(|metric| (metric.stressor.as_str(), metric.instances)).collect();
    assert_eq!(names, [("cpu", 2), ("vm", 1), ("io", 1)]);
    assert!(metrics.iter().all(|metric| metric.block == 3 && metric.level == "medium"));
    // On a busy machine a worker may not look up in time and be killed; hardly all of them.
    assert!(metrics.iter().any(|metric| metric.bogo_ops.is_some()), "{metrics:?}");
    for metric in metrics.iter().filter(|metric| metric.wall_seconds.is_some()) {
        assert!(metric.bogo_ops > Some(0) && metric.bogo_ops_per_second > Some(0.0), "{metrics:?}");
    }
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_dropped_load_leaves_nothing() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--vm", "1", "--vm-bytes", "16M"]), scratch.path(), None).unwrap();
    load.settle(&GO_ON).unwrap();
    let leader = leader_of(&load);
    let members = family::family(leader, &Members::new());
    drop(load);
    assert!(family::family(leader, &members).is_empty());
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}

#[test]
fn an_empty_level_starts_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&[]), scratch.path(), None).unwrap();
    assert_eq!(load.settle(&GO_ON).unwrap().workers, 0);
    load.check().unwrap();
    assert_eq!(load.stop(super::PATIENT).unwrap(), []);
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_bad_option_is_reported_in_its_own_words() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--cpux", "1"]), scratch.path(), None).unwrap();
    let error = load.settle(&GO_ON).unwrap_err();
    assert!(matches!(&error, LoadError::Refused { words } if words.contains("unrecognized option '--cpux'")));
}

#[test]
fn a_load_that_ends_early_is_noticed() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--cpu", "1", "--cpu-ops", "1"]), scratch.path(), None).unwrap();
    let mut error = None;
    assert!(until(|| {
        error = load.check().err();
        matches!(error, Some(LoadError::Died { .. }))
    }));
    let error = error.unwrap().to_string();
    assert!(error.contains("having done all it was asked to (exit code 0)"), "{error}");
}

#[test]
fn a_killed_load_is_noticed_and_cleared_away() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--cpu", "1", "--io", "1"]), scratch.path(), None).unwrap();
    load.settle(&GO_ON).unwrap();
    let leader = leader_of(&load);
    let members = family::family(leader, &Members::new());
    rustix::process::kill_process(leader, Signal::KILL).unwrap();
    let mut error = None;
    assert!(until(|| {
        error = load.check().err();
        matches!(error, Some(LoadError::Died { .. }))
    }));
    assert!(error.unwrap().to_string().contains("killed by signal 9"));
    assert!(matches!(load.stop(super::PATIENT), Err(LoadError::Unmeasured { .. })));
    assert!(family::family(leader, &members).is_empty());
}

#[test]
fn a_killed_worker_is_noticed() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--cpu", "2"]), scratch.path(), None).unwrap();
    load.settle(&GO_ON).unwrap();
    let leader = leader_of(&load);
    let members = family::family(leader, &Members::new());
    let worker = members.keys().copied().find(|pid| *pid != leader.as_raw_pid()).unwrap();
    rustix::process::kill_process(Pid::from_raw(worker).unwrap(), Signal::KILL).unwrap();
    let mut error = None;
    assert!(until(|| {
        error = load.check().err();
        error.is_some()
    }));
    assert!(matches!(error, Some(LoadError::Thinned { running: 1, expected: 2, .. })), "{error:?}");
}

#[test]
fn what_stress_ng_leaves_out_is_noticed() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    // Root's alone, and nobody's: one that each kind of user cannot have.
    let impossible = if rustix::process::geteuid().is_root() { "--exec" } else { "--quota" };
    let mut load = Load::start(&request(&["--cpu", "1", impossible, "1"]), scratch.path(), None).unwrap();
    let error = load.settle(&GO_ON).map(|_| ()).and_then(|()| load.verify()).unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, LoadError::LeftOut { .. } | LoadError::Thinned { .. }), "{words}");
    assert!(words.contains("skipping") || words.contains("skipped"), "{words}");
    let mut whole = Load::start(&request(&["--cpu", "2"]), scratch.path(), None).unwrap();
    whole.settle(&GO_ON).unwrap();
    whole.verify().unwrap();
}

#[test]
fn memory_that_is_required_and_not_filled_is_noticed() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let verified = |requires_memory| {
        // Sixteen MiB will never be the half of a TiB.
        let asked = LoadRequest {
            memory_bytes: Some(1 << 40),
            requires_memory,
            ramp: Duration::from_secs(1),
            ..request(&["--vm", "1", "--vm-bytes", "16M"])
        };
        let mut load = Load::start(&asked, scratch.path(), None).unwrap();
        load.settle(&GO_ON).unwrap();
        load.verify()
    };
    let error = verified(true).unwrap_err().to_string();
    assert!(error.contains("is filled") && error.contains("of 1024.00 GiB"), "{error}");
    verified(false).unwrap();
}

#[test]
fn a_stressor_with_a_killed_worker_has_no_figures_and_the_others_keep_theirs() {
    if is_missing() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut load = Load::start(&request(&["--io", "2", "--cpu", "1"]), scratch.path(), None).unwrap();
    load.settle(&GO_ON).unwrap();
    // A stopped worker does not hear that it is to end, as one that fills gigabytes would not.
    let members = family::family(leader_of(&load), &Members::new());
    let is_io = |pid: &i32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == family::worker_name("io")
    };
    let worker = members.keys().copied().find(is_io).unwrap();
    rustix::process::kill_process(Pid::from_raw(worker).unwrap(), Signal::STOP).unwrap();
    let metrics = load.stop(super::PATIENT).unwrap();
    let [io, cpu] = metrics.as_slice() else { panic!("{metrics:?}") };
    assert_eq!((io.stressor.as_str(), io.instances, io.bogo_ops), ("io", 2, None));
    assert_eq!((io.bogo_ops_per_second, io.wall_seconds, io.rss_max_kib), (None, None, None));
    assert!(cpu.bogo_ops.is_none_or(|done| done > 0), "{cpu:?}");
}

#[test]
fn a_load_runs_as_the_invoking_user() {
    use std::os::unix::fs::MetadataExt;
    if is_missing() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may change the user");
        return;
    }
    let scratch = reachable_folder();
    let user = Credentials::of_user(65_534, 65_534);
    // A stressor with files, since they must be where the user may write.
    let mut load =
        Load::start(&request(&["--hdd", "1", "--hdd-bytes", "1M"]), scratch.path(), Some(&user)).unwrap();
    load.settle(&GO_ON).unwrap();
    for pid in family::family(leader_of(&load), &Members::new()).keys() {
        assert_eq!(Path::new(&format!("/proc/{pid}")).metadata().unwrap().uid(), 65_534);
    }
    // None at all where the disk kept its worker so long that it was killed.
    assert_ne!(load.stop(super::PATIENT).unwrap()[0].bogo_ops, Some(0));
}

/// Not a test of its own: the process that [`a_killed_runner_leaves_no_worker`] starts and kills.
#[test]
#[ignore = "helper of another test"]
fn helper_that_holds_a_load() {
    let folder = PathBuf::from(std::env::var_os(HELPER_FOLDER).expect("the other test names the folder"));
    let arguments =
        ["--cpu", "1", "--vm", "2", "--vm-bytes", "16M", "--io", "1", "--fork", "1", "--hdd", "1"];
    // As `sudo` would have it, where that is possible: a change of user clears the wish to die with the parent.
    let user = rustix::process::geteuid().is_root().then(|| Credentials::of_user(65_534, 65_534));
    let mut load = Load::start(&request(&arguments), &folder, user.as_ref()).unwrap();
    load.settle(&GO_ON).unwrap();
    std::fs::write(folder.join("leader.part"), leader_of(&load).as_raw_pid().to_string()).unwrap();
    std::fs::rename(folder.join("leader.part"), folder.join("leader")).unwrap();
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
fn a_killed_runner_leaves_no_worker() {
    if is_missing() {
        return;
    }
    let folder = reachable_folder();
    let mut helper = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "load::tests::helper_that_holds_a_load", "--ignored", "--nocapture"])
        .env(HELPER_FOLDER, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let announced = folder.path().join("leader");
    assert!(until(|| announced.exists() || helper.try_wait().unwrap().is_some()));
    let leader: i32 = std::fs::read_to_string(announced).unwrap().parse().unwrap();
    let leader = Pid::from_raw(leader).unwrap();
    let members = family::family(leader, &Members::new());
    assert!(members.len() > 6, "{members:?}");
    helper.kill().unwrap();
    helper.wait().unwrap();
    assert!(until(|| family::family(leader, &members).is_empty()), "{:?}", family::family(leader, &members));
}

//! A runner with file capabilities, started by an ordinary user: it alone has them, and its children end with it.

use super::{has_stress_ng, runner, text};
use rustix::fs::XattrFlags;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// An ordinary user, as far as the kernel is concerned.
const USER: u32 = 65_534;
/// `CAP_PERFMON` (38) and `CAP_BPF` (39).
const BOTH: u64 = 1 << 38 | 1 << 39;

const LONG: &str = r#"schema = 1
name = "long"
[measure]
syscalls = ["getpid"]
probe = "raw_tracepoint"
warmup = "1ms"
window = "1s"
[plan]
repetitions = 1000
[generators.caller]
workload = "getpid"
[load.busy]
cpu = 1
"#;

/// A process: its parent, and when it started, which tells it from a later one with the same number.
struct Process {
    parent: u32,
    started: u64,
    name: String,
}

/// Every process that /proc shows.
fn processes() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let process = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name is in parentheses and may hold anything.
        let (head, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let name = head.split_once('(')?.1.to_owned();
        Some((pid, Process { parent: fields[1].parse().ok()?, started: fields[19].parse().ok()?, name }))
    };
    entries.filter_map(process).collect()
}

/// Children of a process, their children, and so on.
fn descendants(ancestor: u32) -> BTreeMap<u32, Process> {
    let all = processes();
    let descends = |mut pid: u32| {
        while let Some(process) = all.get(&pid) {
            pid = process.parent;
            if pid == ancestor {
                return true;
            }
        }
        false
    };
    let mut found: Vec<u32> = all.keys().copied().filter(|pid| descends(*pid)).collect();
    found.sort_unstable();
    let mut all = all;
    found.into_iter().filter_map(|pid| Some((pid, all.remove(&pid)?))).collect()
}

/// A set of capabilities of a process, such as `CapEff`; none when it has ended.
fn capabilities(pid: u32, set: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(set))?;
    Some(u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap())
}

/// The programs in a folder of their own, of which the runner lends both capabilities; none where files cannot.
fn programs(folder: &Path) -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_runner"));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["runner", "generator"] {
        fs::copy(built.with_file_name(name), folder.join(name)).unwrap();
    }
    // `struct vfs_cap_data` of linux/capability.h: revision 2 with the bit that makes them effective, then permitted
    // and inheritable sets, the lower halves first.
    let words: [u32; 5] = [0x0200_0001, 0, 0, u32::try_from(BOTH >> 32).unwrap(), 0];
    let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let runner = folder.join("runner");
    match rustix::fs::setxattr(&runner, "security.capability", &data, XattrFlags::empty()) {
        Ok(()) => Some(runner),
        Err(error) => {
            eprintln!("skipped: files cannot have capabilities here: {error}");
            None
        }
    }
}

fn start(runner: &Path, home: &Path) -> Child {
    fs::write(home.join("long.toml"), LONG).unwrap();
    Command::new(runner)
        .current_dir(home)
        .env_remove("RUNNER_RUNS_DIR")
        .env("SYSCALL_LAB_TURN", crate::own_turn())
        .env("TMPDIR", home)
        .args(["run", "long.toml", "--quiet"])
        .uid(USER)
        .gid(USER)
        .stdout(Stdio::null())
        .stderr(fs::File::create(home.join("errors")).unwrap())
        .spawn()
        .unwrap()
}

/// Whether this machine lets root attach what the test needs.
fn can_be_tested() -> bool {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can lend capabilities");
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let found = runner().current_dir(&folder).args(["doctor", "--json"]).output().unwrap().stdout;
    let found: serde_json::Value = serde_json::from_slice(&found).unwrap();
    let can = found["backends"].as_array().unwrap().contains(&"raw_tracepoint".into());
    if !can {
        eprintln!("skipped: no raw tracepoints here: {found}");
    }
    can && has_stress_ng()
}

#[test]
fn only_the_runner_has_its_files_capabilities_and_its_children_end_with_it() {
    if !can_be_tested() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = programs(folder.path()) else { return };
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(USER), Some(USER)).unwrap();
    let mut child = start(&program, &home);
    let errors = || text(&fs::read(home.join("errors")).unwrap());
    let is_at_work = |family: &BTreeMap<u32, Process>| {
        let has = |name: &str| family.values().any(|it| it.name.starts_with(name));
        has("generator") && has("stress-ng-cpu")
    };
    let mut family = descendants(child.id());
    for _ in 0..1000 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself: {}", errors());
        if is_at_work(&family) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        family = descendants(child.id());
    }
    assert!(is_at_work(&family), "no generator and no load: {}", errors());
    // The probe is attached, by an ordinary user, with these two and no others.
    assert_eq!(capabilities(child.id(), "CapEff"), Some(BOTH));
    let mut examined = 0;
    for (pid, process) in &family {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            let Some(held) = capabilities(*pid, set) else { continue };
            assert_eq!(held, 0, "{} has {set} {held:x}", process.name);
            examined += 1;
        }
    }
    assert!(examined >= 3 * 4, "generator, stress-ng and its worker: {examined}");
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    child.wait().unwrap();
    let left = || {
        let all = processes();
        let is_left =
            |(pid, was): &(&u32, &Process)| all.get(pid).is_some_and(|is| is.started == was.started);
        family.iter().filter(is_left).map(|(_, process)| process.name.clone()).collect::<Vec<_>>()
    };
    for _ in 0..1000 {
        if left().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("outlived the runner: {:?}", left());
}

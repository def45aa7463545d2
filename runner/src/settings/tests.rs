//! Settings of a machine that is a folder, and one of this machine.

use super::*;
use crate::scenario::MachineRequest;
use std::fs;
use tempfile::TempDir;

const GOVERNORS: [&str; 2] = ["cpu0", "cpu1"];
const SWAPPINESS: &str = "proc/sys/vm/swappiness";
const THP: &str = "sys/kernel/mm/transparent_hugepage/enabled";
const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn get(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap().trim().to_owned()
}

fn governor(cpu: &str) -> String {
    format!("sys/devices/system/cpu/{cpu}/cpufreq/scaling_governor")
}

/// A machine that can do everything.
fn machine() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (cpu, before) in GOVERNORS.iter().zip(["powersave", "schedutil"]) {
        put(root.path(), &governor(cpu), before);
        let known = format!("sys/devices/system/cpu/{cpu}/cpufreq/scaling_available_governors");
        put(root.path(), &known, "performance powersave schedutil\n");
    }
    put(root.path(), "sys/devices/system/cpu/cpufreq/other", "");
    put(root.path(), NO_TURBO, "0\n");
    put(root.path(), THP, "always [madvise] never\n");
    put(root.path(), "proc/sys/kernel/randomize_va_space", "2\n");
    put(root.path(), SWAPPINESS, "60\n");
    put(root.path(), "proc/sys/kernel/random/boot_id", "boot-1\n");
    root
}

fn asked() -> MachineRequest {
    MachineRequest {
        governor: Some("performance".to_owned()),
        turbo: Some(false),
        thp: Some("never"),
        aslr: Some(false),
        swappiness: Some(10),
        ..MachineRequest::default()
    }
}

/// Every file of the machine with its text, the runner's own aside.
fn texts(root: &Path) -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.starts_with(root.join("run")) => {}
                path => texts.push((path.clone(), fs::read_to_string(path).unwrap().trim().to_owned())),
            }
        }
    }
    texts.sort();
    texts
}

#[test]
fn what_is_asked_for_is_set_and_what_was_is_restored() {
    let root = machine();
    let root = root.path();
    let before = texts(root);
    let (settings, told) = Settings::apply(root, &asked()).unwrap();
    let was: Vec<_> = told.iter().map(|it| (it.name.as_str(), it.before.as_deref().unwrap())).collect();
    let all = [("governor", "powersave, schedutil"), ("turbo", "0"), ("thp", "madvise"), ("aslr", "2")];
    assert_eq!(was, [&all[..], &[("swappiness", "60")]].concat());
    assert!(told.iter().all(|it| it.cannot.is_none()), "{told:?}");
    assert!(GOVERNORS.iter().all(|cpu| get(root, &governor(cpu)) == "performance"));
    assert_eq!([NO_TURBO, THP, SWAPPINESS].map(|path| get(root, path)), ["1", "never", "10"]);
    drop(settings);
    // A kernel shows the modes with the chosen one in brackets; a file shows what was written.
    fs::write(root.join(THP), "always [madvise] never\n").unwrap();
    assert_eq!(texts(root), before);
    assert_eq!(pending(root), None);
}

#[test]
fn what_a_killed_runner_left_is_restored_once_and_not_while_one_runs() {
    let root = machine();
    let root = root.path();
    let before = texts(root);
    let only = MachineRequest { swappiness: Some(10), ..MachineRequest::default() };
    let (mut settings, _) = Settings::apply(root, &only).unwrap();
    assert!(pending(root).unwrap().is_held);
    assert_eq!(restore_left(root), [], "a run is under way");
    assert!(matches!(Settings::apply(root, &asked()), Err(SettingsError::Busy)));
    assert_eq!(get(root, SWAPPINESS), "10");
    // The end of a process that is killed: its lock goes, and nothing else happens.
    settings.lock = None;
    std::mem::forget(settings);
    assert_eq!(pending(root), Some(Pending { is_held: false, words: SWAPPINESS.to_owned() }));
    let [restored] = &restore_left(root)[..] else { panic!("one setting was changed") };
    assert_eq!(restored.words, "/proc/sys/vm/swappiness is 60 again");
    assert_eq!(texts(root), before);
    assert_eq!((restore_left(root), pending(root)), (Vec::new(), None));
}

#[test]
fn the_next_run_knows_what_was_before_the_killed_one() {
    let root = machine();
    let root = root.path();
    let only = |swappiness| MachineRequest { swappiness: Some(swappiness), ..MachineRequest::default() };
    let (mut killed, _) = Settings::apply(root, &only(10)).unwrap();
    killed.lock = None;
    std::mem::forget(killed);
    let (settings, told) = Settings::apply(root, &only(20)).unwrap();
    assert_eq!((told[0].before.as_deref(), get(root, SWAPPINESS).as_str()), (Some("60"), "20"));
    drop(settings);
    assert_eq!(get(root, SWAPPINESS), "60");
}

#[test]
fn after_a_restart_or_a_change_by_somebody_else_nothing_is_touched() {
    let root = machine();
    let root = root.path();
    let only = MachineRequest { swappiness: Some(10), aslr: Some(false), ..MachineRequest::default() };
    let (mut settings, _) = Settings::apply(root, &only).unwrap();
    put(root, SWAPPINESS, "33\n");
    assert_eq!(settings.restore(), [] as [String; 0]);
    assert_eq!(
        (get(root, SWAPPINESS), get(root, "proc/sys/kernel/randomize_va_space")),
        ("33".into(), "2".into())
    );
    let (mut settings, _) = Settings::apply(root, &only).unwrap();
    settings.lock = None;
    std::mem::forget(settings);
    put(root, "proc/sys/kernel/random/boot_id", "boot-2\n");
    assert_eq!((restore_left(root), pending(root)), (Vec::new(), None));
    assert_eq!(get(root, SWAPPINESS), "10");
}

#[test]
fn what_a_machine_cannot_do_is_said_and_the_rest_is_done() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    put(root, SWAPPINESS, "60\n");
    put(root, &governor("cpu0"), "powersave\n");
    put(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors", "powersave\n");
    let asked = MachineRequest { drop_caches: true, ..asked() };
    let (settings, told) = Settings::apply(root, &asked).unwrap();
    let cannot: Vec<_> =
        told.iter().filter_map(|it| Some((it.name.as_str(), it.cannot.as_deref()?))).collect();
    assert_eq!(
        cannot,
        [
            ("governor", "there is no governor performance here; there are powersave"),
            ("turbo", "this machine tells of no turbo"),
            ("thp", "this machine has no /sys/kernel/mm/transparent_hugepage/enabled"),
            ("aslr", "this machine has no /proc/sys/kernel/randomize_va_space"),
            ("drop_caches", "this machine has no /proc/sys/vm/drop_caches"),
        ]
    );
    assert_eq!(get(root, SWAPPINESS), "10");
    drop(settings);
    assert_eq!((get(root, SWAPPINESS), get(root, &governor("cpu0"))), ("60".into(), "powersave".into()));
}

#[test]
fn nothing_is_noted_where_nothing_is_changed() {
    let root = machine();
    let only = MachineRequest { swappiness: Some(60), ..MachineRequest::default() };
    let (_settings, told) = Settings::apply(root.path(), &only).unwrap();
    assert_eq!(told[0].cannot, None);
    assert!(!root.path().join("run").exists());
}

#[test]
fn what_is_started_within_a_set_stays_in_it() {
    let Some(first) = rustix::thread::sched_getaffinity(None).ok() else { return };
    let cpu = (0..1024).find(|cpu| first.is_set(*cpu)).unwrap();
    let scenario = format!(
        "schema = 1\nname = \"x\"\n[measure]\nsyscalls = [\"getpid\"]\n[generators.g]\nworkload = \"getpid\"\n\
         [machine.cpus]\ngenerators = \"{cpu}\"\nrunner = \"4000-4001\"\n"
    );
    let size = crate::scenario::Machine { cpus: 1, memory_bytes: 1 << 30 };
    let scenario = crate::scenario::Scenario::parse(Path::new("x"), &scenario, &[], &size).unwrap();
    let cpus = &scenario.machine.cpus;
    let allowed = || {
        let status = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap().stdout;
        let status = String::from_utf8(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        line.trim().to_owned()
    };
    let before = allowed();
    assert_eq!(within(cpus.generators.as_ref(), allowed), cpu.to_string());
    assert_eq!(within(cpus.runner.as_ref(), allowed), before, "a set that there is not");
    assert_eq!(allowed(), before);
    let generators = cpus.generators.clone().unwrap();
    // On a thread of its own, which stays there.
    let on_its_own = std::thread::spawn(move || {
        let stays = super::stay_on(&generators);
        let all = || within(None, || rustix::thread::sched_getaffinity(None).unwrap());
        (stays, all(), super::can_pin(u32::try_from(cpu).unwrap()), super::can_pin(1023))
    });
    assert_eq!(
        on_its_own.join().unwrap(),
        (true, first, true, false),
        "all CPUs but the last that can be named"
    );
    let told = Settings::apply(tempfile::tempdir().unwrap().path(), &scenario.machine).unwrap().1;
    assert_eq!(told[0].cannot, None);
    assert!(told[1].cannot.as_ref().unwrap().contains("CPU 4000, 4001"));
}

#[test]
fn a_setting_of_this_machine_is_changed_and_restored() {
    if !rustix::process::geteuid().is_root() || knobs::unwritable(Path::new("/"), SWAPPINESS).is_some() {
        eprintln!("skipped: swappiness cannot be changed here");
        return;
    }
    let root = Path::new("/");
    let before = get(root, SWAPPINESS);
    let other = if before == "59" { 58 } else { 59 };
    let only = MachineRequest { swappiness: Some(other), ..MachineRequest::default() };
    let (mut settings, told) = Settings::apply(root, &only).unwrap();
    let changed = get(root, SWAPPINESS);
    let left = settings.restore();
    assert_eq!(get(root, SWAPPINESS), before);
    assert_eq!((changed, told[0].cannot.clone(), left), (other.to_string(), None, Vec::new()));
}

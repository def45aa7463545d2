//! What is said of machines that are not this one.

use super::seen::RunsFolder;
use super::*;
use crate::environment::{Conditions, Facilities};
use crate::settings::Pending;
use probe::Capabilities;
use std::path::PathBuf;
use store::Environment;

/// A laboratory's computer on which all is well.
fn well() -> Seen {
    let some = |text: &str| Some(text.to_owned());
    Seen {
        environment: Environment {
            kernel_release: "6.12.9".to_owned(),
            architecture: "x86_64".to_owned(),
            cpu_model: some("Some CPU"),
            cpus: 8,
            memory_bytes: 16 << 30,
            governor: some("performance"),
            turbo: some("off"),
            smt: some("off"),
            transparent_huge_pages: some("madvise"),
            clocksource: some("tsc"),
            stress_ng_version: some("0.15.06"),
            lockdown: some("none"),
            root: true,
            ..Environment::default()
        },
        conditions: Conditions {
            load_average: 0.25,
            memory_available_bytes: 12 << 30,
            ..Conditions::default()
        },
        facilities: Facilities {
            kprobes: true,
            btf: true,
            tracefs: some("/sys/kernel/tracing"),
            tracefs_is_open: true,
            container: None,
        },
        backends: [Backend::Kretprobe, Backend::Fentry, Backend::RawTracepoint].map(|it| (it, Ok(()))).into(),
        capabilities: Capabilities { bpf: true, perfmon: true, admin: true },
        perf_event_paranoid: Some(3),
        namespaces: Ok(()),
        pressure: true,
        program: PathBuf::from("/usr/local/bin/runner"),
        file_capabilities: false,
        generator: Ok(PathBuf::from("/usr/local/bin/generator")),
        runs: RunsFolder { folder: PathBuf::from("runs"), writable: Ok(()), free_bytes: Some(40 << 30) },
        pending: None,
    }
}

fn refused(seen: &mut Seen, reason: &str) {
    for (backend, attached) in &mut seen.backends {
        *attached = Err(format!("the {backend} backend {reason}"));
    }
}

/// An ordinary user's laptop, with little prepared.
fn unprepared() -> Seen {
    let mut seen = well();
    refused(&mut seen, "does not attach: not permitted");
    seen.environment.root = false;
    seen.environment.stress_ng_version = None;
    seen.environment.governor = Some("powersave".to_owned());
    seen.environment.turbo = Some("on".to_owned());
    seen.environment.smt = Some("on".to_owned());
    seen.environment.transparent_huge_pages = Some("always".to_owned());
    seen.environment.clocksource = Some("hpet".to_owned());
    seen.conditions = Conditions {
        load_average: 6.5,
        swap_used_bytes: 900 << 20,
        memory_available_bytes: 300 << 20,
        on_battery: true,
    };
    seen.facilities.tracefs = None;
    seen.capabilities = Capabilities { bpf: false, perfmon: false, admin: false };
    seen.pressure = false;
    seen.pending = Some(Pending { is_held: false, words: "proc/sys/vm/swappiness".to_owned() });
    seen.program = PathBuf::from("/home/a user/runner");
    seen.generator = Err("the generator binary is missing".to_owned());
    seen.runs.writable = Err("Permission denied".to_owned());
    seen.runs.free_bytes = Some(20 << 20);
    seen
}

fn check<'a>(examination: &'a Examination, name: &str) -> &'a Finding {
    examination.checks.iter().find(|finding| finding.check == name).unwrap()
}

#[test]
fn where_all_is_well_nothing_is_left_to_do() {
    let examination = Examination::of(&well());
    assert!(examination.able());
    assert!(examination.checks.iter().all(|it| it.mark == Mark::Ok && it.remedy.is_none()));
    insta::assert_snapshot!(text(&examination, Manner::default()));
}

#[test]
fn each_lack_has_its_remedy() {
    let examination = Examination::of(&unprepared());
    assert!(!examination.able());
    insta::assert_snapshot!(text(&examination, Manner::default()));
}

#[test]
fn a_full_disk_is_no_place_for_a_run() {
    for (free, is_able) in [(0, false), (20 << 20, true)] {
        let examination = Examination::of(&with(&|it| it.runs.free_bytes = Some(free)));
        assert_eq!(examination.able(), is_able, "{free}");
        assert!(check(&examination, "disk space").remedy.is_some());
    }
}

fn with(change: &dyn Fn(&mut Seen)) -> Seen {
    let mut seen = well();
    change(&mut seen);
    seen
}

/// Machines on which what can be found otherwise than above is so, one after the other.
fn others() -> Vec<(&'static str, Seen)> {
    by_rights().into_iter().chain(by_machine()).collect()
}

fn by_rights() -> Vec<(&'static str, Seen)> {
    let docker = || Some("docker".to_owned());
    let rights = |bpf, perfmon| Capabilities { bpf, perfmon, admin: false };
    vec![
        (
            "a container's root",
            with(&|it| {
                it.capabilities = rights(false, true);
                it.facilities.container = docker();
                it.namespaces = Err("this process is in a pid namespace of its own".to_owned());
                refused(it, "does not attach: not permitted");
            }),
        ),
        (
            "a file whose capabilities have no effect",
            with(&|it| {
                (it.environment.root, it.file_capabilities) = (false, true);
                it.capabilities = rights(true, false);
            }),
        ),
        (
            "a user with capabilities",
            with(&|it| {
                it.environment.root = false;
                it.capabilities = rights(true, true);
                it.facilities.tracefs_is_open = false;
            }),
        ),
    ]
}

fn by_machine() -> Vec<(&'static str, Seen)> {
    let some = |text: &str| Some(text.to_owned());
    vec![
        (
            "a kernel with little in it",
            with(&|it| {
                it.facilities =
                    Facilities { kprobes: false, btf: false, tracefs: None, ..it.facilities.clone() };
                it.perf_event_paranoid = None;
                it.environment.lockdown = None;
                it.pressure = false;
            }),
        ),
        (
            "a locked kernel",
            with(&|it| {
                it.environment.lockdown = some("confidentiality");
                refused(it, "is refused by kernel lockdown");
            }),
        ),
        (
            "a small guest",
            with(&|it| {
                it.environment.hypervisor = some("KVMKVMKVM");
                it.environment.cpus = 1;
                it.environment.governor = None;
                it.environment.turbo = None;
                it.environment.smt = some("notsupported");
                it.environment.transparent_huge_pages = None;
                it.environment.clocksource = None;
                it.runs.free_bytes = None;
            }),
        ),
        (
            "a run under way",
            with(&|it| {
                it.pending = Some(Pending { is_held: true, words: "proc/sys/vm/swappiness".to_owned() });
            }),
        ),
    ]
}

#[test]
fn whatever_is_found_is_explained() {
    let told: Vec<String> = others()
        .into_iter()
        .map(|(whose, seen)| {
            let mut examination = Examination::of(&seen);
            examination.checks.retain(|finding| finding.mark != Mark::Ok);
            format!("### {whose}\n\n{}", text(&examination, Manner::default()))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_check_has_two_sentences_and_every_lack_a_remedy() {
    let seen = [well(), unprepared()].into_iter().chain(others().into_iter().map(|(_, seen)| seen));
    for finding in seen.flat_map(|seen| Examination::of(&seen).checks) {
        let sentences = finding.explanation.matches(". ").count() + 1;
        assert!(sentences == 2 && finding.explanation.ends_with('.'), "{finding:?}");
        assert!(finding.command.is_none() || finding.remedy.is_some(), "{finding:?}");
        // What a machine keeps to itself, nobody can mend; a backend's lack is that of a check below, if of any.
        let is_told = !finding.found.contains("does not tell") || finding.check == rights::LOCKDOWN;
        if finding.mark == Mark::Ok {
            assert_eq!((&finding.remedy, &finding.command), (&None, &None), "{finding:?}");
        } else if is_told && finding.group != "probe" {
            assert!(finding.remedy.is_some(), "{finding:?}");
        }
    }
}

#[test]
fn lines_fit_a_terminal_but_for_commands_and_only_marks_are_coloured() {
    let seen = [well(), unprepared()].into_iter().chain(others().into_iter().map(|(_, seen)| seen));
    for examination in seen.map(|seen| Examination::of(&seen)) {
        let manner = Manner { explain_all: true, colour: false };
        let plain = text(&examination, manner);
        for line in plain.lines() {
            let is_command = line.starts_with("               ");
            assert!(is_command || line.chars().count() <= 80, "{line}");
            assert_eq!(line, line.trim_end());
        }
        let coloured = text(&examination, Manner { colour: true, ..manner });
        let mut parts = coloured.split('\u{1b}');
        // The first part has no escape sequence before it.
        let first = parts.next().unwrap().to_owned();
        let stripped: Vec<&str> = parts.map(|part| part.split_once('m').unwrap().1).collect();
        assert_eq!(first + &stripped.concat(), plain);
    }
}

#[test]
fn what_is_well_is_explained_on_request() {
    let examination = Examination::of(&well());
    let lines = |explain_all| text(&examination, Manner { explain_all, colour: false }).lines().count();
    assert!(lines(true) > lines(false) + 2 * examination.checks.len());
}

#[test]
fn a_containers_root_without_capabilities_is_told_from_an_ordinary_user() {
    let mut seen = well();
    seen.capabilities = Capabilities { bpf: false, perfmon: true, admin: false };
    seen.facilities.container = Some("docker".to_owned());
    seen.namespaces = Err("this process is in a pid namespace of its own".to_owned());
    refused(&mut seen, "does not attach: not permitted");
    let examination = Examination::of(&seen);
    let rights = check(&examination, rights::RIGHTS);
    assert_eq!((rights.mark, rights.found.contains("CAP_BPF is missing")), (Mark::Missing, true));
    assert!(rights.command.as_ref().unwrap().contains("--cap-add BPF"));
    assert_eq!(check(&examination, "kretprobe").remedy.as_deref(), Some("see `namespaces` below"));
    assert_eq!(check(&examination, "container").mark, Mark::Note);
}

#[test]
fn capabilities_do_without_root_but_perhaps_not_for_kprobes() {
    let mut seen = well();
    seen.environment.root = false;
    seen.capabilities.admin = false;
    seen.backends[0].1 = Err("not permitted".to_owned());
    let examination = Examination::of(&seen);
    assert!(examination.able());
    assert_eq!(check(&examination, rights::RIGHTS).mark, Mark::Ok);
    let perf_events = check(&examination, rights::PERF_EVENTS);
    assert_eq!(perf_events.command.as_deref(), Some("sudo sysctl kernel.perf_event_paranoid=2"));
    assert_eq!(check(&examination, "kretprobe").remedy.as_deref(), Some("see `perf events` below"));
    seen.facilities.tracefs_is_open = false;
    let tracefs = Examination::of(&seen);
    assert_eq!(check(&tracefs, "tracefs").remedy.as_deref(), Some("start the runner by sudo"));
    seen.perf_event_paranoid = Some(2);
    assert_eq!(check(&Examination::of(&seen), rights::PERF_EVENTS).mark, Mark::Ok);
}

#[test]
fn capabilities_of_a_file_that_have_no_effect_are_noticed() {
    let mut seen = unprepared();
    seen.file_capabilities = true;
    let examination = Examination::of(&seen);
    let rights = check(&examination, rights::RIGHTS);
    assert!(rights.found.contains("though the file") && rights.remedy.as_ref().unwrap().contains("nosuid"));
}

#[test]
fn a_kernel_without_kprobes_is_able_by_raw_tracepoints() {
    let mut seen = well();
    seen.facilities.kprobes = false;
    seen.backends[0].1 = Err("this kernel does not have it".to_owned());
    let examination = Examination::of(&seen);
    assert!(examination.able());
    assert_eq!(examination.backends, ["fentry", "raw_tracepoint"]);
    assert_eq!(check(&examination, "kretprobe").remedy.as_deref(), Some("see `kprobes` below"));
}

#[test]
fn the_document_is_versioned() {
    let document = serde_json::to_value(Examination::of(&unprepared())).unwrap();
    assert_eq!((&document["format"], &document["version"]), (&"syscall_lab.doctor".into(), &2.into()));
    assert_eq!((&document["able"], &document["load"]), (&false.into(), &false.into()));
    let first = &document["checks"][0];
    assert_eq!((&first["group"], &first["check"]), (&"probe".into(), &"kretprobe".into()));
    assert_eq!(
        (&first["mark"], &first["remedy"]),
        (&"missing".into(), &"see `root or capabilities` below".into())
    );
    let rights = document["checks"].as_array().unwrap().iter().find(|it| it["group"] == "rights").unwrap();
    for (key, words) in
        [("finding", "neither"), ("explanation", "CAP_BPF"), ("remedy", "lend"), ("command", "setcap")]
    {
        assert!(rights[key].as_str().unwrap().contains(words), "{key}: {rights}");
    }
}

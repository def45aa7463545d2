//! An assignment from its folder to the class's table, and submissions that are not what they should be.

use super::{has_stress_ng, own_turn, runner, text};
use ::lab::bundle::{Content, Index, Kind, Limits, pack, unpack};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use store::{Manifest, Run, RunWriter, State, TrialRecord};
use tempfile::TempDir;

/// An ordinary user, as far as the kernel is concerned.
const USER: u32 = 65_534;

const SCENARIO: &str = r#"schema = 1
name = "calls"
[measure]
syscalls = ["getpid", "openat"]
warmup = "5ms"
[plan]
repetitions = 6
[factors]
call = ["getpid", "openat"]
[generators.caller]
workload = "$call"
operations = 3000
"#;

const ASSIGNMENT: &str = r#"schema = 1
name = "small"
edition = "1"
title = "A small one"
handout = "handout.md"
answers = "answers.md"
scenarios = ["calls.toml"]
[parameters.warmup]
path = "measure.warmup"
values = ["5ms", "6ms"]
[[question]]
id = "why"
text = "Why?"
points = 4
[[claim]]
id = "cheaper"
text = "The null call is cheaper than opening a file."
points = 2
syscall = "getpid"
right_syscall = "openat"
metric = "p50"
vantage = "user"
left = { call = "getpid" }
right = { call = "openat" }
is = "less"
[[claim]]
id = "dearer"
text = "It is dearer."
points = 1
syscall = "getpid"
right_syscall = "openat"
metric = "p50"
vantage = "user"
left = { call = "getpid" }
right = { call = "openat" }
is = "more"
"#;

/// A folder with the packed assignment, and a student's folder in which it was executed.
struct Course {
    place: PathBuf,
    /// Goes with it.
    _place: Option<TempDir>,
}

/// Executed once: what tests do with it they do with copies.
static COURSE: LazyLock<Course> = LazyLock::new(|| {
    // Nothing removes what a static has: the next time does.
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("course");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    let course = Course::at(place, None);
    course.start("s1");
    course.answer("s1");
    course
});

impl Course {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self::at(place.path().to_owned(), Some(place))
    }

    fn at(path: PathBuf, place: Option<TempDir>) -> Self {
        let folder = path.join("source");
        fs::create_dir(&folder).unwrap();
        let files = [
            ("assignment.toml", ASSIGNMENT),
            ("calls.toml", SCENARIO),
            ("handout.md", "# Do it\n"),
            ("answers.md", "# {student}\n\n{questions}\n"),
        ];
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        let course = Self { place: path, _place: place };
        let output = course.lab(&["pack", "source"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        course
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    fn lab(&self, arguments: &[&str]) -> Output {
        runner().current_dir(&self.place).arg("lab").args(arguments).output().unwrap()
    }

    fn start(&self, student: &str) {
        let output = self.lab(&[
            "start",
            "small-assignment.tar.zst",
            "--student",
            student,
            "--into",
            student,
            "--quiet",
        ]);
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }

    fn answer(&self, student: &str) {
        let sheet = self.path(student).join("answers.md");
        let filled = fs::read_to_string(&sheet).unwrap().replace("why -->\n", "why -->\nBecause.\n");
        fs::write(sheet, filled).unwrap();
    }

    /// A copy of the first student's folder, with the run's trials changed by this.
    fn changed(&self, name: &str, change: impl FnOnce(&mut Manifest, &mut Vec<TrialRecord>)) {
        let from = self.path("s1");
        let to = self.path(name);
        copied(&from, &to);
        let run = run_in(&to);
        let (mut manifest, mut trials, scenario) =
            (run.manifest.clone(), run.trials.clone(), run.scenario().unwrap());
        manifest.state = State::Running;
        manifest.checksums = BTreeMap::new();
        change(&mut manifest, &mut trials);
        fs::remove_dir_all(to.join("runs")).unwrap();
        let mut writer = RunWriter::create(&to.join("runs"), manifest, &scenario, None).unwrap();
        for trial in &trials {
            writer.append_trial(trial).unwrap();
        }
        writer.finish(State::Complete).unwrap();
    }

    fn submit(&self, folder: &str, more: &[&str]) -> Output {
        let out = format!("{folder}.tar.zst");
        self.lab(&[&["submit", folder, "--out", &out], more].concat())
    }

    fn verify(&self, file: &str) -> (Option<i32>, String) {
        let output = self.lab(&["verify", file, "--assignment", "small-assignment.tar.zst"]);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// The class's table by submission, in the order of the files.
    fn grade(&self, files: &[&str], out: &str) -> Vec<String> {
        let options = ["grade", "--assignment", "small-assignment.tar.zst", "--out", out];
        let output = self.lab(&[&options, files].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let table = fs::read_to_string(self.path(out).join("class.csv")).unwrap();
        table.lines().skip(1).map(str::to_owned).collect()
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copied(&entry.path(), &target),
            // What another test has there for a moment only may be gone by now.
            kind if kind.is_file() && entry.path().exists() => drop(fs::copy(entry.path(), target).unwrap()),
            _ => {}
        }
    }
}

fn run_in(folder: &Path) -> Run {
    let runs = folder.join("runs");
    let ids = store::run_ids(&runs).unwrap();
    assert_eq!(ids.len(), 1);
    Run::open(&runs.join(&ids[0])).unwrap()
}

#[test]
fn one_that_is_right_is_sound_and_graded_by_its_claims() {
    let course = &*COURSE;
    let output = course.submit("s1", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("trials.parquet"), "{}", text(&output.stdout));
    let (code, told) = course.verify("s1.tar.zst");
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("The submission is sound.") && told.contains("They do not catch forgery"),
        "{told}"
    );
    let table = course.grade(&["s1.tar.zst"], "right");
    assert!(table[0].starts_with("s1,sound,2,3,4,own,") && table[0].contains(",met,not met,"), "{table:?}");
    let results = fs::read(course.path("right/s1/results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
    assert_eq!((&results["score"], &results["tests"][0]["status"]), (&2.0.into(), &"passed".into()));
    let feedback = fs::read_to_string(course.path("right/s1/feedback.md")).unwrap();
    assert!(feedback.contains("> Because."), "{feedback}");
    // Called again, nothing is measured anew.
    let output = course.lab(&["start", "small-assignment.tar.zst", "--into", "s1", "--quiet"]);
    assert!(text(&output.stdout).contains("calls: executed"), "{}", text(&output.stdout));
    assert_eq!(store::run_ids(&course.path("s1/runs")).unwrap().len(), 1);
}

#[test]
fn a_forged_order_a_missing_trial_and_another_seed_are_shown_for_what_they_are() {
    let course = &*COURSE;
    course.changed("forged", |_, trials| {
        // Somebody sorted them.
        let by_call = |trial: &TrialRecord| (trial.block, trial.factors["call"].clone());
        let places: Vec<_> =
            trials.iter().map(|it| (it.trial, it.block, it.position, it.repetition)).collect();
        trials.sort_by_key(by_call);
        for (trial, place) in trials.iter_mut().zip(places) {
            (trial.trial, trial.block, trial.position, trial.repetition) = place;
        }
    });
    course.changed("missing", |_, trials| drop(trials.remove(3)));
    course.changed("seed", |manifest, _| {
        manifest.plan.seed += 1;
        manifest.scenario.overrides.pop();
        manifest.scenario.overrides.push(format!("plan.seed={}", manifest.plan.seed));
    });
    let mut files = Vec::new();
    for (name, standing, words) in [
        ("forged", "refused", "is not the one that scenario and seed have at its place"),
        ("missing", "incomplete", "1 of 12 trials are missing: 4"),
        ("seed", "refused", "it is another student's"),
    ] {
        let output = course.submit(name, &["--incomplete"]);
        // A run of another seed is not the student's in their own folder either, so it is not even taken along.
        let expected = if name == "seed" { "there is no run of calls" } else { words };
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let (code, told) = course.verify(&format!("{name}.tar.zst"));
        assert_eq!(code, Some(1), "{name}: {told}");
        assert!(told.contains(expected), "{name}: {told}");
        if name != "seed" {
            assert!(told.contains(&format!("The submission is {standing}.")), "{name}: {told}");
        }
        files.push(format!("{name}.tar.zst"));
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for (file, start) in files.iter().zip(["s1,refused,0,3", "s1,incomplete,0,3", "s1,incomplete,0,3"]) {
        let table = course.grade(&[file], &format!("out-{file}"));
        assert!(table[0].starts_with(start), "{table:?}");
    }
    // Together they are three of one student.
    let table = course.grade(&files, "together");
    assert!(table.iter().all(|line| line.contains("there are 3 submissions of s1")), "{table:?}");
    assert!(course.path("together/s1-3/results.json").is_file());
}

/// Unpacks a submission, changes it by this, and packs it with an index that fits.
fn repacked(course: &Course, from: &str, to: &str, change: impl FnOnce(&Path, &mut Index)) {
    let place = tempfile::tempdir().unwrap();
    let mut index = unpack(&course.path(from), place.path(), Kind::Submission, Limits::USUAL).unwrap();
    let names: Vec<String> = std::mem::take(&mut index.files).into_keys().collect();
    change(place.path(), &mut index);
    let files = names.into_iter().map(|name| (name.clone(), Content::File(place.path().join(name))));
    pack(&course.path(to), index, &files.collect::<Vec<_>>()).unwrap();
}

#[test]
fn edited_tables_and_other_peoples_submissions_are_refused() {
    let course = &*COURSE;
    let out = course.path("base.tar.zst").display().to_string();
    assert!(course.lab(&["submit", "s1", "--out", &out]).status.success());
    repacked(course, "base.tar.zst", "edited.tar.zst", |folder, _| {
        let table = run_in(folder).path.join("trials.parquet");
        let mut bytes = fs::read(&table).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(table, bytes).unwrap();
    });
    repacked(course, "base.tar.zst", "other.tar.zst", |_, index| {
        index.submission.as_mut().unwrap().student = ::lab::Student::new("s2").unwrap();
    });
    let bytes = fs::read(course.path("base.tar.zst")).unwrap();
    fs::write(course.path("cut.tar.zst"), &bytes[..bytes.len() / 2]).unwrap();
    for (name, code, words) in [
        ("edited.tar.zst", 1, "trials.parquet"),
        ("other.tar.zst", 1, "it is another student's"),
        ("cut.tar.zst", 2, "cut off"),
        ("small-assignment.tar.zst", 2, "it is an assignment, and a submission was expected"),
    ] {
        let (found, told) = course.verify(name);
        assert_eq!(found, Some(code), "{name}: {told}");
        assert!(told.contains(words), "{name}: {told}");
    }
    let table = course.grade(&["edited.tar.zst", "other.tar.zst", "cut.tar.zst"], "wrong");
    assert!(table[0].starts_with("s1,refused,0,3,4,own,,no data,no data,"), "{table:?}");
    assert!(table[1].starts_with("s2,refused,0,3"), "{table:?}");
    assert!(table[2].starts_with("(cut.tar.zst),refused,0,3"), "{table:?}");
}

#[test]
fn without_root_the_callers_own_view_is_graded() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: the tests are run by an ordinary user, so the others are without root");
        return;
    }
    let course = Course::new();
    let programs = course.path("bin");
    fs::create_dir(&programs).unwrap();
    let runner = assert_cmd::cargo::cargo_bin("runner");
    for name in ["runner", "generator"] {
        fs::copy(runner.with_file_name(name), programs.join(name)).unwrap();
    }
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(programs.join("runner"));
        command.current_dir(&course.place).arg("lab").args(arguments).uid(USER).gid(USER);
        command.env("SYSCALL_LAB_TURN", own_turn()).env_remove("RUNNER_RUNS_DIR").env_remove("SUDO_UID");
        command.output().unwrap()
    };
    let output = command(&["start", "small-assignment.tar.zst", "--student", "s3", "--quiet"]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(
        text(&output.stdout).contains("This machine cannot probe the kernel"),
        "{}",
        text(&output.stdout)
    );
    course.answer("small");
    let output = command(&["submit", "small"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let file = "small/small-s3.tar.zst";
    let output = command(&["grade", "--assignment", "small-assignment.tar.zst", "--out", "out", file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = fs::read_to_string(course.path("out/class.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().starts_with("s3,sound,2,3,4,own,user,met,not met,"), "{table}");
}

#[test]
fn nothing_of_the_machine_is_left_when_that_is_asked_for() {
    let course = &*COURSE;
    course.changed("secret", |manifest, trials| {
        manifest.environment.host = "adas-laptop".to_owned();
        manifest.environment.kernel_command_line = Some("root=/dev/disk-of-ada quiet".to_owned());
        manifest.warnings.push("cannot read /home/adalovelace/x on adas-laptop".to_owned());
        if let Some(noise) = &mut trials[0].noise {
            noise.busiest = Some("adalovelace-sync (7)".to_owned());
            noise.disturbed = Some("/home/adalovelace/bin/sync took 9 %".to_owned());
        }
    });
    let sheet = course.path("secret/answers.md");
    let filled = fs::read_to_string(&sheet).unwrap();
    fs::write(&sheet, filled.replace("Because.", "I am adalovelace, see /home/adalovelace/lab.")).unwrap();
    let mut command = runner();
    command.current_dir(&course.place).env("USER", "adalovelace").env("HOME", "/home/adalovelace");
    command.args(["lab", "submit", "secret", "--anonymise", "--out", "secret.tar.zst"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (code, told) = course.verify("secret.tar.zst");
    assert_eq!(code, Some(0), "{told}");
    // Every byte of it, tables as what they say.
    let place = tempfile::tempdir().unwrap();
    let index =
        unpack(&course.path("secret.tar.zst"), place.path(), Kind::Submission, Limits::USUAL).unwrap();
    let plain = zstd::decode_all(&fs::read(course.path("secret.tar.zst")).unwrap()[..]).unwrap();
    let run = run_in(place.path());
    let mut tables = Vec::new();
    for table in store::TABLES {
        store::write_csv(&run, table, &mut tables).unwrap();
    }
    let here = course.place.display().to_string();
    let own = fs::read_to_string("/proc/cmdline").unwrap();
    for word in ["adalovelace", "adas-laptop", "disk-of-ada", &here, own.trim()] {
        for bytes in [&plain, &tables] {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word}");
        }
    }
    assert!(index.submission.unwrap().anonymised);
    assert!(text(&plain).contains("I am (removed), see (removed)/lab."));
}

#[test]
fn what_is_not_answered_or_not_executed_is_not_handed_in_by_mistake() {
    let course = &*COURSE;
    copied(&course.path("s1"), &course.path("silent"));
    let sheet = course.path("silent/answers.md");
    fs::write(&sheet, fs::read_to_string(&sheet).unwrap().replace("Because.", "")).unwrap();
    let output = course.submit("silent", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no answer to why"), "{}", text(&output.stderr));
    assert!(course.submit("silent", &["--incomplete"]).status.success());
    let output = course.lab(&["submit", "source"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is no folder of an assignment"), "{}", text(&output.stderr));
    for (arguments, words) in [
        (&["--into", "fresh"][..], "`--student ID` says who"),
        (&["--student", "../x"], "is no student's id"),
        (&["--student", "s2", "--into", "s1"], "it is s1's"),
        (&["--student", "s2", "--into", "source"], "something else of this name"),
        (&["--student", "s2", "--into", "fresh", "--recorded"], "has no recorded data"),
    ] {
        let output = course.lab(&[&["start", "small-assignment.tar.zst"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(!course.path("fresh").exists());
    // Other tests unpack here at the same time: theirs go, too.
    let left = || {
        let names = fs::read_dir(&course.place).unwrap().map(|it| it.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with('.')).collect::<Vec<_>>()
    };
    let patience = Instant::now() + Duration::from_mins(1);
    while !left().is_empty() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(left().is_empty(), "{:?}", left());
}

#[test]
fn an_assignment_that_is_wrong_is_not_packed() {
    for (from, to, words) in [
        ("right = { call = \"openat\" }", "right = { call = \"open\" }", "`open` is no level of `call`"),
        ("is = \"less\"", "is = \"lesser\"", "`is` is no relation"),
        ("values = [\"5ms\", \"6ms\"]", "values = [\"5ms\", \"six\"]", "measure.warmup"),
        ("calls.toml", "other.toml", "other.toml"),
    ] {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("assignment.toml"), ASSIGNMENT.replacen(from, to, 1)).unwrap();
        fs::write(place.path().join("calls.toml"), SCENARIO).unwrap();
        for name in ["handout.md", "answers.md"] {
            fs::write(place.path().join(name), "# A\n").unwrap();
        }
        let output = runner().current_dir(&place).args(["lab", "pack", "."]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{to}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{to}: {}", text(&output.stderr));
        assert!(!place.path().join("small-assignment.tar.zst").exists());
    }
}

/// One that was cut off is gone on with by the same command.
#[test]
fn what_was_cut_off_is_gone_on_with() {
    let course = &*COURSE;
    copied(&course.path("s1"), &course.path("cut"));
    let run = run_in(&course.path("cut"));
    fs::remove_dir_all(course.path("cut/runs")).unwrap();
    super::cut_down(&run_before(course), &course.path("cut/runs"), 5, None);
    let output = course.submit("cut", &[]);
    assert!(text(&output.stderr).contains("did not come to its end"), "{}", text(&output.stderr));
    assert_eq!(course.submit("cut", &["--incomplete"]).status.code(), Some(0));
    let output = course.lab(&["calibrate", "--assignment", "small-assignment.tar.zst", "cut.tar.zst"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    assert!(
        text(&output.stderr).contains("this submission is incomplete, not right"),
        "{}",
        text(&output.stderr)
    );
    let output = course.lab(&["start", "small-assignment.tar.zst", "--into", "cut", "--quiet"]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let whole = run_in(&course.path("cut"));
    assert_eq!((whole.manifest.state, whole.trials.len()), (State::Complete, run.trials.len()));
    assert_eq!(course.submit("cut", &[]).status.code(), Some(0));
    assert_eq!(course.verify("cut.tar.zst").0, Some(0));
}

fn run_before(course: &Course) -> Run {
    run_in(&course.path("s1"))
}

#[test]
fn right_submissions_say_how_often_a_claim_would_fail() {
    let course = &*COURSE;
    let output = course.lab(&["calibrate", "--assignment", "small-assignment.tar.zst", "s1/runs/latest"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("cheaper  met 1, not met 0"), "{told}");
    assert!(told.contains("warning: dearer: 1 of them fail it"), "{told}");
    assert!(!told.contains("warning: cheaper"), "{told}");
}

/// The shipped assignments are whole, and what their hand-outs say of points is so.
#[test]
fn the_shipped_assignments_are_packed() {
    if !has_stress_ng() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assignments");
    let place = tempfile::tempdir().unwrap();
    for name in ["load", "measuring"] {
        let mut command = runner();
        let output =
            command.current_dir(&place).args(["lab", "pack"]).arg(folder.join(name)).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let text = fs::read_to_string(folder.join(name).join("assignment.toml")).unwrap();
        let assignment = ::lab::Assignment::parse("assignment.toml", &text).unwrap();
        let handout = fs::read_to_string(folder.join(name).join("handout.md")).unwrap();
        for claim in &assignment.claims {
            let line = handout.lines().find(|line| line.starts_with(&format!("| `{}`", claim.id))).unwrap();
            assert!(line.ends_with(&format!("| {} |", claim.points)), "{line}");
        }
        let model = fs::read_to_string(folder.join(name).join("model/answers.md")).unwrap();
        let answers = ::lab::answers_in(&model);
        assert!(assignment.questions.iter().all(|it| !answers[&it.id].is_empty()), "{answers:?}");
    }
}

//! `runner fleet` with programs in Slurm's places: what is submitted, what is made of answers, and what the scripts do
//! when attempts overlap. A real Slurm is `checks/fleet.sh`'s.

use super::{runner, text};
use rustix::process::{Signal, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A name that is no word to a shell, nor plain to Slurm.
const ODD: &str = "it's a \"fleet\" $HOME %d";

const SCENARIO: &str = r#"schema = 1
name = "short"
summary = "Four blocks"
[measure]
syscalls = ["getpid"]
probe = "user"
window = "20ms"
warmup = "1ms"
[plan]
repetitions = 4
[generators.caller]
workload = "getpid"
"#;

/// Keeps what it is told, a line each, and counts jobs.
const SBATCH: &str = r#"for word; do printf '%s\n' "$word"; done >>"$FAKE/sbatch"; echo >>"$FAKE/sbatch"
echo job >>"$FAKE/jobs"
echo $((40 + $(wc -l <"$FAKE/jobs")))"#;
const SQUEUE: &str = r#"cat "$FAKE/queue" 2>/dev/null || :"#;
const SCANCEL: &str = r#"for word; do printf '%s\n' "$word"; done >>"$FAKE/scancel"; : >"$FAKE/queue""#;

/// A folder with a scenario and programs in Slurm's places.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(site.path("short.toml"), SCENARIO).unwrap();
        for (name, script) in [("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)] {
            site.program(&format!("bin/{name}"), script);
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn fleet(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn command(&self, words: &[&str]) -> assert_cmd::Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = runner();
        command.current_dir(self.folder.path()).env("PATH", path).env("FAKE", self.folder.path());
        command.env_remove("SUDO_UID").env_remove("SLURM_CLUSTERS").env_remove("SBATCH_CLUSTERS");
        command.arg("fleet").args(words);
        command
    }

    /// The fleet's exit code, and all that it says.
    fn said(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.fleet(words);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    fn submit(&self) -> PathBuf {
        let (code, said) = self.said(&["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD]);
        assert_eq!(code, Some(0), "{said}");
        self.path(ODD)
    }
}

#[test]
fn print_shows_scripts_and_commands_and_does_nothing() {
    let site = Site::new();
    let words = ["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD, "--print"];
    let set = [
        "--set",
        "measure.window=30ms",
        "--seed",
        "7",
        "--sudo",
        "--partition",
        "a b",
        "--dependency",
        "after:3",
    ];
    let (code, said) = site.said(&[&words[..], &set].concat());
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        "options=(--shard-by=block --set=measure.window=30ms --seed=7)",
        "shards=2\nrunner=(sudo -n /",
        "sbatch --dependency=after:3 '--partition=a b' --parsable ",
        "--array=1-2 --exclusive ",
        "--dependency=afterany:JOB ",
        "\"fleet\" $HOME %d/shard.sh'\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!site.path(ODD).exists() && !site.path("sbatch").exists() && !site.path("runs").exists());
}

#[test]
fn an_array_and_a_job_behind_it_are_submitted_once() {
    let site = Site::new();
    let folder = site.submit();
    let told = site.read("sbatch");
    let jobs: Vec<&str> = told.trim_end().split("\n\n").collect();
    assert_eq!(jobs.len(), 2, "{told}");
    for expected in ["--array=1-2", "--requeue", "--exclusive", "--output=logs/shard-%a.log"] {
        assert!(jobs[0].lines().any(|word| word == expected), "{expected}: {told}");
    }
    assert!(jobs[0].lines().any(|word| word == format!("--chdir={}", folder.display())), "{told}");
    assert!(jobs[1].lines().any(|word| word == "--dependency=afterany:41"), "{told}");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("fleet.json")).unwrap()).unwrap();
    assert_eq!((&manifest["version"], &manifest["jobs"][0]["id"]), (&1.into(), &41.into()));
    assert_eq!(fs::read_to_string(folder.join("scenario.toml")).unwrap(), SCENARIO);
    let (code, said) = site.said(&["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD]);
    assert!(code == Some(2) && said.contains("is there already"), "{said}");
    assert_eq!(site.read("sbatch"), told, "nothing more was submitted");
    // Without a folder that is named, fleets are beside the runs and `latest` is the newest.
    let (code, said) = site.said(&["slurm", "short.toml", "--shards", "4"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = site.said(&["status"]);
    assert!(code == Some(3) && said.contains("short in 4 shards by block"), "{said}");
}

#[test]
fn what_cannot_be_submitted_leaves_nothing() {
    let site = Site::new();
    let submit = ["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD];
    let (code, said) = site.said(&["slurm", "short.toml", "--shards", "5"]);
    assert!(code == Some(2) && said.contains("the plan has 4 blocks, too few for 5 parts"), "{said}");
    site.program("bin/sbatch", "echo 'sbatch: error: invalid partition specified: no' >&2; exit 1");
    let (code, said) = site.said(&submit);
    assert!(code == Some(1) && said.contains("invalid partition specified: no"), "{said}");
    assert!(!site.path(ODD).exists());
    site.program("bin/sbatch", "echo accepted");
    let (code, said) = site.said(&submit);
    assert!(code == Some(1) && said.contains("did not say the job's number but \"accepted\""), "{said}");
    assert!(!site.path(ODD).exists());
    // Where it is not known whether there are jobs, their folder stays.
    site.program(
        "bin/squeue",
        "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1",
    );
    let (code, said) = site.said(&submit);
    assert!(code == Some(1) && said.contains("is kept: `runner fleet status"), "{said}");
    assert!(site.path(ODD).exists());
    let (code, said) = site.said(&["status", ODD]);
    assert!(
        code == Some(1) && said.contains("Unable to contact") && said.contains("shard 1   unknown"),
        "{said}"
    );
}

#[test]
fn options_by_which_sbatch_would_do_something_else_are_refused() {
    let site = Site::new();
    for word in ["--sbatch=-Mother", "--sbatch=--clusters=other"] {
        let (code, said) = site.said(&["slurm", "short.toml", "--shards", "2", word]);
        assert!(code == Some(2) && said.contains("a fleet is of one cluster"), "{said}");
    }
    // `sbatch` would submit a file of this name, and nothing of the fleet's.
    let (code, said) = site.said(&["slurm", "short.toml", "--shards", "2", "--sbatch=other.sh"]);
    assert!(code == Some(2) && said.contains("other.sh: it is no option"), "{said}");
    let (code, said) = site.said(&["slurm", "short.toml", "--shards", "2", "--sbatch=--wait"]);
    assert!(code == Some(2) && said.contains("nobody waits"), "{said}");
    site.submit();
    let (code, said) = site.said(&["retry", ODD, "--sbatch=-Mother"]);
    assert!(code == Some(2) && said.contains("a fleet is of one cluster"), "{said}");
}

/// What filters the queue in the user's environment, and hidden partitions, hide no job of a fleet.
#[test]
fn the_queue_is_asked_about_every_partition() {
    let site = Site::new();
    site.program("bin/squeue", r#"echo "$*" ${SQUEUE_PARTITION-none} >"$FAKE/asked""#);
    site.submit();
    let mut command = site.command(&["status", ODD]);
    assert_eq!(command.env("SQUEUE_PARTITION", "other").output().unwrap().status.code(), Some(3));
    let asked = site.read("asked");
    assert!(asked.contains("--all ") && asked.ends_with(" none\n"), "{asked}");
}

#[test]
fn a_runners_path_is_from_the_root_and_a_bare_name_the_nodes_own() {
    let site = Site::new();
    for (given, expected) in [
        ("./bin/runner".to_owned(), format!("runner=({}/bin/runner)\n", site.folder.path().display())),
        ("bin/runner".to_owned(), format!("runner=({}/bin/runner)\n", site.folder.path().display())),
        ("runner".to_owned(), "runner=(runner)\n".to_owned()),
        ("/opt/runner".to_owned(), "runner=(/opt/runner)\n".to_owned()),
    ] {
        let (_, said) = site.said(&["slurm", "short.toml", "--shards", "2", "--print", "--runner", &given]);
        assert!(said.contains(&expected), "{given}: {said}");
    }
}

#[test]
fn the_latest_fleet_is_the_one_that_was_made_last() {
    let site = Site::new();
    let submit = |scenario: &str, more: &[&str]| {
        let (code, said) = site.said(&[&["slurm", scenario, "--shards", "2"], more].concat());
        assert_eq!(code, Some(0), "{said}");
    };
    fs::write(site.path("aaa.toml"), SCENARIO.replace("\"short\"", "\"aaa\"")).unwrap();
    // Of one second, in the other order than that of their names; then one elsewhere, by its link.
    for (scenario, more, name) in [
        ("short.toml", &[][..], ": short in"),
        ("aaa.toml", &[], ": aaa in"),
        ("short.toml", &["--fleet-dir", ODD], "\"fleet\" $HOME"),
    ] {
        submit(scenario, more);
        let (_, said) = site.said(&["status"]);
        assert!(said.contains(name), "{said}");
    }
    let (_, said) = site.said(&["retry", "--sbatch=--begin=now"]);
    assert!(said.contains("2 shards as job"), "{said}");
    let told = site.read("sbatch");
    assert!(told.ends_with(&format!("{}\n\n", site.path(ODD).join("merge.sh").display())), "{told}");
}

#[test]
fn a_link_in_the_locks_place_leads_nowhere() {
    let site = Site::new();
    let folder = site.submit();
    let other = site.path("other");
    fs::write(&other, "kept").unwrap();
    fs::remove_file(folder.join(".lock")).unwrap();
    std::os::unix::fs::symlink(&other, folder.join(".lock")).unwrap();
    let (code, said) = site.said(&["cancel", ODD]);
    assert!(code == Some(1) && said.contains(".lock"), "{said}");
    assert_eq!(fs::read_to_string(other).unwrap(), "kept");
}

#[test]
fn without_slurm_its_programs_are_named() {
    let site = Site::new();
    let mut command = runner();
    command.current_dir(site.folder.path()).env("PATH", "/nowhere").env_remove("SUDO_UID");
    let output = command.args(["fleet", "slurm", "short.toml", "--shards", "2"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("sbatch is not on the PATH"), "{said}");
    assert!(!site.path("runs/.fleets").exists(), "a fleet of which nothing was submitted is the newest");
}

/// What a variable that is not set leaves of `runner fleet cancel "$FLEET"`.
#[test]
fn an_empty_name_means_no_fleet() {
    let site = Site::new();
    site.submit();
    for verb in ["status", "cancel", "fetch", "retry"] {
        let (code, said) = site.said(&[verb, ""]);
        assert!(code == Some(2) && said.contains("name is empty"), "{verb}: {said}");
    }
}

/// The array is submitted, its number not yet written down, when the submitter is killed.
#[test]
fn a_submitter_that_is_killed_loses_nothing() {
    let site = Site::new();
    let killing = format!("{SBATCH}\nkill -KILL $PPID");
    site.program("bin/sbatch", &killing);
    let output = site.fleet(&["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD]);
    assert_eq!(output.status.code(), None);
    fs::write(site.path("queue"), "41|1|RUNNING|n1|None\n41|2|PENDING||Resources\n").unwrap();
    let (code, said) = site.said(&["status", ODD]);
    assert_eq!(code, Some(3), "{said}");
    for line in
        ["shard 1   running  n1", "shard 2   waiting  Resources", "merge     failed   it was not submitted"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    site.program("bin/sbatch", SBATCH);
    let (code, said) = site.said(&["retry", ODD]);
    assert!(code == Some(0) && said.contains(": merged by job 42"), "{said}");
    assert!(site.read("sbatch").contains("--dependency=afterany:41\n"), "{}", site.read("sbatch"));
    let (code, said) = site.said(&["cancel", ODD]);
    assert!(code == Some(0) && said.contains("cancelled"), "{said}");
    assert!(site.read("scancel").contains("--name=syscall-lab-"), "{}", site.read("scancel"));
    let (code, said) = site.said(&["cancel", ODD]);
    assert!(code == Some(0) && said.contains("nothing is in the queue"), "{said}");
}

#[test]
fn a_shard_that_failed_is_submitted_alone() {
    let site = Site::new();
    site.submit();
    fs::write(
        site.path("queue"),
        "41|1|COMPLETED|n1|None\n41|2|NODE_FAIL|n2|NodeDown\n42|N/A|CANCELLED||Dependency\n",
    )
    .unwrap();
    let (code, said) = site.said(&["status", ODD, "--json"]);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &document["state"]), (Some(3), &"failed".into()), "{said}");
    assert_eq!(document["shards"][0]["reason"], "its job is over, and has left no whole run");
    assert_eq!(document["shards"][1]["reason"], "node fail");
    let (code, said) = site.said(&["fetch", ODD]);
    assert!(code == Some(1) && said.contains("is not merged yet"), "{said}");
    let (_, said) = site.said(&["retry", ODD]);
    assert!(said.contains("2 shards as job 43, merged by job 44"), "{said}");
    fs::write(
        site.path("queue"),
        "43|1|RUNNING|n1|None\n41|2|NODE_FAIL|n2|NodeDown\n44|N/A|PENDING||Dependency\n",
    )
    .unwrap();
    let (_, said) = site.said(&["retry", ODD]);
    assert!(said.contains("1 shard as job 45, merged by job 46"), "{said}");
    let told = site.read("sbatch");
    assert!(told.contains("--array=2\n") && told.contains("--dependency=afterany:43:45\n"), "{told}");
    assert!(
        site.read("scancel").ends_with("\n44\n"),
        "the merge that waited for too little: {}",
        site.read("scancel")
    );
}

/// Slurm forgets jobs that were cancelled before they began.
#[test]
fn what_was_cancelled_says_so_although_slurm_does_not() {
    let site = Site::new();
    site.submit();
    fs::write(
        site.path("queue"),
        "41|1|PENDING||Resources\n41|2|PENDING||Resources\n42|N/A|PENDING||Dependency\n",
    )
    .unwrap();
    let (code, said) = site.said(&["cancel", ODD]);
    assert!(code == Some(0) && said.contains("cancelled"), "{said}");
    let (code, said) = site.said(&["status", ODD]);
    assert!(code == Some(3) && said.contains("shard 1   failed   cancelled\n"), "{said}");
    assert!(said.contains("merge     failed   not every shard is done"), "{said}");
    let (_, said) = site.said(&["retry", ODD]);
    assert!(said.contains("2 shards as job 43, merged by job 44"), "{said}");
    // By somebody else's hand it is not known, and both is said that it may be.
    let (code, said) = site.said(&["status", ODD]);
    assert!(
        code == Some(3) && said.contains("its job is gone and never began: it was cancelled, or"),
        "{said}"
    );
}

/// What the array waits for has failed, and the site does not kill what waits for such a thing.
#[test]
fn what_waits_for_what_can_never_come_is_told_and_submitted_anew() {
    let site = Site::new();
    site.submit();
    let never = "DependencyNeverSatisfied";
    fs::write(
        site.path("queue"),
        format!("41|1|PENDING||{never}\n41|2|PENDING||{never}\n42|N/A|PENDING||Dependency\n"),
    )
    .unwrap();
    let (code, said) = site.said(&["status", ODD]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("shard 2   failed   what it waits for can never come"), "{said}");
    assert!(said.contains("`runner fleet retry"), "{said}");
    let (code, said) = site.said(&["retry", ODD]);
    assert!(code == Some(0) && said.contains("2 shards as job 43, merged by job 44"), "{said}");
    assert!(site.read("scancel").ends_with("\n41_1\n41_2\n42\n"), "{}", site.read("scancel"));
    assert!(site.read("sbatch").contains("--dependency=afterany:43\n"), "not behind the one that is stuck");
    fs::write(site.path("queue"), format!("43|1|PENDING||{never}\n43|2|PENDING||JobHeldAdmin\n")).unwrap();
    let (code, said) = site.said(&["cancel", ODD]);
    assert!(code == Some(0) && said.contains(": cancelled;"), "{said}");
}

#[test]
fn a_job_that_is_held_says_what_releases_it() {
    let site = Site::new();
    site.submit();
    fs::write(
        site.path("queue"),
        "41|1|REQUEUE_HOLD||job_requeued_in_held_state\n41|2|PENDING||BeginTime\n42|N/A|PENDING||Dependency\n",
    )
    .unwrap();
    let (code, said) = site.said(&["status", ODD]);
    assert!(code == Some(75) && said.contains("it is held until `scontrol release 41_1`"), "{said}");
}

/// Somebody has taken files out of the fleet's folder.
#[test]
fn a_fleet_of_which_something_was_removed_says_what_is_to_be_done() {
    let (site, folder) = with_stand_in();
    fs::create_dir_all(folder.join("done/1")).unwrap();
    fs::write(site.path("queue"), "41|2|RUNNING|n1|None\n").unwrap();
    let (code, said) = site.said(&["status", ODD]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("done/1 is no whole run any more (no run is in it); move it away, and"), "{said}");
    let (code, said) = site.said(&["retry", ODD]);
    assert!(code == Some(1) && said.contains("done/1 is no whole run any more"), "{said}");
    fs::remove_dir(folder.join("done/1")).unwrap();
    let (code, said) = site.said(&["retry", ODD]);
    assert!(code == Some(0) && said.contains("1 shard as job"), "{said}");
    fs::remove_file(folder.join("fleet.json")).unwrap();
    for verb in ["status", "retry", "fetch", "cancel"] {
        let (code, said) = site.said(&[verb, ODD]);
        assert!(code == Some(1) && said.contains("fleet.json: No such file"), "{said}");
        assert!(said.contains("done/*/latest` makes one run of them"), "{said}");
    }
}

#[test]
fn a_folder_that_is_no_fleet_and_an_unknown_name_are_refused() {
    let site = Site::new();
    for words in [["status", "nothing"], ["retry", "latest"], ["fetch", "x"], ["cancel", "x"]] {
        let (code, said) = site.said(&words);
        assert!(code == Some(2) && said.contains("no fleet is called"), "{said}");
    }
    let folder = site.submit();
    let manifest = fs::read_to_string(folder.join("fleet.json")).unwrap();
    for (changed, words) in [
        (manifest.replace("\"version\": 1", "\"version\": 2"), "a newer runner reads"),
        (manifest.replace("syscall_lab.fleet", "other"), "not a fleet's manifest"),
        (manifest[..manifest.len() / 2].to_owned(), "fleet.json: "),
    ] {
        fs::write(folder.join("fleet.json"), changed).unwrap();
        let (code, said) = site.said(&["status", ODD]);
        assert!(code == Some(1) && said.contains(words), "{said}");
    }
}

/// In the runner's place on a node: a run is a folder with a manifest; it counts how often it was begun and gone on with.
const STAND_IN: &str = r#"echo "$*" >>"$FAKE/runner"
case $1 in
run)
    while [ "$1" != --runs-dir ]; do shift; done
    mkdir "$2/a-run" && echo "begun" >"$2/a-run/manifest.json" && ln -s a-run "$2/latest"
    if [ -e "$FAKE/hang" ]; then touch "$FAKE/hangs"; while [ -e "$FAKE/hang" ]; do sleep 0.02; done; fi
    exit "$(cat "$FAKE/code" 2>/dev/null || echo 0)" ;;
resume)
    if [ -e "$FAKE/refuse" ]; then exit 1; fi
    echo "gone on with" >>"$2/manifest.json"
    exit "$(cat "$FAKE/resume-code" 2>/dev/null || echo 0)" ;;
esac"#;

/// A site whose nodes have the stand-in.
fn with_stand_in() -> (Site, PathBuf) {
    let site = Site::new();
    site.program("a runner", STAND_IN);
    let stand_in = site.path("a runner");
    let words =
        ["slurm", "short.toml", "--shards", "2", "--fleet-dir", ODD, "--runner", stand_in.to_str().unwrap()];
    let (code, said) = site.said(&words);
    assert_eq!(code, Some(0), "{said}");
    let folder = site.path(ODD);
    (site, folder)
}

/// A shard's script as a node executes it.
fn attempt(site: &Site, restarts: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg(site.path(ODD).join("shard.sh")).env("FAKE", site.folder.path());
    command.env("SLURM_ARRAY_TASK_ID", "2").env("SLURM_ARRAY_JOB_ID", "41").env("SLURMD_NODENAME", "n1");
    if restarts != "0" {
        command.env("SLURM_RESTART_COUNT", restarts);
    }
    command
}

fn attempted(site: &Site, restarts: &str) -> (Option<i32>, String) {
    let output = attempt(site, restarts).output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn manifest_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("latest/manifest.json")).unwrap_or_default()
}

#[test]
fn a_shard_is_done_once_and_an_attempt_behind_it_has_nothing_to_do() {
    let (site, folder) = with_stand_in();
    let (code, said) = attempted(&site, "0");
    assert!(code == Some(0) && said.contains("shard 2 of 2 on n1: is done\n"), "{said}");
    assert_eq!(manifest_of(&folder.join("done/2")), "begun\n");
    let told = site.read("runner");
    assert!(told.contains("--shard 2/2 --shard-by=block --runs-dir "), "{told}");
    let (code, said) = attempted(&site, "1");
    assert!(code == Some(0) && said.contains("is done already"), "{said}");
    assert_eq!(site.read("runner"), told);
}

/// As after the death of a node's daemon: the first attempt goes on while the second is made.
#[test]
fn of_two_attempts_at_a_time_each_has_its_folder_and_the_first_that_is_whole_counts() {
    let (site, folder) = with_stand_in();
    fs::write(site.path("hang"), "").unwrap();
    let mut first =
        attempt(&site, "0").stdout(fs::File::create(site.path("first")).unwrap()).spawn().unwrap();
    while !site.path("hangs").exists() {
        assert!(first.try_wait().unwrap().is_none(), "{}", site.read("first"));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (code, said) = attempted(&site, "1");
    assert!(code == Some(0) && said.contains("goes on with what attempt 2-41-0 has left"), "{said}");
    assert_eq!(manifest_of(&folder.join("attempts/2-41-0")), "begun\n", "nobody else writes there");
    fs::remove_file(site.path("hang")).unwrap();
    assert!(first.wait().unwrap().success());
    assert!(site.read("first").contains("another attempt was first"), "{}", site.read("first"));
    assert_eq!(manifest_of(&folder.join("done/2")), "begun\ngone on with\n");
    assert_eq!(fs::read_dir(folder.join("done")).unwrap().count(), 1);
}

#[test]
fn what_another_machine_has_begun_is_begun_anew() {
    let (site, folder) = with_stand_in();
    fs::write(site.path("code"), "130").unwrap();
    let (code, said) = attempted(&site, "0");
    assert!(code == Some(75) && said.contains("was interrupted"), "{said}");
    fs::write(folder.join("attempts/2-41-0/.host"), "elsewhere\n").unwrap();
    let (code, said) = attempted(&site, "1");
    assert!(code == Some(75) && !said.contains("goes on with what"), "{said}");
    // Its own is gone on with, and where the runner refuses that, begun anew as well.
    fs::write(site.path("code"), "3").unwrap();
    fs::write(site.path("refuse"), "").unwrap();
    let (code, said) = attempted(&site, "2");
    assert!(code == Some(0) && said.contains("goes on with what attempt 2-41-1 has left"), "{said}");
    assert!(said.contains("begun anew") && said.contains("some trials failed or are invalid"), "{said}");
    assert_eq!(manifest_of(&folder.join("done/2")), "begun\n");
}

/// As on a disk that is full when most of it is measured.
#[test]
fn what_was_gone_on_with_and_failed_then_is_kept_for_the_next_attempt() {
    let (site, folder) = with_stand_in();
    fs::write(site.path("code"), "143").unwrap();
    assert_eq!(attempted(&site, "0").0, Some(75));
    fs::write(site.path("resume-code"), "1").unwrap();
    let (code, said) = attempted(&site, "1");
    assert!(code == Some(1) && !said.contains("begun anew"), "{said}");
    assert_eq!(manifest_of(&folder.join("attempts/2-41-1")), "begun\ngone on with\n");
    fs::write(site.path("resume-code"), "0").unwrap();
    let (code, said) = attempted(&site, "2");
    assert!(code == Some(0) && said.contains("goes on with what attempt 2-41-1 has left"), "{said}");
    assert_eq!(manifest_of(&folder.join("done/2")), "begun\ngone on with\ngone on with\n");
}

#[test]
fn what_fails_is_told_and_is_not_tried_for_ever() {
    let (site, folder) = with_stand_in();
    fs::write(site.path("code"), "1").unwrap();
    let (code, said) = attempted(&site, "0");
    assert!(code == Some(1) && said.contains("CAP_BPF and CAP_PERFMON"), "{said}");
    assert!(!folder.join("done/2").exists());
    fs::remove_dir_all(folder.join("attempts")).unwrap();
    assert_eq!(attempted(&site, "0").0, Some(75));
    let (code, said) = attempted(&site, "3");
    assert!(code == Some(1) && said.contains("this node has to see it under the same path"), "{said}");
}

#[test]
fn what_a_command_of_slurms_leaves_behind_is_not_waited_for() {
    let site = Site::new();
    site.submit();
    // It leaves a child that holds its streams.
    site.program("bin/squeue", "sleep 600 & echo $! >\"$FAKE/left\"; echo '41|1|RUNNING|n1|None'");
    let (code, said) = site.said(&["status", ODD]);
    assert!(code == Some(3) && said.contains("shard 1   running  n1"), "{said}");
    let left = site.read("left").trim().parse().unwrap();
    kill_process(rustix::process::Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
}

//! What the command line and a plan are asked, and what is said where it cannot be had.

use super::{COUNTED, cut_down, latest, run, runner, text};
use std::fs;
use std::path::Path;
use std::process::Output;
use store::Run;

fn plan(folder: &Path, scenario: &str, arguments: &[&str]) -> Output {
    let file = folder.join("planned.toml");
    fs::write(&file, scenario).unwrap();
    runner().current_dir(folder).arg("plan").arg(file).args(arguments).output().unwrap()
}

#[test]
fn numbers_of_options_are_judged_as_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (["--seed", "-1"], "`plan.seed` must be a whole number from 0 to 9,223,372,036,854,775,807"),
        (["--seed", "lots"], "found the string `lots`"),
        (["--repetitions", "-3"], "`plan.repetitions` must be a whole number from 1 to 10,000"),
        (["--repetitions", "2.5"], "--repetitions:1:18"),
    ] {
        let output = plan(folder.path(), COUNTED, &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    let output = plan(folder.path(), COUNTED, &["--seed", "7", "--repetitions", "1"]);
    assert!(text(&output.stdout).contains("seed 7") && text(&output.stdout).contains("2 = 2 cells"));
}

#[test]
fn a_kept_run_that_tells_nothing_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), COUNTED, &["--probe", "user"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let enough = COUNTED.replace("repetitions = 2", "repetitions = 9");
    let other = "schema = 1\nname = \"other\"\n[measure]\nsyscalls = [\"getpid\"]\n[generators.a]\nworkload = \"getpid\"\n";
    for (scenario, words) in [
        (COUNTED, "so few repetitions find no change however figures vary: that takes "),
        (&enough, "how much figures vary takes 3 repetitions, and it has 2 that are ok"),
        (other, "it measured mmap, munmap, futex, and this is about getpid"),
    ] {
        let told = text(&plan(folder.path(), scenario, &["--like", "latest"]).stdout);
        let words = format!("{} cannot say how small ones: {words}", latest(folder.path()).manifest.id);
        assert!(told.contains(&words), "{told}");
    }
    let json = plan(folder.path(), &enough, &["--like", "latest", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert!(document["effects"]["like"]["reason"].is_string(), "{}", document["effects"]);
    assert_eq!((&document["trials"][0]["trial"], &document["trials"][0]["block"]), (&0.into(), &0.into()));
}

/// Factors may be called as the columns of a run are, for their own columns begin with `factor_`.
#[test]
fn factors_may_have_the_names_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["block", "trial", "position", "repetition", "status", "mean"];
    let factors: String = names.map(|name| format!("{name} = [1, 2]\n")).concat();
    let generators: String = names
        .map(|name| {
            format!("[generators.{name}]\nworkload = \"futex\"\nthreads = \"${name}\"\noperations = 10\n")
        })
        .concat();
    let scenario = format!(
        "schema = 1\nname = \"columns\"\n[measure]\nsyscalls = [\"futex\"]\nwarmup = \"0\"\n[plan]\nrepetitions = 1\n\
         zip = [[\"block\", \"trial\", \"position\", \"repetition\", \"status\", \"mean\"]]\n[factors]\n{factors}{generators}"
    );
    let output = run(folder.path(), &scenario, &["--probe", "user"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = latest(folder.path());
    assert_eq!(run.trials.len(), 2);
    for (number, trial) in (0..).zip(&run.trials) {
        assert_eq!((trial.trial, trial.block, trial.position, trial.repetition), (number, 0, number, 0));
        assert!(names.iter().all(|name| trial.factors[*name] == trial.factors["block"]));
    }
    let verified = runner().current_dir(&folder).args(["verify", "latest"]).output().unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stdout));
    for format in ["text", "html", "markdown", "json"] {
        runner().current_dir(&folder).args(["report", "latest", "--format", format]).assert().success();
    }
}

/// Trials of a run that is gone on with have the factor as those before have it.
#[test]
fn a_factor_of_one_backend_is_there_after_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let by_factor = COUNTED.replace("warmup = \"5ms\"", "warmup = \"5ms\"\nprobe = \"$backend\"");
    let by_factor = by_factor.replace("[factors]", "[factors]\nbackend = [\"user\"]");
    let output = run(folder.path(), &by_factor, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let whole = latest(folder.path());
    let path = cut_down(&whole, &folder.path().join("killed"), 1, None);
    let output = runner().args(["resume", "--quiet"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let factors = |run: &Run| run.trials.iter().map(|it| it.factors.clone()).collect::<Vec<_>>();
    assert_eq!(factors(&Run::open(&path).unwrap()), factors(&whole));
    assert!(factors(&whole).iter().all(|it| it["backend"] == "user"));
}

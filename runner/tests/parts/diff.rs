//! `runner diff`: exit codes, formats and refusals, on runs that were really taken.

use super::{COUNTED, run, runner, text};
use std::fs;
use std::path::Path;
use std::process::Output;

fn diff(folder: &Path, arguments: &[&str]) -> Output {
    runner().current_dir(folder).arg("diff").args(arguments).output().unwrap()
}

/// What the scenario is with enough repetitions for a change to be found, with pages of this size to be unmapped.
fn take(folder: &Path, label: &str, size: &str, more: &[&str]) {
    let scenario = COUNTED
        .replace("repetitions = 2", "repetitions = 7")
        .replace("operations = 1000", "operations = 200")
        .replace("64KiB", size);
    let arguments = [&["--probe", "user", "--label", label], more].concat();
    let output = run(folder, &scenario, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_gate_says_what_it_stops_at_and_ends_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    take(folder, "few", "16KiB", &[]);
    // Unmapping takes time for every page that was touched: of these there are 128 times as many.
    take(folder, "many", "2MiB", &[]);
    let output = diff(folder, &["few", "many", "--gate"]);
    let (shown, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{shown}{told}");
    assert!(
        told.starts_with("gate crossed: worse, a change that is not by chance") && told.contains("munmap"),
        "{told}"
    );
    assert!(shown.contains("generators: ") && shown.contains(" comparisons worse"), "{shown}");
    assert!(told.contains("estimated beyond + 5 %: m"), "{told}");
    // Without a gate it is told and no more; the other way round nothing of it is worse.
    assert_eq!(diff(folder, &["few", "many"]).status.code(), Some(0));
    let better = diff(folder, &["many", "few"]);
    assert!(text(&better.stdout).contains("better"), "{}", text(&better.stdout));
    // Of several candidates the last counts.
    let several = diff(folder, &["few", "few", "many", "--gate"]);
    assert_eq!(several.status.code(), Some(4), "{}", text(&several.stderr));
    assert!(text(&several.stdout).contains("The last of 3 runs against the first:"));
    assert_eq!(diff(folder, &["few", "many", "few", "--gate"]).status.code(), Some(0));

    for format in ["text", "markdown", "json", "html"] {
        for candidates in [&["many"][..], &["few", "many"]] {
            let file = folder.join(format!("{format}-{}", candidates.len()));
            let out = file.to_str().unwrap();
            let arguments = [&["few"], candidates, &["--metric", "all", "--format", format, "--out", out]];
            let output = diff(folder, &arguments.concat());
            assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", text(&output.stderr));
            let written = fs::read_to_string(&file).unwrap();
            assert!(written.contains("munmap") && written.contains("p50"), "{format}: {written:.300}");
        }
    }
}

#[test]
fn a_gate_that_cannot_be_judged_is_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    take(folder, "fine", "16KiB", &["--repetitions", "2"]);
    // So few calls have no median.
    let short = ["--repetitions", "2", "--set", "generators.mapper.operations=20"];
    take(folder, "short", "16KiB", &short);
    let output = diff(folder, &["fine", "short", "--gate"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("gate cannot be judged: the candidate has no figures of m"), "{told}");
    assert_eq!(diff(folder, &["fine", "short"]).status.code(), Some(0));
    // Too few repetitions are a warning: nothing is known to be wrong.
    let output = diff(folder, &["fine", "fine", "--gate"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.starts_with("warning: No change can be detected among"), "{told}");
}

#[test]
fn what_is_not_comparable_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    take(folder, "one", "16KiB", &["--repetitions", "2"]);
    take(folder, "wider", "16KiB", &["--repetitions", "2", "--set", "factors.threads=[1, 2, 3]"]);
    let refused = |arguments: &[&str], remedy: &str| {
        let output = diff(folder, arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(remedy), "{told}");
    };
    refused(&["one", "wider"], "`--across-cells` compares those that both have");
    refused(&["one", "wider", "wider"], "--across-cells");
    refused(&["one", "one", "--metric", "p5"], "one of mean, p50, p90, p99, p999, max is, or `all`");
    refused(&["one", "one", "--threshold", "5"], "such as 5%");
    refused(&["one"], "CANDIDATES");
    refused(&["one", "nothing"], "nothing");
    let insisted = diff(folder, &["one", "wider", "--across-cells"]);
    // Lines break where the width wants it.
    let shown = text(&insisted.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(insisted.status.code(), Some(0), "{}", text(&insisted.stderr));
    assert!(shown.contains("warning: Compared across cells because that was insisted on"), "{shown}");
    assert!(shown.contains("with 2 repetitions a side, however large; it needs"), "{shown}");
}

//! What is refused, and word for word what is said: snapshots to be read by whoever changes a message.

use super::super::read_file;
use super::super::stress_ng::StressNg;
use super::{MACHINE, VALID, edited, parse, repeated};
use std::fmt::Write as _;

/// The errors of scenarios that differ from the valid one in a passage.
fn refusals(cases: &[(&str, &str, &str)]) -> String {
    let mut all = String::new();
    for (what, passage, by) in cases {
        let text = edited(passage, by);
        let errors = parse(&text).expect_err(what).render(false);
        writeln!(all, "## {what}\n{errors}\n").unwrap();
    }
    all.replace(std::env::consts::ARCH, "ARCH")
}

#[test]
fn structure() {
    insta::assert_snapshot!(refusals(&[
        ("no TOML", "name = \"sweep\"", "name = \"sweep"),
        ("key given twice", "summary =", "name = \"other\"\nsummary ="),
        ("table given twice", "[load.high]", "[load.baseline]"),
        ("no schema", "schema = 1\n", ""),
        ("newer schema", "schema = 1", "schema = 2"),
        ("schema of the wrong type", "schema = 1", "schema = \"1\""),
        ("schema that never was", "schema = 1", "schema = 0"),
        ("unknown key at the top", "summary =", "sumary ="),
        ("unknown table", "[plan]", "[plans]"),
        ("unknown key in a table", "window =", "windwo ="),
        ("unknown key that is near to none", "window =", "colour ="),
        ("no name", "name = \"sweep\"\n", ""),
        ("name with a path", "\"sweep\"", "\"../sweep\""),
        ("empty name", "\"sweep\"", "\"\""),
        ("long name", "\"sweep\"", &format!("\"{}\"", "é".repeat(65))),
        ("name of the wrong type", "\"sweep\"", "[1, 2]"),
        ("summary with an escape sequence", "\"A bit", "\"\\u001b[31mA bit"),
        ("value in place of a table", "[load.baseline]", "[load]\nbaseline = 3"),
        ("too deep", "name = \"sweep\"", &format!("name = {}1{}", "[".repeat(20), "]".repeat(20))),
    ]));
}

#[test]
fn measure() {
    let table = &VALID[VALID.find("[measure]").unwrap()..VALID.find("[plan]").unwrap()];
    let many: Vec<String> = (0..17).map(|n| format!("\"call{n}\"")).collect();
    insta::assert_snapshot!(refusals(&[
        ("no measure", table, ""),
        ("no syscalls", "syscalls = [\"mmap\", \"munmap\"]\n", ""),
        ("syscalls as a string", "[\"mmap\", \"munmap\"]", "\"mmap\""),
        ("no syscall", "[\"mmap\", \"munmap\"]", "[]"),
        ("syscall by number", "[\"mmap\", \"munmap\"]", "[9]"),
        ("unknown syscall", "[\"mmap\", \"munmap\"]", "[\"mmap\", \"munmpa\"]"),
        ("repeated syscall", "[\"mmap\", \"munmap\"]", "[\"mmap\", \"munmap\", \"mmap\"]"),
        ("too many syscalls", "[\"mmap\", \"munmap\"]", &format!("[{}]", many.join(", "))),
        ("syscall that nobody issues", "[\"mmap\", \"munmap\"]", "[\"mmap\", \"read\"]"),
        ("unknown probe", "\"auto\"", "\"kprobe\""),
        ("probe of an unknown factor", "\"auto\"", "\"$bakend\""),
        ("level that is no probe", "\"auto\"", "\"$size\""),
        ("unknown scope", "\"generators\"", "\"generator\""),
        ("system scope without a probe", "\"auto\"\nscope = \"generators\"", "\"user\"\nscope = \"system\""),
        ("zero window", "\"400ms\"", "\"0s\""),
        ("window that is all edges", "\"400ms\"", "\"1ns\""),
        ("negative window", "\"400ms\"", "\"-1s\""),
        ("window without a unit", "\"400ms\"", "400"),
        ("window with a bare number", "\"400ms\"", "\"400\""),
        ("window with an unknown unit", "\"400ms\"", "\"400sec\""),
        ("window of days", "\"400ms\"", "\"48h\""),
        ("negative warmup", "\"100ms\"", "\"-100ms\""),
        ("loss limit that is no number", "0.001", "nan"),
        ("loss limit past all", "0.001", "1.5"),
        ("negative loss limit", "0.001", "-0.1"),
        ("too many slow calls", "loss_limit = 0.001", "keep_slowest = 33"),
        ("negative number of slow calls", "loss_limit = 0.001", "keep_slowest = -1"),
        ("slow calls as a string", "loss_limit = 0.001", "keep_slowest = \"5\""),
        ("slow calls as a boolean", "loss_limit = 0.001", "keep_slowest = true"),
        ("slow calls misspelt", "loss_limit = 0.001", "keep_slow = 5"),
        (
            "slow calls without a probe",
            "probe = \"auto\"\nscope = \"generators\"\nwarmup = \"100ms\"\nwindow = \"400ms\"\nloss_limit = 0.001",
            "probe = \"user\"\nkeep_slowest = 5"
        ),
    ]));
}

#[test]
fn probe_as_a_factor() {
    let by_backend = |levels: &str, scope: &str| {
        edited("probe = \"auto\"", "probe = \"$backend\"")
            .replace("threads = [1", &format!("backend = [{levels}]\nthreads = [1"))
            .replace("\"generators\"", scope)
    };
    let mistyped = by_backend("\"kretprobe\", \"raw_tracepiont\"", "\"generators\"");
    let blind = by_backend("\"raw_tracepoint\", \"user\"", "\"system\"");
    let repeated = by_backend("\"user\", \"user\"", "\"generators\"");
    let mut all = String::new();
    for text in [mistyped, blind, repeated] {
        writeln!(all, "{}\n", parse(&text).expect_err("each is wrong").render(false)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn plan() {
    insta::assert_snapshot!(refusals(&[
        ("no repetition", "repetitions = 3", "repetitions = 0"),
        ("negative repetitions", "repetitions = 3", "repetitions = -3"),
        ("fractional repetitions", "repetitions = 3", "repetitions = 2.5"),
        ("absurd repetitions", "repetitions = 3", "repetitions = 10_001"),
        (
            "repetitions past every type",
            "repetitions = 3",
            "repetitions = 99999999999999999999999999999999999999999"
        ),
        ("repetitions as a string", "repetitions = 3", "repetitions = \"3\""),
        ("too many trials", "repetitions = 3", "repetitions = 10_000"),
        ("unknown order", "\"random_blocks\"", "\"random\""),
        ("negative seed", "seed = 1", "seed = -1"),
        ("seed that is a date", "seed = 1", "seed = 2026-01-01"),
        ("ramp without a unit", "\"1s\"", "1"),
    ]));
}

#[test]
fn zipped_and_excluded() {
    let seed = |by: &'static str| ("seed = 1", by);
    let cases = [
        ("zip that is no list", seed("zip = \"size\"")),
        ("zip of names alone", seed("zip = [\"size\", \"load\"]")),
        ("zip of one", seed("zip = [[\"size\"]]")),
        ("zip of an unknown factor", seed("zip = [[\"sice\", \"load\"]]")),
        ("zip of a number", seed("zip = [[1, \"load\"]]")),
        ("zip of unlike lengths", seed("zip = [[\"size\", \"threads\"]]")),
        ("zipped twice", seed("zip = [[\"size\", \"load\"], [\"load\", \"size\"]]")),
        ("zipped with itself", seed("zip = [[\"size\", \"size\"]]")),
        ("exclude that is no list", seed("exclude = { size = \"4KiB\" }")),
        ("exclude of names", seed("exclude = [\"size\"]")),
        ("exclude of nothing", seed("exclude = [{}]")),
        ("exclude of an unknown factor", seed("exclude = [{ sizes = \"4KiB\" }]")),
        ("exclude of an unknown level", seed("exclude = [{ size = \"4KB\" }]")),
        ("exclude of an unknown load", seed("exclude = [{ load = [\"hihg\"] }]")),
        ("exclude of everything", seed("exclude = [{ load = [\"baseline\", \"high\"] }]")),
        ("exclude of no level", seed("exclude = [{ size = [] }]")),
        (
            "exclude of what is excluded",
            seed("exclude = [{ size = \"4KiB\" }, { size = 4096, load = \"high\" }]"),
        ),
        (
            "exclude of a pair that is none",
            seed("zip = [[\"size\", \"load\"]]\nexclude = [{ size = \"4KiB\", load = \"high\" }]"),
        ),
    ];
    let cases: Vec<_> = cases.into_iter().map(|(what, (passage, by))| (what, passage, by)).collect();
    insta::assert_snapshot!(refusals(&cases));
}

#[test]
fn until() {
    let seed = |by: &'static str| ("seed = 1", by);
    let cases = [
        ("rule that is no table", seed("until = \"p99\"")),
        ("rule with an unknown key", seed("until = { metrik = \"p99\" }")),
        ("rule with an unknown metric", seed("until = { metric = \"p95\" }")),
        ("rule that nothing can meet", seed("until = { relative_interval = 0 }")),
        ("rule in percent", seed("until = { relative_interval = \"5%\" }")),
        ("rule with too few repetitions", seed("until = { max_repetitions = 5 }")),
        ("rule with fewer than the repetitions", seed("repetitions = 3\nuntil = { max_repetitions = 12 }")),
        ("rule with too short a time", seed("until = { max_time = \"1ms\" }")),
        ("rule of too many trials", seed("until = { max_repetitions = 9000 }")),
    ];
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(what, (passage, by))| match by.strip_prefix("repetitions = 3\n") {
            Some(rule) => (what, "repetitions = 3", format!("repetitions = 13\n{rule}")),
            None => (what, passage, by.to_owned()),
        })
        .collect();
    let cases: Vec<_> = cases.iter().map(|(what, passage, by)| (*what, *passage, by.as_str())).collect();
    insta::assert_snapshot!(refusals(&cases));
}

#[test]
fn factors() {
    insta::assert_snapshot!(refusals(&[
        ("empty factor", "[1, 2, 4]", "[]"),
        ("factor that is no list", "[1, 2, 4]", "4"),
        ("repeated level", "[1, 2, 4]", "[1, 2, 1]"),
        ("level repeated by its value", "[\"4KiB\", \"64KiB\"]", "[\"4KiB\", 4096]"),
        ("level that is a list", "[1, 2, 4]", "[1, [2]]"),
        ("level with a path", "[\"4KiB\", \"64KiB\"]", "[\"4KiB\", \"../64KiB\"]"),
        ("factor called load", "threads = [1, 2, 4]", "load = [1, 2, 4]"),
        ("factor with a name that breaks a column", "threads = [1, 2, 4]", "\"a,b\" = [1, 2, 4]"),
        ("factors that differ in case", "threads = [1, 2, 4]", "threads = [1, 2, 4]\nSize = [1]"),
        ("factor without effect", "threads = [1, 2, 4]", "threads = [1, 2, 4]\ncolour = [1]"),
        ("unknown factor", "\"$threads\"", "\"$thread\""),
        ("dollar alone", "\"$threads\"", "\"$\""),
        ("brace that is not closed", "\"$threads\"", "\"${threads\""),
        ("brace with nothing in it", "\"$threads\"", "\"${}\""),
        ("dollar that stands for one", "\"$threads\"", "\"$$5\""),
        ("factor named as in a command", "\"$threads\"", "\"${threads}\""),
        ("unknown factor that is near to none", "\"$threads\"", "\"$colour\""),
        ("level that does not fit its use", "threads = \"$threads\"", "threads = \"$size\""),
    ]));
}

#[test]
fn generators() {
    let tables = &VALID[VALID.find("[factors]").unwrap()..VALID.find("[load.baseline]").unwrap()];
    let counted = "[generators.other]\nworkload = \"getpid\"\noperations = 5\n\n[load.baseline]";
    insta::assert_snapshot!(refusals(&[
        ("no generator", tables, ""),
        ("generator with a path", "[generators.mapper]", "[generators.\"a/b\"]"),
        ("no workload", "workload = \"mmap\"\n", ""),
        ("unknown workload", "workload = \"mmap\"", "workload = \"nmap\""),
        (
            "mix beside a workload",
            "workload = \"mmap\"",
            "workload = \"mmap\"\nmix = { read = 3, openat = 1 }"
        ),
        ("mix of one", "workload = \"mmap\"", "mix = { mmap = 3 }"),
        ("unknown workload in a mix", "workload = \"mmap\"", "mix = { mmap = 3, opneat = 1 }"),
        ("mix with a helper", "workload = \"mmap\"", "mix = { mmap = 3, clone = 1 }"),
        ("mix without weight", "workload = \"mmap\"", "mix = { mmap = 3, openat = 0 }"),
        ("no thread", "threads = \"$threads\"\nsize = \"$size\"", "threads = 0\nsize = 4096"),
        ("too many threads", "[1, 2, 4]", "[1, 2, 4097]"),
        ("size of zero", "[\"4KiB\", \"64KiB\"]", "[\"0KiB\", \"64KiB\"]"),
        ("negative size", "size = \"$size\"", "size = -4096"),
        ("size with half a unit", "[\"4KiB\", \"64KiB\"]", "[\"4K\", \"64KiB\"]"),
        ("size beyond memory", "[\"4KiB\", \"64KiB\"]", "[\"4KiB\", \"1TiB\"]"),
        (
            "size beyond memory by its threads",
            "\"64KiB\"]\nthreads = [1, 2, 4]\n\n[generators.mapper]\nworkload = \"mmap\"",
            "\"3GiB\"]\nthreads = [1, 2, 4]\n\n[generators.mapper]\nworkload = \"read\""
        ),
        ("no size", "size = \"$size\"\n", ""),
        ("size without use", "workload = \"mmap\"", "workload = \"getpid\""),
        (
            "touch without use",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"getpid\"\ntouch = true"
        ),
        ("touch as a string", "touch = false", "touch = \"false\""),
        ("no rate", "rate = 1000", "rate = 0"),
        ("negative rate", "rate = 1000", "rate = -1.5"),
        ("rate that is no number", "rate = 1000", "rate = nan"),
        ("infinite rate", "rate = 1000", "rate = inf"),
        ("no operation", "rate = 1000", "operations = 0"),
        ("timed and counted", "[load.baseline]", counted),
    ]));
}

/// What would leave a window empty.
#[test]
fn idle() {
    let sleeper = "[generators.sleeper]\nworkload = \"nanosleep\"\nduration = \"400ms\"\n\n[load.baseline]";
    let mix = "operations = 10\n\n[generators.mixed]\nmix = { stat = 3, openat = 1 }\noperations = 3\n";
    insta::assert_snapshot!(refusals(&[
        ("rate below one operation", "rate = 1000", "rate = 2.4"),
        ("rate below one operation at some levels", "rate = 1000", "rate = \"$threads\""),
        ("batch beyond the window", "rate = 1000", "rate = 1000\nbatch = 401"),
        ("time to think beyond the window", "rate = 1000", "think = \"500ms\""),
        ("operation as long as the window", "[load.baseline]", sleeper),
        ("operations below a round of the mix", "rate = 1000\n", mix),
    ]));
}

/// What some workloads are told and others are not.
#[test]
fn parameters() {
    insta::assert_snapshot!(refusals(&[
        (
            "no duration",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"nanosleep\""
        ),
        (
            "size that a pipe does not hold",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"pipe\"\nsize = \"2MiB\""
        ),
        ("duration without use", "touch = false", "duration = \"1ms\""),
        ("duration of nothing", "touch = false", "duration = \"0s\""),
        (
            "no depth",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"openat_deep\""
        ),
        ("depth without use", "touch = false", "depth = 3"),
        ("depth beyond a path", "touch = false", "depth = 1001"),
        (
            "no waiters",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"futex_waiters\""
        ),
        ("waiters without use", "touch = false", "waiters = 3"),
        (
            "more waiters than threads can be had",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"futex_waiters\"\nthreads = 5\nwaiters = 1000"
        ),
        ("pin to nothing", "touch = false", "pin = \"first\""),
        ("pin to a CPU that cannot be named", "touch = false", "pin = 1024"),
        ("negative time to think", "touch = false", "think = \"-1us\""),
        (
            "pin outside of the generators' CPUs",
            "rate = 1000",
            "pin = 3\n\n[machine]\ncpus = { generators = \"0-1,4\" }"
        ),
        (
            "pin by a factor outside of the generators' CPUs",
            "rate = 1000",
            "pin = \"$threads\"\n\n[machine.cpus]\ngenerators = \"0-1,4\""
        ),
        ("time to think at a fixed rate", "touch = false", "think = \"1us\""),
        (
            "heap touched by several threads",
            "workload = \"mmap\"\nthreads = \"$threads\"\nsize = \"$size\"\ntouch = false",
            "workload = \"brk\"\nthreads = 2\nsize = 4096\ntouch = true"
        ),
    ]));
}

#[test]
fn load() {
    insta::assert_snapshot!(refusals(&[
        (
            "empty load",
            "[load.baseline]\n\n[load.high]\ncpu = \"100% cpus\"\nio = \"50% cpus\"\nvm = 1\nvm-bytes = \"40%\"\naggressive = true\n",
            "[load]\n"
        ),
        ("level with a path", "[load.high]", "[load.\"a/b\"]"),
        ("option of the runner", "vm = 1", "timeout = \"10s\""),
        ("option with a path", "vm = 1", "temp-path = \"/somewhere\""),
        ("option that executes", "vm = 1", "exec = 1"),
        ("option that ends the load", "vm = 1", "vm-ops = 1000"),
        ("abbreviated option", "vm = 1", "time = \"10s\""),
        ("short option", "vm = 1", "c = 1"),
        ("option with its dashes", "vm = 1", "--vm = 1"),
        ("value that is an option", "vm = 1", "aggressive2 = \"--exec\""),
        ("value with a path", "vm = 1", "taskset = \"/etc/passwd\""),
        ("value by an unknown factor", "\"40%\"", "\"$sise\""),
        (
            "level that does not fit its use",
            "aggressive = true",
            "aggressive = \"$size\"\nvm-keep = \"$threads\"\nio-ops = 3"
        ),
        ("negative count", "vm = 1", "vm = -1"),
        ("fractional count", "vm = 1", "vm = 1.5"),
        ("flag that is not wanted", "vm = 1", "vm-keep = false"),
        ("share of no CPU", "\"100% cpus\"", "\"0% cpus\""),
        ("share of something else", "\"100% cpus\"", "\"100% cores\""),
        ("program that is no list", "vm = 1", "command = \"fio --x\""),
        ("program by a factor", "vm = 1", "command = [\"fio\", \"--bs=${size}\"]"),
        ("repetition of nothing", "vm = 1", "repeat = true"),
        ("memory that nothing fills", "vm = 1", "require_memory = true"),
        ("more than all memory", "\"40%\"", "\"140% memory\""),
    ]));
}

#[test]
fn words_of_commands() {
    let word =
        |word: &str| format!("[generators.other]\ncommand = [\"sort\", \"{word}\"]\n\n[load.baseline]");
    let cases = [
        ("dollar alone", word("$")),
        ("dollar within", word("costs 5$")),
        ("brace that is not closed", word("${size")),
        ("brace that is not closed within", word("--buffer=${size")),
        ("brace with nothing in it", word("--buffer=${}")),
        ("unknown factor", word("--buffer=${sise}")),
    ];
    let cases: Vec<_> = cases.iter().map(|(what, by)| (*what, "[load.baseline]", by.as_str())).collect();
    insta::assert_snapshot!(refusals(&cases));
}

#[test]
fn machine() {
    let set = |table: &str| format!("{table}\n\n[load.high]");
    let cases = [
        ("unknown setting", "[machine]\nturbo_boost = true"),
        ("governor with a path", "[machine]\ngovernor = \"../x\""),
        ("mode that is none", "[machine]\nthp = \"sometimes\""),
        ("swappiness beyond its range", "[machine]\nswappiness = 201"),
        ("CPUs that are no list", "[machine]\ncpus = { generators = \"3-1\", load = 0, runner = \"0,\" }"),
        ("requirement that is not asked for", "[machine]\nturbo = false\nrequired = [\"turbo\", \"thp\"]"),
        ("requirement that is none", "[machine]\nturbo = false\nrequired = [\"trubo\", 3]"),
        ("requirement that is far from any", "[machine]\nturbo = false\nrequired = [\"frequency\"]"),
        ("requirement that is no list", "[machine]\nturbo = false\nrequired = \"turbo\""),
    ];
    let cases: Vec<(&str, String)> = cases.map(|(what, table)| (what, set(table))).into();
    let cases: Vec<_> = cases.iter().map(|(what, by)| (*what, "[load.high]", by.as_str())).collect();
    insta::assert_snapshot!(refusals(&cases));
}

#[test]
fn several_at_once() {
    let text =
        edited("repetitions = 3", "repetitions = 0").replace("\"400ms\"", "0").replace("vm = 1", "job = 1");
    let errors = parse(&text).expect_err("three passages are wrong");
    assert_eq!(errors.len(), 3);
    let text = errors.to_string();
    let places = ["sweep.toml:10:10", "sweep.toml:14:15", "sweep.toml:35:1"].map(|place| text.find(place));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
}

#[test]
fn unusual_texts_are_pointed_at_precisely() {
    let windows = edited("\"400ms\"", "400").replace('\n', "\r\n");
    let tabs = edited("window = \"400ms\"", "\twindow\t=\t400");
    let wide = edited("summary = \"A bit of everything\"", "summary = \"量る\"\nmeasures = 1 # é");
    let wide_before = edited("window = \"400ms\"", "\"wïndow\" = 1");
    let mark = format!("\u{feff}{}", edited("\"400ms\"", "400"));
    let unfinished = format!("{VALID}[load.hi");
    let unfinished_text = format!("{VALID}note = \"ü");
    let mut all = String::new();
    for text in [windows, tabs, wide, wide_before, mark, unfinished, unfinished_text, String::new()] {
        let errors = parse(&text).expect_err("each is wrong").render(false);
        assert!(!errors.contains(['\r', '\u{1b}']), "{errors:?}");
        writeln!(all, "{errors}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn colour_comes_only_when_asked_for() {
    let errors = parse(&edited("\"400ms\"", "400")).expect_err("the window has no unit");
    assert!(errors.render(true).contains('\u{1b}'));
    assert!(!errors.render(false).contains('\u{1b}'));
    assert_eq!(errors.to_string(), errors.render(false));
}

#[test]
fn hordes_of_errors_are_cut_short() {
    let unknown = repeated(1000, |n| format!("key{n} = 1\n"));
    let errors = parse(&format!("{unknown}{VALID}")).expect_err("there are unknown keys");
    assert_eq!(errors.len(), 1000);
    assert!(errors.render(false).ends_with("error: 980 more errors like these"));
}

#[test]
fn unreadable_files_are_named_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("latin1.toml"), b"schema = 1\nname = \"sweep\xe9\"\n").unwrap();
    std::fs::write(path("large.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    std::fs::write(path("fits.toml"), vec![b'#'; 1 << 20]).unwrap();
    let refusal = |name: &str| read_file(&path(name)).expect_err(name).to_string();
    assert!(refusal("none.toml").contains("none.toml: cannot be read: there is no such file"));
    assert!(refusal("").contains("is not a file"));
    assert!(refusal("latin1.toml").contains("is not UTF-8 text: line 2"));
    assert!(refusal("large.toml").contains("is larger than 1 MiB"));
    assert_eq!(read_file(&path("fits.toml")).map(|text| text.len()), Ok(1 << 20));
}

#[test]
fn stress_ng_is_asked_for_what_it_knows() {
    let known = StressNg::new(
        "cpu io vm\n",
        "Usage:\n      --aggressive          enable all aggressive options\n-m N, --vm N  start N workers\n\
         \x20     --vm-bytes N          allocate N bytes\n-c N, --cpu N  start\n",
    );
    let check = |passage: &str, by: &str, words: Option<&str>| {
        let refusal = |_: &[String]| words.map(str::to_owned);
        parse(&edited(passage, by)).unwrap().check_load(&known, &MACHINE, refusal)
    };
    assert!(check("vm = 1", "vm = 1", None).is_ok());
    let refusals = [
        check("vm-bytes", "vm-byte", None),
        check("cpu = \"100% cpus\"\nio = \"50% cpus\"\nvm = 1\n", "", None),
        check("vm = 1", "vm = 0", None),
        check("vm = 1", "vm = \"0\"", None),
        check("vm = 1", "vm = \"lots\"", Some("Value lots contains non-numeric: 'lots'")),
        check("vm = 1", "vm = 1", Some("vm-bytes must be one of: a b c")),
        check("vm = 1", "vm = 1", Some("Illegal length specifier x")),
    ];
    let errors = refusals.map(|checked| checked.expect_err("stress-ng would refuse").render(false));
    insta::assert_snapshot!(errors.join("\n\n"));
}

//! What accepted scenarios mean.

use super::super::cells::Cell;
use super::super::model::{Given, LoadValue, Machine, ProbeRequest, Scope, Window};
use super::super::plan::{Estimate, Overheads, Plan};
use super::super::text::check_text;
use super::super::{MachineRequest, Room};
use super::{VALID, edited, parse};
use generators::Workload;
use std::path::Path;
use std::time::Duration;

#[test]
fn everything_is_taken_as_written() {
    let scenario = parse(VALID).unwrap();
    assert_eq!(scenario.name.as_str(), "sweep");
    assert_eq!(scenario.summary, "A bit of everything");
    assert_eq!(scenario.source, VALID);
    assert_eq!(scenario.measure.targets, ["mmap", "munmap"]);
    assert_eq!(scenario.measure.warmup, Given::Fixed(Duration::from_millis(100)));
    assert_eq!(scenario.measure.window, Given::Fixed(Window::Timed(Duration::from_millis(400))));
    assert_eq!(scenario.plan.ramp, Duration::from_secs(1));
    let values: Vec<_> = scenario.factors[0].levels.iter().map(|level| level.value).collect();
    assert_eq!(values, [Some(4096.0), Some(65536.0)]);
    let labels: Vec<_> = scenario.factors[1].levels.iter().map(|level| level.label.as_str()).collect();
    assert_eq!(labels, ["1", "2", "4"]);
}

#[test]
fn what_is_left_out_has_its_documented_value() {
    let text = "schema = 1\nname = \"least\"\n[measure]\nsyscalls = [\"getpid\"]\n\
                [generators.caller]\nworkload = \"getpid\"\n";
    let scenario = parse(text).unwrap();
    assert_eq!(scenario.measure.probe, Given::Fixed(ProbeRequest::Auto));
    assert_eq!(scenario.measure.scope, Scope::Generators);
    assert_eq!(scenario.measure.warmup, Given::Fixed(Duration::from_millis(200)));
    assert_eq!(scenario.measure.window, Given::Fixed(Window::Timed(Duration::from_millis(500))));
    assert!((scenario.measure.loss_limit - 0.001).abs() < f64::EPSILON);
    assert_eq!(scenario.measure.keep_slowest, 0);
    assert_eq!((scenario.plan.repetitions, scenario.plan.seed), (7, 1));
    assert_eq!(scenario.plan.ramp, Duration::from_secs(2));
    assert_eq!(scenario.loads.len(), 1);
    assert_eq!(scenario.loads[0].name.as_str(), "baseline");
    assert!(!scenario.needs_stress_ng());
    assert_eq!(scenario.cell_count(), 1);
    let told = scenario.generators_of(&scenario.cell(0), Path::new("scratch"));
    let [(name, spec)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((name.as_str(), spec.threads, spec.touch), ("caller", 1, false));
    assert_eq!((spec.size_bytes, spec.rate_per_second, spec.operations), (None, None, None));
}

#[test]
fn cells_are_every_combination_of_levels() {
    let scenario = parse(VALID).unwrap();
    let cells: Vec<Vec<usize>> =
        (0..scenario.cell_count()).map(|index| scenario.cell(index).levels).collect();
    assert_eq!(cells, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
    let cell = scenario.cell(5);
    let labels = scenario.labels(&cell, 1);
    let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(labels, [("load", "high"), ("size", "64KiB"), ("threads", "4")]);
    let (_, spec) = &scenario.generators_of(&cell, Path::new("scratch"))[0];
    assert_eq!((spec.threads, spec.size_bytes, spec.rate_per_second), (4, Some(65536), Some(1000.0)));
    assert_eq!(spec.scratch, Path::new("scratch"));
}

#[test]
fn load_becomes_arguments_in_the_order_of_the_file() {
    let scenario = parse(VALID).unwrap();
    let arguments = |cpus| scenario.loads[1].arguments(&Machine { cpus, memory_bytes: 1 << 30 }).join(" ");
    assert_eq!(arguments(4), "--cpu 4 --io 2 --vm 1 --vm-bytes 40% --aggressive");
    assert_eq!(arguments(1), "--cpu 1 --io 1 --vm 1 --vm-bytes 40% --aggressive");
    assert!(scenario.loads[0].arguments(&super::MACHINE).is_empty());
    assert!(scenario.needs_stress_ng());
    let shares = parse(&edited("\"40%\"", "\"25% memory\"")).unwrap();
    assert_eq!(shares.loads[1].options[3].value, LoadValue::MemoryShare(0.25));
    let arguments = shares.loads[1].arguments(&Machine { cpus: 2, memory_bytes: 1 << 30 });
    assert_eq!(arguments[7], (1_u64 << 28).to_string());
}

#[test]
fn the_memory_that_a_load_is_to_fill_is_known_where_the_scenario_says_it() {
    let fills = |passage: &str, by: &str| {
        parse(&edited(passage, by)).unwrap().loads[1].memory_bytes(&super::MACHINE, 4 << 30)
    };
    assert_eq!(fills("\"40%\"", "\"50%\""), Some(2 << 30), "of what is available");
    assert_eq!(fills("\"40%\"", "\"50% memory\""), Some(4 << 30), "of all there is");
    assert_eq!(fills("\"40%\"", "4096"), Some(4096));
    assert_eq!(fills("\"40%\"", "\"1G\""), Some(1 << 30), "as stress-ng reads it");
    assert_eq!(fills("\"40%\"", "\"much\""), None);
    assert_eq!(fills("vm-bytes = \"40%\"\n", ""), Some(256 << 20));
    assert_eq!(fills("vm = 1\n", ""), None);
}

#[test]
fn what_would_fill_more_memory_than_there_is_room_for_is_refused() {
    let room = Room { bytes: 2 << 30, limit: "the machine".to_owned() };
    let checked = |size: &str| parse(&edited("\"40%\"", size)).unwrap().check_memory(&super::MACHINE, &room);
    for fits in ["\"90%\"", "\"20% memory\"", "\"1G\"", "\"much\""] {
        assert!(checked(fits).is_ok(), "{fits}");
    }
    for too_much in ["\"95%\"", "\"50% memory\"", "\"3g\"", "9000000000"] {
        assert!(checked(too_much).is_err(), "{too_much}");
    }
    let words = checked("\"3G\"").unwrap_err().to_string();
    let told =
        ["sweep.toml:36:1", "`high` would fill 3.00 GiB", "the machine has 2.00 GiB free", "ask for less"];
    assert!(told.iter().all(|part| words.contains(part)), "{words}");
}

#[test]
fn a_program_is_load_alone_or_beside_stress_ng() {
    let text = format!(
        "{VALID}\n[load.fio]\ncommand = [\"fio\", \"--x=$$1\"]\nrepeat = true\ncwd = \"/usr\"\ncpu = 1\n"
    );
    let scenario = parse(&text).unwrap();
    let level = &scenario.loads[2];
    let program = level.program.as_ref().unwrap();
    assert_eq!((program.command.join(" ").as_str(), program.repeats), ("fio --x=$1", true));
    assert_eq!((program.cwd.as_deref(), level.options.len()), (Some(Path::new("/usr")), 1));
    let missing = scenario.check_programs(|name| name != "fio").unwrap_err().to_string();
    assert!(missing.contains("`fio` is not installed") && missing.contains("sweep.toml:40:12"), "{missing}");
    assert!(scenario.check_programs(|_| true).is_ok());
}

#[test]
fn the_machine_is_left_as_it_is_but_for_what_is_asked() {
    assert_eq!(parse(VALID).unwrap().machine, MachineRequest::default());
    let text = format!(
        "{VALID}\n[machine]\ngovernor = \"performance\"\nturbo = false\nrequired = [\"turbo\"]\n\
         cpus = {{ generators = \"0-2, 5\", runner = \"7\" }}\n"
    );
    let scenario = parse(&text).unwrap();
    let cpus: Vec<_> =
        scenario.machine.cpus.named().iter().map(|(who, list)| format!("{who} {list}")).collect();
    assert_eq!(cpus, ["generators 0-2,5", "runner 7"]);
    let list = scenario.machine.cpus.generators.as_ref().unwrap();
    assert_eq!(list.cpus().collect::<Vec<_>>(), [0, 1, 2, 5]);
    let cannot = |name: &str| vec![(name.to_owned(), "there is none".to_owned())];
    assert!(scenario.check_required(&cannot("governor")).is_ok());
    let words = scenario.check_required(&cannot("turbo")).unwrap_err().to_string();
    assert!(
        words.contains("as `machine.turbo` asks: there is none") && words.contains("sweep.toml:42:12"),
        "{words}"
    );
}

#[test]
fn load_levels_and_factors_keep_the_order_of_the_file() {
    let text = format!("{VALID}\n[load.a]\ncpu = 1\n[load.Z]\nzlib = 1\n");
    let scenario = parse(
        &text.replace("size = [", "zeta = [\"mmap\"]\nsize = [").replace("\"mmap\"\nthr", "\"$zeta\"\nthr"),
    );
    let scenario = scenario.unwrap();
    let loads: Vec<&str> = scenario.loads.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(loads, ["baseline", "high", "a", "Z"]);
    let factors: Vec<&str> = scenario.factors.iter().map(|factor| factor.name.as_str()).collect();
    assert_eq!(factors, ["zeta", "size", "threads"]);
}

#[test]
fn workloads_as_levels_take_what_they_have_a_use_for() {
    let text = edited("threads = [1, 2, 4]", "call = [\"mmap\", \"getpid\"]")
        .replace("\"$threads\"", "1")
        .replace("workload = \"mmap\"", "workload = \"$call\"")
        .replace("touch = false", "touch = true")
        .replace("\"munmap\"", "\"getpid\"");
    let scenario = parse(&text).unwrap();
    let (cell, other) = (scenario.cell(0), scenario.cell(1));
    let specs = [&cell, &other].map(|cell| scenario.generators_of(cell, Path::new("."))[0].1.clone());
    assert_eq!((specs[0].workload, specs[0].size_bytes, specs[0].touch), (Workload::Mmap, Some(4096), true));
    assert_eq!((specs[1].workload, specs[1].size_bytes, specs[1].touch), (Workload::Getpid, None, false));
    assert_eq!(scenario.targets_of(&cell), ["mmap"]);
    assert_eq!(scenario.targets_of(&other), ["getpid"]);
}

#[test]
fn a_target_that_no_workload_times_is_left_to_the_probe() {
    let text = VALID.replace("workload = \"mmap\"", "workload = \"munmap\"");
    let scenario = parse(&text).unwrap();
    assert_eq!(scenario.untimed_targets(), ["mmap"]);
    assert_eq!(scenario.targets_of(&scenario.cell(0)), ["mmap", "munmap"]);
    let another = "[generators.another]\nworkload = \"mmap\"\nsize = \"4KiB\"\n[load.baseline]";
    let scenario = parse(&text.replace("[load.baseline]", another)).unwrap();
    assert!(scenario.untimed_targets().is_empty(), "another generator times it");
}

/// The valid scenario with a factor of backends between its two others.
fn by_backend() -> String {
    edited("threads = [1", "backend = [\"auto\", \"user\"]\nthreads = [1")
        .replace("probe = \"auto\"", "probe = \"$backend\"")
}

#[test]
fn the_probe_may_go_along_with_a_factor() {
    let scenario = parse(&by_backend()).unwrap();
    let requests: Vec<_> =
        (0..scenario.cell_count()).map(|index| *scenario.measure.probe.at(&scenario.cell(index))).collect();
    let (auto, user) = (ProbeRequest::Auto, ProbeRequest::User);
    assert_eq!(requests, [auto, auto, auto, user, user, user, auto, auto, auto, user, user, user]);
    assert_eq!(scenario.probe_factor().unwrap().name.as_str(), "backend");
    assert!(check_text(&scenario).contains("probe       by factor backend, scope generators"));
}

#[test]
fn another_probe_for_all_takes_the_place_of_the_factor() {
    let scenario = parse(&by_backend()).unwrap().with_probe(ProbeRequest::User);
    assert_eq!(scenario.measure.probe, Given::Fixed(ProbeRequest::User));
    let factors: Vec<&str> = scenario.factors.iter().map(|factor| factor.name.as_str()).collect();
    assert_eq!(factors, ["size", "threads"]);
    let (_, spec) = &scenario.generators_of(&scenario.cell(5), Path::new("."))[0];
    assert_eq!((spec.size_bytes, spec.threads), (Some(65536), 4));
    let fixed = parse(VALID).unwrap().with_probe(ProbeRequest::User);
    assert_eq!((fixed.cell_count(), fixed.measure.probe), (6, Given::Fixed(ProbeRequest::User)));
}

#[test]
fn operations_end_the_window() {
    let scenario = parse(&edited("rate = 1000", "operations = 5000")).unwrap();
    assert_eq!(scenario.measure.window, Given::Fixed(Window::Operations));
    let (_, spec) = &scenario.generators_of(&scenario.cell(0), Path::new("."))[0];
    assert_eq!(spec.operations, Some(5000));
    assert!(check_text(&scenario).contains("until the generators' operations are done"));
}

#[test]
fn system_scope_needs_no_generator() {
    let start = VALID.find("[factors]").unwrap();
    let end = VALID.find("[load.baseline]").unwrap();
    let text = format!("{}{}", &VALID[..start], &VALID[end..]).replace("\"generators\"", "\"system\"");
    let scenario = parse(&text).unwrap();
    assert_eq!(scenario.targets_of(&scenario.cell(0)), ["mmap", "munmap"]);
}

#[test]
fn quoted_numbers_and_booleans_are_levels_like_bare_ones() {
    let text = edited("[1, 2, 4]", "[\"1\", 2]").replace("touch = false", "touch = \"$touch\"");
    let scenario = parse(&text.replace("[factors]", "[factors]\ntouch = [\"true\", false]")).unwrap();
    let cell = scenario.cell(0);
    let (_, spec) = &scenario.generators_of(&cell, Path::new("."))[0];
    assert_eq!((spec.threads, spec.touch), (1, true));
}

#[test]
fn names_may_be_of_any_script() {
    let scenario = parse(&edited("\"sweep\"", "\"größe_ὕψος-3\"")).unwrap();
    assert_eq!(scenario.name.as_str(), "größe_ὕψος-3");
}

#[test]
fn slow_calls_are_kept_where_any_cell_has_a_probe() {
    let kept = |text: &str| parse(text).unwrap().measure.keep_slowest;
    assert_eq!(kept(&edited("loss_limit = 0.001", "keep_slowest = 32")), 32);
    assert_eq!(kept(&edited("loss_limit = 0.001", "keep_slowest = 0").replace("auto", "user")), 0);
    let varying =
        edited("\"auto\"", "\"$probe\"").replace("[factors]", "[factors]\nprobe = [\"user\", \"auto\"]");
    assert_eq!(kept(&varying.replace("loss_limit = 0.001", "keep_slowest = 5")), 5);
    let five = parse(&edited("loss_limit = 0.001", "keep_slowest = 5")).unwrap();
    assert!(check_text(&five).contains("slow calls  5 kept of each system call and trial"));
    assert!(!check_text(&parse(VALID).unwrap()).contains("slow calls"));
}

#[test]
fn check_says_what_a_scenario_is() {
    insta::assert_snapshot!(check_text(&parse(VALID).unwrap()));
}

/// The labels of each cell with each of its loads, `size threads load`.
fn combinations(text: &str) -> Vec<String> {
    let scenario = parse(text).unwrap();
    let labels = |cell: &Cell, load: usize| {
        let labels = scenario.labels(cell, load);
        ["size", "threads", "load"].map(|name| labels[name].clone()).join(" ")
    };
    scenario.cells.iter().flat_map(|cell| cell.loads.iter().map(move |load| labels(cell, *load))).collect()
}

#[test]
fn zipped_factors_go_along_with_each_other() {
    let zipped = edited("[1, 2, 4]", "[1, 8]").replace("seed = 1", "zip = [[\"threads\", \"size\"]]");
    assert_eq!(combinations(&zipped), ["4KiB 1 baseline", "4KiB 1 high", "64KiB 8 baseline", "64KiB 8 high"]);
    let scenario = parse(&zipped).unwrap();
    assert_eq!((scenario.cell_count(), scenario.cells_with_load(), scenario.trial_count()), (2, 4, 12));
    assert!(!scenario.is_full() && parse(VALID).unwrap().is_full());
    let with_load = edited("[1, 2, 4]", "[1]").replace("seed = 1", "zip = [[\"size\", \"load\"]]");
    assert_eq!(combinations(&with_load), ["4KiB 1 baseline", "64KiB 1 high"]);
    // Many factors of many levels are no more cells than the longest of them.
    let many: Vec<String> = (0..40).map(|n| format!("f{n} = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n")).collect();
    let names: Vec<String> = (0..40).map(|n| format!("\"f{n}\"")).collect();
    let used = (0..40).map(|n| format!("[generators.g{n}]\nworkload = \"getpid\"\nthreads = \"$f{n}\"\n"));
    let text = edited("[factors]", &format!("[factors]\n{}", many.concat()))
        .replace("seed = 1", &format!("zip = [[{}]]", names.join(", ")));
    let scenario = parse(&(text + &used.collect::<String>())).unwrap();
    assert_eq!(scenario.cell_count(), 9 * 6);
}

#[test]
fn excluded_cells_are_not_there() {
    let all = combinations(VALID);
    let excluding = |entries: &str| combinations(&edited("seed = 1", &format!("exclude = [{entries}]")));
    let without =
        |gone: &[&str]| all.iter().filter(|it| !gone.contains(&it.as_str())).cloned().collect::<Vec<_>>();
    assert_eq!(excluding("{ size = 65536, threads = \"2\", load = \"high\" }"), without(&["64KiB 2 high"]));
    let one = excluding("{ threads = [1, 2] }, { size = \"4KiB\", load = \"baseline\" }");
    assert_eq!(one, ["4KiB 4 high", "64KiB 4 baseline", "64KiB 4 high"]);
}

#[test]
fn load_may_go_along_with_factors() {
    let scenario = parse(
        &edited("\"40%\"", "\"$memory\"")
            .replace("[factors]", "[factors]\nmemory = [\"10%\", \"20% memory\"]"),
    );
    let scenario = scenario.unwrap();
    let loads = scenario.loads_with_cells();
    assert_eq!(
        loads.iter().map(|it| (it.load, it.cells.len())).collect::<Vec<_>>(),
        [(0, 12), (1, 6), (1, 6)]
    );
    let told = |under: usize| {
        let under = &loads[under];
        scenario.loads[under.load].at(&scenario.cell(under.cells[0])).arguments(&super::MACHINE).join(" ")
    };
    assert!(told(1).contains("--vm-bytes 10% "), "{}", told(1));
    let fifth = (super::MACHINE.memory_bytes / 5).to_string();
    assert!(told(2).contains(&format!("--vm-bytes {fifth} ")), "{}", told(2));
    assert!(check_text(&scenario).contains("vm-bytes by factor memory"));
    // Its trials are one piece for each value, so that load ramps up no more often than it has to.
    let plan = Plan::of(&scenario, 1);
    let pieces = plan.trials.chunk_by(|a, b| {
        (a.block, a.load) == (b.block, b.load) && scenario.is_same_load(a.load, a.cell, b.cell)
    });
    assert_eq!(pieces.count(), 3 * 3);
}

#[test]
fn windows_may_go_along_with_a_factor() {
    let text = edited("\"400ms\"", "\"$long\"").replace("\"100ms\"", "\"$long\"");
    let scenario = parse(&text.replace("[factors]", "[factors]\nlong = [\"1s\", \"2s\"]")).unwrap();
    let measuring = Estimate::of(&scenario, Overheads::TYPICAL).measuring;
    assert_eq!(measuring, Duration::from_secs(2 + 4) * 6 * 2 * 3);
    assert!(check_text(&scenario).contains("window      by factor long after by factor long of warm-up"));
    assert_eq!(scenario.factors[0].levels[1].value, Some(2e9));
}

#[test]
fn targets_may_go_along_with_a_factor() {
    let by_call = |syscalls: &str| {
        edited("[\"mmap\", \"munmap\"]", syscalls)
            .replace("[factors]", "[factors]\ncall = [\"mmap\", \"munmap\"]")
    };
    let targets = |text: &str| {
        let scenario = parse(text).unwrap();
        assert_eq!(scenario.measure.targets, ["mmap", "munmap"]);
        let last = scenario.cell_count() - 1;
        [0, last].map(|index| scenario.targets_of(&scenario.cell(index)).join(" "))
    };
    assert_eq!(targets(&by_call("\"$call\"")), ["mmap", "munmap"]);
    assert_eq!(targets(&by_call("[\"mmap\", \"$call\"]")), ["mmap", "mmap munmap"]);
    let unissued = by_call("\"$call\"").replace("\"munmap\"]\n", "\"read\"]\n");
    let errors = parse(&unissued).expect_err("nobody reads").to_string();
    assert!(errors.contains("no generator issues `read` in the cells where it is measured"), "{errors}");
}

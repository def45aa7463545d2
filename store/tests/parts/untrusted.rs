//! A run may come from somebody else: nothing in it leads out of its folder, makes the reader wait, or fills the memory.

use crate::everything::everything;
use crate::sample::{failed, measured, write};
use polars_io::prelude::*;
use rustix::fs::{CWD, FileType, Mode};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use store::{PARTS_FORMAT_VERSION, Run, RunWriter, State, StoreError, verify, write_report};

const TABLES: [&str; 8] = [
    "trials.parquet",
    "histograms.parquet",
    "errors.parquet",
    "slowest.parquet",
    "generators.parquet",
    "responses.parquet",
    "monitor.parquet",
    "load.parquet",
];

fn ended(runs: &Path, id: &str) -> PathBuf {
    write(runs, id, &[measured(0), failed(1)]).finish(State::Interrupted).unwrap()
}

fn under_way(runs: &Path, id: &str) -> PathBuf {
    write(runs, id, &[measured(0), failed(1)]).path().to_owned()
}

/// Why a run cannot be read; and the same must be said of whoever checks it, or goes on with it.
fn refusal(run: &Path) -> String {
    let refusal = Run::open(run).unwrap_err().to_string();
    let (findings, _) = verify(run);
    assert!(!findings.is_empty(), "{refusal}");
    assert!(RunWriter::reopen(run, None).is_err(), "{refusal}");
    refusal
}

/// Everything in a folder, with what it is and how it begins.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => all.extend(content(&entry.path())),
            kind if kind.is_file() => all.push((entry.path(), fs::read(entry.path()).unwrap())),
            _ => all.push((entry.path(), vec![])),
        }
    }
    all.sort();
    all
}

/// Changes the text of a file.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_newer_format_is_refused_wherever_it_is_and_left_as_it_is() {
    let runs = tempfile::tempdir().unwrap();
    let newer = PARTS_FORMAT_VERSION + 1;
    let mut cases: Vec<(PathBuf, PathBuf)> = Vec::new();
    let manifest = ended(runs.path(), "manifest");
    edit(
        &manifest.join("manifest.json"),
        "\"format_version\": 1",
        "\"format_version\": 3, \"unheard\": \"of\"",
    );
    cases.push((manifest.join("manifest.json"), manifest));
    for table in TABLES {
        let run = ended(runs.path(), table);
        let file = run.join(table);
        let mut frame = ParquetReader::new(File::open(&file).unwrap()).finish().unwrap();
        let version = vec![("syscall_lab.format_version".to_owned(), newer.to_string())];
        ParquetWriter::new(File::create(&file).unwrap())
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(version)))
            .finish(&mut frame)
            .unwrap();
        cases.push((file, run));
    }
    for part in ["trial-000001.json", "load-000001.json"] {
        let run = under_way(runs.path(), part);
        let file = run.join(".parts").join(part);
        // Of a newer part nothing else need be as it is in this one.
        fs::write(&file, format!("{{\"format_version\":{newer},\"trials\":[]}}")).unwrap();
        cases.push((file, run));
    }
    for (file, run) in cases {
        let before = content(&run);
        let told = refusal(&run);
        let expected = format!(
            "{} has format version {newer}, and this runner knows versions up to {PARTS_FORMAT_VERSION}: a newer runner \
             reads it",
            file.display()
        );
        assert_eq!(told, expected);
        assert_eq!(content(&run), before, "{told}");
    }
}

#[test]
fn what_is_larger_than_it_can_be_is_not_read() {
    let runs = tempfile::tempdir().unwrap();
    // Holes, which take no room on disk.
    let grow =
        |file: PathBuf, bytes: u64| File::options().write(true).open(file).unwrap().set_len(bytes).unwrap();
    for (name, bytes) in
        TABLES.into_iter().map(|table| (table, 2 << 30)).chain([("manifest.json", 128 << 20)])
    {
        let run = ended(runs.path(), name);
        grow(run.join(name), bytes + 1);
        assert!(refusal(&run).contains(&format!("at most {bytes}")), "{name}");
    }
    let run = under_way(runs.path(), "part");
    grow(run.join(".parts/trial-000001.json"), (512 << 20) + 1);
    assert!(refusal(&run).contains("at most 536870912"));
    let run = under_way(runs.path(), "parts");
    for number in 10..20 {
        let file = run.join(format!(".parts/trial-{number:06}.json"));
        File::create(&file).unwrap();
        grow(file, 500 << 20);
    }
    assert!(refusal(&run).contains("of at most 4294967296"));
    let run = ended(runs.path(), "scenario");
    grow(run.join("scenario.toml"), (1 << 20) + 1);
    assert!(Run::open(&run).unwrap().scenario().is_err());
}

#[test]
fn depth_and_numbers_are_bounded() {
    let runs = tempfile::tempdir().unwrap();
    let deep = "[".repeat(1_000_000);
    let manifest = ended(runs.path(), "manifest").join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let part = under_way(runs.path(), "part").join(".parts/trial-000000.json");
    let record = fs::read_to_string(&part).unwrap();
    let cases = [
        (&manifest, format!("{{\"format_version\":1,\"later\":{deep}")),
        (&manifest, text.replacen("\"trials\": 2", "\"trials\": 4294967295", 1)),
        (&manifest, text.replacen("\"cells\": []", "\"cells\": [[0, 99]]", 1)),
        (&manifest, text.replacen("\"seed\": 1", "\"seed\": 1e999", 1)),
        (&part, format!("{{\"format_version\":1,\"content\":{deep}")),
        (&part, record.replacen("\"slots\":[[0,1]", "\"slots\":[[2240,1]", 1)),
        (&part, record.replacen("\"slots\":[[0,1]", "\"slots\":[[5,1],[0,1]", 1)),
        (&part, record.replacen("\"slots\":[[0,1]", "\"slots\":[[0,18446744073709551615]", 1)),
        (&part, record.replacen("\"min_ns\":0", "\"min_ns\":18446744073709551615", 1)),
        (&manifest, text.replacen("\"size\"", &format!("\"{}\"", "x".repeat(2_000)), 1)),
        (&manifest, text.replacen("\"name\": \"sweep\"", "\"name\": \"\\u001b[2J\"", 1)),
        (&part, record.replacen("\"mmap\"", "\"\\u001b[2J\"", 1)),
        (&part, record.replacen("schedule+0x1f", &"x".repeat(2_000), 1)),
        (&part, record.replacen("\"lost\":1", "\"lost\":-9223372036854775808", 1)),
        (&part, record.replacen("\"trial\":0", "\"trial\":1", 1)),
        (&part, record.replacen("\"trial\":0", "\"trial\":4294967295", 1)),
    ];
    for (file, changed) in cases {
        let before = fs::read(file).unwrap();
        assert!(changed.as_bytes() != before, "nothing is changed: {changed:.100}");
        fs::write(file, &changed).unwrap();
        let run = if file == &part { file.parent().unwrap().parent() } else { file.parent() }.unwrap();
        assert!(refusal(run).contains(" is damaged: "), "{changed:.300}");
        fs::write(file, before).unwrap();
    }
}

#[test]
fn a_checksum_is_only_of_a_file_in_the_folder() {
    let runs = tempfile::tempdir().unwrap();
    fs::write(runs.path().join("outside"), "secret").unwrap();
    for name in ["../outside", "/etc/passwd", "report/../../outside", "..", ".", "", "a\\u0000b"] {
        let run = ended(runs.path(), "run");
        edit(&run.join("manifest.json"), "\"checksums\": {", &format!("\"checksums\": {{ \"{name}\": \"\","));
        let findings = verify(&run).0.join("\n");
        assert!(findings.contains("is not a name for a file in it"), "{name}: {findings}");
        assert!(!findings.contains("bytes) is not as it was written"), "{name} was read: {findings}");
        fs::remove_dir_all(run).unwrap();
    }
}

#[test]
fn links_in_a_run_are_not_followed() {
    let (runs, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link_out = |run: &Path, name: &str| {
        let target = outside.path().join(name.replace('/', "_"));
        fs::rename(run.join(name), &target).unwrap();
        symlink(&target, run.join(name)).unwrap();
    };
    for name in TABLES.into_iter().chain(["manifest.json"]) {
        let run = ended(runs.path(), name);
        link_out(&run, name);
        assert!(refusal(&run).contains("it is a link, and links are not followed"), "{name}");
    }
    for name in [".parts/trial-000000.json", ".parts/load-000001.json", ".parts"] {
        let run = under_way(runs.path(), &name.replace('/', "_")[1..]);
        link_out(&run, name);
        assert!(refusal(&run).contains("links are not followed"), "{name}");
    }
    let run = ended(runs.path(), "scenario");
    link_out(&run, "scenario.toml");
    assert!(Run::open(&run).unwrap().scenario().is_err());
    assert!(verify(&run).0[0].contains("links are not followed"));
}

#[test]
fn a_report_is_written_into_its_own_folder_only() {
    let (runs, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = [("index.html".to_owned(), b"page".to_vec())];
    let victim = outside.path().join("victim");
    fs::write(&victim, "before").unwrap();
    let run = ended(runs.path(), "run");
    // What a page is written to first, and the page itself.
    fs::create_dir(run.join("report")).unwrap();
    for name in [".index.html.tmp", "index.html"] {
        symlink(&victim, run.join("report").join(name)).unwrap();
    }
    write_report(&run, &files, None).unwrap();
    assert_eq!(fs::read(run.join("report/index.html")).unwrap(), b"page");
    assert!(run.join("report/index.html").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(&victim).unwrap(), b"before");
    // The folder as a link.
    fs::remove_dir_all(run.join("report")).unwrap();
    symlink(outside.path(), run.join("report")).unwrap();
    assert!(write_report(&run, &files, None).is_err());
    assert!(verify(&run).0[0].contains("links are not followed"));
    // A name that leads elsewhere.
    fs::remove_file(run.join("report")).unwrap();
    for name in ["../manifest.json", "/tmp/page", "a/b"] {
        assert!(write_report(&run, &[(name.to_owned(), vec![])], None).is_err(), "{name}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(verify(&run).0, [""; 0]);
}

#[test]
fn a_run_that_is_a_link_elsewhere_is_read_and_not_written_to() {
    let (runs, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = [("index.html".to_owned(), vec![])];
    let away = ended(outside.path(), "away");
    let before = content(&away);
    symlink(&away, runs.path().join("away")).unwrap();
    let beside = ended(runs.path(), "beside");
    let latest = runs.path().join("latest");
    fs::remove_file(&latest).unwrap();
    symlink(&away, &latest).unwrap();
    for name in ["away", "away/", "latest", "latest/"] {
        let run = PathBuf::from(format!("{}/{name}", runs.path().display()));
        assert_eq!(Run::open(&run).unwrap().trials.len(), 2);
        let refusals = [
            write_report(&run, &files, None).unwrap_err(),
            RunWriter::reopen(&run, None).unwrap_err(),
            store::check_writable(&run).unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, StoreError::Elsewhere { .. }), "{refusal}");
        }
        assert_eq!(verify(&run).0, [""; 0], "verify writes nothing");
    }
    assert_eq!(content(&away), before);
    // `latest` as the writer makes it leads to a run beside it.
    fs::remove_file(&latest).unwrap();
    symlink("beside", &latest).unwrap();
    write_report(&latest, &files, None).unwrap();
    assert!(beside.join("report/index.html").is_file());
    // By way of a second link it may lead anywhere.
    fs::remove_file(&latest).unwrap();
    symlink("away", &latest).unwrap();
    assert!(write_report(&latest, &files, None).is_err());
    assert_eq!(content(&away), before);
}

#[test]
fn pipes_folders_and_devices_are_no_files() {
    let runs = tempfile::tempdir().unwrap();
    let pipe = |path: &Path| rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o644)).unwrap();
    for name in TABLES.into_iter().chain(["manifest.json"]) {
        let run = ended(runs.path(), name);
        fs::remove_file(run.join(name)).unwrap();
        pipe(&run.join(name));
        assert!(refusal(&run).contains("it is a pipe"), "{name}");
        fs::remove_file(run.join(name)).unwrap();
        fs::create_dir(run.join(name)).unwrap();
        assert!(refusal(&run).contains("it is a folder"), "{name}");
    }
    for name in [".parts/trial-000000.json", ".parts/load-000001.json"] {
        let run = under_way(runs.path(), &name[7..]);
        fs::remove_file(run.join(name)).unwrap();
        pipe(&run.join(name));
        assert!(refusal(&run).contains("it is a pipe"), "{name}");
    }
    let run = under_way(runs.path(), "parts");
    fs::remove_dir_all(run.join(".parts")).unwrap();
    pipe(&run.join(".parts"));
    assert!(refusal(&run).contains("it is not a folder"));
    if rustix::process::geteuid().is_root() {
        let run = ended(runs.path(), "device");
        let file = run.join("trials.parquet");
        fs::remove_file(&file).unwrap();
        let zero = rustix::fs::makedev(1, 5);
        let mode = Mode::from_raw_mode(0o644);
        rustix::fs::mknodat(CWD, &file, FileType::CharacterDevice, mode, zero).unwrap();
        assert!(refusal(&run).contains("a device"));
    }
}

#[test]
fn nobody_but_the_owner_may_write_to_what_is_written() {
    let runs = tempfile::tempdir().unwrap();
    // For every thread of this program: the others write nothing that somebody else could reach.
    let before = rustix::process::umask(Mode::empty());
    let folder = runs.path().join("new/runs");
    let under_way = everything(&folder, "under_way");
    let complete = everything(&folder, "complete").finish(State::Complete).unwrap();
    write_report(&complete, &[("index.html".to_owned(), vec![])], None).unwrap();
    store::write_files(&runs.path().join("out"), &[("page".to_owned(), vec![])], None).unwrap();
    rustix::process::umask(before);
    drop(under_way);
    let mut folders = vec![runs.path().join("new"), runs.path().join("out")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let found = entry.path().symlink_metadata().unwrap();
            if !found.is_symlink() {
                assert_eq!(found.permissions().mode() & 0o022, 0, "{}", entry.path().display());
            }
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o022, 0, "{}", folder.display());
    }
}

//! Bundles as they are, and as an enemy would make them.

use super::*;
use crate::{LabError, Student};
use std::fs;
use std::path::Path;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

fn id() -> AssignmentId {
    AssignmentId { name: "load".to_owned(), edition: "1".to_owned() }
}

fn submission() -> Submission {
    Submission::new(Student::new("s1").unwrap(), "0".repeat(64))
}

fn index() -> Index {
    Index::new(Kind::Submission, "0.1.0", id(), Some(submission()))
}

fn files() -> Vec<(String, Content)> {
    let long: Vec<u8> =
        (0..300_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
    vec![
        ("answers.md".to_owned(), Content::Bytes(b"Because.\n".to_vec())),
        ("runs/2026-01-01T000000Z-load-aaaa/manifest.json".to_owned(), Content::Bytes(b"{}".to_vec())),
        ("runs/2026-01-01T000000Z-load-aaaa/trials.parquet".to_owned(), Content::Bytes(long)),
        ("empty".to_owned(), Content::Bytes(vec![])),
    ]
}

/// Unpacks in a folder of its own, and sees that nothing was written beside that.
fn unpacked(bundle: &Path, limits: Limits) -> Result<(Index, TempDir), String> {
    let outside = tempfile::tempdir().unwrap();
    let inside = outside.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let outcome = unpack(bundle, &inside, Kind::Submission, limits);
    let beside: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(beside, ["inside"]);
    match outcome {
        Ok(index) => Ok((index, outside)),
        Err(error @ LabError::Refused { .. }) => Err(error.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}

fn packed(folder: &TempDir) -> Vec<u8> {
    let path = folder.path().join("a.tar.zst");
    pack(&path, index(), &files()).unwrap();
    fs::read(path).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.zst");
    fs::write(&path, bytes).unwrap();
    let limits = Limits { packed: 4 << 20, unpacked: 4 << 20, entries: 20 };
    unpacked(&path, limits).map_or_else(|words| words, |_| "nothing".to_owned())
}

#[test]
fn what_is_packed_is_unpacked_and_the_same_files_make_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = packed(&folder);
    assert_eq!(bytes, packed(&folder));
    let (index, outside) = unpacked(&folder.path().join("a.tar.zst"), Limits::USUAL).unwrap();
    assert_eq!(index.submission, Some(submission()));
    assert_eq!(index.files.len(), 4);
    for (name, content) in files() {
        let Content::Bytes(content) = content else { panic!() };
        assert_eq!(fs::read(outside.path().join("inside").join(&name)).unwrap(), content, "{name}");
    }
}

#[test]
fn one_that_is_cut_off_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = packed(&folder);
    let step = (bytes.len() / 97).max(1);
    for length in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        let words = refusal(&bytes[..length]);
        assert!(words.contains("is refused"), "{length} of {}: {words}", bytes.len());
    }
    assert!(refusal(&bytes[..bytes.len() / 2]).contains("cut off"));
}

#[test]
fn one_with_a_changed_byte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = packed(&folder);
    for place in (0..bytes.len()).step_by((bytes.len() / 211).max(1)) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        let words = refusal(&changed);
        assert!(words.contains("is refused"), "byte {place}: {words}");
    }
    let behind = [&bytes[..], b"something"].concat();
    assert!(refusal(&behind).contains("is refused"));
}

/// An archive with an index of these files, then these entries as they are.
fn archive(listed: &[(&str, &[u8])], entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut index = index();
    for (name, content) in listed {
        let blake3 = blake3::hash(content).to_hex().to_string();
        index.files.insert((*name).to_owned(), Listed { bytes: content.len() as u64, blake3 });
    }
    let text = serde_json::to_vec(&index).unwrap();
    raw(&[&[(INDEX, EntryType::Regular, &text[..])], entries].concat())
}

fn raw(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        // Straight into its place, for the library would refuse most of these.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        header.set_mode(0o777);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    zstd::encode_all(&archive.into_inner().unwrap()[..], 3).unwrap()
}

#[test]
fn only_plain_files_below_the_folder_are_taken() {
    let content = &b"x"[..];
    for (name, kind, words) in [
        ("/etc/cron.d/x", EntryType::Regular, "absolute path"),
        ("../x", EntryType::Regular, "leads out of the folder"),
        ("runs/../../x", EntryType::Regular, "leads out of the folder"),
        ("runs//x", EntryType::Regular, "an empty part"),
        ("./x", EntryType::Regular, "an empty part"),
        ("x/", EntryType::Regular, "an empty part"),
        ("a/b/c/d/e/f/g", EntryType::Regular, "too long or too deep"),
        ("a\\b", EntryType::Regular, "characters"),
        ("a\u{1b}b", EntryType::Regular, "characters"),
        ("x", EntryType::Symlink, "x is a link"),
        ("x", EntryType::Link, "x is a hard link"),
        ("x", EntryType::Char, "x is a device"),
        ("x", EntryType::Block, "x is a device"),
        ("x", EntryType::Fifo, "x is a pipe"),
        ("x", EntryType::GNULongName, "of a kind"),
        ("x", EntryType::XHeader, "of a kind"),
        ("x", EntryType::GNUSparse, "of a kind"),
        ("../x", EntryType::Directory, "leads out of the folder"),
        ("other", EntryType::Regular, "is not in its index"),
    ] {
        let content = if kind == EntryType::Regular { content } else { b"" };
        let told = refusal(&archive(&[("x", content)], &[(name, kind, content)]));
        assert!(told.contains(words), "{name} {kind:?}: {told}");
    }
    let fine = archive(
        &[("x", content)],
        &[("folder/", EntryType::Directory, b""), ("x", EntryType::Regular, content)],
    );
    assert_eq!(refusal(&fine), "nothing");
}

#[test]
fn what_is_there_twice_missing_or_another_is_refused() {
    let (one, other) = (&b"one"[..], &b"two"[..]);
    let entry = |name, content| (name, EntryType::Regular, content);
    for (listed, entries, words) in [
        (&[("x", one)][..], &[entry("x", one), entry("x", one)][..], "x is in it twice"),
        (&[("x", one)], &[entry("x", one), entry(INDEX, one)], "bundle.json is in it twice"),
        (&[("x", one)], &[], "1 of its files are missing, such as x"),
        (&[("x", one)], &[entry("x", other)], "x is not as it was packed"),
        (&[("x", one)], &[entry("x", b"longer")], "its index says 3"),
        (&[("../x", one)], &[], "leads out of the folder"),
        (&[("x", one), ("x/y", one)], &[entry("x", one), entry("x/y", one)], "x is a file and a folder"),
    ] {
        let told = refusal(&archive(listed, entries));
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn one_that_is_no_bundle_or_not_of_this_version_says_so() {
    let text = serde_json::to_string(&index()).unwrap();
    let with = |text: &str| raw(&[(INDEX, EntryType::Regular, text.as_bytes())]);
    assert_eq!(refusal(&with(&text)), "nothing");
    for (bytes, words) in [
        (with(&text.replace("\"version\":1", "\"version\":2")), "it is of version 2"),
        (with(&text.replace("syscall_lab.bundle", "other")), "not that of a bundle"),
        (
            with(&text.replace("\"kind\":\"submission\"", "\"kind\":\"assignment\"")),
            "it is an assignment, and a submission",
        ),
        (with(&text.replace("\"s1\"", "\"../s1\"")), "is no student's id"),
        (with("{}"), "not what it should be"),
        (with("\u{1b}"), "not what it should be"),
        (raw(&[("x", EntryType::Regular, b"x")]), "does not begin with bundle.json"),
        (raw(&[]), "it is empty, or is no bundle"),
        (b"".to_vec(), "refused"),
        (b"PK\x03\x04 not zstd at all".to_vec(), "is damaged, or is no bundle"),
    ] {
        let told = refusal(&bytes);
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn one_that_is_too_large_is_refused_before_it_fills_anything() {
    // Eight MiB of noughts in a few hundred bytes.
    let noughts = vec![0; 8 << 20];
    let bomb = archive(&[("x", &noughts)], &[("x", EntryType::Regular, &noughts)]);
    assert!(bomb.len() < 20_000);
    assert!(refusal(&bomb).contains("unpacks to more than bundles do"), "{}", refusal(&bomb));
    let many: Vec<String> = (0..30).map(|n| format!("f{n}")).collect();
    let listed: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let entries: Vec<_> = many.iter().map(|name| (name.as_str(), EntryType::Regular, &b""[..])).collect();
    assert!(refusal(&archive(&listed, &entries)).contains("more than 20 entries"));
    let folder = tempfile::tempdir().unwrap();
    packed(&folder);
    let limits = Limits { packed: 1000, ..Limits::USUAL };
    assert!(unpacked(&folder.path().join("a.tar.zst"), limits).unwrap_err().contains("bundles have at most"));
    assert!(unpacked(folder.path(), Limits::USUAL).unwrap_err().contains("it is no file"));
}

/// Numbers that look random and are the same each time (Knuth's linear congruences).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % count.max(1) as u64).unwrap()
    }
}

/// Changes the archive behind the compression, so that tar and index are reached, or the compressed bytes themselves.
fn changed(random: &mut Random, plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    for _ in 0..=random.below(4) {
        let place = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(place.max(1)),
            1 => {
                let block = bytes[place / 512 * 512..].iter().copied().take(512).collect::<Vec<_>>();
                bytes.splice(place / 512 * 512..place / 512 * 512, block);
            }
            2 => bytes[place] = [0, 0xff, b'/', b'.', b'7'][random.below(5)],
            3 => {
                let end = (place + random.below(600)).min(bytes.len());
                bytes.drain(place..end);
                bytes.push(0);
            }
            _ => bytes[place] ^= 1 << random.below(8),
        }
        // With the checksum of its header right again, a changed entry is looked at.
        let header = place.min(bytes.len() - 1) / 512 * 512;
        if random.below(2) == 0 && bytes.len() >= header + 512 {
            let mut made = Header::new_ustar();
            made.as_mut_bytes().copy_from_slice(&bytes[header..header + 512]);
            made.set_cksum();
            bytes[header..header + 512].copy_from_slice(made.as_bytes());
        }
    }
    let mut packed = zstd::encode_all(&bytes[..], 1).unwrap();
    if random.below(4) == 0 {
        let place = random.below(packed.len());
        packed[place] ^= 1 << random.below(8);
    }
    packed
}

fn drive(seed: u64, time: std::time::Duration) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain");
    pack(&path, index(), &[files()[0].clone(), files()[1].clone(), files()[3].clone()]).unwrap();
    let plain = zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap();
    let (mut random, began) = (Random(seed), std::time::Instant::now());
    let (mut count, mut taken) = (0_u64, 0_u64);
    while began.elapsed() < time || count < 50 {
        let bytes = changed(&mut random, &plain);
        let outside = tempfile::tempdir().unwrap();
        let inside = outside.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(outside.path().join("bundle"), bytes).unwrap();
        let limits = Limits { packed: 1 << 20, unpacked: 1 << 20, entries: 50 };
        let outcome = unpack(&outside.path().join("bundle"), &inside, Kind::Submission, limits);
        taken += u64::from(outcome.is_ok());
        let mut beside: Vec<_> =
            fs::read_dir(outside.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        beside.sort();
        assert_eq!(beside, ["bundle", "inside"], "case {count} of seed {seed}");
        if let Ok(index) = outcome {
            for (name, listed) in &index.files {
                let content = fs::read(inside.join(name)).unwrap();
                assert_eq!(
                    blake3::hash(&content).to_hex().as_str(),
                    listed.blake3,
                    "case {count} of seed {seed}"
                );
            }
        }
        count += 1;
    }
    println!("{count} bundles, {taken} of them taken all the same, seed {seed}");
}

#[test]
fn a_few_changed_bundles() {
    drive(1, std::time::Duration::from_millis(300));
}

/// For as long as `FUZZ_SECONDS` says: `just fuzz-bundles SECONDS`. What fails comes again with the same `FUZZ_SEED`.
#[test]
#[ignore = "takes as long as it is told to"]
fn changed_bundles_for_as_long_as_asked() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let seed = number("FUZZ_SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    drive(seed, std::time::Duration::from_secs(number("FUZZ_SECONDS", 5)));
}

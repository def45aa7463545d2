//! Unpacking: every entry is judged before anything of it is written.
//!
//! Extensions of tar (long names, links, sparse files) are not interpreted but refused: bundles do not use them. Files are
//! created new in a folder that is empty and ours, so that nothing in it can lead elsewhere.

use super::{FORMAT, INDEX, Index, Kind, VERSION, check_name, size};
use crate::{AssignmentId, LabError};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use tar::{Archive, Entry, EntryType};

/// How much a bundle may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its file.
    pub packed: u64,
    /// Bytes of all that is in it.
    pub unpacked: u64,
    /// Entries.
    pub entries: usize,
}

impl Limits {
    /// What is well above any assignment or submission, and well below what would fill a machine.
    pub const USUAL: Self = Self { packed: 256 << 20, unpacked: 1 << 30, entries: 4_096 };
}

/// Most bytes of an index.
const INDEX_BYTES: u64 = 4 << 20;
/// The largest window that is decompressed with, as a power of two.
const WINDOW_LOG: u32 = 25;
/// Most bytes behind the last entry: tar fills its last block with noughts.
const PADDING: u64 = 1 << 20;

/// Unpacks a bundle of this kind into a folder, which has to be empty and nobody else's; returns its index. Where it is
/// refused, files may already be in the folder, and nowhere else.
pub fn unpack(bundle: &Path, folder: &Path, kind: Kind, limits: Limits) -> Result<Index, LabError> {
    let found = fs::metadata(bundle).map_err(LabError::read(bundle))?;
    if !found.is_file() {
        return Err(LabError::refused(bundle, "it is no file"));
    }
    if found.len() > limits.packed {
        let (found, most) = (size(found.len()), size(limits.packed));
        return Err(LabError::refused(bundle, format!("it has {found}, and bundles have at most {most}")));
    }
    let file = File::open(bundle).map_err(LabError::read(bundle))?;
    read(file, folder, kind, limits).map_err(|failed| match failed {
        Failed::Refused(reason) => LabError::refused(bundle, reason),
        Failed::Written(error) => error,
    })
}

enum Failed {
    Refused(String),
    Written(LabError),
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Failed> {
    Err(Failed::Refused(reason.into()))
}

/// What reading the archive comes to where it fails.
fn damaged(error: &io::Error) -> Failed {
    let words = error.to_string();
    Failed::Refused(match error.kind() {
        io::ErrorKind::FileTooLarge => words,
        io::ErrorKind::UnexpectedEof => "it is cut off, or is no bundle".to_owned(),
        _ => format!("it is damaged, or is no bundle ({})", crate::error::printable(&words)),
    })
}

fn read(file: impl Read, folder: &Path, kind: Kind, limits: Limits) -> Result<Index, Failed> {
    let mut decoder = zstd::Decoder::new(file).map_err(|error| damaged(&error))?;
    decoder.window_log_max(WINDOW_LOG).map_err(|error| damaged(&error))?;
    let mut archive = Archive::new(Bounded { inner: BufReader::new(decoder), left: limits.unpacked });
    let mut unpacking = Unpacking { folder, index: None, seen: BTreeSet::new() };
    let entries = archive.entries().map_err(|error| damaged(&error))?.raw(true);
    for (place, entry) in entries.enumerate() {
        if place >= limits.entries {
            return refuse(format!("it has more than {} entries", limits.entries));
        }
        unpacking.entry(entry.map_err(|error| damaged(&error))?, kind)?;
    }
    // The end of the compressed stream has the checksum of all of it.
    let rest = archive.into_inner();
    let mut rest = rest.take(PADDING + 1);
    let mut behind = Vec::new();
    rest.read_to_end(&mut behind).map_err(|error| damaged(&error))?;
    if behind.len() as u64 > PADDING || behind.iter().any(|byte| *byte != 0) {
        return refuse("there is something behind its end");
    }
    let Some(index) = unpacking.index else { return refuse("it is empty, or is no bundle") };
    let missing: Vec<&str> =
        index.files.keys().map(String::as_str).filter(|name| !unpacking.seen.contains(*name)).collect();
    if let [first, ..] = missing[..] {
        let first = crate::error::printable(first);
        return refuse(format!("it is cut off: {} of its files are missing, such as {first}", missing.len()));
    }
    Ok(index)
}

struct Unpacking<'a> {
    folder: &'a Path,
    /// None before the first entry.
    index: Option<Index>,
    seen: BTreeSet<String>,
}

impl Unpacking<'_> {
    fn entry(&mut self, mut entry: Entry<'_, impl Read>, kind: Kind) -> Result<(), Failed> {
        let Ok(name) = String::from_utf8(entry.header().path_bytes().into_owned()) else {
            return refuse("it has a name that is no text");
        };
        let what = entry.header().entry_type();
        let name = if what == EntryType::Directory { name.trim_end_matches('/') } else { &name };
        check_name(name).map_err(Failed::Refused)?;
        if let Some(what) = other_than_file(what) {
            return refuse(format!("{name} is {what}, and a bundle has files only"));
        }
        if !self.seen.insert(name.to_owned()) {
            return refuse(format!("{name} is in it twice"));
        }
        let bytes = entry.header().entry_size().map_err(|error| damaged(&error))?;
        if self.index.is_none() {
            if name != INDEX || bytes > INDEX_BYTES {
                return refuse(format!("it is no bundle: it does not begin with {INDEX}"));
            }
            self.index = Some(index(&whole(&mut entry, bytes)?, kind)?);
            return Ok(());
        }
        if what == EntryType::Directory {
            // Folders are made where files need them.
            return Ok(());
        }
        self.file(name, bytes, entry)
    }

    fn file(&self, name: &str, bytes: u64, mut entry: impl Read) -> Result<(), Failed> {
        let listed = self.index.as_ref().and_then(|index| index.files.get(name));
        let Some(listed) = listed else {
            return refuse(format!("{name} is not in its index"));
        };
        if listed.bytes != bytes {
            return refuse(format!("{name} has {bytes} bytes, and its index says {}", listed.bytes));
        }
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failed::Written(LabError::write(parent)(error)))?;
        }
        let created = File::create_new(&path);
        let mut file = created.map_err(|error| Failed::Written(LabError::write(&path)(error)))?;
        let (mut hasher, mut left, mut piece) = (blake3::Hasher::new(), bytes, vec![0; 1 << 16]);
        while left > 0 {
            let count = entry.read(&mut piece).map_err(|error| damaged(&error))?;
            if count == 0 {
                return refuse(format!("it is cut off in {name}"));
            }
            hasher.update(&piece[..count]);
            let written = file.write_all(&piece[..count]);
            written.map_err(|error| Failed::Written(LabError::write(&path)(error)))?;
            left = left.saturating_sub(count as u64);
        }
        if hasher.finalize().to_hex().as_str() != listed.blake3 {
            return refuse(format!("{name} is not as it was packed"));
        }
        Ok(())
    }
}

/// What an entry is that is no file and no folder.
fn other_than_file(kind: EntryType) -> Option<&'static str> {
    Some(match kind {
        EntryType::Regular | EntryType::Directory => return None,
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "of a kind that this runner does not know",
    })
}

fn whole(entry: &mut impl Read, bytes: u64) -> Result<Vec<u8>, Failed> {
    let mut content = Vec::new();
    entry.take(bytes).read_to_end(&mut content).map_err(|error| damaged(&error))?;
    if content.len() as u64 != bytes {
        return refuse(format!("it is cut off in {INDEX}"));
    }
    Ok(content)
}

fn index(text: &[u8], kind: Kind) -> Result<Index, Failed> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format: String,
        version: u32,
    }
    let wrong = |error: serde_json::Error| {
        let words = crate::error::printable(&error.to_string());
        Failed::Refused(format!("{INDEX} is not what it should be: {words}"))
    };
    let Versioned { format, version } = serde_json::from_slice(text).map_err(wrong)?;
    if format != FORMAT {
        return refuse(format!("{INDEX} is not that of a bundle"));
    }
    if version != VERSION {
        return refuse(format!(
            "it is of version {version}, and this runner knows version {VERSION}: take the runner that it was made for"
        ));
    }
    let index: Index = serde_json::from_slice(text).map_err(wrong)?;
    let id = &index.assignment;
    if ![&id.name, &id.edition].into_iter().all(|it| AssignmentId::is_name(it)) {
        return refuse(format!("{INDEX} names an assignment as none is named"));
    }
    if index.kind != kind {
        return refuse(format!("it is {}, and {} was expected", index.kind.words(), kind.words()));
    }
    if index.submission.is_some() != (kind == Kind::Submission) {
        return refuse(format!("{INDEX} does not say whose it is"));
    }
    if let Some(name) = index.files.keys().find(|name| check_name(name).is_err()) {
        check_name(name).map_err(Failed::Refused)?;
    }
    let is_folder = |name: &&String| index.files.keys().any(|other| other.starts_with(&format!("{name}/")));
    if let Some(name) = index.files.keys().find(is_folder) {
        return refuse(format!("{} is a file and a folder", crate::error::printable(name)));
    }
    Ok(index)
}

/// A reader that fails beyond so many bytes.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks to more than bundles do")
        })?;
        Ok(count)
    }
}

//! Packing: the same files make the same bytes, on whatever machine.

use super::{INDEX, Index, Listed, check_name};
use crate::LabError;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// What a file of a bundle is made of.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file of this machine.
    File(PathBuf),
    /// Bytes at hand.
    Bytes(Vec<u8>),
}

impl Content {
    fn read(&self) -> Result<Vec<u8>, LabError> {
        match self {
            Self::File(path) => fs::read(path).map_err(LabError::read(path)),
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

/// Packs files, by name in the bundle, into the file `out`; returns the index with every file in it. After a failure there
/// is either no such file or the one from before.
pub fn pack(out: &Path, mut index: Index, files: &[(String, Content)]) -> Result<Index, LabError> {
    for (name, content) in files {
        check_name(name).map_err(|reason| LabError::refused(out, reason))?;
        let (bytes, blake3) = checksum(content)?;
        if name == INDEX || index.files.insert(name.clone(), Listed { bytes, blake3 }).is_some() {
            return Err(LabError::refused(out, format!("{name} would be in it twice")));
        }
    }
    let parent = out.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft =
        tempfile::Builder::new().prefix(".bundle-").tempfile_in(parent).map_err(LabError::write(out))?;
    write(draft.as_file(), &index, files).map_err(|error| match error {
        Failed::Writing(source) => LabError::write(out)(source),
        Failed::Reading(error) => error,
    })?;
    draft.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(LabError::write(out))?;
    draft.persist(out).map_err(|error| LabError::write(out)(error.error))?;
    Ok(index)
}

enum Failed {
    Writing(io::Error),
    Reading(LabError),
}

fn checksum(content: &Content) -> Result<(u64, String), LabError> {
    let mut hasher = blake3::Hasher::new();
    match content {
        Content::File(path) => {
            File::open(path)
                .and_then(|file| hasher.update_reader(file).map(drop))
                .map_err(LabError::read(path))?;
        }
        Content::Bytes(bytes) => drop(hasher.update(bytes)),
    }
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}

fn write(file: impl Write, index: &Index, files: &[(String, Content)]) -> Result<(), Failed> {
    let mut encoder = zstd::Encoder::new(file, 9).map_err(Failed::Writing)?;
    encoder.include_checksum(true).map_err(Failed::Writing)?;
    let mut archive = Builder::new(encoder);
    let text = serde_json::to_vec_pretty(index).map_err(|error| Failed::Writing(error.into()))?;
    append(&mut archive, INDEX, &text).map_err(Failed::Writing)?;
    for (name, content) in files {
        let content = content.read().map_err(Failed::Reading)?;
        append(&mut archive, name, &content).map_err(Failed::Writing)?;
    }
    let encoder = archive.into_inner().map_err(Failed::Writing)?;
    encoder.finish().and_then(|mut file| file.flush()).map_err(Failed::Writing)
}

/// Adds a file that nobody owns and that has no time.
fn append(archive: &mut Builder<impl Write>, name: &str, mut content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, content.by_ref())
}

//! Folders of runs, and the files in them: read and written so that nothing leads out of a folder.
//!
//! A folder that is open stays the one that it is, whatever becomes of its path. What is in it is named by one plain name;
//! links are not followed, and what is neither file nor folder is not opened. Files are durable: written under a temporary
//! name, synced, renamed, the folder synced; nobody but their owner may write to them.

use crate::{StoreError, limits};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RawMode};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, fchown, lchown};
use std::path::{Component, Path, PathBuf};

/// What others may do with a folder: look.
const FOLDER_MODE: RawMode = 0o755;
/// What others may do with a file: read.
const FILE_MODE: RawMode = 0o644;

/// The user to whom files of a run belong when the runner is root on somebody's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A folder, open.
#[derive(Debug)]
pub(crate) struct Folder {
    /// As it was named; for messages.
    path: PathBuf,
    open: OwnedFd,
}

/// A file under a temporary name, on its way to its own. Where it does not get there, nothing of it stays.
#[derive(Debug)]
pub(crate) struct Replacement<'a> {
    folder: &'a Folder,
    name: String,
    /// Until it has its own name.
    temporary: Option<String>,
    file: File,
}

impl Replacement<'_> {
    /// The file, to be written to.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes it durable under its own name.
    pub(crate) fn end(mut self, owner: Option<Owner>) -> Result<(), StoreError> {
        let Some(temporary) = self.temporary.as_deref() else { return Ok(()) };
        let open = &self.folder.open;
        let ended = give(&self.file, owner)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(open, temporary, open, self.name.as_str())?))
            .and_then(|()| self.folder.sync());
        ended.map_err(|source| StoreError::Write { path: self.folder.path.join(&self.name), source })?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Best effort: what matters is the error that led here, and a leftover begins with a dot.
            let _ = rustix::fs::unlinkat(&self.folder.open, temporary.as_str(), AtFlags::empty());
        }
    }
}

impl Folder {
    /// Opens a folder by the path that somebody named; links in it are theirs.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(path, flags, Mode::empty());
        let open = open.map_err(|error| StoreError::Read { path: path.to_owned(), source: error.into() })?;
        Ok(Self { path: path.to_owned(), open })
    }

    /// Opens the folder of a run in order to write to it. Where its name is a link, that has to lead to another run of the
    /// same folder, as `latest` does: root would else write wherever the owner of the runs points.
    pub(crate) fn open_to_write(path: &Path) -> Result<Self, StoreError> {
        // Taken apart and put together again, a path has no `/` at its end, behind which a link would be followed.
        let path = &path.components().collect::<PathBuf>();
        let (Some(Component::Normal(name)), Some(parent)) = (path.components().next_back(), path.parent())
        else {
            return Self::open(path);
        };
        let above = Self::open(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
        let name = name.to_string_lossy();
        let link = rustix::fs::readlinkat(&above.open, name.as_ref(), Vec::new());
        let Ok(link) = link else { return above.inner(&name).map(|inner| inner.called(path)) };
        let target = PathBuf::from(link.to_string_lossy().into_owned());
        let elsewhere = || StoreError::Elsewhere { path: path.clone(), target: target.clone() };
        let sibling = target.to_str().filter(|target| is_plain(target)).ok_or_else(elsewhere)?;
        // One more link is one too many.
        above.inner(sibling).map(|inner| inner.called(path))
    }

    /// The same folder under the name that messages are to have.
    fn called(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Its path, as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in this one.
    pub(crate) fn inner(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path_of(name)?;
        if self.kind(name, &path)? != FileType::Directory {
            return Err(StoreError::damaged(path, "it is not a folder, and links are not followed"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&self.open, name, flags, Mode::empty());
        let open = open.map_err(|error| StoreError::Read { path: path.clone(), source: error.into() })?;
        Ok(Self { path, open })
    }

    /// Opens a folder in this one, after making it, for `owner`, if there is none.
    pub(crate) fn make_inner(&self, name: &str, owner: Option<Owner>) -> Result<Self, StoreError> {
        let path = self.path_of(name)?;
        let failed = |error: Errno| StoreError::Write { path: path.clone(), source: error.into() };
        match rustix::fs::mkdirat(&self.open, name, Mode::from_raw_mode(FOLDER_MODE)) {
            Err(Errno::EXIST) => self.inner(name),
            Err(error) => Err(failed(error)),
            Ok(()) => {
                let inner = self.inner(name)?;
                give(&inner.open, owner).map_err(|source| StoreError::Write { path, source })?;
                Ok(inner)
            }
        }
    }

    /// Locks the folder until it is dropped; false where somebody else has, or the file system has no locks.
    pub(crate) fn try_lock(&self) -> bool {
        rustix::fs::flock(&self.open, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Gives a folder in this one another name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<Self, StoreError> {
        let path = self.path_of(to)?;
        let renamed = rustix::fs::renameat(&self.open, from, &self.open, to).map_err(io::Error::from);
        renamed.and_then(|()| self.sync()).map_err(|source| StoreError::Write { path, source })?;
        self.inner(to)
    }

    /// Names of what is in it.
    pub(crate) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error: Errno| StoreError::Read { path: self.path.clone(), source: error.into() };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.open).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > limits::FILES {
                let reason = format!("it has more than {} files", limits::FILES);
                return Err(StoreError::damaged(&self.path, reason));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Bytes of a file.
    pub(crate) fn size(&self, name: &str) -> Result<u64, StoreError> {
        let found = rustix::fs::statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW);
        let failed = |error: Errno| StoreError::Read { path: self.path.join(name), source: error.into() };
        Ok(u64::try_from(found.map_err(failed)?.st_size).unwrap_or(0))
    }

    /// Opens a file of at most `most` bytes.
    pub(crate) fn file(&self, name: &str, most: u64) -> Result<File, StoreError> {
        let path = self.path_of(name)?;
        // Before it is opened: opening a device may do something, and opening a pipe waits for its other end.
        check_file(self.kind(name, &path)?, &path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&self.open, name, flags, Mode::empty());
        let failed = |error: Errno| StoreError::Read { path: path.clone(), source: error.into() };
        let open = open.map_err(failed)?;
        let found = rustix::fs::fstat(&open).map_err(failed)?;
        check_file(FileType::from_raw_mode(found.st_mode), &path)?;
        check_size(u64::try_from(found.st_size).unwrap_or(0), most, &path)?;
        Ok(File::from(open))
    }

    /// Reads a file of at most `most` bytes.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, StoreError> {
        let file = self.file(name, most)?;
        let path = self.path.join(name);
        let mut content = Vec::new();
        // It may grow while it is read.
        let read = file.take(most + 1).read_to_end(&mut content);
        read.map_err(|source| StoreError::Read { path: path.clone(), source })?;
        check_size(content.len() as u64, most, &path)?;
        Ok(content)
    }

    /// The checksum of a file of at most `most` bytes, and how many it has.
    pub(crate) fn checksum(&self, name: &str, most: u64) -> Result<(blake3::Hash, u64), StoreError> {
        let mut hasher = blake3::Hasher::new();
        let read = hasher.update_reader(self.file(name, most)?.take(most)).map(|_| ());
        read.map_err(|source| StoreError::Read { path: self.path.join(name), source })?;
        Ok((hasher.finalize(), hasher.count()))
    }

    /// Replaces a file by what `write` writes: after a crash either the old or the whole new content is there. A link of
    /// this name is replaced, and not what it leads to.
    pub(crate) fn replace(
        &self,
        name: &str,
        owner: Option<Owner>,
        write: impl FnOnce(&mut File) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut replacement = self.replacement(name)?;
        write(replacement.file())?;
        replacement.end(owner)
    }

    /// What is to replace a file as soon as it is [ended](Replacement::end).
    pub(crate) fn replacement(&self, name: &str) -> Result<Replacement<'_>, StoreError> {
        let path = self.path_of(name)?;
        let temporary = format!(".{name}.tmp");
        match self.create(&temporary) {
            Ok(file) => {
                Ok(Replacement { folder: self, name: name.to_owned(), temporary: Some(temporary), file })
            }
            Err(source) => Err(StoreError::Write { path, source }),
        }
    }

    /// Like [`replace`](Self::replace), for content at hand.
    pub(crate) fn replace_with(
        &self,
        name: &str,
        owner: Option<Owner>,
        content: &[u8],
    ) -> Result<(), StoreError> {
        self.replace(name, owner, |file| {
            file.write_all(content).map_err(|source| StoreError::Write { path: self.path.join(name), source })
        })
    }

    /// Writes a file that is not durable: after a crash it may be there or not, or half of it.
    pub(crate) fn write_for_now(
        &self,
        name: &str,
        owner: Option<Owner>,
        content: &[u8],
    ) -> Result<(), StoreError> {
        let path = self.path_of(name)?;
        let written = self.create(name).and_then(|mut file| {
            file.write_all(content)?;
            give(&file, owner)
        });
        written.map_err(|source| StoreError::Write { path, source })
    }

    /// Removes a file; one that is not there is as good.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path_of(name)?;
        match rustix::fs::unlinkat(&self.open, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(StoreError::Write { path, source: error.into() }),
        }
    }

    /// Points the link `name` at `target`, in one step.
    pub(crate) fn point(&self, name: &str, target: &str, owner: Option<Owner>) -> Result<(), StoreError> {
        let temporary = format!(".{name}-{}.tmp", std::process::id());
        let pointed = (|| {
            let _ = rustix::fs::unlinkat(&self.open, temporary.as_str(), AtFlags::empty());
            rustix::fs::symlinkat(target, &self.open, temporary.as_str())?;
            if let Some(Owner { uid, gid }) = owner {
                let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(&self.open, temporary.as_str(), Some(uid), Some(gid), flags)?;
            }
            rustix::fs::renameat(&self.open, temporary.as_str(), &self.open, name)
        })();
        let pointed = pointed.inspect_err(|_| {
            let _ = rustix::fs::unlinkat(&self.open, temporary.as_str(), AtFlags::empty());
        });
        pointed.map_err(|error| StoreError::Write { path: self.path.join(name), source: error.into() })
    }

    /// Opens a small file to lock it and to write to it, after making it, for `owner`, if there is none.
    pub(crate) fn lock_file(&self, name: &str, owner: Option<Owner>) -> Result<File, StoreError> {
        let path = self.path_of(name)?;
        let failed = |error: Errno| StoreError::Write { path: path.clone(), source: error.into() };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(FILE_MODE);
        let open = rustix::fs::openat(&self.open, name, flags, mode).map_err(failed)?;
        check_file(FileType::from_raw_mode(rustix::fs::fstat(&open).map_err(failed)?.st_mode), &path)?;
        give(&open, owner).map_err(|source| StoreError::Write { path: path.clone(), source })?;
        Ok(File::from(open))
    }

    /// Creates a file that was not there. What a crash has left of this name, or somebody has put there, goes.
    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || rustix::fs::openat(&self.open, name, flags, Mode::from_raw_mode(FILE_MODE));
        let created = match create() {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.open, name, AtFlags::empty())?;
                create()
            }
            created => created,
        };
        Ok(File::from(created?))
    }

    /// Makes its entries durable.
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.open)?)
    }

    fn kind(&self, name: &str, path: &Path) -> Result<FileType, StoreError> {
        let found = rustix::fs::statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW);
        let found =
            found.map_err(|error| StoreError::Read { path: path.to_owned(), source: error.into() })?;
        Ok(FileType::from_raw_mode(found.st_mode))
    }

    /// The path of what is in it. Names come out of manifests, too: one that leads elsewhere is none.
    fn path_of(&self, name: &str) -> Result<PathBuf, StoreError> {
        if !is_plain(name) {
            return Err(StoreError::damaged(&self.path, format!("{name:?} is not a name for a file in it")));
        }
        Ok(self.path.join(name))
    }
}

/// Whether a name is that of something in a folder, and of nothing elsewhere.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn check_file(kind: FileType, path: &Path) -> Result<(), StoreError> {
    let what = match kind {
        FileType::RegularFile => return Ok(()),
        FileType::Symlink => "a link, and links are not followed",
        FileType::Directory => "a folder, and should be a file",
        _ => "a pipe, a socket or a device, and should be a file",
    };
    Err(StoreError::damaged(path, format!("it is {what}")))
}

fn check_size(bytes: u64, most: u64, path: &Path) -> Result<(), StoreError> {
    if bytes > most {
        let reason = format!("it has {bytes} bytes, and files of its kind have at most {most}");
        return Err(StoreError::damaged(path, reason));
    }
    Ok(())
}

/// Creates the folder that somebody named, and those above it, each new one given to `owner`.
pub(crate) fn create_folders(path: &Path, owner: Option<Owner>) -> Result<Folder, StoreError> {
    if !path.is_dir() {
        let failed = |source| StoreError::Write { path: path.to_owned(), source };
        // What has the name, be it a link to nothing.
        if path.symlink_metadata().is_ok() {
            let what = if path.exists() { "it is no folder" } else { "it is a link to what is not there" };
            return Err(failed(io::Error::new(io::ErrorKind::NotADirectory, what)));
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_folders(parent, owner)?;
        }
        let made = DirBuilder::new().mode(FOLDER_MODE).create(path).and_then(|()| match owner {
            // Of a link that somebody has put in its place meanwhile, the link is given.
            Some(Owner { uid, gid }) => lchown(path, Some(uid), Some(gid)),
            None => Ok(()),
        });
        made.map_err(failed)?;
    }
    Folder::open(path)
}

fn give(open: impl AsFd, owner: Option<Owner>) -> io::Result<()> {
    owner.map_or(Ok(()), |Owner { uid, gid }| fchown(open, Some(uid), Some(gid)))
}

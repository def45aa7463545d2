//! The mapping of a [`Page`] that two processes share.
//!
//! Owns how the page comes into being and is recognised: a sealed memory file of exactly the page's size. Knows
//! nothing of who waits for which phase.

use crate::control::Page;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

/// A page that stays mapped as long as this value lives.
#[derive(Debug)]
pub struct SharedPage {
    address: NonNull<Page>,
}

// SAFETY: the page consists of atomics and the mapping belongs to the process, not to a thread.
unsafe impl Send for SharedPage {}
// SAFETY: as above; all access through a shared reference is atomic.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// A new page in [`Starting`](crate::control::Phase::Starting), and the file to hand to the other process.
    pub fn create() -> io::Result<(Self, OwnedFd)> {
        let fd = rustix::fs::memfd_create("control", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&fd, size_of::<Page>() as u64)?;
        // Neither side can cut the page away under the other.
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok((Self::map(&fd)?, fd))
    }

    /// The page behind a file that was inherited; none when the file is something else.
    pub fn open(file: impl AsFd) -> io::Result<Option<Self>> {
        let sealed = rustix::fs::fcntl_get_seals(&file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
        let expected = i64::try_from(size_of::<Page>()).unwrap_or(i64::MAX);
        if !sealed || rustix::fs::fstat(&file)?.st_size != expected {
            return Ok(None);
        }
        Self::map(file).map(Some)
    }

    fn map(file: impl AsFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the address, so that no memory in use is replaced.
        let address = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), size_of::<Page>(), protection, MapFlags::SHARED, file, 0)
        }?;
        NonNull::new(address.cast())
            .map(|address| Self { address })
            .ok_or_else(|| io::ErrorKind::Other.into())
    }
}

impl Deref for SharedPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: the address is page-aligned, mapped until drop, as long as a page (the file is sealed), and any
        // bytes are a valid one.
        unsafe { self.address.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length; every reference into it borrows from this value.
        // A failure leaves one page mapped, which does no harm.
        let _ = unsafe { rustix::mm::munmap(self.address.as_ptr().cast(), size_of::<Page>()) };
    }
}

/// An unnamed file in memory, for output of unknown length: unlike a pipe, it never makes its writer wait.
pub(crate) fn memory_file(name: &str) -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Phase;

    #[test]
    fn both_mappings_see_one_page() {
        let (ours, fd) = SharedPage::create().unwrap();
        let theirs = SharedPage::open(&fd).unwrap().unwrap();
        ours.set_window_ns(3, 5);
        ours.set_phase(Phase::Warm);
        assert_eq!((theirs.phase(), theirs.window_ns()), (Phase::Warm, (3, 5)));
    }

    #[test]
    fn other_files_are_no_page() {
        let plain = memory_file("plain").unwrap();
        plain.set_len(size_of::<Page>() as u64).unwrap();
        assert!(SharedPage::open(&plain).unwrap().is_none(), "not sealed");
        assert!(SharedPage::open(File::open("/dev/null").unwrap()).unwrap().is_none());
        let long = rustix::fs::memfd_create("long", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&long, 8192).unwrap();
        rustix::fs::fcntl_add_seals(&long, SealFlags::SHRINK).unwrap();
        assert!(SharedPage::open(&long).unwrap().is_none(), "of another size");
    }
}

//! Memory that BPF programs and this process share.

use crate::ProbeError;
use aya::Ebpf;
use aya::maps::Map;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::AsFd as _;
use std::ptr::{NonNull, null_mut};

/// An array map of `T`, mapped into memory until dropped.
///
/// Hands out raw pointers only: the kernel may write to the memory at any time.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    first: NonNull<T>,
    entries: usize,
}

// SAFETY: the memory belongs to no thread.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    /// Maps the first `entries` entries of the map `name`, whose values must be laid out as `T`.
    pub(crate) fn of(object: &Ebpf, name: &'static str, entries: usize) -> Result<Self, ProbeError> {
        let Some(Map::Array(map)) = object.map(name) else {
            return Err(ProbeError::Object { name: name.into() });
        };
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let memory = unsafe {
            mmap(null_mut(), entries * size_of::<T>(), protection, MapFlags::SHARED, map.fd().as_fd(), 0)
        }
        .map_err(|errno| ProbeError::Map { name, source: errno.into() })?;
        let first = NonNull::new(memory.cast()).ok_or_else(|| ProbeError::Object { name: name.into() })?;
        Ok(Self { first, entries })
    }

    /// A pointer to entry `index`, valid for as long as `self` lives.
    pub(crate) fn at(&self, index: usize) -> *mut T {
        assert!(index < self.entries, "entry {index} of {}", self.entries);
        // SAFETY: within the mapping, as just checked.
        unsafe { self.first.as_ptr().add(index) }
    }

    /// Pointers to all entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = *mut T> {
        (0..self.entries).map(|index| self.at(index))
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping that `of` made; nothing borrows from it.
        let unmapped = unsafe { munmap(self.first.as_ptr().cast(), self.entries * size_of::<T>()) };
        debug_assert!(unmapped.is_ok(), "munmap: {unmapped:?}");
    }
}

//! Waiting until every BPF program that was running has ended.
//!
//! Programs run inside RCU read-side sections. A grace period after the probe was disarmed therefore means: whichever
//! program had seen it armed has ended, and its writes are visible.

use crate::ProbeError;
use rustix::thread::{MembarrierCommand, membarrier};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

/// Commands and types of `bpf(2)`.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_ARRAY_OF_MAPS: u32 = 12;

/// Returns when every program that was running at the call has ended.
pub(crate) fn wait() -> Result<(), ProbeError> {
    match membarrier(MembarrierCommand::Global) {
        Ok(()) => Ok(()),
        // Kernels with nohz_full CPUs refuse it.
        Err(_) => wait_by_map().map_err(ProbeError::Grace),
    }
}

/// The same by an update of a map of maps, after which the kernel waits for the programs that may use the old map.
fn wait_by_map() -> io::Result<()> {
    let inner =
        create(&CreateMap { kind: BPF_MAP_TYPE_ARRAY, key: 4, value: 4, entries: 1, flags: 0, inner: 0 })?;
    let inner = inner.as_raw_fd();
    let outer = create(&CreateMap {
        kind: BPF_MAP_TYPE_ARRAY_OF_MAPS,
        key: 4,
        value: 4,
        entries: 1,
        flags: 0,
        inner,
    })?;
    let (key, value) = (0u32, inner);
    let update = UpdateMap {
        map: outer.as_raw_fd(),
        padding: 0,
        key: (&raw const key) as u64,
        value: (&raw const value) as u64,
        flags: 0,
    };
    // SAFETY: key and value outlive the call and have the sizes that the map was created with.
    unsafe { bpf(BPF_MAP_UPDATE_ELEM, &update)? };
    Ok(())
}

fn create(attributes: &CreateMap) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads the attributes, no longer than they are, and returns a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(bpf(BPF_MAP_CREATE, attributes)?) })
}

/// Attributes of `BPF_MAP_CREATE`.
#[repr(C)]
struct CreateMap {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
    flags: u32,
    inner: RawFd,
}

/// Attributes of `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct UpdateMap {
    map: RawFd,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `bpf(2)`.
///
/// # Safety
/// `attributes` must be those of `command`, and what they point to must be valid for it.
unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<RawFd> {
    // SAFETY: the caller's promise.
    let returned =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    RawFd::try_from(returned).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    #[test]
    fn either_way_of_waiting_works() {
        super::wait().unwrap();
        match super::wait_by_map() {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                eprintln!("skipped: not permitted to create BPF maps: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

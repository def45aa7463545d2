//! Waiting until every BPF program that was running has ended.
//!
//! Programs run inside RCU read-side sections. A grace period after the probe was disarmed therefore means: whichever
//! program had seen it armed has ended, and its writes are visible.

use crate::ProbeError;
use crate::sys::{Command, bpf};
use rustix::thread::{MembarrierCommand, membarrier};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

/// Types of maps of `bpf(2)`.
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
    unsafe { bpf(Command::MapUpdate, &update)? };
    Ok(())
}

fn create(attributes: &CreateMap) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads the attributes, no longer than they are, and returns a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(bpf(Command::MapCreate, attributes)?) })
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

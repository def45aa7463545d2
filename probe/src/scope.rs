//! Whose calls count: the list of processes that the programs look callers up in.

use crate::ProbeError;
use crate::shared::Shared;
use aya::Ebpf;
use btfparse::{Offset, Readable, TypeInformation};
use probe_abi::{PID_LIMIT, PIDS_PER_ENTRY, SCOPE_ENTRIES, ScopeEntry};
use std::fs;
use std::sync::OnceLock;

/// Whose calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the processes that were included.
    Generators,
    /// Those of the processes that were included, and of all that these start from then on, at any remove.
    Families,
    /// Those of every process but this one and those that were excluded.
    System,
}

/// The list.
#[derive(Debug)]
pub(crate) struct Listed(Shared<ScopeEntry>);

impl Listed {
    pub(crate) fn of(object: &Ebpf) -> Result<Self, ProbeError> {
        Ok(Self(Shared::of(object, "SCOPE", SCOPE_ENTRIES)?))
    }

    /// Lists process `tgid`, or does not.
    pub(crate) fn set(&self, tgid: u32, listed: bool) -> Result<(), ProbeError> {
        let process = tgid as usize;
        if process >= PID_LIMIT {
            return Err(ProbeError::ProcessId { tgid });
        }
        let entry = self.0.at(process / PIDS_PER_ENTRY).cast::<u8>();
        // SAFETY: within the entry; the programs read and write single bytes.
        unsafe { entry.add(process % PIDS_PER_ENTRY).write_volatile(u8::from(listed)) };
        Ok(())
    }

    /// Lists nobody any more.
    pub(crate) fn clear(&self) {
        for entry in self.0.iter() {
            // SAFETY: within the map; a process that is listed at this moment may stay so, as if it were later.
            unsafe {
                if entry.read_volatile() != [0; PIDS_PER_ENTRY] {
                    entry.write_volatile([0; PIDS_PER_ENTRY]);
                }
            }
        }
    }
}

/// What the kernel tells of its types.
const TYPES: &str = "/sys/kernel/btf/vmlinux";

/// Where in the kernel's description of a thread the id of its process is, in bytes. Looked up once: the description is
/// megabytes.
pub(crate) fn child_tgid_offset() -> Result<u32, ProbeError> {
    static FOUND: OnceLock<u32> = OnceLock::new();
    if let Some(offset) = FOUND.get() {
        return Ok(*offset);
    }
    let offset = look_up_tgid()?;
    Ok(*FOUND.get_or_init(|| offset))
}

fn look_up_tgid() -> Result<u32, ProbeError> {
    let unknown = |reason: String| ProbeError::Families { reason };
    let bytes = fs::read(TYPES).map_err(|error| unknown(format!("{TYPES}: {error}")))?;
    let offset = TypeInformation::new(&Bytes(bytes))
        .and_then(|types| types.offset_of(types.id_of("task_struct").unwrap_or(0), "tgid"));
    match offset {
        Ok((_, Offset::ByteOffset(offset))) if offset > 0 => Ok(offset),
        _ => Err(unknown(format!("{TYPES} has no `task_struct` with a `tgid`"))),
    }
}

/// A file that has been read.
struct Bytes(Vec<u8>);

impl Readable for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..));
        let found = rest.and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
}

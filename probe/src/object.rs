//! The embedded BPF object and the programs in it.

use crate::error::plain_words;
use crate::{Backend, ProbeError};
use aya::programs::{KProbe, Program, ProgramError, RawTracePoint};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = include_bytes_aligned!("../objects/probe-x86_64.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = include_bytes_aligned!("../objects/probe-aarch64.o");
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("there are BPF objects for x86_64 and aarch64 only");

/// Creates the object's maps, with `counts` entries in the count map. Loads no program.
pub(crate) fn open(counts: u32) -> Result<Ebpf, ProbeError> {
    // A kernel that the programs load on has no need of BTF; without it loading is quicker.
    EbpfLoader::new()
        .btf(None)
        .map_max_entries("COUNTS", counts)
        .load(OBJECT)
        .map_err(|error| ProbeError::Load { reason: plain_words(&error), source: Box::new(error) })
}

/// Loads program `name` and attaches it to raw tracepoint `tracepoint`.
pub(crate) fn attach_raw(object: &mut Ebpf, name: &str, tracepoint: &str) -> Result<(), ProbeError> {
    let program: &mut RawTracePoint = program(object, name)?;
    let attached = program.load().and_then(|()| program.attach(tracepoint));
    attached.map(drop).map_err(|error| refused(Backend::RawTracepoint, tracepoint, error))
}

/// Loads program `name`, a kprobe or kretprobe, and attaches it to each of `functions`.
pub(crate) fn attach_function(object: &mut Ebpf, name: &str, functions: &[&str]) -> Result<(), ProbeError> {
    let program: &mut KProbe = program(object, name)?;
    program.load().map_err(|error| refused(Backend::Kretprobe, name, error))?;
    for function in functions {
        program.attach(function, 0).map_err(|error| refused(Backend::Kretprobe, function, error))?;
    }
    Ok(())
}

fn program<'a, P>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut P, ProbeError>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let found = object.program_mut(name).and_then(|program| program.try_into().ok());
    found.ok_or_else(|| ProbeError::Object { name: name.into() })
}

fn refused(backend: Backend, place: &str, error: ProgramError) -> ProbeError {
    ProbeError::Attach { backend, place: place.into(), reason: plain_words(&error), source: Box::new(error) }
}

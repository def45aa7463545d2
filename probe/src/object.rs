//! The embedded BPF object and the programs in it.

use crate::attachment::Link;
use crate::error::plain_words;
use crate::{Backend, ProbeError};
use aya::programs::kprobe::KProbeLink;
use aya::programs::{KProbe, Program, ProgramError, RawTracePoint};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use probe_abi::{STACKS, STARTS};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{LazyLock, Mutex, PoisonError};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = include_bytes_aligned!("../objects/probe-x86_64.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = include_bytes_aligned!("../objects/probe-aarch64.o");
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("there are BPF objects for x86_64 and aarch64 only");

/// What creates maps, made once: to make one is to read all of the kernel's type information, megabytes of it, which a
/// kernel that the programs load on has no need of.
static LOADER: LazyLock<Mutex<EbpfLoader<'static>>> = LazyLock::new(|| {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    Mutex::new(loader)
});

/// Creates the object's maps, with `counts` entries in the count map, and as many places for slow calls if any are to be
/// kept. Loads no program.
pub(crate) fn open(counts: usize, keeps_slow: bool) -> Result<Ebpf, ProbeError> {
    let entries = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let if_kept = |count| if keeps_slow { count } else { 1 };
    let mut loader = LOADER.lock().unwrap_or_else(PoisonError::into_inner);
    loader
        .map_max_entries("COUNTS", entries(counts))
        .map_max_entries("SLOWEST", entries(if_kept(counts)))
        .map_max_entries("SWITCHES", entries(if_kept(STARTS)))
        .map_max_entries("STACKS", entries(if_kept(STACKS)))
        .load(OBJECT)
        .map_err(|error| ProbeError::Load { reason: plain_words(&error), source: Box::new(error) })
}

/// Attaches program `name`, which is loaded if need be, to raw tracepoint `tracepoint`.
pub(crate) fn attach_raw(
    object: &mut Ebpf,
    name: &str,
    tracepoint: &str,
) -> Result<Box<dyn Link>, ProbeError> {
    let program: &mut RawTracePoint = program(object, name)?;
    let attached = || -> Result<_, ProgramError> {
        if program.fd().is_err() {
            program.load()?;
        }
        let id = program.attach(tracepoint)?;
        program.take_link(id)
    }();
    let link = attached.map_err(|error| refused(Backend::RawTracepoint, tracepoint, error))?;
    Ok(Box::new(link))
}

/// Loads program `name`, a kprobe or kretprobe, unless it is loaded.
pub(crate) fn load_function(object: &mut Ebpf, name: &str) -> Result<(), ProbeError> {
    let program: &mut KProbe = program(object, name)?;
    if program.fd().is_ok() {
        return Ok(());
    }
    program.load().map_err(|error| refused(Backend::Kretprobe, name, error))
}

/// Attaches program `name`, a kprobe or kretprobe that is loaded, to `function`.
pub(crate) fn attach_function(
    object: &mut Ebpf,
    name: &str,
    function: &str,
) -> Result<KProbeLink, ProbeError> {
    let program: &mut KProbe = program(object, name)?;
    let attached = program.attach(function, 0).and_then(|id| program.take_link(id));
    attached.map_err(|error| refused(Backend::Kretprobe, function, error))
}

/// The descriptor of program `name`, which is loaded.
pub(crate) fn program_fd<'a>(object: &'a Ebpf, name: &str) -> Result<BorrowedFd<'a>, ProbeError> {
    let program = object.program(name).and_then(|program| program.fd().ok());
    program.map(|program| program.as_fd()).ok_or_else(|| ProbeError::Object { name: name.into() })
}

/// The program `name`.
pub(crate) fn program<'a, P>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut P, ProbeError>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let found = object.program_mut(name).and_then(|program| program.try_into().ok());
    found.ok_or_else(|| ProbeError::Object { name: name.into() })
}

/// What it means that a program did not load or attach.
pub(crate) fn refused(backend: Backend, place: &str, error: ProgramError) -> ProbeError {
    ProbeError::Attach { backend, place: place.into(), reason: plain_words(&error), source: Box::new(error) }
}

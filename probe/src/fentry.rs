//! The fentry backend: a pair of programs at the function of each target, called by a trampoline.
//!
//! The kernel must know the function's type, which it does not of every system call; and a program is loaded for the one
//! function that it is attached to.

use crate::attachment::{Attached, Attachment, Link};
use crate::object::{program, refused};
use crate::{Backend, ProbeError, Target, functions};
use aya::programs::{FEntry, FExit};
use aya::util::KernelVersion;
use aya::{Btf, Ebpf};
use aya_obj::btf::BtfKind;
use std::sync::OnceLock;

/// Loads and attaches the programs. Returns are attached first: they find no start until the entries are.
pub(crate) fn attach(object: &mut Ebpf, targets: &[Target]) -> Result<Attachment, ProbeError> {
    let types = types()?;
    let leaves = attach_all(object, targets, types, ("fexit_leave", attach_exit))?;
    let enters = attach_all(object, targets, types, ("fentry_enter", attach_entry))?;
    Ok(Attachment { leaves, enters, aids: Vec::new() })
}

/// Loads and attaches what sees returns.
pub(crate) fn attach_leaves(object: &mut Ebpf, targets: &[Target]) -> Result<Vec<Attached>, ProbeError> {
    attach_all(object, targets, types()?, ("fexit_leave", attach_exit))
}

/// Attaches a program by name to a function.
type Attach = fn(&mut Ebpf, &str, &str, &Btf) -> Result<Box<dyn Link>, ProbeError>;

/// Attaches each target's program of one kind.
fn attach_all(
    object: &mut Ebpf,
    targets: &[Target],
    types: &Btf,
    (kind, attach): (&str, Attach),
) -> Result<Vec<Attached>, ProbeError> {
    let attach = |(index, target): (usize, &Target)| {
        let (function, is_void) = function(types, target)?;
        if is_void && is_older_than_5_15() {
            let reason = "system calls without arguments need Linux 5.15";
            return Err(ProbeError::Unsupported { backend: Backend::Fentry, reason });
        }
        let program = format!("{kind}{}_{index}", if is_void { "_void" } else { "" });
        let link = attach(object, &program, &function, types)?;
        Ok(Attached { target: Some(index), program, link })
    };
    targets.iter().enumerate().map(attach).collect()
}

/// Whether programs on this kernel cannot ask where a caller's registers are, which a function without arguments is not
/// told.
fn is_older_than_5_15() -> bool {
    KernelVersion::current().is_ok_and(|version| version < KernelVersion::new(5, 15, 0))
}

/// Attaches program `name` to the entry of `function`.
pub(crate) fn attach_entry(
    object: &mut Ebpf,
    name: &str,
    function: &str,
    types: &Btf,
) -> Result<Box<dyn Link>, ProbeError> {
    let program: &mut FEntry = program(object, name)?;
    let attached = program.load(function, types).and_then(|()| program.attach());
    let link = attached.and_then(|id| program.take_link(id));
    Ok(Box::new(link.map_err(|error| refused(Backend::Fentry, function, error))?))
}

/// Attaches program `name`, which is loaded if need be, to the return of `function`.
pub(crate) fn attach_exit(
    object: &mut Ebpf,
    name: &str,
    function: &str,
    types: &Btf,
) -> Result<Box<dyn Link>, ProbeError> {
    let program: &mut FExit = program(object, name)?;
    let loaded = if program.fd().is_ok() { Ok(()) } else { program.load(function, types) };
    let link = loaded.and_then(|()| program.attach()).and_then(|id| program.take_link(id));
    Ok(Box::new(link.map_err(|error| refused(Backend::Fentry, function, error))?))
}

/// What the kernel tells of its functions' types. Read once by who asks for it: it is megabytes.
pub(crate) fn types() -> Result<&'static Btf, ProbeError> {
    static TYPES: OnceLock<Btf> = OnceLock::new();
    if let Some(types) = TYPES.get() {
        return Ok(types);
    }
    let read = Btf::from_sys_fs().map_err(|_| ProbeError::Unsupported {
        backend: Backend::Fentry,
        reason: "this kernel tells no type information (/sys/kernel/btf/vmlinux)",
    })?;
    Ok(TYPES.get_or_init(|| read))
}

/// The function of `target`, and whether it has no arguments; else it has one, the caller's registers.
pub(crate) fn function(types: &Btf, target: &Target) -> Result<(String, bool), ProbeError> {
    let known = |name: &String| types.id_by_type_name_kind(name, BtfKind::Func).is_ok();
    let with_registers = functions::candidates(&target.name);
    let without = functions::void_candidate(&target.name);
    let found = with_registers.iter().find(|name| known(name)).map(|name| (name.clone(), false));
    let found = found.or_else(|| without.iter().find(|name| known(name)).map(|name| (name.clone(), true)));
    found.ok_or_else(|| ProbeError::NoFunctionType {
        name: target.name.clone(),
        looked_for: with_registers.into_iter().chain(without).collect::<Vec<_>>().join(", "),
    })
}

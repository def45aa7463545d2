//! The kretprobe backend: a pair of programs at the function of each target.
//!
//! A kretprobe can watch only so many calls of its function at a time; the return of any more is missed. What a perf
//! event gives is ten or twice the number of CPUs, soon exceeded by threads that block. So returns are attached by way
//! of tracefs, where a number can be asked for, and by a perf event only where that is not to be had.

use crate::attachment::{Attached, Attachment, FunctionLink, Link};
use crate::functions::Functions;
use crate::object::{attach_function, load_function, program_fd};
use crate::trace_event::{self, ReturnEvents};
use crate::{Backend, MaxActive, ProbeError, Target};
use aya::Ebpf;
use std::path::Path;

/// Calls of one function that are watched at a time, as many as the kernel allows.
const MOST_ACTIVE: u32 = 4096;

/// Loads and attaches the programs. Returns are attached first: they find no start until the entries are.
pub(crate) fn attach(
    object: &mut Ebpf,
    targets: &[Target],
    max_active: MaxActive,
) -> Result<Attachment, ProbeError> {
    if !Path::new("/sys/bus/event_source/devices/kprobe").exists() && !trace_event::is_there() {
        let reason = "this kernel has no kprobes (CONFIG_KPROBES)";
        return Err(ProbeError::Unsupported { backend: Backend::Kretprobe, reason });
    }
    let functions = functions(targets)?;
    let leaves = attach_leaves(object, targets, max_active)?;
    let mut enters = Vec::new();
    for (index, function) in functions.iter().enumerate() {
        let program = format!("kprobe_enter_{index}");
        load_function(object, &program)?;
        enters.push(at_function(object, index, program, function)?);
    }
    Ok(Attachment { leaves, enters, aids: Vec::new() })
}

/// Loads and attaches what sees returns.
pub(crate) fn attach_leaves(
    object: &mut Ebpf,
    targets: &[Target],
    max_active: MaxActive,
) -> Result<Vec<Attached>, ProbeError> {
    const PROGRAM: &str = "kretprobe_leave";
    let functions = functions(targets)?;
    load_function(object, PROGRAM)?;
    if max_active == MaxActive::Most
        && let Ok(events) = ReturnEvents::attach(&functions, MOST_ACTIVE, program_fd(object, PROGRAM)?)
    {
        let attached = events.into_iter().enumerate().map(|(index, event)| {
            let link: Box<dyn Link> = Box::new(event);
            Attached { target: Some(index), program: PROGRAM.to_owned(), link }
        });
        return Ok(attached.collect());
    }
    let attach =
        |(index, function): (usize, &String)| at_function(object, index, PROGRAM.to_owned(), function);
    functions.iter().enumerate().map(attach).collect()
}

fn functions(targets: &[Target]) -> Result<Vec<String>, ProbeError> {
    let known = Functions::known();
    targets.iter().map(|target| known.of(target)).collect()
}

fn at_function(
    object: &mut Ebpf,
    index: usize,
    program: String,
    function: &str,
) -> Result<Attached, ProbeError> {
    let link = Box::new(FunctionLink::new(attach_function(object, &program, function)?));
    Ok(Attached { target: Some(index), program, link })
}

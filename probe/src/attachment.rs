//! What is attached to the kernel, until dropped, and what the kernel says that it missed there.

use crate::sys;
use aya::Ebpf;
use aya::programs::fentry::FEntryLink;
use aya::programs::fexit::FExitLink;
use aya::programs::kprobe::KProbeLink;
use aya::programs::links::FdLink;
use aya::programs::raw_trace_point::RawTracePointLink;
use std::fmt::Debug;
use std::os::fd::{AsFd as _, OwnedFd};

/// How many events a place in the kernel did not hand to its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Places of this kind hand over every event.
    None,
    /// The kernel counts them, since the place exists.
    Counted(u64),
    /// There may be some, and this kernel does not count them.
    Unknown,
}

/// Where a program is attached; dropping it detaches.
pub(crate) trait Link: Debug + Send {
    /// What was missed there.
    fn missed(&self) -> Missed {
        Missed::None
    }
}

impl Link for RawTracePointLink {}
impl Link for FEntryLink {}
impl Link for FExitLink {}

/// A kprobe or kretprobe that the kernel made for this process alone.
#[derive(Debug)]
#[expect(dead_code, reason = "what is attached stays so for as long as it is held")]
pub(crate) enum FunctionLink {
    /// Made by a link of the kernel's, which can be asked what was missed.
    Link(FdLink, Option<OwnedFd>),
    /// Made by a perf event: the kernel has no links for kprobes (before Linux 5.15).
    Event(KProbeLink),
}

impl FunctionLink {
    pub(crate) fn new(link: KProbeLink) -> Self {
        if !aya::features().bpf_perf_link() {
            return Self::Event(link);
        }
        let link = FdLink::try_from(link).unwrap_or_else(|_| unreachable!("such a kernel attaches by link"));
        let descriptor = link.info().ok().and_then(|info| sys::link_by_id(info.id()).ok());
        Self::Link(link, descriptor)
    }
}

impl Link for FunctionLink {
    fn missed(&self) -> Missed {
        let counted = match self {
            Self::Link(_, Some(descriptor)) => sys::probe_misses(descriptor.as_fd()),
            _ => None,
        };
        counted.map_or(Missed::Unknown, Missed::Counted)
    }
}

/// A program at a place.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Index of the target that it serves; none for all.
    pub(crate) target: Option<usize>,
    /// Name of the program in the object.
    pub(crate) program: String,
    /// Where it is attached.
    pub(crate) link: Box<dyn Link>,
}

/// Everything that a backend attached.
#[derive(Debug, Default)]
pub(crate) struct Attachment {
    /// At returns.
    pub(crate) leaves: Vec<Attached>,
    /// At entries.
    pub(crate) enters: Vec<Attached>,
    /// Elsewhere: nothing is counted there.
    pub(crate) aids: Vec<Box<dyn Link>>,
}

impl Attachment {
    /// How many events of target `index` were missed so far, of every process: those that the kernel did not hand to a
    /// program, and those that it did not run the program for. None where it counts no such thing.
    pub(crate) fn missed(&self, object: &Ebpf, index: usize) -> Option<u64> {
        let mut missed = 0;
        for place in self.leaves.iter().chain(&self.enters) {
            if place.target.is_some_and(|target| target != index) {
                continue;
            }
            missed += match place.link.missed() {
                Missed::None => 0,
                Missed::Counted(count) => count,
                Missed::Unknown => return None,
            };
            let program = object.program(&place.program)?.fd().ok()?;
            missed += sys::recursion_misses(program.as_fd())?;
        }
        Some(missed)
    }
}

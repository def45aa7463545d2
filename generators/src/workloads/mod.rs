//! The workloads: what one operation is.
//!
//! Each file owns one workload and says exactly what it issues and what it leaves out. Knows nothing of threads,
//! pace or windows.

mod futex;
mod getpid;
mod mmap;
mod openat;
mod read;
mod scratch_file;

pub(crate) use futex::Futex;
pub(crate) use getpid::Getpid;
pub(crate) use mmap::Mmap;
pub(crate) use openat::Openat;
pub(crate) use read::Read;
pub(crate) use scratch_file::ScratchFile;

use crate::clock::now_ns;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use generators::GeneratorSpec;
use std::io;

/// What an operation is made from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) spec: GeneratorSpec,
    /// The file that the workload reads or opens, where it does.
    pub(crate) file: Option<ScratchFile>,
}

impl Site {
    /// Prepares what the threads of `spec` share.
    pub(crate) fn prepare(spec: GeneratorSpec) -> Result<Self, Failure> {
        let file = ScratchFile::for_workload(&spec)?;
        Ok(Self { spec, file })
    }

    fn file(&self) -> Result<&ScratchFile, Failure> {
        self.file.as_ref().ok_or_else(|| Failure::Usage("the workload has no file".into()))
    }

    /// The size of an operation, which is known to be there for workloads that take one.
    fn size_bytes(&self) -> Result<usize, Failure> {
        let size = self.spec.size_bytes.and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| Failure::Usage("the workload needs a size that fits into memory".into()))
    }
}

/// What one thread repeats. Every thread has its own.
pub(crate) trait Operation: Sized {
    /// The timed calls of one operation: an array, one call for each of `Workload::syscalls`, in their order.
    type Calls: AsRef<[Call]>;

    /// Opens and allocates all that the operation needs.
    fn prepare(site: &Site) -> Result<Self, Failure>;

    /// Issues each call once, also when the one before failed, so that their numbers are always the same.
    fn perform(&mut self) -> Self::Calls;

    /// Whether calls that did not fail also did what they should; asked before the window only.
    fn verify(&self, _calls: &Self::Calls) -> Result<(), Failure> {
        Ok(())
    }
}

/// Prepares an operation and performs it once, so that what cannot work is told before the window.
pub(crate) fn prepare_and_try<O: Operation>(site: &Site) -> Result<O, Failure> {
    let mut operation = O::prepare(site)?;
    let calls = operation.perform();
    let workload = site.spec.workload;
    for (call, syscall) in calls.as_ref().iter().zip(workload.syscalls()) {
        if call.result < 0 {
            let number = i32::try_from(-call.result).unwrap_or(i32::MAX);
            let source = io::Error::from_raw_os_error(number);
            return Err(Failure::FirstCall { syscall, workload: workload.name(), source });
        }
    }
    operation.verify(&calls)?;
    Ok(operation)
}

/// Issues one call between two readings of the clock.
///
/// # Safety
/// As for [`raw::syscall`].
#[inline(always)]
unsafe fn timed(number: libc::c_long, arguments: [usize; 6]) -> Call {
    let begin_ns = now_ns();
    // SAFETY: the caller's promise.
    let result = unsafe { raw::syscall(number, arguments) };
    let end_ns = now_ns();
    Call { begin_ns, end_ns, result }
}

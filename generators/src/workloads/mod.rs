//! The workloads: what one operation is.
//!
//! Each file owns one workload and says exactly what it issues and what it leaves out. Knows nothing of threads,
//! pace or windows.

mod brk;
mod buffer;
mod clone;
mod close;
mod epoll_wait;
mod eventfd;
mod eventfd_pingpong;
mod execve;
mod fsync;
mod futex;
mod futex_pingpong;
mod futex_waiters;
mod getpid;
mod helper;
mod mixed;
mod mmap;
mod mmap_file;
mod mmap_huge;
mod mmap_populate;
mod mprotect;
mod munmap;
mod nanosleep;
mod openat;
mod openat_cold;
mod openat_create;
mod openat_deep;
mod openat_missing;
mod pingpong;
mod pipe;
mod pipe_pingpong;
mod pread;
mod read;
mod scratch;
mod socket;
mod stat;
mod write;

pub(crate) use brk::Brk;
pub(crate) use clone::Clone;
pub(crate) use close::Close;
pub(crate) use epoll_wait::EpollWait;
pub(crate) use eventfd::Eventfd;
pub(crate) use eventfd_pingpong::EventfdPingpong;
pub(crate) use execve::Execve;
pub(crate) use fsync::Fsync;
pub(crate) use futex::Futex;
pub(crate) use futex_pingpong::FutexPingpong;
pub(crate) use futex_waiters::FutexWaiters;
pub(crate) use getpid::Getpid;
pub(crate) use mixed::Mixed;
pub(crate) use mmap::Mmap;
pub(crate) use mmap_file::MmapFile;
pub(crate) use mmap_huge::MmapHuge;
pub(crate) use mmap_populate::MmapPopulate;
pub(crate) use mprotect::Mprotect;
pub(crate) use munmap::Munmap;
pub(crate) use nanosleep::Nanosleep;
pub(crate) use openat::Openat;
pub(crate) use openat_cold::OpenatCold;
pub(crate) use openat_create::OpenatCreate;
pub(crate) use openat_deep::OpenatDeep;
pub(crate) use openat_missing::OpenatMissing;
pub(crate) use pipe::Pipe;
pub(crate) use pipe_pingpong::PipePingpong;
pub(crate) use pread::Pread;
pub(crate) use read::Read;
pub(crate) use socket::Socket;
pub(crate) use stat::Stat;
pub(crate) use write::Write;

use crate::clock::now_ns;
use crate::failure::Failure;
use crate::raw;
use crate::recorder::Call;
use crate::{GeneratorSpec, Workload};
use scratch::{ScratchFile, ScratchFolder};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// What an operation is made from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) spec: GeneratorSpec,
    /// The file that all threads read, map or open, where there is one.
    file: Option<ScratchFile>,
    /// The folder in which they open files, where there is one.
    folder: Option<ScratchFolder>,
    /// What each workload of a mix is made from.
    parts: Vec<Site>,
}

impl Site {
    /// Prepares what the threads of `spec` share.
    pub(crate) fn prepare(spec: GeneratorSpec) -> Result<Self, Failure> {
        let parts = spec.mix.iter().map(|(workload, _)| Self::prepare(spec.part(*workload)));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        if !parts.is_empty() {
            return Ok(Self { spec, file: None, folder: None, parts });
        }
        let scratch = &spec.scratch;
        let file_bytes = match spec.workload {
            Workload::Read | Workload::Pread | Workload::MmapFile => spec.size_bytes,
            Workload::Openat | Workload::Close | Workload::Stat => Some(0),
            _ => None,
        };
        let file = file_bytes.map(|size| ScratchFile::create(scratch, size)).transpose()?;
        let folder = match spec.workload {
            Workload::OpenatMissing => Some(ScratchFolder::create(scratch)?),
            Workload::Execve => Some(execve::fill(scratch)?),
            Workload::OpenatCold => Some(openat_cold::fill(scratch)?),
            Workload::OpenatDeep => Some(openat_deep::fill(scratch, spec.depth.unwrap_or(1))?),
            _ => None,
        };
        Ok(Self { spec, file, folder, parts })
    }

    fn file(&self) -> Result<&ScratchFile, Failure> {
        self.file.as_ref().ok_or_else(|| Failure::Usage("the workload has no file".into()))
    }

    fn folder(&self) -> Result<&ScratchFolder, Failure> {
        self.folder.as_ref().ok_or_else(|| Failure::Usage("the workload has no folder".into()))
    }

    /// A file of this thread's own.
    fn own_file(&self, size_bytes: usize) -> Result<ScratchFile, Failure> {
        ScratchFile::create(&self.spec.scratch, size_bytes as u64)
    }

    /// The size of an operation, which is known to be there for workloads that take one.
    fn size_bytes(&self) -> Result<usize, Failure> {
        let size = self
            .spec
            .size_bytes
            .or(self.spec.workload.default_size_bytes())
            .and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| Failure::Usage("the workload needs a size that fits into memory".into()))
    }

    /// Bytes from one touched byte to the next, where memory is touched.
    fn touch_every(&self) -> Option<usize> {
        self.spec.touch.then(rustix::param::page_size)
    }
}

/// What one thread repeats. Every thread has its own.
pub(crate) trait Operation: Sized {
    /// The timed calls of one operation: an array, one call for each of `Workload::timed`, in their order.
    type Calls: AsRef<[Call]>;

    /// Whether other threads take part, which have to be told when.
    const IS_HELPED: bool = false;

    /// Whether it uses up what has to be made anew before the next.
    const IS_RENEWED: bool = false;

    /// Opens and allocates all that the operation needs.
    fn prepare(site: &Site) -> Result<Self, Failure>;

    /// Issues each call once, also when the one before failed, so that their numbers are always the same.
    fn perform(&mut self) -> Self::Calls;

    /// Makes anew what the operation before has used up: its untimed calls, always the same.
    fn renew(&mut self) {}

    /// Of which workload of a mix the operation was.
    #[inline(always)]
    fn kind(_calls: &Self::Calls) -> usize {
        0
    }

    /// Lets those who help begin; said before the first of a row of operations.
    fn begin(&mut self) {}

    /// Tells those who help that they are to have no call open after the next operation, which is the row's last.
    fn announce_last(&mut self) {}

    /// Waits until those who help have no call open.
    fn end(&mut self) {}

    /// Whether the call at this place of the operation may return that; asked before the window only.
    fn is_expected(_place: usize, result: isize) -> bool {
        result >= 0
    }

    /// Whether calls that did not fail also did what they should; asked before the window only.
    fn verify(&self, _calls: &Self::Calls) -> Result<(), Failure> {
        Ok(())
    }
}

/// Prepares an operation and performs it once, so that what cannot work is told before the window.
pub(crate) fn prepare_and_try<O: Operation>(site: &Site) -> Result<O, Failure> {
    let mut operation = O::prepare(site)?;
    operation.begin();
    operation.announce_last();
    let calls = operation.perform();
    operation.renew();
    operation.end();
    let workload = site.spec.workload;
    for (place, (call, syscall)) in calls.as_ref().iter().zip(workload.timed()).enumerate() {
        if !O::is_expected(place, call.result) {
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

/// A descriptor as calls take it.
fn raw_fd(file: impl AsFd) -> usize {
    // It is never negative.
    (file.as_fd().as_raw_fd() as isize).cast_unsigned()
}

/// The folder against which paths are resolved: the kernel looks at 32 bits of the argument; extending the sign is
/// what a C caller does.
const CURRENT_FOLDER: usize = (libc::AT_FDCWD as isize).cast_unsigned();

/// Opens a file for reading, close-on-exec, and closes it: what the workloads about opening have in common.
#[inline(always)]
fn open_and_close(path: &CString) -> [Call; 2] {
    const FLAGS: usize = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let path = path.as_ptr().expose_provenance();
    // SAFETY: the path ends with a zero and is borrowed for the call.
    let openat = unsafe { timed(libc::SYS_openat, [CURRENT_FOLDER, path, FLAGS, 0, 0, 0]) };
    [openat, close(openat.result)]
}

/// Closes what a call before has opened.
#[inline(always)]
fn close(descriptor: isize) -> Call {
    // SAFETY: the descriptor was just opened and nobody else uses it; a negative error number is no descriptor.
    unsafe { timed(libc::SYS_close, [descriptor.cast_unsigned(), 0, 0, 0, 0, 0]) }
}

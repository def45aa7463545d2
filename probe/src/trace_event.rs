//! Kretprobes made by way of tracefs, which lets us say how many calls each can watch at a time.
//!
//! Unlike everything else that the probe puts into the kernel, such an event outlives the process that made it. So a
//! small process of its own waits for this one's end, however that comes, and then removes the events; and what a
//! machine's crash or a killed helper left is removed when the next events are made.

use crate::OwnFiles;
use crate::attachment::{Link, Missed};
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The group of all events that this program ever makes.
const GROUP: &str = "syscall_lab";

/// Where tracefs may be mounted.
const ROOTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Numbers this process's events.
static EVENTS: AtomicU32 = AtomicU32::new(0);

/// A kretprobe, attached until dropped.
#[derive(Debug)]
pub(crate) struct ReturnEvent {
    name: String,
    /// Closed before the event is removed, which is refused while it is in use.
    perf: Option<OwnedFd>,
    keeper: Arc<Keeper>,
}

/// Makes kretprobes.
pub(crate) struct ReturnEvents;

impl ReturnEvents {
    /// Attaches `program` to the return of each function, to watch `max_active` calls of it at a time.
    pub(crate) fn attach(
        functions: &[String],
        max_active: u32,
        program: BorrowedFd,
    ) -> io::Result<Vec<ReturnEvent>> {
        let _files = OwnFiles::take();
        let root = root().ok_or(io::ErrorKind::NotFound)?;
        remove_leftovers(&root);
        let name = |_| format!("leave_{}_{}", std::process::id(), EVENTS.fetch_add(1, Ordering::Relaxed));
        let names: Vec<String> = functions.iter().map(name).collect();
        // Before there is anything to remove.
        let keeper = Arc::new(Keeper::start(&root, &names)?);
        let make = |(function, name): (&String, String)| {
            command(&root, &format!("r{max_active}:{GROUP}/{name} {function}"))?;
            let mut event = ReturnEvent { name, perf: None, keeper: Arc::clone(&keeper) };
            event.perf = Some(open_event(&root, &event.name, program)?);
            Ok(event)
        };
        functions.iter().zip(names).map(make).collect()
    }
}

/// Whether kprobes can be made here.
pub(crate) fn is_there() -> bool {
    let _files = OwnFiles::take();
    root().is_some()
}

/// Where tracefs is mounted, if it knows kprobes.
fn root() -> Option<PathBuf> {
    ROOTS.iter().map(PathBuf::from).find(|root| root.join("kprobe_events").exists())
}

impl Link for ReturnEvent {
    fn missed(&self) -> Missed {
        let _files = OwnFiles::take();
        let profile = fs::read_to_string(self.keeper.root.join("kprobe_profile")).unwrap_or_default();
        // Name, hits, misses.
        let line = profile.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let mut counts = line.filter(|words| words.first() == Some(&self.name.as_str()));
        let missed = counts.next().and_then(|words| words.get(2)?.parse().ok());
        missed.map_or(Missed::Unknown, Missed::Counted)
    }
}

impl Drop for ReturnEvent {
    fn drop(&mut self) {
        drop(self.perf.take());
        let _files = OwnFiles::take();
        // If it cannot be removed now, the keeper tries again.
        let _ = command(&self.keeper.root, &format!("-:{GROUP}/{}", self.name));
    }
}

fn command(root: &Path, line: &str) -> io::Result<()> {
    let mut events = OpenOptions::new().append(true).open(root.join("kprobe_events"))?;
    events.write_all(format!("{line}\n").as_bytes())
}

/// Opens the event `name` and hands its hits to `program`, on every CPU.
fn open_event(root: &Path, name: &str, program: BorrowedFd) -> io::Result<OwnedFd> {
    const ENABLE: libc::c_ulong = 0x2400;
    const SET_BPF: libc::c_ulong = 0x4004_2408;
    let id = fs::read_to_string(root.join("events").join(GROUP).join(name).join("id"))?;
    let id: u64 = id.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
    let attributes = EventAttributes { kind: 2, bytes: 64, id, rest: [0; 6] };
    let close_on_exec: libc::c_ulong = 8;
    // SAFETY: the attributes are as large as they say, and outlive the call. Every process (-1), on any CPU (0 stands
    // for all of them where a program is attached), in no group (-1).
    let event =
        unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attributes, -1, 0, -1, close_on_exec) };
    let event = i32::try_from(event).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: a new descriptor.
    let event = unsafe { OwnedFd::from_raw_fd(event) };
    for (request, argument) in [(SET_BPF, program.as_raw_fd()), (ENABLE, 0)] {
        // SAFETY: both requests take an integer.
        if unsafe { libc::ioctl(event.as_raw_fd(), request as _, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(event)
}

/// `struct perf_event_attr` as far as its first version goes.
#[repr(C)]
struct EventAttributes {
    /// 2: a tracepoint.
    kind: u32,
    bytes: u32,
    id: u64,
    rest: [u64; 6],
}

/// Removes the events of processes that are no more.
fn remove_leftovers(root: &Path) {
    let events = fs::read_to_string(root.join("kprobe_events")).unwrap_or_default();
    for line in events.lines() {
        let name = line.split_once(&format!("{GROUP}/")).and_then(|(_, rest)| rest.split_whitespace().next());
        let owner = name.and_then(|name| name.split('_').nth(1)?.parse::<u32>().ok());
        if let (Some(name), Some(owner)) = (name, owner)
            && !Path::new(&format!("/proc/{owner}")).exists()
        {
            // Whoever else finds it meanwhile may be the one to remove it.
            let _ = command(root, &format!("-:{GROUP}/{name}"));
        }
    }
}

/// The process that removes this one's events should it end without doing so.
#[derive(Debug)]
struct Keeper {
    root: PathBuf,
    process: libc::pid_t,
    /// The keeper waits for its end, which comes with this process's.
    lifeline: Option<OwnedFd>,
}

impl Keeper {
    fn start(root: &Path, names: &[String]) -> io::Result<Self> {
        let file = CString::new(root.join("kprobe_events").as_os_str().as_encoded_bytes())?;
        let line = |name: &String| CString::new(format!("-:{GROUP}/{name}\n"));
        let lines = names.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let (waits, lifeline) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        // SAFETY: the child makes system calls only, on memory made ready before, and ends without running anything else
        // of this process.
        let process = unsafe { libc::fork() };
        match process {
            // SAFETY: see above.
            0 => unsafe { keep(waits.as_raw_fd(), &file, &lines) },
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(Self { root: root.to_owned(), process, lifeline: Some(lifeline) }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // With the events gone there is nothing to keep: it ends as soon as it has found so.
        drop(self.lifeline.take());
        let mut status = 0;
        // SAFETY: a child of this process that nobody else waits for.
        unsafe { libc::waitpid(self.process, &raw mut status, 0) };
    }
}

/// The life of a keeper.
///
/// # Safety
/// Only for a process just forked that shall do nothing else.
unsafe fn keep(waits: libc::c_int, file: &CString, lines: &[CString]) -> ! {
    // SAFETY: system calls on valid memory.
    unsafe {
        // Not to be ended by a key that is meant for the runner.
        libc::setsid();
        // What it inherited would keep maps, events and the other ends of pipes alive.
        for fd in 0..waits.max(4096) {
            if fd != waits {
                libc::close(fd);
            }
        }
        let mut byte = 0u8;
        while libc::read(waits, (&raw mut byte).cast(), 1) > 0 {}
        let pause = libc::timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        // The kernel lets go of a dead process's events only after a moment.
        for _ in 0..100 {
            let mut left = false;
            for line in lines {
                let events = libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_APPEND | libc::O_CLOEXEC);
                if events < 0 {
                    libc::_exit(1);
                }
                let written = libc::write(events, line.as_ptr().cast(), line.as_bytes().len());
                left |= written < 0 && *libc::__errno_location() != libc::ENOENT;
                libc::close(events);
            }
            if !left {
                libc::_exit(0);
            }
            libc::nanosleep(&raw const pause, std::ptr::null_mut());
        }
        libc::_exit(1)
    }
}

//! Other tools that say where a process's system calls spend their time, on the same work.
//!
//! A peer is started for every round that it takes part in: while it is attached, nobody else could be measured. The
//! clock starts when it holds what it traces with and has come to rest.

use crate::Fallible;
use crate::counts;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a peer may take to attach, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// Pauses in a row without any processor time, after which a peer is at rest.
const PAUSES_AT_REST: usize = 4;

const HISTOGRAM_SCRIPT: &str = "
tracepoint:raw_syscalls:sys_enter /pid == $1/ { @start[tid] = nsecs; }
tracepoint:raw_syscalls:sys_exit /@start[tid]/ {
    @latency[args->id] = hist(nsecs - @start[tid]);
    delete(@start[tid]);
}
END { clear(@start); }
";

/// A tool to be compared with.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What it keeps of each system call.
    pub(crate) keeps: &'static str,
    pub(crate) histogram: bool,
    /// Debian's name of what to install.
    pub(crate) package: &'static str,
    /// Whether a call costs tens of microseconds under it.
    pub(crate) slow: bool,
    /// Names or paths of the program, the likelier one first.
    programs: &'static [&'static str],
    /// Whether only a compiled program of that name is meant: other collections have scripts called the same.
    compiled: bool,
    /// What goes between the program and the worker's id.
    arguments: &'static [&'static str],
    attached: Sign,
    /// Finds in its output how many getpid it saw.
    counted: fn(&str) -> Option<u64>,
}

/// How a peer that has attached is recognised.
enum Sign {
    /// It has at least as many descriptors of such kinds.
    Descriptors(usize, &'static [&'static str]),
    /// It is the worker's tracer.
    Tracer,
}

/// Programs are attached by perf events or by links.
const BPF_PAIR: Sign = Sign::Descriptors(2, &["anon_inode:bpf-prog", "anon_inode:bpf_prog"]);

/// Every peer that the benchmark knows.
pub(crate) const PEERS: [Peer; 5] = [
    Peer {
        name: "bpftrace, hist() script",
        keeps: "a histogram in powers of two",
        histogram: true,
        package: "bpftrace",
        slow: false,
        programs: &["bpftrace"],
        compiled: false,
        arguments: &["-e", HISTOGRAM_SCRIPT],
        attached: BPF_PAIR,
        counted: counts::sum_of_bars,
    },
    Peer {
        name: "libbpf-tools syscount -L",
        keeps: "count, sum",
        histogram: false,
        package: "libbpf-tools",
        slow: false,
        programs: &["syscount", "bpf-syscount"],
        compiled: true,
        arguments: &["-L", "-p"],
        attached: BPF_PAIR,
        counted: counts::after_name,
    },
    Peer {
        name: "bcc syscount -L",
        keeps: "count, sum",
        histogram: false,
        package: "bpfcc-tools",
        slow: false,
        programs: &["syscount-bpfcc", "/usr/share/bcc/tools/syscount"],
        compiled: false,
        arguments: &["-L", "-p"],
        attached: BPF_PAIR,
        counted: counts::after_name,
    },
    Peer {
        name: "perf trace -s",
        keeps: "count, errors, sum, extremes, deviation",
        histogram: false,
        package: "linux-perf",
        slow: true,
        programs: &["perf"],
        compiled: false,
        arguments: &["trace", "-s", "-p"],
        attached: Sign::Descriptors(1, &["anon_inode:[perf_event]"]),
        counted: counts::after_name,
    },
    Peer {
        name: "strace -c",
        keeps: "count, errors, sum",
        histogram: false,
        package: "strace",
        slow: true,
        programs: &["strace"],
        compiled: false,
        arguments: &["-c", "-p"],
        attached: Sign::Tracer,
        counted: counts::fourth_column,
    },
];

impl Peer {
    /// Where its program is.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Administrators' programs are not on everybody's path.
        let folders: Vec<_> =
            std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
        let places = self.programs.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
        places.into_iter().find(|place| place.is_file() && (!self.compiled || is_compiled(place)))
    }

    /// What `program` says of itself; some say nothing.
    pub(crate) fn version(program: &Path) -> Option<String> {
        let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&said.stdout);
        let line = text.lines().next()?.trim();
        (said.status.success() && !line.is_empty()).then(|| line.to_owned())
    }

    /// Attaches `program` to the process `worker`.
    pub(crate) fn attach(&'static self, program: &Path, worker: u32) -> Fallible<Attached> {
        let mut attached = Attached::start(self, program, worker)?;
        attached.wait_until_attached(worker)?;
        Ok(attached)
    }

    fn has_attached(&self, pid: u32, worker: u32) -> bool {
        match self.attached {
            Sign::Descriptors(least, kinds) => descriptors(pid, kinds) >= least,
            Sign::Tracer => fs::read_to_string(format!("/proc/{worker}/status"))
                .is_ok_and(|status| status.lines().any(|line| line == format!("TracerPid:\t{pid}"))),
        }
    }
}

/// A peer at work; killed when dropped, or with this process.
pub(crate) struct Attached {
    peer: &'static Peer,
    child: Child,
    output: File,
    errors: File,
}

impl Attached {
    fn start(peer: &'static Peer, program: &Path, worker: u32) -> Fallible<Self> {
        let (output, errors) = (scratch()?, scratch()?);
        let mut command = Command::new(program);
        command.args(peer.arguments).arg(worker.to_string());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(errors.try_clone()?);
        // What it prints is read.
        command.env("LC_ALL", "C");
        let prepare = || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // SAFETY: sets no handler. A shell has its background processes ignore the signal that ends peers.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
            Ok(())
        };
        // SAFETY: the closure makes two system calls and nothing else.
        unsafe { command.pre_exec(prepare) };
        Ok(Self { peer, child: command.spawn()?, output, errors })
    }

    fn wait_until_attached(&mut self, worker: u32) -> Fallible<()> {
        let pid = self.child.id();
        let began = Instant::now();
        let (mut used, mut pauses) = (None, 0);
        while pauses < PAUSES_AT_REST {
            if self.child.try_wait()?.is_some() {
                return Err(self.reason()?.into());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("it did not attach within {} s", PATIENCE.as_secs()).into());
            }
            sleep(PAUSE);
            let now = processor_ticks(pid);
            pauses = if used == now && self.peer.has_attached(pid, worker) { pauses + 1 } else { 0 };
            used = now;
        }
        Ok(())
    }

    /// Ends it as a user would, and returns how many getpid it says it saw.
    pub(crate) fn finish(mut self) -> Fallible<u64> {
        // Those that read events from a ring get the time to read the last ones.
        sleep(2 * PAUSE);
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                return Err(format!("it did not end within {} s", PATIENCE.as_secs()).into());
            }
            sleep(PAUSE / 5);
        }
        let (output, errors) = (text(&mut self.output)?, text(&mut self.errors)?);
        let counted = (self.peer.counted)(&output).or_else(|| (self.peer.counted)(&errors));
        counted.ok_or_else(|| format!("it counted no call: {}", counts::reason(&output, &errors)).into())
    }

    fn reason(&mut self) -> Fallible<String> {
        Ok(counts::reason(&text(&mut self.output)?, &text(&mut self.errors)?))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file without a name, for output of any length.
fn scratch() -> Fallible<File> {
    Ok(memfd_create("output", MemfdFlags::CLOEXEC)?.into())
}

fn text(file: &mut File) -> Fallible<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_compiled(program: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(program).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

/// How many descriptors of process `pid` are of one of `kinds`.
fn descriptors(pid: u32, kinds: &[&str]) -> usize {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| kinds.iter().any(|kind| target.as_os_str() == *kind)).count()
}

/// Processor time that process `pid` has used, in clock ticks.
fn processor_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, which may hold anything, ends at the last bracket; times are the fields 14 and 15, the state is 3.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

//! Process 1 of the virtual machine in which the probe and the runner are tested on other kernels.
//!
//! Mounts what a Linux program expects and the disk with the programs under test, carries out the steps listed there
//! one after the other, and ends the machine. Knows nothing of what the steps do: each is a line `NAME [VARIABLE=VALUE…]
//! PROGRAM ARGUMENT…` of the disk's file `steps`, without quoting.
//!
//! The host trusts the marker line and the exit code together: a panic of the kernel ends the emulator with 0.

use std::ffi::CString;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{fs, iter, thread};

/// Where the disk is mounted, and the steps' working folder.
const DISK: &str = "/disk";

/// How long a step may take: several times what it does in an emulator on a busy machine.
const STEP_LIMIT: Duration = Duration::from_mins(7);

/// Source, target and type of each mount, in order.
const MOUNTS: [(&str, &str, &str); 7] = [
    ("devtmpfs", "/dev", "devtmpfs"),
    ("proc", "/proc", "proc"),
    ("sysfs", "/sys", "sysfs"),
    ("tmpfs", "/tmp", "tmpfs"),
    ("bpf", "/sys/fs/bpf", "bpf"),
    ("tracefs", "/sys/kernel/tracing", "tracefs"),
    ("cgroup2", "/sys/fs/cgroup", "cgroup2"),
];

fn main() {
    // A step may lock the kernel down, which then opens it for nobody any more.
    open_exit_port();
    let failed = match run() {
        Ok(failed) => failed,
        Err(error) => {
            println!("guest: {error}");
            1
        }
    };
    println!("guest: finished, {failed} failed");
    end(failed);
}

/// Prepares the machine and carries out the steps; gives how many failed.
fn run() -> io::Result<usize> {
    for (source, target, kind) in MOUNTS {
        fs::create_dir_all(target)
            .and_then(|()| mount(source, target, kind))
            .map_err(|error| io::Error::other(format!("mounting {target}: {error}")))?;
    }
    // The host takes the kernel's name from here: a package's name says what was booted, this what came up.
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    println!("guest: kernel {} {}", release.trim_end(), std::env::consts::ARCH);
    wait_for("/dev/nvme0n1");
    fs::create_dir_all(DISK)?;
    mount("/dev/nvme0n1", DISK, "ext4")?;
    let steps = fs::read_to_string(format!("{DISK}/steps"))?;
    let failed = steps.lines().filter(|line| !step(line)).count();
    unmount_disk()?;
    Ok(failed)
}

/// Carries out one step and says how it ended; true when it succeeded.
fn step(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    let name = words.next();
    let variables: Vec<_> = iter::from_fn(|| words.next_if(|word| word.contains('='))).collect();
    let (Some(name), Some(program)) = (name, words.next()) else {
        println!("guest: not a step: {line:?}");
        return false;
    };
    println!("guest: step {name}");
    let ended = Command::new(program)
        .args(words)
        .current_dir(DISK)
        .env_clear()
        .env("PATH", DISK)
        .env("HOME", "/tmp")
        .envs(variables.iter().filter_map(|variable| variable.split_once('=')))
        .spawn()
        .and_then(|child| wait_or_tell(child, name));
    match ended {
        Ok(status) => {
            println!("guest: step {name}: {status}");
            status.success()
        }
        Err(error) => {
            println!("guest: step {name}: {error}");
            false
        }
    }
}

/// Waits for the end of a step. One that does not end is killed, once it is told where its threads
/// were.
fn wait_or_tell(mut child: Child, name: &str) -> io::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > STEP_LIMIT {
            println!("guest: step {name}: hangs");
            tell_of_threads();
            child.kill()?;
            return child.wait();
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Prints where each thread of each program is in the kernel.
fn tell_of_threads() {
    let entries = |folder: &str| {
        let numbers = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = numbers.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect::<Vec<_>>()
    };
    let read = |path: String| fs::read_to_string(path).unwrap_or_default();
    for process in entries("/proc") {
        // The kernel's own threads have no program.
        if fs::read_link(format!("/proc/{process}/exe")).is_err() {
            continue;
        }
        for task in entries(&format!("/proc/{process}/task")) {
            let folder = format!("/proc/{process}/task/{task}");
            let [name, call] = ["comm", "syscall"].map(|file| read(format!("{folder}/{file}")));
            println!("guest: {process}/{task} {} in {}", name.trim_end(), call.trim_end());
            print!("{}", read(format!("{folder}/stack")));
        }
    }
}

/// Waits: disks are found while process 1 already runs.
fn wait_for(path: &str) {
    let mut tries = 0;
    while !fs::exists(path).unwrap_or(false) && tries < 500 {
        thread::sleep(Duration::from_millis(20));
        tries += 1;
    }
}

/// Ends whatever a step left behind, then unmounts, so that the host finds a consistent disk.
fn unmount_disk() -> io::Result<()> {
    // SAFETY: no pointers; process 1 itself is not among the receivers.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    let target = CString::new(DISK)?;
    let mut tries = 0;
    loop {
        // SAFETY: a valid string that outlives the call.
        if unsafe { libc::umount(target.as_ptr()) } == 0 {
            return Ok(());
        }
        if tries == 100 {
            return Err(io::Error::last_os_error());
        }
        tries += 1;
        thread::sleep(Duration::from_millis(20));
    }
}

fn mount(source: &str, target: &str, kind: &str) -> io::Result<()> {
    let (source, target, kind) = (CString::new(source)?, CString::new(target)?, CString::new(kind)?);
    // SAFETY: three valid strings that outlive the call; no data.
    let status = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, std::ptr::null()) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends the machine once everything printed has left the console.
fn end(failed: usize) -> ! {
    // SAFETY: waits for the terminal behind descriptor 1; fails harmlessly if there is none.
    unsafe { libc::tcdrain(1) };
    exit_emulator(if failed == 0 { 0x10 } else { 0x11 });
    // SAFETY: no pointers; process 1 may, and there is nothing left to lose.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    loop {
        thread::park();
    }
}

/// The emulator's exit device.
#[cfg(target_arch = "x86_64")]
const EXIT_PORT: u16 = 0x501;

/// Lets this process write to the emulator's exit device.
#[cfg(target_arch = "x86_64")]
fn open_exit_port() {
    // SAFETY: process 1 may open the port; the device behind it ends the emulator and touches no memory.
    if unsafe { libc::ioperm(libc::c_ulong::from(EXIT_PORT), 1, 1) } != 0 {
        println!("guest: the emulator's exit device: {}", io::Error::last_os_error());
    }
}

/// Writes to the emulator's exit device, which makes its exit code `2 * code + 1`: 33 when every step succeeded.
#[cfg(target_arch = "x86_64")]
fn exit_emulator(code: u8) {
    // SAFETY: the port is open; the device behind it ends the emulator and touches no memory.
    unsafe {
        std::arch::asm!("out dx, al", in("dx") EXIT_PORT, in("al") code, options(nomem, nostack, preserves_flags));
    }
}

/// Other architectures have no such device: the marker line alone decides there.
#[cfg(not(target_arch = "x86_64"))]
fn open_exit_port() {}

/// See above.
#[cfg(not(target_arch = "x86_64"))]
fn exit_emulator(_code: u8) {}

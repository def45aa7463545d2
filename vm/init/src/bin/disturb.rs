//! Does to the virtual machine what nobody would have done to a machine that is in use, while a command runs:
//! `disturb cpu|clock|lockdown CODE PROGRAM ARGUMENT…`
//!
//! `cpu` takes the last CPU offline and online again, over and over; `clock` sets the time of day back by an hour, once a
//! second; `lockdown` forbids all programs, for good, to look into the kernel. Ends with success if the command's exit code
//! is CODE, and what was to be done could be done.

use std::io::{Error, ErrorKind, Result};
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

/// Between one disturbance and the next.
const PAUSE: Duration = Duration::from_millis(400);

const SECURITY: &str = "/sys/kernel/security";

fn main() -> ExitCode {
    match disturb() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("guest: disturb: {error}");
            ExitCode::FAILURE
        }
    }
}

fn disturb() -> Result<()> {
    let usage =
        || Error::new(ErrorKind::InvalidInput, "usage: disturb cpu|clock|lockdown CODE PROGRAM ARGUMENT…");
    let mut words = env::args().skip(1);
    let (how, code, program) = (words.next(), words.next(), words.next());
    let (how, program) = how.zip(program).ok_or_else(usage)?;
    let code: i32 = code.and_then(|code| code.parse().ok()).ok_or_else(usage)?;
    if how == "lockdown" {
        lock_down()?;
    }
    let mut command = Command::new(program).args(words).spawn()?;
    let mut times = 0;
    let status = loop {
        if let Some(status) = command.try_wait()? {
            break status;
        }
        match how.as_str() {
            "cpu" => switch_cpu()?,
            "clock" => set_back()?,
            _ => thread::sleep(PAUSE),
        }
        times += 1;
    };
    println!("guest: disturb {how}: {times} times, {status}");
    if status.code() == Some(code) {
        Ok(())
    } else {
        Err(Error::other(format!("exit code {code} was expected")))
    }
}

/// Takes the last CPU offline and online again.
fn switch_cpu() -> Result<()> {
    const SWITCH: &str = "/sys/devices/system/cpu/cpu1/online";
    for state in ["0", "1"] {
        fs::write(SWITCH, state)?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Sets the time of day back by an hour.
fn set_back() -> Result<()> {
    thread::sleep(PAUSE);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(Error::other)?;
    let earlier = libc::timespec {
        tv_sec: i64::try_from(now.as_secs()).map_err(Error::other)? - 3600,
        tv_nsec: now.subsec_nanos().into(),
    };
    // SAFETY: a valid time that outlives the call.
    if unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const earlier) } == 0 {
        Ok(())
    } else {
        Err(Error::last_os_error())
    }
}

/// Forbids to look into the kernel, which holds until the machine ends.
fn lock_down() -> Result<()> {
    let switch = format!("{SECURITY}/lockdown");
    if !fs::exists(&switch)? {
        fs::create_dir_all(SECURITY)?;
        // SAFETY: three valid strings that live for ever; no data.
        let mounted = unsafe {
            libc::mount(
                c"securityfs".as_ptr(),
                c"/sys/kernel/security".as_ptr(),
                c"securityfs".as_ptr(),
                0,
                std::ptr::null(),
            )
        };
        if mounted != 0 {
            return Err(Error::last_os_error());
        }
    }
    if fs::read_to_string(&switch)?.contains("[confidentiality]") {
        return Ok(());
    }
    fs::write(switch, "confidentiality")
}

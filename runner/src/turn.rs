//! Owns the turn that a runner takes on a machine: one measures at a time, for two would measure each other's load.
//!
//! A turn is the name of a socket that nobody else can have meanwhile. The kernel takes it back whatever ends the runner,
//! it is nobody's file, and it holds for every user. Containers with a network of their own have turns of their own.

use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Another name for the socket, for tests that run beside each other.
const NAME: &str = "SYSCALL_LAB_TURN";

/// How often a waiting runner asks again.
const PAUSE: Duration = Duration::from_millis(100);

/// A turn, until dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "it is had by being held")]
pub(crate) struct Turn(UnixListener);

impl Turn {
    /// Waits for this machine's turn, and says once for whom: a process number, where it is known. None when `stop` was
    /// set meanwhile.
    pub(crate) fn wait(stop: &AtomicBool, waits: impl FnMut(Option<i32>)) -> io::Result<Option<Self>> {
        let name = std::env::var(NAME).unwrap_or_else(|_| "turn".to_owned());
        Self::wait_for(&name, stop, waits)
    }

    fn wait_for(
        name: &str,
        stop: &AtomicBool,
        mut waits: impl FnMut(Option<i32>),
    ) -> io::Result<Option<Self>> {
        let address = SocketAddr::from_abstract_name(format!("syscall-lab/{name}"))?;
        let mut is_told = false;
        while !stop.load(Ordering::Relaxed) {
            match UnixListener::bind_addr(&address) {
                Ok(listener) => return Ok(Some(Self(listener))),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
            if !std::mem::replace(&mut is_told, true) {
                waits(holder(&address));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(None)
    }
}

/// The process that has the turn.
fn holder(address: &SocketAddr) -> Option<i32> {
    let stream = UnixStream::connect_addr(address).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(peer.pid.as_raw_pid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_waits_for_the_other() {
        let name = format!("test-{}", std::process::id());
        let stop = AtomicBool::new(false);
        let first = Turn::wait_for(&name, &stop, |_| panic!("nobody is before")).unwrap();
        assert!(first.is_some());
        let mut told = Vec::new();
        let second = Turn::wait_for(&name, &stop, |pid| {
            told.push(pid);
            stop.store(true, Ordering::Relaxed);
        });
        assert!(second.unwrap().is_none());
        assert_eq!(told, [i32::try_from(std::process::id()).ok()]);
        drop(first);
        stop.store(false, Ordering::Relaxed);
        assert!(Turn::wait_for(&name, &stop, |_| panic!("the first has ended")).unwrap().is_some());
    }
}

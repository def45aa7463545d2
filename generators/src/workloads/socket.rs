//! `socket`: bytes over TCP to oneself.
//!
//! Issues, per operation: `sendto(2)` of `size_bytes`, one unless said, without an address on a TCP connection over
//! 127.0.0.1, then `recvfrom(2)` of as many on its other end, with `MSG_WAITALL`, in one thread. Both ends have
//! `TCP_NODELAY`. The kernel carries the bytes over on the way out of `sendto`, so that `recvfrom` finds them, except where
//! that is left to a kernel thread or there are more than it takes at once. Each thread has a connection of its own.
//!
//! Leaves out: connecting, waking somebody who waits, and a network.

use super::buffer::{all_of, buffer};
use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// How long a call may wait for the other end, which is this thread itself: then it fails.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Socket {
    /// Keeps the descriptors open.
    _ends: (TcpStream, TcpStream),
    sending: usize,
    receiving: usize,
    buffer: Vec<u8>,
}

impl Operation for Socket {
    type Calls = [Call; 2];

    fn prepare(site: &Site) -> Result<Self, Failure> {
        let ends = connect().map_err(Failure::system("connect to 127.0.0.1"))?;
        Ok(Self { sending: raw_fd(&ends.0), receiving: raw_fd(&ends.1), _ends: ends, buffer: buffer(site)? })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const NO_SIGNAL: usize = libc::MSG_NOSIGNAL as usize;
        const ALL: usize = libc::MSG_WAITALL as usize;
        let (start, length) = (self.buffer.as_mut_ptr().expose_provenance(), self.buffer.len());
        // SAFETY: the buffer is valid for reading its length, and there is no address.
        let sendto = unsafe { timed(libc::SYS_sendto, [self.sending, start, length, NO_SIGNAL, 0, 0]) };
        // SAFETY: it is valid for writing it, and no address is asked for.
        let recvfrom = unsafe { timed(libc::SYS_recvfrom, [self.receiving, start, length, ALL, 0, 0]) };
        [sendto, recvfrom]
    }

    fn verify(&self, calls: &[Call; 2]) -> Result<(), Failure> {
        calls.iter().try_for_each(|call| all_of(&self.buffer, call))
    }
}

fn connect() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    // Somebody else may have been quicker to connect.
    let theirs = loop {
        let (theirs, from) = listener.accept()?;
        if from == ours.local_addr()? {
            break theirs;
        }
    };
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    ours.set_write_timeout(Some(PATIENCE))?;
    theirs.set_read_timeout(Some(PATIENCE))?;
    Ok((ours, theirs))
}

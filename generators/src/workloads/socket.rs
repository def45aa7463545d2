//! `socket`: a byte over TCP to oneself.
//!
//! Issues, per operation: `sendto(2)` of one byte without an address on a TCP connection over 127.0.0.1, then
//! `recvfrom(2)` of one byte on its other end, in one thread. Both ends have `TCP_NODELAY`. The kernel carries the byte
//! over on the way out of `sendto`, so that `recvfrom` finds it, except where that is left to a kernel thread. Each
//! thread has a connection of its own.
//!
//! Leaves out: connecting, waking somebody who waits, and a network.

use super::{Operation, Site, raw_fd, timed};
use crate::failure::Failure;
use crate::recorder::Call;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

#[derive(Debug)]
pub(crate) struct Socket {
    /// Keeps the descriptors open.
    _ends: (TcpStream, TcpStream),
    sending: usize,
    receiving: usize,
    byte: Box<u8>,
}

impl Operation for Socket {
    type Calls = [Call; 2];

    fn prepare(_site: &Site) -> Result<Self, Failure> {
        let ends = connect().map_err(Failure::system("connect to 127.0.0.1"))?;
        Ok(Self { sending: raw_fd(&ends.0), receiving: raw_fd(&ends.1), _ends: ends, byte: Box::new(1) })
    }

    #[inline(always)]
    fn perform(&mut self) -> [Call; 2] {
        const NO_SIGNAL: usize = libc::MSG_NOSIGNAL as usize;
        let byte = (&raw mut *self.byte).expose_provenance();
        // SAFETY: the byte is valid for reading, and there is no address.
        let sendto = unsafe { timed(libc::SYS_sendto, [self.sending, byte, 1, NO_SIGNAL, 0, 0]) };
        // SAFETY: it is valid for writing, and no address is asked for.
        let recvfrom = unsafe { timed(libc::SYS_recvfrom, [self.receiving, byte, 1, 0, 0, 0]) };
        [sendto, recvfrom]
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
    Ok((ours, theirs))
}

//! The few things about sockets that differ between systems: waiting for them, accepting, receiving with the
//! kernel's stamp, and sending without a signal.
//!
//! Linux is where measuring is best: edge-triggered epoll with nanosecond timeouts (or `poll`, where
//! those are not allowed), and stamps from the kernel.
//! Elsewhere a plain `poll` over all connections and the time of reading have to do.

#[cfg(target_os = "linux")]
mod linux;
mod poll;
#[cfg(not(target_os = "linux"))]
mod portable;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType};

#[cfg(target_os = "linux")]
pub(super) use linux::{Poller, accept, prepare_listener, prepare_thread, receive, send};
#[cfg(not(target_os = "linux"))]
pub(super) use portable::{Poller, accept, prepare_listener, prepare_thread, receive, send};

/// As many connections as the kernel will let wait to be accepted; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;

/// Something happened to the descriptor registered under `key`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) key: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The other side has closed its end: when what it sent has been read, the end will be.
    pub(super) hangup: bool,
}

/// What a connection waits for; only `poll` needs to be told: edge-triggered events come unasked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// A listening socket, nonblocking.
pub(super) fn listen(addr: SocketAddr) -> io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let listener = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&listener, true)?;
    rustix::net::sockopt::set_socket_reuseaddr(&listener, true)?;
    prepare_listener(&listener)?;
    rustix::net::bind(&listener, &addr)?;
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// The address that a socket is bound to.
pub(super) fn local_addr(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let addr = rustix::net::getsockname(socket)?;
    SocketAddr::try_from(addr).map_err(|_| io::Error::other("the socket has no internet address"))
}

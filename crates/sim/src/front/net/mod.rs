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
use std::time::Duration;

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

/// A socket that is bound and does not listen: as long as it is there the port is nobody else's, and whoever
/// connects to it while nobody listens is refused by the system.
pub(super) fn hold(addr: SocketAddr) -> io::Result<OwnedFd> {
    let holder = socket(addr)?;
    rustix::net::bind(&holder, &addr)?;
    Ok(holder)
}

/// A listening socket, nonblocking.
pub(super) fn listen(addr: SocketAddr) -> io::Result<OwnedFd> {
    let listener = socket(addr)?;
    rustix::io::ioctl_fionbio(&listener, true)?;
    prepare_listener(&listener)?;
    rustix::net::bind(&listener, &addr)?;
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Makes the end of a connection a reset: whatever the other side has not read by then it may never read.
pub(super) fn reset_at_end(socket: &OwnedFd) {
    // Without it the connection ends in good order; the socket is closed either way.
    let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// One that can be bound beside others of this program.
fn socket(addr: SocketAddr) -> io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    Ok(socket)
}

/// The address that a socket is bound to.
pub(super) fn local_addr(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let addr = rustix::net::getsockname(socket)?;
    SocketAddr::try_from(addr).map_err(|_| io::Error::other("the socket has no internet address"))
}

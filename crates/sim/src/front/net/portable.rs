//! Systems without epoll: `poll` over all descriptors at each wait, in whole milliseconds where the system knows
//! no finer, and no kernel stamps. Fit for trying things out, not for measuring.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use floodline_core::time::Span;
use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};

use super::{Interest, Ready};

/// Waits for many descriptors, which are handed in anew each time.
pub(in crate::front) struct Poller;

impl Poller {
    pub(in crate::front) fn new() -> io::Result<Poller> {
        Ok(Poller)
    }

    pub(in crate::front) fn add(&self, _fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::front) fn add_listener(&self, _fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Ok(())
    }

    /// Waits for at most `timeout` until one of the `watched` is ready.
    pub(in crate::front) fn wait<'c>(
        &self,
        timeout: Option<Span>,
        watched: impl Iterator<Item = (u64, BorrowedFd<'c>, Interest)>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        super::poll::wait(timeout, watched, ready)
    }
}

pub(in crate::front) fn prepare_thread() {}

pub(in crate::front) fn prepare_listener(_listener: &OwnedFd) -> io::Result<()> {
    Ok(())
}

pub(in crate::front) fn accept(listener: &OwnedFd) -> Result<OwnedFd, Errno> {
    let socket = rustix::net::accept(listener)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

pub(in crate::front) fn receive(
    socket: &OwnedFd,
    into: &mut [u8],
) -> Result<(usize, Option<Duration>), Errno> {
    rustix::io::read(socket, into).map(|bytes| (bytes, None))
}

/// A Rust program ignores SIGPIPE from the start, so that a vanished reader is an error here, not a signal.
pub(in crate::front) fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SendFlags::empty())
}

//! Waiting with plain `poll`, for systems without epoll or where its nanosecond wait is not to be had. It looks at
//! every connection at each wait.

use std::io;
use std::os::fd::BorrowedFd;

use floodline_core::time::Span;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Interest, Ready};

/// Waits for at most `timeout` until one of the `watched` is ready, and puts what happened into `ready`.
pub(super) fn wait<'c>(
    timeout: Option<Span>,
    watched: impl Iterator<Item = (u64, BorrowedFd<'c>, Interest)>,
    ready: &mut Vec<Ready>,
) -> io::Result<()> {
    let (keys, mut polled): (Vec<u64>, Vec<PollFd<'_>>) = watched
        .map(|(key, fd, interest)| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, interest.read);
            flags.set(PollFlags::OUT, interest.write);
            (key, PollFd::from_borrowed_fd(fd, flags))
        })
        .unzip();
    let timeout = timeout.map(|span| Timespec {
        tv_sec: (span.0 / 1_000_000_000) as _,
        tv_nsec: (span.0 % 1_000_000_000) as _,
    });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let hangup = PollFlags::HUP | PollFlags::ERR;
    ready.extend(keys.into_iter().zip(&polled).filter(|(_, fd)| !fd.revents().is_empty()).map(
        |(key, fd)| Ready {
            key,
            readable: fd.revents().intersects(PollFlags::IN | hangup),
            writable: fd.revents().intersects(PollFlags::OUT | hangup),
            // It will be announced again.
            hangup: false,
        },
    ));
    Ok(())
}

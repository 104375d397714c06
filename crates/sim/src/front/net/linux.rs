//! Linux: edge-triggered epoll and `SO_TIMESTAMPNS`.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use floodline_core::time::Span;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, sockopt as options};

use super::{Interest, Ready};

/// The most events taken from the kernel at a time.
const EVENTS: usize = 1_024;

/// Waits for many descriptors. Edge-triggered: an event comes once, when something has changed.
///
/// Where the system does not know or allow `epoll_pwait2` (before Linux 5.11, or under an old filter of system
/// calls) it is a plain `poll`, to the nanosecond too but dearer with many connections; an event then comes until
/// it is seen to.
pub(in crate::front) struct Poller {
    /// None for `poll`.
    epoll: Option<OwnedFd>,
}

impl Poller {
    pub(in crate::front) fn new() -> io::Result<Poller> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); 1];
        match epoll::wait(&epoll, &mut room[..], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) | Err(Errno::INTR) => Ok(Poller { epoll: Some(epoll) }),
            Err(Errno::NOSYS | Errno::PERM) => Ok(Poller { epoll: None }),
            Err(errno) => Err(errno.into()),
        }
    }

    #[cfg(test)]
    pub(in crate::front) fn polling() -> Poller {
        Poller { epoll: None }
    }

    /// One whose waits fail.
    #[cfg(test)]
    pub(in crate::front) fn broken() -> Poller {
        let no_epoll = std::fs::File::open("/dev/null").expect("every Linux has it");
        Poller { epoll: Some(no_epoll.into()) }
    }

    /// Watches a descriptor until it is closed.
    pub(in crate::front) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        use epoll::EventFlags as Flags;
        self.watch(fd, key, Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET)
    }

    /// Watches the listening socket.
    pub(in crate::front) fn add_listener(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        self.watch(fd, key, epoll::EventFlags::IN | epoll::EventFlags::ET)
    }

    fn watch(&self, fd: BorrowedFd<'_>, key: u64, flags: epoll::EventFlags) -> io::Result<()> {
        let Some(epoll) = &self.epoll else { return Ok(()) };
        Ok(epoll::add(epoll, fd, epoll::EventData::new_u64(key), flags)?)
    }

    /// Waits for at most `timeout` and puts what happened into `ready`. Only `poll` has to be told
    /// the descriptors.
    pub(in crate::front) fn wait<'c>(
        &self,
        timeout: Option<Span>,
        watched: impl Iterator<Item = (u64, BorrowedFd<'c>, Interest)>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        use epoll::EventFlags as Flags;
        let Some(epoll) = &self.epoll else { return super::poll::wait(timeout, watched, ready) };
        let timeout = timeout.map(|span| Timespec {
            tv_sec: (span.0 / 1_000_000_000) as i64,
            tv_nsec: (span.0 % 1_000_000_000) as i64,
        });
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); EVENTS];
        let events = match epoll::wait(epoll, &mut room[..], timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        ready.extend(events.iter().map(|event| {
            let flags = event.flags;
            let hangup = flags.intersects(Flags::RDHUP | Flags::HUP | Flags::ERR);
            Ready {
                key: event.data.u64(),
                readable: hangup || flags.intersects(Flags::IN),
                writable: flags.intersects(Flags::OUT | Flags::HUP | Flags::ERR),
                hangup,
            }
        }));
        Ok(())
    }
}

/// How late the calling thread's timers may fire. A wake-up costs about as much as sending a token, and the
/// sequences of one client are some ten microseconds apart: with 1 ns each token would have a wake-up of its
/// own and cost half as much again, with this neighbours share one. The system's default is 50 µs.
const TIMER_SLACK_NS: u64 = 30_000;

pub(in crate::front) fn prepare_thread() {
    // Without it the server works, only a little later; there is nobody to tell.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NS));
}

/// Accepted sockets inherit both options, which saves two calls for each.
pub(in crate::front) fn prepare_listener(listener: &OwnedFd) -> io::Result<()> {
    options::set_tcp_nodelay(listener, true)?;
    setsockopt(listener, sockopt::ReceiveTimestampns, &true)?;
    Ok(())
}

pub(in crate::front) fn accept(listener: &OwnedFd) -> Result<OwnedFd, Errno> {
    rustix::net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

/// Receives what is there: how many bytes, and the wall-clock time at which the last of them arrived.
pub(in crate::front) fn receive(
    socket: &OwnedFd,
    into: &mut [u8],
) -> Result<(usize, Option<Duration>), Errno> {
    let mut control = [0u8; 64];
    let mut slices = [IoSliceMut::new(into)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::empty())
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    let stamp = message.cmsgs().ok().and_then(|mut control| {
        control.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        })
    });
    Ok((message.bytes, stamp))
}

pub(in crate::front) fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};

    use super::*;
    use crate::front::net;

    #[test]
    fn accepted_sockets_inherit_the_stamps_and_send_at_once() {
        let listener = net::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let mut client = TcpStream::connect(net::local_addr(&listener).unwrap()).unwrap();
        let socket = accept(&listener).unwrap();
        assert!(options::tcp_nodelay(&socket).unwrap());
        assert_eq!(accept(&listener).unwrap_err(), Errno::AGAIN);
        let mut buffer = [0; 8];
        assert_eq!(receive(&socket, &mut buffer).unwrap_err(), Errno::AGAIN);
        // The first socket in the system that asks for stamps gets them from some later packet on: the kernel
        // turns them on from a work queue.
        let stamped = (0..100_000).any(|_| {
            client.write_all(b"abc").unwrap();
            let (bytes, stamp) = receive(&socket, &mut buffer).unwrap();
            assert_eq!(&buffer[..bytes], b"abc");
            stamp.is_some()
        });
        assert!(stamped);
    }
}

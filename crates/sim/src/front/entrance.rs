//! The way in: a listening socket that can be closed for a while and opened again.
//!
//! While it is closed the system itself refuses whoever connects (`ECONNREFUSED`), and resets who was waiting to be
//! accepted. A second socket, bound and never listening, keeps the port from going to anybody else meanwhile.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::net::{self, Poller};

/// A port, and the socket that listens on it unless it is closed.
pub(super) struct Entrance {
    addr: SocketAddr,
    listener: Option<OwnedFd>,
    /// None where the system does not let two sockets share an address: then the port is free while it is closed.
    _holder: Option<OwnedFd>,
}

impl Entrance {
    /// Listens on `addr`; port 0 takes a free one.
    pub(super) fn new(addr: SocketAddr) -> io::Result<Entrance> {
        let holder = net::hold(addr)?;
        let addr = net::local_addr(&holder)?;
        let (listener, holder) = match net::listen(addr) {
            Ok(listener) => (listener, Some(holder)),
            Err(_) => {
                drop(holder);
                (net::listen(addr)?, None)
            }
        };
        Ok(Entrance { addr, listener: Some(listener), _holder: holder })
    }

    /// Where it is.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The socket that listens, if one does.
    pub(super) fn listener(&self) -> Option<&OwnedFd> {
        self.listener.as_ref()
    }

    /// The same, to be waited for.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(AsFd::as_fd)
    }

    /// Takes another socket for the one that listens.
    #[cfg(test)]
    pub(super) fn listen_on(&mut self, listener: OwnedFd) {
        self.listener = Some(listener);
    }

    /// Lets nobody in any more.
    pub(super) fn close(&mut self) {
        self.listener = None;
    }

    /// Listens again, announced as `key`; nothing if it does.
    pub(super) fn open(&mut self, poller: &Poller, key: u64) -> io::Result<()> {
        if self.listener.is_none() {
            let listener = net::listen(self.addr)?;
            poller.add_listener(listener.as_fd(), key)?;
            self.listener = Some(listener);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_comes_while_it_is_closed_is_refused_and_who_is_in_stays() {
        let poller = Poller::new().unwrap();
        let mut entrance = Entrance::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let mut inside = TcpStream::connect(entrance.addr()).unwrap();
        // The listener does not wait, and on loopback who has connected is there to be accepted.
        let served = net::accept(entrance.listener().unwrap()).unwrap();
        for _ in 0..2 {
            entrance.close();
            assert_eq!(TcpStream::connect(entrance.addr()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            entrance.open(&poller, 1).unwrap();
            TcpStream::connect(entrance.addr()).unwrap();
        }
        assert_eq!(net::send(&served, b"x").unwrap(), 1);
        let mut byte = [0];
        inside.read_exact(&mut byte).unwrap();
        inside.write_all(&byte).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_port_is_nobody_elses_while_it_is_closed() {
        let mut entrance = Entrance::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        entrance.close();
        // Without the option that lets sockets share an address, as other programs' clients bind.
        let plain =
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
        assert!(rustix::net::bind(plain.unwrap(), &entrance.addr()).is_err());
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = Entrance::new(taken.local_addr().unwrap()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

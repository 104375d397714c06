//! Arrival stamps from the kernel: when bytes reached this machine, not when the program got round to them.
//!
//! With `SO_TIMESTAMPNS` each `recvmsg` carries the time at which the kernel took in the last segment
//! it returns (CLOCK_REALTIME). Where there is no such stamp (not on Linux; the first packets after the
//! kernel switched stamping on) the caller falls back to the time of reading.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Duration;

/// Bytes that control messages may take; one stamp needs 32.
#[cfg(target_os = "linux")]
const CONTROL: usize = 128;

/// Keeps the kernel's stamping switched on. The kernel turns it on some time after the first socket
/// asks for it, so this is held from before the first connection until after the last.
#[derive(Debug)]
pub struct Stamping {
    _held: UdpSocket,
    works: bool,
}

/// The kernel switches stamping on within milliseconds; where it has not after so many, it never will (some
/// sandboxes take the option and ignore it).
const PATIENCE: u32 = 50;

impl Stamping {
    /// Switches stamping on, and finds out whether it works by sending to itself.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub fn switch_on() -> io::Result<Stamping> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        set(&socket);
        let address = socket.local_addr()?;
        let stamped = || {
            socket.send_to(&[0], address)?;
            let (_, stamp) = receive(&socket, &mut [0; 8])?;
            io::Result::Ok(stamp.is_some())
        };
        let mut works = false;
        for _ in 0..PATIENCE {
            works = matches!(stamped(), Ok(true));
            if works || !cfg!(target_os = "linux") {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(Stamping { _held: socket, works })
    }

    /// Whether arrivals are stamped here.
    pub fn works(&self) -> bool {
        self.works
    }
}

/// Asks for stamps on a connection. Failing to get them is not an error: the run says what it had.
pub fn enable(stream: &impl AsFd) {
    set(stream);
}

#[cfg(target_os = "linux")]
fn set(socket: &impl AsFd) {
    use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
    let _ = setsockopt(socket, ReceiveTimestampns, &true);
}

#[cfg(not(target_os = "linux"))]
fn set<T>(_socket: &T) {}

/// Reads what there is, with the kernel's stamp in nanoseconds since 1970 if it gave one.
///
/// # Errors
/// As `recv`; `WouldBlock` when there is nothing.
#[cfg(target_os = "linux")]
pub fn receive(stream: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
    use std::os::fd::AsRawFd;

    let mut control = [0u8; CONTROL];
    let mut io = [io::IoSliceMut::new(buffer)];
    let message =
        recvmsg::<()>(stream.as_fd().as_raw_fd(), &mut io, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(t) => {
            Some(t.tv_sec().unsigned_abs() * 1_000_000_000 + t.tv_nsec().unsigned_abs())
        }
        _ => None,
    });
    Ok((message.bytes, stamp))
}

/// Reads what there is; this platform gives no stamps.
///
/// # Errors
/// As `recv`; `WouldBlock` when there is nothing.
#[cfg(not(target_os = "linux"))]
pub fn receive(stream: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
    let (n, _) = rustix::net::recv(stream, buffer, rustix::net::RecvFlags::empty())?;
    Ok((n, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_stamps_what_arrives() {
        assert!(Stamping::switch_on().unwrap().works());
    }
}

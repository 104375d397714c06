//! Arrival stamps from the kernel: when bytes reached this machine, not when the program got round to them.
//!
//! With `SO_TIMESTAMPNS` each `recvmsg` carries the time at which the kernel took in the last segment
//! it returns (CLOCK_REALTIME). Where there is no such stamp (not on Linux; the first packets after the
//! kernel switched stamping on) the caller falls back to the time of reading.

use std::io;
use std::os::fd::AsFd;

/// Whether this platform stamps arrivals.
pub const AVAILABLE: bool = cfg!(target_os = "linux");

/// Bytes that control messages may take; one stamp needs 32.
#[cfg(target_os = "linux")]
const CONTROL: usize = 128;

/// Keeps the kernel's stamping switched on. The kernel turns it on some time after the first socket
/// asks for it, so this is held from before the first connection until after the last.
#[derive(Debug)]
pub struct Stamping(#[expect(dead_code, reason = "held, not used")] std::net::UdpSocket);

impl Stamping {
    /// Switches stamping on.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub fn switch_on() -> io::Result<Stamping> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        set(&socket);
        Ok(Stamping(socket))
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

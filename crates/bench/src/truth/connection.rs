//! One connection of the ground-truth server: bytes in, the answer under way, bytes out.

use std::io;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::answer::Script;
use super::log::Entry;
use super::request::{Request, Taken};
use super::{Ledger, Pace};
use crate::clock::Wall;

/// A client's connection.
pub(super) struct Connection {
    /// Tells it from others that had its slot.
    pub(super) serial: u64,
    socket: OwnedFd,
    input: Vec<u8>,
    /// When the kernel took in the last byte of `input`.
    arrived: Wall,
    output: Vec<u8>,
    written: usize,
    awaits_room: bool,
    answer: Option<Answer>,
}

/// When a connection wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its next token is due then.
    Due(Wall),
    /// When it has something to read.
    Idle,
}

/// A stream under way.
struct Answer {
    entry: Entry,
    sent: u32,
    due: Wall,
}

impl Connection {
    /// # Errors
    /// If the kernel will not stamp its arrivals.
    pub(super) fn new(socket: OwnedFd, serial: u64) -> io::Result<Connection> {
        rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Connection {
            serial,
            socket,
            input: Vec::new(),
            arrived: Wall::default(),
            output: Vec::new(),
            written: 0,
            awaits_room: false,
            answer: None,
        })
    }

    /// Enters it into `epoll` under the number of its slot.
    pub(super) fn watch(&self, epoll: &OwnedFd, slot: u32) -> io::Result<()> {
        Ok(epoll::add(epoll, &self.socket, EventData::new_u64(slot.into()), EventFlags::IN)?)
    }

    /// Whether a stream is under way.
    pub(super) fn is_answering(&self) -> bool {
        self.answer.is_some()
    }

    /// Reads once, through `scratch`.
    ///
    /// # Errors
    /// When the connection has ended or broken.
    pub(super) fn listen(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let (read, stamp) = match receive(&self.socket, scratch) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.arrived = stamp;
        self.input.extend_from_slice(&scratch[..read]);
        Ok(())
    }

    /// Takes up the next request that has come in whole, unless a stream is still under way.
    ///
    /// # Errors
    /// If what came is no request that can be answered.
    pub(super) fn answer(&mut self, script: &Script, pace: Pace, ledger: &mut Ledger) -> io::Result<Next> {
        while self.answer.is_none() {
            let request = match Request::take(&mut self.input) {
                Taken::Whole(request) => request,
                Taken::Incomplete => return Ok(Next::Idle),
                Taken::Unfit => return Err(io::ErrorKind::InvalidData.into()),
            };
            match request {
                Request::Get { models } => script.write_page(&mut self.output, models),
                Request::Chat { tokens, stream: false, .. } => {
                    script.write_whole(&mut self.output, tokens.unwrap_or(pace.tokens));
                }
                Request::Chat { id, tokens, stream: true } => {
                    script.write_head(&mut self.output);
                    ledger.opened();
                    let due = self.arrived + pace.ttft;
                    let tokens = tokens.unwrap_or(pace.tokens);
                    let entry = Entry { id, received: self.arrived, tokens, ..Entry::default() };
                    self.answer = Some(Answer { entry, sent: 0, due });
                    if pace.ttft.is_zero() && pace.gap.is_zero() {
                        // A flood leaves with its head, in one write.
                        self.speak(script, pace, ledger);
                    } else {
                        return Ok(Next::Due(due));
                    }
                }
            }
        }
        Ok(Next::Idle)
    }

    /// Sends the next token of the stream under way, and its end after the last.
    pub(super) fn speak(&mut self, script: &Script, pace: Pace, ledger: &mut Ledger) -> Next {
        let Some(answer) = &mut self.answer else { return Next::Idle };
        let left = answer.entry.tokens.saturating_sub(answer.sent);
        let burst = if pace.gap.is_zero() { left } else { left.min(1) };
        script.write_tokens(&mut self.output, burst);
        // Taken before the sending: on loopback the receiver's stamp is made inside it.
        let now = Wall::now();
        let entry = &mut answer.entry;
        if answer.sent == 0 {
            entry.first = now;
        } else if pace.keep_gaps {
            entry.gaps.push(u32::try_from(now.since(entry.last)).unwrap_or(u32::MAX));
        }
        entry.last = now;
        answer.sent += burst;
        answer.due = answer.due + pace.gap;
        let next = if answer.sent < entry.tokens { Next::Due(answer.due) } else { Next::Idle };
        if !pace.gap.is_zero() {
            // Every token leaves by itself, the last one too; in a flood all leave together, with the tail.
            self.write();
            ledger.served.blocked += u64::from(!self.output.is_empty());
        }
        if let Some(Answer { entry, .. }) = self.answer.take_if(|_| next == Next::Idle) {
            script.write_tail(&mut self.output, entry.tokens);
            ledger.finished(entry);
        }
        next
    }

    /// Writes what there is to write, and asks to be told of room if not all could be.
    pub(super) fn flush(&mut self, epoll: &OwnedFd, slot: u32) {
        if self.output.is_empty() && !self.awaits_room {
            return;
        }
        self.write();
        let awaits_room = self.written < self.output.len();
        if awaits_room != self.awaits_room {
            let flags = if awaits_room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            // It was added when it was accepted, so this cannot fail but for want of memory.
            let _ = epoll::modify(epoll, &self.socket, EventData::new_u64(slot.into()), flags);
            self.awaits_room = awaits_room;
        }
    }

    /// Writes until the kernel has no room. A broken connection shows when it is read.
    fn write(&mut self) {
        while self.written < self.output.len() {
            match rustix::net::send(&self.socket, &self.output[self.written..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.written += sent,
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
        self.output.clear();
        self.written = 0;
    }
}

/// Reads once: how much, and when the kernel took in the last of it.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Wall)> {
    let mut control = [0_u8; 128];
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::empty())?;
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(unix_nanos(stamp)),
        _ => None,
    });
    Ok((message.bytes, stamp.unwrap_or_else(Wall::now)))
}

fn unix_nanos(stamp: TimeSpec) -> Wall {
    Wall(stamp.tv_sec() * 1_000_000_000 + stamp.tv_nsec())
}

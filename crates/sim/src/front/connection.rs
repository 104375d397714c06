//! One connection: what has been read and not understood yet, the answer in the making, and what the
//! socket would not take.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use floodline_core::faults::Cut;
use floodline_core::time::Moment;
use floodline_wire::server::Words;
use rustix::io::Errno;

use super::answer::Answer;
use super::net::{self, Interest};
use super::request::Assembler;

/// How much is built for one connection before the others get their turn.
pub(super) const TURN: usize = 128 * 1024;

/// How much is read ahead of the answer under way; the rest waits in the kernel.
const READ_AHEAD: usize = 64 * 1024;

/// How much a client that was sent an error may go on sending before it is cut off.
pub(super) const DRAIN: usize = 1024 * 1024;

/// A buffer that has grown beyond this is given back when it is empty.
const KEEP: usize = 1024;

/// The other side is no longer there.
#[derive(Debug)]
pub(super) struct Gone;

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    /// Read, but not yet part of a request.
    pub(super) input: Vec<u8>,
    pub(super) assembler: Assembler,
    pub(super) answer: Option<Box<Answer>>,
    /// Built, but not yet taken by the socket; from `sent` on.
    output: Vec<u8>,
    sent: usize,
    /// The socket is full: it will say when it is not.
    pub(super) blocked: bool,
    /// The socket may have bytes that nobody will announce again.
    pub(super) readable: bool,
    /// The client has closed its end: when what it sent has been read, the end will be.
    pub(super) hangup: bool,
    /// It waits for a turn that no event will announce.
    pub(super) queued: bool,
    pub(super) end: End,
    /// Whether it came to the endpoint of those who run the server.
    pub(super) admin: bool,
}

/// What happens when everything has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The next request.
    Open,
    /// The connection is closed.
    Close,
    /// It is reset.
    Reset,
    /// The same, but the client may still be sending: closing at once would make the kernel withdraw the
    /// answer. What comes is read and thrown away until the client has seen our end.
    Drain,
    /// Our end is closed and the client's is awaited, for a while and for so many bytes.
    Draining { left: usize },
}

impl End {
    /// The end that a fault makes of a connection.
    pub(super) fn of(cut: Cut) -> End {
        match cut {
            Cut::Reset => End::Reset,
            Cut::Close => End::Close,
        }
    }
}

/// How far [`Connection::pump`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Everything that was due is with the kernel, or the socket is full.
    All,
    /// Its turn is over, there is more to send.
    More,
    /// The answer is complete: the next request may be read.
    Ended,
}

/// Tokens that [`Connection::pump`] has handed over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) tokens: u32,
    /// When the first of them was due; none if they waited for the client, or still do.
    pub(super) due: Option<Moment>,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd) -> Connection {
        Connection {
            socket,
            input: Vec::new(),
            assembler: Assembler::default(),
            answer: None,
            output: Vec::new(),
            sent: 0,
            blocked: false,
            readable: false,
            hangup: false,
            queued: false,
            end: End::Open,
            admin: false,
        }
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> Interest {
        Interest { read: !self.blocked && !self.has_read_ahead(), write: self.blocked }
    }

    /// Whether requests may be taken from the input. Not while the client does not take what it has asked for.
    pub(super) fn takes_requests(&self) -> bool {
        self.answer.is_none() && !self.blocked && self.end == End::Open
    }

    /// Whether enough has been read that cannot be answered yet.
    pub(super) fn has_read_ahead(&self) -> bool {
        !self.takes_requests() && self.input.len() >= READ_AHEAD
    }

    /// Whether it is to be closed now.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.end, End::Close | End::Reset) && self.answer.is_none() && self.output.is_empty()
    }

    /// Queues bytes that are not part of an answer in the making; [`Connection::pump`] sends them.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Counts `bytes` that came after the last request; nothing otherwise.
    ///
    /// # Errors
    /// [`Gone`] when they were too many: the client will not stop.
    pub(super) fn discard(&mut self, bytes: usize) -> Result<(), Gone> {
        if let End::Draining { left } = &mut self.end {
            *left = left.checked_sub(bytes).ok_or(Gone)?;
        }
        Ok(())
    }

    /// Sends what is queued and what is due, for at most one [`TURN`]; adds the tokens to `sent`.
    ///
    /// # Errors
    /// [`Gone`] when the client has closed the connection.
    pub(super) fn pump(
        &mut self,
        words: &Words,
        scratch: &mut Vec<u8>,
        sent: &mut Sent,
    ) -> Result<Pumped, Gone> {
        if !self.flush()? {
            return Ok(Pumped::All);
        }
        let Some(answer) = &mut self.answer else { return Ok(self.finish_sending()) };
        scratch.clear();
        *sent = Sent { due: answer.due_at(), tokens: answer.fill(words, scratch, TURN) };
        let (ended, more) = (answer.has_ended(), answer.has_more());
        if let Some(cut) = answer.leaves() {
            self.end = End::of(cut);
        }
        if ended && !answer.keeps_alive() && self.end == End::Open {
            self.end = End::Close;
        }
        if ended {
            self.answer = None;
        }
        let taken = if scratch.is_empty() { 0 } else { send(&self.socket, scratch)? };
        if taken < scratch.len() {
            self.blocked = true;
            sent.due = None;
            if let Some(answer) = &mut self.answer {
                answer.wait_for_client();
            }
            self.output.extend_from_slice(&scratch[taken..]);
            return Ok(Pumped::All);
        }
        Ok(match ended {
            true => self.finish_sending(),
            false if more => Pumped::More,
            false => Pumped::All,
        })
    }

    /// Sends what is queued; whether the socket took all of it.
    fn flush(&mut self) -> Result<bool, Gone> {
        if self.blocked {
            return Ok(false);
        }
        while self.sent < self.output.len() {
            let sent = send(&self.socket, &self.output[self.sent..])?;
            self.sent += sent;
            if self.sent < self.output.len() {
                self.blocked = true;
                return Ok(false);
            }
        }
        self.sent = 0;
        self.output.clear();
        self.output.shrink_to(if self.output.capacity() > KEEP { 0 } else { KEEP });
        Ok(true)
    }

    /// Everything has been sent.
    fn finish_sending(&mut self) -> Pumped {
        if self.end == End::Drain {
            self.end = End::Draining { left: DRAIN };
            // If it fails the client is gone, which reading will tell.
            let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
        }
        Pumped::Ended
    }
}

/// How many bytes the socket took: fewer than given means that it is full.
fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Gone> {
    loop {
        match net::send(socket, bytes) {
            Ok(sent) => return Ok(sent),
            Err(Errno::AGAIN) => return Ok(0),
            Err(Errno::INTR) => {}
            Err(_) => return Err(Gone),
        }
    }
}

//! A socket as the HTTP/2 library wants it, which notes when bytes came and went.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use floodline_core::Moment;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;
use crate::socket::{Scratch, Socket};

/// What is known of a connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// The stamp of the latest read.
    pub(super) arrived: Cell<Moment>,
    /// How many reads there were.
    pub(super) reads: Cell<u64>,
    /// The instant before the first write since the connection was last driven.
    pub(super) written: Cell<Option<Moment>>,
}

/// The socket of a connection.
pub(super) struct Wire {
    socket: Socket,
    clock: Clock,
    traffic: Rc<Traffic>,
    scratch: Scratch,
    /// How many bytes the last read brought, and how many of them have been handed on.
    read: usize,
    handed: usize,
}

impl Wire {
    pub(super) fn new(socket: Socket, clock: Clock, traffic: Rc<Traffic>) -> Wire {
        Wire { socket, clock, traffic, scratch: Scratch::new(), read: 0, handed: 0 }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Wire { socket, clock, traffic, scratch, read: filled, handed } = &mut *self;
        if handed == filled {
            let read = ready!(socket.poll_read(cx, scratch))?;
            if !read.bytes.is_empty() {
                traffic.arrived.set(read.stamp.map_or_else(|| clock.now(), |ns| clock.at_unix(ns)));
                traffic.reads.set(traffic.reads.get() + 1);
            }
            (*filled, *handed) = (read.bytes.len(), 0);
        }
        let n = (*filled - *handed).min(buffer.remaining());
        buffer.put_slice(&scratch.plain()[*handed..*handed + n]);
        *handed += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.traffic.written.get().is_none() {
            self.traffic.written.set(Some(self.clock.now()));
        }
        self.socket.poll_write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

//! A connection, and the exchanges on it.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use floodline_core::{Moment, Span};
use floodline_wire::http1::response::{Head, head_of_fields};
use floodline_wire::http1::{Framing, HttpError};
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Ping, Reason, RecvStream, SendStream};
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::drive::{Mark, Unwritten, drive};
use super::request::translated;
use super::wire::{Traffic, Wire};
use crate::clock::Clock;
use crate::connect::ConnectError;
use crate::socket::Socket;
use crate::target::Target;

/// A stream may be this far ahead of who reads it, and a connection this far: more than a read, so that the server is
/// never held up here.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024 * 1024;
/// What a stream's body may take before it is written.
const SEND_BUFFER: usize = 4 * 1024 * 1024;

/// A connection that takes streams.
pub(crate) struct Link {
    sender: SendRequest<Bytes>,
    tls: bool,
    traffic: Rc<Traffic>,
    unwritten: Rc<Unwritten>,
    /// Places for as many streams as the server allows at once.
    places: Arc<Semaphore>,
    /// How many places there are, taken or not.
    allowed: Cell<usize>,
}

/// Why a stream ended before its answer did.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The server has not looked at it, and says so: it can be sent again.
    Refused(String),
    /// The server, or the connection, ended it. Whether the server has said anything on the connection since
    /// it was sent.
    Closed { why: String, silent: bool },
    /// The server does not keep to HTTP/2.
    Broken(String),
}

/// Exchanges greetings over a fresh connection. When this returns, what the server allows is known.
async fn greet(
    socket: Socket,
    clock: Clock,
    traffic: &Rc<Traffic>,
    tls: bool,
) -> Result<(SendRequest<Bytes>, Connection<Wire, Bytes>), ConnectError> {
    let refused = |e: &h2::Error| ConnectError::Refused(no_greeting(e, tls));
    let wire = Wire::new(socket, clock, traffic.clone());
    let (sender, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .handshake(wire)
        .await
        .map_err(|e| refused(&e))?;
    let Some(mut pinger) = connection.ping_pong() else { return Ok((sender, connection)) };
    // The server's settings are the first thing that it says: they are here when it answers a ping.
    let mut pong = std::pin::pin!(pinger.ping(Ping::opaque()));
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            let closed =
                "the server closed the connection instead of greeting; does it speak HTTP/2 on this port?";
            return Poll::Ready(Err(match ended {
                Ok(()) => ConnectError::Refused(closed.into()),
                Err(e) => refused(&e),
            }));
        }
        pong.as_mut().poll(cx).map_err(|e| refused(&e)).map_ok(drop)
    })
    .await?;
    Ok((sender, connection))
}

fn no_greeting(e: &h2::Error, tls: bool) -> String {
    match tls {
        true => format!("the server does not speak HTTP/2 as agreed: {e}"),
        false => {
            format!("the server does not speak HTTP/2 on this port ({e}); leave out http: 2, or is it https?")
        }
    }
}

/// Exchanges greetings and hangs up.
pub(crate) async fn try_out(socket: Socket, target: &Target, limit: Span) -> Result<(), ConnectError> {
    let traffic = Rc::new(Traffic::default());
    let clock = Clock::starting_in(Span::ZERO);
    let greeted = greet(socket, clock, &traffic, target.tls.is_some());
    match tokio::time::timeout(Duration::from(limit), greeted).await {
        Ok(greeted) => greeted.map(drop),
        Err(_) => Err(ConnectError::Refused(format!(
            "the server did not greet in HTTP/2 within {limit}; does it speak HTTP/2 on this port?"
        ))),
    }
}

impl Link {
    /// Greets the server over a fresh connection, and has it driven from here on.
    pub(super) async fn open(socket: Socket, clock: Clock, tls: bool) -> Result<Rc<Link>, ConnectError> {
        let traffic = Rc::new(Traffic::default());
        let (sender, connection) = greet(socket, clock, &traffic, tls).await?;
        let link = Rc::new(Link {
            sender,
            tls,
            traffic,
            unwritten: Rc::default(),
            places: Arc::new(Semaphore::new(0)),
            allowed: Cell::new(0),
        });
        link.count_places();
        tokio::task::spawn_local(drive(connection, link.clone()));
        Ok(link)
    }

    /// Waits for a place, and says whether it had to; none if the connection takes no more streams.
    pub(super) async fn place(&self) -> Option<(OwnedSemaphorePermit, bool)> {
        if let Ok(permit) = self.places.clone().try_acquire_owned() {
            return Some((permit, false));
        }
        let permit = self.places.clone().acquire_owned().await.ok()?;
        Some((permit, true))
    }

    /// Whether it takes no more streams.
    pub(super) fn is_leaving(&self) -> bool {
        self.places.is_closed()
    }

    pub(super) fn traffic(&self) -> Rc<Traffic> {
        self.traffic.clone()
    }

    pub(super) fn unwritten(&self) -> Rc<Unwritten> {
        self.unwritten.clone()
    }

    /// Takes over what the server allows now; false if it allows no more streams at all.
    pub(super) fn adjust(&self, cx: &mut Context<'_>) -> bool {
        self.count_places();
        !matches!(self.sender.clone().poll_ready(cx), Poll::Ready(Err(_)))
    }

    fn count_places(&self) {
        let (had, allowed) =
            (self.allowed.get(), self.sender.current_max_send_streams().min(Semaphore::MAX_PERMITS));
        let now = match allowed.checked_sub(had) {
            Some(more) => {
                self.places.add_permits(more);
                allowed
            }
            // Those that are taken become fewer when they are given back.
            None => had - self.places.forget_permits(had - allowed),
        };
        self.allowed.set(now);
    }

    /// Takes no more streams; those that wait for a place go elsewhere.
    pub(super) fn leave(&self) {
        self.places.close();
    }

    /// Begins an exchange: `request` is that of HTTP/1.1.
    pub(crate) fn send(&self, request: &[u8]) -> Result<Exchange, Ending> {
        let (head, body) = translated(request, self.tls).map_err(Ending::Broken)?;
        let reads = self.traffic.reads.get();
        let sent = self.sender.clone().send_request(head, body.is_empty());
        let (response, upload) = sent.map_err(|e| {
            // It has not been on the wire.
            self.leave();
            Ending::Refused(format!("the connection takes no more requests: {e}"))
        })?;
        Ok(Exchange {
            upload,
            body,
            mark: None,
            unwritten: self.unwritten.clone(),
            answer: Incoming::Head(response),
            traffic: self.traffic.clone(),
            reads,
        })
    }
}

/// A request and its answer. When it is dropped before its end, the server is told that nobody waits any longer.
pub(crate) struct Exchange {
    upload: SendStream<Bytes>,
    /// What has not been handed over of the request's body.
    body: Bytes,
    mark: Option<Rc<Mark>>,
    unwritten: Rc<Unwritten>,
    answer: Incoming,
    traffic: Rc<Traffic>,
    /// Reads of the connection before it was sent.
    reads: u64,
}

enum Incoming {
    Head(ResponseFuture),
    Body(RecvStream),
    /// The last of it has been taken.
    Done,
}

/// What has come of an answer.
pub(crate) enum Part {
    Head(Result<Head, HttpError>, HeaderMap),
    Data(Bytes),
    End,
}

impl Exchange {
    /// Writes the request, and gives the instant before that, as [`super`] says.
    pub(crate) fn poll_sent(&mut self, clock: &Clock, cx: &mut Context<'_>) -> Poll<Result<Moment, Ending>> {
        // The first wait is for the window of the server, the second for the socket.
        while !self.body.is_empty() {
            self.upload.reserve_capacity(self.body.len());
            let room = match ready!(self.upload.poll_capacity(cx)) {
                Some(Ok(room)) => room.min(self.body.len()),
                Some(Err(e)) => return Poll::Ready(Err(self.ending(&e))),
                None => {
                    let why = "the server ended the stream before it had taken the whole request".into();
                    return Poll::Ready(Err(Ending::Closed { why, silent: false }));
                }
            };
            let piece = self.body.split_to(room);
            if let Err(e) = self.upload.send_data(piece, self.body.is_empty()) {
                return Poll::Ready(Err(self.ending(&e)));
            }
        }
        let mark = self.mark.get_or_insert_with(|| self.unwritten.mark(clock.now()));
        mark.poll(cx).map(Ok)
    }

    /// What has come of the answer since the last time.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Ending>> {
        match &mut self.answer {
            Incoming::Head(response) => {
                let head = match ready!(Pin::new(response).poll(cx)) {
                    Ok(response) => response,
                    Err(e) => return Poll::Ready(Err(self.ending(&e))),
                };
                let (parts, body) = head.into_parts();
                let ended = body.is_end_stream();
                self.answer = Incoming::Body(body);
                let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                // The stream ends the body: it is never whole before that.
                let framing = if ended { Framing::Empty } else { Framing::Length(u64::MAX) };
                let head = head_of_fields(parts.status.as_u16(), framing, fields);
                Poll::Ready(Ok(Part::Head(head, parts.headers)))
            }
            Incoming::Body(body) if body.is_end_stream() => {
                self.answer = Incoming::Done;
                Poll::Ready(Ok(Part::End))
            }
            Incoming::Body(body) => match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Nothing is kept, so the server need not wait.
                    let _ = body.flow_control().release_capacity(data.len());
                    Poll::Ready(Ok(Part::Data(data)))
                }
                None => {
                    self.answer = Incoming::Done;
                    Poll::Ready(Ok(Part::End))
                }
                Some(Err(e)) => Poll::Ready(Err(self.ending(&e))),
            },
            Incoming::Done => Poll::Ready(Ok(Part::End)),
        }
    }

    /// The stamp of the connection's latest read.
    pub(crate) fn arrived(&self) -> Moment {
        self.traffic.arrived.get()
    }

    fn ending(&self, e: &h2::Error) -> Ending {
        let theirs = e.is_remote();
        match e.reason() {
            Some(reason) if e.is_library() => {
                Ending::Broken(format!("the server does not keep to HTTP/2 ({reason:?}): {e}"))
            }
            Some(Reason::REFUSED_STREAM) if theirs => {
                Ending::Refused("the server refused the stream (REFUSED_STREAM)".into())
            }
            Some(reason) if theirs && e.is_go_away() => Ending::Refused(format!(
                "the server ended the connection before it came to this stream (GOAWAY, {reason:?})"
            )),
            Some(reason) if theirs => {
                Ending::Closed { why: format!("the server reset the stream ({reason:?})"), silent: false }
            }
            Some(_) | None => {
                Ending::Closed { why: e.to_string(), silent: self.traffic.reads.get() == self.reads }
            }
        }
    }
}

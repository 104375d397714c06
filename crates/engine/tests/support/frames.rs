//! A server of HTTP/2 that says exactly what a test tells it to, frame by frame.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Peer, Stream, server};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Why a stream or a connection is ended.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;

/// A connection as a script sees it.
pub(crate) struct Streams(Box<dyn Stream>);

/// A server that hands each connection on which something is asked to `script`, with its number and the stream that is asked
/// on first. It allows so many streams at once.
pub(crate) fn http2_server(
    most: Option<u32>,
    script: impl Fn(usize, Streams, u32) + Send + Sync + 'static,
) -> u16 {
    let number = Arc::new(AtomicUsize::new(0));
    server(move |_, peer| {
        if let Some((streams, first)) = Streams::over(peer, most) {
            script(number.fetch_add(1, Ordering::Relaxed), streams, first);
        }
    })
}

impl Streams {
    /// Greets, and waits for the first request; none if the client only greets.
    pub(crate) fn over(Peer(stream): Peer, most: Option<u32>) -> Option<(Streams, u32)> {
        let mut streams = Streams(stream);
        streams.greet(most)?;
        let first = streams.request()?;
        Some((streams, first))
    }

    fn greet(&mut self, most: Option<u32>) -> Option<()> {
        let mut preface = [0; 24];
        self.0.read_exact(&mut preface).ok()?;
        assert!(preface.starts_with(b"PRI * HTTP/2.0"));
        let settings = most.map(|most| [&[0, 3][..], &most.to_be_bytes()].concat()).unwrap_or_default();
        self.frame(SETTINGS, 0, 0, &settings);
        Some(())
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let _ = self.0.write_all(&[&head, payload].concat());
    }

    /// The next stream on which a request is whole; none if the client has closed.
    pub(crate) fn request(&mut self) -> Option<u32> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            match (head[3], head[4]) {
                (SETTINGS, 0) => self.frame(SETTINGS, ACK, 0, &[]),
                (PING, 0) => self.frame(PING, ACK, 0, &payload),
                (DATA | HEADERS, flags) if flags & END_STREAM != 0 => return Some(stream),
                _ => {}
            }
        }
    }

    /// The head of a stream of events, with status 200.
    pub(crate) fn head(&mut self, stream: u32) {
        // 200 is entry 8 of the static table, content-type entry 31, here with a literal value.
        let kind = b"text/event-stream";
        let block = [&[0x88, 0x0f, 0x10, kind.len() as u8][..], kind].concat();
        self.frame(HEADERS, END_HEADERS, stream, &block);
    }

    /// A part of a body; the last one ends the stream.
    pub(crate) fn data(&mut self, stream: u32, text: &str, last: bool) {
        self.frame(DATA, if last { END_STREAM } else { 0 }, stream, text.as_bytes());
    }

    /// A whole answer of one token.
    pub(crate) fn answer(&mut self, stream: u32) {
        self.head(stream);
        self.data(stream, &token("Hello"), false);
        self.data(stream, END, true);
    }

    /// A refusal with status 429.
    pub(crate) fn refuse(&mut self, stream: u32) {
        // Entry 8 of the static table names the status; here with a literal value.
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x08\x03429");
    }

    pub(crate) fn reset(&mut self, stream: u32, why: u32) {
        self.frame(RST_STREAM, 0, stream, &why.to_be_bytes());
    }

    /// Says that no stream after `last` will be looked at.
    pub(crate) fn go_away(&mut self, last: u32, why: u32) {
        self.frame(GOAWAY, 0, 0, &[last.to_be_bytes(), why.to_be_bytes()].concat());
    }
}

/// An event that carries a token.
pub(crate) fn token(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The events that end an answer.
pub(crate) const END: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

//! The null client: the cheapest honest client of a streaming endpoint.
//!
//! It keeps a number of streams open, reads every byte, and looks for nothing but the end of each answer: no
//! parsing, no measuring. What it costs is what the kernel and the bytes cost; a load generator is held against that.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::clock::Stopwatch;

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Where the server listens, on this machine.
    pub(crate) port: u16,
    /// Streams to keep open.
    pub(crate) streams: u32,
    /// Requests in all.
    pub(crate) requests: u64,
    /// Tokens of each answer.
    pub(crate) tokens: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answered {
    /// Answers read to their end.
    pub(crate) requests: u64,
    /// Bytes read.
    pub(crate) bytes: u64,
    /// From the first connecting to the last byte.
    pub(crate) seconds: f64,
}

/// Sends all requests and reads all answers.
///
/// # Errors
/// If the server cannot be reached, or closes a connection.
pub(crate) fn drive(load: Load) -> Result<Answered> {
    let clock = Stopwatch::start();
    let request = request(load.tokens);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut streams = Vec::with_capacity(load.streams as usize);
    let mut sent = 0;
    for slot in 0..load.streams {
        let socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, load.port)))
            .with_context(|| format!("cannot open stream {slot} to 127.0.0.1:{}", load.port))?;
        socket.set_nonblocking(true)?;
        epoll::add(&epoll, &socket, EventData::new_u64(slot.into()), EventFlags::IN)?;
        if sent < load.requests {
            ask(&socket, &request)?;
            sent += 1;
        }
        streams.push(Stream { socket, tail: Tail::default() });
    }

    let mut answered = Answered { requests: 0, bytes: 0, seconds: 0.0 };
    let mut events: Vec<Event> = Vec::with_capacity(512);
    let mut buffer = vec![0_u8; 1 << 16];
    while answered.requests < load.requests {
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        for event in events.drain(..) {
            let stream = &mut streams[event.data.u64() as usize];
            let read = match rustix::net::recv(&stream.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((0, _)) => bail!("the server closed a connection"),
                Ok((read, _)) => read,
                Err(Errno::AGAIN | Errno::INTR) => continue,
                Err(e) => return Err(io::Error::from(e)).context("reading an answer"),
            };
            answered.bytes += read as u64;
            if stream.tail.ends_with(&buffer[..read]) {
                answered.requests += 1;
                if sent < load.requests {
                    ask(&stream.socket, &request)?;
                    sent += 1;
                }
            }
        }
    }
    answered.seconds = clock.elapsed().as_secs_f64();
    Ok(answered)
}

struct Stream {
    socket: TcpStream,
    tail: Tail,
}

/// The last bytes read, across reads of any size. The server never says more than it was asked, so an answer
/// ends where a read ends.
#[derive(Clone, Copy, Default)]
struct Tail([u8; END.len()]);

const END: &[u8; 5] = b"0\r\n\r\n";

impl Tail {
    /// Whether, after `read`, an answer has ended.
    fn ends_with(&mut self, read: &[u8]) -> bool {
        match read.last_chunk() {
            Some(last) => self.0 = *last,
            None => {
                self.0.rotate_left(read.len());
                let kept = END.len() - read.len();
                self.0[kept..].copy_from_slice(read);
            }
        }
        self.0 == *END
    }
}

fn ask(socket: &TcpStream, request: &[u8]) -> Result<()> {
    // A request is far smaller than the send buffer of a connection that has nothing else to send.
    let sent = rustix::net::send(socket, request, SendFlags::NOSIGNAL).context("sending a request")?;
    if sent < request.len() {
        bail!("a request of {} bytes did not fit into an idle connection", request.len());
    }
    Ok(())
}

fn request(tokens: u32) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"truth","stream":true,"max_tokens":{tokens},"messages":[{{"role":"user","content":"hello"}}]}}"#
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_is_found_however_it_is_cut(cuts in proptest::collection::vec(1..9_usize, 1..40)) {
            let answer = b"HTTP/1.1 200 OK\r\n\r\nd0\r\ndata: 0\n\n\r\n0\r\n\r\n";
            let mut tail = Tail::default();
            let mut rest = &answer[..];
            for cut in cuts.into_iter().chain([answer.len()]) {
                let (read, left) = rest.split_at(cut.min(rest.len()));
                if read.is_empty() {
                    break;
                }
                prop_assert_eq!(tail.ends_with(read), left.is_empty());
                rest = left;
            }
        }
    }
}

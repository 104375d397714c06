//! The ground-truth server: an OpenAI-style streaming endpoint that knows the nanosecond at which each token
//! was handed to the kernel, and the one at which the kernel took each request in.
//!
//! One thread, one epoll. What holds:
//! - A request's time starts with the kernel's arrival stamp of its last byte, not with its being read.
//! - Token k is due at arrival + TTFT + k · gap: delays do not add up.
//! - Nothing is written while it runs; the log is handed over at the end.
//!
//! It shares no code with the simulated provider nor with Floodline's protocol crate, so that it can judge both.

mod answer;
mod connection;
mod log;
mod request;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use self::answer::Script;
use self::connection::{Connection, Next};
pub(crate) use self::log::{Entry, read_log, write_log};
use crate::clock::{Wall, nanos, timespec};

/// How the server answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From the arrival of the request to the first token.
    pub(crate) ttft: Duration,
    /// Between tokens; zero sends the whole answer at once.
    pub(crate) gap: Duration,
    /// Tokens of an answer to a request that does not say.
    pub(crate) tokens: u32,
    /// Whether the log keeps every gap.
    pub(crate) keep_gaps: bool,
}

/// What was served.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// One entry per finished stream, in the order in which they finished.
    pub(crate) log: Vec<Entry>,
    /// The most streams open at one time.
    pub(crate) peak_open: u32,
    /// Streams whose client went away before the end.
    pub(crate) abandoned: u64,
    /// Tokens that the kernel would not take at once: their instants in the log are too early.
    pub(crate) blocked: u64,
}

impl Served {
    /// Tokens of all finished streams.
    pub(crate) fn tokens(&self) -> u64 {
        self.log.iter().map(|entry| u64::from(entry.tokens)).sum()
    }
}

/// Serves until `stop` becomes readable or is closed at its other end.
///
/// # Errors
/// What the kernel refuses in setting up, or in waiting.
pub(crate) fn serve(listener: &TcpListener, stop: impl AsFd, pace: Pace) -> io::Result<Served> {
    listener.set_nonblocking(true)?;
    rustix::net::listen(listener, BACKLOG)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&epoll, &stop, EventData::new_u64(STOP), EventFlags::IN)?;
    let mut server = Server {
        listener,
        epoll,
        script: Script::new(),
        pace,
        connections: Vec::new(),
        vacant: Vec::new(),
        next_serial: 0,
        due: BinaryHeap::new(),
        ledger: Ledger::default(),
        scratch: vec![0; 1 << 16],
    };
    server.run()?;
    Ok(server.ledger.served)
}

const BACKLOG: i32 = 65_535;
const EVENTS: usize = 1024;
const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;

struct Server<'a> {
    listener: &'a TcpListener,
    epoll: OwnedFd,
    script: Script,
    pace: Pace,
    connections: Vec<Option<Connection>>,
    vacant: Vec<u32>,
    next_serial: u64,
    due: BinaryHeap<Reverse<Due>>,
    ledger: Ledger,
    scratch: Vec<u8>,
}

/// The next token of a connection. `serial` tells it from a later connection in the same slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Wall,
    slot: u32,
    serial: u64,
}

/// What is written down while serving.
#[derive(Default)]
struct Ledger {
    served: Served,
    open: u32,
}

impl Ledger {
    fn opened(&mut self) {
        self.open += 1;
        self.served.peak_open = self.served.peak_open.max(self.open);
    }

    fn finished(&mut self, entry: Entry) {
        self.open -= 1;
        self.served.log.push(entry);
    }

    fn abandoned(&mut self) {
        self.open -= 1;
        self.served.abandoned += 1;
    }
}

impl Server<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            let wait = self.due.peek().map(|next| timespec(nanos(next.0.at.since(Wall::now()))));
            match epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            self.send_due(Wall::now());
            for event in events.drain(..) {
                match event.data.u64() {
                    STOP => return Ok(()),
                    LISTENER => self.accept()?,
                    slot => self.serve_connection(slot as u32, event.flags),
                }
            }
        }
    }

    /// Sends every token that is due by `now`.
    fn send_due(&mut self, now: Wall) {
        while let Some(mut next) = self.due.peek_mut() {
            let Due { at, slot, serial } = next.0;
            if at > now {
                return;
            }
            let connection = self.connections[slot as usize].as_mut().filter(|c| c.serial == serial);
            let then = connection.map_or(Next::Idle, |connection| {
                let then = connection.speak(&self.script, self.pace, &mut self.ledger);
                connection.flush(&self.epoll, slot);
                then
            });
            match then {
                // In place: one sift of the heap instead of two.
                Next::Due(at) => next.0.at = at,
                Next::Idle => drop(PeekMut::pop(next)),
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match accept_with(self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(e) => return Err(e.into()),
            };
            let slot = self.vacant.pop().unwrap_or(self.connections.len() as u32);
            let connection = Connection::new(socket, self.next_serial)?;
            self.next_serial += 1;
            connection.watch(&self.epoll, slot)?;
            match self.connections.get_mut(slot as usize) {
                Some(vacant) => *vacant = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
    }

    fn serve_connection(&mut self, slot: u32, flags: EventFlags) {
        let Some(connection) = &mut self.connections[slot as usize] else { return };
        if flags.contains(EventFlags::OUT) {
            connection.flush(&self.epoll, slot);
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return;
        }
        let serial = connection.serial;
        let heard = connection
            .listen(&mut self.scratch)
            .and_then(|()| connection.answer(&self.script, self.pace, &mut self.ledger));
        match heard {
            Ok(Next::Due(at)) => self.due.push(Reverse(Due { at, slot, serial })),
            Ok(Next::Idle) => {}
            Err(_) => {
                // Closing the socket also takes it out of the epoll set.
                if connection.is_answering() {
                    self.ledger.abandoned();
                }
                self.connections[slot as usize] = None;
                self.vacant.push(slot);
                return;
            }
        }
        if let Some(connection) = &mut self.connections[slot as usize] {
            connection.flush(&self.epoll, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::net::{Shutdown, TcpStream};
    use std::thread;

    use super::*;
    use crate::null::{Answered, Load, drive};

    const HEAD: u64 = 105;
    const TOKEN: u64 = 193;

    fn pace(ttft_ms: u64, gap_ms: u64) -> Pace {
        Pace {
            ttft: Duration::from_millis(ttft_ms),
            gap: Duration::from_millis(gap_ms),
            tokens: 4,
            keep_gaps: true,
        }
    }

    /// Serves on a thread while `client` runs.
    fn with_server<T>(pace: Pace, client: impl FnOnce(u16) -> T) -> (T, Served) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, running) = pipe().unwrap();
        let server = thread::spawn(move || serve(&listener, stop, pace).unwrap());
        let out = client(port);
        drop(running);
        (out, server.join().unwrap())
    }

    fn drive_all(pace: Pace, streams: u32, requests: u64, tokens: u32) -> (Answered, Served) {
        with_server(pace, |port| drive(Load { port, streams, requests, tokens }).unwrap())
    }

    #[test]
    fn paced_streams_are_logged_as_they_were_due() {
        let pace = pace(3, 1);
        let (answered, served) = drive_all(pace, 5, 20, 4);
        assert_eq!((answered.requests, served.log.len(), served.tokens()), (20, 20, 80));
        assert!((1..=5).contains(&served.peak_open));
        for entry in &served.log {
            assert!(entry.first >= entry.received + pace.ttft, "{entry:?}");
            assert!(entry.last >= entry.received + pace.ttft + pace.gap * 3, "{entry:?}");
            let gaps: i64 = entry.gaps.iter().copied().map(i64::from).sum();
            assert_eq!((entry.gaps.len(), gaps), (3, entry.last.since(entry.first)));
        }
    }

    #[test]
    fn a_flood_arrives_whole() {
        let (answered, served) = drive_all(pace(0, 0), 3, 12, 5000);
        assert_eq!((answered.requests, served.tokens()), (12, 60_000));
        assert_eq!(answered.bytes, 12 * (HEAD + 5000 * TOKEN + 375));
    }

    #[test]
    fn a_late_burst_comes_at_its_time() {
        let pace = pace(2, 0);
        let (_, served) = drive_all(pace, 1, 1, 9);
        let entry = &served.log[0];
        assert!(entry.first >= entry.received + pace.ttft && entry.first == entry.last, "{entry:?}");
    }

    #[test]
    fn a_client_that_leaves_is_counted_and_harms_nobody() {
        let (_, served) = with_server(pace(5, 5), |port| {
            let mut leaver = TcpStream::connect(("127.0.0.1", port)).unwrap();
            leaver
                .write_all(
                    b"POST / HTTP/1.1\r\ncontent-length: 33\r\n\r\n{\"stream\":true,\"max_tokens\":9000}",
                )
                .unwrap();
            leaver.read_exact(&mut [0; HEAD as usize]).unwrap();
            drop(leaver);
            drive(Load { port, streams: 1, requests: 2, tokens: 4 }).unwrap()
        });
        assert_eq!((served.log.len(), served.abandoned), (2, 1));
    }

    #[test]
    fn an_answer_that_is_no_stream_and_a_page_come_at_once() {
        let (text, served) = with_server(pace(60_000, 10), |port| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(b"GET /v1/models HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 16\r\n\r\n{\"max_tokens\":3}").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            text
        });
        assert!(text.contains("\"object\":\"list\"") && text.contains("\" token token token\""), "{text}");
        assert!(text.contains("\"completion_tokens\":3"), "{text}");
        assert_eq!(served.log, []);
    }
}

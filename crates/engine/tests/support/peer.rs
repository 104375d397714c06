//! A server that says exactly what a test tells it to, byte by byte.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// The head of a stream.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One HTTP chunk.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// An event that carries a token, as one chunk.
pub(crate) fn token(text: &str) -> String {
    chunk(&format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    ))
}

/// The event with the finish reason, as one chunk.
pub(crate) fn finish() -> String {
    chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
}

/// The end mark and the end of the body.
pub(crate) fn done() -> String {
    chunk("data: [DONE]\n\n") + "0\r\n\r\n"
}

/// What a connection is made of.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection as a script sees it.
pub(crate) struct Peer(pub(crate) Box<dyn Stream>);

impl Peer {
    /// Reads one whole request; none if the client has closed.
    pub(crate) fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut one = [0u8; 1];
        while !bytes.ends_with(b"\r\n\r\n") {
            if self.0.read(&mut one).ok()? == 0 {
                return None;
            }
            bytes.push(one[0]);
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some(head + &String::from_utf8_lossy(&body))
    }

    /// Says something.
    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.write_all(text.as_ref());
    }

    /// Waits until the client closes; false if it never did.
    pub(crate) fn wait_for_close(&mut self) -> bool {
        !matches!(self.0.read(&mut [0u8; 1]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// A server that hands each connection, in order of arrival, to `script` with its number. The engine's
/// look at the target before a run is answered and not counted.
pub(crate) fn server(script: impl Fn(usize, Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let script = Arc::new(script);
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming().flatten() {
            // A safety net only: no test waits this long.
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a valid time");
            let mut first = [0u8; 1];
            if stream.peek(&mut first).is_ok_and(|n| n == 0) {
                continue;
            }
            let script = script.clone();
            std::thread::spawn(move || script(number, Peer(Box::new(stream))));
            number += 1;
        }
    });
    port
}

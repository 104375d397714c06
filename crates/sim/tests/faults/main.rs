//! Faults as a client meets them on the wire, over real sockets on 127.0.0.1, and the endpoint that changes them.
//!
//! Nothing here waits for a time or asserts on one: reads block until there is something or the connection ends, and a
//! timeout of the socket is only the net under a test that would otherwise hang.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod answers;
mod doors;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use floodline_core::faults::Faults;
use floodline_core::time::Span;
use floodline_sim::limits::KeyId;
use floodline_sim::model::Pace;
use floodline_sim::{Config, Provides, Server};
use serde_json::{Value, json};

fn faults(lines: &[&str]) -> Faults {
    Faults::new(lines.iter().map(|line| line.parse().unwrap()).collect()).unwrap()
}

fn provides(lines: &[&str]) -> Provides {
    Provides { faults: faults(lines), ..Provides::default() }
}

fn server(lines: &[&str]) -> Server {
    Server::start(Config { admin: Some(0), ..Config::of(provides(lines)) }).unwrap()
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// All that comes until the connection ends, and whether it ended in good order.
fn rest(stream: &mut TcpStream) -> (String, bool) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (String::from_utf8(all).unwrap(), true),
            Ok(bytes) => all.extend_from_slice(&buffer[..bytes]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return (String::from_utf8(all).unwrap(), false);
            }
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&all)),
        }
    }
}

fn post(path: &str, body: &Value, fields: &str) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

fn chat(model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let body = json!({"model": model, "stream": stream, "max_tokens": 10, "messages": messages});
    post("/v1/chat/completions", &body, "")
}

/// What a request for ten tokens is answered, and whether the connection ended in good order.
fn asked(server: &Server, request: &str) -> (String, bool) {
    let mut stream = connect(server.addr());
    stream.write_all(request.as_bytes()).unwrap();
    rest(&mut stream)
}

/// How many tokens of a chat came.
fn tokens(answer: &str) -> usize {
    answer.matches("\"delta\":{\"content\":\"").count()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// What the ledger of the only provider tells.
fn ledger(server: &Server) -> Vec<Value> {
    let (_, lines) = administer(server, "GET", "/ledger", "", "host: localhost\r\n");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asks for the server's counts until they are as they are to be.
fn until(server: &Server, are: impl Fn(&Value) -> bool) {
    let come = (0..10_000).any(|_| are(&admin(server, "GET", "/stats", "").1));
    assert!(come, "{}", admin(server, "GET", "/stats", "").1);
}

/// What the endpoint of those who run the server answers.
fn admin(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, body) = administer(server, method, path, body, "host: localhost\r\n");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

fn administer(server: &Server, method: &str, path: &str, body: &str, fields: &str) -> (u16, String) {
    let mut stream = connect(server.admin_addr().unwrap());
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{fields}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (answer, _) = rest(&mut stream);
    (status(&answer), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

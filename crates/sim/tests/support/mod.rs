//! A client of the simulated provider that reads as HTTP has it, over real sockets on 127.0.0.1.
//!
//! Reads block until there is something; a time-out of the socket is only the net under a test that would otherwise hang.

#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use floodline_core::time::Span;
use floodline_sim::model::{Batching, Pace, StepCost};
use floodline_sim::{Config, Provides, Server};
use floodline_wire::http1::{BodyDecoder, Framing};
use serde_json::{Value, json};

/// Where OpenAI's chats are asked for.
pub(crate) const CHAT: &str = "/v1/chat/completions";

/// A connection to the provider.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) held: Vec<u8>,
}

/// An answer, taken off its framing.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The line of its status and its fields.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Client {
        let stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, held: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The bytes up to `until`, which stays unread.
    pub(crate) fn read_until(&mut self, until: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.held.windows(until.len()).position(|bytes| bytes == until) {
                return self.held.drain(..at).collect();
            }
            assert!(self.read_more(), "the connection ended");
        }
    }

    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let bytes = self.stream.read(&mut buffer).unwrap();
        self.held.extend_from_slice(&buffer[..bytes]);
        bytes > 0
    }

    pub(crate) fn response(&mut self) -> Response {
        let head = String::from_utf8(self.read_until(b"\r\n\r\n")).unwrap();
        self.held.drain(..4);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let framing = match (field(&head, "transfer-encoding"), field(&head, "content-length")) {
            (Some(_), None) => Framing::Chunked,
            (None, Some(length)) => Framing::Length(length.parse().unwrap()),
            (None, None) => Framing::Close,
            _ => panic!("framed twice"),
        };
        let (mut decoder, mut body) = (BodyDecoder::new(framing), Vec::new());
        loop {
            let fed = decoder.feed(&self.held, &mut |bytes| body.extend_from_slice(bytes)).unwrap();
            self.held.drain(..fed.consumed);
            if fed.done || !self.read_more() {
                break;
            }
        }
        decoder.finish().unwrap();
        Response { status, head, body: String::from_utf8(body).unwrap() }
    }

    pub(crate) fn ask(&mut self, request: &Value) -> Response {
        self.post(CHAT, "", request)
    }

    /// Asks at any path, with fields that each end their line.
    pub(crate) fn post(&mut self, path: &str, fields: &str, body: &Value) -> Response {
        self.send(post(path, fields, body));
        self.response()
    }

    pub(crate) fn is_closed(&mut self) -> bool {
        self.held.is_empty() && !self.read_more()
    }
}

impl Response {
    /// The `data:` of every event.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }

    pub(crate) fn chunks(&self) -> Vec<Value> {
        let events = self.events();
        assert_eq!(events.last(), Some(&"[DONE]"));
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    /// Of a stream: the text, the number of tokens, why it ended.
    pub(crate) fn streamed(&self) -> (String, usize, String) {
        let chunks = self.chunks();
        let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
        let texts: Vec<&str> = deltas.filter(|text| !text.is_empty()).collect();
        let finish = chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).unwrap();
        (texts.concat(), texts.len(), finish.into())
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn code(&self) -> (u16, Option<String>) {
        (self.status, self.json()["error"]["code"].as_str().map(String::from))
    }
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A request with a body, and with fields that each end their line.
pub(crate) fn post(path: &str, fields: &str, body: &Value) -> String {
    let body = body.to_string();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

/// A chat whose answer is streamed.
pub(crate) fn streaming(prompt: &str, more: Value) -> Value {
    let mut request =
        json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// A chat whose answer comes whole.
pub(crate) fn whole(prompt: &str, more: Value) -> Value {
    let mut request = streaming(prompt, more);
    request["stream"] = json!(false);
    request
}

/// A server of one provider.
pub(crate) fn start(provides: Provides) -> Server {
    Server::start(Config::of(provides)).unwrap()
}

/// A model with one place and a queue for one, whose steps take `step`.
pub(crate) fn narrow(step: Span, max_waiting: u32) -> Pace {
    let cost = StepCost {
        floor_ps: step.0 * 1_000,
        per_token_ps: 0,
        per_sequence_ps: 0,
        per_kv_token_ps: 0,
        overhead_ps: 0,
    };
    Pace::batched(Batching { cost, step_tokens: 64, max_running: 1, max_waiting })
}

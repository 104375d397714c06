//! The simulated provider as a server of HTTP: connections, framing, slow and leaving clients.
//!
//! Nothing here waits for a time or asserts on one.

mod support;

use std::io::Read;
use std::net::Shutdown;
use std::time::Duration;

use floodline_core::time::Span;
use floodline_sim::model::Pace;
use floodline_sim::{Config, Provides, Server};
use serde_json::{Value, json};
use support::{CHAT, Client, narrow, post, start, streaming, whole};

fn chat(request: &Value) -> String {
    post(CHAT, "", request)
}

#[test]
fn a_connection_is_closed_after_what_is_no_http() {
    let server = start(Provides::default());
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    for (bytes, status) in [
        ("nonsense\r\n\r\n", 400),
        (long.as_str(), 431),
        ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        ("POST /chat/completions HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        ("GET / HTTP/3.0\r\n\r\n", 505),
    ] {
        let mut client = Client::new(&server);
        client.send(bytes);
        let response = client.response();
        assert_eq!(response.status, status, "{}", response.body);
        assert!(response.head.contains("connection: close"));
        assert!(response.json()["error"]["message"].is_string());
        assert!(client.is_closed());
    }
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    for pace in [Pace::instant(), Pace::exact(Span(100_000), Span(10_000))] {
        let server = start(Provides { pace, ..Provides::default() });
        let mut client = Client::new(&server);
        let mut all = String::new();
        for tokens in 1..=20 {
            all += &chat(&match tokens % 2 {
                0 => streaming("x", json!({"max_tokens": tokens})),
                _ => whole("x", json!({"max_tokens": tokens})),
            });
            all += "GET /health HTTP/1.1\r\n\r\n";
        }
        client.send(all);
        for tokens in 1..=20 {
            let response = client.response();
            match tokens % 2 {
                0 => assert_eq!(response.streamed().1, tokens),
                _ => assert_eq!(response.json()["usage"]["completion_tokens"], tokens),
            }
            assert_eq!(client.response().json()["status"], "ok");
        }
    }
}

#[test]
fn a_request_may_come_byte_by_byte_and_in_chunks() {
    let server = start(Provides::default());
    let mut client = Client::new(&server);
    client.stream.set_nodelay(true).unwrap();
    for byte in chat(&streaming("x", json!({"max_tokens": 2}))).bytes() {
        client.send([byte]);
    }
    assert_eq!(client.response().streamed().1, 2);

    let body = streaming("x", json!({"max_tokens": 5})).to_string();
    let (a, b) = body.split_at(17);
    client.send("POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send(format!("{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len()));
    assert_eq!(client.response().streamed().1, 5);

    client.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    assert_eq!(client.read_until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue");
    client.held.clear();
    client.send(&body);
    assert_eq!(client.response().streamed().1, 5);
}

#[test]
fn the_old_protocol_is_answered_until_the_connection_ends() {
    let server = start(Provides::default());
    // The longer one takes several turns.
    for tokens in [300, 30_000] {
        let mut client = Client::new(&server);
        client.send(chat(&streaming("x", json!({"max_tokens": tokens}))).replace("HTTP/1.1", "HTTP/1.0"));
        let response = client.response();
        assert!(!response.head.contains("chunked"));
        assert_eq!(response.streamed().1, tokens);
        assert!(client.is_closed());
    }

    let mut client = Client::new(&server);
    client.send("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert!(client.is_closed());
}

#[test]
fn an_answer_that_is_due_at_once_reaches_a_client_that_sends_no_more() {
    let server = start(Provides::default());
    for tokens in [5, 30_000] {
        let mut client = Client::new(&server);
        client.send(chat(&streaming("x", json!({"max_tokens": tokens}))));
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.response().streamed().1, tokens);
        assert!(client.is_closed());
    }
}

#[test]
fn a_client_that_ends_behind_much_it_has_asked_for_is_answered_and_let_go() {
    let server = start(Provides::default());
    let mut client = Client::new(&server);
    let prompt = "x".repeat(14_000);
    client.send(chat(&whole(&prompt, json!({"max_tokens": 3}))).repeat(5));
    client.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..5 {
        assert_eq!(client.response().json()["usage"]["completion_tokens"], 3);
    }
    assert!(client.is_closed());
}

#[test]
fn an_answer_without_end_and_without_gaps_holds_up_nobody() {
    let server = start(Provides { pace: Pace::exact(Span(1_000), Span::ZERO), ..Provides::default() });
    let mut endless = Client::new(&server);
    endless.send(chat(&streaming("x", json!({"max_tokens": u32::MAX}))));
    endless.read_until(b"\"content\":\"\"");
    assert_eq!(Client::new(&server).ask(&streaming("y", json!({"max_tokens": 50}))).streamed().1, 50);
    drop(endless);
    let stats = server.stop().0;
    assert!(stats.timed >= 50 && stats.timed <= stats.tokens, "{stats:?}");
}

#[test]
fn a_client_that_leaves_frees_its_place() {
    // The first answer would take for ever; the second can only come when it is given up.
    let server = start(Provides { pace: narrow(Span::from_millis(1), 9), ..Provides::default() });
    let mut first = Client::new(&server);
    first.send(chat(&streaming("x", json!({"max_tokens": 4_000_000_000u32}))));
    first.read_until(b"\"content\":\"\"");
    let mut second = Client::new(&server);
    second.send(chat(&streaming("x", json!({"max_tokens": 2}))));
    drop(first);
    assert_eq!(second.response().streamed().1, 2);
}

#[test]
fn a_full_queue_is_an_overload() {
    let server = start(Provides { pace: narrow(Span::from_millis(1), 0), ..Provides::default() });
    let mut running = Client::new(&server);
    running.send(chat(&streaming("x", json!({"max_tokens": 4_000_000_000u32}))));
    running.read_until(b"\"content\":\"\"");
    let mut client = Client::new(&server);
    let refused = client.ask(&streaming("x", json!({})));
    assert_eq!(refused.code(), (503, Some("overloaded".into())));
    client.send("GET /health HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().status, 200, "the connection goes on");
}

#[test]
fn a_slow_reader_gets_everything_and_holds_up_nobody() {
    const TOKENS: u32 = 200_000;
    let server = start(Provides::default());
    let mut slow = Client::new(&server);
    slow.send(chat(&streaming("x", json!({"max_tokens": TOKENS}))));
    slow.read_until(b"\"content\":\"\"");
    // Far more than the sockets hold is to be sent, and nobody reads it. Others are served.
    for _ in 0..20 {
        assert_eq!(Client::new(&server).ask(&streaming("y", json!({"max_tokens": 50}))).streamed().1, 50);
    }
    assert!(server.stats().tokens < u64::from(TOKENS), "the answer is not built before it can be sent");
    let mut bytes = slow.held.len();
    let mut buffer = vec![0; 1 << 16];
    let mut tail = Vec::new();
    while !tail.ends_with(b"0\r\n\r\n") {
        let read = slow.stream.read(&mut buffer).unwrap();
        assert!(read > 0);
        bytes += read;
        tail.extend_from_slice(&buffer[..read]);
        tail.drain(..tail.len().saturating_sub(16));
    }
    assert!(bytes > TOKENS as usize * 100);
    assert_eq!(server.stop().0.tokens, u64::from(TOKENS) + 1_000);
}

#[test]
fn stopping_and_dropping_end_the_server_whatever_is_under_way() {
    let pace = Pace::exact(Span::from_secs(3600), Span::from_secs(1));
    let server = start(Provides { pace, ..Provides::default() });
    let addr = server.addr();
    let mut client = Client::new(&server);
    client.send(chat(&streaming("x", json!({}))));
    let (stats, cpu) = server.stop();
    assert_eq!(stats.accepted, 1);
    assert!(cpu > Duration::ZERO);
    assert!(client.stream.read(&mut [0; 1]).map_or(true, |bytes| bytes == 0));
    drop(Server::start(Config { port: addr.port(), ..Config::default() }).unwrap());
}

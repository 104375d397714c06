//! How connections come about: how long they live, from where, through what, and what is compressed on them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use floodline_core::connection::{Connection, Connections, Dns};
use floodline_core::{Outcome, Record};
use floodline_engine::{Endpoint, EngineError};
use support::{Peer, STREAM, chunk, done, endpoint, finish, plan, run, server, token};

fn answer() -> String {
    [STREAM, &token("Hello"), &token(" world"), &finish(), &done()].concat()
}

fn with(port: u16, connection: Connection) -> Endpoint {
    Endpoint { connection, ..endpoint(format!("http://127.0.0.1:{port}/v1")) }
}

fn outcomes(records: &[Record]) -> Vec<Outcome> {
    records.iter().map(|r| r.outcome).collect()
}

#[test]
fn a_new_connection_for_each_request_is_said_and_kept_to() {
    let port = server(|_, mut peer| {
        let request = peer.request().unwrap();
        assert!(request.contains("\r\nconnection: close\r\n"), "{request}");
        // The server would keep it.
        peer.say(answer());
        assert!(peer.wait_for_close());
    });
    let per_request = Connection { connections: Connections::PerRequest, ..Connection::default() };
    let records = run(plan(3), with(port, per_request)).unwrap().records;
    assert_eq!(outcomes(&records), [Outcome::Ok; 3]);
    assert!(records.iter().all(|r| r.connect.is_some()));
}

/// A server that notes where its connections come from.
fn noting(seen: Arc<Mutex<BTreeSet<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let from = stream.peer_addr().unwrap().ip().to_string();
            let mut peer = Peer(Box::new(stream));
            if peer.request().is_some() {
                seen.lock().unwrap().insert(from);
                peer.say(answer());
            }
        }
    });
    port
}

#[test]
#[cfg(target_os = "linux")]
fn connections_are_made_from_the_source_addresses_in_turn() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let connection = Connection {
        connections: Connections::PerRequest,
        source_addresses: vec!["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()],
        ..Connection::default()
    };
    let records = run(plan(4), with(noting(seen.clone()), connection)).unwrap().records;
    assert_eq!(outcomes(&records), [Outcome::Ok; 4]);
    assert_eq!(seen.lock().unwrap().iter().collect::<Vec<_>>(), ["127.0.0.2", "127.0.0.3"]);
}

#[test]
fn a_source_address_that_this_machine_lacks_is_refused_before_the_run() {
    let connection =
        Connection { source_addresses: vec!["192.0.2.1".parse().unwrap()], ..Connection::default() };
    let error = run(plan(1), with(1, connection)).err().unwrap();
    assert!(matches!(error, EngineError::Source(_)), "{error}");
}

#[test]
fn a_name_is_looked_up_for_each_connection() {
    let port = server(|_, mut peer| {
        peer.request();
        peer.say(answer());
    });
    let connection =
        Connection { dns: Dns::PerConnection, connections: Connections::PerRequest, ..Connection::default() };
    let endpoint = Endpoint { url: format!("http://localhost:{port}/v1"), ..with(port, connection) };
    let records = run(plan(2), endpoint).unwrap().records;
    assert_eq!(outcomes(&records), [Outcome::Ok; 2]);
}

fn through(proxy: u16, url: &str) -> Endpoint {
    let connection = Connection { proxy: Some(format!("127.0.0.1:{proxy}")), ..Connection::default() };
    Endpoint { connection, ..endpoint(url.into()) }
}

#[test]
fn requests_to_http_targets_are_sent_to_the_proxy_with_their_whole_url() {
    let proxy =
        server(|_, mut peer| {
            while let Some(request) = peer.request() {
                assert!(request.starts_with(
                    "POST http://target.invalid:8000/v1 HTTP/1.1\r\nhost: target.invalid:8000\r\n"
                ));
                assert!(request.contains("\r\nproxy-authorization: Basic bTpw\r\n"));
                peer.say(answer());
            }
        });
    let mut endpoint = through(proxy, "http://target.invalid:8000/v1");
    endpoint.proxy_authorization = Some("Basic bTpw".into());
    let records = run(plan(2), endpoint).unwrap().records;
    assert_eq!(outcomes(&records), [Outcome::Ok; 2]);
}

/// Why no run is made through a proxy that answers CONNECT like this.
fn refused(answer: &'static str, authorization: Option<&str>) -> String {
    let proxy = server(move |_, mut peer| {
        peer.say(answer);
        peer.wait_for_close();
    });
    let mut endpoint = through(proxy, "https://target.invalid/v1");
    endpoint.proxy_authorization = authorization.map(str::to_owned);
    match run(plan(1), endpoint) {
        Err(error @ EngineError::Connect { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(left) => panic!("it ran: {:?}", left.records),
    }
}

#[test]
fn a_proxy_that_does_not_connect_says_why() {
    let wants = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    assert!(refused(wants, None).contains("it wants credentials (407)"));
    assert!(refused(wants, Some("Basic bTpw")).contains("does not accept the credentials"));
    let forbids = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    assert!(refused(forbids, None).contains("it refused to connect to target.invalid:443 (403)"));
    assert!(refused("SSH-2.0-OpenSSH\r\n\r\n", None).contains("is not HTTP"));
}

#[test]
fn a_proxy_that_is_not_there_is_told_from_a_target_that_is_not() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = run(plan(1), through(gone, "http://target.invalid/v1")).err().unwrap().to_string();
    assert!(
        error.contains(&format!("the proxy 127.0.0.1:{gone}: connection refused; is the proxy running?")),
        "{error}"
    );
}

/// Packs pieces, each so that it can be unpacked when it is there.
type Pack = fn(&[&str]) -> Vec<Vec<u8>>;

fn gzip(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut packed = pieces
        .iter()
        .map(|piece| {
            packer.write_all(piece.as_bytes()).unwrap();
            packer.flush().unwrap();
            std::mem::take(packer.get_mut())
        })
        .collect::<Vec<_>>();
    packed.push(packer.finish().unwrap());
    packed
}

fn brotli(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut packer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    let mut packed = pieces
        .iter()
        .map(|piece| {
            packer.write_all(piece.as_bytes()).unwrap();
            packer.flush().unwrap();
            std::mem::take(packer.get_mut())
        })
        .collect::<Vec<_>>();
    packed.push(packer.into_inner());
    packed
}

fn event(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

#[test]
fn a_compressed_stream_is_unpacked_as_it_arrives() {
    for (coding, pack) in [("gzip", gzip as Pack), ("br", brotli as Pack)] {
        let end =
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let packed = pack(&[&event("Hello"), &event(" world"), end]);
        let port = server(move |_, mut peer| {
            let request = peer.request().unwrap();
            assert!(request.contains("\r\naccept-encoding: gzip, br\r\n"), "{request}");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
            peer.say(format!("{head}\r\ncontent-encoding: {coding}\r\n\r\n"));
            for piece in packed.iter().filter(|piece| !piece.is_empty()) {
                peer.say([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            peer.say("0\r\n\r\n");
        });
        let asking = Connection { compression: true, ..Connection::default() };
        let records = run(plan(1), with(port, asking)).unwrap().records;
        let r = &records[0];
        assert_eq!(
            (r.outcome, r.arrivals.events(), r.output_tokens),
            (Outcome::Ok, 2, Some(2)),
            "{coding}: {r:?}"
        );
    }
}

#[test]
fn a_stream_whose_compression_is_broken_is_malformed() {
    let port = server(|_, mut peer| {
        peer.request();
        peer.say(STREAM.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n"));
        peer.say(chunk("this is no gzip at all"));
    });
    let records = run(plan(1), with(port, Connection::default())).unwrap().records;
    assert_eq!(records[0].outcome, Outcome::Malformed);
    assert_eq!(records[0].error.as_deref(), Some("the gzip data of the answer is broken"));
}

#[test]
fn an_answer_that_unpacks_to_too_much_is_ended() {
    // 80 MiB of blanks in some kilobytes.
    let bomb = gzip(&[&" ".repeat(80 * 1024 * 1024)]).concat();
    assert!(bomb.len() < 200_000);
    let port = server(move |_, mut peer| {
        peer.request();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip";
        peer.say(format!("{head}\r\ncontent-length: {}\r\n\r\n", bomb.len()));
        peer.say(&bomb);
        peer.wait_for_close();
    });
    let mut endpoint = with(port, Connection::default());
    endpoint.stream = false;
    let records = run(plan(1), endpoint).unwrap().records;
    assert_eq!(records[0].outcome, Outcome::Malformed);
    assert_eq!(records[0].error.as_deref(), Some("the answer is larger than 64 MiB"));
}

//! TLS: which certificates are taken, what is said of the others, and that a stream inside it is measured like one
//! outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test file uses its part")]
#[path = "support/frames.rs"]
mod frames;
#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use floodline_core::connection::Http;
use floodline_core::{Outcome, Record, Span};
use floodline_engine::{Endpoint, EngineError};
use frames::Streams;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{Peer, STREAM, done, endpoint, finish, plan, run, run_script, server, token};

#[test]
fn a_certificate_of_a_given_authority_is_taken() {
    let authority = Authority::new();
    let records = against(&authority.issue("localhost", |_| {}), |e| e.ca = Some(authority.pem()));
    assert_eq!(outcomes(&records.unwrap()), [Outcome::Ok; 2]);
}

#[test]
fn an_unknown_issuer_is_refused_before_anything_is_sent() {
    let error = refused(&Authority::new().issue("localhost", |_| {}), None);
    assert!(error.contains("is from an unknown issuer; give its certificate with --ca-file"), "{error}");
}

#[test]
fn the_authority_of_somebody_else_does_not_help() {
    let error =
        refused(&Authority::new().issue("localhost", |_| {}), Some(Authority::named("another").pem()));
    assert!(error.contains("unknown issuer"), "{error}");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let expired = authority.issue("localhost", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let error = refused(&expired, Some(authority.pem()));
    assert!(error.contains("has expired; renew it"), "{error}");
}

/// Regression: the message gave two instants in seconds since 1970 and no remedy.
#[test]
fn a_certificate_that_is_not_valid_yet_is_refused_in_words() {
    let authority = Authority::new();
    let early = authority.issue("localhost", |params| params.not_before = date_time_ymd(2999, 1, 1));
    let error = refused(&early, Some(authority.pem()));
    assert!(
        error.ends_with("is not valid yet; check the clocks of both machines, or use --insecure"),
        "{error}"
    );
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let error = refused(&authority.issue("other.example", |_| {}), Some(authority.pem()));
    assert!(error.contains("is for another host name"), "{error}");
}

#[test]
fn insecure_takes_any_certificate() {
    let expired = Authority::new().issue("other.example", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let records = against(&expired, |e| e.insecure = true).unwrap();
    assert_eq!(outcomes(&records), [Outcome::Ok; 2]);
}

#[test]
fn a_stream_inside_tls_is_measured() {
    let authority = Authority::new();
    for r in against(&authority.issue("localhost", |_| {}), |e| e.ca = Some(authority.pem())).unwrap() {
        let (sent, first, last) = (r.sent.unwrap(), r.first_token.unwrap(), r.last.unwrap());
        assert!(r.scheduled <= sent && sent <= first && first <= last);
        assert_eq!((r.arrivals.events(), r.output_tokens), (2, Some(2)));
        assert!(r.lag_max.is_some());
    }
}

#[test]
fn the_handshake_counts_as_connecting_and_the_connection_is_kept() {
    let authority = Authority::new();
    let records = against(&authority.issue("localhost", |_| {}), |e| e.ca = Some(authority.pem())).unwrap();
    assert!(records[0].connect.is_some_and(|took| took > Span::ZERO));
    assert_eq!(records[1].connect, None);
}

#[test]
fn records_cut_anywhere_give_the_same_answer() {
    let authority = Authority::new();
    let identity = authority.issue("localhost", |_| {});
    for piece in [1, 2, 7, 61, 1_000] {
        let port = tls_server(&identity, piece, |mut peer| {
            while peer.request().is_some() {
                peer.say([STREAM, &token("Hello"), &token(" world"), &finish(), &done()].concat());
            }
        });
        let left = run(plan(1), trusting(port, &authority)).unwrap();
        let record = &left.records[0];
        assert_eq!((record.outcome, record.output_tokens), (Outcome::Ok, Some(2)), "pieces of {piece}");
    }
}

#[test]
fn a_connection_that_breaks_inside_tls_is_told_from_one_that_ends() {
    let authority = Authority::new();
    let port = tls_server(&authority.issue("localhost", |_| {}), usize::MAX, |mut peer| {
        if peer.request().is_some() {
            peer.say([STREAM, &token("Hello")].concat());
        }
    });
    let left = run(plan(1), trusting(port, &authority)).unwrap();
    assert_eq!(left.records[0].outcome, Outcome::Truncated);
    assert!(left.records[0].first_token.is_some());
}

/// Regression: this was "unexpected end of file", without a hint at what to do.
#[test]
fn a_server_without_tls_is_suspected_to_speak_http() {
    let port = server(|_, _| {});
    let error = run(plan(1), endpoint(format!("https://localhost:{port}/v1"))).err().unwrap().to_string();
    assert!(error.ends_with("during the TLS handshake; is it http rather than https?"), "{error}");
}

#[test]
fn a_server_that_answers_a_handshake_in_plain_text_is_suspected_to_speak_http() {
    let port = server(|_, mut peer| {
        peer.say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        peer.wait_for_close();
    });
    let error = run(plan(1), endpoint(format!("https://localhost:{port}/v1"))).err().unwrap().to_string();
    assert!(error.ends_with("does not speak TLS on this port; is it http rather than https?"), "{error}");
}

/// Regression: this was "not HTTP/1.0 or HTTP/1.1".
#[test]
fn a_tls_server_that_is_spoken_to_in_plain_text_is_recognised_by_its_alert() {
    let records = run_script(1, |_, mut peer| {
        peer.request();
        peer.say([0x15, 3, 3, 0, 2, 2, 10]);
    });
    assert_eq!(records[0].outcome, Outcome::Malformed);
    let error = records[0].error.as_deref().unwrap();
    assert_eq!(error, "the server speaks TLS on this port; is it https rather than http?");
}

#[test]
fn http2_is_agreed_on_in_the_handshake() {
    let authority = Authority::new();
    let mut offer = ServerConfig::clone(&authority.issue("localhost", |_| {}));
    offer.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let port = tls_server(&Arc::new(offer), usize::MAX, |peer| {
        let Some((mut streams, first)) = Streams::over(peer, None) else { return };
        let mut next = Some(first);
        while let Some(stream) = next {
            streams.answer(stream);
            next = streams.request();
        }
    });
    let left = run(plan(2), over_http2(trusting(port, &authority))).unwrap();
    assert_eq!(outcomes(&left.records), [Outcome::Ok; 2]);
    assert_eq!(left.records.iter().filter(|r| r.connect.is_some()).count(), 1);
    assert!(left.records.iter().all(|r| r.arrivals.events() == 1 && r.sent <= r.first_token));
}

#[test]
fn a_server_that_does_not_offer_http2_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    let port = tls_server(&authority.issue("localhost", |_| {}), usize::MAX, |mut peer| {
        peer.wait_for_close();
    });
    let error = run(plan(1), over_http2(trusting(port, &authority))).err().unwrap().to_string();
    assert!(error.contains("does not offer HTTP/2 in its TLS handshake; leave out http: 2"), "{error}");
}

#[test]
fn an_https_target_is_reached_through_a_proxy_that_cannot_read_along() {
    let authority = Authority::new();
    let port = tls_server(&authority.issue("localhost", |_| {}), usize::MAX, |mut peer| {
        while let Some(request) = peer.request() {
            assert!(request.starts_with("POST /v1 HTTP/1.1\r\n") && !request.contains("proxy"), "{request}");
            peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        }
    });
    let mut endpoint = trusting(port, &authority);
    endpoint.connection.proxy = Some(format!("127.0.0.1:{}", tunnel(port)));
    endpoint.proxy_authorization = Some("Basic bTpw".into());
    let records = run(plan(2), endpoint).unwrap().records;
    assert_eq!(outcomes(&records), [Outcome::Ok; 2]);
    // The way through the proxy is a part of connecting, and the connection is kept.
    assert!(records[0].connect.is_some() && records[1].connect.is_none());
}

/// A proxy that connects to this port and passes everything on.
fn tunnel(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut asked = Vec::new();
            let mut one = [0u8; 1];
            while !asked.ends_with(b"\r\n\r\n") && client.read(&mut one).is_ok_and(|n| n == 1) {
                asked.push(one[0]);
            }
            let asked = String::from_utf8(asked).unwrap();
            assert_eq!(
                asked,
                format!(
                    "CONNECT localhost:{port} HTTP/1.1\r\nhost: localhost:{port}\r\nproxy-authorization: Basic bTpw\r\n\r\n"
                )
            );
            let mut target = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), target.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = io::copy(&mut target, &mut client);
                let _ = client.shutdown(Shutdown::Write);
            });
        }
    });
    own
}

/// Two requests to a server with this certificate, with an endpoint changed by `change`.
fn against(identity: &Identity, change: impl Fn(&mut Endpoint)) -> Result<Vec<Record>, EngineError> {
    let port = tls_server(identity, usize::MAX, |mut peer| {
        while peer.request().is_some() {
            peer.say([STREAM, &token("Hello"), &token(" world"), &finish(), &done()].concat());
        }
    });
    let mut endpoint = endpoint(format!("https://localhost:{port}/v1"));
    change(&mut endpoint);
    run(plan(2), endpoint).map(|left| left.records)
}

/// Why no run is made against a server with this certificate.
fn refused(identity: &Identity, ca: Option<Vec<u8>>) -> String {
    match against(identity, |e| e.ca.clone_from(&ca)) {
        Err(error @ EngineError::Connect { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(records) => panic!("it ran: {records:?}"),
    }
}

fn over_http2(mut endpoint: Endpoint) -> Endpoint {
    endpoint.connection.http = Http::Two;
    endpoint
}

fn trusting(port: u16, authority: &Authority) -> Endpoint {
    Endpoint { ca: Some(authority.pem()), ..endpoint(format!("https://localhost:{port}/v1")) }
}

fn outcomes(records: &[Record]) -> Vec<Outcome> {
    records.iter().map(|r| r.outcome).collect()
}

/// An authority that nobody knows.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server shows: its side of TLS.
type Identity = Arc<ServerConfig>;

impl Authority {
    fn new() -> Authority {
        Authority::named("an authority")
    }

    fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self, host: &str, change: impl Fn(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// A server whose writes reach the network in pieces of at most so many bytes.
fn tls_server(identity: &Identity, piece: usize, script: impl Fn(Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (identity, script) = (identity.clone(), Arc::new(script));
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            // A safety net only: no test waits this long.
            tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            tcp.set_nodelay(true).unwrap();
            let tls = ServerConnection::new(identity.clone()).unwrap();
            let script = script.clone();
            std::thread::spawn(move || script(Peer(Box::new(StreamOwned::new(tls, Pieces { tcp, piece })))));
        }
    });
    port
}

struct Pieces {
    tcp: TcpStream,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(buffer)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(&bytes[..bytes.len().min(self.piece)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

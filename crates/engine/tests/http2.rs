//! HTTP/2: many streams on one connection, and every way in which one can end.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "support/frames.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod frames;
#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use floodline_core::connection::{Connection, Connections, Http};
use floodline_core::plan::{Load, Plan, UserStage};
use floodline_core::record::AttemptEnd;
use floodline_core::workload::{Ask, Rendered, Workload};
use floodline_core::{Outcome, Phase, Record, Span};
use floodline_engine::{Endpoint, EngineError};
use frames::{END, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, Streams, http2_server, token};
use support::{Body, endpoint, plan, run, run_of, server};

fn over_http2(port: u16) -> Endpoint {
    Endpoint {
        connection: Connection { http: Http::Two, ..Connection::default() },
        ..endpoint(format!("http://127.0.0.1:{port}/v1"))
    }
}

/// A plan of so many users who ask so often in all.
fn crowd(users: u32, requests: u64) -> Plan {
    let mut plan = plan(requests);
    let stages = vec![UserStage::new(users, None, Phase::Main)];
    plan.scenarios[0].load = Load::Closed { stages, requests: Some(requests) };
    plan
}

/// Runs so many requests of one user against a script.
fn run_script(requests: u64, script: impl Fn(usize, Streams, u32) + Send + Sync + 'static) -> Vec<Record> {
    run(plan(requests), over_http2(http2_server(None, script))).unwrap().records
}

fn ends(record: &Record) -> Vec<AttemptEnd> {
    record.attempts.iter().map(|attempt| attempt.end).collect()
}

const RECONNECTED: [AttemptEnd; 2] = [AttemptEnd::Reconnect, AttemptEnd::Outcome(Outcome::Ok)];

#[test]
fn fifty_streams_share_a_connection() {
    let port = http2_server(None, |connection, mut streams, first| {
        assert_eq!(connection, 0, "one connection serves all");
        // None is answered before all have asked.
        let mut all = vec![first];
        all.extend(std::iter::repeat_with(|| streams.request()).take(49).flatten());
        all.iter().for_each(|stream| streams.head(*stream));
        for text in ["a", "b", "c"] {
            all.iter().for_each(|stream| streams.data(*stream, &token(text), false));
        }
        all.iter().rev().for_each(|stream| streams.data(*stream, END, true));
        while let Some(stream) = streams.request() {
            streams.answer(stream);
        }
    });
    let records = run(crowd(50, 120), over_http2(port)).unwrap().records;
    assert_eq!(records.len(), 120);
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    assert!(records.iter().filter(|r| r.arrivals.events() == 3).count() >= 50);
    for r in &records {
        let (sent, first, last) = (r.sent.unwrap(), r.first_token.unwrap(), r.last.unwrap());
        assert!(r.scheduled <= sent && sent <= first && first <= last, "{r:?}");
        assert!(r.lag_max.is_some() && r.attempts.len() == 1);
    }
}

#[test]
fn streams_beyond_the_servers_bound_wait_for_a_place_as_part_of_connecting() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let port = http2_server(Some(4), move |_, mut streams, first| {
        let mut open = vec![first];
        for _ in 1..12 {
            // The fifth does not come before one of the four has been answered.
            if open.len() == 4 {
                streams.answer(open.remove(0));
            }
            open.extend(streams.request());
            seen.fetch_max(open.len(), Ordering::Relaxed);
        }
        open.into_iter().for_each(|stream| streams.answer(stream));
        streams.request();
    });
    let records = run(crowd(12, 12), over_http2(port)).unwrap().records;
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(most.load(Ordering::Relaxed), 4);
    // All of them waited: the first for the connection, and those of the twelve that had no place for one.
    assert!(records.iter().filter(|r| r.connect.is_some_and(|took| took > Span::ZERO)).count() >= 8);
}

#[test]
fn who_finds_no_place_in_time_is_a_timeout() {
    let port = http2_server(Some(1), |_, mut streams, first| {
        streams.head(first);
        // The first keeps its place until the other has given up and the run ends.
        while streams.request().is_some() {}
    });
    let mut plan = crowd(2, 2);
    plan.timeouts.connect = Span::from_millis(300);
    plan.timeouts.request = Span::from_millis(900);
    let records = run(plan, over_http2(port)).unwrap().records;
    let crowded: Vec<&Record> = records.iter().filter(|r| r.sent.is_none()).collect();
    assert_eq!(crowded.len(), 1, "{records:?}");
    assert_eq!(crowded[0].outcome, Outcome::Timeout);
    assert!(crowded[0].error.as_deref().unwrap().contains("allows no more streams at once"));
}

#[test]
fn several_connections_share_the_streams_evenly() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = connections.clone();
    let port = http2_server(None, move |connection, mut streams, first| {
        seen.fetch_max(connection + 1, Ordering::Relaxed);
        // Each of the four has two of the eight.
        let both = [first, streams.request().unwrap()];
        both.iter().for_each(|stream| streams.answer(*stream));
        streams.request();
    });
    let mut endpoint = over_http2(port);
    endpoint.connection.connections = Connections::PerWorker(4);
    let records = run(crowd(8, 8), endpoint).unwrap().records;
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 4);
}

#[test]
fn a_stream_that_the_server_refuses_is_sent_once_more() {
    let records = run_script(1, |_, mut streams, first| {
        streams.reset(first, REFUSED_STREAM);
        let again = streams.request().unwrap();
        streams.answer(again);
        streams.request();
    });
    assert_eq!((records[0].outcome, ends(&records[0])), (Outcome::Ok, RECONNECTED.into()));
    let records = run_script(1, |_, mut streams, first| {
        streams.reset(first, REFUSED_STREAM);
        let again = streams.request().unwrap();
        streams.reset(again, REFUSED_STREAM);
        streams.request();
    });
    assert_eq!((records[0].outcome, records[0].attempts.len()), (Outcome::Connection, 2));
    assert!(records[0].error.as_deref().unwrap().contains("REFUSED_STREAM"));
}

#[test]
fn a_stream_that_is_reset_before_its_answer_is_a_failed_connection() {
    let records = run_script(2, |connection, mut streams, first| {
        assert_eq!(connection, 0, "the others go on");
        streams.reset(first, INTERNAL_ERROR);
        let next = streams.request().unwrap();
        streams.answer(next);
        streams.request();
    });
    assert_eq!(records.iter().map(|r| r.outcome).collect::<Vec<_>>(), [Outcome::Connection, Outcome::Ok]);
    assert!(records[0].error.as_deref().unwrap().contains("reset the stream (INTERNAL_ERROR)"));
}

#[test]
fn a_stream_that_is_reset_within_its_answer_is_truncated() {
    let records = run_script(1, |_, mut streams, first| {
        streams.head(first);
        streams.data(first, &token("Hello"), false);
        streams.reset(first, INTERNAL_ERROR);
        streams.request();
    });
    let r = &records[0];
    assert_eq!((r.outcome, r.status, r.arrivals.events()), (Outcome::Truncated, Some(200), 1));
    assert!(r.error.as_deref().unwrap().contains("INTERNAL_ERROR"), "{r:?}");
}

#[test]
fn going_away_ends_the_streams_that_were_looked_at_and_replaces_the_others() {
    let port = http2_server(None, |connection, mut streams, first| match connection {
        0 => {
            let others = [streams.request().unwrap(), streams.request().unwrap()];
            streams.go_away(first, NO_ERROR);
            assert!(others.iter().all(|other| *other > first));
            // What was begun is ended in order.
            streams.answer(first);
            streams.request();
        }
        _ => {
            let mut next = Some(first);
            while let Some(stream) = next {
                streams.answer(stream);
                next = streams.request();
            }
        }
    });
    let records = run(crowd(3, 3), over_http2(port)).unwrap().records;
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(records.iter().filter(|r| ends(r) == RECONNECTED).count(), 2, "{records:?}");
}

#[test]
fn after_going_away_new_requests_get_a_new_connection() {
    let records = run_script(3, |_, mut streams, first| {
        streams.go_away(first, NO_ERROR);
        streams.answer(first);
        assert_eq!(streams.request(), None, "nothing more comes here");
    });
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok && r.attempts.len() <= 2), "{records:?}");
}

#[test]
fn a_connection_that_breaks_ends_all_of_its_streams() {
    let port = http2_server(None, |connection, mut streams, first| {
        assert_eq!(connection, 0);
        let second = streams.request().unwrap();
        // One has begun, of the other the server has seen the request: neither is sent again.
        streams.head(first);
        streams.data(first, &token("Hello"), false);
        assert_ne!(first, second);
    });
    let records = run(crowd(2, 2), over_http2(port)).unwrap().records;
    let mut outcomes: Vec<Outcome> = records.iter().map(|r| r.outcome).collect();
    outcomes.sort();
    assert_eq!(outcomes, [Outcome::Connection, Outcome::Truncated], "{records:?}");
}

#[test]
fn a_kept_connection_that_closes_without_a_word_is_replaced() {
    let records = run_script(2, |connection, mut streams, first| {
        streams.answer(first);
        if connection == 0 {
            streams.request();
        }
    });
    assert!(records.iter().all(|r| r.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(ends(&records[1]), RECONNECTED);
}

#[test]
fn a_server_that_does_not_keep_to_it_is_malformed() {
    let records = run_script(1, |_, mut streams, first| {
        // A stream cannot begin with data.
        streams.data(first, "data", false);
        streams.request();
    });
    assert_eq!(records[0].outcome, Outcome::Malformed, "{records:?}");
}

#[test]
fn a_server_of_http1_is_recognised_before_the_run() {
    let port = server(|_, mut peer| {
        peer.say("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
    let error = run(plan(1), over_http2(port)).err().unwrap();
    assert!(matches!(error, EngineError::Connect { .. }));
    assert!(error.to_string().contains("does not speak HTTP/2 on this port"), "{error}");
}

/// Bodies larger than any window of a server at its start.
struct Large;

impl Workload for Large {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        body.resize(300_000, b'x');
        self.outline(ask)
    }

    fn outline(&self, ask: Ask) -> Rendered {
        Body.outline(ask)
    }
}

#[test]
fn large_requests_wait_for_the_servers_window() {
    let port = library_server();
    let left = run_of(Arc::new(Large), 1, crowd(5, 20), over_http2(port), |_| 0).unwrap();
    assert_eq!(left.records.len(), 20);
    for r in &left.records {
        assert_eq!((r.outcome, r.request_id.as_deref()), (Outcome::Ok, Some("300000 bytes")), "{r:?}");
        assert!(r.sent <= r.first_token, "{r:?}");
    }
}

/// A server made of the library's own other side: it says how large each request was.
fn library_server() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(tcp).await.ok()?;
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(answer(request.into_body(), respond));
                    }
                    Some(())
                });
            }
        });
    });
    port
}

async fn answer(mut body: h2::RecvStream, mut respond: h2::server::SendResponse<Bytes>) -> Option<()> {
    let mut length = 0;
    while let Some(Ok(data)) = body.data().await {
        length += data.len();
        body.flow_control().release_capacity(data.len()).ok()?;
    }
    let response = http::Response::builder()
        .header("content-type", "text/event-stream")
        .header("x-request-id", format!("{length} bytes"))
        .body(())
        .unwrap();
    let mut stream = respond.send_response(response, false).ok()?;
    stream.send_data(token("Hello").into(), false).ok()?;
    stream.send_data(END.into(), true).ok()
}

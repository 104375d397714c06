//! Applications' own APIs, requests with heads of their own, and what providers state of their limits.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::{Arc, Mutex};

use floodline_core::stated::Quota;
use floodline_core::workload::{Ask, Head, Rendered, Workload};
use floodline_core::{Outcome, Record, Span};
use floodline_engine::Endpoint;
use floodline_wire::codec::Codec;
use floodline_wire::own::{Format, Kind, Path};
use support::{Peer, endpoint, plan, run, run_of, server};

/// The record of one request to an application that answers with these bytes and closes.
fn asked(format: Format, answer: &str) -> Record {
    let answer = answer.to_owned();
    let port = server(move |_, mut peer: Peer| {
        peer.request();
        peer.say(&answer);
    });
    let streamed = format.kind != Some(Kind::Json);
    let endpoint = Endpoint {
        codec: Codec::Own(Arc::new(format)),
        stream: streamed,
        ..endpoint(format!("http://127.0.0.1:{port}/chat"))
    };
    run(plan(1), endpoint).expect("it can be run").records.remove(0)
}

fn path(text: &str) -> Option<Path> {
    Path::parse(text).ok()
}

#[test]
fn an_application_that_streams_events_has_its_tokens_timed() {
    let format = Format { text: path("$.t"), done: Some("[END]".into()), ..Format::default() };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let ok = asked(format.clone(), &format!("{head}data: {{\"t\":\"Hello\"}}\n\ndata: [END]\n\n"));
    assert_eq!((ok.outcome, ok.arrivals.events(), ok.output_tokens), (Outcome::Ok, 1, Some(1)));
    let cut = asked(format, &format!("{head}data: {{\"t\":\"Hello\"}}\n\n"));
    assert_eq!(cut.outcome, Outcome::Truncated);
    assert_eq!(cut.error.as_deref(), Some("the stream ended without its end mark (`done`)"));
}

#[test]
fn plain_text_is_over_when_its_body_is() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\n";
    let ok = asked(Format::default(), &format!("{head}Hello"));
    assert_eq!((ok.outcome, ok.output_tokens, ok.first_token.is_some()), (Outcome::Ok, Some(1), true));
    let cut = asked(Format::default(), &format!("{head}Hel"));
    assert_eq!(cut.outcome, Outcome::Truncated);
}

#[test]
fn one_json_answer_has_no_first_token() {
    let format = Format { kind: Some(Kind::Json), text: path("$.answer"), ..Format::default() };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n";
    let ok = asked(format.clone(), &format!("{head}{{\"answer\":\"Hello\"}}"));
    assert_eq!((ok.outcome, ok.output_tokens, ok.first_token), (Outcome::Ok, Some(1), None));
    let other = asked(format, &format!("{head}{{\"errors\":[1,2,3]}}"));
    assert_eq!(other.outcome, Outcome::Malformed);
    assert!(other.error.is_some_and(|why| why.starts_with("there is nothing at $.answer in the answer")));
}

/// A workload whose second request cannot be made.
struct Heads;

impl Workload for Heads {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        let head = match ask.i {
            1 => Head { fault: Some("no such user".into()), ..Head::default() },
            i => Head {
                method: Some("GET".into()),
                path: Some(format!("/users/{i}").into()),
                fields: vec![("x-user".into(), i.to_string().into())],
                fault: None,
            },
        };
        Rendered { head: Some(Box::new(head)), ..self.outline(ask) }
    }

    fn outline(&self, _: Ask) -> Rendered {
        Rendered { target: 0, prompt: 0, input_tokens: None, input_bound: None, max_tokens: None, head: None }
    }
}

#[test]
fn requests_have_heads_of_their_own_and_one_that_cannot_be_made_is_not_sent() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = lines.clone();
    let port = server(move |_, mut peer: Peer| {
        while let Some(request) = peer.request() {
            seen.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
            assert!(request.contains("x-user: "), "{request}");
            peer.say("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\nx");
        }
    });
    let endpoint = Endpoint {
        codec: Codec::Own(Arc::default()),
        content_type: None,
        ..endpoint(format!("http://127.0.0.1:{port}/"))
    };
    let records = run_of(Arc::new(Heads), 1, plan(3), endpoint, |_| 0).expect("it can be run").records;
    let outcomes: Vec<Outcome> = records.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::NotSent, Outcome::Ok]);
    assert_eq!((records[1].sent, records[1].error.as_deref()), (None, Some("no such user")));
    assert_eq!(*lines.lock().unwrap(), ["GET /users/0 HTTP/1.1", "GET /users/2 HTTP/1.1"]);
}

#[test]
fn what_a_provider_states_of_its_limits_is_kept() {
    let answered = |fields: &str, body: &str| {
        let length = body.len();
        let answer = format!("HTTP/1.1 429 No\r\n{fields}content-length: {length}\r\n\r\n{body}");
        asked(Format::default(), &answer).limits
    };
    let stated = answered(
        "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1s\r\nretry-after: 2\r\n",
        "{}",
    );
    let stated = stated.expect("limits");
    let requests = Quota { limit: None, remaining: Some(0), reset: Some(Span::from_secs(1)) };
    assert_eq!((stated.requests, stated.retry_after), (Some(requests), Some(Span::from_secs(2))));
    let hinted = answered("", r#"{"error":{"message":"Please try again in 174ms."}}"#).expect("limits");
    assert_eq!(hinted.hint, Some(Span::from_millis(174)));
    assert_eq!(answered("", "{}"), None);
}

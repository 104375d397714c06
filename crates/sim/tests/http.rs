//! The simulated provider as a client sees it, over real sockets on 127.0.0.1.
//!
//! Nothing here waits for a time or asserts on one: reads block until there is something, and a timeout of the
//! socket is only the net under a test that would otherwise hang.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use floodline_core::time::Span;
use floodline_sim::model::{Batching, Pace, StepCost};
use floodline_sim::{Config, Provides, Server};
use floodline_wire::http1::{BodyDecoder, Framing};
use secrecy::SecretString;
use serde_json::{Value, json};

struct Client {
    stream: TcpStream,
    held: Vec<u8>,
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    fn new(server: &Server) -> Client {
        let stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, held: Vec::new() }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The bytes up to `until`, which stays unread.
    fn read_until(&mut self, until: &[u8]) -> Vec<u8> {
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

    fn response(&mut self) -> Response {
        let head = String::from_utf8(self.read_until(b"\r\n\r\n")).unwrap();
        self.held.drain(..4);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let field = |name: &str| {
            head.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_string()))
        };
        let framing = match (field("transfer-encoding"), field("content-length")) {
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

    fn ask(&mut self, request: &Value) -> Response {
        self.send(chat(request));
        self.response()
    }

    fn is_closed(&mut self) -> bool {
        self.held.is_empty() && !self.read_more()
    }
}

impl Response {
    /// The `data:` of every event.
    fn events(&self) -> Vec<&str> {
        self.body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }

    fn chunks(&self) -> Vec<Value> {
        let events = self.events();
        assert_eq!(events.last(), Some(&"[DONE]"));
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    /// Of a stream: the text, the number of tokens, why it ended.
    fn streamed(&self) -> (String, usize, String) {
        let chunks = self.chunks();
        let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
        let texts: Vec<&str> = deltas.filter(|text| !text.is_empty()).collect();
        let finish = chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).unwrap();
        (texts.concat(), texts.len(), finish.into())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> (u16, Option<String>) {
        (self.status, self.json()["error"]["code"].as_str().map(String::from))
    }
}

fn start(provides: Provides) -> Server {
    Server::start(Config::of(provides)).unwrap()
}

fn chat(request: &Value) -> String {
    let body = request.to_string();
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn streaming(prompt: &str, more: Value) -> Value {
    let mut request =
        json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn whole(prompt: &str, more: Value) -> Value {
    let mut request = streaming(prompt, more);
    request["stream"] = json!(false);
    request
}

/// A model with one place and a queue for one, whose steps take `step`.
fn narrow(step: Span, max_waiting: u32) -> Pace {
    let cost = StepCost {
        floor_ps: step.0 * 1_000,
        per_token_ps: 0,
        per_sequence_ps: 0,
        per_kv_token_ps: 0,
        overhead_ps: 0,
    };
    Pace::batched(Batching { cost, step_tokens: 64, max_running: 1, max_waiting })
}

#[test]
fn a_stream_has_a_role_its_tokens_a_finish_and_an_end() {
    let server = start(Provides::default());
    let response = Client::new(&server).ask(&streaming("one two", json!({"max_tokens": 3})));
    assert_eq!(response.status, 200);
    assert!(response.head.contains("content-type: text/event-stream"), "{}", response.head);
    assert!(response.head.contains("cache-control: no-cache"));
    assert!(response.head.contains("x-request-id: req_"));
    let chunks = response.chunks();
    assert_eq!(chunks.len(), 5);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(response.streamed().1, 3);
    assert_eq!(chunks[4]["choices"][0]["finish_reason"], "length");
    assert!(chunks.iter().all(|chunk| chunk["usage"].is_null()), "usage was not asked for");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["model"] == "m"));
    let (stats, _) = server.stop();
    assert_eq!((stats.requests, stats.tokens, stats.accepted), (1, 3, 1));
}

#[test]
fn usage_comes_when_asked_for() {
    let server = start(Provides { tokens: Some(4), ..Provides::default() });
    let asked = json!({"stream_options": {"include_usage": true}});
    let chunks = Client::new(&server).ask(&streaming("one two three", asked)).chunks();
    let usage = &chunks[chunks.len() - 1];
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 4);
    let prompt = usage["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(prompt >= 3);
    assert_eq!(usage["usage"]["total_tokens"], prompt + 4);
    assert_eq!(chunks.iter().filter(|chunk| chunk["usage"].is_object()).count(), 1);
}

#[test]
fn a_whole_answer_says_the_same_as_a_streamed_one() {
    for pace in [Pace::instant(), Pace::exact(Span(1_000), Span(1_000)), narrow(Span(1_000), 9)] {
        let server = start(Provides { pace, tokens: Some(30), ..Provides::default() });
        let mut client = Client::new(&server);
        let streamed = client.ask(&streaming("same", json!({}))).streamed();
        let response = client.ask(&whole("same", json!({})));
        let answer = response.json();
        assert!(response.head.contains("content-type: application/json"));
        assert_eq!(answer["object"], "chat.completion");
        assert_eq!(answer["choices"][0]["message"]["content"], streamed.0);
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert_eq!(answer["usage"]["completion_tokens"], 30);
        assert_eq!(streamed.1, 30);
    }
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let text = |seed, prompt| {
        let server = start(Provides { seed, ..Provides::default() });
        Client::new(&server).ask(&streaming(prompt, json!({}))).streamed().0
    };
    assert_eq!(text(1, "a"), text(1, "a"));
    assert_ne!(text(1, "a"), text(2, "a"));
    assert_ne!(text(1, "a"), text(1, "b"));
}

#[test]
fn max_tokens_cuts_and_says_so() {
    let answered = |tokens, more| {
        let server = start(Provides { tokens, ..Provides::default() });
        let (_, tokens, finish) = Client::new(&server).ask(&streaming("x", more)).streamed();
        (tokens, finish)
    };
    assert_eq!(answered(None, json!({})), (100, "stop".into()));
    assert_eq!(answered(None, json!({"max_tokens": 7})), (7, "length".into()));
    assert_eq!(answered(None, json!({"max_completion_tokens": 250})), (250, "length".into()));
    assert_eq!(answered(Some(20), json!({"max_tokens": 7})), (7, "length".into()));
    assert_eq!(answered(Some(20), json!({"max_tokens": 20})), (20, "stop".into()));
    assert_eq!(answered(Some(20), json!({"max_tokens": 200})), (20, "stop".into()));
}

#[test]
fn errors_have_the_shape_of_the_api() {
    let provides = Provides {
        models: Some(vec!["m".into(), "other".into()]),
        key: Some(SecretString::from("sk-canary-123")),
        ..Provides::default()
    };
    assert!(!format!("{provides:?}").contains("canary"));
    let server = start(provides);
    let mut client = Client::new(&server);
    let mut get = |request: &str, fields: &str| {
        client.send(format!("{request} HTTP/1.1\r\nhost: x\r\n{fields}\r\n"));
        client.response()
    };
    let key = "authorization: Bearer sk-canary-123\r\n";
    assert_eq!(get("GET /health", "").json(), json!({"status": "ok"}));
    assert_eq!(get("GET /v1/models", "").status, 401);
    let refused = get("GET /v1/models", "authorization: Bearer sk-canary-124\r\n");
    assert_eq!(refused.code(), (401, Some("invalid_api_key".into())));
    assert!(!refused.body.contains("canary"));
    assert_eq!(get("GET /models", key).json()["data"][1]["id"], "other");
    assert_eq!(get("GET /v1/models/other", key).json()["id"], "other");
    assert_eq!(get("GET /v1/models/else", key).code(), (404, Some("model_not_found".into())));
    assert_eq!(get("GET /v2/nothing", key).status, 404);
    let wrong = get("GET /v1/chat/completions", key);
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("allow: POST"));
    assert_eq!(get("DELETE /health", "").status, 405);

    let mut post = |body: &str| {
        client.send(format!(
            "POST /chat/completions HTTP/1.1\r\n{key}content-length: {}\r\nx-request-id: mine-7\r\n\r\n{body}",
            body.len()
        ));
        let response = client.response();
        assert!(response.head.contains("x-request-id: mine-7"), "{}", response.head);
        response
    };
    assert_eq!(post("{").status, 400);
    assert_eq!(post("[]").json()["error"]["type"], "invalid_request_error");
    assert_eq!(post(&whole("x", json!({"n": 200})).to_string()).json()["error"]["param"], "n");
    assert_eq!(
        post(&whole("x", json!({"max_tokens": 2_000_000})).to_string()).json()["error"]["param"],
        "max_tokens"
    );
    let model = post(&whole("x", json!({"model": "else"})).to_string());
    assert_eq!(model.code(), (404, Some("model_not_found".into())));
    assert_eq!(post(&whole("x", json!({})).to_string()).status, 200);
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
fn a_model_is_found_by_its_escaped_name() {
    let server = start(Provides { models: Some(vec!["org/b c".into()]), ..Provides::default() });
    let mut client = Client::new(&server);
    for path in ["/v1/models/org%2Fb%20c", "/models/org/b%20c"] {
        client.send(format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert_eq!(client.response().json()["id"], "org/b c");
    }
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

fn post(path: &str, fields: &str, body: &Value) -> String {
    let body = body.to_string();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn every_api_is_at_its_true_paths() {
    let server = start(Provides { tokens: Some(3), ..Provides::default() });
    let mut client = Client::new(&server);
    let messages = json!([{"role": "user", "content": "hi"}]);
    let contents = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    for (path, body, at) in [
        ("/v1/completions", json!({"model": "m", "prompt": "hi"}), "/usage/completion_tokens"),
        ("/v1/responses", json!({"model": "m", "input": "hi"}), "/usage/output_tokens"),
        (
            "/openai/deployments/d/chat/completions?api-version=1",
            json!({"messages": messages}),
            "/usage/completion_tokens",
        ),
        (
            "/v1/messages",
            json!({"model": "m", "max_tokens": 9, "messages": messages}),
            "/usage/output_tokens",
        ),
        ("/v1beta/models/m:generateContent", contents.clone(), "/usageMetadata/candidatesTokenCount"),
        ("/v1/models/m:generateContent", contents, "/usageMetadata/candidatesTokenCount"),
        ("/api/chat", json!({"model": "m", "messages": messages, "stream": false}), "/eval_count"),
        ("/api/generate", json!({"model": "m", "prompt": "hi", "stream": false}), "/eval_count"),
        ("/generate", json!({"inputs": "hi", "parameters": {"details": true}}), "/details/generated_tokens"),
        ("/", json!({"inputs": "hi", "parameters": {"details": true}}), "/0/details/generated_tokens"),
    ] {
        client.send(post(path, "", &body));
        let response = client.response();
        assert_eq!(
            (response.status, response.json().pointer(at)),
            (200, Some(&json!(3))),
            "{path}: {}",
            response.body
        );
    }
    client.send("GET /api/version HTTP/1.1\r\n\r\nGET /info HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert!(client.response().json()["version"].is_string());
    assert!(client.response().json()["model_id"].is_string());
    assert_eq!(client.response().body, "Ollama is running");
}

#[test]
fn errors_and_requests_go_by_the_names_of_the_api_whose_path_was_called() {
    let server = start(Provides { key: Some(SecretString::from("right")), ..Provides::default() });
    let mut client = Client::new(&server);
    for (path, shape, id) in [
        ("/v1/responses", "/error/type", "x-request-id: req_"),
        ("/openai/deployments/d/embeddings", "/error/code", "apim-request-id: "),
        ("/v1/messages", "/error/type", "\r\nrequest-id: req_"),
        ("/v1beta/models/m:generateContent", "/error/status", "x-request-id: req_"),
        ("/api/chat", "/error", "x-request-id: req_"),
        ("/generate_stream", "/error_type", "x-request-id: req_"),
    ] {
        client.send(post(path, "x-api-key: wrong\r\n", &json!({})));
        let refused = client.response();
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.json().pointer(shape).is_some_and(Value::is_string), "{path}: {}", refused.body);
        assert!(refused.head.contains(id), "{path}: {}", refused.head);
        client.send(post(path, "x-api-key: right\r\n", &json!({})));
        let expected = if path == "/generate_stream" { 422 } else { 400 };
        assert_eq!(client.response().status, expected, "{path}");
        client.send(format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert_eq!(client.response().status, 405, "{path}");
    }
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for fields in ["authorization: Bearer right\r\n", "api-key: right\r\n", "x-goog-api-key: right\r\n"] {
        client.send(post("/v1/chat/completions", fields, &body));
        assert_eq!(client.response().status, 200, "{fields}");
    }
    client.send(post("/v1/chat/completions?key=right", "", &body));
    assert_eq!(client.response().status, 200);
}

#[test]
fn several_choices_are_told_side_by_side() {
    let server = start(Provides::default());
    let mut client = Client::new(&server);
    let answer = client.ask(&whole("x", json!({"n": 3, "max_tokens": 4}))).json();
    let texts: Vec<&str> =
        (0..3).filter_map(|choice| answer["choices"][choice]["message"]["content"].as_str()).collect();
    assert!(texts.len() == 3 && texts[0] != texts[1] && texts[1] != texts[2]);
    assert_eq!(answer["usage"]["completion_tokens"], 12);
    let chunks = client.ask(&streaming("x", json!({"n": 3, "max_tokens": 4}))).chunks();
    for (choice, text) in texts.into_iter().enumerate() {
        let own = chunks.iter().filter(|chunk| chunk["choices"][0]["index"] == choice);
        let told: String = own.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(told, text);
    }
    assert_eq!(server.stop().0.tokens, 24);
}

#[test]
fn lines_and_arrays_are_streamed_over_the_old_protocol_too() {
    let server = start(Provides { tokens: Some(3), ..Provides::default() });
    let asked = json!({"model": "m", "prompt": "hi", "contents": {"parts": {"text": "hi"}}});
    for (path, content_type) in [
        ("/api/generate", "application/x-ndjson"),
        ("/v1beta/models/m:streamGenerateContent", "application/json"),
    ] {
        let mut client = Client::new(&server);
        client.send(post(path, "", &asked).replace("HTTP/1.1", "HTTP/1.0"));
        let response = client.response();
        assert!(response.head.contains(content_type), "{}", response.head);
        let events = match response.body.starts_with('[') {
            true => response.json().as_array().unwrap().len(),
            false => response.body.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(),
        };
        assert_eq!(events, 4, "{}", response.body);
    }
}

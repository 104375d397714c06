//! Faults as a client meets them on the wire, over real sockets on 127.0.0.1, and the endpoint that changes them.
//!
//! Nothing here waits for a time or asserts on one: reads block until there is something or the connection ends, and a
//! timeout of the socket is only the net under a test that would otherwise hang.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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

#[test]
fn a_status_comes_in_the_words_of_the_api_that_was_called() {
    let server = server(&["status 529 model a", "status 503 retry_after 1500ms model b message Too bad."]);
    let (answer, _) = asked(&server, &chat("a", true));
    assert_eq!(status(&answer), 529);
    let messages = json!({"model": "a", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    let (answer, _) = asked(&server, &post("/v1/messages", &messages, "x-api-key: k\r\n"));
    assert!(
        answer.contains("529 Overloaded") && answer.contains("\"type\":\"overloaded_error\""),
        "{answer}"
    );
    let (answer, _) = asked(&server, &chat("b", false));
    assert!(answer.contains("retry-after: 2\r\nretry-after-ms: 1500\r\n"), "{answer}");
    assert!(answer.contains("\"message\":\"Too bad.\""), "{answer}");
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let (answer, _) = asked(&server, &post("/v1beta/models/b:generateContent", &gemini, ""));
    assert!(answer.contains("\"status\":\"UNAVAILABLE\""), "{answer}");
    assert_eq!(tokens(&asked(&server, &chat("c", true)).0), 10, "others are served");
}

#[test]
fn a_connection_ends_where_the_fault_says_and_how() {
    for (line, sent, in_order) in [
        ("disconnect after 0", 0, false),
        ("disconnect close after 0", 0, true),
        ("disconnect after 4", 4, false),
        ("disconnect close after 4", 4, true),
        ("disconnect after 400", 9, false),
    ] {
        let server = server(&[line]);
        let (answer, ended) = asked(&server, &chat("m", true));
        assert_eq!((tokens(&answer), ended), (sent, in_order), "{line}: {answer}");
        assert_eq!(answer.is_empty(), sent == 0, "{line}");
        assert!(!answer.contains("[DONE]") && !answer.ends_with("0\r\n\r\n"), "{line}");
    }
}

#[test]
fn an_answer_in_one_piece_is_cut_in_its_middle() {
    let (answer, in_order) = asked(&server(&["disconnect close after 4"]), &chat("m", false));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.parse().unwrap();
    assert_eq!((body.len(), in_order), (length / 2, true));
    let (answer, _) = asked(&server(&["end_early"]), &chat("m", false));
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(status(&answer) == 200 && serde_json::from_str::<Value>(body).is_err(), "{answer}");
    let (answer, _) = asked(&server(&["malformed"]), &chat("m", false));
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(serde_json::from_str::<Value>(body).is_err() && body.ends_with(']'), "{answer}");
    let (answer, _) = asked(&server(&["error rate_limited"]), &chat("m", false));
    assert!(status(&answer) == 200 && answer.contains("rate_limit_exceeded"), "{answer}");
}

#[test]
fn a_stream_that_ends_early_has_no_finish_and_no_end_mark() {
    let (answer, in_order) = asked(&server(&["end_early after 4"]), &chat("m", true));
    assert_eq!((tokens(&answer), in_order), (4, true));
    assert!(answer.ends_with("\r\n0\r\n\r\n") && !answer.contains("[DONE]"), "{answer}");
    assert!(!answer.contains("\"finish_reason\":\"length\""), "{answer}");
}

#[test]
fn damage_and_errors_stand_between_the_tokens() {
    let (answer, _) = asked(&server(&["malformed after 4"]), &chat("m", true));
    assert!(answer.contains("data: {\"id\":\"chatcmpl-\n\n") && answer.contains("[DONE]"), "{answer}");
    assert_eq!(tokens(&answer), 10, "the rest comes");
    let (answer, _) = asked(&server(&["malformed framing after 4"]), &chat("m", true));
    assert!(answer.ends_with("\r\nzz\r\n"), "{answer}");
    let (answer, _) = asked(&server(&["error overloaded after 4"]), &chat("m", true));
    assert_eq!(tokens(&answer), 4);
    assert!(answer.contains("data: {\"error\":{") && !answer.contains("[DONE]"), "{answer}");
    let (answer, _) = asked(&server(&["length 4"]), &chat("m", true));
    assert_eq!(tokens(&answer), 4);
    assert!(answer.contains("\"finish_reason\":\"length\"") && answer.contains("[DONE]"), "{answer}");
    let (answer, _) = asked(&server(&["content_type text/html"]), &chat("m", true));
    assert!(answer.contains("content-type: text/html\r\n") && answer.contains("<html>"), "{answer}");
}

#[test]
fn an_old_client_gets_no_chunks_of_a_broken_stream_either() {
    let server = server(&["malformed framing after 4 nth 1", "end_early after 4 nth 2"]);
    let old = chat("m", true).replace("HTTP/1.1", "HTTP/1.0");
    for _ in 0..2 {
        let (answer, in_order) = asked(&server, &old);
        assert!(in_order && !answer.contains("zz\r\n") && !answer.contains("0\r\n\r\n"), "{answer}");
        assert!(tokens(&answer) >= 4);
    }
}

#[test]
fn what_never_comes_shows_what_came_before() {
    for (line, sent) in [("stall after 4", 4), ("stall after 0", 0), ("timeout", 0)] {
        let server = server(&[line]);
        let mut stream = connect(server.addr());
        stream.write_all(chat("m", true).as_bytes()).unwrap();
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        // A stall shows the head and the role before the first token; silence shows nothing.
        while line != "timeout" && (tokens(&seen) < sent || !seen.contains("\"role\"")) {
            let bytes = stream.read(&mut buffer).unwrap();
            assert!(bytes > 0, "{line}: {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
        }
        assert_eq!(tokens(&seen), sent, "{line}");
        // Another client is served meanwhile, and so the server has had the time to send more.
        let (status, stats) = admin(&server, "GET", "/stats", "");
        assert_eq!((status, &stats["providers"][0]["faults"][0]["struck"]), (200, &1.into()), "{line}");
        stream.set_nonblocking(true).unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock, "{line}");
    }
}

#[test]
fn what_is_late_comes_whole() {
    for line in ["slow 30ms", "slow 5x", "stall after 4 for 30ms", "stall after 0 for 30ms"] {
        let pace = Pace::exact(Span::from_millis(2), Span::from_millis(1));
        let server = Server::start(Config::of(Provides { pace, ..provides(&[line]) })).unwrap();
        for stream in [true, false] {
            let (answer, in_order) = asked(&server, &chat("m", stream));
            assert!(in_order && answer.contains("\"finish_reason\":\"length\""), "{line}: {answer}");
            assert_eq!(tokens(&answer), if stream { 10 } else { 0 }, "{line}");
        }
        let (stats, _) = server.stop();
        assert_eq!(stats.tokens, 20, "{line}");
    }
}

/// Regression: an answer that was slow or had stalled gave its place back when the model was done with it.
#[test]
fn a_flawed_answer_keeps_its_place_until_it_ends_or_its_client_leaves() {
    // What goes on at all goes on long after the test.
    for line in ["stall after 2 nth 1", "stall after 2 for 1h nth 1", "slow 1h nth 1"] {
        let server = server(&[line]);
        assert_eq!(admin(&server, "PUT", "/limits", r#"{"concurrency": 1}"#).0, 200);
        let mut inside = connect(server.addr());
        inside.write_all(chat("m", true).as_bytes()).unwrap();
        until(&server, |stats| stats["requests"] == 1);
        assert_eq!(status(&asked(&server, &chat("m", true)).0), 429, "{line}");
        drop(inside);
        until(&server, |stats| stats["connections"]["open"] == 0);
        assert_eq!(status(&asked(&server, &chat("m", true)).0), 200, "{line}");
    }
    // And one that ends gives its place back with its last token, however it ends.
    for line in
        ["slow 1ms", "stall after 2 for 1ms", "malformed", "end_early", "disconnect", "error overloaded"]
    {
        let server = server(&[line]);
        assert_eq!(admin(&server, "PUT", "/limits", r#"{"concurrency": 1}"#).0, 200);
        for stream in [true, false, true] {
            assert_eq!(status(&asked(&server, &chat("m", stream)).0), 200, "{line}");
        }
    }
}

/// Regression: an answer that ended early must leave nothing behind on a connection that goes on.
#[test]
fn a_connection_goes_on_behind_a_broken_answer() {
    let pace = Pace::exact(Span::from_millis(1), Span::from_millis(1));
    let lines =
        ["end_early after 3 nth 1", "error server_error after 2 nth 2", "slow 20ms nth 3", "malformed nth 4"];
    let server = Server::start(Config::of(Provides { pace, ..provides(&lines) })).unwrap();
    let mut stream = connect(server.addr());
    let kept = chat("m", true).replace("connection: close\r\n", "");
    for _ in 0..4 {
        stream.write_all(kept.as_bytes()).unwrap();
    }
    stream.write_all(chat("m", true).as_bytes()).unwrap();
    let (answers, in_order) = rest(&mut stream);
    let each: Vec<usize> = answers.split("HTTP/1.1 200 OK").skip(1).map(tokens).collect();
    assert_eq!((each, in_order), (vec![3, 2, 10, 10, 10], true), "{answers}");
    assert_eq!(answers.matches("[DONE]").count(), 3);
}

/// Regression: what was held back behind a break came to nothing when the client had not read what was before it.
#[test]
fn a_client_that_does_not_read_gets_everything_when_it_does() {
    for line in
        ["malformed after 50000", "stall after 50000 for 1ms", "slow 1ms", "error overloaded after 50000"]
    {
        let server = server(&[line]);
        let mut stream = connect(server.addr());
        let request = chat("m", true).replace("\"max_tokens\":10", "\"max_tokens\":60000");
        let length = request.split_once("\r\n\r\n").unwrap().1.len();
        let request =
            request.replace(&format!("content-length: {}", length - 3), &format!("content-length: {length}"));
        stream.write_all(request.as_bytes()).unwrap();
        // Others are served meanwhile, and so it has had the time to fill what the system holds for this one.
        for _ in 0..20 {
            assert_eq!(admin(&server, "GET", "/health", "").0, 200);
        }
        let (answer, in_order) = rest(&mut stream);
        let fails = line.starts_with("error");
        assert_eq!((tokens(&answer), in_order), (if fails { 50_000 } else { 60_000 }, true), "{line}");
        assert_eq!(answer.contains("[DONE]"), !fails, "{line}");
    }
}

#[test]
fn requests_are_told_apart_by_key_and_number() {
    let keyed = format!("status 500 key {}", KeyId::of("sk-a"));
    let server = server(&[&keyed, "status 502 nth 2"]);
    let ask = |key: &str| {
        let request = chat("m", true).replace("host: h\r\n", &format!("authorization: Bearer {key}\r\n"));
        status(&asked(&server, &request).0)
    };
    assert_eq!([ask("sk-a"), ask("sk-b"), ask("sk-b"), ask("sk-a")], [500, 502, 200, 500]);
}

#[test]
fn refused_connections_are_reset_by_count() {
    let server = server(&["refuse nth 2"]);
    assert_eq!(tokens(&asked(&server, &chat("m", true)).0), 10);
    // The second is accepted and reset: connecting succeeds, and then there is nobody.
    let mut stream = connect(server.addr());
    let wrote = stream.write_all(chat("m", true).as_bytes());
    assert!(wrote.is_err() || stream.read(&mut [0]).is_err());
    assert_eq!(tokens(&asked(&server, &chat("m", true)).0), 10);
    assert_eq!(server.stats().refused, 1);
    let told = ledger(&server);
    let verdicts: Vec<_> = told.iter().map(|line| line["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["admitted", "shut_out", "admitted"]);
    let at_ns = &told[1]["at_ns"];
    assert_eq!(
        told[1],
        json!({"at_ns": at_ns, "verdict": "shut_out", "fault": "refuse"}),
        "no more is known"
    );
}

#[test]
fn while_everything_is_refused_the_system_refuses_and_those_inside_stay() {
    let server = server(&[]);
    let mut inside = connect(server.addr());
    let kept = chat("m", true).replace("connection: close\r\n", "");
    let mut ask = || {
        inside.write_all(kept.as_bytes()).unwrap();
        let mut answer = String::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with("0\r\n\r\n") {
            let bytes = inside.read(&mut buffer).unwrap();
            assert!(bytes > 0);
            answer.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
        }
        tokens(&answer)
    };
    assert_eq!(ask(), 10);
    for _ in 0..2 {
        assert_eq!(admin(&server, "PUT", "/faults", "[\"refuse\"]").0, 200);
        // The way in is closed before anything else is asked of the server.
        assert_eq!(admin(&server, "GET", "/health", "").0, 200);
        assert_eq!(TcpStream::connect(server.addr()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(), 10);
        assert_eq!(admin(&server, "DELETE", "/faults", ""), (200, json!([])));
        assert_eq!(admin(&server, "GET", "/health", "").0, 200);
        assert_eq!(tokens(&asked(&server, &chat("m", true)).0), 10);
    }
}

/// Regression: whoever was quick got in before the faults of the start were looked at.
#[test]
fn what_is_refused_from_the_start_is_refused_at_once() {
    for line in ["refuse", "outage", "outage for 1h", "refuse from 0s for 1h every 2h"] {
        let server = server(&[line]);
        let refused = TcpStream::connect(server.addr()).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{line}");
    }
}

#[test]
fn an_outage_resets_those_inside_too() {
    let server = server(&["stall after 2"]);
    let mut inside = connect(server.addr());
    inside.write_all(chat("m", true).as_bytes()).unwrap();
    let mut idle = connect(server.addr());
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 4096]).unwrap() > 0);
    assert!(inside.read(&mut [0; 4096]).unwrap() > 0);
    assert_eq!(admin(&server, "PUT", "/faults", "[\"outage\"]").0, 200);
    assert!(!rest(&mut idle).1 && !rest(&mut inside).1);
    assert_eq!(TcpStream::connect(server.addr()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(admin(&server, "DELETE", "/faults", "").0, 200);
    assert_eq!(admin(&server, "GET", "/health", "").0, 200);
    assert_eq!(tokens(&asked(&server, &chat("m", true)).0), 10);
    // Who came meanwhile only the system knows; the ledger tells from when to when.
    let told = ledger(&server);
    let verdicts: Vec<_> =
        told.iter().map(|line| (line["verdict"].as_str().unwrap(), line["fault"].as_str())).collect();
    let outage = [("closed", Some("outage")), ("opened", None)];
    assert_eq!(verdicts, [&[("admitted", Some("stall"))], &outage[..], &[("admitted", None)]].concat());
    let (_, stats) = admin(&server, "GET", "/stats", "");
    assert_eq!(stats["providers"][0]["attempts"]["attempts"], 2, "{stats}");
}

#[test]
fn of_several_providers_only_the_one_that_is_out_is_out() {
    let named = |name: &str, lines: &[&str]| Provides {
        name: Some(name.into()),
        path: format!("/{name}").into(),
        ..provides(lines)
    };
    let providers = vec![named("primary", &["outage"]), named("fallback", &["slow 1ms"])];
    let server = Server::start(Config { admin: Some(0), providers, ..Config::default() }).unwrap();
    let at = |name: &str| asked(&server, &chat("m", true).replace("/v1/", &format!("/{name}/v1/")));
    assert_eq!(at("primary"), (String::new(), false));
    assert_eq!(tokens(&at("fallback").0), 10);
    let (status, error) = admin(&server, "GET", "/faults", "");
    assert_eq!(status, 400);
    assert!(error["error"].as_str().unwrap().contains("?provider=NAME, one of primary, fallback"), "{error}");
    let (_, listed) = admin(&server, "GET", "/faults?provider=fallback", "");
    assert_eq!(listed, json!([{"kind": "slow", "delay": "1ms"}]));
    assert_eq!(admin(&server, "DELETE", "/faults?provider=primary", ""), (200, json!([])));
    assert_eq!(tokens(&at("primary").0), 10);
    assert_eq!(admin(&server, "GET", "/faults?provider=third", "").0, 404);
}

/// Regression: what was shut out left neither a line in the ledger nor a count, and an outage counted nobody.
#[test]
fn what_one_of_several_providers_shuts_out_is_told() {
    let named = |name: &str, lines: &[&str]| Provides {
        name: Some(name.into()),
        path: format!("/{name}").into(),
        ..provides(lines)
    };
    let providers = vec![named("primary", &["outage", "status 500"]), named("fallback", &["refuse nth 2"])];
    let server = Server::start(Config { admin: Some(0), providers, ..Config::default() }).unwrap();
    let at = |name: &str| asked(&server, &chat("m", true).replace("/v1/", &format!("/{name}/v1/"))).0;
    assert_eq!(
        [at("primary"), at("primary"), at("fallback"), at("fallback")].map(|a| status(&a)),
        [0, 0, 200, 0]
    );
    let (_, stats) = admin(&server, "GET", "/stats", "");
    for (place, attempts, shut_out, struck) in [(0, 2, 2, json!([2, 0])), (1, 2, 1, json!([1]))] {
        let provider = &stats["providers"][place];
        let counts = ["attempts", "shut_out", "struck"].map(|count| &provider["attempts"][count]);
        assert_eq!(counts, [&json!(attempts), &json!(shut_out), &json!(shut_out)], "{provider}");
        let faults = provider["faults"].as_array().unwrap().iter();
        assert_eq!(faults.map(|fault| fault["struck"].clone()).collect::<Value>(), struck, "{provider}");
    }
    for (name, fault, verdicts) in
        [("primary", "outage", ["shut_out", "shut_out"]), ("fallback", "refuse", ["admitted", "shut_out"])]
    {
        let path = format!("/ledger?provider={name}");
        let (_, lines) = administer(&server, "GET", &path, "", "host: localhost\r\n");
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line["verdict"].as_str().unwrap()).collect::<Vec<_>>(), verdicts);
        assert_eq!((&lines[1]["fault"], &lines[1]["model"]), (&fault.into(), &"m".into()));
    }
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

#[test]
fn faults_are_changed_live_and_are_what_was_set() {
    let server = server(&["status 500"]);
    let list = json!([
        {"kind": "status", "status": 529, "rate": "50%", "from": "10s", "until": "40s", "model": "gpt-4o"},
        "stall after 20 tokens for 10s nth 3,7",
        "length 3"
    ]);
    let (status, set) = admin(&server, "PUT", "/faults", &list.to_string());
    assert_eq!((status, &set), (200, &admin(&server, "GET", "/faults", "").1));
    assert_eq!(set[1], json!({"kind": "stall", "after_tokens": 20, "for": "10s", "nth": [3, 7]}));
    assert_eq!(tokens(&asked(&server, &chat("m", true)).0), 3);
    let (_, stats) = admin(&server, "GET", "/stats", "");
    let struck: Vec<&Value> =
        stats["providers"][0]["faults"].as_array().unwrap().iter().map(|fault| &fault["struck"]).collect();
    assert_eq!(struck, [&json!(0), &json!(0), &json!(1)]);
    assert_eq!((&stats["requests"], &stats["tokens"]), (&1.into(), &3.into()));
    let (_, lines) = administer(&server, "GET", "/ledger", "", "host: 127.0.0.1\r\n");
    let line: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((&line["verdict"], &line["fault"]), (&"admitted".into(), &"length".into()));
}

/// Regression: whoever asked found a connection open that nobody had accepted.
#[test]
fn those_who_run_the_server_are_not_among_its_connections() {
    let server = server(&[]);
    let connections = || {
        let (_, stats) = admin(&server, "GET", "/stats", "");
        (stats["connections"]["accepted"].clone(), stats["connections"]["open"].clone())
    };
    assert_eq!(connections(), (0.into(), 0.into()));
    let mut inside = connect(server.addr());
    inside.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    assert!(inside.read(&mut [0; 4096]).unwrap() > 0);
    assert_eq!(connections(), (1.into(), 1.into()));
    drop(inside);
    until(&server, |stats| stats["connections"]["open"] == 0);
    assert_eq!(connections(), (1.into(), 0.into()));
}

#[test]
fn limits_are_changed_live() {
    let server = server(&[]);
    assert_eq!(admin(&server, "GET", "/limits", ""), (200, Value::Null));
    let (status, limits) = admin(&server, "PUT", "/limits", r#"{"rpm": 1, "window": "1h"}"#);
    assert_eq!((status, &limits["limits"][0]["value"]), (200, &1.into()), "{limits}");
    let ask = || self::status(&asked(&server, &chat("m", true)).0);
    assert_eq!([ask(), ask()], [200, 429]);
    assert_eq!(
        admin(&server, "PUT", "/limits", &limits.to_string()),
        (200, limits),
        "in full, and nothing is used"
    );
    assert_eq!([ask(), ask()], [200, 429]);
    assert_eq!(admin(&server, "DELETE", "/limits", ""), (200, Value::Null));
    assert_eq!(ask(), 200);
    let (_, lines) = administer(&server, "GET", "/ledger", "", "host: [::1]:80\r\n");
    assert_eq!(lines.lines().count(), 5);
}

#[test]
fn a_request_that_a_limit_refuses_meets_no_fault() {
    let server = server(&["status 500"]);
    assert_eq!(admin(&server, "PUT", "/limits", r#"{"rpm": 1, "window": "1h"}"#).0, 200);
    let ask = || status(&asked(&server, &chat("m", true)).0);
    assert_eq!([ask(), ask()], [500, 429]);
    let (_, lines) = administer(&server, "GET", "/ledger", "", "host: localhost:1\r\n");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["fault"], &lines[1]["fault"]), (&"status".into(), &Value::Null));
}

/// Regression: requests that a limit refused were counted by faults, and used them up.
#[test]
fn what_a_limit_refuses_uses_up_no_fault() {
    let server = server(&["status 529 nth 3"]);
    assert_eq!(admin(&server, "PUT", "/limits", r#"{"rpm": 2, "window": "1h"}"#).0, 200);
    let ask = || status(&asked(&server, &chat("m", true)).0);
    assert_eq!([ask(), ask(), ask(), ask()], [200, 200, 429, 429]);
    let struck = || admin(&server, "GET", "/stats", "").1["providers"][0]["faults"][0]["struck"].clone();
    assert_eq!(struck(), 0);
    assert_eq!(admin(&server, "DELETE", "/limits", "").0, 200);
    assert_eq!(([ask(), ask()], struck()), ([529, 200], 1.into()));
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let server = server(&["status 500"]);
    for (method, path, body, status, words) in [
        ("PUT", "/faults", "", 400, "this is no list of faults"),
        ("PUT", "/faults", "{}", 400, "write a JSON list such as"),
        ("PUT", "/faults", "[\"stal\"]", 400, "did you mean `stall`?"),
        ("PUT", "/faults", "[\"timeout\", {\"kind\": \"status\"}]", 400, "needs its `status`"),
        ("PUT", "/faults", "[{\"kind\": \"stall\", \"rate\": \"5\"}]", 400, "write a percentage"),
        ("PUT", "/faults", "[\"timeout key ${env:A}\"]", 400, "name the key by its hash"),
        ("PUT", "/limits", "{\"rpmm\": 5}", 400, "unknown field `rpmm`"),
        ("PUT", "/limits", "x", 400, "this is no JSON"),
        ("POST", "/faults", "[]", 405, "/faults knows GET, HEAD, PUT, DELETE and not POST"),
        ("PUT", "/stats", "", 405, "and not PUT"),
        ("GET", "/", "", 404, "the paths are /health, /stats, /faults, /limits, /ledger"),
        ("POST", "/v1/chat/completions", "{}", 404, "there is no /v1/chat/completions"),
    ] {
        let (answered, error) = admin(&server, method, path, body);
        assert_eq!(answered, status, "{method} {path} {body}");
        let said = error["error"].as_str().unwrap();
        assert!(said.contains(words), "{method} {path} {body}: {said}");
    }
    assert_eq!(admin(&server, "GET", "/faults", "").1, json!([{"kind": "status", "status": 500}]));
}

#[test]
fn nobody_is_answered_who_speaks_with_another_host() {
    let server = server(&["status 500"]);
    for fields in ["", "host: evil.example\r\n", "host: 127.0.0.1.evil.example\r\n", "host: 10.0.0.1:80\r\n"]
    {
        for (method, path) in [("GET", "/faults"), ("PUT", "/faults"), ("GET", "/health")] {
            let (status, body) = administer(&server, method, path, "[]", fields);
            assert_eq!(status, 403, "{fields} {method} {path}");
            assert!(body.contains("127.0.0.1 and localhost only"), "{body}");
        }
    }
    // Regression: of two the first was looked at, and whoever stands between may mean the other.
    for fields in ["host: localhost\r\nhost: evil.example\r\n", "host: evil.example\r\nhost: localhost\r\n"] {
        let (status, body) = administer(&server, "PUT", "/faults", "[]", fields);
        assert_eq!(status, 400, "{fields}");
        assert!(body.contains("more than one Host field"), "{body}");
    }
    assert_eq!(admin(&server, "GET", "/faults", "").1, json!([{"kind": "status", "status": 500}]));
    let without = Server::start(Config::default()).unwrap();
    assert_eq!(without.admin_addr(), None);
    // And the port that everybody may use knows nothing of it.
    let (answer, _) = asked(&without, "GET /faults HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!(self::status(&answer), 404);
}

//! Answers that faults have struck, as they come.

use super::*;

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

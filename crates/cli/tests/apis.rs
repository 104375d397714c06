//! APIs through the binary: the request that goes out, and the answer that comes in.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::sync::{Arc, Mutex};

use support::{Desk, Peer, json, server};

/// A server that answers every request with these bytes, and what it was asked.
fn listening(answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    let port = server(move |_, mut peer: Peer| {
        while let Some(request) = peer.request() {
            seen.lock().unwrap().push(request);
            peer.say(&answer);
        }
    });
    (format!("http://127.0.0.1:{port}"), asked)
}

fn stream(events: &[&str]) -> String {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A stream of lines.
fn lines(lines: &[&str]) -> String {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn every_api_by_the_quick_form() {
    for (api, base, path, answer, more) in [
        (
            "openai-completions",
            "/v1",
            "/v1/completions",
            stream(&[r#"{"choices":[{"index":0,"text":"Hi","finish_reason":"stop"}]}"#, "[DONE]"]),
            vec![],
        ),
        (
            "openai-responses",
            "/v1",
            "/v1/responses",
            stream(&[
                r#"{"type":"response.output_text.delta","output_index":0,"delta":"Hi"}"#,
                r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":1}}}"#,
            ]),
            vec![],
        ),
        (
            "openai-responses",
            "/v1",
            "/v1/responses",
            json(
                "200 OK",
                r#"{"status":"completed","output":[{"type":"message","content":[{"text":"Hi"}]}]}"#,
            ),
            vec!["--no-stream"],
        ),
        (
            "openai-embeddings",
            "/v1",
            "/v1/embeddings",
            json("200 OK", r#"{"data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":3}}"#),
            vec![],
        ),
        (
            "azure-openai",
            "",
            "/openai/deployments/m/chat/completions?api-version=2024-10-21",
            stream(&[
                r#"{"choices":[],"prompt_filter_results":[]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ]),
            vec![],
        ),
        (
            "anthropic",
            "",
            "/v1/messages",
            stream(&[
                r#"{"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
                r#"{"type":"message_stop"}"#,
            ]),
            vec![],
        ),
        (
            "gemini",
            "",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            stream(&[
                r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}"#,
            ]),
            vec![],
        ),
        (
            "gemini",
            "",
            "/v1beta/models/m:generateContent",
            json("200 OK", r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}"#),
            vec!["--no-stream"],
        ),
        (
            "ollama",
            "",
            "/api/chat",
            lines(&[
                r#"{"message":{"role":"assistant","content":"Hi"},"done":false}"#,
                r#"{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}"#,
            ]),
            vec![],
        ),
        (
            "ollama-generate",
            "",
            "/api/generate",
            lines(&[
                r#"{"response":"Hi","done":false}"#,
                r#"{"response":"","done":true,"done_reason":"stop"}"#,
            ]),
            vec![],
        ),
        (
            "tgi",
            "",
            "/generate_stream",
            stream(&[
                r#"{"index":1,"token":{"id":0,"text":"Hi","special":false},"generated_text":"Hi","details":{"finish_reason":"eos_token","generated_tokens":1}}"#,
            ]),
            vec![],
        ),
    ] {
        let desk = Desk::new();
        let (origin, asked) = listening(answer);
        let url = format!("{origin}{base}");
        let mut args = vec!["run", "--api", api, "--url", &url, "--model", "m", "--requests", "2", "--json"];
        args.extend(more);
        let said = desk.floodline(&args);
        assert_eq!((said.code, said.json()["requests"]["ok"].as_u64()), (0, Some(2)), "{api} {said:?}");
        let line = format!("POST {path} HTTP/1.1\r\n");
        let asked = asked.lock().unwrap();
        assert!(asked.len() == 2 && asked.iter().all(|request| request.starts_with(&line)), "{asked:?}");
    }
}

#[test]
fn an_application_that_answers_in_lines() {
    let desk = Desk::new();
    let (origin, asked) = listening(lines(&[r#"{"t":"Good "}"#, r#"{"t":"day","end":true}"#]));
    let scenario = format!(
        "target: {{api: http, url: '{origin}', request: {{path: /q, body: '{{{{ prompt }}}}'}}, answer: {{text: t, finish: end}}}}\n\
         prompts: {{text: Hello}}\nload: {{users: 1, requests: 1}}\n"
    );
    let said = desk.file("lines.yaml", scenario).floodline(&["run", "lines.yaml", "--json"]);
    assert_eq!((said.code, said.json()["tokens"]["output"].as_u64()), (0, Some(2)), "{said:?}");
    assert!(asked.lock().unwrap()[0].ends_with("\r\n\r\nHello"));
}

const OWN: &str = "\
target:
  api: http
  url: ORIGIN/v2
  key: ${env:CANARY}
  request: {path: '/ask/{{ i }}', headers: {X-I: 'n{{ i }}'}, json: {q: '{{ prompt }}', n: '{{ max_tokens }}'}}
  answer: {text: $.t, finish: $.end, input_tokens: $.in, output_tokens: $.out}
prompts: {text: Hello, max_tokens: 4}
load: {users: 1, requests: 2}
record_bodies: true
";

#[test]
fn an_application_by_templates() {
    let desk = Desk::new();
    let (origin, asked) =
        listening(stream(&[r#"{"t":"Good "}"#, r#"{"t":"day"}"#, r#"{"end":"length","in":5,"out":4}"#]));
    desk.file("own.yaml", OWN.replace("ORIGIN", &origin));
    let mut command = desk.command(&["run", "own.yaml", "--json", "--out", "r"]);
    let said = support::Said::of(command.env("CANARY", "sesame-9").output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    let summary = said.json();
    assert_eq!(
        (&summary["requests"]["ok"], &summary["finish"]["length"]),
        (&2.into(), &2.into()),
        "{said:?}"
    );
    assert_eq!((&summary["tokens"]["input"], &summary["tokens"]["output"]), (&10.into(), &8.into()));
    let asked = asked.lock().unwrap();
    assert!(asked[1].starts_with("POST /v2/ask/1 HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[1].contains("\r\nauthorization: Bearer sesame-9\r\n"), "{asked:?}");
    assert!(asked[1].contains("\r\nx-i: n1\r\n"), "{asked:?}");
    assert!(asked[1].ends_with("\r\n\r\n{\"n\":4,\"q\":\"Hello\"}"), "{asked:?}");
    for (name, bytes) in support::contents(&desk.path("r")) {
        assert!(!String::from_utf8_lossy(&bytes).contains("sesame-9"), "{name} holds the key");
    }
}

//! What the simulated provider answers: the shapes of its APIs, their errors, and what an answer holds.

mod support;

use floodline_core::time::Span;
use floodline_sim::Provides;
use floodline_sim::model::Pace;
use secrecy::SecretString;
use serde_json::{Value, json};
use support::{Client, narrow, post, start, streaming, whole};

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
fn a_model_is_found_by_its_escaped_name() {
    let server = start(Provides { models: Some(vec!["org/b c".into()]), ..Provides::default() });
    let mut client = Client::new(&server);
    for path in ["/v1/models/org%2Fb%20c", "/models/org/b%20c"] {
        client.send(format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert_eq!(client.response().json()["id"], "org/b c");
    }
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

//! The stub as a client sees it: raw HTTP in, OpenAI's shapes out.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::Value;
use support::{Desk, Going};

/// A stub on a port of its own.
struct Stub {
    _desk: Desk,
    going: Going,
    address: String,
}

impl Stub {
    fn start(options: &[&str]) -> Stub {
        let desk = Desk::new();
        let mut going = desk.start(&[&["stub", "--port", "0"], options].concat());
        let line = going.out.by_ref().map_while(Result::ok).find(|line| line.contains("base URL"));
        let line = line.expect("it says where it listens");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.expect("an address").to_owned();
        Stub { _desk: desk, going, address }
    }

    fn say(&self, request: &str) -> (u16, String) {
        let mut tcp = TcpStream::connect(&self.address).unwrap();
        tcp.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").expect("a head").1.to_owned())
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) =
            self.say(&format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"));
        (status, serde_json::from_str(&body).unwrap())
    }

    fn ask_as(&self, key: &str, body: &str) -> (u16, String) {
        self.say(&format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn ask(&self, body: &str) -> (u16, Value) {
        let (status, body) = self.ask_as("any", body);
        (status, serde_json::from_str(&body).unwrap())
    }
}

fn request(rest: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{rest}}}"#)
}

#[test]
fn it_says_that_it_is_well_and_what_it_serves() {
    let stub = Stub::start(&["--models", "m,n"]);
    assert_eq!(stub.get("/health").0, 200);
    let (status, models) = stub.get("/v1/models");
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().filter_map(|m| m["id"].as_str()).collect();
    assert_eq!((status, ids), (200, vec!["m", "n"]));
}

#[test]
fn both_names_of_the_limit_are_obeyed() {
    let stub = Stub::start(&[]);
    for field in ["max_tokens", "max_completion_tokens"] {
        let (status, answer) = stub.ask(&request(&format!(r#","{field}":7"#)));
        assert_eq!((status, &answer["usage"]["completion_tokens"]), (200, &7.into()));
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(answer["object"], "chat.completion");
    }
}

#[test]
fn a_stream_has_role_contents_finish_usage_and_end_mark_in_this_order() {
    let stub = Stub::start(&["--ttft", "1ms", "--gap", "1ms"]);
    let (status, body) = stub
        .ask_as("any", &request(r#","max_tokens":3,"stream":true,"stream_options":{"include_usage":true}"#));
    assert_eq!(status, 200);
    let data: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        data[..data.len() - 1].iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    assert_eq!(chunks.len(), 6);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    for chunk in &chunks[1..4] {
        assert!(chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(chunks[4]["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks[5]["usage"]["completion_tokens"], 3);
    assert_eq!(chunks[5]["choices"], Value::Array(Vec::new()));
}

#[test]
fn what_is_wrong_is_refused_in_openais_shape() {
    let stub = Stub::start(&["--models", "m", "--key", "sk-right"]);
    let asked = |key: &str, body: &str| {
        let (status, body) = stub.ask_as(key, body);
        let error = serde_json::from_str::<Value>(&body).unwrap()["error"].clone();
        assert!(error["message"].is_string() && error["type"].is_string(), "{error}");
        (status, error["code"].as_str().unwrap_or("none").to_owned())
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(asked("sk-wrong", &request("")), code(401, "invalid_api_key"));
    let unknown = request("").replace("\"m\"", "\"unknown\"");
    assert_eq!(asked("sk-right", &unknown), code(404, "model_not_found"));
    assert_eq!(asked("sk-right", "{"), code(400, "none"));
    assert_eq!(asked("sk-right", "{\"model\":\"m\"}"), code(400, "missing_required_parameter"));
    assert_eq!(asked("sk-right", &request(",\"max_tokens\":0")), code(400, "integer_below_min_value"));
    assert_eq!(asked("sk-right", &request(",\"max_tokens\":\"7\"")), code(400, "invalid_type"));
    let (status, error) = stub.get("/v1/nothing");
    assert!((400..500).contains(&status) && error["error"]["message"].is_string(), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let text = |seed: &str| {
        let (_, answer) = Stub::start(&["--seed", seed]).ask(&request(r#","max_tokens":9"#));
        answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(text("1"), text("1"));
    assert_ne!(text("1"), text("2"));
}

/// Regression: a signal right after the line with the address killed it instead.
#[test]
fn a_signal_ends_it_as_soon_as_it_has_said_that_it_is_there() {
    for _ in 0..10 {
        let stub = Stub::start(&[]);
        stub.going.signal(Signal::TERM);
        let said = stub.going.end();
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("served 0 requests"), "{said:?}");
    }
}

#[test]
fn a_signal_ends_it_with_its_counts() {
    let stub = Stub::start(&[]);
    stub.ask(&request(r#","max_tokens":5"#));
    stub.going.signal(Signal::INT);
    let said = stub.going.end();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("served 1 requests, 5 tokens"), "{said:?}");
}

#[test]
fn a_run_against_it_is_a_run_like_any_other() {
    let stub = Stub::start(&["--key", "sk-right", "--ttft", "1ms", "--gap", "1ms"]);
    let desk = Desk::new();
    let url = format!("http://{}/v1", stub.address);
    let args = ["run", "--url", &url, "--model", "m", "-n", "4", "-c", "2", "--max-tokens", "3", "--json"];
    let with = |key: &str| {
        let mut run = desk.command(&[&args[..], &["--key-env", "STUB_KEY"]].concat());
        support::Said::of(run.env("STUB_KEY", key).output().unwrap())
    };
    let right = with("sk-right");
    assert_eq!((right.code, &right.json()["tokens"]["output"]), (0, &12.into()), "{right:?}");
    let wrong = with("sk-wrong");
    assert_eq!((wrong.code, &wrong.json()["requests"]["by_outcome"]["client_error"]), (3, &4.into()));
}

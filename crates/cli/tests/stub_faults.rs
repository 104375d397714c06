//! Faults of the stub through the binary: what `floodline run` finds is what went wrong, and what is said of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Desk, Going, Said};

/// A stub on a port of its own, with these options.
struct Stub {
    desk: Desk,
    going: Going,
    address: String,
    /// Everything that it said until it was there.
    said: String,
}

impl Stub {
    fn start(options: &[&str]) -> Stub {
        let desk = Desk::new();
        let mut going = desk.start(&[&["stub", "--port", "0"], options].concat());
        let mut said = String::new();
        // The line of the other APIs' base URL comes behind that of OpenAI's, and the endpoint's behind both.
        let last = if options.contains(&"--admin") { "admin " } else { "others " };
        for line in going.out.by_ref().map_while(Result::ok) {
            said += &(line.clone() + "\n");
            if line.trim_start().starts_with(last) {
                break;
            }
        }
        let address = host(&said, "base URL");
        Stub { desk, going, address, said }
    }

    /// With these faults.
    fn with(faults: &[&str]) -> Stub {
        Stub::start(&faults.iter().flat_map(|fault| ["--fault", *fault]).collect::<Vec<_>>())
    }

    /// What a run of this many requests for this model came to.
    fn run(&self, api: &str, model: &str, requests: &str, more: &[&str]) -> Value {
        let path = if api.starts_with("openai") { "/v1" } else { "" };
        let url = format!("http://{}{path}", self.address);
        let args =
            ["run", "--url", &url, "--api", api, "--model", model, "-n", requests, "-c", "1", "--json"];
        let said = self.desk.floodline(&[&args[..], &["--max-tokens", "10"], more].concat());
        assert!([0, 3].contains(&said.code), "{model}: {said:?}");
        said.json()
    }
}

/// The host that a line of the greeting names.
fn host(said: &str, line: &str) -> String {
    let line = said.lines().find(|said| said.contains(line)).unwrap_or_else(|| panic!("no {line}: {said}"));
    let host = line.split("http://").nth(1).and_then(|rest| rest.split(['/', ' ']).next());
    host.expect("an address").to_owned()
}

/// The outcomes that there were, and how often.
fn outcomes(run: &Value) -> Value {
    let mut outcomes = run["requests"]["by_outcome"].clone();
    outcomes.as_object_mut().unwrap().retain(|_, count| *count != 0);
    outcomes
}

#[test]
fn every_fault_is_exactly_its_outcome() {
    // The model's name, the fault, and the outcome of streams and of answers in one piece.
    const CASES: [(&str, &str, &str, &str); 19] = [
        ("a", "status 500", "server_error", "server_error"),
        ("b", "status 502", "server_error", "server_error"),
        ("c", "status 503", "overloaded", "overloaded"),
        ("d", "status 529", "overloaded", "overloaded"),
        ("e", "status 429", "rate_limited", "rate_limited"),
        ("f", "status 404", "client_error", "client_error"),
        ("g", "slow 20ms", "ok", "ok"),
        ("h", "stall after 5 tokens for 20ms", "ok", "ok"),
        ("i", "disconnect after 0", "connection", "connection"),
        ("j", "disconnect close after 5", "truncated", "truncated"),
        ("k", "end_early after 5", "truncated", "malformed"),
        ("l", "malformed after 5", "malformed", "malformed"),
        ("m", "malformed framing after 5", "malformed", "malformed"),
        ("n", "error overloaded after 5", "overloaded", "overloaded"),
        ("o", "error rate_limited after 5", "rate_limited", "rate_limited"),
        ("p", "error server_error after 5", "server_error", "server_error"),
        ("q", "length 5", "ok", "ok"),
        ("r", "content_type text/html", "malformed", "malformed"),
        ("s", "disconnect after 5", "truncated", "truncated"),
    ];
    let faults: Vec<String> =
        CASES.iter().map(|(model, fault, ..)| format!("{fault} model {model}")).collect();
    let stub = Stub::with(&faults.iter().map(String::as_str).collect::<Vec<_>>());
    for (model, fault, streamed, whole) in CASES {
        let run = stub.run("openai-chat", model, "2", &[]);
        assert_eq!(outcomes(&run), json!({ streamed: 2 }), "{fault}");
        if model == "q" {
            assert_eq!((&run["finish"]["length"], &run["tokens"]["output"]), (&2.into(), &10.into()));
        }
        let run = stub.run("openai-chat", model, "2", &["--no-stream"]);
        assert_eq!(outcomes(&run), json!({ whole: 2 }), "{fault}, in one piece");
    }
    let untouched = stub.run("openai-chat", "z", "2", &[]);
    assert_eq!(outcomes(&untouched), json!({ "ok": 2 }));
}

#[test]
fn what_never_comes_is_a_timeout() {
    let stub = Stub::with(&["timeout model a", "stall after 5 model b", "slow 1h model c"]);
    for model in ["a", "b", "c"] {
        for more in [&["--timeout", "400ms"][..], &["--timeout", "400ms", "--no-stream"]] {
            let run = stub.run("openai-chat", model, "1", more);
            assert_eq!(outcomes(&run), json!({ "timeout": 1 }), "{model}");
        }
    }
}

#[test]
fn the_faults_of_every_api_are_read_as_what_they_are() {
    let stub = Stub::with(&[
        "end_early after 3 model cut",
        "malformed after 3 model bad",
        "error overloaded after 3 model busy",
        "error server_error after 3 model broken",
        "status 500 model down",
        "disconnect close after 3 model gone",
    ]);
    for api in ["openai-completions", "openai-responses", "anthropic", "gemini", "ollama"] {
        // Ollama's words for it have no code, and do not name it.
        let busy = if api == "ollama" { "server_error" } else { "overloaded" };
        for (model, outcome) in [
            ("cut", "truncated"),
            ("bad", "malformed"),
            ("busy", busy),
            ("broken", "server_error"),
            ("down", "server_error"),
            ("gone", "truncated"),
        ] {
            let run = stub.run(api, model, "1", &[]);
            assert_eq!(outcomes(&run), json!({ outcome: 1 }), "{api} {model}");
        }
    }
}

#[test]
fn counts_and_shares_strike_exactly_and_again() {
    let faults = ["status 500 nth 1,2", "status 529 every_nth 5", "error overloaded rate 20%"];
    let run = |seed: &str| {
        let lines = faults.iter().flat_map(|fault| ["--fault", *fault]);
        let stub = Stub::start(&lines.chain(["--seed", seed]).collect::<Vec<_>>());
        outcomes(&stub.run("openai-chat", "m", "40", &[]))
    };
    let first = run("7");
    assert_eq!(first["server_error"], 2);
    let overloaded = first["overloaded"].as_u64().unwrap();
    // Eight by count, and a share of the other thirty.
    assert!((9..=24).contains(&overloaded), "{first}");
    assert_eq!(run("7"), first);
}

#[test]
fn a_scenario_has_faults_and_tells_of_them() {
    let desk = Desk::new();
    desk.file(
        "faulty.yaml",
        "name: faulty\ntarget:\n  stub:\n    faults:\n      - {kind: status, status: 500, nth: [1, 3..4]}\n      \
         - end_early after 2 tokens nth 2\nprompts: {text: hi, max_tokens: 5}\nload: {users: 1, requests: 6}\n",
    );
    let said = desk.floodline(&["run", "faulty.yaml", "--json", "--out", "r"]);
    assert_eq!(outcomes(&said.json()), json!({ "server_error": 3, "truncated": 1, "ok": 2 }), "{said:?}");
    let plan: Value = serde_json::from_slice(&std::fs::read(desk.path("r/plan.json")).unwrap()).unwrap();
    assert!(plan.to_string().contains(r#""nth":[1,"3..4"]"#), "{plan}");
    let again = desk.floodline(&["report", "r"]);
    let words = again.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("faults status 500 nth 1,3..4; end_early after 2 tokens nth 2"), "{words}");
}

#[test]
fn an_outage_of_a_scenario_refuses_and_ends() {
    let desk = Desk::new();
    // It begins with the third request and ends long before the last; users who cannot connect try again.
    desk.file(
        "out.yaml",
        "target: {stub: {ttft: 5ms, faults: [outage from 500ms for 500ms]}}\nprompts: {text: hi, max_tokens: 1}\n\
         load: {hold: 20/s, for: 3s}\n",
    );
    let said = desk.floodline(&["run", "out.yaml", "--json"]);
    let outcomes = outcomes(&said.json());
    let (ok, connection) = (outcomes["ok"].as_u64().unwrap(), outcomes["connection"].as_u64().unwrap());
    assert!(ok + connection == 60 && connection > 0 && ok > connection, "{outcomes}");
}

/// Regression: whether such a run began was a matter of luck, since it tried its target first.
#[test]
fn a_scenario_whose_provider_refuses_everything_is_run() {
    let desk = Desk::new();
    for faults in ["refuse", "outage"] {
        desk.file(
            "shut.yaml",
            format!(
                "target: {{stub: {{faults: [{faults}]}}}}\nprompts: {{text: hi, max_tokens: 1}}\n\
                 load: {{users: 1, requests: 3}}\n"
            ),
        );
        for _ in 0..3 {
            let said = desk.floodline(&["run", "shut.yaml", "--json"]);
            assert_eq!(said.code, 3, "{said:?}");
            assert_eq!(outcomes(&said.json()), json!({ "connection": 3 }), "{said:?}");
        }
    }
}

fn administer(stub: &Stub, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(host(&stub.said, "admin ")).unwrap();
    let length = body.len();
    write!(
        tcp,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a head").1.to_owned())
}

#[test]
fn faults_are_changed_while_it_runs() {
    let stub = Stub::start(&["--admin", "0", "--fault", "status 500"]);
    assert!(stub.said.contains("\n  faults    status 500\n"), "{}", stub.said);
    assert_eq!(outcomes(&stub.run("openai-chat", "m", "2", &[])), json!({ "server_error": 2 }));
    assert_eq!(administer(&stub, "PUT", "/faults", r#"["status 529 nth 2"]"#).0, 200);
    assert_eq!(outcomes(&stub.run("openai-chat", "m", "3", &[])), json!({ "ok": 2, "overloaded": 1 }));
    assert_eq!(administer(&stub, "DELETE", "/faults", ""), (200, "[]\n".into()));
    assert_eq!(outcomes(&stub.run("openai-chat", "m", "2", &[])), json!({ "ok": 2 }));
    let (_, ledger) = administer(&stub, "GET", "/ledger", "");
    assert_eq!(ledger.lines().count(), 7);
    assert_eq!(ledger.matches(r#""fault":"status""#).count(), 3);
    stub.going.signal(Signal::INT);
    let said = stub.going.end();
    assert!(said.out.contains("7 admitted, 0 refused, 3 struck by a fault"), "{said:?}");
}

#[test]
fn each_provider_of_a_file_has_faults_of_its_own() {
    let file = "providers:\n  - {name: primary, path: /primary, faults: [status 529, slow 1ms]}\n  \
                - {name: fallback, path: /fallback, faults: [{kind: length, after_tokens: 3}]}\n";
    let desk = Desk::new();
    desk.file("two.yaml", file);
    let path = desk.path("two.yaml").to_str().unwrap().to_owned();
    let stub = Stub::start(&["--config", &path, "--admin", "0"]);
    assert!(stub.said.contains("primary   /primary; no limits; status 529; slow 1ms\n"), "{}", stub.said);
    let run = |name: &str| {
        let url = format!("http://{}/{name}/v1", stub.address);
        let args =
            ["run", "--url", &url, "--model", "m", "-n", "2", "-c", "1", "--max-tokens", "9", "--json"];
        desk.floodline(&args).json()
    };
    assert_eq!(outcomes(&run("primary")), json!({ "overloaded": 2 }));
    assert_eq!(run("fallback")["tokens"]["output"], 6);
    assert_eq!(administer(&stub, "PUT", "/faults?provider=primary", "[\"status 500\"]").0, 200);
    assert_eq!(outcomes(&run("primary")), json!({ "server_error": 2 }));
    assert_eq!(run("fallback")["tokens"]["output"], 6);
}

#[test]
fn a_file_of_faults_is_read_and_one_with_a_mistake_is_not() {
    let desk = Desk::new();
    let stub = |text: &str| {
        desk.file("faults.yaml", text);
        let busy = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = busy.local_addr().unwrap().port().to_string();
        // What can be read fails at the port, which is taken.
        desk.floodline(&["stub", "--port", &port, "--faults", "faults.yaml"])
    };
    for good in ["- status 500\n- {kind: slow, delay: 2s}\n", "faults: [{kind: length, after_tokens: 5}]\n"] {
        let said = stub(good);
        assert!(said.code == 2 && said.err.contains("the port is taken"), "{said:?}");
    }
    for (text, expected) in [
        ("- {kind: stal}\n", "faults.yaml:1:10"),
        ("- {kind: stal}\n", "did you mean `stall`?"),
        ("- {kind: status, status: 5oo}\n", "`5oo` is not a whole number"),
        ("- {kind: stall, afer_tokens: 5}\n", "did you mean `after_tokens`?"),
        ("- {kind: timeout, nth: []}\n", "this list of requests is empty"),
        ("- {kind: timeout, key: sk-very-secret}\n", "write ${env:NAME}"),
        ("- timeout rate 5\n", "faults.yaml:1:3"),
        ("5\n", "a file of faults is a list of them"),
    ] {
        let said = stub(text);
        assert!(said.code == 2 && said.err.contains(expected), "{text}: {}", said.err);
        assert!(!said.err.contains("very-secret"), "{}", said.err);
    }
}

#[test]
fn bad_options_are_said_before_anything_listens() {
    let desk = Desk::new();
    for (options, expected) in [
        (&["--fault", "stal"][..], "--fault: `stal` is no kind of fault\n  help: did you mean `stall`?"),
        (&["--fault", "status"], "needs its `status`"),
        (&["--fault", "timeout key ${env:NO_SUCH_KEY}"], "the environment variable NO_SUCH_KEY is not set"),
        (&["--faults", "none.yaml"], "--faults: cannot read none.yaml: no such file"),
        (&["--fault", "timeout", "--config", "c.yaml"], "cannot be used with"),
    ] {
        let Said { code, err, .. } = desk.floodline(&[&["stub", "--port", "0"], options].concat());
        assert!(code == 2 && err.contains(expected), "{options:?}: {err}");
    }
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = desk.floodline(&["stub", "--port", "0", "--admin", &port]);
    assert!(said.code == 2 && said.err.contains("the admin endpoint cannot listen on 127.0.0.1"), "{said:?}");
}

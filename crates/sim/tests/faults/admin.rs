//! The endpoint that changes faults and limits, and who may use it; and faults beside limits.

use super::*;

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

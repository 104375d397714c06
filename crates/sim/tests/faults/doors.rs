//! Connections that faults refuse or reset, of one provider and of several.

use super::*;

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

//! `floodline limits` against the simulated provider, through the binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::{Desk, Going, Said};

/// A stub with limits on a port of its own.
struct Stub {
    _going: Going,
    url: String,
}

impl Stub {
    fn start(desk: &Desk, options: &[&str]) -> Stub {
        let mut going = desk.start(&[&["stub", "--port", "0", "--ttft", "2ms"], options].concat());
        let line = going.out.by_ref().map_while(Result::ok).find(|line| line.contains("base URL"));
        let url = line.expect("it says where it listens");
        let url = url.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL").to_owned();
        Stub { _going: going, url }
    }
}

fn found(desk: &Desk, folder: &str) -> Value {
    serde_json::from_slice(&std::fs::read(desk.path(folder).join("finding.json")).unwrap()).unwrap()
}

/// Value per second of the first limit.
fn rate(found: &Value) -> f64 {
    let limit = &found["limits"][0];
    limit["value"].as_f64().unwrap() / limit["window_s"].as_f64().unwrap()
}

#[test]
fn a_window_is_found_without_head_fields_and_kept_by_a_stub_like_it() {
    let desk = Desk::new();
    desk.file(
        "limits.yaml",
        "headers: false\nretry_after: absent\nlimits:\n  - {dimension: requests, value: 20, window: 2s, algorithm: \
         fixed_window}\n",
    );
    let stub = Stub::start(&desk, &["--limits", "limits.yaml"]);
    let mut command = desk.command(&[
        "limits",
        "--url",
        &stub.url,
        "--model",
        "m",
        "--window-hint",
        "2s",
        "--max-time",
        "40s",
        "--out",
        "a",
        "--keys-env",
        "KEY_A,KEY_B",
        "--quiet",
    ]);
    command.env("KEY_A", "sk-canary-one").env("KEY_B", "sk-canary-two");
    let said = Said::of(command.output().unwrap());
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    let first = found(&desk, "a");
    assert_eq!((&first["format"], &first["version"]), (&"floodline-finding".into(), &1.into()));
    let limit = &first["limits"][0];
    assert_eq!(limit["dimension"], "rpm", "{first:#}");
    assert_eq!(limit["algorithm"], "fixed_window", "{first:#}");
    // A busy machine serves the ends of windows late.
    let (value, window) = (limit["value"].as_f64().unwrap(), limit["window_s"].as_f64().unwrap());
    assert!(value == 20.0 && (window - 2.0).abs() <= 0.1, "{first:#}");
    assert_eq!((&limit["scope"], &limit["retry_after"]), (&"key".into(), &"absent".into()), "{first:#}");
    assert_eq!(limit["status"], 429);
    for name in ["finding.json", "finding.md", "finding.html", "limits.yaml", "probes.jsonl"] {
        let text = std::fs::read_to_string(desk.path("a").join(name)).unwrap();
        assert!(!text.is_empty() && !text.contains("canary"), "{name}");
    }

    let alike = Stub::start(&desk, &["--like", "a/finding.json"]);
    let said = desk.floodline(&[
        "limits",
        "--url",
        &alike.url,
        "--model",
        "m",
        "--window-hint",
        "2s",
        "--max-time",
        "40s",
        "--out",
        "b",
        "--json",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let second = said.json();
    assert_eq!(second, found(&desk, "b"));
    assert!((rate(&second) / rate(&first) - 1.0).abs() < 0.05, "{second:#}");
    assert_eq!(second["limits"][0]["algorithm"], "fixed_window", "{second:#}");
}

#[test]
fn other_machines_are_tested_only_with_leave() {
    let desk = Desk::new();
    // Nothing is sent: a name that cannot be resolved is not even looked up.
    let said = desk.floodline(&["limits", "--url", "https://provider.invalid/v1", "--model", "m"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("provider.invalid") && said.err.contains("--i-may-test-this"), "{said:?}");
    assert!(!desk.path("runs").exists());
}

#[test]
fn what_cannot_work_is_said_before_anything_is_sent() {
    let desk = Desk::new();
    desk.file("old/finding.json", "{}").file("bad.json", "{\"format\": \"x\"}");
    let limits =
        |more: &[&str]| desk.floodline(&[&["limits", "--url", "stub:", "--model", "m"], more].concat());
    for (said, words) in [
        (limits(&["--keys-env", "NO_SUCH_KEY"]), "NO_SUCH_KEY"),
        (limits(&["--max-time", "0s"]), "--max-time"),
        (limits(&["--max-time", "soon"]), "not a duration"),
        (limits(&["--window-hint", "0s"]), "--window-hint"),
        (limits(&["--window-hint", "10m", "--max-time", "2m"]), "does not end within the 2m"),
        (limits(&["-n", "30"]), "--max-requests"),
        (limits(&["-d", "3s"]), "--max-time"),
        (limits(&["--warmup", "1s"]), "--max-time"),
        (limits(&["--spend", "much"]), "--spend"),
        (limits(&["--out", "old"]), "another folder"),
        (desk.floodline(&["limits"]), "--url"),
        (desk.floodline(&["stub", "--port", "0", "--like", "bad.json"]), "bad.json is no finding"),
        (desk.floodline(&["stub", "--port", "0", "--like", "none.json"]), "no such file"),
    ] {
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn out_of_requests_it_reports_what_it_has() {
    let desk = Desk::new();
    let stub = Stub::start(&desk, &["--rpm", "1k"]);
    let said = desk.floodline(&[
        "limits",
        "--url",
        &stub.url,
        "--model",
        "m",
        "--max-requests",
        "12",
        "--out",
        "o",
        "--json",
        "--quiet",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let finding = said.json();
    assert_eq!(finding["requests_used"], 12, "{finding:#}");
    assert_eq!(finding["limits"], serde_json::json!([]), "{finding:#}");
    assert!(finding["ended_early"].as_str().unwrap().contains("12 requests"), "{finding:#}");
}

#[test]
fn a_target_that_turns_everybody_away_is_no_limiter() {
    let desk = Desk::new();
    let stub = Stub::start(&desk, &["--key", "sk-right"]);
    let said = desk.floodline(&["limits", "--url", &stub.url, "--model", "m", "--out", "o"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("does not answer as it should"), "{said:?}");
    let finding = found(&desk, "o");
    assert!(finding["requests_used"].as_u64().unwrap() < 10, "{finding:#}");
}

/// An experiment that waits for a limiter to admit it again, and the stub that has it.
fn in_the_midst(desk: &Desk) -> (Stub, Going) {
    let stub = Stub::start(desk, &["--rpm", "30", "--window", "600s"]);
    let mut going = desk.start(&["limits", "--url", &stub.url, "--model", "m", "--out", "o"]);
    going.wait_for_note("waiting until it is admitted again");
    (stub, going)
}

#[test]
fn an_interrupt_leaves_what_is_known_by_then() {
    let desk = Desk::new();
    let (_stub, going) = in_the_midst(&desk);
    going.signal(Signal::INT);
    let said = going.end();
    assert_eq!(said.code, 130, "{said:?}");
    let finding = found(&desk, "o");
    assert_eq!(finding["ended_early"], "it was interrupted");
    assert!(finding["requests_used"].as_u64().unwrap() >= 30, "{finding:#}");
}

#[test]
fn a_silent_target_is_left_when_the_time_is_up() {
    let desk = Desk::new();
    // It takes connections and requests, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let said = desk.floodline(&["limits", "--url", &url, "--model", "m", "--max-time", "1s", "--out", "o"]);
    assert_eq!(said.code, 0, "{said:?}");
    let finding = found(&desk, "o");
    assert!(finding["ended_early"].as_str().unwrap().contains("time"), "{finding:#}");
    assert_eq!(finding["requests_used"], 1, "{finding:#}");
    let probes = std::fs::read_to_string(desk.path("o/probes.jsonl")).unwrap();
    assert_eq!(probes.lines().count(), 2, "the one that was sent is written down: {probes}");
    let said = desk.floodline(&["report", "o"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("o is a folder of `floodline limits` and no run"), "{said:?}");
    assert!(said.err.contains("finding.md"), "{said:?}");
}

#[test]
fn the_limits_of_the_scenario_hold_as_well() {
    let desk = Desk::new();
    desk.file(
        "a.yaml",
        "target: {stub: {}}\nprompts: [{text: hello}]\nload: [{hold: 1/s, for: 1s}]\nlimits: {requests: 7}\n",
    );
    let said = desk.floodline(&["limits", "a.yaml", "--out", "o", "--json", "--quiet"]);
    assert_eq!(said.code, 0, "{said:?}");
    let finding = said.json();
    assert_eq!(finding["requests_used"], 7, "{finding:#}");
    assert!(finding["ended_early"].as_str().unwrap().contains("7 requests"), "{finding:#}");
}

#[test]
fn a_kill_loses_no_probe_that_was_answered() {
    let desk = Desk::new();
    let (_stub, going) = in_the_midst(&desk);
    going.signal(Signal::KILL);
    going.end();
    let probes = std::fs::read_to_string(desk.path("o/probes.jsonl")).unwrap();
    assert!(probes.lines().count() > 30, "{probes}");
    assert!(probes.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{probes}");
}

#[test]
fn each_limit_that_refusals_name_is_in_the_finding() {
    let desk = Desk::new();
    let stub = Stub::start(&desk, &["--limits", "openai", "--rpm", "60", "--tpm", "2000", "--window", "4s"]);
    let said = desk.floodline(&[
        "limits",
        "--url",
        &stub.url,
        "--model",
        "m",
        "--max-time",
        "40s",
        "--out",
        "o",
        "--json",
        "--quiet",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let finding = said.json();
    let limits = finding["limits"].as_array().unwrap();
    let mut listed = limits.iter().map(|limit| limit["dimension"].as_str().unwrap()).collect::<Vec<_>>();
    listed.sort();
    assert_eq!(listed, ["rpm", "tpm"], "{finding:#}");
    assert!(limits.iter().all(|limit| limit["stated_value"].is_number()), "{finding:#}");
}

//! `floodline stub` with limits, as who types it meets it: what it prints, what its ledger tells, and what a run against
//! it comes to.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::{Desk, Going, Said};

/// A stub on a port of its own, and its address.
fn stub(desk: &Desk, options: &[&str]) -> (Going, String, String) {
    let mut going = desk.start(&[&["stub", "--port", "0"], options].concat());
    let mut said = String::new();
    let address = loop {
        let line = going.out.next().expect("it says where it listens").unwrap();
        said += &format!("{line}\n");
        if let Some((_, rest)) = line.split_once("base URL  http://") {
            break rest.split('/').next().unwrap().to_owned();
        }
    };
    (going, address, said)
}

/// Ends it, and what it said then.
fn ended(going: Going) -> Said {
    going.signal(Signal::INT);
    going.end()
}

/// So many requests at once, and what became of them.
fn run(desk: &Desk, url: &str, requests: &str, options: &[&str]) -> Value {
    let arguments =
        ["run", "--url", url, "--model", "m", "-n", requests, "-c", requests, "--max-tokens", "3", "--json"];
    desk.floodline(&[&arguments[..], options].concat()).json()
}

fn outcomes(summary: &Value) -> (u64, u64) {
    let of = |name: &str| summary["requests"]["by_outcome"][name].as_u64().unwrap_or(0);
    (of("ok"), of("rate_limited"))
}

#[test]
fn five_per_ten_seconds_are_five_of_six_at_once() {
    let desk = Desk::new();
    let (going, address, said) =
        stub(&desk, &["--limits", "openai", "--rpm", "5", "--window", "10s", "--ledger", "l.jsonl"]);
    assert!(said.contains("limits    openai: rpm 5 in 10.0 s, tpm 30000 in 10.0 s"), "{said}");
    let counted = "\n  counted   rpm: bucket, per model, refusals count; tpm: bucket, per model\n";
    assert!(said.contains(counted), "{said}");
    let summary = run(&desk, &format!("http://{address}/v1"), "6", &["--out", "r"]);
    assert_eq!(outcomes(&summary), (5, 1), "{summary}");
    let said = ended(going);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("\n  5 admitted, 1 refused (1 by rpm)\n"), "{said:?}");
    let ledger = std::fs::read_to_string(desk.path("l.jsonl")).unwrap();
    let lines: Vec<Value> = ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6, "{ledger}");
    let refused: Vec<&Value> = lines.iter().filter(|line| line["verdict"] == "refused").collect();
    let [refused] = refused[..] else { panic!("{ledger}") };
    assert_eq!(
        (&refused["limit"], &refused["reason"], &refused["limit_value"]),
        (&"rpm".into(), &"rate".into(), &5.into())
    );
    let wait = refused["wait_ns"].as_u64().unwrap();
    assert!(wait > 0 && wait <= 2_000_000_000, "{refused}");
    assert!(lines.windows(2).all(|pair| pair[0]["at_ns"].as_u64() <= pair[1]["at_ns"].as_u64()), "{ledger}");
}

/// Regression: the stub ended without saying what it had served.
#[test]
#[cfg(target_os = "linux")]
fn a_ledger_without_room_is_told_once_and_the_tally_is_there() {
    let desk = Desk::new();
    let (going, address, _) = stub(&desk, &["--rpm", "2", "--window", "60s", "--ledger", "/dev/full"]);
    let summary = run(&desk, &format!("http://{address}/v1"), "3", &["--out", "r"]);
    assert_eq!(outcomes(&summary), (2, 1), "{summary}");
    let said = ended(going);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("\n  2 admitted, 1 refused (1 by rpm)\n"), "{said:?}");
    assert_eq!(said.err.matches("warning: the ledger /dev/full cannot be written: ").count(), 1, "{said:?}");
    assert!(said.err.contains("3 attempts are not in the ledger: it could not be written"), "{said:?}");
}

#[test]
fn a_file_of_limits_is_kept() {
    let desk = Desk::new();
    desk.file(
        "limits.yaml",
        "provider: anthropic\nlimits:\n  - {dimension: requests, value: 2, per: day, scope: organisation}\n",
    );
    let (going, address, said) = stub(&desk, &["--limits", "limits.yaml"]);
    assert!(said.contains("limits    anthropic: rpd 2\n"), "{said}");
    let summary = run(&desk, &format!("http://{address}/v1"), "4", &["--out", "r"]);
    assert_eq!(outcomes(&summary), (2, 2), "{summary}");
    // JSON is YAML.
    drop(going);
    desk.file("limits.json", r#"{"limits": [{"dimension": "concurrency", "value": 3}]}"#);
    let (_going, _, said) = stub(&desk, &["--limits", "limits.json"]);
    assert!(said.contains("limits    openai: concurrency 3\n"), "{said}");
}

#[test]
fn several_providers_have_their_own_limits_and_are_told_apart_in_the_ledger() {
    let desk = Desk::new();
    desk.file(
        "two.yaml",
        "providers:\n  - {name: primary, path: /primary, limits: {rpm: 2, window: 1h}}\n  - {name: fallback, path: /fallback/v1}\n",
    );
    let (going, address, said) = stub(&desk, &["--config", "two.yaml", "--ledger", "l.jsonl"]);
    assert!(said.contains("  primary   /primary; openai: rpm 2 in 1h 00m\n"), "{said}");
    assert!(said.contains("  fallback  /fallback; no limits\n"), "{said}");
    let summary = run(&desk, &format!("http://{address}/primary/v1"), "3", &["--out", "a"]);
    assert_eq!(outcomes(&summary), (2, 1), "{summary}");
    let summary = run(&desk, &format!("http://{address}/fallback/v1"), "3", &["--out", "b"]);
    assert_eq!(outcomes(&summary), (3, 0), "{summary}");
    let said = ended(going);
    let told = "  primary: 2 admitted, 1 refused (1 by rpm)\n  fallback: 3 admitted, 0 refused\n";
    assert!(said.out.contains(told), "{said:?}");
    let ledger = std::fs::read_to_string(desk.path("l.jsonl")).unwrap();
    let count = |words: &str| ledger.lines().filter(|line| line.contains(words)).count();
    assert_eq!((count("\"provider\":\"primary\""), count("\"provider\":\"fallback\"")), (3, 3), "{ledger}");
}

#[test]
fn keys_are_called_by_their_names_and_written_nowhere() {
    let desk = Desk::new();
    let options =
        ["--limits", "litellm", "--rpm", "1", "--ledger", "l.jsonl", "--key-name", "team-a=sk-canary"];
    let (going, address, _) = stub(&desk, &options);
    let arguments =
        ["run", "--url", &format!("http://{address}/v1"), "--model", "m", "-n", "2", "-c", "2", "--json"];
    let mut command = desk.command(&[&arguments[..], &["--key-env", "STUB_KEY", "--out", "r"]].concat());
    let said = Said::of(command.env("STUB_KEY", "sk-canary").output().unwrap());
    assert_eq!(outcomes(&said.json()), (1, 1), "{said:?}");
    assert!(said.out.contains("Rate limit exceeded for api_key: team-a."), "{said:?}");
    assert_eq!(ended(going).code, 0);
    let ledger = std::fs::read_to_string(desk.path("l.jsonl")).unwrap();
    assert_eq!(ledger.matches("\"key_name\":\"team-a\"").count(), 2, "{ledger}");
    assert!(!ledger.contains("canary"), "{ledger}");
}

#[test]
fn scenarios_limit_their_own_provider_and_keep_its_ledger() {
    let desk = Desk::new();
    desk.file(
        "s.yaml",
        "target: {stub: {limits: {preset: gemini, rpm: 3, window: 1h}}, api: gemini, model: g}\n\
         prompts: {text: Hello, max_tokens: 3}\nload: {users: 5, requests: 5}\n",
    );
    let said = desk.floodline(&["run", "s.yaml", "--json", "--out", "r"]);
    assert_eq!(outcomes(&said.json()), (3, 2), "{said:?}");
    let ledger = std::fs::read_to_string(desk.path("r/provider-ledger.jsonl")).unwrap();
    let count = |words: &str| ledger.lines().filter(|line| line.contains(words)).count();
    assert_eq!((count("\"verdict\":\"admitted\""), count("\"limit\":\"rpm\"")), (3, 2), "{ledger}");
    let planned = desk.floodline(&["plan", "s.yaml"]);
    assert!(planned.out.contains("limits gemini: rpm 3 in 1h 00m"), "{planned:?}");
}

#[test]
fn what_cannot_be_kept_is_said() {
    let desk = Desk::new();
    desk.file("wrong.yaml", "preset: opnai\nrpm: 5 per minute\n");
    desk.file("same.yaml", "providers:\n  - {name: a}\n  - {name: b}\n");
    for (options, words) in [
        (&["--limits", "opnai"][..], "did you mean `openai`?"),
        (&["--limits", "limits.yaml"], "cannot read limits.yaml: no such file"),
        (&["--limits", "wrong.yaml"], "--> wrong.yaml:1:9"),
        (&["--limits", "wrong.yaml"], "--> wrong.yaml:2:6"),
        (&["--limits", "wrong.yaml", "--rpm", "5"], "figures go with a preset"),
        (&["--rpm", "none"], "such as 500, 30k or 2m, or off"),
        (&["--tpm", "5", "--algorithm", "quantised"], "only requests are counted in so short windows"),
        (&["--algorithm", "fixed"], "a similar value exists: 'fixed_window'"),
        (&["--config", "same.yaml"], "`b` can never be reached: `a` answers first"),
        (&["--config", "same.yaml", "--models", "m"], "cannot be used with"),
        (&["--key-name", "sk-canary"], "write a name, an equals sign and a key"),
        (&["--key-name", "a=env:NOT_SET"], "--key-name: the environment variable NOT_SET is not set"),
        (&["--ledger", "no/such/folder"], "--ledger: cannot write no/such/folder: no such file"),
    ] {
        let said = desk.floodline(&[&["stub", "--port", "0"], options].concat());
        assert_eq!(said.code, 2, "{options:?} {said:?}");
        assert!(said.err.contains(words) && !said.err.contains("canary"), "{options:?} {said:?}");
    }
}

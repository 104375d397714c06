//! Retry policies through the binary: what a run says of them, and one load under several of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rustix::process::Signal;
use support::{Desk, Peer, base, contents, good, server};

/// Refuses every other request, and states its limit with everything that it says.
fn every_other() -> String {
    let asked = AtomicUsize::new(0);
    base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            let n = asked.fetch_add(1, SeqCst);
            let fields = format!(
                "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: {}\r\n",
                if n.is_multiple_of(2) { 0 } else { 4 }
            );
            match n.is_multiple_of(2) {
                true => {
                    let body = r#"{"error":{"message":"Rate limit reached on requests per min (RPM)","code":"rate_limit_exceeded"}}"#;
                    peer.say(format!(
                        "HTTP/1.1 429 Too Many Requests\r\n{fields}content-length: {}\r\n\r\n{body}",
                        body.len()
                    ));
                }
                false => peer.say(good().replacen("\r\n", &format!("\r\n{fields}"), 1)),
            }
        }
    }))
}

fn quick<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--url", url, "--model", "m", "--requests", "6", "--input-tokens", "5"], more].concat()
}

#[test]
fn attempts_and_stated_limits_are_shown_and_kept() {
    let desk = Desk::new();
    let url = every_other();
    let live = desk.floodline(&quick(&url, &["--retry", "naive", "--out", "r"]));
    assert_eq!(live.code, 0, "{live:?}");
    let words = live.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "retries at once, up to 4 attempts",
        "attempts 12 for 6 requests (2.00 each); 6 tried again, all of them answered in the end",
        "refusals rate_limited 6; by limit: rpm 6",
        "limits requests: 10 allowed; at most 100 % used, 60.0 % at the end; at least 0 left; used up in 6 of 12 answers",
    ] {
        assert!(words.contains(line), "{line:?} is not in\n{}", live.out);
    }
    let stored = desk.floodline(&["report", "r"]);
    assert_eq!(stored.out, live.summary(), "the report of the stored run is that of the live one");
    let json = desk.floodline(&["report", "r", "--json"]).json();
    let retries = &json["retries"];
    assert_eq!((retries["requests"].as_u64(), retries["attempts"].as_u64()), (Some(6), Some(12)));
    assert_eq!(retries["amplification"].as_f64(), Some(2.0));
    assert_eq!(retries["by_outcome"], serde_json::json!({"ok": 6, "rate_limited": 6}));
    assert_eq!(json["attempts"].as_u64(), Some(12));
    let limit = &json["stated_limits"][0];
    assert_eq!((limit["label"].as_str(), limit["answers"].as_u64()), (Some("requests"), Some(12)));
    assert_eq!((limit["peak_used"].as_f64(), limit["last_used"].as_f64()), (Some(1.0), Some(0.6)));
    let timeline = std::fs::read_to_string(desk.path("r/timeline.json")).unwrap();
    assert!(timeline.contains("\"stated_used\":{\"requests\":1.0}"), "{timeline}");
    let scenario = std::fs::read_to_string(desk.path("r/scenario.yaml")).unwrap();
    assert!(scenario.contains("retry: \"naive\"") || scenario.contains("retry: naive"), "{scenario}");
    // The scenario that the quick form stands for can be run with another policy.
    let again = desk.floodline(&["run", "r/scenario.yaml", "--retry", "none", "--json", "--out", "s"]);
    assert_eq!(again.json()["retries"]["attempts"].as_u64(), Some(6), "{again:?}");
}

#[test]
fn policies_that_are_none_are_refused_before_anything_is_sent() {
    let desk = Desk::new();
    let policies =
        |names: &str| desk.floodline(&quick("http://127.0.0.1:1/v1", &["--compare-retries", names]));
    let said = desk.floodline(&quick("http://127.0.0.1:1/v1", &["--retry", "fixed"]));
    assert!(said.code == 2 && said.err.contains("say how long is waited, such as fixed:1s"), "{said:?}");
    for (names, message) in [
        ("none", "--compare-retries wants from 2 to 16 policies"),
        ("none,naive,none", "--compare-retries names none twice"),
        ("none,nave", "did you mean `naive`?"),
    ] {
        let said = policies(names);
        assert!(said.code == 2 && said.err.contains(message), "{said:?}");
    }
    let said = policies("none,nave");
    assert!(said.err.contains("--compare-retries") && !said.err.contains("--retry"), "{said:?}");
    let both = ["--compare-retries", "none,naive", "--retry", "naive"];
    let said = desk.floodline(&quick("http://127.0.0.1:1/v1", &both));
    assert!(said.code == 2 && said.err.contains("cannot be used with"), "{said:?}");
}

/// Regression: of a comparison that was killed half-way, nothing could be shown.
#[test]
fn a_comparison_that_is_killed_shows_the_policies_that_ran() {
    let (arrives, arrived) = std::sync::mpsc::channel();
    let asked = AtomicUsize::new(0);
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            match asked.fetch_add(1, SeqCst) {
                0..6 => peer.say(good()),
                _ => arrives.send(()).unwrap(),
            }
        }
    }));
    let desk = Desk::new();
    let going = desk.start(&quick(&url, &["--compare-retries", "none,naive,aws", "--out", "c"]));
    arrived.recv_timeout(std::time::Duration::from_secs(20)).expect("the second run begins");
    going.signal(Signal::KILL);
    going.end();
    let said = desk.floodline(&["report", "c"]);
    assert_eq!(said.code, 0, "{said:?}");
    for part in ["Fewer than two policies were run", "`naive` and `aws` have no run that came to its end."] {
        assert!(said.out.contains(part), "{part:?} is not in {said:?}");
    }
    let kept = desk.floodline(&["report", "c", "--json"]).json();
    assert_eq!((&kept["runs"][0]["policy"], &kept["runs"][0]["ok"]), (&"none".into(), &6.into()));
    assert_eq!(kept["missing"], serde_json::json!(["naive", "aws"]));
}

/// The own goal, measured. A bucket that is charged for refusals too stays empty as long as it is asked without a pause;
/// whoever waits as long as stated finds it full again.
const CROWD: &str = "\
name: crowd
seed: 7
target:
  stub:
    limits: {provider: anthropic, limits: [{dimension: requests, value: 60, window: 2s, burst: 30, refusals_count: true}]}
prompts: {input_tokens: 20, max_tokens: 2}
load: {users: 8, requests: 96}
retry: {honour_retry_after: {}, attempts: 4}
";

#[test]
fn trying_again_at_once_is_the_own_goal() {
    let desk = Desk::new();
    let policies = ["--compare-retries", "none,naive,scenario", "--out", "c"];
    let said = desk.file("crowd.yaml", CROWD).floodline(&[&["run", "crowd.yaml"], &policies[..]].concat());
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(desk.path("c/compare.json")).unwrap()).unwrap();
    assert_eq!((kept["format"].as_str(), kept["seed"].as_u64()), (Some("floodline-policies/1"), Some(7)));
    let run = |policy: &str| {
        let runs = kept["runs"].as_array().unwrap();
        runs.iter().find(|run| run["policy"] == policy).unwrap().clone()
    };
    let (naive, patient) = (run("naive"), run("scenario"));
    let of = |run: &serde_json::Value, key: &str| run[key].as_u64().unwrap();
    assert_eq!((of(&naive, "planned"), of(&patient, "planned")), (96, 96), "the same load");
    assert!(of(&naive, "attempts") > of(&patient, "attempts"), "{kept:#}");
    assert!(of(&naive, "ok") < of(&patient, "ok"), "{kept:#}");
    assert!(naive["amplification"].as_f64() > Some(1.5) && of(&naive, "wasted_tokens") > 0, "{naive:#}");
    assert_eq!(kept["finding"]["own_goal"]["policy"], "naive", "{kept:#}");
    assert!(said.out.contains("`naive` was the own goal: it sent"), "{said:?}");
    assert_eq!(said.code, kept["exit_code"].as_i64().unwrap() as i32);
    // Each has a run folder of its own, with all that belongs into it.
    assert!(desk.path("c/compare.html").is_file());
    let again = desk.floodline(&["report", "c"]);
    assert!(again.code == 0 && said.out.ends_with(&again.out), "{again:?}");
    assert_eq!(desk.floodline(&["report", "c", "--json"]).json(), kept);
    for policy in ["none", "naive", "scenario"] {
        let files = contents(&desk.path("c").join(policy));
        let requests = &files.iter().find(|(name, _)| name == "requests.jsonl.zst").unwrap().1;
        // A line of its format, and one for each request.
        assert_eq!(String::from_utf8_lossy(requests).lines().count(), 1 + 96, "{policy}");
        assert_eq!(desk.floodline(&["report", &format!("c/{policy}")]).code, 0);
    }
}

/// What we say of our attempts is what the provider's own ledger says of them.
#[test]
fn our_attempts_are_those_of_the_providers_ledger() {
    let desk = Desk::new();
    let limits = ["--limits", "openai", "--rpm", "12", "--tpm", "off", "--rpd", "off", "--window", "10s"];
    let stub = [&["stub", "--port", "0", "--ledger", "ledger.jsonl"], &limits[..]].concat();
    let mut provider = desk.start(&stub);
    let line = provider.out.by_ref().map_while(Result::ok).find(|line| line.contains("base URL")).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let said = desk.floodline(
        &[
            &["run", "--url", &url, "--model", "m", "--requests", "24", "--concurrency", "3"],
            &["--input-tokens", "5", "--max-tokens", "2", "--retry", "naive", "--json", "--out", "r"][..],
        ]
        .concat(),
    );
    provider.signal(Signal::INT);
    assert_eq!(provider.end().code, 0);
    let ledger = std::fs::read_to_string(desk.path("ledger.jsonl")).unwrap();
    let verdicts: Vec<String> = ledger
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|attempt| attempt["verdict"].as_str().unwrap().to_owned())
        .collect();
    let refused = verdicts.iter().filter(|verdict| *verdict == "refused").count() as u64;
    let retries = &said.json()["retries"];
    assert!(refused > 12, "{ledger}");
    assert_eq!(retries["attempts"].as_u64(), Some(verdicts.len() as u64), "{retries:#}");
    assert_eq!(retries["refusals"], serde_json::json!({ "rate_limited": refused }));
    assert_eq!(retries["dimensions"], serde_json::json!({ "rpm": refused }));
}

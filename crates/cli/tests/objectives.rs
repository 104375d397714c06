//! Objectives and stop rules through the binary: exit codes, what is shown, what is written.
//!
//! Runs here have fewer than 100 requests, so that a busy machine cannot make them invalid.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use support::Desk;

fn scenario(more: &str) -> String {
    format!(
        "name: slo\ntarget: {{stub: {{}}}}\nprompts: {{name: chat, text: Hello, max_tokens: 5}}\n\
         load: {{users: 2, requests: 80}}\n{more}\n"
    )
}

#[test]
fn the_exit_code_follows_from_the_objectives() {
    let desk = Desk::new();
    for (n, (more, code, status, reason)) in [
        ("objectives: [ttft p50 < 10s, errors rate < 20%]", 0, "pass", ""),
        ("objectives: [ttft p50 < 1ns, errors rate < 20%]", 3, "fail", "objective: missed: ttft p50 < 1ns"),
        ("objectives: [errors rate < 1%]", 4, "invalid", "undecided: 80 values are too few"),
        ("objectives: [errors rate < 1%, ttft p50 < 1ns]", 4, "invalid", "undecided: "),
        ("objectives: [errors rate < 1%]\nundecided: pass", 0, "pass", ""),
        ("objectives: [errors rate < 1%]\nundecided: fail", 3, "fail", "undecided: "),
        ("objectives: [latency max < 1h, ok count == 80]", 0, "pass", ""),
        ("objectives: [ttft p50 < 10s over 100ms]", 0, "pass", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("r{n}");
        let said = desk.file("s.yaml", scenario(more)).floodline(&["run", "s.yaml", "--json", "--out", &out]);
        let verdict = &said.json()["verdict"];
        assert_eq!((said.code, verdict["status"].as_str()), (code, Some(status)), "{more}: {said:?}");
        let reasons = verdict["reasons"].as_array().unwrap();
        assert!(
            reasons.iter().all(|r| !r.is_null())
                && (reason.is_empty() || verdict.to_string().contains(reason))
        );
        assert!(desk.path(&out).join("junit.xml").is_file());
    }
}

#[test]
fn a_stop_rule_ends_the_run_and_says_why() {
    let desk = Desk::new();
    let text = "\
name: stopped
target: {stub: {ttft: 60ms, gap: 1ms, tokens: 2}}
prompts: {name: chat, text: Hello, max_tokens: 2}
load: {users: 2, for: 10m}
limits: {stop_when: [gap p50 > 1h, ttft p50 > 1ms over 200ms]}
objectives: [ttft p50 < 1ns]
";
    let said = desk.file("s.yaml", text).floodline(&["run", "s.yaml", "--json", "--out", "r"]);
    let summary = said.json();
    assert_eq!((said.code, summary["verdict"]["status"].as_str()), (5, Some("stopped")), "{said:?}");
    let reason = summary["verdict"]["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("limit: stop_when ttft p50 > 1ms over 200ms: "), "{reason}");
    assert!(reason.ends_with(" above 1ms"), "{reason}");
    assert_eq!(summary["stop_when"][0]["looks"], 0, "its window of 10 s had not passed");
}

#[test]
fn live_and_stored_say_the_same_of_objectives() {
    let desk = Desk::new();
    let text =
        scenario("objectives: [ttft p50 < 10s, goodput > 50%, gap p50 < 1s over 100ms, errors rate < 1%]");
    let live = desk.file("s.yaml", text).floodline(&["run", "s.yaml", "--out", "r"]);
    let junit = std::fs::read(desk.path("r/junit.xml")).unwrap();
    let stored = desk.floodline(&["report", "r"]);
    assert_eq!((stored.code, stored.out.as_str()), (0, live.summary()));
    // As after a crash: everything is made again from the journal.
    std::fs::remove_file(desk.path("r/summary.json")).unwrap();
    std::fs::remove_file(desk.path("r/junit.xml")).unwrap();
    assert_eq!(desk.floodline(&["report", "r"]).out, live.summary());
    assert_eq!(std::fs::read(desk.path("r/junit.xml")).unwrap(), junit);
}

#[test]
fn arguments_can_ask_too() {
    let desk = Desk::new();
    let quick = ["run", "--url", "stub:", "-n", "50", "--objective", "ttft p50 < 1ns", "--out", "a"];
    assert_eq!(desk.floodline(&quick).code, 3);
    let scenario = scenario("objectives: [ttft p50 < 10s]");
    let args = ["run", "s.yaml", "--objective", "latency max < 1ns", "--json", "--out", "b"];
    let said = desk.file("s.yaml", scenario).floodline(&args);
    let verdicts: Vec<_> =
        said.json()["objectives"].as_array().unwrap().iter().map(|o| o["verdict"].clone()).collect();
    assert_eq!((said.code, verdicts), (3, vec!["met".into(), "missed".into()]));
    let said = desk.floodline(&["run", "--url", "stub:", "--objective", "ttfd p50 < 1s"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--objective: `ttfd` is nothing that is measured"), "{said:?}");
}

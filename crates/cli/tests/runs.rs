//! What a run shows, what it writes, and that both say the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use support::{Desk, Peer, STREAM, base, contents, done, finish, good, json, saying, server, token};

const QUICKSTART: &str = "\
name: quickstart
target: {stub: {profile: 8b-h100}}
prompts:
  - {name: chat, weight: 3, input_tokens: 120, max_tokens: 8}
  - {name: document, weight: 1, input_tokens: 1500, max_tokens: 16}
load:
  - {warmup: 50/s, for: 200ms}
  - {hold: 50/s, for: 400ms, arrivals: poisson}
";

#[test]
fn a_scenario_on_the_built_in_provider_passes_and_fills_its_folder() {
    let desk = Desk::new();
    let said = desk.file("quickstart.yaml", QUICKSTART).floodline(&["run", "quickstart.yaml", "--out", "r"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.summary().starts_with("PASS        quickstart\n"), "{said:?}");
    let mut files: Vec<String> = contents(&desk.path("r")).into_iter().map(|(name, _)| name).collect();
    files.retain(|name| !name.starts_with("histograms/"));
    files.sort();
    assert_eq!(
        files,
        [
            "plan.json",
            "report.html",
            "requests.jsonl.zst",
            "run.json",
            "samples.jsonl",
            "scenario.yaml",
            "stamps.bin.zst",
            "summary.json",
            "timeline.json"
        ]
    );
    assert_eq!(std::fs::read_to_string(desk.path("r/scenario.yaml")).unwrap(), QUICKSTART);
    for metric in ["ttft", "gap", "latency", "late", "lag"] {
        assert!(desk.path("r/histograms").join(metric).with_extension("hdr").is_file(), "{metric}");
    }
    for (name, bytes) in contents(&desk.path("r")) {
        let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let named = beginning.contains("floodline-") || name.ends_with(".hdr");
        assert!(named || name == "scenario.yaml" || name == "report.html", "{name} names no format");
    }
}

#[test]
fn a_run_and_its_report_say_the_same() {
    let desk = Desk::new();
    let live = desk.file("q.yaml", QUICKSTART).floodline(&["run", "q.yaml", "--out", "r"]);
    let stored = desk.floodline(&["report", "r"]);
    assert_eq!((stored.code, stored.out.as_str(), stored.err.as_str()), (0, live.summary(), ""));
    let json = desk.floodline(&["report", "r", "--json"]);
    assert_eq!(json.out, std::fs::read_to_string(desk.path("r/summary.json")).unwrap());
}

/// Regression: a journal that a full disk had cut short was reported as a killed run, though the summary of the whole
/// run lay beside it. And a damaged summary is no reason to show nothing: everything is in the journal.
#[test]
fn what_is_damaged_is_said_and_the_rest_is_shown() {
    let desk = Desk::new();
    let live = desk.floodline(&["run", "--url", "stub:", "-n", "50", "--out", "r"]);
    let summary = std::fs::read(desk.path("r/summary.json")).unwrap();
    std::fs::write(desk.path("r/summary.json"), "{").unwrap();
    let said = desk.floodline(&["report", "r"]);
    assert_eq!((said.code, said.out.as_str()), (0, live.summary()));
    assert!(said.err.starts_with("warning: r/summary.json is damaged"), "{said:?}");

    std::fs::write(desk.path("r/summary.json"), summary).unwrap();
    let journal = std::fs::read(desk.path("r/requests.jsonl.zst")).unwrap();
    std::fs::write(desk.path("r/requests.jsonl.zst"), &journal[..journal.len() - 9]).unwrap();
    let said = desk.floodline(&["report", "r"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("the journal of this run is incomplete (was its disk full?)"), "{said:?}");
}

#[test]
fn json_is_the_summary_with_the_keys_that_are_promised() {
    let said = Desk::new().floodline(&["run", "--url", "stub:", "-n", "20", "--json"]);
    let summary = said.json();
    let has = |value: &serde_json::Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "{key} is missing in {value}");
        }
    };
    has(&summary, &["format", "verdict", "requests", "metrics", "tokens", "throughput", "goodput", "cost"]);
    has(&summary, &["attempts", "finish", "generator"]);
    has(&summary["verdict"], &["status", "reasons"]);
    has(&summary["requests"], &["planned", "sent", "ok", "failed", "by_outcome"]);
    has(&summary["tokens"], &["input", "output", "source"]);
    has(&summary["throughput"], &["requests_per_s", "output_tokens_per_s", "events_per_s"]);
    has(&summary["cost"], &["spent_usd", "reserved_max_usd"]);
    let generator = ["cpu_seconds", "events", "coalesced", "lag_p99_ms", "late_p99_ms", "valid"];
    has(&summary["generator"], &generator);
    let metrics = ["ttft", "ttft_from_schedule", "first_content", "gap", "max_gap", "tpot", "latency"];
    has(&summary["metrics"], &metrics);
    has(&summary["metrics"], &["latency_from_schedule", "connect", "late", "lag"]);
    has(&summary["metrics"]["ttft"], &["unit", "count", "mean", "p50", "p90", "p95", "p99", "p999", "max"]);
    assert_eq!(summary["metrics"]["ttft"]["unit"], "ms");
    // Missing is missing, never 0.
    assert!(summary["goodput"].is_null() && summary["cost"]["spent_usd"].is_null());
}

#[test]
fn quiet_says_nothing_at_all() {
    let said = Desk::new().floodline(&["run", "--url", "stub:", "-n", "3", "--quiet"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

/// Regression: what is remarkable about a scenario was said nevertheless.
#[test]
fn quiet_says_no_warnings_either() {
    let desk = Desk::new();
    desk.file("two.jsonl", "{\"prompt\": \"one\"}\n{\"prompt\": \"two\"}\n");
    let args = ["run", "--url", "stub:", "--prompts", "two.jsonl", "-n", "3"];
    assert!(desk.floodline(&args).err.contains("warning: two.jsonl: only 2 prompts are distinct"));
    let said = desk.floodline(&[&args[..], &["--quiet"]].concat());
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[test]
fn every_load_that_the_command_line_can_ask_for_is_what_was_asked_for() {
    let desk = Desk::new();
    let counts = |args: &[&str]| {
        let said = desk.floodline(&[&["run", "--url", "stub:", "--json"], args].concat());
        let requests = said.json()["requests"].clone();
        assert_eq!(said.code, 0, "{said:?}");
        (requests["ok"].as_u64().unwrap(), requests["warmup"].as_u64().unwrap())
    };
    assert_eq!(counts(&["--concurrency", "4", "--requests", "30"]), (30, 0));
    assert_eq!(counts(&["--rate", "500", "--requests", "30"]), (30, 0));
    assert_eq!(counts(&["--rate", "100", "--duration", "100ms"]), (10, 0));
    assert_eq!(counts(&["--rate", "100", "--requests", "30", "--duration", "100ms"]), (10, 0));
    assert_eq!(counts(&["--rate", "100", "--duration", "100ms", "--warmup", "50ms"]), (10, 5));
    assert_eq!(counts(&["--concurrency", "2", "--requests", "9", "--no-stream"]), (9, 0));
}

#[test]
fn a_trace_is_replayed_with_its_lengths() {
    let desk = Desk::new();
    let trace = "\
TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-14 15:42:07.2180246,79,7
2024-05-14 15:42:07.3360463,14,5
2024-05-14 15:42:07.3781500,74,19
";
    desk.file("t.csv", trace).file("s.yaml", "target: {stub: {}}\nload: {replay: t.csv, speed: 2}\n");
    let summary = desk.floodline(&["run", "s.yaml", "--json", "--out", "r"]).json();
    assert_eq!(summary["tokens"]["output"], 7 + 5 + 19);
    let records = records(&desk);
    let scheduled: Vec<u64> = records.iter().map(|r| r["scheduled_ns"].as_u64().unwrap()).collect();
    assert_eq!(scheduled, [0, 59_010_850, 80_062_700]);
    let input: Vec<u64> = records.iter().map(|r| r["input_tokens"].as_u64().unwrap()).collect();
    assert_eq!(input, [79, 14, 74]);
}

#[test]
fn the_same_seed_sends_the_same_requests() {
    let sent = |seed: &str| {
        let desk = Desk::new();
        let load = ["run", "--url", "stub:", "--rate", "1000", "--arrivals", "poisson", "-n", "20"];
        let said = desk.floodline(&[&load[..], &["--seed", seed, "--record-bodies", "--out", "r"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let field = |r: &serde_json::Value| (r["scheduled_ns"].clone(), r["text"].clone());
        let plan: serde_json::Value =
            serde_json::from_slice(&std::fs::read(desk.path("r/plan.json")).unwrap()).unwrap();
        (plan["hash"].clone(), records(&desk).iter().map(field).collect::<Vec<_>>())
    };
    let first = sent("7");
    assert_eq!(first.1.len(), 20);
    assert!(first.1.iter().all(|(_, text)| text.as_str().is_some_and(|text| !text.is_empty())));
    assert_eq!(first, sent("7"));
    assert_ne!(first, sent("8"));
}

/// Regression: paths of a scenario in another folder were looked for below that folder's name twice.
#[test]
fn files_are_found_beside_a_scenario_in_another_folder() {
    let desk = Desk::new();
    desk.file("sub/prompts.jsonl", "{\"prompt\": \"a\"}\n");
    desk.file(
        "sub/s.yaml",
        "target: {stub: {}}\nprompts: {file: prompts.jsonl}\nload: {users: 1, requests: 2}\n",
    );
    let said = desk.floodline(&["run", "sub/s.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_refused_key_is_a_recorded_run_that_says_what_to_check() {
    let desk = Desk::new();
    let body = r#"{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}"#;
    let url = saying(json("401 Unauthorized", body));
    let mut run = desk.command(&["run", "--url", &url, "--model", "m", "-n", "2", "--key-env", "A_KEY"]);
    let said = support::Said::of(run.env("A_KEY", "sk-canary-17").output().unwrap());
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("client_error, status 401: Incorrect API key provided."), "{said:?}");
    assert!(said.out.contains("check the key in the environment variable A_KEY"), "{said:?}");
}

/// Regression: nothing hinted at https where a TLS server hangs up on plain text.
#[test]
fn a_server_that_hangs_up_may_want_https() {
    let url = base(server(|_, mut peer: Peer| {
        peer.request();
    }));
    let said = Desk::new().floodline(&["run", "--url", &url, "--model", "m", "-n", "1"]);
    assert_eq!(said.code, 3, "{said:?}");
    let words: Vec<&str> = said.out.split_whitespace().collect();
    assert!(words.join(" ").contains("or for https on that port."), "{said:?}");
}

/// The ways in which a server may repeat what it was sent.
const ECHOES: [(&str, &str); 7] = [
    (
        "a message",
        "HTTP/1.1 401 No\r\ncontent-type: application/json\r\n{LENGTH}{\"error\":{\"message\":\"key: {KEY}!\"}}",
    ),
    ("plain text", "HTTP/1.1 500 No\r\ncontent-type: text/plain\r\n{LENGTH}no {KEY} no"),
    ("the request's id", "HTTP/1.1 500 No\r\nx-request-id: {KEY}\r\n{LENGTH}"),
    ("a redirect", "HTTP/1.1 302 Go\r\nlocation: http://other/{KEY}\r\n{LENGTH}"),
    // Media types are shown in lower case.
    ("the type of the answer", "HTTP/1.1 200 OK\r\ncontent-type: text/{KEY}\r\n{LENGTH}"),
    ("an event", "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{LENGTH}data: junk {KEY}\n\n"),
    (
        "the answer",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{LENGTH}{\"choices\":[{\"message\":{\"content\":\"{KEY}\"},\"finish_reason\":\"stop\"}]}",
    ),
];
const CANARY: &str = "sk-Canary-0123456789-abcdef";

/// Regressions: a key inside a longer header value, and one that a server wrote in lower case, went through.
#[test]
fn a_key_that_a_server_repeats_is_in_no_file_and_on_no_screen() {
    for (what, echo) in ECHOES {
        let options: [&[&str]; 3] = [
            &["-n", "1", "--key-env", "CANARY"],
            &["-n", "1", "--header", "Authorization: Bearer ${env:CANARY}"],
            &["-n", "1", "--header", "X-Api-Key: ${env:CANARY}", "--no-stream"],
        ];
        for option in options {
            let (head, body) = echo.split_once("{LENGTH}").unwrap();
            let (head, body) = (head.replace("{KEY}", CANARY), body.replace("{KEY}", CANARY));
            let url = saying(format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
            no_trace_of_the_key(&url, option, what);
        }
    }
}

/// Regression: a message that was shortened in the middle of the key kept the key's beginning.
#[test]
fn a_key_at_the_place_where_a_message_is_cut_leaves_no_beginning() {
    for plain in [false, true] {
        // Wherever the cut is, one of these messages has it at each place in the key.
        let url = base(server(move |_, mut peer: Peer| {
            for before in 0..600 {
                if peer.request().is_none() {
                    return;
                }
                let message = format!("{}{CANARY}{}", "y".repeat(before), " tail".repeat(200));
                let error = format!("{{\"error\":{{\"message\":\"{message}\"}}}}");
                peer.say(json("500 Oops", if plain { &message } else { &error }));
            }
        }));
        no_trace_of_the_key(&url, &["--key-env", "CANARY", "-n", "600"], "a long message");
    }
}

fn no_trace_of_the_key(url: &str, options: &[&str], what: &str) {
    let desk = Desk::new();
    let args = ["run", "--url", url, "--model", "m", "--record-bodies", "--out", "r"];
    let mut run = desk.command(&[&args, options].concat());
    let said = support::Said::of(run.env("CANARY", CANARY).output().unwrap());
    assert!([0, 3, 4].contains(&said.code), "{what}: {said:?}");
    let again = desk.floodline(&["report", "r"]);
    let screens = [("the screen", said.out), ("stderr", said.err), ("the report", again.out)];
    let files = contents(&desk.path("r"));
    let files =
        files.iter().map(|(name, bytes)| (name.as_str(), String::from_utf8_lossy(bytes).into_owned()));
    for (place, text) in files.chain(screens) {
        let text = text.to_ascii_lowercase();
        assert!(!text.contains("sk-can"), "{what}, in {place}: {text}");
    }
}

/// Regression: the text of a header that is no secret was taken out of every answer.
#[test]
fn a_literal_header_is_no_secret() {
    let desk = Desk::new();
    let url = saying([STREAM, &token("we search"), &finish(), &done()].concat());
    let args = ["run", "--url", &url, "--model", "m", "-n", "1", "--header", "X-Team: e"];
    desk.floodline(&[&args[..], &["--record-bodies", "--out", "r"]].concat());
    assert_eq!(records(&desk)[0]["text"], "we search");
}

#[test]
fn a_thousand_different_errors_make_a_short_report() {
    let counter = std::sync::atomic::AtomicU64::new(0);
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            peer.say(json("500 Oops", &format!("{{\"error\":{{\"message\":\"error {n}\"}}}}")));
        }
    }));
    let said =
        Desk::new().floodline(&["run", "--url", &url, "--model", "m", "-n", "1000", "-c", "2", "--out", "r"]);
    // From a hundred requests on, a busy machine may find itself to be the bottleneck.
    assert!([3, 4].contains(&said.code), "{said:?}");
    assert!(said.out.contains("900 × server_error, status 500: (further messages)"), "{said:?}");
    assert!(said.out.lines().count() < 100, "{said:?}");
}

#[test]
fn a_locale_without_unicode_is_shown_ascii_only() {
    let desk = Desk::new();
    let mut run = desk.command(&["run", "--url", "stub:8b-h100", "-n", "5", "-c", "5", "--max-tokens", "5"]);
    let output = run.env("LC_ALL", "C").output().unwrap();
    assert!(output.stdout.is_ascii() && output.stderr.is_ascii());
}

#[cfg(unix)]
#[test]
fn nobody_reading_is_no_error() {
    use std::process::Stdio;
    let desk = Desk::new();
    let mut run = desk.command(&["run", "--url", "stub:", "-n", "5", "--out", "r"]);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(desk.path("r/summary.json").exists());
}

/// Regression: with `--json` nothing said that certificates went unchecked.
#[test]
fn insecure_is_loud_also_where_the_summary_is_json() {
    let desk = Desk::new();
    let url = saying(good());
    let run = |option: &str| {
        desk.floodline(&["run", "--url", &url, "--model", "m", "-n", "1", "--insecure", option])
    };
    let json = run("--json");
    assert!(json.err.contains("warning: --insecure: certificates are not checked"), "{json:?}");
    assert_eq!(json.json()["requests"]["ok"], 1);
    let shown = run("--no-stream");
    assert_eq!(shown.out.matches("WARNING     --insecure").count(), 2, "{shown:?}");
}

/// The records of the run `r`, in order.
fn records(desk: &Desk) -> Vec<serde_json::Value> {
    let (_, lines) =
        contents(&desk.path("r")).into_iter().find(|(name, _)| name == "requests.jsonl.zst").unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let mut records: Vec<serde_json::Value> =
        lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["i"].as_u64());
    records
}

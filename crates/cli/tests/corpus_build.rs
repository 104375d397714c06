//! `floodline corpus build` through the binary: logs in, a clean corpus and a report out.

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use serde_json::{Value, json};
use support::{Desk, Said};

/// Values that must not be seen again, anywhere.
const PLANTED: [&str; 7] = [
    "bob@example.com",
    "+49 170 1234567",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "203.0.113.9",
    "sk-ant-api03-AbCd1234efgh5678",
    "Erika Mustermann",
];

fn ask(content: &str) -> String {
    json!({"messages": [{"role": "user", "content": content}], "max_tokens": 50}).to_string() + "\n"
}

/// A log of ten plain prompts and one for each planted value.
fn log() -> String {
    let plain = (0..10).map(|i| ask(&format!("plain {i}")));
    plain.chain(PLANTED.map(|value| ask(&format!("here is {value}, thanks")))).collect()
}

fn files(desk: &Desk) -> Vec<String> {
    let folder = desk.path("").read_dir().expect("a folder").flatten();
    let mut names: Vec<String> =
        folder.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn lines(desk: &Desk, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(desk.path(name)).expect("it was written");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn nothing_planted(said: &Said, files: &[String]) {
    for text in [&said.out, &said.err].into_iter().chain(files) {
        let found = PLANTED.iter().find(|value| text.contains(**value));
        assert_eq!(found, None, "{text}");
    }
}

#[test]
fn a_log_becomes_a_clean_corpus() {
    let desk = Desk::new();
    desk.file("log.jsonl", log()).file("names.txt", "# customers\nErika Mustermann\n");
    let said = desk.floodline(&[
        "corpus",
        "build",
        "log.jsonl",
        "--out",
        "c.jsonl",
        "--names",
        "names.txt",
        "--report",
        "r.json",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let corpus = std::fs::read_to_string(desk.path("c.jsonl")).expect("the corpus");
    let report = std::fs::read_to_string(desk.path("r.json")).expect("the report");
    nothing_planted(&said, &[corpus.clone(), report.clone()]);
    assert_eq!(lines(&desk, "c.jsonl").len(), 17);
    assert!(corpus.contains("here is <NAME_1>, thanks"), "{corpus}");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let removed = json!({"email": 1, "phone": 1, "card": 1, "iban": 1, "ip": 1, "key": 1, "name": 1});
    assert_eq!(report["removed"], removed);
    assert_eq!(files(&desk), ["c.jsonl", "log.jsonl", "names.txt", "r.json"]);
    assert_eq!(std::fs::read_to_string(desk.path("log.jsonl")).expect("the log"), log(), "it is only read");
    insta::assert_snapshot!(said.out);
}

/// From a log to a run: the corpus that was built is what is sent, with the lengths that were recorded.
#[test]
fn a_corpus_can_be_sent() {
    let desk = Desk::new();
    desk.file("log.jsonl", log());
    let built = desk.floodline(&["corpus", "build", "log.jsonl", "--out", "c.jsonl", "--json"]);
    assert_eq!(built.code, 0, "{built:?}");
    let scenario = "target: {stub: {}}\nprompts: {name: real, file: c.jsonl, sampling: shuffled}\n\
        load: {users: 2, requests: 17}\n";
    desk.file("s.yaml", scenario);
    let said = desk.floodline(&["run", "s.yaml", "--out", "r", "--json"]);
    assert_eq!(said.json()["requests"]["ok"], 17, "{said:?}");
    assert!(said.err.contains("c.jsonl: only 17 prompts are distinct"), "{said:?}");
    // Regression: the built-in provider's guess of a prompt's length was held against our count, and warned of.
    assert!(said.json()["tokens"]["local"]["input"].is_null(), "{said:?}");

    let recorded: Vec<Value> = lines(&desk, "c.jsonl");
    let files = support::contents(&desk.path("r"));
    let read = |name: &str| {
        let (_, bytes) = files.iter().find(|(file, _)| file == name).expect("it is there");
        String::from_utf8(bytes.clone()).expect("text")
    };
    let requests: Vec<Value> = read("requests.jsonl.zst")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|line: &Value| line.get("prompt").is_some())
        .collect();
    assert!(requests.iter().all(|request| request["prompt"] == "real"), "{requests:?}");
    assert!(requests.iter().all(|request| request["output_tokens"] == 50), "{requests:?}");
    // All were sent, each once: what was counted for the plan is what was counted when the corpus was built.
    let tokens = |of: &[Value], name: &[&str]| {
        let count = |value: &Value| name.iter().find_map(|name| value.get(name)?.as_u64()).expect("a number");
        let mut tokens: Vec<u64> = of.iter().map(count).collect();
        tokens.sort_unstable();
        tokens
    };
    let planned = tokens(&requests, &["planned_input_tokens", "input_tokens"]);
    assert_eq!(planned, tokens(&recorded, &["tokens"]));
    let plan: Value = serde_json::from_str(&read("plan.json")).expect("JSON");
    let prompt = &plan["scenarios"][0]["prompts"][0];
    assert_eq!((&prompt["max_tokens"], &prompt["files"][0]["name"]), (&json!(50), &json!("c.jsonl")));
    let source = prompt["source"].as_str().expect("a text");
    assert!(
        source.starts_with("c.jsonl: 17 prompts, 17 distinct, ") && source.ends_with("; shuffled"),
        "{source}"
    );

    let args = ["run", "--url", "stub:", "--prompts", "c.jsonl", "--requests", "4", "--out", "q", "--json"];
    let said = desk.floodline(&args);
    assert_eq!(said.json()["requests"]["ok"], 4, "{said:?}");
}

#[test]
fn a_dry_run_shows_masked_examples_and_writes_nothing() {
    let desk = Desk::new();
    desk.file("log.jsonl", log()).file("names.txt", "Erika Mustermann");
    let said = desk.floodline(&[
        "corpus",
        "build",
        "log.jsonl",
        "--dry-run",
        "--names",
        "names.txt",
        "--out",
        "c.jsonl",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    nothing_planted(&said, &[]);
    assert_eq!(files(&desk), ["log.jsonl", "names.txt"]);
    insta::assert_snapshot!(said.out);
}

#[test]
fn the_same_seed_draws_the_same_sample() {
    let desk = Desk::new();
    desk.file("log.jsonl", log());
    let draw = |seed: &str, out: &str| {
        let said = desk.floodline(&[
            "corpus",
            "build",
            "log.jsonl",
            "--sample",
            "5",
            "--seed",
            seed,
            "--out",
            out,
            "--json",
        ]);
        assert_eq!((said.code, said.json()["written"].as_u64()), (0, Some(5)), "{said:?}");
        lines(&desk, out)
    };
    assert_eq!(draw("1", "a"), draw("1", "b"));
    assert_ne!(draw("1", "a"), draw("2", "b"));
}

#[test]
fn kinds_are_chosen() {
    let desk = Desk::new();
    desk.file("log.jsonl", log());
    let kept = |options: &[&str]| -> Vec<&str> {
        let said = desk.floodline(&[&["corpus", "build", "log.jsonl", "--out", "c"], options].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let corpus = std::fs::read_to_string(desk.path("c")).expect("the corpus");
        PLANTED.into_iter().filter(|value| corpus.contains(value)).collect()
    };
    assert_eq!(kept(&["--remove", "email,phone"]).len(), 5);
    assert_eq!(kept(&["--keep", "ip,card"]), ["4111 1111 1111 1111", "203.0.113.9", "Erika Mustermann"]);
}

#[test]
fn documents_and_several_logs_are_read() {
    let desk = Desk::new();
    let body = json!({"messages": [{"role": "user", "content": "a"}]});
    desk.file("list.json", format!("\n{:#}\n", json!([body, body])));
    desk.file("one.json", format!("{body:#}"));
    // The first line is cut; the others are good.
    desk.file("cut.jsonl", format!("{{\"messages\": [\n{}", ask("b")));
    let spans = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "t", "spanId": "s", "attributes":
        [{"key": "gen_ai.prompt.0.content", "value": {"stringValue": "c"}}]}]}]}]});
    desk.file("spans.json", format!("{spans:#}"));
    let said = desk.floodline(&[
        "corpus",
        "build",
        "list.json",
        "one.json",
        "cut.jsonl",
        "spans.json",
        "--out",
        "c",
        "--json",
    ]);
    let report = said.json();
    assert_eq!(report["formats"], json!({"openai": 4, "otel": 1}));
    assert_eq!(report["unusable"], json!({"not_json": 1}));
    assert_eq!(lines(&desk, "c").len(), 5);
}

/// Exit code 2, one clear message, nothing written and nothing lost.
#[test]
fn what_cannot_be_done_is_said() {
    let desk = Desk::new();
    desk.file("log.jsonl", log())
        .file("junk.log", "{\"level\": \"info\", \"bob@example.com\": 1}\nplain text\n");
    desk.file("empty.jsonl", "").file("names.txt", "\n").file("sub/x", "");
    std::fs::hard_link(desk.path("log.jsonl"), desk.path("link.jsonl")).expect("a link");
    let before = files(&desk);
    let mut all = String::new();
    for args in [
        &["log.jsonl"][..],
        &["--out", "c"],
        &["log.jsonl", "--out", "log.jsonl"],
        &["log.jsonl", "--out", "./sub/../log.jsonl"],
        &["log.jsonl", "--out", "link.jsonl"],
        &["log.jsonl", "--out", "c", "--report", "log.jsonl"],
        &["log.jsonl", "--out", "c", "--report", "./c"],
        &["log.jsonl", "--out", "sub"],
        &["log.jsonl", "--out", "no/c"],
        &["no.jsonl", "--out", "c"],
        &["sub", "--out", "c"],
        &["junk.log", "--out", "c"],
        &["empty.jsonl", "--out", "c"],
        &["log.jsonl", "--out", "c", "--remove", "mail"],
        &["log.jsonl", "--out", "c", "--format", "csv"],
        &["log.jsonl", "--out", "c", "--format", "otel"],
        &["log.jsonl", "--out", "c", "--names", "names.txt"],
        &["log.jsonl", "--out", "c", "--names", "no.txt"],
        &["log.jsonl", "--out", "c", "--names", "names.txt", "--keep", "name"],
        &["log.jsonl", "--out", "c", "--min-tokens", "9", "--max-tokens", "8"],
        &["log.jsonl", "--out", "c", "--min-tokens", "900"],
    ] {
        let said = desk.floodline(&[&["corpus", "build"], args].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {said:?}");
        nothing_planted(&said, &[]);
        all.push_str(&format!("$ floodline corpus build {}\n{}\n", args.join(" "), said.err));
    }
    assert_eq!(files(&desk), before);
    assert_eq!(std::fs::read_to_string(desk.path("log.jsonl")).expect("the log"), log());
    insta::assert_snapshot!(all);
}

/// Regression: a device as the place of the corpus was replaced by a file, which destroyed it.
#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let desk = Desk::new();
    desk.file("log.jsonl", log());
    for (device, code) in [("/dev/null", 0), ("/dev/full", 1)] {
        let link = desk.path("place");
        std::os::unix::fs::symlink(device, &link).expect("a link can be made");
        let said = desk.floodline(&["corpus", "build", "log.jsonl", "--out", "place"]);
        assert_eq!(said.code, code, "{said:?}");
        assert_eq!(std::fs::read_link(&link).expect("it is still a link"), std::path::Path::new(device));
        assert_eq!(said.err.contains("cannot write place"), code == 1, "{said:?}");
        std::fs::remove_file(&link).expect("it is there");
    }
    assert_eq!(files(&desk), ["log.jsonl"]);
}

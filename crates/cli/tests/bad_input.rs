//! What is said when something is wrong beforehand: one clear message each, exit code 2, nothing sent, nothing
//! left behind.

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::net::TcpListener;

use support::{Desk, base, good, saying, server};

/// Runs all of these and shows what was said, one below the other.
fn said(desk: &Desk, commands: &[&[&str]]) -> String {
    let mut all = String::new();
    for args in commands {
        let said = desk.floodline(args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert_eq!(said.out, "", "{args:?}");
        assert!(!desk.path("runs").exists(), "{args:?}");
        all.push_str(&format!("$ floodline {}\n{}\n", args.join(" "), said.err));
    }
    all
}

#[test]
fn scenarios() {
    let desk = Desk::new();
    let scenarios = [
        ("unknown-key.yaml", "target:\n  stub: {}\n  modle: m\n"),
        ("wrong-type.yaml", "target: {stub: {}}\nload: {users: two, requests: 3}\n"),
        ("wrong-shape.yaml", "target:\n  stub: instant\n"),
        ("literal-key.yaml", "target: {url: 'http://127.0.0.1:1/v1', model: m, key: sk-abcdefghijklmnop}\n"),
        ("unset-key.yaml", "target: {url: 'http://127.0.0.1:1/v1', model: m, key: '${env:UNSET_KEY}'}\n"),
        ("no-target.yaml", "load: {users: 2}\n"),
        ("broken.yaml", "target: {stub: {}}\nload: {users: 2}\n  more: [\n"),
        ("empty.yaml", ""),
    ];
    let commands: Vec<[&str; 2]> = scenarios
        .iter()
        .map(|(name, text)| {
            desk.file(name, text);
            ["run", *name]
        })
        .collect();
    let commands: Vec<&[&str]> = commands.iter().map(|c| c.as_slice()).collect();
    insta::assert_snapshot!(said(&desk, &commands));
}

/// Regression (`no-ca.yaml`): a CA file that is missing was said without where it is named.
#[test]
fn files_that_a_scenario_names() {
    let desk = Desk::new();
    desk.file("no-prompts.yaml", "target: {stub: {}}\nprompts: {file: no.jsonl}\n");
    desk.file("no-trace.yaml", "target: {stub: {}}\nload: {replay: no.csv}\n");
    desk.file("no-ca.yaml", "target:\n  url: https://127.0.0.1:1/v1\n  model: m\n  ca_file: no.pem\n");
    desk.file("folder.yaml", "target: {stub: {}}\nprompts: {file: sub}\n").file("sub/x", "");
    desk.file("sub/elsewhere.yaml", "target: {stub: {}}\nprompts: {file: no.jsonl}\n");
    desk.file("line3.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n{\"promt\": \"c\"}\n");
    desk.file("trace.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-14 15:42:07.2180246,many,7\n");
    desk.file("bad-trace.yaml", "target: {stub: {}}\nload: {replay: trace.csv}\n");
    insta::assert_snapshot!(said(
        &desk,
        &[
            &["run", "missing.yaml"],
            &["run", "sub"],
            &["run", "no-prompts.yaml"],
            &["run", "sub/elsewhere.yaml"],
            &["run", "no-trace.yaml"],
            &["run", "no-ca.yaml"],
            &["run", "folder.yaml"],
            &["run", "bad-trace.yaml"],
            &["run", "--url", "stub:", "--prompts", "line3.jsonl"],
            &["run", "--url", "stub:", "--prompts", "no.jsonl"],
            &["run", "--url", "https://127.0.0.1:1/v1", "--model", "m", "--ca-file", "no.pem"],
            &["run", "--url", "https://127.0.0.1:1/v1", "--model", "m", "--ca-file", "no-ca.yaml"],
        ]
    ));
}

#[test]
fn options() {
    insta::assert_snapshot!(said(
        &Desk::new(),
        &[
            &["run"],
            &["run", "--url", "127.0.0.1:8000/v1", "--model", "m"],
            &["run", "--url", "http://127.0.0.1:1/v1"],
            &["run", "--url", "stub:nope"],
            &["run", "--url", "http://me:secret@127.0.0.1:1/v1", "--model", "m"],
            &["run", "--url", "http://127.0.0.1:1/v1?api-key=secret", "--model", "m"],
            &["run", "--url", "stub:", "--rate", "many"],
            &["run", "--url", "stub:", "--rate", "5", "--concurrency", "2"],
            &["run", "--url", "stub:", "--requests", "0"],
            &["run", "--url", "stub:", "--duration", "5"],
            &["run", "--url", "stub:", "--key-env", "UNSET_KEY"],
            &["run", "--url", "stub:", "--header", "no colon"],
            &["run", "--url", "stub:", "--header", "Authorization: Bearer sk-literal"],
            &["run", "--url", "stub:", "--api", "telepathy"],
            &["stub", "--profile", "nope"],
            &["stub", "--ttft", "5"],
            &["stub", "--key", "env:UNSET_KEY"],
        ]
    ));
}

#[test]
fn targets() {
    // Bound and dropped: nobody listens there now.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plain = base(server(|_, mut peer| {
        peer.say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        peer.wait_for_close();
    }));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    insta::with_settings!({filters => vec![(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"), (r"--port \d+", "--port PORT")]}, {
        insta::assert_snapshot!(said(
            &Desk::new(),
            &[
                &["run", "--url", &base(free), "--model", "m"],
                &["run", "--url", &plain.replace("http:", "https:"), "--model", "m"],
                &["stub", "--port", &taken],
            ]
        ));
    });
}

#[test]
fn folders() {
    let desk = Desk::new();
    desk.file("full/x", "").file("junk/run.json", "{}").file("junk/plan.json", "{}");
    let url = saying(good());
    let run = ["run", "--url", &url, "--model", "m", "-n", "1", "--out"];
    let into = |out: &'static str| [&run[..], &[out]].concat();
    insta::with_settings!({filters => vec![(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT")]}, {
        insta::assert_snapshot!(said(
            &desk,
            &[
                &into("full"),
                &into("full/x"),
                &["report", "missing"],
                &["report", "full"],
                &["report", "full/x"],
                &["report", "junk"],
            ]
        ));
    });
}

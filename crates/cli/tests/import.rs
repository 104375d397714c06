//! `floodline import` through the binary: where text comes from, where it goes, and what is said beside it.

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::io::Write;
use std::process::Stdio;

use support::Desk;

const CURL: &str = "curl http://127.0.0.1:8000/v1/chat/completions -H 'Authorization: Bearer canary-key-1' \
                    -d '{\"model\": \"m\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}'\n";

#[test]
fn a_scenario_is_printed_and_notes_stand_beside_it() {
    let desk = Desk::new();
    desk.file("ask.sh", CURL);
    let said = desk.floodline(&["import", "curl", "ask.sh"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("api: openai-chat\n") && said.out.contains("key: ${env:API_KEY}\n"),
        "{}",
        said.out
    );
    assert!(said.err.contains("note: set API_KEY before the run"), "{}", said.err);
    assert!(!format!("{said:?}").contains("canary"), "{said:?}");
}

#[test]
fn standard_input_is_read_and_what_is_made_of_it_can_be_planned() {
    let desk = Desk::new();
    let mut command = desk.command(&["import", "curl", "-", "--out", "made.yaml"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(CURL.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let said = desk.floodline(&["plan", "made.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn nothing_is_replaced_without_force() {
    let desk = Desk::new();
    desk.file("ask.sh", CURL).file("there.yaml", "mine");
    let refused = desk.floodline(&["import", "curl", "ask.sh", "--out", "there.yaml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("add --force"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(desk.path("there.yaml")).unwrap(), "mine");
    let forced = desk.floodline(&["import", "curl", "ask.sh", "--out", "there.yaml", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert!(std::fs::read_to_string(desk.path("there.yaml")).unwrap().contains("target:"));
    let itself = desk.floodline(&["import", "curl", "ask.sh", "--out", "ask.sh", "--force"]);
    assert_eq!(itself.code, 2, "{itself:?}");
}

#[test]
fn what_cannot_be_read_is_usage() {
    let desk = Desk::new();
    desk.file("bytes.har", [0xff, 0xfe]).file("empty.sh", "");
    for (args, says) in [
        (["import", "har", "bytes.har"], "not UTF-8"),
        (["import", "openapi", "none.yaml"], "no such file"),
        (["import", "curl", "empty.sh"], "no curl command"),
    ] {
        let said = desk.floodline(&args);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(says) && said.out.is_empty(), "{said:?}");
    }
}

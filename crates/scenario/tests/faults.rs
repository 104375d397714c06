//! Faults of the built-in provider: what can be said of them, and where a mistake is.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use floodline_core::faults::{Fault, Faults, Key};
use floodline_core::plan::Address;
use floodline_scenario::{Source, read_faults};
use support::World;

fn of(text: &str) -> Faults {
    let resolved = World::new()
        .resolve(&format!("target: {{stub: {{faults: {text}}}}}\nprompts: {{text: hi}}\n"))
        .unwrap();
    match resolved.plan.target.address {
        Address::Stub(stub) => stub.faults,
        Address::Url(url) => panic!("{url}"),
    }
}

fn lines(lines: &[&str]) -> Faults {
    Faults::new(lines.iter().map(|line| line.parse::<Fault>().unwrap()).collect()).unwrap()
}

#[test]
fn mappings_and_lines_say_the_same() {
    let written = of("[{kind: status, status: 529, rate: 5%, from: 10s, until: 40s, model: gpt-4o}, \
          {kind: stall, after_tokens: 20, for: 10s, nth: [3, 7]}, {kind: outage, from: 1m, for: 30s}, \
          {kind: slow, factor: 1.5, nth: 4..9}, {kind: refuse, nth: 2}, \
          {kind: disconnect, how: close, every_nth: 10, every: 5m, for: 1m}, \
          status 503 retry_after 2s message Too bad.]");
    let expected = lines(&[
        "status 529 rate 5% from 10s until 40s model gpt-4o",
        "stall after 20 tokens for 10s nth 3,7",
        "outage from 1m for 30s",
        "slow 1.5x nth 4..9",
        "refuse nth 2",
        "disconnect close every_nth 10 for 1m every 5m",
        "status 503 retry_after 2s message Too bad.",
    ]);
    assert_eq!(written, expected);
    assert!(of("[]").is_empty());
}

#[test]
fn a_key_stays_a_reference() {
    let faults = of("[{kind: timeout, key: '${env:KEY}'}]");
    assert_eq!(faults.get(0).unwrap().when.key, Some(Key::Env("KEY".into())));
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let error = |faults: &str| {
        World::new().error(&format!("target:\n  stub:\n    faults:\n{faults}\nprompts: {{text: hi}}\n"))
    };
    for (faults, place, words) in [
        ("      - {kind: stal}", "load.yaml:4:16", "did you mean `stall`?"),
        ("      - timeout\n      - {kind: status, status: 200}", "load.yaml:5:32", "from 400 to 599"),
        ("      - {kind: timeout, rate: 5}", "load.yaml:4:31", "write a percentage above zero"),
        (
            "      - {kind: timeout, after_tokens: 5}",
            "load.yaml:4:39",
            "says nothing to a fault of kind `timeout`",
        ),
        ("      - {kind: stall, nth: [0]}", "load.yaml:4:28", "counted from 1"),
        ("      - {kind: slow}", "load.yaml:4:9", "needs a `delay` or a `factor`"),
        ("      - stall for", "load.yaml:4:9", "`for` has no value"),
        ("      - {kind: timeout, rat: 5%}", "load.yaml:4:25", "did you mean `rate`?"),
        ("      - {kind: timeout, key: '${env:OTHER}'}", "load.yaml:4:30", "OTHER is not set"),
        ("      - {kind: outage, model: m}", "load.yaml:4:31", "leave `model` out"),
        ("      5", "load.yaml:4:7", "`faults` must be a list"),
    ] {
        let said = error(faults);
        assert!(said.contains(place) && said.contains(words), "{faults}\n{said}");
    }
    let elsewhere = World::new().error("target: {stub: {}}\nprompts: {text: hi}\nfaults: [timeout]\n");
    assert!(elsewhere.contains("`faults` belongs to the built-in provider"), "{elsewhere}");
    let secret = error("      - {kind: timeout, key: sk-very-secret}");
    assert!(secret.contains("${env:NAME}") && !secret.contains("very-secret"), "{secret}");
    let secret = error("      - timeout key sk-very-secret");
    assert!(secret.contains("${env:NAME}") && !secret.contains("very-secret"), "{secret}");
}

#[test]
fn a_file_is_a_list_or_the_block() {
    let read = |text| read_faults(&Source { name: "faults.yaml", text }, &World::new());
    let expected = lines(&["status 500", "length 5"]);
    assert_eq!(read("- status 500\n- {kind: length, after_tokens: 5}\n").unwrap(), expected);
    assert_eq!(read("faults:\n  - status 500\n  - length 5\n").unwrap(), expected);
    for (text, words) in [
        ("", "faults"),
        ("5", "a file of faults is a list of them"),
        ("fault: []", "faults"),
        ("- {kind: stal}", "faults.yaml:1:10"),
        ("- [timeout]", "a mapping such as {kind: status"),
    ] {
        let said = read(text).unwrap_err().to_string();
        assert!(said.contains(words), "{text}: {said}");
    }
}

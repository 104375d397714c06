//! The examples through the binary: each can be planned, and one is run.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::path::{Path, PathBuf};

use support::Desk;

fn example(name: &str) -> String {
    folder().join(name).to_str().unwrap().to_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[test]
fn every_example_can_be_planned() {
    let desk = Desk::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".yaml") {
            continue;
        }
        let said = desk.floodline(&["plan", &example(&name)]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        assert!(said.out.contains("\nload "), "{name}: {said:?}");
        seen += 1;
    }
    assert!(seen >= 18, "{seen} examples");
}

/// Fewer than 100 requests, so that a busy machine cannot make it invalid.
#[test]
fn the_bounded_bill_is_kept_and_told() {
    let desk = Desk::new();
    let bill = example("bounded-bill.yaml");
    let said = desk.floodline(&["run", &bill, "--duration", "1s", "--json", "--out", "r"]);
    let summary = said.json();
    assert_eq!((said.code, summary["verdict"]["status"].as_str()), (0, Some("pass")), "{said:?}");
    // Ten requests of 400 tokens at $0.15 and 60 at $0.60 for a million.
    assert_eq!(summary["cost"]["spent_usd"], "0.00096", "{}", summary["cost"]);
    assert_eq!(summary["objectives"].as_array().map(Vec::len), Some(3));
}

/// Every example that goes through a flow, speaks an API of its own, or has several targets does what it says: what is
/// asked is answered, and passes its checks. Whether a busy machine measured well is not asked here, nor how many it
/// managed; the seed fixes how many journeys start.
#[test]
fn journeys_and_applications_do_what_they_say() {
    let desk = Desk::new();
    for name in [
        "chat-history",
        "retrieval-citations",
        "agent-tools",
        "streaming-ttft",
        "own-application",
        "mixed-traffic",
        "own-judge",
    ] {
        let file = example(&format!("{name}.yaml"));
        let mut arguments = vec!["run", &file, "--json", "--seed", "1", "--out", name];
        // The last stage of the others ends on its own.
        if name != "streaming-ttft" {
            arguments.extend(["--duration", "1s"]);
        }
        let said = desk.floodline(&arguments);
        let summary = said.json();
        let outcomes = &summary["requests"]["by_outcome"];
        let others: Vec<_> = outcomes
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, n)| !matches!(name.as_str(), "ok" | "cancelled") && n.as_u64() != Some(0))
            .collect();
        assert!(others.is_empty(), "{name}: {others:?} {said:?}");
        assert!(outcomes["ok"].as_u64() > Some(0), "{name}: {outcomes}");
        if let Some(journeys) = summary.get("journeys") {
            assert_eq!(journeys["failed"], 0, "{name}: {journeys}");
            assert!(journeys["completed"].as_u64() > Some(0), "{name}: {journeys}");
        }
        assert!([0, 4].contains(&said.code), "{name}: {said:?}");
    }
}

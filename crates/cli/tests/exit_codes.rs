//! Every exit code of design and help, each from the thing that it stands for.

#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use support::{Desk, Peer, Said, base, good, json, saying, server};

#[test]
fn a_run_in_which_a_request_was_ok_passes() {
    let said = Desk::new().floodline(&["run", "--url", "stub:", "-n", "3"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.summary().starts_with("PASS "), "{said:?}");
}

#[test]
fn what_cannot_be_understood_is_2_and_leaves_nothing_behind() {
    let desk = Desk::new();
    assert_eq!(desk.floodline(&["run", "--url", "stub:nope", "--out", "r"]).code, 2);
    assert_eq!(desk.floodline(&["run", "--nonsense"]).code, 2);
    assert!(!desk.path("r").exists());
}

#[test]
fn a_run_in_which_nothing_was_ok_fails() {
    let url = saying(json("503 Busy", "{}"));
    let said = Desk::new().floodline(&["run", "--url", &url, "--model", "m", "-n", "3"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.summary().starts_with("FAIL "), "{said:?}");
}

#[test]
fn a_run_that_this_machine_could_not_carry_is_invalid() {
    let url = base(server(|_, mut peer: Peer| {
        peer.request();
        peer.wait_for_close();
    }));
    let args = ["run", "--url", &url, "--model", "m", "--rate", "600/s", "-n", "120", "--timeout", "500ms"];
    let output =
        Desk::new().command_with_descriptors(64, &[&args[..], &["--json"]].concat()).output().unwrap();
    let said = Said::of(output);
    assert_eq!(said.code, 4, "{said:?}");
    let summary = said.json();
    assert_eq!(summary["verdict"]["status"], "invalid");
    assert_eq!(summary["requests"]["planned"], 120);
    let counts = &summary["requests"]["by_outcome"];
    let (unsent, late) = (counts["not_sent"].as_u64().unwrap(), counts["timeout"].as_u64().unwrap());
    assert!(unsent > 50 && late > 0 && unsent + late == 120, "{counts}");
}

#[test]
fn a_load_that_cannot_fit_is_refused_with_the_numbers() {
    let desk = Desk::new();
    let args = ["run", "--url", "stub:", "--concurrency", "100", "-n", "100", "--out", "r"];
    let said = Said::of(desk.command_with_descriptors(64, &args).output().unwrap());
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("100 users need 264 file descriptors") && said.err.contains("is 64"),
        "{said:?}"
    );
    assert!(!desk.path("r").exists());
}

#[test]
fn a_limit_of_the_scenario_is_5() {
    let desk = Desk::new();
    desk.file("s.yaml", "target: {stub: {}}\nload: {users: 2, requests: 1000}\nlimits: {requests: 7}\n");
    let said = desk.floodline(&["run", "s.yaml", "--json"]);
    assert_eq!((said.code, &said.json()["requests"]["ok"]), (5, &7.into()), "{said:?}");
}

/// Regression: a run that was over before the dispatcher's next look ended as if it had no limit.
#[test]
fn a_limit_that_was_reached_between_two_looks_is_5_too() {
    let desk = Desk::new();
    let url = saying(json("500 Oops", "{}"));
    let scenario = format!(
        "target: {{url: '{url}', model: m}}\nload: {{users: 1, requests: 5}}\nlimits: {{errors: 2}}\n"
    );
    desk.file("s.yaml", scenario);
    let said = desk.floodline(&["run", "s.yaml"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.summary().starts_with("STOPPED "), "{said:?}");
}

/// Regression: the figures of a run whose files could not be written were never shown.
#[test]
fn a_run_that_cannot_be_kept_is_shown_all_the_same_and_is_1() {
    let desk = Desk::new();
    let in_the_way = desk.path("r/report.html");
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            let _ = std::fs::create_dir(&in_the_way);
            peer.say(good());
        }
    }));
    let said = desk.floodline(&["run", "--url", &url, "--model", "m", "-n", "2", "--out", "r"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.summary().contains("All 2 requests were ok"), "{said:?}");
    assert!(said.err.contains("error: cannot write r/report.html"), "{said:?}");
    // A folder with a summary is a complete one; this one is completed once it can be.
    assert!(!desk.path("r/summary.json").exists());
    std::fs::remove_dir(desk.path("r/report.html")).unwrap();
    let again = desk.floodline(&["report", "r"]);
    assert_eq!((again.code, again.out.as_str()), (0, said.summary()));
    assert!(desk.path("r/summary.json").exists() && desk.path("r/report.html").is_file());
}

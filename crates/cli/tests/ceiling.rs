//! `floodline ceiling` through the binary: short searches of the built-in provider, bad options, Ctrl-C.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use floodline_core::Plan;
use floodline_core::ceiling::{Bound, Ceiling, Status};
use floodline_core::plan::Load;
use floodline_core::schedule::Shape;
use rustix::process::Signal;
use support::{Desk, Peer, base, good, json, server};

/// Short trials; what a loaded machine does to the generator is another test's business.
const SHORT: [&str; 6] = ["--trial", "2s", "--min-trial", "500ms", "--resolution", "10%"];

/// A built-in provider that lets through 20 requests a second and has an allowance of 10.
const LIMITED: &str = "\
name: limited
target:
  stub: {ttft: 5ms, gap: 0s, limits: {limits: [{dimension: requests, value: 20, window: 1s, algorithm: bucket, burst: 10}]}}
  model: m
prompts: {input_tokens: 10, output_tokens: 2}
load: {hold: 5/s, for: 5s}
objectives: errors rate < 10%
health: {late_p99: 10s, lag_p99: 10s}
";

fn answer(desk: &Desk, folder: &str) -> Ceiling {
    serde_json::from_slice(&std::fs::read(desk.path(folder).join("ceiling.json")).unwrap()).unwrap()
}

#[test]
fn a_limiter_is_found_and_named_and_everything_is_kept() {
    let desk = Desk::new();
    desk.file("limited.yaml", format!("{LIMITED}ceiling: {{need: 8/s, from: 1/s}}\n"));
    let args = ["ceiling", "limited.yaml", "--from", "10/s", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    let found = answer(&desk, "c");
    assert_eq!((said.code, found.status), (0, Status::Found), "{said:?}");
    // Within the resolution, and what a machine that is busy elsewhere takes of the evenness of requests.
    let value = found.value.unwrap();
    assert!((14.0..=25.0).contains(&value), "{said:?}");
    assert!(matches!(found.bound_by, Some(Bound::Limit { .. })), "{said:?}");
    assert!(found.headroom.is_some_and(|headroom| headroom.met), "{said:?}");
    assert!(said.out.contains("its rate limiter"), "{said:?}");
    let page = std::fs::read_to_string(desk.path("c/ceiling.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("its rate limiter"), "{page}");
    // Each trial is a run that can be looked at again, and had another seed.
    let seed = |number: usize| {
        let plan = std::fs::read(desk.path(&format!("c/trials/{number:02}/plan.json"))).unwrap();
        serde_json::from_slice::<serde_json::Value>(&plan).unwrap()["seed"].as_u64().unwrap()
    };
    let seeds: std::collections::BTreeSet<u64> = (1..=found.trials.len()).map(seed).collect();
    assert_eq!(seeds.len(), found.trials.len());
    // A trial's folder holds the scenario of that trial: the same requests at the same times, until it was ended.
    let plan_of = |folder: &str| -> Plan {
        let plan = std::fs::read(desk.path(&format!("{folder}/plan.json"))).unwrap();
        serde_json::from_slice(&plan).unwrap()
    };
    let (number, flooded) = found.trials.iter().enumerate().find(|(_, trial)| trial.flooded).unwrap();
    let folder = format!("c/trials/{:02}", number + 1);
    let again = desk.floodline(&["run", &format!("{folder}/scenario.yaml"), "--quiet", "--out", "again"]);
    assert!(desk.path("again/plan.json").exists(), "{again:?}");
    let (was, is) = (plan_of(&folder), plan_of("again"));
    assert_eq!((&was.name, was.seed, &was.objectives), (&is.name, is.seed, &is.objectives));
    let (Load::Open { stages: was, .. }, Load::Open { stages: is, .. }) =
        (&was.scenarios[0].load, &is.scenarios[0].load)
    else {
        panic!("{is:?}")
    };
    assert_eq!(was[0], is[0]);
    let Shape::Hold { rate, length: Some(length) } = is[1].shape else { panic!("{is:?}") };
    assert_eq!(rate.as_per_second(), flooded.load);
    assert!((length.as_secs_f64() - flooded.seconds).abs() < 1e-6, "{length}");
    let report = desk.floodline(&["report", "c/trials/01"]);
    assert_eq!(report.code, 0, "{report:?}");
    assert!(!report.out.contains("STOPPED"), "{report:?}");
}

#[test]
fn what_is_needed_and_not_there_is_a_failure() {
    let desk = Desk::new();
    desk.file("limited.yaml", LIMITED);
    let args =
        ["ceiling", "limited.yaml", "--from", "16/s", "--need", "200/s", "--json", "--quiet", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    assert_eq!(said.code, 3, "{said:?}");
    let printed: Ceiling = serde_json::from_str(&said.out).unwrap();
    assert_eq!(printed, answer(&desk, "c"));
    assert!(printed.headroom.is_some_and(|headroom| !headroom.met), "{said:?}");
}

#[test]
fn nothing_fails_up_to_the_maximum() {
    let desk = Desk::new();
    let args = ["ceiling", "--url", "stub:", "--by", "users", "--to", "2", "--max-tokens", "2", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    let found = answer(&desk, "c");
    assert!(said.out.contains("errors rate < 1% (assumed: none speaks of errors)"), "{said:?}");
    // A machine that is busy elsewhere may have made the generator late; then that is what it says.
    match found.status {
        Status::Unbounded => assert_eq!((said.code, found.value), (0, Some(2.0)), "{said:?}"),
        status => assert_eq!((said.code, status), (4, Status::Invalid), "{said:?}"),
    }
}

#[test]
fn a_target_that_answers_nobody_has_no_ceiling() {
    let desk = Desk::new();
    let failing = json("500 Internal Server Error", r#"{"error":{"message":"broken"}}"#);
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(&failing);
        }
    }));
    let args = ["ceiling", "--url", &url, "--model", "m", "--by", "rate", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    assert_eq!((said.code, answer(&desk, "c").status), (3, Status::Nothing), "{said:?}");
    assert!(said.out.contains("No load meets the objectives"), "{said:?}");
    assert_eq!(answer(&desk, "c").trials.len(), 1, "{said:?}");
}

#[test]
fn a_key_that_is_not_taken_is_said_after_the_first_trial() {
    let desk = Desk::new();
    let refusing = json("401 Unauthorized", r#"{"error":{"message":"Incorrect API key provided"}}"#);
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(&refusing);
        }
    }));
    for by in ["rate", "users"] {
        let args = ["ceiling", "--url", &url, "--model", "m", "--by", by, "--out", by];
        let said = desk.floodline(&[&args, &SHORT[..]].concat());
        assert_eq!((said.code, answer(&desk, by).trials.len()), (2, 1), "{said:?}");
        assert!(said.err.contains("client_error, status 401: Incorrect API key provided"), "{said:?}");
        assert!(said.err.contains("no key was sent. Name the environment variable"), "{said:?}");
        assert!(!said.out.contains("No load meets"), "{said:?}");
    }
}

#[test]
fn connections_that_are_all_cut_are_said_after_the_first_trial() {
    let desk = Desk::new();
    let url = base(server(|_, _: Peer| {}));
    let args = ["ceiling", "--url", &url, "--model", "m", "--by", "rate", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    assert_eq!((said.code, answer(&desk, "c").trials.len()), (2, 1), "{said:?}");
    assert!(said.err.contains("no request was answered: connection"), "{said:?}");
}

#[test]
fn a_rule_that_ends_a_trial_fails_its_load_and_does_not_end_the_search() {
    let desk = Desk::new();
    let rule = "limits: {stop_when: [\"errors rate > 30% over 1s\"]}\n";
    desk.file("limited.yaml", format!("{LIMITED}{rule}"));
    let args = ["ceiling", "limited.yaml", "--from", "10/s", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    let found = answer(&desk, "c");
    assert_eq!(found.stopped, None, "{said:?}");
    assert!(found.trials.iter().any(|t| matches!(t.bound, Some(Bound::Rule { .. }))), "{said:?}");
}

#[test]
fn limits_hold_over_all_trials() {
    let desk = Desk::new();
    desk.file("limited.yaml", format!("{LIMITED}limits: {{requests: 60}}\n"));
    let args = ["ceiling", "limited.yaml", "--from", "10/s", "--out", "c"];
    let said = desk.floodline(&[&args, &SHORT[..]].concat());
    let found = answer(&desk, "c");
    assert_eq!((said.code, found.status), (5, Status::Stopped), "{said:?}");
    let sent: u64 = (1..=found.trials.len())
        .map(|number| {
            let text = std::fs::read(desk.path(&format!("c/trials/{number:02}/summary.json"))).unwrap();
            let summary: serde_json::Value = serde_json::from_slice(&text).unwrap();
            summary["requests"]["sent"].as_u64().unwrap() + summary["requests"]["warmup"].as_u64().unwrap()
        })
        .sum();
    assert!(sent <= 60, "{sent}: {said:?}");
    // The limit is the one that was set, not what earlier trials had left of it.
    let why = "the requests of all trials had reached 60";
    assert_eq!(found.stopped.as_deref(), Some(why), "{said:?}");
    assert_eq!(found.trials.last().and_then(|t| t.cut.as_deref()), Some(why), "{said:?}");
}

#[test]
fn a_target_that_goes_away_is_not_taken_for_the_generator() {
    let desk = Desk::new();
    let mut stub = desk.start(&["stub", "--port", "0"]);
    let mut said = stub.out.by_ref().map_while(Result::ok);
    let url =
        said.find_map(|line| line.split_whitespace().find(|w| w.starts_with("http://")).map(str::to_owned));
    desk.file(
        "away.yaml",
        format!(
            "target: {{url: '{}', model: m}}\nprompts: {{input_tokens: 10, output_tokens: 2}}\nload: {{users: 1, for: 5s}}\n\
             health: {{late_p99: 10s, lag_p99: 10s}}\n",
            url.unwrap()
        ),
    );
    let mut going = desk.start(&[&["ceiling", "away.yaml", "--out", "c"], &SHORT[..]].concat());
    // A trial's line on the screen comes when it is over.
    assert!(going.out.by_ref().map_while(Result::ok).any(|line| line.trim_start().starts_with("1  ")));
    drop(stub);
    let said = going.end();
    let found = answer(&desk, "c");
    assert_eq!((said.code, found.status), (5, Status::Stopped), "{said:?}");
    let why = found.stopped.as_deref().unwrap();
    assert!(why.contains("could not begin: cannot connect to 127.0.0.1:"), "{said:?}");
    assert!(said.out.contains("The search ended early: trial "), "{said:?}");
    assert!(!found.trials.iter().any(|t| matches!(t.bound, Some(Bound::Generator { .. }))), "{said:?}");
    assert!(desk.path("c/ceiling.html").exists(), "{said:?}");
}

#[test]
fn a_scenario_that_is_edited_meanwhile_changes_nothing() {
    let desk = Desk::new();
    desk.file("limited.yaml", LIMITED);
    let mut going =
        desk.start(&[&["ceiling", "limited.yaml", "--from", "10/s", "--out", "c"], &SHORT[..]].concat());
    assert!(going.out.by_ref().map_while(Result::ok).any(|line| line.trim_start().starts_with("1  ")));
    desk.file("limited.yaml", "target: {{ broken");
    let said = going.end();
    assert_eq!((said.code, answer(&desk, "c").status), (0, Status::Found), "{said:?}");
}

#[test]
fn bad_options_are_explained_before_anything_is_sent() {
    let desk = Desk::new();
    desk.file("limited.yaml", LIMITED);
    desk.file(
        "sessions.yaml",
        "target: {stub: {profile: instant}, model: m}\nload: {sessions: 1/s, for: 5s, iterations: 2}\n",
    );
    for (args, words) in [
        (vec!["limited.yaml", "--by", "speed"], "--by: `speed` is neither rate nor users"),
        (vec!["limited.yaml", "--from", "fast"], "--from: `fast` is not a rate"),
        (vec!["limited.yaml", "--by", "users", "--to", "5/s"], "--to: `5/s` is not a number of users"),
        (
            vec!["limited.yaml", "--from", "9/s", "--to", "3/s"],
            "the search is to start at 9, above its end at 3",
        ),
        (
            vec!["limited.yaml", "--resolution", "90%"],
            "--resolution: `90%` is not a share from 0.1 % to 50 %",
        ),
        (vec!["limited.yaml", "--trial", "2s", "--min-trial", "5s"], "is longer than the longest, 2.00 s"),
        (
            vec!["limited.yaml", "--to", "10/s", "--need", "20/s"],
            "end at 10/s, below the need of 20/s: it could not tell whether that is met",
        ),
        // Nobody said by what, but a rate is none of users.
        (vec!["--url", "stub:", "--to", "10/s", "--need", "20/s"], "end at 10/s, below the need of 20/s"),
        (vec!["limited.yaml", "--max-time", "soon"], "--max-time: `soon` is not a duration"),
        (vec!["limited.yaml", "--trial", "0s"], "--trial: it must be above zero"),
        (vec!["sessions.yaml"], "this scenario's load is sessions"),
        (vec!["--url", "stub:", "-n", "50"], "limits: {requests: N}"),
        (vec!["--url", "stub:", "-d", "5s"], "--duration is about one run"),
        (vec!["limited.yaml", "-d", "5s"], "--max-time bounds the whole search"),
        (vec!["--url", "stub:", "--warmup", "5s"], "--warmup is about one run"),
        (vec![], "what is to be loaded?"),
    ] {
        let said = desk.floodline(&[vec!["ceiling", "--out", "c"], args.clone()].concat());
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert!(said.err.contains(words), "{args:?}: {said:?}");
        assert!(!desk.path("c").exists(), "{args:?}");
    }
}

#[test]
fn an_unbounded_bill_wants_to_be_confirmed() {
    let desk = Desk::new();
    let url = base(server(|_, mut peer: Peer| while peer.request().is_some() {}));
    let scenario = format!(
        "target: {{url: '{url}', model: m}}\nprompts: {{input_tokens: 10, output_tokens: 5}}\nprices: {{input: $1, output: $2}}\n"
    );
    desk.file("priced.yaml", scenario);
    let said = desk.floodline(&["ceiling", "priced.yaml", "--out", "c"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("nothing bounds what this search can cost"), "{said:?}");
}

#[test]
fn ctrl_c_ends_with_what_is_known() {
    let desk = Desk::new();
    let url = base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(good());
        }
    }));
    let args =
        ["ceiling", "--url", &url, "--model", "m", "--by", "users", "--trial", "60s", "--min-trial", "50s"];
    let mut going = desk.start(&[&args[..], &["--out", "c"]].concat());
    // The first trial is under way when its first line is there.
    going.wait_for_note("trial  1");
    going.signal(Signal::INT);
    going.wait_for_note("ending: waiting for the requests in flight");
    let said = going.end();
    let found = answer(&desk, "c");
    assert_eq!((said.code, found.status), (130, Status::Interrupted), "{said:?}");
    assert!(said.out.contains("The search ended early: somebody interrupted it"), "{said:?}");
    assert!(desk.path("c/ceiling.html").exists() && desk.path("c/trials/01/summary.json").exists());
}

//! Programs of the user's own: what they change, refuse and judge, and that one that hangs holds nothing up.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::{Arc, Mutex};

use floodline_core::money::Usd;
use floodline_core::plan::{Hook, Load, Plan, UserStage};
use floodline_core::prices::{Prices, Rates};
use floodline_core::{Outcome, Phase, Record, Span};
use support::{Left, Peer, STREAM, done, endpoint, finish, plan, run_until, server, token};

/// Longer than any test lasts.
const HOUR: Span = Span::from_secs(3600);

/// A shell's script that is asked before requests, after answers, or both.
fn hook(script: &str, before: bool, after: bool) -> Hook {
    let command = ["sh", "-c", script].map(String::from).to_vec();
    Hook { command, folder: None, before, after, processes: 1, timeout: HOUR }
}

/// A plan of so many users with a request each, and such a program.
fn with(hook: Hook, users: u32) -> Plan {
    let mut plan = plan(users.into());
    let stages = vec![UserStage::new(users, None, Phase::Main)];
    plan.scenarios[0].load = Load::Closed { stages, requests: Some(users.into()) };
    plan.hook = Some(hook);
    plan
}

/// Runs it against a server that answers well; what that was sent.
fn run(plan: Plan, stops: impl Fn(&Record) -> u32) -> (Left, Vec<String>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let port = server(move |_, mut peer: Peer| {
        while let Some(request) = peer.request() {
            hears.lock().expect("nobody panicked").push(request);
            peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        }
    });
    let left =
        run_until(plan, endpoint(format!("http://127.0.0.1:{port}/v1")), stops).expect("it can be run");
    let heard = heard.lock().expect("nobody panicked").clone();
    (left, heard)
}

fn ends(left: &Left) -> Vec<(Outcome, &str)> {
    left.records.iter().map(|r| (r.outcome, r.error.as_deref().unwrap_or(""))).collect()
}

#[test]
fn what_a_program_says_before_a_request_is_what_is_sent() {
    let script = r#"while read -r line; do
        echo '{"headers": {"x-user": "7"}, "path": "/other?x=1", "body": {"max_tokens": 3}}'
    done"#;
    let (left, heard) = run(with(hook(script, true, false), 1), |_| 0);
    assert_eq!(ends(&left), [(Outcome::Ok, "")]);
    assert!(left.records[0].hook.is_some() && left.records[0].held >= left.records[0].hook);
    let [request] = heard.as_slice() else { panic!("{heard:?}") };
    assert!(request.starts_with("POST /other?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nx-user: 7\r\n"), "{request}");
    assert!(request.ends_with("\r\ncontent-length: 16\r\n\r\n{\"max_tokens\":3}"), "{request}");
}

#[test]
fn a_request_that_is_refused_is_not_sent() {
    let script = r#"while read -r line; do echo '{"error": "not today"}'; done"#;
    let (left, heard) = run(with(hook(script, true, true), 1), |_| 0);
    assert_eq!(ends(&left), [(Outcome::NotSent, "not today")]);
    assert_eq!(heard, [""; 0]);
}

#[test]
fn a_body_without_a_bound_is_not_sent_where_answers_are_limited() {
    let script = r#"while read -r line; do echo '{"body": {"messages": []}}'; done"#;
    let mut plan = with(hook(script, true, false), 1);
    let (left, _) = run(plan.clone(), |_| 0);
    assert_eq!(ends(&left), [(Outcome::Ok, "")]);
    let rate = Usd::dollars(1);
    plan.prices = Some(Prices::flat(Rates { input: rate, output: rate, ..Rates::default() }));
    plan.limits.spend = Some(Usd::dollars(100));
    let (left, heard) = run(plan, |_| 0);
    let [(Outcome::NotSent, why)] = ends(&left)[..] else { panic!("{:?}", ends(&left)) };
    assert!(why.contains("without a bound on its answer"), "{why}");
    assert_eq!(heard, [""; 0]);
}

#[test]
fn an_answer_is_judged_by_what_it_says() {
    let script = r#"while read -r line; do case "$line" in
        *'"text":"Hello"'*) echo '{"ok": false, "message": "too short"}';;
        *) echo '{"ok": true}';;
    esac; done"#;
    let (left, _) = run(with(hook(script, false, true), 1), |_| 0);
    assert_eq!(ends(&left), [(Outcome::CheckFailed, "too short")]);
    let (left, _) = run(with(hook(&script.replace("Hello", "Bye"), false, true), 1), |_| 0);
    assert_eq!(ends(&left), [(Outcome::Ok, "")]);
}

#[test]
fn a_program_that_hangs_fails_what_it_was_asked_and_the_run_ends() {
    let hook = Hook { timeout: Span::from_millis(50), ..hook("sleep 3600; true", false, true) };
    let (left, _) = run(with(hook, 2), |_| 0);
    for (outcome, why) in ends(&left) {
        assert_eq!(outcome, Outcome::CheckFailed);
        assert!(why.contains("did not answer within 50"), "{why}");
    }
    assert_eq!(left.records.len(), 2);
}

#[test]
fn a_run_that_is_stopped_does_not_wait_for_a_program_that_is_asked_before() {
    // Its first reply lets one request through; the other user's is asked about ever after.
    let script = "read -r line; echo '{}'; sleep 3600; true";
    let (left, heard) = run(with(hook(script, true, false), 2), |_| 1);
    let mut ends = ends(&left);
    ends.sort_by_key(|(outcome, _)| *outcome != Outcome::Ok);
    let held = (Outcome::NotSent, "the run ended while its program was asked");
    assert_eq!(ends, [(Outcome::Ok, ""), held]);
    assert_eq!(heard.len(), 1);
}

#[test]
fn an_answer_that_came_whole_stays_what_it_was_when_its_judge_is_given_up() {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("judges-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // The one that is asked first replies once the other has been asked too, and that one never does.
    let script = "read -r line
        if mkdir first; then until [ -e second ]; do sleep 0.01; done; echo '{\"ok\": true}'; else : > second; fi
        sleep 3600; true";
    let folder_name = Some(folder.to_string_lossy().into_owned());
    let judges = Hook { processes: 2, folder: folder_name, ..hook(script, false, true) };
    let (left, _) = run(with(judges, 2), |_| 2);
    assert_eq!(ends(&left), [(Outcome::Ok, ""), (Outcome::Ok, "")]);
    std::fs::remove_dir_all(&folder).unwrap();
}

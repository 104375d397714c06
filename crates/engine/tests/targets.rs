//! Several targets: who gets which request, with which key, and who stands in when one fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::{Arc, Mutex};

use floodline_core::plan::{Address, Plan, Split, Target};
use floodline_core::record::AttemptEnd;
use floodline_core::retry::{BreakerRule, Fallback, Policy, TriesByTarget, Waits, Whys};
use floodline_core::workload::{Ask, Rendered, Workload};
use floodline_core::{Outcome, Span};
use floodline_engine::Header;
use support::{Left, Peer, STREAM, done, endpoint, finish, plan, run_at, server, token};

/// Sends request i to target i modulo two, with the target's number as its body.
struct InTurn;

impl Workload for InTurn {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        self.render_for((ask.i % 2) as usize, ask, body)
    }

    fn render_for(&self, target: usize, _: Ask, body: &mut Vec<u8>) -> Rendered {
        *body = format!("{{\"for\":{target}}}").into_bytes();
        Rendered {
            target,
            prompt: 0,
            input_tokens: Some(3),
            input_bound: Some(9),
            max_tokens: Some(4),
            head: None,
        }
    }

    fn outline(&self, ask: Ask) -> Rendered {
        self.render(ask, &mut Vec::new())
    }
}

fn two(requests: u64, fallback: Option<usize>) -> Plan {
    let mut plan = plan(requests);
    let more = vec![Target::new(Address::Url(String::new()), "m")];
    let names = ["first", "second"].map(String::from).to_vec();
    plan.split = Some(Box::new(Split { names, weights: vec![1, 1], more, fallback }));
    plan
}

fn well(heard: Arc<Mutex<Vec<String>>>) -> impl Fn(usize, Peer) + Send + Sync {
    move |_, mut peer| {
        while let Some(request) = peer.request() {
            heard.lock().unwrap().push(request);
            peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        }
    }
}

fn refusing(_: usize, mut peer: Peer) {
    while peer.request().is_some() {
        peer.say("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n");
    }
}

fn run(plan: Plan, ports: [u16; 2], keys: &[&str]) -> Left {
    let of = |port: u16| {
        let mut endpoint = endpoint(format!("http://127.0.0.1:{port}/v1"));
        let key = |key: &&str| Header { name: "authorization".into(), value: format!("Bearer {key}") };
        endpoint.keys = keys.iter().map(key).collect();
        endpoint
    };
    run_at(Arc::new(InTurn), plan, ports.map(of).into()).expect("it can be run")
}

#[test]
fn each_target_gets_its_requests_in_its_own_form() {
    let heard = [Arc::default(), Arc::default()];
    let ports = heard.clone().map(|heard| server(well(heard)));
    let left = run(two(6, None), ports, &[]);
    let names: Vec<_> = left.records.iter().map(|r| r.target.as_deref().unwrap()).collect();
    assert_eq!(names, ["first", "second", "first", "second", "first", "second"]);
    for (number, heard) in heard.iter().enumerate() {
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 3);
        assert!(heard.iter().all(|request| request.ends_with(&format!("{{\"for\":{number}}}"))), "{heard:?}");
    }
}

#[test]
fn the_fallback_stands_in_and_the_failure_is_an_attempt() {
    let heard = Arc::default();
    let ports = [server(refusing), server(well(Arc::clone(&heard)))];
    let left = run(two(4, Some(1)), ports, &[]);
    assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok && r.target.as_deref() == Some("second")));
    assert!(heard.lock().unwrap().iter().all(|request| request.ends_with("{\"for\":1}")));
    for record in &left.records {
        let attempts: Vec<_> =
            record.attempts.iter().map(|a| (a.target.as_deref(), a.end, a.status)).collect();
        let ok = (Some("second"), AttemptEnd::Outcome(Outcome::Ok), Some(200));
        match record.i % 2 {
            0 => {
                let refused = (Some("first"), AttemptEnd::Outcome(Outcome::RateLimited), Some(429));
                assert_eq!(attempts, [refused, ok]);
            }
            _ => assert_eq!(attempts, [ok]),
        }
        assert_eq!(record.arrivals.events(), 1, "what was measured is the last attempt's");
    }
}

#[test]
fn a_fallback_that_fails_too_ends_the_request() {
    let left = run(two(2, Some(1)), [server(refusing), server(refusing)], &[]);
    assert_eq!(left.records.iter().map(|r| r.outcome).collect::<Vec<_>>(), [Outcome::RateLimited; 2]);
    assert_eq!(left.records.iter().map(|r| r.attempts.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn each_user_has_its_key_and_figures_bear_its_name() {
    let heard = Arc::default();
    let ports = [server(well(Arc::clone(&heard))), server(well(Arc::clone(&heard)))];
    let mut plan = two(8, None);
    plan.keys = ["A", "B"].map(String::from).to_vec();
    plan.scenarios[0].load = floodline_core::plan::Load::Closed {
        stages: vec![floodline_core::plan::UserStage::new(2, None, floodline_core::Phase::Main)],
        requests: Some(8),
    };
    let left = run(plan, ports, &["canary-a", "canary-b"]);
    assert!(left.records.iter().any(|r| r.key.as_deref() == Some("A")));
    assert!(left.records.iter().any(|r| r.key.as_deref() == Some("B")));
    let heard = heard.lock().unwrap();
    let with = |key: &str| heard.iter().filter(|request| request.contains(&format!("Bearer {key}"))).count();
    assert_eq!(with("canary-a") + with("canary-b"), 8);
    assert_eq!(with("canary-a"), left.records.iter().filter(|r| r.key.as_deref() == Some("A")).count());
}

fn falling_back(policy: Policy, at_once: bool) -> Policy {
    let fallback = Fallback { target: "second".into(), after: Whys::ELSEWHERE, at_once };
    Policy { fallback: Some(fallback), ..policy }
}

/// Where the attempts of the requests for the first target went, and how they ended.
fn attempts(left: &Left) -> Vec<Vec<(&str, AttemptEnd)>> {
    let of_first = left.records.iter().filter(|r| r.i % 2 == 0);
    of_first.map(|r| r.attempts.iter().map(|a| (a.target.as_deref().unwrap(), a.end)).collect()).collect()
}

#[test]
fn each_target_has_the_attempts_of_the_policy() {
    let (limited, ok) = (AttemptEnd::Outcome(Outcome::RateLimited), AttemptEnd::Outcome(Outcome::Ok));
    for (at_once, before) in [(false, 3), (true, 1)] {
        let mut plan = two(2, Some(1));
        plan.retry = Some(falling_back(Policy::new(Waits::AtOnce, 3), at_once));
        let left = run(plan, [server(refusing), server(well(Arc::default()))], &[]);
        let mut expected = vec![("first", limited); before];
        expected.push(("second", ok));
        assert_eq!(attempts(&left), [expected]);
        let mut tries = TriesByTarget::default();
        left.records.iter().for_each(|record| tries.add(record));
        let of = |name: &str| tries.several().find(|(other, _)| *other == name).unwrap().1.tries.clone();
        assert_eq!((of("first").attempts, of("second").attempts), (before as u64, 2));
        assert_eq!((of("first").fallbacks, of("second").fallbacks), (0, 1));
    }
    // Both refuse: three attempts of each, and the outcome is that of the last.
    let mut plan = two(2, Some(1));
    plan.retry = Some(falling_back(Policy::new(Waits::AtOnce, 3), false));
    let left = run(plan, [server(refusing), server(refusing)], &[]);
    assert_eq!(attempts(&left)[0].len(), 6);
    // Whose own target is the fallback, has no other.
    assert_eq!(left.records[1].attempts.len(), 3);
}

/// Each target has a breaker of its own, and what the first's does not let out goes to the second.
#[test]
fn what_the_breaker_keeps_back_goes_to_the_fallback() {
    let breaker = BreakerRule { at_least: 1, cool_down: Span::from_secs(60), ..BreakerRule::USUAL };
    let mut plan = two(4, Some(1));
    plan.retry = Some(falling_back(Policy { breaker: Some(breaker), ..Policy::NONE }, false));
    let left = run(plan, [server(refusing), server(well(Arc::default()))], &[]);
    assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok && r.target.as_deref() == Some("second")));
    let kept_back = AttemptEnd::Outcome(Outcome::NotSent);
    let second = attempts(&left)[1].clone();
    assert_eq!(second, [("first", kept_back), ("second", AttemptEnd::Outcome(Outcome::Ok))]);
    assert_eq!(left.records[2].times_sent(), 1);
}

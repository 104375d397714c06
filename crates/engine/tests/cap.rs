//! The cap of an open loop: never exceeded, and the waiting it causes is counted and kept apart from lateness.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

use floodline_core::plan::{Load, Plan};
use floodline_core::rate::Rate;
use floodline_core::schedule::Stage;
use floodline_core::{Outcome, Record, Span};
use support::{Peer, STREAM, done, endpoint, finish, plan, run, run_on, run_until, server, token};

/// Forty requests that are due within less than a millisecond.
fn at_once(cap: u32) -> Plan {
    let mut plan = plan(0);
    let stage = Stage::hold(Rate::per_second(100_000), Some(Span(400_000)));
    plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
    plan.scenarios[0].cap = Some(cap);
    plan
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

fn with(records: &[Record], outcome: Outcome) -> Vec<&Record> {
    records.iter().filter(|r| r.outcome == outcome).collect()
}

#[test]
fn no_more_are_in_flight_than_the_cap_and_held_and_late_add_up() {
    const CAP: usize = 4;
    let (inside, most, all) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)), Barrier::new(CAP));
    let seen = most.clone();
    // Nobody is answered before as many are here as may be.
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            seen.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            all.wait();
            inside.fetch_sub(1, SeqCst);
            peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        }
    });
    let left = run_on(3, at_once(CAP as u32), endpoint(url(port)), |_| 0).unwrap();
    assert_eq!(left.records.len(), 40);
    assert_eq!(with(&left.records, Outcome::Ok).len(), 40);
    assert_eq!(most.load(SeqCst), CAP);
    assert!(left.records.iter().any(|r| r.held > Some(Span::ZERO)));
    for r in left.records.iter().filter(|r| r.attempts.len() == 1) {
        let waited = r.held.unwrap_or_default() + r.connect.unwrap_or_default();
        // Held is at most what there was to wait, so nothing is cut off at zero.
        assert!(waited <= r.sent.unwrap().since(r.scheduled), "{r:?}");
        assert_eq!(r.late.unwrap() + waited, r.sent.unwrap().since(r.scheduled));
    }
}

#[test]
fn what_is_still_held_after_the_grace_was_not_sent() {
    let port = server(|_, mut peer: Peer| {
        peer.request();
        peer.wait_for_close();
    });
    let mut plan = at_once(1);
    plan.timeouts.grace = Span::from_millis(50);
    let left = run(plan, endpoint(url(port))).unwrap();
    assert_eq!(with(&left.records, Outcome::Cancelled).len(), 1);
    let unsent = with(&left.records, Outcome::NotSent);
    assert_eq!(unsent.len(), 39);
    assert!(unsent.iter().all(|r| r.held.is_some() && r.late.is_none() && r.sent.is_none()));
}

#[test]
fn an_interrupt_lets_nobody_in_who_is_held() {
    let port = server(|_, mut peer: Peer| {
        peer.request();
        peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        peer.request();
        peer.wait_for_close();
    });
    let mut plan = at_once(1);
    plan.timeouts.grace = Span::from_millis(50);
    let left = run_until(plan, endpoint(url(port)), |r| u32::from(r.i == 0)).unwrap();
    assert_eq!(with(&left.records, Outcome::Ok).len(), 1);
    assert_eq!(with(&left.records, Outcome::Cancelled).len(), 1);
    let unsent = with(&left.records, Outcome::NotSent);
    assert_eq!(unsent.len(), left.records.len() - 2);
    assert!(unsent.iter().all(|r| r.error.as_deref() == Some("the run ended while it was held")));
}

//! Whole runs: how they end, what they count, and what they refuse beforehand.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use floodline_core::event::Ended;
use floodline_core::plan::{Load, UserStage};
use floodline_core::rate::Rate;
use floodline_core::schedule::{Shape, Spread, Stage};
use floodline_core::{Outcome, Phase, Span};
use floodline_engine::EngineError;
use support::{Peer, STREAM, done, endpoint, finish, plan, run, run_until, server, token};

fn well(_: usize, mut peer: Peer) {
    while peer.request().is_some() {
        peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

#[test]
fn every_planned_request_of_an_open_loop_ends_in_exactly_one_outcome() {
    let mut plan = plan(0);
    let stage = |spread, phase| Stage {
        shape: Shape::Hold { rate: Rate::per_second(2000), length: Some(Span::from_millis(100)) },
        spread,
        phase,
    };
    plan.scenarios[0].load = Load::Open {
        stages: vec![stage(Spread::Constant, Phase::Warmup), stage(Spread::Constant, Phase::Main)],
        requests: None,
    };
    let left = run(plan, endpoint(url(server(well)))).unwrap();
    let indices: Vec<u64> = left.records.iter().map(|r| r.i).collect();
    assert_eq!(indices, (0..400).collect::<Vec<_>>());
    assert_eq!(left.records.iter().filter(|r| r.phase == Phase::Warmup).count(), 200);
    assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok && r.late.is_some()));
    assert_eq!(left.finished.why, Ended::Plan);
}

#[test]
fn the_schedule_is_kept_and_not_what_was_sent() {
    let mut plan = plan(0);
    let stage = Stage {
        shape: Shape::Hold { rate: Rate::per_second(100), length: Some(Span::from_millis(50)) },
        spread: Spread::Constant,
        phase: Phase::Main,
    };
    plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
    let left = run(plan, endpoint(url(server(well)))).unwrap();
    let scheduled: Vec<u64> = left.records.iter().map(|r| r.scheduled.0).collect();
    assert_eq!(scheduled, [0, 10_000_000, 20_000_000, 30_000_000, 40_000_000]);
    assert!(left.records.iter().all(|r| r.sent.unwrap() >= r.scheduled));
}

#[test]
fn a_limit_on_requests_is_exact_and_said() {
    let mut plan = plan(100);
    plan.limits.requests = Some(7);
    let left = run(plan, endpoint(url(server(well)))).unwrap();
    assert_eq!(left.records.len(), 7);
    assert!(matches!(left.finished.why, Ended::Limit(why) if why.contains('7')));
}

#[test]
fn a_limit_on_errors_ends_the_run() {
    let refusing = server(|_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let mut plan = plan(u64::MAX);
    plan.limits.errors = Some(3);
    let left = run(plan, endpoint(url(refusing))).unwrap();
    assert!(left.records.len() >= 3);
    assert!(matches!(left.finished.why, Ended::Limit(_)));
}

#[test]
fn one_interrupt_waits_for_what_is_in_flight() {
    let left = run_until(plan(u64::MAX), endpoint(url(server(well))), |r| u32::from(r.i == 0)).unwrap();
    assert_eq!(left.finished.why, Ended::Interrupted);
    assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok));
}

#[test]
fn two_interrupts_record_what_is_in_flight_as_cancelled() {
    // The first request is answered, the second never.
    let port = server(|_, mut peer: Peer| {
        peer.request();
        peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        peer.request();
        peer.say([STREAM, &token("Hello")].concat());
        peer.wait_for_close();
    });
    let left = run_until(plan(u64::MAX), endpoint(url(port)), |_| 2).unwrap();
    assert_eq!(left.finished.why, Ended::InterruptedNow);
    let outcomes: Vec<Outcome> = left.records.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Cancelled]);
    assert!(left.records[1].sent.is_some());
}

#[test]
fn what_is_still_in_flight_after_the_grace_is_cancelled() {
    let port = server(|_, mut peer: Peer| {
        peer.request();
        peer.say(STREAM);
        peer.wait_for_close();
    });
    let mut plan = plan(0);
    let stage = Stage {
        shape: Shape::Hold { rate: Rate::per_second(10), length: Some(Span::from_millis(50)) },
        spread: Spread::Constant,
        phase: Phase::Main,
    };
    plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
    plan.timeouts.grace = Span::from_millis(50);
    let left = run(plan, endpoint(url(port))).unwrap();
    assert_eq!(left.records[0].outcome, Outcome::Cancelled);
    assert_eq!(left.finished.why, Ended::Plan);
}

#[test]
fn the_grace_is_the_same_in_a_closed_loop() {
    let port = server(|_, mut peer: Peer| {
        peer.request();
        peer.say(STREAM);
        peer.wait_for_close();
    });
    let mut plan = plan(0);
    let stage = UserStage::new(2, Some(Span::from_millis(50)), Phase::Main);
    plan.scenarios[0].load = Load::Closed { stages: vec![stage], requests: None };
    plan.timeouts.grace = Span::from_millis(50);
    let left = run(plan, endpoint(url(port))).unwrap();
    let outcomes: Vec<Outcome> = left.records.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [Outcome::Cancelled, Outcome::Cancelled]);
}

#[test]
fn a_user_is_free_as_soon_as_its_answer_has_ended() {
    let left = run(plan(3), endpoint(url(server(well)))).unwrap();
    for pair in left.records.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(before.last.unwrap() <= after.scheduled && after.scheduled <= after.sent.unwrap());
        assert_eq!(after.late, Some(after.sent.unwrap().since(after.scheduled)));
    }
}

#[test]
fn a_connection_that_was_lost_and_cannot_be_opened_again_was_sent_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url(listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        // The look before the run, then the run's own connection; after its first answer nobody listens.
        let _probe = listener.accept().unwrap();
        let mut peer = Peer(Box::new(listener.accept().unwrap().0));
        drop(listener);
        peer.request();
        peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        peer.request();
    });
    let left = run(plan(2), endpoint(url)).unwrap();
    let second = &left.records[1];
    assert_eq!((second.outcome, second.times_sent()), (Outcome::Connection, 1));
}

#[test]
fn users_of_several_workers_share_the_requests_of_the_plan() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
            peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
        }
    });
    let mut plan = plan(50);
    if let Load::Closed { stages, .. } = &mut plan.scenarios[0].load {
        stages[0].users = 8;
    }
    let left = run(plan, endpoint(url(port))).unwrap();
    let indices: Vec<u64> = left.records.iter().map(|r| r.i).collect();
    assert_eq!(indices, (0..50).collect::<Vec<_>>());
    assert_eq!(count.load(Ordering::Relaxed), 50);
}

#[test]
fn a_target_that_takes_no_connections_is_refused_before_anything_is_sent() {
    // Bound and dropped: nobody listens there now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = run(plan(1), endpoint(url(port))).err().unwrap();
    assert!(matches!(&error, EngineError::Connect { .. }));
    assert!(error.to_string().contains("connection refused; is the server running"), "{error}");
}

#[test]
fn a_host_without_an_address_is_said_to_have_none() {
    let error = run(plan(1), endpoint("http://nowhere.invalid/v1".into())).err().unwrap();
    assert!(matches!(error, EngineError::Resolve { .. }), "{error}");
}

#[test]
fn more_users_than_descriptors_are_refused_with_the_numbers() {
    let mut plan = plan(1);
    if let Load::Closed { stages, .. } = &mut plan.scenarios[0].load {
        stages[0].users = 100_000_000;
    }
    let error = run(plan, endpoint("http://127.0.0.1:1/v1".into())).err().unwrap();
    assert!(matches!(error, EngineError::DoesNotFit(_)), "{error}");
    assert!(error.to_string().contains("100000000 users need"), "{error}");
}

//! Limits on money and tokens: never exceeded, whatever the provider answers and however many ask at once.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use floodline_core::event::Ended;
use floodline_core::money::Usd;
use floodline_core::plan::{Load, Plan, UserStage};
use floodline_core::prices::{Prices, Rates};
use floodline_core::rate::Rate;
use floodline_core::schedule::Stage;
use floodline_core::{Outcome, Phase, Span};
use support::{Left, Peer, STREAM, chunk, done, endpoint, finish, plan, run_on, server, token};

/// A prompt is bounded at 35 tokens here and an answer at 10: with a dollar for each token, $45 at most.
const WORST: u64 = 45;

/// Users without end, a dollar for each token, and a limit.
fn limited(users: u32, dollars: u64) -> Plan {
    let mut plan = plan(0);
    let stages = vec![UserStage::new(users, None, Phase::Main)];
    plan.scenarios[0].load = Load::Closed { stages, requests: None };
    let rate = Usd::dollars(1_000_000);
    plan.prices = Some(Prices::flat(Rates { input: rate, output: rate, ..Rates::default() }));
    plan.limits.spend = Some(Usd::dollars(dollars));
    plan
}

/// Answers of so many stated tokens each; what they add up to.
fn answering(tokens: impl Fn(u64) -> Option<u64> + Send + Sync + 'static) -> (u16, Arc<AtomicU64>) {
    let (billed, asked) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let bill = billed.clone();
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            let stated = tokens(asked.fetch_add(1, SeqCst));
            bill.fetch_add(stated.map_or(0, |output| 3 + output), SeqCst);
            let usage = stated.map_or_else(String::new, |output| {
                let usage = format!(
                    "{{\"choices\":[],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":{output}}}}}"
                );
                chunk(&format!("data: {usage}\n\n"))
            });
            peer.say([STREAM, &token("Hello"), &finish(), &usage, &done()].concat());
        }
    });
    (port, billed)
}

fn run(workers: usize, plan: Plan, port: u16) -> Left {
    run_on(workers, plan, endpoint(format!("http://127.0.0.1:{port}/v1")), |_| 0).expect("it can be run")
}

fn spent(left: &Left) -> Usd {
    left.records.iter().filter_map(|r| r.cost).fold(Usd::ZERO, |sum, cost| sum + cost)
}

fn limit_of(left: &Left) -> String {
    match &left.finished.why {
        Ended::Limit(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_users_spend_what_they_may_and_no_more() {
    let (port, billed) = answering(|_| Some(10));
    let left = run(2, limited(16, 1000), port);
    assert!(limit_of(&left).contains("of the spend limit of $1,000"), "{}", limit_of(&left));
    assert_eq!(spent(&left), Usd::dollars(billed.load(SeqCst)));
    assert!(spent(&left) <= Usd::dollars(1000));
    assert!(spent(&left) > Usd::dollars(1000 - WORST), "{}", spent(&left));
    let books = left.finished.books.unwrap();
    assert_eq!(books.spent.usd, spent(&left));
    assert!(books.reserved_max.usd <= Usd::dollars(1000) && books.overrun.is_none());
}

#[test]
fn a_provider_that_answers_more_than_it_was_asked_for_is_stopped_within_the_limit() {
    // Three times the bound of the answer, and more than the whole worst case.
    let (port, billed) = answering(|_| Some(120));
    let left = run(2, limited(16, 4 * WORST), port);
    assert!(limit_of(&left).contains("bills more than it was asked for"), "{}", limit_of(&left));
    assert_eq!(spent(&left), Usd::dollars(billed.load(SeqCst)));
    assert!(spent(&left) <= Usd::dollars(4 * WORST), "{}", spent(&left));
    assert!(left.finished.books.unwrap().overrun.is_some());
}

#[test]
fn answers_without_usage_are_charged_their_worst_case() {
    let (port, _) = answering(|_| None);
    let left = run(2, limited(8, 10 * WORST), port);
    let ok = left.records.iter().filter(|r| r.outcome == Outcome::Ok).count() as u64;
    assert_eq!(spent(&left), Usd::dollars(ok * WORST));
    // Nothing proves that it keeps to its bounds, so that four times the next one must have room to the end.
    assert_eq!(ok, 7, "{}", limit_of(&left));
}

/// Regression: an answer without usage was charged its worst case, however long it was.
#[test]
fn a_silent_provider_that_answers_more_than_it_was_asked_for_is_found_out() {
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            let tokens: String = (0..30).map(|_| token("Hello")).collect();
            peer.say([STREAM, &tokens, &finish(), &done()].concat());
        }
    });
    let left = run(2, limited(16, 4 * WORST), port);
    assert!(limit_of(&left).contains("bills more than it was asked for"), "{}", limit_of(&left));
    // Each has 30 tokens at least, and 35 for its prompt at most.
    assert!(left.records.iter().all(|r| r.cost == Some(Usd::dollars(65)) || r.cost.is_none_or(Usd::is_zero)));
    assert!(spent(&left) <= Usd::dollars(4 * WORST), "{}", spent(&left));
}

#[test]
fn a_limit_on_tokens_holds_in_the_same_way() {
    let mut plan = limited(16, 1_000_000);
    plan.limits.spend = None;
    plan.limits.tokens = Some(500);
    let (port, billed) = answering(|_| Some(7));
    let left = run(2, plan, port);
    assert!(limit_of(&left).contains("of the limit of 500 tokens"), "{}", limit_of(&left));
    assert!((500 - WORST..=500).contains(&billed.load(SeqCst)));
}

#[test]
fn arrivals_that_the_budget_has_no_room_for_are_held_and_then_not_sent() {
    let mut plan = limited(1, 4 * WORST);
    let stage = Stage::hold(Rate::per_second(100_000), Some(Span(400_000)));
    plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
    let (port, billed) = answering(|_| Some(10));
    let left = run(2, plan, port);
    assert!(limit_of(&left).contains("of the spend limit"), "{}", limit_of(&left));
    assert!(billed.load(SeqCst) <= 4 * WORST);
    let ok = left.records.iter().filter(|r| r.outcome == Outcome::Ok).count();
    let unsent: Vec<_> = left.records.iter().filter(|r| r.outcome == Outcome::NotSent).collect();
    assert!(ok >= 4 && ok + unsent.len() == left.records.len());
    assert!(unsent.iter().all(|r| r.error.is_some() && r.cost.is_none_or(Usd::is_zero)));
    assert!(left.records.iter().any(|r| r.held > Some(Span::ZERO)), "the guard lets one go at first");
    for r in left.records.iter().filter(|r| r.outcome == Outcome::Ok && r.attempts.len() == 1) {
        let waited = r.held.unwrap_or_default() + r.connect.unwrap_or_default();
        assert_eq!(r.late.unwrap() + waited, r.sent.unwrap().since(r.scheduled));
    }
}

/// Regression: who waited for room was not waited for, and the last requests of a plan were never sent.
#[test]
fn the_last_requests_of_a_plan_are_sent_though_they_had_to_wait_for_room() {
    for workers in [1, 2] {
        let mut plan = limited(3, 3 * WORST);
        let stages = vec![UserStage::new(3, None, Phase::Main)];
        plan.scenarios[0].load = Load::Closed { stages, requests: Some(3) };
        let (port, _) = answering(|_| Some(10));
        let left = run(workers, plan, port);
        let ok = left.records.iter().filter(|r| r.outcome == Outcome::Ok).count();
        assert_eq!((ok, &left.finished.why), (3, &Ended::Plan), "{workers} workers");
    }
}

/// Regression: a request that was sent again on a new connection had room for one sending only, and a server that
/// bills what it does not answer was paid twice for it.
#[test]
fn what_is_sent_again_needs_room_of_its_own() {
    let billed = Arc::new(AtomicU64::new(0));
    let bill = billed.clone();
    // Of each connection the first request is answered, and the second one is only billed.
    let port = server(move |_, mut peer: Peer| {
        if peer.request().is_none() {
            return;
        }
        let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":35,\"completion_tokens\":10}}";
        let usage = chunk(&format!("data: {usage}\n\n"));
        bill.fetch_add(WORST, SeqCst);
        peer.say([STREAM, &token("Hello"), &finish(), &usage, &done()].concat());
        bill.fetch_add(peer.request().map_or(0, |_| WORST), SeqCst);
    });
    let left = run(1, limited(1, 21 * WORST), port);
    assert!(left.records.iter().any(|r| r.times_sent() == 2), "nothing was sent again");
    let (billed, books) = (Usd::dollars(billed.load(SeqCst)), left.finished.books.unwrap());
    assert!(billed <= Usd::dollars(21 * WORST), "{billed}");
    assert_eq!((books.spent.usd, spent(&left)), (billed, billed));
    assert_eq!(books.spent.requests, left.records.iter().map(|r| r.times_sent()).sum::<u64>());
}

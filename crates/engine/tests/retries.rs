//! Retry policies as the engine carries them out: which attempts are made, after which waits, and what they cost.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "support/frames.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod frames;
#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use floodline_core::connection::{Connection, Http};
use floodline_core::plan::{Hook, Load, Plan, UserStage};
use floodline_core::rate::Rate;
use floodline_core::record::{Attempt, AttemptEnd};
use floodline_core::retry::{
    Backoff, BreakerRule, BudgetRule, Dimension, Honour, Jitter, Policy, Refusal, ThrottleRule, Tries, Waits,
    WhileOpen, Why, Whys,
};
use floodline_core::schedule::Stage;
use floodline_core::{Outcome, Phase, Record, Span};
use floodline_engine::Endpoint;
use floodline_wire::codec::Codec;
use frames::{Streams, http2_server};
use support::{
    Left, Peer, STREAM, chunk, done, endpoint, finish, plan, run, run_on, run_until, server, token,
};

fn answer() -> String {
    [STREAM, &token("Hello"), &finish(), &done()].concat()
}

/// A refusal with these fields in its head and this body.
fn refusal(status: u16, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} No\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

fn limited(fields: &str) -> String {
    refusal(429, fields, "")
}

/// A server that says to its n-th request, over all connections, what `says` says.
fn saying(says: impl Fn(usize) -> String + Send + Sync + 'static) -> u16 {
    let asked = AtomicUsize::new(0);
    server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(says(asked.fetch_add(1, SeqCst)));
        }
    })
}

/// So many refusals first, and answers from then on.
fn refusing(first: usize, how: String) -> u16 {
    saying(move |n| if n < first { how.clone() } else { answer() })
}

fn at(port: u16) -> Endpoint {
    endpoint(format!("http://127.0.0.1:{port}/v1"))
}

fn under(policy: Policy, requests: u64) -> Plan {
    let mut plan = plan(requests);
    plan.retry = Some(policy);
    plan
}

/// The records of so many requests of one user under a policy.
fn records(policy: Policy, requests: u64, port: u16) -> Vec<Record> {
    run(under(policy, requests), at(port)).unwrap().records
}

fn ends(record: &Record) -> Vec<Outcome> {
    let outcome = |attempt: &Attempt| match attempt.end {
        AttemptEnd::Outcome(outcome) => outcome,
        AttemptEnd::Reconnect => panic!("{record:?}"),
    };
    record.attempts.iter().map(outcome).collect()
}

fn waits(record: &Record) -> Vec<Option<u64>> {
    record.attempts.iter().map(|attempt| attempt.wait.map(|wait| wait.0)).collect()
}

fn tries(records: &[Record]) -> Tries {
    let mut tries = Tries::default();
    records.iter().for_each(|record| tries.add(record));
    tries
}

const MS: u64 = 1_000_000;

#[test]
fn a_request_is_tried_again_and_measured_by_its_last_attempt() {
    let fields = "x-ratelimit-limit-requests: 5\r\nx-ratelimit-remaining-requests: 0\r\n";
    let body = r#"{"error":{"message":"Rate limit reached on requests per min (RPM)","code":"rate_limit_exceeded"}}"#;
    let left = records(Policy::naive(), 1, refusing(2, refusal(429, fields, body)));
    let r = &left[0];
    assert_eq!((r.outcome, r.status, r.error.as_deref()), (Outcome::Ok, Some(200), None));
    assert_eq!(ends(r), [Outcome::RateLimited, Outcome::RateLimited, Outcome::Ok]);
    assert_eq!(waits(r), [None, Some(0), Some(0)]);
    let refused = Refusal::of(Why::RateLimited, Dimension::Rpm);
    assert_eq!(
        r.attempts.iter().map(|a| a.refusal).collect::<Vec<_>>(),
        [Some(refused), Some(refused), None]
    );
    // What each was told is kept with it, and the record's own is that of the last.
    let told = |a: &Attempt| a.limits.as_ref().and_then(|limits| limits.requests?.limit);
    assert_eq!(r.attempts.iter().map(told).collect::<Vec<_>>(), [Some(5), Some(5), None]);
    assert_eq!(r.limits, None);
    // Sent is of the last attempt, lateness of the first, and the schedule was before all of them.
    assert_eq!(r.sent, r.attempts[2].sent);
    assert!(r.first_token > r.sent && r.arrivals.events() == 1);
    let first = r.attempts[0].sent.unwrap();
    assert_eq!(r.late.unwrap() + r.connect.unwrap_or_default(), first.since(r.scheduled));
    let tries = tries(&left);
    assert_eq!((tries.requests, tries.attempts, tries.retried, tries.recovered), (1, 3, 1, 1));
    assert_eq!(tries.wasted_input, 6);
}

#[test]
fn attempts_come_to_an_end_and_the_last_refusal_is_the_outcome() {
    let left = records(Policy::naive(), 2, refusing(usize::MAX, limited("")));
    for r in &left {
        assert_eq!((r.outcome, r.status), (Outcome::RateLimited, Some(429)));
        assert_eq!(ends(r), [Outcome::RateLimited; 4]);
    }
    assert_eq!(tries(&left).amplification(), Some(4.0));
}

#[test]
fn waits_are_the_policys_and_really_waited() {
    let left = records(Policy::new(Waits::Fixed(Span::from_millis(20)), 3), 1, refusing(2, limited("")));
    assert_eq!(waits(&left[0]), [None, Some(20 * MS), Some(20 * MS)]);
    let honouring = Policy { honour: Some(Honour::USUAL), ..Policy::new(Waits::AtOnce, 3) };
    let told = records(honouring, 1, refusing(1, limited("retry-after-ms: 40\r\n")));
    let wait = waits(&told[0])[1].unwrap();
    assert!((40 * MS..=50 * MS).contains(&wait), "{wait}");
    for pair in left[0].attempts.windows(2).chain(told[0].attempts.windows(2)) {
        assert!(pair[1].sent.unwrap() >= pair[0].last + pair[1].wait.unwrap());
    }
    let r = &left[0];
    let latency = r.last.unwrap().since(r.scheduled);
    assert!(latency >= Span::from_millis(40), "from schedule, the waits are in it: {latency}");
}

/// Told to wait longer than it would, a policy gives up and says so.
#[test]
fn a_wait_that_is_too_long_ends_the_request() {
    let left = records(Policy::honouring(), 1, refusing(1, limited("retry-after: 61\r\n")));
    let r = &left[0];
    assert_eq!((r.outcome, r.attempts.len()), (Outcome::RateLimited, 1));
    assert!(r.error.as_deref().unwrap().contains("told to wait for longer than the policy does"), "{r:?}");
}

/// What is drawn depends on the request alone.
#[test]
fn waits_do_not_depend_on_the_number_of_workers() {
    let backoff = Backoff {
        base: Span::from_millis(4),
        cap: Span::from_millis(9),
        factor: 2.0,
        jitter: Jitter::Decorrelated,
    };
    let of = |workers| {
        let mut plan = under(Policy::new(Waits::Backoff(backoff), 4), 0);
        let stage = Stage::hold(Rate::per_second(1_000), Some(Span::from_millis(24)));
        plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
        let left = run_on(workers, plan, at(refusing(usize::MAX, limited(""))), |_| 0).unwrap();
        left.records.iter().map(waits).collect::<Vec<_>>()
    };
    let alone = of(1);
    assert_eq!(alone.len(), 24);
    assert_eq!(alone, of(3));
    assert!(alone.iter().any(|waits| *waits != alone[0]), "each request has its own");
    for waits in alone.iter().flat_map(|waits| &waits[1..]) {
        assert!((4 * MS..=9 * MS).contains(&waits.unwrap()));
    }
}

#[test]
fn what_cannot_succeed_is_not_tried_again() {
    let spent = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let left = records(Policy::naive(), 1, refusing(usize::MAX, refusal(429, "", spent)));
    assert_eq!(ends(&left[0]), [Outcome::QuotaExceeded]);
    assert_eq!(left[0].attempts[0].refusal, Some(Refusal::of(Why::QuotaExhausted, Dimension::Spend)));
    let large =
        r#"{"error":{"message":"Request too large on tokens per min (TPM)","code":"rate_limit_exceeded"}}"#;
    let left = records(Policy::naive(), 1, refusing(usize::MAX, refusal(429, "", large)));
    assert_eq!(ends(&left[0]), [Outcome::RateLimited]);
    // An SDK looks at the status alone.
    let sdk = Policy { attempts: 2, ..Policy::sdk(Waits::OpenAiSdk) };
    let left = records(sdk, 1, refusing(usize::MAX, refusal(429, "retry-after-ms: 1\r\n", spent)));
    assert_eq!(left[0].attempts.len(), 2);
}

#[test]
fn an_sdk_does_as_it_is_told() {
    let told = refusal(400, "x-should-retry: true\r\nretry-after-ms: 1\r\n", "");
    let left = records(Policy::sdk(Waits::AnthropicSdk), 1, refusing(2, told));
    assert_eq!((left[0].outcome, waits(&left[0])), (Outcome::Ok, vec![None, Some(MS), Some(MS)]));
    let told = refusal(429, "x-should-retry: false\r\n", "");
    assert_eq!(records(Policy::sdk(Waits::OpenAiSdk), 1, refusing(9, told))[0].attempts.len(), 1);
}

#[test]
fn a_connection_that_breaks_is_an_attempt_too() {
    let asked = Arc::new(AtomicUsize::new(0));
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            match asked.fetch_add(1, SeqCst) {
                0 | 1 => return,
                _ => peer.say(answer()),
            }
        }
    });
    let left = records(Policy::naive(), 1, port);
    assert_eq!(ends(&left[0]), [Outcome::Connection, Outcome::Connection, Outcome::Ok]);
    assert!(left[0].attempts.iter().all(|attempt| attempt.sent.is_some()));
}

/// A stream that was cut has cost something, and is only tried again where the scenario says so.
#[test]
fn what_was_received_for_nothing_is_known() {
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}";
    let cut = [STREAM, &token("Hel"), &chunk(&format!("data: {usage}\n\n")), "0\r\n\r\n"].concat();
    let left = records(Policy::naive(), 1, refusing(1, cut.clone()));
    assert_eq!(ends(&left[0]), [Outcome::Truncated]);
    let policy = Policy { on: Some(Whys::of(&[Why::Broken])), ..Policy::naive() };
    let left = records(policy.clone(), 1, refusing(1, cut));
    let r = &left[0];
    assert_eq!(ends(r), [Outcome::Truncated, Outcome::Ok]);
    assert_eq!((r.attempts[0].input_tokens, r.attempts[0].output_tokens), (Some(7), Some(2)));
    assert_eq!((r.attempts[1].input_tokens, r.input_tokens), (None, Some(3)), "its plan's own again");
    assert_eq!((tries(&left).wasted_input, tries(&left).wasted_output), (7, 2));
    // What the server does not count is counted here, of every attempt.
    let cut = [STREAM, &token("Hello"), &token(" world"), "0\r\n\r\n"].concat();
    let left = records(policy, 1, refusing(2, cut));
    let counted: Vec<Option<u32>> = left[0].attempts.iter().map(|attempt| attempt.output_tokens).collect();
    assert_eq!(counted, [Some(2), Some(2), None]);
    assert_eq!(tries(&left).wasted_output, 4);
}

/// Regression: each attempt counted as in flight until its request had ended.
#[test]
fn an_attempt_that_is_over_is_in_flight_no_more() {
    let port = refusing(2, limited(""));
    let mut plan = under(Policy::new(Waits::Fixed(Span::from_millis(1_300)), 3), 1);
    plan.timeouts.grace = Span::from_secs(60);
    let left = run(plan, at(port)).unwrap();
    assert_eq!((ends(&left.records[0]).len(), left.most_in_flight <= 1), (3, true));
}

#[test]
fn all_requests_share_a_budget_whichever_worker_sends_them() {
    let share = BudgetRule::Share { millionths: 100_000, over: Span::from_secs(120), at_least: 0 };
    let mut plan = under(Policy { budget: Some(share), ..Policy::naive() }, 40);
    let stages = vec![UserStage::new(4, None, Phase::Main)];
    plan.scenarios[0].load = Load::Closed { stages, requests: Some(40) };
    let left = run_on(2, plan, at(refusing(usize::MAX, limited(""))), |_| 0).unwrap().records;
    let tries = tries(&left);
    assert_eq!((tries.requests, tries.attempts), (40, 44), "a tenth of them and no more");
    let said = |r: &&Record| r.error.as_deref().unwrap().contains("the retry budget is used up");
    assert!(left.iter().filter(said).count() >= 36);
}

#[test]
fn an_open_breaker_lets_nothing_out() {
    let breaker = BreakerRule { at_least: 3, cool_down: Span::from_secs(60), ..BreakerRule::USUAL };
    let policy = Policy { breaker: Some(breaker), ..Policy::NONE };
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = asked.clone();
    let port = saying(move |_| {
        seen.fetch_add(1, SeqCst);
        limited("")
    });
    let left = records(policy, 5, port);
    assert_eq!(asked.load(SeqCst), 3);
    let outcomes: Vec<Outcome> = left.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::RateLimited; 3]);
    assert_eq!(outcomes[3..], [Outcome::NotSent; 2]);
    for r in &left[3..] {
        assert_eq!((r.sent, r.error.as_deref()), (None, Some("not let out: the breaker is open")));
        assert_eq!(r.attempts[0].refusal, Some(Refusal::new(Why::RejectedLocally)));
    }
    assert_eq!((tries(&left).attempts, tries(&left).rejected), (3, 2));
}

/// After the first attempt an open breaker ends the request as that attempt did.
#[test]
fn a_breaker_that_opens_meanwhile_leaves_the_outcome_as_it_was() {
    let breaker = BreakerRule { at_least: 1, cool_down: Span::from_secs(60), ..BreakerRule::USUAL };
    let policy = Policy { breaker: Some(breaker), ..Policy::new(Waits::Fixed(Span::from_millis(1)), 4) };
    let left = records(policy, 1, refusing(usize::MAX, limited("")));
    let r = &left[0];
    assert_eq!((r.outcome, r.status), (Outcome::RateLimited, Some(429)));
    assert_eq!(ends(r), [Outcome::RateLimited, Outcome::NotSent]);
    assert!(r.error.as_deref().unwrap().ends_with("(not let out: the breaker is open)"), "{r:?}");
    assert_eq!(tries(&left).waited, Span::from_millis(1));
}

#[test]
fn a_breaker_that_holds_is_waiting_that_the_plan_ordered() {
    let breaker = BreakerRule {
        at_least: 1,
        cool_down: Span::from_millis(60),
        open: WhileOpen::Hold,
        ..BreakerRule::USUAL
    };
    let policy = Policy { breaker: Some(breaker), ..Policy::NONE };
    let left = records(policy, 2, refusing(1, limited("")));
    assert_eq!((left[0].outcome, left[1].outcome), (Outcome::RateLimited, Outcome::Ok));
    let r = &left[1];
    let held = r.held.unwrap();
    assert!(held > Span::ZERO, "{r:?}");
    let waited = held + r.connect.unwrap_or_default();
    assert_eq!(r.late.unwrap() + waited, r.sent.unwrap().since(r.scheduled), "it is no lateness");
}

#[test]
fn a_throttle_rejects_what_the_target_would_refuse() {
    let policy = Policy { throttle: Some(ThrottleRule::SRE), ..Policy::NONE };
    let left = records(policy, 60, refusing(usize::MAX, limited("")));
    let tries = tries(&left);
    assert_eq!(tries.attempts + tries.rejected, 60);
    assert!(tries.rejected > 30, "{tries:?}");
    let rejected = left.iter().find(|r| r.outcome == Outcome::NotSent).unwrap();
    assert!(rejected.error.as_deref().unwrap().contains("the throttle expects"), "{rejected:?}");
}

#[test]
fn no_attempt_begins_after_the_policys_time() {
    let policy = Policy {
        max_time: Some(Span::from_millis(25)),
        ..Policy::new(Waits::Fixed(Span::from_millis(10)), 100)
    };
    let left = records(policy, 1, refusing(usize::MAX, limited("")));
    assert!((1..=3).contains(&left[0].attempts.len()), "{:?}", left[0].attempts);
    assert!(left[0].error.as_deref().unwrap().contains("the policy's time for one request is up"));
}

/// One user is refused and told to wait for a minute; when the other has its answer, the run is ended.
#[test]
fn the_end_of_the_run_cuts_a_wait() {
    let mut plan = under(Policy::honouring(), 0);
    let stages = vec![UserStage::new(2, None, Phase::Main)];
    plan.scenarios[0].load = Load::Closed { stages, requests: None };
    let port = refusing(1, limited("retry-after: 50\r\n"));
    let left = run_until(plan, at(port), |_| 1).unwrap();
    let refused: Vec<&Record> = left.records.iter().filter(|r| r.outcome == Outcome::RateLimited).collect();
    let [r] = refused[..] else { panic!("{:?}", left.records) };
    assert_eq!(ends(r), [Outcome::RateLimited, Outcome::NotSent]);
    assert!(r.error.as_deref().unwrap().ends_with("(the run ended before it was tried again)"), "{r:?}");
    let waited = r.attempts[1].wait.unwrap();
    assert!(waited > Span::ZERO && waited < Span::from_secs(50), "{waited}");
    assert_eq!((r.status, r.sent), (Some(429), r.attempts[0].sent));
}

/// The grace at the end of the plan bounds waits too.
#[test]
fn a_wait_that_outlasts_the_grace_ends_as_the_attempt_did() {
    let mut plan = under(Policy::honouring(), 1);
    plan.timeouts.grace = Span::from_millis(50);
    let left = run(plan, at(refusing(1, limited("retry-after: 50\r\n")))).unwrap().records;
    assert_eq!((left[0].outcome, ends(&left[0])[0]), (Outcome::RateLimited, Outcome::RateLimited));
    assert!(left[0].error.as_deref().unwrap().contains("the run ended before it was tried again"));
}

/// A dollar for each token, 35 of a prompt and 10 of an answer at most.
fn priced(policy: Policy, requests: u64, dollars: u64) -> Plan {
    use floodline_core::money::Usd;
    use floodline_core::prices::{Prices, Rates};
    let mut plan = under(policy, requests);
    let rate = Usd::dollars(1_000_000);
    plan.prices = Some(Prices::flat(Rates { input: rate, output: rate, ..Rates::default() }));
    plan.limits.spend = Some(Usd::dollars(dollars));
    plan
}

#[test]
fn every_attempt_needs_room_of_its_own_and_is_charged_what_it_can_have_cost() {
    use floodline_core::money::Usd;
    let cut = || [STREAM, &token("Hel"), "0\r\n\r\n"].concat();
    let policy = Policy { on: Some(Whys::of(&[Why::Broken])), ..Policy::naive() };
    // Four attempts of each, all cut: each may have cost 45 dollars.
    let left: Left = run(priced(policy.clone(), 1, 1_000), at(saying(move |_| cut()))).unwrap();
    assert_eq!(ends(&left.records[0]), [Outcome::Truncated; 4]);
    assert_eq!(left.records[0].cost, Some(Usd::dollars(4 * 45)));
    // What is left of it is the last one's.
    let of_attempts: Vec<_> = left.records[0].attempts.iter().map(|a| a.cost).collect();
    let each = Some(Usd::dollars(45));
    assert_eq!(of_attempts, [each, each, each, None]);
    let books = left.finished.books.unwrap();
    assert_eq!((books.spent.usd, books.spent.requests), (Usd::dollars(4 * 45), 4));
    // Refusals cost nothing.
    let left = run(priced(Policy::naive(), 1, 1_000), at(refusing(usize::MAX, limited("")))).unwrap();
    assert_eq!((left.records[0].attempts.len(), left.records[0].cost), (4, Some(Usd::ZERO)));
    assert_eq!(left.finished.books.unwrap().spent.requests, 4);
    // Where there is no room for another, it has ended as it had.
    let left = run(priced(policy, 9, 200), at(saying(move |_| cut()))).unwrap();
    let r = &left.records[0];
    assert!(r.outcome == Outcome::Truncated && r.attempts.len() < 4, "{r:?}");
    assert!(r.error.as_deref().unwrap().contains("not tried again: "), "{r:?}");
    assert!(left.finished.books.unwrap().spent.usd <= Usd::dollars(200));
}

/// A limit on requests is one on what is sent: attempts count.
#[test]
fn a_limit_on_requests_counts_attempts() {
    let mut plan = under(Policy::naive(), 9);
    plan.limits.requests = Some(6);
    let left = run(plan, at(refusing(usize::MAX, limited("")))).unwrap();
    assert_eq!(left.records.iter().map(Record::times_sent).sum::<u64>(), 6);
    let [first, second, ..] = &left.records[..] else { panic!("{:?}", left.records) };
    assert_eq!((first.attempts.len(), second.times_sent()), (4, 2));
    assert_eq!(second.outcome, Outcome::RateLimited);
    assert!(second.error.as_deref().unwrap().contains("not tried again: "), "{second:?}");
}

#[test]
fn answers_in_one_piece_are_tried_again_as_well() {
    let body = r#"{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    let whole = move |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let port = saying(move |n| if n < 2 { limited("") } else { whole(body) });
    let unstreamed = Endpoint { stream: false, ..at(port) };
    let left = run(under(Policy::naive(), 1), unstreamed).unwrap().records;
    assert_eq!(ends(&left[0]), [Outcome::RateLimited, Outcome::RateLimited, Outcome::Ok]);
    let body = r#"{"data":[{"index":0,"embedding":[0.1]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#;
    let port = saying(move |n| if n < 1 { refusal(503, "", "overloaded") } else { whole(body) });
    let embeddings = Endpoint { stream: false, codec: Codec::Embeddings, ..at(port) };
    let left = run(under(Policy::naive(), 1), embeddings).unwrap().records;
    assert_eq!(ends(&left[0]), [Outcome::Overloaded, Outcome::Ok]);
}

#[test]
fn streams_of_http2_are_tried_again() {
    let asked = AtomicUsize::new(0);
    let port = http2_server(None, move |_, mut streams: Streams, first| {
        let mut next = Some(first);
        while let Some(stream) = next {
            match asked.fetch_add(1, SeqCst) {
                0 | 1 => streams.refuse(stream),
                _ => streams.answer(stream),
            }
            next = streams.request();
        }
    });
    let over_http2 =
        Endpoint { connection: Connection { http: Http::Two, ..Connection::default() }, ..at(port) };
    let left = run(under(Policy::naive(), 2), over_http2).unwrap().records;
    assert_eq!(ends(&left[0]), [Outcome::RateLimited, Outcome::RateLimited, Outcome::Ok]);
    assert_eq!((ends(&left[1]), left[0].status), (vec![Outcome::Ok], Some(200)));
}

/// A program of the user's is asked about a request once, however often that is sent, and about its answer.
#[test]
fn a_program_is_asked_once_for_all_attempts() {
    let script = r#"n=0; while read -r line; do n=$((n+1)); case "$line" in
        *'"event":"before"'*) echo "{\"headers\": {\"x-n\": \"$n\"}}";;
        *) echo '{"ok": true}';;
    esac; done"#;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let port = server(move |_, mut peer: Peer| {
        while let Some(request) = peer.request() {
            let mut heard = hears.lock().unwrap();
            heard.push(request);
            peer.say(if heard.len() < 3 { limited("") } else { answer() });
        }
    });
    let mut plan = under(Policy::naive(), 1);
    plan.hook = Some(Hook {
        command: ["sh", "-c", script].map(String::from).to_vec(),
        folder: None,
        before: true,
        after: true,
        processes: 1,
        timeout: Span::from_secs(3_600),
    });
    let left = run(plan, at(port)).unwrap().records;
    assert_eq!(ends(&left[0]), [Outcome::RateLimited, Outcome::RateLimited, Outcome::Ok]);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().filter(|request| request.contains("\r\nx-n: 1\r\n")).count(), 3, "{heard:?}");
}

//! A crowd of clients against one limiter, in virtual time: what each policy makes of the same surge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::random::Purpose;

const CLIENTS: u64 = 500;
/// The limiter: a bucket of so many requests, filled at so many a second. Every attempt takes one, a refused one too,
/// as OpenAI's guide says of its own.
const BURST: f64 = 300.0;
const PER_SECOND: f64 = 60.0;
/// How long an answer and a refusal take.
const ANSWER: Span = Span::from_millis(500);
const REFUSAL: Span = Span::from_millis(50);
/// Every client asks once in so long on average, which makes half of what the limiter admits; and then all of them
/// ask within a second.
const THINK: f64 = 16.0;
const SURGE: Moment = Moment(20_000_000_000);
const END: Moment = Moment(120_000_000_000);

/// What became of a crowd.
#[derive(Debug, PartialEq)]
struct Seen {
    requests: u64,
    attempts: u64,
    answered: u64,
    waited: Span,
}

impl Seen {
    fn amplification(&self) -> f64 {
        self.attempts as f64 / self.requests as f64
    }

    fn goodput(&self) -> f64 {
        self.answered as f64 / self.requests as f64
    }
}

/// The limiter. It says honestly, in whole seconds, when it will be full again.
struct Bucket {
    level: f64,
    at: Moment,
}

impl Bucket {
    fn admits(&mut self, now: Moment) -> Result<(), Span> {
        self.level = (self.level + now.since(self.at).as_secs_f64() * PER_SECOND).min(BURST);
        self.at = now;
        let admitted = self.level >= 1.0;
        self.level = (self.level - 1.0).max(-BURST);
        if admitted {
            return Ok(());
        }
        Err(Span::from_secs(((BURST - self.level) / PER_SECOND).ceil() as u64))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Asks,
    Tries,
    Answered,
    Refused(Span),
}

struct Client {
    stream: Stream,
    trying: Trying,
    has_surged: bool,
}

fn play(policy: &Policy, seed: u64) -> Seen {
    let retry = Retry::new(policy);
    let mut shared = retry.shared();
    let mut bucket = Bucket { level: BURST, at: Moment::START };
    let mut seen = Seen { requests: 0, attempts: 0, answered: 0, waited: Span::ZERO };
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|k| Client {
            stream: Stream::new(seed, Purpose::Retries, k),
            trying: retry.begin(Moment::START, true),
            has_surged: false,
        })
        .collect();
    let think = |client: &mut Client, now: Moment| {
        let next = now + Span((client.stream.exponential() * THINK * 1e9) as u64);
        if client.has_surged || next < SURGE {
            return next;
        }
        client.has_surged = true;
        SURGE.max(now) + Span((client.stream.fraction() * 1e9) as u64)
    };
    let mut events = BinaryHeap::new();
    for (k, client) in clients.iter_mut().enumerate() {
        events.push(Reverse((think(client, Moment::START), k, Event::Asks)));
    }
    while let Some(Reverse((now, k, event))) = events.pop() {
        let client = &mut clients[k];
        let Client { stream, trying, .. } = client;
        let next = match event {
            Event::Asks if now > END => continue,
            Event::Asks => {
                *trying = retry.begin(now, true);
                seen.requests += 1;
                Some((now, Event::Tries))
            }
            Event::Tries => match retry.before(trying, &mut shared, now, stream) {
                Start::Go => {
                    seen.attempts += 1;
                    Some(match bucket.admits(now) {
                        Ok(()) => (now + ANSWER, Event::Answered),
                        Err(wait) => (now + REFUSAL, Event::Refused(wait)),
                    })
                }
                Start::Hold(until) => Some((until, Event::Tries)),
                Start::Reject(_) | Start::Fallback => None,
            },
            Event::Answered => {
                seen.answered += 1;
                retry.answered(trying, &mut shared, now);
                None
            }
            Event::Refused(wait) => {
                let refusal = Refusal::of(Why::RateLimited, Dimension::Rpm);
                let failure = Failure { retry_after: Some(wait), ..Failure::new(refusal, Some(429), None) };
                match retry.after(trying, &mut shared, &failure, now, stream) {
                    Next::Wait(wait) => {
                        seen.waited += wait;
                        Some((now + wait, Event::Tries))
                    }
                    Next::GiveUp(_) | Next::Fallback => None,
                }
            }
        };
        let (at, event) = next.unwrap_or_else(|| (think(client, now), Event::Asks));
        events.push(Reverse((at, k, event)));
    }
    seen
}

fn honouring() -> Policy {
    let honour = Honour { jitter_millionths: 1_000_000, ..Honour::USUAL };
    Policy { honour: Some(honour), attempts: 5, ..Policy::backoff() }
}

#[test]
fn trying_again_at_once_is_the_own_goal_and_waiting_as_told_is_not() {
    let seen = |policy: &Policy| {
        let seen = play(policy, 42);
        assert_eq!(play(policy, 42), seen, "the same seed gives the same crowd");
        seen
    };
    let (none, naive, honouring) = (seen(&Policy::NONE), seen(&Policy::naive()), seen(&honouring()));
    assert_eq!(none.amplification(), 1.0);
    assert!(naive.amplification() > 3.0, "{naive:?}");
    assert!(honouring.amplification() < 1.3, "{honouring:?}");
    // The surge ends the naive crowd: its own attempts keep the bucket empty long after. The patient one is served.
    assert!(naive.goodput() < none.goodput() && none.goodput() < honouring.goodput());
    assert!(honouring.goodput() > 0.99, "{honouring:?}");
}

/// The whole field side by side, as figures that a change of a formula would change.
#[test]
fn policies_side_by_side() {
    let backoff = |jitter| Policy::new(Waits::Backoff(Backoff { jitter, ..Backoff::USUAL }), 5);
    let rows = [
        ("none", Policy::NONE),
        ("naive", Policy::naive()),
        ("fixed", Policy::new(Waits::Fixed(Span::from_secs(1)), 5)),
        ("backoff, no jitter", backoff(Jitter::None)),
        ("backoff, full", backoff(Jitter::Full)),
        ("backoff, equal", backoff(Jitter::Equal)),
        ("backoff, decorrelated", backoff(Jitter::Decorrelated)),
        ("openai sdk", Policy::sdk(Waits::OpenAiSdk)),
        ("anthropic sdk", Policy::sdk(Waits::AnthropicSdk)),
        ("google sdk", Policy::sdk(Waits::GoogleSdk)),
        ("aws standard", Policy::sdk(Waits::AwsStandard)),
        ("honour retry-after", honouring()),
        ("naive, budget 10 %", Policy { budget: Some(BudgetRule::SRE), ..Policy::naive() }),
        ("naive, budget grpc", Policy { budget: Some(BudgetRule::GRPC), ..Policy::naive() }),
        ("naive, throttle", Policy { throttle: Some(ThrottleRule::SRE), ..Policy::naive() }),
        ("naive, breaker", Policy { breaker: Some(BreakerRule::USUAL), ..Policy::naive() }),
    ];
    let mut table = String::new();
    for (name, policy) in rows {
        let seen = play(&policy, 42);
        let (amplification, goodput) = (seen.amplification(), seen.goodput() * 100.0);
        let waited = seen.waited.as_secs_f64() / seen.requests as f64;
        table += &format!("{name:<22} {amplification:>5.2} {goodput:>5.1} % {waited:>5.2} s\n");
        if policy.budget == Some(BudgetRule::SRE) {
            assert!(seen.attempts * 10 <= seen.requests * 11, "{seen:?}");
        }
    }
    insta::assert_snapshot!(table, @r"
    none                    1.00  91.8 %  0.00 s
    naive                   3.32  22.6 %  0.00 s
    fixed                   3.92  26.9 %  2.92 s
    backoff, no jitter      3.80  29.9 %  5.26 s
    backoff, full           3.94  26.4 %  2.76 s
    backoff, equal          3.86  28.4 %  4.03 s
    backoff, decorrelated   3.74  32.5 %  6.41 s
    openai sdk              1.05 100.0 %  0.35 s
    anthropic sdk           1.05 100.0 %  0.35 s
    google sdk              3.52  40.0 % 10.72 s
    aws standard            1.03  88.7 %  0.02 s
    honour retry-after      1.05 100.0 %  0.52 s
    naive, budget 10 %      1.04  87.6 %  0.00 s
    naive, budget grpc      1.00  91.7 %  0.00 s
    naive, throttle         1.12  61.2 %  0.00 s
    naive, breaker          1.06  91.7 %  0.00 s
    ");
}

//! The small limiters decide as the simulated provider's do.

use floodline_core::limits::{
    Algorithm, Dimension, Limit, Limits, Period, Precharge, Provider, RetryAfter, Settlement, Spent, Start,
};
use floodline_core::random::{Purpose, Stream};
use floodline_core::retry::{Refusal, Why};
use floodline_core::{Moment, Span};
use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Verdict};

use super::replay::{Tolerance, score};
use super::*;
use crate::limits::log::{Answer, Line, Probe, Reply, Tokens};

const WINDOW: u64 = 10;
const WINDOW_S: f64 = 10.0;

/// What a limiter makes of requests at random moments, each answered at once.
fn logged(limit: &Limit, seed: u64) -> Log {
    let mut asking = Asking::of(limit);
    let mut random = Stream::new(seed, Purpose::Answers, 0);
    let mut now = Moment::START;
    for _ in 0..300 {
        // Now and then a silence, or what counts refusals would never admit again.
        let silence = if random.below(15) == 0 { 12_000_000_000 } else { 0 };
        now = now + Span((random.exponential() * 4e8) as u64 + silence);
        let (prompt, max) = (10 + random.below(200), 1 + random.below(150));
        asking.ask(now, (prompt, max), |max| 1 + random.below(max));
    }
    asking.log
}

/// A limiter that is asked, and the log of it.
struct Asking {
    limiter: Limiter,
    log: Log,
}

impl Asking {
    fn of(limit: &Limit) -> Asking {
        let limits = Limits {
            provider: Provider::OpenAi,
            organisation: "o".into(),
            unstated_max_tokens: 16,
            retry_after: RetryAfter::Absent,
            headers: false,
            limits: vec![limit.clone()],
        };
        Asking { limiter: Limiter::new(&limits).unwrap(), log: Log::default() }
    }

    /// Asks, and says whether it was admitted; it is answered at once.
    fn ask(&mut self, now: Moment, (prompt, max): (u32, u32), output: impl FnOnce(u32) -> u32) -> bool {
        let tokens = u64::from(prompt);
        let request = Request::new(KeyId::of("k"), ModelId::of("m"), tokens, Some(u64::from(max)));
        let reply = match self.limiter.admit(now, &request) {
            Verdict::Admitted(ticket, _) => {
                let output = u64::from(output(max));
                self.limiter.finished(ticket, now, Spent { prompt: tokens, cached: 0, output });
                Reply::Admitted(Some(Tokens { prompt: tokens, output }))
            }
            Verdict::Refused(_) => {
                Reply::Refused { refusal: Refusal::new(Why::RateLimited), status: Some(429) }
            }
        };
        let admitted = matches!(reply, Reply::Admitted(_));
        let answer = Answer { sent: now, ended: now, stated: None, reply };
        let probe = Probe { id: self.log.lines.len(), key: 0, prompt_tokens: prompt, max_tokens: max };
        self.log.lines.push(Line { probe, answer: Some(answer), explained: false });
        admitted
    }
}

#[test]
fn each_model_decides_as_the_simulated_limiter_does() {
    let phase = Span::from_millis(3_700);
    let shapes = |value: f64| {
        [
            (Algorithm::Bucket { burst: None }, Shape::Bucket { rate: value / WINDOW_S }),
            (
                Algorithm::FixedWindow { start: Start::Epoch, phase },
                Shape::Fixed { window: WINDOW_S, boundary: 3.7 },
            ),
            (
                Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO },
                Shape::FirstHit { window: WINDOW_S },
            ),
            (Algorithm::SlidingWindow, Shape::Sliding { window: WINDOW_S }),
            (Algorithm::SlidingCounter, Shape::Counter { window: WINDOW_S, boundary: 0.0 }),
            (Algorithm::Leaky { burst: None }, Shape::Leaky { rate: value / WINDOW_S }),
        ]
    };
    let strict = Tolerance { time: 0.0, drift: 0.0, anchor: 0.0 };
    for charge in Charge::all() {
        let tokens = charge.dimension.is_tokens();
        let value = match charge.dimension {
            Dimension::Requests | Dimension::Concurrency => 9,
            Dimension::OutputTokens => 250,
            Dimension::Tokens | Dimension::InputTokens => 700,
        };
        for (seed, (algorithm, shape)) in (0..).zip(shapes(f64::from(value))) {
            for refusals in [false, true] {
                let leaky = matches!(algorithm, Algorithm::Leaky { .. });
                if leaky && (!tokens || refusals) {
                    continue;
                }
                let limit = Limit {
                    window: Span::from_secs(WINDOW),
                    algorithm,
                    precharge: charge.precharge,
                    settlement: charge.settlement,
                    refusals_count: refusals,
                    ..Limit::new(charge.dimension, u64::try_from(value).unwrap(), Period::Minute)
                };
                let log = logged(&limit, seed);
                let refused = log.lines.iter().filter(|line| line.refused()).count();
                assert!((20..290).contains(&refused), "{refused} of 300 refused by {limit:?}");
                let events = charge.events(&log, 0);
                // Of refusals that count, only a model that knows the capacity can say how far they filled it.
                let mut state = State::new(shape);
                for (place, event) in events.list.iter().enumerate() {
                    if let Kind::Request { asked, admitted, .. } = event.kind {
                        let need = state.need(event.at, asked);
                        let fits = need <= f64::from(value) + 1e-6;
                        assert_eq!(fits, admitted, "request {place} needs {need} of {limit:?}");
                    }
                    follow(&mut state, event.at, event.kind, refusals, f64::from(value));
                }
                if !refusals {
                    let found = score(&events, shape, false, strict, &mut Vec::new());
                    assert_eq!(found.misses, 0.0, "{limit:?}");
                    let holds = found.low <= f64::from(value) + 1e-6 && f64::from(value) < found.high + 1e-6;
                    assert!(holds, "{} to {} for {limit:?}", found.low, found.high);
                }
            }
        }
    }
}

/// Some seconds after a flood, little of a bucket that takes a minute has come back: no more than a short window explains.
#[test]
fn a_slow_bucket_is_among_the_first_hypotheses() {
    let limit = Limit {
        algorithm: Algorithm::Bucket { burst: None },
        precharge: Precharge::MaxOfPromptAndMaxTokens,
        settlement: Settlement::None,
        ..Limit::new(Dimension::Tokens, 30_000, Period::Minute)
    };
    let mut asking = Asking::of(&limit);
    let mut now = Moment::START;
    let mut fit = Fit::of(Some(Named::Tpm));
    for (pause, size) in [(0.0, (16, 256)), (3.3, (1_024, 1)), (2.0, (512, 128)), (20.0, (16, 256))] {
        now = now + Span((pause * 1e9) as u64);
        let mut refused = 0;
        while refused < 5 {
            refused += u32::from(!asking.ask(now, size, |max| max));
            now = now + Span::from_millis(1);
        }
        fit.update(&asking.log, None);
    }
    let best = fit.first().unwrap();
    assert_eq!(best.family(), Family::Bucket, "{best:?}");
    assert!(best.loss < 1.0 && (best.shape.scale() / 500.0 - 1.0).abs() < 0.05, "{best:?}");
}

/// What an early look gave up is looked at again.
#[test]
fn where_nothing_that_stands_explains_the_log_all_are_looked_at_again() {
    let limit =
        Limit { window: Span::from_secs(WINDOW), ..Limit::new(Dimension::Requests, 9, Period::Minute) };
    let log = logged(&limit, 3);
    let mut fit = Fit::of(None);
    fit.alive.retain(|alive| alive.sort.charge.dimension == Dimension::OutputTokens);
    fit.surveyed = 100;
    fit.update(&log, None);
    let best = fit.first().unwrap();
    assert_eq!(best.charge.dimension, Dimension::Requests, "{best:?}");
    assert!(best.loss < LOST, "{best:?}");
}

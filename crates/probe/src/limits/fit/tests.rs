//! The small limiters decide as the simulated provider's do.

use floodline_core::limits::{
    Algorithm, Dimension, Limit, Limits, Period, Provider, RetryAfter, Spent, Start,
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
    let limits = Limits {
        provider: Provider::OpenAi,
        organisation: "o".into(),
        unstated_max_tokens: 16,
        retry_after: RetryAfter::Absent,
        headers: false,
        limits: vec![limit.clone()],
    };
    let mut limiter = Limiter::new(&limits).unwrap();
    let mut random = Stream::new(seed, Purpose::Answers, 0);
    let mut log = Log::default();
    let mut now = Moment::START;
    for id in 0..300 {
        // Now and then a silence, or what counts refusals would never admit again.
        let silence = if random.below(15) == 0 { 12_000_000_000 } else { 0 };
        now = now + Span((random.exponential() * 4e8) as u64 + silence);
        let (prompt, max) = (10 + random.below(200), 1 + random.below(150));
        let request = Request::new(KeyId::of("k"), ModelId::of("m"), u64::from(prompt), Some(u64::from(max)));
        let reply = match limiter.admit(now, &request) {
            Verdict::Admitted(ticket, _) => {
                let output = u64::from(1 + random.below(max));
                limiter.finished(ticket, now, Spent { prompt: u64::from(prompt), cached: 0, output });
                Reply::Admitted(Some(Tokens { prompt: u64::from(prompt), output }))
            }
            Verdict::Refused(_) => {
                Reply::Refused { refusal: Refusal::new(Why::RateLimited), status: Some(429) }
            }
        };
        let answer = Answer { sent: now, ended: now, stated: None, reply };
        let probe = Probe { id, key: 0, prompt_tokens: prompt, max_tokens: max };
        log.lines.push(Line { probe, answer: Some(answer), explained: false });
    }
    log
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

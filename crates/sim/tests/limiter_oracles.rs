//! The limiter against oracles that look at the whole history each time and share no code with it.

use floodline_core::limits::{
    Algorithm, Dimension, Estimate, Limit, Limits, Period, Precharge, Provider, Refusal, RetryAfter, Scope,
    Settlement, Spent, Standing, Start,
};
use floodline_core::{Moment, Span};
use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Ticket, Verdict};
use proptest::prelude::*;

/// What was charged when, of one subject.
type History = Vec<(u64, u64)>;

fn limits(limits: Vec<Limit>) -> Limits {
    Limits {
        provider: Provider::OpenAi,
        organisation: "o".into(),
        unstated_max_tokens: 1,
        retry_after: RetryAfter::Exact,
        headers: true,
        limits,
    }
}

/// Whether `asked` fits at `now`, from the definition of the algorithm.
fn fits(limit: &Limit, history: &History, now: u64, asked: u64) -> bool {
    let (value, window) = (i128::from(limit.value), i128::from(limit.window.0));
    let (at, ask) = (i128::from(now), i128::from(asked));
    let charged = |from: i128, to: i128| -> i128 {
        let inside = history.iter().filter(|(t, _)| (from..to).contains(&i128::from(*t)));
        inside.map(|(_, tokens)| i128::from(*tokens)).sum()
    };
    // Of what was charged from some moment on, so much cannot have drained: the bound must hold for every such moment.
    let since_each = |ask: i128, burst: i128| {
        let mut sum = 0;
        history.iter().rev().all(|(t, tokens)| {
            sum += i128::from(*tokens);
            (sum + ask) * window <= burst * window + value * (at - i128::from(*t))
        })
    };
    let fixed = |value: i128, window: i128, phase: i128| {
        let start = at - (at - phase).rem_euclid(window);
        charged(start, start + window) + ask <= value
    };
    match limit.algorithm {
        Algorithm::Bucket { burst } => {
            let burst = burst.map_or(value, i128::from);
            ask <= burst && since_each(ask, burst)
        }
        Algorithm::Leaky { burst } => since_each(0, burst.map_or(value, i128::from)),
        Algorithm::FixedWindow { start: Start::Epoch, phase } => fixed(value, window, i128::from(phase.0)),
        Algorithm::FixedWindow { start: Start::FirstHit, .. } => {
            let mut start = None;
            for (t, _) in history {
                if start.is_none_or(|start| i128::from(*t) >= start + window) {
                    start = Some(i128::from(*t));
                }
            }
            let start = start.filter(|start| at < start + window).unwrap_or(at);
            charged(start, start + window) + ask <= value
        }
        Algorithm::SlidingWindow => charged(at - window + 1, at + 1) + ask <= value,
        Algorithm::SlidingCounter => {
            let start = at - at.rem_euclid(window);
            let fading = charged(start - window, start) * (start + window - at);
            (charged(start, start + window) + ask) * window + fading <= value * window
        }
        Algorithm::Quantised { every } => {
            let whole = (value * i128::from(every.0) / window).max(1);
            let length = (whole * window + value - 1) / value;
            fixed(whole, length, 0)
        }
        Algorithm::Acceleration { percent } => {
            let start = at - at.rem_euclid(window);
            let allowed = value.max(charged(start - window, start) * i128::from(percent) / 100);
            charged(start, start + window) + ask <= allowed
        }
    }
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    let burst = proptest::option::of(1u64..20);
    prop_oneof![
        burst.clone().prop_map(|burst| Algorithm::Bucket { burst }),
        burst.prop_map(|burst| Algorithm::Leaky { burst }),
        (0u64..60).prop_map(|phase| Algorithm::FixedWindow { start: Start::Epoch, phase: Span(phase) }),
        Just(Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO }),
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::SlidingCounter),
        (100u64..300).prop_map(|percent| Algorithm::Acceleration { percent }),
    ]
}

/// A limit of tokens that charges the prompt, or of requests.
fn limit() -> impl Strategy<Value = Limit> {
    let tokens = (algorithm(), 1u64..20, 1u64..60).prop_map(|(algorithm, value, window)| Limit {
        algorithm,
        window: Span(window),
        precharge: Precharge::Prompt,
        settlement: Settlement::None,
        ..Limit::new(Dimension::Tokens, value, Period::Minute)
    });
    let requests = (1u64..20, 5u64..60, 1u64..5).prop_map(|(value, window, every)| Limit {
        algorithm: Algorithm::Quantised { every: Span(every) },
        window: Span(window),
        ..Limit::new(Dimension::Requests, value, Period::Minute)
    });
    prop_oneof![7 => tokens, 1 => requests]
}

/// Gaps, keys and prompts of requests that come one after another.
fn traffic() -> impl Strategy<Value = Vec<(u64, usize, u64)>> {
    proptest::collection::vec((prop_oneof![3 => 0u64..6, 1 => 0u64..100], 0usize..3, 1u64..12), 1..60)
}

const KEYS: [&str; 3] = ["a", "b", "c"];

fn request(key: usize, prompt: u64) -> Request {
    Request::new(KeyId::of(KEYS[key]), ModelId::of("m"), prompt, Some(1))
}

/// A verdict without its ticket, which is the limiter's own.
fn told(verdict: &Verdict) -> Result<Standing, Refusal> {
    match verdict {
        Verdict::Admitted(_, standing) => Ok(*standing),
        Verdict::Refused(refusal) => Err(*refusal),
    }
}

fn is_admitted(limiter: &Limiter, at: u64, request: &Request) -> bool {
    matches!(limiter.clone().admit(Moment(at), request), Verdict::Admitted(..))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_admitted_is_what_the_definition_admits(limit in limit(), traffic in traffic()) {
        let limits = limits(vec![limit.clone()]);
        let mut limiter = Limiter::new(&limits).unwrap();
        let mut histories = [History::new(), History::new(), History::new()];
        let mut now = 0;
        for (gap, key, prompt) in traffic {
            now += gap;
            let request = request(key, prompt);
            let estimate = Estimate { prompt, cached: 0, max: 1 };
            let asked = limit.precharged(estimate);
            let expected = fits(&limit, &histories[key], now, asked);
            match limiter.admit(Moment(now), &request) {
                Verdict::Admitted(ticket, _) => {
                    prop_assert!(expected, "{asked} at {now} must not fit after {:?}", histories[key]);
                    histories[key].push((now, asked));
                    limiter.finished(ticket, Moment(now), Spent { prompt, cached: 0, output: 1 });
                }
                Verdict::Refused(refusal) => {
                    prop_assert!(!expected, "{asked} at {now} must fit after {:?}", histories[key]);
                    prop_assert_eq!(refusal.requested, asked);
                    let Some(wait) = refusal.wait else {
                        prop_assert!(refusal.permanent());
                        prop_assert!(!is_admitted(&limiter, now + 1_000_000, &request));
                        continue;
                    };
                    prop_assert!(wait > Span::ZERO);
                    // After a calm, a sharp rise may start over, but not every request is as small as that.
                    let grows = matches!(limit.algorithm, Algorithm::Acceleration { .. }) && asked > limit.value;
                    if !grows {
                        let until = now + wait.0;
                        prop_assert!(!is_admitted(&limiter, until - 1, &request), "too early by a nanosecond");
                        prop_assert!(is_admitted(&limiter, until, &request), "not after the wait");
                    }
                }
            }
        }
    }

    #[test]
    fn refusals_that_count_keep_an_exact_window_full(value in 1u64..8, window in 1u64..40, traffic in traffic()) {
        let limit = Limit {
            algorithm: Algorithm::SlidingWindow,
            window: Span(window),
            precharge: Precharge::Prompt,
            settlement: Settlement::None,
            refusals_count: true,
            ..Limit::new(Dimension::Tokens, value, Period::Minute)
        };
        let mut limiter = Limiter::new(&limits(vec![limit.clone()])).unwrap();
        let mut history = History::new();
        let mut now = 0;
        for (gap, _, prompt) in traffic {
            now += gap;
            let request = request(0, prompt);
            let expected = fits(&limit, &history, now, prompt);
            let verdict = limiter.admit(Moment(now), &request);
            prop_assert_eq!(expected, matches!(verdict, Verdict::Admitted(..)));
            // What could never be admitted is not counted; of the others all is.
            if prompt <= value {
                history.push((now, prompt));
            }
            if let Verdict::Refused(refusal) = verdict && let Some(wait) = refusal.wait {
                prop_assert!(is_admitted(&limiter, now + wait.0, &request));
                prop_assert!(!is_admitted(&limiter, now + wait.0 - 1, &request));
            }
        }
    }

    #[test]
    fn waits_are_exact_with_several_limits_and_their_order_says_nothing(
        several in proptest::collection::vec((limit(), 0u8..4, any::<bool>()), 1..5),
        traffic in traffic(),
    ) {
        let scopes = [Scope::Key, Scope::Organisation, Scope::Model, Scope::KeyAndModel];
        let several = several.into_iter().map(|(limit, scope, counts)| {
            let counts = counts && !matches!(limit.algorithm, Algorithm::Leaky { .. });
            Limit { scope: scopes[usize::from(scope)], refusals_count: counts, ..limit }
        });
        let several = several.collect::<Vec<_>>();
        let mut reversed = several.clone();
        reversed.reverse();
        let accelerates = several.iter().any(|limit| matches!(limit.algorithm, Algorithm::Acceleration { .. }));
        let mut one = Limiter::new(&limits(several)).unwrap();
        let mut other = Limiter::new(&limits(reversed)).unwrap();
        let mut again = one.clone();
        let mut now = 0;
        for (gap, key, prompt) in traffic {
            now += gap;
            let request = request(key, prompt);
            let verdict = one.admit(Moment(now), &request);
            prop_assert_eq!(told(&verdict), told(&again.admit(Moment(now), &request)));
            let mirrored = other.admit(Moment(now), &request);
            match (verdict, mirrored) {
                (Verdict::Admitted(..), Verdict::Admitted(..)) => {}
                (Verdict::Refused(refusal), Verdict::Refused(mirrored)) => {
                    // Of equal waits, that of the limit that is written first is told.
                    prop_assert_eq!((refusal.wait, refusal.permanent()), (mirrored.wait, mirrored.permanent()));
                    if let Some(wait) = refusal.wait && !accelerates {
                        prop_assert!(is_admitted(&one, now + wait.0, &request));
                        prop_assert!(!is_admitted(&one, now + wait.0 - 1, &request));
                    }
                }
                verdicts => prop_assert!(false, "{verdicts:?}"),
            }
        }
    }

    #[test]
    fn keys_with_limits_of_their_own_do_not_meet(limit in limit(), traffic in traffic()) {
        let limits = limits(vec![limit]);
        let mut together = Limiter::new(&limits).unwrap();
        let mut alone = KEYS.map(|_| Limiter::new(&limits).unwrap());
        let mut now = 0;
        for (gap, key, prompt) in traffic {
            now += gap;
            let request = request(key, prompt);
            let verdict = told(&together.admit(Moment(now), &request));
            prop_assert_eq!(verdict, told(&alone[key].admit(Moment(now), &request)));
        }
    }

    #[test]
    fn at_one_moment_what_is_used_is_what_was_charged_and_settled(
        algorithm in algorithm(),
        precharge in prop_oneof![
            Just(Precharge::None), Just(Precharge::Prompt), Just(Precharge::MaxTokens),
            Just(Precharge::PromptPlusMaxTokens), Just(Precharge::MaxOfPromptAndMaxTokens),
        ],
        settlement in prop_oneof![Just(Settlement::None), Just(Settlement::Refund), Just(Settlement::Both)],
        live in any::<bool>(),
        answers in proptest::collection::vec((0u64..50, 0u64..50, 0u64..60, any::<bool>()), 1..30),
    ) {
        let limit = Limit {
            algorithm,
            window: Span(1_000),
            precharge,
            settlement,
            live,
            ..Limit::new(Dimension::Tokens, 1_000_000, Period::Minute)
        };
        // What would be charged twice, or never, is no limit.
        let limit = if limit.check().is_ok() { limit } else { Limit { live: false, ..limit } };
        let limit = if limit.check().is_ok() { limit } else { Limit { settlement: Settlement::Both, ..limit } };
        let (live, settlement) = (limit.live, limit.settlement);
        // Bursts and floors are too small for all of it.
        let roomy = match algorithm {
            Algorithm::Bucket { .. } => Algorithm::Bucket { burst: None },
            Algorithm::Leaky { .. } => Algorithm::Leaky { burst: None },
            other => other,
        };
        let limit = Limit { algorithm: roomy, ..limit };
        let mut limiter = Limiter::new(&limits(vec![limit.clone()])).unwrap();
        let now = Moment(5_500);
        let (mut open, mut expected) = (Vec::<(Ticket, Spent)>::new(), 0);
        for (prompt, max, output, ends) in answers {
            let request = Request::new(KeyId::of("k"), ModelId::of("m"), prompt, Some(max));
            let Verdict::Admitted(mut ticket, _) = limiter.admit(now, &request) else { panic!("there is room") };
            let before = limit.precharged(Estimate { prompt, cached: 0, max });
            limiter.produced(&mut ticket, now, output);
            let charged = before + if live { output } else { 0 };
            let spent = Spent { prompt, cached: 0, output };
            let due = prompt + output;
            if ends {
                limiter.finished(ticket, now, spent);
                expected += match settlement {
                    Settlement::None => charged,
                    Settlement::Refund => charged.min(due),
                    Settlement::Both => due,
                };
            } else {
                open.push((ticket, spent));
                expected += charged;
            }
        }
        let standing = limiter.standing(now, KeyId::of("k"), ModelId::of("m"));
        prop_assert_eq!(standing.gauges()[0].used, expected);
        prop_assert_eq!(standing.gauges()[0].remaining, 1_000_000 - i64::try_from(expected).unwrap());
    }

    #[test]
    fn no_more_are_answered_at_once_than_the_limit(value in 1u64..6, steps in proptest::collection::vec(any::<bool>(), 1..60)) {
        let limit = Limit::new(Dimension::Concurrency, value, Period::Minute);
        let mut limiter = Limiter::new(&limits(vec![limit])).unwrap();
        let mut open = Vec::new();
        for (at, comes) in (0u64..).zip(steps) {
            if comes {
                match limiter.admit(Moment(at), &request(0, 1)) {
                    Verdict::Admitted(ticket, _) => open.push(ticket),
                    Verdict::Refused(refusal) => {
                        prop_assert_eq!(open.len() as u64, value);
                        prop_assert_eq!((refusal.wait, refusal.permanent()), (None, false));
                    }
                }
                prop_assert!(open.len() as u64 <= value);
            } else if let Some(ticket) = open.pop() {
                limiter.finished(ticket, Moment(at), Spent::default());
            }
        }
    }
}

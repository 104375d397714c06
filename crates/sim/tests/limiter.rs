//! The limiter as it is used: presets, the providers' words, live output, many keys.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use floodline_core::limits::{
    Algorithm, Dimension, Figure, Figures, Limit, Limits, Period, Precharge, Provider, Reason, Refusal,
    Scope, Settlement, Spent, Standing, Start,
};
use floodline_core::{Moment, Span};
use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Verdict};
use floodline_wire::limits_server::{self, Asked};
use floodline_wire::server::Dialect;

const ASKED: Asked<'static> = Asked {
    dialect: Dialect::OpenAi,
    model: "gpt-4o",
    key_name: "key-1",
    operation: "ChatCompletions_Create",
    api_version: None,
    request_id: "req_1",
    at: Span::from_secs(1_777_898_096),
};

fn preset(provider: Provider, figures: Figures) -> Limits {
    Figures { preset: Some(provider), ..figures }.limits().unwrap()
}

fn ask(prompt: u64, max: u64) -> Request {
    ask_with("key", prompt, max)
}

fn ask_with(key: &str, prompt: u64, max: u64) -> Request {
    Request::new(KeyId::of(key), ModelId::of("gpt-4o"), prompt, Some(max))
}

/// Admits, and ends at once with what was asked for.
#[track_caller]
fn admitted(limiter: &mut Limiter, at: u64, request: &Request) -> Standing {
    match limiter.admit(Moment(at), request) {
        Verdict::Admitted(ticket, standing) => {
            let spent =
                Spent { prompt: request.prompt_tokens, cached: 0, output: request.max_tokens.unwrap_or(0) };
            limiter.finished(ticket, Moment(at), spent);
            standing
        }
        Verdict::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

#[track_caller]
fn refused(limiter: &mut Limiter, at: u64, request: &Request) -> Refusal {
    match limiter.admit(Moment(at), request) {
        Verdict::Admitted(..) => panic!("admitted"),
        Verdict::Refused(refusal) => refusal,
    }
}

#[test]
fn the_waits_of_openais_own_messages_come_out_to_the_digit() {
    for (limit, used, requested, wait) in [
        (10_000, 8_554, 3_082, "9.816s"),
        (30_000, 14_567, 24_754, "18.642s"),
        (30_000, 18_928, 11_159, "174ms"),
        (30_000, 28_039, 3_906, "3.89s"),
        (30_000, 29_937, 385, "644ms"),
    ] {
        let limits = preset(Provider::OpenAi, Figures { tpm: Some(Figure::Of(limit)), ..Figures::default() });
        let mut limiter = Limiter::new(&limits).unwrap();
        admitted(&mut limiter, 7, &ask(used, 1));
        let refusal = refused(&mut limiter, 7, &ask(12, requested));
        let standing = limiter.standing(Moment(7), KeyId::of("key"), ModelId::of("gpt-4o"));
        let answer = limits_server::refused(&limits, &standing, &refusal, &ASKED);
        let expected = format!(
            "Rate limit reached for gpt-4o in organization org-floodline on tokens per min (TPM): Limit {limit}, Used \
             {used}, Requested {requested}. Please try again in {wait}. Visit \
             https://platform.openai.com/account/rate-limits to learn more."
        );
        assert!(answer.body.contains(&expected), "{}", answer.body);
        assert_eq!(answer.status, 429);
    }
}

#[test]
fn what_is_larger_than_the_limit_is_refused_for_good() {
    let limits = preset(Provider::OpenAi, Figures::default());
    let mut limiter = Limiter::new(&limits).unwrap();
    let refusal = refused(&mut limiter, 0, &ask(12, 30_601));
    assert_eq!((refusal.reason, refusal.permanent(), refusal.wait), (Reason::TooLarge, true, None));
    let standing = limiter.standing(Moment(0), KeyId::of("key"), ModelId::of("gpt-4o"));
    let answer = limits_server::refused(&limits, &standing, &refusal, &ASKED);
    assert!(answer.body.contains("Request too large for gpt-4o"), "{}", answer.body);
    assert!(answer.body.contains("Limit 30000, Requested 30601. The input or output"), "{}", answer.body);
}

#[test]
fn five_per_ten_seconds_are_five_per_ten_seconds() {
    let figures =
        Figures { rpm: Some(Figure::Of(5)), window: Some(Span::from_secs(10)), ..Figures::default() };
    let mut limiter = Limiter::new(&figures.limits().unwrap()).unwrap();
    for _ in 0..5 {
        admitted(&mut limiter, 0, &ask(1, 1));
    }
    assert_eq!(refused(&mut limiter, 0, &ask(1, 1)).wait, Some(Span::from_secs(2)));
    admitted(&mut limiter, 2_000_000_000, &ask(1, 1));
    assert_eq!(refused(&mut limiter, 3_000_000_000, &ask(1, 1)).wait, Some(Span::from_secs(1)));
    // Whoever knocks ten times a second: from then on five are let in within any ten.
    let tries = (31..1_031).map(|tenth| limiter.admit(Moment(tenth * 100_000_000), &ask(1, 1)));
    assert_eq!(tries.filter(|verdict| matches!(verdict, Verdict::Admitted(..))).count(), 50);
}

#[test]
fn output_that_is_produced_crosses_anthropics_limit_in_mid_stream() {
    let limits =
        preset(Provider::Anthropic, Figures { output_tpm: Some(Figure::Of(100)), ..Figures::default() });
    let mut limiter = Limiter::new(&limits).unwrap();
    let Verdict::Admitted(mut ticket, _) = limiter.admit(Moment(0), &ask(10, 5_000)) else { panic!("room") };
    assert_eq!(limiter.produced(&mut ticket, Moment(0), 100), None);
    let crossed = limiter.produced(&mut ticket, Moment(0), 20).unwrap();
    assert_eq!((crossed.dimension, crossed.used), (Dimension::OutputTokens, 120));
    // 21 tokens have to drain, at a hundred a minute, before there is room for one.
    assert_eq!(crossed.wait, Some(Span::from_millis(12_600)));
    let refusal = refused(&mut limiter, 0, &ask(10, 1));
    assert_eq!((refusal.dimension, refusal.wait), (Dimension::OutputTokens, Some(Span::from_millis(12_600))));
    limiter.finished(ticket, Moment(0), Spent { prompt: 10, cached: 0, output: 120 });
    admitted(&mut limiter, 12_600_000_000, &ask(10, 1));
}

#[test]
fn provisioned_utilisation_goes_over_and_drains() {
    let limits = preset(Provider::AzurePtu, Figures { tpm: Some(Figure::Of(600)), ..Figures::default() });
    let mut limiter = Limiter::new(&limits).unwrap();
    // Each is let in while utilisation is not above a hundred percent, whatever it comes to.
    let Verdict::Admitted(first, _) = limiter.admit(Moment(0), &ask(500, 400)) else { panic!("room") };
    let refusal = refused(&mut limiter, 0, &ask(1, 1));
    assert_eq!((refusal.used, refusal.wait), (900, Some(Span::from_secs(30))));
    // It came to less than was estimated, and the rest is given back.
    limiter.finished(first, Moment(0), Spent { prompt: 500, cached: 0, output: 50 });
    let cached = Request { cached_tokens: 400, ..ask(400, 50) };
    let Verdict::Admitted(_held, standing) = limiter.admit(Moment(0), &cached) else { panic!("room") };
    assert_eq!((standing.gauges()[0].used, standing.gauges()[0].remaining), (600, 0));
}

#[test]
fn a_monthly_quota_is_final_and_the_first_to_be_told() {
    let figures = Figures { rpm: Some(Figure::Of(1)), quota: Some(Figure::Of(100)), ..Figures::default() };
    let limits = preset(Provider::Apim, figures);
    let mut limiter = Limiter::new(&limits).unwrap();
    admitted(&mut limiter, 0, &ask(100, 1));
    let refusal = refused(&mut limiter, 0, &ask(1, 1));
    assert_eq!((refusal.reason, refusal.per), (Reason::Quota, Period::Month));
    let standing = limiter.standing(Moment(0), KeyId::of("key"), ModelId::of("gpt-4o"));
    assert_eq!(limits_server::refused(&limits, &standing, &refusal, &ASKED).status, 403);
}

#[test]
fn of_several_limits_the_longest_wait_is_told() {
    let figures = Figures { rpm: Some(Figure::Of(1)), rpd: Some(Figure::Of(1)), ..Figures::default() };
    let mut limiter = Limiter::new(&figures.limits().unwrap()).unwrap();
    admitted(&mut limiter, 0, &ask(1, 1));
    let refusal = refused(&mut limiter, 0, &ask(1, 1));
    assert_eq!((refusal.per, refusal.wait), (Period::Day, Some(Span::from_secs(86_400))));
}

#[test]
fn litellms_window_begins_with_the_first_request_and_tokens_are_counted_afterwards() {
    let figures = Figures { rpm: Some(Figure::Of(2)), tpm: Some(Figure::Of(100)), ..Figures::default() };
    let mut limiter = Limiter::new(&preset(Provider::LiteLlm, figures)).unwrap();
    const S: u64 = 1_000_000_000;
    let Verdict::Admitted(first, _) = limiter.admit(Moment(7 * S), &ask(500, 500)) else { panic!("room") };
    let Verdict::Admitted(second, _) = limiter.admit(Moment(8 * S), &ask(500, 500)) else { panic!("room") };
    assert_eq!(refused(&mut limiter, 9 * S, &ask(1, 1)).wait, Some(Span::from_secs(58)));
    // The window of both has begun at the seventh second, and what is charged after it belongs to the next.
    limiter.finished(first, Moment(68 * S), Spent { prompt: 500, cached: 0, output: 10 });
    limiter.finished(second, Moment(68 * S), Spent::default());
    let refusal = refused(&mut limiter, 69 * S, &ask(1, 1));
    assert_eq!((refusal.dimension, refusal.wait), (Dimension::Tokens, Some(Span::from_secs(59))));
    admitted(&mut limiter, 128 * S, &ask(1, 1));
}

#[test]
fn scopes_share_what_they_say() {
    for (scope, other_key, other_model) in [
        (Scope::Key, true, false),
        (Scope::Organisation, false, false),
        (Scope::Model, false, true),
        (Scope::KeyAndModel, true, true),
    ] {
        let mut limits = preset(Provider::OpenAi, Figures::default());
        limits.limits = vec![Limit { scope, ..Limit::new(Dimension::Requests, 1, Period::Minute) }];
        let admits = |key: &str, model: &str| {
            let mut limiter = Limiter::new(&limits).unwrap();
            admitted(&mut limiter, 0, &Request::new(KeyId::of("a"), ModelId::of("m"), 1, None));
            let request = Request::new(KeyId::of(key), ModelId::of(model), 1, None);
            matches!(limiter.admit(Moment(0), &request), Verdict::Admitted(..))
        };
        assert_eq!((admits("b", "m"), admits("a", "n")), (other_key, other_model), "{scope:?}");
        assert!(!admits("a", "m"));
    }
}

#[test]
fn a_refund_does_not_reach_into_another_window() {
    for start in [Start::Epoch, Start::FirstHit] {
        let mut limits = preset(Provider::OpenAi, Figures::default());
        limits.limits = vec![Limit {
            algorithm: Algorithm::FixedWindow { start, phase: Span::ZERO },
            precharge: Precharge::MaxTokens,
            settlement: Settlement::Both,
            window: Span(100),
            ..Limit::new(Dimension::Tokens, 100, Period::Minute)
        }];
        let mut limiter = Limiter::new(&limits).unwrap();
        let Verdict::Admitted(early, _) = limiter.admit(Moment(0), &ask(0, 90)) else { panic!("room") };
        let Verdict::Admitted(late, _) = limiter.admit(Moment(100), &ask(0, 90)) else { panic!("room") };
        limiter.finished(early, Moment(110), Spent::default());
        let used = |limiter: &Limiter| {
            limiter.standing(Moment(110), KeyId::of("key"), ModelId::of("x")).gauges()[0].used
        };
        assert_eq!(used(&limiter), 90, "{start:?}");
        limiter.finished(late, Moment(110), Spent::default());
        assert_eq!(used(&limiter), 0, "{start:?}");
    }
}

#[test]
fn a_refused_request_that_counts_starves_who_does_not_wait() {
    // Two a minute; who knocks each second keeps the bucket full and is never let in again.
    let figures = Figures { rpm: Some(Figure::Of(2)), ..Figures::default() };
    let mut limiter = Limiter::new(&preset(Provider::OpenAi, figures)).unwrap();
    let mut answered = 0;
    for second in 0..600 {
        let verdict = limiter.admit(Moment(second * 1_000_000_000), &ask(1, 1));
        answered += u32::from(matches!(verdict, Verdict::Admitted(..)));
    }
    assert_eq!(answered, 2);
    let wait = refused(&mut limiter, 600_000_000_000, &ask(1, 1)).wait.unwrap();
    admitted(&mut limiter, 600_000_000_000 + wait.0, &ask(1, 1));
}

#[test]
fn a_sharp_rise_trips_and_a_slow_one_does_not() {
    let mut limits = preset(Provider::Anthropic, Figures::default());
    limits.limits = vec![Limit {
        algorithm: Algorithm::Acceleration { percent: 150 },
        ..Limit::new(Dimension::Requests, 10, Period::Minute)
    }];
    let mut limiter = Limiter::new(&limits).unwrap();
    const MINUTE: u64 = 60_000_000_000;
    for (minute, rate) in [(0, 10), (1, 15), (2, 22)] {
        for _ in 0..rate {
            admitted(&mut limiter, minute * MINUTE, &ask(1, 1));
        }
        let refusal = refused(&mut limiter, minute * MINUTE, &ask(1, 1));
        assert_eq!((refusal.reason, refusal.wait), (Reason::Acceleration, Some(Span(MINUTE))));
        assert_eq!(refusal.limit_value, rate);
    }
}

#[test]
fn idle_keys_are_forgotten_and_held_ones_are_not() {
    let figures =
        Figures { rpm: Some(Figure::Of(60)), concurrency: Some(Figure::Of(1)), ..Figures::default() };
    let mut limits = preset(Provider::LiteLlm, figures);
    limits.limits.push(Limit {
        algorithm: Algorithm::SlidingWindow,
        ..Limit::new(Dimension::Requests, 60, Period::Minute)
    });
    let mut limiter = Limiter::new(&limits).unwrap();
    let Verdict::Admitted(held, _) = limiter.admit(Moment(0), &ask_with("held", 1, 1)) else {
        panic!("room")
    };
    for at in 0..100_000u64 {
        // A thousand keys a minute are in reach.
        admitted(&mut limiter, at * 60_000_000, &ask_with(&format!("key-{at}"), 1, 1));
    }
    assert!(limiter.remembered() < 3_000, "{}", limiter.remembered());
    let now = 100_000 * 60_000_000;
    assert_eq!(refused(&mut limiter, now, &ask_with("held", 1, 1)).dimension, Dimension::Concurrency);
    limiter.finished(held, Moment(now), Spent::default());
    admitted(&mut limiter, now, &ask_with("held", 1, 1));
}

#[test]
fn the_largest_figures_do_no_harm() {
    let huge = 1_000_000_000_000_000;
    for provider in Provider::ALL {
        let figures = Figures {
            tpm: Some(Figure::Of(huge)),
            tpd: Some(Figure::Of(huge)),
            quota: Some(Figure::Of(huge)),
            window: Some(Span::from_secs(600)),
            ..Figures::default()
        };
        let mut limiter = Limiter::new(&preset(provider, figures)).unwrap();
        for at in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX, 0] {
            for tokens in [0, 1, huge, u64::MAX] {
                match limiter.admit(Moment(at), &ask(tokens, tokens)) {
                    Verdict::Admitted(mut ticket, _) => {
                        limiter.produced(&mut ticket, Moment(at), u64::MAX);
                        limiter.finished(
                            ticket,
                            Moment(at),
                            Spent { prompt: 0, cached: u64::MAX, output: u64::MAX },
                        );
                    }
                    Verdict::Refused(refusal) => assert!(refusal.requested > 0),
                }
            }
        }
    }
}
